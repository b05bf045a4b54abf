"""Everything that decides the result of a run, as one frozen value."""

from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch

from ..augmentation.features import FeatureAugmentation
from ..beyond.design import Design
from ..beyond.gru import GRUConfig
from ..beyond.separable import SeparableConfig
from ..beyond.transformer import TransformerConfig
from ..constants import NMP
from ..cross_entropy import Loss
from ..data.store import CLIP_FRAMES
from ..errors import InputError
from ..model.network import Config
from .soap import SOAP

OPTIMISERS = {"soap": SOAP, "adamw": partial(torch.optim.AdamW, betas=(0.9, 0.99))}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a run.

    Parameters
    ----------
    name
        The name of the checkpoint.
    model, loss, augmentation
        The settings of the network, the loss, and the random changes made to each batch (None for none).
    steps, batch, frames
        Numbers of batches, of windows in a batch (over all processes) and of frames in a window.
    learning_rate, warm_up, cool_down
        The full rate, the number of steps until it is reached, and the proportion of steps over which it falls
        linearly to 0.
    optimiser, weight_decay
        "soap" (`nmp_lessons.training.soap`) or "adamw", and the weight decay.
    clip
        Greatest length of the gradient; a longer one is shortened to it (eq-clip).
    average
        The most that is kept of the running average of the weights in each step (`kept`).
    seed
        Of the initial weights and of every batch.
    corpus
        Which training clips: "train"; "dry", the same without rooms; or "book", the book's own eight performances.
    start
        The experiment whose network of the same seed the run starts from; "" for random weights.
    frozen
        Layers that get random weights at the start and keep them.
    teacher, share
        The run whose outputs are part of the targets ("" for none), and how large a part (`distillation`).
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
    start: str = ""
    frozen: tuple[str, ...] = ()
    teacher: str = ""
    share: float = 0.0

    def __post_init__(self):
        for number in ("steps", "batch", "frames"):
            if getattr(self, number) < 1:
                raise InputError(f"{self.name}: {number}={getattr(self, number)}; give at least 1.")
        if self.optimiser not in OPTIMISERS:
            raise InputError(f"{self.name}: optimiser={self.optimiser!r}; choose one of {', '.join(OPTIMISERS)}.")
        if not 0 <= self.share <= 1:
            raise InputError(f"{self.name}: share={self.share}; give the teacher's part of the targets, from 0 to 1.")
        if self.frames > CLIP_FRAMES:
            raise InputError(f"{self.name}: {self.frames} frames; a clip has {CLIP_FRAMES}.")

    def rate(self, step: int) -> float:
        """The learning rate of a step: it rises linearly, stays, and falls linearly (eq-schedule).

        >>> recipe = Recipe("", steps=10, warm_up=2, cool_down=0.5, learning_rate=1.0)
        >>> [round(recipe.rate(step), 1) for step in range(10)]
        [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2]
        """
        falls_from = self.steps - int(self.cool_down * self.steps)
        up = min(1.0, (step + 1) / max(1, self.warm_up))
        down = 1.0 if step < falls_from else (self.steps - step) / (self.steps - falls_from)
        return self.learning_rate * up * down

    def kept(self, step: int) -> float:
        """The proportion of the running average that is kept at a step; smaller at first (eq-average).

        >>> [round(Recipe("", average=0.9).kept(step), 2) for step in (0, 19, 1000)]
        [0.05, 0.51, 0.9]
        """
        return min(self.average, (step + 1) / (step + 20))

    def shares(self, step: int) -> np.ndarray:
        """How much each step, from the first to this one, contributes to the average (eq-shares).

        >>> Recipe("", average=0.5).shares(3).round(3).tolist()
        [0.002, 0.021, 0.15, 0.826]
        """
        kept = np.array([self.kept(s) for s in range(step + 1)])
        return (1 - kept) * np.append(np.cumprod(kept[:0:-1])[::-1], 1.0)

    def seconds(self, steps: int | None = None) -> float:
        """Seconds of music that some steps (default: all) look at, counting repetitions (eq-epoch).

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
                "frozen": tuple(values.get("frozen", ())),
            }
        )


CONFIGS = {config.kind: config for config in (TransformerConfig, GRUConfig, SeparableConfig)}


def config_of(values: dict) -> Design:
    """Settings from a record.

    >>> config_of({"kind": "gru", "hidden": 8}).hidden
    8
    """
    if values.get("kind") not in CONFIGS:
        raise InputError(f"kind={values.get('kind')!r}: no such network; choose from {', '.join(CONFIGS)}.")
    return CONFIGS[values["kind"]](**values)
