"""What training data from all of MAESTRO would cost: measured on a part, extrapolated to the whole.

Chapter ``scaling``. `nmp_lessons.training.maestro_clips.cut_corpus` makes the data; `measured` reads how long that took
for more and more recordings, `fit` draws a straight line through these times, with an interval for any point on it,
and `making` sets the arithmetic against the disk.

Conventions: times are in seconds, amounts of audio in hours.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

from ..constants import NMP
from ..data.maestro import index
from ..data.store import CLIP_FRAMES
from ..errors import InputError
from ..files import CHECKPOINTS, read_rows
from .maestro_clips import CLIP_BYTES, SPLITS, starts

MEASURED = CHECKPOINTS / "scaling.csv"
NUMBERS = ("copies", "cores", "hours", "seconds", "bytes", "load")


def measured(path: Path = MEASURED) -> list[dict]:
    """The recorded measurements: ``python -m tools.bench scaling`` writes them.

    Each row has "stage" (what was done), "copies" (how often the book's ten performances were there), "cores",
    "hours" of audio, "seconds" that it took, "bytes" written, the machine's "load" just before, and "machine".
    """
    return [row | {name: float(row[name] or 0) for name in NUMBERS} for row in read_rows(path)]


class Fit(NamedTuple):
    """A straight line through measured times: T(h) = start + slope · h (eq-line).

    Times of long runs scatter in proportion to themselves, so each counts by its relative error.
    """

    start: float  # seconds
    slope: float  # seconds for an hour of audio
    scatter: float  # of one run, as a share of its time
    covariance: np.ndarray  # (2, 2)
    runs: int

    def at(self, hours: float, *, confidence: float = 0.95) -> tuple[float, float, float]:
        """Seconds for some hours of audio, and between which two ends a run should fall (eq-interval)."""
        x = np.array([1.0, hours])
        seconds = self.start + self.slope * hours
        error = np.sqrt(x @ self.covariance @ x + (self.scatter * seconds) ** 2)
        margin = float(stats.t.ppf((1 + confidence) / 2, self.runs - 2) * error)
        return seconds, max(0.0, seconds - margin), seconds + margin


def fit(hours: Sequence[float], seconds: Sequence[float]) -> Fit:
    """The line through some runs, by least squares of relative errors.

    >>> round(fit([1, 2, 4], [5, 7, 11]).at(100)[0], 6)
    203.0

    Raises
    ------
    InputError
        With fewer than three runs, or runs of one size only: then there is no line, or no error to be told.
    """
    h, t = np.asarray(hours, float), np.asarray(seconds, float)
    if len(h) < 3 or len(set(h)) < 2:
        raise InputError(f"{len(h)} runs of {len(set(h))} sizes: measure at least three, of two sizes or more.")
    x = np.stack([1 / t, h / t], axis=1)  # times the line, this should be 1
    inverse = np.linalg.inv(x.T @ x)
    start, slope = inverse @ x.sum(axis=0)
    scatter = np.sqrt(np.sum((x @ [start, slope] - 1) ** 2) / (len(h) - 2))
    return Fit(float(start), float(slope), float(scatter), scatter**2 * inverse, len(h))


def fit_stage(rows: Sequence[dict], *, stage: str = "data", cores: int) -> Fit:
    """The line through the measured runs of one stage on some cores."""
    chosen = [row for row in rows if row["stage"] == stage and row["cores"] == cores]
    return fit([row["hours"] for row in chosen], [row["seconds"] for row in chosen])


def typical(rows: Sequence[dict], stage: str, *, cores: int = 1) -> float:
    """The median time of a stage on some cores, in seconds."""
    return float(np.median([row["seconds"] for row in rows if row["stage"] == stage and row["cores"] == cores]))


def whole() -> tuple[float, int]:
    """Hours of all that MAESTRO has for training and validation, and in how many clips (eq-clips)."""
    real = index()
    seconds = real["seconds"][np.isin(real["split"], SPLITS)]
    frames = (seconds * NMP.frame_rate).astype(int) + 1
    return float(seconds.sum() / 3600), sum(len(starts(count)) for count in frames.tolist())


READ = 44_100 * 4  # bytes of a second of MAESTRO: stereo, 16 bits
RATE_ON_DISK = READ + CLIP_BYTES * NMP.frame_rate / CLIP_FRAMES  # bytes read and written for a second of audio


def making(line: Fit, hours: float, *, cores: int, disk: float) -> tuple[float, float]:
    """Seconds that the arithmetic and the disk take to make a corpus; the slower of the two decides (eq-making).

    Parameters
    ----------
    line
        Of one core. Performances have nothing to do with each other, so n cores take an n-th of it, at best.
    hours, cores
        Of audio; of the machine.
    disk
        Bytes that it reads or writes in a second.
    """
    return line.start + line.slope * hours / cores, 3600 * hours * RATE_ON_DISK / disk
