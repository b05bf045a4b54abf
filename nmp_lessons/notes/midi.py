"""Reading and writing notes as standard MIDI files."""

import os
import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from ..constants import NMP
from ..errors import InputError, NoNotes, warn
from ..files import atomic_write, named_bytes
from .midi_events import (
    BEAT,
    BEND,
    CONTROL,
    LAST_EVENT,
    META,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    TEMPO,
    Event,
    as_length,
    events,
)
from .note_list import LONGEST, SUSTAIN, Notes, _caught, _ended_by_repetition, _sustained

DRUM_CHANNEL = 9  # General MIDI's channel 10, counted from 0
SOSTENUTO, ALL_SOUND_OFF, RESET, ALL_NOTES_OFF = 66, 120, 121, range(123, 128)  # MIDI control numbers
TICKS_PER_BEAT = 960
MOST_TICKS = 9_900_000  # in a file: pretty_midi, and so note_seq, refuses more than ten million


def read_midi(source: str | os.PathLike | BinaryIO | bytes, *, pedal: bool = True) -> Notes:
    """The notes of a standard MIDI file, all tracks and channels together, without drums.

    Ticks are converted to seconds by eq-sound-ticks, tempo by tempo, or by the frames of SMPTE time.

    Parameters
    ----------
    source : path of the file, an open binary file, or its bytes
    pedal : bool
        Whether the sustain and sostenuto pedals lengthen notes, channel by channel; if not, a note lasts as long as
        its key is held.

    Returns
    -------
    Notes
        If a key is struck again before its release, the earlier note ends there; a release in the same tick belongs to
        the earlier note. What is never released, key or pedal, ends with the last event of a key; if that is its own
        stroke, with its track. All notes off (control 123, and 124 to 127) releases the keys of a channel, all sound
        off (120) ends its notes, and 121 lifts its pedals. The patterns of a file of format 2 follow each other.

    Warns
    -----
    InputWarning
        If notes are left out because they are off the piano or have no length, if a track is missing or breaks off in
        the middle, or the file is cut off. The notes that are there are returned.

    Raises
    ------
    InputError
        If the file is missing, empty, not MIDI, without notes on the piano, or longer than a day.
    """
    name, data = _named_bytes(source)
    found, ends, missing = events(data, name)
    end = max((event.seconds for event in found if event.kind != CONTROL), default=0.0)
    channels = sorted({event.channel for event in found if event.channel % 16 != DRUM_CHANNEL})
    parts = [_channel_notes([e for e in found if e.channel == channel], end, ends, pedal) for channel in channels]
    onset, offset, pitch, velocity = notes = np.concatenate([np.empty((4, 0)), *parts], axis=1)
    off_piano, silent = (pitch < NMP.lowest_pitch) | (pitch > NMP.highest_pitch), offset <= onset
    kept = ~off_piano & ~silent
    left_out = {"off the piano": int(off_piano.sum()), "of zero length": int((silent & ~off_piano).sum())}
    if not kept.any():
        left_out["on the drum channel"] = sum(
            event.channel % 16 == DRUM_CHANNEL and event.kind == NOTE_ON and event.value > 0 for event in found
        )
        raise _no_notes(name, {which: count for which, count in left_out.items() if count}, missing)
    if offset[kept].max() > LONGEST:
        hours = offset[kept].max() / 3600
        raise InputError(f"{name}: lasts {hours:,.0f} hours, a day at most can be read; remove the gap in it.")
    if missing:
        warn(f"{name}: {missing}, so notes may be missing; copy or export it again.")
    for which, count in left_out.items():
        if count:
            warn(f"{name}: left out notes {which} ({count}).")
    return Notes(*notes[:, kept])


def _no_notes(name: str, left_out: dict[str, int], missing: str) -> InputError:
    if missing:
        return InputError(f"{name}: {missing}, and no notes could be read; copy or export it again.")
    if not left_out:
        return NoNotes(f"{name}: contains no notes; export it again with at least one note.")
    only = " and ".join(f"{which} ({count})" for which, count in left_out.items())
    return NoNotes(f"{name}: contains only notes {only}; give a file with notes for the piano's keys.")


def _named_bytes(source) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        return "MIDI data", source
    return named_bytes(source, "MIDI file")


