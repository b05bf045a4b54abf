"""What happens in a standard MIDI file, read from its bytes.

Only what notes depend on is kept: keys and controllers, and the tempo to time them. Every other event is skipped by
its length, so that none can cost the notes, however it is made. The format is that of the MIDI Association's
"Standard MIDI Files 1.0"; sizes and times are from eq-sound-ticks.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ..errors import InputError

BEAT = 500_000  # microseconds: 120 beats a minute, which holds until a file says otherwise
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, BEND = (
    0x8,
    0x9,
    0xB,
    0xC,
    0xE,
)  # the upper half of a status byte; the lower is the channel
META, SYSEX, ESCAPE, PORT, END_OF_TRACK, TEMPO = 0xFF, 0xF0, 0xF7, 0x21, 0x2F, 0x51
LAST_EVENT = bytes([META, END_OF_TRACK, 0])
SEQUENTIAL = 2  # the format whose tracks follow each other; in all others they sound together
DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}  # by the upper half of the status byte
SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # other system messages have none
FILM_RATES = {24: 24.0, 25: 25.0, 29: 30000 / 1001, 30: 30.0}  # frames a second of SMPTE time


class Event(NamedTuple):
    """A key or a controller that moves."""

    seconds: float
    track: int
    channel: int  # from 0; those of a second port from 16, and so on
    kind: int  # NOTE_OFF, NOTE_ON or CONTROL
    number: int  # of the key or the controller
    value: int  # velocity or position


class _Unreadable(Exception):
    """The rest of a track makes no sense."""


def events(data: bytes, name: str) -> tuple[list[Event], list[float], str]:
    """All keys and controllers in order of time, the end of each track (s), and what is missing, in words.

    Events of equal time stand in the order of the tracks, and within a track in that of the file. The file may be
    wrapped (in RIFF, say) and have chunks of other kinds, and the length that a track declares may be wrong.

    Raises
    ------
    InputError
        If there is no header, or time has no unit.
    """
    start = data.find(b"MThd")
    if start < 0 or len(data) < start + 14:
        raise InputError(f"{name}: cannot be read as MIDI (there is no MThd header); export it again.")
    size, form, declared, division = struct.unpack_from(">IHHH", data, start + 4)
    chunks = list(_tracks(data, start + 8 + size))
    moved, tempos, ticks, ends, broken, cut, before = [], [], {0}, [], 0, False, 0
    for number, (chunk, whole) in enumerate(chunks):
        tick, port, ended = before, 0, False
        try:
            for passed, status, values in _track_events(chunk):
                tick = before + passed
                ticks.add(tick)
                ended = status == META and values[0] == END_OF_TRACK
                if status >> 4 in (NOTE_OFF, NOTE_ON, CONTROL):
                    channel = 16 * port + (status & 15)
                    moved.append((tick, number, channel, status >> 4, *(min(value, 127) for value in values)))
                elif status == META and values[0] == PORT and len(values) == 2:
                    port = values[1]
                elif status == META and values[0] == TEMPO and len(values) == 4 and any(values[1:]):
                    tempos.append((tick, int.from_bytes(values[1:], "big")))
        except _Unreadable:
            broken += whole
        ends.append(tick)
        cut |= not (whole or ended)
        if form == SEQUENTIAL:
            before = tick
            tempos.append((tick, BEAT))
    clock = _clock(ticks, tempos, division, name)
    moved.sort(key=lambda event: event[0])  # stable
    found = [Event(clock[tick], *event) for tick, *event in moved]
    return found, [clock[tick] for tick in ends], _missing(len(chunks), declared, broken, cut)


def _missing(tracks: int, declared: int, broken: int, cut: bool) -> str:
    if cut:
        return "is cut off before its end"
    if broken:
        return f"{broken} of its tracks can't be read to the end"
    return f"has {tracks} of the {declared} tracks that its header announces" if tracks < declared else ""


def _tracks(data: bytes, place: int) -> Iterator[tuple[bytes, bool]]:
    """The contents of every track, and whether they are as long as they should be."""
    while place + 8 <= len(data):
        kind, size = struct.unpack_from(">4sI", data, place)
        place += 8
        stop = _track_stop(data, place, place + size) if kind == b"MTrk" else place + size
        if kind == b"MTrk":
            yield data[place:stop], stop <= len(data)
        place = stop


def _track_stop(data: bytes, place: int, declared: int) -> int:
    """Where a track stops: as declared, if another chunk or nothing follows there and no track begins before."""
    inside = data.find(LAST_EVENT + b"MTrk", place, declared)
    if inside >= 0:
        return inside + len(LAST_EVENT)
    ended = data[place:declared].endswith(LAST_EVENT) or data[declared : declared + 4].isalpha()
    if ended or declared >= len(data):
        return declared
    following = data.find(b"MTrk", place)
    return following if following >= 0 else len(data)


def _track_events(chunk: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Tick, status and contents of every event of a track; those of a meta event begin with its type."""
    place, tick, running = 0, 0, 0
    while place < len(chunk):
        delta, place = _length(chunk, place)
        tick += delta
        status = chunk[place] if place < len(chunk) else 0
        if status >= 0x80:
            place += 1
        else:
            status = running  # that of the last message holds until another is given
        if status in (META, SYSEX, ESCAPE):
            kind = chunk[place : place + (status == META)]
            size, place = _length(chunk, place + len(kind))
        else:
            kind, size = b"", DATA_BYTES.get(status >> 4, SYSTEM_BYTES.get(status, 0))
            running = status if status < SYSEX else running
        if status < 0x80 or place + size > len(chunk):
            raise _Unreadable
        yield tick, status, kind + chunk[place : place + size]
        if status == META and kind[0] == END_OF_TRACK:
            return
        place += size


