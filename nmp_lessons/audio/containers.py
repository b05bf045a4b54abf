"""Where the sound lies in a file: the byte ranges that a decoder needs, with lengths that are true.

A length in a header is a promise. Whoever writes to a pipe can't go back to fill it in, whoever joins two files leaves
the first one's, and a copy may stop early. So each file is walked through, as far as this needs no decoding, and the
decoder is given a view of it in which the lengths are those that were found.

Sources: WAV (Microsoft, 1991; RF64: EBU Tech 3306), Wave64 (Sony, 2006), CAF (Apple, 2011), FLAC (RFC 9639), Ogg (RFC
3533), MP4's boxes (ISO/IEC 14496-12), and for the rest what libsndfile writes.
"""

import math
import re
import struct
from collections.abc import Callable, Iterator

from .mp3 import streams
from .pieces import Bytes, Part, Span, after_tags, before_tags


def parts(data: Bytes) -> list[Part]:
    """The streams of sound in a file, in order.

    Examples
    --------
    >>> import io
    >>> parts(Bytes(io.BytesIO(b"RIFF\\10\\0\\0\\0AVI LIST")))
    [Part(pieces=[(0, 16)], kind='avi', promised=None, cut=False, surplus=None, seekable=[])]
    """
    start = after_tags(data, 0)
    head = data[start : start + 24]
    if head[:4] in WAVES and head[8:12] == b"WAVE":
        return list(_wav(data, start))
    if head[:4] == b"fLaC":
        return list(_flac(data, start))
    if head[:4] == b"OggS":
        return list(_ogg(data, start))
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return [Part([(start, len(data))], "aac")]  # a bare stream of frames
    for place in (0, 4):  # packets of 188 bytes, or 192
        if all(data[at : at + 1] == b"G" for at in range(place, place + 5 * (188 + place), 188 + place)):
            return [Part([(0, len(data))], "mpegts")]
    known = [name for name, mark, place in FFMPEG if head[place : place + len(mark)] == mark]
    if not known and not head.startswith(tuple(LIKE)):
        frames = list(streams(data, start, len(data)))
        if frames:
            return frames
    kind = known[0] if known else "sndfile"
    begun = _boxed(data) if kind == "mov" else _like(data, start)
    return [_headed(data, first, stop, kind) for first, stop in zip(begun, [*begun[1:], len(data)], strict=True)]


# What telephones and cameras write, by its first bytes; FFmpeg reads it
FFMPEG = (
    *(("mov", mark, 4) for mark in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),  # M4A, MP4, MOV, 3GP
    ("matroska", b"\x1a\x45\xdf\xa3", 0),  # WebM, MKV
    ("amr", b"#!AMR", 0),
    ("ac3", b"\x0b\x77", 0),
    ("asf", b"\x30\x26\xb2\x75", 0),  # WMA, WMV
    ("avi", b"AVI ", 8),
    ("flv", b"FLV\x01", 0),
    ("mpeg", b"\0\0\x01\xba", 0),
    ("wv", b"wvpk", 0),
    ("ape", b"MAC ", 0),
    ("tta", b"TTA1", 0),
)

# Files of one kind that were joined: how a header of this kind begins, and which bytes two of them share
LIKE = {
    b"FORM": ((0, 4), (8, 16)),  # AIFF, 8SVX
    b".snd": ((0, 8),),
    b"caff\0\1\0\0desc": ((0, 12),),
    b"riff\x2e\x91\xcf\x11": ((0, 16),),  # W64
    b"Creative Voice File\x1a": ((0, 20),),
    b"NIST_1A": ((0, 16),),
    b"MATLAB 5.0 MAT-file": ((0, 19),),
    b"Extended Instrument: ": ((0, 21),),
    b"ALawSoundFile**": ((0, 15),),
    b"PVF1": ((0, 8),),
    b"2BIT": ((0, 12),),  # AVR
    b" paf": ((0, 12),),
    b"fap ": ((0, 12),),
    **{bytes.fromhex(mark): ((0, 4), (8, 16)) for mark in ("64a30100", "64a30200", "64a30300", "64a30400")},  # IRCAM
    **{bytes.fromhex(mark): ((0, 4), (8, 16)) for mark in ("0001a364", "0002a364", "0003a364", "0004a364")},
    b"#!AMR": ((0, 6),),
    b"FLV\x01": ((0, 13),),
    b"\x30\x26\xb2\x75": ((0, 16),),  # WMA
    b"wvpk": ((0, 4), (16, 20), (24, 28)),  # the number of a block and its flags
}


