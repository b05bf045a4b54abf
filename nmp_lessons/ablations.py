"""Experiments as data: every run that the book speaks of, by name.

Chapters ``training``, ``augmentation``, ``cross_entropy`` and ``ablations``. A run is a `Recipe`; this module is
the table of them. ``nmp-lessons train NAME`` makes the checkpoint and the record of one; ``nmp-lessons
experiments`` says which stand, which are missing, and what each cost. Comparisons share one short schedule and
differ in one switch each, three seeds apiece; only the main network is trained for long.
"""

from dataclasses import replace
from pathlib import Path

from .augmentation import FeatureAugmentation
from .cross_entropy import Loss
from .errors import InputError
from .model import Config
from .training import CHECKPOINTS, Recipe, load

SEEDS = (0, 1, 2)
OURS = Config(padding="centred", normalisation="fixed")
FIRST = Recipe("main-first", steps=1950, cool_down=0.0, average=0.999)  # of seed 0: what `main-0` began with
MAIN = Recipe("main", steps=4200, cool_down=0.45, average=0.999, begin_with="main-first")
SHORT = Recipe("short", steps=800, cool_down=0.5)
NO_AUGMENTATION = FeatureAugmentation(semitones=0, equaliser=0.0, level=0.0, dark=0.0, cutoff=0.0, noise=None)

VARIANTS: dict[str, Recipe] = {
    "baseline": SHORT,
    "loss-plain": replace(SHORT, loss=Loss("plain", heads=(3.0, 1.0, 4.0))),
    "loss-weighted": replace(SHORT, loss=Loss("weighted", positive=19.0, heads=(3.0, 1.0, 4.0))),
    "loss-released": replace(SHORT, loss=Loss("class_means", positive=0.95, smoothing=0.2)),
    "augmentation-none": replace(SHORT, augmentation=None),
    "augmentation-no-transposition": replace(SHORT, augmentation=FeatureAugmentation(semitones=0)),
    "augmentation-no-equaliser": replace(SHORT, augmentation=FeatureAugmentation(equaliser=0.0, cutoff=0.0)),
    "augmentation-no-noise": replace(SHORT, augmentation=FeatureAugmentation(noise=None)),
    "augmentation-no-level": replace(SHORT, augmentation=FeatureAugmentation(level=0.0)),
    "no-stacking": replace(SHORT, model=replace(OURS, stacking=False)),
    "no-contour": replace(SHORT, model=replace(OURS, contour=False)),
    "missing-series": replace(SHORT, model=replace(OURS, missing="series")),
    "missing-parallel": replace(SHORT, model=replace(OURS, missing="parallel")),
    "padding-released": replace(SHORT, model=replace(OURS, padding="released")),
    "windows-long": replace(SHORT, batch=2, frames=8 * SHORT.frames),  # sixteen seconds at equal compute
}


def experiments() -> dict[str, Recipe]:
    """All runs by name: the main network and each comparison, with every seed.

    >>> runs = experiments()
    >>> runs["no-contour-2"].model.contour, runs["no-contour-2"].seed
    (False, 2)
    """
    named = {"main": MAIN} | VARIANTS
    return {FIRST.name: FIRST} | {
        f"{name}-{seed}": replace(recipe, name=f"{name}-{seed}", seed=seed)
        for name, recipe in named.items()
        for seed in SEEDS
    }


def recipe(name: str) -> Recipe:
    """The recipe of a run; the bare name of an experiment means its first seed.

    Raises
    ------
    InputError
        If no experiment is called so.
    """
    known = experiments()
    for candidate in (name, f"{name}-{SEEDS[0]}"):
        if candidate in known:
            return known[candidate]
    raise InputError(f"{name}: no such experiment; `nmp-lessons experiments` lists them.")


def state(name: str, *, folder: Path = CHECKPOINTS) -> dict:
    """Whether a run's checkpoint stands in a folder, and its record's main figures.

    >>> state("main-0", folder=Path("nowhere"))
    {'name': 'main-0', 'state': 'missing'}
    """
    if not (Path(folder) / f"{name}.json").exists():
        unfinished = (Path(folder) / f"{name}.state.safetensors").exists()
        return {"name": name, "state": "unfinished" if unfinished else "missing"}
    _, record = load(name, folder=folder)
    figures = {figure: record[figure] for figure in ("steps", "minutes", "threshold")}
    best = record["validation"][-1]["Fno"] if record["validation"] else None
    return {"name": name, "state": "stands", **figures, "Fno": best}


