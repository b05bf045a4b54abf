"""Coding exercises of the chapter on training.

Try yours: answers.check("training-windows-code", windows) or answers.check("training-clip-code", shortened).
"""

import numpy as np


def windows(seed, step, clips, length, frames, count):
    """The windows of one step: from which clip, and from which frame on.

    seed: of the run, a whole number from 0
    step: a whole number from 0
    clips: how many clips there are
    length: frames in each clip
    frames: frames in a window
    count: how many windows

    Returns a list of `count` pairs (clip, first frame). All clips and all places at which a whole window fits are
    equally likely. The same seed and step always give the same list.
    """
    ### BEGIN SOLUTION: a generator that depends on seed and step and nothing else
    rng = np.random.default_rng([seed, step])
    chosen = rng.integers(clips, size=count)
    first = rng.integers(length - frames + 1, size=count)
    return list(zip(chosen.tolist(), first.tolist()))
    ### END SOLUTION


def shortened(gradients, limit):
    """Gradients whose common length is at most `limit`.

    gradients: list of arrays, of any shapes
    limit: a number above 0

    Returns a list of new arrays of the same shapes.
    """
    ### BEGIN SOLUTION: one length over all arrays, one factor for all
    length = np.sqrt(sum(np.sum(np.square(g)) for g in gradients))
    factor = min(1.0, limit / length) if length > 0 else 1.0
    return [factor * np.asarray(g) for g in gradients]
    ### END SOLUTION
