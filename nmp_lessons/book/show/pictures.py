"""Pictures of values over time and pitch: a transform, posteriors. They are drawn behind notes."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...audio.recording import Recording
from ...constants import NMP
from ...errors import InputError

if TYPE_CHECKING:
    from ...model.posteriorgram import Posteriors


@dataclass(frozen=True, eq=False)
class Picture:
    """Values over time and pitch, drawn behind the notes.

    Parameters
    ----------
    values : np.ndarray, shape (bins, frames)
        From 0 to 1, lowest pitch first.
    start, stop : float
        Seconds at the left edge of the first and at the right edge of the last frame.
    lowest, highest : float
        Pitch at the centre of the first and of the last bin, as MIDI numbers.
    name : str
        What is shown, for use in descriptions, such as "note posteriors".
    scale : (float, float, str)
        What 0 and 1 stand for, and the name of the quantity.

    Raises
    ------
    InputError
        If the shape is wrong, a value is outside [0, 1], or an axis doesn't ascend.
    """

    values: np.ndarray
    start: float
    stop: float
    lowest: float
    highest: float
    name: str = "picture"
    scale: tuple[float, float, str] = (0, 1, "value")

    def __post_init__(self):
        values = np.asarray(self.values, dtype=np.float32)
        if values.ndim != 2 or min(values.shape) < 2:
            raise InputError(f"{self.name}: the values have shape {values.shape}; give (bins, frames), both above 1.")
        if not (values.min() >= 0 and values.max() <= 1):
            raise InputError(f"{self.name}: some values are NaN or outside [0, 1]; scale or clip them first.")
        if not (self.stop > self.start and self.highest > self.lowest):
            raise InputError(f"{self.name}: an axis doesn't ascend; give start < stop and lowest < highest.")
        object.__setattr__(self, "values", values)

    @property
    def bin_height(self) -> float:
        """Semitones from one bin to the next."""
        return (self.highest - self.lowest) / (len(self.values) - 1)

    def between(self, low: float, high: float) -> "Picture":
        """Only the bins with centres in the pitches from `low` to `high`."""
        pitches = np.linspace(self.lowest, self.highest, len(self.values))
        kept = np.flatnonzero((pitches >= low) & (pitches <= high))
        if len(kept) < 2:
            raise InputError(f"{self.name}: has nothing between pitches {low:g} and {high:g}; choose a wider range.")
        first, last = kept[0], kept[-1]
        values = self.values[first : last + 1]
        return replace(self, values=values, lowest=pitches[first], highest=pitches[last])


def cqt_picture(recording: Recording, *, depth: float = 60.0) -> Picture:
    """The constant-Q transform of a recording: level in dB, black at its maximum, white `depth` dB below."""
    import torch

    from ...cqt import CQT

    recording = recording.resampled(NMP.sample_rate)
    with torch.no_grad():
        magnitudes = CQT()(torch.from_numpy(recording.audio)[None])[0].numpy()  # (bins, frames)
    level = 20 * np.log10(np.maximum(magnitudes, 1e-10))
    values = (1 + (level - level.max()) / depth).clip(0, 1)
    scale = (-depth, 0, "level (dB)")
    return _on_frames(values, NMP.bins_per_semitone, name="constant-Q transform", scale=scale)


def posteriors_picture(posteriors: "Posteriors", which: str = "note") -> Picture:
    """One output of the network, "contour", "note" or "onset", from 0 (white) to 1 (black)."""
    heads = {"contour": NMP.bins_per_semitone, "note": 1, "onset": 1}
    if which not in heads:
        raise InputError(f"{which!r} is not an output of the network; choose one of {', '.join(heads)}.")
    values = np.asarray(getattr(posteriors, which)).T.clip(0, 1)  # (bins, frames)
    return _on_frames(values, heads[which], name=f"{which} posteriors", scale=(0, 1, "posterior"))


def _on_frames(values: np.ndarray, bins_per_semitone: int, *, name: str, scale: tuple) -> Picture:
    """A picture whose frame t is centred at t hops and whose lowest bin is the piano's lowest key."""
    bins, frames = values.shape
    start, stop = (np.array([0, frames]) - 0.5) / NMP.frame_rate
    highest = NMP.lowest_pitch + (bins - 1) / bins_per_semitone
    return Picture(values, float(start), float(stop), NMP.lowest_pitch, highest, name, scale)
