"""From posteriors to notes, as released: peaks, a threshold with patience, and the "melodia trick".

Chapter ``decoding``. An onset is a peak in time of Yo, or of a sudden rise of Yn. From it a note is followed
through Yn until it has been faint for 11 frames; then it is taken out, with its neighbours a semitone away,
so that no two notes share their energy. Latest onsets come first. What is left over is searched from its
loudest frame outwards, for notes whose onsets went unseen.

Our own decoder, `PeakDecoder`, is simpler: peaks of Yo, each judged by what stands around it, and hysteresis on
Yn. Its seven weights and its threshold are learned on validation data (`fitted`, `best_threshold`).

How a note bends is read from Yp (`bends`); `notes.write_midi` writes it so that a synthesiser plays it.

Conventions: posteriors are (T, 88), frame first; frames become seconds through `Posteriors.times`.

Source: `output_to_notes_polyphonic` of basic-pitch 0.4.0, reproduced here note by note.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numba import njit
from scipy.special import expit, logit

from .constants import NMP
from .errors import InputError
from .evaluation import TOLERANCE, onset_scores
from .model import Posteriors
from .notes import Notes
from .sound import Recording, pitch_to_frequency

ONSET_THRESHOLD = 0.5
FRAME_THRESHOLD = 0.3
SHORTEST = 11  # frames; a note must be longer: 128 ms
PATIENCE = 11  # frames below the threshold that end a note
SPAN = 2  # frames over which a rise of Yn counts as an onset
NEIGHBOURS = 1  # keys on either side that a note silences
ORDERS = {"latest": -1, "earliest": 1}  # which onsets come first


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
    """The notes of a posteriorgram, by the released algorithm; each of its steps can be switched off.

    Parameters
    ----------
    posteriors
        Of T frames.
    onset_threshold, frame_threshold
        Between 0 and 1: an onset is a peak at least so high; a note sounds while Yn is not below.
    shortest, patience
        Frames: a note must be longer than `shortest`; it ends before `patience` faint frames in a row (eq-patience).
    infer_onsets
        Take sudden rises of Yn as onsets as well.
    melodia_trick
        Look for notes in the energy that is left over.
    neighbours
        Keys on either side of a note whose energy goes away with it; 0 keeps them.
    first
        Which onsets are followed first: the "latest", so that a note ends where its key is struck again, or the
        "earliest".

    Returns
    -------
    Notes
        Velocity is 127 times the mean of Yn over the note, at least 1.

    Raises
    ------
    InputError
        If a threshold is not between 0 and 1, a number of frames is below 1, `neighbours` is negative, or there
        is no such order.

    Examples
    --------
    One key sounds from frame 10 to frame 40, with an onset where it begins.

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
    start, stop, key, mean = _follow(
        note, begun, np.float32(frame_threshold), shortest, patience, melodia_trick, neighbours
    )
    velocity = np.clip(np.round(127 * mean), 1, 127).astype(int)
    return Notes(posteriors.times[start], posteriors.times[stop], key + NMP.lowest_pitch, velocity)


def check_recording(recording: Recording) -> None:
    """Raise InputError if no note could be found in a recording: it is silent or shorter than any note."""
    what = recording.title or "the recording"
    shortest = (SHORTEST + 1) / NMP.frame_rate
    if recording.seconds < shortest:
        raise InputError(
            f"{what}: {1000 * recording.seconds:.0f} ms of audio; the shortest note that can be found takes "
            f"{1000 * shortest:.0f} ms. Give a longer recording."
        )
    if not recording.audio.any():
        raise InputError(f"{what}: silent, every sample is 0. Check how it was recorded or exported.")


