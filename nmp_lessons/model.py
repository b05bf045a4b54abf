"""NMP, the network of this book: 16,782 numbers that turn a constant-Q transform into notes.

Chapter ``model``. Audio becomes a normalised constant-Q transform (`cqt`), its harmonics are stacked
(`harmonic_stacking`), and three small heads answer for every frame of 11.6 ms: Yp, which pitches sound, on
264 bins of a third of a semitone; Yn, which keys sound; Yo, which keys begin::

    stack ── 3×39, 8 ── 5×5, 1 ── Yp ── 7×7/3, 32 ── 7×3, 1 ── Yn ─┐
      └───── 5×5/3, 32 ───────────────────────────────────── concat ── 3×3, 1 ── Yo

One `Config` of switches names every variant; an ablation is a value, not a fork.

Conventions: tensors are (batch, channels, frames, bins); kernels are time × frequency; "/3" is a stride of
three bins, from thirds of a semitone to keys. Heads are returned as (batch, frames, bins).

Source: Bittner, Bosch, Rubinstein, Meseguer-Brocal, Ewert, ICASSP 2022, and basic-pitch 0.4.0.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .constants import NMP
from .cores import on_each_core
from .cqt import CQT, NORMALISATIONS
from .errors import InputError
from .harmonic_stacking import HarmonicStacking
from .sound import Recording

OVERLAP = 30  # frames that two neighbouring windows of the released network share
KEPT = NMP.window_frames - OVERLAP  # frames that each window contributes: 142
BATCH = 3  # windows run at once: few, so that intermediate results stay in the cores' caches
CHUNK_FRAMES = 2048  # of a whole file transformed at once: 24 s
PIECE_FRAMES = 340  # of them run through the network at once

CHOICES = {
    "missing": ("off", "series", "parallel"),
    "padding": ("released", "centred"),
    "normalisation": ("released", "fixed"),
    "fill": ("zero", "silence"),
}


@dataclass(frozen=True)
class Config:
    """The switches of the network; the defaults are the released form.

    Parameters
    ----------
    stacking
        Stack the harmonics; without, the network sees the transform alone.
    harmonics
        Which ones, as multiples of the fundamental.
    contour
        Predict Yp and read the notes from it; without, the notes read the eight channels before it.
    missing
        The 5×5 layer of the paper's figure that the released network lacks: "off", in "series" before the
        3×39 layer, or "parallel" to it.
    missing_filters
        Its width; the source had 32.
    padding
        Of the layers with stride 3: "released" centres key n's kernel on bin 3n + 1, where the released Yp
        answers the key; "centred" on bin 3n, where the key lies in the transform (eq-centre).
    normalisation
        "released", min–max over each window of two seconds, or "fixed", which does not depend on cuts.
    fill
        What comes in at the ends of the stack: "zero" as released, or the level of "silence".
    onset_features
        Yo has 32 features of its own from the stack; without, it is read from Yn alone.
    onset_sees_note
        Yo sees Yn beside its own features.
    median
        Frames, odd, of a median filter over time in front of the network; 1 is none.

    Raises
    ------
    InputError
        If a switch has no such position.
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
            raise InputError(f"median={self.median}: give an odd number of frames, 1 for no filter.")
        if not (self.onset_features or self.onset_sees_note):
            raise InputError("onset_features and onset_sees_note are both off; Yo must be read from something.")

    def network(self) -> "NMPNet":
        """The network of these switches, with random weights."""
        return NMPNet(self)


class Heads(NamedTuple):
    """What the network answers, (batch, frames, 264 or 88); `contour` is None when it is switched off."""

    contour: torch.Tensor | None
    note: torch.Tensor
    onset: torch.Tensor


