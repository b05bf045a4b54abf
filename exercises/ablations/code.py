"""Coding exercise of the chapter on ablations.

Try yours: answers.check("ablations-code", paired_interval).
"""

import numpy as np


def paired_interval(scores, others, draws):
    """A 95 % interval for the mean difference of two networks on the same recordings.

    scores, others: the scores of the two networks, shape (n,); entry i of each belongs to recording i
    draws: whole numbers from 0 to n - 1, shape (samples, n); each row is one draw of n recordings with
        replacement (they are given so that your result can be checked to the last digit)

    Returns two numbers: the percentiles 2.5 and 97.5 of the mean differences (scores minus others), of which there
    is one for each row of draws.
    """
    ### BEGIN SOLUTION: subtract recording by recording, average each draw, and take two percentiles
    differences = np.asarray(scores, dtype=float) - np.asarray(others, dtype=float)
    means = differences[np.asarray(draws)].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
    ### END SOLUTION
