"""Both decoders for recordings of any length: posteriors come block by block, and the notes are those of the whole.

What a decoder does at one place depends on a few frames around it and on the keys beside it, but notes may be long, and
the released decoder scales its inferred onsets by a maximum that is known only at the end. So candidates are kept with
their neighbours until then. Of Yn, the released decoder needs only what is near values that reach its threshold, about
a tenth of all. This is kept, and falls into islands: cells that touch in time or are of neighbouring keys. No note
reaches from one island to another, so those that have ended are decoded, and the others wait for the next block.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from ..constants import NMP
from ..model.posteriorgram import Block, Posteriors
from ..notes.note_list import Notes
from . import released
from .peak_decoder import AROUND, PeakDecoder, Strokes, as_notes, next_true
from .released import FRAME_THRESHOLD, NEIGHBOURS, ONSET_THRESHOLD, PATIENCE, SHORTEST, SPAN

REACH = PATIENCE + 1  # frames from a value that reaches the threshold to where it no longer matters
AT_ONCE = 12  # blocks that are decoded together
ALMOST = 1 - 1e-6  # for products that may be rounded down


def released_notes(blocks: Iterable[Block], times: np.ndarray) -> Notes:
    """The notes that `nmp_lessons.decoding.released.decode` finds in all blocks joined.

    Parameters
    ----------
    blocks
        Yn and Yo of successive parts of a recording, (frames, 88) each.
    times
        The times of all frames in seconds, (T,).

    Examples
    --------
    >>> note, onset = np.zeros((60, 88)), np.zeros((60, 88))
    >>> note[10:40, 39], onset[10, 39] = 0.8, 0.9
    >>> blocks = [(note[:25], onset[:25]), (note[25:], onset[25:])]
    >>> released_notes(blocks, np.arange(60) / 100).intervals.tolist()
    [[0.1, 0.4]]
    """
    candidates, packed = _Candidates(len(times)), []
    for note, onset, begin, start, stop in _with_context(blocks, REACH + SPAN, len(times)):
        candidates.add(note, onset, begin, start, stop)
        packed.append(_Packed(note, start - begin, stop - begin))
    begun = candidates.peaks()
    found = [_followed(*islands, begun, len(times)) for islands in _ended_islands(packed)]
    if not found or len(times) <= SPAN:
        return Notes([], [], [])
    start, stop, key, mean = map(np.concatenate, zip(*found, strict=True))
    return released.as_notes(start, stop, key, mean, times)


def peak_notes(decoder: PeakDecoder, blocks: Iterable[Block], times: np.ndarray) -> Notes:
    """The notes that a `PeakDecoder` finds in all blocks joined; parameters as for `released_notes`."""
    around = max(decoder.reach, *(abs(place) for span in AROUND for place in span)) + 1
    parts, lows = [], []
    sounding = np.empty((0, 3), int)  # of strokes without an end: part, place in it, key
    for note, onset, begin, start, stop in _with_context(blocks, around, len(times)):
        found = decoder.strokes(Posteriors(None, note, onset, times[begin : begin + len(note)]))
        inside = (found.frame >= start - begin) & (found.frame < stop - begin)
        strokes = Strokes(*(values[inside] for values in found))
        first_low = next_true(np.asarray(note[start - begin : stop - begin]) < decoder.note_threshold)
        frames = len(first_low)
        first_low = np.concatenate([first_low, np.full((1, NMP.keys), frames)])
        low = first_low[strokes.frame + begin + 1 - start, strokes.key]
        lows.append(np.where(low < frames, start + low, len(times)))
        parts.append(strokes._replace(frame=strokes.frame + begin))
        further = first_low[0, sounding[:, 2]]
        for part, place, later in zip(*sounding[further < frames, :2].T, further[further < frames], strict=True):
            lows[part][place] = start + later
        (place,) = np.nonzero(low == frames)
        new = np.stack([np.full(len(place), len(lows) - 1), place, strokes.key[place]], axis=1)
        sounding = np.concatenate([sounding[further == frames], new])
    strokes = Strokes(*map(np.concatenate, zip(*parts, strict=True)))
    return as_notes(strokes, np.concatenate(lows), times)


def _with_context(
    blocks: Iterable[Block], around: int, frames: int
) -> Iterator[tuple[np.ndarray, np.ndarray, int, int, int]]:
    """Yn and Yo from frame `begin` on, of which frames `start` to `stop` are due, with `around` more at both sides."""
    note = onset = np.empty((0, NMP.keys), np.float32)
    begin = start = 0
    for more_note, more_onset in blocks:
        note, onset = np.concatenate([note, more_note]), np.concatenate([onset, more_onset])
        end = begin + len(note)
        stop = end if end == frames else end - around
        if stop > start:
            yield note, onset, begin, start, stop
            kept = max(begin, stop - around)
            note, onset = note[kept - begin :], onset[kept - begin :]
            begin, start = kept, stop


class _Candidates:
    """Where onsets may be, each with its neighbours in time, until the scale of the rises of Yn is known."""

    def __init__(self, frames: int):
        self.frames = frames
        self.highest_onset, self.highest_rise = 0.0, 0.0
        self.places, self.onsets, self.rises = [], [], []  # (n, 2) frames and keys, (3, n), (3, n)

    def add(self, note: np.ndarray, onset: np.ndarray, begin: int, start: int, stop: int) -> None:
        rise, due = released.rises(note), slice(start - begin, stop - begin)
        self.highest_onset = max(self.highest_onset, float(onset[due].max()))
        self.highest_rise = max(self.highest_rise, float(rise[due].max()))
        possible = onset >= ONSET_THRESHOLD
        if self.highest_rise > 0:
            possible |= rise >= ONSET_THRESHOLD * self.highest_rise * ALMOST
        first, last = max(start, 1), min(stop, self.frames - 1)
        frame, key = np.nonzero(possible[first - begin : last - begin])
        frame += first - begin
        self.places.append(np.stack([frame + begin, key], axis=1))
        self.onsets.append(np.stack([onset[frame + d, key] for d in (-1, 0, 1)]).astype(float))
        self.rises.append(np.stack([rise[frame + d, key] for d in (-1, 0, 1)]))

    def peaks(self) -> np.ndarray:
        """The frames and keys of all onsets, (n, 2)."""
        if not self.places:
            return np.empty((0, 2), int)
        before, middle, after = np.concatenate(self.onsets, axis=1)
        if self.highest_rise > 0:
            scaled = np.concatenate(self.rises, axis=1) * self.highest_onset / self.highest_rise
            before, middle, after = np.maximum([before, middle, after], scaled)
        peak = (middle > before) & (middle > after) & (middle >= ONSET_THRESHOLD)
        return np.concatenate(self.places)[peak]


class _Packed:
    """Frames of Yn, of which only what lies near values that reach the threshold is kept."""

    def __init__(self, note: np.ndarray, start: int, stop: int):
        high = np.pad(np.cumsum(note >= np.float32(FRAME_THRESHOLD), axis=0, dtype=np.int32), ((1, 0), (0, 0)))
        frame = np.arange(start, stop)
        near = high[np.minimum(frame + REACH + 1, len(note))] > high[np.maximum(frame - REACH, 0)]
        self.frames, self.near, self.values = len(frame), np.packbits(near), note[start:stop][near].astype(np.float32)

    def unpacked(self) -> tuple[np.ndarray, np.ndarray]:
        """Yn, with zeros in place of what isn't kept, and whether it is; both (frames, 88)."""
        near = np.unpackbits(self.near, count=self.frames * NMP.keys).reshape(-1, NMP.keys) == 1
        note = np.zeros(near.shape, np.float32)
        note[near] = self.values
        return note, near


