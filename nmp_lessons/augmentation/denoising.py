"""Denoising autoencoders: from a noisy picture of a sound back to the clean one.

Chapter ``augmentation``. A denoising autoencoder has the same input as a transcriber that is trained with
noise, and a different target: the clean picture x instead of the clean labels y. Under squared error the best
output is the posterior mean E[x | x̃] (eq-denoise), which for Gaussian noise is a step along the
gradient of log p(x̃) (eq-tweedie); `posterior_mean` and `tweedie` compute both sides for a toy distribution.

`Denoiser` is small enough to be trained in seconds while a page is built. It works on levels, not on sound;
`filtered` applies its changes to the sound, as a time-varying filter.

Conventions: features are (batch, frames, 309) on the fixed scale (dB + 90) / 60; an error of 1 is 60 dB.

Sources: Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML 2008;
Alain and Bengio, JMLR 2014 (what the optimum is).
"""

from collections.abc import Sequence
from dataclasses import replace

import librosa
import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from ..audio.recording import Recording
from ..constants import NMP
from ..cqt import FIXED_SPAN
from ..errors import InputError
from ..model.inference import at_model_rate, fixed_features
from .waveforms import white_noise

RATIOS = (0.0, 6.0, 12.0, 18.0, 24.0)  # signal-to-noise ratios in training, in dB
FLOOR = 0.5  # of all features here, −60 dB: anything softer counts as silence
WINDOW = 4096  # samples of the short-time spectrum that `filtered` changes


class Denoiser(nn.Module):
    """Three convolutions that compute what to add to a noisy picture, (batch, frames, 309) -> the same shape.

    >>> sum(weights.numel() for weights in Denoiser().parameters())
    4609
    """

    def __init__(self, channels: int = 16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, channels, (9, 5), padding=(4, 2)),
            nn.ReLU(),
            nn.Conv2d(channels, channels, (5, 3), padding=(2, 1)),
            nn.ReLU(),
            nn.Conv2d(channels, 1, 1),
        )

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        noisy = noisy.clamp(min=FLOOR)
        return noisy + self.layers(noisy[:, None])[:, 0]


