"""Names and frequencies of pitches. A pitch is a MIDI number: 69 is A4 at 440 Hz, and a semitone is one unit."""

import re

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError

A4_PITCH = 69
A4_FREQUENCY = 440.0  # Hz
PITCH_CLASSES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def pitch_to_frequency(pitch: ArrayLike) -> np.ndarray:
    """Frequency in Hz of a pitch in equal temperament: f = 440 · 2^((p − 69)/12) (eq-sound-temperament).

    Arrays welcome.

    >>> pitch_to_frequency([69, 60]).round(2).tolist()
    [440.0, 261.63]
    """
    return A4_FREQUENCY * 2.0 ** ((np.asarray(pitch, dtype=float) - A4_PITCH) / 12)


def frequency_to_pitch(frequency: ArrayLike) -> np.ndarray:
    """Pitch of a frequency in Hz, fractions included: p = 69 + 12 · log2(f/440) (eq-sound-pitch).

    Arrays welcome.

    Raises
    ------
    InputError
        If a frequency is not above 0.

    Examples
    --------
    >>> frequency_to_pitch([880, 27.5]).tolist()
    [81.0, 21.0]
    """
    frequency = np.asarray(frequency, dtype=float)
    if not (frequency > 0).all():
        raise InputError(f"a frequency of {frequency.min():g} Hz has no pitch; use frequencies above 0 Hz.")
    return A4_PITCH + 12 * np.log2(frequency / A4_FREQUENCY)


def pitch_name(pitch: int) -> str:
    """Name of a pitch; black keys are named as sharps.

    >>> pitch_name(60), pitch_name(70)
    ('C4', 'A♯4')
    """
    octave, pitch_class = divmod(int(pitch), 12)
    return f"{PITCH_CLASSES[pitch_class]}{octave - 1}"


def pitch_number(name: str) -> int:
    """MIDI number of a named pitch; sharps as # or ♯, flats as b or ♭.

    Raises
    ------
    InputError
        If the name doesn't consist of a letter, optional accidentals and an octave from -1 on. music21's flat, a
        hyphen, is none: B-4 isn't octave -4.

    Examples
    --------
    >>> pitch_number("A2"), pitch_number("Bb3") == pitch_number("A#3")
    (45, True)
    """
    parts = re.fullmatch(r"([A-Ga-g])([#♯b♭]*)(-1|\d+)", name.strip())
    if parts is None:
        raise InputError(
            f"{name!r} is not the name of a pitch; write a letter, # or b if needed, and an octave, as in C#4."
        )
    letter, accidentals, octave = parts.groups()
    alteration = sum(1 if sign in "#♯" else -1 for sign in accidentals)
    return 12 * (int(octave) + 1) + PITCH_CLASSES.index(letter.upper()) + alteration
