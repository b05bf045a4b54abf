"""Synthetic rooms: the one with light reverberation used for the book's recordings, and random ones for training."""

from dataclasses import replace

import numpy as np
from scipy.signal import lfilter, oaconvolve

from ..constants import NMP
from ..errors import InputError
from .recording import Recording


def in_room(recording: Recording, *, seed: int, reverberation: float = 0.6, level: float = -12.0) -> Recording:
    """The recording in a synthetic room with light reverberation: decaying noise, weaker in the treble.

    Parameters
    ----------
    recording : Recording
    seed : int
        Chooses the room; the same seed gives the same noise.
    reverberation : float
        Seconds in which the reverberation decays by 60 dB.
    level : float
        Energy of the reverberation relative to the direct sound, in dB. The direct sound is neither changed nor moved.
    """
    delay = round(0.012 * recording.rate)  # the first wall is two metres away
    times = np.arange(round(reverberation * recording.rate)) / recording.rate
    noise = np.random.default_rng(seed).standard_normal(len(times)) * 10 ** (-3 * times / reverberation)
    echo = np.asarray(lfilter([0.4], [1, -0.6], noise))  # the walls swallow treble
    echo *= 10 ** (level / 20) / np.sqrt(np.sum(echo**2))
    impulse = np.concatenate([[1.0], np.zeros(delay), echo]).astype(np.float32)
    audio = oaconvolve(recording.audio, impulse)[: len(recording.audio)]
    return replace(recording, audio=audio)


BANDS = ((0, 250), (250, 1000), (1000, 3000), (3000, np.inf))  # Hz
FADING = (1.2, 1.0, 0.8, 0.5)  # reverberation time of each band, as a fraction of the middle ones'
DECAY_DB = 60  # what "reverberation time" means: the level has fallen by 60 dB


def room(
    rng: np.random.Generator,
    *,
    reverberation: float = 1.0,
    direct: float = 6.0,
    rate: int = NMP.sample_rate,
    delay: float = 0.01,
) -> np.ndarray:
    """The impulse response of a synthetic room, (samples,): the impulse itself, then decaying noise.

    Parameters
    ----------
    rng
        Draws the room.
    reverberation
        Seconds in which the middle frequencies decay by 60 dB; higher ones decay faster.
    direct
        Level in dB of the direct sound relative to everything else: large for a near microphone.
    rate
        Hz.
    delay
        Seconds between the direct sound and the first reflection.
    """
    if not 0 < reverberation <= 20 or rate <= 0 or delay < 0:
        raise InputError(f"room: reverberation={reverberation}, delay={delay}; give seconds, from 0 to 20.")
    samples = int(rate * (1.1 * reverberation + delay)) + 1
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequencies = np.fft.rfftfreq(samples, 1 / rate)
    time = np.arange(samples) / rate
    tail = np.zeros(samples)
    for (low, high), ratio in zip(BANDS, FADING, strict=True):
        band = np.fft.irfft(spectrum * ((frequencies >= low) & (frequencies < high)), samples)
        tail += band * 10 ** (-DECAY_DB / 20 * time / (reverberation * ratio))
    tail = np.roll(tail, int(delay * rate))
    tail[: int(delay * rate)] = 0
    tail *= np.sqrt(10 ** (-direct / 10) / max(np.sum(tail**2), 1e-20))
    tail[0] += 1.0
    return tail
