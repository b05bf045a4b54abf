"""Filters in front of a decoder, each with a decoder fitted behind it: the tables of chapter ``median_filtering``.

A filter changes what the decoder reads. A decoder that was fitted without the filter is then at a disadvantage, and
a comparison would charge the filter for it. So every filter, and the absence of one, gets a decoder of its own. It is
fitted on the eight training performances of the book's set, which go through the same noise and the same filter, and
scored on twelve clips of two other performances. `measure_filters` does this once and keeps ``filters.csv``;
`measured_filters` reads it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..audio.recording import Recording
from ..augmentation.waveforms import white_noise
from ..constants import NMP
from ..data.maestro import book_set
from ..decoding.fitting import best_threshold, fit_peak_decoder
from ..decoding.peak_decoder import PeakDecoder
from ..errors import InputError
from ..evaluation import onset_scores
from ..files import read_rows, write_rows
from ..median_filtering import box, crackle, drop_packets, dropped, impulses, median, over_time
from ..model.inference import feature_posteriors, fixed_features
from ..model.network import Transcriber
from ..model.posteriorgram import Posteriors
from ..notes.note_list import Notes
from ..training.checkpoints import CHECKPOINTS, load

TABLE = "filters.csv"
SMOOTHERS = {"box": box, "median": median}
RECORDING_NOISES: dict[str, Callable[[Recording, np.random.Generator], Recording]] = {
    "clean": lambda recording, rng: recording,
    "clicks": lambda recording, rng: crackle(recording, share=0.01, rng=rng),
    "white noise": lambda recording, rng: white_noise(recording, ratio=0, rng=rng),
    "lost packets": lambda recording, rng: drop_packets(recording, share=0.15, rng=rng),
}
POSTERIOR_NOISES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "flipped cells": lambda values, rng: impulses(values, share=0.02, rng=rng),
    "noisy cells": lambda values, rng: np.clip(values + 0.2 * rng.standard_normal(values.shape), 0, 1),
    "lost frames": lambda values, rng: dropped(values, share=0.1, rng=rng),
}
CLIPS = [(name, start) for name in ("chopin-nocturne", "beethoven-menuetto") for start in range(5, 75, 12)]
CLIP_SECONDS, FITTING_SECONDS = 6, 30
DECODERS = ("original", "refitted on clean sound", "refitted")


class Filter(NamedTuple):
    """A filter and where it stands: over the samples of the recording, or over the frames of CQT or posteriors."""

    place: str = ""  # "recording", "CQT" or "posteriors"
    kind: str = "none"  # or "box", "median"
    size: int = 1  # samples or frames

    def __str__(self) -> str:
        return f"{self.kind} of {self.size}, {self.place}" if self.place else "no filter"


NO_FILTER = Filter()


class Result(NamedTuple):
    """A decoder of ``filters.csv`` and its Fno on each of the twelve clips."""

    decoder: PeakDecoder
    scores: np.ndarray  # (12,)


def filters_for(noise: str) -> list[Filter]:
    """What is tried against a noise, beginning with no filter.

    >>> [str(one) for one in filters_for("lost frames")][:3]
    ['no filter', 'box of 3, posteriors', 'median of 3, posteriors']
    """
    if noise in POSTERIOR_NOISES:
        return [NO_FILTER] + [Filter("posteriors", kind, size) for size in (3, 5, 7) for kind in SMOOTHERS]
    places = ("recording", "CQT", "posteriors")
    return [NO_FILTER] + [Filter(*one) for one in product(places, SMOOTHERS, (3, 5))]


def scored_clips() -> list[Recording]:
    """The twelve clips of six seconds on which filters are scored, six of each of two performances."""
    book = book_set()
    return [book.performance(name).segment(start, CLIP_SECONDS, rate=NMP.sample_rate) for name, start in CLIPS]


def filtered_posteriors(
    network: Transcriber, recording: Recording, noise: str = "clean", chosen: Filter = NO_FILTER, *, seed: int = 0
) -> Posteriors:
    """Yn and Yo of a recording that went through a noise and a filter.

    Parameters
    ----------
    network
        Ours; its features are on the fixed scale.
    recording
        At 22,050 Hz.
    noise
        One of `RECORDING_NOISES`, or of `POSTERIOR_NOISES`, which come after the network.
    chosen
        The filter. At the posteriors it comes after their noise.
    seed
        Of the noise.

    Raises
    ------
    InputError
        If there is no such noise.
    """
    if noise not in RECORDING_NOISES | POSTERIOR_NOISES:
        raise InputError(f"noise {noise!r}: there are {', '.join(RECORDING_NOISES | POSTERIOR_NOISES)}.")
    rng = np.random.default_rng(seed)
    smooth = SMOOTHERS.get(chosen.kind)
    if noise in RECORDING_NOISES:
        recording = RECORDING_NOISES[noise](recording, rng)
    if smooth and chosen.place == "recording":
        recording = replace(recording, audio=smooth(recording.audio, chosen.size))
    features = fixed_features(recording)
    if smooth and chosen.place == "CQT":
        filtered = smooth(features[0].numpy(), (chosen.size, 1), mode="nearest")
        features = torch.from_numpy(filtered)[None].float()
    found = replace(feature_posteriors(network, features), contour=None)
    if noise in POSTERIOR_NOISES:
        found = found.map(lambda head: POSTERIOR_NOISES[noise](head, rng))
    return over_time(found, smooth, chosen.size) if smooth and chosen.place == "posteriors" else found


def measure_filters(*, name: str = "main-0", folder: Path = CHECKPOINTS) -> list[dict]:
    """Fno of each filter against each noise on each clip, under three decoders; kept in ``filters.csv``.

    "original" is the decoder in the network's record, "refitted" one that was fitted behind the same noise and the same
    filter, "refitted on clean sound" one that was fitted behind the filter alone.
    """
    network, record = load(name, folder=folder)
    original = PeakDecoder(**record["decoder"])
    fitting = [one.segment(5, FITTING_SECONDS, rate=NMP.sample_rate) for one in book_set().performances("train")]
    test = scored_clips()
    behind_filter: dict[Filter, PeakDecoder] = {}
    rows = []
    for noise in RECORDING_NOISES | POSTERIOR_NOISES:
        for chosen in filters_for(noise):
            if chosen not in behind_filter:  # without noise
                behind_filter[chosen] = _fitted(_outputs(network, fitting, "clean", chosen, seed=100))
            behind_both = behind_filter[chosen]
            if noise != "clean":
                behind_both = _fitted(_outputs(network, fitting, noise, chosen, seed=100))
            heard = _outputs(network, test, noise, chosen, seed=0)
            for which, decoder in zip(DECODERS, (original, behind_filter[chosen], behind_both), strict=True):
                rows.append(
                    {"noise": noise, **chosen._asdict(), "decoder": which, "options": json.dumps(asdict(decoder))}
                    | {
                        f"{piece} {start}": f"{onset_scores(notes, decoder(each))['Fno']:.4f}"
                        for (piece, start), (each, notes) in zip(CLIPS, heard, strict=True)
                    }
                )
    write_rows(Path(folder) / TABLE, rows)
    return rows


def _outputs(
    network: Transcriber, clips: list[Recording], noise: str, chosen: Filter, *, seed: int
) -> list[tuple[Posteriors, Notes]]:
    """Each clip's posteriors, with noise of its own, and its notes."""
    return [
        (filtered_posteriors(network, clip, noise, chosen, seed=seed + i), clip.reference)
        for i, clip in enumerate(clips)
    ]


