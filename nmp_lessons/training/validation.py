"""Scoring a network on validation clips, and fitting its decoder there."""

from collections.abc import Iterable

import numpy as np
import torch

from ..cqt import on_fixed_scale
from ..data.store import StoredClips, levels
from ..decoding.fitting import THRESHOLDS, best_threshold, fit_peak_decoder
from ..decoding.peak_decoder import PeakDecoder
from ..model.inference import feature_posteriors
from ..model.network import Transcriber
from ..model.posteriorgram import Posteriors
from ..notes.note_list import Notes


def clip_posteriors(model: Transcriber, stored: np.ndarray) -> Posteriors:
    """The posteriors of one stored clip, uint8 (frames, 309)."""
    return feature_posteriors(model, torch.from_numpy(on_fixed_scale(levels(stored)))[None])


def validate(
    model: Transcriber, corpus: StoredClips, *, clips: int = 12, thresholds: Iterable[float] = THRESHOLDS
) -> dict[str, float]:
    """The threshold at which simple peak picking has the highest mean Fno over some clips, and that Fno."""
    decoder, score = best_threshold(PeakDecoder(), _pairs(model, corpus, clips), thresholds=thresholds)
    return {"threshold": decoder.threshold, "Fno": score}


def fit_decoder(model: Transcriber, corpus: StoredClips, *, clips: int = 20) -> tuple[PeakDecoder, float]:
    """A decoder fitted to a network on validation clips (weights of the evidence and threshold), and its Fno there."""
    pairs = _pairs(model, corpus, clips)
    return best_threshold(fit_peak_decoder(pairs), pairs)


def _pairs(model: Transcriber, corpus: StoredClips, clips: int) -> list[tuple[Posteriors, Notes]]:
    """The posteriors of some clips, and their notes."""
    return [(clip_posteriors(model, corpus.features[i]), corpus.notes(i)) for i in range(min(clips, len(corpus)))]
