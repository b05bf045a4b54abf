"""How the network learns: one loop, from random windows of a corpus to a checkpoint and its record.

Chapter ``training``. A `Recipe` is a value that says everything about a run; `train` follows it; the weights go
to a safetensors file and all that led to them into a JSON record beside it.

- A batch is a function of (seed, step) alone, so a run can be stopped anywhere and resumed exactly (to the last bit
  on one thread; several do not always add in the same order): no random state needs to be kept. The state that is
  kept (weights, their average, the optimiser's moments, the step) lies in one safetensors file, which is written
  whole or not at all. Nothing is pickled.
- Lightning Fabric moves the loop to a GPU, to bfloat16 and to several processes; each process takes its part of
  the same global batch, and batch normalisation counts over all of them.
- What is validated and shipped is the running average of the weights, which is better than the last ones, with the
  statistics of some batches (`settled`).
- The decoder and its threshold are learned on validation clips, with `mir_eval` as the judge.

The normalisation of the input keeps scale 1 and shift 0: the next layers can do whatever they could, and no
gradient has to go back through their large convolutions, which saves a quarter of the work.

Conventions: features (batch, frames, 309) on the fixed scale; losses in nats; times in minutes.
"""

import copy
import hashlib
import json
import logging
import os
import platform
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import safetensors
import safetensors.torch
import torch
import torch.distributed as dist
from torch import nn

