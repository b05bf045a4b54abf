"""Two decoders with one interface: libsndfile's for what musicians keep, FFmpeg's for what telephones record.

Both decode from start to end, whatever length a header gives, and carry on where a file is damaged, if they can.

Attributes of a decoder:

- `rate` in Hz, and `channels`;
- `samples`: how many there are, or None if that is not known before they are decoded;
- `promised`: how many the file says there are, or None; `slack`: seconds by which it may be wrong;
- `position`: how many have been decoded or passed over; `damaged`: whether some could not be decoded.
"""

import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from itertools import chain
from typing import Any, BinaryIO, cast

import numpy as np
import soundfile

from ..errors import InputError, MissingExtra, needs
from .mp3 import DECODER_DELAY, LAME_DELAY
from .pieces import Bytes, Part, View

BLOCK = 65_536  # samples read or written at once; Vorbis encoders take long arrays badly in one piece
LAYER_II_DELAY = 481  # samples: of the filters of MPEG layer II, whose files never tell
DELAYS = {  # samples, where the container doesn't tell
    "aac": 1024,
    "aac_latm": 1024,
    "mp3float": LAME_DELAY + DECODER_DELAY,
    "mp2": LAYER_II_DELAY,
    "mp2float": LAYER_II_DELAY,
    "ac3": 256,
    "eac3": 256,
    "amrnb": 40,  # by which its encoder looks ahead
    "libopencore_amrnb": 40,
}
PROMISING = ("mov", "matroska", "asf", "flv", "wv", "ape", "caf", "ogg")  # for others FFmpeg guesses the length
SEARCHED = 1 << 20  # bytes of an MPEG-TS, for its first packet of Opus
CONTROL_HEADER = re.compile(b"\x7f([\xe0-\xff])\xff*[^\xff](..)", re.DOTALL)
UNKNOWN = 1 << 62  # samples: so many or more, says libsndfile, where it doesn't know


def decoder(data: Bytes, part: Part, name: str, *, first: int = 0) -> "Sndfile | Media":
    """The decoder of a part of a file.

    Parameters
    ----------
    data, part
        The file's bytes and one of its `parts`.
    name
        The file's, for messages.
    first
        The first sample that will be asked for.

    Raises
    ------
    InputError
        If it can't be read as audio.
    """
    if part.kind != "sndfile":
        return Media(View(data, part.pieces), part.kind, name)
    try:
        return Sndfile(data, part, first)
    except soundfile.LibsndfileError as problem:
        if "SF_INFO struct incomplete" in problem.error_string:
            raise InputError(
                f"{name}: the header gives a sample rate that no recorder has, or no channels; "
                "export the audio again, at 44100 Hz."
            ) from problem
        kind = {b"RIFF": "wav", b"OggS": "ogg", b"caff": "caf", b"FORM": "aiff"}.get(View(data, part.pieces).read(4))
        if kind and find_spec("av"):  # libsndfile knows the container, but not this codec
            return Media(View(data, part.pieces), kind, name)
        reason = problem.error_string.strip(" .")
        raise InputError(
            f"{name}: cannot be read as audio ({reason}); convert it to WAV, FLAC, OGG or MP3."
        ) from problem


