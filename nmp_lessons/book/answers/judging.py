"""Is an attempt right, and if not, what would help? The same rules as ``web/src/judge.ts``.

A *key* is a plain dictionary made from the exercises' source (`keys.key`). It contains values, tolerances
and near misses with their hints, but no Python. If an answer isn't right, it is compared with the near misses before
any general message is given.

A formula is right if it agrees with the answer at a dozen random points (seeded by the exercise's name) in
the domains of its variables; formulas of the kind used here don't agree by chance.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from .expressions import UnknownName, Unreadable, normalised, parse

FORMULA_TOLERANCE = 1e-6  # relative
NEAR = 10  # number of tolerances within which a number is called close
ROUNDED = 0.05  # relative: no rounding is coarser, or has more effect on a formula
ROUNDING = "Close: check your rounding, or carry more digits."
UNIT_IN_LATEX = re.compile(r"\\(?:mathrm|text|textrm|operatorname)\{\s*([^{}]*?)\s*\}$")
DECIMAL = re.compile(r"[+-]?[0-9]+\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?")


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check: true if the attempt is right. The message says why, or gives a hint."""

    right: bool
    message: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'✓' if self.right else '✗'} {self.message}"

    def _repr_html_(self) -> str:
        return f"<p><strong>{'✓' if self.right else '✗'}</strong> {escape(self.message)}</p>"


def judge(key: dict, attempt, *, latex: bool = False) -> Verdict:
    """Compare an attempt with the key of its exercise.

    Parameters
    ----------
    key : dict, as `keys.key` makes it; of one by `keys.form` only the form of the attempt is judged
    attempt
        A number, or text such as "1/(2^(1/36)-1)" or "0.44 kHz"; rows of these for a matrix; a letter for a
        choice; for a formula text, a sympy expression or a function of the variables.
    latex
        Read the text of a formula as LaTeX even if it has no backslash, as the page does with its editor's output.
    """
    if key.get("form"):
        return readable(key, attempt)
    if attempt is ...:
        return Verdict(False, "There is nothing to read yet.")
    try:
        if key["kind"] == "formula":
            return _formula(key, attempt, latex)
        return {"number": _number, "matrix": _matrix, "choice": _choice}[key["kind"]](key, attempt)
    except UnknownName as problem:
        return Verdict(False, f"{problem} {_known(key)}")
    except Unreadable as problem:
        return Verdict(False, str(problem))


def accepts(key: dict, value) -> bool:
    """Whether a number, or rows of numbers for a matrix, is right; `judge` says more.

    >>> accepts({"kind": "number", "value": 440.0, "tolerance": 0.5}, 440.4)
    True
    """
    if key["kind"] == "matrix":
        return [len(row) for row in value] == [len(row) for row in key["value"]] and not _differing(
            value, key["value"], key["tolerance"]
        )
    return _within(value, key["value"], key["tolerance"])


def readable(key: dict, attempt) -> Verdict:
    """Whether an answer, right or wrong, has the required form; the message says how it is read.

    >>> readable({"kind": "number", "unit": "Hz", "units": {"Hz": 1, "kHz": 1000}}, "0.44 kHz")
    ✓ Read as 440 Hz.
    """
    if attempt is ...:
        return Verdict(False, "There is nothing to read yet.")
    try:
        return Verdict(True, f"Read as {READERS[key['kind']](key, attempt)}.")
    except UnknownName as problem:
        return Verdict(False, f"{problem} {_known(key)}")
    except (Unreadable, TypeError, ValueError) as problem:
        return Verdict(False, str(problem) if isinstance(problem, Unreadable) else "That cannot be read here.")


def _read_number(key: dict, attempt) -> str:
    value = _value(attempt, key.get("units", {}))
    if not math.isfinite(value):
        raise Unreadable("That has no finite value.")
    whole = value.is_integer() and abs(value) < 1e15
    return f"{value:.{0 if whole else 6}{'f' if whole else 'g'}} {key.get('unit', '')}".strip()


def _read_matrix(key: dict, attempt) -> str:
    rows = [[_value(entry, {}) for entry in row] for row in attempt]
    if [len(row) for row in rows] != [key["columns"]] * key["rows"]:
        raise Unreadable(f"The matrix has {key['rows']} rows of {key['columns']}.")
    return f"{key['rows']} rows of {key['columns']}"


