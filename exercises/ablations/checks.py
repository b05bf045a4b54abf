"""What a solution must do; the messages are addressed to the reader."""

import numpy as np


def check_paired_interval(student):
    _two_numbers_in_order(student)
    _the_sign_is_the_first_less_the_second(student)
    _pairs_stay_together(student)
    _the_ends_are_these_percentiles(student)
    _the_draws_are_used(student)
    _the_arguments_are_left_alone(student)


def _example(n=10, samples=500, seed=0):
    """Scores that vary a lot from recording to recording and differ little between the networks."""
    rng = np.random.default_rng(seed)
    others = rng.uniform(0.3, 0.9, n)
    scores = others + 0.03 + 0.01 * rng.normal(size=n)
    return scores, others, rng.integers(n, size=(samples, n))


def _asked(student, *example):
    found = student(*example)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert np.size(found) == 2, f"Return two numbers, low and high; yours returns {np.size(found)}."
    return tuple(float(end) for end in found)


def _two_numbers_in_order(student):
    low, high = _asked(student, *_example())
    assert low <= high, "The first number should be the lower end."


def _the_sign_is_the_first_less_the_second(student):
    low, high = _asked(student, *_example())
    assert not (low < -0.02 and high < 0), "The signs are the wrong way round: subtract others from scores."


def _pairs_stay_together(student):
    low, high = _asked(student, *_example())
    assert high - low < 0.05, (
        f"All ten differences lie near 0.03, and your interval is {high - low:.2f} wide. "
        "Did you draw separately for each network? When a recording is drawn, both of its scores must come along."
    )


def _the_ends_are_these_percentiles(student):
    scores = np.array([1.0, 0.0])
    draws = np.array([[0, 0]] * 3 + [[0, 1]] * 94 + [[1, 1]] * 3)
    found = _asked(student, scores, np.zeros(2), draws)
    assert found != (0.0, 0.0) and found != (0.5, 0.5), (
        "Of these hundred means, three are 0 and three are 1. With 2.5 % cut off at each end, the interval still reaches both. "
        "Did you take the percentiles 2.5 and 97.5?"
    )
    assert np.allclose(found, np.percentile([1.0] * 3 + [0.5] * 94 + [0.0] * 3, [2.5, 97.5])), (
        f"For this example the ends are near 0 and 1; yours are {found[0]:.3f} and {found[1]:.3f}."
    )


def _the_draws_are_used(student):
    scores, others, draws = _example()
    one = draws[:1].repeat(20, axis=0)
    mean = (scores - others)[draws[0]].mean()
    found = _asked(student, scores, others, one)
    assert np.allclose(found, mean), (
        f"If all draws are the same, both ends equal the mean of that draw, {mean:.4f}; yours are {found[0]:.4f} and "
        f"{found[1]:.4f}. Use the draws that you are given, not random numbers of your own."
    )
    expected = np.percentile((scores - others)[draws].mean(axis=1), [2.5, 97.5])
    assert np.allclose(_asked(student, scores, others, draws), expected), (
        f"The ends should be {expected[0]:.4f} and {expected[1]:.4f}."
    )


def _the_arguments_are_left_alone(student):
    given = _example()
    student(*given)
    for name, was, now in zip(("scores", "others", "draws"), _example(), given):
        assert np.array_equal(was, now), f"Your function changes its argument {name}. Work on a copy."


### BEGIN HIDDEN
def hidden_paired_interval(student, solution):
    for seed, n in ((11, 4), (12, 25)):
        example = _example(n=n, samples=300, seed=seed)
        assert np.allclose(_asked(student, *example), solution(*example)), (
            f"With other scores of {n} recordings your result differs from the solution's."
        )


### END HIDDEN
