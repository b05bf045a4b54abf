"""Experiments as data: every run that the book speaks of, by name.

Chapters ``training``, ``augmentation``, ``cross_entropy`` and ``ablations``. A run is a `Recipe`; this module is
the table of them. ``nmp-lessons train NAME`` makes the checkpoint and the record of one; ``nmp-lessons
experiments`` says which stand, which are missing, and what each cost. Comparisons share one short schedule and
differ in one switch each, three seeds apiece; only the main network is trained for long.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from . import released, sound
from .augmentation import (
    FeatureAugmentation,
    babble,
    equalise,
    faster,
    gain,
    hum,
    interfere,
    reverberate,
    room,
    white_noise,
)
from .corpus import CLIP_FRAMES
from .cross_entropy import Loss
from .decoding import PeakDecoder, decode
from .errors import InputError
from .evaluation import onset_scores, scores
from .files import written_whole
from .maestro import book_set, full_notes
from .model import Config, NMPNet, feature_posteriors, fixed_features, posteriors
from .notes import Notes, read_table
from .piano import render
from .sound import Recording
from .training import CHECKPOINTS, Recipe, load, save

SEEDS = (0, 1, 2)
OURS = Config(padding="centred", normalisation="fixed")
HEADS = (3.0, 1.0, 4.0)
SHORT = Recipe("short", steps=300, batch=8, learning_rate=3e-2, warm_up=50, average=0.99, loss=Loss("focal", heads=HEADS))
MAIN = Recipe("main", steps=4000, learning_rate=3e-2, average=0.999, loss=Loss("weighted", positive=19.0, heads=HEADS))


def _augmented(**settings) -> Recipe:
    return replace(SHORT, augmentation=FeatureAugmentation(**settings))


def _network(**switches) -> Recipe:
    return replace(SHORT, model=replace(OURS, **switches))


VARIANTS: dict[str, Recipe] = {
    "baseline": SHORT,
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
}  # each sees as many frames in training as every other; only `windows-whole` takes fewer, longer steps


def experiments() -> dict[str, Recipe]:
    """All runs by name: the main network and each comparison, with every seed.

    >>> runs = experiments()
    >>> runs["no-contour-2"].model.contour, runs["no-contour-2"].seed
    (False, 2)
    """
    named = {"main": MAIN} | VARIANTS
    return {
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
    figures = {figure: record[figure] for figure in ("steps", "minutes")}
    best = record["validation"][-1]["Fno"] if record["validation"] else None
    return {"name": name, "state": "stands", **figures, "Fno": best}


# Measuring


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


CONDITIONS: dict[str, Callable] = {
    "clean": lambda recording, rng: recording,
    "room": _in_room,
    "noise": _in_noise,
    "dull": _dull,
    "faint": _faint,
    "transposed": _high,
    "voices": _amid_voices,
    "hum": _with_hum,
}  # what a test clip goes through: the same changes, harsher than most that training makes
EXCERPTS = [(name, 20.0 * i) for name in ("chopin-nocturne", "beethoven-menuetto") for i in range(1, 7)]
EXCERPT_SECONDS = 20.0


def disturbed_clip(name: str, start: float, condition: str) -> Recording:
    """Twenty seconds of a performance that training never saw, on the book's own piano, under one condition.

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
    return [(fixed_features(clip), clip.notes) for clip in clips]


def robustness(model: NMPNet, decoder: PeakDecoder, conditions=CONDITIONS) -> dict[str, list[float]]:
    """Fno on each test clip, by condition: a row of the robustness table (eq-robust)."""
    return {
        condition: [
            onset_scores(notes, decoder(feature_posteriors(model, features)))["Fno"]
            for features, notes in _test_features(condition)
        ]
        for condition in conditions
    }


class Real(NamedTuple):
    """A real recording: audio, features (1, frames, 309), notes, and how many seconds the sound lies after them."""

    recording: Recording
    features: torch.Tensor
    notes: Notes
    lag: float


def real_recordings(folder: str | os.PathLike, *, seconds: float = 60.0) -> list[Real]:
    """Each recording's first minute; each FLAC has a TSV beside it, and ``lag_ms.json`` may tell the lags."""
    paths = sorted(Path(folder).glob("*.flac"))
    if not paths:
        raise InputError(f"{folder}: no FLAC files there; give a folder of recordings with a note list beside each.")
    told = Path(folder) / "lag_ms.json"
    lags = json.loads(told.read_text()) if told.exists() else {}
    found = []
    for path in paths:
        notes = read_table(path.with_suffix(".tsv"))
        first = notes.onset < seconds
        columns = (notes.onset, notes.offset, notes.pitch, notes.velocity)
        lag = next((ms / 1000 for name, ms in lags.items() if path.stem.endswith(name)), 0.0)
        recording = sound.load(path, stop=seconds)
        notes = Notes(*(column[first] for column in columns))
        found.append(Real(recording, fixed_features(recording), notes, lag))
    return found


