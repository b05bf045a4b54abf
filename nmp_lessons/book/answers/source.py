"""The exercises' source: one folder for each chapter, ``exercises/<slug>/``.

``exercises.md`` is MyST. Each exercise is a sphinx-exercise ``{exercise}`` whose label begins with the slug,
then ``{answer}``, two ``{hint}`` and a solution between ``{solution-start}`` and ``{solution-end}``; the
body of ``{answer}`` is YAML::

    ```{answer} sound-fifth
    kind: number                     # number, matrix, choice, formula or code
    value: 700 - 1200 * math.log2(3 / 2)
    tolerance: 0.05                  # in the unit; one part in a thousand by default
    unit: cents
    right: What to say to a right answer (optional).
    misses:
      - value: 1200 * math.log2(3 / 2) - 700
        hint: Which of the two fifths is the larger?
    ```

Every value is a Python expression (with `math`, `np`, `nmp_lessons` and its modules, and whatever a block
``given: |`` of statements defines), so no number is typed in. A choice lists ``options`` (each a ``text``
and, if wrong, a ``hint``), lettered a, b, c…, and its value is a letter. A formula lists ``variables`` with
their domains, ``{p: [21, 108]}``, and its value is an expression in them; ``points`` adds points that random
numbers would miss, ``[{N: 512, H: 256}]``. ``parameters`` are numbers that may be redrawn (`variants`).

There is also what an instructor needs: ``outcome``, the number of the outcome in the chapter's opening that is
practised; ``marks``, if the exercise should count for more or less than others of its
kind (`MARKS`), and for a question to be answered in words, ``written`` (the question) and ``rubric``, a list of
``{marks: 2, for: what earns them}``, perhaps with an ``example`` of such an answer.

A coding exercise has ``kind: code`` and ``function: name``, and perhaps ``classes: [Name]``, which are shown above the
function. Its solution is in ``code.py`` between
``### BEGIN SOLUTION: what to do`` and ``### END SOLUTION``; the starter is the same file with an error raised
there instead. ``check_<name>(student)`` in ``checks.py`` contains assertions with messages for the reader;
``hidden_<name>(student, solution)``, between ``### BEGIN HIDDEN`` and ``### END HIDDEN``, contains those that a
student doesn't see before the work is graded.
"""

import ast
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import yaml

from ...errors import InputError
from .. import manuscript
from . import keys, variants

SOLUTION = re.compile(
    r"^(`{3,}|:{3,})\{solution-start\}.*?^\1[ \t]*$.*?"
    r"^(`{3,}|:{3,})\{solution-end\}[ \t]*\n(?:.*?\n)??\2[ \t]*\n",
    re.MULTILINE | re.DOTALL,
)
INCLUDE = re.compile(
    r"^(`{3,}|:{3,})\{include\}[ \t]+\.\./exercises/(\w+)/exercises\.md[ \t]*\n\1[ \t]*$", re.MULTILINE
)
EXERCISE = re.compile(r"\{exercise\}[ \t]*(.+)\n:label: ([\w-]+)")
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
TITLE = re.compile(r"\A\s*# .*\n")
BLOCK = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION(?::[ \t]*(.*?))?[ \t]*\n.*?^[ \t]*### END SOLUTION[ \t]*\n", re.M | re.S
)
HIDDEN = re.compile(r"^### BEGIN HIDDEN\n.*?^### END HIDDEN\n", re.MULTILINE | re.DOTALL)


def folder() -> Path:
    """The folder of the exercises: ``$NMP_LESSONS_EXERCISES``, or else the book's."""
    chosen = os.environ.get("NMP_LESSONS_EXERCISES")
    found = Path(chosen) if chosen else manuscript.root() / "exercises"
    if not found.is_dir():
        raise InputError(
            f"{found}: no such folder; put the folder `exercises` that came with the notebook beside it, and run its "
            "first cell again. (NMP_LESSONS_EXERCISES says where the exercises are.)"
        )
    return found


