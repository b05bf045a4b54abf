"""Training in the page: the reader's browser trains a network of this book on a few minutes of music.

`page_training` gives a live control (`nmp_lessons.book.show.live`) what its script needs: a recipe, the windows of each
of its steps, PyTorch's run of it, and the address of a file with the clips, the initial weights and PyTorch's gradient
of the first batch. ``web/src/live/trainer.ts`` fetches that file, and the library that differentiates the loss, when
the reader asks, and trains only if it finds the same gradient.
"""

import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import NamedTuple, cast

import numpy as np
import torch

from ...augmentation.features import FeatureAugmentation
from ...constants import NMP
from ...cross_entropy import Loss
from ...decoding.fitting import best_threshold
from ...decoding.peak_decoder import PeakDecoder
from ...errors import InputError
from ...evaluation import onset_scores
from ...model.network import Config, Heads, NMPNet
from ...notes.note_list import Notes
from ...training.loop import Task, new_model, recalibrate_batchnorm, train
from ...training.recipe import Recipe
from ...training.sampling import Clips, batch, draw_windows
from ...training.validation import clip_posteriors
from ..bundle import data_uri

TOLERANCE = 1e-3  # of the first gradient, as a proportion of its length
SLOW = 500  # milliseconds that a gradient takes on a graphics card that only pretends to be one
PIECE_FRAMES = 972  # of the pieces that it is tested on: 11.3 s
RECALIBRATION = 2  # batches
UNCHANGED = FeatureAugmentation(semitones=0, equaliser=0.0, level=0.0, dark=0.0, cutoff=0.0, noise=None)
CANCELLED = ("contour.bias", "onset.bias")  # batch normalisation subtracts them again


class Run(NamedTuple):
    """What a page draws of a run: the loss of each batch, (step, F) of each test, and the notes of the last one."""

    losses: list[float]
    tests: list[tuple[int, float]]
    notes: Notes


def page_run(recipe: Recipe, clips: Clips, pieces: Clips, *, thresholds: Sequence[float], every: int = 10) -> Run:
    """Train with PyTorch, and test as the page does.

    Of the two `pieces`, each cut after 11.3 s, the first chooses the threshold, and the second is transcribed. Raises
    `InputError` if the recipe has fewer steps than there are between two tests.
    """
    if recipe.steps < every:
        raise InputError(f"{recipe.name}: {recipe.steps} steps end before the first test; give at least {every}.")
    tests, record, found = [], {}, Notes([], [], [])
    with tempfile.TemporaryDirectory() as folder:
        for step in range(every, recipe.steps + 1, every):
            model, record = train(recipe, clips, folder=folder, stop_at=step, save_every=1)
            model = recalibrate_batchnorm(model, recipe, clips, count=RECALIBRATION)
            one, other = (clip_posteriors(model, features[:PIECE_FRAMES]) for features in pieces.features)
            decoder, _ = best_threshold(PeakDecoder(), [(one, heard(pieces, 0))], thresholds=thresholds)
            found = decoder(other)
            tests.append((step, onset_scores(heard(pieces, 1), found)["Fno"]))
    return Run([line[1] for line in record["losses"]], tests, found)


def heard(pieces: Clips, piece: int) -> Notes:
    """The notes that begin in the frames that are tested."""
    return pieces.notes(piece).between(0, PIECE_FRAMES / NMP.frame_rate)