class Transcriber(nn.Module):
    """What every network of this book shares: the way from audio to the stack, and the form of its answer.

    A network adds `logits` and `reach`, and names in `OUTPUTS` the layers before its sigmoids.
    """

    OUTPUTS: tuple[str, ...] = ()

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.cqt = CQT()
        self.input_norm = _norm(1)
        self.stacking = HarmonicStacking(config.harmonics if config.stacking else (1,))

    def forward(self, audio: torch.Tensor) -> Heads:
        """Probabilities of the three heads, from audio (batch, samples)."""
        return probabilities(self.logits(self.features(audio)))

    def features(self, audio: torch.Tensor) -> torch.Tensor:
        """The normalised constant-Q transform, (batch, samples) -> (batch, frames, 309)."""
        power = self.cqt.power(audio)  # (batch, bins, frames)
        return NORMALISATIONS[self.config.normalisation](power).mT

    def logits(self, features: torch.Tensor) -> Heads:
        """The heads before their sigmoids, from features (batch, frames, 309): what a loss should see."""
        raise NotImplementedError

    @property
    def reach(self) -> int:
        """Frames at a cut that can feel it, at most."""
        raise NotImplementedError

    def stack(self, features: torch.Tensor) -> torch.Tensor:
        """Batch-normalised features, stacked: (batch, frames, 309) -> (batch, harmonics, frames, 264)."""
        normed = self.input_norm(features[:, None])[:, 0]
        return self.stacking(normed, fill=self._fill())

    def _fill(self) -> float | torch.Tensor:
        """The fill of the stack: 0, or what the batch normalisation makes of silence."""
        if self.config.fill == "zero":
            return 0.0
        silence = 0.0 if self.config.normalisation == "released" else (-100 + 90) / 60
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
        contour_in, beside = stacked, 0
        if config.missing != "off":
            self.missing = _conv(stacked, config.missing_filters, (5, 5))
            self.missing_norm = _norm(config.missing_filters)
        if config.missing == "series":
            contour_in = config.missing_filters
        if config.missing == "parallel":
            beside = config.missing_filters
        self.contour = _conv(contour_in, 8, (3, 39))
        self.contour_norm = _norm(8)
        if config.contour:
            self.contour_out = _conv(8 + beside, 1, (5, 5))
        self.note = _conv(1 if config.contour else 8 + beside, 32, (7, 7), padding=config.padding)
        self.note_out = _conv(32, 1, (7, 3))
        if config.onset_features:
            self.onset = _conv(stacked, 32, (5, 5), padding=config.padding)
            self.onset_norm = _norm(32)
        self.onset_out = _conv(config.onset_sees_note + 32 * config.onset_features, 1, (3, 3))
        self.to(memory_format=torch.channels_last)

    def logits(self, features: torch.Tensor, *, inner: bool = False) -> Heads:
        """The heads before their sigmoids, from features (batch, frames, 309): what a loss should see.

        With `inner`, only for the frames that feel no end: `reach` fewer at either end. Then no layer is
        padded in time, and each computes just what the next one needs (eq-inner).
        """
        if self.config.median > 1:
            features = median_in_time(features, self.config.median)
        stack = self.stack(features)  # (batch, 8, frames, 264)
        found = self._contour_channels(stack, inner)
        contour = self.contour_out(found, inner=inner) if self.config.contour else None
        pitch = contour.sigmoid() if self.config.contour else found
        note = self.note_out(self.note(pitch, inner=inner).relu_(), inner=inner)  # (batch, 1, frames, 88)
        onset = self._onset(stack, note.sigmoid(), inner)
        heads = Heads(*(None if head is None else head[:, 0] for head in (contour, note, onset)))
        if not inner:
            return heads
        frames = features.shape[1] - 2 * self.reach
        return Heads(*(None if head is None else middle(head, frames) for head in heads))

    def _onset(self, stack: torch.Tensor, note: torch.Tensor, inner: bool) -> torch.Tensor:
        """Yo before its sigmoid, (batch, 1, frames, 88), from what the switches let it see."""
        if not self.config.onset_features:
            return self.onset_out(note, inner=inner)
        felt = middle(stack, note.shape[2] + 4 * inner, dim=2)  # the layer is five frames high
        begins = _normed(self.onset, self.onset_norm, felt, inner)  # (batch, 32, frames, 88)
        if not self.config.onset_sees_note:
            return self.onset_out(begins, inner=inner)
        return _out_of_both(self.onset_out, note, begins, inner)

    def _contour_channels(self, stack: torch.Tensor, inner: bool) -> torch.Tensor:
        """What comes before Yp, (batch, 8 or more, frames, 264)."""
        if self.config.missing == "off":
            return _normed(self.contour, self.contour_norm, stack, inner)
        missing = _normed(self.missing, self.missing_norm, stack, inner)
        if self.config.missing == "series":
            return _normed(self.contour, self.contour_norm, missing, inner)
        beside = _normed(self.contour, self.contour_norm, stack, inner)
        return _beside(middle(beside, missing.shape[2], dim=2), missing)

    @property
    def reach(self) -> int:
        """Half the height of every kernel on the longest way, that to Yn and on."""
        layers = [layer for name, layer in self.named_children() if isinstance(layer, Conv) and name != "onset"]
        return self.config.median // 2 + sum(layer.kernel_size[0] // 2 for layer in layers)


