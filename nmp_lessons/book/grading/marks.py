"""From a folder of submissions to a table of marks.

A mark that nobody could determine is left empty, with a remark beside it: a broken notebook, or one that runs for ever,
is for the instructor to look at, and isn't 0. What wasn't handed in is 0.
"""

import contextlib
import csv
import json
import os
import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import InputError, needs
from ...files import atomic_write
from ..answers import source
from ..answers.instructor import TERM
from .isolation import LIMITS, Limits, Process
from .judge import Chapter, marked

EXERCISES = Path("students", "exercises")  # in an instructor's folder
POSSIBLE = "(possible)"  # the row of maxima
STRAY = ("__MACOSX", "Thumbs.db", "desktop.ini")
GIVEN = ("exercises", "timestamp.txt")  # what we put beside a notebook, and nbgrader
TYPED = re.compile("_assignsubmission_(?!file)")  # a folder of Moodle's for what was typed, not handed in
PACKED = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz")
LARGEST = 50 * 2**20  # bytes of a notebook
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet computes a cell that begins like this
CHECKED = re.compile(r"""^answers\.check\(\s*["']([\w-]+)["']\s*,\s*(.+?)\s*\)\s*(?:#.*)?$""", re.MULTILINE)
UNGRADED = "otter_ignore"  # the tag of cells that are only for the student


@dataclass
class Student:
    """What a student handed in: the code cells of each notebook by chapter, and remarks on what cannot be read."""

    name: str
    notebooks: dict[str, list[str]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)  # chapters
    remarks: list[str] = field(default_factory=list)


@dataclass
class Row:
    """A student's marks, None where they aren't known, and remarks."""

    marks: dict[str, int | None]
    remarks: list[str] = field(default_factory=list)

    @property
    def total(self) -> int | None:
        """All marks together, None if one isn't known."""
        known = [mark for mark in self.marks.values() if mark is not None]
        return sum(known) if len(known) == len(self.marks) else None


def term(folder: Path) -> dict[str, Chapter]:
    """The chapters of a folder that `nmp-lessons instructor` has made, from its ``term.json``."""
    path = folder / TERM
    if not path.exists():
        raise InputError(
            f"{folder}: has no {TERM}; give a folder made by `nmp-lessons instructor`. If the file is lost, make "
            "another folder with `--seed` and the seed in README.md: a new seed has other answers."
        )
    try:
        found = json.loads(path.read_text("utf8"))["chapters"]
        chapters = {slug: Chapter(**chapter) for slug, chapter in found.items()}
        possible(chapters)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InputError(
            f"{path}: is broken ({problem}); restore it, or make another folder with `--seed` and the seed in "
            "README.md."
        ) from problem
    if not (folder / EXERCISES).is_dir():
        raise InputError(f"{folder}: has no {EXERCISES}, which notebooks may read when they run; put it back.")
    return chapters


def chosen(chapters: dict[str, Chapter], slugs: Iterable[str] | None) -> dict[str, Chapter]:
    """Those chapters of a term that are graded now: all, if `slugs` is None.

    Raises
    ------
    InputError
        If the term has no chapter of such a name.
    """
    wanted = list(chapters) if slugs is None else list(slugs)
    unknown = [slug for slug in wanted if slug not in chapters]
    if unknown:
        raise InputError(f"--chapters {unknown[0]}: this term has only {', '.join(chapters)}.")
    return {slug: chapter for slug, chapter in chapters.items() if slug in wanted}


def possible(chapters: dict[str, Chapter]) -> dict[str, int]:
    """The marks of each exercise of a term."""
    return {name: marks for chapter in chapters.values() for name, marks in chapter.possible.items()}


# What was handed in


