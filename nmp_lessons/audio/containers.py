"""Where the sound lies in a file: the byte ranges that a decoder needs, with lengths that are true.

A length in a header is a promise. Whoever writes to a pipe can't go back to fill it in, whoever joins two files leaves
the first one's, and a copy may stop early. So each file is walked through, as far as this needs no decoding, and the
decoder is given a view of it in which the lengths are those that were found.

Sources: WAV (Microsoft, 1991; RF64: EBU Tech 3306), FLAC (RFC 9639), Ogg (RFC 3533), MP3's frames (ISO/IEC 11172-3) and
the encoder's notes in the first of them (the "Xing", "Info" and LAME tags, which no standard describes).
"""

import io
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

Span = tuple[int, int]  # of bytes: first, and one behind the last


@dataclass
class Part:
    """One stream of sound in a file; most files have one, joined files several.

    Attributes
    ----------
    pieces
        What the decoder gets, one after another: bytes, or spans of the file.
    kind
        Whose decoder: "sndfile", or the name of a format of FFmpeg's.
    promised : int, optional
        Samples that the header promises, where they may not be there.
    cut : bool
        Whether the file visibly ends before its sound does.
    surplus : int, optional
        Samples that the header gives, where there are more.
    """

    pieces: list[bytes | Span]
    kind: str = "sndfile"
    promised: int | None = None
    cut: bool = False
    surplus: int | None = None
    seekable: list[bytes | Span] = field(default_factory=list)  # pieces to seek in, if others than `pieces`


class Bytes:
    """The bytes of an open file, from where it stands: to be sliced and searched like `bytes`, but left on disk.

    >>> data = Bytes(io.BytesIO(b"0123456789"))
    >>> len(data), data[2:5], data.find(b"78"), data.find(b"78", 3, 8)
    (10, b'234', 7, -1)
    """

    SEARCHED = 1 << 20  # bytes at once

    def __init__(self, file: BinaryIO):
        self._file, self._first = file, file.tell()
        self._length = file.seek(0, io.SEEK_END) - self._first

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> bytes:
        first, stop, _ = part.indices(self._length)
        self._file.seek(self._first + first)
        return self._file.read(max(0, stop - first))

    def find(self, mark: bytes, start: int = 0, stop: int | None = None) -> int:
        stop = self._length if stop is None else min(stop, self._length)
        while start < stop:
            found = self[start : min(stop, start + self.SEARCHED)].find(mark)
            if found >= 0:
                return start + found
            start += max(1, self.SEARCHED - len(mark) + 1)
        return -1


class View(io.RawIOBase):
    """Pieces of a file, one after another, as a file that can be read.

    >>> View(Bytes(io.BytesIO(b"0123456789")), [b"ab", (3, 6)]).read()
    b'ab345'
    """

    def __init__(self, data: Bytes, pieces: list[bytes | Span]):
        self.pieces, self.starts, length = [], [], 0
        for piece in pieces:
            source, first, last = (piece, 0, len(piece)) if isinstance(piece, bytes) else (data, *piece)
            if last > first:
                self.pieces.append((source, first, last))
                self.starts.append(length)
                length += last - first
        self.length, self.position = length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.position = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.length}[whence])
        return self.position

    def readinto(self, buffer) -> int:
        filled = memoryview(buffer).cast("B")
        wanted = done = min(len(filled), max(0, self.length - self.position))
        while wanted:
            place = bisect_right(self.starts, self.position) - 1
            source, first, last = self.pieces[place]
            here = first + self.position - self.starts[place]
            taken = min(wanted, last - here)
            start = done - wanted
            filled[start : start + taken] = source[here : here + taken]
            self.position += taken
            wanted -= taken
        return done


def parts(data: Bytes) -> list[Part]:
    """The streams of sound in a file, in order.

    Examples
    --------
    >>> parts(Bytes(io.BytesIO(b"RIFF....AVI LIST")))
    [Part(pieces=[(0, 16)], kind='avi', promised=None, cut=False, surplus=None, seekable=[])]
    """
    start = _after_tags(data, 0)
    head = data[start : start + 24]
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return list(_wav(data, start))
    if head[:4] == b"fLaC":
        return list(_flac(data, start))
    if head[:4] == b"OggS":
        return list(_ogg(data, start))
    for name, mark, place in FFMPEG:
        if head[place : place + len(mark)] == mark:
            return [Part([(0, len(data))], name)]
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return [Part([(start, len(data))], "aac")]  # a bare stream of frames
    for place in (0, 4):  # packets of 188 bytes, or 192
        if all(data[at : at + 1] == b"G" for at in range(place, place + 5 * (188 + place), 188 + place)):
            return [Part([(0, len(data))], "mpegts")]
    return list(_mp3(data, start)) or [Part([(0, len(data))], cut=_declared_end(head) > len(data) - start)]


