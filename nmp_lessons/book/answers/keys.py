"""Keys: what is needed to judge an attempt, made from the body of an ``{answer}`` block.

Every expression is evaluated here, once; a key contains values, tolerances and hints, but no Python.
"""

import base64
import importlib
import json
import math
import re
import zlib
from functools import cache
from types import CodeType
from typing import Any

import numpy as np
import yaml

import nmp_lessons

from ...constants import NMP
from ...errors import InputError

ANSWER = re.compile(r"^(`{3,}|:{3,})\{answer\}[ \t]+(\S+)[ \t]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
UNITS = {
    "Hz": {"Hz": 1, "hertz": 1, "kHz": 1000, "kilohertz": 1000},
    "s": {"s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 1e-3, "milliseconds": 1e-3},
    "ms": {"ms": 1, "millisecond": 1, "milliseconds": 1, "s": 1000, "second": 1000, "seconds": 1000},
    "cents": {"cents": 1, "cent": 1, "ct": 1, "semitone": 100, "semitones": 100},
    "dB": {"dB": 1, "decibel": 1, "decibels": 1},
    "degrees": {"degrees": 1, "degree": 1, "°": 1},
    "%": {"%": 1, "percent": 1, "per cent": 1},
}
COUNTED = ("bins", "channels", "epochs", "frames", "notes", "parameters", "points", "samples", "steps")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is
POINTS = 12
DEFAULT_TOLERANCE = 1e-3  # relative
FORM = ("name", "kind", "unit", "units", "letters", "variables", "points")
MARKS = {"choice": 1, "number": 2, "matrix": 2, "formula": 3, "code": 6}
MINUTES = {"choice": 4, "number": 8, "matrix": 10, "formula": 15, "code": 40}  # a student's, as we guess
MINUTES_IN_WORDS, MINUTES_TO_GRADE = 10, 3  # for a question to be answered in words: the student's, the grader's


def declared(exercise: str) -> tuple[str, dict]:
    """Name and answer of the one exercise in a piece of source, its parameters not yet chosen."""
    found = ANSWER.search(exercise)
    if not found:
        raise InputError(f"{exercise[:60]!r}…: @{{…}} quotes a parameter, but no {{answer}} declares it.")
    return found.group(2), read_body(found.group(2), found.group(3))


def read_body(name: str, written: str) -> dict:
    """The answer of an exercise from the YAML of its ``{answer}`` block, or from a sealed form."""
    try:
        body = yaml.load(written, Loader=LOADER)
    except yaml.YAMLError as problem:
        raise InputError(f"exercise {name}: the answer is not valid YAML ({problem}).") from problem
    if "sealed" in body:
        return opened(body["sealed"])
    if body.get("kind") not in MAKERS:
        raise InputError(f"exercise {name}: the kind is {body.get('kind')!r}; choose one of {', '.join(MAKERS)}.")
    return {"name": name, **body}


def key(body: dict) -> dict:
    """What is needed to judge an attempt, with every expression evaluated and no Python left.

    The book's pages contain it in base64, so that it can't be read at a glance; it is not a secret.
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
        self.names: dict[str, Any] = {"math": math, "np": np, "numpy": np, "nmp_lessons": nmp_lessons, "NMP": NMP}
        self.names |= {"rows": rows, **body.get("parameters", {})}
        self._run(exec, str(body.get("given", "")), self.names)

    def __call__(self, expression, **variables):
        return self._run(eval, str(expression), self.names | variables)

    def _run(self, run, code: str, names: dict):
        """`run` is `eval` or `exec`, and `code` the book's own source, never a reader's text."""
        for module in re.findall(r"\bnmp_lessons\.(\w+)", code):
            importlib.import_module(f"nmp_lessons.{module}")
        try:
            return run(_compiled(code.strip(), "eval" if run is eval else "exec"), names)
        except Exception as problem:
            raise InputError(f"exercise {self.name}: {code.strip()!r} cannot be computed ({problem}).") from problem


@cache
def _compiled(code: str, mode: str) -> CodeType:
    return compile(code, "<answer>", mode)


def evaluator(name: str, body: dict | None = None) -> _Values:
    """Evaluates expressions of an exercise; with its answer's body they see its parameters and what is given."""
    return _Values({"name": name, **(body or {})})


def _number_key(body: dict, values: _Values) -> dict:
    value = float(values(body["value"]))
    unit = body.get("unit", "")
    plurals = (unit,) if unit else COUNTED
    units = UNITS.get(unit) or {form: 1 for plural in plurals for form in (plural, plural.removesuffix("s"))}
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
    points = [{name: float(random.uniform(low, high)) for name, (low, high) in domains.items()} for _ in range(POINTS)]
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
    """The marks of an exercise, without those of its written part."""
    return body.get("marks", MARKS[body["kind"]])


def minutes(body: dict) -> tuple[int, int]:
    """How long we guess that a student takes over an exercise, and an instructor over grading one answer.

    >>> minutes({"kind": "formula"}), minutes({"kind": "formula", "written": "Why?"})
    ((15, 0), (25, 3))
    """
    in_words = "written" in body
    return MINUTES[body["kind"]] + MINUTES_IN_WORDS * in_words, MINUTES_TO_GRADE * in_words


def form(body: dict) -> dict:
    """What is needed to tell whether an attempt can be read, without the answer."""
    made = key(body)
    kept = {name: made[name] for name in FORM if name in made}
    if body["kind"] == "matrix":
        kept |= {"rows": len(made["value"]), "columns": len(made["value"][0])}
    return {"made": True, "form": True, **kept}


def sealed(made: dict) -> str:
    """A key as base64, for the page, or a form, for the students' copy."""
    return base64.b64encode(json.dumps(made, ensure_ascii=False).encode()).decode()


def opened(sealed: str) -> dict:
    """What `sealed` sealed."""
    return json.loads(base64.b64decode(sealed))


def rows(matrix) -> str:
    """The inside of a TeX matrix.

    >>> rows([[1, 2], [3, 4]])
    '1 & 2 \\\\\\\\ 3 & 4'
    """
    return r" \\ ".join(" & ".join(map(str, row)) for row in matrix)
