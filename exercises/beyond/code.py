"""Coding exercise of the last chapter.

Try yours: answers.check("beyond-code", relative_attention).
"""

import numpy as np


def relative_attention(asks, keys, values, distance):
    """Attention among n places, with a number for each distance.

    asks, keys: shape (n, d); row i belongs to place i
    values: shape (n, v); what there is to hear at each place
    distance: shape (2 n - 1,); entry j - i + n - 1 is added to the score with which place i asks place j, so the
        middle entry is for a place that asks itself, and the last for the first place asking the last

    Returns what each place hears, shape (n, v). Scores are divided by the root of d before the distance is added;
    each place's weights are positive and sum to 1. Scores may be as large as a thousand.
    """
    ### BEGIN SOLUTION: scores of all pairs, what the distances add, the softmax of each row, and the sum
    n, d = np.shape(asks)
    scores = np.asarray(asks, dtype=float) @ np.asarray(keys, dtype=float).T / np.sqrt(d)
    apart = np.arange(n) - np.arange(n)[:, None]  # from the one who asks to the one who is asked
    scores = scores + np.asarray(distance)[apart + n - 1]
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ np.asarray(values, dtype=float)
    ### END SOLUTION
