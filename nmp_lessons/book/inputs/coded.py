"""The same sound in every coding that people bring, made here: clicks whose times are known, or six notes.

`write` makes the files, `clicks` and `melody` the sound, and `lateness` measures what a reader makes of the clicks.
"""

import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ...audio.containers import parts
from ...audio.pieces import Bytes
from ...notes.pitch import pitch_to_frequency

TIMES = (0.5, 1.25, 2.0, 3.1, 3.6)  # seconds
SECONDS = 4.5
CODINGS = {
    "click.wav": "WAV",
    "click.flac": "FLAC",
    "click.ogg": "Ogg Vorbis",
    "click.opus": "Opus",
    "click.webm": "Opus in WebM",
    "click.m4a": "AAC in M4A",
    "click.mp4": "a video with AAC",
    "click.mp3": "MP3",
    "plain.mp3": "MP3 without its encoder's notes",
}  # names of files, each with what it holds
CODECS = {
    ".m4a": ("aac", "mp4"),
    ".webm": ("libopus", "webm"),
    ".opus": ("libopus", "ogg"),
    ".mp4": ("aac", "mp4"),
    ".aac": ("aac", "adts"),
    ".alac": ("alac", "caf"),
    ".mp3wav": ("mp3", "wav"),
    ".mp2": ("mp2", "mp2"),
    ".mpg": ("mp2", "mpeg"),
    ".ac3": ("ac3", "ac3"),
    ".vob": ("ac3", "vob"),
    ".mkv": ("aac", "matroska"),
    ".mp2ts": ("mp2", "mpegts"),
    ".opusts": ("libopus", "mpegts"),
    ".latm": ("aac", "mpegts"),
    ".amr": ("libopencore_amrnb", "amr"),
}


def clicks(rate: int) -> np.ndarray:
    """Short bursts that begin at `TIMES`, float32 (samples,)."""
    audio = np.zeros(round(SECONDS * rate), np.float32)
    for time in TIMES:
        first = round(time * rate)
        audio[first : first + len(_burst(rate))] = _burst(rate)
    return audio


MELODY = ((0.3, 0.8, 60), (0.9, 1.4, 64), (1.5, 2.0, 67), (2.1, 2.9, 72), (2.1, 2.9, 48), (3.0, 3.6, 65))


def melody(rate: int) -> np.ndarray:
    """Six plucked notes in four seconds, `MELODY` (onset, offset, pitch): float32 (samples,)."""
    audio = np.zeros(4 * rate)
    for onset, offset, pitch in MELODY:
        time = np.arange(round((offset - onset) * rate)) / rate
        frequency = pitch_to_frequency(pitch)
        partials = np.arange(1, 8)[:, None]
        partials = partials[partials[:, 0] * frequency < rate / 2]
        strings = np.sum(np.sin(2 * np.pi * partials * frequency * time) / partials**1.3, axis=0) * np.exp(-2 * time)
        ends = np.minimum(1, np.minimum(time / 0.004, (time[-1] - time) / 0.02))
        first = round(onset * rate)
        audio[first : first + len(time)] += 0.12 * strings * ends
    return audio.astype(np.float32)


def write(path: Path, audio: np.ndarray, rate: int) -> Path:
    """Write audio (samples,) or (samples, channels), coded as the name says: one of `CODINGS`, or any such suffix.

    An MP3 called ``plain.mp3`` has no encoder's notes.
    """
    if path.suffix in CODECS:
        _write_by_ffmpeg(path, audio, rate)
    else:
        soundfile.write(path, audio, rate, format={".ogg": "OGG"}.get(path.suffix, path.suffix[1:].upper()))
    if path.name == "plain.mp3":
        path.write_bytes(without_notes(path.read_bytes()))
    return path


