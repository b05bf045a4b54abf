"""What a solution must do; the messages are for the reader."""

import numpy as np

from nmp_lessons.constants import NMP
from nmp_lessons.harmonic_stacking import shifts


def check_stack(student):
    _right_shape(student)
    _the_first_harmonic_stays(student)
    _each_harmonic_meets_its_note(student)
    _nothing_comes_round(student)
    _the_fill_is_used(student)
    _the_argument_is_left_alone(student)


def _marked(frames=2):
    """A spectrum whose bin k holds k + 1, so that every value says where it comes from."""
    return np.tile(np.arange(1.0, NMP.cqt_bins + 1), (frames, 1))


def _right_shape(student):
    found = student(np.zeros((5, NMP.cqt_bins)), (0.5, 1, 2))
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert np.shape(found) == (3, 5, NMP.contour_bins), (
        f"Three harmonics of five frames should have the shape (3, 5, {NMP.contour_bins}); yours is {np.shape(found)}."
    )


def _the_first_harmonic_stays(student):
    found = np.asarray(student(_marked(), (1,)))[0, 0]
    assert np.allclose(found, np.arange(1, NMP.contour_bins + 1)), (
        "Harmonic 1 should be the spectrum itself, its lowest 264 bins."
    )


def _each_harmonic_meets_its_note(student):
    for h, shift in zip((2, 3, 5, 7, 0.5), shifts((2, 3, 5, 7, 0.5))):
        k = 100
        came_from = int(np.asarray(student(_marked(), (h,)))[0, 0, k]) - 1
        assert came_from != k - shift, (
            f"Harmonic {h} moves the wrong way: bin {k} should hold the value from {shift:+d} bins away; "
            f"yours holds the one from {came_from - k:+d} bins away."
        )
        assert came_from == k + shift, (
            f"Harmonic {h} is shifted by {came_from - k} bins and should be by {shift}. "
            "Round 36 · log2(h) to the nearest whole number."
        )


def _nothing_comes_round(student):
    high = np.asarray(student(_marked(), (7,)))[0, 0, -1]
    assert high != NMP.contour_bins + 101 - NMP.cqt_bins, (
        "The seventh harmonic of the highest bin holds a bin of the bass: np.roll goes round in a ring. There should be fill instead."
    )
    low = np.asarray(student(_marked(), (0.5,)))[0, 0, 0]
    assert high == 0 and low == 0, (
        f"Where the spectrum has no bin, there should be fill; yours has {high:g} at the top of harmonic 7 "
        f"and {low:g} at the bottom of harmonic ½."
    )


def _the_fill_is_used(student):
    found = np.asarray(student(_marked(), (2, 7), fill=-1.5))
    filled = (found == -1.5).sum(axis=2)[:, 0].tolist()
    assert filled == [0, 56], (
        f"With harmonics 2 and 7 and fill −1.5, 0 and 56 bins should be fill; yours has {filled[0]} and {filled[1]}."
    )


def _the_argument_is_left_alone(student):
    given = _marked()
    student(given, (0.5, 1, 2))
    assert np.array_equal(given, _marked()), "Your function changes the spectrum that it is given. Work on a copy."


### BEGIN HIDDEN
def hidden_stack(student, solution):
    spectrum = np.random.default_rng(11).standard_normal((7, NMP.cqt_bins))
    for harmonics, fill in (((0.25, 0.5, 1, 4), -3.0), ((1, 2, 3, 4, 5, 6, 7, 8, 9), 0.0)):
        found, right = student(spectrum, harmonics, fill), solution(spectrum, harmonics, fill)
        assert np.allclose(found, right), f"A random spectrum, harmonics {harmonics}, fill {fill}: yours differs."


### END HIDDEN
