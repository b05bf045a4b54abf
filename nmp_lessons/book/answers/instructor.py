"""Assignments from the exercises: what students get, the solutions, and autograders made by Otter-Grader.

``nmp-lessons instructor FOLDER --seed 2027`` writes

- ``students/``: a notebook for each chapter, and the exercises with which it checks the form of answers;
- ``solutions/``: the same notebooks with answers that would get full marks;
- ``autograder/<slug>.zip``: for Gradescope, or for ``otter run``;
- ``marks.csv`` and ``rubric.md``: the marks of each exercise, and what earns the marks of a written answer.

``nmp-lessons grade FOLDER SUBMISSIONS`` runs the same zip files locally, without a container, on a folder per student.

Otter's own ``otter assign`` starts from a notebook that contains its solutions and tests. Our source isn't a notebook,
and it is also checked in the book; so we write Otter's test files ourselves and leave zip files and grading to Otter.
"""

import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ...errors import InputError, needs
from ...files import atomic_write
from .. import manuscript
from . import keys, source
from .wheel import write_wheel

PATIENCE = 900  # seconds for one submission
CHECKED_TEST = '''"""Made by `nmp-lessons instructor`: the form of the answer openly, its value behind closed doors."""

from otter.test_files import test_case

from nmp_lessons.book.answers.judging import judge, readable
from nmp_lessons.book.answers.keys import opened

OK_FORMAT = False
name = {name!r}
FORM = opened({form!r})
KEY = opened({key!r})


@test_case(name="can be read", points=0)
def can_be_read({variable}):
    verdict = readable(FORM, ... if {variable} is None else {variable})
    assert verdict, verdict.message


@test_case(name="is right", points={marks}, hidden=True)
def is_right({variable}):
    verdict = judge(KEY, ... if {variable} is None else {variable})
    assert verdict, verdict.message
'''
CODE_TEST = """

# Made by `nmp-lessons instructor` from the checks above and the solution.

from otter.test_files import test_case

OK_FORMAT = False
name = {name!r}
REFERENCE = {{}}
exec({solution!r}, REFERENCE)


@test_case(name="passes the checks", points={opened})
def passes_the_checks({function}):
    check_{function}({function})


@test_case(name="passes the hidden tests", points={hidden}, hidden=True)
def passes_the_hidden_tests({function}):
    hidden_{function}({function}, REFERENCE[{function!r}])
"""
README = """# Exercises of “{book}”, seed {seed}

- `students/` goes to your students, as it is. They answer in `<chapter>.ipynb` and hand that notebook in.
- `solutions/` has the same notebooks with answers and solutions, `rubric.md` what earns the marks of written
  answers, `marks.csv` what each exercise counts.
- `autograder/<chapter>.zip` is for Gradescope (*Configure autograder*, *Zip file*). To grade here, put the notebooks
  into `SUBMISSIONS/<student>/<chapter>.ipynb` and run `nmp-lessons grade . SUBMISSIONS`.

Next term, another seed gives other numbers.
"""


def make(folder: str | os.PathLike, *, seed: int = 0, chapters: Iterable[str] | None = None) -> Path:
    """Write the instructor's folder.

    Parameters
    ----------
    folder : a new or an empty one
    seed : 0 for the book's numbers, any other integer for different ones
    chapters : slugs; all by default

    Raises
    ------
    InputError
        If the folder is a file or not empty, a chapter has no exercises, or Otter-Grader is not installed.
    """
    folder, chapters = Path(folder), _known(chapters)
    if folder.is_file() or folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: already exists; give a new folder or an empty one.")
    needs_otter()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as scratch:
        made = Path(scratch) / folder.name
        _write_all(made, seed, chapters)
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    return folder


def _known(chapters: Iterable[str] | None) -> list[str]:
    known = source.slugs()
    for slug in chapters or ():
        if slug not in known:
            raise InputError(f"{slug}: no chapter of that name has exercises; choose from {', '.join(known)}.")
    return list(chapters or known)


def needs_otter() -> None:
    """Check that the packages for making and grading assignments are installed; if not, raise `MissingExtra`."""
    needs("instructor", "ipykernel", "jupytext", "nbformat", "otter", "psutil", "pybtex")


def _write_all(folder: Path, seed: int, chapters: list[str]) -> None:
    import nbformat

    from . import notebooks

    for part in ("students", "solutions", "autograder"):
        (folder / part).mkdir(parents=True)
    source.student_copy(folder / "students" / "exercises", seed=seed, chapters=chapters)
    with tempfile.TemporaryDirectory() as scratch:
        wheel = write_wheel(Path(scratch))
        for slug in chapters:
            for part, solutions in (("students", False), ("solutions", True)):
                nbformat.write(
                    notebooks.assignment(slug, solutions=solutions, seed=seed), folder / part / f"{slug}.ipynb"
                )
            _autograder(folder / "autograder" / f"{slug}.zip", slug, seed, wheel)
    _write_marks(folder / "marks.csv", seed, chapters)
    (folder / "rubric.md").write_text(rubric(chapters, seed=seed), "utf8")
    (folder / "README.md").write_text(README.format(book=notebooks.BOOK, seed=seed), "utf8")


