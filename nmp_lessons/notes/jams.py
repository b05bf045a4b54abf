"""The notes in JAMS, the JSON in which annotations of music are exchanged (Humphrey et al., ISMIR 2014).

A file holds any number of annotations. Those of a guitar's six strings belong together; those of two people who wrote
down the same song don't.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..constants import TOLERANCE
from ..errors import InputError, warn
from .note_list import LONGEST
from .pitch import frequency_to_pitch


def jams_notes(text: str, path: Path) -> np.ndarray:
    """Onset (s), duration (s), pitch (MIDI number) and no velocity (NaN) of all notes in a JAMS file, (n, 4).

    An annotation most of whose notes are in an earlier one too is left out.

    Raises
    ------
    InputError
        If the text isn't JAMS, or a number in it isn't finite.

    Warns
    -----
    InputWarning
        If an annotation is left out.
    """
    try:
        annotations = [(one["namespace"], one["data"]) for one in json.loads(text)["annotations"]]
        lists = [_notes(kind, data) for kind, data in annotations if kind in ("note_midi", "note_hz")]
        if not any(map(len, lists)):  # some write notes as a pitch that lasts
            lists = [_notes(kind, data) for kind, data in annotations if kind in ("pitch_midi", "pitch_hz")]
    except (KeyError, TypeError, ValueError, RecursionError) as problem:
        raise InputError(f"{path}: is not a JAMS file of notes (note_midi or note_hz); export it again.") from problem
    kept: list[np.ndarray] = []
    left_out = 0
    for notes in filter(len, lists):
        if any(_repeats(notes, earlier) for earlier in kept):
            left_out += 1
        else:
            kept.append(notes)
    if left_out:
        warn(f"{path}: left out annotations that repeat the notes of an earlier one ({left_out}).")
    return np.concatenate([np.empty((0, 4)), *kept])


def _notes(kind: str, data: list | dict) -> np.ndarray:
    """The notes of one annotation, (n, 4)."""
    onset, duration, value = np.array(list(_data(data)), dtype=float).reshape(-1, 3).T
    if not np.isfinite([onset, duration, value]).all():
        raise ValueError("a number is NaN or infinite")
    pitch = np.round(frequency_to_pitch(value) if kind.endswith("hz") else value)
    return np.stack([onset, duration, pitch, np.full(len(onset), np.nan)], axis=1)


def _data(data: list | dict) -> Iterator[tuple[float, float, float]]:
    """Time, duration and value of all observations, which stand one by one or, "dense", as lists."""
    if isinstance(data, dict):
        yield from zip(*(map(float, data[name]) for name in ("time", "duration", "value")), strict=True)
    else:
        yield from ((float(one["time"]), float(one["duration"]), float(one["value"])) for one in data)


def _repeats(notes: np.ndarray, earlier: np.ndarray) -> bool:
    """Whether most of these notes are also among the earlier ones, with about the same onset."""
    here, there = (one[:, 2] * 2 * LONGEST + one[:, 0] for one in (notes, earlier))  # pitch by pitch
    there = np.append(np.sort(there), np.inf)
    return bool((there[np.searchsorted(there, here - TOLERANCE)] <= here + TOLERANCE).mean() > 0.5)
