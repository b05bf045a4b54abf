"""What a solution must do; the messages are addressed to the reader."""

import numpy as np
import torch
import torch.nn.functional as F


def check_relative_attention(student):
    _one_place_returns_its_own_value(student)
    _equal_scores_give_the_mean(student)
    _distances_count_from_the_query(student)
    _scores_are_scaled(student)
    _as_the_library(student)
    _large_scores_do_not_overflow(student)
    _the_arguments_are_left_alone(student)


def _asked(student, *example):
    found = student(*example)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    found, expected = np.asarray(found, dtype=float), (len(example[0]), example[2].shape[1])
    assert found.shape == expected, f"Return the shape {expected}, with a row for each place; yours is {found.shape}."
    return found


def _example(n=6, d=4, v=3, seed=0):
    rng = np.random.default_rng(seed)
    queries, keys = rng.normal(size=(2, n, d))
    return queries, keys, rng.normal(size=(n, v)), rng.normal(size=2 * n - 1)


def _one_place_returns_its_own_value(student):
    found = _asked(student, np.ones((1, 2)), np.ones((1, 2)), np.array([[5.0, 7.0]]), np.array([3.0]))
    assert np.allclose(found, [[5, 7]]), (
        "With a single place the output is its own value, whatever the score. Do your weights add up to 1?"
    )


def _equal_scores_give_the_mean(student):
    values = np.array([[0.0], [3.0], [9.0]])
    found = _asked(student, np.zeros((3, 2)), np.ones((3, 2)), values, np.zeros(5))
    assert np.allclose(found, 4), (
        f"With equal scores and no distances every output is the mean, 4; yours are {found[:, 0].round(2)}. "
        "Over which axis do your weights add up to 1?"
    )


def _distances_count_from_the_query(student):
    values = np.array([[0.0], [10.0], [20.0]])
    next_one = np.array([0.0, 0, 0, 50, 0])  # distance 1
    found = _asked(student, np.zeros((3, 2)), np.zeros((3, 2)), values, next_one)
    assert not np.allclose(found[1], 0, atol=1e-6), (
        "With a large number for distance 1 the output of the middle place is the value after it; yours is the one before."
    )
    assert np.allclose(found[:2, 0], [10, 20]), (
        f"With a large number for distance 1 the first two outputs are the next values, 10 and 20; yours are {found[:2, 0].round(2)}."
    )


def _scores_are_scaled(student):
    queries = keys = np.array([[2.0, 0, 0, 0], [0, 0, 0, 0]])
    found = _asked(student, queries, keys, np.array([[1.0], [0.0]]), np.zeros(3))
    e = np.e
    assert not np.isclose(found[0, 0], e**4 / (e**4 + 1)), "Divide the scores by the root of d before the softmax."
    assert np.isclose(found[0, 0], e**2 / (e**2 + 1)), (
        f"Here the first place scores 4 / 2 = 2 with itself and 0 with the other, so its output is "
        f"{e**2 / (e**2 + 1):.4f}; yours is {found[0, 0]:.4f}."
    )


def _as_the_library(student):
    queries, keys, values, distance = _example()
    n = len(queries)
    bias = distance[np.arange(n) - np.arange(n)[:, None] + n - 1]
    asked = (torch.from_numpy(each)[None] for each in (queries, keys, values))
    expected = F.scaled_dot_product_attention(*asked, attn_mask=torch.from_numpy(bias)[None])[0].numpy()
    found = _asked(student, queries, keys, values, distance)
    assert np.allclose(found, expected), (
        f"On a random example PyTorch's attention outputs {expected[0].round(3)} at the first place; yours {found[0].round(3)}. "
        "Is the distance added to the score, before the softmax?"
    )


def _large_scores_do_not_overflow(student):
    with np.errstate(over="ignore", invalid="ignore"):
        found = _asked(student, np.array([[1000.0], [0.0]]), np.array([[1.0], [0.0]]), np.eye(2), np.zeros(3))
    assert np.isfinite(found).all(), (
        "A score of 1000 overflows: its exponential is too large. Subtract the largest score of each row first; "
        "the weights stay the same."
    )
    assert np.allclose(found[0], [1, 0]), (
        "With scores of 1000 and 0, the first output is the value of the first place alone."
    )


def _the_arguments_are_left_alone(student):
    given = _example()
    student(*given)
    for name, was, now in zip(("queries", "keys", "values", "distance"), _example(), given):
        assert np.array_equal(was, now), f"Your function changes its argument {name}. Work on a copy."


### BEGIN HIDDEN
def hidden_relative_attention(student, solution):
    for seed, n in ((11, 3), (12, 9)):
        example = _example(n=n, d=5, v=2, seed=seed)
        assert np.allclose(_asked(student, *example), solution(*example)), (
            f"With another row of {n} places your outputs differ."
        )


### END HIDDEN
