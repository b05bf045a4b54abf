"""Corpora on disk: features and targets as memory-mapped uint8.

A clip lasts 60 s, 5,168 frames; features are levels in half decibels above −100 dB; Yn is 0 or 1, Yo in steps of
0.005.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from ..constants import NMP
from ..errors import InputError
from ..notes.note_list import Notes

CLIP_SECONDS = 60
CLIP_FRAMES = CLIP_SECONDS * NMP.sample_rate // NMP.hop + 1
QUIETEST = -100  # dB, level 0 of the stored features
STEPS = 2  # stored levels per decibel
ONSET_STEPS = 200  # stored values from 0 to 1 of Yo


class StoredClips(Protocol):
    """What training reads: a `Corpus` on disk, or `nmp_lessons.training.sampling.Clips` in memory."""

    @property
    def features(self) -> "np.ndarray | Joined": ...

    @property
    def note(self) -> "np.ndarray | Joined": ...

    @property
    def onset(self) -> "np.ndarray | Joined": ...

    @property
    def fingerprint(self) -> str: ...

    def __len__(self) -> int: ...

    def notes(self, clip: int) -> Notes: ...


@dataclass(frozen=True)
class Corpus:
    """Clips on disk: ``features`` (clips, 5168, 309), ``note`` and ``onset`` (clips, 5168, 88), all uint8.

    They are stored either in one file each, as by `nmp_lessons.training.corpus.render_corpus`, or in one file per
    performance, as by `nmp_lessons.training.maestro_clips.cut_corpus`.
    """

    folder: Path

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder))
        if not (self.folder / "corpus.json").exists():
            raise InputError(
                f"{self.folder}: contains no corpus, or an unfinished one; make it with `nmp-lessons data`."
            )

    @cached_property
    def index(self) -> dict:
        """What the corpus was made from: "clips", "fingerprint" and more, and where to find each clip's notes."""
        path = self.folder / "corpus.json"
        try:
            index = json.loads(path.read_text("utf8"))
            index["clips"], index["fingerprint"]
        except (ValueError, KeyError, TypeError) as problem:
            raise InputError(f"{path}: is not a valid corpus index ({problem}); make the corpus again.") from problem
        return index

    @property
    def fingerprint(self) -> str:
        return self.index["fingerprint"]

    def __len__(self) -> int:
        return self.index["clips"]

    @cached_property
    def features(self) -> "np.ndarray | Joined":
        return self._stored("features")

    @cached_property
    def note(self) -> "np.ndarray | Joined":
        return self._stored("note")

    @cached_property
    def onset(self) -> "np.ndarray | Joined":
        return self._stored("onset")

    def _stored(self, name: str) -> "np.ndarray | Joined":
        if "pieces" in self.index:
            return Joined([self._piece(i, ".npy") for i in range(len(self.index["pieces"]))], self.index["order"], name)
        path, shape = self.folder / f"{name}.u8", (len(self), CLIP_FRAMES, BINS[name])
        if not path.exists() or path.stat().st_size < np.prod(shape):
            raise InputError(f"{path}: is missing or incomplete; make the corpus again.")
        return np.memmap(path, np.uint8, "r", shape=shape)

    def _piece(self, piece: int, suffix: str) -> Path:
        return self.folder / f"{self.index['pieces'][piece]}{suffix}"

    def notes(self, clip: int) -> Notes:
        """The exact notes of one clip."""
        if "pieces" in self.index:
            piece, minute = self.index["order"][clip]
            path = self._piece(piece, ".json")
            try:
                rows = json.loads(path.read_text("utf8"))["notes"][minute]
            except (OSError, ValueError, LookupError) as problem:
                raise InputError(f"{path}: is missing or damaged; run `nmp-lessons data maestro` again.") from problem
        else:
            rows = self.index["notes"][clip]
        return Notes(*np.array(rows, dtype=float).reshape(-1, 4).T)


BINS = {"features": NMP.cqt_bins, "note": NMP.keys, "onset": NMP.keys}
ROW = sum(BINS.values())  # bytes of a frame in a performance's file: features, Yn, Yo
COLUMNS = {
    name: slice(stop - BINS[name], stop)
    for name, stop in zip(BINS, np.cumsum(list(BINS.values())).tolist(), strict=True)
}


class Joined:
    """One array in many files: ``joined[clip]`` and ``joined[clip, frames]`` read only what they return.

    Parameters
    ----------
    files
        One per performance, uint8 (minutes, 5168, 485): features, Yn and Yo side by side.
    order
        For each clip, its file and its position there.
    name
        "features", "note" or "onset".
    """

    def __init__(self, files: Sequence[Path], order: Sequence[tuple[int, int]], name: str):
        self._files, self._order, self._columns = files, order, COLUMNS[name]
        self.shape = (len(order), CLIP_FRAMES, BINS[name])

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, place) -> np.ndarray:
        clip, frames = place if isinstance(place, tuple) else (place, slice(None))
        piece, minute = self._order[clip]
        return _opened(self._files[piece])[minute, frames, self._columns]


@lru_cache(maxsize=256)  # each keeps a file open, and systems allow about a thousand
def _opened(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError) as problem:
        raise InputError(
            f"{path}: is missing or damaged; repair it with `nmp-lessons data maestro --check`."
        ) from problem


def levels(stored: np.ndarray) -> np.ndarray:
    """Stored features as levels in dB, float32.

    >>> levels(np.array([0, 200], np.uint8)).tolist()
    [-100.0, 0.0]
    """
    return stored.astype(np.float32) / STEPS + QUIETEST
