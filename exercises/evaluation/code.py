"""Coding exercise of the chapter on evaluation.

Check your solution with answers.check("evaluation-code", hits).
"""


def hits(reference, estimate, tolerance):
    """The largest possible number of hits among the strokes of one key.

    reference: list of onsets in seconds, in ascending order
    estimate: list of predicted onsets in seconds, in ascending order
    tolerance: in seconds; a difference equal to it is still within

    Returns a whole number, the size of a greatest matching. Each onset of either list is used at most once.
    """
    ### BEGIN SOLUTION: walk through both lists at once
    i = j = found = 0
    while i < len(reference) and j < len(estimate):
        late = estimate[j] - reference[i]
        if abs(late) <= tolerance + 1e-9:
            i, j, found = i + 1, j + 1, found + 1
        elif late < 0:
            j += 1  # this prediction is too early for all remaining strokes
        else:
            i += 1  # no remaining prediction is near enough to this stroke
    return found
    ### END SOLUTION
