"""The training loop: from a recipe and a corpus to trained weights and a record of how they came about."""

import copy
import json
import logging
import os
import platform
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.torch
import torch
import torch.distributed as dist
from torch import nn

from ..constants import NMP
from ..cross_entropy import Loss
from ..data.store import StoredClips
from ..errors import InputError, needs
from ..files import atomic_write
from ..model.network import BatchNorm, Heads, Transcriber
from .checkpoints import load, save
from .recipe import OPTIMISERS, Recipe
from .sampling import batch, batches, stored_targets
from .validation import fit_decoder, validate

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def new_model(recipe: Recipe, features: torch.Tensor) -> Transcriber:
    """A network with random weights of the recipe's seed, its input normalised by the statistics of `features`.

    With `Recipe.start` it has the weights and the statistics of that experiment's network instead, except for
    those layers that the recipe keeps frozen.
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        if recipe.start:
            model, _ = load(f"{recipe.start}-{recipe.seed}")
            model.train()
            randomise(model, recipe.frozen)
        else:
            model = recipe.model.network()
            randomise(model, [name for name, _ in model.named_modules()])
            model.input_norm.running_mean.fill_(float(features.mean()))
            model.input_norm.running_var.fill_(float(features.var()))
    model.input_norm.requires_grad_(False)
    for name in recipe.frozen:
        model.get_submodule(name).requires_grad_(False)
    return model


@torch.no_grad()
def randomise(model: Transcriber, layers: Iterable[str]) -> None:
    """Give some convolutions random weights, in place; of other layers, only those that end in a sigmoid change.

    Each sigmoid then starts near 0.03, about the proportion of positives. If it started at one half, the first
    hundred steps would be spent on learning to say "no".
    """
    for name in layers:
        layer: Any = model.get_submodule(name)
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        if name in model.OUTPUTS:
            nn.init.constant_(layer.bias, -3.5)
            layer.weight.mul_(0.3)


@torch.no_grad()
def recalibrate_batchnorm(model: Transcriber, recipe: Recipe, corpus: StoredClips, *, count: int = 10) -> Transcriber:
    """A copy of the network whose batch normalisations use the mean statistics of some batches (eq-settled).

    In training they move by 1 % of the way in each step, so after a run of a hundred steps more than a third of
    them still comes from their initial values (eq-lag).
    """
    recalibrated = copy.deepcopy(model).train()
    recalibrated.input_norm.eval()
    norms = [layer for layer in recalibrated.modules() if isinstance(layer, nn.BatchNorm2d) and layer.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    for step in range(count):
        recalibrated.logits(batch(recipe, corpus, step)[0].to(recalibrated.input_norm.running_mean))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return recalibrated.eval()


class CommonNorm(BatchNorm):
    """Batch normalisation over the batches of all processes together, so that two halves make one whole (eq-halves)."""

    num_batches_tracked: torch.Tensor
    momentum: float

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(input)
        from torch.distributed.nn.functional import all_reduce  # here, since not every build of PyTorch has it

        x = input.to(self.running_mean.dtype)
        sums = torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))])
        mean, square = all_reduce(sums) / dist.get_world_size()
        variance = square - mean.square()
        count = x.numel() // x.shape[1] * dist.get_world_size()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight / (variance + self.eps).sqrt()
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]


class Task(nn.Module):
    """The network and its loss as one module that turns a batch into a number, as Fabric needs it."""

    def __init__(self, model: Transcriber, loss: Loss):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(
        self, features: torch.Tensor, contour: torch.Tensor, note: torch.Tensor, onset: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, and the part of it that each head contributes (Yp, Yn, Yo), detached."""
        logits = self.model.logits(features).map(lambda z: z.to(note.dtype))
        parts = self.loss.parts(logits, Heads(contour, note, onset))
        total = self.loss.total(parts)
        return total, torch.stack([total.new_zeros(()) if p is None else p.detach() for p in parts])


