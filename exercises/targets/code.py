"""Coding exercise of the chapter on targets. To try your solution: answers.check("targets-code", make_targets)."""

import numpy as np

RATE, HOP = 22_050, 256  # samples per second; samples from frame to frame
KEYS = 88


def make_targets(onsets, offsets, keys, frames):
    """The targets Yn and Yo of some notes.

    onsets, offsets: seconds, arrays of shape (n,)
    keys: 0 to 87, array of shape (n,)
    frames: number of frames; notes beyond them are cut off

    Returns Yn and Yo, two arrays of shape (frames, 88). Yn is 1 from a note's onset frame to its offset frame,
    both included; Yo is 1 in the onset frame alone.
    """
    ### BEGIN SOLUTION: convert times to frames, then fill in note by note
    first = np.round(np.asarray(onsets) * RATE / HOP).astype(int)
    last = np.round(np.asarray(offsets) * RATE / HOP).astype(int)
    note, onset = np.zeros((frames, KEYS)), np.zeros((frames, KEYS))
    for a, b, key in zip(first, last, keys, strict=True):
        note[a : b + 1, key] = 1
        if a < frames:
            onset[a, key] = 1
    return note, onset
    ### END SOLUTION
