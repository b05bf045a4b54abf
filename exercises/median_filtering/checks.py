"""Checks of the coding exercise; their messages are for the reader."""

import numpy as np
from scipy import ndimage


def check_median_filter(student):
    _right_shape(student)
    _a_lonely_cell_goes(student)
    _an_edge_stays(student)
    _filtered_cells_are_not_filtered_again(student)
    _the_border(student)
    _as_scipy(student)
    _the_matrix_is_left_alone(student)


def _right_shape(student):
    found = student(np.zeros((4, 7)), 3)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert np.shape(found) == (4, 7), f"A matrix of shape (4, 7) should keep its shape; yours has {np.shape(found)}."


def _a_lonely_cell_goes(student):
    matrix = np.zeros((5, 5))
    matrix[2, 2] = 9
    found = np.asarray(student(matrix, 3))
    assert not np.isclose(found[2, 2], 1), "The isolated 9 became 1, which is the mean of its window. Take the median."
    assert not found.any(), f"An isolated 9 among zeros should be removed; yours leaves {found.max():g}."


def _an_edge_stays(student):
    matrix = np.tile([0.0, 0, 0, 5, 5, 5], (5, 1))
    found = np.asarray(student(matrix, 3))
    assert np.array_equal(found[2], matrix[2]), (
        f"The edge 0 0 0 5 5 5 should stay unchanged; yours gives {found[2].tolist()}."
    )


def _filtered_cells_are_not_filtered_again(student):
    matrix = np.random.default_rng(1).integers(0, 10, (6, 6)).astype(float)
    in_place = np.pad(matrix, 1, mode="edge")
    for r, c in np.ndindex(matrix.shape):
        in_place[r + 1, c + 1] = np.median(in_place[r : r + 3, c : c + 3])
    found = np.asarray(student(matrix.copy(), 3))
    assert not np.array_equal(found, in_place[1:-1, 1:-1]), (
        "Your windows contain cells that have already been filtered. Write the results into a new array."
    )


def _the_border(student):
    matrix = np.full((4, 4), 5.0)
    found = np.asarray(student(matrix, 3))
    assert (found == 5).all(), (
        "A constant matrix should stay constant right up to its border. What does your function put beyond it?"
    )
    corner = np.zeros((5, 5))
    corner[0, :2] = corner[1, 0] = 9
    found = np.asarray(student(corner, 3))
    assert found[0, 0] == 9, (
        "With the nearest cell repeated, the first window of the corner 9 9 / 9 0 holds eight nines; "
        f"yours gives {found[0, 0]:g} there."
    )


def _as_scipy(student):
    matrix = np.random.default_rng(2).standard_normal((9, 8))
    for size in (1, 3, 5):
        expected = ndimage.median_filter(matrix, size, mode="nearest")
        found = np.asarray(student(matrix.copy(), size))
        wrong = int((~np.isclose(found, expected)).sum())
        assert not wrong, f"With size {size}, {wrong} of {matrix.size} cells differ from SciPy's."


def _the_matrix_is_left_alone(student):
    matrix = np.arange(12.0).reshape(3, 4)[:, ::-1].copy()
    matrix[1, 1] = 50
    before = matrix.copy()
    student(matrix, 3)
    assert np.array_equal(matrix, before), "Your function changes the matrix it is given. Work on a copy."


### BEGIN HIDDEN
def hidden_median_filter(student, solution):
    random = np.random.default_rng(11)
    for shape, size in (((3, 11), 3), ((12, 5), 5), ((9, 9), 7)):
        matrix = random.integers(0, 30, shape).astype(float)
        wrong = int((~np.isclose(student(matrix.copy(), size), solution(matrix, size))).sum())
        assert not wrong, f"A random matrix of {shape} with size {size}: {wrong} cells differ."


### END HIDDEN
