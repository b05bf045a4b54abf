"""Reading and writing notes as tables: CSV, TSV, lists with columns in any order, and JAMS.

Columns are found by their names, or without names by what is in them. Times have to be in seconds. Where a file doesn't
say what its numbers mean, and they can mean two things, it is refused with the question.
"""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from ..constants import NMP
from ..errors import InputError, NoNotes, warn
from ..files import atomic_write, named_bytes
from .jams import jams_notes
from .note_list import LONGEST, VELOCITY, Notes
from .pitch import frequency_to_pitch, pitch_number

# Names of columns without their units, in order of preference: of two names in one row, neither is preferred.
COLUMNS = {
    "onset": (
        {"onset", "onsets", "onsettime", "onsettimes", "noteonset", "noteon"},
        {"start", "starttime", "starttimes", "notestart", "begin", "begintime"},
        {"time", "times"},
    ),
    "offset": (
        {"offset", "offsets", "offsettime", "offsettimes", "noteoffset", "noteoff"},
        {"end", "endtime", "endtimes", "noteend", "stop", "stoptime"},
    ),
    "duration": ({"duration", "durations", "dur", "length", "noteduration"},),
    "pitch": (
        {"midi", "midipitch", "pitchmidi", "midinote", "midinumber", "midinotenumber", "notenumber"},
        {"pitch", "pitches"},
        {"frequency", "frequencies", "freq", "f0", "hz"},
        {"note", "notes", "notename", "pitchname", "value"},
    ),
    "velocity": ({"velocity", "vel"}, {"level"}),
}
SECONDS = {"s", "sec", "secs", "second", "seconds"}
OTHER_UNITS = {"ms", "msec", "millisecond", "milliseconds", "sample", "samples", "frame", "frames", "tick", "ticks"}
OTHER_UNITS |= {"us", "div", "divs", "beat", "beats", "quarter", "quarters", "bar", "bars", "measure", "measures"}
HERTZ = {"hz", "frequency", "frequencies", "freq", "f0"}
COMMENTS = ("#", "%", "//")
LONG_DURATION = 10.0  # seconds; if half of the notes lasted longer, these wouldn't be durations
LONG_NOTE = 60.0  # seconds; if half of the notes last longer, and all times are whole numbers, they aren't seconds


class _Columns(NamedTuple):
    """Which columns hold what."""

    onset: int = 0
    offset: int = 1
    pitch: int = 2
    velocity: int = 3
    lasts: bool = False  # the second is a duration
    hertz: bool | None = None  # None: not said
    level: bool = False  # the fourth is from 0 to 1
    seconds: bool = False  # the header says so


def read_table(source: str | os.PathLike | BinaryIO) -> Notes:
    """The notes in a table with onset, offset or duration (s), pitch (MIDI number) and optionally velocity.

    Columns are separated by tabs, semicolons, commas or spaces, numbers may have a decimal comma, and text may stand
    above the table. If there is a header (with or without #), columns are found by name and may be in any order;
    otherwise they must be in the order above, in that of Sonic Visualiser (onset, pitch, duration, level),
    sonic-annotator (onset, duration, pitch) or aubio (pitch, onset, offset), or onset, pitch, offset. A pitch may also
    be the name of a note, or a frequency in Hz if the header says so or it can't be a MIDI number; frequencies are
    rounded to semitones. Velocities from 0 to 1 have a decimal point. The default velocity is 80. What begins with a
    brace, or has a name that ends in ``.jams``, is read as JAMS.

    Warns
    -----
    InputWarning
        If a second column could hold the pitches, or annotations of a JAMS file repeat the notes of another.

    Raises
    ------
    InputError
        If the file is missing, empty, not such a table, without notes, or its times don't look like seconds, or if a
        row is not a valid note (the message gives its line).
    """
    path, text = _path_and_text(source)
    if path.suffix.lower() == ".jams" or text.lstrip().startswith("{"):
        numbers, columns, lines = jams_notes(text, path), _Columns(lasts=True, seconds=True), []
    else:
        columns, rows = _columns(_rows(text, path), path)
        lines = [line for line, _ in rows]
        columns = columns._replace(level=columns.level or _up_to_one(rows, columns.velocity))
        numbers = np.array([_numbers(row, columns, f"{path}, line {line}") for line, row in rows])  # (n, 4)
    if not len(numbers):
        raise NoNotes(f"{path}: contains no notes; give at least one row.")
    numbers = _in_our_units(numbers, columns, path)
    try:
        return Notes(*numbers.T)
    except InputError as problem:
        raise _first_fault(numbers, lines, path) from problem


