"""Recordings of any length in constant memory: read as they are needed, or kept on disk."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import numpy as np

from ..errors import InputError
from .formats import Source, collected, name_of, opened


class Spool:
    """A recording kept on disk: mono at `rate`, to be sliced like an array of shape (samples,), float32.

    The samples are in a temporary file, 320 MB for an hour at 22,050 Hz, which vanishes with the object; those of
    short recordings stay in memory. What holds for `load` holds here.

    Parameters
    ----------
    source : path of the file, or an open binary file
    rate : int
        Sample rate of the result in Hz.

    Attributes
    ----------
    name, title : str
        For messages, and the file's name without its suffix.
    lowest, highest, mean, deviation : float
        Of all samples.

    Raises
    ------
    InputError
        As for `load`, and if there is no space for the temporary file.

    Examples
    --------
    >>> import io, soundfile
    >>> file = io.BytesIO()
    >>> soundfile.write(file, np.full(44_100, 0.5), 44_100, format="WAV")
    >>> _ = file.seek(0)
    >>> with Spool(file, rate=22_050) as audio:
    ...     len(audio), audio[100:103].round(2).tolist()
    (22050, [0.5, 0.5, 0.5])
    """

    IN_MEMORY = 1 << 25  # bytes: six minutes at 22,050 Hz

    def __init__(self, source: Source, *, rate: int):
        self.rate, self.name = rate, name_of(source)
        self._lock = Lock()
        self._file = tempfile.SpooledTemporaryFile(self.IN_MEMORY)
        try:
            _, _, self.title = collected(source, self._kept, rate=rate)
        except BaseException:
            self.close()
            raise

    def _kept(self, blocks: Iterator[np.ndarray]) -> "Spool":
        self._samples, total, squares, self.lowest, self.highest = 0, 0.0, 0.0, np.inf, -np.inf
        self._file.seek(0)
        self._file.truncate()
        for block in blocks:
            self._write(np.ascontiguousarray(block, np.float32))
            self._samples += len(block)
            total += float(block.sum(dtype=float))
            squares += float(np.square(block, dtype=float).sum())
            self.lowest = min(self.lowest, float(block.min(initial=np.inf)))
            self.highest = max(self.highest, float(block.max(initial=-np.inf)))
        self.mean = total / max(self._samples, 1)
        self.deviation = max(squares / max(self._samples, 1) - self.mean**2, 0.0) ** 0.5
        return self

    def _write(self, block: np.ndarray) -> None:
        try:
            self._file.write(block.tobytes())
        except OSError as problem:
            raise InputError(
                f"{self.name}: its samples need a temporary file, and in {tempfile.gettempdir()} there is no space for "
                f"it ({problem.strerror}); free some, or set TMPDIR to another folder."
            ) from problem

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(len(self))
        with self._lock:
            self._file.seek(4 * start)
            data = bytearray(self._file.read(4 * max(0, stop - start)))
        return np.frombuffer(data, np.float32)

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self) / self.rate

    def close(self) -> None:
        """Give back the disk's space."""
        self._file.close()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_) -> None:
        self.close()


class Stream:
    """A recording that is read as it is needed, from start to end: mono at `rate`, in constant memory.

    It can be sliced like an array of shape (samples,), but slices may only move on, because everything before the
    start of the last one is discarded. What `load` only warns about is refused, since what came before the end can't
    be taken back.

    Parameters
    ----------
    path : path of the file
    rate : int
        Sample rate of the result in Hz.

    Raises
    ------
    InputError
        As for `load`, and if the file is cut off or damaged or its channels cancel each other; problems with the
        samples themselves show only when they are reached.
    """

    def __init__(self, path: str | os.PathLike, *, rate: int):
        self.path = Path(path)
        with opened(self.path, rate) as sound:
            if sound.cut:
                raise InputError(f"{path}: is cut off; copy or export it again.")
            samples = sum(map(len, sound.blocks(sound.rate))) if sound.samples is None else sound.samples
            self._samples = round(samples * rate / sound.rate)
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
        if stop == len(self):
            for _ in self._blocks:  # what is wrong may only show behind the last sample
                pass
        joined = np.concatenate(kept) if kept else np.empty(0, np.float32)
        self._held, self._start = joined[start - self._start :].copy(), start
        return self._held[: stop - start]

    def _read(self, rate: int) -> Iterator[np.ndarray]:
        with opened(self.path, rate) as sound:
            yield from sound.blocks(rate)
            if sound.complaint:
                raise InputError(f"{self.path}: {sound.complaint}")
            if sound.mixer.cancelled()[1] is not None:
                raise InputError(f"{self.path}: its channels cancel each other; export one of them as mono.")
