"""Recordings, their levels, and the names and frequencies of pitches.

Conventions: audio is mono float32, full scale is 1, times are in seconds, frequencies in Hz. A pitch is a
MIDI number: 69 is A4 at 440 Hz, and one semitone is one unit. Levels are in decibels relative to full
scale, loudness in LUFS (ITU-R BS.1770).

Chapter: ``book/sound.md``.
"""

import os
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from .constants import NMP
from .errors import InputError
from .files import written_whole

if TYPE_CHECKING:
    from .notes import Notes

A4_PITCH = 69
A4_FREQUENCY = 440.0  # Hz
PITCH_CLASSES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
LOUDNESS = -20.0  # LUFS, at which the book plays every sound
HIGHEST_PEAK = 10 ** (-1 / 20)  # leaves 1 dB, by which lossy codecs overshoot
LOUDNESS_BLOCK = 0.4  # seconds, the gating block of ITU-R BS.1770
FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
BLOCK = 65_536  # samples read or written at once; Vorbis encoders take long arrays badly in one piece


@dataclass(frozen=True, eq=False)
class Recording:
    """Mono audio with its rate (eq-sound-sampling) and, where they are known, its notes.

    Parameters
    ----------
    audio : np.ndarray, shape (samples,), float32, full scale is 1
    rate : int
        Samples per second, Hz.
    title, licence : str
        What is heard, and on what terms.
    notes : Notes or None
        The notes that sound, with times from the start of the audio.

    Raises
    ------
    InputError
        If the audio is empty, not one-dimensional, not floating point, or not finite, or the rate is not
        positive.

    >>> recording = Recording(np.zeros(22_050), 22_050)
    >>> recording.seconds
    1.0
    """

    audio: np.ndarray
    rate: int
    title: str = ""
    licence: str = ""
    notes: "Notes | None" = None

    def __post_init__(self):
        audio = np.asarray(self.audio)
        what = self.title or "the recording"
        if audio.ndim != 1:
            raise InputError(f"{what}: audio has shape {audio.shape}; give one channel, shape (samples,).")
        if audio.size == 0:
            raise InputError(f"{what}: the audio is empty; give at least one sample.")
        if not np.issubdtype(audio.dtype, np.floating):
            raise InputError(f"{what}: audio is {audio.dtype}; give floats in [-1, 1] (16-bit: divide by 32768).")
        if not np.isfinite(audio).all():
            raise InputError(f"{what}: some samples are NaN or infinite; export the audio again.")
        if not 0 < self.rate < np.inf or self.rate != int(self.rate):
            raise InputError(f"{what}: the sample rate is {self.rate}; it is a positive whole number of Hz.")
        object.__setattr__(self, "audio", np.ascontiguousarray(audio, dtype=np.float32))
        object.__setattr__(self, "rate", int(self.rate))

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.audio) / self.rate

    def excerpt(self, start: float, stop: float) -> "Recording":
        """The part from `start` to `stop` seconds, notes included; `stop` may lie beyond the end.

        >>> Recording(np.zeros(1000), 100).excerpt(2, 5).seconds
        3.0
        """
        first, last = _segment(start, stop, self.rate, len(self.audio), self.title or "the recording")
        notes = None if self.notes is None else self.notes.between(start, min(stop, self.seconds))
        return replace(self, audio=self.audio[first:last].copy(), notes=notes)

    def resampled(self, rate: int) -> "Recording":
        """The same sound at another sample rate, in Hz (band-limited, by soxr)."""
        if rate == self.rate:
            return self
        if not 0 < rate < np.inf:
            raise InputError(f"{self.title or 'the recording'}: cannot be resampled to {rate} Hz; use a rate above 0.")
        return replace(self, audio=soxr.resample(self.audio, self.rate, rate), rate=rate)


# Files


def load(
    path: str | os.PathLike, *, rate: int | None = None, start: float = 0.0, stop: float | None = None
) -> Recording:
    """Read an audio file (WAV, FLAC, MP3, OGG; any rate, any number of channels) as mono.

    Only the part asked for is read from the file.

    Parameters
    ----------
    path : path of the file
    rate : int, optional
        Sample rate of the result in Hz; the file's own by default.
    start, stop : float
        Part to read, in seconds; the whole file by default. `stop` may lie beyond the end.

    Returns
    -------
    Recording
        Its title is the file's name without suffix. Channels are averaged.

    Raises
    ------
    InputError
        If the file is missing, empty, not audio, cut off before its end, holds NaN, or ends before `start`.
    """
    path = Path(path)
    with _opened(path, rate) as file:
        first, last = _segment(start, stop, file.samplerate, file.frames, path)
        file.seek(first)
        rate = file.samplerate if rate is None else rate
        audio = _mono(file, last - first, rate, path)
    return Recording(audio, rate, title=path.stem)