def median_in_time(features: torch.Tensor, frames: int) -> torch.Tensor:
    """The median of `frames` neighbours in time, at each bin; beyond the ends the first and last frames repeat.

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
    return Heads(*(None if head is None else head.sigmoid() for head in logits))


def _normed(conv: "Conv", norm: nn.BatchNorm2d, x: torch.Tensor, inner: bool = False) -> torch.Tensor:
    """Convolution, batch normalisation, ReLU.

    Once trained, a batch normalisation is a factor and a shift for each channel: they go into the filters,
    and a pass over the data is saved (eq-norm-folding).
    """
    if norm.training:
        return norm(conv(x, inner=inner)).relu_()
    return conv.convolve(x, *folded(conv, norm), inner=inner).relu_()


def folded(conv: "Conv", norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a convolution that does the work of a trained normalisation too (eq-norm-folding)."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    bias = (conv.bias - norm.running_mean) * scale + norm.bias
    return conv.weight * scale[:, None, None, None], bias


def _beside(*channels: torch.Tensor) -> torch.Tensor:
    """Channels concatenated, and laid out channels-last whatever came in."""
    return torch.cat([x.permute(0, 2, 3, 1) for x in channels], dim=-1).permute(0, 3, 1, 2)


def _out_of_both(conv: "Conv", one: torch.Tensor, other: torch.Tensor, inner: bool = False) -> torch.Tensor:
    """The convolution of two groups of channels; once trained, they need not be copied side by side."""
    if conv.training:
        return conv(_beside(one, other), inner=inner)
    weights = conv.weight.split([one.shape[1], other.shape[1]], dim=1)
    nothing = torch.zeros_like(conv.bias)
    found = conv.convolve(other, weights[1], nothing, inner=inner)
    return found.add_(conv.convolve(one, weights[0], conv.bias, inner=inner))


class Conv(nn.Conv2d):
    """`nn.Conv2d`; in float32 and float64 on a CPU, the same sums in an order that is faster there.

    A CPU computes 16 channels at a time, so layers with few of them idle. Two identities help:

    - one output channel: every input channel is filtered by itself, and then they are added up
      (eq-channels);
    - a wide kernel: along the bins its sums are products of Fourier transforms (eq-fourier).
    """

    WIDE = 16  # columns from which on the transforms pay
    PIECE = 84  # frames transformed at once, so that all results stay in the core's cache

    def forward(self, x: torch.Tensor, *, inner: bool = False) -> torch.Tensor:
        return self.convolve(x, self.weight, self.bias, inner=inner)

    def convolve(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, *, inner: bool = False
    ) -> torch.Tensor:
        """The convolution with other weights of the same shape; with `inner`, not padded in time."""
        exact = x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled(x.device.type)
        padding = (0 if inner else self.padding[0], self.padding[1])
        if x.device.type == "cpu" and exact and self.stride == (1, 1):
            if self.out_channels == 1 < x.shape[1]:
                return self._by_channels(x, weight, bias, padding)
            if self.kernel_size[1] >= self.WIDE:
                return self._by_frequencies(x, weight, bias, padding[0])
        return F.conv2d(x, weight, bias, self.stride, padding)

    def _by_channels(self, x, weight, bias, padding: tuple[int, int]) -> torch.Tensor:
        each = F.conv2d(x, weight.transpose(0, 1), padding=padding, groups=x.shape[1])
        ones = torch.ones(each.shape[1], dtype=each.dtype)  # a product with them is a fast sum
        return (each.permute(0, 2, 3, 1) @ ones)[:, None] + bias

    def _by_frequencies(self, x, weight, bias, padding: int) -> torch.Tensor:
        batch, _, frames, bins = x.shape
        frames += 2 * padding + 1 - weight.shape[2]
        size = transform_size(bins, self.kernel_size[1])
        response, offset = _response(weight, size), size * bias
        found = x.new_empty(batch, frames, bins, len(bias))
        for i, recording in enumerate(x):
            for start in range(0, frames, self.PIECE):
                piece = self._piece(recording, start - padding, min(self.PIECE, frames - start), response, offset)
                found[i, start : start + self.PIECE] = piece[..., :bins].mT
        return found.permute(0, 3, 1, 2)

    def _piece(self, x: torch.Tensor, start: int, frames: int, response: torch.Tensor, offset: torch.Tensor):
        """Answers to x (in, frames, bins) for kernels from `start` on, bins not yet cut: (frames, out, size)."""
        rows, size = len(response), 2 * (response.shape[1] - 1)
        last = start + frames + rows - 1
        felt = x[:, max(start, 0) : last].transpose(0, 1)
        padded = F.pad(felt, (0, size - x.shape[2], 0, 0, max(-start, 0), max(last - x.shape[1], 0)))
        spectrum = _frequencies_first(torch.fft.rfft(padded))  # (frequencies, frames + rows - 1, 2 · in)
        total = spectrum[:, :frames] @ response[0]  # (frequencies, frames, 2 · out)
        for i in range(1, rows):
            total.baddbmm_(spectrum[:, i : i + frames], response[i])
        total[0, :, ::2] += offset  # the bias is a constant, all of it at frequency 0
        return torch.fft.irfft(_frequencies_last(total), n=size)


def transform_size(bins: int, columns: int) -> int:
    """Length of the transforms: what comes round must be zeros, and a multiple of 32 is fast.

    >>> transform_size(264, 39)
    288
    """
    return -(-(bins + columns // 2) // 32) * 32


def _response(weight: torch.Tensor, size: int) -> torch.Tensor:
    """A kernel's conjugate transform as real matrices, (out, in, rows, columns) -> (rows, frequencies, 2 in, 2 out).

    Real and imaginary part of each channel stand side by side: r + is times the number a − ib is the pair (r, s)
    times ((a, −b), (b, a)).
    """
    columns = weight.shape[-1]
    centred = F.pad(weight, (0, size - columns)).roll(-(columns // 2), dims=-1)
    conjugate = torch.fft.rfft(centred).conj().permute(2, 3, 1, 0)  # (rows, frequencies, in, out)
    turned = torch.stack([conjugate, 1j * conjugate], dim=3)  # what 1 and i become
    return torch.view_as_real(turned.resolve_conj()).flatten(-2).flatten(2, 3)


def _frequencies_first(spectrum: torch.Tensor) -> torch.Tensor:
    """Complex (frames, channels, frequencies) -> real (frequencies, frames, 2 · channels)."""
    turned = spectrum.flatten(0, 1).T.contiguous().unflatten(1, spectrum.shape[:2])
    return torch.view_as_real(turned).flatten(2)


def _frequencies_last(spectrum: torch.Tensor) -> torch.Tensor:
    """Real (frequencies, frames, 2 · channels) -> complex (frames, channels, frequencies)."""
    paired = torch.view_as_complex(spectrum.unflatten(2, (-1, 2)))
    return paired.flatten(1).T.contiguous().unflatten(0, paired.shape[1:])


def _conv(inputs: int, outputs: int, kernel: tuple[int, int], *, padding: str | None = None) -> Conv:
    """A convolution that keeps the frames; with `padding` named it has stride 3 along the bins.

    "Same" padding of 264 bins to 88 keys needs k − 3 bins in all, so k // 2 − 1 at each side (eq-same): that
    is TensorFlow's reading, and the released one. PyTorch's habit of k // 2 gives the same shape one bin off.
    """
    time, frequency = kernel
    if padding is None:
        return Conv(inputs, outputs, kernel, padding=(time // 2, frequency // 2))
    side = frequency // 2 - (padding == "released")
    return Conv(inputs, outputs, kernel, stride=(1, NMP.bins_per_semitone), padding=(time // 2, side))


def _norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation with Keras' numbers: eps 1e-3, and momentum .99, which PyTorch calls .01."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


@dataclass(frozen=True)
class Posteriors:
    """What the network believes about a recording: probabilities for every frame.

    Parameters
    ----------
    contour
        (T, 264), a pitch sounds, from A0 in thirds of a semitone; None for a network without Yp.
    note
        (T, 88), a key sounds, from A0.
    onset
        (T, 88), a key begins.
    times
        (T,), the frames' times in seconds.

    Raises
    ------
    InputError
        If the shapes do not fit together.
    """

    contour: np.ndarray | None
    note: np.ndarray
    onset: np.ndarray
    times: np.ndarray

    def __post_init__(self):
        frames = len(self.times)
        expected = {"contour": NMP.contour_bins, "note": NMP.keys, "onset": NMP.keys}
        for name, bins in expected.items():
            head = getattr(self, name)
            if head is not None and head.shape != (frames, bins):
                raise InputError(f"{name} has shape {head.shape}; {frames} times need ({frames}, {bins}).")

    def __len__(self) -> int:
        return len(self.times)


def posteriors(model: Transcriber, recording: Recording) -> Posteriors:
    """Run the network over a whole recording, in memory that grows only with the answer.

    With the "fixed" normalisation the result is that of the whole file at once, whatever its length. With the
    "released" one, windows of two seconds are run as released, each contributing its inner 142 frames, but
    they start every 142 frames, so that frame t stands at t · 256 / 22,050 s without a drift
    (`nmp_lessons.released.posteriors` keeps the original's grid).
    """
    audio = at_model_rate(recording)
    frames = len(audio) // NMP.hop + 1
    if model.config.normalisation == "released":
        heads = run_windows(model, audio, hop=KEPT * NMP.hop)
    else:
        heads = _run_whole(model, audio, frames)
    heads = (None if head is None else head[:frames] for head in heads)
    return Posteriors(*heads, model.cqt.times(frames))


@torch.no_grad()
def fixed_features(recording: Recording) -> torch.Tensor:
    """The transform of a whole recording on the fixed scale, (1, frames, 309).

    >>> tuple(fixed_features(Recording(np.zeros(44_100), 22_050)).shape)
    (1, 173, 309)
    """
    audio = torch.from_numpy(at_model_rate(recording))
    return NORMALISATIONS["fixed"](CQT().power(audio[None])).mT


@torch.inference_mode()
def feature_posteriors(model: Transcriber, features: torch.Tensor) -> Posteriors:
    """What the network makes of features (1, frames, 309) that are ready already."""
    heads = probabilities(model.eval().logits(features.to(model.input_norm.running_mean)))
    heads = [None if head is None else head[0].float().cpu().numpy() for head in heads]
    return Posteriors(*heads, model.cqt.times(features.shape[1]))


def at_model_rate(recording: Recording) -> np.ndarray:
    """The recording's audio at 22,050 Hz, float32 (samples,)."""
    return recording.resampled(NMP.sample_rate).audio


def windows(audio: np.ndarray, *, hop: int, first: int = 0, last: int | None = None) -> np.ndarray:
    """Audio cut as released: half an overlap of silence before it, zeros behind, (windows, 43844).

    With `first` and `last` only those windows are cut, as if they had been taken from the array of all.

    >>> windows(np.ones(60_000, np.float32), hop=36_164).shape
    (2, 43844)
    """
    before = OVERLAP // 2 * NMP.hop
    starts = range(-before, len(audio), hop)[first:last]
    cut = np.zeros((len(starts), NMP.window_samples), np.float32)
    for window, start in zip(cut, starts, strict=True):
        piece = audio[max(start, 0) : start + NMP.window_samples]
        silence = max(-start, 0)
        window[silence : silence + len(piece)] = piece
    return cut


def run_windows(model: NMPNet, audio: np.ndarray, *, hop: int) -> list[np.ndarray | None]:
    """The three heads of all windows, joined: half an overlap is dropped at both ends of each.

    Windows are cut when their turn comes, and their answers go straight to their places.
    """
    drop = OVERLAP // 2
    feel = min(model.reach, drop)  # the network runs on the kept frames and those that they can feel
    inner = model.reach <= drop

    def answer(start: int) -> Heads:
        first = start // KEPT
        batch = _on(model, windows(audio, hop=hop, first=first, last=first + BATCH))
        features = model.features(batch)[:, drop - feel : drop + KEPT + feel]
        heads = probabilities(model.logits(features, inner=inner))
        return Heads(*(None if head is None else middle(head, KEPT).flatten(0, 1) for head in heads))

    frames = KEPT * -(-(len(audio) + drop * NMP.hop) // hop)
    return _gather(model, answer, range(0, frames, BATCH * KEPT), frames)


def _run_whole(model: Transcriber, audio: np.ndarray, frames: int) -> list[np.ndarray | None]:
    """The heads of a whole file, chunk by chunk; each chunk is run with all the frames that it can feel."""
    short = model.cqt.shortest - len(audio)
    if short > 0:
        audio = np.pad(audio, (0, short))
    last = len(audio) // NMP.hop + 1
    feel = model.reach

    def answer(start: int) -> Heads:
        stop = min(start + CHUNK_FRAMES, frames)
        first, final = max(0, start - feel), min(last, stop + feel)
        features = NORMALISATIONS["fixed"](model.cqt.between(audio, first, final)[None]).mT
        pieces = []
        for here in range(start, stop, PIECE_FRAMES):
            there = min(here + PIECE_FRAMES, stop)
            left = max(first, here - feel)
            heads = probabilities(model.logits(features[:, left - first : there + feel - first]))
            pieces.append([None if head is None else head[0, here - left : there - left] for head in heads])
        return Heads(*(None if head[0] is None else torch.cat(head) for head in zip(*pieces, strict=True)))

    return _gather(model, answer, range(0, frames, CHUNK_FRAMES), frames)


def _on(model: Transcriber, array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).to(model.cqt.halving)


def _gather(model: Transcriber, answer: Callable[[int], Heads], starts: range, frames: int) -> list[np.ndarray | None]:
    """The answers from every start on, without gradients, put in their places in one array for each head."""
    bins = [NMP.contour_bins if model.config.contour else None, NMP.keys, NMP.keys]
    whole = [None if width is None else np.empty((frames, width), np.float32) for width in bins]

    def write(start: int) -> None:
        for array, head in zip(whole, answer(start), strict=True):
            if head is not None:
                torch.from_numpy(array[start : start + len(head)]).copy_(head)

    with torch.inference_mode():
        if model.cqt.halving.device.type == "cpu":
            on_each_core(write, starts)
        else:
            for start in starts:
                write(start)
    return whole


class Layer(NamedTuple):
    """One row of the parameter table."""

    name: str
    inputs: int  # channels
    outputs: int  # channels
    kernel: tuple[int, int]  # time × frequency
    stride: int  # bins
    parameters: int  # trainable, with those of the batch normalisation behind the layer
    macs: int  # multiply–adds for each frame


def layers(model: NMPNet) -> list[Layer]:
    """The parameter table, measured on the module: layers, sizes and costs (eq-parameters, eq-macs).

    >>> table = layers(NMPNet())
    >>> [(layer.name, layer.parameters) for layer in table[:3]]
    [('input_norm', 2), ('contour', 7512), ('contour_out', 201)]
    >>> sum(layer.parameters for layer in table), sum(layer.macs for layer in table)
    (16782, 2816088)
    """
    rows = [Layer("input_norm", 1, 1, (1, 1), 1, _trainable(model.input_norm), 0)]
    for name, cells in _cells(model).items():
        layer, norm = getattr(model, name), getattr(model, f"{name}_norm", nn.Identity())
        parameters = _trainable(layer) + _trainable(norm)
        macs = layer.weight.numel() * cells
        shape = layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride[1]
        rows.append(Layer(name, *shape, parameters, macs))
    return rows


class ReceptiveField(NamedTuple):
    """What one answer can feel: so many frames, and these bins of the transform."""

    frames: int
    bins: np.ndarray


def receptive_field(model: NMPNet, head: str, *, at: int) -> ReceptiveField:
    """What bin or key number `at` of a head can feel, found by sending a gradient back (eq-receptive).

    >>> field = receptive_field(NMPNet(), "contour", at=132)
    >>> field.frames, int(field.bins[0]), int(field.bins[-1])
    (7, 75, 254)
    """
    probe = _positive(model)
    frames = 2 * model.reach + 3
    features = torch.ones(1, frames, NMP.cqt_bins, dtype=torch.float64, requires_grad=True)
    getattr(probe.logits(features), head)[0, frames // 2, at].backward()
    felt = features.grad[0] > 1e-12 * features.grad.max()  # all paths count positive; rounding does not
    return ReceptiveField(int(felt.any(1).sum()), np.flatnonzero(felt.any(0).numpy()))


def _positive(model: NMPNet) -> NMPNet:
    """A copy in which every path counts: equal positive filters, and normalisations that change nothing."""
    probe = copy.deepcopy(model).double().eval()
    with torch.no_grad():
        for layer in probe.modules():
            if isinstance(layer, Conv):
                layer.weight.fill_(1 / layer.weight[0].numel())
                layer.bias.zero_()
            if isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()
    return probe


def _cells(model: NMPNet) -> dict[str, int]:
    """Output bins of every convolution in a frame, in the order in which they run."""
    probe, cells = copy.deepcopy(model).train(), {}
    for name, layer in probe.named_children():
        if isinstance(layer, Conv):
            layer.register_forward_hook(lambda _, given, out, name=name: cells.update({name: out.shape[-1]}))
    with torch.no_grad():
        probe.logits(torch.zeros(1, 1, NMP.cqt_bins))
    return cells


def _trainable(module: nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())
