"""Reading and writing notes as standard MIDI files."""

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np

from ..errors import InputError, NoNotes
from ..files import _file_bytes, atomic_write
from .note_list import SUSTAIN, Notes, _ended_by_repetition, _sustained

DRUM_CHANNEL = 9  # General MIDI's channel 10, counted from 0
TICKS_PER_BEAT = 960
BEAT = 500_000  # microseconds: 120 beats a minute


def read_midi(source: str | os.PathLike | bytes, *, pedal: bool = True) -> Notes:
    """The notes of a standard MIDI file, all tracks and channels together, without drums.

    Ticks are converted to seconds by eq-sound-ticks, tempo by tempo.

    Parameters
    ----------
    source : path of the file, or its bytes
    pedal : bool
        Whether the sustain pedal lengthens notes, channel by channel; if not, a note lasts as long as its key is held.

    Returns
    -------
    Notes
        If a key is struck again before its release, the earlier note ends there. Notes of zero length are
        dropped with a warning.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, not MIDI, without notes, or has notes off the piano.

    NOTE: The sostenuto pedal (control 66) is not applied. It occurs thirteen times in the book's ten performances.
    A synthesiser that supports it would hold those chords longer.
    """
    name, file = _opened(source)
    messages = list(_timed_messages(file, name))
    channels = {getattr(message, "channel", DRUM_CHANNEL) for _, _, message in messages} - {DRUM_CHANNEL}
    parts = [_channel_notes(messages, channel, pedal) for channel in sorted(channels)]
    onset, offset, pitch, velocity = np.concatenate([np.empty((4, 0)), *parts], axis=1)
    if len(onset) == 0:
        raise NoNotes(f"{name}: contains no notes; export it again with at least one.")
    sounding = offset > onset
    if not sounding.all():
        warnings.warn(f"{name}: dropped notes of zero length ({np.count_nonzero(~sounding)}).", stacklevel=2)
    try:
        return Notes(onset[sounding], offset[sounding], pitch[sounding], velocity[sounding])
    except InputError as problem:
        raise InputError(f"{name}: {problem}") from problem


def _opened(source) -> tuple[str, mido.MidiFile]:
    if isinstance(source, bytes):
        name, data = "MIDI data", source
    else:
        name, data = str(source), _file_bytes(Path(source), "MIDI file")
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except EOFError as problem:
        raise InputError(f"{name}: is cut off before its end; copy or export it again.") from problem
    except Exception as problem:  # for a damaged file, mido raises whatever its decoders raise
        raise InputError(f"{name}: cannot be read as MIDI ({problem}); export it again.") from problem
    if file.ticks_per_beat <= 0:
        raise InputError(f"{name}: measures time in film frames (SMPTE); export it with ticks per beat.")
    return name, file


def _timed_messages(file: mido.MidiFile, name: str):
    """Pairs of (seconds, track, message), in the order in which they happen."""
    placed = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            placed.append((tick, number, message))
    placed.sort(key=lambda entry: entry[0])  # stable: the order within a track stands
    seconds, last_tick, tempo = 0.0, 0, BEAT
    for tick, number, message in placed:
        seconds += (tick - last_tick) * tempo * 1e-6 / file.ticks_per_beat
        last_tick = tick
        if message.type == "set_tempo":
            tempo = message.tempo
        yield seconds, number, message


def _channel_notes(messages, channel: int, pedal: bool) -> np.ndarray:
    """Onset, offset, pitch and velocity of one channel's notes, shape (4, notes)."""
    found, sounding, pedal_times, pedal_values = [], {}, [], []
    for seconds, track, message in messages:
        if message.is_meta or getattr(message, "channel", None) != channel:
            continue
        if message.type in ("note_on", "note_off"):
            key = (track, message.note)
            if key in sounding:
                onset, velocity = sounding.pop(key)
                found.append((onset, seconds, message.note, velocity))
            if message.type == "note_on" and message.velocity > 0:
                sounding[key] = (seconds, message.velocity)
        elif message.type == "control_change" and message.control == SUSTAIN:
            pedal_times.append(seconds)
            pedal_values.append(message.value)
    end = messages[-1][0] if messages else 0.0
    found += [(onset, end, note, velocity) for (_, note), (onset, velocity) in sounding.items()]
    onset, offset, pitch, velocity = np.array(found, dtype=float).reshape(-1, 4).T
    if pedal:
        offset = _sustained(onset, offset, pitch, pedal_times, pedal_values, end)
    else:
        offset = _ended_by_repetition(onset, offset, pitch)
    return np.stack([onset, offset, pitch, velocity])


def write_midi(
    notes: Notes,
    path: str | os.PathLike,
    *,
    bends: Sequence[Sequence[float] | np.ndarray | None] | None = None,
) -> None:
    """Write notes as a standard MIDI file for piano. The write is atomic, and times are correct to within 0.3 ms.

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
        If there isn't exactly one bend per note, or a bend is not finite or wider than two octaves.
    """
    curves = _curves(notes, bends)
    widest = max((float(np.abs(curve).max()) for curve in curves if curve is not None and len(curve)), default=0.0)
    bend_range = max(2, int(np.ceil(widest)))
    bent = any(curve is not None for curve in curves)
    channels = _voices(notes) if bent else np.zeros(len(notes), dtype=int)
    events = [event for channel in sorted({0, *channels}) for event in _setup(int(channel), bend_range, bent)]
    for i in range(len(notes)):
        events += _note_events(notes, i, int(channels[i]), curves[i], bend_range, bent)
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT)
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


def _tick(seconds: float) -> int:
    return round(seconds * 1e6 / BEAT * TICKS_PER_BEAT)


def _setup(channel: int, bend_range: int, bent: bool):
    """Piano; and, with bends, registered parameter 0 (bend range) set and then closed."""
    yield 0, _SETUP, mido.Message("program_change", channel=channel, program=0)
    registered = ((101, 0), (100, 0), (6, bend_range), (38, 0), (101, 127), (100, 127)) if bent else ()
    for control, value in registered:
        yield 0, _SETUP, mido.Message("control_change", channel=channel, control=control, value=value)


def _note_events(notes: Notes, i: int, channel: int, bend, bend_range: int, bent: bool):
    first = _tick(notes.onset[i])
    last = max(first + 1, _tick(notes.offset[i]))
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