class Stream:
    """A recording that is read forwards as it is needed: mono at `rate`, in memory that does not grow.

    It is sliced like an array of shape (samples,), but slices may only move on: what lies before the start of the
    last one is forgotten.

    Parameters
    ----------
    path : path of the file
    rate : int
        Sample rate of the result in Hz.

    Raises
    ------
    InputError
        As `load` does; what is wrong with the samples themselves shows when they are reached.
    """

    def __init__(self, path: str | os.PathLike, *, rate: int):
        self.path = Path(path)
        with _opened(self.path, rate) as file:
            self._samples = round(file.frames * rate / file.samplerate)
        self._blocks = self._read(rate)
        self._held, self._start = np.empty(0, np.float32), 0

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(len(self))
        if start < self._start:
            raise IndexError(f"{self.path}: sample {start} is forgotten; slices of a stream only move on")
        kept, position = [self._held], self._start + len(self._held)
        while position < stop:
            # a resampler may end a sample early
            block = next(self._blocks, np.zeros(stop - position, np.float32))
            kept.append(block)
            position += len(block)
            if position <= start:
                kept, self._start = [], position
        joined = np.concatenate(kept) if kept else np.empty(0, np.float32)
        self._held, self._start = joined[start - self._start :].copy(), start
        return self._held[: stop - start]

    def _read(self, rate: int) -> Iterator[np.ndarray]:
        with _opened(self.path, rate) as file:
            yield from _mono_blocks(file, file.frames, rate, self.path)


def save(recording: Recording, path: str | os.PathLike) -> None:
    """Write a recording as WAV, FLAC (both 16 bits), OGG (Vorbis) or MP3, as the suffix says.

    The file is written whole or not at all. Samples beyond full scale are clipped.

    Raises
    ------
    InputError
        If the suffix is another one, or the format does not know the sample rate.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: unknown suffix {path.suffix!r}; use one of {', '.join(FORMATS)}.")
    audio = np.clip(recording.audio, -1, 1)
    try:
        with written_whole(path) as scratch:
            with soundfile.SoundFile(scratch, "w", recording.rate, 1, format=kind) as file:
                for first in range(0, len(audio), BLOCK):
                    file.write(audio[first : first + BLOCK])
    except soundfile.LibsndfileError as problem:
        raise InputError(
            f"{path}: cannot be written as {kind} at {recording.rate} Hz ({problem.error_string.strip()}) "
            "Resample it to 44100 Hz or write WAV."
        ) from problem


_MEND = "Convert it to WAV, FLAC, OGG or MP3."


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name an audio file.")
    if not path.exists():
        raise InputError(f"{path}: no such file; check the name.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; record or export it again.")


@contextmanager
def _opened(path: Path, rate: int | None) -> Iterator[soundfile.SoundFile]:
    """The file, found to be audio and whole, as far as that shows before it is read."""
    _check_file(path)
    if rate is not None and not rate > 0:
        raise InputError(f"{path}: cannot be resampled to {rate} Hz; use a rate above 0.")
    try:
        with soundfile.SoundFile(path) as file:
            if file.samplerate <= 0:
                raise InputError(f"{path}: the header says {file.samplerate} Hz; export the audio again.")
            if file.frames <= 0:
                raise InputError(f"{path}: holds no audio; record or export it again.")
            _check_end(file, path)
            file.seek(0)
            yield file
    except soundfile.LibsndfileError as problem:
        raise InputError(f"{path}: cannot be read as audio ({problem.error_string.strip()}) {_MEND}") from problem


def _mono(file: soundfile.SoundFile, samples: int, rate: int, path: Path) -> np.ndarray:
    """The file's next samples as mono at `rate`; only the answer fills memory."""
    audio = np.empty(-(-samples * rate // file.samplerate) + 1, np.float32)
    filled = 0
    for mono in _mono_blocks(file, samples, rate, path):
        audio[filled : filled + len(mono)] = mono
        filled += len(mono)
    return audio[:filled]


def _mono_blocks(file: soundfile.SoundFile, samples: int, rate: int, path: Path) -> Iterator[np.ndarray]:
    """The same, block by block."""
    resampler = soxr.ResampleStream(file.samplerate, rate, 1) if rate != file.samplerate else None
    for first in range(0, samples, BLOCK):
        block = file.read(min(BLOCK, samples - first), dtype="float32", always_2d=True)  # (samples, channels)
        if len(block) < min(BLOCK, samples - first):
            raise _truncated(path)
        mono = block[:, 0] if file.channels == 1 else block.mean(axis=1)
        if not np.isfinite(mono).all():
            raise InputError(f"{path}: some samples are NaN or infinite; export the audio again.")
        if resampler:
            mono = resampler.resample_chunk(mono, last=first + BLOCK >= samples)
        yield mono


def _truncated(path: Path) -> InputError:
    return InputError(f"{path}: is cut off, the header promises more audio than there is; copy or export it again.")


def _check_end(file: soundfile.SoundFile, path: Path) -> None:
    """Raise if the file stops before the end that its header promises.

    libsndfile shortens a cut WAV without a word, so its header is read here. Of a FLAC the last sample is
    decoded. An OGG stream ends in a page that says so. A cut MP3 shows only when it is read to its end.
    """
    if file.format in ("WAV", "WAVEX") and _wav_is_cut(path):
        raise _truncated(path)
    if file.format == "OGG" and _ogg_is_cut(path):
        raise _truncated(path)
    if file.format == "FLAC":
        try:
            file.seek(file.frames - 1)
            whole = len(file.read(1)) == 1
        except soundfile.LibsndfileError:
            whole = False
        if not whole:
            raise _truncated(path)


def _wav_is_cut(path: Path) -> bool:
    size = path.stat().st_size
    with open(path, "rb") as file:
        order = ">" if file.read(12)[:4] == b"RIFX" else "<"
        while len(head := file.read(8)) == 8:
            name, length = struct.unpack(f"{order}4sI", head)
            if name == b"data":
                streamed = length >= 0xFFFFFF00  # a writer that could not seek back left the length open
                return not streamed and file.tell() + length > size
            file.seek(length + length % 2, os.SEEK_CUR)
    return False


def _ogg_is_cut(path: Path) -> bool:
    """Whether the last Ogg page lacks its end-of-stream flag or its last bytes (RFC 3533)."""
    largest_page = 65_307
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * largest_page))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    length = 27 + page[26] + sum(page[27 : 27 + page[26]])
    ends_stream = bool(page[5] & 4)
    return not ends_stream or len(page) < length