def opus_in_caf(webm: bytes) -> bytes:
    """The Opus of a WebM in Apple's container, in which its telephones send spoken messages."""
    import av

    with av.open(io.BytesIO(webm), "r") as file:
        (sound,) = file.streams.audio
        packets = [bytes(packet) for packet in file.demux(sound) if packet.size]
        samples, delay, cookie = 960 * len(packets), 312, sound.codec_context.extradata or b""
    sizes = b"".join(bytes([128 | len(packet) >> 7, len(packet) & 127]) for packet in packets)
    chunks = {
        b"desc": struct.pack(">d4s5I", 48_000, b"opus", 0, 0, 960, 1, 0),
        b"kuki": cookie,
        b"pakt": struct.pack(">qqii", len(packets), samples - delay, delay, 0) + sizes,
        b"data": bytes(4) + b"".join(packets),
    }
    return b"caff\0\1\0\0" + b"".join(name + struct.pack(">q", len(body)) + body for name, body in chunks.items())


def noted_by_itunes(m4a: bytes) -> bytes:
    """An M4A that tells its delay in a comment only, as old versions of iTunes, qaac and fdkaac write it."""

    def box(kind: bytes, *content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + sum(map(len, content)), kind) + b"".join(content)

    place = m4a.rindex(b"moov") - 4  # the last box
    index = m4a[place + 8 :].replace(b"edts", b"free").replace(b"udta", b"free")
    note = f" 00000000 {1024:08X} 00000000 {0:016X}".encode()
    item = (
        (b"mean", bytes(4) + b"com.apple.iTunes"),
        (b"name", bytes(4) + b"iTunSMPB"),
        (b"data", b"\0\0\0\1" + bytes(4) + note),
    )
    comment = box(b"ilst", box(b"----", *(box(*each) for each in item)))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    return m4a[:place] + box(b"moov", index, box(b"udta", box(b"meta", bytes(4), handler, comment)))


def without_notes(mp3: bytes) -> bytes:
    """An MP3 without the frame that holds its encoder's notes, and no sound."""
    (_, *spans) = parts(Bytes(io.BytesIO(mp3)))[0].pieces
    return b"".join(mp3[span[0] : span[1]] for span in spans if not isinstance(span, bytes))


def lateness(audio: np.ndarray, rate: int) -> np.ndarray:
    """By how many seconds each click comes late in audio (samples,), by correlation: (5,)."""
    strength = np.correlate(audio, _burst(rate))
    around = round(0.2 * rate)
    late = []
    for time in TIMES:
        first = round(time * rate) - around
        late.append((first + np.argmax(strength[first : first + 2 * around])) / rate - time)
    return np.array(late)


def _burst(rate: int) -> np.ndarray:
    time = np.arange(round(0.05 * rate)) / rate
    return (0.6 * np.sin(2 * np.pi * 1500 * time) * np.exp(-80 * time)).astype(np.float32)


def _write_by_ffmpeg(path: Path, audio: np.ndarray, rate: int) -> None:
    import av

    codec, container = CODECS[path.suffix]
    samples = np.ascontiguousarray(audio.reshape(len(audio), -1).T, np.float32)
    layout = "mono" if len(samples) == 1 else "stereo"
    options = {"mpegts_flags": "latm"} if path.suffix == ".latm" else {}
    with av.open(str(path), "w", format=container, options=options) as file:
        pictures: Any = file.add_stream("mpeg4", rate=10) if path.suffix in (".mp4", ".mkv") else None
        sound: Any = file.add_stream(codec, rate=48_000 if codec == "libopus" else rate, layout=layout)
        if pictures:
            pictures.width = pictures.height = 64
            black = av.VideoFrame(64, 64, "yuv420p")
            more = 2 if path.suffix == ".mkv" else 0  # seconds without sound
            for number in range(round(10 * (len(audio) / rate + more))):
                black.pts, black.time_base = number, Fraction(1, 10)
                file.mux(pictures.encode(black))
            file.mux(pictures.encode(None))
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=sound.format, layout=layout, rate=sound.rate)
        fifo = av.AudioFifo()
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            part.pts = None
            fifo.write(part)
        written = 0
        for part in fifo.read_many(sound.frame_size or 960, partial=True):
            part.pts, part.time_base = written, Fraction(1, sound.rate)  # or the encoder's delay is not noted
            written += part.samples
            file.mux(sound.encode(part))
        file.mux(sound.encode(None))
