"""The same changes applied to features, fast enough for every training batch."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from ..constants import NMP
from ..cqt import CQT, FIXED_SPAN, FLOOR, SILENCE, from_fixed_scale, normalised_log_fixed, on_fixed_scale
from ..model.network import Heads
from .interference import babble, hum, sweep


@dataclass(frozen=True)
class FeatureAugmentation:
    """Random changes to a batch of features and its targets, drawn for each example separately.

    Parameters
    ----------
    semitones
        Greatest transposition, up or down; 0 for none. What comes in at the ends is silence.
    equaliser
        Standard deviation in dB of a smooth curve over the bins; 0 also switches off roughness, tilt and bass.
    level
        Greatest change of level in dB, up or down.
    dark
        Probability of a fall of up to 7 dB per octave above some middle frequency: a distant microphone, a soft hammer.
    cutoff
        Probability of a low-pass filter between 6.4 and 8.4 kHz.
    noise
        Range of levels in dB of a noise floor; None for none.
    interference
        Probability of an irrelevant waveform (`irrelevant_levels`), from as loud as the music to 30 dB below it.
    mixup
        Probability that another example of the batch sounds at the same time, up to 12 dB softer, with its labels.

    Examples
    --------
    >>> features, zeros = torch.ones(2, 5, 309), torch.zeros(2, 5, 88)
    >>> labels = Heads(torch.zeros(2, 5, 264), zeros, zeros)
    >>> changed, labels = FeatureAugmentation()(features, labels, rng=np.random.default_rng(0))
    >>> tuple(changed.shape), bool((changed != features).all())
    ((2, 5, 309), True)
    """

    semitones: int = 6
    equaliser: float = 3.5
    level: float = 12.0
    dark: float = 0.6
    cutoff: float = 0.5
    noise: tuple[float, float] | None = (-85.0, -28.0)
    interference: float = 0.0
    mixup: float = 0.0

    def __call__(
        self, features: torch.Tensor, targets: Heads, *, rng: np.random.Generator
    ) -> tuple[torch.Tensor, Heads]:
        """Changed features and targets, of the same shapes."""
        batch, _, bins = features.shape
        if self.semitones:
            by = rng.integers(-self.semitones, self.semitones + 1, batch)
            features, targets = transposed(features, targets, by)
        if self.mixup:
            features, targets = _mixed(features, targets, rng, chance=self.mixup)
        if self.interference:
            features = _disturbed(features, rng, chance=self.interference)
        curves = np.stack([self.curve(rng, bins) for _ in range(batch)])
        floors = np.stack([self.floor(rng, bins) for _ in range(batch)])
        uniform = rng.random(features.shape, dtype=np.float32)
        drawn = (torch.from_numpy(array).to(features) for array in (curves, floors, uniform))
        return coloured(features, *drawn), targets

    def curve(self, rng: np.random.Generator, bins: int = NMP.cqt_bins) -> np.ndarray:
        """One random filter, in dB for each bin: level, smooth curve, roughness, tilt, bass, low-pass."""
        octave = np.arange(bins) / NMP.bins_per_octave
        curve = rng.uniform(-self.level, self.level) + rng.normal(0, self.equaliser, 8) @ _knots(octave)
        if self.equaliser:
            curve = curve + rng.uniform(0, 1.5) * rng.standard_normal(bins)
            if rng.random() < self.dark:
                curve = curve + rng.uniform(-7, 0) * np.maximum(0, octave - rng.uniform(3, 5))
            else:
                curve = curve + rng.uniform(-1.5, 1.0) * (octave - 4)
            if rng.random() < 0.6:  # little bass
                curve = curve - rng.uniform(4, 24) * np.maximum(0, rng.uniform(0.2, 2.2) - octave)
        if rng.random() < self.cutoff:
            edge = rng.uniform(7.86, 8.25)  # octaves above A0: 6.4 to 8.4 kHz
            curve = curve - np.clip(900 * (octave - edge), 0, 90)
        return curve

    def floor(self, rng: np.random.Generator, bins: int = NMP.cqt_bins) -> np.ndarray:
        """One random noise floor, in dB for each bin, usually falling with frequency; −200 means none."""
        if self.noise is None:
            return np.full(bins, -200.0)
        octave = np.arange(bins) / NMP.bins_per_octave
        return rng.uniform(*self.noise) + rng.uniform(-8.0, 1.0) * (octave - 4)


def _mixed(features: torch.Tensor, targets: Heads, rng, *, chance: float) -> tuple[torch.Tensor, Heads]:
    """Each example, with some probability, mixed with the one before it: powers add, and the higher label is kept."""
    softer = rng.uniform(0, 12, len(features)).astype(np.float32)
    softer[rng.random(len(features)) >= chance] = np.inf
    joined = _added(features, features.roll(1, 0), torch.from_numpy(-softer).to(features))
    present = torch.from_numpy(np.isfinite(softer)).to(features.device)[:, None, None]
    return joined, targets.map(lambda y: torch.where(present, torch.maximum(y, y.roll(1, 0)), y))


def _disturbed(features: torch.Tensor, rng, *, chance: float) -> torch.Tensor:
    """Each example, with some probability, disturbed by a stretch of an irrelevant waveform; the labels stay."""
    others, frames = irrelevant_levels(), features.shape[1]
    drawn = rng.integers(len(others), size=len(features))
    starts = rng.integers(others.shape[1], size=len(features))
    softer = rng.uniform(0, 30, len(features)).astype(np.float32)
    softer[rng.random(len(features)) >= chance] = np.inf
    rows = (starts[:, None] + np.arange(frames)) % others.shape[1]
    other = torch.from_numpy(others[drawn[:, None], rows]).to(features)
    loudest = [x.flatten(1).amax(1) for x in (features, other)]
    return _added(features, other, FIXED_SPAN * (loudest[0] - loudest[1]) - torch.from_numpy(softer).to(features))


def _added(features: torch.Tensor, other: torch.Tensor, decibels: torch.Tensor) -> torch.Tensor:
    """The sum of both powers, the other one raised by some decibels for each example."""
    nepers = np.log(10) / 10
    level = torch.exp((from_fixed_scale(other) + decibels[:, None, None]) * nepers)
    return on_fixed_scale(torch.log(torch.exp(from_fixed_scale(features) * nepers) + level + FLOOR) / nepers)


@lru_cache
def irrelevant_levels(*, seconds: float = 4.0) -> np.ndarray:
    """Twelve irrelevant waveforms as features, (12, frames, 309): hums, sweeps, babble, steady tones."""
    rng, rate = np.random.default_rng(0), NMP.sample_rate
    tones = [np.sin(2 * np.pi * f * np.arange(int(seconds * rate)) / rate) for f in rng.uniform(60, 4000, 3)]
    waveforms = [
        *(hum(seconds, frequency=f) for f in (50.0, 60.0, 100.0)),
        *(sweep(seconds, low=low, high=high) for low, high in ((60, 2000), (200, 8000), (4000, 100))),
        *(babble(seconds, rng=rng) for _ in range(3)),
        *tones,
    ]
    with torch.inference_mode():
        power = CQT().power(torch.tensor(np.stack(waveforms), dtype=torch.float32))
        return normalised_log_fixed(power).mT.contiguous().numpy()


def _knots(octave: np.ndarray) -> np.ndarray:
    """What each of eight evenly spaced knots contributes to each bin of a piecewise linear curve, (8, bins)."""
    places = np.linspace(0, octave[-1], 8)
    return np.stack([np.interp(octave, places, row) for row in np.eye(8)])


def coloured(features: torch.Tensor, curves: torch.Tensor, floors: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Filter features by `curves` (batch, bins) in dB, then add noise whose mean power is `floors`, also in dB.

    Powers add (eq-noise-power). The power of noise in a bin is exponentially distributed; `uniform`, with numbers
    from 0 to 1 and the shape of the features, provides the randomness. Each cell is drawn independently, so the
    noise flickers, whereas real noise is correlated between neighbouring frames and bins, most of all in the bass.
    """
    nepers = np.log(10) / 10
    power = torch.exp((from_fixed_scale(features) + curves[:, None]) * nepers)
    noise = torch.exp(floors * nepers)[:, None] * -torch.log(1 - uniform)
    return on_fixed_scale(torch.log(power + noise + FLOOR) / nepers)


def transposed(features: torch.Tensor, targets: Heads, semitones: Iterable[int]) -> tuple[torch.Tensor, Heads]:
    """Each example moved up by its own number of semitones, by three bins per semitone (eq-equivariance).

    `semitones` is (batch,). Silence comes in at one end. What leaves at the other is lost, labels included.
    """
    step = NMP.bins_per_semitone
    moved = targets.map(torch.zeros_like)
    shifted = torch.full_like(features, SILENCE)
    for i, by in enumerate(int(s) for s in semitones):
        _move(features[i], shifted[i], step * by)
        for y, to in zip(targets, moved, strict=True):
            if y is not None and to is not None:
                _move(y[i], to[i], by * (step if y.shape[-1] == NMP.contour_bins else 1))
    return shifted, moved


def _move(source: torch.Tensor, target: torch.Tensor, by: int) -> None:
    """Copy (frames, bins) into the target, `by` bins higher."""
    bins = source.shape[-1]
    target[:, max(by, 0) : bins + min(by, 0)] = source[:, max(-by, 0) : bins - max(by, 0)]
