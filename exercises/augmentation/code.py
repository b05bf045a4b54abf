"""Coding exercise of the chapter on augmentation.

Try yours: answers.check("augmentation-code", transpose).
"""

import numpy as np

BINS_PER_SEMITONE = 3
SILENCE = -100.0  # dB


def transpose(level, contour, note, semitones):
    """A training example moved up by some semitones (down if negative), picture and labels together.

    level: the constant-Q transform in dB, shape (frames, 309), lowest bin first
    contour: Yp, shape (frames, 264), three bins for each key
    note: Yn, shape (frames, 88)
    semitones: an integer

    Returns the three moved arrays, with the same shapes. Silence comes in at one end, and what leaves at the
    other is lost.
    """
    ### BEGIN SOLUTION: move each array by as many places as a semitone has in it

    def moved(source, by, empty):
        target, bins = np.full_like(source, empty, dtype=float), source.shape[1]
        target[:, max(by, 0) : bins + min(by, 0)] = source[:, max(-by, 0) : bins - max(by, 0)]
        return target

    bins = BINS_PER_SEMITONE * semitones
    return moved(level, bins, SILENCE), moved(contour, bins, 0), moved(note, semitones, 0)
    ### END SOLUTION
