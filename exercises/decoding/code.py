"""Coding exercise of the chapter on decoding.

Check your solution with answers.check("decoding-code", notes_of_key).
"""

import numpy as np


def notes_of_key(onset, note, threshold, low):
    """The notes of one key as a list of pairs (start, stop) of frames, the earliest first.

    onset: Yo of the key, shape (frames,)
    note: Yn of the key, shape (frames,)
    threshold: a note begins in frame t if onset[t] is at least `threshold`, not below onset[t - 1], and above
        onset[t + 1]. Beyond the ends of the recording, take 0 for onset.
    low: the note stops in the first frame after its start in which note is below `low`, and at the latest where
        the next note begins or the recording ends (stop = frames). It lasts for at least one frame.

    A note from start to stop sounds in the frames start, ..., stop - 1, like a slice in Python.
    """
    ### BEGIN SOLUTION: find the peaks of onset, and for each the frame where it stops
    frames = len(onset)
    before, after = np.append(0, onset[:-1]), np.append(onset[1:], 0)
    starts = np.flatnonzero((onset >= threshold) & (onset >= before) & (onset > after))
    found = []
    for start, following in zip(starts, np.append(starts[1:], frames)):
        stop = start + 1
        while stop < following and note[stop] >= low:
            stop += 1
        found.append((int(start), int(stop)))
    return found
    ### END SOLUTION