def with_inferred_onsets(onset: np.ndarray, note: np.ndarray) -> np.ndarray:
    """The larger of Yo and the rises of Yn over one *and* two frames, scaled to Yo's maximum (eq-rises).

    Both arrays are (T, 88); so is the result, in float64. The first two frames cannot rise.
    """
    rise = np.zeros(note.shape)
    late, sudden = note[SPAN:], rise[SPAN:]
    np.subtract(late, note[SPAN - 1 : -1], out=sudden, dtype=float)
    for n in range(2, SPAN + 1):
        np.minimum(sudden, np.subtract(late, note[SPAN - n : -n], dtype=float), out=sudden)
    np.maximum(sudden, 0, out=sudden)
    highest = rise.max()
    if highest <= 0:
        return np.asarray(onset, dtype=float)
    rise *= np.max(onset)
    rise /= highest
    return np.maximum(onset, rise, out=rise)


def peaks(onset: np.ndarray, threshold: float) -> np.ndarray:
    """Frames and keys, (n, 2), where an onset is at least `threshold` and above both its neighbours in time.

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


def _follow(note, onsets, threshold, shortest, patience, melodia_trick, neighbours):
    """Arrays start, stop (frames), key, and mean Yn, of all notes."""
    left = note.copy()
    found = _from_onsets(left, onsets, threshold, shortest, patience, neighbours)
    if melodia_trick:
        loud = np.flatnonzero(left.ravel() > threshold)
        loudest_first = loud[np.argsort(-left.ravel()[loud], kind="stable")]
        grown = _from_energy(left, loudest_first, threshold, shortest, patience, neighbours)
        found = np.concatenate([found, grown])
    start, stop, key = found.T
    mean = np.array([note[a:b, k].mean() for a, b, k in found])
    return start, stop, key, mean


@njit(cache=True)
def _from_onsets(left, onsets, threshold, shortest, patience, neighbours):
    """Notes (n, 3) of start, stop, key from onsets in their order; their energy is taken out of `left`."""
    frames = len(left)
    found = np.empty((len(onsets), 3), np.int64)
    count = 0
    for start, key in onsets:
        if start >= frames - 1:
            continue
        stop, faint = start + 1, 0
        while stop < frames - 1 and faint < patience:
            faint = faint + 1 if left[stop, key] < threshold else 0
            stop += 1
        stop -= faint
        if stop - start <= shortest:
            continue
        left[start:stop, max(key - neighbours, 0) : key + neighbours + 1] = 0
        found[count] = start, stop, key
        count += 1
    return found[:count]


@njit(cache=True)
def _from_energy(left, loudest_first, threshold, shortest, patience, neighbours):
    """Notes (n, 3) grown both ways from the loudest frames left over.

    Energy only ever goes away, so one sorted list serves in place of a new search for each maximum.
    """
    frames, keys = left.shape
    found = np.empty((len(loudest_first), 3), np.int64)
    count = 0
    for place in loudest_first:
        middle, key = place // keys, place % keys
        if left[middle, key] <= threshold:
            continue
        left[middle, key] = 0
        low, high = max(key - neighbours, 0), key + neighbours + 1

        stop, faint = middle + 1, 0
        while stop < frames - 1 and faint < patience:
            faint = faint + 1 if left[stop, key] < threshold else 0
            left[stop, low:high] = 0
            stop += 1
        stop -= 1 + faint

        start, faint = middle - 1, 0
        while start > 0 and faint < patience:
            faint = faint + 1 if left[start, key] < threshold else 0
            left[start, low:high] = 0
            start -= 1
        start += 1 + faint

        if stop - start > shortest:
            found[count] = start, stop, key
            count += 1
    return found[:count]


def hysteresis(values: np.ndarray, *, high: float, low: float) -> np.ndarray:
    """Where a key sounds, (T, 88) boolean: runs of frames not below `low` that reach `high` (eq-hysteresis).

    With `high` equal to `low` this is one plain threshold.

    Raises
    ------
    InputError
        If `low` is above `high`.

    Examples
    --------
    >>> yn = np.array([[0.2], [0.4], [0.6], [0.4], [0.2], [0.4], [0.2]])
    >>> hysteresis(yn, high=0.5, low=0.3)[:, 0].astype(int).tolist()
    [0, 1, 1, 1, 0, 0, 0]
    """
    if low > high:
        raise InputError(f"low={low} lies above high={high}; a note must not be harder to keep than to begin.")
    holds, begins = values >= low, values >= high
    run = np.cumsum(~holds, axis=0)  # the same number all along a run
    sounds = np.zeros(values.shape, dtype=bool)
    for key in np.flatnonzero(begins.any(axis=0)):
        reached = np.zeros(len(values) + 1, dtype=bool)
        reached[run[begins[:, key], key]] = True
        sounds[:, key] = holds[:, key] & reached[run[:, key]]
    return sounds


# Our own decoder

CANDIDATE = 0.05  # Yo; below it no peak is looked at
THRESHOLDS = tuple(np.arange(0.16, 0.98, 0.04).round(2).tolist())
RIDGE = 1e-3
CHOICES = {
    "onset_threshold": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
    "frame_threshold": (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6),
    "infer_onsets": (True, False),
    "melodia_trick": (True, False),
}  # of `decode`, for `best_options`
AROUND = ((2, 10), (-8, -2), (10, 25))  # frames from a peak over which Yn is averaged: after, before, later


@dataclass(frozen=True)
class PeakDecoder:
    """Notes that begin at peaks of Yo, judged by what stands around them, and last while Yn does.

    A peak is the highest value within `reach` frames (eq-peak); a parabola through it and its neighbours places
    the onset between frames (eq-parabola). Its probability is σ(w · x), where x is its `evidence` (eq-evidence);
    by default that is Yo itself. A note ends where Yn first falls below `note_threshold`, or where the key is struck again; it lasts at
    least two frames.

    Parameters
    ----------
    threshold
        Least probability of a note's beginning.
    weights
        Of the evidence: 1, then log-odds of Yo at the peak, a frame before, a frame after, and of the mean Yn
        after, before, and later (`AROUND`).
    note_threshold
        Of Yn.
    reach
        Frames.

    Examples
    --------
    >>> note, onset = np.zeros((20, 88)), np.zeros((20, 88))
    >>> note[4:10, 39], onset[3:6, 39] = 0.9, [0.4, 0.8, 0.4]
    >>> found = PeakDecoder(threshold=0.5)(Posteriors(None, note, onset, np.arange(20) / 100))
    >>> found.intervals.tolist(), found.pitch.tolist()
    ([[0.04, 0.1]], [60])
    """

    threshold: float = 0.3
    weights: tuple[float, ...] = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    note_threshold: float = 0.3
    reach: int = 2

    def __post_init__(self):
        object.__setattr__(self, "weights", tuple(self.weights))
        for name in ("threshold", "note_threshold"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: give a number between 0 and 1, such as 0.3.")
        if self.reach < 1 or len(self.weights) != 7:
            raise InputError(f"reach={self.reach}, {len(self.weights)} weights: give at least 1 frame, and 7 weights.")

    def __call__(self, posteriors: Posteriors) -> Notes:
        """The notes of a posteriorgram; a velocity is 127 times Yo at the peak."""
        frame, key, probability = self.candidates(posteriors)
        kept = probability >= self.threshold
        return _hysteresis(posteriors, frame[kept], key[kept], self.note_threshold)

    def candidates(self, posteriors: Posteriors) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frames and keys of all peaks, and the probability of each."""
        frame, key = candidates(posteriors.onset, reach=self.reach)
        return frame, key, expit(evidence(posteriors, frame, key) @ np.array(self.weights))