def slugs() -> list[str]:
    """The chapters that have exercises."""
    return sorted(path.parent.name for path in folder().glob("*/exercises.md"))


def exercises(slug: str) -> Path:
    """The file of a chapter's exercises."""
    path = folder() / slug / "exercises.md"
    if not path.exists():
        raise InputError(f"{path}: no such file; choose a chapter with exercises: {', '.join(slugs())}.")
    return path


def text(slug: str, *, seed: int | None = None) -> str:
    """The source of a chapter's exercises, with the numbers of a seed (``$NMP_LESSONS_SEED``, else the book's)."""
    return variants.instantiated(exercises(slug).read_text("utf8"), variants.chosen_seed() if seed is None else seed)


def answers(slug: str, *, seed: int | None = None) -> dict[str, dict]:
    """The bodies of a chapter's ``{answer}`` blocks by exercise, as written, with the numbers of a seed."""
    seed = variants.chosen_seed() if seed is None else seed
    found = {}
    for _, name, body in keys.ANSWER.findall(text(slug, seed=seed)):
        found[name] = keys.read_body(name, body)
        found[name]["parameters"] = variants.parameters(found[name], seed)
    return found


def answer(name: str, *, seed: int | None = None) -> dict:
    """The body of one ``{answer}``, such as "sound-fifth"."""
    slug = chapter(name)
    found = answers(slug, seed=seed)
    if name not in found:
        raise InputError(f"{name}: no such exercise in {slug}; choose from {', '.join(found)}.")
    return found[name]


def chapter(name: str) -> str:
    """The chapter that an exercise belongs to: "sound-fifth" belongs to "sound"."""
    fitting = [slug for slug in slugs() if name.startswith(f"{slug}-")]
    if not fitting:
        raise InputError(f"{name}: no such exercise; its name begins with its chapter: {', '.join(slugs())}.")
    return max(fitting, key=len)


def titles(slug: str) -> dict[str, str]:
    """The titles of a chapter's exercises by name.

    >>> titles("hearing")["hearing-fifth"]
    'Two keys, one line'
    """
    return {name: title for title, name in EXERCISE.findall(exercises(slug).read_text("utf8"))}


def variants_of(name: str) -> list[dict]:
    """The parameters of all variants of an exercise but the book's.

    >>> len(variants_of("sound-softer")) > 3
    True
    """
    written = exercises(chapter(name)).read_text("utf8")
    bodies = {each: keys.read_body(each, body) for _, each, body in keys.ANSWER.findall(written)}
    return variants.variants(json.dumps(bodies[name], sort_keys=True))


# Coding exercises


def solution(slug: str) -> str:
    """The source of a chapter's ``code.py``."""
    path = folder() / slug / "code.py"
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    return path.read_text("utf8")


def starter(slug: str) -> str:
    """The same source with an error in place of each solution."""

    def blank(found: re.Match) -> str:
        task = found.group(2) or "write this part"
        return f"{found.group(1)}raise NotImplementedError({f'Still to do: {task}'!r})\n"

    return BLOCK.sub(blank, solution(slug))


def function(code: str, body: dict, *, imports: bool = True) -> str:
    """The source of an exercise's function and classes, with the imports and constants above them if wanted."""
    tree = ast.parse(code)
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    parts = []
    for name in (*body.get("classes", ()), body["function"]):
        if name not in defined:
            raise InputError(f"code.py doesn't define {name}; add it.")
        parts.append(_lines(code, defined[name]))
    first = min(defined[name].lineno for name in (*body.get("classes", ()), body["function"]))
    shared = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom | ast.Assign)]
    above = [node for node in shared if node.lineno < first and imports]
    heads = [[_lines(code, node) for node in above if isinstance(node, ast.Assign) == own] for own in (False, True)]
    head = "\n\n".join("\n".join(lines) for lines in heads if lines)
    return "\n\n\n".join([head, *parts]).strip() + "\n"


