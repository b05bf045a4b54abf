"""What the network should output: notes as targets on the frame grid.

Chapter ``targets``. A list of notes becomes three pictures: Yp, which pitches are sounding, on 264 bins of a third
of a semitone; Yn, which keys are sounding; Yo, the onsets. Frame t is at the time t · 256 / 22,050 s. This is
the true rate of 86.13 frames per second, so labels do not drift however long the recording is. (The released
training assumed 86; `drift` computes the error.)

Conventions: targets are float32 arrays (T, 264), (T, 88), (T, 88) with values from 0 to 1; a note of pitch p
lies on key p − 21 and on bin 3 · (p − 21). A frame belongs to a note from its onset's frame to its offset's
frame, both included, as in the released training.

Source: Bittner et al., ICASSP 2022; the data preparation of basic-pitch 0.4.0.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .constants import NMP
from .errors import InputError
from .notes.note_list import Notes


class Targets(NamedTuple):
    """What the three heads should output."""

    contour: np.ndarray  # Yp, (T, 264)
    note: np.ndarray  # Yn, (T, 88)
    onset: np.ndarray  # Yo, (T, 88)


def targets(notes: Notes, *, frames: int | None = None, onset_width: float = 1.0, onset_at: str = "frame") -> Targets:
    """Yp, Yn and Yo of some notes.

    Parameters
    ----------
    notes
        Times in seconds from the first frame.
    frames
        Length T; by default up to the last offset. Notes beyond it are cut off.
    onset_width
        Half the base of an onset's triangle, in frames (eq-triangle). At 1 an onset is one frame, as
        released; at 2 it is ½, 1, ½.
    onset_at
        Where the triangle's tip is: on the nearest "frame", or at the onset's true "time" between two
        frames, which tells the network on which side of the frame the note began.

    Raises
    ------
    InputError
        If the width is below 1, `frames` is negative, or `onset_at` is neither of the two.

    Examples
    --------
    >>> yp, yn, yo = targets(Notes([1 / NMP.frame_rate], [3 / NMP.frame_rate], [60]), onset_width=2)
    >>> yn[:, 39].tolist(), yo[:, 39].tolist()
    ([0.0, 1.0, 1.0, 1.0], [0.5, 1.0, 0.5, 0.0])
    >>> yp.shape, int(yp[1].argmax())
    ((4, 264), 117)
    """
    _check(frames, onset_width, onset_at)
    if frames is None:
        frames = int(frame_of(notes.offset).max(initial=-1)) + 1
    note = sounding(notes, frames=frames)
    onset = onset_targets(notes, frames=frames, width=onset_width, at=onset_at)
    return Targets(on_contour_bins(note), note, onset)


def frame_of(seconds: ArrayLike) -> np.ndarray:
    """The frame nearest to a time, t = round(s · 22,050 / 256) (eq-frame).

    >>> frame_of([0.0, 1.0, 3600.0]).tolist()
    [0, 86, 310078]
    """
    return np.round(np.asarray(seconds) * NMP.frame_rate).astype(int)


def sounding(notes: Notes, *, frames: int) -> np.ndarray:
    """Yn, (T, 88): 1 from a note's onset frame to its offset frame (eq-yn).

    Each note adds 1 at its first frame and subtracts it after its last, and the running sum counts the sounding
    notes. So the cost depends on the size of the picture and hardly on the number of notes.

    >>> sounding(Notes([0.0], [0.0116], [21]), frames=3)[:, 0].tolist()
    [1.0, 1.0, 0.0]
    """
    changes = np.zeros((frames + 1, NMP.keys), dtype=np.int32)
    key = notes.pitch - NMP.lowest_pitch
    np.add.at(changes, (np.minimum(frame_of(notes.onset), frames), key), 1)
    np.add.at(changes, (np.minimum(frame_of(notes.offset) + 1, frames), key), -1)
    return (changes[:frames].cumsum(axis=0) > 0).astype(np.float32)


def onset_targets(notes: Notes, *, frames: int, width: float = 1.0, at: str = "frame") -> np.ndarray:
    """Yo, (T, 88): a triangle ``max(0, 1 − |t − t_onset| / width)`` at each onset; the higher wins (eq-triangle).

    >>> onset_targets(Notes([0.0], [1.0], [21]), frames=4, width=4)[:, 0].tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    place = notes.onset * NMP.frame_rate if at == "time" else frame_of(notes.onset).astype(float)
    reach = int(np.ceil(width))
    t = np.floor(place).astype(int)[:, None] + np.arange(-reach, reach + 2)  # (notes, frames near the onset)
    height = np.maximum(0, 1 - np.abs(t - place[:, None]) / width)
    key = np.broadcast_to((notes.pitch - NMP.lowest_pitch)[:, None], t.shape)
    onset = np.zeros((frames, NMP.keys), dtype=np.float32)
    inside = (t >= 0) & (t < frames)
    np.maximum.at(onset, (t[inside], key[inside]), height[inside])
    return onset


