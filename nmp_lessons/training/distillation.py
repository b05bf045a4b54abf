"""Learning from a larger network: what it outputs becomes part of the target.

Chapter ``beyond``. The teacher hears each window undisturbed, before it is augmented for the pupil.
"""

import math
from functools import cache

import torch

from ..model.network import Heads, Transcriber
from ..targets import on_contour_bins
from .checkpoints import load


def distilled(targets: Heads, features: torch.Tensor, *, teacher: str, share: float) -> Heads:
    """Targets that come to `share` from a teacher and for the rest from labels (eq-distilled).

    Parameters
    ----------
    targets
        Labels of the three heads, (batch, frames, 264 or 88), from 0 to 1.
    features
        What the teacher hears, (batch, frames, 309).
    teacher
        The name of a run. If positives had a weight in its loss, its logits are shifted back (eq-shifted).
    share
        From 0 (labels alone) to 1 (the teacher alone).

    Returns
    -------
    Heads
        Like `targets`. Yp follows from the mixed Yn, as it does for labels.
    """
    model, weight = _teacher(teacher)
    with torch.no_grad():
        logits = model.logits(features)
    note = (1 - share) * targets.note + share * logits.note.sigmoid()
    onset = (1 - share) * targets.onset + share * (logits.onset - math.log(weight)).sigmoid()
    contour = on_contour_bins(note.flatten(0, 1).numpy()).reshape(*note.shape[:2], -1)
    return Heads(torch.from_numpy(contour), note, onset)


@cache
def _teacher(name: str) -> tuple[Transcriber, float]:
    """A network, and the weight that positives had in its loss."""
    model, record = load(name)
    loss = record["recipe"]["loss"]
    return model.eval(), loss["positive"] if loss["kind"] == "weighted" else 1.0
