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
their domains, ``{p: [21, 108]}``, and its value is an expression in them; ``points`` adds places that random
numbers would miss, ``[{N: 512, H: 256}]``. ``parameters`` are numbers that may be redrawn (`variants`).

What an instructor needs stands there, too: ``marks`` if the exercise is to count for more or less than its kind
does (`MARKS`), and for a question that is answered in words ``written`` (the question) and ``rubric``, a list of
``{marks: 2, for: what earns them}``.

A coding exercise has ``kind: code`` and ``function: name``. Its solution stands in ``code.py`` between
``### BEGIN SOLUTION: what to do`` and ``### END SOLUTION``; the starter is the same file with an error in
that place. ``check_<name>(student)`` in ``checks.py`` holds assertions with messages for the reader;
``hidden_<name>(student, solution)``, between ``### BEGIN HIDDEN`` and ``### END HIDDEN``, those of which a
student sees nothing before the work is graded.
"""

import ast
import base64
import importlib
import json
import math
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import numpy as np
import yaml

import nmp_lessons

from ...constants import NMP
from ...errors import InputError
from .. import manuscript
from . import variants

ANSWER = re.compile(r"^(`{3,}|:{3,})\{answer\}[ \t]+(\S+)[ \t]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
SOLUTION = re.compile(
    r"^(`{3,}|:{3,})\{solution-start\}.*?^\1[ \t]*$.*?"
    r"^(`{3,}|:{3,})\{solution-end\}[ \t]*\n(?:.*?\n)??\2[ \t]*\n",
    re.MULTILINE | re.DOTALL,
)
INCLUDE = re.compile(
    r"^(`{3,}|:{3,})\{include\}[ \t]+\.\./exercises/(\w+)/exercises\.md[ \t]*\n\1[ \t]*$", re.MULTILINE
)
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
TITLE = re.compile(r"\A\s*# .*\n")
BLOCK = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION(?::[ \t]*(.*?))?[ \t]*\n.*?^[ \t]*### END SOLUTION[ \t]*\n", re.M | re.S
)
HIDDEN = re.compile(r"^### BEGIN HIDDEN\n.*?^### END HIDDEN\n", re.MULTILINE | re.DOTALL)
UNITS = {
    "Hz": {"Hz": 1, "kHz": 1000},
    "s": {"s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 1e-3},
    "ms": {"ms": 1, "s": 1000, "seconds": 1000},
    "cents": {"cents": 1, "cent": 1, "ct": 1, "semitones": 100},
    "%": {"%": 1, "percent": 1, "per cent": 1},
}
POINTS = 12
DEFAULT_TOLERANCE = 1e-3  # relative
FORM = ("name", "kind", "unit", "units", "letters", "variables", "points")
MARKS = {"choice": 1, "number": 2, "matrix": 2, "formula": 3, "code": 6}


def folder() -> Path:
    """Where the exercises are: ``$NMP_LESSONS_EXERCISES``, else those of the book."""
    chosen = os.environ.get("NMP_LESSONS_EXERCISES")
    found = Path(chosen) if chosen else manuscript.root() / "exercises"
    if not found.is_dir():
        raise InputError(f"{found}: no exercises here. Set NMP_LESSONS_EXERCISES to the book's folder exercises.")
    return found


def slugs() -> list[str]:
    """The chapters that have exercises."""
    return sorted(path.parent.name for path in folder().glob("*/exercises.md"))


def text(slug: str, *, seed: int | None = None) -> str:
    """The source of a chapter's exercises, with the numbers of a seed (``$NMP_LESSONS_SEED``, else the book's)."""
    path = folder() / slug / "exercises.md"
    if not path.exists():
        raise InputError(f"{path}: no such file. Chapters with exercises: {', '.join(slugs())}.")
    return variants.instantiated(path.read_text("utf8"), variants.chosen_seed() if seed is None else seed)


def answers(slug: str, *, seed: int | None = None) -> dict[str, dict]:
    """The bodies of a chapter's ``{answer}`` blocks by exercise, as written, with the numbers of a seed."""
    seed = variants.chosen_seed() if seed is None else seed
    found = {}
    for _, name, body in ANSWER.findall(text(slug, seed=seed)):
        found[name] = _body(name, body)
        found[name]["parameters"] = variants.parameters(found[name], seed)
    return found


def declared(exercise: str) -> tuple[str, dict]:
    """Name and answer of the one exercise in a piece of source, its parameters not yet chosen."""
    found = ANSWER.search(exercise)
    if not found:
        raise InputError(f"{exercise[:60]!r}…: @{{…}} quotes a parameter, and no {{answer}} declares it.")
    return found.group(2), _body(found.group(2), found.group(3))


def answer(name: str, *, seed: int | None = None) -> dict:
    """The body of one ``{answer}``, such as "sound-fifth"."""
    slug = chapter(name)
    found = answers(slug, seed=seed)
    if name not in found:
        raise InputError(f"{name}: no such exercise in {slug}; there are {', '.join(found)}.")
    return found[name]


