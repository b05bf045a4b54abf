"""Recordings: the same six notes in four seconds, as people bring them."""

import os
import struct
import threading
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import soundfile

from ...audio.formats import load
from ...constants import NMP
from ...errors import InputError
from ...hearing import transcribe
from . import Case, coded

RATE = 44_100
SIX = "4.0 s, six notes"
COUNTS = {2: "two notes", 3: "three notes", 6: "six notes", 12: "twelve notes", 18: "eighteen notes"}


def told(path: Path) -> str:
    """Length and notes of a recording, or why there are none, without the name of its folder."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            recording = load(path, rate=NMP.sample_rate)
            notes, _ = transcribe(recording)
        except InputError as problem:
            return str(problem).replace(f"{path.parent}{os.sep}", "")
    outcome = f"{recording.seconds:.1f} s, {COUNTS.get(len(notes), f'{len(notes)} notes')}"
    return "; ".join([outcome, *(str(each.message).partition(": ")[2] for each in said)])


@cache
def _melody() -> np.ndarray:
    return coded.melody(RATE)


def _coded(name: str, change: Callable[[bytes], bytes] = bytes) -> Callable[[Path], str]:
    """The melody coded as the name says, its bytes changed, and what comes out."""

    def outcome(folder: Path) -> str:
        path = coded.write(folder / name, _melody(), RATE)
        path.write_bytes(change(path.read_bytes()))
        return told(path)

    return outcome


def _variable(folder: Path) -> str:
    path = folder / "take.mp3"
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, 3 * RATE)  # costs many bits, so a guess from them falls short
    audio = np.concatenate([noise, _melody(), _melody()])
    soundfile.write(path, audio, RATE, format="MP3", bitrate_mode="VARIABLE")
    path.write_bytes(coded.without_notes(path.read_bytes()))
    return f"{load(path).seconds:.1f} s"


def _soundfile(kind: str, change: Callable[[bytes], bytes], subtype: str = "PCM_16") -> Callable[[Path], str]:
    """The melody in one of libsndfile's formats, its bytes changed."""

    def outcome(folder: Path) -> str:
        path = folder / "take"
        soundfile.write(path, _melody(), RATE, format=kind, subtype=subtype)
        path.write_bytes(change(path.read_bytes()))
        return told(path)

    return outcome


def _samples(change: Callable[[np.ndarray], np.ndarray], rate: int = RATE) -> Callable[[Path], str]:
    def outcome(folder: Path) -> str:
        soundfile.write(folder / "take.wav", change(coded.melody(rate)), rate, subtype="FLOAT")
        return told(folder / "take.wav")

    return outcome


def _channels(*signs: float) -> Callable[[Path], str]:
    return _samples(lambda mono: mono[:, None] * np.array(signs, np.float32))


def _cut(kind: str, subtype: str) -> Callable[[Path], str]:
    """The first half of a file of another kind."""
    outcome = _soundfile(kind, partial(_shortened, 0.5), subtype)
    return lambda folder: outcome(folder).partition(", ")[2].partition(":")[0]


def _stereo(channels: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]):
    """Left and right, made of the melody and the time."""
    return _samples(lambda mono: np.stack(channels(mono, np.arange(len(mono)) / RATE), axis=1))


def _blocks(voc: bytes) -> bytes:
    """The sound in blocks of 1,000 bytes, as FFmpeg writes a VOC."""
    head, sound = voc[26:42], voc[42:-1]
    first, *others = (sound[place : place + 1000] for place in range(0, len(sound), 1000))
    start = voc[:26] + b"\x09" + (12 + len(first)).to_bytes(3, "little") + head[4:] + first
    return start + b"".join(b"\x02" + len(each).to_bytes(3, "little") + each for each in others) + b"\0"


def _halved(wav: bytes) -> bytes:
    """The sound in two chunks."""
    half = (len(wav) - 44) // 4 * 2
    chunks = (b"data" + struct.pack("<I", len(each)) + each for each in (wav[44:][:half], wav[44:][half:]))
    return wav[:36] + b"".join(chunks)