def submissions(
    folder: Path, chapters: dict[str, Chapter], others: Iterable[str] = ()
) -> tuple[list[Student], list[str]]:
    """What each student handed in, and complaints about folders that are passed over.

    Parameters
    ----------
    others : the term's chapters that aren't graded now; their notebooks are passed over
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one that contains a folder for each student.")
    students, complaints, loose = [], [], []
    for path in sorted(folder.iterdir()):
        if _is_stray(path) or TYPED.search(path.name):
            continue
        if not path.is_dir():
            if path.suffix.lower() in (".ipynb", *PACKED):
                loose.append(f"{path}: was passed over; put what it holds into a folder of its student.")
            continue
        if path.name.lower() == POSSIBLE:
            complaints.append(f"{path}: the table has a row of this name; rename the folder.")
        elif path.is_symlink():
            complaints.append(f"{path}: is a link to another folder; put the student's own folder there.")
        else:
            try:
                students.append(_student(path, chapters, others))
            except OSError as problem:
                remark = f"its folder cannot be read ({problem.strerror}); check your permissions there."
                students.append(Student(path.name, unreadable=list(chapters), remarks=[remark]))
    if not students and not complaints:
        raise InputError(f"{folder}: contains no student folders; put the notebooks at {folder}/STUDENT/CHAPTER.ipynb.")
    return students, complaints + loose


def _is_stray(path: Path) -> bool:
    """Whether a system or an editor has left it there: ``.DS_Store``, ``.ipynb_checkpoints``, ``__MACOSX``."""
    return path.name.startswith(".") or path.name in STRAY


def _files(folder: Path) -> list[Path]:
    """What a student's folder holds, and in folders of its own the notebooks: nbgrader keeps one for each assignment.

    A folder without notebooks is listed itself.
    """
    found = []
    for path in sorted(path for path in folder.iterdir() if not _is_stray(path) and path.name not in GIVEN):
        inner = _files(path) if path.is_dir() and not path.is_symlink() else []
        found += [each for each in inner if each.suffix.lower() in (".ipynb", *PACKED)] or [path]
    return found


def _student(folder: Path, chapters: dict[str, Chapter], others: Iterable[str]) -> Student:
    student, passed = Student(folder.name), []
    doubtful = []  # chapters that may be in what isn't graded
    for path in _files(folder):
        slug, suffix = path.stem, path.suffix.lower()
        alike = [each for each in chapters if each in slug.lower()] if suffix == ".ipynb" else []
        if suffix == ".ipynb" and not alike and any(each in slug.lower() for each in others):
            passed.append(path.name)
            continue
        if suffix in PACKED:
            student.remarks.append(f"{path.name}: is packed; put the notebooks that it holds in its place.")
            doubtful += chapters
        elif suffix != ".ipynb":
            student.remarks.append(f"{path.name}: is not a notebook; students should hand in CHAPTER.ipynb.")
        elif slug not in chapters and alike:
            names = " or ".join(f"{each}.ipynb" for each in alike)
            student.remarks.append(f"{path.name}: not graded, since its name is not {names}; rename it if it counts.")
            doubtful += alike
        elif slug not in chapters:
            named = ", ".join(chapters)
            student.remarks.append(f"{path.name}: is no chapter that is graded here; name it after one of {named}.")
        elif slug in student.unreadable:
            continue
        elif slug in student.notebooks:
            del student.notebooks[slug]
            student.unreadable.append(slug)
            student.remarks.append(f"{path.name}: was handed in twice; leave only the one that counts.")
        else:
            try:
                cells = _code_of(path, chapters[slug].term)
                student.notebooks[slug] = _graded(cells, chapters[slug].names)
                student.remarks += _misplaced(path.name, cells, chapters[slug])
            except InputError as problem:
                student.unreadable.append(slug)
                student.remarks.append(str(problem))
    known = {*student.notebooks, *student.unreadable}
    student.unreadable += [slug for slug in dict.fromkeys(doubtful) if slug not in known]
    if passed and not student.notebooks and not student.unreadable:
        wanted = " or ".join(chapters)
        student.remarks.append(f"{', '.join(passed)}: not graded now, and there is nothing for {wanted}.")
    return student


def code_cells(path: Path, names: Iterable[str] = ()) -> list[str]:
    """The source of a notebook's code cells, whatever it says about its kernel.

    Left out are those that are only for the student, unless they define one of `names`: an editor that merges or
    splits cells passes their tags on, and then a cell with an answer has them.

    Raises
    ------
    InputError
        If it cannot be read; the message begins with the file's name alone.
    """
    return _graded(_code_of(path), names)


def _graded(cells: list[tuple[str, bool]], names: Iterable[str]) -> list[str]:
    return [source for source, ungraded in cells if not ungraded or _defines(source, names)]


def _code_of(path: Path, term: str = "") -> list[tuple[str, bool]]:
    """The source of every code cell, and whether it is only for the student."""
    if path.is_symlink() or not path.is_file():
        raise InputError(f"{path.name}: is not a file but a link or a folder; ask the student for the notebook itself.")
    if path.stat().st_size > LARGEST:
        size = f"{path.stat().st_size / 2**20:.0f} MB"
        raise InputError(f"{path.name}: has {size}; ask the student to clear its outputs and hand it in again.")
    try:
        notebook = json.loads(path.read_text("utf-8-sig"))
        made_for = ((notebook.get("metadata") or {}).get("nmp_lessons") or {}).get("term", term)
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        found = [("".join(cell["source"]), _is_ungraded(cell)) for cell in cells]
    except Exception as problem:  # whatever a broken file makes these raise
        reason = f"{type(problem).__name__}: {problem}"[:80]
        raise InputError(
            f"{path.name}: is a broken notebook ({reason}); ask the student to hand it in again."
        ) from problem
    if term and made_for != term:
        raise InputError(
            f"{path.name}: was made for another term, with other numbers; ask the student for this term's."
        )
    return found


def _misplaced(file: str, cells: list[tuple[str, bool]], chapter: Chapter) -> list[str]:
    """A remark for each exercise without an answer, into whose checking cell something was written."""
    code = "\n".join(source for source, ungraded in cells if not ungraded)
    checks = [found for source, ungraded in cells if ungraded for found in CHECKED.finditer(source)]
    checked = {found[1]: found[2] for found in checks}
    return [
        f"{file}: {each['name']} has no answer, but something was written into the cell that checks it; look there."
        for each in chapter.exercises
        if (name := each.get("variable")) and re.search(rf"^{name} *= *\.\.\.", code, re.MULTILINE)
        if checked.get(each["name"], name) not in (name, "...")
    ]


def _is_ungraded(cell: dict) -> bool:
    return UNGRADED in ((cell.get("metadata") or {}).get("tags") or ())


def _defines(code: str, names: Iterable[str]) -> bool:
    return any(re.search(rf"^(?:def {name}\b|{name}[ \t]*=(?!=))", code, re.MULTILINE) for name in names)


# Grading


def grade(
    folder: Path, students: list[Student], rows: dict[str, Row], *, trust: bool = False, limits: Limits = LIMITS
) -> Generator[str, None, None]:
    """Fill the rows of all students, notebook by notebook; yields the name of each when it is done.

    Parameters
    ----------
    folder : as `nmp-lessons instructor` writes it
    rows : as `unmarked` makes them; whoever stops early finds in them all marks so far
    trust : bool
        Whether to run submissions with the grader's own rights.
    """
    chapters = term(folder)
    hidden = (folder.resolve(),)

    def start() -> Process:
        return Process(folder / EXERCISES, hidden=hidden, limits=limits, trust=trust)

    with _bounded(limits.memory * 2):
        for student in students:
            row = rows[student.name]
            for slug, cells in student.notebooks.items():
                outcome = marked(chapters[slug], cells, start, limits)
                row.marks |= outcome.marks
                row.remarks.remove(_waiting(slug))
                row.remarks += [f"{slug}.ipynb: {remark}" for remark in outcome.remarks]
                yield f"{student.name}/{slug}"


def needs_packages() -> None:
    """Check that what grading needs is installed; if not, raise `MissingExtra`."""
    needs("instructor", "IPython", "psutil")


def unmarked(students: list[Student], chapters: dict[str, Chapter]) -> dict[str, Row]:
    """A row for each student before anything is graded: 0 where nothing was handed in, else empty."""
    rows = {}
    for student in students:
        handed_in = {*student.notebooks, *student.unreadable}
        marks = {
            name: None if slug in handed_in else 0
            for slug, chapter in chapters.items()
            for name in chapter.possible
        }  # fmt: skip
        rows[student.name] = Row(marks, [*student.remarks, *map(_waiting, student.notebooks)])
    return rows


def _waiting(slug: str) -> str:
    return f"{slug}.ipynb: not graded, since the grading was stopped."


@contextlib.contextmanager
def _bounded(size: int) -> Generator[None, None, None]:
    """A limit to this process's own memory, so that a giant result fails a test and not the grading."""
    try:
        import resource
    except ImportError:  # Windows
        yield
        return
    was = resource.getrlimit(resource.RLIMIT_DATA)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (size, was[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, was)


# The table


def safe(cell: str) -> str:
    """A cell that a spreadsheet shows and doesn't compute.

    >>> safe("=1+1"), safe("ada"), safe("a\\nb")
    ("'=1+1", 'ada', 'a?b')
    """
    quoted = f"'{cell}" if cell.lstrip(" ").startswith(FORMULAS) else cell
    return "".join(character if character.isprintable() else "?" for character in quoted)


def write_table(rows: dict[str, Row], whole: dict[str, int], path: str | os.PathLike) -> None:
    """A CSV of students by exercises, with what each exercise counts in the first line below the head.

    It begins with a byte order mark, without which Excel takes the names for another encoding.
    """
    with atomic_write(path) as scratch, scratch.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerow(["student", *whole, "total", "remarks"])
        for student, row in {POSSIBLE: Row(dict(whole)), **rows}.items():
            cells = ["" if mark is None else mark for mark in (*(row.marks[name] for name in whole), row.total)]
            table.writerow([safe(student), *cells, safe("; ".join(row.remarks))])


def summary(rows: dict[str, Row], whole: dict[str, int]) -> str:
    """The marks by chapter, as readable text, with a question mark where they aren't known."""
    chapters = list(dict.fromkeys(map(source.chapter, whole)))
    shown = {POSSIBLE: Row(dict(whole)), **rows}
    width = max(len(safe(student)) for student in shown)
    lines = [" " * width + "".join(f"  {slug:>8}" for slug in [*chapters, "total"])]
    for student, row in shown.items():
        parts = [Row({name: row.marks[name] for name in whole if source.chapter(name) == slug}) for slug in chapters]
        cells = ["?" if part.total is None else str(part.total) for part in [*parts, row]]
        columns = "".join(
            f"  {cell:>{max(8, len(slug))}}" for slug, cell in zip([*chapters, "total"], cells, strict=True)
        )
        lines.append(f"{safe(student):{width}}{columns}")
    return "\n".join(lines)
