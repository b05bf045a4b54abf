"""Coding exercises of the chapter on training.

Try yours: answers.check("training-windows-code", windows) or answers.check("training-clip-code", shortened).
"""

import numpy as np


def windows(seed, step, clips, length, frames, count):
    """The windows of one step: the clip each is taken from, and its first frame.

    seed: the seed of the run, an integer from 0
    step: the number of the step, an integer from 0
    clips: the number of clips
    length: the number of frames in each clip
    frames: the number of frames in a window
    count: the number of windows

    Returns a list of `count` pairs (clip, first frame). All clips are equally likely, and so are all places at
    which a whole window fits. The same seed and step always give the same list.
    """
    ### BEGIN SOLUTION: a generator that depends on seed and step and nothing else
    rng = np.random.default_rng([seed, step])
    chosen = rng.integers(clips, size=count)
    first = rng.integers(length - frames + 1, size=count)
    return list(zip(chosen.tolist(), first.tolist()))
    ### END SOLUTION


def shortened(gradients, limit):
    """The gradients, shortened if necessary so that their common length is at most `limit`.

    gradients: a list of arrays of any shapes
    limit: a positive number

    Returns a list of new arrays of the same shapes.
    """
    ### BEGIN SOLUTION: one length over all arrays, one factor for all
    length = np.sqrt(sum(np.sum(np.square(g)) for g in gradients))
    factor = min(1.0, limit / length) if length > 0 else 1.0
    return [factor * np.asarray(g) for g in gradients]
    ### END SOLUTION