def is_table(source: str | os.PathLike | BinaryIO) -> bool:
    """Whether a text could be a table of notes, judged without its numbers: prose, such as a README's, could not.

    >>> import io
    >>> is_table(io.BytesIO(b"0.5 1 60")), is_table(io.BytesIO(b"1. Unpack the archive."))
    (True, False)
    """
    rows = _rows(_path_and_text(source)[1], Path())
    return not rows or any(_is_header(cells) or len(cells) > 2 and all(map(_is_number, cells[:2])) for _, cells in rows)


def _path_and_text(source) -> tuple[Path, str]:
    name, data = named_bytes(source, "table of notes")
    return Path(name), _text(data, Path(name))


def _text(data: bytes, path: Path) -> str:
    """As UTF-8, UTF-16 with its mark, or as older spreadsheets write."""
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not re.search("[\0-\x08\x0e-\x1b]", text):
            return text
    raise InputError(f"{path}: is not text; give a CSV or TSV table of notes.")


def _rows(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """The number and the cells of every line that isn't empty."""
    rows = []
    for number, line in _lines(text):
        try:
            cells = [cell.strip() for cell in _cells(line)]
        except csv.Error as problem:
            raise InputError(f"{path}, line {number}: is not a row of a table ({problem}); correct it.") from problem
        # Excel's first line, and the second line of an Audacity label (its frequencies), aren't notes.
        if any(cells) and not re.fullmatch("sep=.?", line.strip('" ')) and not line.startswith("\\"):
            rows.append((number, cells))
    return rows


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers. A cell in quotes may go on over several."""
    lines = text.splitlines()
    first = 0
    while first < len(lines):
        stop = first + 1
        if re.search(r'(^|[,;\t])\s*"[^"]*$', lines[first]):
            ends = (last for last in range(stop, len(lines)) if lines[last].count('"') % 2)
            stop = 1 + next(ends, first)
        yield first + 1, "\n".join(lines[first:stop])
        first = stop


def _cells(line: str) -> list[str]:
    """The cells of a line. Each may have its own separator, as the header of a MAPS list does."""
    words = line.split()
    if len(words) > 2 and all(_is_number(word) for word in words[:3]):  # perhaps with decimal commas
        return words
    separator = next((mark for mark in "\t;," if mark in line), None)
    if separator is None and words[:1] and words[0] in COMMENTS:
        words[:2] = ["".join(words[:2])]  # the mark of a comment is no cell
    return words if separator is None else next(csv.reader([line], delimiter=separator), [])


def _number(cell: str) -> float:
    return float(cell.replace(",", "."))


def _is_number(cell: str) -> bool:
    try:
        _number(cell)
    except ValueError:
        return False
    return True


def _columns(rows: list[tuple[int, list[str]]], path: Path) -> tuple[_Columns, list[tuple[int, list[str]]]]:
    """Where the columns are, and the rows below the header."""
    heading, rows = None, _without_file_names(rows, path)
    for i, (_, cells) in enumerate(rows):
        comment = cells[0].startswith(COMMENTS)
        bare = [cells[0].lstrip("#% "), *cells[1:]]
        if _is_header(bare):
            rows = _without_comments(rows[i + 1 :])
            return _named_columns(bare, rows, path), rows
        if len(cells) < 3 and any(len(row) > 2 for _, row in rows[i + 1 :]):
            continue  # a title, a number of rows, a tempo
        if not comment and _is_number(cells[0]):
            if heading is None:
                rows = _without_comments(rows[i:])
                columns = _order(rows, path)
                return columns, [row for row in rows if len(row[1]) > 2] if columns.pitch == 0 else rows
            break
        heading = heading if comment else bare
    if heading is None:
        return _Columns(), []
    missing = [name for name in ("onset", "offset", "pitch") if not _candidates(name, heading)]
    raise InputError(
        f"{path}: has no column {' or '.join(missing)}, only {', '.join(heading)[:200]}; "
        "name the columns onset, offset, pitch, velocity."
    )


def _without_file_names(rows, path: Path):
    """Without the first column of sonic-annotator, where the recording's name stands in the first row or in all."""
    names = {cells[0] for _, cells in rows} - {""}
    if not all(len(cells) > 3 and all(map(_is_number, cells[1:4])) for _, cells in rows):
        return rows
    if not names or not all(re.search(r"\.\w+$", name) and not _is_number(name) for name in names):
        return rows
    if len(names) > 1:
        raise InputError(f"{path}: holds the notes of {len(names)} recordings; give one table for each.")
    return [(line, cells[1:]) for line, cells in rows]


def _without_comments(rows):
    return [(line, cells) for line, cells in rows if not cells[0].startswith(COMMENTS)]


def _is_header(cells: Sequence[str]) -> bool:
    ends = _candidates("offset", cells) or _candidates("duration", cells)
    return bool(_candidates("onset", cells) and ends and _candidates("pitch", cells))


def _name_and_unit(cell: str) -> tuple[str, str]:
    """A column's name in small letters, and its unit if it gives one: "Onset Time (sec)" is "onsettime", "sec"."""
    words = re.findall(r"[^\W_]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", cell).lower())
    units = SECONDS | OTHER_UNITS | HERTZ
    unit = words.pop() if len(words) > 1 and words[-1] in units else ""
    return "".join(words), unit


