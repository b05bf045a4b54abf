"""Marks for one notebook: its values against keys, its functions against tests, all outside its process.

A test calls the student's function as if it were here. `Remote` sends the arguments over, and brings back the result,
changes to the arguments, and gradients if a test asks for them. What is expected stays on this side.
"""

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ..answers import source
from ..answers.judging import judge
from . import exchange
from .isolation import Ended, Limits, Process

LONGEST = 10_000  # characters of an answer


class Failed(Exception):
    """A student's function raised an error; the message is its own."""


@dataclass
class Chapter:
    """What is needed to judge a chapter's notebook: its exercises, and the sources of its tests and solutions.

    An exercise has a name, marks, the name of its answer in the notebook (`variable`) and a `key`; a coding exercise
    has a `function` instead of the last two. `term` is what the notebooks of this term carry.
    """

    exercises: list[dict]
    checks: str = ""
    solution: str = ""
    term: str = ""

    @property
    def possible(self) -> dict[str, int]:
        """The marks of each exercise."""
        return {each["name"]: each["marks"] for each in self.exercises}

    @property
    def names(self) -> list[str]:
        """What the exercises ask for, by its names in the notebook."""
        return [each.get("variable") or each["function"] for each in self.exercises]


@dataclass
class Outcome:
    """The marks of a notebook, None for what could not be judged, and remarks for the instructor."""

    marks: dict[str, int | None]
    remarks: list[str] = field(default_factory=list)


def marked(chapter: Chapter, cells: list[str], start: Callable[[], Process], limits: Limits) -> Outcome:
    """The marks of a notebook.

    Parameters
    ----------
    cells : the source of its code cells
    start : makes a process; called again if one ends while a function runs, so that this costs no other exercise
    """
    outcome = Outcome(dict.fromkeys(chapter.possible))
    left, until = list(chapter.exercises), time.monotonic() + limits.seconds
    while left:
        begun = False
        try:
            with start() as process:
                process.ask("run", seconds=until - time.monotonic(), cells=cells)
                begun = True
                while left:
                    _mark(left[0], chapter, process, limits, outcome)
                    left.pop(0)
        except (Ended, exchange.Unfit) as problem:
            if not begun:
                outcome.remarks.append(str(problem))
                break
            name = left.pop(0)["name"]
            outcome.marks[name] = outcome.marks[name] or 0
            outcome.remarks.append(f"{name}: {problem}")
    return outcome


def _mark(exercise: dict, chapter: Chapter, process: Process, limits: Limits, outcome: Outcome) -> None:
    name, marks = exercise["name"], exercise["marks"]
    outcome.marks[name] = 0
    if "key" in exercise:
        outcome.marks[name] = marks if _is_right(exercise, process, limits) else 0
        return
    function, opened = exercise["function"], marks // 3
    student = Remote(process, function, limits.call, limits.seconds)
    tests = source.run(chapter.checks, "checks")
    if _passes(getattr(tests, f"check_{function}"), student):
        outcome.marks[name] = opened
    reference = getattr(source.run(source.without_markers(chapter.solution), "solution"), function)
    if _passes(getattr(tests, f"hidden_{function}"), student, reference):
        outcome.marks[name] = (outcome.marks[name] or 0) + marks - opened


def _passes(test: Callable, *arguments) -> bool:
    try:
        test(*arguments)
    except (Ended, exchange.Unfit):
        raise
    except Exception:  # an assertion, or whatever a result of the wrong kind makes a test raise
        return False
    return True


# Values


def _is_right(exercise: dict, process: Process, limits: Limits) -> bool:
    key, name = exercise["key"], exercise["variable"]
    do = key["kind"] if key["kind"] in ("number", "matrix") else "value"
    asked: dict[str, Any] = {"do": do, "name": name, "seconds": limits.call}
    if key["kind"] == "formula":
        asked |= {"do": "formula", "variables": key["variables"], "points": key["points"]}
    answer = process.ask(**asked)
    attempt = exchange.decoded(answer.get("value"))
    values = exchange.decoded(answer.get("formula"))
    if "error" in answer or (attempt is None and values is None) or isinstance(attempt, str) and len(attempt) > LONGEST:
        return False
    with contextlib.suppress(Exception):  # whatever an answer of the wrong kind makes the judge raise
        if values is not None:
            attempt = _tabulated(key, values)
        return bool(judge(key, attempt))
    return False


def _tabulated(key: dict, values) -> Callable:
    """A function that has these values at the key's points."""
    points = [tuple(point[name] for name in key["variables"]) for point in key["points"]]
    table = dict(zip(points, values, strict=False))
    return lambda *point: table[point]


# Functions


class Remote:
    """A student's function in its process, called like any other.

    One call may take `seconds`, and all together `whole`. Raises `Failed` where the function raises an error, and
    `Ended` if the process ends.
    """

    def __init__(self, process: Process, name: str, seconds: float, whole: float = math.inf):
        self._process, self._name, self._seconds = process, name, seconds
        self._until = time.monotonic() + whole
        self.__name__ = name

    def __call__(self, *arguments, **options) -> Any:
        given, leaves = {"arguments": arguments, "options": options}, []
        sent = exchange.encoded(given, leaves)
        answer = self._ask("call", name=self._name, arguments=sent, gradients=torch.is_grad_enabled())
        if "changed" in answer:
            _write_back(given, exchange.decoded(answer["changed"]))
        found = exchange.decoded(answer["value"])
        several = isinstance(found, tuple | list)
        results = found if several else (found,)
        if not (results and leaves and torch.is_grad_enabled()) or not all(
            isinstance(each, torch.Tensor) for each in results
        ):
            return found
        results = _Differentiable.apply(self, len(results), *(each.detach() for each in results), *leaves)
        return type(found)(results) if several else results[0]

    def gradients(self, cotangents: tuple[torch.Tensor, ...]) -> list[torch.Tensor | None]:
        """Those of the last results by the tensors that went into them."""
        return exchange.decoded(self._ask("gradient", cotangents=exchange.encoded(list(cotangents)))["value"])

    def _ask(self, do: str, **options) -> dict:
        seconds = min(self._seconds, self._until - time.monotonic())
        answer = self._process.ask(do, seconds=seconds, **options)
        if "value" not in answer:
            raise Failed(": ".join(map(str, answer.get("error", ["no answer"]))))
        return answer


class _Differentiable(torch.autograd.Function):
    """Results whose gradients are computed where the results were."""

    @staticmethod
    def forward(ctx, remote: Remote, count: int, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.remote, ctx.count = remote, count
        return tensors[:count]

    @staticmethod
    def backward(ctx, *cotangents) -> tuple:
        return None, None, *[None] * ctx.count, *ctx.remote.gradients(cotangents)


def _write_back(old, new) -> None:
    """Change arguments as the student's function has changed its copies."""
    if isinstance(old, np.ndarray):
        old[...] = new
    elif isinstance(old, torch.Tensor):
        with torch.no_grad():
            old.copy_(new)
    elif isinstance(old, dict):
        for name in old:
            _write_back(old[name], new[name])
    elif isinstance(old, tuple) or isinstance(old, list) and len(old) == len(new):
        for each, now in zip(old, new, strict=True):
            _write_back(each, now)
        if isinstance(old, list):
            old[:] = [now if isinstance(now, int | float | str) else each for each, now in zip(old, new, strict=True)]
    elif isinstance(old, list):
        old[:] = new
