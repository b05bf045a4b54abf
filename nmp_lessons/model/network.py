"""The network NMP: its settings (`Config`), its layers (`NMPNet`), and what all networks share (`Transcriber`).

Tensors are (batch, channels, frames, bins); kernels are time × frequency.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from .._fast.convolution import Conv
from ..constants import NMP
from ..cqt import CQT, NORMALISATIONS, SILENCE
from ..errors import InputError
from ..harmonic_stacking import HarmonicStacking

CHOICES = {
    "missing": ("off", "series", "parallel"),
    "padding": ("released", "centred"),
    "normalisation": ("released", "fixed"),
    "fill": ("zero", "silence"),
}


@dataclass(frozen=True)
class Config:
    """The settings of the network; the defaults give the released network.

    Parameters
    ----------
    stacking
        Stack the harmonics. Without it, the network sees the transform alone.
    harmonics
        Which harmonics, as multiples of the fundamental.
    contour
        Predict Yp and compute Yn from it. Without it, Yn is computed from the eight channels before it.
    missing
        The 5×5 layer that the paper's figure shows and the released network lacks: "off", in "series" before the
        3×39 layer, or "parallel" to it.
    missing_filters
        The number of its filters; the source had 32.
    padding
        For the layers with stride 3: "released" centres key n's kernel on bin 3n + 1, where the released Yp
        peaks for the key; "centred" on bin 3n, where the key lies in the transform (eq-centre).
    normalisation
        "released", min–max over each window of two seconds, or "fixed", which does not depend on how audio is cut.
    fill
        What fills the ends of the shifted channels of the stack: "zero", as released, or the level of "silence".
    onset_features
        Yo has 32 features of its own from the stack. Without them, it is computed from Yn alone.
    onset_sees_note
        Yo sees Yn as well as its own features.
    median
        Length, an odd number of frames, of a median filter over time before the network; 1 means none.

    Raises
    ------
    InputError
        If a setting has an impossible value.
    """

    stacking: bool = True
    harmonics: tuple[float, ...] = NMP.harmonics
    contour: bool = True
    missing: str = "off"
    missing_filters: int = 32
    padding: str = "released"
    normalisation: str = "released"
    fill: str = "zero"
    onset_features: bool = True
    onset_sees_note: bool = True
    median: int = 1

    def __post_init__(self):
        object.__setattr__(self, "harmonics", tuple(self.harmonics))
        for switch, positions in CHOICES.items():
            if getattr(self, switch) not in positions:
                raise InputError(f"{switch}={getattr(self, switch)!r}: choose one of {', '.join(positions)}.")
        if self.missing_filters < 1:
            raise InputError(f"missing_filters={self.missing_filters}: give at least 1.")
        if self.median < 1 or self.median % 2 == 0:
            raise InputError(f"median={self.median}: give an odd number of frames, or 1 for no filter.")
        if not (self.onset_features or self.onset_sees_note):
            raise InputError("onset_features and onset_sees_note are both off; Yo needs at least one of them.")

    def network(self) -> "NMPNet":
        """A network with these settings and random weights."""
        return NMPNet(self)


class Heads(NamedTuple):
    """The outputs of the network, (batch, frames, 264 or 88); `contour` is None when it is switched off."""

    contour: torch.Tensor | None
    note: torch.Tensor
    onset: torch.Tensor

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Heads":
        """Apply the same change to each head.

        >>> zeros = torch.zeros(1, 2, 88)
        >>> Heads(None, zeros, zeros).map(lambda head: head + 1).note.unique()
        tensor([1.])
        """
        contour = None if self.contour is None else change(self.contour)
        return Heads(contour, change(self.note), change(self.onset))


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation with the defaults of Keras: eps 1e-3, and momentum 0.99, which PyTorch calls 0.01."""

    running_mean: torch.Tensor  # PyTorch's may be None; here the statistics are always kept
    running_var: torch.Tensor

    def __init__(self, channels: int):
        super().__init__(channels, eps=1e-3, momentum=0.01)


