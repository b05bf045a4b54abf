"""Reading and writing audio files: WAV, FLAC, OGG, MP3."""

import os
import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ..errors import InputError
from ..files import atomic_write
from .recording import Recording, _segment

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
BLOCK = 65_536  # samples read or written at once; Vorbis encoders take long arrays badly in one piece


def load(
    path: str | os.PathLike, *, rate: int | None = None, start: float = 0.0, stop: float | None = None
) -> Recording:
    """Read an audio file (WAV, FLAC, MP3, OGG; any rate, any number of channels) as mono.

    Only the requested part of the file is read.

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
        If the file is missing, empty, not audio, cut off before its end, contains NaN, or ends before `start`.
    """
    path = Path(path)
    with _opened(path, rate) as file:
        first, last = _segment(start, stop, file.samplerate, file.frames, path)
        file.seek(first)
        rate = file.samplerate if rate is None else rate
        audio = _mono(file, last - first, rate, path)
    return Recording(audio, rate, title=path.stem)


class Stream:
    """A recording that is read as it is needed, from start to end: mono at `rate`, in constant memory.

    It can be sliced like an array of shape (samples,), but slices may only move on, because everything before the
    start of the last one is discarded.

    Parameters
    ----------
    path : path of the file
    rate : int
        Sample rate of the result in Hz.

    Raises
    ------
    InputError
        As for `load`; problems with the samples themselves show only when they are reached.
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
            raise IndexError(f"{self.path}: sample {start} is no longer available; slices of a stream can only move on")
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
    """Write a recording as WAV or FLAC (both 16-bit), OGG (Vorbis) or MP3, depending on the suffix.

    The write is atomic. Samples beyond full scale are clipped.

    Raises
    ------
    InputError
        If the suffix is none of these, or the format does not support the sample rate.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: unknown suffix {path.suffix!r}; use one of {', '.join(FORMATS)}.")
    audio = np.clip(recording.audio, -1, 1)
    try:
        with atomic_write(path) as scratch:
            with soundfile.SoundFile(scratch, "w", recording.rate, 1, format=kind) as file:
                for first in range(0, len(audio), BLOCK):
                    file.write(audio[first : first + BLOCK])
    except soundfile.LibsndfileError as problem:
        raise InputError(
            f"{path}: cannot be written as {kind} at {recording.rate} Hz ({problem.error_string.strip(' .')}); "
            "resample it to 44100 Hz, or write WAV."
        ) from problem


_FIX = "convert it to WAV, FLAC, OGG or MP3."


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give an audio file.")
    if not path.exists():
        raise InputError(f"{path}: no such file; check the name.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; record or export it again.")


@contextmanager
def _opened(path: Path, rate: int | None) -> Generator[soundfile.SoundFile, None, None]:
    """The open file, checked as far as possible before reading: that it is audio and complete."""
    _check_file(path)
    if rate is not None and not rate > 0:
        raise InputError(f"{path}: cannot be resampled to {rate} Hz; use a rate above 0.")
    try:
        with soundfile.SoundFile(path) as file:
            if file.samplerate <= 0:
                raise InputError(
                    f"{path}: the header gives a sample rate of {file.samplerate} Hz; export the audio again."
                )
            if file.frames <= 0:
                raise InputError(f"{path}: contains no audio; record or export it again.")
            _check_end(file, path)
            file.seek(0)
            yield file
    except soundfile.LibsndfileError as problem:
        raise InputError(f"{path}: cannot be read as audio ({problem.error_string.strip(' .')}); {_FIX}") from problem


def _mono(file: soundfile.SoundFile, samples: int, rate: int, path: Path) -> np.ndarray:
    """The file's next samples as mono at `rate`; only the result is held in memory."""
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
    return InputError(f"{path}: is cut off (the header promises more audio than there is); copy or export it again.")


def _check_end(file: soundfile.SoundFile, path: Path) -> None:
    """Raise if the file stops before the end that its header promises.

    libsndfile silently shortens a truncated WAV, so its header is read here. For FLAC, the last sample is
    decoded. An OGG stream ends in a page marked as the last. A truncated MP3 shows only when it is read to its end.
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
