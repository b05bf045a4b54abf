"""Median and box filters, over the neighbours of each sample or of each cell of a picture.

Chapter ``median_filtering``. Both filters look at a window of odd size around every place and output one number for
it. A box outputs the mean (eq-box). It is linear, a convolution with equal weights, and every value in the window
contributes to the result. A median outputs the value in the middle of the sorted window (eq-median). No single value
can move it far, and monotone stretches and edges pass through unchanged. Minimum and maximum are other ranks of the
same sorted window (eq-rank); the maximum is what max-pooling computes.

Beyond its ends an array is continued in one of five ways, which have SciPy's names: (d c b a | a b c d | d c b a)
is "reflect", (a a a | …) "nearest", (0 0 0 | …) "constant", (d c b | a b c d) "mirror", and
(b c d | a b c d) "wrap". Results agree with SciPy's `rank_filter`, `median_filter` and `uniform_filter`.

Conventions: arrays have one axis or two; a posteriorgram and its windows are (frames, keys); the spectra of
`separated` are (bins, frames), as in librosa. `rng` is a NumPy generator. All windows of an array are in memory at
once, so filtering takes as many times the memory of the array as a window has places.

Sources: Tukey, "Exploratory Data Analysis", 1977; Gallagher and Wise, IEEE TASSP 29, 1981; Fitzgerald,
"Harmonic/percussive separation using median filtering", DAFx 2010.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import comb
from typing import Literal

import librosa
import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike
from scipy.special import gamma

from .audio.recording import Recording
from .constants import NMP
from .errors import InputError
from .model.posteriorgram import Posteriors

#: How an array is continued beyond its ends: SciPy's name, then NumPy's.
MODES: dict[str, Literal["symmetric", "edge", "constant", "reflect", "wrap"]] = {
    "reflect": "symmetric",
    "nearest": "edge",
    "constant": "constant",
    "mirror": "reflect",
    "wrap": "wrap",
}
WINDOW = 1024  # samples in a window of the short-time spectrum that `separated` uses


# Filters


def neighbours(
    values: ArrayLike, size: int | Sequence[int], *, mode: str = "reflect", outside: float = 0.0
) -> np.ndarray:
    """The window around each place, flattened into a row: shape of `values` × number of places in a window.

    Parameters
    ----------
    values
        (samples,) or (rows, columns), finite.
    size
        Odd: a number of samples, or (rows, columns); a single number for a picture means a square.
    mode
        How `values` are continued beyond their ends, one of `MODES`.
    outside
        The value there if `mode` is "constant".

    Raises
    ------
    InputError
        If a size is even, there is no such mode, or `values` are empty, not finite, or have more than two axes.

    Examples
    --------
    >>> neighbours([1.0, 2.0, 3.0], 3).tolist()
    [[1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 3.0]]
    """
    values, size = _checked(values, size, mode)
    sides = [(length // 2, length // 2) for length in size]
    if mode == "constant":
        padded = np.pad(values, sides, mode="constant", constant_values=outside)
    else:
        padded = np.pad(values, sides, mode=MODES[mode])
    windows = sliding_window_view(padded, size)
    return windows.reshape(*values.shape, -1)


def ranked(
    values: ArrayLike, size: int | Sequence[int], rank: int, *, mode: str = "reflect", outside: float = 0.0
) -> np.ndarray:
    """The value of the given rank in each window: 0 is the smallest, −1 the largest (eq-rank).

    Parameters and errors as in `neighbours`.

    >>> ranked([0, 1, 5, 2, 0], 3, -1).tolist()
    [1, 5, 5, 5, 2]
    """
    windows = neighbours(values, size, mode=mode, outside=outside)
    places = windows.shape[-1]
    if not -places <= rank < places:
        raise InputError(f"rank={rank}: a window of {places} has the ranks 0 to {places - 1}.")
    return np.partition(windows, rank % places, axis=-1)[..., rank]


def median(values: ArrayLike, size: int | Sequence[int], *, mode: str = "reflect", outside: float = 0.0) -> np.ndarray:
    """The median of each window (eq-median). Parameters and errors as in `neighbours`.

    An isolated impulse is removed, and an edge is kept:

    >>> median([0, 0, 9, 0, 0, 5, 5, 5], 3).tolist()
    [0, 0, 0, 0, 0, 5, 5, 5]
    """
    _, checked = _checked(values, size, mode)
    return ranked(values, size, int(np.prod(checked)) // 2, mode=mode, outside=outside)


def median_through(values: ArrayLike, window: ArrayLike, *, mode: str = "reflect", outside: float = 0.0) -> np.ndarray:
    """The median of those neighbours that a window marks, for instance a cross.

    Parameters
    ----------
    values, mode, outside
        As in `neighbours`.
    window : (columns,) or (rows, columns) array_like of bool
        Which places count, an odd number of them; its size is odd along each axis.

    Raises
    ------
    InputError
        As `neighbours`, and if the number of marked places is even.

    Examples
    --------
    A cross keeps a thin line, which a square would remove:

    >>> line = [[0, 0, 0], [9, 9, 9], [0, 0, 0]]
    >>> median_through(line, [[0, 1, 0], [1, 1, 1], [0, 1, 0]], mode="nearest").tolist()
    [[0, 0, 0], [9, 9, 9], [0, 0, 0]]
    >>> median(line, 3, mode="nearest")[1].tolist()
    [0, 0, 0]
    """
    marked = np.asarray(window, bool)
    places = int(marked.sum())
    if places % 2 == 0:
        raise InputError(f"window: it marks {places} places, and only an odd number has a middle; mark one more.")
    seen = neighbours(values, marked.shape, mode=mode, outside=outside)[..., marked.ravel()]
    return np.partition(seen, places // 2, axis=-1)[..., places // 2]


def box(values: ArrayLike, size: int | Sequence[int], *, mode: str = "reflect", outside: float = 0.0) -> np.ndarray:
    """The mean of each window (eq-box). Parameters and errors as in `neighbours`.

    The impulse is spread out, and so is the edge:

    >>> box([0, 0, 9, 0, 0, 6, 6, 6], 3).tolist()
    [0.0, 3.0, 3.0, 3.0, 2.0, 4.0, 6.0, 6.0]
    """
    return neighbours(values, size, mode=mode, outside=outside).mean(axis=-1)


def over_time(posteriors: Posteriors, smooth: Callable, frames: int) -> Posteriors:
    """Filter every head of a posteriorgram along time by `median` or `box`, over an odd number of frames.

    Beyond the ends the first and the last frame are repeated.
    """
    return posteriors.map(lambda head: smooth(head, (frames, 1), mode="nearest"))


def relu_median(x: torch.Tensor) -> torch.Tensor:
    """The median of three neighbours, computed with differences, sums and ReLUs alone (eq-relu-median).

    It takes three layers of a network with fixed weights. A convolution by itself cannot compute it. The result is
    two samples shorter than `x`.

    >>> relu_median(torch.tensor([0.0, 9.0, 1.0, 2.0, 2.0])).tolist()
    [1.0, 2.0, 2.0]
    """
    a, b, c = x[:-2], x[1:-1], x[2:]
    down, up = torch.relu(a - b), torch.relu(b - a)  # the smaller is a − down, the larger a + up
    above = torch.relu(a + up - c)  # how far the larger stands above c
    return a - down + torch.relu(down + up - above)


def _checked(values, size, mode: str) -> tuple[np.ndarray, tuple[int, ...]]:
    values = np.asarray(values)
    if values.ndim not in (1, 2) or not values.size or not np.isfinite(values).all():
        raise InputError(f"values of shape {values.shape}: give a row or a matrix of finite numbers.")
    size = (size,) * values.ndim if np.ndim(size) == 0 else tuple(size)
    if len(size) != values.ndim or any(length < 1 or length % 2 != 1 for length in size):
        raise InputError(
            f"size {size}: give one odd number for each of {values.ndim} axes; an even window has no middle."
        )
    if mode not in MODES:
        raise InputError(f"mode {mode!r}: there are {', '.join(MODES)}.")
    return values, size


# What theory says


def box_response(frequency: ArrayLike, size: int) -> np.ndarray:
    """The frequency response of a box: its gain at each frequency, in cycles per sample (eq-dirichlet).

    >>> box_response([0.0, 1 / 3, 0.5], 3).round(3).tolist()
    [1.0, 0.0, -0.333]
    """
    half = np.pi * np.asarray(frequency, dtype=float)
    below = np.sin(half)
    whole = np.abs(below) < 1e-12
    return np.where(whole, 1.0, np.sin(size * half) / np.where(whole, 1.0, size * below))


def box_variance(size: int, *, share: float = 0.0, spread: float = 10.0) -> float:
    """The variance that a box leaves of unit Gaussian noise (eq-box-variance).

    A proportion `share` of the samples has noise that is `spread` times as wide (eq-crossing).

    >>> box_variance(9) * 9, round(box_variance(9, share=0.01) * 9, 2)
    (1.0, 1.99)
    """
    return (1 - share + share * spread**2) / size


def median_variance(size: int, *, share: float = 0.0, spread: float = 10.0) -> float:
    """The variance that a median leaves of the same noise, if the window is large (eq-median-variance).

    >>> round(median_variance(9) * 9, 4), round(median_variance(9, share=0.01) * 9, 2)
    (1.5708, 1.6)
    """
    density = (1 - share + share / spread) / np.sqrt(2 * np.pi)
    return float(1 / (4 * size * density**2))


def exact_median_variance(
    size: int, density: Callable[[np.ndarray], np.ndarray], *, farthest: float = 100.0, steps: int = 20_000
) -> float:
    """The variance that a median of any size leaves of independent noise, by numerical integration (eq-median-exact).

    Parameters
    ----------
    size
        Odd.
    density
        Of the noise, symmetric about 0.
    farthest
        Where the integral ends; beyond it the density should be negligible.
    steps
        Number of points at which the density is evaluated.

    Examples
    --------
    Three Gaussian samples, and three Laplacian ones, for which it is 23/36:

    >>> gaussian = exact_median_variance(3, lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), farthest=20)
    >>> laplacian = exact_median_variance(3, lambda x: np.exp(-x) / 2)
    >>> round(gaussian, 3), round(36 * laplacian, 3)
    (0.449, 23.0)
    """
    half = size // 2
    x = np.linspace(0, farthest**0.5, steps) ** 2  # closer together where the density is large
    p = density(x)
    above = np.concatenate([[0.0], np.cumsum((p[1:] + p[:-1]) / 2 * np.diff(x))])
    below = np.clip(0.5 + above, 0, 1)
    ways = size * comb(size - 1, half)
    integrand = x**2 * ways * (below * (1 - below)) ** half * p
    return float(2 * np.trapezoid(integrand, x))


# Noise


def noise_density(tails: float = 2.0, *, share: float = 0.0, spread: float = 10.0) -> Callable[[ArrayLike], np.ndarray]:
    """The density of unit noise whose tails are as heavy as you like, mixed with outliers (eq-crossing).

    Parameters
    ----------
    tails
        β of the density proportional to ``exp(−|x / a|^β)``, with a such that its variance is 1: 1 is Laplacian noise,
        2 Gaussian, and a large number nearly uniform.
    share, spread
        A proportion of the samples has noise that is `spread` times as wide.

    Examples
    --------
    >>> gaussian = noise_density()
    >>> float(gaussian(0.0).round(4)), round(9 * exact_median_variance(9, gaussian, farthest=20), 2)
    (0.3989, 1.49)
    """
    if not 0.2 <= tails < np.inf:
        raise InputError(f"tails={tails}: give a number of at least 0.2.")
    width = np.sqrt(gamma(1 / tails) / gamma(3 / tails))
    height = tails / (2 * width * gamma(1 / tails))

    def density(x: ArrayLike) -> np.ndarray:
        far = np.abs(np.asarray(x, dtype=float)) / width
        narrow, wide = np.exp(-(far**tails)), np.exp(-((far / spread) ** tails)) / spread
        return height * ((1 - share) * narrow + share * wide)

    return density


def impulses(
    values: ArrayLike, *, share: float, rng: np.random.Generator, low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    """A copy in which a proportion `share` of the places, on average, is set to `low` or `high` at random.

    >>> np.unique(impulses(np.full(1000, 0.5), share=0.1, rng=np.random.default_rng(0))).tolist()
    [0.0, 0.5, 1.0]
    """
    values = _with_share(values, share)
    hit, coin = rng.random((2, *values.shape))
    return np.where(hit < share, np.where(coin < 0.5, low, high), values).astype(values.dtype)


def dropped(values: ArrayLike, *, share: float, rng: np.random.Generator, empty: float = 0.0) -> np.ndarray:
    """A copy in which a proportion `share` of the rows (frames), on average, is set to `empty`.

    >>> dropped(np.ones((6, 2)), share=0.5, rng=np.random.default_rng(0)).min(axis=1).tolist()
    [1.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    """
    values = _with_share(values, share)
    gone = rng.random(len(values)) < share
    return np.where(gone.reshape(-1, *(1,) * (values.ndim - 1)), empty, values).astype(values.dtype)


def crackle(
    recording: Recording, *, share: float, rng: np.random.Generator, height: float = 0.5, length: int = 1
) -> Recording:
    """Add the clicks of an old record: one begins at a proportion `share` of the samples, on average.

    Each replaces `length` samples by plus or minus `height`.

    >>> calm = Recording(np.zeros(8), 22_050)
    >>> crackle(calm, share=0.2, rng=np.random.default_rng(3), length=2).audio.tolist()
    [0.5, 0.5, 0.0, 0.0, -0.5, -0.5, 0.0, 0.5]
    """
    audio, samples = recording.audio.copy(), len(recording.audio)
    clicks = impulses(np.zeros(samples), share=share, rng=rng, low=-height, high=height)
    for later in range(length):
        begun = clicks[: samples - later]
        audio[later:] = np.where(begun != 0, begun, audio[later:])
    return replace(recording, audio=audio)


def drop_packets(recording: Recording, *, share: float, rng: np.random.Generator, samples: int = NMP.hop) -> Recording:
    """A bad connection: a proportion `share` of the packets of `samples` samples is lost, and replaced by silence.

    >>> calm = Recording(np.ones(1024), 22_050)
    >>> drop_packets(calm, share=0.5, rng=np.random.default_rng(0)).audio[::256].tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    audio = np.pad(recording.audio, (0, -len(recording.audio) % samples))
    arrived = dropped(audio.reshape(-1, samples), share=share, rng=rng)
    return replace(recording, audio=arrived.ravel()[: len(recording.audio)])


def _with_share(values, share: float) -> np.ndarray:
    if not 0 <= share <= 1:
        raise InputError(f"share={share}: give a number from 0 to 1.")
    return np.asarray(values, dtype=np.result_type(np.asarray(values), np.float32))


# Harmonic and percussive


def harmonic_percussive_masks(
    magnitude: ArrayLike, *, size: int = 31, power: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """The proportion of each cell that belongs to lines along time, and that to lines along frequency (eq-masks).

    The two masks add up to 1. Where both medians are 0, each mask is one half.

    Parameters
    ----------
    magnitude
        The magnitude of a spectrogram, (bins, frames), not negative.
    size
        The odd size of the medians: frames for the harmonic one, bins for the percussive one.
    power
        Exponent of the medians; 2 divides by energy, and larger exponents make the masks more nearly 0 or 1.

    Examples
    --------
    >>> picture = np.zeros((9, 9)); picture[4], picture[:, 4] = 1, 1
    >>> harmonic, percussive = harmonic_percussive_masks(picture, size=5)
    >>> harmonic[4, 0], percussive[0, 4], harmonic[4, 4]
    (np.float64(1.0), np.float64(1.0), np.float64(0.5))
    """
    along_time = median(magnitude, (1, size)).astype(float) ** power
    along_frequency = median(magnitude, (size, 1)).astype(float) ** power
    total = along_time + along_frequency
    silent = total < np.finfo(np.float32).tiny
    harmonic = np.where(silent, 0.5, along_time / np.where(silent, 1, total))
    return harmonic, 1 - harmonic


def separated(recording: Recording, *, size: int = 31, power: float = 2.0) -> tuple[Recording, Recording]:
    """Separate a recording into a harmonic and a percussive part, which add up to the original (eq-hpss).

    A short-time spectrum is multiplied by each mask of `harmonic_percussive_masks` and turned back into sound.
    """
    spectrum = librosa.stft(recording.audio, n_fft=WINDOW, hop_length=NMP.hop)
    masks = harmonic_percussive_masks(np.abs(spectrum), size=size, power=power)
    back = {"hop_length": NMP.hop, "n_fft": WINDOW, "length": len(recording.audio)}
    harmonic, percussive = (librosa.istft(spectrum * mask, **back) for mask in masks)
    return replace(recording, audio=harmonic), replace(recording, audio=percussive)


def strokes(
    seconds: float, *, rng: np.random.Generator, spacing: float = 0.5, rate: int = NMP.sample_rate
) -> np.ndarray:
    """Strokes of a brush on a drum, (samples,): a burst of noise every `spacing` seconds, which soon fades away.

    >>> len(strokes(2.0, rng=np.random.default_rng(0)))
    44100
    """
    time = np.arange(int(seconds * rate)) / rate
    return rng.standard_normal(len(time)) * np.exp(-60 * (time % spacing))
