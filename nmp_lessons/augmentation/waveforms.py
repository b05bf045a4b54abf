"""Changes to a recording: some leave the labels as they are, some move them, and some break them.

Chapter ``augmentation``. Labels are those of the keys, as everywhere in this book.
"""

from dataclasses import replace

import librosa
import numpy as np
from numpy.typing import ArrayLike
from python_stretch import Signalsmith
from scipy.signal import oaconvolve

from ..audio.recording import Recording
from ..constants import NMP
from ..errors import InputError
from ..notes.note_list import Notes

#: What each change does to the labels: nothing, something known, or something that can't be found from the labels.
EFFECT = {
    "white_noise": "invariant",
    "equalise": "invariant",
    "low_pass": "invariant",
    "gain": "invariant",
    "reverberate": "invariant",
    "interfere": "invariant",
    "delay": "equivariant",
    "transpose": "equivariant",
    "faster": "equivariant",
    "mixup": "equivariant",
    "mask_time": "breaking",
}


TRANSPOSING_WINDOW, TRANSPOSING_HOP = 0.15, 0.03  # seconds; shorter windows lose low notes


def white_noise(recording: Recording, *, ratio: float, rng: np.random.Generator) -> Recording:
    """Add white noise, `ratio` dB below the recording's own mean power (eq-snr)."""
    return interfere(recording, rng.standard_normal(len(recording.audio)), ratio=ratio)


def interfere(recording: Recording, waveform: np.ndarray, *, ratio: float) -> Recording:
    """Add a waveform that should not be transcribed, `ratio` dB below the recording.

    It is repeated or cut to the length of the recording. The labels stay as they are.
    """
    waveform = np.asarray(waveform, dtype=np.float64)
    if waveform.ndim != 1 or not len(waveform) or not np.isfinite(ratio):
        raise InputError("interference: give a waveform of at least one sample and a ratio in dB.")
    other = np.resize(waveform, len(recording.audio))
    power = _power(other)
    scale = np.sqrt(_power(recording.audio) / power * 10 ** (-ratio / 10)) if power > 0 else 0.0
    return _with_audio(recording, recording.audio + scale * other)


def equalise(recording: Recording, frequencies: ArrayLike, levels: ArrayLike) -> Recording:
    """Filter a recording, with the given levels in dB at the given frequencies in Hz (eq-eq).

    Between these frequencies the level is linear over the octaves. The phase is zero, so nothing moves in time.

    >>> tone = Recording(np.sin(0.2 * np.arange(4096)).astype(np.float32), 22_050)
    >>> halved = equalise(tone, [100.0, 1000.0], [-6.0206, -6.0206])
    >>> round(float(np.abs(halved.audio).max() / np.abs(tone.audio).max()), 3)
    0.5
    """
    frequencies, levels = np.asarray(frequencies, float), np.asarray(levels, float)
    ascending = (frequencies > 0).all() and (np.diff(frequencies) > 0).all()
    if frequencies.shape != levels.shape or not ascending:
        raise InputError("equaliser: give ascending frequencies above 0 Hz and one level in dB for each.")
    spectrum = np.fft.rfft(recording.audio)
    at = np.fft.rfftfreq(len(recording.audio), 1 / recording.rate)
    curve = np.interp(np.log2(np.maximum(at, 1.0)), np.log2(frequencies), levels)
    return _with_audio(recording, np.fft.irfft(spectrum * 10 ** (curve / 20), len(recording.audio)))


