"""MP3 as streams of frames (ISO/IEC 11172-3), with the encoder's notes in the first of them.

These notes, the "Xing", "Info", "VBRI" and LAME tags, no standard describes.
"""

import struct
from collections.abc import Iterator

from .pieces import Bytes, Part, Span, after_tags, before_tags

KBPS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # by version
LAME_DELAY, DECODER_DELAY = 576, 529  # samples: of the encoders LAME and FFmpeg, and of every decoder
SEARCHED = 1 << 16  # bytes before the first frame
TAGS = (b"APETAGEX", b"LYRICSBEGIN")  # that follow the last frame


def streams(data: Bytes, start: int, stop: int) -> Iterator[Part]:
    """Streams of frames between two places. An encoder's notes in a first frame, or another rate, begin a new one.

    In front of each stream comes a frame with notes of our own, because the decoder believes them: how many frames
    there are, and how many samples to drop at both ends. Where the encoder left no notes, LAME's delay is assumed.
    """
    place = _next_frame(data, start, min(stop, start + SEARCHED))
    stream = None
    while place is not None:
        head = data[place : place + 4]
        length, samples, kind = _frame(head)
        if place + length > stop:
            if stream:
                stream.cut = before_tags(data, stop) > place
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
        following = after_tags(data, following)
        place = _next_frame(data, following, stop)
        lost = stop if place is None else place
        if before_tags(data, lost) > following and not data[following : following + 11].startswith(TAGS):
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