def _read_choice(key: dict, attempt) -> str:
    letter = str(attempt).strip().lower()
    if letter not in key["letters"]:
        raise Unreadable(f"Choose one of {', '.join(key['letters'])}.")
    return letter


def _read_formula(key: dict, attempt) -> str:
    evaluate = as_function(attempt, tuple(key["variables"]))
    if not all(math.isfinite(float(evaluate(point))) for point in key["points"]):
        raise Unreadable("Your formula has no finite value for some values of its symbols.")
    return f"a formula in {', '.join(key['variables'])}"


READERS = {"number": _read_number, "matrix": _read_matrix, "choice": _read_choice, "formula": _read_formula}


def _known(key: dict) -> str:
    if key["kind"] == "formula":
        return f"The symbols here are {', '.join(key['variables'])}."
    unit = key.get("unit")
    return f"Answer in {unit}, or with a bare number." if unit else "Answer with a number."


def _right(key: dict) -> Verdict:
    return Verdict(True, key.get("right") or "Right.")


# Numbers


def _number(key: dict, attempt) -> Verdict:
    value, step = _value_and_step(attempt, key.get("units", {}))
    if not math.isfinite(value):
        return Verdict(False, "That has no finite value.")
    target, tolerance = key["value"], key["tolerance"]
    if _within(value, target, tolerance):
        return _right(key)
    near = []  # (distance, what to say)
    if _within(value, target, NEAR * tolerance) or _truncates(value, target, step):
        near.append((abs(value - target), ROUNDING))
    for miss in key["misses"]:
        if _within(value, miss["value"], tolerance) or _rounds(value, miss["value"], step / 2):
            near.append((abs(value - miss["value"]), miss["hint"]))
    if near:
        return Verdict(False, min(near, key=lambda each: each[0])[1])
    return _unhelped(key, attempt)


def _within(value: float, target: float, tolerance: float) -> bool:
    return abs(value - target) <= tolerance + 1e-13 * abs(target)


def _rounds(value: float, target: float, half: float) -> bool:
    """Whether a value is a rounding of another, with half a unit of its last digit."""
    return abs(value - target) <= min(half * (1 + 1e-9), ROUNDED * abs(target))


def _truncates(value: float, target: float, step: float) -> bool:
    """Whether a value is a rounding of another in the wrong direction, or a target before it is made whole."""
    if target.is_integer() and not value.is_integer():
        step = max(step, 1)
    return abs(value - target) < step * (1 - 1e-9) and abs(value - target) <= ROUNDED * abs(target)


def _value(attempt, units: dict[str, float]) -> float:
    return _value_and_step(attempt, units)[0]


def _value_and_step(attempt, units: dict[str, float]) -> tuple[float, float]:
    """An attempt's value and one unit of its last digit, zero if it isn't a single number."""
    try:
        text, scale = _without_unit(attempt if isinstance(attempt, str) else repr(float(attempt)), units)
    except OverflowError:
        return math.inf, 0.0
    except (TypeError, ValueError):
        raise Unreadable("Answer with a number.") from None
    if not isinstance(attempt, str):
        return float(attempt), _step(text)
    return float(parse(text)({})) * scale, _step(normalised(text)) * scale


def _without_unit(text: str, units: dict[str, float]) -> tuple[str, float]:
    text = UNIT_IN_LATEX.sub(r" \1", text.strip())
    for name in sorted(units, key=lambda name: (-len(name), name)):
        head = text[: -len(name)]
        if text.lower().endswith(name.lower()) and head and not head[-1].isalpha():
            return head.removesuffix("\\") if name == "%" else head, units[name]
    return text, 1.0


def _step(text: str) -> float:
    written = DECIMAL.fullmatch(re.sub(r"\s", "", text))
    return float(f"1e{int(written.group(2) or 0) - len(written.group(1))}") if written else 0.0


