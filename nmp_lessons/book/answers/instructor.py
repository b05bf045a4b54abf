"""Assignments from the exercises: what students get, the solutions, and autograders made by Otter-Grader.

``nmp-lessons instructor FOLDER`` draws new numbers and writes

- ``term.json``: the seed, the keys, and the tests, hidden ones included, for whoever grades;
- ``students/``: a notebook for each chapter, and the exercises with which it checks the form of answers;
- ``solutions/``: the same notebooks with answers that would get full marks;
- ``autograder/<slug>.zip``: for Gradescope;
- ``marks.csv`` and ``rubric.md``: the marks of each exercise, and what earns the marks of a written answer.

``nmp-lessons grade FOLDER SUBMISSIONS`` grades a folder per student with ``term.json`` (`nmp_lessons.book.grading`).

Otter's own ``otter assign`` starts from a notebook that contains its solutions and tests. Our source isn't a notebook,
and it is also checked in the book; so we write Otter's test files ourselves and leave the zip files to Otter.
"""

import contextlib
import csv
import io
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ...errors import InputError, needs
from .. import manuscript
from . import keys, source, variants
from .wheel import write_wheel

TERM = "term.json"
MARKS_COLUMNS = ("chapter", "exercise", "kind", "outcome", "marks", "in words", "minutes", "minutes to grade")
MARKS_COLUMNS += ("numbers change",)
PLANS = {
    "One lecture": ["hearing"],
    "Two weeks": [
        "hearing", "sound", "cqt", "harmonic_stacking", "model", "targets", "cross_entropy", "median_filtering",
        "evaluation",
    ],
    "Half a term": [
        "hearing", "sound", "cqt", "harmonic_stacking", "model", "targets", "cross_entropy", "training", "augmentation",
        "median_filtering", "decoding", "evaluation", "ablations", "beyond",
    ],
}  # fmt: skip
"""Chapters that make a course, by plan. Each needs only chapters before it (`Opening.needs`)."""
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
- `solutions/` has the same notebooks with answers and solutions, `rubric.md` says what earns the marks of written
  answers, `marks.csv` how many marks each exercise has.
- `term.json` has the seed, the keys and the hidden tests. Keep it to yourself. To grade, put the notebooks into
  `SUBMISSIONS/<student>/<chapter>.ipynb` and run `nmp-lessons grade . SUBMISSIONS -o class.csv`.
- `autograder/<chapter>.zip` is for Gradescope (*Configure autograder*, *Zip file*).

Next term, make a new folder: it will have different numbers.
"""


def make(folder: str | os.PathLike, *, seed: int | None = None, chapters: Iterable[str] | None = None) -> Path:
    """Write the instructor's folder.

    Parameters
    ----------
    folder : a new or an empty one
    seed : 0 for the book's numbers, any other integer for different ones; by default one that nobody can guess
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
        made = Path(scratch) / "made"
        _write_all(made, 1 + secrets.randbelow(2**63) if seed is None else seed, chapters)
        if folder.exists():  # and may be where the command runs, so it stays
            for path in made.iterdir():
                shutil.move(path, folder)
        else:
            made.rename(folder)
    return folder


def _known(chapters: Iterable[str] | None) -> list[str]:
    known = source.slugs()
    chosen = list(dict.fromkeys(chapters or known))
    for slug in chosen:
        if slug not in known:
            raise InputError(f"{slug}: no chapter of that name has exercises; choose from {', '.join(known)}.")
    return chosen


def needs_otter() -> None:
    """Check that the packages for making assignments are installed; if not, raise `MissingExtra`."""
    needs("instructor", "jupytext", "nbformat", "otter", "pybtex")


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
    _write_term(folder / TERM, seed, chapters)
    _write_marks(folder / "marks.csv", seed, chapters)
    (folder / "rubric.md").write_text(rubric(chapters, seed=seed), "utf8")
    (folder / "README.md").write_text(README.format(book=notebooks.BOOK, seed=seed), "utf8")


def _write_term(path: Path, seed: int, chapters: list[str]) -> None:
    """What grading needs, as it is today: a later edition of the book may have other numbers for the same seed."""
    judges = {slug: judged(slug, seed) for slug in chapters}
    term = {"seed": seed, "version": metadata.version("nmp-lessons"), "chapters": judges}
    path.touch(mode=0o600)
    path.write_text(json.dumps(term, indent=1, ensure_ascii=False), "utf8")


def judged(slug: str, seed: int) -> dict:
    """What judges a chapter's notebook: its exercises with their keys, and the sources of its tests and solutions."""
    from .notebooks import variable

    exercises = []
    for name, body in source.answers(slug, seed=seed).items():
        code = body["kind"] == "code"
        how = {"function": body["function"]} if code else {"variable": variable(name), "key": keys.key(body)}
        exercises.append({"name": name, "marks": keys.marks(body), **how})
    checks = source.folder() / slug / "checks.py"
    sources = {"checks": checks.read_text("utf8"), "solution": source.solution(slug)}
    return {"exercises": exercises, **sources, "term": variants.term_of(seed)}


def _write_marks(path: Path, seed: int, chapters: list[str]) -> None:
    with path.open("w", newline="", encoding="utf8") as file:
        table = csv.writer(file)
        table.writerow(MARKS_COLUMNS)
        for slug in chapters:
            for name, body in source.answers(slug, seed=seed).items():
                words = sum(row["marks"] for row in body.get("rubric", []))
                row = [slug, name, body["kind"], body.get("outcome", ""), keys.marks(body), words, *keys.minutes(body)]
                table.writerow([*row, bool(body["parameters"])])


def rubric(chapters: list[str], *, seed: int = 0) -> str:
    """What earns the marks of each written answer, as Markdown."""
    out = ["# Rubric for written answers"]
    for slug in chapters:
        for name, body in source.answers(slug, seed=seed).items():
            if "written" in body:
                rows = "\n".join(
                    f"| {row['for']} | {row['marks']} | {row.get('example', '')} |" for row in body["rubric"]
                )
                head = "| earned by | marks | for example |\n| --- | ---: | --- |"
                out.append(f"## {name}\n\n{body['written']}\n\n{head}\n{rows}")
    return "\n\n".join(out) + "\n"


# The course


@dataclass(frozen=True)
class Opening:
    """What a chapter's opening says about it."""

    slug: str
    label: str
    minutes: int
    needs: list[str]  # slugs of the chapters that it builds on
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
    duration = re.search(r"^\*About (.+), plus exercises\.(.*)\*$", text, re.MULTILINE)
    outcomes = re.search(r"^```\{outcomes\}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    label, wrong = re.search(r"^\((.+)\)=", text, re.MULTILINE), re.search(r"\{goes-wrong\} (.+)", text)
    if not (duration and outcomes and label and wrong):
        raise InputError(f"{path}: lacks a time, outcomes, a label or a {{goes-wrong}} box; add what is missing.")
    spoken = duration.group(1).removesuffix(" minutes")
    if not (spoken in DURATIONS or spoken.isdigit()):
        raise InputError(f"{path}: the time is {spoken!r}; write minutes in digits, or one of {', '.join(DURATIONS)}.")
    minutes = DURATIONS.get(spoken) or int(spoken)
    listed = [line.removeprefix("- ") for line in outcomes.group(1).splitlines()]
    needs = [name.replace("-", "_") for name in re.findall(r"\{ref\}`chapter-([\w-]+)`", duration.group(2))]
    return Opening(path.stem, label.group(1), minutes, needs, listed, wrong.group(1))


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
