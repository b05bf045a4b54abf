"""Test clips under disturbances, and the scores of a network under each of them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import torch

from ..audio.piano import render
from ..audio.recording import Recording
from ..audio.rooms import room
from ..augmentation.interference import babble, hum
from ..augmentation.waveforms import equalise, faster, gain, interfere, reverberate, white_noise
from ..data.maestro import full_notes
from ..evaluation import onset_scores
from ..model.inference import feature_posteriors, fixed_features
from ..model.network import Transcriber
from ..model.posteriorgram import Decoder
from ..notes.note_list import Notes


def _in_room(recording: Recording, rng: np.random.Generator) -> Recording:
    return reverberate(recording, room(rng, reverberation=1.5, direct=-3.0))


def _in_noise(recording: Recording, rng: np.random.Generator) -> Recording:
    return white_noise(recording, ratio=15.0, rng=rng)


def _dull(recording: Recording, rng: np.random.Generator) -> Recording:
    return equalise(recording, [400.0, 6400.0], [0.0, -24.0])


def _faint(recording: Recording, rng: np.random.Generator) -> Recording:
    return gain(recording, -20.0)


def _high(recording: Recording, rng: np.random.Generator) -> Recording:
    return faster(recording, 2 ** (4 / 12))


def _amid_voices(recording: Recording, rng: np.random.Generator) -> Recording:
    return interfere(recording, babble(recording.seconds, rng=rng, rate=recording.rate), ratio=6.0)


def _with_hum(recording: Recording, rng: np.random.Generator) -> Recording:
    return interfere(recording, hum(recording.seconds, frequency=100.0, rate=recording.rate), ratio=6.0)


CONDITIONS: dict[str, Callable[[Recording, np.random.Generator], Recording]] = {
    "clean": lambda recording, rng: recording,
    "room": _in_room,
    "noise": _in_noise,
    "dull": _dull,
    "faint": _faint,
    "transposed": _high,
    "voices": _amid_voices,
    "hum": _with_hum,
}  # the kinds of changes that training makes, most of them harsher
EXCERPTS = [(name, 20.0 * i) for name in ("chopin-nocturne", "beethoven-menuetto") for i in range(1, 7)]
EXCERPT_SECONDS = 20.0


def disturbed_clip(name: str, start: float, condition: str) -> Recording:
    """Twenty seconds of a performance not used in training, on the book's own piano, under one condition.

    >>> clip = disturbed_clip("chopin-nocturne", 20.0, "noise")
    >>> clip.seconds, len(clip.notes) > 20
    (20.0, True)
    """
    notes = full_notes(name).between(start, start + EXCERPT_SECONDS)
    clean = replace(render(notes, seconds=EXCERPT_SECONDS), notes=notes)
    return CONDITIONS[condition](clean, np.random.default_rng(int(start)))


@cache
def _test_features(condition: str) -> list[tuple[torch.Tensor, Notes]]:
    """Features (1, frames, 309) on the fixed scale, and notes, of all test clips."""
    clips = [disturbed_clip(name, start, condition) for name, start in EXCERPTS]
    return [(fixed_features(clip), clip.reference) for clip in clips]


def robustness(model: Transcriber, decoder: Decoder, conditions: Iterable[str] = CONDITIONS) -> dict[str, list[float]]:
    """Fno on each test clip, by condition: a row of the robustness table (eq-robust)."""
    return {
        condition: [
            onset_scores(notes, decoder(feature_posteriors(model, features)))["Fno"]
            for features, notes in _test_features(condition)
        ]
        for condition in conditions
    }
