"""A list of notes as plain arrays; the sustain pedal; the piano roll.

Times are in seconds from the start of the music; pitch is a MIDI number on the piano, 21 (A0) to 108 (C8); velocity is
MIDI's, 1 to 127. A note sounds from its onset until just before its offset. With the sustain pedal down (control 64 at
64 or more), a note whose key is released goes on sounding until the pedal is released or the key is struck again. This
is MAESTRO's convention.

Chapter: ``book/sound.md``.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ..constants import NMP
from ..errors import InputError
from .pitch import pitch_to_frequency

VELOCITY = 80  # for notes that come without one
SUSTAIN = 64  # MIDI control number of the sustain pedal
PEDAL_DOWN = 64  # control value from which the pedal counts as down
LONGEST = 24 * 3600.0  # seconds of music in a file; whatever lasts longer has a gap that nobody meant, or another unit


@dataclass(frozen=True, eq=False)
class Notes:
    """A list of notes, as arrays sorted by onset and then by pitch.

    Parameters
    ----------
    onset, offset : array-like, shape (n,), seconds
    pitch : array-like of int, shape (n,), MIDI numbers 21 to 108
    velocity : array-like of int, shape (n,), or one int for all; 1 to 127

    Raises
    ------
    InputError
        If shapes differ, a value is not a finite number, an onset is negative, an offset is not after its onset, a
        pitch is off the piano, or a velocity is outside MIDI's range.

    Examples
    --------
    >>> notes = Notes([0.0, 0.5], [0.5, 1.0], [60, 64])
    >>> len(notes), notes.seconds, notes.velocity.tolist()
    (2, 1.0, [80, 80])
    """

    onset: np.ndarray
    offset: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray

    def __init__(self, onset: ArrayLike, offset: ArrayLike, pitch: ArrayLike, velocity: ArrayLike = VELOCITY):
        onset, offset = _numbers(onset, "onset").copy(), _numbers(offset, "offset").copy()
        pitch = _whole_numbers(pitch, "pitch")
        velocity = _whole_numbers(velocity, "velocity")
        if velocity.ndim == 0:
            velocity = np.full(onset.shape, velocity)
        _check(onset, offset, pitch, velocity)
        order = np.lexsort((pitch, onset))
        for name, values in (("onset", onset), ("offset", offset), ("pitch", pitch), ("velocity", velocity)):
            object.__setattr__(self, name, values[order])

    def __len__(self) -> int:
        return len(self.onset)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Notes):
            return NotImplemented
        names = ("onset", "offset", "pitch", "velocity")
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    @property
    def intervals(self) -> np.ndarray:
        """Onsets and offsets in seconds, shape (n, 2), as `mir_eval` takes them."""
        return np.stack([self.onset, self.offset], axis=1)

    @property
    def frequencies(self) -> np.ndarray:
        """Fundamental frequencies in Hz, shape (n,), equal temperament."""
        return pitch_to_frequency(self.pitch)

    @property
    def seconds(self) -> float:
        """The last offset, or 0 if there are no notes."""
        return float(self.offset.max()) if len(self) else 0.0

    def between(self, start: float, stop: float, *, held: bool = False) -> "Notes":
        """The notes struck from `start` up to `stop`, with times counted from `start` and cut at `stop`.

        With `held`, notes still sounding at `start` are included too, as if struck at 0.

        >>> Notes([0.0, 1.0], [4.0, 3.0], [60, 64]).between(1, 2).intervals.tolist()
        [[0.0, 1.0]]
        """
        chosen = (self.onset < stop) & ((self.offset > start) if held else (self.onset >= start))
        return Notes(
            np.maximum(self.onset[chosen] - start, 0),
            np.minimum(self.offset[chosen], stop) - start,
            self.pitch[chosen],
            self.velocity[chosen],
        )

    def shifted(self, seconds: float) -> "Notes":
        """The same notes, later by `seconds` (or earlier if negative, but none before 0)."""
        return replace(self, onset=self.onset + seconds, offset=self.offset + seconds)

    def transposed(self, semitones: int) -> "Notes":
        """The same notes, higher by `semitones`; all must stay on the piano."""
        return replace(self, pitch=self.pitch + semitones)


def _numbers(values: ArrayLike, name: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise InputError(f"notes: {name} contains something that is not a number; give an array of them.") from problem


def _whole_numbers(values: ArrayLike, name: str) -> np.ndarray:
    values = _numbers(values, name)
    if not np.isfinite(values).all() or (values != np.round(values)).any() or (abs(values) > 2**53).any():
        raise InputError(f"notes: {name} contains a value that is not an integer; round it to a MIDI number.")
    return values.astype(np.int64)


def _check(onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray, velocity: np.ndarray) -> None:
    shapes = [values.shape for values in (onset, offset, pitch, velocity)]
    if onset.ndim != 1 or len(set(shapes)) > 1:
        raise InputError(
            f"notes: onset, offset, pitch and velocity have shapes {shapes}; give four arrays of one shape (n,)."
        )
    if not (np.isfinite(onset).all() and np.isfinite(offset).all()):
        raise InputError("notes: a time is NaN or infinite; give finite numbers of seconds.")
    complaints = (
        (onset < 0, "starts before 0 s; shift all notes to later times"),
        (offset <= onset, "does not end after it starts; correct its offset, or leave it out"),
        (
            (pitch < NMP.lowest_pitch) | (pitch > NMP.highest_pitch),
            f"is off the piano ({NMP.lowest_pitch} to {NMP.highest_pitch}); transpose it, or leave it out",
        ),
        ((velocity < 1) | (velocity > 127), "has a velocity outside 1 to 127; rescale it"),
    )
    for wrong, complaint in complaints:
        if wrong.any():
            i = int(np.argmax(wrong))
            raise InputError(
                f"notes: the note at {onset[i]:.3f} s (pitch {pitch[i]}, velocity {velocity[i]}) {complaint}."
            )


def apply_pedal(notes: Notes, times: ArrayLike, values: ArrayLike) -> Notes:
    """Let notes go on sounding while the sustain pedal is down (eq-sound-pedal).

    Parameters
    ----------
    notes : Notes, as the keys were held
    times : array-like, shape (events,), seconds, ascending
    values : array-like, shape (events,), the pedal's position, 0 to 127

    Returns
    -------
    Notes
        A note whose key is released while the pedal is down lasts until the pedal is released, or until the last
        offset if it never is, and always ends when the same key is struck again.

    Examples
    --------
    >>> apply_pedal(Notes([0.0], [1.0], [60]), [0.5, 2.0], [127, 0]).offset.tolist()
    [2.0]
    """
    offset = _sustained(notes.onset, notes.offset, notes.pitch, times, values, notes.seconds)
    kept = offset > notes.onset
    return Notes(notes.onset[kept], offset[kept], notes.pitch[kept], notes.velocity[kept])


def _sustained(onset, offset, pitch, times, values, end: float) -> np.ndarray:
    """Offsets with the sustain pedal applied, shape (n,)."""
    times, down = np.asarray(times, dtype=float), np.asarray(values) >= PEDAL_DOWN
    if len(times):
        last_event = np.searchsorted(times, offset, side="right") - 1
        held = (last_event >= 0) & down[last_event]
        offset = np.where(held, np.maximum(offset, _next_lift(times[~down], offset, end)), offset)
    return _ended_by_repetition(onset, offset, pitch)


def _caught(onset, offset, times, values, end: float) -> np.ndarray:
    """Offsets with the sostenuto pedal applied: keys that were down before it is pressed sound until it is released."""
    down = values >= PEDAL_DOWN
    presses = times[down & np.diff(down, prepend=False)]
    if not len(presses):
        return offset
    last = np.searchsorted(presses, offset) - 1  # the last press before a key's release
    caught = (last >= 0) & (presses[last] > onset)
    return np.where(caught, np.maximum(offset, _next_lift(times[~down], presses[last], end)), offset)


def _next_lift(lifts, seconds, end: float) -> np.ndarray:
    """The first lift of the pedal after each time, or `end` if there is none."""
    return np.append(lifts, end)[np.searchsorted(lifts, seconds, side="right")]


def _ended_by_repetition(onset, offset, pitch) -> np.ndarray:
    order = np.lexsort((onset, pitch))
    earlier, later = order[:-1], order[1:]
    same = pitch[earlier] == pitch[later]
    offset = np.array(offset, dtype=float)
    offset[earlier[same]] = np.minimum(offset[earlier[same]], onset[later[same]])
    return offset


def piano_roll(notes: Notes, *, frame_rate: float = NMP.frame_rate, frames: int | None = None) -> np.ndarray:
    """Which keys are sounding in which frame: 1 from a note's onset until before its offset, for at least one frame.

    Parameters
    ----------
    notes : Notes
    frame_rate : float
        Frames per second; frame t is at the time t / frame_rate.
    frames : int, optional
        Length T; by default up to the last offset. Notes beyond it are cut off.

    Returns
    -------
    np.ndarray, shape (T, 88), float32, 0 or 1

    Examples
    --------
    >>> piano_roll(Notes([0.0], [0.2], [21]), frame_rate=10, frames=4)[:, 0].tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    if not 0 < frame_rate < np.inf:
        raise InputError(f"frame_rate={frame_rate:g}: a piano roll needs a frame rate above 0.")
    first = np.round(notes.onset * frame_rate).astype(int)
    last = np.maximum(first + 1, np.round(notes.offset * frame_rate).astype(int))
    frames = int(last.max(initial=0)) if frames is None else frames
    roll = np.zeros((frames, NMP.keys), dtype=np.float32)
    for start, stop, key in zip(first, last, notes.pitch - NMP.lowest_pitch, strict=True):
        roll[start:stop, key] = 1
    return roll