def random_equaliser(rng: np.random.Generator, *, spread: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies an octave apart from 40 Hz, and normal levels of `spread` dB, for `equalise`."""
    frequencies = 40.0 * 2 ** np.arange(9)
    return frequencies, rng.normal(0, spread, len(frequencies))


def low_pass(recording: Recording, cutoff: float, *, slope: float = 120.0) -> Recording:
    """Leave everything below `cutoff` Hz as it is; above, the level falls by `slope` dB per octave."""
    return equalise(recording, [cutoff, 2 * cutoff], [0.0, -slope])


def gain(recording: Recording, decibels: float) -> Recording:
    """Make a recording louder or softer by some decibels; samples beyond ±1 are limited."""
    return _with_audio(recording, recording.audio * 10 ** (decibels / 20))


def reverberate(recording: Recording, response: np.ndarray) -> Recording:
    """The recording as it sounds in a room (`room`), at its old power, cut at its old end (eq-reverb)."""
    wet = oaconvolve(recording.audio.astype(np.float64), response)[: len(recording.audio)]
    power = _power(wet)
    return _with_audio(recording, wet * np.sqrt(_power(recording.audio) / power) if power > 0 else wet)


def delay(recording: Recording, seconds: float) -> Recording:
    """The recording after some silence, its labels moved along; it becomes longer by that much (eq-delay).

    >>> later = delay(Recording([1.0, 0.5], 2, notes=Notes([0.5], [1.0], [60])), 1.0)
    >>> later.audio.tolist(), later.notes.intervals.tolist()
    ([0.0, 0.0, 1.0, 0.5], [[1.5, 2.0]])
    """
    if not 0 <= seconds < np.inf:
        raise InputError(f"delay of {seconds} s: give a time of at least 0.")
    audio = np.pad(recording.audio, (int(np.round(seconds * recording.rate)), 0))
    notes = None if recording.notes is None else recording.notes.shifted(seconds)
    return replace(_with_audio(recording, audio), notes=notes)


def transpose(recording: Recording, semitones: int) -> Recording:
    """Higher by some semitones, audio and labels, at the same speed.

    Spectra of short windows are moved and put together again by Signalsmith Stretch, which keeps attacks where the
    labels are: clicks within 1 ms, piano notes within 3 ms (median) from −6 to +6 semitones. The phase vocoder of
    librosa 0.11 moves clicks by 16 to 33 ms on average. Notes that would leave the keyboard lose their label, so choose
    recordings that have none near its ends.

    >>> higher = transpose(Recording(np.zeros(22_050), 22_050, notes=Notes([0.2], [0.8], [60])), 3)
    >>> higher.seconds, higher.notes.pitch.tolist()
    (1.0, [63])
    """
    audio = recording.audio
    if semitones:
        stretch = Signalsmith.Stretch(0)  # the seed of its random phases
        stretch.configure(1, round(TRANSPOSING_WINDOW * recording.rate), round(TRANSPOSING_HOP * recording.rate))
        stretch.setTransposeSemitones(semitones)
        audio = np.asarray(stretch.process(recording.audio[None]))[0]
    return replace(_with_audio(recording, audio), notes=_transposed(recording.notes, semitones))


def faster(recording: Recording, ratio: float) -> Recording:
    """Played `ratio` times as fast, like a tape (eq-tape).

    Everything also becomes higher by 12 · log2(ratio) semitones. The labels follow exactly if that is a whole
    number, ratio = 2^(s/12); other ratios are refused.
    """
    semitones = 12 * np.log2(ratio) if ratio > 0 else np.nan
    if not abs(semitones - np.round(semitones)) < 0.01:
        raise InputError(f"ratio={ratio}: give 2^(s/12) with a whole number s of semitones, such as 1.0595.")
    audio = librosa.resample(recording.audio, orig_sr=recording.rate, target_sr=recording.rate / ratio)
    notes = _transposed(recording.notes, int(np.round(semitones)))
    if notes is not None:
        notes = replace(notes, onset=notes.onset / ratio, offset=notes.offset / ratio)
    return replace(_with_audio(recording, audio), notes=notes)


def mixup(first: Recording, second: Recording, weight: float) -> tuple[Recording, np.ndarray]:
    """weight · first + (1 − weight) · second, over the shorter one's length (eq-mixup).

    Both performances can be heard, so the labels are the notes of both (eq-mixup-union). The second value holds
    the proportion of each of these notes, in order, in the mixture (`weight` or 1 − `weight`): the soft labels of
    the original mixup (eq-mixup-soft).
    """
    if first.rate != second.rate or not 0 <= weight <= 1:
        raise InputError("mixup: give two recordings of one rate and a weight from 0 to 1.")
    samples = min(len(first.audio), len(second.audio))
    audio = weight * first.audio[:samples] + (1 - weight) * second.audio[:samples]
    parts = [
        (recording.notes.between(0, samples / first.rate), share)
        for recording, share in ((first, weight), (second, 1 - weight))
        if recording.notes is not None
    ]
    if not parts:
        return _with_audio(first, audio), np.zeros(0)
    names = ("onset", "offset", "pitch", "velocity")
    columns = [np.concatenate([getattr(notes, name) for notes, _ in parts]) for name in names]
    shares = np.concatenate([np.full(len(notes), share) for notes, share in parts])
    order = np.lexsort((columns[2], columns[0]))
    return replace(_with_audio(first, audio), notes=Notes(*columns)), shares[order]


def mask_time(recording: Recording, start: float, stop: float, *, fade: float = 0.005) -> Recording:
    """Silence from `start` to `stop` (s), with short fades. The labels are left as they were, and may now be wrong.

    A note that can still be heard after the mask ends and begins again: two notes to a listener, one in the
    labels. `split_by_mask` gives what a listener would write down.
    """
    _check_span(recording, start, stop)
    time = np.arange(len(recording.audio)) / recording.rate
    outside = np.clip((start - time) / fade + 1, 0, 1) + np.clip((time - stop) / fade + 1, 0, 1)
    return _with_audio(recording, recording.audio * np.minimum(outside, 1))


def split_by_mask(notes: Notes, start: float, stop: float) -> Notes:
    """What a listener would write down for masked notes that are still audible: cut at the mask, and begun anew.

    If a note has died away before the mask ends, a listener hears no second part. The labels of the keys don't
    say whether it has (eq-key-labels).

    >>> split_by_mask(Notes([0.0], [3.0], [60]), 1.0, 2.0).intervals.tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    before, after = notes.onset < start, notes.offset > stop
    columns = [
        np.concatenate([notes.onset[before], np.maximum(notes.onset[after], stop)]),
        np.concatenate([np.minimum(notes.offset[before], start), notes.offset[after]]),
        np.concatenate([notes.pitch[before], notes.pitch[after]]),
        np.concatenate([notes.velocity[before], notes.velocity[after]]),
    ]
    return Notes(*columns)


def band_powers(recording: Recording, centres: ArrayLike, *, width: float) -> np.ndarray:
    """The power of a recording in bands of frequency.

    Parameters
    ----------
    centres : (bands,) array_like
        Frequencies in Hz, in order, evenly spaced on a logarithmic axis.
    width : float
        Of each band, in semitones, as their distance.

    Returns
    -------
    (bands,) ndarray
        If the bands held every frequency, their powers would add up to the mean power of the recording.

    Examples
    --------
    >>> wave = np.sqrt(2) * np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    >>> band_powers(Recording(wave.astype(np.float32), 22050), [220, 440, 880], width=12).round(3)
    array([0., 1., 0.])
    """
    spectrum = 2 * np.abs(np.fft.rfft(recording.audio)) ** 2 / len(recording.audio) ** 2
    at = np.fft.rfftfreq(len(recording.audio), 1 / recording.rate)
    centres = np.asarray(centres, dtype=float)
    edges = np.append(centres, centres[-1] * 2 ** (width / 12)) * 2 ** (-width / 24)
    return np.histogram(at, edges, weights=spectrum)[0].astype(float)


def block_powers(recording: Recording, blocks: int) -> np.ndarray:
    """The mean power of a recording in equal blocks of time, (blocks,); samples that are left over don't count."""
    size = len(recording.audio) // blocks
    return np.square(recording.audio[: size * blocks], dtype=float).reshape(blocks, -1).mean(axis=1)


def _transposed(notes: Notes | None, semitones: int) -> Notes | None:
    if notes is None:
        return None
    pitch = notes.pitch + semitones
    kept = (pitch >= NMP.lowest_pitch) & (pitch <= NMP.highest_pitch)
    return Notes(notes.onset[kept], notes.offset[kept], pitch[kept], notes.velocity[kept])


def _check_span(recording: Recording, start: float, stop: float) -> None:
    if not 0 <= start < stop <= recording.seconds:
        raise InputError(f"from {start} to {stop} s: give a span inside {recording.seconds:.2f} s of audio.")


def _power(audio: np.ndarray) -> float:
    return float(np.mean(np.square(audio, dtype=np.float64)))


def _with_audio(recording: Recording, audio: np.ndarray) -> Recording:
    """The same recording with other audio; samples beyond ±1 are limited."""
    return replace(recording, audio=np.clip(audio, -1, 1).astype(np.float32))