def _write_marks(path: Path, seed: int, chapters: list[str]) -> None:
    with path.open("w", newline="", encoding="utf8") as file:
        table = csv.writer(file)
        table.writerow(["chapter", "exercise", "kind", "marks", "in words", "numbers change"])
        for slug in chapters:
            for name, body in source.answers(slug, seed=seed).items():
                words = sum(row["marks"] for row in body.get("rubric", []))
                table.writerow([slug, name, body["kind"], keys.marks(body), words, bool(body["parameters"])])


def rubric(chapters: list[str], *, seed: int = 0) -> str:
    """What earns the marks of each written answer, as Markdown."""
    out = ["# Rubric for written answers"]
    for slug in chapters:
        for name, body in source.answers(slug, seed=seed).items():
            if "written" in body:
                rows = "\n".join(f"| {row['for']} | {row['marks']} |" for row in body["rubric"])
                out.append(f"## {name}\n\n{body['written']}\n\n| earned by | marks |\n| --- | ---: |\n{rows}")
    return "\n\n".join(out) + "\n"


# The course


@dataclass(frozen=True)
class Opening:
    """What a chapter's opening says about it."""

    slug: str
    label: str
    minutes: int
    outcomes: list[str]
    goes_wrong: str


DURATIONS = {"half an hour": 30, "an hour": 60, "an hour and a quarter": 75, "an hour and a half": 90, "two hours": 120}


def openings() -> list[Opening]:
    """The chapters that have exercises, in the book's order, as their openings describe them.

    >>> [opening.slug for opening in openings()][:3]
    ['hearing', 'sound', 'cqt']
    """
    root = manuscript.root()
    order = re.findall(r"file: (\w+)", (root / "_toc.yml").read_text("utf8"))
    return [_opening(root / "book" / f"{slug}.md") for slug in order if slug in source.slugs()]


