"""The bytes of a file, and pieces of them: what lies where is for `containers`, and what it means for `decoders`."""

import io
from bisect import bisect_right
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


def after_tags(data: Bytes, start: int) -> int:
    """Where the sound can begin: behind ID3v2 tags."""
    while data[start : start + 3] == b"ID3" and len(head := data[start : start + 10]) == 10:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]  # seven bits each
        start = min(len(data), start + 10 + size + (10 if head[5] & 16 else 0))
    return start


def before_tags(data: Bytes, stop: int) -> int:
    """Where it ends: before an ID3v1 tag."""
    return stop - 128 if data[max(0, stop - 128) : max(0, stop - 125)] == b"TAG" else stop