class Sndfile:
    """What libsndfile reads. It is kept from seeking unless a part is asked for, since seeking needs a true length.

    Raises
    ------
    soundfile.LibsndfileError
        If libsndfile can't read it.
    """

    slack = 0.0

    def __init__(self, data: Bytes, part: Part, first: int):
        self._whole = View(data, part.pieces)
        self._file = _Forward(View(data, part.seekable) if first and part.seekable else self._whole)
        self.rate, self.channels = self._file.samplerate, self._file.channels
        self._delay = LAYER_II_DELAY if self._file.subtype == "MPEG_LAYER_II" else 0
        self.samples = self._file.frames - self._delay if self._file.frames < UNKNOWN else part.promised
        self.promised = self.samples if part.promised is None else part.promised
        if self._file.format == "MP3" and part.pieces[0] == (0, len(data)):
            self.promised = None  # guessed from a bit rate
        self.position, self.damaged = -self._delay, False

    def blocks(self, first: int) -> Iterator[np.ndarray]:
        """Blocks (samples, channels), float32, from a sample on."""
        try:
            if first:
                self.position = self._file.seek(first + self._delay) - self._delay
        except soundfile.LibsndfileError:  # the end that is needed for it is damaged
            self._file.close()
            self._whole.seek(0)
            self._file = _Forward(self._whole)
        while len(block := self._block()):
            passed = min(len(block), max(0, first - self.position))
            self.position += len(block)
            if passed < len(block):
                yield block[passed:]

    def _block(self) -> np.ndarray:
        block = np.full(
            (BLOCK if self.channels <= 8 else 8 * BLOCK // self.channels, self.channels), np.nan, np.float32
        )
        if self.damaged:
            return block[:0]
        try:
            return self._file.block(block)
        except soundfile.LibsndfileError:
            self.damaged = True
            decoded = np.isfinite(block[:, 0])  # libsndfile doesn't tell how many it wrote
            return block[: len(block) if decoded.all() else int(np.argmin(decoded))]

    def close(self) -> None:
        self._file.close()


class _Forward(soundfile.SoundFile):
    """A sound file that `soundfile` reads without seeking after every block."""

    def __init__(self, view: View):
        with _mpg123_silenced():
            super().__init__(cast(BinaryIO, view))

    def block(self, samples: np.ndarray) -> np.ndarray:
        """What fits into an array (samples, channels), as far as there is some."""
        with _mpg123_silenced() if self.format == "MP3" else nullcontext():
            return self.read(out=samples)

    def seekable(self) -> bool:
        return False


@contextmanager
def _mpg123_silenced() -> Generator[None, None, None]:
    """libmpg123, which libsndfile calls, prints to standard error whatever it notices about a damaged frame."""
    try:
        kept = os.dup(2)
    except OSError:  # nobody is listening
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class Media:
    """The first sound track of a container: M4A, WebM, a video. FFmpeg decodes it, by PyAV (extra `media`).

    Its first sample is that of the sound, even where the pictures begin earlier. FFmpeg drops the encoder's delay if
    the container tells it; if not, as much is dropped as every encoder of that kind has (`DELAYS`).

    Raises
    ------
    MissingExtra
        If PyAV is not installed.
    InputError
        If there is no sound in it that can be decoded.
    """

    samples = None
    slack = 0.1

    def __init__(self, view: View, kind: str, name: str):
        try:
            needs("media", "av")
        except MissingExtra as problem:
            raise MissingExtra(f"{name}: {str(problem).rstrip('.')}, or convert it to WAV.") from problem
        import av

        av.logging.set_level(av.logging.PANIC)
        self._av, self._delay = av, 0
        self._opus_trim = _opus_trim(view) if kind == "mpegts" else 0
        self.position, self.damaged = 0, False
        self.promised: int | None = None
        self._stop: float | None = None  # seconds at which the container stops, if its track doesn't tell
        try:
            self._container: Any = av.open(view, "r", format=kind)
        except (av.FFmpegError, ValueError) as problem:
            cause = getattr(problem, "strerror", None) or problem
            raise InputError(
                f"{name}: cannot be read as audio ({cause}); it may be cut off, so record or export it again."
            ) from problem
        tracks = [track for track in self._container.streams.audio if track.codec_context]
        self._frames = self._decoded(tracks[0]) if tracks else iter(())
        self._first = next(self._frames, None)
        if self._first is None:
            self.close()
            raise InputError(f"{name}: contains no sound that can be decoded; give a file with a sound track.")
        self.rate, self.channels = self._first.sample_rate, len(self._first.layout.channels)
        length, start, unit = tracks[0].duration, tracks[0].start_time or 0, tracks[0].time_base
        seconds = float(length * unit) if length and unit else 0.0
        if not seconds or kind == "asf":  # only the container's is known, which pictures may determine
            self._stop = seconds or ((self._container.start_time or 0) + (self._container.duration or 0)) / av.time_base
            seconds = self._stop - (float(start * unit) if unit else 0.0)
        self.promised = round(seconds * self.rate) if seconds > 0 and kind in PROMISING else None

    def blocks(self, first: int) -> Iterator[np.ndarray]:
        """Blocks (samples, channels), float32, from a sample on."""
        floats = self._av.AudioResampler(format="flt")  # interleaved: PyAV 18 fails on planes from the ninth on
        self.position = -self._delay
        for frame in chain([self._first], self._frames):
            try:
                blocks = [part.to_ndarray().reshape(-1, self.channels) for part in floats.resample(frame)]
            except (self._av.FFmpegError, ValueError):  # another rate or other channels than before, or impossible ones
                self.damaged = True
                continue
            for block in blocks:
                passed = min(len(block), max(0, first - self.position))
                self.position += len(block)
                if passed < len(block):
                    yield block[passed:]

    def _decoded(self, track) -> Iterator[Any]:
        """The frames that can be decoded."""
        packets = self._container.demux()
        opening: Any = None  # the first packet
        begun = False
        stops = {}  # seconds at which each track's last packet stops
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                if packet.pts is not None and packet.time_base:
                    stops[packet.stream_index] = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                if packet.stream_index != track.index:
                    continue
                opening = opening or packet
                self.damaged = self.damaged or packet.is_corrupt
                frames = packet.decode()
            except (self._av.FFmpegError, ValueError):
                self.damaged, frames = True, []
            if frames and not begun and opening:
                told = opening.is_discard or (opening.pts or 0) < 0 or frames[0].pts != opening.pts
                if self.damaged or not told:  # after a damaged packet, nothing is known
                    self._delay = self._untold(track.codec_context.codec.name, bytes(opening))
                begun = True
            yield from frames
        sound = stops.pop(track.index, 0.0)
        if self.promised and self._stop and max(stops.values(), default=0.0) > self._stop - self.slack:
            self.promised = round((sound - float((track.start_time or 0) * track.time_base)) * self.rate)

    def _untold(self, codec: str, packet: bytes) -> int:
        """How many samples to drop, if FFmpeg has dropped none."""
        if codec == "opus":
            return self._opus_trim
        if codec == "mp3float" and int.from_bytes(packet[:2], "big") & 6 == 4:
            return LAYER_II_DELAY  # the header gives the layer; in MPEG-TS, FFmpeg takes II for III
        return DELAYS.get(codec, 0)

    def close(self) -> None:
        self._container.close()


def _opus_trim(view: View) -> int:
    """How many samples the first packet of Opus in an MPEG-TS says to drop, which FFmpeg doesn't heed.

    It says so in the control header in front of its sound (opus-codec.org, draft "ETSI TS Opus" 0.1.3): eleven bits
    that are always the same, flags, the packet's size, and the number.
    """
    start = view.read(SEARCHED)
    view.seek(0)
    for packet in re.finditer(b"\0\0\x01\xbd....(.)", start, re.DOTALL):  # a PES packet of a private stream
        control = CONTROL_HEADER.match(start, packet.end() + packet[1][0])
        if control:
            return int.from_bytes(control[2], "big") & 0x1FFF if control[1][0] & 0x10 else 0
    return 0