def chapter(name: str) -> str:
    """The chapter that an exercise belongs to: "sound-fifth" is one of "sound"."""
    fitting = [slug for slug in slugs() if name.startswith(f"{slug}-")]
    if not fitting:
        raise InputError(f"{name}: no such exercise. A name begins with its chapter: {', '.join(slugs())}.")
    return max(fitting, key=len)


def _body(name: str, written: str) -> dict:
    try:
        body = yaml.safe_load(written)
    except yaml.YAMLError as problem:
        raise InputError(f"exercise {name}: the answer is not YAML ({problem}).") from problem
    if "sealed" in body:
        return opened(body["sealed"])
    if body.get("kind") not in MAKERS:
        raise InputError(f"exercise {name}: kind is {body.get('kind')!r}; give one of {', '.join(MAKERS)}.")
    return {"name": name, **body}


# Keys


def key(body: dict) -> dict:
    """What is needed to judge an attempt: every expression evaluated, nothing of Python left.

    The page and the students' copy carry it in base64, which keeps it from being read at a glance; it is no
    secret.
    """
    if body.get("made"):
        return body
    values = _Values(body)
    made = {"made": True, "name": body["name"], "kind": body["kind"], **MAKERS[body["kind"]](body, values)}
    return made | ({"right": body["right"]} if "right" in body else {})


class _Values:
    """Evaluates the expressions of one answer."""

    def __init__(self, body: dict):
        self.name = body["name"]
        self.names = {"math": math, "np": np, "numpy": np, "nmp_lessons": nmp_lessons, "NMP": NMP}
        self.names |= {"rows": variants.rows, **body.get("parameters", {})}
        self._run(exec, str(body.get("given", "")), self.names)

    def __call__(self, expression, **variables):
        return self._run(eval, str(expression), self.names | variables)

    def _run(self, run, code: str, names: dict):
        """`run` is `eval` or `exec`, and `code` the book's own source, never a reader's text."""
        for module in re.findall(r"\bnmp_lessons\.(\w+)", code):
            importlib.import_module(f"nmp_lessons.{module}")
        try:
            return run(code.strip(), names)
        except Exception as problem:
            raise InputError(f"exercise {self.name}: {code.strip()!r} cannot be computed ({problem}).") from problem


def evaluator(name: str, body: dict | None = None) -> _Values:
    """Evaluates expressions of an exercise; with its answer's body they see its parameters and what is given."""
    return _Values({"name": name, **(body or {})})


def _number_key(body: dict, values: _Values) -> dict:
    value = float(values(body["value"]))
    unit = body.get("unit", "")
    units = UNITS.get(unit) or ({unit: 1, unit.removesuffix("s"): 1} if unit else {})
    return {
        "value": value,
        "tolerance": float(values(body.get("tolerance", abs(value) * DEFAULT_TOLERANCE))),
        "unit": unit,
        "units": units,
        "misses": [{"value": float(values(miss["value"])), "hint": miss["hint"]} for miss in body.get("misses", [])],
    }


def _matrix_key(body: dict, values: _Values) -> dict:
    def rows(expression) -> list[list[float]]:
        return np.atleast_2d(np.asarray(values(expression), dtype=float)).tolist()

    return {
        "value": rows(body["value"]),
        "tolerance": float(values(body.get("tolerance", 0))),
        "misses": [{"value": rows(miss["value"]), "hint": miss["hint"]} for miss in body.get("misses", [])],
    }


def _choice_key(body: dict, values: _Values) -> dict:
    letters = [chr(ord("a") + i) for i in range(len(body["options"]))]
    hinted = zip(letters, body["options"], strict=True)
    return {
        "value": str(values(body["value"])),
        "letters": letters,
        "misses": [{"value": letter, "hint": option["hint"]} for letter, option in hinted if "hint" in option],
    }


def _formula_key(body: dict, values: _Values) -> dict:
    domains = {name: [float(values(end)) for end in ends] for name, ends in body["variables"].items()}
    random = np.random.default_rng(zlib.crc32(body["name"].encode()))
    points = [{name: float(random.uniform(*ends)) for name, ends in domains.items()} for _ in range(POINTS)]
    points += [{name: float(values(value)) for name, value in point.items()} for point in body.get("points", [])]
    plain = {name: name.replace("_{", "_").replace("}", "") for name in domains}

    def at_points(expression) -> list[float]:
        return [float(values(expression, **{plain[name]: value for name, value in p.items()})) for p in points]

    return {
        "variables": list(domains),
        "points": points,
        "values": at_points(body["value"]),
        "misses": [{"values": at_points(miss["value"]), "hint": miss["hint"]} for miss in body.get("misses", [])],
    }


def _code_key(body: dict, values: _Values) -> dict:
    return {"function": body["function"], "misses": []}


