"""A gated recurrent network: one GRU for all keys, forward and backward in time.

Source: Cho et al., EMNLP 2014.
"""

from dataclasses import dataclass

import torch
from torch import nn

from ..constants import NMP
from ..model.network import Heads
from .design import SEMITONE, Design, _ByKeys, _way_in


@dataclass(frozen=True)
class GRUConfig(Design):
    """Settings of a `GRUNet`: features of a key and moment, and the size of each direction's hidden state."""

    kind: str = "gru"
    width: int = 24
    hidden: int = 32

    def network(self) -> "GRUNet":
        return GRUNet(self)


class GRUNet(_ByKeys):
    """One GRU for all keys, forward and backward in time (eq-gates, eq-remember).

    >>> net = GRUConfig().network()
    >>> sum(weights.numel() for weights in net.parameters())
    16311
    """

    def __init__(self, config: GRUConfig = GRUConfig()):
        super().__init__(config)
        self.features_of_key = _way_in(len(self.stacking.harmonics), config.width)
        self.gru = nn.GRU(config.width, config.hidden, bidirectional=True)
        self.out = nn.Linear(2 * config.hidden, SEMITONE + 2)
        self.to(memory_format=torch.channels_last)

    def logits(self, features: torch.Tensor) -> Heads:
        """The heads before their sigmoids, from features (batch, frames, 309)."""
        x = self.features_of_key(self.stack(features))  # (batch, width, frames, keys)
        batch, width, frames, keys = x.shape
        hidden, _ = self.gru(x.permute(2, 0, 3, 1).reshape(frames, batch * keys, width))
        return self.heads(self.out(hidden).view(frames, batch, keys, -1).transpose(0, 1))

    @property
    def context(self) -> int:
        """A GRU's context is unlimited. Trained on two seconds, this one gets as much on either side of a cut."""
        return NMP.window_frames