def _segment(start: float, stop: float | None, rate: int, samples: int, what) -> tuple[int, int]:
    """First and last sample of a part given in seconds."""
    seconds = samples / rate
    stop = seconds if stop is None else min(stop, seconds)
    if not 0 <= start < seconds:
        raise InputError(f"{what}: cannot start at {start:g} s; it lasts {seconds:.3f} s.")
    if not stop > start:
        raise InputError(f"{what}: the part from {start:g} s to {stop:g} s is empty; stop after the start.")
    first = min(round(start * rate), samples - 1)
    return first, max(first + 1, round(stop * rate))


# Loudness


def loudness(recording: Recording) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770, by pyloudnorm).

    A sound shorter than the standard's block of 0.4 s is measured as one block of its own length.

    Raises
    ------
    InputError
        If the recording is silent: below -70 LUFS nothing is measured.

    >>> round(loudness(tone(1000, 1.0)))  # a sine that peaks at one half
    -9
    """
    value = _loudness(recording)
    if value == -np.inf:
        what = recording.title or "the recording"
        raise InputError(f"{what}: is silent (below -70 LUFS) and has no loudness; record it louder.")
    return value


def _loudness(recording: Recording) -> float:
    import pyloudnorm  # here, because it takes half a second to import

    block = min(LOUDNESS_BLOCK, recording.seconds)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no block, when all lie below the gate
        value = pyloudnorm.Meter(recording.rate, block_size=block).integrated_loudness(recording.audio)
    return float(value) if np.isfinite(value) else -np.inf


def at_loudness(recording: Recording, lufs: float = LOUDNESS) -> Recording:
    """The recording made louder or softer to `lufs`; music with high peaks stays softer, its peak at -1 dB.

    Silence stays silence.

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

    >>> abs(fade(tone(440, 1.0)).audio[[0, -1]]).tolist()
    [0.0, 0.0]
    """
    length = min(round(seconds * recording.rate), len(recording.audio) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(length, 1))).astype(np.float32)
    audio = recording.audio.copy()
    audio[:length] *= ramp
    audio[len(audio) - length :] *= ramp[::-1]
    return replace(recording, audio=audio)


# What a note is


def pitch_to_frequency(pitch):
    """Frequency in Hz of a pitch in equal temperament: f = 440 · 2^((p − 69)/12) (eq-sound-temperament).

    Arrays welcome.

    >>> pitch_to_frequency([69, 60]).round(2).tolist()
    [440.0, 261.63]
    """
    return A4_FREQUENCY * 2.0 ** ((np.asarray(pitch, dtype=float) - A4_PITCH) / 12)


def frequency_to_pitch(frequency):
    """Pitch of a frequency in Hz, fractions included: p = 69 + 12 · log2(f/440) (eq-sound-pitch).

    Arrays welcome.

    Raises
    ------
    InputError
        If a frequency is not above 0.

    >>> frequency_to_pitch([880, 27.5]).tolist()
    [81.0, 21.0]
    """
    frequency = np.asarray(frequency, dtype=float)
    if not (frequency > 0).all():
        raise InputError(f"a frequency of {frequency.min():g} Hz has no pitch; use frequencies above 0 Hz.")
    return A4_PITCH + 12 * np.log2(frequency / A4_FREQUENCY)


def pitch_name(pitch: int) -> str:
    """Name of a pitch, black keys as sharps.

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
        If the name is not a letter, accidentals and an octave.

    >>> pitch_number("A2"), pitch_number("Bb3") == pitch_number("A#3")
    (45, True)
    """
    parts = re.fullmatch(r"([A-Ga-g])([#♯b♭]*)(-?\d+)", name.strip())
    if parts is None:
        raise InputError(f"{name!r} names no pitch; write a letter, perhaps # or b, and an octave, such as C#4.")
    letter, accidentals, octave = parts.groups()
    alteration = sum(1 if sign in "#♯" else -1 for sign in accidentals)
    return 12 * (int(octave) + 1) + PITCH_CLASSES.index(letter.upper()) + alteration


def level_in_db(amplitude, *, reference: float = 1.0):
    """Level of an amplitude in decibels: L = 20 · log10(a/reference) (eq-sound-level).

    Arrays welcome; silence is -inf.

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

    >>> partials(57, 4).tolist()
    [220.0, 440.0, 660.0, 880.0]
    """
    h = np.arange(1, count + 1)
    return h * pitch_to_frequency(pitch) * np.sqrt(1 + inharmonicity * h**2)


def measured_partials(recording: Recording, pitch: float, count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and levels of the first partials of a recorded note.

    Each is the highest peak of the spectrum (Hann window, parabola through three bins) within a quarter of
    the fundamental of the place where the two partials below it lead one to expect it.

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

    >>> frequencies, levels = measured_partials(tone(220, 1.0, partials=(1, 0.5)), 57, 2)
    >>> frequencies.round(1).tolist(), (levels[1] - levels[0]).round(1).item()
    ([220.0, 440.0], -6.0)
    """
    fundamental = float(pitch_to_frequency(pitch))
    if (count + 0.5) * fundamental > recording.rate / 2:
        raise InputError(
            f"{recording.title or 'the recording'}: partial {count} lies above half the sample rate; ask for fewer."
        )
    window = np.hanning(len(recording.audio))
    length = 4 * len(window)  # zeros after the sound: a finer grid to find the peak on
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


