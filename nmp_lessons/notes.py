"""Notes as plain arrays, and their ways in and out: MIDI, tables, piano roll.

Conventions: times in seconds from the start of the music; pitch is a MIDI number on the piano, 21 (A0) to
108 (C8); velocity is MIDI's, 1 to 127. A note sounds from its onset until just before its offset. With the
sustain pedal down (control 64 at 64 or more) a released key sounds on until the pedal lifts or the key is
struck again: that is how MAESTRO is scored.

Chapter: ``book/sound.md``.
"""

import csv
import io
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mido
import numpy as np

from .constants import NMP
from .errors import InputError, NoNotes
from .files import written_whole
from .sound import pitch_to_frequency

VELOCITY = 80  # of notes that come without one
SUSTAIN = 64  # MIDI control number of the sustain pedal
PEDAL_DOWN = 64  # control value from which on the pedal is down
DRUM_CHANNEL = 9  # General MIDI's channel 10, counted from 0
TICKS_PER_BEAT = 960
BEAT = 500_000  # microseconds: 120 beats a minute


@dataclass(frozen=True, eq=False)
class Notes:
    """A list of notes, as arrays sorted by onset and then pitch.

    Parameters
    ----------
    onset, offset : array, shape (n,), seconds
    pitch : array of int, shape (n,), MIDI numbers 21 to 108
    velocity : array of int, shape (n,), or one int for all; 1 to 127

    Raises
    ------
    InputError
        If shapes differ, a value is not finite, an onset is negative, an offset is not after its onset, a
        pitch is off the piano, or a velocity is off MIDI's scale.

    >>> notes = Notes([0.0, 0.5], [0.5, 1.0], [60, 64])
    >>> len(notes), notes.seconds, notes.velocity.tolist()
    (2, 1.0, [80, 80])
    """

    onset: np.ndarray
    offset: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray | int = VELOCITY

    def __post_init__(self):
        onset = np.array(self.onset, dtype=np.float64)
        offset = np.array(self.offset, dtype=np.float64)
        pitch = _whole_numbers(self.pitch, "pitch")
        velocity = _whole_numbers(self.velocity, "velocity")
        if velocity.ndim == 0:
            velocity = np.full(onset.shape, velocity)
        _check(onset, offset, pitch, velocity)
        order = np.lexsort((pitch, onset))
        for name, values in (("onset", onset), ("offset", offset), ("pitch", pitch), ("velocity", velocity)):
            object.__setattr__(self, name, values[order])

    def __len__(self) -> int:
        return len(self.onset)

    def __eq__(self, other) -> bool:
        if not isinstance(other, Notes):
            return NotImplemented
        names = ("onset", "offset", "pitch", "velocity")
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    @property
    def intervals(self) -> np.ndarray:
        """Onsets and offsets in seconds, shape (n, 2), as `mir_eval` takes them."""
        return np.stack([self.onset, self.offset], axis=1)

    @property
    def frequencies(self) -> np.ndarray:
        """Fundamental frequencies in Hz, shape (n,), equal temperament."""
        return pitch_to_frequency(self.pitch)

    @property
    def seconds(self) -> float:
        """The last offset, 0 when there are no notes."""
        return float(self.offset.max()) if len(self) else 0.0

    def between(self, start: float, stop: float, *, held: bool = False) -> "Notes":
        """The notes struck from `start` up to `stop`, counted from `start` and cut at `stop`.

        With `held`, notes that sound on at `start` come in as well, as if struck at 0.

        >>> Notes([0.0, 1.0], [4.0, 3.0], [60, 64]).between(1, 2).intervals.tolist()
        [[0.0, 1.0]]
        """
        chosen = (self.onset < stop) & ((self.offset > start) if held else (self.onset >= start))
        return Notes(
            np.maximum(self.onset[chosen] - start, 0),
            np.minimum(self.offset[chosen], stop) - start,
            self.pitch[chosen],
            self.velocity[chosen],
        )

    def shifted(self, seconds: float) -> "Notes":
        """The same notes, later by some seconds (or earlier, but none before 0)."""
        return replace(self, onset=self.onset + seconds, offset=self.offset + seconds)

    def transposed(self, semitones: int) -> "Notes":
        """The same notes, higher by some semitones; all must stay on the piano."""
        return replace(self, pitch=self.pitch + semitones)


