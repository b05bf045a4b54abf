"""Other networks over the same input: attention, memory, and a small one of our own.

Chapter ``beyond``. Each takes the stack of harmonics that NMP takes, answers with the same three heads, learns by the
same loop from the same data, and is judged on the same clips (`ablations`); so what differs is the network alone.

- `Transformer`: patches of four frames by one key; attention among the keys of a moment, then among the moments of a
  key, both by relative position: by interval, and by distance in time.
- `Recurrent`: every key's features are read forward and backward in time by one gated memory, the same for all keys.
- `Compact`: blocks that mix first over intervals and time, each channel for itself, and then over channels.

Conventions: inside, tensors are (batch, frames, keys, width); heads are (batch, frames, bins) as everywhere.

Source: Vaswani et al., NIPS 2017; Shaw, Uszkoreit, Vaswani, NAACL 2018 (relative positions); Cho et al., EMNLP 2014
(gated memory); Liu et al., CVPR 2022 (separable blocks).
"""

import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .constants import NMP
from .errors import InputError
from .model import Heads, NMPNet, Transcriber, layers

SEMITONE = NMP.bins_per_semitone


@dataclass(frozen=True)
class Design:
    """What the settings of all these networks share: they see what `Config(normalisation="fixed")` sees."""

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


@dataclass(frozen=True)
class TransformerConfig(Design):
    """Settings of a `Transformer`.

    Parameters
    ----------
    width
        Numbers that stand for a patch.
    depth
        Blocks.
    heads
        Attentions side by side; `width` is a multiple.
    hidden
        Width of the layer inside each block.
    patch
        Frames in a patch.
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


@dataclass(frozen=True)
class RecurrentConfig(Design):
    """Settings of a `Recurrent`: features of a key and moment, and numbers that each direction remembers."""

    kind: str = "recurrent"
    width: int = 24
    memory: int = 32

    def network(self) -> "Recurrent":
        return Recurrent(self)


@dataclass(frozen=True)
class CompactConfig(Design):
    """Settings of a `Compact`.

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
        Frames that share their features: each answers for them all.
    """

    kind: str = "compact"
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

    def network(self) -> "Compact":
        return Compact(self)


class _ByKeys(Transcriber):
    """A network that turns the stack into features of each key at once, and reads all heads from the last ones."""

    OUTPUTS = ("out",)

    def heads(self, out: torch.Tensor) -> Heads:
        """Five numbers a key and frame, (batch, frames, 88, 5), as logits: three of Yp, one of Yn, one of Yo."""
        return Heads(out[..., :SEMITONE].flatten(-2), out[..., SEMITONE], out[..., SEMITONE + 1])


def _unpatched(out: torch.Tensor, patch: int) -> torch.Tensor:
    """(batch, moments, keys, patch · 5) -> (batch, moments · patch, keys, 5)."""
    return out.unflatten(-1, (patch, -1)).transpose(2, 3).flatten(1, 2)


# Attention


class Attention(nn.Module):
    """Every place of a row asks all others within `reach` what they know (eq-attention).

    Places have no numbers: what counts is what stands there, and how far away (eq-relative).

    Parameters
    ----------
    width, heads
        Of a place, and how many attentions share it.
    reach
        The farthest distance.

    Examples
    --------
    >>> attention = Attention(8, heads=2, reach=3)
    >>> tuple(attention(torch.zeros(5, 10, 8)).shape)
    (5, 10, 8)
    """

    def __init__(self, width: int, *, heads: int, reach: int):
        super().__init__()
        self.count, self.reach = heads, reach
        self.ask = nn.Linear(width, 3 * width, bias=False)
        self.distance = nn.Parameter(torch.zeros(heads, 2 * reach + 1))
        self.answer = nn.Linear(width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(rows, places, width) -> the same shape."""
        weights, values = self.weights(x)  # (rows, blocks, heads, asking, asked), (rows, blocks, heads, asked, ·)
        heard = (weights @ values).transpose(2, 3).flatten(3).flatten(1, 2)
        return self.answer(heard[:, : x.shape[1]])

    def weights(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Whom each place listens to, and what it would hear, block by block.

        A row longer than `reach` is cut into blocks of that many places; each asks itself and its two neighbours, so
        that the work grows with the length of the row and not with its square.
        """
        rows, places, width = x.shape
        size, side = (places, 0) if places <= self.reach + 1 else (self.reach, self.reach)
        blocks = -(-places // size)
        padded = F.pad(self.ask(x), (0, 0, 0, blocks * size - places))
        asks, keys, values = padded.unflatten(-1, (3, self.count, width // self.count)).unbind(2)
        asks = asks.unflatten(1, (blocks, size)).transpose(2, 3)  # (rows, blocks, heads, size, ·)
        keys, values = (_neighbourhoods(each, size, side) for each in (keys, values))
        scores = asks @ keys.mT / (width // self.count) ** 0.5
        weights = (scores + self._distances(places, blocks, size, side)).softmax(dim=-1)
        return weights, values

    def _distances(self, places: int, blocks: int, size: int, side: int) -> torch.Tensor:
        """What a distance adds to a score, (blocks, heads, size, asked); minus infinity where nobody is."""
        asked = torch.arange(-side, size + side)
        apart = asked - torch.arange(size)[:, None]
        bias = self.distance[:, (apart + self.reach).clamp(0, 2 * self.reach)]
        place = torch.arange(blocks)[:, None] * size + asked  # (blocks, asked)
        there = ((place >= 0) & (place < places))[:, None, :] & (apart.abs() <= self.reach)
        return bias.masked_fill(~there[:, None], -torch.inf)


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
    def reach(self) -> int:
        """Each block looks so many patches far."""
        return self.config.patch * self.config.patches * self.config.depth


# Memory


class Recurrent(_ByKeys):
    """One gated memory for all keys, forward and backward in time (eq-gates, eq-remember).

    >>> net = RecurrentConfig().network()
    >>> sum(weights.numel() for weights in net.parameters())
    16311
    """

    def __init__(self, config: RecurrentConfig = RecurrentConfig()):
        super().__init__(config)
        self.features_of_key = _way_in(len(self.stacking.harmonics), config.width)
        self.memory = nn.GRU(config.width, config.memory, bidirectional=True)
        self.out = nn.Linear(2 * config.memory, SEMITONE + 2)
        self.to(memory_format=torch.channels_last)

    def logits(self, features: torch.Tensor) -> Heads:
        """The heads before their sigmoids, from features (batch, frames, 309)."""
        x = self.features_of_key(self.stack(features))  # (batch, width, frames, keys)
        batch, width, frames, keys = x.shape
        heard, _ = self.memory(x.permute(2, 0, 3, 1).reshape(frames, batch * keys, width))
        return self.heads(self.out(heard).view(frames, batch, keys, -1).transpose(0, 1))

    @property
    def reach(self) -> int:
        """A memory reaches without end; it has learned on two seconds, and gets as much on either side."""
        return NMP.window_frames


def _way_in(harmonics: int, width: int, *, patch: int = 1) -> nn.Sequential:
    """From the stack, in thirds of a semitone, to features of each key and patch: (batch, width, moments, 88)."""
    conv = nn.Conv2d(harmonics, width, (patch + 4, 5), stride=(patch, SEMITONE), padding=2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width, momentum=0.01), nn.ReLU())


# Blocks


class Mixing(nn.Module):
    """A filter in time and one over intervals for each channel, then a small network of each place, and the input again.

    >>> block = Mixing(CompactConfig(width=4, hidden=8), dilation=2)
    >>> tuple(block(torch.zeros(1, 20, 88, 4)).shape)
    (1, 20, 88, 4)
    """

    def __init__(self, config: CompactConfig, dilation: int):
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


class Compact(_ByKeys):
    """A network of at most 30,000 parameters that sees every interval within three octaves, and a second around.

    >>> net = CompactConfig().network()
    >>> sum(weights.numel() for weights in net.parameters())
    28204
    """

    def __init__(self, config: CompactConfig = CompactConfig()):
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
    def reach(self) -> int:
        """Half the length of every filter in time, added."""
        return self.config.patch * (2 + self.config.taps // 2 * sum(self.config.dilations))


CONFIGS = {config.kind: config for config in (TransformerConfig, RecurrentConfig, CompactConfig)}


def config_of(values: dict) -> Design:
    """Settings from a record.

    >>> config_of({"kind": "recurrent", "memory": 8}).memory
    8
    """
    if values.get("kind") not in CONFIGS:
        raise InputError(f"kind={values.get('kind')!r}: no such network; there are {', '.join(CONFIGS)}.")
    return CONFIGS[values["kind"]](**values)


# Looking inside


class Listening(NamedTuple):
    """Whom every place of a block listens to: weights [..., asking, asked] that sum to 1 over the asked."""

    keys: np.ndarray  # (moments, heads, 88, 88)
    time: np.ndarray  # (88, heads, moments, moments); 0 beyond the reach


@torch.inference_mode()
def listening(model: Transformer, features: torch.Tensor) -> list[Listening]:
    """What each block of a transformer attends to in features (1, frames, 309), the first block first.

    Memory grows with the square of the length: give it some seconds.

    >>> first, _ = listening(TransformerConfig().network(), torch.rand(1, 80, NMP.cqt_bins))
    >>> first.keys.shape, first.time.shape
    ((20, 2, 88, 88), (88, 2, 20, 20))
    """
    found = {}

    def keep(attention: Attention, given: tuple[torch.Tensor]) -> None:
        found[attention] = _whole_weights(attention, given[0]).numpy()

    hooks = [each.register_forward_pre_hook(keep) for each in model.modules() if isinstance(each, Attention)]
    try:
        model.eval().logits(features)
    finally:
        for hook in hooks:
            hook.remove()
    return [Listening(found[block.keys], found[block.time]) for block in model.blocks]


def _whole_weights(attention: Attention, x: torch.Tensor) -> torch.Tensor:
    """The blocks of `Attention.weights` put in their places, (rows, heads, asking, asked)."""
    weights, _ = attention.weights(x)
    rows, blocks, heads, size, asked = weights.shape
    side, places = (asked - size) // 2, x.shape[1]
    whole = weights.new_zeros(rows, heads, blocks * size, blocks * size + 2 * side)
    for i in range(blocks):
        whole[:, :, i * size : (i + 1) * size, i * size : i * size + asked] = weights[:, i]
    return whole[:, :, :places, side : side + places]


def by_distance(weights: np.ndarray, reach: int) -> np.ndarray:
    """The mean weight at each distance from −reach to reach, where both places exist: (..., 2 · reach + 1).

    >>> by_distance(np.array([[0.5, 0.5], [0.25, 0.75]]), 1).tolist()
    [0.25, 0.625, 0.5]
    """
    diagonals = [np.diagonal(weights, d, axis1=-2, axis2=-1) for d in range(-reach, reach + 1)]
    return np.stack([d.mean(axis=-1) if d.shape[-1] else np.zeros(d.shape[:-1]) for d in diagonals], axis=-1)


def multiply_adds(model: Transcriber, *, frames: int = NMP.window_frames) -> float:
    """Multiply–adds for each frame, from the stack on, counted while the network runs (eq-attention-cost).

    A network of `nmp_lessons.model` has its own count, since its fast sums are fewer.

    >>> multiply_adds(RecurrentConfig().network())
    1396736.0
    """
    if isinstance(model, NMPNet):
        return float(sum(layer.macs for layer in layers(model)))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.logits(torch.zeros(1, frames, NMP.cqt_bins))
    return counter.get_total_flops() / 2 / frames


# In fewer bits


class Codes(NamedTuple):
    """A tensor in whole numbers from 0 to 2^bits − 1: its values are scale · (code − zero) (eq-codes)."""

    codes: torch.Tensor
    scale: torch.Tensor
    zero: torch.Tensor

    @property
    def values(self) -> torch.Tensor:
        """The tensor again, rounded."""
        return self.scale * (self.codes - self.zero)


def quantise(x: torch.Tensor, bits: int = 8, *, per_channel: bool = False) -> Codes:
    """The tensor on an even grid from its least to its greatest value, 0 among them (eq-codes).

    Parameters
    ----------
    x
        Any shape; output channels first.
    bits
        Of a code.
    per_channel
        A grid for each output channel, rather than one for all.

    Raises
    ------
    InputError
        If there is less than one bit, more than 16, or a value that is not finite.

    Examples
    --------
    >>> found = quantise(torch.tensor([-1.0, 0.0, 0.4, 2.0]), bits=2)
    >>> found.codes.tolist(), found.values.tolist()
    ([0.0, 1.0, 1.0, 3.0], [-1.0, 0.0, 0.0, 2.0])
    """
    if not 1 <= bits <= 16:
        raise InputError(f"bits={bits}: give 1 to 16.")
    if not x.isfinite().all():
        raise InputError("quantise: the tensor has values that are not finite.")
    rows = x.reshape(len(x) if per_channel else 1, -1)
    low, high = rows.amin(dim=1).clamp(max=0), rows.amax(dim=1).clamp(min=0)
    highest = 2**bits - 1
    scale = ((high - low) / highest).clamp(min=1e-12)
    zero = (-low / scale).round()
    scale, zero = (each.view(-1, *[1] * (x.ndim - 1)) for each in (scale, zero))
    return Codes(((x / scale).round() + zero).clamp(0, highest), scale, zero)


def quantised(model: nn.Module, bits: int = 8, *, per_channel: bool = True) -> nn.Module:
    """A copy of a network whose filters and matrices have rounded weights; biases and normalisations stay.

    It computes in float32 as before, so it tells what the rounding costs, and not what it saves.
    """
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for weights in _many_valued(rounded):
            weights.copy_(quantise(weights, bits, per_channel=per_channel).values)
    return rounded


def stored_bytes(model: nn.Module, bits: int = 32, *, per_channel: bool = True) -> int:
    """Bytes of all that is trained: `bits` for each weight that `quantised` rounds, with a scale of four bytes and a
    zero of one for each grid; four bytes for every other number. With 32 bits nothing is rounded.

    >>> stored_bytes(nn.Linear(10, 4)), stored_bytes(nn.Linear(10, 4), 8)
    (176, 76)
    """
    parameters = sum(weights.numel() for weights in model.parameters())
    if bits == 32:
        return 4 * parameters
    many = _many_valued(model)
    rounded = sum(weights.numel() for weights in many)
    grids = sum(len(weights) if per_channel else 1 for weights in many)
    return -(-bits * rounded // 8) + 5 * grids + 4 * (parameters - rounded)


def _many_valued(model: nn.Module) -> list[nn.Parameter]:
    """Filters and matrices: parameters of two axes or more."""
    return [weights for weights in model.parameters() if weights.ndim > 1]
