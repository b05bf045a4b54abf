"""Our own decoder: peaks of Yo, each judged by its surroundings, and hysteresis on Yn."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from ..constants import NMP
from ..errors import InputError
from ..model.posteriorgram import Posteriors
from ..notes.note_list import Notes


def hysteresis(values: np.ndarray, *, high: float, low: float) -> np.ndarray:
    """Where a key sounds, (T, 88) boolean: runs of frames that stay at or above `low` and reach `high` (eq-hysteresis).

    If `high` equals `low`, this is a single threshold.

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


CANDIDATE = 0.05  # Yo; below it no peak is looked at
AROUND = ((2, 10), (-8, -2), (10, 25))  # frames from a peak over which Yn is averaged: after, before, later


@dataclass(frozen=True)
class PeakDecoder:
    """Notes that begin at peaks of Yo, judged by their surroundings, and last as long as Yn is high.

    A peak is the highest value within `reach` frames (eq-peak). A parabola through it and its neighbours places
    the onset between frames (eq-parabola). Its probability is σ(w · x), where x is its `evidence` (eq-evidence);
    with the default weights the probability is Yo itself. A note ends where Yn first falls below `note_threshold`, or
    where its key is struck again; it lasts for at least two frames.

    Parameters
    ----------
    threshold
        The smallest probability with which a peak becomes a note.
    weights
        One for each piece of evidence: the constant 1; the log-odds of Yo at the peak, a frame before and a frame
        after; the log-odds of the mean Yn just after, just before, and later (`AROUND`).
    note_threshold
        The value of Yn below which a note ends.
    reach
        The number of frames on either side of which a peak is the highest.

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
        """The notes of a posteriorgram. Their velocities are 127 times Yo at the peak."""
        return held(posteriors, self.strokes(posteriors), self.note_threshold)

    def strokes(self, posteriors: Posteriors) -> "Strokes":
        """Where notes begin."""
        frame, key, probability = self.candidates(posteriors)
        kept = probability >= self.threshold
        return strokes_at(posteriors, frame[kept], key[kept])

    def candidates(self, posteriors: Posteriors) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The frames and keys of all peaks, and the probability of each."""
        frame, key = candidates(posteriors.onset, reach=self.reach)
        return frame, key, expit(evidence(posteriors, frame, key) @ np.array(self.weights))


class Strokes(NamedTuple):
    """Where notes begin: frames and keys, the shift between frames, and Yo; four arrays (n,)."""

    frame: np.ndarray
    key: np.ndarray
    shift: np.ndarray
    height: np.ndarray


def candidates(onset: np.ndarray, *, floor: float = CANDIDATE, reach: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """The frames and keys where Yo is at least `floor` and the highest within `reach` frames (eq-peak).

    Of two equal neighbours the later one is the peak.

    >>> [places.tolist() for places in candidates(np.array([[0.1], [0.6], [0.6], [0.2], [0.01]]))]
    [[2], [0]]
    """
    padded = np.pad(onset, ((reach, reach), (0, 0)), constant_values=-np.inf)
    highest = onset >= floor
    for d in range(1, reach + 1):
        highest &= onset >= padded[reach - d : len(padded) - reach - d]
        highest &= onset > padded[reach + d : len(padded) - reach + d]
    frame, key = np.nonzero(highest)
    return frame, key


def evidence(posteriors: Posteriors, frame: np.ndarray, key: np.ndarray) -> np.ndarray:
    """The evidence for a note at each frame and key, (n, 7), in the order of `PeakDecoder.weights` (eq-evidence).

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


def vertex(before: ArrayLike, top: ArrayLike, after: ArrayLike) -> np.ndarray:
    """The position of a parabola's vertex relative to a peak, in steps between −½ and ½ (eq-parabola).

    The parabola runs through three values, one step apart, of which the middle one is the highest. If the three are
    equal, the position is 0.

    >>> vertex([0.5, 0.4], [0.8, 0.6], [0.6, 0.6]).round(2).tolist()
    [0.1, 0.5]
    """
    before, top, after = np.asarray(before, float), np.asarray(top, float), np.asarray(after, float)
    curvature = before - 2 * top + after
    curved = curvature < 0
    return np.where(curved, 0.5 * (before - after) / np.where(curved, curvature, 1), 0).clip(-0.5, 0.5)


def strokes_at(posteriors: Posteriors, frame: np.ndarray, key: np.ndarray) -> Strokes:
    """The strokes at given frames and keys, each (n,); a parabola places them between frames."""
    onset, last = posteriors.onset, len(posteriors) - 1
    shift = vertex(*(onset[np.clip(frame + d, 0, last), key] for d in (-1, 0, 1)))
    return Strokes(frame, key, shift, onset[frame, key])


def held(posteriors: Posteriors, strokes: Strokes, note_threshold: float) -> Notes:
    """Notes from their strokes to where Yn falls below the threshold, or their key is struck again."""
    first_low = next_true(np.asarray(posteriors.note) < note_threshold)
    later = np.minimum(strokes.frame + 1, len(posteriors) - 1)
    return as_notes(strokes, first_low[later, strokes.key], posteriors.times)


def as_notes(strokes: Strokes, first_low: np.ndarray, times: np.ndarray) -> Notes:
    """Notes from their strokes to the first frame in which Yn is low, (n,), or to where their key is struck again."""
    frame, key, _, height = strokes
    if not len(frame):
        return Notes([], [], [])
    stop = np.maximum(first_low, frame + 2)
    stop = np.minimum(stop, _next_same_key(frame, key, len(times) + 2))
    began = onsets(strokes, times)
    ended = times[0] + stop * _period(times)
    loud = np.clip(np.round(127 * height), 1, 127).astype(int)
    return Notes(began, np.maximum(ended, began + _period(times)), key + NMP.lowest_pitch, loud)


def onsets(strokes: Strokes, times: np.ndarray) -> np.ndarray:
    """The time of each stroke in seconds, (n,), from the times of all frames."""
    return np.maximum(times[strokes.frame] + strokes.shift * _period(times), 0)


def _period(times: np.ndarray) -> float:
    return float(times[1] - times[0]) if len(times) > 1 else 1 / NMP.frame_rate


def next_true(mask: np.ndarray) -> np.ndarray:
    """For each frame and key, the first frame from there on in which the mask is true, or else the length.

    >>> next_true(np.array([[False], [True], [False]])).ravel().tolist()
    [1, 1, 3]
    """
    frames = len(mask)
    place = np.where(mask, np.arange(frames)[:, None], frames)
    return np.minimum.accumulate(place[::-1], axis=0)[::-1]


def _next_same_key(frame: np.ndarray, key: np.ndarray, last: int) -> np.ndarray:
    order = np.lexsort((frame, key))
    following = np.full(len(frame), last)
    same = key[order[:-1]] == key[order[1:]]
    following[order[:-1][same]] = frame[order[1:][same]]
    return following