def measure_released(recordings: Sequence[Real], *, folder: Path = CHECKPOINTS) -> list[float]:
    """Fno of the released weights and decoder, with a true clock, on each recording; kept in ``released.csv``."""
    if not recordings:
        raise InputError("released: name the folder of recordings with --recordings.")
    network = released.load()
    found = [onset_scores(real.notes, decode(posteriors(network, real.recording)))["Fno"] for real in recordings]
    rows = [f"{real.recording.title},{score:.4f}" for real, score in zip(recordings, found, strict=True)]
    with written_whole(Path(folder) / "released.csv") as scratch:
        scratch.write_text("\n".join(["recording,Fno", *rows]) + "\n")
    return found


def measure(name: str, *, folder: Path = CHECKPOINTS, recordings: Sequence[Real] = ()) -> dict:
    """Measure a run and write its scores into its record, all Fno but the book's test, which has every score.

    "robustness" by condition and "book_test" by performance; given `recordings`, "real_piano" with our decoder,
    "real_piano_bare_peaks" with peaks alone, and "real_piano_lag_corrected", one number for each recording.
    """
    model, record = load(name, folder=folder)
    decoder, bare = PeakDecoder(**record["decoder"]), PeakDecoder(threshold=record["validation"][-1]["threshold"])
    found = record.get("scores", {}) | {"robustness": robustness(model, decoder), "book_test": {}}
    for one in book_set().performances("test"):
        heard = decoder(feature_posteriors(model, fixed_features(one.segment())))
        found["book_test"][one.name] = scores(one.notes, heard)
    if recordings:
        heard = [feature_posteriors(model, real.features) for real in recordings]
        pairs = list(zip(recordings, heard, strict=True))
        found["real_piano"] = [onset_scores(real.notes, decoder(p))["Fno"] for real, p in pairs]
        found["real_piano_bare_peaks"] = [onset_scores(real.notes, bare(p))["Fno"] for real, p in pairs]
        found["real_piano_lag_corrected"] = [
            onset_scores(real.notes.shifted(real.lag), decoder(p))["Fno"] for real, p in pairs
        ]
    record["scores"] = json.loads(json.dumps(found), parse_float=lambda digits: round(float(digits), 4))
    save(model, record, folder)
    return record["scores"]


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

    measuring = commands.add_parser("measure", help="score trained networks", description=_measure.__doc__)
    measuring.add_argument("names", metavar="NAME", nargs="*", help="runs (default: all that stand), or released")
    measuring.add_argument("--recordings", type=Path, metavar="DIR", help="real recordings, FLAC with TSV")
    measuring.add_argument("-o", "--output", type=Path, default=CHECKPOINTS, metavar="DIR", help="where they are")
    measuring.set_defaults(run=_measure)

    data = commands.add_parser("data", help="render training audio", description=_data.__doc__)
    data.add_argument("dataset", choices=("asap",), help="(n)ASAP: performances as MIDI")
    data.add_argument("path", type=Path, help="its archive or folder")
    data.add_argument("-o", "--output", type=Path, metavar="DIR", help="where to write (default: in the cache)")
    data.add_argument("--clips", type=int, default=1200, help="minutes of training audio")
    data.add_argument("--validation-clips", type=int, default=60)
    data.add_argument("--dry-clips", type=int, default=0, help="the same minutes again without any room")
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
        Corpus(folder / chosen.corpus),
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


def _measure(arguments) -> int:
    """Score networks under each disturbance, and on real recordings if given; the scores go into their records."""
    standing = [name for name in experiments() if (arguments.output / f"{name}.json").exists()]
    recordings = real_recordings(arguments.recordings) if arguments.recordings else ()
    for name in arguments.names or standing:
        if name == "released":
            print(f"{name:32} real {np.mean(measure_released(recordings, folder=arguments.output)):.3f}")
            continue
        found = measure(name, folder=arguments.output, recordings=recordings)
        rows = found["robustness"] | ({"real": found["real_piano"]} if recordings else {})
        print(f"{name:32} " + "  ".join(f"{row} {np.mean(values):.3f}" for row, values in rows.items()), flush=True)
    return 0


def _data(arguments) -> int:
    """Render one-minute clips of (n)ASAP's performances on many pianos; goes on where it was stopped."""
    from . import corpus

    known = {piano.name: piano for piano in corpus.PIANOS}
    for name in arguments.pianos or ():
        if name not in known:
            raise InputError(f"{name}: no such piano; choose among {', '.join(known)}.")
    folder = arguments.output or _default_corpus()
    wanted = {"train": arguments.clips, "validation": arguments.validation_clips, "dry": arguments.dry_clips}
    for part, clips in wanted.items():
        if not clips:
            continue
        split = "train" if part == "dry" else part
        pianos = [known[name] for name in arguments.pianos] if arguments.pianos else None
        notes = corpus.performances(arguments.path, split)
        made = corpus.make(
            folder / part,
            notes,
            clips=clips,
            split=split,
            pianos=pianos,
            rooms=part != "dry",
            seed=arguments.seed,
            progress=True,
        )
        print(f"{folder / part}: {len(made)} clips, fingerprint {made.fingerprint[:16]}")
    return 0


def _default_corpus() -> Path:
    from .fetch import cache_dir

    return cache_dir() / "corpus"
