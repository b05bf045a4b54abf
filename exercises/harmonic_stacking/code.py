"""Coding exercise of the chapter on harmonic stacking.

Try yours: answers.check("harmonic_stacking-code", stack).
"""

import numpy as np

BINS_PER_OCTAVE = 36
BINS = 264  # that are returned: the lowest ones


def stack(spectrum, harmonics, fill=0.0):
    """Copies of a spectrum, one for each harmonic, each shifted so that the harmonic meets its note.

    spectrum: array of shape (frames, 309), lowest bin first
    harmonics: positive numbers, such as (0.5, 1, 2, 3)
    fill: the value where the spectrum has no bin

    Returns an array of shape (len(harmonics), frames, 264).
    """
    ### BEGIN SOLUTION: for each harmonic its shift, and the bins that lie inside the spectrum
    frames, bins = spectrum.shape
    stacked = np.full((len(harmonics), frames, BINS), fill, dtype=float)
    for channel, h in zip(stacked, harmonics):
        source = np.arange(BINS) + round(BINS_PER_OCTAVE * np.log2(h))
        inside = (source >= 0) & (source < bins)
        channel[:, inside] = spectrum[:, source[inside]]
    return stacked
    ### END SOLUTION
