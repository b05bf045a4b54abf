"""The released algorithm: peaks, a threshold with patience, and the "melodia trick".

Posteriors are (T, 88), with frames first. `Posteriors.times` says at which second each frame lies.

Source: `output_to_notes_polyphonic` of basic-pitch 0.4.0, reproduced here note by note.
"""

import numpy as np
from numba import njit

from ..audio.recording import Recording
from ..constants import NMP
from ..errors import InputError
from ..model.posteriorgram import Posteriors
from ..notes.note_list import Notes

ONSET_THRESHOLD = 0.5
FRAME_THRESHOLD = 0.3
SHORTEST = 11  # frames; a note must be longer: 128 ms
PATIENCE = 11  # frames below the threshold that end a note
SHORTEST_SECONDS = (SHORTEST + 1) / NMP.frame_rate
SPAN = 2  # frames over which a rise of Yn counts as an onset
NEIGHBOURS = 1  # keys on either side that are removed together with a note
ORDERS = {"latest": -1, "earliest": 1}  # which onsets are followed first


def decode(
    posteriors: Posteriors,
    *,
    onset_threshold: float = ONSET_THRESHOLD,
    frame_threshold: float = FRAME_THRESHOLD,
    shortest: int = SHORTEST,
    patience: int = PATIENCE,
    infer_onsets: bool = True,
    melodia_trick: bool = True,
    neighbours: int = NEIGHBOURS,
    first: str = "latest",
) -> Notes:
    """Decode a posteriorgram with the released algorithm; each of its steps can be switched off.

    Parameters
    ----------
    posteriors
        The output of a network for T frames.
    onset_threshold, frame_threshold
        Between 0 and 1. An onset is a peak that reaches the first; a note lasts as long as Yn reaches the second.
    shortest, patience
        In frames. A note must be longer than `shortest`. It ends before `patience` successive frames in which Yn is
        below the threshold (eq-patience).
    infer_onsets
        Count sudden rises of Yn as onsets as well (eq-rises).
    melodia_trick
        Look for further notes in what is left of Yn.
    neighbours
        The number of keys on either side that are removed from Yn together with a note.
    first
        Which onsets are followed first: the "latest", so that a note ends where its key is struck again, or the
        "earliest".

    Returns
    -------
    Notes
        The velocity of each is 127 times the mean of Yn over the note, and at least 1.

    Raises
    ------
    InputError
        If a threshold is not between 0 and 1, a number of frames is below 1, `neighbours` is negative, or `first`
        is neither "latest" nor "earliest".

    Examples
    --------
    One key sounds from frame 10 to frame 40, with an onset in frame 10.

    >>> note, onset = np.zeros((60, 88)), np.zeros((60, 88))
    >>> note[10:40, 39], onset[10, 39] = 0.8, 0.9
    >>> found = decode(Posteriors(None, note, onset, np.arange(60) / 100))
    >>> found.intervals.tolist(), found.pitch.tolist(), found.velocity.tolist()
    ([[0.1, 0.4]], [60], [102])
    """
    _check(onset_threshold, frame_threshold, shortest, patience, neighbours, first)
    note = np.ascontiguousarray(posteriors.note, dtype=np.float32)
    if len(note) <= SPAN:
        return Notes([], [], [])
    onset = with_inferred_onsets(posteriors.onset, note) if infer_onsets else posteriors.onset
    begun = peaks(onset, onset_threshold)[:: ORDERS[first]]
    found = follow(note, begun, np.float32(frame_threshold), shortest, patience, melodia_trick, neighbours)
    return as_notes(*found, posteriors.times)


def as_notes(start: np.ndarray, stop: np.ndarray, key: np.ndarray, mean: np.ndarray, times: np.ndarray) -> Notes:
    """Notes from frame `start` to frame `stop` of their keys, with velocities of 127 times the mean of Yn."""
    velocity = np.clip(np.round(127 * mean), 1, 127).astype(int)
    return Notes(times[start], times[stop], key + NMP.lowest_pitch, velocity)


def check_recording(recording: Recording) -> None:
    """Raise InputError if a recording can't contain a note that would be found: it is silent or too short."""
    if not isinstance(recording, Recording):
        raise InputError(f"recording: is of type {type(recording).__name__}; give a Recording, as `load` returns it.")
    check_sound(recording.title or "the recording", recording.seconds, float(np.ptp(recording.audio)))


def check_sound(what: str, seconds: float, span: float) -> None:
    """Raise InputError if no note would be found in so many seconds with such a span of samples."""
    if seconds < SHORTEST_SECONDS:
        raise InputError(
            f"{what}: has only {1000 * seconds:.0f} ms of audio, but the shortest note that can be found "
            f"lasts {1000 * SHORTEST_SECONDS:.0f} ms; give a longer recording."
        )
    if span == 0:
        raise InputError(f"{what}: is silent (every sample is the same); check how it was recorded or exported.")


