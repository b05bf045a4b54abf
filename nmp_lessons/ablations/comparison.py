"""Two runs compared clip by clip and seed by seed, with an interval that allows for other clips *and* other seeds.

Scores have the shape (seeds, clips). A positive difference means that the experiment scores higher than the run it is
compared with.

Source: Satterthwaite, Biometrics Bulletin 1946 (degrees of freedom); Holm, Scandinavian Journal of Statistics 1979.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

from ..errors import InputError
from ..training.checkpoints import CHECKPOINTS
from .runs import BASELINES, SEEDS, VARIANTS

INCONCLUSIVE = "inconclusive"
PAPER = {
    "NMP": {"Molina": (0.63, 0.52, 0.35), "GuitarSet": (0.70, 0.79, 0.56), "MAESTRO": (0.38, 0.71, 0.11),
            "Slakh": (0.44, 0.42, 0.21), "Phenicx": (0.53, 0.49, 0.35)},
    "without Yp": {"Molina": (0.60, 0.55, 0.38), "GuitarSet": (0.67, 0.78, 0.55), "MAESTRO": (0.36, 0.65, 0.12),
                   "Slakh": (0.40, 0.43, 0.23), "Phenicx": (0.50, 0.51, 0.36)},
    "without stacking": {"Molina": (0.45, 0.36, 0.20), "GuitarSet": (0.50, 0.65, 0.40),
                         "MAESTRO": (0.27, 0.48, 0.10), "Slakh": (0.33, 0.36, 0.17), "Phenicx": (0.37, 0.39, 0.23)},
}  # fmt: skip


class Comparison(NamedTuple):
    """One experiment and another on the same clips from the same seeds."""

    scores: np.ndarray  # (seeds, clips) of the experiment
    others: np.ndarray  # (seeds, clips) of what it is compared with
    low: float  # the ends of the 95 % interval of the mean difference, from `crossed`
    high: float
    p: float  # how often chance alone would give a difference at least as large

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
        """What the interval says (`verdict`); with fewer than three seeds a comparison is always inconclusive."""
        return verdict(self.low, self.high) if len(self.scores) == len(SEEDS) else INCONCLUSIVE


def verdict(low: float, high: float) -> str:
    """Whether an interval of a difference lies above zero, below zero, or contains it.

    >>> verdict(0.01, 0.03), verdict(-0.03, -0.01), verdict(-0.01, 0.03)
    ('better', 'worse', 'inconclusive')
    """
    if low > 0:
        return "better"
    return "worse" if high < 0 else INCONCLUSIVE


def recorded(name: str, measure: str = "real_piano", *, folder: Path = CHECKPOINTS) -> dict[int, list[float]]:
    """The recorded Fno of each clip, for every trained seed of an experiment.

    Parameters
    ----------
    name
        The experiment's name, without a seed.
    measure
        One of `CONDITIONS`, for the twelve clips on the book's piano, or "real_piano", for the ten recordings.

    Raises
    ------
    InputError
        If no seed has been trained, or one of them was not measured in this way.

    Examples
    --------
    >>> {seed: len(scores) for seed, scores in recorded("baseline").items()}
    {0: 10, 1: 10, 2: 10}
    """
    found = {}
    for seed in SEEDS:
        path = Path(folder) / f"{name}-{seed}.json"
        if path.exists():
            scores = json.loads(path.read_text("utf8")).get("scores", {})
            scores = scores.get("robustness", {}) | scores
            if measure not in scores:
                raise InputError(f"{path}: not measured on {measure!r}; run `nmp-lessons measure {name}-{seed}`.")
            found[seed] = scores[measure]
    if not found:
        raise InputError(f"{name}: no seed of this experiment is in {folder}; train one first.")
    return found


def standing(*, folder: Path = CHECKPOINTS) -> list[str]:
    """The experiments with at least one trained seed, in the table's order and without the baselines.

    >>> "loss-plain" in standing(), "baseline" in standing()
    (True, False)
    """
    return [
        name
        for name in VARIANTS
        if name not in BASELINES and any((Path(folder) / f"{name}-{seed}.json").exists() for seed in SEEDS)
    ]


def baseline_for(name: str, *, folder: Path = CHECKPOINTS) -> str:
    """The baseline that was trained on the same hardware, and in the same precision, as an experiment.

    >>> baseline_for("no-stacking"), baseline_for("loss-plain")
    ('baseline-second', 'baseline')
    """
    paths = [Path(folder) / f"{each}-{SEEDS[0]}.json" for each in (name, BASELINES[1])]
    hardware = [json.loads(path.read_text("utf8")).get("hardware") for path in paths if path.exists()]
    return BASELINES[len(hardware) == 2 and hardware[0] == hardware[1]]


def compare(
    name: str, other: str | None = None, *, measure: str = "real_piano", folder: Path = CHECKPOINTS
) -> Comparison:
    """Two experiments compared on the seeds that both have, paired by seed and clip (eq-paired).

    Without `other`, an experiment is compared with its baseline (`baseline_for`). Interval and p-value are those of
    `crossed`.

    >>> found = compare("windows-whole")
    >>> found.differences.shape, found.verdict
    ((3, 10), 'worse')
    """
    other = other or baseline_for(name, folder=folder)
    one, two = (recorded(each, measure, folder=folder) for each in (name, other))
    seeds = sorted(one.keys() & two.keys())
    if not seeds:
        raise InputError(f"{name} and {other} have no seed in common; train one of them again.")
    scores, others = (np.array([each[seed] for seed in seeds]) for each in (one, two))
    return Comparison(scores, others, *(float(each) for each in crossed(scores - others)[:3]))


class Interval(NamedTuple):
    """The interval of a mean difference, the p-value that goes with it, and the degrees of freedom behind both."""

    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    freedom: np.ndarray


def crossed(differences: np.ndarray, *, level: float = 0.95) -> Interval:
    """A t-interval for the mean of differences (..., seeds, clips) that allows for other seeds and other clips.

    The variance of the mean is put together from its sources (eq-sources); its degrees of freedom are Satterthwaite's
    (eq-freedom). Where there is one seed only, it is the usual t-interval over clips, and says nothing of other seeds.

    Raises
    ------
    InputError
        If there are fewer than two clips.

    Examples
    --------
    Where only seeds differ, three of them leave two degrees of freedom:

    >>> found = crossed(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    >>> f"{found.low:.2f} to {found.high:.2f}", round(float(found.freedom), 6)
    ('-0.48 to 4.48', 2.0)
    """
    differences = np.asarray(differences, dtype=float)
    if differences.ndim < 2 or differences.shape[-1] < 2:
        raise InputError(f"differences of shape {differences.shape}: give seeds and at least two clips.")
    seeds, clips = differences.shape[-2:]
    mean = differences.mean(axis=(-2, -1))
    if seeds == 1:
        variance = differences.var(axis=-1, ddof=1)[..., 0] / clips
        freedom = np.full(mean.shape, clips - 1.0)
    else:
        seed, clip, rest = _parts_of_mean(differences)
        variance = np.maximum(seed, rest) + np.maximum(clip, rest) - rest
        doubt = seed**2 / (seeds - 1) + clip**2 / (clips - 1) + rest**2 / ((seeds - 1) * (clips - 1))
        freedom = np.divide(variance**2, doubt, out=np.full_like(doubt, seeds - 1.0), where=doubt > 0)
    error = np.sqrt(variance)
    half = stats.t.ppf((1 + level) / 2, freedom) * error
    ratio = np.divide(np.abs(mean), error, out=np.where(mean == 0, 0.0, np.inf), where=error > 0)
    return Interval(mean - half, mean + half, 2 * stats.t.sf(ratio, freedom), freedom)


def _parts_of_mean(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the seeds' means, the clips' means and the rest contribute to the variance of (..., seeds, clips)' mean."""
    seeds, clips = differences.shape[-2:]
    of_seeds, of_clips = differences.mean(axis=-1), differences.mean(axis=-2)
    mean = differences.mean(axis=(-2, -1))[..., None, None]
    left = differences - of_seeds[..., :, None] - of_clips[..., None, :] + mean
    rest = (left**2).sum(axis=(-2, -1)) / ((seeds - 1) * (clips - 1))
    return of_seeds.var(axis=-1, ddof=1) / seeds, of_clips.var(axis=-1, ddof=1) / clips, rest / (seeds * clips)


def two_way_bootstrap(differences: np.ndarray, *, samples: int = 10_000, seed: int = 0) -> np.ndarray:
    """Means of differences (..., seeds, clips) with seeds *and* clips drawn again, (..., samples) (eq-two-way).

    Where there is one seed, only clips vary. With few seeds the spread of these means can be far from right (see the
    chapter); `crossed` is nearer.

    >>> two_way_bootstrap(np.array([[1.0, 1.0], [2.0, 2.0]]), samples=1000).std() > 0.2
    np.True_
    """
    rng = np.random.default_rng(seed)
    weights = []
    for count in differences.shape[-2:]:
        drawn = rng.integers(count, size=(samples, count))
        weights.append((drawn[:, :, None] == np.arange(count)).mean(axis=1))  # (samples, count)
    both = (weights[0][:, :, None] * weights[1][:, None, :]).reshape(samples, -1)
    return differences.reshape(*differences.shape[:-2], -1) @ both.T


class Sources(NamedTuple):
    """Variances of a difference: from seed to seed, from clip to clip, and what neither explains."""

    seed: float
    clip: float
    rest: float

    def of_mean(self, seeds: int, clips: int) -> float:
        """Variance of the mean over so many seeds and clips (eq-sources)."""
        return self.seed / seeds + self.clip / clips + self.rest / (seeds * clips)

    def null_worlds(self, count: int, *, seeds: int = 3, clips: int = 10, seed: int = 0) -> np.ndarray:
        """Differences of so many made-up experiments with these variances and no effect, (count, seeds, clips).

        >>> Sources(seed=1.0, clip=0.0, rest=0.0).null_worlds(2, seeds=3, clips=4).shape
        (2, 3, 4)
        """
        rng = np.random.default_rng(seed)
        return (
            rng.normal(0, self.seed**0.5, (count, seeds, 1))
            + rng.normal(0, self.clip**0.5, (count, 1, clips))
            + rng.normal(0, self.rest**0.5, (count, seeds, clips))
        )


def sources(differences: np.ndarray) -> Sources:
    """The three variances estimated from differences (seeds, clips); a negative estimate counts as 0 (eq-components).

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
    seed, clip, rest = (float(each) for each in _parts_of_mean(differences))
    return Sources(max(seeds * (seed - rest), 0.0), max(clips * (clip - rest), 0.0), seeds * clips * rest)


def holm(p_values: Sequence[float], *, level: float = 0.05) -> np.ndarray:
    """Which of many rows to accept, so that accepting even one false row has at most the chance `level` (eq-holm).

    >>> holm([0.02, 0.001, 0.03, 0.4]).tolist()
    [False, True, False, False]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    passed = p[order] <= level / np.arange(len(p), 0, -1)
    accepted = np.zeros(len(p), dtype=bool)
    accepted[order[np.logical_and.accumulate(passed)]] = True
    return accepted
