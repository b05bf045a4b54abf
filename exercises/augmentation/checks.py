"""What a solution has to do. The messages are addressed to the reader."""

import numpy as np

from nmp_lessons.constants import NMP

SHAPES = (NMP.cqt_bins, NMP.contour_bins, NMP.keys)
NAMES = ("the picture", "Yp", "Yn")


def check_transpose(student):
    _right_shapes(student)
    _nothing_moves_by_nothing(student)
    for semitones in (2, -3):
        _the_note_goes_with_its_labels(student, semitones)
        _silence_comes_in(student, semitones)
    _there_and_back(student)
    _the_arguments_are_left_alone(student)


def _example(key=40, frames=4):
    """A note on one key, from the second frame to the third, over a floor of −70 dB."""
    level = np.full((frames, NMP.cqt_bins), -70.0)
    contour, note = np.zeros((frames, NMP.contour_bins)), np.zeros((frames, NMP.keys))
    level[1:3, 3 * key] = -10
    contour[1:3, 3 * key] = note[1:3, key] = 1
    return level, contour, note


def _right_shapes(student):
    found = student(*_example(), 1)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert isinstance(found, tuple | list) and len(found) == 3, "Return three arrays: the picture, Yp and Yn."
    for name, array, bins in zip(NAMES, found, SHAPES):
        assert np.shape(array) == (4, bins), f"{name} should keep its shape (4, {bins}); yours is {np.shape(array)}."


def _nothing_moves_by_nothing(student):
    for name, was, now in zip(NAMES, _example(), student(*_example(), 0)):
        assert np.array_equal(was, now), f"A move by 0 semitones should change nothing, but {name} changed."


def _the_note_goes_with_its_labels(student, semitones):
    level, contour, note = (np.asarray(array) for array in student(*_example(), semitones))
    key = 40 + semitones
    heard, labelled, on_key = (int(array[1].argmax()) for array in (level, contour, note))
    direction = "up" if semitones > 0 else "down"
    assert heard != 3 * (40 - semitones), (
        f"With {semitones:+d} semitones the picture should move {direction}; yours moves the other way."
    )
    assert heard != 3 * 40 + semitones, "A semitone is three bins of the picture; yours moves by one."
    assert heard == 3 * key, (
        f"After {semitones:+d} semitones the note of bin 120 should be in bin {3 * key}; yours is in bin {heard}."
    )
    assert on_key != 40, "The sound has moved, but the label Yn has not. The network would be taught the old key."
    assert on_key == key, f"Yn has one place per key, so key 40 should become key {key}; yours became {on_key}."
    assert labelled == 3 * key, (
        f"Yp has three bins per key, so bin 120 should become bin {3 * key}; yours became {labelled}."
    )


def _silence_comes_in(student, semitones):
    level, contour, note = _example()
    end = -1 if semitones > 0 else 0
    level[:, end], contour[:, end], note[:, end] = -5, 1, 1
    found = [np.asarray(array) for array in student(level, contour, note, semitones)]
    entered = [array[:, 0 if semitones > 0 else -1] for array in found]
    assert not (entered[0] == -5).any() and not entered[1].any() and not entered[2].any(), (
        "What leaves at one end comes back in at the other. np.roll works on a ring, but a piano isn't one."
    )
    assert (entered[0] == -100).all(), (
        f"What comes in should be silence, −100 dB; yours is {entered[0][0]:g}. In decibels, 0 is very loud."
    )


def _there_and_back(student):
    rng = np.random.default_rng(0)
    given = [rng.uniform(-60, 0, (4, NMP.cqt_bins)), *(rng.integers(0, 2, (4, n)) for n in SHAPES[1:])]
    back = student(*student(*given, 2), -2)
    for name, was, now, lost in zip(NAMES, given, back, (6, 6, 2)):
        assert np.allclose(was[:, :-lost], np.asarray(now)[:, :-lost]), (
            f"Two semitones up and two down should restore {name}, except for the highest {lost} places."
        )


def _the_arguments_are_left_alone(student):
    given = _example()
    student(*given, 3)
    for name, was, now in zip(NAMES, _example(), given):
        assert np.array_equal(was, now), f"Your function changes {name} that it was given. Work on a copy."


### BEGIN HIDDEN
def hidden_transpose(student, solution):
    random = np.random.default_rng(11)
    for semitones in (-11, -4, 0, 1, 9):
        example = [random.uniform(-90, 0, (5, n)) for n in SHAPES[:1]]
        example += [random.integers(0, 2, (5, n)).astype(float) for n in SHAPES[1:]]
        right = solution(*example, semitones)
        for name, found, one in zip(NAMES, student(*example, semitones), right, strict=True):
            assert np.allclose(found, one), f"A random example, {semitones:+d} semitones: {name} differs."


### END HIDDEN
