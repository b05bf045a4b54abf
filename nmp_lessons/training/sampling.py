"""Batches: random windows of a corpus that depend on the seed and the step alone."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from ..audio.recording import Recording
from ..constants import NMP
from ..cqt import CQT, on_fixed_scale
from ..data.maestro import book_set
from ..data.store import CLIP_FRAMES, CLIP_SECONDS, ONSET_STEPS, StoredClips, levels
from ..errors import InputError
from ..model.inference import at_model_rate
from ..model.network import Heads
from ..notes.note_list import Notes
from ..targets import on_contour_bins
from .corpus import stored_clip
from .distillation import distilled
from .recipe import Recipe


class Clips:
    """Minutes of recordings with their notes, as a corpus in memory that `nmp_lessons.training.train` accepts.

    Parameters
    ----------
    recordings
        Recordings with notes. The first minute of each is used, so each must last at least that long.

    Raises
    ------
    InputError
        If there are none, one is shorter than a minute, or one has no notes.
    """

    def __init__(self, recordings: Sequence[Recording]):
        if not recordings:
            raise InputError("there are no recordings to train on; give at least one.")
        for recording in recordings:
            if recording.notes is None or recording.seconds < CLIP_SECONDS:
                raise InputError(f"{recording.title or 'recording'}: give at least {CLIP_SECONDS} s, with notes.")
        minutes = [recording.excerpt(0, CLIP_SECONDS) for recording in recordings]
        cqt = CQT()
        clips = [stored_clip(at_model_rate(minute), minute.reference, cqt) for minute in minutes]
        self.features, self.note, self.onset = (np.stack(part) for part in zip(*clips, strict=True))
        self._notes = [minute.reference for minute in minutes]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of features and targets."""
        return hashlib.sha256(b"".join(a.tobytes() for a in (self.features, self.note, self.onset))).hexdigest()

    def __len__(self) -> int:
        return len(self.features)

    def notes(self, clip: int) -> Notes:
        """The notes of one clip."""
        return self._notes[clip]


def book_clips() -> Clips:
    """A minute of each of the book's eight training performances."""
    return Clips([one.segment() for one in book_set().performances("train")])


def batch(recipe: Recipe, corpus: StoredClips, step: int) -> tuple[torch.Tensor, Heads]:
    """Features and targets of one step: random windows, augmented, depending on (seed, step) alone."""
    rng = np.random.default_rng([recipe.seed, step])
    windows = draw_windows(recipe, len(corpus), rng)
    features = torch.from_numpy(on_fixed_scale(levels(np.stack([corpus.features[w] for w in windows]))))
    targets = stored_targets(np.stack([corpus.note[w] for w in windows]), np.stack([corpus.onset[w] for w in windows]))
    if recipe.teacher:
        targets = distilled(targets, features, teacher=recipe.teacher, share=recipe.share)
    if recipe.augmentation is None:
        return features, targets
    return recipe.augmentation(features, targets, rng=rng)


def draw_windows(recipe: Recipe, clips: int, rng: np.random.Generator) -> list[tuple[int, slice]]:
    """The windows of one batch, each given by its clip and its frames; all places are equally likely.

    >>> recipe = Recipe("", batch=2, frames=172)
    >>> draw_windows(recipe, 10, np.random.default_rng([recipe.seed, 0]))
    [(8, slice(2554, 2726, None)), (6, slice(1348, 1520, None))]
    """
    chosen = rng.integers(clips, size=recipe.batch).tolist()
    starts = rng.integers(CLIP_FRAMES - recipe.frames + 1, size=recipe.batch).tolist()
    return [(clip, slice(start, start + recipe.frames)) for clip, start in zip(chosen, starts, strict=True)]


def stored_targets(note: np.ndarray, onset: np.ndarray) -> Heads:
    """Targets (batch, frames, 264 or 88), float32, from those that a corpus stores."""
    yn = note.astype(np.float32)
    yp = on_contour_bins(yn.reshape(-1, NMP.keys)).reshape(*yn.shape[:-1], NMP.contour_bins)
    return Heads(*(torch.from_numpy(y) for y in (yp, yn, onset.astype(np.float32) / ONSET_STEPS)))


def batches(recipe: Recipe, corpus: StoredClips, start: int) -> Iterator[tuple[torch.Tensor, Heads]]:
    """The batches from a step on; each is made while the previous one is being used."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(batch, recipe, corpus, start)
        for step in range(start, recipe.steps):
            ready = coming.result()
            if step + 1 < recipe.steps:
                coming = worker.submit(batch, recipe, corpus, step + 1)
            yield ready