def _whole_numbers(values, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.size == 0:
        return values.astype(np.int64)
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        raise InputError(f"notes: {name} holds a value that is not a whole number; round to MIDI's numbers.")
    return values.astype(np.int64)


def _check(onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray, velocity: np.ndarray) -> None:
    shapes = [values.shape for values in (onset, offset, pitch, velocity)]
    if onset.ndim != 1 or len(set(shapes)) > 1:
        raise InputError(f"notes: onset, offset, pitch and velocity have shapes {shapes}; all must be (n,).")
    if not (np.isfinite(onset).all() and np.isfinite(offset).all()):
        raise InputError("notes: a time is NaN or infinite; give seconds.")
    complaints = (
        (onset < 0, "starts before 0 s; shift the notes"),
        (offset <= onset, "does not end after it starts; give it a length or leave it out"),
        (
            (pitch < NMP.lowest_pitch) | (pitch > NMP.highest_pitch),
            f"is off the piano ({NMP.lowest_pitch} to {NMP.highest_pitch}); transpose it or leave it out",
        ),
        ((velocity < 1) | (velocity > 127), "has a velocity outside 1 to 127; scale it"),
    )
    for wrong, complaint in complaints:
        if wrong.any():
            i = int(np.argmax(wrong))
            raise InputError(
                f"notes: the note at {onset[i]:.3f} s (pitch {pitch[i]}, velocity {velocity[i]}) {complaint}."
            )


# Sustain pedal


def apply_pedal(notes: Notes, times, values) -> Notes:
    """Let notes sound on while the sustain pedal is down (eq-sound-pedal).

    Parameters
    ----------
    notes : Notes, as the keys were held
    times : array, shape (events,), seconds, ascending
    values : array, shape (events,), the pedal's position, 0 to 127

    Returns
    -------
    Notes
        A key released while the pedal is down sounds until the pedal lifts (at the latest until the end
        of the music), and always ends where the same key is struck again.

    >>> apply_pedal(Notes([0.0], [1.0], [60]), [0.5, 2.0], [127, 0]).offset.tolist()
    [2.0]
    """
    end = max(notes.seconds, *np.asarray(times, dtype=float), 0.0)
    offset = _sustained(notes.onset, notes.offset, notes.pitch, times, values, end)
    kept = offset > notes.onset
    return Notes(notes.onset[kept], offset[kept], notes.pitch[kept], notes.velocity[kept])


def _sustained(onset, offset, pitch, times, values, end: float) -> np.ndarray:
    """Offsets with the pedal applied, shape (n,)."""
    down = np.asarray(values) >= PEDAL_DOWN
    times = np.asarray(times, dtype=float)
    if len(times):
        lifts = np.append(times[~down], end)
        last_event = np.searchsorted(times, offset, side="right") - 1
        held = (last_event >= 0) & down[last_event]
        next_lift = lifts[np.minimum(np.searchsorted(lifts, offset, side="right"), len(lifts) - 1)]
        offset = np.where(held, np.maximum(offset, next_lift), offset)
    return _ended_by_repetition(onset, offset, pitch)


def _ended_by_repetition(onset, offset, pitch) -> np.ndarray:
    order = np.lexsort((onset, pitch))
    earlier, later = order[:-1], order[1:]
    same = pitch[earlier] == pitch[later]
    offset = np.array(offset, dtype=float)
    offset[earlier[same]] = np.minimum(offset[earlier[same]], onset[later[same]])
    return offset


# MIDI


def read_midi(source: str | os.PathLike | bytes, *, pedal: bool = True) -> Notes:
    """The notes of a standard MIDI file, all tracks and channels together, without drums.

    Ticks become seconds by eq-sound-ticks, tempo by tempo.

    Parameters
    ----------
    source : path of the file, or its bytes
    pedal : bool
        Whether the sustain pedal lengthens notes, channel by channel; else they last as the keys are held.

    Returns
    -------
    Notes
        A key struck again before its release ends the earlier note. Notes that are left with no length are
        dropped with a warning.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, not MIDI, without notes, or has notes off the piano.

    NOTE The sostenuto pedal (control 66) is not applied; among the ten performances of the book it occurs
    thirteen times. A synthesiser that knows it would hold those chords longer.
    """
    name, file = _opened(source)
    messages = list(_timed_messages(file, name))
    channels = {getattr(message, "channel", DRUM_CHANNEL) for _, _, message in messages} - {DRUM_CHANNEL}
    parts = [_channel_notes(messages, channel, pedal) for channel in sorted(channels)]
    onset, offset, pitch, velocity = np.concatenate([np.empty((4, 0)), *parts], axis=1)
    if len(onset) == 0:
        raise NoNotes(f"{name}: holds no notes; export it again with at least one.")
    sounding = offset > onset
    if not sounding.all():
        warnings.warn(f"{name}: {np.count_nonzero(~sounding)} notes have no length and were dropped.", stacklevel=2)
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
    except Exception as problem:  # mido meets damage with whatever its decoders raise
        raise InputError(f"{name}: cannot be read as MIDI ({problem}); export it again.") from problem
    if file.ticks_per_beat <= 0:
        raise InputError(f"{name}: counts time in film frames (SMPTE); export it with ticks per beat.")
    return name, file


def _file_bytes(path: Path, what: str) -> bytes:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a {what}.")
    if not path.exists():
        raise InputError(f"{path}: no such file; check the name.")
    data = path.read_bytes()
    if not data:
        raise InputError(f"{path}: the file is empty; export it again.")
    return data


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


def write_midi(notes: Notes, path: str | os.PathLike, *, bends: Sequence[Sequence[float] | None] | None = None) -> None:
    """Write notes as a standard MIDI file for piano, whole or not at all. Times are right within 0.3 ms.

    Parameters
    ----------
    notes : Notes
    path : path of the file
    bends : optional, one entry for each note in the order of `notes`
        None, or deviations from the pitch in semitones, evenly spaced from onset to offset. Notes that
        overlap go to different channels, since a bend moves a whole channel; beyond fifteen notes at once
        channels are shared. Each channel states its bend range (registered parameter 0), two semitones
        unless a bend is wider.

    Raises
    ------
    InputError
        If there is not one bend for each note, or one is not finite or wider than two octaves.
    """
    bends = [None] * len(notes) if bends is None else [None if b is None else np.asarray(b, float) for b in bends]
    _check_bends(notes, bends)
    widest = max((float(np.abs(bend).max()) for bend in bends if bend is not None and len(bend)), default=0.0)
    bend_range = max(2, int(np.ceil(widest)))
    bent = any(bend is not None for bend in bends)
    channels = _voices(notes) if bent else np.zeros(len(notes), dtype=int)
    events = [event for channel in sorted({0, *channels}) for event in _setup(int(channel), bend_range, bent)]
    for i in range(len(notes)):
        events += _note_events(notes, i, int(channels[i]), bends[i], bend_range, bent)
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(_as_track(events))
    with written_whole(path) as scratch:
        file.save(scratch)


def _check_bends(notes: Notes, bends) -> None:
    if len(bends) != len(notes):
        raise InputError(f"bends: {len(bends)} for {len(notes)} notes; give one for each, or None.")
    for bend in bends:
        if bend is not None and not (np.isfinite(bend).all() and (np.abs(bend) <= 24).all()):
            raise InputError("bends: one is not finite or wider than 24 semitones; give semitones from the pitch.")


def _voices(notes: Notes) -> np.ndarray:
    """A channel for each note, such that notes on one channel do not overlap if fifteen suffice."""
    melodic = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    free_from = dict.fromkeys(melodic, 0.0)
    chosen = np.zeros(len(notes), dtype=int)
    for i, (onset, offset) in enumerate(notes.intervals):
        free = (channel for channel in melodic if free_from[channel] <= onset)
        chosen[i] = next(free, min(free_from, key=free_from.get))
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


# Tables


COLUMNS = {
    "onset": {"onset", "onsettime", "onsets", "start", "starttime", "starttimes"},
    "offset": {"offset", "offsettime", "offsets", "end", "endtime", "endtimes"},
    "pitch": {"pitch", "midipitch", "pitchmidi", "note", "midinote", "midi"},
    "velocity": {"velocity"},
}


def read_table(path: str | os.PathLike) -> Notes:
    """Notes from a table with onset (s), offset (s), pitch (MIDI number) and perhaps velocity.

    Columns are parted by tabs, commas, semicolons or spaces. With a header (with or without #) columns are
    found by name, in any order; without one they stand in the order above. Notes without velocity get 80.

    Raises
    ------
    InputError
        If the file is missing, empty, not such a table, without notes, or a row is no note (with its line).
    """
    path = Path(path)
    try:
        text = _file_bytes(path, "table of notes").decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(f"{path}: is not text; give a CSV or TSV table of notes.") from problem
    rows = [(number, row) for number, row in enumerate(_cells(text), start=1) if any(row)]
    places = {"onset": 0, "offset": 1, "pitch": 2, "velocity": 3}
    if rows and not _is_number(rows[0][1][0].lstrip("#").strip()):
        places = _header_places(rows[0][1], path)
        rows = rows[1:]
    rows = [(number, row) for number, row in rows if not row[0].startswith("#")]
    if not rows:
        raise NoNotes(f"{path}: holds no notes; give at least one row.")
    numbers = np.array([_row_numbers(row, places, f"{path}, line {line}") for line, row in rows])  # (n, 4)
    try:
        return Notes(*numbers.T)
    except InputError as problem:
        raise _first_fault(numbers, [line for line, _ in rows], path) from problem


def _cells(text: str):
    """The cells of each line. Lines choose their own separator: the header of MAPS lists has another one."""
    for line in text.splitlines():
        separator = next((mark for mark in "\t;," if mark in line), None)
        cells = line.split() if separator is None else next(csv.reader([line], delimiter=separator))
        yield [cell.strip() for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _header_places(header: list[str], path: Path) -> dict[str, int]:
    plain = ["".join(letter for letter in cell.lower() if letter.isalnum()) for cell in header]
    places = {
        column: next(i for i, name in enumerate(plain) if name in names)
        for column, names in COLUMNS.items()
        if names & set(plain)
    }
    missing = [column for column in ("onset", "offset", "pitch") if column not in places]
    if missing:
        raise InputError(
            f"{path}: no column {' or '.join(missing)} among {', '.join(header)[:200]}; "
            "name the columns onset, offset, pitch, velocity."
        )
    return places


def _row_numbers(row: list[str], places: dict[str, int], where: str) -> list[float]:
    """Onset, offset, pitch and velocity of one row."""
    cells = dict.fromkeys(COLUMNS, "") | {name: row[place] for name, place in places.items() if place < len(row)}
    cells["velocity"] = cells["velocity"] or str(VELOCITY)
    try:
        return [float(cells[column]) for column in COLUMNS]
    except ValueError as problem:
        raise InputError(f"{where}: is not onset, offset, pitch and velocity as numbers; mend the row.") from problem


def _first_fault(numbers: np.ndarray, lines: list[int], path: Path) -> InputError:
    for line, row in zip(lines, numbers, strict=True):
        try:
            Notes(*([value] for value in row))
        except InputError as problem:
            return InputError(f"{path}, line {line}: {problem}")
    raise AssertionError("every row is a note")


def write_csv(notes: Notes, path: str | os.PathLike) -> None:
    """Write notes as a CSV with the header onset,offset,pitch,velocity; exact, whole or not at all."""
    with written_whole(path) as scratch, open(scratch, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["onset", "offset", "pitch", "velocity"])
        columns = (notes.onset, notes.offset, notes.pitch, notes.velocity)
        writer.writerows(zip(*(column.tolist() for column in columns), strict=True))


# Piano roll


def piano_roll(notes: Notes, *, frame_rate: float = NMP.frame_rate, frames: int | None = None) -> np.ndarray:
    """Which keys sound in which frame: 1 from a note's onset until before its offset, at least one frame.

    Parameters
    ----------
    notes : Notes
    frame_rate : float
        Frames per second; frame t stands for the time t / frame_rate.
    frames : int, optional
        Length T; by default up to the last offset. Notes beyond it are cut.

    Returns
    -------
    np.ndarray, shape (T, 88), float32, 0 or 1

    >>> piano_roll(Notes([0.0], [0.2], [21]), frame_rate=10, frames=4)[:, 0].tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    if not 0 < frame_rate < np.inf:
        raise InputError(f"a piano roll needs a frame rate above 0, not {frame_rate:g} per second.")
    first = np.round(notes.onset * frame_rate).astype(int)
    last = np.maximum(first + 1, np.round(notes.offset * frame_rate).astype(int))
    frames = int(last.max(initial=0)) if frames is None else frames
    roll = np.zeros((frames, NMP.keys), dtype=np.float32)
    for start, stop, key in zip(first, last, notes.pitch - NMP.lowest_pitch, strict=True):
        roll[start:stop, key] = 1
    return roll
