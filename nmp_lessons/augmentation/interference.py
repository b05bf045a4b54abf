"""Irrelevant waveforms, which should not change any label: a hum, a sweep and speech-like noise."""

import numpy as np

from ..constants import NMP


def hum(seconds: float, *, frequency: float = 50.0, rate: int = NMP.sample_rate) -> np.ndarray:
    """A mains hum: a tone and its odd partials."""
    time = np.arange(int(seconds * rate)) / rate
    partials = [np.sin(2 * np.pi * frequency * n * time) / n for n in (1, 3, 5, 7)]
    return np.sum(partials, axis=0)


def sweep(seconds: float, *, low: float = 100.0, high: float = 4000.0, rate: int = NMP.sample_rate) -> np.ndarray:
    """A tone that glides from `low` to `high` Hz, by the same number of octaves in every second."""
    time = np.arange(int(seconds * rate)) / rate
    octaves = np.log2(high / low) / seconds
    return np.sin(2 * np.pi * low * (2 ** (octaves * time) - 1) / (octaves * np.log(2)))


def babble(seconds: float, *, rng: np.random.Generator, rate: int = NMP.sample_rate) -> np.ndarray:
    """Noise with the spectrum (below 4 kHz) and the rhythm of speech (some four syllables a second), but no words."""
    samples = int(seconds * rate)
    frequencies = np.fft.rfftfreq(samples, 1 / rate)
    tilt = 1 / (1 + (frequencies / 500) ** 2) * (frequencies > 80) * (frequencies < 4000)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * tilt, samples)
    turns = rng.random(int(8 * seconds) + 2)  # louder and softer, eight turns a second
    loudness = np.interp(8 * np.arange(samples) / rate, np.arange(len(turns)), turns)
    return noise * loudness**2
