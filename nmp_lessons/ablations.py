"""Experiments as data: every run that the book speaks of, by name.

Chapters ``training``, ``augmentation``, ``cross_entropy`` and ``ablations``. A run is a `Recipe`; this module is
the table of them. ``nmp-lessons train NAME`` makes the checkpoint and the record of one; ``nmp-lessons
experiments`` says which stand, which are missing, and what each cost. Comparisons share one short schedule and
differ in one switch each, three seeds apiece; only the main network is trained for long.

Two runs are compared clip by clip and seed by seed (`compare`), and the difference is believed if an interval over
other clips *and* other seeds leaves out zero. Conventions: scores are (seeds, clips); a positive difference means
that the experiment is better than what it is compared with.
"""

import csv
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
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
from .beyond import CompactConfig, RecurrentConfig, TransformerConfig
from .corpus import CLIP_FRAMES
from .cross_entropy import Loss
from .decoding import THRESHOLDS, PeakDecoder, best_options, best_threshold, decode, fitted
from .errors import InputError
from .evaluation import cause_counts, median_shift, onset_scores, scores, threshold_curves
from .files import writable, written_whole
from .maestro import book_set, full_notes
from .model import Config, Transcriber, feature_posteriors, fixed_features, posteriors
from .notes import Notes, read_table
from .piano import render
from .sound import Recording
from .training import CHECKPOINTS, Recipe, load, save

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
    "baseline-second": SHORT,  # once more, on the machine where later experiments were trained
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
OTHERS: dict[str, Recipe] = {
    "transformer": replace(SHORT, model=TransformerConfig()),
    "transformer-large": replace(SHORT, model=TransformerConfig(width=48, depth=3, heads=4, hidden=96)),
    "recurrent": replace(SHORT, model=RecurrentConfig()),
    "compact": replace(SHORT, model=CompactConfig()),
}  # chapter `beyond`: other networks, as short
LONG: dict[str, Recipe] = {"main": MAIN, "compact-main": replace(MAIN, model=CompactConfig(), steps=3000)}


def experiments() -> dict[str, Recipe]:
    """All runs by name: the long ones and each comparison, with every seed.

    >>> runs = experiments()
    >>> runs["no-contour-2"].model.contour, runs["no-contour-2"].seed
    (False, 2)
    """
    named = LONG | VARIANTS | OTHERS
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


def robustness(model: Transcriber, decoder: PeakDecoder, conditions=CONDITIONS) -> dict[str, list[float]]:
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


ERRORS, CURVES = "real_errors.csv", "real_thresholds.csv"


def measure_errors(recordings: Sequence[Real], *, name: str = "main-0", folder: Path = CHECKPOINTS) -> list[dict]:
    """Every score and every cause on each recording, of one of our networks and of the released one.

    Kept in ``real_errors.csv``, a row for each network and recording, with the median shift of the onsets in
    seconds, and Fno as it would be with the labels moved by it (which nobody may report: it is chosen on the test);
    and in ``real_thresholds.csv`` our network's
    Fno, Pno and Rno at each threshold, for `evaluation.optimism`.
    """
    if not recordings:
        raise InputError("errors: name the folder of recordings with --recordings.")
    model, record = load(name)
    network, decoder = released.load(), PeakDecoder(**record["decoder"])
    answered = [(feature_posteriors(model, real.features), real.notes) for real in recordings]
    heard = {
        name: [decoder(answer) for answer, _ in answered],
        "released": [decode(posteriors(network, real.recording)) for real in recordings],
    }
    rows = [
        {"network": which, "recording": real.recording.title, "notes": len(real.notes)}
        | {score: round(value, 4) for score, value in scores(real.notes, notes).items()}
        | {"shift": round(shift, 4), "Fno shifted": round(onset_scores(real.notes.shifted(shift), notes)["Fno"], 4)}
        | cause_counts(real.notes, notes)
        for which, found in heard.items()
        for real, notes in zip(recordings, found, strict=True)
        for shift in [median_shift(real.notes, notes)]
    ]

    def at(answer, threshold: float) -> Notes:
        return replace(decoder, threshold=threshold)(answer)

    curves = threshold_curves(at, answered, THRESHOLDS)
    curve_rows = [
        {"threshold": threshold, "recording": real.recording.title}
        | {score: round(float(values[i, j]), 4) for score, values in curves.items()}
        for i, threshold in enumerate(THRESHOLDS)
        for j, real in enumerate(recordings)
    ]
    _write_rows(Path(folder) / ERRORS, rows)
    _write_rows(Path(folder) / CURVES, curve_rows)
    return rows