def pairs(
    recordings: Sequence[Recording], *, ratios: Sequence[float] = RATIOS, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of recordings with and without white noise: the input and the target of a denoiser.

    Parameters
    ----------
    recordings
        All of the same length.
    ratios
        Signal-to-noise ratios in dB; every recording is used at each of them.

    Returns
    -------
    noisy, clean
        (recordings × ratios, frames, 309). Clean levels below −60 dB count as −60 dB.

    Raises
    ------
    InputError
        If there is no recording, or the lengths differ.
    """
    if len({recording.seconds for recording in recordings}) != 1:
        raise InputError("pairs for denoising: give at least one recording, all of one length.")
    noisy = [white_noise(r, ratio=ratio, rng=rng) for r in recordings for ratio in ratios]
    clean = [r for r in recordings for _ in ratios]
    noisy, clean = (torch.cat([fixed_features(r) for r in each]) for each in (noisy, clean))
    return noisy, clean.clamp(min=FLOOR)


def train(
    noisy: torch.Tensor,
    clean: torch.Tensor,
    *,
    steps: int = 120,
    batch: int = 8,
    frames: int = 64,
    seed: int = 0,
) -> tuple[Denoiser, list[float]]:
    """Train a denoiser on random windows of pairs; returns it and its loss at each step (eq-dae).

    The loss is the mean squared error. This takes seconds on one core, and is reproducible on one thread.

    >>> clean = torch.rand(2, 80, 309, generator=torch.manual_seed(0))
    >>> _, losses = train(clean + 0.3, clean, steps=30, batch=2)
    >>> losses[-1] < 0.5 * losses[0]
    True
    """
    if noisy.shape != clean.shape or noisy.ndim != 3 or noisy.shape[1] < frames:
        shapes = f"{tuple(noisy.shape)}, {tuple(clean.shape)}"
        raise InputError(f"pairs of shapes {shapes}: give two alike, of at least {frames} frames.")
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Denoiser()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * min(1.0, 2 * (steps - step) / steps)
        rows = rng.integers(len(noisy), size=batch)
        starts = rng.integers(noisy.shape[1] - frames + 1, size=batch)
        seen, target = (
            torch.stack([x[i, start : start + frames] for i, start in zip(rows, starts, strict=True)])
            for x in (noisy, clean)
        )
        loss = nn.functional.mse_loss(model(seen), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return model.eval(), losses


def error_in_db(features: torch.Tensor, clean: torch.Tensor) -> float:
    """Root of the mean squared difference of two pictures, in dB; levels below −60 dB count as −60 dB.

    >>> round(error_in_db(torch.full((1, 2, 309), 0.6), torch.full((1, 2, 309), 0.7)), 3)
    6.0
    """
    difference = features.clamp(min=FLOOR) - clean.clamp(min=FLOOR)
    return FIXED_SPAN * float(difference.square().mean().sqrt())


def filtered(recording: Recording, before: torch.Tensor, after: torch.Tensor, *, depth: float = 40.0) -> Recording:
    """The recording, with each moment and frequency softened by as much as `after` lies below `before`.

    Parameters
    ----------
    recording
        At any sample rate; the result has 22,050 Hz.
    before, after
        Its features, and the denoiser's output for them, (frames, 309).
    depth
        The most that is taken away, in dB; nothing is made louder.
    """
    change = (FIXED_SPAN * (after - before)).clamp(-depth, 0).numpy()
    audio = at_model_rate(recording)
    spectrum = librosa.stft(audio, n_fft=WINDOW, hop_length=NMP.hop)
    hertz = np.maximum(librosa.fft_frequencies(sr=NMP.sample_rate, n_fft=WINDOW), 1.0)
    bins = np.round(NMP.bins_per_octave * np.log2(hertz / NMP.lowest_frequency)).astype(int)
    frame = np.minimum(np.arange(spectrum.shape[1]), len(change) - 1)
    gains = change[frame][:, bins.clip(0, NMP.cqt_bins - 1)].T
    softer = librosa.istft(spectrum * 10 ** (gains / 20), hop_length=NMP.hop, length=len(audio))
    return replace(recording, audio=softer.astype(np.float32), rate=NMP.sample_rate)


# A toy whose optimum is known


def posterior_mean(noisy: ArrayLike, values: ArrayLike, weights: ArrayLike, *, sigma: float) -> np.ndarray:
    """E[x | x̃] if x is one of some values and x̃ = x + σ · a standard normal number (eq-denoise).

    >>> posterior_mean([-5.0, 0.0, 5.0], [-1.0, 1.0], [0.5, 0.5], sigma=1.0).round(3).tolist()
    [-1.0, 0.0, 1.0]
    """
    share = _shares(noisy, values, weights, sigma)
    return (share * np.asarray(values, float)).sum(-1) / share.sum(-1)


def tweedie(noisy: ArrayLike, values: ArrayLike, weights: ArrayLike, *, sigma: float, step: float = 1e-4) -> np.ndarray:
    """x̃ + σ² · d log p(x̃) / dx̃, with the slope by finite differences (eq-tweedie); equals `posterior_mean`.

    >>> tweedie([0.3], [-1.0, 1.0], [0.5, 0.5], sigma=1.0).round(6) == np.tanh([0.3]).round(6)
    array([ True])
    """
    noisy = np.asarray(noisy, float)
    up, down = (np.log(_shares(noisy + d, values, weights, sigma).sum(-1)) for d in (step, -step))
    return noisy + sigma**2 * (up - down) / (2 * step)


def _shares(noisy: ArrayLike, values: ArrayLike, weights: ArrayLike, sigma: float) -> np.ndarray:
    """How much each value contributes to the density of x̃, (noisy, values), up to a common factor."""
    if sigma <= 0 or np.size(values) != np.size(weights):
        raise InputError("give one weight for each value, and a spread above 0.")
    away = np.asarray(noisy, float)[..., None] - np.asarray(values, float)
    return np.asarray(weights, float) * np.exp(-0.5 * (away / sigma) ** 2)
