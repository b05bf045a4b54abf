"""Recordings, their levels, and the names and frequencies of pitches.

Conventions: audio is mono float32, full scale is 1, times are in seconds, frequencies in Hz. A pitch is a
MIDI number: 69 is A4 at 440 Hz, and one semitone is one unit. Levels are in decibels relative to full
scale, loudness in LUFS (ITU-R BS.1770).

Chapter: ``book/sound.md``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .audio.recording import Recording
from .constants import NMP
from .errors import InputError
from .notes.pitch import pitch_to_frequency


def level_in_db(amplitude: ArrayLike, *, reference: float = 1.0) -> np.ndarray:
    """Level of an amplitude in decibels: L = 20 · log10(a/reference) (eq-sound-level).

    Also accepts arrays; silence is -inf.

    >>> level_in_db([1, 0.5, 0.1]).round(2).tolist()
    [0.0, -6.02, -20.0]
    """
    with np.errstate(divide="ignore"):
        return 20 * np.log10(np.abs(np.asarray(amplitude, dtype=float)) / reference)


def partials(pitch: float, count: int = 8, *, inharmonicity: float = 0.0) -> np.ndarray:
    """Frequencies in Hz of the first partials of a note: f_h = h · f · sqrt(1 + β·h²) (eq-sound-partials).

    Parameters
    ----------
    pitch : float
        MIDI number of the note, whose fundamental would be f without stiffness.
    count : int
        How many partials.
    inharmonicity : float
        β, the stiffness of the string: 0 for an ideal one, about 0.0004 in the middle of a piano.
        Source: Fletcher, "Normal vibration frequencies of a stiff piano string", JASA 1964.

    Returns
    -------
    np.ndarray, shape (count,)

    Examples
    --------
    >>> partials(57, 4).tolist()
    [220.0, 440.0, 660.0, 880.0]
    """
    h = np.arange(1, count + 1)
    return h * pitch_to_frequency(pitch) * np.sqrt(1 + inharmonicity * h**2)


def measured_partials(recording: Recording, pitch: float, count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and levels of the first partials of a recorded note.

    Each is the highest peak of the spectrum (Hann window, parabola through three bins) within a quarter of
    the fundamental around the frequency predicted from the two partials below it.

    Parameters
    ----------
    recording : Recording
        One note, half a second or more.
    pitch : float
        MIDI number that the note should have.
    count : int
        How many partials.

    Returns
    -------
    frequencies : np.ndarray, shape (count,), Hz
    levels : np.ndarray, shape (count,), dB relative to full scale, as a mean over the recording

    Raises
    ------
    InputError
        If the highest partial lies above half the sample rate.

    Examples
    --------
    >>> frequencies, levels = measured_partials(tone(220, 1.0, partials=(1, 0.5)), 57, 2)
    >>> frequencies.round(1).tolist(), (levels[1] - levels[0]).round(1).item()
    ([220.0, 440.0], -6.0)
    """
    fundamental = float(pitch_to_frequency(pitch))
    if (count + 0.5) * fundamental > recording.rate / 2:
        raise InputError(
            f"{recording.title or 'the recording'}: partial {count} is above half the sample rate; ask for fewer."
        )
    window = np.hanning(len(recording.audio))
    length = 4 * len(window)  # zeros after the sound give a finer grid for finding the peak
    level = level_in_db(2 * np.abs(np.fft.rfft(recording.audio * window, length)) / window.sum() + 1e-12)
    step = recording.rate / length  # Hz
    frequencies, levels = [0.0], []
    for _ in range(count):
        gap = fundamental if len(frequencies) < 3 else frequencies[-1] - frequencies[-2]
        first, last = (round((frequencies[-1] + gap + side * fundamental / 4) / step) for side in (-1, 1))
        peak = first + int(np.argmax(level[first:last]))
        below, top, above = level[peak - 1 : peak + 2]
        offset = 0.5 * (below - above) / (below - 2 * top + above)
        frequencies.append((peak + offset) * step)
        levels.append(top - 0.25 * (below - above) * offset)
    return np.array(frequencies[1:]), np.array(levels)


