"""What a solution has to do. The messages are addressed to the reader."""

import numpy as np


def check_windows(student):
    _pairs_in_range(student)
    _the_same_twice(student)
    _steps_and_seeds_differ(student)
    _every_place_is_reached(student)


def _asked(student, seed=0, step=0, clips=5, length=300, frames=100, count=50):
    found = student(seed, step, clips, length, frames, count)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert len(found) == count, f"We asked for {count} windows; your function returns {len(found)}."
    assert all(len(pair) == 2 for pair in found), "Each window should be a pair (clip, first frame)."
    return [(int(clip), int(first)) for clip, first in found]


def _pairs_in_range(student):
    for clip, first in _asked(student, count=400):
        assert 0 <= clip < 5, f"There are 5 clips, numbered 0 to 4; your function draws clip {clip}."
        assert 0 <= first <= 200, (
            f"A window of 100 frames that starts at frame {first} does not fit into a clip of 300."
        )
    _asked(student, frames=300)


def _the_same_twice(student):
    first = _asked(student, step=7)
    np.random.seed(12345)
    _asked(student, step=3)
    assert _asked(student, step=7) == first, (
        "Asked twice for step 7, with another step in between, your function returns different windows. "
        "A resumed run would see different batches."
    )


def _steps_and_seeds_differ(student):
    assert _asked(student, step=1) != _asked(student, step=2), (
        "Steps 1 and 2 get the same windows, but they should differ."
    )
    assert _asked(student, seed=1) != _asked(student, seed=2), (
        "Seeds 1 and 2 get the same windows, but they should differ."
    )
    assert _asked(student, seed=0, step=1) != _asked(student, seed=1, step=0), (
        "Step 1 of seed 0 has the same windows as step 0 of seed 1. If you add the two numbers, the runs become "
        "copies of each other, one step apart. Give both numbers to the generator."
    )


def _every_place_is_reached(student):
    found = [pair for step in range(30) for pair in _asked(student, step=step, length=103)]
    places = {first for _, first in found}
    assert places == {0, 1, 2, 3}, (
        f"A window of 100 frames fits into a clip of 103 at 0, 1, 2 and 3; in 1,500 draws yours used {sorted(places)}."
    )
    assert {clip for clip, _ in found} == set(range(5)), "Some clips are never drawn."


def check_shortened(student):
    _long_ones_are_shortened(student)
    _short_ones_stay(student)
    _zero_stays_zero(student)
    _arguments_are_left_alone(student)


def _long_ones_are_shortened(student):
    found = student([np.array([3.0, -4.0]), np.array([[12.0]])], 6.5)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert [np.shape(g) for g in found] == [(2,), (1, 1)], (
        f"The shapes should stay (2,) and (1, 1); yours are {', '.join(str(np.shape(g)) for g in found)}."
    )
    flat = np.concatenate([np.ravel(g) for g in found])
    assert not np.allclose(flat, [3, -4, 6.5]), (
        "Each number is clipped by itself, which turns the gradient. Only its length should change."
    )
    assert not np.allclose(flat[:2], [3, -4]), (
        "Each array is shortened by itself. There should be one length, computed over all arrays together."
    )
    assert np.allclose(flat, [1.5, -2, 6], atol=1e-4), (
        f"Together (3, −4) and (12) have length 13; shortened to 6.5 they are (1.5, −2) and (6). Yours: {flat.round(3)}."
    )


def _short_ones_stay(student):
    flat = np.ravel(student([np.array([0.3, 0.4])], 1.0)[0])
    assert np.allclose(flat, [0.3, 0.4]), "A gradient that is shorter than the limit should be left unchanged."


def _zero_stays_zero(student):
    with np.errstate(all="ignore"):
        flat = np.ravel(student([np.zeros(3)], 1.0)[0])
    assert np.array_equal(flat, np.zeros(3)), (
        "A gradient of zeros should be left unchanged. Yours divides by its length, which is 0."
    )


def _arguments_are_left_alone(student):
    given = np.array([30.0, 40.0])
    student([given], 1.0)
    assert np.array_equal(given, [30.0, 40.0]), "Your function changes the arrays that it was given. Make new ones."


### BEGIN HIDDEN
def hidden_windows(student, solution):
    pairs = {(seed, step): tuple(_asked(student, seed=seed, step=step)) for seed in range(6) for step in range(6)}
    assert len(set(pairs.values())) == len(pairs), "Two different pairs of seed and step get the same windows."
    drawn = np.array([pair for step in range(40) for pair in _asked(student, step=step, clips=4, length=109)])
    counts = np.bincount(drawn[:, 0], minlength=4), np.bincount(drawn[:, 1], minlength=10)
    for name, count in zip(("clips", "places"), counts):
        assert count.min() > 0.7 * count.mean(), f"Some {name} are drawn too seldom: {count.tolist()}."


def hidden_shortened(student, solution):
    random = np.random.default_rng(11)
    for limit in (0.5, 3.0, 1000.0):
        gradients = [random.standard_normal(shape) for shape in ((4,), (2, 3), (3, 1, 2))]
        for found, right in zip(student(gradients, limit), solution(gradients, limit), strict=True):
            assert np.allclose(found, right), f"Random gradients with limit {limit:g}: yours differs."


### END HIDDEN
