"""Checks of a solution. The messages are written for the reader."""

import time

import numpy as np

from nmp_lessons.evaluation import match
from nmp_lessons.notes import Notes


def check_hits(student):
    _a_whole_number(student)
    _nothing(student)
    _within_and_without(student)
    _once_each(student)
    _the_greatest(student)
    _as_mir_eval(student)
    _long_lists(student)


def _asked(student, reference, estimate, tolerance=0.05):
    found = student(list(reference), list(estimate), tolerance)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    return found


def _a_whole_number(student):
    found = _asked(student, [1.0, 2.0], [1.0, 2.0])
    assert found == 2, f"Two strokes that are both predicted exactly give 2 hits; your function returns {found!r}."


def _nothing(student):
    for pair in (([], []), ([1.0], []), ([], [1.0])):
        found = _asked(student, *pair)
        assert found == 0, (
            f"With an empty list there are no hits, so return 0; your function returns {found!r} for {pair}."
        )


def _within_and_without(student):
    for late, right in ((0.049, 1), (0.05, 1), (0.051, 0), (-0.05, 1), (-0.2, 0)):
        found = _asked(student, [1.0], [1.0 + late])
        assert found == right, (
            f"A prediction {1000 * late:+.0f} ms from its stroke, with a tolerance of 50 ms, gives {right} hits; your "
            f"function returns {found}. Check the sign of the difference. Since binary fractions are not exact, "
            "allow 1e-9 more than the tolerance."
        )


def _once_each(student):
    found = _asked(student, [1.0], [0.98, 1.0, 1.02])
    assert found == 1, f"One stroke that is reported three times gives one hit; your function returns {found}."
    found = _asked(student, [0.98, 1.02], [1.0])
    assert found == 1, (
        f"One prediction between two strokes can be paired with one of them only; your function returns {found}."
    )


def _the_greatest(student):
    found = _asked(student, [1.0, 1.06], [0.96, 1.02])
    assert found == 2, (
        "With strokes at 1 and 1.06 s and predictions at 0.96 and 1.02 s, both strokes can be hits. "
        f"Your function returns {found}. Don't take the nearest pair first."
    )


def _as_mir_eval(student):
    rng = np.random.default_rng(0)
    for _ in range(40):
        reference, estimate = (np.unique(rng.integers(0, 60, size=n)) / 50 for n in rng.integers(1, 30, size=2))
        lists = [Notes(onset, onset + 1, np.full(len(onset), 60)) for onset in (reference, estimate)]
        right, found = len(match(*lists).hits), _asked(student, reference.tolist(), estimate.tolist())
        assert found == right, (
            f"For strokes {reference.tolist()} and predictions {estimate.tolist()} mir_eval finds {right} hits; "
            f"your function returns {found}."
        )


def _long_lists(student):
    onsets = (np.arange(20_000) * 0.2).tolist()
    began = time.perf_counter()
    assert _asked(student, onsets, onsets) == 20_000, "Twenty thousand exact predictions should give 20000 hits."
    assert time.perf_counter() - began < 5, (
        "Your function took more than five seconds for twenty thousand strokes. Both lists are in ascending order, "
        "so you never have to go back to an onset that you have passed."
    )


### BEGIN HIDDEN
def hidden_hits(student, solution):
    rng = np.random.default_rng(11)
    for tolerance in (0.01, 0.1, 0.3):
        for _ in range(20):
            lists = [np.sort(rng.uniform(0, 5, n)).tolist() for n in rng.integers(0, 40, size=2)]
            found, right = student(*lists, tolerance), solution(*lists, tolerance)
            assert found == right, (
                f"For strokes {lists[0]} and predictions {lists[1]} there are {right} hits; your function returns {found}."
            )


### END HIDDEN
