"""Coding exercise of the chapter on the constant-Q transform. Try yours: answers.check("cqt-code", one_bin)."""

import numpy as np
from scipy.signal.windows import hann

SAMPLE_RATE = 22_050  # Hz
HOP = 256  # samples
BINS_PER_OCTAVE = 36


def one_bin(audio, frequency):
    """One bin of the constant-Q transform, by its definition.

    audio: array of shape (samples,); it is continued by reflection at both ends
    frequency: of the bin, in Hz

    Returns the magnitudes, an array of shape (samples // 256 + 1,); frame t is centred on sample 256 t.
    """
    ### BEGIN SOLUTION: Q, window, kernel, and one inner product for each frame
    quality = 1 / (2 ** (1 / BINS_PER_OCTAVE) - 1)
    length = int(np.ceil(quality * SAMPLE_RATE / frequency))
    n = np.arange(length) - length // 2
    window = hann(length, sym=False)
    kernel = window / window.sum() * np.exp(2j * np.pi * frequency * n / SAMPLE_RATE)
    padded = np.pad(audio, length // 2, mode="reflect")
    padded = np.append(padded, 0)  # an odd window reaches one sample further
    frames = [padded[t * HOP : t * HOP + length] for t in range(len(audio) // HOP + 1)]
    return np.sqrt(length) * np.abs(np.array(frames) @ kernel.conj())
    ### END SOLUTION