from . import __version__
from .augmentation import FeatureAugmentation
from .beyond import Design, config_of
from .constants import NMP
from .corpus import CLIP_FRAMES, CLIP_SECONDS, ONSET_STEPS, Corpus, levels, quantised
from .cqt import CQT
from .cross_entropy import Loss
from .decoding import THRESHOLDS, PeakDecoder, best_threshold, fitted
from .errors import InputError
from .files import written_whole
from .model import Config, Heads, Posteriors, Transcriber, at_model_rate, feature_posteriors
from .notes import Notes
from .soap import SOAP
from .sound import Recording
from .targets import on_contour_bins

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CHECKPOINTS = Path(__file__).with_name("checkpoints")
OPTIMISERS = {"soap": SOAP, "adamw": partial(torch.optim.AdamW, betas=(0.9, 0.99))}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a run.

    Parameters
    ----------
    name
        Of the checkpoint.
    model, loss, augmentation
        The network's switches, the loss, and the changes of each batch (None for none).
    steps, batch, frames
        How many batches, windows in a batch (over all processes), frames in a window.
    learning_rate, warm_up, cool_down
        Its height; steps until it is reached; the share of steps over which it falls to 0 in a straight line.
    optimiser, weight_decay
        "soap" (`nmp_lessons.soap`) or "adamw"; how much of the weights goes with each step.
    clip
        Greatest norm of the gradient, to which a longer one is shortened (eq-clip).
    average
        How much of the running average of the weights stays at each step, at most (`kept`).
    seed
        Of the first weights and of every batch.
    corpus
        Which training clips: "train", or "dry", the same without rooms.
    """

    name: str
    model: Config | Design = Config(padding="centred", normalisation="fixed")
    loss: Loss = Loss("focal", heads=(3.0, 1.0, 4.0))
    augmentation: FeatureAugmentation | None = FeatureAugmentation()
    steps: int = 800
    batch: int = 16
    frames: int = NMP.window_frames
    learning_rate: float = 5e-3
    warm_up: int = 100
    cool_down: float = 0.5
    optimiser: str = "soap"
    weight_decay: float = 1e-2
    clip: float = 1.0
    average: float = 0.998
    seed: int = 0
    corpus: str = "train"

    def __post_init__(self):
        for number in ("steps", "batch", "frames"):
            if getattr(self, number) < 1:
                raise InputError(f"{self.name}: {number}={getattr(self, number)}; give at least 1.")
        if self.optimiser not in OPTIMISERS:
            raise InputError(f"{self.name}: optimiser={self.optimiser!r}; choose one of {', '.join(OPTIMISERS)}.")
        if self.frames > CLIP_FRAMES:
            raise InputError(f"{self.name}: {self.frames} frames; a clip has {CLIP_FRAMES}.")

    def rate(self, step: int) -> float:
        """The learning rate of a step: up in a straight line, level, down in a straight line (eq-schedule).

        >>> recipe = Recipe("", steps=10, warm_up=2, cool_down=0.5, learning_rate=1.0)
        >>> [round(recipe.rate(step), 1) for step in range(10)]
        [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2]
        """
        falls_from = self.steps - int(self.cool_down * self.steps)
        up = min(1.0, (step + 1) / max(1, self.warm_up))
        down = 1.0 if step < falls_from else (self.steps - step) / (self.steps - falls_from)
        return self.learning_rate * up * down

    def kept(self, step: int) -> float:
        """How much of the running average of the weights stays at a step: less at first (eq-average).

        >>> [round(Recipe("", average=0.9).kept(step), 2) for step in (0, 19, 1000)]
        [0.05, 0.51, 0.9]
        """
        return min(self.average, (step + 1) / (step + 20))

    def shares(self, step: int) -> np.ndarray:
        """What the weights after each step, from the first to this one, count in the average (eq-shares).

        >>> Recipe("", average=0.5).shares(3).round(3).tolist()
        [0.002, 0.021, 0.15, 0.826]
        """
        kept = np.array([self.kept(s) for s in range(step + 1)])
        return (1 - kept) * np.append(np.cumprod(kept[:0:-1])[::-1], 1.0)

    def seconds(self, steps: int | None = None) -> float:
        """Seconds of features that some steps (default: all) look at, repetitions counted (eq-epoch).

        >>> round(Recipe("", steps=800).seconds() / 3600, 1)
        7.1
        """
        return (self.steps if steps is None else steps) * self.batch * self.frames / NMP.frame_rate

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict) -> "Recipe":
        """The recipe of a record."""
        augmentation = values["augmentation"]
        if augmentation is not None and augmentation["noise"] is not None:
            augmentation = augmentation | {"noise": tuple(augmentation["noise"])}
        return cls(
            **values
            | {
                "model": config_of(values["model"]) if "kind" in values["model"] else Config(**values["model"]),
                "loss": Loss(**values["loss"]),
                "augmentation": None if augmentation is None else FeatureAugmentation(**augmentation),
            }
        )


# Clips in memory, for a miniature


class Clips:
    """Whole minutes of recordings with their notes, as a corpus that lies in memory; `train` takes either.

    Parameters
    ----------
    recordings
        Each with notes; of each the first minute is used, and it has to last that long.

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
        made = [quantised(at_model_rate(minute), minute.notes, cqt) for minute in minutes]
        self.features, self.note, self.onset = (np.stack(part) for part in zip(*made, strict=True))
        self._notes = [minute.notes for minute in minutes]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of features and targets."""
        return hashlib.sha256(b"".join(a.tobytes() for a in (self.features, self.note, self.onset))).hexdigest()

    def __len__(self) -> int:
        return len(self.features)

    def notes(self, clip: int) -> Notes:
        """The notes of one clip."""
        return self._notes[clip]


# Batches


def batch(recipe: Recipe, corpus: Corpus, step: int) -> tuple[torch.Tensor, Heads]:
    """Features and targets of one step: random windows, changed at random, from (seed, step) alone."""
    rng = np.random.default_rng([recipe.seed, step])
    windows = drawn(recipe, len(corpus), rng)
    features = torch.from_numpy((levels(np.stack([corpus.features[w] for w in windows])) + 90) / 60)
    targets = stored_targets(np.stack([corpus.note[w] for w in windows]), np.stack([corpus.onset[w] for w in windows]))
    if recipe.augmentation is None:
        return features, targets
    return recipe.augmentation(features, targets, rng=rng)


def drawn(recipe: Recipe, clips: int, rng: np.random.Generator) -> list[tuple[int, slice]]:
    """The windows of one batch: of each its clip and its frames, all places equally likely.

    >>> recipe = Recipe("", batch=2, frames=172)
    >>> drawn(recipe, 10, np.random.default_rng([recipe.seed, 0]))
    [(8, slice(2554, 2726, None)), (6, slice(1348, 1520, None))]
    """
    chosen = rng.integers(clips, size=recipe.batch).tolist()
    starts = rng.integers(CLIP_FRAMES - recipe.frames + 1, size=recipe.batch).tolist()
    return [(clip, slice(start, start + recipe.frames)) for clip, start in zip(chosen, starts, strict=True)]


def stored_targets(note: np.ndarray, onset: np.ndarray) -> Heads:
    """Targets (batch, frames, 264 or 88), float32, from what a corpus stores."""
    yn = note.astype(np.float32)
    yp = on_contour_bins(yn.reshape(-1, NMP.keys)).reshape(*yn.shape[:-1], NMP.contour_bins)
    return Heads(*(torch.from_numpy(y) for y in (yp, yn, onset.astype(np.float32) / ONSET_STEPS)))


def batches(recipe: Recipe, corpus: Corpus, start: int) -> Iterator[tuple[torch.Tensor, Heads]]:
    """The batches from a step on, each made while the one before is used."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(batch, recipe, corpus, start)
        for step in range(start, recipe.steps):
            ready = coming.result()
            if step + 1 < recipe.steps:
                coming = worker.submit(batch, recipe, corpus, step + 1)
            yield ready