def _lines(code: str, node: ast.stmt) -> str:
    return "\n".join(code.splitlines()[node.lineno - 1 : node.end_lineno])


def without_markers(code: str) -> str:
    """The solution as it is shown, without its BEGIN and END lines."""
    return re.sub(r"^[ \t]*### (?:BEGIN|END) SOLUTION.*\n", "", code, flags=re.MULTILINE)


def run(code: str, title: str) -> ModuleType:
    """The module made from a source text."""
    module = ModuleType(title)
    exec(compile(code, f"<{title}>", "exec"), module.__dict__)
    return module


def checks(slug: str) -> ModuleType:
    """The chapter's ``checks.py``."""
    path = folder() / slug / "checks.py"
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    return run(path.read_text("utf8"), f"exercises/{slug}/checks.py")


# Copies


def is_student() -> bool:
    """Whether to leave out solutions: ``NMP_LESSONS_STUDENT=1``."""
    return os.environ.get("NMP_LESSONS_STUDENT") == "1"


def expanded(page: str, *, student: bool | None = None) -> str:
    """A chapter's source with every ``{include} ../exercises/slug/exercises.md`` replaced by that file.

    This happens before the chapter is read as a notebook, so the solutions' code cells run with it.
    The front matter and the title are left out.
    """
    student = is_student() if student is None else student

    def insert(found: re.Match) -> str:
        exercises = TITLE.sub("", FRONT_MATTER.sub("", text(found.group(2))))
        return without_solutions(exercises) if student else exercises

    return INCLUDE.sub(insert, page)


def with_exercises(page: str) -> str:
    """A chapter's source with its exercises as written, before their numbers are drawn."""
    return INCLUDE.sub(lambda found: exercises(found.group(2)).read_text("utf8"), page)


def without_solutions(exercises: str) -> str:
    """The exercises' source without the solutions."""
    return SOLUTION.sub("", exercises)


def student_copy(destination: str | os.PathLike, *, seed: int, chapters: Iterable[str] | None = None) -> Path:
    """Write exercises for students: no solutions, no answers, no hidden tests.

    `check` in such a copy (``$NMP_LESSONS_EXERCISES``) says how an answer is read, not whether it is right, and
    runs the open checks of code. `destination` must not exist.
    """
    destination = Path(destination)
    if destination.exists():
        raise InputError(f"{destination}: already exists; give a new folder for the students' copy.")
    for slug in chapters or slugs():
        target = destination / slug
        target.mkdir(parents=True)
        (target / "exercises.md").write_text(_formal_text(slug, seed), "utf8")
        if (folder() / slug / "code.py").exists():
            checks = HIDDEN.sub("", (folder() / slug / "checks.py").read_text("utf8"))
            (target / "code.py").write_text(starter(slug), "utf8")
            (target / "checks.py").write_text(checks.rstrip() + "\n", "utf8")
    return destination


def _defined(body: dict) -> str:
    """What a coding exercise asks for, as its answer says it."""
    return yaml.safe_dump({name: body[name] for name in ("function", "classes") if name in body}).strip()


def _formal_text(slug: str, seed: int) -> str:
    """The exercises' source with the form of each answer in place of the answer."""
    bodies = answers(slug, seed=seed)

    def formal(found: re.Match) -> str:
        fence, name, _ = found.groups()
        body = bodies[name]
        if body["kind"] == "code":
            return f"{fence}{{answer}} {name}\nkind: code\n{_defined(body)}\n{fence}"
        shown = [{"text": option["text"]} for option in body.get("options", [])]
        sealed = keys.sealed(keys.form(body) | ({"options": shown} if shown else {}))
        return f"{fence}{{answer}} {name}\nsealed: {sealed}\n{fence}"

    return keys.ANSWER.sub(formal, without_solutions(text(slug, seed=seed)))
