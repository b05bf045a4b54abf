"""Is an attempt right, and if not, what would help? The same rules as ``web/src/judge.ts``.

A *key* is a plain dictionary made from the exercises' source (`keys.key`). It contains values, tolerances
and near misses with their hints, but no Python. If an answer isn't right, it is compared with the near misses before
any general message is given.

A formula is right if it agrees with the answer at a dozen random points (seeded by the exercise's name) in
the domains of its variables; formulas of the kind used here don't agree by chance.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from .expressions import UnknownName, Unreadable, parse

FORMULA_TOLERANCE = 1e-6  # relative
NEAR = 10  # number of tolerances within which a number is called close


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


def judge(key: dict, attempt) -> Verdict:
    """Compare an attempt with the key of its exercise.

    Parameters
    ----------
    key : dict, as `keys.key` makes it; of one by `keys.form` only the form of the attempt is judged
    attempt
        A number, or text such as "1/(2^(1/36)-1)" or "0.44 kHz"; rows of these for a matrix; a letter for a
        choice; for a formula text, a sympy expression or a function of the variables.
    """
    if key.get("form"):
        return readable(key, attempt)
    if attempt is ...:
        return Verdict(False, "There is nothing to read yet.")
    try:
        return {"number": _number, "matrix": _matrix, "choice": _choice, "formula": _formula}[key["kind"]](key, attempt)
    except UnknownName as problem:
        return Verdict(False, f"{problem} {_known(key)}")
    except Unreadable as problem:
        return Verdict(False, str(problem))


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
    return f"{value:.6g} {key.get('unit', '')}".strip()


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
    evaluate = _evaluator(attempt, tuple(key["variables"]))
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
    value = _value(attempt, key.get("units", {}))
    if not math.isfinite(value):
        return Verdict(False, "That has no finite value.")
    if _within(value, key["value"], key["tolerance"]):
        return _right(key)
    for miss in key["misses"]:
        if _within(value, miss["value"], key["tolerance"]):
            return Verdict(False, miss["hint"])
    if _within(value, key["value"], NEAR * key["tolerance"]):
        return Verdict(False, "Close. Carry more digits.")
    return _unhelped(key, attempt)


def _within(value: float, target: float, tolerance: float) -> bool:
    return abs(value - target) <= tolerance + 1e-9 * abs(target)


def _value(attempt, units: dict[str, float]) -> float:
    if not isinstance(attempt, str):
        return float(attempt)
    text, scale = _without_unit(attempt.strip(), units)
    return float(parse(text)({})) * scale


def _without_unit(text: str, units: dict[str, float]) -> tuple[str, float]:
    for name in sorted(units, key=lambda name: (-len(name), name)):
        head = text[: -len(name)]
        if text.lower().endswith(name.lower()) and head and not head[-1].isalpha():
            return head, units[name]
    return text, 1.0


def _unhelped(key: dict, attempt) -> Verdict:
    """The one general suspicion, a common logarithm written without its base; else "Not yet."."""
    if isinstance(attempt, str) and "log" in attempt and key["kind"] in ("number", "formula"):
        if _is_common_log(key, attempt):
            return Verdict(False, "Here log without a base is the natural logarithm. Write log10 if you mean base ten.")
    return Verdict(False, "Not yet.")


def _is_common_log(key: dict, attempt: str) -> bool:
    if key["kind"] == "number":
        text, scale = _without_unit(attempt.strip(), key.get("units", {}))
        return _within(float(parse(text, common_log=True)({})) * scale, key["value"], key["tolerance"])
    evaluate = parse(attempt, tuple(key["variables"]), common_log=True)
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


def _formula(key: dict, attempt) -> Verdict:
    evaluate = _evaluator(attempt, tuple(key["variables"]))
    values = [float(evaluate(point)) for point in key["points"]]
    if not all(map(math.isfinite, values)):
        return Verdict(False, "Your formula has no finite value for some values of its symbols.")
    if _agree(values, key["values"]):
        return _right(key)
    for miss in key["misses"]:
        if _agree(values, miss["values"]):
            return Verdict(False, miss["hint"])
    return _unhelped(key, attempt)


def _agree(values: Sequence[float], right: Sequence[float]) -> bool:
    scale = max(map(abs, right))
    return all(abs(a - b) <= FORMULA_TOLERANCE * (abs(b) + 1e-3 * scale) for a, b in zip(values, right, strict=True))


def _evaluator(attempt, variables: tuple[str, ...]) -> Callable:
    if isinstance(attempt, str):
        return parse(attempt, variables)
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
