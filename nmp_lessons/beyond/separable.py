"""A small network of separable blocks: filters in time and over intervals, then a layer for each place alone.

Source: Liu et al., CVPR 2022 (separable blocks).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..constants import NMP
from ..errors import InputError
from ..model.network import Heads
from .design import SEMITONE, Design, _ByKeys, _unpatched, _way_in


@dataclass(frozen=True)
class SeparableConfig(Design):
    """Settings of a `SeparableNet`.

    Parameters
    ----------
    width
        Features of a key and moment.
    hidden
        Width inside each block.
    dilations
        One for each block: frames from one tap of its filter in time to the next.
    taps
        Of that filter, odd.
    intervals
        How many keys up and down a block sees.
    patch
        Frames that share their features. A delay by less than this changes the outputs (see the chapter).
    """

    kind: str = "separable"
    width: int = 28
    hidden: int = 48
    patch: int = 2
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    taps: int = 7
    intervals: int = 40

    def __post_init__(self):
        object.__setattr__(self, "dilations", tuple(self.dilations))
        if self.taps % 2 == 0:
            raise InputError(f"taps={self.taps}: give an odd number.")

    def network(self) -> "SeparableNet":
        return SeparableNet(self)


class Mixing(nn.Module):
    """A residual block: for each channel a filter in time and one over intervals, then a small network at each place.

    >>> block = Mixing(SeparableConfig(width=4, hidden=8), dilation=2)
    >>> tuple(block(torch.zeros(1, 20, 88, 4)).shape)
    (1, 20, 88, 4)
    """

    def __init__(self, config: SeparableConfig, dilation: int):
        super().__init__()
        width, self.dilation, self.intervals = config.width, dilation, config.intervals
        self.time = nn.Parameter(torch.randn(config.taps, width) / config.taps**0.5)
        self.interval = nn.Parameter(torch.randn(width, 2 * config.intervals + 1) / 9)
        self.norm = nn.BatchNorm2d(width, momentum=0.01)
        self.wide, self.narrow = nn.Linear(width, config.hidden), nn.Linear(config.hidden, width)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, frames, keys, width) -> the same shape."""
        mixed = self._over_intervals(self._in_time(x))
        normed = self.norm(mixed.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + self.narrow(F.relu(self.wide(normed)))

    def _in_time(self, x: torch.Tensor) -> torch.Tensor:
        channels_first = x.permute(0, 3, 1, 2)
        side = self.dilation * (len(self.time) // 2)
        kernel = self.time.T[:, None, :, None]
        made = F.conv2d(channels_first, kernel, padding=(side, 0), dilation=(self.dilation, 1), groups=x.shape[-1])
        return made.permute(0, 2, 3, 1)

    def _over_intervals(self, x: torch.Tensor) -> torch.Tensor:
        """Each channel's keys times a matrix that is constant along its diagonals (eq-intervals)."""
        apart = torch.arange(NMP.keys)[:, None] - torch.arange(NMP.keys)  # from key to key
        seen = apart.abs() <= self.intervals
        matrix = self.interval[:, apart.clamp(-self.intervals, self.intervals) + self.intervals] * seen
        batch, frames, keys, width = x.shape
        by_channel = x.permute(3, 0, 1, 2).reshape(width, batch * frames, keys)
        return (by_channel @ matrix).view(width, batch, frames, keys).permute(1, 2, 3, 0)


class SeparableNet(_ByKeys):
    """A network of at most 30,000 parameters that sees all intervals up to 40 semitones, and a second on either side.

    >>> net = SeparableConfig().network()
    >>> sum(weights.numel() for weights in net.parameters())
    28204
    """

    def __init__(self, config: SeparableConfig = SeparableConfig()):
        super().__init__(config)
        self.features_of_key = _way_in(len(self.stacking.harmonics), config.width, patch=config.patch)
        self.blocks = nn.ModuleList(Mixing(config, dilation) for dilation in config.dilations)
        self.out = nn.Linear(config.width, config.patch * (SEMITONE + 2))
        self.to(memory_format=torch.channels_last)

    def logits(self, features: torch.Tensor) -> Heads:
        """The heads before their sigmoids, from features (batch, frames, 309)."""
        frames, patch = features.shape[1], self.config.patch
        stack = F.pad(self.stack(features), (0, 0, 0, -frames % patch), mode="replicate")
        x = self.features_of_key(stack).permute(0, 2, 3, 1)  # (batch, moments, keys, width)
        for block in self.blocks:
            x = block(x)
        return self.heads(_unpatched(self.out(x), patch)[:, :frames])

    @property
    def context(self) -> int:
        """Half the length of every filter in time, added."""
        return self.config.patch * (2 + self.config.taps // 2 * sum(self.config.dilations))
