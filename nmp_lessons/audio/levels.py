"""Loudness in LUFS (ITU-R BS.1770), the loudness at which the book plays every sound, and fades."""

import warnings
from dataclasses import replace

import numpy as np

from ..errors import InputError
from .recording import Recording

LOUDNESS = -20.0  # LUFS, at which the book plays every sound
HIGHEST_PEAK = 10 ** (-1 / 20)  # leaves 1 dB of headroom, because lossy codecs overshoot
LOUDNESS_BLOCK = 0.4  # seconds, the gating block of ITU-R BS.1770


def loudness(recording: Recording) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770, by pyloudnorm).

    A sound shorter than the standard's block of 0.4 s is measured as one block of its own length.

    Raises
    ------
    InputError
        If the recording is silent: below -70 LUFS nothing is measured.

    Examples
    --------
    >>> from nmp_lessons.sound import tone
    >>> round(loudness(tone(1000, 1.0)))  # a sine that peaks at one half
    -9
    """
    value = _loudness(recording)
    if value == -np.inf:
        what = recording.title or "the recording"
        raise InputError(f"{what}: is silent (below -70 LUFS), so it has no loudness; record it at a higher level.")
    return value


def _loudness(recording: Recording) -> float:
    import pyloudnorm  # here, because it takes half a second to import

    block = min(LOUDNESS_BLOCK, recording.seconds)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no block, when all lie below the gate
        value = pyloudnorm.Meter(recording.rate, block_size=block).integrated_loudness(recording.audio)
    return float(value) if np.isfinite(value) else -np.inf


def at_loudness(recording: Recording, lufs: float = LOUDNESS) -> Recording:
    """The recording at a loudness of `lufs`, or softer if its peak would otherwise exceed -1 dB.

    Silence stays silent.

    >>> from nmp_lessons.sound import tone
    >>> round(loudness(at_loudness(tone(440, 1.0), -23)), 3)
    -23.0
    """
    found = _loudness(recording)
    if found == -np.inf:
        return recording
    gain = min(10 ** ((lufs - found) / 20), HIGHEST_PEAK / np.abs(recording.audio).max())
    return replace(recording, audio=recording.audio * np.float32(gain))


def fade(recording: Recording, seconds: float = 0.01) -> Recording:
    """The recording with a raised-cosine fade at both ends, so that a cut does not click.

    >>> from nmp_lessons.sound import tone
    >>> abs(fade(tone(440, 1.0)).audio[[0, -1]]).tolist()
    [0.0, 0.0]
    """
    length = min(round(seconds * recording.rate), len(recording.audio) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(length, 1))).astype(np.float32)
    audio = recording.audio.copy()
    audio[:length] *= ramp
    audio[len(audio) - length :] *= ramp[::-1]
    return replace(recording, audio=audio)