def fit_inharmonicity(frequencies: ArrayLike) -> tuple[float, float]:
    """The fundamental and the inharmonicity that best fit measured partials 1, 2, 3, … (eq-sound-partials).

    By least squares on (f_h/h)² = f² + f²β·h², a straight line in h².

    Returns
    -------
    (float, float)
        f in Hz and β.

    Examples
    --------
    >>> fundamental, inharmonicity = fit_inharmonicity(partials(45, 8, inharmonicity=0.0004))
    >>> round(fundamental, 3), round(inharmonicity, 6)
    (110.0, 0.0004)
    """
    frequencies = np.asarray(frequencies, dtype=float)
    h = np.arange(1, len(frequencies) + 1)
    slope, intercept = np.polyfit(h**2, (frequencies / h) ** 2, 1)
    return float(np.sqrt(intercept)), float(slope / intercept)


def folded_frequency(frequency: ArrayLike, *, rate: float) -> np.ndarray:
    """The frequency in Hz, at most half the rate, at which a sampled sine is heard, ``|f − rate·round(f/rate)|``.

    Equation eq-sound-folding. Also accepts arrays.

    >>> folded_frequency([400, 600, 1100], rate=1000).tolist()
    [400.0, 400.0, 100.0]
    """
    if not rate > 0:
        raise InputError(f"a sample rate of {rate:g} Hz gives no samples; use a rate above 0.")
    frequency = np.asarray(frequency, dtype=float)
    return np.abs(frequency - rate * np.round(frequency / rate))


def shared_partials(
    lower: float, higher: float, *, count: int = 8, tolerance: float = 600 / NMP.bins_per_octave
) -> np.ndarray:
    """The partials of a higher note that lie on partials of a lower one (eq-hearing-shared).

    Parameters
    ----------
    lower, higher : float
        MIDI numbers of the two notes.
    count : int
        How many partials of the higher note to examine; of the lower note, as many as necessary are used.
    tolerance : float
        Distance in cents up to which two partials count as one; by default half a bin of the book's transform.

    Returns
    -------
    np.ndarray, shape (shared, 2), int
        Rows (m, n): partial m of the lower note and partial n of the higher coincide.

    Raises
    ------
    InputError
        If `higher` lies below `lower`.

    Examples
    --------
    A fifth has the ratio 3 : 2, so every second partial is shared:

    >>> shared_partials(48, 55).tolist()
    [[3, 2], [6, 4], [9, 6], [12, 8]]
    """
    if higher < lower:
        raise InputError(f"pitch {higher:g} lies below {lower:g}; give the lower note first.")
    n = np.arange(1, count + 1)
    ratio = pitch_to_frequency(higher) / pitch_to_frequency(lower)
    m = np.round(n * ratio).astype(int)
    near = np.abs(1200 * np.log2(n * ratio / m)) <= tolerance
    return np.stack([m, n], axis=1)[near]


def tone(
    frequency: float, seconds: float = 1.0, *, partials: Sequence[float] = (1.0,), rate: int = NMP.sample_rate
) -> Recording:
    """A steady tone: a sum of harmonic sines, of which number n has the amplitude ``partials[n - 1]``.

    Amplitudes are scaled so that they sum to one half, which no phase can clip. Partials above half the
    sample rate are left out, since they would sound at wrong frequencies.

    >>> tone(440, 0.5, partials=(1, 0.5, 0.25)).seconds
    0.5
    """
    if not (frequency > 0 and seconds > 0):
        raise InputError(f"a tone of {frequency:g} Hz for {seconds:g} s is impossible; give two numbers above 0.")
    times = np.arange(round(seconds * rate)) / rate
    total = sum(abs(amplitude) for amplitude in partials) or 1.0
    audio = np.zeros(len(times))
    for n, amplitude in enumerate(partials, start=1):
        if n * frequency < rate / 2:
            audio += 0.5 * amplitude / total * np.sin(2 * np.pi * n * frequency * times)
    return Recording(audio, rate, title=f"tone of {frequency:g} Hz")
