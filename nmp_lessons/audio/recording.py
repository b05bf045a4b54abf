"""A recording: mono audio with its sample rate and, if known, its notes."""

from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import soxr

from ..errors import InputError

if TYPE_CHECKING:
    from ..notes.note_list import Notes


@dataclass(frozen=True, eq=False)
class Recording:
    """Mono audio with its sample rate (eq-sound-sampling) and, if known, its notes.

    Parameters
    ----------
    audio : np.ndarray, shape (samples,), float32, full scale is 1
    rate : int
        Samples per second, Hz.
    title, licence : str
        What the recording is, and under which licence.
    notes : Notes or None
        The notes that sound, with times from the start of the audio.

    Raises
    ------
    InputError
        If the audio is empty, not one-dimensional, not floating point, or not finite, or the rate is not
        positive.

    Examples
    --------
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
            raise InputError(f"{what}: the audio has shape {audio.shape}; give one channel, with shape (samples,).")
        if audio.size == 0:
            raise InputError(f"{what}: the audio is empty; give at least one sample.")
        if not np.issubdtype(audio.dtype, np.floating):
            raise InputError(
                f"{what}: the audio is {audio.dtype}; give floats in [-1, 1] (divide 16-bit samples by 32768)."
            )
        with np.errstate(over="ignore"):
            audio = np.ascontiguousarray(audio, dtype=np.float32)
        if not np.isfinite(audio).all():
            raise InputError(f"{what}: some samples are NaN or infinite; export the audio again.")
        if not isinstance(self.rate, Real) or not 0 < self.rate < np.inf or self.rate != int(self.rate):
            raise InputError(f"{what}: the sample rate is {self.rate}; give a positive integer, in Hz.")
        object.__setattr__(self, "audio", audio)
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

    @property
    def reference(self) -> "Notes":
        """The notes of a recording whose notes are known.

        Raises
        ------
        InputError
            If they are not.
        """
        if self.notes is None:
            raise InputError(f"{self.title or 'the recording'}: has no notes; set its reference notes first.")
        return self.notes

    def resampled(self, rate: int) -> "Recording":
        """The same sound at another sample rate, in Hz (band-limited, by soxr)."""
        if rate == self.rate:
            return self
        if not 0 < rate < np.inf:
            raise InputError(f"{self.title or 'the recording'}: cannot be resampled to {rate} Hz; use a rate above 0.")
        return replace(self, audio=soxr.resample(self.audio, self.rate, rate), rate=rate)


def _segment(start: float, stop: float | None, rate: int, samples: int, what) -> tuple[int, int]:
    """First and last sample of a part given in seconds."""
    seconds = samples / rate
    stop = seconds if stop is None else min(stop, seconds)
    if not 0 <= start < seconds:
        raise InputError(f"{what}: can't start at {start:g} s; choose a time within its {seconds:.3f} s.")
    if not stop > start:
        raise InputError(f"{what}: the part from {start:g} s to {stop:g} s is empty; choose a stop after the start.")
    first = min(round(start * rate), samples - 1)
    return first, max(first + 1, round(stop * rate))