def _opening(path: Path) -> Opening:
    text = path.read_text("utf8")
    duration = re.search(r"^\*About (.+), plus exercises\.", text, re.MULTILINE)
    outcomes = re.search(r"^```\{outcomes\}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    label, wrong = re.search(r"^\((.+)\)=", text, re.MULTILINE), re.search(r"\{goes-wrong\} (.+)", text)
    if not (duration and outcomes and label and wrong):
        raise InputError(f"{path}: lacks a time, outcomes, a label or a {{goes-wrong}} box; add what is missing.")
    spoken = duration.group(1).removesuffix(" minutes")
    if not (spoken in DURATIONS or spoken.isdigit()):
        raise InputError(f"{path}: the time is {spoken!r}; write minutes in digits, or one of {', '.join(DURATIONS)}.")
    minutes = DURATIONS.get(spoken) or int(spoken)
    listed = [line.removeprefix("- ") for line in outcomes.group(1).splitlines()]
    return Opening(path.stem, label.group(1), minutes, listed, wrong.group(1))


# Autograders


def test_file(name: str, body: dict) -> str:
    """The source of Otter's tests for one exercise."""
    from .notebooks import variable

    if body["kind"] != "code":
        return CHECKED_TEST.format(
            name=name,
            variable=variable(name),
            form=keys.sealed(keys.form(body)),
            key=keys.sealed(keys.key(body)),
            marks=keys.marks(body),
        )
    slug = source.chapter(name)
    opened = keys.marks(body) // 3
    return (source.folder() / slug / "checks.py").read_text("utf8") + CODE_TEST.format(
        name=name,
        function=body["function"],
        solution=source.without_markers(source.solution(slug)),
        opened=opened,
        hidden=keys.marks(body) - opened,
    )


def _autograder(path: Path, slug: str, seed: int, wheel: Path) -> None:
    """Otter's zip file for a chapter, including this package."""
    from otter.generate import main as generate

    from .notebooks import variable

    with tempfile.TemporaryDirectory() as scratch:
        tests = Path(scratch) / "tests"
        tests.mkdir()
        for name, body in source.answers(slug, seed=seed).items():
            (tests / f"{variable(name)}.py").write_text(test_file(name, body), "utf8")
        settings, requirements = Path(scratch) / "otter_config.json", Path(scratch) / "requirements.txt"
        settings.write_text(json.dumps({"assignment_name": slug}), "utf8")
        torch = metadata.version("torch").split("+")[0]
        # With all that a chapter imports, since a submission may do the same.
        package = f"nmp-lessons[chapters] @ file:///autograder/source/wheels/{wheel.name}"
        requirements.write_text(f"torch=={torch}\n{package}\n", "utf8")
        with contextlib.redirect_stdout(io.StringIO()):
            generate(
                tests_dir=str(tests),
                output_path=str(path),
                config=str(settings),
                requirements=str(requirements),
                no_environment=True,
                python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
            )
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as zipped:
        zipped.write(wheel, f"wheels/{wheel.name}")


# Grading


def submissions(folder: Path, chapters: list[str]) -> tuple[dict[str, dict[str, Path]], list[str]]:
    """The notebooks of each student by chapter, and complaints about the other files."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one that contains a folder for each student.")
    students = sorted(path for path in folder.iterdir() if path.is_dir())
    if not students:
        raise InputError(f"{folder}: contains no student folders; put the notebooks at {folder}/STUDENT/CHAPTER.ipynb.")
    found, complaints = {}, []
    for student in students:
        found[student.name] = {}
        for path in sorted(student.iterdir()):
            problem = _problem(path, chapters)
            if problem:
                complaints.append(f"{path}: {problem}")
            else:
                found[student.name][path.stem] = path
    return found, complaints


def _problem(path: Path, chapters: list[str]) -> str | None:
    """What is wrong with a submission, and how to fix it."""
    import nbformat

    if path.suffix != ".ipynb":
        return "is not a notebook; students should hand in CHAPTER.ipynb."
    if path.stem not in chapters:
        return f"doesn't belong to a chapter that is graded here; name it after one of {', '.join(chapters)}."
    try:
        nbformat.validate(nbformat.read(path, as_version=4))
    except Exception as problem:  # whatever a broken file makes nbformat raise
        first = (str(problem) or type(problem).__name__).splitlines()[0]
        return f"is a broken notebook ({first[:80]}); ask the student to hand it in again."
    return None


def grade(
    folder: Path, handed_in: dict[str, dict[str, Path]], *, progress: bool = False
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Every student's marks for every exercise (0 if not handed in), and complaints about notebooks that didn't run.

    Parameters
    ----------
    folder : as `make` writes it
    handed_in : notebooks by student and chapter, as `submissions` finds them
    """
    from tqdm import tqdm

    needs_otter()
    rows = {student: dict.fromkeys(possible(folder), 0.0) for student in handed_in}
    work = [(student, slug, path) for student, found in handed_in.items() for slug, path in found.items()]
    complaints = []
    for student, slug, path in tqdm(work, unit="notebook", disable=None if progress else True):
        try:
            rows[student] |= _graded(folder / "autograder" / f"{slug}.zip", path)
        except InputError as problem:
            complaints.append(str(problem))
    return rows, complaints


def possible(folder: Path) -> dict[str, int]:
    """The marks of each exercise, from ``marks.csv``."""
    path = folder / "marks.csv"
    if not path.exists() or not (folder / "autograder").is_dir():
        raise InputError(f"{folder}: contains no autograders; make them with `nmp-lessons instructor {folder}`.")
    with path.open(encoding="utf8") as file:
        return {row["exercise"]: int(row["marks"]) for row in csv.DictReader(file)}


def _graded(autograder: Path, notebook: Path) -> dict[str, float]:
    """Marks by exercise, from ``otter run`` in a separate process with a time limit."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "otter", "run", notebook, "-a", autograder, "-o", scratch, "--no-logo"]
        # The zip has its own numbers: a seed of this shell must not change what a notebook computes.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NMP_LESSONS_S")}
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf8",
            errors="replace",
            env=environment,
        )
        try:
            said, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            _kill(process.pid)
            process.wait()
            raise InputError(
                f"{notebook}: ran for more than {PATIENCE // 60} minutes; look for an endless loop."
            ) from None
        results = Path(scratch) / "results.json"
        if process.returncode or not results.exists():
            last = said.strip().splitlines()[-1:] or ["no message"]
            raise InputError(f"{notebook}: Otter could not grade it ({last[0][:200]}); run the notebook to see why.")
        tests = json.loads(results.read_text("utf8"))["tests"]
        return {test["name"]: test["score"] for test in tests if "score" in test}


def _kill(process: int) -> None:
    """End a process and everything that it started: Otter starts a kernel, which would go on running."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(process)
        for each in [*first.children(recursive=True), first]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


def write_table(rows: dict[str, dict[str, float]], whole: dict[str, int], path: Path) -> None:
    """A CSV of students by exercises, with what each exercise counts in the first line below the head."""
    with atomic_write(path) as scratch, scratch.open("w", newline="", encoding="utf8") as file:
        table = csv.writer(file)
        table.writerow(["student", *whole, "total"])
        for student, marks in {"(possible)": whole, **rows}.items():
            cells = [marks[name] for name in whole]
            table.writerow([student, *(f"{cell:g}" for cell in cells), f"{sum(cells):g}"])


def summary(rows: dict[str, dict[str, float]], whole: dict[str, int]) -> str:
    """The marks by chapter, as readable text."""
    chapters = list(dict.fromkeys(source.chapter(name) for name in whole))
    width = max(len("(possible)"), *map(len, rows))
    lines = [" " * width + "".join(f"  {slug:>8}" for slug in [*chapters, "total"])]
    for student, marks in {"(possible)": whole, **rows}.items():
        cells = [sum(marks[name] for name in whole if source.chapter(name) == slug) for slug in chapters]
        cells.append(sum(marks.values()))
        columns = "".join(
            f"  {cell:>{max(8, len(slug))}g}" for slug, cell in zip([*chapters, "total"], cells, strict=True)
        )
        lines.append(f"{student:{width}}{columns}")
    return "\n".join(lines)
