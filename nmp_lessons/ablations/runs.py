"""Every training run in the book by name: a table of recipes, and whether each of them has been trained."""

from dataclasses import replace
from pathlib import Path

from ..augmentation.features import FeatureAugmentation
from ..beyond.gru import GRUConfig
from ..beyond.separable import SeparableConfig
from ..beyond.transformer import TransformerConfig
from ..cross_entropy import Loss
from ..data.store import CLIP_FRAMES
from ..errors import InputError
from ..model.network import Config
from ..training.checkpoints import CHECKPOINTS, load
from ..training.recipe import Recipe

SEEDS = (0, 1, 2)
OURS = Config(padding="centred", normalisation="fixed")
HEADS = (3.0, 1.0, 4.0)
SHORT = Recipe(
    "short", steps=300, batch=8, learning_rate=3e-2, warm_up=50, average=0.99, loss=Loss("focal", heads=HEADS)
)
MAIN = Recipe("main", steps=4000, learning_rate=3e-2, average=0.999, loss=Loss("weighted", positive=19.0, heads=HEADS))


def _augmented(**settings) -> Recipe:
    return replace(SHORT, augmentation=FeatureAugmentation(**settings))


def _network(**switches) -> Recipe:
    return replace(SHORT, model=replace(OURS, **switches))


BASELINES = ("baseline", "baseline-second")
VARIANTS: dict[str, Recipe] = {
    "baseline": SHORT,
    "baseline-second": SHORT,  # again, on the machine where the later experiments were trained
    "optimiser-adamw": replace(SHORT, optimiser="adamw", learning_rate=1e-2),
    "loss-plain": replace(SHORT, loss=Loss("plain", heads=HEADS)),
    "loss-weighted": replace(SHORT, loss=Loss("weighted", positive=19.0, heads=HEADS)),
    "loss-released": replace(SHORT, loss=Loss("class_means", positive=0.95, smoothing=0.2)),
    "augmentation-none": replace(SHORT, augmentation=None),
    "augmentation-no-room": replace(SHORT, corpus="dry"),
    "augmentation-no-noise": _augmented(noise=None),
    "augmentation-no-equaliser": _augmented(equaliser=0.0, cutoff=0.0),
    "augmentation-no-transposition": _augmented(semitones=0),
    "augmentation-no-level": _augmented(level=0.0),
    "augmentation-interference": _augmented(interference=0.5),
    "augmentation-mixup": _augmented(mixup=0.5),
    "windows-16s": replace(SHORT, batch=1, frames=8 * SHORT.frames),
    "windows-whole": replace(SHORT, batch=1, frames=CLIP_FRAMES, steps=80, warm_up=13),
    "median-front": _network(median=3),
    "no-stacking": _network(stacking=False),
    "stacking-3": _network(harmonics=(1, 2, 3)),
    "stacking-5": _network(harmonics=(1, 2, 3, 4, 5)),
    "no-subharmonic": _network(harmonics=(1, 2, 3, 4, 5, 6, 7)),
    "no-contour": _network(contour=False),
    "no-onset-features": _network(onset_features=False),
    "onset-without-note": _network(onset_sees_note=False),
    "missing-series": _network(missing="series"),
    "missing-parallel": _network(missing="parallel"),
    "padding-released": _network(padding="released"),
}  # all see the same number of frames in training; `windows-whole` takes fewer, longer steps
OTHERS: dict[str, Recipe] = {
    "transformer": replace(SHORT, model=TransformerConfig()),
    "transformer-large": replace(SHORT, model=TransformerConfig(width=48, depth=3, heads=4, hidden=96)),
    "gru": replace(SHORT, model=GRUConfig()),
    "separable": replace(SHORT, model=SeparableConfig()),
}  # chapter `beyond`: other networks, with the same short training
LAYERS = ("contour", "contour_out", "note", "note_out", "onset", "onset_out")  # all convolutions of NMP, in order
FURTHER = replace(
    MAIN, steps=300, batch=8, learning_rate=1e-2, warm_up=50, average=0.99, start="main", corpus="book"
)  # the main network, trained a little longer on the book's own performances
FROZEN: dict[str, Recipe] = {"frozen-none": FURTHER} | {
    f"frozen-{layer}": replace(FURTHER, frozen=(layer,)) for layer in LAYERS
}
SEPARABLE_MAIN = replace(MAIN, model=SeparableConfig(), steps=3000)
LONG: dict[str, Recipe] = {"main": MAIN, "separable-main": SEPARABLE_MAIN}
LEAKED: dict[str, Recipe] = {"leaked": MAIN}  # on clips of which some come from the test and validation splits
TAUGHT: dict[str, Recipe] = {
    "taught-not": VARIANTS["loss-weighted"],
    "taught-half": replace(VARIANTS["loss-weighted"], teacher="separable-main-0", share=0.5),
    "taught-only": replace(VARIANTS["loss-weighted"], teacher="separable-main-0", share=1.0),
}  # chapter `beyond`: the short training with a teacher's outputs as targets, on the clean clips


def experiments() -> dict[str, Recipe]:
    """All runs by name: the long ones and every experiment, with each seed.

    >>> runs = experiments()
    >>> runs["no-contour-2"].model.contour, runs["no-contour-2"].seed
    (False, 2)
    """
    named = LONG | LEAKED | VARIANTS | OTHERS | FROZEN | TAUGHT
    return {
        f"{name}-{seed}": replace(recipe, name=f"{name}-{seed}", seed=seed)
        for name, recipe in named.items()
        for seed in SEEDS
    }


def recipe(name: str) -> Recipe:
    """The recipe of a run; the name of an experiment without a seed means its first seed.

    Raises
    ------
    InputError
        If there is no such experiment.
    """
    known = experiments()
    for candidate in (name, f"{name}-{SEEDS[0]}"):
        if candidate in known:
            return known[candidate]
    raise InputError(f"{name}: no such experiment; `nmp-lessons experiments` lists them.")


def state(name: str, *, folder: Path = CHECKPOINTS) -> dict:
    """Whether a run's checkpoint is in a folder, with the main figures of its record.

    >>> state("main-0", folder=Path("nowhere"))
    {'name': 'main-0', 'state': 'missing'}
    """
    if not (Path(folder) / f"{name}.json").exists():
        unfinished = (Path(folder) / f"{name}.state.safetensors").exists()
        return {"name": name, "state": "unfinished" if unfinished else "missing"}
    _, record = load(name, folder=folder)
    figures = {figure: record[figure] for figure in ("steps", "minutes")}
    best = record["validation"][-1]["Fno"] if record["validation"] else None
    return {"name": name, "state": "stands", **figures, "Fno": best}
