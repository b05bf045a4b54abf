"""Coding exercise of the chapter on the constant-Q transform. To try it: answers.check("cqt-code", one_bin)."""

import numpy as np
from scipy.signal.windows import hann

SAMPLE_RATE = 22_050  # Hz
HOP = 256  # samples
BINS_PER_OCTAVE = 36


def one_bin(audio, frequency):
    """One bin of the constant-Q transform, computed from its definition.

    audio: array of shape (samples,); reflect it at both ends
    frequency: centre frequency of the bin in Hz

    Returns the magnitudes, an array of shape (samples // 256 + 1,). Frame t is centred on sample 256 t.
    """
    ### BEGIN SOLUTION: compute Q, build the window and the kernel, then take one inner product per frame
    quality = 1 / (2 ** (1 / BINS_PER_OCTAVE) - 1)
    length = int(np.ceil(quality * SAMPLE_RATE / frequency))
    n = np.arange(length) - length // 2
    window = hann(length, sym=False)
    kernel = window / window.sum() * np.exp(2j * np.pi * frequency * n / SAMPLE_RATE)
    padded = np.pad(audio, length // 2, mode="reflect")
    padded = np.append(padded, 0)  # a window of odd length needs one more sample
    frames = [padded[t * HOP : t * HOP + length] for t in range(len(audio) // HOP + 1)]
    return np.sqrt(length) * np.abs(np.array(frames) @ kernel.conj())
    ### END SOLUTION
