"""The outputs of a network for a recording: probabilities for every frame, as plain arrays."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..constants import NMP
from ..errors import InputError
from ..notes.note_list import Notes


@dataclass(frozen=True)
class Posteriors:
    """The outputs of a network for a recording: probabilities for every frame.

    Parameters
    ----------
    contour
        (T, 264): a pitch is sounding, from A0 up in thirds of a semitone. None for a network without Yp.
    note
        (T, 88): a note is sounding, from A0 up.
    onset
        (T, 88): a note begins.
    times
        (T,): the times of the frames, in seconds.

    Raises
    ------
    InputError
        If the shapes don't match.
    """

    contour: np.ndarray | None
    note: np.ndarray
    onset: np.ndarray
    times: np.ndarray

    def __post_init__(self):
        frames = len(self.times)
        expected = {"contour": NMP.contour_bins, "note": NMP.keys, "onset": NMP.keys}
        for name, bins in expected.items():
            head = getattr(self, name)
            if head is not None and head.shape != (frames, bins):
                raise InputError(f"{name} has shape {head.shape}; {frames} times need ({frames}, {bins}).")

    def __len__(self) -> int:
        return len(self.times)

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> "Posteriors":
        """Apply the same change to each head, and keep the times."""
        contour = None if self.contour is None else change(self.contour)
        return Posteriors(contour, change(self.note), change(self.onset), self.times)


Block = tuple[np.ndarray, np.ndarray]
"""Yn and Yo, (frames, 88) each, of a part of a recording."""

Decoder = Callable[[Posteriors], Notes]
"""What turns posteriors into notes: `nmp_lessons.decoding.released.decode`, a `PeakDecoder`, or one of your own."""
