"""Coding exercise of the chapter on median filtering.

Check your solution with answers.check("median_filtering-code", median_filter).
"""

import numpy as np


def median_filter(matrix, size):
    """The median of the size × size window around every cell; beyond the border the nearest cell is repeated.

    matrix: shape (rows, columns)
    size: an odd number

    Returns an array of the same shape; the matrix itself is not changed.
    """
    ### BEGIN SOLUTION: look at the window around every cell
    side = size // 2
    wide = np.pad(matrix, side, mode="edge")
    filtered = np.empty(np.shape(matrix))
    for r, c in np.ndindex(filtered.shape):
        filtered[r, c] = np.median(wide[r : r + size, c : c + size])
    return filtered
    ### END SOLUTION
