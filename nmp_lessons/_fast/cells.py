"""How many cells of a piano roll are sounding, counted note by note, so that long music needs no more than short."""

import numpy as np

from ..notes.note_list import Notes


def count_cells(reference: Notes, estimate: Notes, grid: float) -> tuple[int, int, int]:
    """The cells in both, in the reference and in the estimate; a cell is one pitch, every `grid` seconds.

    >>> count_cells(Notes([0.0], [1.0], [60]), Notes([0.5], [1.5], [60]), 0.25)
    (2, 4, 4)
    """
    cells = [_cells(notes, grid, max(reference.seconds, estimate.seconds)) for notes in (reference, estimate)]
    in_reference, in_estimate = (_covered(*these) for these in cells)
    in_either = _covered(*np.concatenate(cells, axis=1))
    return in_reference + in_estimate - in_either, in_reference, in_estimate


def _cells(notes: Notes, grid: float, seconds: float) -> np.ndarray:
    """The first cell and the one after the last of every note, (2, n); those of a key follow those of the key below."""
    frames = int(np.ceil(seconds / grid))
    edges = np.ceil(notes.intervals.T / grid)
    edges += edges * grid < notes.intervals.T  # where the quotient was rounded across a whole number
    edges -= (edges - 1) * grid >= notes.intervals.T
    return np.minimum(edges, frames).astype(np.int64) + notes.pitch * (frames + 1)


def _covered(first: np.ndarray, last: np.ndarray) -> int:
    """The number of cells in at least one of the ranges from `first` to before `last`."""
    order = np.argsort(first, kind="stable")
    first, reached = first[order], np.maximum.accumulate(last[order])
    before = np.concatenate([first[:1], reached[:-1]])
    return int((reached - np.maximum(first, before)).clip(0).sum())