# The network, ready to be trained


def new_model(recipe: Recipe, features: torch.Tensor) -> Transcriber:
    """A network with random weights of the recipe's seed, its input normalised by the statistics of `features`.

    Each sigmoid starts near 0.03, about as rare as notes are; with a start at one half, the first hundred
    steps only learn to say "no".
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = recipe.model.network()
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
    for name in model.OUTPUTS:
        if hasattr(model, name):
            layer = getattr(model, name)
            nn.init.constant_(layer.bias, -3.5)
            layer.weight.data *= 0.3
    model.input_norm.running_mean.fill_(float(features.mean()))
    model.input_norm.running_var.fill_(float(features.var()))
    model.input_norm.requires_grad_(False)
    return model


@torch.no_grad()
def settled(model: Transcriber, recipe: Recipe, corpus: Corpus, *, count: int = 10) -> Transcriber:
    """A copy of the network whose normalisations use the mean statistics of some batches (eq-settled).

    In training they follow at 1 % a step, so that a run of a hundred steps ends with a third of what they began
    with (eq-lag).
    """
    made = copy.deepcopy(model).train()
    made.input_norm.eval()
    norms = [layer for layer in made.modules() if isinstance(layer, nn.BatchNorm2d) and layer.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all that come
    for step in range(count):
        made.logits(batch(recipe, corpus, step)[0].to(made.input_norm.running_mean))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return made.eval()


class CommonNorm(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes, so that two halves make one whole (eq-halves)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        x = x.to(self.running_mean.dtype)
        sums = torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))])
        mean, square = dist.nn.functional.all_reduce(sums) / dist.get_world_size()
        variance = square - mean.square()
        count = x.numel() // x.shape[1] * dist.get_world_size()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight / (variance + self.eps).sqrt()
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]


class Task(nn.Module):
    """The network and its loss as one module, from a batch to a number, as Fabric wraps it."""

    def __init__(self, model: Transcriber, loss: Loss):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, features: torch.Tensor, contour, note, onset) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, and the parts of its heads (Yp, Yn, Yo), detached."""
        logits = self.model.logits(features)
        logits = Heads(*(None if z is None else z.to(note.dtype) for z in logits))
        parts = self.loss.parts(logits, Heads(contour, note, onset))
        total = sum(w * part for w, part in zip(self.loss.heads, parts, strict=True) if part is not None)
        return total, torch.stack([total.new_zeros(()) if p is None else p.detach() for p in parts])


