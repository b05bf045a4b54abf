"""Pitch bends: reading them from Yp, and playing notes with them."""

from collections.abc import Sequence

import numpy as np

from ..audio.recording import Recording
from ..constants import NMP
from ..errors import InputError
from ..model.posteriorgram import Posteriors
from ..notes.note_list import Notes
from ..notes.pitch import pitch_to_frequency
from .peak_decoder import vertex

BEND_REACH = 25  # bins of Yp on either side of a note's key
BEND_SPREAD = 5.0  # bins: standard deviation of the Gaussian that prefers what is near the key


def bends(posteriors: Posteriors, notes: Notes, *, centre: int = 0, between_bins: bool = True) -> list[np.ndarray]:
    """How far each note lies above its key, in semitones, frame by frame (eq-bend).

    In every frame of a note this finds the bin with the highest Yp near its key, preferring bins close to the key.

    Parameters
    ----------
    posteriors
        The output of a network with Yp.
    notes
        The notes decoded from these posteriors.
    centre
        The bin that stands for a key in tune, counted from bin 3n of key n: 0 for the networks of this book, 1 for
        the released weights (`nmp_lessons.model.released.CENTRE`). The released program takes 0, which makes its
        bends a third of a semitone sharp.
    between_bins
        Refine each bin by a parabola. Otherwise bends are whole thirds of a semitone, as in the released program.

    Returns
    -------
    list of arrays
        One array for each note, with one number for each of its frames, as `nmp_lessons.notes.midi.write_midi`
        takes them.

    Raises
    ------
    InputError
        If the posteriors have no Yp.

    Examples
    --------
    A note that is a third of a semitone sharp:

    >>> note, contour = np.zeros((30, 88)), np.zeros((30, 264))
    >>> contour[5:9, 3 * 39 + 1] = 0.8
    >>> heard = Posteriors(contour, note, note, np.arange(30) / 100)
    >>> bends(heard, Notes([0.05], [0.09], [60]))[0].round(2).tolist()
    [0.33, 0.33, 0.33, 0.33]
    """
    if posteriors.contour is None:
        raise InputError("bends are read from Yp, and these posteriors have none; use a network with contour=True.")
    frames = np.searchsorted(posteriors.times, notes.intervals)  # (n, 2): first frame, and first after the last
    frames[:, 0] = np.minimum(frames[:, 0], len(posteriors) - 1)
    middle = NMP.bins_per_semitone * (notes.pitch - NMP.lowest_pitch) + centre
    return [
        _bend(posteriors.contour[start : max(stop, start + 1)], key_bin, between_bins)
        for (start, stop), key_bin in zip(frames, middle, strict=True)
    ]


def _bend(contour: np.ndarray, middle: int, between_bins: bool) -> np.ndarray:
    """The bends of one note, from its frames of Yp (frames, 264)."""
    bins = np.arange(max(middle - BEND_REACH, 0), min(middle + BEND_REACH + 1, NMP.contour_bins))
    near = np.exp(-0.5 * ((bins - middle) / BEND_SPREAD) ** 2)
    place = bins[(contour[:, bins] * near).argmax(axis=1)]
    found = (place - middle).astype(float)
    if between_bins:
        frame, last = np.arange(len(contour)), NMP.contour_bins - 1
        found += vertex(*(contour[frame, np.clip(place + d, 0, last)] for d in (-1, 0, 1)))
    return found / NMP.bins_per_semitone


def sing(notes: Notes, curves: Sequence[np.ndarray], *, rate: int = NMP.sample_rate) -> Recording:
    """Play notes with their bends: six partials whose pitch follows each note's curve.

    Parameters
    ----------
    notes
        The notes, with amplitudes in proportion to their velocities.
    curves
        For each note its deviations in semitones, evenly spaced from onset to offset, as `bends` returns them.
    rate
        The sample rate in Hz.

    Examples
    --------
    >>> tone = sing(Notes([0.0], [0.5], [69]), [np.zeros(10)])
    >>> spectrum = np.abs(np.fft.rfft(tone.audio[:11025]))
    >>> float(spectrum.argmax() * 22050 / 11025)
    440.0
    """
    audio = np.zeros(round((notes.seconds + 0.1) * rate), dtype=np.float32)
    for i, curve in enumerate(curves):
        start, stop = (round(time * rate) for time in notes.intervals[i])
        samples = np.arange(stop - start)
        bend = np.interp(samples, np.linspace(0, len(samples), len(curve)), curve)
        phase = 2 * np.pi * np.cumsum(pitch_to_frequency(notes.pitch[i] + bend)) / rate
        ends = np.minimum(1, np.minimum(samples, samples[::-1]) / (0.01 * rate))
        wave = sum(np.sin(h * phase) / h**1.5 for h in range(1, 7))
        audio[start:stop] += 0.1 * notes.velocity[i] / 127 * ends * wave
    return Recording(audio, rate, notes=notes)