def with_inferred_onsets(onset: np.ndarray, note: np.ndarray) -> np.ndarray:
    """The larger of Yo and the rises of Yn over one *and* two frames, scaled to the maximum of Yo (eq-rises).

    Both arrays are (T, 88), and so is the result, in float64. In the first two frames there is no rise.
    """
    rise = rises(note)
    highest = rise.max()
    if highest <= 0:
        return np.asarray(onset, dtype=float)
    rise *= np.max(onset)
    rise /= highest
    return np.maximum(onset, rise, out=rise)


def rises(note: np.ndarray) -> np.ndarray:
    """The rises of Yn over one *and* two frames, (T, 88), float64; none in the first two frames.

    >>> rises(np.array([[0.0], [0.0], [0.5], [0.75]])).ravel().tolist()
    [0.0, 0.0, 0.5, 0.25]
    """
    rise = np.zeros(note.shape)
    late, sudden = note[SPAN:], rise[SPAN:]
    np.subtract(late, note[SPAN - 1 : -1], out=sudden, dtype=float)
    for n in range(2, SPAN + 1):
        np.minimum(sudden, np.subtract(late, note[SPAN - n : -n], dtype=float), out=sudden)
    np.maximum(sudden, 0, out=sudden)
    return rise


def peaks(onset: np.ndarray, threshold: float) -> np.ndarray:
    """The frames and keys, (n, 2), where an onset reaches `threshold` and exceeds both its neighbours in time.

    >>> peaks(np.array([[0.1], [0.9], [0.2], [0.4], [0.3]]), 0.5)
    array([[1, 0]])
    """
    middle = onset[1:-1]
    found = (middle > onset[:-2]) & (middle > onset[2:]) & (middle >= threshold)
    return np.argwhere(found) + np.array([1, 0])


def _check(onset_threshold, frame_threshold, shortest, patience, neighbours, first) -> None:
    for name, value in (("onset_threshold", onset_threshold), ("frame_threshold", frame_threshold)):
        if not 0 < value < 1:
            raise InputError(f"{name}={value}: give a number between 0 and 1, such as 0.3.")
    for name, value in (("shortest", shortest), ("patience", patience)):
        if value < 1:
            raise InputError(f"{name}={value}: give at least 1 frame.")
    if neighbours < 0:
        raise InputError(f"neighbours={neighbours}: give a number of keys, 0 for none.")
    if first not in ORDERS:
        raise InputError(f"first={first!r}: choose one of {', '.join(ORDERS)}.")


def follow(note, onsets, threshold, shortest, patience, melodia_trick, neighbours):
    """The start and stop (frames), key and mean Yn of all notes, as four arrays; onsets (n, 2) are frames and keys."""
    left = note.copy()
    found = _from_onsets(left, onsets, threshold, shortest, patience, neighbours)
    if melodia_trick:
        above = np.flatnonzero(left.ravel() > threshold)
        highest_first = above[np.argsort(-left.ravel()[above], kind="stable")]
        grown = _from_energy(left, highest_first, threshold, shortest, patience, neighbours)
        found = np.concatenate([found, grown])
    start, stop, key = found.T
    mean = np.array([note[a:b, k].mean() for a, b, k in found], dtype=note.dtype)
    return start, stop, key, mean


@njit(cache=True)
def _from_onsets(left, onsets, threshold, shortest, patience, neighbours):
    """Notes (n, 3) of start, stop and key, followed from onsets in the given order, and removed from `left`."""
    frames = len(left)
    found = np.empty((len(onsets), 3), np.int64)
    count = 0
    for start, key in onsets:
        if start >= frames - 1:
            continue
        stop, low_frames = start + 1, 0
        while stop < frames - 1 and low_frames < patience:
            low_frames = low_frames + 1 if left[stop, key] < threshold else 0
            stop += 1
        stop -= low_frames
        if stop - start <= shortest:
            continue
        left[start:stop, max(key - neighbours, 0) : key + neighbours + 1] = 0
        found[count] = start, stop, key
        count += 1
    return found[:count]


@njit(cache=True)
def _from_energy(left, highest_first, threshold, shortest, patience, neighbours):
    """Notes (n, 3) grown in both directions from the highest values that are left.

    Values are only ever removed, so one sorted list replaces a new search for each maximum.
    """
    frames, keys = left.shape
    found = np.empty((len(highest_first), 3), np.int64)
    count = 0
    for place in highest_first:
        middle, key = place // keys, place % keys
        if left[middle, key] <= threshold:
            continue
        left[middle, key] = 0
        low, high = max(key - neighbours, 0), key + neighbours + 1

        stop, low_frames = middle + 1, 0
        while stop < frames - 1 and low_frames < patience:
            low_frames = low_frames + 1 if left[stop, key] < threshold else 0
            left[stop, low:high] = 0
            stop += 1
        stop -= 1 + low_frames

        start, low_frames = middle - 1, 0
        while start > 0 and low_frames < patience:
            low_frames = low_frames + 1 if left[start, key] < threshold else 0
            left[start, low:high] = 0
            start -= 1
        start += 1 + low_frames

        if stop - start > shortest:
            found[count] = start, stop, key
            count += 1
    return found[:count]