def on_contour_bins(note: np.ndarray) -> np.ndarray:
    """Yp for instruments that cannot bend: key n on bin 3n, (T, 88) -> (T, 264) (eq-yp).

    >>> on_contour_bins(np.ones((1, 88)))[0, :6].tolist()
    [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    """
    contour = np.zeros((len(note), NMP.contour_bins), dtype=note.dtype)
    contour[:, :: NMP.bins_per_semitone] = note
    return contour


def read_back(note: np.ndarray, onset: np.ndarray | None = None) -> Notes:
    """The notes that targets contain: what is left of a performance when only the targets are known (eq-read).

    Parameters
    ----------
    note
        Yn, (T, 88): a note lasts while its key is not 0.
    onset
        Yo, (T, 88): a note begins at each peak in time. Without it a note begins where Yn rises, so a key
        that is struck again while it sounds gives no new note.

    Returns
    -------
    Notes
        Times on the frame grid. Targets contain no velocities, so all are the same.

    Examples
    --------
    >>> again = targets(Notes([0.0, 0.1], [0.1, 0.2], [60, 60]))
    >>> len(read_back(again.note, again.onset)), len(read_back(again.note))
    (2, 1)
    """
    padded = np.pad(note if onset is None else onset, ((1, 1), (0, 0)))
    before, after = padded[:-2], padded[2:]
    begins = (note > 0) & (before <= 0) if onset is None else (onset > before) & (onset >= after)
    found = [_one_key(note[:, key] > 0, np.flatnonzero(begins[:, key]), key) for key in range(NMP.keys)]
    start, stop, key = np.concatenate(found).T
    stop = np.maximum(stop, start + 0.5)  # a note of one frame still lasts
    return Notes(start / NMP.frame_rate, stop / NMP.frame_rate, key + NMP.lowest_pitch)


def _one_key(sounds: np.ndarray, starts: np.ndarray, key: int) -> np.ndarray:
    """Start, last frame and key of each note of one key, (n, 3): it ends in silence or at the next start."""
    silent = np.append(np.flatnonzero(~sounds), len(sounds))
    last = silent[np.searchsorted(silent, starts)] - 1
    stops = np.minimum(last, np.append(starts[1:], len(sounds)))
    return np.stack([starts, stops, np.full(len(starts), key)], axis=1)


def sparsity(found: Targets) -> dict[str, float]:
    """The mean of each target: what a network that always said "no" would still have to explain.

    >>> round(88 * sparsity(targets(Notes([0.0], [1.0], [60])))["note"], 3)
    1.0
    """
    return {name: float(values.mean()) if values.size else 0.0 for name, values in found._asdict().items()}


def drift(seconds: float, *, assumed_rate: float = 86.0) -> float:
    """Error in seconds of a label made with `assumed_rate` frames per second (eq-drift).

    The frame round(s · 86) is really at s · 86 / 86.13, which is too early by 0.15 % of the time.

    >>> round(1000 * drift(2.0), 1), round(drift(3600.0), 2)
    (-3.1, -5.55)
    """
    return seconds * (assumed_rate / NMP.frame_rate - 1)


def _check(frames: int | None, onset_width: float, onset_at: str) -> None:
    if frames is not None and frames < 0:
        raise InputError(f"frames={frames}: give 0 or more.")
    if not 1 <= onset_width < np.inf:
        raise InputError(f"onset_width={onset_width}: give at least 1 frame.")
    if onset_at not in ("frame", "time"):
        raise InputError(f"onset_at={onset_at!r}: choose 'frame' or 'time'.")