class Transcriber(nn.Module):
    """What all networks of this book share: the steps from audio to the stack, and the form of the output.

    A subclass adds `logits` and `context`, and lists in `OUTPUTS` the layers before its sigmoids.
    """

    OUTPUTS: tuple[str, ...] = ()

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.cqt = CQT()
        self.input_norm = BatchNorm(1)
        self.stacking = HarmonicStacking(config.harmonics if config.stacking else (1,))

    def forward(self, audio: torch.Tensor) -> Heads:
        """Probabilities of the three heads, from audio (batch, samples)."""
        return probabilities(self.logits(self.features(audio)))

    def features(self, audio: torch.Tensor) -> torch.Tensor:
        """The normalised constant-Q transform, (batch, samples) -> (batch, frames, 309)."""
        power = self.cqt.power(audio)  # (batch, bins, frames)
        return NORMALISATIONS[self.config.normalisation](power).mT

    def logits(self, features: torch.Tensor) -> Heads:
        """The heads before their sigmoids, from features (batch, frames, 309). Losses take these."""
        raise NotImplementedError

    @property
    def context(self) -> int:
        """The largest number of frames on either side of an output, or of its patch, that it can depend on."""
        raise NotImplementedError

    def stack(self, features: torch.Tensor) -> torch.Tensor:
        """Batch-normalised features, stacked: (batch, frames, 309) -> (batch, harmonics, frames, 264)."""
        normed = self.input_norm(features[:, None])[:, 0]
        return self.stacking(normed, fill=self._fill())

    def _fill(self) -> float | torch.Tensor:
        """The fill of the stack: 0, or the value of silence after batch normalisation."""
        if self.config.fill == "zero":
            return 0.0
        silence = 0.0 if self.config.normalisation == "released" else SILENCE
        norm = self.input_norm
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return (silence - norm.running_mean) * scale + norm.bias


class NMPNet(Transcriber):
    """The network, from audio (batch, samples) to probabilities (batch, frames, 264 or 88).

    >>> sum(weights.numel() for weights in NMPNet().parameters())
    16782
    >>> heads = NMPNet().eval()(torch.zeros(1, NMP.window_samples))
    >>> tuple(heads.contour.shape), tuple(heads.onset.shape)
    ((1, 172, 264), (1, 172, 88))
    """

    OUTPUTS = ("contour_out", "note_out", "onset_out")

    def __init__(self, config: Config = Config()):
        super().__init__(config)
        stacked = len(self.stacking.harmonics)
        contour_in, parallel = stacked, 0
        if config.missing != "off":
            self.missing = _conv(stacked, config.missing_filters, (5, 5))
            self.missing_norm = BatchNorm(config.missing_filters)
        if config.missing == "series":
            contour_in = config.missing_filters
        if config.missing == "parallel":
            parallel = config.missing_filters
        self.contour = _conv(contour_in, 8, (3, 39))
        self.contour_norm = BatchNorm(8)
        if config.contour:
            self.contour_out = _conv(8 + parallel, 1, (5, 5))
        self.note = _conv(1 if config.contour else 8 + parallel, 32, (7, 7), padding=config.padding)
        self.note_out = _conv(32, 1, (7, 3))
        if config.onset_features:
            self.onset = _conv(stacked, 32, (5, 5), padding=config.padding)
            self.onset_norm = BatchNorm(32)
        self.onset_out = _conv(config.onset_sees_note + 32 * config.onset_features, 1, (3, 3))
        self.to(memory_format=torch.channels_last)

    def logits(self, features: torch.Tensor, *, inner: bool = False) -> Heads:
        """The heads before their sigmoids, from features (batch, frames, 309). Losses take these.

        With `inner`, only the frames that don't depend on padding are returned, `context` fewer at either end. No
        layer is then padded in time, and each computes only what the next one needs (eq-inner).
        """
        if self.config.median > 1:
            features = median_in_time(features, self.config.median)
        stack = self.stack(features)  # (batch, 8, frames, 264)
        channels = self._contour_channels(stack, inner)
        contour = self.contour_out(channels, inner=inner) if self.config.contour else None
        pitch = channels if contour is None else contour.sigmoid()
        note = self.note_out(self.note(pitch, inner=inner).relu_(), inner=inner)  # (batch, 1, frames, 88)
        onset = self._onset(stack, note.sigmoid(), inner)
        heads = Heads(contour, note, onset).map(lambda head: head[:, 0])
        if not inner:
            return heads
        frames = features.shape[1] - 2 * self.context
        return heads.map(lambda head: middle(head, frames))

    def _onset(self, stack: torch.Tensor, note: torch.Tensor, inner: bool) -> torch.Tensor:
        """Yo before its sigmoid, (batch, 1, frames, 88), from the inputs that the settings allow."""
        if not self.config.onset_features:
            return self.onset_out(note, inner=inner)
        context = middle(stack, note.shape[2] + 4 * inner, dim=2)  # the layer is five frames high
        channels = _normed(self.onset, self.onset_norm, context, inner)  # (batch, 32, frames, 88)
        if not self.config.onset_sees_note:
            return self.onset_out(channels, inner=inner)
        return _convolved_pair(self.onset_out, note, channels, inner)

    def _contour_channels(self, stack: torch.Tensor, inner: bool) -> torch.Tensor:
        """The channels before Yp, (batch, 8 or more, frames, 264)."""
        if self.config.missing == "off":
            return _normed(self.contour, self.contour_norm, stack, inner)
        missing = _normed(self.missing, self.missing_norm, stack, inner)
        if self.config.missing == "series":
            return _normed(self.contour, self.contour_norm, missing, inner)
        contour = _normed(self.contour, self.contour_norm, stack, inner)
        return _concatenated(middle(contour, missing.shape[2], dim=2), missing)

    @property
    def context(self) -> int:
        """The sum of k // 2 over all kernels on the longest path, through Yn to Yo, in frames."""
        layers = [layer for name, layer in self.named_children() if isinstance(layer, Conv) and name != "onset"]
        return self.config.median // 2 + sum(layer.kernel_size[0] // 2 for layer in layers)


