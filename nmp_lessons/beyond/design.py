"""What the networks of this chapter share: their input, their heads, and the first layer behind the stack."""

from dataclasses import dataclass

import torch
from torch import nn

from ..constants import NMP
from ..model.network import Heads, Transcriber

SEMITONE = NMP.bins_per_semitone


@dataclass(frozen=True)
class Design:
    """What the settings of all these networks share: their input is that of `Config(normalisation="fixed")`."""

    kind: str = ""

    stacking = True
    harmonics = NMP.harmonics
    normalisation = "fixed"
    fill = "silence"
    contour = True
    median = 1

    def network(self) -> Transcriber:
        """The network of these settings, with random weights."""
        raise NotImplementedError


class _ByKeys(Transcriber):
    """A network that first turns the stack into features of each key, and reads all heads from its last features."""

    OUTPUTS = ("out",)

    def heads(self, out: torch.Tensor) -> Heads:
        """Five numbers a key and frame, (batch, frames, 88, 5), as logits: three of Yp, one of Yn, one of Yo."""
        return Heads(out[..., :SEMITONE].flatten(-2), out[..., SEMITONE], out[..., SEMITONE + 1])


def _unpatched(out: torch.Tensor, patch: int) -> torch.Tensor:
    """(batch, moments, keys, patch · 5) -> (batch, moments · patch, keys, 5)."""
    return out.unflatten(-1, (patch, -1)).transpose(2, 3).flatten(1, 2)


def _way_in(harmonics: int, width: int, *, patch: int = 1) -> nn.Sequential:
    """From the stack, in thirds of a semitone, to features of each key and patch: (batch, width, moments, 88)."""
    conv = nn.Conv2d(harmonics, width, (patch + 4, 5), stride=(patch, SEMITONE), padding=2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width, momentum=0.01), nn.ReLU())