def _declared(length: int) -> Callable[[bytes], bytes]:
    """Another length in the header of a WAV."""

    def change(wav: bytes) -> bytes:
        place = wav.index(b"data") + 4
        return wav[:place] + struct.pack("<I", length) + wav[place + 4 :]

    return change


def _open_caf(caf: bytes) -> bytes:
    """As a pipe leaves it: the length of the sound is −1."""
    place = caf.index(b"data") + 4
    return caf[:place] + b"\xff" * 8 + caf[place + 8 :]


def _open_w64(w64: bytes) -> bytes:
    """As FFmpeg writes it to a pipe: both lengths are the largest there are."""
    place = w64.index(b"data") + 16
    return w64[:16] + b"\xff" * 8 + w64[24:place] + b"\xff" * 7 + b"\x7f" + w64[place + 8 :]


def _unknown(flac: bytes) -> bytes:
    return flac[:21] + bytes([flac[21] & 0xF0, 0, 0, 0, 0]) + flac[26:]


def _shortened(kept: float, data: bytes) -> bytes:
    return data[: int(kept * len(data))]


def _rate(rate: int) -> Callable[[bytes], bytes]:
    return lambda wav: wav[:24] + struct.pack("<I", rate) + wav[28:]


def _piped(folder: Path) -> str:
    """Through a named pipe, as the shell's `<(...)` makes one."""
    path = coded.write(folder / "take.flac", _melody(), RATE)
    if not hasattr(os, "mkfifo"):  # Windows
        return told(path)
    data = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    outcome = told(path)
    writer.join()
    return outcome


def _opened_file(folder: Path) -> str:
    path = coded.write(folder / "take.ogg", _melody(), RATE)
    with path.open("rb") as file:
        notes, _ = transcribe(load(file, rate=NMP.sample_rate))
    return COUNTS[len(notes)]


