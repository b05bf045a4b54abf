"""Fitting a decoder to validation data: its weights, its threshold, or the options of the released algorithm."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
from scipy.special import expit

from ..constants import NMP, TOLERANCE
from ..errors import InputError
from ..evaluation import onset_scores
from ..model.posteriorgram import Posteriors
from ..notes.note_list import Notes
from .peak_decoder import PeakDecoder, candidates, evidence, held, onsets, strokes_at
from .released import decode

THRESHOLDS = tuple(np.arange(0.16, 0.98, 0.04).round(2).tolist())
RIDGE = 1e-3
CHOICES = {
    "onset_threshold": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99),
    "frame_threshold": (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6),
    "infer_onsets": (True, False),
    "melodia_trick": (True, False),
    "shortest": (1, 2, 3, 5, 7, 9, 11, 15),
    "patience": (1, 3, 5, 8, 11, 22),
    "neighbours": (0, 1, 2),
}  # values of the options of `decode` that `best_options` tries


def fit_peak_decoder(pairs: Sequence[tuple[Posteriors, Notes]], *, iterations: int = 20) -> PeakDecoder:
    """Fit the weights of a decoder to some recordings, by logistic regression (eq-logistic).

    Each reference note is matched with the highest candidate of its key within 50 ms. These candidates are true and
    all others false. Newton's method then maximises the likelihood (eq-newton), with a small ridge penalty.

    Parameters
    ----------
    pairs
        What a network outputs for each recording, and the reference.
    iterations
        Steps of Newton's method; seven or eight are usually enough.

    Raises
    ------
    InputError
        If all candidates are true, or all are false.
    """
    found = [(posteriors, *candidates(posteriors.onset), notes) for posteriors, notes in pairs]
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
    """What Newton's method minimises: the summed cross-entropy plus the ridge penalty."""
    z = x @ weights
    return float(np.logaddexp(0, z).sum() - y @ z + RIDGE / 2 * weights @ weights)


def _true(posteriors: Posteriors, frame: np.ndarray, key: np.ndarray, reference: Notes) -> np.ndarray:
    """1 for each candidate that is matched with a reference note, 0 for all others."""
    strokes = strokes_at(posteriors, frame, key)
    place, height = onsets(strokes, posteriors.times), strokes.height
    true = np.zeros(len(frame))
    for pitch in np.unique(reference.pitch):
        mine = np.flatnonzero(key == pitch - NMP.lowest_pitch)
        for onset in reference.onset[reference.pitch == pitch]:
            near = mine[(np.abs(place[mine] - onset) <= TOLERANCE) & (true[mine] == 0)]
            if len(near):
                true[near[height[near].argmax()]] = 1
    return true


def best_threshold(
    decoder: PeakDecoder, pairs: Sequence[tuple[Posteriors, Notes]], *, thresholds: Iterable[float] = THRESHOLDS
) -> tuple[PeakDecoder, float]:
    """The decoder with the threshold that has the best mean Fno on some recordings, and that Fno.

    All `thresholds` are tried.
    """
    found = [(posteriors, *decoder.candidates(posteriors), notes) for posteriors, notes in pairs]
    best, best_score = decoder, -1.0
    for threshold in sorted(thresholds, reverse=True):
        kept = [probability >= threshold for _, _, _, probability, _ in found]
        most = [_most(len(notes), int(mask.sum())) for mask, (*_, notes) in zip(kept, found, strict=True)]
        if np.mean(most) <= best_score:
            continue  # however well they matched
        scores = [
            onset_scores(
                notes, held(posteriors, strokes_at(posteriors, frame[mask], key[mask]), decoder.note_threshold)
            )["Fno"]
            for mask, (posteriors, frame, key, _, notes) in zip(kept, found, strict=True)
        ]
        if np.mean(scores) > best_score:
            best, best_score = replace(decoder, threshold=threshold), float(np.mean(scores))
    return best, best_score


def best_options(
    pairs: Sequence[tuple[Posteriors, Notes]], *, choices: Mapping[str, Sequence] = CHOICES
) -> tuple[dict, float]:
    """The options of `decode` with the best mean Fno found on some recordings, and that Fno.

    The search starts from the released settings. In each round it takes every two options in turn, tries all their
    combinations, and keeps the best. It stops when a whole round brings no improvement, so no change of one option or
    of two at once scores higher. A change of three might: all combinations of `CHOICES` are too many to try.

    This gives the released algorithm the same chance as our decoder: both are fitted to the same recordings.

    Parameters
    ----------
    pairs
        What a network outputs for each recording, and the reference.
    choices
        The values to try, by the name of the option. Options that are not named stay as released.

    Returns
    -------
    options, score
        The options by name, and the mean Fno on the recordings.
    """
    released = decode.__kwdefaults__ or {}
    best = {name: released[name] if released[name] in values else values[0] for name, values in choices.items()}
    best_score, tried, improved = _mean_fno(pairs, best), [], True
    groups = list(combinations(choices, 2)) or [tuple(choices)]
    while improved:
        improved = False
        for group in groups:
            for values in product(*(choices[name] for name in group)):
                options = best | dict(zip(group, values, strict=True))
                if options in tried:
                    continue
                tried.append(options)
                score = _mean_fno(pairs, options, above=best_score)
                if score > best_score:
                    best, best_score, improved = options, score, True
    return best, best_score


def _mean_fno(pairs: Sequence[tuple[Posteriors, Notes]], options: Mapping[str, Any], above: float = 0.0) -> float:
    """Mean Fno of `decode` with these options; 0 if the numbers of notes alone show that it is not `above`."""
    found = [(notes, decode(posteriors, **options)) for posteriors, notes in pairs]
    if np.mean([_most(len(notes), len(estimate)) for notes, estimate in found]) <= above:
        return 0.0
    return float(np.mean([onset_scores(notes, estimate)["Fno"] for notes, estimate in found]))


def _most(reference: int, estimate: int) -> float:
    """The F-measure if every note of the shorter list were a hit: an upper bound."""
    return 2 * min(reference, estimate) / max(reference + estimate, 1)