def _write_rows(path: Path, rows: list[dict]) -> None:
    with written_whole(path) as scratch, open(scratch, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def measured_errors(file: str = ERRORS) -> list[dict]:
    """What `measure_errors` kept: its rows, numbers as numbers.

    >>> {row["network"] for row in measured_errors()} == {"main-0", "released"}
    True
    """
    with open(CHECKPOINTS / file, newline="", encoding="utf-8") as read:
        rows = list(csv.DictReader(read))
    words = ("network", "recording")
    return [{name: cell if name in words else float(cell) for name, cell in row.items()} for row in rows]


def measure_decoders(
    recordings: Sequence[Real], *, networks: Sequence[str] = ("released", "main-0"), folder: Path = CHECKPOINTS
) -> list[dict]:
    """Fno of four decoders on the same posteriors, on every recording and test clip; kept in ``decoders.csv``.

    Whatever a decoder can be told is chosen on the eight training performances of the book's set, for all alike.
    """
    if not recordings:
        raise InputError("decoders: name the folder of recordings with --recordings.")
    clips = [disturbed_clip(name, start, "clean") for name, start in EXCERPTS]
    tests = [("real piano", real.recording, real.recording.title, real.notes) for real in recordings]
    tests += [
        ("clips", clip, f"{name} {start:.0f}", clip.notes) for clip, (name, start) in zip(clips, EXCERPTS, strict=True)
    ]
    rows = []
    for name in networks:
        network = released.load() if name == "released" else load(name, folder=folder)[0]
        heard = [(posteriors(network, recording), notes) for _, recording, _, notes in tests]
        for decoder, (options, decoded) in rival_decoders(network).items():
            found = [onset_scores(notes, decoded(answer))["Fno"] for answer, notes in heard]
            told = {"network": name, "decoder": decoder, "options": json.dumps(options)}
            rows += [
                told | {"set": of, "recording": title, "Fno": f"{score:.4f}"}
                for (of, _, title, _), score in zip(tests, found, strict=True)
            ]
    _write_rows(Path(folder) / "decoders.csv", rows)
    return rows


def rival_decoders(network: Transcriber) -> dict[str, tuple[dict, Callable]]:
    """Four decoders for one network by name: their options, and the function from posteriors to notes."""
    answered = [
        (posteriors(network, recording), recording.notes)
        for recording in (one.segment() for one in book_set().performances("train"))
    ]
    chosen, _ = best_options(answered)
    peaks, _ = best_threshold(PeakDecoder(), answered)
    evidence, _ = best_threshold(fitted(answered), answered)
    return {
        "as released": ({}, decode),
        "released, chosen": (chosen, partial(decode, **chosen)),
        "peaks": (asdict(peaks), peaks),
        "evidence": (asdict(evidence), evidence),
    }


def decoder_named(name: str, options: str) -> Callable:
    """A decoder of ``decoders.csv`` again, from its name and its options there.

    >>> decoder_named("peaks", '{"threshold": 0.4}').threshold
    0.4
    """
    read = json.loads(options)
    return partial(decode, **read) if "released" in name else PeakDecoder(**read)


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


# Comparing

UNTOLD = "cannot be told"
PAPER = {
    "NMP": {"Molina": (0.63, 0.52, 0.35), "GuitarSet": (0.70, 0.79, 0.56), "MAESTRO": (0.38, 0.71, 0.11),
            "Slakh": (0.44, 0.42, 0.21), "Phenicx": (0.53, 0.49, 0.35)},
    "without Yp": {"Molina": (0.60, 0.55, 0.38), "GuitarSet": (0.67, 0.78, 0.55), "MAESTRO": (0.36, 0.65, 0.12),
                   "Slakh": (0.40, 0.43, 0.23), "Phenicx": (0.50, 0.51, 0.36)},
    "without stacking": {"Molina": (0.45, 0.36, 0.20), "GuitarSet": (0.50, 0.65, 0.40),
                         "MAESTRO": (0.27, 0.48, 0.10), "Slakh": (0.33, 0.36, 0.17), "Phenicx": (0.37, 0.39, 0.23)},
}  # fmt: skip
# ^ Acc, Fno and F in Table 2 of Bittner et al., ICASSP 2022


class Comparison(NamedTuple):
    """One experiment and another on the same clips from the same seeds."""

    scores: np.ndarray  # (seeds, clips) of the experiment
    others: np.ndarray  # (seeds, clips) of what it is compared with
    low: float  # the ends of the 95 % interval of the mean difference
    high: float
    p: float  # how often chance would go as far, if there were no difference

    @property
    def differences(self) -> np.ndarray:
        """(seeds, clips), positive where the experiment is better (eq-paired)."""
        return self.scores - self.others

    @property
    def mean(self) -> float:
        """The mean difference."""
        return float(self.differences.mean())

    @property
    def verdict(self) -> str:
        """`verdict` of the interval; of fewer than three seeds nothing can be told."""
        return verdict(self.low, self.high) if len(self.scores) == len(SEEDS) else UNTOLD


def verdict(low: float, high: float) -> str:
    """What an interval of a difference allows to say.

    >>> verdict(0.01, 0.03), verdict(-0.03, -0.01), verdict(-0.01, 0.03)
    ('better', 'worse', 'cannot be told')
    """
    if low > 0:
        return "better"
    return "worse" if high < 0 else UNTOLD


def recorded(name: str, measure: str = "real_piano", *, folder: Path = CHECKPOINTS) -> dict[int, list[float]]:
    """Fno of each clip as recorded, for every seed of an experiment that stands.

    Parameters
    ----------
    name
        Of the experiment, without a seed.
    measure
        One of `CONDITIONS`, for the twelve clips on the book's piano, or "real_piano", for the ten recordings.

    Raises
    ------
    InputError
        If no seed stands, or one was not measured so.

    Examples
    --------
    >>> {seed: len(scores) for seed, scores in recorded("baseline").items()}
    {0: 10, 1: 10, 2: 10}
    """
    found = {}
    for seed in SEEDS:
        path = Path(folder) / f"{name}-{seed}.json"
        if path.exists():
            scores = json.loads(path.read_text()).get("scores", {})
            scores = scores.get("robustness", {}) | scores
            if measure not in scores:
                raise InputError(f"{path}: not measured on {measure!r}; run `nmp-lessons measure {name}-{seed}`.")
            found[seed] = scores[measure]
    if not found:
        raise InputError(f"{name}: no seed of this experiment stands in {folder}; train one first.")
    return found


def standing(*, folder: Path = CHECKPOINTS) -> list[str]:
    """The comparisons of which a seed stands, in the table's order; baselines are none.

    >>> "loss-plain" in standing(), "baseline" in standing()
    (True, False)
    """
    return [
        name
        for name in VARIANTS
        if name not in BASELINES and any((Path(folder) / f"{name}-{seed}.json").exists() for seed in SEEDS)
    ]


def yardstick(name: str, *, folder: Path = CHECKPOINTS) -> str:
    """The baseline that was trained on the same hardware, in the same precision, as an experiment.

    >>> yardstick("no-stacking"), yardstick("loss-plain")
    ('baseline-second', 'baseline')
    """
    paths = [Path(folder) / f"{each}-{SEEDS[0]}.json" for each in (name, BASELINES[1])]
    hardware = [json.loads(path.read_text()).get("hardware") for path in paths if path.exists()]
    return BASELINES[len(hardware) == 2 and hardware[0] == hardware[1]]


def compare(
    name: str, other: str | None = None, *, measure: str = "real_piano", folder: Path = CHECKPOINTS
) -> Comparison:
    """Two experiments compared on the seeds that both have, paired by seed and clip (eq-paired).

    Without `other` an experiment is compared with its baseline (`yardstick`).

    >>> found = compare("windows-whole")
    >>> found.differences.shape, found.verdict
    ((3, 10), 'worse')
    """
    other = other or yardstick(name, folder=folder)
    one, two = (recorded(each, measure, folder=folder) for each in (name, other))
    seeds = sorted(one.keys() & two.keys())
    if not seeds:
        raise InputError(f"{name} and {other} have no seed in common; train one of them again.")
    scores, others = (np.array([each[seed] for seed in seeds]) for each in (one, two))
    means = two_way_bootstrap(scores - others)
    low, high = np.percentile(means, [2.5, 97.5])
    beyond = min((means <= 0).sum(), (means >= 0).sum())
    p = min(1.0, 2 * (1 + beyond) / (1 + len(means)))
    return Comparison(scores, others, float(low), float(high), float(p))


def two_way_bootstrap(differences: np.ndarray, *, samples: int = 10_000, seed: int = 0) -> np.ndarray:
    """Means of differences (seeds, clips) with seeds *and* clips drawn again, (samples,) (eq-two-way).

    Where there is one seed, only clips vary.

    >>> two_way_bootstrap(np.array([[1.0, 1.0], [2.0, 2.0]]), samples=1000).std() > 0.2
    np.True_
    """
    rng = np.random.default_rng(seed)
    shares = []
    for count in differences.shape:
        drawn = rng.integers(count, size=(samples, count))
        shares.append((drawn[:, :, None] == np.arange(count)).mean(axis=1))  # (samples, count)
    return ((shares[0] @ differences) * shares[1]).sum(axis=1)


class Sources(NamedTuple):
    """Variances of one difference: from seed to seed, from clip to clip, and what neither explains."""

    seed: float
    clip: float
    rest: float

    def of_mean(self, seeds: int, clips: int) -> float:
        """Variance of the mean over so many seeds and clips (eq-sources)."""
        return self.seed / seeds + self.clip / clips + self.rest / (seeds * clips)


def sources(differences: np.ndarray) -> Sources:
    """Estimates from differences (seeds, clips); what comes out negative is counted as 0 (eq-components).

    Raises
    ------
    InputError
        If there are not at least two seeds and two clips.

    Examples
    --------
    Two seeds that differ, and nothing else does:

    >>> sources(np.array([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]]))
    Sources(seed=2.0, clip=0.0, rest=0.0)
    """
    differences = np.asarray(differences, dtype=float)
    if differences.ndim != 2 or min(differences.shape) < 2:
        raise InputError(f"differences of shape {differences.shape}: give at least two seeds and two clips.")
    seeds, clips = differences.shape
    of_seeds, of_clips = differences.mean(axis=1), differences.mean(axis=0)
    left = differences - of_seeds[:, None] - of_clips + differences.mean()
    rest = float((left**2).sum() / ((seeds - 1) * (clips - 1)))
    seed = float(of_seeds.var(ddof=1)) - rest / clips
    clip = float(of_clips.var(ddof=1)) - rest / seeds
    return Sources(max(seed, 0.0), max(clip, 0.0), rest)


def holm(p_values: Sequence[float], *, level: float = 0.05) -> np.ndarray:
    """Which of many differences to believe, so that even one false belief is rarer than `level` (eq-holm).

    >>> holm([0.02, 0.001, 0.03, 0.4]).tolist()
    [False, True, False, False]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    passed = p[order] <= level / np.arange(len(p), 0, -1)
    believed = np.zeros(len(p), dtype=bool)
    believed[order[np.logical_and.accumulate(passed)]] = True
    return believed


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
    measuring.add_argument(
        "names", metavar="NAME", nargs="*", help="runs (default: all that stand), released, errors, decoders"
    )
    measuring.add_argument("--recordings", type=Path, metavar="DIR", help="real recordings, FLAC with TSV")
    measuring.add_argument("-o", "--output", type=Path, default=CHECKPOINTS, metavar="DIR", help="where they are")
    measuring.set_defaults(run=_measure)

    data = commands.add_parser("data", help="make training data")
    datasets = data.add_subparsers(title="datasets", required=True, metavar="DATASET")
    asap = datasets.add_parser("asap", help="(n)ASAP: render performances", description=_asap.__doc__)
    asap.add_argument("path", type=Path, help="its archive or folder")
    asap.add_argument("-o", "--output", type=Path, metavar="DIR", help="where to write (default: in the cache)")
    asap.add_argument("--clips", type=int, default=1200, help="minutes of training audio")
    asap.add_argument("--validation-clips", type=int, default=60)
    asap.add_argument("--dry-clips", type=int, default=0, help="the same minutes again without any room")
    asap.add_argument("--pianos", nargs="+", metavar="NAME", help="only these (default: all)")
    asap.add_argument("--seed", type=int, default=0)
    asap.set_defaults(run=_asap)
    maestro = datasets.add_parser("maestro", help="MAESTRO v3: cut recordings", description=_maestro.__doc__)
    maestro.add_argument("root", nargs="?", type=Path, help="its folder (default: MAESTRO_ROOT)")
    maestro.add_argument("-o", "--output", type=Path, metavar="DIR", help="where to write (default: in the cache)")
    maestro.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: one for each core)")
    maestro.add_argument("--without", nargs="+", default=(), metavar="NAME", help="leave out years or performances")
    maestro.add_argument("--check", action="store_true", help="make anew what differs from its checksum")
    maestro.set_defaults(run=_maestro)


def _train(arguments) -> int:
    """Train one network, or go on where it was stopped; weights and record appear when it is done."""
    from . import training
    from .corpus import Corpus

    chosen = recipe(arguments.name)
    folder = arguments.corpus or _default_corpus()
    corpora = [Corpus(folder / part) for part in (chosen.corpus, "validation")]
    writable(arguments.output)
    try:
        fabric = training.default_fabric(accelerator=arguments.accelerator)
    except (ValueError, RuntimeError) as problem:
        raise InputError(
            f"--accelerator {arguments.accelerator}: cannot be had here ({problem}); try cpu."
        ) from problem
    training.train(
        chosen,
        *corpora,
        folder=arguments.output,
        fabric=fabric,
        compiled=arguments.compile and training.can_compile(),
        shown=True,
    )
    return 0


def _experiments(arguments) -> int:
    if not arguments.output.is_dir():
        raise InputError(f"{arguments.output}: no such folder; name the one that holds the checkpoints.")
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
    if not (arguments.names or standing):
        raise InputError(f"{arguments.output}: holds no trained network; name the folder that does with -o.")
    for name in arguments.names or standing:
        if name == "released":
            print(f"{name:32} real {np.mean(measure_released(recordings, folder=arguments.output)):.3f}")
            continue
        if name == "errors":
            rows = measure_errors(recordings, folder=arguments.output)
            print(f"{name:32} real {np.mean([row['Fno'] for row in rows if row['network'] != 'released']):.3f}")
            continue
        if name == "decoders":
            rows = measure_decoders(recordings, folder=arguments.output)
            print(f"{name:32} {len(rows)} scores")
            continue
        found = measure(name, folder=arguments.output, recordings=recordings)
        rows = found["robustness"] | ({"real": found["real_piano"]} if recordings else {})
        print(f"{name:32} " + "  ".join(f"{row} {np.mean(values):.3f}" for row, values in rows.items()), flush=True)
    return 0


def _asap(arguments) -> int:
    """Render one-minute clips of (n)ASAP's performances on many pianos; goes on where it was stopped."""
    from . import corpus

    known = {piano.name: piano for piano in corpus.PIANOS}
    if min(arguments.clips, arguments.validation_clips, arguments.dry_clips) < 0:
        raise InputError("a number of clips is below 0; give how many minutes to render.")
    for name in arguments.pianos or ():
        if name not in known:
            raise InputError(f"{name}: no such piano; choose among {', '.join(known)}.")
    folder = writable(arguments.output or _default_corpus())
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


def _maestro(arguments) -> int:
    """Cut MAESTRO's recordings into the minutes that training reads; goes on where it was stopped."""
    from . import fetch, scaling
    from .maestro import Maestro

    folder = arguments.output or fetch.cache_dir() / "maestro"
    tree = Maestro(arguments.root, without=arguments.without)
    made = scaling.make(folder, tree, workers=arguments.workers, check=arguments.check, progress=True)
    for split, corpus in made.items():
        print(f"{folder / split}: {len(corpus)} clips, fingerprint {corpus.fingerprint[:16]}")
    print(f"Train on it: nmp-lessons train NAME --corpus {folder}")
    return 0


def _default_corpus() -> Path:
    from .fetch import cache_dir

    return cache_dir() / "corpus"
