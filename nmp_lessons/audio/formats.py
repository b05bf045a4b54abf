"""Reading and writing audio files."""

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Sized
from contextlib import ExitStack, closing, contextmanager
from numbers import Real
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import soundfile
import soxr

from ..errors import InputError, warn
from ..files import atomic_write, check_path
from .containers import parts
from .decoders import BLOCK, Media, Sndfile, decoder
from .pieces import Bytes, Part
from .recording import Recording

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}  # that are written
RATES = (4_000, 384_000)  # Hz: the lowest and the highest that a recorder has
FEW = 8_000  # Hz: a lower rate has too few partials for the network (page `inputs` measures it)
LOUDEST = 1e15  # full scale is 1; energies would overflow not much above
TOLD = 0.5  # seconds that cancel before it is worth a line

Source = str | os.PathLike | BinaryIO


def load(source: Source, *, rate: int | None = None, start: float = 0.0, stop: float | None = None) -> Recording:
    """Read audio as mono: a file of any kind, any rate, any number of channels.

    WAV, FLAC, MP3, OGG (Vorbis, Opus), AIFF and others are read by libsndfile; M4A, WebM, Opus in CAF and the sound of
    a video by FFmpeg, for which the extra `media` is needed. All sound is read that is there, whatever length the
    header gives, also that of files of one kind that were joined. Only the requested part is decoded where the format
    allows it.

    Parameters
    ----------
    source : path of the file, or an open binary file
        A pipe will do.
    rate : int, optional
        Sample rate of the result in Hz; the file's own by default.
    start, stop : float
        Part to read, in seconds; the whole file by default. `stop` may lie beyond the end.

    Returns
    -------
    Recording
        Its title is the file's name without suffix. Channels are averaged; if they cancel each other, the loudest
        one is taken, with a warning. The encoder's delay is cut off, so time 0 is that of the sound that was encoded.
        An MP3 without its encoder's notes doesn't say how long that delay is; LAME's is assumed, 1,105 samples with
        the decoder's (and for a bare AAC stream 1,024).

    Raises
    ------
    InputError
        If the file is missing, empty, not audio, contains NaN or samples above 10¹⁵, has a sample rate below 4,000 or
        above 384,000 Hz, or ends before `start`.

    Warns
    -----
    InputWarning
        If the sample rate is below 8,000 Hz, or the file is cut off or damaged, as far as that can be noticed (some
        headers give no length). What can be decoded is returned.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> soundfile.write(file, np.zeros((44_100, 2)), 44_100, format="FLAC")
    >>> _ = file.seek(0)
    >>> load(file, rate=22_050).seconds
    1.0
    """
    for argument, value in (("rate", rate), ("start", start), ("stop", stop)):
        if not isinstance(value, Real | None):
            raise InputError(f"{argument}: is {value!r}; give a number.")
    if rate is not None and not 0 < rate <= RATES[1]:
        raise InputError(f"rate: is {rate:g} Hz; give a rate above 0 and up to {RATES[1]:,} Hz.")
    if stop == np.inf:
        stop = None
    if not 0 <= start < np.inf or not (stop is None or stop > start):
        raise InputError(
            f"{name_of(source)}: can't read from {start:g} s to {stop or np.inf:g} s; stop after the start."
        )
    audio, rate, title = collected(source, _joined, rate=rate, start=start, stop=stop)
    return Recording(audio, rate, title=title)


Collection = TypeVar("Collection", bound=Sized)


def collected(
    source: Source,
    collect: Callable[[Iterator[np.ndarray]], Collection],
    *,
    rate: int | None,
    start: float = 0.0,
    stop: float | None = None,
) -> tuple[Collection, int, str]:
    """What `collect` makes of a source's mono blocks, their rate, and the source's title.

    If the channels cancel, `collect` is called again, with the blocks of one. Errors and warnings are those of `load`.
    """
    with opened(source, rate) as sound:
        rate = rate or sound.rate
        audio = collect(sound.blocks(rate, start, stop))
        lost, channel = sound.mixer.cancelled()
        if channel is not None or lost >= TOLD:
            found = f"{lost:.1f} s of it is lost" if channel is None else f"only channel {channel + 1} was read"
            warn(
                f"{sound.name}: its channels cancel each other, so {found}; "
                "export it as mono, or with the polarity of one channel inverted."
            )
        if channel is not None:
            audio = collect(sound.blocks(rate, start, stop, channel=channel))
        if not len(audio) and start:
            raise InputError(
                f"{sound.name}: can't start at {start:g} s; choose a time within its {sound.seconds:.3f} s."
            )
        if not len(audio):
            raise InputError(f"{sound.name}: contains no audio; record or export it again.")
        if sound.complaint:
            warn(f"{sound.name}: {sound.complaint}")
        if sound.rate < FEW:
            warn(
                f"{sound.name}: has a sample rate of {sound.rate} Hz, so everything above {sound.rate // 2} Hz is "
                f"missing; expect missed and extra notes, and record at {2 * FEW} Hz or more."
            )
        return audio, rate, sound.title


