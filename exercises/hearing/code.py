"""Coding exercise of the first chapter.

Check your solution with answers.check("hearing-shared", shared_partials).
"""

import math


def shared_partials(first, second, count, cents):
    """The pairs of partials at which two notes coincide.

    first, second: fundamental frequencies in Hz; the partials are their integer multiples
    count: how many partials of each note to compare
    cents: two partials coincide if they are at most this far apart; 100 cents make a semitone

    Returns a list of pairs (h, k), ordered by h: partial h of the first note coincides with partial k of the second.
    """
    ### BEGIN SOLUTION: compare every partial of the first note with every partial of the second
    pairs = []
    for h in range(1, count + 1):
        for k in range(1, count + 1):
            distance = 1200 * abs(math.log2(h * first / (k * second)))
            if distance <= cents:
                pairs.append((h, k))
    return pairs
    ### END SOLUTION
