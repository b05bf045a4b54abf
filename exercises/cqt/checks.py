"""What a solution must do; the messages are for the reader."""

import numpy as np
import torch

from nmp_lessons.constants import NMP
from nmp_lessons.cqt import CQT, window_lengths

RATE, HOP = NMP.sample_rate, NMP.hop


def check_one_bin(student):
    _right_shape(student)
    _half_of_a_sine(student)
    _silent_far_away(student)
    _centred(student)
    _as_the_library(student)


def _right_shape(student):
    found = student(np.zeros(RATE), 440.0)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert np.shape(found) == (RATE // HOP + 1,), (
        f"A second of audio has {RATE // HOP + 1} frames, one every {HOP} samples and one at the start; "
        f"yours has shape {np.shape(found)}."
    )
    assert not np.iscomplexobj(found), "Return magnitudes: take the absolute value."
    assert np.allclose(found, 0), "Silence should give zeros."


def _sine(frequency, seconds=2):
    return np.sin(2 * np.pi * frequency / RATE * np.arange(seconds * RATE))


def _half_of_a_sine(student):
    length = window_lengths(440.0)
    found = float(student(_sine(440.0), 440.0)[86])
    right = np.sqrt(length) / 2
    assert not np.isclose(found, 0.5, rtol=1e-2), "A factor is missing: multiply by the root of the window's length."
    assert not np.isclose(found, length**1.5 / 4, rtol=1e-2), "Divide the window by its sum."
    assert np.isclose(found, right, rtol=5e-3), (
        f"A sine of amplitude 1 on the bin should give ½ · √{length} = {right:.2f}; yours gives {found:.2f}."
    )


def _silent_far_away(student):
    found = float(student(_sine(440.0), 880.0)[86])
    assert found < 0.05, (
        f"A sine an octave below should leave the bin almost silent; yours gives {found:.3f}. Is the window a Hann window?"
    )


def _centred(student):
    click = np.zeros(2 * RATE)
    click[86 * HOP] = 1
    found = int(np.argmax(student(click, 440.0)))
    assert found == 86, f"A click on sample 86 · 256 should be loudest in frame 86; in yours it is in frame {found}."


def _as_the_library(student):
    audio = np.random.default_rng(5).standard_normal(3 * RATE)
    cqt = CQT(dtype=torch.float64)
    right = cqt(torch.from_numpy(audio)[None])[0].numpy()
    for k in (283, 306):  # the top octave, which the library, too, computes without halving; even windows
        found = student(audio, cqt.frequencies[k])
        error = np.abs(found - right[k]).max() / right[k].max()
        assert error < 1e-6, (
            f"On noise, bin {k} ({cqt.frequencies[k]:.0f} Hz) differs from the library's by {100 * error:.1f} %. "
            "Look at the ends: is the audio reflected there?"
        )


### BEGIN HIDDEN
def hidden_one_bin(student, solution):
    random = np.random.default_rng(11)
    for frequency in (110.0, 233.08, 1760.0):
        audio = random.standard_normal(3 * RATE) + _sine(frequency * 1.003, seconds=3)
        inside = slice(100, 150)
        found, right = student(audio, frequency)[inside], solution(audio, frequency)[inside]
        assert np.allclose(found, right, rtol=0.02, atol=0.01), f"In noise, the bin of {frequency:g} Hz differs."


### END HIDDEN