def median_in_time(features: torch.Tensor, frames: int) -> torch.Tensor:
    """The running median over `frames` frames at each bin; the first and last frames are repeated beyond the ends.

    >>> median_in_time(torch.tensor([[[0.0], [9.0], [1.0], [2.0]]]), 3)[0, :, 0].tolist()
    [0.0, 1.0, 2.0, 2.0]
    """
    side = frames // 2
    before, after = (features[:, i : i + 1].expand(-1, side, -1) for i in (0, features.shape[1] - 1))
    padded = torch.cat([before, features, after], dim=1)
    return padded.unfold(1, frames, 1).median(dim=-1).values


def middle(x: torch.Tensor, frames: int, *, dim: int = 1) -> torch.Tensor:
    """The middle `frames` of a tensor.

    >>> middle(torch.tensor([[1, 2, 3, 4]]), 2).tolist()
    [[2, 3]]
    """
    return x.narrow(dim, (x.shape[dim] - frames) // 2, frames)


def probabilities(logits: Heads) -> Heads:
    """The sigmoids of the heads."""
    return logits.map(torch.sigmoid)


def _normed(conv: Conv, norm: BatchNorm, x: torch.Tensor, inner: bool = False) -> torch.Tensor:
    """Convolution, batch normalisation, ReLU.

    After training, batch normalisation is a factor and a shift per channel. Folding them into the filters saves
    a pass over the data (eq-norm-folding).
    """
    if norm.training:
        return norm(conv(x, inner=inner)).relu_()
    return conv.convolve(x, *folded(conv, norm), inner=inner).relu_()


def folded(conv: Conv, norm: BatchNorm) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a convolution that includes a trained normalisation (eq-norm-folding)."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    bias = (conv.bias - norm.running_mean) * scale + norm.bias
    return conv.weight * scale[:, None, None, None], bias


def _concatenated(*channels: torch.Tensor) -> torch.Tensor:
    """Channels concatenated, in channels-last layout whatever the layout of the inputs."""
    return torch.cat([x.permute(0, 2, 3, 1) for x in channels], dim=-1).permute(0, 3, 1, 2)


def _convolved_pair(conv: Conv, one: torch.Tensor, other: torch.Tensor, inner: bool = False) -> torch.Tensor:
    """The convolution of two groups of channels, without copying them into one tensor."""
    weights = conv.weight.split([one.shape[1], other.shape[1]], dim=1)
    no_bias = torch.zeros_like(conv.bias)
    second = conv.convolve(other, weights[1], no_bias, inner=inner)
    return second.add_(conv.convolve(one, weights[0], conv.bias, inner=inner))


def _conv(inputs: int, outputs: int, kernel: tuple[int, int], *, padding: str | None = None) -> Conv:
    """A convolution that keeps the number of frames; if `padding` is given, it has stride 3 along the bins.

    "Same" padding from 264 bins to 88 keys needs k − 3 bins in all, so k // 2 − 1 on each side (eq-same). This is
    TensorFlow's rule, and the released one. Padding by k // 2, as is usual in PyTorch, gives the same shape with
    everything one bin off.
    """
    time, frequency = kernel
    if padding is None:
        return Conv(inputs, outputs, kernel, padding=(time // 2, frequency // 2))
    side = frequency // 2 - (padding == "released")
    return Conv(inputs, outputs, kernel, stride=(1, NMP.bins_per_semitone), padding=(time // 2, side))