THREE = "2.0 s, three notes; is cut off or damaged: only 2.0 of its 4.0 s could be read; copy or export it again."
CANCELLED = (
    "; its channels cancel each other, so only channel 1 was read; export it as mono, or with the polarity of one "
    "channel inverted."
)
CASES: list[Case] = [
    *(Case(f"{kind}", _coded(name), SIX) for name, kind in coded.CODINGS.items()),
    Case("An MP3 of variable bit rate, 11 s long, without a table of its frames", _variable, "11.0 s"),
    Case("Two MP3s, one joined to the other", _coded("take.mp3", lambda mp3: mp3 + mp3), "8.0 s, twelve notes"),
    Case("Three Ogg Vorbis files joined", _coded("take.ogg", lambda ogg: ogg * 3), "12.0 s, eighteen notes"),
    Case("Two FLACs joined", _coded("take.flac", lambda flac: flac + flac), "8.0 s, twelve notes"),
    Case("Two WAVs joined", _coded("take.wav", lambda wav: wav + wav), "8.0 s, twelve notes"),
    *(
        Case(f"Two files joined: {what}", _soundfile(kind, lambda data: 2 * data), "8.0 s, twelve notes")
        for what, kind in (("AIFF", "AIFF"), ("AU", "AU"), ("CAF", "CAF"), ("W64", "W64"), ("VOC", "VOC"))
    ),
    *(
        Case(f"Two files joined: {what}", _coded(name, lambda data: 2 * data), f"8.{tenth} s, twelve notes")
        for what, name, tenth in (
            ("M4A", "take.m4a", 0),
            ("WebM", "take.webm", 0),
            ("AAC without a container", "take.aac", 1),
            ("MP3 in WAV", "take.mp3wav", 0),
        )
    ),
    Case("Opus in CAF, as iPhones send it", _coded("take.webm", coded.opus_in_caf), SIX),
    Case("Apple's lossless coding in CAF", _coded("take.alac"), SIX),
    Case("MPEG layer II, as radio stations kept it", _coded("take.mp2"), SIX),
    Case("AC-3, the sound of a DVD", _coded("take.vob"), SIX),
    Case("A video whose sound ends two seconds before the pictures", _coded("take.mkv"), SIX),
    Case("MPEG layer II in a transport stream, as a television set keeps it", _coded("take.mp2ts"), SIX),
    Case("Opus in a transport stream", _coded("take.opusts"), SIX),
    Case("An M4A whose delay only a comment of iTunes tells", _coded("take.m4a", coded.noted_by_itunes), SIX),
    Case("A WAV whose sound is in two chunks", _soundfile("WAV", _halved), SIX),
    Case("BW64, as broadcasters write WAV", _soundfile("RF64", lambda rf64: b"BW64" + rf64[4:]), SIX),
    Case("A VOC whose sound is in many blocks", _soundfile("VOC", _blocks), SIX),
    Case("A CAF written to a pipe", _soundfile("CAF", _open_caf), SIX),
    Case("A W64 written to a pipe", _soundfile("W64", _open_w64), SIX),
    Case(
        "An MP3 with words for singers (Lyrics3) and a tag behind the sound",
        _coded("take.mp3", lambda mp3: mp3 + b"LYRICSBEGINLYR00004la la000024LYRICS200TAG" + bytes(125)),
        SIX,
    ),
    Case("A FLAC behind an ID3 tag", _coded("take.flac", lambda flac: b"ID3\3\0\0\0\0\0\x0a" + bytes(10) + flac), SIX),
    Case("A FLAC written to a pipe, its length unknown", _coded("take.flac", _unknown), SIX),
    Case(
        "An MP3 with a tag before and a tag after the sound",
        _coded("take.mp3", lambda mp3: b"ID3\4\0\0\0\0\1\0" + bytes(128) + mp3 + b"TAG" + bytes(125)),
        SIX,
    ),
    *(
        Case(f"A WAV written to a pipe, which declares {length} bytes", _coded("take.wav", _declared(length)), SIX)
        for length in (0, 0x7FFFF000, 0xFFFFFFFF)
    ),
    Case(
        "A WAV whose recorder stopped before it had written the length",
        _coded("take.wav", _declared(88_200)),
        SIX
        + (
            "; is longer than its header says (1.0 s): all 4.0 s were read; if the end is noise, copy "
            "or export it again."
        ),
    ),
    Case("A WAV cut off in the middle", _coded("take.wav", partial(_shortened, 0.5)), THREE),
    Case("An MP3 cut off in the middle", _coded("take.mp3", partial(_shortened, 0.5)), THREE),
    Case("A FLAC cut off in the middle", _coded("take.flac", partial(_shortened, 0.5)), THREE),
    *(
        Case(f"{what} cut off in the middle", _cut(kind, subtype), "three notes; is cut off or damaged")
        for what, kind, subtype in (
            ("An AIFF", "AIFF", "PCM_16"),
            ("An AU", "AU", "PCM_16"),
            ("A W64", "W64", "PCM_16"),
            ("A CAF", "CAF", "PCM_16"),
            ("A VOC", "VOC", "PCM_16"),
            ("A NIST file", "NIST", "PCM_16"),
            ("An AVR", "AVR", "PCM_16"),
            ("A MATLAB file", "MAT5", "PCM_16"),
            ("A WAV in ADPCM", "WAV", "IMA_ADPCM"),
        )
    ),
    *(
        Case(
            f"{what} cut off in the middle, which can't be noticed: its header gives no length",
            _soundfile(kind, partial(_shortened, 0.5)),
            "2.0 s, three notes",
        )
        for what, kind in (("An IRCAM", "IRCAM"), ("A PAF", "PAF"), ("A PVF", "PVF"))
    ),
    Case(
        "An Ogg Vorbis file cut off in the middle",
        _coded("take.ogg", partial(_shortened, 0.6)),
        (
            "1.6 s, two notes; is cut off or damaged: 1.6 s could be read; if there should be more, "
            "copy or export it again."
        ),
    ),
    Case("A WebM cut off in the middle", _coded("take.webm", partial(_shortened, 0.5)), THREE.replace("2.0", "2.1")),
    Case(
        "An M4A cut off before its index, which stands at the end",
        _coded("take.m4a", partial(_shortened, 0.5)),
        (
            "take.m4a: cannot be read as audio (Invalid data found when processing input); it may be "
            "cut off, so record or export it again."
        ),
    ),
    Case("Stereo whose channels have opposite signs", _channels(1, -1), SIX + CANCELLED),
    Case(
        "The same, one of them seven samples late",
        _stereo(lambda x, _: (x, -np.roll(x, 7))),
        SIX + CANCELLED,
    ),
    Case("Four channels that cancel in pairs", _channels(1, -1, 0.5, -0.5), SIX + CANCELLED),
    Case("Three channels, the second turned over", _channels(0.7, -0.7, 0.001), SIX + CANCELLED),
    Case(
        "Stereo of opposite signs, with an offset in common",
        _stereo(lambda x, _: (x + 0.05, 0.05 - x)),
        SIX + CANCELLED,
    ),
    Case(
        "Stereo, one channel turned over for a second",
        _stereo(lambda x, t: (x, x * np.sign(abs(t - 2.5) - 0.45))),
        SIX + CANCELLED,
    ),
    Case(
        "The same in 40 s of music",
        _stereo(lambda x, t: (np.tile(x, 10), np.tile(x, 10) * np.sign(abs(np.arange(40 * RATE) / RATE - 2.5) - 0.45))),
        (
            "40.0 s, 58 notes; its channels cancel each other, so 1.0 s of it is lost; export it as mono, or with the "
            "polarity of one channel inverted."
        ),
    ),
    Case("Stereo with one channel silent", _channels(1, 0), SIX),
    Case("16-bit integers stored as floats, a peak of 10,000", _samples(lambda mono: mono * 30_000), SIX),
    Case(
        "Floats that no recording has, a peak of 10³⁸",
        _samples(lambda mono: mono / abs(mono).max() * 1e38),
        "take.wav: some samples are above 1e+15, where full scale is 1; export the audio again.",
    ),
    Case("A recording at −120 dB", _samples(lambda mono: mono * 3e-6), SIX),
    Case("A constant offset fifty times as large as the sound", _samples(lambda mono: mono * 0.1 + 5), SIX),
    Case(
        "Twenty seconds of silence first",
        _samples(lambda mono: np.concatenate([np.zeros(20 * RATE), mono])),
        "24.0 s, six notes",
    ),
    Case("A sample rate of 8 kHz", _samples(np.copy, 8_000), SIX),
    Case(
        "A sample rate of 4 kHz",
        _samples(np.copy, 4_000),
        (
            "4.0 s, six notes; has a sample rate of 4000 Hz, so everything above 2000 Hz is missing; "
            "expect missed and extra notes, and record at 16000 Hz or more."
        ),
    ),
    Case("A sample rate of 384 kHz", _samples(np.copy, 384_000), SIX),
    Case(
        "A header with a sample rate of two billion",
        _coded("take.wav", _rate(2_000_000_000)),
        (
            "take.wav: the header gives a sample rate of 2000000000 Hz, which no recorder has; export "
            "the audio again, at 44100 Hz."
        ),
    ),
    *(
        Case(
            f"A header with a sample rate of {rate:,}".replace(",", "\u202f"),
            _coded("take.wav", _rate(rate)),
            "take.wav: the header gives a sample rate that no recorder has, or no channels; export the audio again, "
            "at 44100 Hz.",
        )
        for rate in (0, 4_000_000_000)
    ),
    Case("Sound from a pipe instead of a file", _piped, SIX),
    Case("An open file instead of its name", _opened_file, "six notes"),
]