def _channel_notes(moved: Sequence[Event], end: float, ends: Sequence[float], pedal: bool) -> np.ndarray:
    """Onset, offset, pitch and velocity of one channel's notes, shape (4, notes)."""
    onset, offset, pitch, velocity = _key_strokes(moved, end, ends)
    if pedal:
        offset = _caught(onset, offset, *_controller(moved, SOSTENUTO), end)
        offset = _sustained(onset, offset, pitch, *_controller(moved, SUSTAIN), end)
    silenced, _ = _controller(moved, ALL_SOUND_OFF)
    after = np.searchsorted(silenced, onset, side="right")
    offset = np.minimum(offset, np.append(silenced, np.inf)[after])
    return np.stack([onset, _ended_by_repetition(onset, offset, pitch), pitch, velocity])


def _key_strokes(moved: Sequence[Event], end: float, ends: Sequence[float]) -> np.ndarray:
    """Onset, release, pitch and velocity of every key, shape (4, notes).

    What is never released ends at `end`, and strokes at that very time at the end of their track.
    """
    found, down, replaced = [], {}, {}  # by track and key: the stroke that holds; when it ended an earlier one
    # NOTE: At one time controllers come before keys, whatever their order in the file, as in MAESTRO's own tools.
    for seconds, track, _, kind, number, value in sorted(moved, key=lambda e: (e.seconds, e.kind != CONTROL)):
        key = track, number
        if kind == CONTROL and number in ALL_NOTES_OFF:
            found += [(begun, seconds, note, velocity) for (_, note), (begun, velocity) in down.items()]
            replaced |= dict.fromkeys(down, seconds)
            down = {}
        elif kind == NOTE_ON and value > 0:
            if key in down:
                found.append((down[key][0], seconds, number, down[key][1]))
                replaced[key] = seconds
            down[key] = seconds, value
        elif kind != CONTROL and key in down and replaced.pop(key, None) != seconds:
            begun, velocity = down.pop(key)
            found.append((begun, seconds, number, velocity))
    for (track, note), (begun, velocity) in down.items():
        found.append((begun, end if end > begun else ends[track], note, velocity))
    return np.array(found, dtype=float).reshape(-1, 4).T


def _controller(moved: Sequence[Event], number: int) -> tuple[np.ndarray, np.ndarray]:
    """When a controller moves, and where to. Pedals are up after a reset of all controllers."""
    resets = (RESET,) if number in (SUSTAIN, SOSTENUTO) else ()
    rows = [
        (event.seconds, event.value * (event.number == number))
        for event in moved
        if event.kind == CONTROL and event.number in (number, *resets)
    ]
    seconds, values = np.array(rows, dtype=float).reshape(-1, 2).T
    return seconds, values


def write_midi(
    notes: Notes,
    path: str | os.PathLike,
    *,
    bends: Sequence[Sequence[float] | np.ndarray | None] | None = None,
) -> None:
    """Write notes as a standard MIDI file for piano. The write is atomic.

    Times are correct to within 0.3 ms up to 80 minutes, 0.4 ms up to two hours and 5 ms up to a day: longer music gets
    fewer ticks per beat, since common readers refuse files of more than ten million ticks.

    Parameters
    ----------
    notes : Notes
        Notes of one key that overlap go to different channels, since on one channel the first release would end both;
        with more than fifteen of them at once, channels are shared.
    path : path of the file
    bends : optional, one entry for each note in the order of `notes`
        None, or deviations from the pitch in semitones, evenly spaced from onset to offset. A bend affects a whole
        channel, so notes that overlap go to different channels; with more than fifteen notes at once, channels are
        shared. Each channel sets its bend range (registered parameter 0), which is two semitones unless a bend is
        wider.

    Raises
    ------
    InputError
        If there isn't exactly one bend per note, a bend is not finite or wider than two octaves, or the music lasts
        longer than a day.
    """
    if notes.seconds > LONGEST:
        raise InputError(f"{path}: the notes last {notes.seconds / 3600:,.0f} hours; give a day of them at most.")
    per_beat = int(min(TICKS_PER_BEAT, MOST_TICKS * BEAT * 1e-6 / max(notes.seconds, 1)))
    curves = _curves(notes, bends)
    widest = max((float(np.abs(curve).max()) for curve in curves if curve is not None and len(curve)), default=0.0)
    bend_range = max(2, int(np.ceil(widest)))
    bent = any(curve is not None for curve in curves)
    ticks = np.array([_ticks(onset, offset, per_beat) for onset, offset in notes.intervals], dtype=int).reshape(-1, 2)
    channels = _voices(ticks, np.zeros(len(notes), dtype=int) if bent else notes.pitch)
    events = [event for channel in sorted({0, *channels}) for event in _setup(int(channel), bend_range, bent)]
    for i in range(len(notes)):
        events += _note_events(notes, i, int(channels[i]), curves[i], bend_range, bent, ticks[i])
    track = _as_track(events)
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, per_beat)  # format 0, one track
    with atomic_write(path) as scratch:
        scratch.write_bytes(header + struct.pack(">4sI", b"MTrk", len(track)) + track)