def memory(recipe: Recipe) -> int:
    """Bytes that the forward pass of one batch keeps for the backward pass, in float32 (eq-memory).

    One window of 20 frames is run, and the tensors that autograd saves are counted, weights excepted.

    >>> 0.2e9 < memory(Recipe("", batch=16)) < 0.4e9
    True
    """
    frames, saved = 20, {}
    task = Task(recipe.model.network().train(), recipe.loss)
    task.model.input_norm.eval().requires_grad_(False)
    own = {weights.untyped_storage().data_ptr() for weights in task.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = tensor, storage.nbytes()  # the tensor, so that its place is not used again
        return tensor

    targets = stored_targets(*(np.zeros((1, frames, NMP.keys), np.uint8) for _ in range(2)))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        task(torch.zeros(1, frames, NMP.cqt_bins), *targets)
    return sum(size for _, size in saved.values()) * recipe.batch * recipe.frames // frames


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
    corpus: StoredClips,
    validation: StoredClips | None = None,
    *,
    folder: str | os.PathLike,
    fabric: "Fabric | None" = None,
    compiled: bool = False,
    validate_every: int = 500,
    save_every: int = 100,
    stop_after: int | None = None,
    stop_at: int | None = None,
    shown: bool = False,
) -> tuple[Transcriber, dict]:
    """Train one network, from the beginning or from where an earlier call stopped, and write its checkpoint.

    Parameters
    ----------
    recipe, corpus, validation
        What to do, on which clips, and on which clips to choose the threshold (None: no validation).
    folder
        For ``NAME.safetensors`` and ``NAME.json``, and ``NAME.state.safetensors`` until the run is done.
    fabric
        Where to compute; by default one device, in bfloat16 where it has that (`default_fabric`).
    compiled
        Let `torch.compile` fuse the layers. It needs a C++ compiler and takes a minute at first. In bfloat16 it then
        saves time; in float32 on a CPU a step takes longer with it, since it can't fuse the book's own gradients.
    validate_every, save_every
        Steps.
    stop_after
        Stop early after this many validations without a new best one.
    stop_at
        Stop after this step, to be resumed later. The model (with its statistics not recalibrated) and the record
        are then those so far.
    shown
        Show a progress bar.

    Returns
    -------
    Transcriber, dict
        The averaged network and its record.

    Raises
    ------
    InputError
        If a state in the folder belongs to another recipe or corpus.
    """
    fabric = fabric or default_fabric()
    folder = Path(folder)
    if recipe.batch % fabric.world_size:
        raise InputError(
            f"a batch of {recipe.batch} can't be divided evenly among {fabric.world_size} processes; use fewer."
        )
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
            means = torch.as_tensor(fabric.all_reduce(torch.stack(since).mean(0), reduce_op="mean")).tolist()
            progress.losses.append([progress.step, *means])
            since = []
            steps.set_postfix(loss=f"{means[0]:.4f}")
        if validation is not None and (progress.step % validate_every == 0 or progress.step == recipe.steps):
            scores = validate(recalibrate_batchnorm(average, recipe, corpus), validation)
            progress.validation.append({"step": progress.step, **scores})
            progress.worse = 0 if scores["Fno"] > progress.best else progress.worse + 1
            progress.best = max(progress.best, scores["Fno"])
            at_end = at_end or (stop_after is not None and progress.worse >= stop_after)
        if fabric.is_global_zero and (at_end or progress.step % save_every == 0):
            _save_state(state_path, identity, progress, model, average, optimiser)
        if at_end:
            break
    done, decoder = stop_at is None or stop_at >= recipe.steps, None
    finished = (recalibrate_batchnorm(average, recipe, corpus) if done else average).cpu().eval()
    if done and validation is not None and fabric.is_global_zero:
        decoder, _ = fit_decoder(finished, validation)
    record = _record(recipe, corpus, validation, decoder, progress, fabric, compiled)
    if fabric.is_global_zero and done:
        save(finished, record, folder)
        state_path.unlink(missing_ok=True)
    fabric.barrier()
    return finished, record


def default_fabric(**settings: Any) -> "Fabric":
    """One device, or those that `torchrun` started; bfloat16 where the hardware multiplies it."""
    needs("train", "lightning_fabric")
    from lightning_fabric import Fabric  # here, since it takes seconds to import and transcribing needs none of it

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would name its precision at every start
    settings: dict[str, Any] = {"accelerator": "auto", "devices": 1, "precision": best_precision()} | settings
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
    flags = Path("/proc/cpuinfo").read_text("utf8") if Path("/proc/cpuinfo").exists() else ""
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


def _save_state(path: Path, identity: dict, progress: Progress, model, average, optimiser) -> None:
    """Everything that a resumed run needs, in one file."""
    tensors = {}
    for prefix, values in (("model", model.state_dict()), ("average", average.state_dict())):
        tensors |= {f"{prefix}/{name}": tensor.detach().cpu().clone() for name, tensor in values.items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{number}/{name}": value.cpu().clone() for name, value in moments.items()}
    notes = {"identity": json.dumps(identity), "progress": json.dumps(asdict(progress))}
    with atomic_write(path) as scratch:
        tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
        scratch.write_bytes(safetensors.torch.save(tensors, metadata=notes))


def _resumed(path: Path, identity: dict, model, average, optimiser) -> Progress:
    """Resume from the state at `path` if there is one; otherwise begin anew."""
    if not path.exists():
        return Progress()
    try:
        with safetensors.safe_open(path, "pt") as file:
            notes = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except safetensors.SafetensorError as problem:
        raise InputError(
            f"{path}: cannot be read ({problem}); delete it to start again from the beginning."
        ) from problem
    if json.loads(notes["identity"]) != json.loads(json.dumps(identity)):
        raise InputError(f"{path}: belongs to another recipe or corpus; delete it, or give the run another name.")
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
            "nmp-lessons": version("nmp-lessons"), "python": platform.python_version(), "torch": torch.__version__,
        },
        "hardware": {
            "device": str(fabric.device), "processor": _processor(), "threads": torch.get_num_threads(),
            "processes": fabric.world_size, "precision": str(fabric.strategy.precision.precision),
            "compiled": compiled,
        },
    }  # fmt: skip


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line for line in cpuinfo.read_text("utf8").splitlines() if "model name" in line] if cpuinfo.exists() else []
    )
    return names[0].split(":", 1)[1].strip() if names else platform.processor()


def can_compile() -> bool:
    """Whether `torch.compile` finds the compiler that it needs."""
    return any(shutil.which(name) for name in ("c++", "g++", "clang++"))
