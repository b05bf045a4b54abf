"""Two runs compared clip by clip and seed by seed, with an interval over other clips *and* other seeds.

Scores are (seeds, clips); a positive difference means that the experiment is better than what it is compared with.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

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
        """`verdict` of the interval; fewer than three seeds are inconclusive."""
        return verdict(self.low, self.high) if len(self.scores) == len(SEEDS) else INCONCLUSIVE


def verdict(low: float, high: float) -> str:
    """What an interval of a difference allows to say.

    >>> verdict(0.01, 0.03), verdict(-0.03, -0.01), verdict(-0.01, 0.03)
    ('better', 'worse', 'inconclusive')
    """
    if low > 0:
        return "better"
    return "worse" if high < 0 else INCONCLUSIVE


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
            scores = json.loads(path.read_text("utf8")).get("scores", {})
            scores = scores.get("robustness", {}) | scores
            if measure not in scores:
                raise InputError(f"{path}: not measured on {measure!r}; run `nmp-lessons measure {name}-{seed}`.")
            found[seed] = scores[measure]
    if not found:
        raise InputError(f"{name}: no seed of this experiment has been trained in {folder}; train one first.")
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


def baseline_for(name: str, *, folder: Path = CHECKPOINTS) -> str:
    """The baseline that was trained on the same hardware, in the same precision, as an experiment.

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

    Without `other` an experiment is compared with its baseline (`baseline_for`).

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