def _candidates(role: str, header: Sequence[str]) -> list[list[int]]:
    """The columns that could have this role, in order of preference; equals are in one list."""
    names = [_name_and_unit(cell)[0] for cell in header]
    found = [[i for i, name in enumerate(names) if name in equals] for equals in COLUMNS[role]]
    return [columns for columns in found if columns]


def _named_columns(header: list[str], rows, path: Path) -> _Columns:
    bends = _name_and_unit(header[-1])[0] == "pitchbend"  # one column by its name, and as many cells as it takes
    if rows and not bends and all(any(row[len(header) :]) for _, row in rows):
        raise InputError(
            f"{path}, line {rows[0][0]}: has {len(rows[0][1])} cells, but the header names {len(header)} columns; "
            "name every column (R's row names too), or use another separator than the decimal comma."
        )
    lasts = bool(_candidates("duration", header)) and not _in_seconds("offset", header)
    end = "duration" if lasts else "offset"
    onset = _chosen("onset", _in_seconds("onset", header), header, rows, path)
    offset = _chosen(end, _in_seconds(end, header), header, rows, path)
    pitches, velocities = _candidates("pitch", header), _candidates("velocity", header)
    pitch = _chosen("pitch", pitches, header, rows, path)
    others = [i for equals in pitches for i in equals if i != pitch and _midi_numbers(rows, i)]
    if others and any(_cell(row, others[0]) != _cell(row, pitch) for _, row in rows):
        warn(f"{path}: pitches are taken from column {header[pitch]!r}, not from {header[others[0]]!r}.")
    velocity = velocities[0][0] if velocities else len(header)
    name, unit = _name_and_unit(header[pitch])
    return _Columns(
        onset, offset, pitch, velocity, lasts,
        hertz=True if {name, unit} & HERTZ else False if name in COLUMNS["pitch"][0] else None,
        level=bool(velocities) and _name_and_unit(header[velocity])[0] == "level",
        seconds=_name_and_unit(header[onset])[1] in SECONDS,
    )  # fmt: skip


