"""Marks for Moodle: its grading worksheet, filled in.

In an assignment of Moodle, *View all submissions* offers *Download all submissions*, a zip file with a folder for each
student, and *Download grading worksheet*, a CSV with a row for each. Both contain a number for each participant:
``Ada Lovelace_1234_assignsubmission_file_`` and ``Participant 1234``. *Upload grading worksheet* takes the CSV back.
(The worksheet has to be enabled in the assignment's settings, under *Feedback types*.)
"""

import csv
import os
import re
from pathlib import Path

from ...errors import InputError
from ...files import atomic_write
from .marks import Row

FOLDER, PARTICIPANT = re.compile(r"_(\d+)_assignsubmission"), re.compile(r"(\d+)$")
IDENTIFIER, GRADE, HIGHEST = "Identifier", "Grade", "Maximum Grade"


def read_worksheet(path: Path) -> list[dict[str, str]]:
    """The rows of a grading worksheet.

    Raises
    ------
    InputError
        If it isn't one.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{path}: cannot be read ({problem}); download the grading worksheet again.") from problem
    lacking = [column for column in (IDENTIFIER, GRADE) if not rows or column not in rows[0]]
    if lacking:
        raise InputError(
            f"{path}: has no rows with {' and '.join(lacking)}; give the grading worksheet of the assignment, "
            "downloaded from Moodle in English."
        )
    if any(None in row or None in row.values() for row in rows):
        raise InputError(f"{path}: has a row with too many or too few columns; download the grading worksheet again.")
    return rows


def fill(worksheet: list[dict[str, str]], marks: dict[str, Row], highest: int, path: str | os.PathLike) -> list[str]:
    """Write the worksheet with everyone's total as grade, empty where that isn't known; returns complaints.

    Whoever has no folder keeps the grade in the worksheet.

    Parameters
    ----------
    worksheet : as `read_worksheet` returns it
    marks : by the names of the students' folders
    highest : the marks that can be had
    path : the file to write
    """
    totals, complaints = {}, []
    for folder, row in marks.items():
        number = FOLDER.search(folder)
        if number and number.group(1) in totals:
            totals[number.group(1)] = None
            complaints.append(f"{folder}: is the second folder of one participant; leave only the one that counts.")
        elif number:
            totals[number.group(1)] = row.total
        else:
            complaints.append(f"{folder}: its name has no participant's number; unpack Moodle's zip file as it is.")
    for row in worksheet:
        number = PARTICIPANT.search(row[IDENTIFIER].strip())
        if number and number.group(1) in totals:
            total = totals.pop(number.group(1))
            row[GRADE] = "" if total is None else str(total)
    complaints += [f"participant {number} is not in the worksheet; download it again." for number in totals]
    known = {row[HIGHEST] for row in worksheet if row.get(HIGHEST)}
    if any(_number(each) != highest for each in known):
        complaints.append(
            f"Moodle's maximum grade for this assignment is {' or '.join(sorted(known))}, but {highest} marks can be "
            f"had; set it to {highest} before you upload the worksheet."
        )
    with atomic_write(path) as scratch, scratch.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(worksheet[0]))
        table.writeheader()
        table.writerows(worksheet)
    return complaints


def _number(written: str) -> float | None:
    try:
        return float(written.replace(",", "."))
    except ValueError:  # a scale in words
        return None