def _length(chunk: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte and 28 at most, though some write a fifth byte, and the place after it."""
    value = 0
    for end, byte in enumerate(chunk[place : place + 5], place + 1):
        value = value << 7 | byte & 127
        if byte < 128 and value < 1 << 28:
            return value, end
    raise _Unreadable


def as_length(number: int) -> bytes:
    """A number in groups of seven bits, highest first; all but the last are marked.

    >>> as_length(127), as_length(128)
    (b'\\x7f', b'\\x81\\x00')
    """
    groups = [number & 127]
    while number := number >> 7:
        groups.append(number & 127 | 128)
    return bytes(reversed(groups))


def _clock(ticks: Iterable[int], tempos: list, division: int, name: str) -> dict[int, float]:
    """Seconds at each of the ticks (eq-sound-ticks).

    NOTE: They are summed from event to event, as the labels of the book's recordings always were. Exact products would
    differ by less than a nanosecond, but half of MAESTRO's ticks fall midway between two ticks of the files that we
    write, where that decides which way a note is rounded.
    """
    seconds, last, tempo, clock = 0.0, 0, BEAT, {}
    following = iter(sorted(tempos, key=lambda change: change[0]))
    change = next(following, None)
    unit = _tick_unit(division, name)
    for tick in sorted(ticks):
        seconds, last = seconds + unit(tick - last, tempo), tick
        clock[tick] = seconds
        while change and change[0] <= tick:
            tempo, change = change[1], next(following, None)
    return clock


def _tick_unit(division: int, name: str) -> Callable[[int, int], float]:
    """The seconds that a number of ticks last at a tempo in microseconds per beat."""
    if division >= 0x8000:  # SMPTE: minus the frames a second, and ticks a frame
        rate = (division & 255) * FILM_RATES.get(256 - (division >> 8), 0)
        if rate:
            return lambda ticks, tempo: ticks / rate
    elif division:
        return lambda ticks, tempo: ticks * tempo * 1e-6 / division
    raise InputError(f"{name}: doesn't say how long a tick is (division {division:#06x}); export it again.")