def _like(data: Bytes, start: int) -> list[int]:
    """Where files of the kind of the first begin."""
    head = data[start : start + 32]
    shared = next((shared for mark, shared in LIKE.items() if head.startswith(mark)), ())
    found = _found(data, (head[: shared[0][1]],), start + 4) if shared else []
    return [0, *(place for place in found if all(data[place + a : place + b] == head[a:b] for a, b in shared[1:]))]


def _boxed(data: Bytes) -> list[int]:
    """Where files begin in the boxes of MP4: with a box of their type."""
    begun, place = [0], 0
    while len(head := data[place : place + 16]) >= 8:
        size = int.from_bytes(head[:4], "big")
        size = int.from_bytes(head[8:], "big") if size == 1 else size or len(data)
        if place and head[4:8] == b"ftyp":
            begun.append(place)
        if size < 8:
            break
        place += size
    return begun


def _headed(data: Bytes, start: int, stop: int, kind: str) -> Part:
    """A file with one header, of a kind that isn't walked through."""
    head = data[start : start + 128]
    if head[:4] in (b"caff", b"riff"):
        return _chunked(data, start, stop)
    if head.startswith(b"Creative Voice File"):
        return _voc(data, start, stop)
    read_end = next((end for mark, end in ENDS.items() if head.startswith(mark)), None)
    end = read_end(data, start, stop) if read_end else 0
    return Part([(start, stop)], kind, cut=stop < start + end)


def _form_end(data: Bytes, start: int, stop: int) -> int:
    size = int.from_bytes(data[start + 4 : start + 8], "little" if data[start : start + 4] == b"RIFF" else "big")
    return 8 + size if size < OPEN else 0


def _au_end(data: Bytes, start: int, stop: int) -> int:
    header, sound = struct.unpack(">II", data[start + 4 : start + 12].ljust(8, b"\0"))
    return header + sound if sound < OPEN else 0


