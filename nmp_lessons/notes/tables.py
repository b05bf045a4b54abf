"""Reading and writing notes as tables: CSV, TSV, and lists with columns in any order."""

import csv
import os
from pathlib import Path

import numpy as np

from ..errors import InputError, NoNotes
from ..files import _file_bytes, atomic_write
from .note_list import VELOCITY, Notes

COLUMNS = {
    "onset": {"onset", "onsettime", "onsets", "start", "starttime", "starttimes"},
    "offset": {"offset", "offsettime", "offsets", "end", "endtime", "endtimes"},
    "pitch": {"pitch", "midipitch", "pitchmidi", "note", "midinote", "midi"},
    "velocity": {"velocity"},
}


def read_table(path: str | os.PathLike) -> Notes:
    """The notes in a table with onset (s), offset (s), pitch (MIDI number) and optionally velocity.

    Columns are separated by tabs, commas, semicolons or spaces. If there is a header (with or without #), columns are
    found by name and may be in any order; otherwise they must be in the order above. The default velocity is 80.

    Raises
    ------
    InputError
        If the file is missing, empty, not such a table or without notes, or if a row is not a valid note (the message
        gives its line).
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
        raise NoNotes(f"{path}: contains no notes; give at least one row.")
    numbers = np.array([_row_numbers(row, places, f"{path}, line {line}") for line, row in rows])  # (n, 4)
    try:
        return Notes(*numbers.T)
    except InputError as problem:
        raise _first_fault(numbers, [line for line, _ in rows], path) from problem


def _cells(text: str):
    """The cells of each line. Each line may have its own separator, as the header of a MAPS list does."""
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
            f"{path}: has no column {' or '.join(missing)}, only {', '.join(header)[:200]}; "
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
        raise InputError(f"{where}: onset, offset, pitch and velocity must be numbers; correct the row.") from problem


def _first_fault(numbers: np.ndarray, lines: list[int], path: Path) -> InputError:
    for line, row in zip(lines, numbers, strict=True):
        try:
            Notes(*row[:, None])
        except InputError as problem:
            return InputError(f"{path}, line {line}: {problem}")
    raise AssertionError("every row is a note")


def write_csv(notes: Notes, path: str | os.PathLike) -> None:
    """Write notes, with exact values, as a CSV with the header onset,offset,pitch,velocity. The write is atomic."""
    with atomic_write(path) as scratch, open(scratch, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["onset", "offset", "pitch", "velocity"])
        columns = (notes.onset, notes.offset, notes.pitch, notes.velocity)
        writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
