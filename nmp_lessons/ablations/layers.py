"""What each layer of the main networks carries: the table of layers in chapter ``ablations``.

Each convolution is treated in three ways. *Silent*: its weights and biases are 0, so that its output is the same for
every input. *Random*: they are as random as before training. *Frozen*: they are random and stay so while the rest of
the network goes on learning (the runs ``frozen-LAYER``). The first two are compared with the main network, the third
with a copy that has learned for as long with all its layers (``frozen-none``). *Bypassed*: a frozen network in which Yn
is then silenced, which tells whether it still uses Yn at all.

In each case batch normalisation is recalibrated and a decoder fitted, both on the book's eight training performances;
then twelve clips of the two other performances are scored. `measure_layers` does this once and keeps ``layers.csv``.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ..data.store import StoredClips
from ..decoding.peak_decoder import PeakDecoder
from ..errors import InputError
from ..evaluation import onset_scores
from ..files import read_rows, write_rows
from ..model.inference import feature_posteriors, fixed_features
from ..model.network import Transcriber
from ..training.checkpoints import CHECKPOINTS, load
from ..training.loop import randomise, recalibrate_batchnorm
from ..training.sampling import book_clips
from ..training.validation import fit_decoder
from .filters import CLIPS, scored_clips
from .runs import FURTHER, LAYERS, SEEDS

TABLE = "layers.csv"
TREATMENTS = ("silent", "random", "frozen", "bypassed")
INTACT = "none"  # the layer of a network that is whole
RECALIBRATION = 3  # batches


class Treated(NamedTuple):
    """Fno of the three seeds on the twelve clips, and the decoder of the first seed."""

    scores: np.ndarray  # (3, 12)
    decoder: PeakDecoder


def treated(layer: str, treatment: str, seed: int, clips: StoredClips, *, folder: Path = CHECKPOINTS) -> Transcriber:
    """A main network with one layer treated, or with `INTACT` the network that it is compared with.

    Parameters
    ----------
    layer
        One of `LAYERS`, or `INTACT`.
    treatment
        One of `TREATMENTS`.
    seed
        0, 1 or 2: which main network. The random weights depend on it, too.
    clips
        On which batch normalisation is recalibrated.
    folder
        Of the checkpoints.
    """
    if treatment in ("frozen", "bypassed"):
        model, _ = load(f"frozen-{layer}-{seed}", folder=folder)
        return _silenced(model, "note_out") if treatment == "bypassed" else model
    model, _ = load(f"main-{seed}", folder=folder)
    if layer == INTACT:
        return model
    if treatment == "random":
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            randomise(model, [layer])
    else:
        _silenced(model, layer)
    return recalibrate_batchnorm(model, FURTHER, clips, count=RECALIBRATION)


def _silenced(model: Transcriber, layer: str) -> Transcriber:
    for weights in model.get_submodule(layer).parameters():
        torch.nn.init.zeros_(weights)
    return model


def measure_layers(*, folder: Path = CHECKPOINTS) -> list[dict]:
    """Fno of the three main networks on each clip, for every layer and treatment; kept in ``layers.csv``."""
    fitting = book_clips()
    test = [(fixed_features(clip), clip.reference) for clip in scored_clips()]
    rows = []
    for seed in SEEDS:
        for treatment in TREATMENTS:
            for layer in (INTACT, *LAYERS):
                model = treated(layer, treatment, seed, fitting, folder=folder)
                decoder = _fitted(model, fitting)
                fno = [onset_scores(notes, decoder(feature_posteriors(model, x)))["Fno"] for x, notes in test]
                row = {"treatment": treatment, "layer": layer, "seed": str(seed)}
                row |= {"options": json.dumps(asdict(decoder))}
                rows.append(row | {f"{name} {start}": f"{f:.4f}" for (name, start), f in zip(CLIPS, fno, strict=True)})
    write_rows(Path(folder) / TABLE, rows)
    return rows


def _fitted(model: Transcriber, clips: StoredClips) -> PeakDecoder:
    """The decoder fitted to a network; the usual one for a network of whose candidates none is true."""
    try:
        return fit_decoder(model, clips)[0]
    except InputError:
        return PeakDecoder()


def measured_layers(*, folder: Path = CHECKPOINTS) -> dict[tuple[str, str], Treated]:
    """What `measure_layers` kept, by treatment and layer.

    >>> measured_layers()["random", "onset"].scores.shape
    (3, 12)
    """
    rows = read_rows(Path(folder) / TABLE)
    found: dict[tuple[str, str], Treated] = {}
    for treatment, layer in dict.fromkeys((row["treatment"], row["layer"]) for row in rows):
        seeds = [row for row in rows if (row["treatment"], row["layer"]) == (treatment, layer)]
        seeds.sort(key=lambda row: int(row["seed"]))
        scores = np.array([[float(row[f"{name} {start}"]) for name, start in CLIPS] for row in seeds])
        found[treatment, layer] = Treated(scores, PeakDecoder(**json.loads(seeds[0]["options"])))
    return found