def _in_seconds(role: str, header: list[str]) -> list[list[int]]:
    """The candidates whose unit is the second or isn't given."""
    seconds = [
        [i for i in equals if _name_and_unit(header[i])[1] not in OTHER_UNITS] for equals in _candidates(role, header)
    ]
    return [equals for equals in seconds if equals]


def _chosen(role: str, candidates: list[list[int]], header: list[str], rows, path: Path) -> int:
    """The preferred candidate."""
    if not candidates:
        given = header[_candidates(role, header)[0][0]]
        raise InputError(f"{path}: {given!r} isn't in seconds; give {role}s in seconds.")
    first, *others = candidates[0]
    for other in others:
        if any(_cell(row, first) != _cell(row, other) for _, row in rows):
            raise InputError(
                f"{path}: both {header[first]!r} and {header[other]!r} could be the {role}; leave one of them out."
            )
    return first


def _cell(row: list[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def _midi_numbers(rows, place: int) -> bool:
    """Whether a column could contain MIDI numbers of the piano's keys."""
    keys = {str(pitch) for pitch in range(NMP.lowest_pitch, NMP.highest_pitch + 1)}
    return all(_cell(row, place) in keys for _, row in rows)


HIGHEST_HERTZ = 8000.0  # no note of a table is higher


def _order(rows, path: Path) -> _Columns:
    """The order of columns without names, by what is in most rows: onset, offset, pitch if that is possible.

    The others are onset, pitch, duration (Sonic Visualiser's, with a level from 0 to 1), onset, pitch, offset, onset,
    duration, pitch (sonic-annotator's), and pitch, onset, offset (aubio's).
    """
    if max(len(row) for _, row in rows) < 3:
        raise InputError(f"{path}: has fewer than three columns; give onset, offset and pitch.")
    cells = [row for _, row in rows if len(row) > 2 and all(_is_number(cell) for cell in row[:3])]
    if not cells:
        return _Columns()
    onset, second, third = three = np.array([[_number(cell) for cell in row[:3]] for row in cells]).T
    if _pitch_first(*three):
        return _Columns(1, 2, 0)
    second_pitch, third_pitch = map(_possible_pitch, (second, third))
    usual = np.mean((second > onset) & third_pitch)
    duration, offset = np.mean(second_pitch & (third > 0)), np.mean(second_pitch & (third > onset))
    if max(usual, duration) < 0.5 < np.mean(third_pitch & (second > 0)) and _durations(onset, second):
        return _Columns(lasts=True)
    if usual >= duration or duration < 0.5:
        return _Columns()
    level = all(len(row) > 3 and _is_number(row[3]) and 0 <= _number(row[3]) <= 1 for row in cells)
    if level or offset < duration:
        return _Columns(0, 2, 1, 3, lasts=True, level=level)
    if np.median(onset) > LONG_DURATION:
        return _Columns(0, 2, 1, 3)
    raise InputError(f"{path}: the third column may hold durations or offsets; say which in a header.")


def _possible_pitch(numbers: np.ndarray) -> np.ndarray:
    return (NMP.lowest_pitch <= numbers) & (numbers <= HIGHEST_HERTZ)


def _pitch_first(pitch: np.ndarray, onset: np.ndarray, offset: np.ndarray) -> bool:
    """Whether columns are in aubio's order: whole pitches, and times with fractions that follow each other."""
    lasts = offset - onset
    whole = (pitch == np.round(pitch)).all() and (offset != np.round(offset)).any()
    possible = _possible_pitch(pitch) & (lasts > 0) & (lasts < LONG_DURATION)
    return bool(whole and possible.all() and (np.diff(onset) >= 0).all())


def _durations(onset: np.ndarray, numbers: np.ndarray) -> bool:
    """Whether numbers could be durations: not those of channels or strings, which are whole beside such onsets."""
    count = (numbers == np.round(numbers)).all() and (onset != np.round(onset)).any()
    return bool(np.median(numbers) < LONG_DURATION and not count)


def _up_to_one(rows, place: int) -> bool:
    """Whether velocities are from 0 to 1: all are, and they are written with a decimal point or comma."""
    cells = [cell for _, row in rows if (cell := _cell(row, place))]
    return any({*".,"} & {*cell} for cell in cells) and all(_is_number(cell) and _number(cell) <= 1 for cell in cells)


def _numbers(row: list[str], columns: _Columns, where: str) -> list[float]:
    """Onset, offset (or duration), pitch and velocity of one row, as they stand there."""
    numbers, end = [], "duration" if columns.lasts else "offset"
    for role, place in zip(("onset", end, "pitch", "velocity"), columns[:4], strict=True):
        cell = _cell(row, place)
        if role == "velocity" and not cell:
            return [*numbers, np.nan]
        try:
            numbers.append(pitch_number(cell) if role == "pitch" and not _is_number(cell) else _number(cell))
        except ValueError as problem:
            if cell and isinstance(problem, InputError):
                raise InputError(f"{where}: {problem}") from problem
            given = f"{cell!r}, not a number" if cell else "missing"
            raise InputError(f"{where}: the {role} is {given}; correct the row.") from problem
        if not np.isfinite(numbers[-1]):
            raise InputError(f"{where}: the {role} is {cell}; give a finite number.")
    return numbers


def _in_our_units(numbers: np.ndarray, columns: _Columns, path: Path) -> np.ndarray:
    """The same notes with offsets, MIDI numbers and MIDI velocities, (n, 4)."""
    onset, offset, pitch, velocity = numbers.T
    if columns.lasts:
        with np.errstate(over="ignore"):
            offset = onset + offset
    _check_seconds(onset, offset, columns, path)
    if _in_hertz(pitch, columns, path):
        pitch = (pitch > 0) * np.round(frequency_to_pitch(np.where(pitch > 0, pitch, 1)))  # 0: off the piano
    if columns.level:
        velocity = np.clip(np.round(127 * velocity), 1, 127)
    return np.stack([onset, offset, pitch, np.where(np.isnan(velocity), VELOCITY, velocity)], axis=1)


def _check_seconds(onset: np.ndarray, offset: np.ndarray, columns: _Columns, path: Path) -> None:
    too_long = offset.max() > LONGEST
    if not (too_long or columns.seconds or (np.concatenate([onset, offset]) % 1).any()):
        too_long = np.median(offset - onset) > LONG_NOTE
    if too_long:
        raise InputError(f"{path}: the times look like samples, ticks or milliseconds; give seconds.")


def _in_hertz(pitch: np.ndarray, columns: _Columns, path: Path) -> bool:
    """Whether pitches are frequencies: as the header says, or if they can't be MIDI numbers."""
    if columns.hertz is not None:
        return columns.hertz
    if (pitch % 1).any() if pitch.max() < 128 else np.median(pitch) < 128:
        odd = pitch[(pitch % 1 > 0) | (pitch > 127)][0]
        raise InputError(f"{path}: a pitch of {odd:g} may be a MIDI number or in Hz; say which in a header.")
    return bool(pitch.max() > 127)


def _first_fault(numbers: np.ndarray, lines: list[int], path: Path) -> InputError:
    for i, row in enumerate(numbers):
        try:
            Notes(*row[:, None])
        except InputError as problem:
            return InputError(f"{path}, line {lines[i]}: {problem}" if lines else f"{path}: {problem}")
    raise AssertionError("every row is a note")


def write_csv(notes: Notes, path: str | os.PathLike) -> None:
    """Write notes, with exact values, as a CSV with the header onset,offset,pitch,velocity. The write is atomic."""
    with atomic_write(path) as scratch, open(scratch, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["onset", "offset", "pitch", "velocity"])
        columns = (notes.onset, notes.offset, notes.pitch, notes.velocity)
        writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