def _unhelped(key: dict, attempt, latex: bool = False) -> Verdict:
    """The one general suspicion, a common logarithm written without its base; else "Not yet."."""
    if isinstance(attempt, str) and "log" in attempt and key["kind"] in ("number", "formula"):
        if _is_common_log(key, attempt, latex):
            return Verdict(False, "Here log without a base is the natural logarithm. Write log10 if you mean base ten.")
    return Verdict(False, "Not yet.")


def _is_common_log(key: dict, attempt: str, latex: bool) -> bool:
    if key["kind"] == "number":
        text, scale = _without_unit(attempt, key.get("units", {}))
        return _within(float(parse(text, common_log=True)({})) * scale, key["value"], key["tolerance"])
    evaluate = parse(attempt, tuple(key["variables"]), latex=latex, common_log=True)
    return _agree([float(evaluate(point)) for point in key["points"]], key["values"])


# Matrices


def _matrix(key: dict, attempt) -> Verdict:
    rows = [[_value(entry, {}) for entry in row] for row in attempt]
    right = key["value"]
    if [len(row) for row in rows] != [len(row) for row in right]:
        return Verdict(False, f"The matrix has {len(right)} rows of {len(right[0])}.")
    wrong = _differing(rows, right, key["tolerance"])
    if not wrong:
        return _right(key)
    for miss in key["misses"]:
        if not _differing(rows, miss["value"], key["tolerance"]):
            return Verdict(False, miss["hint"])
    total = len(right) * len(right[0])
    return Verdict(False, f"Not yet: {total - len(wrong)} of {total} entries are right.")


def _differing(rows: Sequence, right: Sequence, tolerance: float) -> list[tuple[int, int]]:
    return [
        (i, j)
        for i, row in enumerate(right)
        for j, value in enumerate(row)
        if not _within(rows[i][j], value, tolerance)
    ]


# Choices


def _choice(key: dict, attempt) -> Verdict:
    letter = str(attempt).strip().lower()
    if letter == key["value"]:
        return _right(key)
    for miss in key["misses"]:
        if letter == miss["value"]:
            return Verdict(False, miss["hint"])
    if letter not in key["letters"]:
        return Verdict(False, f"Choose one of {', '.join(key['letters'])}.")
    return Verdict(False, "Not yet.")


# Formulas


def _formula(key: dict, attempt, latex: bool) -> Verdict:
    evaluate = as_function(attempt, tuple(key["variables"]), latex)
    values = [float(evaluate(point)) for point in key["points"]]
    if not all(map(math.isfinite, values)):
        return Verdict(False, "Your formula has no finite value for some values of its symbols.")
    if _agree(values, key["values"]):
        return _right(key)
    known = [(key["values"], ROUNDING), *((miss["values"], miss["hint"]) for miss in key["misses"])]
    has_decimals = isinstance(attempt, str) and re.search(r"[0-9]\.[0-9]|\.[0-9]", attempt)
    for tolerance in (FORMULA_TOLERANCE, ROUNDED) if has_decimals else (FORMULA_TOLERANCE,):
        for target, message in known:
            if _agree(values, target, tolerance):
                return Verdict(False, message)
    return _unhelped(key, attempt, latex)


def _agree(values: Sequence[float], right: Sequence[float], tolerance: float = FORMULA_TOLERANCE) -> bool:
    scale = max(map(abs, right))
    return all(abs(a - b) <= tolerance * (abs(b) + 1e-3 * scale) for a, b in zip(values, right, strict=True))


def as_function(attempt, variables: tuple[str, ...], latex: bool = False) -> Callable:
    """A formula in any form that `judge` takes, as a function of a point (a value for each variable)."""
    if isinstance(attempt, str):
        return parse(attempt, variables, latex=latex)
    if hasattr(attempt, "free_symbols"):
        return _from_sympy(attempt, variables)
    if callable(attempt):
        return lambda point: np.float64(attempt(*(point[name] for name in variables)))
    return lambda point: np.float64(attempt)


def _from_sympy(expression, variables: tuple[str, ...]) -> Callable:
    unknown = sorted(str(symbol) for symbol in expression.free_symbols if str(symbol) not in variables)
    if unknown:
        raise UnknownName(unknown[0])
    return lambda point: np.float64(expression.evalf(subs={s: point[str(s)] for s in expression.free_symbols}))
