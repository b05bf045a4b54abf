"""A small transformer over patches of the stack: attention among keys, then among moments, by relative position.

Source: Vaswani et al., NIPS 2017; Shaw, Uszkoreit, Vaswani, NAACL 2018 (relative positions).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..constants import NMP
from ..errors import InputError
from ..model.network import Heads
from .design import SEMITONE, Design, _ByKeys, _unpatched


@dataclass(frozen=True)
class TransformerConfig(Design):
    """Settings of a `Transformer`.

    Parameters
    ----------
    width
        Features of a patch.
    depth
        Number of blocks.
    heads
        Heads of each attention; `width` is a multiple of it.
    hidden
        Width of the layer inside each block.
    patch
        Frames in a patch. A delay by less than this changes the outputs (see the chapter).
    patches
        How many patches before and after its own a patch can attend to.
    """

    kind: str = "transformer"
    width: int = 24
    depth: int = 2
    heads: int = 2
    hidden: int = 36
    patch: int = 4
    patches: int = 14

    def __post_init__(self):
        if self.width % self.heads:
            raise InputError(f"width={self.width}: give a multiple of heads={self.heads}.")

    def network(self) -> "Transformer":
        return Transformer(self)


class Attention(nn.Module):
    """Attention of every place of a row to all places within `reach` (eq-attention), by relative position.

    A score depends on the features of the two places and on their distance, and on nothing else (eq-relative).

    Parameters
    ----------
    width, heads
        Features of a place, and the number of heads that share them.
    reach
        The largest distance that is attended to.

    Examples
    --------
    >>> attention = Attention(8, heads=2, reach=3)
    >>> tuple(attention(torch.zeros(5, 10, 8)).shape)
    (5, 10, 8)
    """

    def __init__(self, width: int, *, heads: int, reach: int):
        super().__init__()
        self.count, self.reach = heads, reach
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.distance = nn.Parameter(torch.zeros(heads, 2 * reach + 1))
        self.output = nn.Linear(width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(rows, places, width) -> the same shape."""
        weights, values = self.weights(x)  # (rows, blocks, heads, query, key), (rows, blocks, heads, key, ·)
        attended = (weights @ values).transpose(2, 3).flatten(3).flatten(1, 2)
        return self.output(attended[:, : x.shape[1]])

    def weights(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Attention weights and values, block by block.

        A row longer than `reach` is cut into blocks of that many places; the queries of a block meet the keys of
        that block and of its two neighbours, so that the work grows with the length of the row and not with its
        square.
        """
        rows, places, width = x.shape
        size, side = (places, 0) if places <= self.reach + 1 else (self.reach, self.reach)
        blocks = -(-places // size)
        padded = F.pad(self.qkv(x), (0, 0, 0, blocks * size - places))
        queries, keys, values = padded.unflatten(-1, (3, self.count, width // self.count)).unbind(2)
        queries = queries.unflatten(1, (blocks, size)).transpose(2, 3)  # (rows, blocks, heads, size, ·)
        keys, values = (_neighbourhoods(each, size, side) for each in (keys, values))
        scores = queries @ keys.mT / (width // self.count) ** 0.5
        weights = (scores + self._distances(places, blocks, size, side)).softmax(dim=-1)
        return weights, values

    def _distances(self, places: int, blocks: int, size: int, side: int) -> torch.Tensor:
        """What a distance adds to a score, (blocks, heads, query, key); minus infinity where there is no such place."""
        key = torch.arange(-side, size + side)
        apart = key - torch.arange(size)[:, None]
        bias = self.distance[:, (apart + self.reach).clamp(0, 2 * self.reach)]
        place = torch.arange(blocks)[:, None] * size + key  # (blocks, key)
        exists = ((place >= 0) & (place < places))[:, None, :] & (apart.abs() <= self.reach)
        return bias.masked_fill(~exists[:, None], -torch.inf)


def _neighbourhoods(x: torch.Tensor, size: int, side: int) -> torch.Tensor:
    """(rows, places, heads, ·) -> (rows, blocks, heads, size + 2 · side, ·)."""
    return F.pad(x, (0, 0, 0, 0, side, side)).unfold(1, size + 2 * side, size).permute(0, 1, 2, 4, 3)


class AxialBlock(nn.Module):
    """Attention among the keys of each moment, among the moments of each key, and a layer for each place alone."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        width = config.width
        self.keys = Attention(width, heads=config.heads, reach=NMP.keys - 1)
        self.time = Attention(width, heads=config.heads, reach=config.patches)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.wide, self.narrow = nn.Linear(width, config.hidden), nn.Linear(config.hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, moments, keys, width) -> the same shape."""
        batch, moments, keys, width = x.shape
        x = x + self.keys(self.norms[0](x).flatten(0, 1)).view_as(x)
        by_key = self.norms[1](x).transpose(1, 2).flatten(0, 1)  # (batch · keys, moments, width)
        x = x + self.time(by_key).view(batch, keys, moments, width).transpose(1, 2)
        return x + self.narrow(F.gelu(self.wide(self.norms[2](x))))


class Transformer(_ByKeys):
    """A small transformer over patches of the stack.

    >>> net = TransformerConfig().network()
    >>> sum(weights.numel() for weights in net.parameters())
    16774
    >>> tuple(net.logits(torch.zeros(1, 30, NMP.cqt_bins)).onset.shape)
    (1, 30, 88)
    """

    def __init__(self, config: TransformerConfig = TransformerConfig()):
        super().__init__(config)
        size = (config.patch, SEMITONE)
        self.patches = nn.Conv2d(len(self.stacking.harmonics), config.width, size, stride=size, padding=(0, 1))
        self.blocks = nn.ModuleList(AxialBlock(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, config.patch * (SEMITONE + 2))
        self.to(memory_format=torch.channels_last)

    def logits(self, features: torch.Tensor) -> Heads:
        """The heads before their sigmoids, from features (batch, frames, 309)."""
        frames = features.shape[1]
        short = -frames % self.config.patch
        stack = F.pad(self.stack(features), (0, 0, 0, short), mode="replicate")
        x = self.patches(stack).permute(0, 2, 3, 1)  # (batch, moments, keys, width)
        for block in self.blocks:
            x = block(x)
        return self.heads(_unpatched(self.out(self.norm(x)), self.config.patch)[:, :frames])

    @property
    def context(self) -> int:
        """Each block attends to so many patches on either side."""
        return self.config.patch * self.config.patches * self.config.depth


class AttentionWeights(NamedTuple):
    """The attention weights of one block, [..., query, key], which sum to 1 over the keys."""

    keys: np.ndarray  # (moments, heads, 88, 88), among the piano's keys of a moment
    time: np.ndarray  # (88, heads, moments, moments), among the moments of a key; 0 beyond the reach


@torch.inference_mode()
def attention_weights(model: Transformer, features: torch.Tensor) -> list[AttentionWeights]:
    """The attention weights of a transformer on features (1, frames, 309), the first block first.

    Memory grows with the square of the length, so give it a few seconds at most.

    >>> first, _ = attention_weights(TransformerConfig().network(), torch.rand(1, 80, NMP.cqt_bins))
    >>> first.keys.shape, first.time.shape
    ((20, 2, 88, 88), (88, 2, 20, 20))
    """
    weights: list[np.ndarray] = []  # of keys and time in turn, in the order in which the blocks run

    def keep(attention: Attention, inputs: tuple[torch.Tensor]) -> None:
        weights.append(_joined_weights(attention, inputs[0]).numpy())

    hooks = [each.register_forward_pre_hook(keep) for each in model.modules() if isinstance(each, Attention)]
    try:
        model.eval().logits(features)
    finally:
        for hook in hooks:
            hook.remove()
    return [AttentionWeights(keys, time) for keys, time in zip(weights[::2], weights[1::2], strict=True)]


def _joined_weights(attention: Attention, x: torch.Tensor) -> torch.Tensor:
    """The blocks of `Attention.weights` put in their places, (rows, heads, query, key)."""
    weights, _ = attention.weights(x)
    rows, blocks, heads, size, keys = weights.shape
    side, places = (keys - size) // 2, x.shape[1]
    joined = weights.new_zeros(rows, heads, blocks * size, blocks * size + 2 * side)
    for i in range(blocks):
        joined[:, :, i * size : (i + 1) * size, i * size : i * size + keys] = weights[:, i]
    return joined[:, :, :places, side : side + places]


def by_distance(weights: np.ndarray, reach: int) -> np.ndarray:
    """The mean weight at each distance from −reach to reach, where both places exist: (..., 2 · reach + 1).

    >>> by_distance(np.array([[0.5, 0.5], [0.25, 0.75]]), 1).tolist()
    [0.25, 0.625, 0.5]
    """
    diagonals = [np.diagonal(weights, d, axis1=-2, axis2=-1) for d in range(-reach, reach + 1)]
    return np.stack([d.mean(axis=-1) if d.shape[-1] else np.zeros(d.shape[:-1]) for d in diagonals], axis=-1)
