"""Checks of the coding exercise; their messages are for the reader."""

import numpy as np


def check_shared_partials(student):
    _expect(student, (220, 440, 6, 1), [(2, 1), (4, 2), (6, 3)], "an octave")
    _expect(student, (440, 220, 6, 1), [(1, 2), (2, 4), (3, 6)], "an octave, with the higher note first")
    _expect(student, (200, 300, 6, 1), [(3, 2), (6, 4)], "a pure fifth")
    _expect(student, (220, 233.08, 6, 20), [], "a semitone")
    _expect(
        student, (261.63, 392.00, 3, 1), [], "a piano's fifth, nearly 2 cents from pure, with a tolerance of 1 cent"
    )
    _expect(student, (261.63, 392.00, 3, 5), [(3, 2)], "a piano's fifth with a tolerance of 5 cents")
    _expect(student, (100, 101, 2, 20), [(1, 1), (2, 2)], "two notes 17 cents apart, the lower one first")
    _expect(student, (101, 100, 2, 20), [(1, 1), (2, 2)], "two notes 17 cents apart, the higher one first")


def _expect(student, arguments, right, case):
    found = student(*arguments)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    pairs = [tuple(int(number) for number in pair) for pair in found]
    assert pairs == right, f"For {case}, shared_partials{arguments} should be {right}; yours is {pairs}."


### BEGIN HIDDEN
def hidden_shared_partials(student, solution):
    random = np.random.default_rng(11)
    for _ in range(20):
        first, second = random.uniform(50, 800, 2).tolist()
        case = (first, second, int(random.integers(2, 15)), float(random.uniform(2, 40)))
        found = [tuple(map(int, pair)) for pair in student(*case)]
        assert found == solution(*case), f"shared_partials{case} should be {solution(*case)}; yours is {found}."


### END HIDDEN
