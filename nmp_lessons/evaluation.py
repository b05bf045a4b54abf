"""How good is a transcription? The field's usual scores, and a cause for each wrong note.

Chapter ``evaluation``. A predicted note is a hit if some reference note has the same pitch (within 50 cents) and
onset (within 50 ms); each reference note can be hit only once (eq-hit). Fno ("no offset") is the F-measure of hits
(eq-f). F also requires the offset to lie within 50 ms or a fifth of the note's length, whichever is larger
(eq-offset-rule). Both are computed by `mir_eval`. Acc compares the pitches that sound, every 10 ms (eq-acc).

Conventions, and where they differ from `mir_eval`'s:

- times are in seconds; indices point into the sorted arrays of `Notes`, whereas `mir_eval` keeps the order given;
- pitches are MIDI numbers, converted to Hz here. `mir_eval` expects Hz, and accepts MIDI numbers without a warning;
- every note has a positive length: otherwise `Notes` raises `InputError`, and `mir_eval` a `ValueError`;
- with no notes on either side every score is 0, as in `mir_eval`, which also warns;
- distances are rounded to a tenth of a millisecond, and one equal to the tolerance is within it, as in `mir_eval`;
- Acc uses one grid for both sides, and a key that belongs to two notes at once counts once. `mir_eval` takes the
  frames it is given and moves those of the estimate onto the times of the reference; on our grid it counts the same.

Sources: Raffel et al., "mir_eval", ISMIR 2014; Bay et al., "Evaluation of multiple-F0 estimation", ISMIR 2009.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import mir_eval
import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

from ._fast.cells import count_cells
from .constants import NEAR, TOLERANCE
from .errors import InputError
from .notes.note_list import Notes

PITCH_TOLERANCE = 50.0  # cents
OFFSET_RATIO = 0.2  # of the reference note's length, for offsets
GRID = 0.01  # seconds between the frames of Acc
TABLE = 1_000_000  # pairs of notes; `mir_eval` makes tables of all pairs, so longer lists are matched key by key
DECIMALS = 4  # distances in seconds are rounded to these before they are compared
PARTIALS = (12, 19, 24)  # semitones from a key up to its second, third and fourth partial


class Match(NamedTuple):
    """Which estimated note is paired with which reference note."""

    hits: np.ndarray  # (n, 2): indices into reference and estimate
    misses: np.ndarray  # indices of reference notes that no estimate hits
    extra: np.ndarray  # indices of estimated notes without a partner


def scores(reference: Notes, estimate: Notes, *, tolerance: float = TOLERANCE) -> dict[str, float]:
    """F, Fno and Acc, each with its precision and recall: P, R, Pno, Rno, Pframe, Rframe.

    Parameters
    ----------
    reference, estimate
        Notes of the same recording.
    tolerance
        For onsets, in seconds.

    Examples
    --------
    Two of three notes are found, and one of these is cut short.

    >>> reference = Notes([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [60, 64, 67])
    >>> estimate = Notes([0.0, 1.04], [1.0, 1.5], [60, 64])
    >>> {name: round(value, 2) for name, value in scores(reference, estimate).items()}
    {'F': 0.4, 'P': 0.5, 'R': 0.33, 'Fno': 0.8, 'Pno': 1.0, 'Rno': 0.67, 'Acc': 0.49, 'Pframe': 1.0, 'Rframe': 0.49}
    """
    with_offset = _f_measure(reference, estimate, tolerance, OFFSET_RATIO)
    without = _f_measure(reference, estimate, tolerance, None)
    names = ("F", "P", "R", "Fno", "Pno", "Rno")
    return dict(zip(names, (*with_offset, *without), strict=True)) | frame_scores(reference, estimate)


def onset_scores(reference: Notes, estimate: Notes, *, tolerance: float = TOLERANCE) -> dict[str, float]:
    """Fno, Pno and Rno alone (eq-pr, eq-f), much faster than all the `scores`."""
    return dict(zip(("Fno", "Pno", "Rno"), _f_measure(reference, estimate, tolerance, None), strict=True))


def accuracy(reference: Notes, estimate: Notes, *, grid: float = GRID) -> float:
    """Acc: the pitches in both over the pitches in either, counted every `grid` seconds (eq-acc).

    >>> accuracy(Notes([0.0], [1.0], [60]), Notes([0.5], [1.0], [60]))
    0.5
    """
    return frame_scores(reference, estimate, grid=grid)["Acc"]


def frame_scores(reference: Notes, estimate: Notes, *, grid: float = GRID) -> dict[str, float]:
    """Acc with its precision and recall: the proportions of predicted and of reference cells that are in both (eq-acc).

    A cell is one pitch at one moment; the moments are `grid` seconds apart.

    >>> frame_scores(Notes([0.0], [1.0], [60]), Notes([0.5], [1.0], [60]))
    {'Acc': 0.5, 'Pframe': 1.0, 'Rframe': 0.5}
    """
    if not len(reference) or not len(estimate):
        return dict.fromkeys(("Acc", "Pframe", "Rframe"), 0.0)
    both, true, found = count_cells(reference, estimate, grid)
    totals = {"Acc": true + found - both, "Pframe": found, "Rframe": true}
    return {name: both / total if total else 0.0 for name, total in totals.items()}


def match(reference: Notes, estimate: Notes, *, tolerance: float = TOLERANCE, offsets: bool = False) -> Match:
    """Hits, misses and extra notes of a greatest matching (eq-matching); with `offsets`, offsets must agree too.

    It has as many hits as Fno counts; among such matchings, as many right offsets as possible, and then the nearest
    onsets. F counts as many right offsets, unless two strokes of one key lie within two tolerances of each other.

    >>> match(Notes([0.0, 1.0], [1.0, 2.0], [60, 64]), Notes([0.01, 1.0], [1.0, 2.0], [60, 65]))
    Match(hits=array([[0, 0]]), misses=array([1]), extra=array([1]))
    """
    pairs = []
    for keys in _common_keys(reference, estimate):
        r, e = np.ix_(*keys)
        apart = np.round(np.abs(reference.onset[r] - estimate.onset[e]), DECIMALS)  # (reference, estimate)
        near, well = apart <= tolerance, _ends_well(reference, estimate, r, e)
        near &= well | (not offsets)
        rank = len(keys[0]) + 1  # one more right offset outweighs all distances, one more hit all offsets
        chosen = linear_sum_assignment(near * (rank**2 + rank * well + 1 - apart / tolerance), maximize=True)
        pairs += [(keys[0][i], keys[1][j]) for i, j in zip(*chosen, strict=True) if near[i, j]]
    hits = np.array(sorted(pairs), dtype=int).reshape(-1, 2)
    misses, extra = (np.setdiff1d(np.arange(len(notes)), hits[:, i]) for i, notes in enumerate((reference, estimate)))
    return Match(hits, misses, extra)


def above_sounding(
    reference: Notes, notes: Notes, *, distances: Sequence[int] = PARTIALS, tolerance: float = TOLERANCE
) -> np.ndarray:
    """Which of `notes` begin on a partial of a key that is sounding: boolean, one for each note.

    Parameters
    ----------
    reference : Notes
        The notes that sound.
    notes : Notes
        The notes in question, each examined at its onset.
    distances : sequence of int
        Semitones from a key up to its partials; 12, 19 and 24 are the second, third and fourth.
    tolerance : float
        Seconds by which the key may begin after the note.

    Examples
    --------
    >>> above_sounding(Notes([0.0], [1.0], [48]), Notes([0.5, 0.5, 2.0], [1.0, 1.0, 3.0], [60, 61, 60])).tolist()
    [True, False, False]
    """
    begun = reference.onset <= notes.onset[:, None] + tolerance  # (notes, reference)
    sounding = begun & (notes.onset[:, None] < reference.offset)
    return np.any(sounding & np.isin(notes.pitch[:, None] - reference.pitch, distances), axis=1)


# Wrong notes and their causes

CAUSES = {
    "late onset": "the same key is reported up to 0.2 s after it was played",
    "early onset": "the same key is reported up to 0.2 s before it was played",
    "repeated note": "extra: a stroke is reported twice, or a key that is sounding is reported as struck again",
    "merged note": "missed: a key was struck again, and the earlier note is reported as sounding on",
    "octave or harmonic": "extra: a key an octave, a twelfth or two octaves from one that is sounding; "
    "missed: a key that far above one that is sounding",
    "wrong offset": "key and onset are right, the offset is not",
    "spurious": "extra, and none of the above",
    "missed": "missed, and none of the above",
}


class Error(NamedTuple):
    """One error of a transcription. Indices point into the notes; None stands for no note."""

    cause: str  # one of CAUSES
    reference: int | None  # the note that was missed, or whose onset or offset is wrong
    estimate: int | None  # the note that is extra, or whose onset or offset is wrong
    beside: int | None = None  # the reference note that may explain it: repeated, merged or related


def causes(reference: Notes, estimate: Notes, *, tolerance: float = TOLERANCE) -> list[Error]:
    """All errors of a transcription, each with a possible cause, in order of time.

    A late or early onset joins an extra note and a miss of the same key. Every other extra note and every other
    miss is an error of its own, and so is a hit of `match` whose offset is wrong. Causes are tried in the order
    of `CAUSES`. They are guesses from the notes alone: an extra note an octave above a sounding key may have another
    reason, and in dense music some key is nearly always sounding an octave below.

    Parameters
    ----------
    reference, estimate
        Notes of the same recording.
    tolerance
        Seconds, for onsets.

    Examples
    --------
    >>> played = Notes([0.0, 1.0], [1.0, 2.0], [60, 64])
    >>> [error.cause for error in causes(played, Notes([0.0, 0.0, 1.1], [1.0, 1.0, 2.0], [60, 72, 64]))]
    ['octave or harmonic', 'late onset']
    """
    hits, misses, extra = match(reference, estimate, tolerance=tolerance)
    moved = _moved(reference, estimate, misses, extra)
    misses = [i for i in misses if i not in {error.reference for error in moved}]
    extra = [i for i in extra if i not in {error.estimate for error in moved}]
    found = moved + [_extra(reference, estimate, i) for i in extra]
    found += [_missed(reference, estimate, i) for i in misses]
    found += [Error("wrong offset", int(r), int(e)) for r, e in hits if not _ends_well(reference, estimate, r, e)]
    return sorted(found, key=lambda error: _place(reference, estimate, error))


def cause_counts(reference: Notes, estimate: Notes, *, tolerance: float = TOLERANCE) -> dict[str, int]:
    """How often each cause occurs: all of `CAUSES`, in their order.

    >>> cause_counts(Notes([0.0], [1.0], [60]), Notes([0.0], [0.5], [60]))["wrong offset"]
    1
    """
    found = [error.cause for error in causes(reference, estimate, tolerance=tolerance)]
    return {cause: found.count(cause) for cause in CAUSES}


def median_shift(reference: Notes, estimate: Notes, *, near: float = NEAR) -> float:
    """The median delay of the predicted notes, in seconds; 0 if there is no pair to compare.

    Each note is compared with the nearest stroke of its key, provided that it is no further than `near` seconds away.
    A delay as large as the tolerance is more likely to come from two clocks than from a transcriber.

    >>> round(median_shift(Notes([0.0, 1.0], [0.5, 2.0], [60, 64]), Notes([0.04, 1.06], [0.5, 2.0], [60, 64])), 3)
    0.05
    """
    apart = _distances(reference, estimate)
    nearest = np.concatenate([np.zeros(0), *(by[np.arange(len(by)), np.abs(by).argmin(axis=1)] for by in apart)])
    nearest = nearest[np.abs(nearest) <= near]
    return float(np.median(nearest)) if len(nearest) else 0.0


def common_shift(reference: Notes, estimate: Notes, *, width: float = 0.05) -> float:
    """By how many seconds the reference must be moved so that many of its onsets meet those of an estimate.

    All distances between onsets of one pitch are sorted; the result is the mean of those in the fullest window of
    `width` seconds, and of equally full ones in the earliest. Without two notes of one pitch it is 0. The shift is
    chosen on the notes that are then scored, so the score is a little too high.

    >>> played = Notes([0.0, 1.0, 1.5], [0.5, 1.4, 2.0], [60, 64, 67])
    >>> round(common_shift(played, played.shifted(2.5)), 3)
    2.5
    """
    distances = np.sort(np.concatenate([np.zeros(0), *(by.ravel() for by in _distances(reference, estimate))]))
    if not len(distances):
        return 0.0
    stops = np.searchsorted(distances, distances + width, side="right")
    first = int(np.argmax(stops - np.arange(len(distances))))
    return float(distances[first : stops[first]].mean())


def _place(reference: Notes, estimate: Notes, error: Error) -> tuple[float, int]:
    notes, i = (reference, error.reference) if error.estimate is None else (estimate, error.estimate)
    return float(notes.onset[i]), int(notes.pitch[i])


def _moved(reference: Notes, estimate: Notes, misses, extra) -> list[Error]:
    """Pairs of an extra note and a miss of the same key within `NEAR` seconds, the nearest joined first."""
    by = estimate.onset[extra][:, None] - reference.onset[misses]  # (extra, misses), seconds late
    same = estimate.pitch[extra][:, None] == reference.pitch[misses]
    e, r = np.nonzero(same & (np.abs(by) <= NEAR))
    found, taken = [], set()
    for k in np.argsort(np.abs(by[e, r]), kind="stable"):
        if not taken & {("e", e[k]), ("r", r[k])}:
            taken |= {("e", e[k]), ("r", r[k])}
            cause = "late onset" if by[e[k], r[k]] > 0 else "early onset"
            found.append(Error(cause, int(misses[r[k]]), int(extra[e[k]])))
    return found


def _extra(reference: Notes, estimate: Notes, i: int) -> Error:
    """The cause of an extra note."""
    onset, pitch = estimate.onset[i], estimate.pitch[i]
    sounds = (reference.onset - NEAR <= onset) & (onset <= reference.offset + TOLERANCE)
    again = _latest(reference, sounds & (reference.pitch == pitch))
    if again is not None:
        return Error("repeated note", None, int(i), again)
    sounds &= reference.onset <= onset + TOLERANCE
    related = _latest(reference, sounds & np.isin(np.abs(pitch - reference.pitch), PARTIALS))
    return Error("spurious" if related is None else "octave or harmonic", None, int(i), related)


def _missed(reference: Notes, estimate: Notes, i: int) -> Error:
    """The cause of a miss."""
    onset, pitch = reference.onset[i], reference.pitch[i]
    over = (estimate.pitch == pitch) & (estimate.onset < onset) & (onset < estimate.offset)
    begun = estimate.onset[over].min(initial=np.inf)
    before = (reference.pitch == pitch) & (begun - NEAR <= reference.onset) & (reference.onset < onset)
    if before.any():  # the stroke that is reported is the one nearest to where the report begins
        return Error("merged note", int(i), None, int(np.where(before, abs(reference.onset - begun), np.inf).argmin()))
    sounds = (reference.onset <= onset + TOLERANCE) & (onset < reference.offset)
    under = _latest(reference, sounds & np.isin(pitch - reference.pitch, PARTIALS))
    return Error("missed" if under is None else "octave or harmonic", int(i), None, under)


def _latest(notes: Notes, which: np.ndarray) -> int | None:
    """The last of the chosen notes to begin."""
    chosen = np.flatnonzero(which)
    return int(chosen[-1]) if len(chosen) else None


def _ends_well(reference: Notes, estimate: Notes, r, e):
    """Whether offsets are within the tolerance (eq-offset-rule), for indices of one note or of many."""
    allowed = np.maximum(OFFSET_RATIO * (reference.offset[r] - reference.onset[r]), TOLERANCE)
    return np.round(np.abs(reference.offset[r] - estimate.offset[e]), DECIMALS) <= allowed


# Many pieces


def summary(rows: Mapping[str, Mapping[str, float]], **options) -> dict[str, tuple[float, float, float]]:
    """The mean of each score over the pieces, and the interval of that mean; the options are those of `bootstrap`.

    >>> summary({"a": {"Fno": 0.5}, "b": {"Fno": 0.7}})["Fno"]
    (0.6, 0.5, 0.7)
    """
    columns = {name: [row[name] for row in rows.values()] for name in next(iter(rows.values()), {})}
    return {name: (float(np.mean(values)), *bootstrap(values, **options)) for name, values in columns.items()}


def threshold_curves(
    decode: Callable[[Any, float], Notes], pairs: Sequence[tuple[Any, Notes]], thresholds: Sequence[float]
) -> dict[str, np.ndarray]:
    """Fno, Pno and Rno of each piece at each threshold, arrays (thresholds, pieces).

    For each piece, `pairs` has the output of a network (its posteriors, say) and the reference; `decode` is called with
    that output and a threshold.

    >>> notes = Notes([0.0, 1.0], [1.0, 2.0], [60, 64])
    >>> decode = lambda estimate, threshold: estimate if threshold < 0.5 else Notes([], [], [])
    >>> threshold_curves(decode, [(notes, notes)], [0.2, 0.8])["Fno"].tolist()
    [[1.0], [0.0]]
    """
    rows = [[onset_scores(notes, decode(output, threshold)) for output, notes in pairs] for threshold in thresholds]
    return {name: np.array([[piece[name] for piece in row] for row in rows]) for name in ("Fno", "Pno", "Rno")}


def optimism(curve: ArrayLike, *, tests: int, draws: int = 1000, seed: int = 0) -> float:
    """How much a score gains on average when the setting is chosen on the test pieces themselves (eq-optimism).

    Parameters
    ----------
    curve
        The score of each setting on each piece, (settings, pieces).
    tests
        The number of test pieces. A fair choice of the setting is made on all other pieces.
    draws, seed
        How many times test pieces are drawn, and the seed for that.

    Returns
    -------
    float
        The mean over the draws. It is never below 0, since on the test pieces no setting beats the best one.

    Raises
    ------
    InputError
        If the curve does not have two axes, or one of the halves would be without pieces.

    Examples
    --------
    >>> float(optimism([[0.0, 1.0], [1.0, 0.0]], tests=1))
    1.0
    """
    curve = np.asarray(curve, dtype=float)
    if curve.ndim != 2 or not 0 < tests < curve.shape[1]:
        raise InputError(f"a curve of shape {curve.shape} with {tests} test pieces: leave pieces for both halves.")
    rng = np.random.default_rng(seed)
    gains = []
    for _ in range(draws):
        order = rng.permutation(curve.shape[1])
        test, rest = curve[:, order[:tests]].mean(axis=1), curve[:, order[tests:]].mean(axis=1)
        gains.append(test.max() - test[rest.argmax()])
    return float(np.mean(gains))


def chance(right: int, trials: int, *, sides: int = 1) -> float:
    """The probability that a fair coin does at least as well (eq-binomial); with ``sides=2``, as unevenly either way.

    >>> chance(4, 5), chance(4, 5, sides=2)
    (0.1875, 0.375)
    """
    if sides == 2:
        return min(1.0, 2 * chance(max(right, trials - right), trials))
    return float(binom.sf(right - 1, trials, 0.5))


def bootstrap(values: ArrayLike, *, samples: int = 10_000, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """An interval for a mean, from means of as many values drawn again with replacement (eq-bootstrap).

    Parameters
    ----------
    values
        One for each piece, (n,): scores, or differences of two systems on the same pieces.
    samples
        The number of draws.
    level
        The proportion of the drawn means that lie within the interval.
    seed
        For the draws.

    Raises
    ------
    InputError
        If there are no values.

    Examples
    --------
    >>> low, high = bootstrap([0.6, 0.7, 0.8, 0.9])
    >>> 0.6 < low < 0.75 < high < 0.9
    True
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not len(values):
        raise InputError(f"values of shape {values.shape}: give at least one number, in a row.")
    drawn = np.random.default_rng(seed).integers(len(values), size=(samples, len(values)))
    tail = 50 * (1 - level)
    low, high = np.percentile(values[drawn].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)


def _f_measure(reference: Notes, estimate: Notes, tolerance: float, offset_ratio: float | None):
    """F-measure, precision and recall."""
    if not len(reference) or not len(estimate):
        return 0.0, 0.0, 0.0
    parts = _common_keys(reference, estimate) if len(reference) * len(estimate) > TABLE else [(slice(None),) * 2]
    arguments = [_for_mir_eval(reference, estimate, tolerance, offset_ratio, part) for part in parts]
    hits = sum(len(mir_eval.transcription.match_notes(**part)) for part in arguments)
    precision, recall = hits / len(estimate), hits / len(reference)
    return float(mir_eval.util.f_measure(precision, recall)), precision, recall


def _common_keys(reference: Notes, estimate: Notes) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each key that both have, the indices of its notes."""
    keys = np.intersect1d(reference.pitch, estimate.pitch)
    return [(np.flatnonzero(reference.pitch == key), np.flatnonzero(estimate.pitch == key)) for key in keys]


def _distances(reference: Notes, estimate: Notes) -> list[np.ndarray]:
    """For each key that both have, by how much each of its onsets is late, (estimate, reference)."""
    return [np.subtract.outer(estimate.onset[e], reference.onset[r]) for r, e in _common_keys(reference, estimate)]


def _for_mir_eval(reference: Notes, estimate: Notes, tolerance: float, offset_ratio: float | None, part) -> dict:
    """The arguments that `mir_eval.transcription` takes, under its names, for a part of both lists."""
    found = {"onset_tolerance": tolerance, "pitch_tolerance": PITCH_TOLERANCE, "offset_ratio": offset_ratio}
    for side, notes, some in (("ref", reference, part[0]), ("est", estimate, part[1])):
        found |= {f"{side}_intervals": notes.intervals[some], f"{side}_pitches": notes.frequencies[some]}
    return found