def _voc_blocks(data: Bytes, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """A VOC's blocks have a byte for the type and three for the length; one of type 0 is the last.

    The type of each, its first byte, and the one behind its last.
    """
    place = start + int.from_bytes(data[start + 20 : start + 22], "little")
    while start < place < stop and data[place : place + 1] != b"\0":
        kind, first = data[place : place + 1][0], place + 4
        place = first + int.from_bytes(data[place + 1 : first], "little")
        yield kind, first, place


MOST_SILENCE = 1 << 28  # bytes: a file that tells of more is damaged
# By a VOC's bits and coding: a WAV's coding, and a sample of silence
VOC_CODINGS = {(8, 0): (1, b"\x80"), (16, 4): (1, b"\0\0"), (8, 6): (6, b"\xd5"), (8, 7): (7, b"\xff")}


def _voc(data: Bytes, start: int, stop: int) -> Part:
    """A VOC, as a WAV if possible: libsndfile takes the heads of blocks after the first for samples.

    Blocks of types 1 and 9 begin with a format, 8 holds one for the next 1, 2 goes on, 3 is silence. Others hold no
    sound; one that says how often to repeat is passed over.
    """
    form = extended = None
    pieces: list[bytes | Span] = []
    end, silent = start, 0
    for kind, first, end in _voc_blocks(data, start, stop):
        head, last = data[first : first + 12].ljust(12, b"\0"), min(end, stop)
        if kind == 8:
            step, coding, more = struct.unpack("<HBB", head[:4])
            extended = 256_000_000 // ((1 + more) * (65_536 - step)), 8, 1 + more, coding
        elif kind in (1, 9):
            told = (1_000_000 // (256 - head[0]), 8, 1, head[1]) if kind == 1 else struct.unpack("<IBBH", head[:8])
            told = extended or told
            if form and form != told:
                return Part([(start, stop)])  # libsndfile refuses it
            form, extended = told, None
            pieces.append((first + (2 if kind == 1 else 12), last))
        elif kind == 2:
            pieces.append((first, last))
        elif kind == 3 and form:
            samples, divisor = struct.unpack("<HB", head[:3])
            times = form[2] * round((samples + 1) * (256 - divisor) * 1e-6 * form[0])
            silent += 2 * times
            zero = VOC_CODINGS.get((form[1], form[3]), (0, b""))[1]
            pieces.append(zero * times if silent < MOST_SILENCE else b"")
    if not form or (form[1], form[3]) not in VOC_CODINGS:
        return Part([(start, stop)], "voc" if form else "sndfile", cut=end > stop)  # ADPCM is FFmpeg's
    rate, bits, channels, coding = form
    tag, align = VOC_CODINGS[bits, coding][0], channels * bits // 8
    size = _size(pieces)
    wav = struct.pack("<4sIHHIIHH4sI", b"fmt ", 16, tag, channels, rate, 0, align, bits, b"data", size)
    return Part([struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + wav, *pieces], cut=end > stop)


def _nist_end(data: Bytes, start: int, stop: int) -> int:
    head = data[start : start + 1024]
    header, fields = re.match(rb"NIST_1A\s+(\d+)", head), dict(re.findall(rb"(\w+) -i (\d+)", head))
    sizes = [int(fields.get(name, b"0")) for name in (b"sample_count", b"channel_count", b"sample_n_bytes")]
    return int(header[1]) + math.prod(sizes) if header else 0


def _mat_end(data: Bytes, start: int, stop: int) -> int:
    """A MATLAB 5 file's elements have four bytes for the type and four for the length; libsndfile counts eight more."""
    order, place = "little" if data[start + 126 : start + 128] == b"IM" else "big", start + 128
    while place < stop:
        place += 8 + int.from_bytes(data[place + 4 : place + 8], order)
    return place - 8 - start


def _avr_end(data: Bytes, start: int, stop: int) -> int:
    stereo, bits, frames = struct.unpack(">hH10xI", data[start + 12 : start + 30].ljust(18, b"\0"))
    return 128 + (2 if stereo else 1) * (bits // 8) * frames


# Where files of other kinds end by their header, counted from their start, or 0 if it doesn't say
ENDS: dict[bytes, Callable[[Bytes, int, int], int]] = {
    b"FORM": _form_end,
    b"RIFF": _form_end,  # AVI
    b".snd": _au_end,
    b"NIST_1A": _nist_end,
    b"MATLAB 5.0": _mat_end,
    b"2BIT": _avr_end,
}


def _chunked(data: Bytes, start: int, stop: int) -> Part:
    """CAF or W64: a length of the sound that isn't true is replaced."""
    caf = data[start : start + 4] == b"caff"
    name, order, place, counted = (4, ">q", start + 8, 0) if caf else (16, "<q", start + 40, 24)
    while len(head := data[place : place + name + 8]) == name + 8:
        (length,) = struct.unpack(order, head[name:])
        content = place + name + 8
        if head[:4] == b"data":
            break
        place += length + 12 if caf else (length + 7) // 8 * 8
        if not start < place < stop or length < counted:
            return Part([(start, stop)])
    else:
        return Part([(start, stop)])
    there, known = stop - content + counted, counted < length < 1 << 62
    header, cut = bytearray(data[start:content]), known and length > there
    if caf and header[28:32] == b"lpcm":  # a sample may have fewer bits than its bytes could hold: they are the upper
        per_frame, _, channels, bits = struct.unpack(">4I", header[36:52])
        header[48:52] = struct.pack(">I", max(bits, min(32, 8 * per_frame // max(1, channels))))
    if cut or not known:
        header[-8:] = struct.pack(order, there)
        if not caf:
            header[16:24] = struct.pack(order, stop - start)
    return Part([bytes(header), (content, stop)], cut=cut)


# WAV

WAVES = (b"RIFF", b"RIFX", b"RF64", b"BW64")
OPEN = 0x7FFF0000  # bytes: so much, or nothing at all, promise those who write to a pipe
MP3 = 0x55  # a coding
COUNTED = (1, 3, 6, 7, 0xFFFE)  # codings with as many bytes for every sample: PCM, floats, A-law, µ-law
JUNK = 0.1  # seconds: less than this behind the sound is none


def _wav(data: Bytes, start: int) -> Iterator[Part]:
    joined: int | None = start
    while joined is not None:
        part, joined = _wav_part(data, joined)
        yield from [part] if isinstance(part, Part) else streams(data, *part)


def _wav_part(data: Bytes, start: int) -> tuple[Part | Span, int | None]:
    """The sound of one RIFF, or where it lies if it is MP3; and where a joined one begins."""
    order = ">" if data[start : start + 4] == b"RIFX" else "<"
    place, length, form, long = start + 12, None, b"", 0
    while len(head := data[place : place + 8]) == 8:
        name, length = struct.unpack(f"{order}4sI", head)
        place += 8
        if name == b"data":
            break
        if name == b"fmt ":
            form = data[place : place + 16]
        if name == b"LIST" and data[place : place + 4] == b"wavl" and len(form) == 16:
            pieces = _wave_list(data, place + 4, min(place + length, len(data)), order, form)
            return _in_pieces(data, start, place - 8, order, pieces, cut=place + length > len(data)), None
        if name == b"ds64" and len(data) >= place + 16:
            (long,) = struct.unpack(f"{order}Q", data[place + 8 : place + 16])
        place, length = place + length + length % 2, None
    if length is None or len(form) < 16:  # libsndfile shall say what it makes of it
        return Part([(start, len(data))]), None
    if length == 0xFFFFFFFF and long:
        length = long
    coding, _, rate, _, align, _ = struct.unpack(f"{order}HHIIHH", form)
    align, there, after = max(1, align), len(data) - place, place + length + length % 2
    whole, more, following = _chunks_follow(data, after, order) if length <= there else (False, [], None)
    if whole:
        stop = place + length
    else:
        joined = _found(data, (b"WAVEfmt ", b"WAVEds64", b"WAVEJUNK"), place)
        following = joined[0] - 8 if joined else None
        stop = len(data) if following is None else following
    if coding == MP3:
        return (place, stop), following
    found = (stop - place) // align * align
    declared_open = length == 0 or OPEN <= length < 1 << 32
    if more:
        return _in_pieces(data, start, place - 8, order, [(place, stop), *more]), following
    if whole or (length <= there and 0 < length and found - length < JUNK * rate * align):
        renamed = data[start : start + 4] == b"BW64"  # RF64 by its newer name, which libsndfile doesn't know
        return Part([b"RF64", (start + 4, place + length)] if renamed else [(start, place + length)]), following
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
        part.cut = length > found and not declared_open
    elif not declared_open:
        promised = length // align
        part.promised, part.surplus = (promised, None) if length > found else (None, promised)
    return part, following


def _wave_list(data: Bytes, place: int, stop: int, order: str, form: bytes) -> list[bytes | Span]:
    """The sound of a list of waves, between which there may be silence, given in samples."""
    coding, _, _, _, align, bits = struct.unpack(f"{order}HHIIHH", form)
    zero = {6: b"\xd5", 7: b"\xff"}.get(coding, b"\x80" if bits <= 8 else b"\0")
    pieces: list[bytes | Span] = []
    silent = 0
    while len(head := data[place : place + 12]) >= 8 and place < stop:
        name, length = struct.unpack(f"{order}4sI", head[:8])
        place += 8
        if name == b"data":
            pieces.append((place, min(place + length, stop)))
        elif name == b"slnt":
            (samples,) = struct.unpack(f"{order}I", head[8:].ljust(4, b"\0"))
            silent += align * samples
            pieces.append(zero * align * samples if silent < MOST_SILENCE else b"")
        place += length + length % 2
    return pieces


def _in_pieces(data: Bytes, start: int, stop: int, order: str, pieces: list[bytes | Span], *, cut=False) -> Part:
    """A WAV whose head stops somewhere, and whose sound is in pieces."""
    head, size = data[start + 8 : stop], _size(pieces)
    mark = b"RIFX" if order == ">" else b"RIFF"
    opening = struct.pack(f"{order}4sI", mark, len(head) + 8 + size)
    return Part([opening + head + struct.pack(f"{order}4sI", b"data", size), *pieces], cut=cut)


def _size(pieces: list[bytes | Span]) -> int:
    return sum(len(piece) if isinstance(piece, bytes) else max(0, piece[1] - piece[0]) for piece in pieces)


def _chunks_follow(data: Bytes, place: int, order: str) -> tuple[bool, list[bytes | Span], int | None]:
    """Whether only further chunks follow, up to the end; more sound among them; and where a joined RIFF begins."""
    more: list[bytes | Span] = []
    while place + 8 <= len(data):
        name, length = struct.unpack(f"{order}4sI", data[place : place + 8])
        if name in WAVES and data[place + 8 : place + 12] == b"WAVE":
            return True, more, place
        if not all(32 <= letter < 127 for letter in name) or place + 8 + length > len(data):
            return False, [], None
        if name == b"data":
            more.append((place + 8, place + 8 + length))
        place += 8 + length + length % 2
    return True, more, None


# FLAC


def _flac(data: Bytes, start: int) -> Iterator[Part]:
    """A decoder believes the number of samples in the header; without one, it reads to the end."""
    marks = [start, *_found(data, (b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22"), start + 4)]
    for first, stop in zip(marks, [*marks[1:], before_tags(data, len(data))], strict=True):
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
