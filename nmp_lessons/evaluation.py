"""How good is a transcription? The field's scores, computed by `mir_eval`.

Chapter ``evaluation``. A predicted note is a hit if some reference note has its pitch (within 50 cents) and
its onset (within 50 ms), each reference note being hit once at most. Fno, "no offset", is the F-measure of
these hits; F asks moreover that the offset be within 50 ms or a fifth of the note's length, whichever is
larger. Acc forgets notes and looks every 10 ms: pitches both have, over pitches that either has.

Conventions: times in seconds; indices point into the sorted arrays of `Notes`; with no notes on either side
every score is 0, as in `mir_eval`.

Source: Raffel et al., "mir_eval: a transparent implementation of common MIR metrics", ISMIR 2014; Bay, Ehmann,
Downie, "Evaluation of multiple-F0 estimation and tracking systems", ISMIR 2009.
"""

from typing import NamedTuple

import mir_eval
import numpy as np

from .errors import InputError
from .notes import Notes
from .sound import pitch_to_frequency

TOLERANCE = 0.05  # seconds, for onsets
PITCH_TOLERANCE = 50.0  # cents
OFFSET_RATIO = 0.2  # of the reference note's length, for offsets
GRID = 0.01  # seconds between the frames of Acc
PITCHES = 128  # MIDI numbers


class Match(NamedTuple):
    """Which notes answer which."""

    hits: np.ndarray  # (n, 2): indices into reference and estimate
    misses: np.ndarray  # indices of reference notes that no estimate hits
    extra: np.ndarray  # indices of estimated notes that hit nothing


def scores(reference: Notes, estimate: Notes, *, tolerance: float = TOLERANCE) -> dict[str, float]:
    """F, Fno and Acc, with the precision and recall behind the first two: P, R, Pno, Rno.

    Parameters
    ----------
    reference, estimate
        Notes of the same recording.
    tolerance
        Seconds, for onsets.

    Examples
    --------
    Two of three notes are found; one is cut short.

    >>> reference = Notes([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [60, 64, 67])
    >>> estimate = Notes([0.0, 1.04], [1.0, 1.5], [60, 64])
    >>> {name: round(value, 2) for name, value in scores(reference, estimate).items()}
    {'F': 0.4, 'P': 0.5, 'R': 0.33, 'Fno': 0.8, 'Pno': 1.0, 'Rno': 0.67, 'Acc': 0.49}
    """
    with_offset = _f_measure(reference, estimate, tolerance, OFFSET_RATIO)
    without = _f_measure(reference, estimate, tolerance, None)
    names = ("F", "P", "R", "Fno", "Pno", "Rno")
    return dict(zip(names, (*with_offset, *without), strict=True)) | {"Acc": accuracy(reference, estimate)}


def onset_scores(reference: Notes, estimate: Notes, *, tolerance: float = TOLERANCE) -> dict[str, float]:
    """Fno, Pno and Rno alone, which take a small part of the time."""
    return dict(zip(("Fno", "Pno", "Rno"), _f_measure(reference, estimate, tolerance, None), strict=True))


def accuracy(reference: Notes, estimate: Notes, *, grid: float = GRID) -> float:
    """Acc: pitches in both over pitches in either, counted at every `grid` seconds (eq-acc).

    >>> accuracy(Notes([0.0], [1.0], [60]), Notes([0.5], [1.0], [60]))
    0.5
    """
    if not len(reference) or not len(estimate):
        return 0.0
    times = np.arange(0, max(reference.seconds, estimate.seconds), grid)
    found = mir_eval.multipitch.evaluate(times, _sounding(reference, times), times, _sounding(estimate, times))
    return float(found["Accuracy"])


def match(reference: Notes, estimate: Notes, *, tolerance: float = TOLERANCE, offsets: bool = False) -> Match:
    """Hits, misses and extra notes; with `offsets`, a hit must end well too.

    >>> match(Notes([0.0, 1.0], [1.0, 2.0], [60, 64]), Notes([0.01, 1.0], [1.0, 2.0], [60, 65]))
    Match(hits=array([[0, 0]]), misses=array([1]), extra=array([1]))
    """
    pairs = []
    if len(reference) and len(estimate):
        ratio = OFFSET_RATIO if offsets else None
        pairs = mir_eval.transcription.match_notes(**_for_mir_eval(reference, estimate, tolerance, ratio))
    hits = np.array(sorted(pairs), dtype=int).reshape(-1, 2)
    misses = np.setdiff1d(np.arange(len(reference)), hits[:, 0])
    extra = np.setdiff1d(np.arange(len(estimate)), hits[:, 1])
    return Match(hits, misses, extra)


def above_sounding(reference: Notes, notes: Notes, *, distances=(12, 19, 24), tolerance: float = TOLERANCE):
    """Which of `notes` begin on a partial of a key that sounds: boolean, one for each note.

    Parameters
    ----------
    reference : Notes
        What sounds.
    notes : Notes
        The notes in question, each looked at when it begins.
    distances : sequence of int
        Semitones from a key up to its partials; 12, 19 and 24 are the second, third and fourth.
    tolerance : float
        Seconds by which a key may begin after the note.

    >>> above_sounding(Notes([0.0], [1.0], [48]), Notes([0.5, 0.5, 2.0], [1.0, 1.0, 3.0], [60, 61, 60])).tolist()
    [True, False, False]
    """
    begun = reference.onset <= notes.onset[:, None] + tolerance  # (notes, reference)
    sounding = begun & (notes.onset[:, None] < reference.offset)
    return (sounding & np.isin(notes.pitch[:, None] - reference.pitch, distances)).any(axis=1)


def bootstrap(values, *, samples: int = 10_000, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """An interval for the mean of some values: the mean of as many drawn again with replacement (eq-bootstrap).

    Parameters
    ----------
    values
        One for each piece, (n,): scores, or differences of two systems on the same pieces.
    samples
        How often to draw.
    level
        The share of the means that lie within the interval.
    seed
        Of the drawing.

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
    precision, recall, f_measure, _ = mir_eval.transcription.precision_recall_f1_overlap(
        **_for_mir_eval(reference, estimate, tolerance, offset_ratio)
    )
    return float(f_measure), float(precision), float(recall)


def _for_mir_eval(reference: Notes, estimate: Notes, tolerance: float, offset_ratio: float | None) -> dict:
    """The arguments that `mir_eval.transcription` takes, under its names."""
    return {
        "ref_intervals": reference.intervals,
        "ref_pitches": reference.frequencies,
        "est_intervals": estimate.intervals,
        "est_pitches": estimate.frequencies,
        "onset_tolerance": tolerance,
        "pitch_tolerance": PITCH_TOLERANCE,
        "offset_ratio": offset_ratio,
    }


def _sounding(notes: Notes, times: np.ndarray) -> list[np.ndarray]:
    """The frequencies in Hz that sound at each time, each once."""
    first = np.searchsorted(times, notes.onset)
    last = np.searchsorted(times, notes.offset)
    sounding = np.zeros((len(times), PITCHES), dtype=bool)
    for start, stop, pitch in zip(first, last, notes.pitch, strict=True):
        sounding[start:stop, pitch] = True
    frequencies = pitch_to_frequency(np.arange(PITCHES))
    return [frequencies[frame] for frame in sounding]
