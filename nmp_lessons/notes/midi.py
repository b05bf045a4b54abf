"""Reading and writing notes as standard MIDI files."""

import os
from collections.abc import Sequence
from typing import BinaryIO

import mido
import numpy as np

from ..constants import NMP
from ..errors import InputError, NoNotes, warn
from ..files import atomic_write, named_bytes
from .midi_events import BEAT, CONTROL, NOTE_ON, Event, events
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
        off (120) ends its notes, and 121 lifts its pedals.

    Warns
    -----
    InputWarning
        If notes are left out because they are off the piano or have no length, or a track breaks off in the middle.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, not MIDI, without notes on the piano, or longer than a day.
    """
    name, data = _named_bytes(source)
    found, ends, broken = events(data, name)
    if broken:
        warn(f"{name}: {broken} of its tracks can't be read to the end, so notes may be missing; export it again.")
    end = max((event.seconds for event in found if event.kind != CONTROL), default=0.0)
    channels = sorted({event.channel for event in found} - {DRUM_CHANNEL})
    parts = [_channel_notes([e for e in found if e.channel == channel], end, ends, pedal) for channel in channels]
    onset, offset, pitch, velocity = notes = np.concatenate([np.empty((4, 0)), *parts], axis=1)
    if not (offset > onset).any():
        only = "only drums (on channel 10)" if any(event.channel == DRUM_CHANNEL for event in found) else "no notes"
        raise NoNotes(f"{name}: contains {only}; export it again with at least one note.")
    if offset.max() > LONGEST:
        hours = offset.max() / 3600
        raise InputError(f"{name}: lasts {hours:,.0f} hours, a day at most can be read; remove the gap in it.")
    off_piano, silent = (pitch < NMP.lowest_pitch) | (pitch > NMP.highest_pitch), offset <= onset
    if (off_piano | silent).all():
        raise InputError(f"{name}: all its notes are off the piano; transpose it.")
    for left_out, which in ((off_piano, "off the piano"), (silent & ~off_piano, "of zero length")):
        if left_out.any():
            warn(f"{name}: left out notes {which} ({np.count_nonzero(left_out)}).")
    return Notes(*notes[:, ~off_piano & ~silent])


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
    channels = _voices(notes) if bent else np.zeros(len(notes), dtype=int)
    events = [event for channel in sorted({0, *channels}) for event in _setup(int(channel), bend_range, bent)]
    for i in range(len(notes)):
        events += _note_events(notes, i, int(channels[i]), curves[i], bend_range, bent, per_beat)
    file = mido.MidiFile(type=0, ticks_per_beat=per_beat)
    file.tracks.append(_as_track(events))
    with atomic_write(path) as scratch:
        file.save(scratch)


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


def _voices(notes: Notes) -> np.ndarray:
    """A channel for each note, such that notes on one channel do not overlap if fifteen suffice."""
    melodic = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    free_from = dict.fromkeys(melodic, 0.0)
    chosen = np.zeros(len(notes), dtype=int)
    for i, (onset, offset) in enumerate(notes.intervals):
        free = (channel for channel in melodic if free_from[channel] <= onset)
        chosen[i] = next(free, min(free_from, key=free_from.__getitem__))
        free_from[chosen[i]] = offset
    return chosen


# Events of equal time are written in this order.
_SETUP, _OFF, _BEND, _ON = range(4)


def _tick(seconds: float, per_beat: int) -> int:
    return round(seconds * 1e6 / BEAT * per_beat)


def _setup(channel: int, bend_range: int, bent: bool):
    """Piano; and, with bends, registered parameter 0 (bend range) set and then closed."""
    yield 0, _SETUP, mido.Message("program_change", channel=channel, program=0)
    registered = ((101, 0), (100, 0), (6, bend_range), (38, 0), (101, 127), (100, 127)) if bent else ()
    for control, value in registered:
        yield 0, _SETUP, mido.Message("control_change", channel=channel, control=control, value=value)


def _note_events(notes: Notes, i: int, channel: int, bend, bend_range: int, bent: bool, per_beat: int):
    first = _tick(notes.onset[i], per_beat)
    last = max(first + 1, _tick(notes.offset[i], per_beat))
    pitch, velocity = int(notes.pitch[i]), int(notes.velocity[i])
    yield first, _ON, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
    yield last, _OFF, mido.Message("note_off", channel=channel, note=pitch, velocity=0)
    if bent:
        curve = np.zeros(1) if bend is None or len(bend) == 0 else bend
        for tick, value in zip(np.linspace(first, last, len(curve)), curve, strict=True):
            wheel = int(np.clip(round(value / bend_range * 8192), -8192, 8191))
            yield min(int(tick), last - 1), _BEND, mido.Message("pitchwheel", channel=channel, pitch=wheel)


def _as_track(events) -> mido.MidiTrack:
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=BEAT)])
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track
