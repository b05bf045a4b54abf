"""Exercises with checked answers: in a notebook by `check`, on the built page by ``<nmp-answer>``.

Both use the same source, ``exercises/<slug>/exercises.md``, whose format is described in `source`.

- `source`: reads the exercises, evaluates their values, makes starters and the students' copy;
- `variants`: the same exercises with other numbers;
- `expressions`: reads mathematics as readers type it;
- `judging`: decides whether an answer is right, nearly right, or a known mistake;
- `pages`: what Sphinx makes of ``{answer}``, ``{hint}`` and solutions;
- `notebooks`: chapters and exercises as notebooks that run on the reader's machine;
- `instructor`: assignments, their solutions and autograders.
"""

from collections.abc import Callable

from ...errors import MissingExtra
from . import keys, source
from .judging import Verdict, judge
from .source import expanded, student_copy

__all__ = ["Verdict", "check", "expanded", "judge", "solution", "starter", "student_copy"]


def check(name: str, attempt) -> Verdict:
    """Check an answer to an exercise, and give a hint if it is wrong.

    Parameters
    ----------
    name : str
        The exercise, such as "sound-softer".
    attempt
        A number, or text as on the page ("1/(2^(1/36)-1)", "0.44 kHz"); an array for a matrix; a letter for
        a choice; for a formula, text, a sympy expression or a function of the variables in their order; for a
        coding exercise, your function.

    Returns
    -------
    Verdict
        True if the answer is right; displays with its message.

    Raises
    ------
    InputError
        If there is no such exercise.

    Examples
    --------
    >>> check("sound-softer", "20*log10(1/5)")
    ✓ Right.
    """
    body = source.answer(name)
    if body["kind"] == "code":
        return _check_code(name, body["function"], attempt)
    return judge(keys.key(body), attempt)


def starter(name: str) -> str:
    """The starter code of a coding exercise.

    >>> print(starter("sound-sustain").splitlines()[-1].strip())
    raise NotImplementedError('Still to do: find where each note ends')
    """
    return source.function(source.starter(source.chapter(name)), source.answer(name))


def solution(name: str) -> Callable:
    """The function that solves a coding exercise."""
    slug = source.chapter(name)
    return getattr(source.run(source.solution(slug), f"exercises/{slug}/code.py"), source.answer(name)["function"])


def _check_code(name: str, function: str, student: Callable) -> Verdict:
    if not callable(student):
        return Verdict(False, f"Give the function itself: answers.check({name!r}, {function}).")
    checks = source.checks(source.chapter(name))
    run = getattr(checks, f"check_{function}")
    try:
        run(student)
    except MissingExtra:
        raise
    except AssertionError as problem:
        return Verdict(False, str(problem) or "Not yet.")
    except NotImplementedError as problem:
        return Verdict(False, str(problem))
    except Exception as problem:
        return Verdict(False, f"{function} stopped with {type(problem).__name__}: {problem}")
    if not hasattr(checks, f"hidden_{function}"):  # the students' copy
        return Verdict(True, "It passes every check here; others follow when your work is graded.")
    return Verdict(True, "Right: it passes every check.")