def save(recording: Recording, path: str | os.PathLike) -> None:
    """Write a recording as WAV or FLAC (both 16-bit), OGG (Vorbis) or MP3, depending on the suffix.

    The write is atomic. Samples beyond full scale are clipped.

    Raises
    ------
    InputError
        If the suffix is none of these, the format does not support the sample rate, or the disk is full.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: unknown suffix {path.suffix!r}; use one of {', '.join(FORMATS)}.")
    audio = np.clip(recording.audio, -1, 1)
    encoded = io.BytesIO()  # not at once the file: libsndfile doesn't always notice that a disk is full
    try:
        with soundfile.SoundFile(encoded, "w", recording.rate, 1, format=kind) as file:
            for first in range(0, len(audio), BLOCK):
                file.write(audio[first : first + BLOCK])
    except soundfile.LibsndfileError as problem:
        raise InputError(
            f"{path}: cannot be written as {kind} at {recording.rate} Hz ({problem.error_string.strip(' .')}); "
            "resample it to 44100 Hz, or write WAV."
        ) from problem
    with atomic_write(path) as scratch:
        scratch.write_bytes(encoded.getbuffer())


def _joined(blocks: Iterator[np.ndarray]) -> np.ndarray:
    """All blocks, one after another, in an array that grows in place."""
    joined = bytearray()
    for block in blocks:
        joined += np.ascontiguousarray(block, np.float32).tobytes()
    return np.frombuffer(joined, np.float32)


class _Sound:
    """The streams of sound in one file, decoded one after another.

    Attributes
    ----------
    samples : int, optional
        How many there are at the file's own rate, if that is known before they are decoded.
    cut
        Whether it can be seen beforehand that the end is missing.
    mixer, complaint, seconds
        What was noticed about the channels, about the end, and the length, once all blocks have been read.
    """

    def __init__(self, data: Bytes, name: str, title: str):
        self.name, self.title, self._data, self._parts = name, title, data, parts(data)
        with closing(self._decoder(self._parts[0])) as first:
            self.rate = first.rate
            self.samples = first.samples if len(self._parts) == 1 else None
            self.cut = any(part.cut for part in self._parts) or (first.promised or 0) > (self.samples or np.inf)
        self.mixer, self.complaint, self.seconds = _Mixer(None), "", 0.0

    def blocks(
        self, rate: int, start: float = 0.0, stop: float | None = None, *, channel: int | None = None
    ) -> Iterator[np.ndarray]:
        """Mono blocks (samples,) at a rate, of the part from `start` to `stop` seconds."""
        self.mixer, self.complaint = _Mixer(channel), ""
        before = promised = 0.0  # seconds
        doubtful, surplus = False, None
        for part in self._parts:
            first = max(0, round((start - before) * self.rate))
            with closing(self._decoder(part, first)) as decoder:
                last = None if stop is None else max(first + 1, round((stop - before) * decoder.rate))
                resampler = soxr.ResampleStream(decoder.rate, rate, 1) if rate != decoder.rate else None
                there = first
                for block in decoder.blocks(first):
                    block = block[: None if last is None else last - there]
                    self._check(block)
                    mono = self.mixer.mono(block, decoder.rate)
                    there += len(mono)
                    yield resampler.resample_chunk(mono) if resampler else mono
                    if there == last:
                        break
                if resampler and there > first:
                    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)
                if there == last:
                    return
                found = decoder.position / decoder.rate
                missing = (decoder.promised or 0) / decoder.rate - found
                promised += found + (missing if missing > decoder.slack else 0)
                before += found
                doubtful = doubtful or part.cut or decoder.damaged
                surplus = surplus or part.surplus
        copy = "copy or export it again"
        if promised > before:
            self.complaint = f"is cut off or damaged: only {before:.1f} of its {promised:.1f} s could be read; {copy}."
        elif doubtful:
            self.complaint = f"is cut off or damaged: {before:.1f} s could be read; if there should be more, {copy}."
        elif surplus:
            header = f"{surplus / self.rate:.1f} s"
            self.complaint = (
                f"is longer than its header says ({header}): all {before:.1f} s were read; if the end is noise, {copy}."
            )
        self.seconds = before

    def _check(self, block: np.ndarray) -> None:
        peak = np.abs(block).max(initial=0)
        if not peak < LOUDEST:
            what = f"above {LOUDEST:.0e}, where full scale is 1" if np.isfinite(peak) else "NaN or infinite"
            raise InputError(f"{self.name}: some samples are {what}; export the audio again.")

    def _decoder(self, part: Part, first: int = 0) -> Sndfile | Media:
        found = decoder(self._data, part, self.name, first=first)
        if not RATES[0] <= found.rate <= RATES[1]:
            found.close()
            raise InputError(
                f"{self.name}: the header gives a sample rate of {found.rate} Hz, which no recorder has; "
                "export the audio again, at 44100 Hz."
            )
        return found


class _Mixer:
    """Makes mono of blocks, and notices channels that cancel each other.

    This is judged in short windows, and above 200 Hz, so that neither an offset nor hum, which channels may have in
    common, hides that the music cancels. Of two channels, one may also come a little late: then the mean loses the
    low notes, and only without the lag would all cancel.
    """

    WINDOW, HIGH_PASS = 0.25, 200.0  # seconds, Hz
    SHARE = 0.05  # of the energy of unrelated channels: a sum with less has cancelled
    MUCH = 0.1  # of the time that sounds: if so much cancels, the channels do
    LATEST = 0.25e-3  # seconds by which one of two channels may be late

    def __init__(self, channel: int | None):
        self._channel = channel
        # By the number of channels, and of lags: seconds, energy of the mean by lag, energy of each channel
        self._windows: dict[tuple[int, int], list[np.ndarray]] = {}

    def mono(self, block: np.ndarray, rate: int) -> np.ndarray:
        """The mean of the channels of a block (samples, channels), or the channel chosen."""
        channels = block.shape[1]
        if channels == 1:
            return block[:, 0]
        if self._channel is not None:
            return block[:, min(self._channel, channels - 1)]
        if len(block):
            from scipy.signal import lfilter

            pole = np.exp(-2 * np.pi * self.HIGH_PASS / rate)
            high, _ = lfilter([1, -1], [1, -pole], block, axis=0, zi=-block[:1])
            for window in np.array_split(high, np.ceil(len(block) / (self.WINDOW * rate))):
                each = np.array([_energy(channel) for channel in window.T])
                mixed = self._mixed(window, each.sum(), round(self.LATEST * rate))
                row = np.concatenate([[len(window) / rate], mixed, each]).astype(np.float32)
                self._windows.setdefault((channels, len(mixed)), []).append(row)
        return _mean(block)

    def _mixed(self, window: np.ndarray, total: float, latest: int) -> np.ndarray:
        mean = _energy(_mean(window))
        if window.shape[1] > 2 or mean >= total / 4 or len(window) <= latest:  # unrelated, or more in step
            return np.full(2 * latest + 1, mean)
        left, right = window.T
        shifted = ((left[max(lag, 0) :], right[max(-lag, 0) :]) for lag in range(-latest, latest + 1))
        return np.array([_energy((a[: len(b)] + b[: len(a)]) / 2) for a, b in shifted])

    def cancelled(self) -> tuple[float, int | None]:
        """For how many seconds the channels cancel each other; and the loudest channel, if that is much of the time."""
        if not self._windows:
            return 0.0, None
        most, lags = max(self._windows)  # joined files may differ
        seconds, mixed, each = np.split(np.array(self._windows[most, lags], float), [1, 1 + lags], axis=1)
        seconds = seconds[:, 0]
        total = each.sum(axis=1)
        sounding = total / seconds > 1e-7 * (total / seconds).max()
        lost = (seconds * sounding @ (mixed < self.SHARE * total[:, None] / most**2)).max()
        much = lost > self.MUCH * seconds[sounding].sum()
        loud = each.sum(axis=0)
        return float(lost), int((loud > 0.999 * loud.max()).argmax()) if much else None


def _mean(block: np.ndarray) -> np.ndarray:
    """Of the channels of a block (samples, channels); with so few of them, faster than NumPy's."""
    return sum(block.T[1:], block.T[0]) / np.float32(block.shape[1])


