"""Coding exercise of the first chapter. Try yours: answers.check("hearing-shared", shared_partials)."""

import math


def shared_partials(first, second, count, cents):
    """At which partials two notes meet.

    first, second: fundamental frequencies in Hz; the partials are their whole multiples
    count: how many partials of each note to look at
    cents: two partials meet if they are at most this far apart, in hundredths of a semitone

    Returns a list of pairs (h, k): partial h of the first note meets partial k of the second, ordered by h.
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
