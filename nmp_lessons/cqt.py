"""The constant-Q transform: a spectrum whose bins are a third of a semitone apart at every pitch.

Chapter ``cqt``. Bin k has the frequency f_k = f_min · 2^(k/B) and uses a Hann window of
N_k = ⌈Q · f_s / f_k⌉ samples, with Q = 1 / (2^(1/B) − 1). Every window therefore contains the same number of
periods, so windows are long in the bass and short in the treble.

Computing it directly is expensive: in the released network, the lowest bin's window is 41,245 samples long.
The algorithm here works octave by octave. One bank of kernels serves the top octave. Then the audio is
halved (low-pass filtered, and every second sample kept), and the same bank, now an octave lower, serves the next one.
Two matrix products do all the work: frames times kernels, and blocks of audio times the halving filter.

Conventions: audio is (batch, samples); spectra are (batch, bins, frames), lowest bin first; frame t is
centred on sample t · hop; frequencies are in Hz, times in seconds. The numbers are those of the released
network (`nmp_lessons.constants.NMP`), and so are the results.

Sources: Brown, "Calculation of a constant Q spectral transform", JASA 1991; Schörkhuber and Klapuri,
"Constant-Q transform toolbox for music processing", SMC 2010; the released constants of basic-pitch 0.4.0.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from scipy.signal import firwin2
from scipy.signal.windows import hann
from torch import nn

from ._fast.cores import on_each_core
from .constants import NMP
from .errors import InputError

FLOOR = 1e-10  # power added before the logarithm: -100 dB
TAPS = 256  # of the halving filter
BLOCK = 64  # halved samples made by one row of the halving product
CHUNK_FRAMES = 2048  # of a streamed transform: 24 s
FIXED_LOW, FIXED_SPAN = -90, 60  # dB: what 0 on the fixed scale stands for, and how far above it 1 stands


def quality(bins_per_octave: int) -> float:
    """Q, the number of periods in a bin's window, for bins whose bandwidth just reaches the next bin (eq-q).

    >>> round(quality(36), 4)
    51.4386
    """
    if not bins_per_octave > 0:
        raise InputError(f"{bins_per_octave} bins per octave: give at least 1.")
    return 1 / (2 ** (1 / bins_per_octave) - 1)


def bin_frequencies(
    bins: int, *, lowest: float = NMP.lowest_frequency, bins_per_octave: int = NMP.bins_per_octave
) -> np.ndarray:
    """Frequencies f_k = f_min · 2^(k/B) in Hz, shape (bins,) (eq-bins).

    >>> bin_frequencies(3, lowest=110.0, bins_per_octave=1)
    array([110., 220., 440.])
    """
    return lowest * 2 ** (np.arange(bins) / bins_per_octave)


def window_lengths(
    frequencies: ArrayLike, *, sample_rate: float = NMP.sample_rate, bins_per_octave: int = NMP.bins_per_octave
) -> np.ndarray:
    """Window lengths N_k = ⌈Q · f_s / f_k⌉ in samples (eq-window).

    >>> window_lengths(np.array([27.5]))
    array([41245])
    """
    return np.ceil(quality(bins_per_octave) * sample_rate / np.asarray(frequencies)).astype(int)


def kernel_bank(frequencies: np.ndarray, *, sample_rate: float, bins_per_octave: int) -> np.ndarray:
    """Kernels of the given bins, complex, shape (width, bins): Hann windows times complex waves (eq-kernel).

    Each window sums to 1 (so a sine of amplitude 1 gives ½), and all are centred in a common width.
    NOTE: a window of odd length is centred half a sample early, as in the released constants.
    """
    lengths = window_lengths(frequencies, sample_rate=sample_rate, bins_per_octave=bins_per_octave)
    centre = -(-lengths.max() // 2)  # half the width, rounded up
    bank = np.zeros((2 * centre, len(lengths)), dtype=complex)
    for k, (frequency, length) in enumerate(zip(frequencies, lengths, strict=True)):
        start = centre - -(-length // 2)
        n = np.arange(start, start + length)
        window = hann(length, sym=False)
        wave = np.exp(2j * np.pi * frequency / sample_rate * (n - centre))
        bank[n, k] = window / window.sum() * wave
    return bank


def tone_response(
    tone: float, frequencies: ArrayLike, *, sample_rate: float = NMP.sample_rate, bins_per_octave: int = 36
) -> np.ndarray:
    """The magnitude X with which bins respond to a sine of amplitude 1, shape of `frequencies` (eq-direct).

    Of the sine's two waves, at `tone` and at −`tone`, the second is left out: it is far from every bin.

    >>> tone_response(440.0, [440.0]).round(2), round(float(np.sqrt(window_lengths(440.0)) / 2), 2)
    (array([25.39]), 25.39)
    """
    frequencies = np.asarray(frequencies, dtype=float)
    found = []
    for frequency in frequencies.ravel():
        kernel = kernel_bank(np.array([frequency]), sample_rate=sample_rate, bins_per_octave=bins_per_octave)[:, 0]
        wave = np.exp(2j * np.pi * tone / sample_rate * np.arange(len(kernel))) / 2
        length = window_lengths(frequency, sample_rate=sample_rate, bins_per_octave=bins_per_octave)
        found.append(np.sqrt(length) * abs(np.vdot(kernel, wave)))
    return np.reshape(found, frequencies.shape)


def frame_at(
    audio: ArrayLike,
    centre: int,
    frequencies: ArrayLike,
    *,
    sample_rate: float = NMP.sample_rate,
    bins_per_octave: int = NMP.bins_per_octave,
) -> np.ndarray:
    """The magnitudes X of any bins around one sample, straight from the definition (eq-direct).

    Parameters
    ----------
    audio : (samples,)
        Silent before its beginning and after its end.
    centre
        The sample on which the windows are centred.
    frequencies : (bins,)
        In Hz.
    sample_rate, bins_per_octave
        In Hz, and B.

    Returns
    -------
    (bins,) ndarray

    Examples
    --------
    >>> sine = np.sin(2 * np.pi * 440 / 22_050 * np.arange(22_050))
    >>> frame_at(sine, 11_025, [440.0, 880.0]).round(1).tolist()
    [25.4, 0.0]
    """
    audio, found = np.asarray(audio, dtype=float), []
    for frequency in np.asarray(frequencies, dtype=float):
        kernel = kernel_bank(np.array([frequency]), sample_rate=sample_rate, bins_per_octave=bins_per_octave)[:, 0]
        first = centre - len(kernel) // 2
        before, after = max(0, -first), max(0, first + len(kernel) - len(audio))
        seen = np.pad(audio[max(first, 0) : max(first + len(kernel), 0)], (before, after))[: len(kernel)]
        length = window_lengths(frequency, sample_rate=sample_rate, bins_per_octave=bins_per_octave)
        found.append(np.sqrt(length) * abs(np.vdot(kernel, seen)))
    return np.array(found)


def halving_filter() -> np.ndarray:
    """The low-pass filter before halving: 256 taps, cutoff at half the band, as released (eq-halve)."""
    return firwin2(TAPS, [0, 0.5 / 1.001, 0.5 * 1.001, 1], [1, 1, 0, 0])


def halving_matrix() -> np.ndarray:
    """Halving as a matrix: column n contains the filter, moved down by 2n rows (eq-toeplitz).

    Shape (384, 64): three successive blocks of 128 samples, times this matrix, give 64 samples at half the rate.
    """
    matrix, taps = np.zeros((6 * BLOCK, BLOCK)), halving_filter()
    for n in range(BLOCK):
        matrix[2 * n : 2 * n + TAPS, n] = taps
    return matrix


class Samples(Protocol):
    """One channel that can be sliced, (samples,): an array, a tensor, a memory-mapped file, a `Stream`."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> np.ndarray | torch.Tensor: ...


