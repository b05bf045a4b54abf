"""Coding exercise of the last chapter.

Try yours: answers.check("beyond-code", relative_attention).
"""

import numpy as np


def relative_attention(queries, keys, values, distance):
    """Attention among n places, with a learned number for each distance.

    queries, keys: shape (n, d); row i belongs to place i
    values: shape (n, v); row i is the value of place i
    distance: shape (2 n - 1,); entry j - i + n - 1 is added to the score of place i with place j, so the middle
        entry is for a place and itself, and the last entry for the first place and the last

    Returns the output of each place, shape (n, v). Scores are divided by the root of d before the distance is added;
    the weights of each place are positive and add up to 1. Scores may be as large as a thousand.
    """
    ### BEGIN SOLUTION: scores of all pairs, what the distances add, the softmax of each row, and the sum
    n, d = np.shape(queries)
    scores = np.asarray(queries, dtype=float) @ np.asarray(keys, dtype=float).T / np.sqrt(d)
    apart = np.arange(n) - np.arange(n)[:, None]  # from the place of the query to that of the key
    scores = scores + np.asarray(distance)[apart + n - 1]
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ np.asarray(values, dtype=float)
    ### END SOLUTION