def page_training(
    recipe: Recipe,
    clips: Clips,
    pieces: Clips,
    *,
    run: Run,
    losses: Mapping[str, Loss],
    augmentations: Mapping[str, FeatureAugmentation | None],
    thresholds: Sequence[float],
    every: int = 10,
) -> dict:
    """The data of a live control with which a reader trains a network.

    Parameters
    ----------
    recipe
        How the page trains by itself: an `NMPNet`, with AdamW and no augmentation.
    clips
        What it is trained on; a minute takes about 1 MB.
    pieces
        Two pieces, as in `page_run`.
    run
        PyTorch's run of the recipe, which the page shows for comparison.
    losses
        By the labels of the setting "loss".
    augmentations
        By the labels of the setting "augmentation"; a transposition, a change of level, a noise floor.
    thresholds, every
        The thresholds to choose from, and the number of steps between two tests.

    Raises
    ------
    InputError
        If the page can't train by this recipe, with one of the losses, or with one of the augmentations.
    """
    _check(recipe, losses)
    features, targets = batch(recipe, clips, 0)
    model = cast(NMPNet, new_model(recipe, features))
    loss, gradient = _first_gradient(model, recipe, features, targets)
    weights = {name: w.detach() for name, w in model.named_parameters() if name in gradient}
    stored = [w.numpy() for w in (*weights.values(), *gradient.values())]
    stored += [part for clip in zip(clips.features, clips.note, clips.onset, strict=True) for part in clip]
    stored += [piece[:PIECE_FRAMES] for piece in pieces.features]
    data = zlib.compress(b"".join(part.tobytes() for part in stored), 9)
    plan = {
        "recipe": _settings(recipe),
        "windows": [_windows(recipe, len(clips), step) for step in range(recipe.steps)],
        "front": _front(model),
        "weights": [{"name": name, "shape": list(w.shape)} for name, w in weights.items()],
        "clips": len(clips),
        "clipFrames": clips.features.shape[1],
        "pieces": [_rows(heard(pieces, i)) for i in range(2)],
        "pieceFrames": PIECE_FRAMES,
        "context": model.context,
        "every": every,
        "recalibration": RECALIBRATION,
        "decoder": asdict(PeakDecoder()),
        "thresholds": [float(threshold) for threshold in thresholds],
        "period": 1 / NMP.frame_rate,
        "loss": loss,
        "tolerance": TOLERANCE,
        "slow": SLOW,
    }
    return {
        "file": data_uri(data, "application/octet-stream"),
        "size": len(data),
        "plan": plan,
        "run": {"losses": [round(value, 5) for value in run.losses], "tests": run.tests},
        "losses": {label: _kind(one) for label, one in losses.items()},
        "augmentations": {label: _change(one) for label, one in augmentations.items()},
    }


def _check(recipe: Recipe, losses: Mapping[str, Loss]) -> None:
    config = recipe.model
    if not isinstance(config, Config) or replace(config, harmonics=()) != Config(
        padding="centred", normalisation="fixed", harmonics=()
    ):
        raise InputError(
            f"{recipe.name}: the page trains the network of Config, centred, on the fixed scale, and no other."
        )
    if recipe.optimiser != "adamw" or recipe.augmentation is not None or recipe.frozen or recipe.start:
        raise InputError(
            f"{recipe.name}: the page trains all layers with AdamW; give no augmentation, start or frozen layers."
        )
    for label, loss in {"the recipe": recipe.loss, **losses}.items():
        if loss.kind == "class_means" or loss.smoothing or not set(loss.gamma) <= {1, 2}:
            raise InputError(
                f"{label}: the page has plain, weighted and focal losses, with γ of 1 or 2 and no smoothing."
            )


def _first_gradient(model: NMPNet, recipe: Recipe, features: torch.Tensor, targets: Heads):
    """The loss of the first batch in training, and its gradient by the names of the weights."""
    task = Task(model, recipe.loss).train()
    model.input_norm.eval()
    loss, _ = task(features, *targets)
    loss.backward()
    learned = {name: w.grad for name, w in model.named_parameters() if name not in CANCELLED}
    return loss.item(), {name: slope.contiguous() for name, slope in learned.items() if slope is not None}


def _settings(recipe: Recipe) -> dict:
    return {
        "steps": recipe.steps,
        "frames": recipe.frames,
        "learningRate": recipe.learning_rate,
        "warmUp": recipe.warm_up,
        "coolDown": recipe.cool_down,
        "average": recipe.average,
        "weightDecay": recipe.weight_decay,
        "clip": recipe.clip,
        "loss": _kind(recipe.loss),
    }


def _kind(loss: Loss) -> dict:
    return {"kind": loss.kind, "positive": loss.positive, "gamma": loss.gamma, "heads": loss.heads}


def _change(augmentation: FeatureAugmentation | None) -> dict:
    kept = {name: getattr(augmentation or UNCHANGED, name) for name in ("semitones", "level", "noise")}
    if (augmentation or UNCHANGED) != replace(UNCHANGED, **kept):
        raise InputError(
            f"{augmentation}: the page only transposes, changes the level and adds noise; switch off the rest."
        )
    return kept


def _windows(recipe: Recipe, clips: int, step: int) -> list[tuple[int, int]]:
    """Clip and first frame of each window, drawn as `batch` draws them."""
    drawn = draw_windows(recipe, clips, np.random.default_rng([recipe.seed, step]))
    return [(clip, frames.start) for clip, frames in drawn]


def _front(model: NMPNet) -> dict:
    """The normalisation of the input, which isn't trained, as a factor and a sum; and the stack's shifts."""
    norm = model.input_norm
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return {
        "scale": scale.item(),
        "offset": (norm.bias - norm.running_mean * scale).item(),
        "shifts": model.stacking.shifts,
    }


def _rows(notes: Notes) -> list[list[float]]:
    columns = (notes.onset.round(5), notes.offset.round(5), notes.pitch)
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