def memory(recipe: Recipe) -> int:
    """Bytes that one batch keeps, in float32, from the way forward for the way back (eq-memory).

    Counted by running one window of 20 frames and asking which tensors are kept; the weights are not among them.

    >>> 0.2e9 < memory(Recipe("", batch=16)) < 0.4e9
    True
    """
    frames, kept = 20, {}
    task = Task(recipe.model.network().train(), recipe.loss)
    task.model.input_norm.eval().requires_grad_(False)
    own = {weights.untyped_storage().data_ptr() for weights in task.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = tensor, storage.nbytes()  # the tensor, so that its place is not used again
        return tensor

    targets = stored_targets(*(np.zeros((1, frames, NMP.keys), np.uint8) for _ in range(2)))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        task(torch.zeros(1, frames, NMP.cqt_bins), *targets)
    return sum(size for _, size in kept.values()) * recipe.batch * recipe.frames // frames


# The loop


@dataclass
class Progress:
    """Where a run stands; kept with the weights."""

    step: int = 0
    minutes: float = 0.0
    losses: list = field(default_factory=list)  # [step, total, Yp, Yn, Yo], means since the line before
    validation: list = field(default_factory=list)  # {"step", "threshold", "Fno"}
    best: float = 0.0
    worse: int = 0  # validations since the best one


def train(
    recipe: Recipe,
    corpus: Corpus,
    validation: Corpus | None = None,
    *,
    folder: str | os.PathLike,
    fabric: "Fabric | None" = None,
    compiled: bool = False,
    validate_every: int = 500,
    save_every: int = 100,
    patience: int | None = None,
    stop_at: int | None = None,
    shown: bool = False,
) -> tuple[Transcriber, dict]:
    """Train one network, from the start or from where an earlier call stopped, and write its checkpoint.

    Parameters
    ----------
    recipe, corpus, validation
        What to do, from what, and the clips that choose the threshold (None: no validation).
    folder
        For ``NAME.safetensors`` and ``NAME.json``, and ``NAME.state.safetensors`` until the run is done.
    fabric
        Where to compute; by default one device, in bfloat16 where it has that (`default_fabric`).
    compiled
        Let `torch.compile` fuse the layers; it needs a C++ compiler, takes a minute, and saves half the time.
    validate_every, save_every
        Steps. `patience`: stop early after so many validations without a better one.
    stop_at
        Leave off after this step, to be resumed; the model (not `settled`) and the record are then those so far.
    shown
        Show a progress bar.

    Returns
    -------
    Transcriber, dict
        The averaged network and its record.

    Raises
    ------
    InputError
        If a state that lies there belongs to another recipe or corpus.
    """
    fabric = fabric or default_fabric()
    folder = Path(folder)
    if recipe.batch % fabric.world_size:
        raise InputError(f"a batch of {recipe.batch} cannot be shared by {fabric.world_size} processes evenly.")
    model = new_model(recipe, batch(recipe, corpus, 0)[0])
    average = copy.deepcopy(model).requires_grad_(False)
    if fabric.world_size > 1:
        _share_norms(model)
    task = Task(model, recipe.loss)
    if compiled:
        task.compile()
    learned = [weights for weights in model.parameters() if weights.requires_grad]
    optimiser = OPTIMISERS[recipe.optimiser](learned, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    wrapped, optimiser = fabric.setup(task, optimiser)
    average = average.to(model.input_norm.running_mean)  # device and precision
    state_path = folder / f"{recipe.name}.state.safetensors"
    identity = {"recipe": recipe.to_json(), "corpus": corpus.fingerprint}
    progress = _resumed(state_path, identity, model, average, optimiser)
    last = recipe.steps if stop_at is None else min(stop_at, recipe.steps)
    began, since = time.monotonic() - 60 * progress.minutes, []

    steps = _shown(range(progress.step, last), recipe, progress.step, shown and fabric.is_global_zero)
    for step, (features, targets) in zip(steps, batches(recipe, corpus, progress.step), strict=False):
        total, parts = _step(fabric, wrapped, optimiser, recipe, step, features, targets)
        _follow(average, model, recipe.kept(step))
        since.append(torch.cat([total[None], parts]))
        progress.step, progress.minutes = step + 1, (time.monotonic() - began) / 60
        at_end = progress.step == last
        if at_end or progress.step % save_every == 0:
            means = fabric.all_reduce(torch.stack(since).mean(0), reduce_op="mean").tolist()
            progress.losses.append([progress.step, *means])
            since = []
            steps.set_postfix(loss=f"{means[0]:.4f}")
        if validation is not None and (progress.step % validate_every == 0 or progress.step == recipe.steps):
            found = validate(settled(average, recipe, corpus), validation)
            progress.validation.append({"step": progress.step, **found})
            progress.worse = 0 if found["Fno"] > progress.best else progress.worse + 1
            progress.best = max(progress.best, found["Fno"])
            at_end = at_end or (patience is not None and progress.worse >= patience)
        if fabric.is_global_zero and (at_end or progress.step % save_every == 0):
            _save_state(state_path, identity, progress, model, average, optimiser)
        if at_end:
            break
    done, decoder = stop_at is None or stop_at >= recipe.steps, None
    finished = (settled(average, recipe, corpus) if done else average).cpu().eval()
    if done and validation is not None and fabric.is_global_zero:
        decoder, _ = fit_decoder(finished, validation)
    record = _record(recipe, corpus, validation, decoder, progress, fabric, compiled)
    if fabric.is_global_zero and done:
        save(finished, record, folder)
        state_path.unlink(missing_ok=True)
    fabric.barrier()
    return finished, record


def default_fabric(**settings) -> "Fabric":
    """One device, or those that `torchrun` started; bfloat16 where the hardware multiplies it."""
    from lightning_fabric import Fabric  # here, since it takes seconds to import and transcribing needs none of it

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would name its precision at every start
    settings = {"accelerator": "auto", "devices": 1, "precision": best_precision()} | settings
    if "TORCHELASTIC_RUN_ID" in os.environ:
        settings |= {"devices": int(os.environ["LOCAL_WORLD_SIZE"]), "strategy": "ddp"}
        settings["num_nodes"] = int(os.environ["WORLD_SIZE"]) // int(os.environ["LOCAL_WORLD_SIZE"])
    fabric = Fabric(**settings)
    fabric.launch()
    return fabric


def best_precision() -> str:
    """ "bf16-mixed" on hardware with matrix units for bfloat16, else "32-true".

    A CPU that only has AVX-512's bfloat16 takes 0.53 s for a step of 8 windows with it, and 0.33 s in float32.
    """
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "bf16-mixed" if "amx_bf16" in flags else "32-true"


def _step(fabric, wrapped, optimiser, recipe, step, features, targets):
    """One step of the optimiser on this process's part of the batch."""
    part = slice(fabric.global_rank, None, fabric.world_size)
    for group in optimiser.param_groups:
        group["lr"] = recipe.rate(step)
    wrapped.train()
    wrapped.module.model.input_norm.eval()
    total, parts = wrapped(*(tensor[part].to(fabric.device) for tensor in (features, *targets)))
    optimiser.zero_grad(set_to_none=True)
    fabric.backward(total)
    fabric.clip_gradients(wrapped, optimiser, max_norm=recipe.clip)
    optimiser.step()
    return total.detach(), parts


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, kept: float) -> None:
    """Move the averaged weights and statistics towards the present ones (eq-average)."""
    present = model.state_dict()
    pairs = [(a, present[name]) for name, a in average.state_dict().items() if a.is_floating_point()]
    torch._foreach_lerp_([a for a, _ in pairs], [b for _, b in pairs], 1 - kept)


def _share_norms(model: nn.Module) -> None:
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.__class__ = CommonNorm


def _shown(steps: range, recipe: Recipe, start: int, shown: bool):
    from tqdm import tqdm

    return tqdm(steps, desc=recipe.name, initial=start, total=recipe.steps, unit="step", disable=not shown)


# Validation


def clip_posteriors(model: Transcriber, stored: np.ndarray) -> Posteriors:
    """The posteriors of one stored clip, uint8 (frames, 309)."""
    return feature_posteriors(model, torch.from_numpy((levels(stored) + 90) / 60)[None])


def validate(model: Transcriber, corpus: Corpus, *, clips: int = 12, thresholds=THRESHOLDS) -> dict[str, float]:
    """The threshold of bare peaks that is best for the mean Fno of some clips, and that Fno."""
    decoder, score = best_threshold(PeakDecoder(), _answered(model, corpus, clips), thresholds=thresholds)
    return {"threshold": decoder.threshold, "Fno": score}


def fit_decoder(model: Transcriber, corpus: Corpus, *, clips: int = 20) -> tuple[PeakDecoder, float]:
    """The decoder that suits a network, its evidence and threshold learned on validation clips, and its Fno there."""
    answered = _answered(model, corpus, clips)
    return best_threshold(fitted(answered), answered)


def _answered(model: Transcriber, corpus: Corpus, clips: int) -> list[tuple[Posteriors, Notes]]:
    """What a network makes of some clips, and their notes."""
    return [(clip_posteriors(model, corpus.features[i]), corpus.notes(i)) for i in range(min(clips, len(corpus)))]


# Checkpoints


def save(model: Transcriber, record: dict, folder: str | os.PathLike) -> None:
    """Write ``NAME.safetensors`` and ``NAME.json``, each whole or not at all."""
    folder = Path(folder)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with written_whole(folder / f"{record['name']}.safetensors") as scratch:
        scratch.write_bytes(safetensors.torch.save(weights))
    with written_whole(folder / f"{record['name']}.json") as scratch:
        scratch.write_text(json.dumps(record, indent=1) + "\n")


def load(name: str, *, folder: str | os.PathLike = CHECKPOINTS) -> tuple[Transcriber, dict]:
    """A trained network, ready to transcribe, and its record.

    Raises
    ------
    InputError
        If there is no such checkpoint, or its weights do not fit the network that its record names.
    """
    weights_path, record_path = (Path(folder) / f"{name}{suffix}" for suffix in (".safetensors", ".json"))
    if not (weights_path.exists() and record_path.exists()):
        known = [path.stem for path in Path(folder).glob("*.json")]
        near = sorted(get_close_matches(name, known, n=5, cutoff=0))
        there = f"of {len(known)} there the nearest are {', '.join(near)}" if known else "there are none"
        raise InputError(f"{weights_path}: no such checkpoint; {there}.")
    try:
        record = json.loads(record_path.read_text())
        model = Recipe.from_json(record["recipe"]).model.network()
        model.load_state_dict(safetensors.torch.load(weights_path.read_bytes()))
    except (ValueError, KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as problem:
        raise InputError(
            f"{weights_path}: these are not the weights of the network in {record_path.name} "
            f"({str(problem).splitlines()[0]}). Train it again, or check it out again."
        ) from problem
    return model.eval(), record


def _save_state(path: Path, identity: dict, progress: Progress, model, average, optimiser) -> None:
    """All that a resumed run needs, in one file."""
    tensors = {}
    for prefix, values in (("model", model.state_dict()), ("average", average.state_dict())):
        tensors |= {f"{prefix}/{name}": tensor.detach().cpu().clone() for name, tensor in values.items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{number}/{name}": value.cpu().clone() for name, value in moments.items()}
    notes = {"identity": json.dumps(identity), "progress": json.dumps(asdict(progress))}
    with written_whole(path) as scratch:
        tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
        scratch.write_bytes(safetensors.torch.save(tensors, metadata=notes))


def _resumed(path: Path, identity: dict, model, average, optimiser) -> Progress:
    """Take up the state at `path` if there is one; else begin."""
    if not path.exists():
        return Progress()
    try:
        with safetensors.safe_open(path, "pt") as file:
            notes = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except safetensors.SafetensorError as problem:
        raise InputError(f"{path}: cannot be read ({problem}); delete it to begin again.") from problem
    if json.loads(notes["identity"]) != json.loads(json.dumps(identity)):
        raise InputError(f"{path}: belongs to another recipe or corpus; delete it, or name the run differently.")
    for prefix, module in (("model", model), ("average", average)):
        module.load_state_dict(_under(tensors, prefix))
    moments = {}
    for name, tensor in _under(tensors, "optimiser").items():
        number, moment = name.split("/")
        moments.setdefault(int(number), {})[moment] = tensor
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    return Progress(**json.loads(notes["progress"]))


def _under(tensors: dict, prefix: str) -> dict:
    return {name.removeprefix(f"{prefix}/"): t for name, t in tensors.items() if name.startswith(f"{prefix}/")}


def _record(recipe, corpus, validation, decoder, progress: Progress, fabric: "Fabric", compiled: bool) -> dict:
    """What led to the weights."""
    return {
        "name": recipe.name,
        "recipe": recipe.to_json(),
        "seed": recipe.seed,
        "corpus": corpus.fingerprint,
        "validation_corpus": None if validation is None else validation.fingerprint,
        "parameters": sum(p.numel() for p in recipe.model.network().parameters()),
        "steps": progress.step,
        "minutes": round(progress.minutes, 4),
        "decoder": None if decoder is None else asdict(decoder),
        "validation": progress.validation,
        "losses": progress.losses,
        "versions": {
            "nmp-lessons": __version__, "python": platform.python_version(), "torch": torch.__version__,
        },
        "hardware": {
            "device": str(fabric.device), "processor": _processor(), "threads": torch.get_num_threads(),
            "processes": fabric.world_size, "precision": str(fabric.strategy.precision.precision),
            "compiled": compiled,
        },
    }  # fmt: skip


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    return names[0].split(":", 1)[1].strip() if names else platform.processor()


def can_compile() -> bool:
    """Whether `torch.compile` finds what it needs here."""
    return any(shutil.which(name) for name in ("c++", "g++", "clang++"))
