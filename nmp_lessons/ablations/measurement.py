"""Measuring trained networks on disturbed clips, on the book's test set and, where available, on real recordings."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from ..audio.formats import load as load_sound
from ..audio.recording import Recording
from ..data.maestro import book_set
from ..decoding.fitting import THRESHOLDS, best_options, best_threshold, fit_peak_decoder
from ..decoding.peak_decoder import PeakDecoder
from ..decoding.released import decode
from ..errors import InputError
from ..evaluation import cause_counts, median_shift, onset_scores, scores, threshold_curves
from ..files import read_rows, visible_files, write_rows
from ..model import released
from ..model.inference import feature_posteriors, fixed_features, posteriors
from ..model.network import Transcriber
from ..model.posteriorgram import Decoder, Posteriors
from ..notes.note_list import Notes
from ..notes.tables import read_table
from ..training.checkpoints import CHECKPOINTS, load, save
from .conditions import EXCERPTS, disturbed_clip, robustness


class Real(NamedTuple):
    """A real recording: audio, features (1, frames, 309), notes, and by how many seconds the sound lags behind them."""

    recording: Recording
    features: torch.Tensor
    notes: Notes
    lag: float


def real_recordings(folder: str | os.PathLike, *, seconds: float = 60.0) -> list[Real]:
    """The first minute of each recording. Every FLAC has a TSV of the same name; ``lag_ms.json`` may list the lags.

    Raises
    ------
    InputError
        If the folder contains no FLAC files, or its ``lag_ms.json`` isn't an object of numbers.
    """
    paths = [path for path in visible_files(folder) if path.suffix.lower() == ".flac"]
    if not paths:
        raise InputError(
            f"{folder}: contains no FLAC files; give a folder of recordings with a TSV of notes beside each."
        )
    lag_table = Path(folder) / "lag_ms.json"
    try:
        lags = json.loads(lag_table.read_text("utf8")) if lag_table.exists() else {}
        lags = {name: float(lag) / 1000 for name, lag in lags.items()}
    except (ValueError, TypeError, AttributeError) as problem:
        raise InputError(
            f'{lag_table}: isn\'t an object like {{"ENSTDkAm": 12.5}}, from the end of a name to milliseconds '
            f"({problem}); correct it or remove it."
        ) from problem
    recordings = []
    for path in paths:
        notes = read_table(path.with_suffix(".tsv"))
        first = notes.onset < seconds
        columns = (notes.onset, notes.offset, notes.pitch, notes.velocity)
        lag = next((lag for name, lag in lags.items() if path.stem.endswith(name)), 0.0)
        recording = load_sound(path, stop=seconds)
        notes = Notes(*(column[first] for column in columns))
        recordings.append(Real(recording, fixed_features(recording), notes, lag))
    return recordings


def measure_released(recordings: Sequence[Real], *, folder: Path = CHECKPOINTS) -> list[float]:
    """Fno of the released weights and decoder, with exact frame times, on each recording; kept in ``released.csv``."""
    if not recordings:
        raise InputError("released: the folder of recordings is missing; give it with --recordings.")
    network = released.load()
    fno = [onset_scores(real.notes, decode(posteriors(network, real.recording)))["Fno"] for real in recordings]
    rows = [{"recording": r.recording.title, "Fno": f"{score:.4f}"} for r, score in zip(recordings, fno, strict=True)]
    write_rows(Path(folder) / "released.csv", rows)
    return fno


ERRORS, CURVES = "real_errors.csv", "real_thresholds.csv"


def measure_errors(recordings: Sequence[Real], *, name: str = "main-0", folder: Path = CHECKPOINTS) -> list[dict]:
    """Every score and every cause of error on each recording, for one of our networks and for the released one.

    ``real_errors.csv`` gets a row for each network and recording, with the median shift of the onsets in seconds and
    with Fno after the labels have been moved by that shift. (The latter must not be reported as a result, since the
    shift is chosen on the test.) ``real_thresholds.csv`` gets our network's Fno, Pno and Rno at each threshold, for
    `evaluation.optimism`.
    """
    if not recordings:
        raise InputError("errors: the folder of recordings is missing; give it with --recordings.")
    model, record = load(name, folder=folder)
    network, decoder = released.load(), PeakDecoder(**record["decoder"])
    pairs = [(feature_posteriors(model, real.features), real.notes) for real in recordings]
    predictions = {
        name: [decoder(each) for each, _ in pairs],
        "released": [decode(posteriors(network, real.recording)) for real in recordings],
    }
    rows = [
        {"network": which, "recording": real.recording.title, "notes": len(real.notes)}
        | {score: round(value, 4) for score, value in scores(real.notes, notes).items()}
        | {"shift": round(shift, 4), "Fno shifted": round(onset_scores(real.notes.shifted(shift), notes)["Fno"], 4)}
        | cause_counts(real.notes, notes)
        for which, predicted in predictions.items()
        for real, notes in zip(recordings, predicted, strict=True)
        for shift in [median_shift(real.notes, notes)]
    ]

    def at(each: Posteriors, threshold: float) -> Notes:
        return replace(decoder, threshold=threshold)(each)

    curves = threshold_curves(at, pairs, THRESHOLDS)
    curve_rows = [
        {"threshold": threshold, "recording": real.recording.title}
        | {score: round(float(values[i, j]), 4) for score, values in curves.items()}
        for i, threshold in enumerate(THRESHOLDS)
        for j, real in enumerate(recordings)
    ]
    write_rows(Path(folder) / ERRORS, rows)
    write_rows(Path(folder) / CURVES, curve_rows)
    return rows


def measured_errors(file: str = ERRORS) -> list[dict]:
    """The rows that `measure_errors` wrote, with numbers as numbers.

    >>> {row["network"] for row in measured_errors()} == {"main-0", "released"}
    True
    """
    words = ("network", "recording")
    return [
        {name: cell if name in words else float(cell) for name, cell in row.items()}
        for row in read_rows(CHECKPOINTS / file)
    ]


def measure_decoders(
    recordings: Sequence[Real], *, networks: Sequence[str] = ("released", "main-0"), folder: Path = CHECKPOINTS
) -> list[dict]:
    """Fno of four decoders on the same posteriors, on every recording and test clip; kept in ``decoders.csv``.

    Every decoder's settings are chosen on the eight training performances of the book's set.
    """
    if not recordings:
        raise InputError("decoders: the folder of recordings is missing; give it with --recordings.")
    clips = [disturbed_clip(name, start, "clean") for name, start in EXCERPTS]
    tests = [("real piano", real.recording, real.recording.title, real.notes) for real in recordings]
    tests += [
        ("clips", clip, f"{name} {start:.0f}", clip.reference)
        for clip, (name, start) in zip(clips, EXCERPTS, strict=True)
    ]
    rows = []
    for name in networks:
        network = released.load() if name == "released" else load(name, folder=folder)[0]
        pairs = [(posteriors(network, recording), notes) for _, recording, _, notes in tests]
        for decoder, (options, decoded) in rival_decoders(network).items():
            fno = [onset_scores(notes, decoded(each))["Fno"] for each, notes in pairs]
            setting = {"network": name, "decoder": decoder, "options": json.dumps(options)}
            rows += [
                setting | {"set": of, "recording": title, "Fno": f"{score:.4f}"}
                for (of, _, title, _), score in zip(tests, fno, strict=True)
            ]
    write_rows(Path(folder) / "decoders.csv", rows)
    return rows


def rival_decoders(network: Transcriber) -> dict[str, tuple[dict, Decoder]]:
    """Four decoders for one network, by name: their options, and the function from posteriors to notes."""
    pairs = [
        (posteriors(network, recording), recording.reference)
        for recording in (one.segment() for one in book_set().performances("train"))
    ]
    chosen, _ = best_options(pairs)
    peaks, _ = best_threshold(PeakDecoder(), pairs)
    evidence, _ = best_threshold(fit_peak_decoder(pairs), pairs)
    return {
        "as released": ({}, decode),
        "released, chosen": (chosen, partial(decode, **chosen)),
        "peaks": (asdict(peaks), peaks),
        "evidence": (asdict(evidence), evidence),
    }


def decoder_named(name: str, options: str) -> Decoder:
    """Rebuild a decoder of ``decoders.csv`` from its name and options.

    >>> decoder_named("peaks", '{"threshold": 0.4}').threshold
    0.4
    """
    read = json.loads(options)
    return partial(decode, **read) if "released" in name else PeakDecoder(**read)


def measure(name: str, *, folder: Path = CHECKPOINTS, recordings: Sequence[Real] = ()) -> dict:
    """Measure a run and write its scores into its record.

    "robustness" holds Fno by condition, "book_test" every score by performance. With `recordings`, there is also one
    Fno for each recording: "real_piano" with our decoder, "real_piano_bare_peaks" with peaks alone, and
    "real_piano_lag_corrected".

    Raises
    ------
    InputError
        If there is no such run, or no decoder was fitted to it.
    """
    model, record = load(name, folder=folder)
    if record["decoder"] is None:
        raise InputError(f"{name}: has no decoder, as it was trained without validation clips; train it with some.")
    decoder, bare = PeakDecoder(**record["decoder"]), PeakDecoder(threshold=record["validation"][-1]["threshold"])
    measured = record.get("scores", {}) | {"robustness": robustness(model, decoder), "book_test": {}}
    for one in book_set().performances("test"):
        predicted = decoder(feature_posteriors(model, fixed_features(one.segment())))
        measured["book_test"][one.name] = scores(one.notes, predicted)
    if recordings:
        pairs = [(real, feature_posteriors(model, real.features)) for real in recordings]
        measured["real_piano"] = [onset_scores(real.notes, decoder(p))["Fno"] for real, p in pairs]
        measured["real_piano_bare_peaks"] = [onset_scores(real.notes, bare(p))["Fno"] for real, p in pairs]
        measured["real_piano_lag_corrected"] = [
            onset_scores(real.notes.shifted(real.lag), decoder(p))["Fno"] for real, p in pairs
        ]
    record["scores"] = json.loads(json.dumps(measured), parse_float=lambda digits: round(float(digits), 4))
    save(model, record, folder)
    return record["scores"]
