"""What a decoder learns on validation data: weights, a threshold, the released algorithm's options."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from scipy.special import expit

from ..constants import NMP
from ..errors import InputError
from ..evaluation import TOLERANCE, onset_scores
from ..model.posteriorgram import Posteriors
from ..notes.note_list import Notes
from .peak_decoder import PeakDecoder, _between_frames, _hysteresis, candidates, evidence
from .released import decode

THRESHOLDS = tuple(np.arange(0.16, 0.98, 0.04).round(2).tolist())
RIDGE = 1e-3
CHOICES = {
    "onset_threshold": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
    "frame_threshold": (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6),
    "infer_onsets": (True, False),
    "melodia_trick": (True, False),
}  # of `decode`, for `best_options`


def fit_peak_decoder(pairs: Sequence[tuple[Posteriors, Notes]], *, iterations: int = 20) -> PeakDecoder:
    """A decoder whose weights make its probabilities true on some recordings: a logistic regression.

    Each reference note is matched with the highest candidate of its key within 50 ms; all other candidates are
    false. Newton's method then maximises the likelihood (eq-newton), held by a small ridge.
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
    """What Newton's method lowers: the cross-entropy, summed, and the ridge."""
    z = x @ weights
    return float(np.logaddexp(0, z).sum() - y @ z + RIDGE / 2 * weights @ weights)


def _true(posteriors: Posteriors, frame: np.ndarray, key: np.ndarray, reference: Notes) -> np.ndarray:
    """1 for each candidate that is matched with a reference note, else 0."""
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
    decoder: PeakDecoder, pairs: Sequence[tuple[Posteriors, Notes]], *, thresholds: Iterable[float] = THRESHOLDS
) -> tuple[PeakDecoder, float]:
    """The decoder with the threshold that gives the best mean Fno on some recordings, and that Fno."""
    found = [(posteriors, *decoder.candidates(posteriors), notes) for posteriors, notes in pairs]
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


def best_options(
    pairs: Sequence[tuple[Posteriors, Notes]], *, choices: Mapping[str, Sequence] = CHOICES
) -> tuple[dict, float]:
    """The options of `decode` that give the best mean Fno on some recordings, and that Fno; all are tried.

    So the released algorithm can be compared with ours on equal terms: both learned from the same recordings.
    """
    tried: list[dict[str, Any]] = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    scores = [
        float(np.mean([onset_scores(notes, decode(posteriors, **options))["Fno"] for posteriors, notes in pairs]))
        for options in tried
    ]
    best = int(np.argmax(scores))
    return tried[best], scores[best]


def _most(reference: int, estimate: int) -> float:
    """The F-measure if every note of the shorter list were a hit."""
    return 2 * min(reference, estimate) / max(reference + estimate, 1)
