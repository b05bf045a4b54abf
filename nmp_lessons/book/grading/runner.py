"""The process of one submission: runs its cells, then gives values and calls functions when the judge asks.

``python -m nmp_lessons.book.grading.runner`` reads requests on its standard input and answers on its standard output;
whatever the submission prints goes nowhere. The process holds no key and no test. What it answers is only ever
compared, so a submission that interferes with it can spoil its own marks, and gains none.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import exchange


class Submission:
    """The names that a notebook's cells have defined, and the requests about them."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell

        class Shell(InteractiveShell):
            def enable_gui(self, gui=None) -> None:
                """Without a window there is nothing to do for ``%matplotlib``."""

        self.shell = Shell.instance()
        history: Any = self.shell.history_manager
        history.enabled = False
        self.leaves: list = []
        self.result: Any = None

    def run(self, cells: list[str]) -> dict:
        """Run cells in their order. Where one fails, the rest still run, since they may answer other exercises."""
        return {"failed": [i for i, cell in enumerate(cells) if not self._succeeds(cell)]}

    def _succeeds(self, cell: str) -> bool:
        streams = sys.stdout, sys.stderr
        try:
            return self.shell.run_cell(cell).success
        except BaseException:  # what IPython itself trips over
            return False
        finally:
            sys.stdout, sys.stderr = streams  # IPython needs them, even if a cell has taken them away

    def value(self, name: str) -> dict:
        """The value of a name."""
        return {"value": exchange.encoded(_plain(self.shell.user_ns[name]))}

    def number(self, name: str) -> dict:
        """A number, or a text that is to be read as one; a tensor of one element is a number, too."""
        attempt = self.shell.user_ns[name]
        return {"value": str(attempt) if isinstance(attempt, str) else float(attempt)}

    def matrix(self, name: str) -> dict:
        """A matrix as a list of rows, whatever its rows are: arrays, ranges, or what a generator yields."""
        return {"value": exchange.encoded(_rows(_plain(self.shell.user_ns[name])))}

    def formula(self, name: str, variables: list[str], points: list[dict]) -> dict:
        """A formula as it was typed, or else its values at some points."""
        from ..answers.judging import as_function

        attempt = self.shell.user_ns[name]
        if isinstance(attempt, str):
            return {"value": attempt}
        evaluate = as_function(attempt, tuple(variables))
        return {"formula": [float(evaluate(point)) for point in points]}

    def call(self, name: str, arguments, gradients: bool) -> dict:
        """What a function returns, and its arguments if it has changed them."""
        import torch

        self.leaves = []
        given = exchange.decoded(arguments, self.leaves)
        with torch.set_grad_enabled(gradients):
            result = self.shell.user_ns[name](*given["arguments"], **given["options"])
            self.result = list(result) if isinstance(result, Iterator) else result
        answer = {"value": exchange.encoded(self.result)}
        now = exchange.encoded(given)
        return answer if now == arguments else answer | {"changed": now}

    def gradient(self, cotangents) -> dict:
        """The gradients of the last results by the tensors that went into them."""
        import torch

        results = (self.result,) if isinstance(self.result, torch.Tensor) else self.result
        pairs = zip(results, exchange.decoded(cotangents), strict=True)
        total = torch.stack([(result * cotangent).sum() for result, cotangent in pairs]).sum()
        found = torch.autograd.grad(total, self.leaves, allow_unused=True)
        return {"value": exchange.encoded(list(found))}


def _plain(attempt):
    """Rows of a matrix as lists, so that an entry may be text."""
    return attempt.tolist() if hasattr(attempt, "tolist") else attempt


def _rows(attempt):
    if not isinstance(attempt, Iterable) or isinstance(attempt, str):
        return attempt
    return [list(row) if isinstance(row, Iterable) and not isinstance(row, str) else row for row in attempt]


def answered(act: Callable, options: dict) -> dict:
    """What an action returns, or how it failed."""
    try:
        return act(**options)
    except BaseException as problem:  # SystemExit and KeyboardInterrupt, too, are the submission's own
        return {"error": [type(problem).__name__, str(problem)[:500]]}


def main() -> None:
    """Answer requests until there are no more."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nowhere:
        for stream in (0, 1, 2):
            os.dup2(nowhere.fileno(), stream)
    submission = Submission()
    while True:
        try:
            request = exchange.receive(asked)
        except EOFError:
            return
        answer = answered(getattr(submission, request.pop("do")), request)
        try:
            exchange.send(answers, answer)
        except ValueError as problem:
            exchange.send(answers, {"error": ["ValueError", str(problem)]})


if __name__ == "__main__":
    main()
    sys.exit()