def candidates(onset: np.ndarray, *, floor: float = CANDIDATE, reach: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Frames and keys where Yo is at least `floor` and the highest within `reach` frames.

    Of equal neighbours the later one is the peak.

    >>> [places.tolist() for places in candidates(np.array([[0.1], [0.6], [0.6], [0.2], [0.01]]))]
    [[2], [0]]
    """
    padded = np.pad(onset, ((reach, reach), (0, 0)), constant_values=-np.inf)
    highest = onset >= floor
    for d in range(1, reach + 1):
        highest &= onset >= padded[reach - d : len(padded) - reach - d]
        highest &= onset > padded[reach + d : len(padded) - reach + d]
    return np.nonzero(highest)


def evidence(posteriors: Posteriors, frame: np.ndarray, key: np.ndarray) -> np.ndarray:
    """What speaks for a note at each place, (n, 7): see `PeakDecoder.weights` (eq-evidence).

    >>> flat = Posteriors(None, np.full((40, 88), 0.5), np.full((40, 88), 0.5), np.arange(40) / 86)
    >>> evidence(flat, np.array([20]), np.array([3])).tolist()
    [[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    frames = len(posteriors)
    rows = [posteriors.onset[np.clip(frame + d, 0, frames - 1), key] for d in (0, -1, 1)]
    summed = np.concatenate([np.zeros((1, NMP.keys)), np.cumsum(posteriors.note, axis=0, dtype=float)])
    for first, last in AROUND:
        start, stop = np.clip(frame + first, 0, frames), np.clip(frame + last, 0, frames)
        rows.append((summed[stop, key] - summed[start, key]) / np.maximum(stop - start, 1))
    odds = logit(np.clip(np.array(rows, dtype=float), 1e-3, 1 - 1e-3))
    return np.concatenate([np.ones((1, len(frame))), odds]).T


def fitted(answered: Sequence[tuple[Posteriors, Notes]], *, iterations: int = 20) -> PeakDecoder:
    """A decoder whose weights make its probabilities true on some recordings: a logistic regression.

    Each reference note is answered by the likeliest candidate of its key within 50 ms; all other candidates are
    false. Newton's method then maximises the likelihood (eq-newton), held by a small ridge.
    """
    found = [(posteriors, *candidates(posteriors.onset), notes) for posteriors, notes in answered]
    x = np.concatenate([evidence(posteriors, frame, key) for posteriors, frame, key, _ in found])
    y = np.concatenate([_true(*one) for one in found])
    if not 0 < y.sum() < len(y):
        raise InputError("the recordings give no true or no false candidates; use more of them, or a trained network.")
    weights = np.array(PeakDecoder.weights)
    for _ in range(iterations):
        p = expit(x @ weights)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(x.shape[1])
        step = np.linalg.solve(curvature, x.T @ (y - p) - RIDGE * weights)
        now = _penalty(weights, x, y)
        while _penalty(weights + step, x, y) > now and np.abs(step).max() > 1e-6:
            step = step / 2  # far from the optimum a full step may overshoot
        weights = weights + step
    return PeakDecoder(weights=tuple(weights.round(4).tolist()))


def _penalty(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """What Newton's method lowers: the cross-entropy, summed, and the ridge."""
    z = x @ weights
    return float(np.logaddexp(0, z).sum() - y @ z + RIDGE / 2 * weights @ weights)


def _true(posteriors: Posteriors, frame: np.ndarray, key: np.ndarray, reference: Notes) -> np.ndarray:
    """1 for each candidate that answers a reference note, else 0."""
    place, height = _between_frames(posteriors, frame, key), posteriors.onset[frame, key]
    true = np.zeros(len(frame))
    for pitch in np.unique(reference.pitch):
        mine = np.flatnonzero(key == pitch - NMP.lowest_pitch)
        for onset in reference.onset[reference.pitch == pitch]:
            near = mine[(np.abs(place[mine] - onset) <= TOLERANCE) & (true[mine] == 0)]
            if len(near):
                true[near[height[near].argmax()]] = 1
    return true


def best_threshold(
    decoder: PeakDecoder, answered: Sequence[tuple[Posteriors, Notes]], *, thresholds=THRESHOLDS
) -> tuple[PeakDecoder, float]:
    """The decoder with the threshold that gives the best mean Fno on some recordings, and that Fno."""
    found = [(posteriors, *decoder.candidates(posteriors), notes) for posteriors, notes in answered]
    best, best_score = decoder, -1.0
    for threshold in sorted(thresholds, reverse=True):
        kept = [probability >= threshold for _, _, _, probability, _ in found]
        most = [_most(len(notes), int(mask.sum())) for mask, (*_, notes) in zip(kept, found, strict=True)]
        if np.mean(most) <= best_score:
            continue  # however well they matched
        scores = [
            onset_scores(notes, _hysteresis(posteriors, frame[mask], key[mask], decoder.note_threshold))["Fno"]
            for mask, (posteriors, frame, key, _, notes) in zip(kept, found, strict=True)
        ]
        if np.mean(scores) > best_score:
            best, best_score = replace(decoder, threshold=threshold), float(np.mean(scores))
    return best, best_score


def best_options(answered: Sequence[tuple[Posteriors, Notes]], *, choices=CHOICES) -> tuple[dict, float]:
    """The options of `decode` that give the best mean Fno on some recordings, and that Fno; all are tried.

    So the released algorithm can be compared with ours on equal terms: both learned from the same recordings.
    """
    tried = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    scores = [
        float(np.mean([onset_scores(notes, decode(posteriors, **options))["Fno"] for posteriors, notes in answered]))
        for options in tried
    ]
    best = int(np.argmax(scores))
    return tried[best], scores[best]


def _most(reference: int, estimate: int) -> float:
    """The F-measure if every note of the shorter list were a hit."""
    return 2 * min(reference, estimate) / max(reference + estimate, 1)


def _between_frames(posteriors: Posteriors, frame: np.ndarray, key: np.ndarray) -> np.ndarray:
    """The time in seconds of each peak, by a parabola through it and its neighbours."""
    onset, last = posteriors.onset, len(posteriors) - 1
    shift = vertex(*(onset[np.clip(frame + d, 0, last), key] for d in (-1, 0, 1)))
    return np.maximum(posteriors.times[frame] + shift * _period(posteriors), 0)


def vertex(before, top, after) -> np.ndarray:
    """How far from a peak its parabola is highest, in steps, between −½ and ½ (eq-parabola).

    The parabola runs through three values, one step apart, of which the middle one is the highest.

    >>> vertex([0.5, 0.4], [0.8, 0.6], [0.6, 0.6]).round(2).tolist()
    [0.1, 0.5]
    """
    before, top, after = (np.asarray(value, dtype=float) for value in (before, top, after))
    curvature = before - 2 * top + after
    curved = curvature < 0
    return np.where(curved, 0.5 * (before - after) / np.where(curved, curvature, 1), 0).clip(-0.5, 0.5)


def _period(posteriors: Posteriors) -> float:
    return float(posteriors.times[1] - posteriors.times[0]) if len(posteriors) > 1 else 1 / NMP.frame_rate


def _hysteresis(posteriors: Posteriors, frame: np.ndarray, key: np.ndarray, note_threshold: float) -> Notes:
    """Notes from their beginnings to where Yn is faint or the key is struck again."""
    frames = len(posteriors)
    if not len(frame):
        return Notes([], [], [])
    first_faint = _next_true(np.asarray(posteriors.note) < note_threshold)
    stop = np.maximum(first_faint[np.minimum(frame + 1, frames - 1), key], frame + 2)
    stop = np.minimum(stop, _next_same_key(frame, key, frames + 2))
    began = _between_frames(posteriors, frame, key)
    ended = posteriors.times[0] + stop * _period(posteriors)
    loud = np.clip(np.round(127 * posteriors.onset[frame, key]), 1, 127).astype(int)
    return Notes(began, np.maximum(ended, began + _period(posteriors)), key + NMP.lowest_pitch, loud)


def _next_true(mask: np.ndarray) -> np.ndarray:
    """For each frame and key the first frame from there on where the mask is true; the length if none is."""
    frames = len(mask)
    place = np.where(mask, np.arange(frames)[:, None], frames)
    return np.minimum.accumulate(place[::-1], axis=0)[::-1]


def _next_same_key(frame: np.ndarray, key: np.ndarray, last: int) -> np.ndarray:
    order = np.lexsort((frame, key))
    following = np.full(len(frame), last)
    same = key[order[:-1]] == key[order[1:]]
    following[order[:-1][same]] = frame[order[1:][same]]
    return following


# Bends

BEND_REACH = 25  # bins of Yp on either side of a note's key
BEND_SPREAD = 5.0  # bins: standard deviation of the Gaussian that prefers what is near the key


def bends(posteriors: Posteriors, notes: Notes, *, centre: int = 0, between_bins: bool = True) -> list[np.ndarray]:
    """How far each note lies above its key, in semitones, frame by frame (eq-bend).

    In every frame of a note the highest value of Yp near its key is looked for, near weighing more than far.

    Parameters
    ----------
    posteriors
        Of a network with Yp.
    notes
        Decoded from these posteriors.
    centre
        Which bin answers for a key in tune, counted from bin 3n of key n: 0 for the networks of this book, 1 for
        the released weights (`nmp_lessons.released.CENTRE`). The released program takes 0, and its bends are a
        third of a semitone sharp.
    between_bins
        Refine each bin by a parabola; without, bends are whole thirds of a semitone, as released.

    Returns
    -------
    list of arrays
        One for each note, as `nmp_lessons.notes.write_midi` takes them, with a number for each of its frames.

    Raises
    ------
    InputError
        If the network has no Yp.

    Examples
    --------
    A key sounds a third of a semitone sharp.

    >>> note, contour = np.zeros((30, 88)), np.zeros((30, 264))
    >>> contour[5:9, 3 * 39 + 1] = 0.8
    >>> heard = Posteriors(contour, note, note, np.arange(30) / 100)
    >>> bends(heard, Notes([0.05], [0.09], [60]))[0].round(2).tolist()
    [0.33, 0.33, 0.33, 0.33]
    """
    if posteriors.contour is None:
        raise InputError("bends are read from Yp, and this network has none; use one with contour=True.")
    frames = np.searchsorted(posteriors.times, notes.intervals)  # (n, 2): first frame, and first after the last
    frames[:, 0] = np.minimum(frames[:, 0], len(posteriors) - 1)
    middle = NMP.bins_per_semitone * (notes.pitch - NMP.lowest_pitch) + centre
    return [
        _bend(posteriors.contour[start : max(stop, start + 1)], bin, between_bins)
        for (start, stop), bin in zip(frames, middle, strict=True)
    ]


def _bend(contour: np.ndarray, middle: int, between_bins: bool) -> np.ndarray:
    """Of one note, from its frames of Yp (frames, 264)."""
    bins = np.arange(max(middle - BEND_REACH, 0), min(middle + BEND_REACH + 1, NMP.contour_bins))
    near = np.exp(-0.5 * ((bins - middle) / BEND_SPREAD) ** 2)
    place = bins[(contour[:, bins] * near).argmax(axis=1)]
    found = (place - middle).astype(float)
    if between_bins:
        frame, last = np.arange(len(contour)), NMP.contour_bins - 1
        found += vertex(*(contour[frame, np.clip(place + d, 0, last)] for d in (-1, 0, 1)))
    return found / NMP.bins_per_semitone


def sing(notes: Notes, curves: Sequence[np.ndarray], *, rate: int = NMP.sample_rate) -> Recording:
    """Notes with their bends as sound: six partials whose pitch follows each note's curve.

    Parameters
    ----------
    notes
        Played as loud as their velocities say.
    curves
        For each note its deviations in semitones, evenly spaced from onset to offset, as from `bends`.

    >>> tone = sing(Notes([0.0], [0.5], [69]), [np.zeros(10)])
    >>> spectrum = np.abs(np.fft.rfft(tone.audio[:11025]))
    >>> float(spectrum.argmax() * 22050 / 11025)
    440.0
    """
    audio = np.zeros(round((notes.seconds + 0.1) * rate), dtype=np.float32)
    for i, curve in enumerate(curves):
        start, stop = (round(time * rate) for time in notes.intervals[i])
        samples = np.arange(stop - start)
        bend = np.interp(samples, np.linspace(0, len(samples), len(curve)), curve)
        phase = 2 * np.pi * np.cumsum(pitch_to_frequency(notes.pitch[i] + bend)) / rate
        ends = np.minimum(1, np.minimum(samples, samples[::-1]) / (0.01 * rate))
        wave = sum(np.sin(h * phase) / h**1.5 for h in range(1, 7))
        audio[start:stop] += 0.1 * notes.velocity[i] / 127 * ends * wave
    return Recording(audio, rate, notes=notes)