def _declared_end(head: bytes) -> int:
    """Where a file of another kind ends by its header, or 0 if that isn't known. AIFF, AU and W64 tell it."""
    size = int.from_bytes(head[4:8], "big")
    if head[:4] == b"FORM":
        return 8 + size if size < OPEN else 0
    if head[:4] == b".snd":
        sound = int.from_bytes(head[8:12], "big")
        return size + sound if sound < OPEN else 0
    return int.from_bytes(head[16:24], "little") if head[:4] == b"riff" else 0


# What telephones and cameras write, by its first bytes; FFmpeg reads it
FFMPEG = (
    *(("mov", mark, 4) for mark in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),  # M4A, MP4, MOV, 3GP
    ("matroska", b"\x1a\x45\xdf\xa3", 0),  # WebM, MKV
    ("amr", b"#!AMR", 0),
    ("asf", b"\x30\x26\xb2\x75", 0),  # WMA, WMV
    ("avi", b"AVI ", 8),
    ("flv", b"FLV\x01", 0),
    ("mpeg", b"\0\0\x01\xba", 0),
    ("wv", b"wvpk", 0),
    ("ape", b"MAC ", 0),
)


def _after_tags(data: Bytes, start: int) -> int:
    """Where the sound can begin: behind ID3v2 tags."""
    while data[start : start + 3] == b"ID3" and len(head := data[start : start + 10]) == 10:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]  # seven bits each
        start = min(len(data), start + 10 + size + (10 if head[5] & 16 else 0))
    return start


def _before_tags(data: Bytes, stop: int) -> int:
    """Where it ends: before an ID3v1 tag."""
    return stop - 128 if data[max(0, stop - 128) : max(0, stop - 125)] == b"TAG" else stop


# WAV

OPEN = 0x7FFF0000  # bytes: so much, or nothing at all, promise those who write to a pipe
COUNTED = (1, 3, 6, 7, 0xFFFE)  # codings with as many bytes for every sample: PCM, floats, A-law, µ-law
JUNK = 0.1  # seconds: less than this behind the sound is none


def _wav(data: Bytes, start: int) -> Iterator[Part]:
    joined: int | None = start
    while joined is not None:
        part, joined = _wav_part(data, joined)
        yield part