def _ended_islands(packed: list[_Packed]) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Yn with nothing but whole islands, where they are, (frames, 88) both, and the first of their frames."""
    from scipy.ndimage import label

    note, near, first = np.empty((0, NMP.keys), np.float32), np.empty((0, NMP.keys), bool), 0
    for last in range(0, len(packed), AT_ONCE):
        parts = [part.unpacked() for part in packed[last : last + AT_ONCE]]
        note, near = (
            np.concatenate([kept, *new]) for kept, new in zip((note, near), zip(*parts, strict=True), strict=True)
        )
        island, _ = label(near, np.ones((3, 3)))
        ended = near if last + AT_ONCE >= len(packed) else near & ~np.isin(island, island[-1])
        yield np.where(ended, note, np.float32(0)), ended, first
        near = near & ~ended
        gone = int(near.any(axis=1).argmax()) if near.any() else len(near)
        note, near, first = note[gone:], near[gone:], first + gone


def _followed(note: np.ndarray, where: np.ndarray, first: int, begun: np.ndarray, frames: int):
    """The notes of some islands, as `released.follow` returns them. Silence surrounds them, but not at the ends."""
    last = first + len(note)
    before, after = (0 if first == 0 else REACH + 1), (0 if last == frames else REACH + 1)
    low, high = np.searchsorted(begun[:, 0], [first, last])
    onsets = begun[low:high] - [first, 0]
    onsets = onsets[where[onsets[:, 0], onsets[:, 1]]][::-1] + [before, 0]
    padded = np.pad(note, ((before, after), (0, 0)))
    start, stop, key, mean = released.follow(
        padded, onsets, np.float32(FRAME_THRESHOLD), SHORTEST, PATIENCE, True, NEIGHBOURS
    )
    return start + first - before, stop + first - before, key, mean