# The command line


def add_commands(commands) -> None:
    """Add ``train``, ``experiments`` and ``data`` to the sub-commands of `nmp-lessons`."""
    train = commands.add_parser("train", help="train one of the book's networks", description=_train.__doc__)
    train.add_argument("name", metavar="NAME", help="an experiment (see `nmp-lessons experiments`)")
    train.add_argument("--corpus", type=Path, help="folder of the training clips (default: that of `data`)")
    train.add_argument("-o", "--output", type=Path, default=CHECKPOINTS, metavar="DIR", help="where to write")
    train.add_argument("--compile", action="store_true", help="fuse layers; needs a C++ compiler, a third faster")
    train.add_argument("--accelerator", default="auto", help="auto, cpu, cuda")
    train.set_defaults(run=_train)

    listing = commands.add_parser("experiments", help="which networks are trained, and what each cost")
    listing.add_argument("-o", "--output", type=Path, default=CHECKPOINTS, metavar="DIR", help="where to look")
    listing.set_defaults(run=_experiments)

    data = commands.add_parser("data", help="render training audio", description=_data.__doc__)
    data.add_argument("dataset", choices=("asap",), help="(n)ASAP: performances as MIDI")
    data.add_argument("path", type=Path, help="its archive or folder")
    data.add_argument("-o", "--output", type=Path, metavar="DIR", help="where to write (default: in the cache)")
    data.add_argument("--clips", type=int, default=1200, help="minutes of training audio")
    data.add_argument("--validation-clips", type=int, default=60)
    data.add_argument("--pianos", nargs="+", metavar="NAME", help="only these (default: all)")
    data.add_argument("--seed", type=int, default=0)
    data.set_defaults(run=_data)


def _train(arguments) -> int:
    """Train one network, or go on where it was stopped; weights and record appear when it is done."""
    from . import training
    from .corpus import Corpus

    chosen = recipe(arguments.name)
    folder = arguments.corpus or _default_corpus()
    fabric = training.default_fabric(accelerator=arguments.accelerator)
    training.train(
        chosen,
        Corpus(folder / "train"),
        Corpus(folder / "validation"),
        folder=arguments.output,
        fabric=fabric,
        compiled=arguments.compile and training.can_compile(),
        shown=True,
    )
    return 0


def _experiments(arguments) -> int:
    states = [state(name, folder=arguments.output) for name in experiments()]
    for found in states:
        if found["state"] == "stands":
            score = "" if found["Fno"] is None else f"  Fno {found['Fno']:.3f} on validation clips"
            print(f"{found['name']:32} {found['steps']:6} steps {found['minutes']:7.1f} min{score}")
        else:
            print(f"{found['name']:32} {found['state']}")
    stand = [found for found in states if found["state"] == "stands"]
    print(f"{len(stand)} of {len(states)} stand; they took {sum(f['minutes'] for f in stand):.0f} minutes.")
    return 0


def _data(arguments) -> int:
    """Render one-minute clips of (n)ASAP's performances on many pianos; goes on where it was stopped."""
    from . import corpus

    known = {piano.name: piano for piano in corpus.PIANOS}
    for name in arguments.pianos or ():
        if name not in known:
            raise InputError(f"{name}: no such piano; choose among {', '.join(known)}.")
    folder = arguments.output or _default_corpus()
    for split, clips in (("train", arguments.clips), ("validation", arguments.validation_clips)):
        pianos = [known[name] for name in arguments.pianos] if arguments.pianos else None
        notes = corpus.performances(arguments.path, split)
        made = corpus.make(
            folder / split, notes, clips=clips, split=split, pianos=pianos, seed=arguments.seed, progress=True
        )
        print(f"{folder / split}: {len(made)} clips, fingerprint {made.fingerprint[:16]}")
    return 0


def _default_corpus() -> Path:
    from .fetch import cache_dir

    return cache_dir() / "corpus"