def fit_inharmonicity(frequencies) -> tuple[float, float]:
    """Fundamental and inharmonicity that fit measured partials 1, 2, 3, … best (eq-sound-partials).

    By least squares on (f_h/h)² = f² + f²β·h², a straight line in h².

    Returns
    -------
    (float, float)
        f in Hz and β.

    >>> fundamental, inharmonicity = fit_inharmonicity(partials(45, 8, inharmonicity=0.0004))
    >>> round(fundamental, 3), round(inharmonicity, 6)
    (110.0, 0.0004)
    """
    frequencies = np.asarray(frequencies, dtype=float)
    h = np.arange(1, len(frequencies) + 1)
    slope, intercept = np.polyfit(h**2, (frequencies / h) ** 2, 1)
    return float(np.sqrt(intercept)), float(slope / intercept)


def folded_frequency(frequency, *, rate: float):
    """Frequency in Hz, at most half the rate, that samples of a sine show, ``|f − rate·round(f/rate)|``.

    Equation eq-sound-folding. Arrays welcome.

    >>> folded_frequency([400, 600, 1100], rate=1000).tolist()
    [400.0, 400.0, 100.0]
    """
    if not rate > 0:
        raise InputError(f"a sample rate of {rate:g} Hz takes no samples; use a rate above 0.")
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
        How many partials of the higher note are looked at; the lower note has as many as it needs.
    tolerance : float
        How near two partials count as one, in cents; by default half a bin of the book's transform.

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
    A fifth stands in the ratio 3 : 2, so every second partial is shared:

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
    """A steady tone: the sum of harmonic sines, that of number n with amplitude ``partials[n - 1]``.

    Amplitudes are scaled so that they sum to one half, which no phase can clip. Partials above half the
    sample rate are left out, since they would sound at wrong frequencies.

    >>> tone(440, 0.5, partials=(1, 0.5, 0.25)).seconds
    0.5
    """
    if not (frequency > 0 and seconds > 0):
        raise InputError(f"a tone of {frequency:g} Hz for {seconds:g} s cannot sound; both must be above 0.")
    times = np.arange(round(seconds * rate)) / rate
    total = sum(abs(amplitude) for amplitude in partials) or 1.0
    audio = np.zeros(len(times))
    for n, amplitude in enumerate(partials, start=1):
        if n * frequency < rate / 2:
            audio += 0.5 * amplitude / total * np.sin(2 * np.pi * n * frequency * times)
    return Recording(audio, rate, title=f"tone of {frequency:g} Hz")
