"""Coding exercise of the chapter on evaluation.

Try yours: answers.check("evaluation-code", hits).
"""


def hits(reference, estimate, tolerance):
    """How many strokes of one key are hit, at most.

    reference: list of onsets in seconds, ascending
    estimate: list of predicted onsets in seconds, ascending
    tolerance: seconds; a difference equal to it is still within

    Returns a whole number: the size of the greatest matching. Each onset of either list is used once at most.
    """
    ### BEGIN SOLUTION: walk through both lists at once
    i = j = found = 0
    while i < len(reference) and j < len(estimate):
        late = estimate[j] - reference[i]
        if abs(late) <= tolerance + 1e-9:
            i, j, found = i + 1, j + 1, found + 1
        elif late < 0:
            j += 1  # too early for this stroke and for all later ones
        else:
            i += 1  # nobody is left for this stroke
    return found
    ### END SOLUTION