def _wav_part(data: Bytes, start: int) -> tuple[Part, int | None]:
    """The sound of one RIFF, and where a joined one begins."""
    order = ">" if data[start : start + 4] == b"RIFX" else "<"
    place, length, form, long = start + 12, None, b"", 0
    while len(head := data[place : place + 8]) == 8:
        name, length = struct.unpack(f"{order}4sI", head)
        place += 8
        if name == b"data":
            break
        if name == b"fmt ":
            form = data[place : place + 16]
        if name == b"ds64" and len(data) >= place + 16:
            (long,) = struct.unpack(f"{order}Q", data[place + 8 : place + 16])
        place, length = place + length + length % 2, None
    if length is None or len(form) < 16:  # libsndfile shall say what it makes of it
        return Part([(start, len(data))]), None
    if length == 0xFFFFFFFF and long:
        length = long
    coding, _, rate, _, align, _ = struct.unpack(f"{order}HHIIHH", form)
    align, there = max(1, align), len(data) - place
    whole, following = _chunks_follow(data, place + length + length % 2) if length <= there else (False, None)
    if whole:
        stop = place + length
    else:
        joined = data.find(b"WAVEfmt ", place)
        following = joined - 8 if joined >= 0 else None
        stop = len(data) if following is None else following
    found = (stop - place) // align * align
    declared_open = length == 0 or OPEN <= length < 1 << 32
    if whole or (length <= there and 0 < length and found - length < JUNK * rate * align):
        return Part([(start, place + length)]), following
    header = bytearray(data[start:place])
    if found < (1 << 32) - len(header):
        if header[:4] in (b"RF64", b"BW64"):
            header[:4] = b"RIFF"
        header[4:8] = struct.pack(f"{order}I", len(header) - 8 + found)
        header[-4:] = struct.pack(f"{order}I", found)
    else:  # lengths of 64 bits stand in a chunk of their own
        sizes = struct.pack("<4sIQQQI", b"ds64", 28, len(header) + 28 + found, found, found // align, 0)
        header[:12] = b"RF64" + b"\xff" * 4 + b"WAVE" + sizes
        header[-4:] = b"\xff" * 4
    part = Part([bytes(header), (place, place + found)])
    if coding not in COUNTED:
        part.cut = length > found
    elif not declared_open:
        promised = length // align
        part.promised, part.surplus = (promised, None) if length > found else (None, promised)
    return part, following


def _chunks_follow(data: Bytes, place: int) -> tuple[bool, int | None]:
    """Whether only further chunks follow, up to the end; and where among them a joined RIFF begins."""
    while place + 8 <= len(data):
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if name == b"RIFF" and data[place + 8 : place + 12] == b"WAVE":
            return True, place
        if not all(32 <= letter < 127 for letter in name) or place + 8 + length > len(data):
            return False, None
        place += 8 + length + length % 2
    return True, None


# FLAC


def _flac(data: Bytes, start: int) -> Iterator[Part]:
    """A decoder believes the number of samples in the header; without one, it reads to the end."""
    marks = [start, *_found(data, (b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22"), start + 4)]
    for first, stop in zip(marks, [*marks[1:], _before_tags(data, len(data))], strict=True):
        header = bytearray(data[first : first + 26])
        if len(header) < 26:
            yield Part([(first, stop)])
            continue
        promised = (header[21] & 15) << 32 | int.from_bytes(header[22:26], "big")
        header[21:26] = bytes([header[21] & 0xF0, 0, 0, 0, 0])
        yield Part([bytes(header), (first + 26, stop)], promised=promised or None, seekable=[(first, stop)])


def _found(data: Bytes, marks: tuple[bytes, ...], start: int) -> list[int]:
    places = []
    for mark in marks:
        place = data.find(mark, start)
        while place >= 0:
            places.append(place)
            place = data.find(mark, place + 1)
    return sorted(places)


# Ogg: Vorbis, Opus, FLAC


def _ogg(data: Bytes, start: int) -> Iterator[Part]:
    """Streams one after another; each ends in a page that is marked as the last."""
    first, opening, ended, place = start, True, False, start
    stop = start
    while place >= 0:
        head = data[place : place + 27]
        table = data[place + 27 : place + 27 + head[26]] if len(head) == 27 else b""
        if len(head) < 27 or len(table) < head[26] or place + 27 + len(table) + sum(table) > len(data):
            ended = False
            stop = len(data)
            break
        begins = bool(head[5] & 2)
        if begins and not opening:  # the first page of another stream
            yield Part([(first, place)], cut=not ended)
            first, ended = place, False
        opening = begins
        ended = ended or bool(head[5] & 4)
        stop = place + 27 + len(table) + sum(table)
        place = stop if data[stop : stop + 4] == b"OggS" else data.find(b"OggS", stop)
    yield Part([(first, stop)], cut=not ended)


# MP3

KBPS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # by version
LAME_DELAY, DECODER_DELAY = 576, 529  # samples: of the encoders LAME and FFmpeg, and of every decoder
SEARCHED = 1 << 16  # bytes before the first frame


def _mp3(data: Bytes, start: int) -> Iterator[Part]:
    """Streams of frames. An encoder's notes in a first frame, or another rate, begin a new one.

    In front of each stream comes a frame with notes of our own, because the decoder believes them: how many frames
    there are, and how many samples to drop at both ends. Where the encoder left no notes, LAME's delay is assumed.
    """
    place = _next_frame(data, start, min(len(data), start + SEARCHED))
    stream = None
    while place is not None:
        head = data[place : place + 4]
        length, samples, kind = _frame(head)
        if place + length > len(data):
            if stream:
                stream.cut = _before_tags(data, len(data)) > place
            break
        notes = _notes(data, place, length, head)
        if stream is None or notes is not None or kind != stream.kind:
            if stream and stream.frames:
                yield stream.part()
            stream = _Stream(head, kind, samples, notes)
        if notes is None:
            stream.add(place, place + length)
        following = place + length
        head = data[following : following + 4]
        if _frame(head)[0]:
            place = following
            continue
        following = _after_tags(data, following)
        place = _next_frame(data, following, len(data))
        lost = len(data) if place is None else place
        if _before_tags(data, lost) > following and data[following : following + 8] != b"APETAGEX":
            stream.cut = bool(data[following:lost].strip(b"\0"))
    if stream and stream.frames:
        yield stream.part()


class _Stream:
    """Frames of one kind, one after another."""

    def __init__(self, head: bytes, kind: tuple, samples: int, notes: tuple | None):
        self.head, self.kind, self.samples, self.notes = head, kind, samples, notes
        self.spans: list[Span] = []
        self.frames, self.cut = 0, False

    def add(self, first: int, stop: int) -> None:
        if self.spans and self.spans[-1][1] == first:
            self.spans[-1] = (self.spans[-1][0], stop)
        else:
            self.spans.append((first, stop))
        self.frames += 1

    def part(self) -> Part:
        promised, delay, padding = self.notes or (0, LAME_DELAY, 0)
        if promised and abs(promised - self.frames) > 1:
            padding = 0  # of an end that isn't there, or is another's
        size = sum(stop - first for first, stop in self.spans)
        part = Part([_own_notes(self.head, self.frames, size, delay, padding), *self.spans], cut=self.cut)
        if promised > self.frames + 1:
            part.promised = promised * self.samples - delay - DECODER_DELAY
        return part


def _frame(head) -> tuple[int, int, tuple]:
    """Of a frame: its bytes (0 if it is none of layer 3), its samples, and what the frames of a stream share."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0, 0, ()
    version, kbps, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or kbps in (0, 15) or rate == 3:
        return 0, 0, ()
    samples = 1152 if version == 3 else 576
    hertz = RATES[version][rate]
    length = samples * 125 * KBPS[1 if version == 3 else 2][kbps] // hertz + (head[2] >> 1 & 1)
    return length, samples, (version, hertz, head[3] >> 6 == 3)


def _next_frame(data: Bytes, start: int, stop: int) -> int | None:
    """Where the next frame is that another of its kind follows, or the end of the file."""
    place = data.find(b"\xff", start, stop)
    while place >= 0:
        length, _, kind = _frame(data[place : place + 4])
        if length:
            there = place + length
            if there == len(data) or kind == _frame(data[there : there + 4])[2]:
                return place
        place = data.find(b"\xff", place + 1, stop)
    return None


def _notes(data: Bytes, place: int, length: int, head) -> tuple[int, int, int] | None:
    """An encoder's notes, if this frame holds such: frames, and samples of delay and padding."""
    side = _side(head)
    frame = data[place : place + length]
    tag = frame[4 + side : 8 + side]
    if tag not in (b"Xing", b"Info"):
        if frame[36:40] == b"VBRI" and len(frame) >= 54:
            return int.from_bytes(frame[50:54], "big"), LAME_DELAY, 0
        return None
    flags, place = int.from_bytes(frame[8 + side : 12 + side], "big"), 12 + side
    frames = int.from_bytes(frame[place : place + 4], "big") if flags & 1 else 0
    place += 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    if len(frame) < place + 24 or not frame[place : place + 4].isalnum():
        return frames, LAME_DELAY, 0
    both = int.from_bytes(frame[place + 21 : place + 24], "big")
    return frames, both >> 12, both & 0xFFF


def _side(head) -> int:
    """Bytes of a frame's side information."""
    one = head[3] >> 6 == 3
    return (17 if one else 32) if head[1] >> 3 & 3 == 3 else (9 if one else 17)


def _own_notes(head: bytes, frames: int, size: int, delay: int, padding: int) -> bytes:
    """A frame of this kind that holds notes and no sound."""
    side, delays = bytes(_side(head)), (delay << 12 | padding).to_bytes(3, "big")
    heads = (bytes([head[0], head[1] | 1, kbps << 4 | head[2] & 0x0C, head[3]]) for kbps in range(1, 15))
    own = next(own for own in heads if _frame(own)[0] >= 80)  # the smallest that is large enough
    length = _frame(own)[0]
    counts = struct.pack(">4sIII", b"Xing", 3, frames, size + length)
    return (own + side + counts + b"LAME3.100" + bytes(12) + delays).ljust(length, b"\0")