class CQT(nn.Module):
    """Magnitudes of the constant-Q transform, differentiable, in the dtype and on the device of the module.

    Parameters
    ----------
    sample_rate, hop, lowest_frequency, bins_per_octave, bins
        Hz, samples, Hz, counts; by default those of the released network. `hop` must be divisible by
        2^(octaves − 1), because each octave halves it.
    dtype
        Of the kernels, torch.float32 or torch.float64.

    Raises
    ------
    InputError
        If a count or frequency is not positive, the highest bin lies above half the sample rate, or the hop
        cannot be halved often enough; and for audio that is too short or of another shape or dtype.

    Examples
    --------
    A sine of amplitude 1 on A4 (440 Hz is bin 144) gives ½ · √N_k there.

    >>> cqt = CQT()
    >>> n = torch.arange(2 * 22_050)
    >>> spectrum = cqt(torch.sin(2 * torch.pi * 440 / 22_050 * n)[None])
    >>> tuple(spectrum.shape), int(spectrum[0, :, 86].argmax())
    ((1, 309, 173), 144)
    >>> round(float(spectrum[0, 144, 86]) / float(cqt.lengths[144]) ** 0.5, 2)
    0.5
    """

    def __init__(
        self,
        *,
        sample_rate: float = NMP.sample_rate,
        hop: int = NMP.hop,
        lowest_frequency: float = NMP.lowest_frequency,
        bins_per_octave: int = NMP.bins_per_octave,
        bins: int = NMP.cqt_bins,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__()
        if min(bins, bins_per_octave, hop) < 1 or not (sample_rate > 0 and lowest_frequency > 0):
            raise InputError(
                f"bins={bins}, bins_per_octave={bins_per_octave} and hop={hop} must be at least 1, "
                f"sample_rate={sample_rate} and lowest_frequency={lowest_frequency} above 0."
            )
        self.sample_rate, self.hop = sample_rate, hop
        self.bins, self.bins_per_octave = bins, bins_per_octave
        self.octaves = -(-bins // bins_per_octave)
        self.frequencies = bin_frequencies(bins, lowest=lowest_frequency, bins_per_octave=bins_per_octave)
        self._check()
        # The top octave's kernels; going down from them, the bins below the lowest are left out.
        top = self.frequencies[-1] * 2 ** (np.arange(1 - bins_per_octave, 1) / bins_per_octave)
        bank = kernel_bank(top, sample_rate=sample_rate, bins_per_octave=bins_per_octave)
        self.width = len(bank)
        lengths = window_lengths(self.frequencies, sample_rate=sample_rate, bins_per_octave=bins_per_octave)
        parts = np.stack([bank.real, -bank.imag], axis=1)  # (width, 2, bins): the kernels are conjugated
        self.register_buffer("bank", torch.tensor(parts, dtype=dtype), persistent=False)
        thirds = np.stack(np.split(halving_matrix(), 3))  # (3, 128, 64)
        self.register_buffer("halving", torch.tensor(thirds, dtype=dtype), persistent=False)
        self.register_buffer("lengths", torch.tensor(lengths, dtype=dtype), persistent=False)

    def _check(self) -> None:
        if self.frequencies[-1] > self.sample_rate / 2:
            raise InputError(
                f"the highest bin, {self.frequencies[-1]:.0f} Hz, lies above half the sample rate, "
                f"{self.sample_rate / 2:.0f} Hz; use fewer bins or a higher rate."
            )
        if self.hop % 2 ** (self.octaves - 1):
            raise InputError(
                f"a hop of {self.hop} samples cannot be halved {self.octaves - 1} times; "
                f"use a multiple of {2 ** (self.octaves - 1)}."
            )

    @property
    def shortest(self) -> int:
        """The smallest number of samples that the transform needs, so that it can reflect them in the lowest octave."""
        return (self.width // 2 + 1) * 2 ** (self.octaves - 1)

    @property
    def margin(self) -> int:
        """Frames that depend on what lies beyond a cut: so many are discarded on each side of a chunk (eq-margin)."""
        scale = 2 ** (self.octaves - 1)
        reach = self.width // 2 * scale + TAPS // 2 * (scale - 1)
        return -(-reach // self.hop)

    @property
    def delays(self) -> np.ndarray:
        """How much later than its frame's time each bin is centred, in seconds, shape (bins,).

        The halving filter has an even length, so every octave lags half a sample behind the one above (5.8 ms in
        the lowest); windows of odd length are centred half a sample early.
        """
        octave = (np.arange(self.bins)[::-1]) // self.bins_per_octave  # 0 is the highest
        odd = np.tile(
            window_lengths(
                self.frequencies[-self.bins_per_octave :],
                sample_rate=self.sample_rate,
                bins_per_octave=self.bins_per_octave,
            )
            % 2,
            self.octaves,
        )[-self.bins :]
        return ((2.0**octave - 1) - odd * 2.0**octave) / 2 / self.sample_rate

    def times(self, frames: int) -> np.ndarray:
        """Times of the frames' centres in seconds, shape (frames,): t · hop / f_s, not t / 86 (eq-frames)."""
        return np.arange(frames) * self.hop / self.sample_rate

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """Magnitudes, (batch, samples) -> (batch, bins, samples // hop + 1) (eq-direct)."""
        return self._transform(audio, lambda real, imag: _power(real, imag).sqrt(), self.lengths.sqrt())

    def power(self, audio: torch.Tensor) -> torch.Tensor:
        """Squared magnitudes: what the logarithm needs, and differentiable even for silence."""
        return self._transform(audio, _power, self.lengths)

    def complex(self, audio: torch.Tensor) -> torch.Tensor:
        """The coefficients with their phases, complex, same shape as the magnitudes."""
        return self._transform(audio, torch.complex, self.lengths.sqrt())

    def _transform(self, audio: torch.Tensor, read: Callable, gains: torch.Tensor) -> torch.Tensor:
        """All frames times all kernels, (batch, bins, frames); `read` makes one number of two parts.

        Each core transforms a share of its own, from the halving on, if shares are long beside the margin.
        """
        self._check_audio(audio)
        frames = audio.shape[-1] // self.hop + 1
        cores = torch.get_num_threads() if audio.device.type == "cpu" else 1
        share = max(-(-frames // cores), 4 * self.margin)

        def transformed(start: int) -> torch.Tensor:
            stop = min(start + share, frames)
            span, first = self._span(audio.shape[-1], start, stop)
            with torch.autocast(audio.device.type, enabled=False):  # faint sounds need all digits
                return self._products(audio[:, span], start - first, stop - first, read, gains)

        return torch.cat(on_each_core(transformed, range(0, frames, share)), dim=1).mT

    def _products(
        self, audio: torch.Tensor, start: int, stop: int, read: Callable, gains: torch.Tensor
    ) -> torch.Tensor:
        """Frames start to stop of the audio, (batch, frames, bins)."""
        octaves, hop = [], self.hop
        for octave in range(self.octaves):
            if octave:
                audio, hop = self.halve(audio), hop // 2
            parts = self.frame(audio, hop)[:, start:stop] @ self.bank.flatten(1)  # (batch, frames, 2 · 36)
            octaves.insert(0, read(*parts.chunk(2, dim=-1)))
        return torch.cat(octaves, dim=-1)[..., -self.bins :].mul_(gains)

    def _span(self, samples: int, start: int, stop: int) -> tuple[slice, int]:
        """The samples that frames start to stop depend on, and the frame of the first of them (eq-margin)."""
        first = max(0, start - self.margin)
        if samples - first * self.hop < self.shortest:  # too little left to reflect at the end: begin earlier
            first = max(0, (samples - self.shortest) // self.hop)
        last = min(samples, (stop + self.margin) * self.hop)
        return slice(first * self.hop, last), first

    def frame(self, audio: torch.Tensor, hop: int) -> torch.Tensor:
        """Frames centred on every hop-th sample, reflected at the ends: (batch, frames, width)."""
        side = self.width // 2
        head, tail = audio[:, 1 : side + 1].flip(-1), audio[:, -side - 1 : -1].flip(-1)
        return torch.cat([head, audio, tail], dim=-1).unfold(-1, self.width, hop)

    def halve(self, audio: torch.Tensor) -> torch.Tensor:
        """Low-pass and keep every second sample: (batch, samples) -> (batch, samples // 2) (eq-halve)."""
        samples = audio.shape[-1]
        blocks = -(-(samples // 2) // BLOCK) + 2
        before = TAPS // 2 - 1
        padded = F.pad(audio, (before, 2 * BLOCK * blocks - before - samples)).unflatten(-1, (blocks, -1))
        first, second, third = self.halving[:, None].expand(-1, len(audio), -1, -1)
        halved = torch.bmm(padded[:, :-2], first)  # (batch, blocks - 2, 64)
        halved.baddbmm_(padded[:, 1:-1], second).baddbmm_(padded[:, 2:], third)
        return halved.flatten(1)[:, : samples // 2]

    def between(self, audio: Samples, start: int, stop: int) -> torch.Tensor:
        """The power of frames start to stop of a recording, (bins, stop − start), equal to the whole's.

        Only the samples that these frames depend on are read (eq-margin). `audio` is one channel of shape
        (samples,) that can be sliced: an array, a tensor or a memory-mapped file.
        """
        span, first = self._span(len(audio), start, stop)
        piece = torch.as_tensor(audio[span]).to(self.halving)
        return self.power(piece[None])[0, :, start - first : stop - first]

    def stream(self, audio: Samples, *, chunk_frames: int = CHUNK_FRAMES) -> Iterator[torch.Tensor]:
        """The power of a long recording, chunk by chunk in constant memory, equal to that of the whole.

        `audio` is as in `between`. Yields arrays (bins, frames); joined along time they equal `power` of the whole.

        >>> cqt, noise = CQT(), torch.randn(200_000, generator=torch.manual_seed(0))
        >>> chunks = torch.cat(list(cqt.stream(noise, chunk_frames=100)), dim=1)
        >>> torch.allclose(chunks, cqt.power(noise[None])[0], rtol=1e-4)
        True
        """
        frames = len(audio) // self.hop + 1
        for start in range(0, frames, chunk_frames):
            yield self.between(audio, start, min(start + chunk_frames, frames))

    def _check_audio(self, audio: torch.Tensor) -> None:
        if audio.ndim != 2:
            raise InputError(f"audio of shape {tuple(audio.shape)}: give an array of shape (batch, samples).")
        if audio.dtype != self.bank.dtype:
            raise InputError(f"audio is {audio.dtype}, but the transform {self.bank.dtype}; convert one of them.")
        if audio.shape[-1] < self.shortest:
            raise InputError(
                f"{audio.shape[-1]} samples are too few for the lowest bin, which needs {self.shortest} "
                f"({self.shortest / self.sample_rate:.2f} s); append silence."
            )


def _power(real: torch.Tensor, imag: torch.Tensor) -> torch.Tensor:
    return real.square().addcmul(imag, imag)


def decibels(power: torch.Tensor) -> torch.Tensor:
    """10 · log10(power + 1e-10) in dB; digital silence is -100 dB (eq-db).

    >>> decibels(torch.tensor([0.0, 1.0]))
    tensor([-100.,    0.])
    """
    return 10 * torch.log10(power + FLOOR)


def normalised_log_released(power: torch.Tensor) -> torch.Tensor:
    """Levels scaled to 0 to 1, from the faintest to the loudest value of each window (eq-minmax).

    As in the released network: (batch, bins, frames) -> the same shape. The result depends on where the
    audio is cut, and faint noise becomes as bright as music.

    >>> normalised_log_released(torch.tensor([[[1.0, 10.0, 100.0]]]))
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """
    level = decibels(power)
    low = level.amin((1, 2), keepdim=True)
    span = level.amax((1, 2), keepdim=True) - low
    return (level - low) * torch.where(span > 0, 1 / span, torch.zeros_like(span))


def normalised_log_fixed(power: torch.Tensor) -> torch.Tensor:
    """Levels on a fixed scale, (dB + 90) / 60, whatever else is in the window (eq-fixed).

    >>> normalised_log_fixed(torch.tensor([1e-9, 1e-3]))
    tensor([0.0069, 1.0000])
    """
    return on_fixed_scale(decibels(power))


Levels = float | np.ndarray | torch.Tensor


def on_fixed_scale(level: Levels) -> Any:
    """Levels in dB on the scale of the book's networks, with 0 at −90 dB and 1 at −30 dB (eq-fixed).

    >>> on_fixed_scale(-30.0)
    1.0
    """
    return (level - FIXED_LOW) / FIXED_SPAN


def from_fixed_scale(value: Levels) -> Any:
    """Levels in dB from values on the fixed scale.

    >>> from_fixed_scale(1.0)
    -30.0
    """
    return FIXED_SPAN * value + FIXED_LOW


SILENCE = on_fixed_scale(-100)  # digital silence
NORMALISATIONS = {"released": normalised_log_released, "fixed": normalised_log_fixed}