MAKERS = {
    "number": _number_key,
    "matrix": _matrix_key,
    "choice": _choice_key,
    "formula": _formula_key,
    "code": _code_key,
}


def marks(body: dict) -> int:
    """What an exercise counts, its written part apart."""
    return body.get("marks", MARKS[body["kind"]])


def form(body: dict) -> dict:
    """What is needed to say whether an attempt can be read, and nothing of the answer."""
    made = key(body)
    kept = {name: made[name] for name in FORM if name in made}
    if body["kind"] == "matrix":
        kept |= {"rows": len(made["value"]), "columns": len(made["value"][0])}
    return {"made": True, "form": True, **kept}


def sealed(made: dict) -> str:
    """A key or a form as base64, for the page and the students' copy."""
    return base64.b64encode(json.dumps(made, ensure_ascii=False).encode()).decode()


def opened(sealed: str) -> dict:
    """What `sealed` sealed."""
    return json.loads(base64.b64decode(sealed))


# Coding exercises


def solution(slug: str) -> str:
    """The source of a chapter's ``code.py``."""
    path = folder() / slug / "code.py"
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    return path.read_text("utf8")


def starter(slug: str) -> str:
    """The same with an error in place of each solution."""

    def blank(found: re.Match) -> str:
        task = found.group(2) or "write this part"
        return f"{found.group(1)}raise NotImplementedError({f'Still to do: {task}'!r})\n"

    return BLOCK.sub(blank, solution(slug))


def function(code: str, name: str) -> str:
    """The source of one function, with the imports and constants above it."""
    tree = ast.parse(code)
    found = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name), None)
    if found is None:
        raise InputError(f"code.py defines no function {name}.")
    shared = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom | ast.Assign)]
    lines = code.splitlines()
    head = [lines[i] for node in shared if node.lineno < found.lineno for i in range(node.lineno - 1, node.end_lineno)]
    return "\n".join([*head, "", "", *lines[found.lineno - 1 : found.end_lineno]]).strip() + "\n"


def without_markers(code: str) -> str:
    """The solution as it is shown: without its BEGIN and END lines."""
    return re.sub(r"^[ \t]*### (?:BEGIN|END) SOLUTION.*\n", "", code, flags=re.MULTILINE)


def run(code: str, title: str) -> ModuleType:
    """The module that a source text makes."""
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
    """Whether solutions are to be left out: ``NMP_LESSONS_STUDENT=1``."""
    return os.environ.get("NMP_LESSONS_STUDENT") == "1"


def expanded(page: str, *, student: bool | None = None) -> str:
    """A chapter's source with every ``{include} ../exercises/slug/exercises.md`` replaced by that file.

    The text goes in before the chapter is read as a notebook, so the solutions' code cells run with it.
    Front matter and title stay out.
    """
    student = is_student() if student is None else student

    def insert(found: re.Match) -> str:
        exercises = TITLE.sub("", FRONT_MATTER.sub("", text(found.group(2))))
        return without_solutions(exercises) if student else exercises

    return INCLUDE.sub(insert, page)


def without_solutions(exercises: str) -> str:
    """The exercises' source less the solutions."""
    return SOLUTION.sub("", exercises)


def student_copy(destination: str | os.PathLike, *, seed: int, chapters: Iterable[str] | None = None) -> Path:
    """Write exercises for students: no solutions, no answers, no hidden tests.

    `check` in such a copy (``$NMP_LESSONS_EXERCISES``) says how an answer is read, not whether it is right, and
    runs the open checks of code. `destination` must not exist.
    """
    destination = Path(destination)
    if destination.exists():
        raise InputError(f"{destination} exists; name a new folder for the students' copy.")
    for slug in chapters or slugs():
        target = destination / slug
        target.mkdir(parents=True)
        (target / "exercises.md").write_text(_formal_text(slug, seed), "utf8")
        if (folder() / slug / "code.py").exists():
            checks = HIDDEN.sub("", (folder() / slug / "checks.py").read_text("utf8"))
            (target / "code.py").write_text(starter(slug), "utf8")
            (target / "checks.py").write_text(checks.rstrip() + "\n", "utf8")
    return destination


def _formal_text(slug: str, seed: int) -> str:
    """The exercises' source with the form of each answer in place of the answer."""
    bodies = answers(slug, seed=seed)

    def formal(found: re.Match) -> str:
        fence, name, _ = found.groups()
        body = bodies[name]
        if body["kind"] == "code":
            return f"{fence}{{answer}} {name}\nkind: code\nfunction: {body['function']}\n{fence}"
        shown = [{"text": option["text"]} for option in body.get("options", [])]
        return (
            f"{fence}{{answer}} {name}\nsealed: {sealed(form(body) | ({'options': shown} if shown else {}))}\n{fence}"
        )

    return ANSWER.sub(formal, without_solutions(text(slug, seed=seed)))
