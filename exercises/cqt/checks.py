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
    assert found is not None, "Your function returns nothing. Is a return statement missing?"
    assert np.shape(found) == (RATE // HOP + 1,), (
        f"For one second of audio, return {RATE // HOP + 1} values: the first frame is at sample 0, then there is one "
        f"every {HOP} samples. Your result has shape {np.shape(found)}."
    )
    assert not np.iscomplexobj(found), "Return magnitudes, that is, absolute values; yours are complex."
    assert np.allclose(found, 0), "For silence, every magnitude should be 0."


def _sine(frequency, seconds=2):
    return np.sin(2 * np.pi * frequency / RATE * np.arange(seconds * RATE))


def _half_of_a_sine(student):
    length = window_lengths(440.0)
    found = float(student(_sine(440.0), 440.0)[86])
    right = np.sqrt(length) / 2
    assert not np.isclose(found, 0.5, rtol=1e-2), (
        "A factor is missing: multiply by the square root of the window's length."
    )
    assert not np.isclose(found, length**1.5 / 4, rtol=1e-2), "Divide the window by its sum."
    assert np.isclose(found, right, rtol=5e-3), (
        f"A sine of amplitude 1 at the bin's frequency should give ½ · √{length} = {right:.2f}; yours gives {found:.2f}."
    )


def _silent_far_away(student):
    found = float(student(_sine(440.0), 880.0)[86])
    assert found < 0.05, (
        f"A sine an octave below the bin should give almost 0, but yours gives {found:.3f}. Is your window a Hann window?"
    )


def _centred(student):
    click = np.zeros(2 * RATE)
    click[86 * HOP] = 1
    found = int(np.argmax(student(click, 440.0)))
    assert found == 86, f"A click at sample 86 · 256 should be loudest in frame 86; yours is loudest in frame {found}."


def _as_the_library(student):
    audio = np.random.default_rng(5).standard_normal(3 * RATE)
    cqt = CQT(dtype=torch.float64)
    right = cqt(torch.from_numpy(audio)[None])[0].numpy()
    for k in (283, 306):  # in the top octave, where the library doesn't halve either; both windows have an even length
        found = student(audio, cqt.frequencies[k])
        error = np.abs(found - right[k]).max() / right[k].max()
        assert error < 1e-6, (
            f"For noise, bin {k} ({cqt.frequencies[k]:.0f} Hz) differs from the library's by up to {100 * error:.1f} %. "
            "Check both ends: did you reflect the audio there?"
        )


### BEGIN HIDDEN
def hidden_one_bin(student, solution):
    random = np.random.default_rng(11)
    for frequency in (110.0, 233.08, 1760.0):
        audio = random.standard_normal(3 * RATE) + _sine(frequency * 1.003, seconds=3)
        inside = slice(100, 150)
        found, right = student(audio, frequency)[inside], solution(audio, frequency)[inside]
        assert np.allclose(found, right, rtol=0.02, atol=0.01), (
            f"For noise with a sine, the bin at {frequency:g} Hz is wrong."
        )


### END HIDDEN