def _fitted(pairs: list[tuple[Posteriors, Notes]]) -> PeakDecoder:
    return best_threshold(fit_peak_decoder(pairs), pairs)[0]


def measured_filters(*, folder: Path = CHECKPOINTS) -> dict[tuple[str, Filter, str], Result]:
    """What `measure_filters` kept, by noise, filter and decoder.

    >>> measured_filters()["clean", Filter(), "original"].scores.shape
    (12,)
    """
    return {
        (row["noise"], Filter(row["place"], row["kind"], int(row["size"])), row["decoder"]): Result(
            PeakDecoder(**json.loads(row["options"])),
            np.array([float(row[f"{piece} {start}"]) for piece, start in CLIPS]),
        )
        for row in read_rows(Path(folder) / TABLE)
    }


def sign_flip_p(differences: ArrayLike) -> float:
    """How often the mean of paired differences would be as far from 0 as it is, if each sign were a coin's toss.

    All sign patterns are tried, so twenty differences are the most that it takes.

    Raises
    ------
    InputError
        If there are no differences, or more than twenty.

    Examples
    --------
    Of the eight sign patterns of three numbers, two are as extreme:

    >>> sign_flip_p([0.1, 0.2, 0.3])
    0.25
    """
    differences = np.asarray(differences, dtype=float)
    if differences.ndim != 1 or not 0 < len(differences) <= 20:
        raise InputError(f"differences of shape {differences.shape}: give from one to twenty numbers, in a row.")
    signs = 1 - 2 * ((np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences))) & 1)
    return float(np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12))