def _energy(samples: np.ndarray) -> float:
    return float(np.einsum("i,i->", samples, samples))  # not BLAS, whose threads wait for each other


# What is given: a path, a pipe, an open file


@contextmanager
def opened(source: Source, rate: int | None) -> Generator[_Sound, None, None]:
    """The sound of a source, checked as far as that needs no decoding."""
    name = name_of(source)
    if rate is not None and not 0 < rate < np.inf:
        raise InputError(f"{name}: cannot be resampled to {rate} Hz; use a rate above 0.")
    with ExitStack() as stack:
        if isinstance(source, (str, os.PathLike)):
            path = Path(source)
            check_path(path, "audio file")
            file: BinaryIO = stack.enter_context(path.open("rb"))
        elif hasattr(source, "read"):
            path, file = Path(name), source
        else:
            raise InputError(f"source: is of type {type(source).__name__}; give a path or an open binary file.")
        if not isinstance(file.read(0), bytes):
            raise InputError(f"{name}: is open as text; open it in mode 'rb'.")
        if not file.seekable():  # a pipe
            copy: BinaryIO = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            file = copy
        data = Bytes(file)
        if not len(data):
            raise InputError(f"{name}: the file is empty; record or export it again.")
        yield _Sound(data, name, path.stem if path.name != NAMELESS else "")


NAMELESS = "the audio"


def name_of(source) -> str:
    """What to call a source in messages."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else NAMELESS