def _curves(notes: Notes, bends: Sequence[Sequence[float] | np.ndarray | None] | None) -> list[np.ndarray | None]:
    """The bend of each note as an array, checked; None for a note without one."""
    if bends is None:
        return [None] * len(notes)
    curves = [None if bend is None else np.asarray(bend, float) for bend in bends]
    if len(curves) != len(notes):
        raise InputError(f"bends: there are {len(curves)} for {len(notes)} notes; give one (or None) for each note.")
    for curve in curves:
        if curve is not None and not (np.isfinite(curve).all() and (np.abs(curve) <= 24).all()):
            raise InputError(
                "bends: a value is not finite or beyond 24 semitones; give semitones relative to the pitch."
            )
    return curves


def _voices(ticks: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """A channel for each note (ticks of onset and offset, (n, 2)), the lowest on which none of its kind still sounds.

    If fifteen channels don't suffice, it is the one that is free soonest.
    """
    melodic = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    free_from = {kind: dict.fromkeys(melodic, 0) for kind in set(kinds.tolist())}
    chosen = np.zeros(len(ticks), dtype=int)
    for i, (kind, (onset, offset)) in enumerate(zip(kinds.tolist(), ticks.tolist(), strict=True)):
        there = free_from[kind]
        free = (channel for channel in melodic if there[channel] <= onset)
        chosen[i] = next(free, min(there, key=there.__getitem__))
        there[chosen[i]] = offset
    return chosen


# Events of equal time are written in this order.
_SETUP, _OFF, _BEND, _ON = range(4)


def _ticks(onset: float, offset: float, per_beat: int) -> tuple[int, int]:
    """Both ends of a note, which lasts a tick or more."""
    first, last = (round(seconds * 1e6 / BEAT * per_beat) for seconds in (onset, offset))
    return first, max(first + 1, last)


def _setup(channel: int, bend_range: int, bent: bool) -> Iterator[tuple[int, int, bytes]]:
    """Piano; and, with bends, registered parameter 0 (bend range) set and then closed."""
    yield 0, _SETUP, bytes([PROGRAM << 4 | channel, 0])
    registered = ((101, 0), (100, 0), (6, bend_range), (38, 0), (101, 127), (100, 127)) if bent else ()
    for control, value in registered:
        yield 0, _SETUP, bytes([CONTROL << 4 | channel, control, value])


def _note_events(
    notes: Notes, i: int, channel: int, bend, bend_range: int, bent: bool, ticks: np.ndarray
) -> Iterator[tuple[int, int, bytes]]:
    first, last = map(int, ticks)
    pitch, velocity = int(notes.pitch[i]), int(notes.velocity[i])
    yield first, _ON, bytes([NOTE_ON << 4 | channel, pitch, velocity])
    yield last, _OFF, bytes([NOTE_OFF << 4 | channel, pitch, 0])
    if bent:
        curve = np.zeros(1) if bend is None or len(bend) == 0 else bend
        for tick, value in zip(np.linspace(first, last, len(curve)), curve, strict=True):
            wheel = int(np.clip(round(value / bend_range * 8192), -8192, 8191)) + 8192
            yield min(int(tick), last - 1), _BEND, bytes([BEND << 4 | channel, wheel & 127, wheel >> 7])


def _as_track(events: list[tuple[int, int, bytes]]) -> bytes:
    """What a track contains: ticks since the last event before each, and no status that is that of the last event."""
    track = bytearray([0, META, TEMPO, 3, *BEAT.to_bytes(3, "big")])
    now = status = 0
    for tick, _, event in sorted(events, key=lambda event: event[:2]):
        track += as_length(tick - now) + event[event[0] == status :]
        now, status = tick, event[0]
    return bytes(track) + b"\0" + LAST_EVENT
