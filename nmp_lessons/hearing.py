"""Transcription from end to end: a recording goes in, notes come out.

Chapter ``hearing``. `transcribe` runs the whole pipeline, audio → CQT → stack → network → posteriors → notes, with
correct frame times; `transcribe_file` does the same for a file of any length, in little memory;
`transcribe_as_released` reproduces basic-pitch 0.4.0, including the drift in its frame times. `judged_marks` scores
what a person does who marks onsets by ear.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .audio.formats import Source
from .audio.recording import Recording
from .audio.streams import Spool
from .constants import NEAR, NMP, TOLERANCE
from .cqt import Samples
from .decoding.blockwise import peak_notes, released_notes
from .decoding.peak_decoder import PeakDecoder
from .decoding.released import check_recording, check_sound, decode
from .model import released
from .model.inference import posterior_blocks, posteriors
from .model.network import NMPNet, Transcriber
from .model.posteriorgram import Decoder, Posteriors
from .model.released import windowed_posteriors
from .notes.note_list import Notes


def transcribe(
    recording: Recording,
    *,
    model: Transcriber | None = None,
    decoder: Decoder | None = None,
) -> tuple[Notes, Posteriors]:
    """Transcribe a recording, with the released weights or with another model.

    Parameters
    ----------
    recording : Recording
        Of any sample rate. If its peak is far from 1, or most of it is a constant offset, that is put right first.
    model : Transcriber, optional
        The network; by default the released one.
    decoder : callable, optional
        Turns posteriors into notes, such as the `PeakDecoder` in a run's record; by default the released decoder.

    Returns
    -------
    (Notes, Posteriors)
        The notes, with times in seconds, and the probabilities from which they were decoded.

    Raises
    ------
    InputError
        If the recording is silent, or shorter than the shortest note that the released decoder keeps.

    Examples
    --------
    >>> from nmp_lessons.sound import tone
    >>> notes, posteriors = transcribe(tone(440, 1.0, partials=(1, 0.5, 0.3)))
    >>> 69 in notes.pitch, posteriors.note.shape
    (True, (87, 88))
    """
    check_recording(recording)
    posteriorgram = posteriors(model or released.load(), _at_sane_level(recording))
    return (decoder or decode)(posteriorgram), posteriorgram


def transcribe_file(
    source: Source | Spool, *, model: Transcriber | None = None, decoder: PeakDecoder | None = None
) -> Notes:
    """Transcribe a file of any length in memory that hardly grows with it, with the same notes as `transcribe`.

    Parameters
    ----------
    source : path of the file, an open binary file, or a `Spool`
        Its samples wait in a temporary file.
    model : Transcriber, optional
        The network; by default the released one.
    decoder : PeakDecoder, optional
        By default the released decoder. Any other needs all posteriors at once, as `transcribe` has them.

    Returns
    -------
    Notes
        With times in seconds.

    Raises
    ------
    InputError
        If the file can't be read, or is silent, or shorter than the shortest note that the released decoder keeps.

    Examples
    --------
    >>> import io, soundfile
    >>> from nmp_lessons.sound import tone
    >>> file = io.BytesIO()
    >>> soundfile.write(file, tone(440, 1.0, partials=(1, 0.5, 0.3)).audio, 22_050, format="FLAC")
    >>> _ = file.seek(0)
    >>> 69 in transcribe_file(file).pitch
    True
    """
    if not isinstance(source, Spool):
        with Spool(source, rate=NMP.sample_rate) as spool:
            return transcribe_file(spool, model=model, decoder=decoder)
    check_sound(source.name, source.seconds, source.highest - source.lowest)
    model = model or released.load()
    offset, gain = _correction(source.lowest, source.highest, source.mean, source.deviation)
    audio = source if (offset, gain) == (0.0, 1.0) else _Corrected(source, offset, gain)
    blocks, times = posterior_blocks(model, audio), model.cqt.times(len(audio) // NMP.hop + 1)
    return released_notes(blocks, times) if decoder is None else peak_notes(decoder, blocks, times)


SANE_PEAKS = (0.01, 2.0)  # outside them a level is a mistake: 16-bit integers as floats, or millionths


def _correction(lowest: float, highest: float, mean: float, deviation: float) -> tuple[float, float]:
    """The offset to subtract, if it is larger than the sound; and the gain that then makes the peak one half."""
    offset = float(np.float32(mean)) if abs(mean) > deviation else 0.0
    peak = float(np.abs(np.array([lowest, highest], np.float32) - np.float32(offset)).max())
    return offset, 1.0 if SANE_PEAKS[0] <= peak <= SANE_PEAKS[1] else 0.5 / peak


def _corrected(audio: np.ndarray, offset: float, gain: float) -> np.ndarray:
    centred = audio - np.float32(offset)
    return centred if gain == 1 else (centred.astype(np.float64) * gain).astype(np.float32)


class _Corrected:
    """Samples without their offset and at a sane level, corrected as they are read."""

    def __init__(self, audio: Samples, offset: float, gain: float):
        self._audio, self._offset, self._gain = audio, offset, gain

    def __len__(self) -> int:
        return len(self._audio)

    def __getitem__(self, part: slice) -> np.ndarray:
        return _corrected(np.asarray(self._audio[part]), self._offset, self._gain)


def _at_sane_level(recording: Recording) -> Recording:
    """The recording itself; or without its offset, if that is larger than the sound, and at a peak of one half."""
    audio = recording.audio
    mean, deviation = audio.mean(dtype=np.float64), audio.std(dtype=np.float64)
    correction = _correction(float(audio.min()), float(audio.max()), float(mean), float(deviation))
    return recording if correction == (0.0, 1.0) else replace(recording, audio=_corrected(audio, *correction))


def transcribe_as_released(recording: Recording, *, model: NMPNet | None = None) -> tuple[Notes, Posteriors]:
    """Transcribe a recording exactly as basic-pitch 0.4.0 does, note for note, including its frame times.

    `transcribe` runs the same network with correct frame times. Returns and errors are the same as there.
    """
    check_recording(recording)
    posteriorgram = windowed_posteriors(recording, model=model)
    return decode(posteriorgram), posteriorgram


CHORD = 0.03  # seconds between the onsets of one chord, at most


class JudgedMarks(NamedTuple):
    """How well a person's marks agree with the onsets that were struck."""

    hits: int
    misses: int
    extra: int
    f: float
    near: int  # marks within 0.2 s of an onset, each paired with one of its own
    deviation: float  # seconds, the median of theirs, positive if late; 0 if there are none
    moved_f: float  # the F-measure of the marks once that deviation has been subtracted from all of them


def onset_moments(onset: ArrayLike) -> np.ndarray:
    """The moments at which something is struck: onsets less than 30 ms apart are one chord, at their mean.

    Seconds in, seconds out, in ascending order.

    >>> onset_moments([0.5, 0.52, 1.0, 0.54]).round(2).tolist()
    [0.52, 1.0]
    """
    onset = np.sort(np.asarray(onset, float))
    return np.array(
        [chord.mean() for chord in np.split(onset, np.flatnonzero(np.diff(onset) >= CHORD) + 1) if len(chord)]
    )


def paired_marks(struck: ArrayLike, marks: ArrayLike, *, tolerance: float = TOLERANCE) -> list[tuple[int, int]]:
    """As many pairs of an onset and a mark within the tolerance as possible, no two of which share either.

    Among the greatest matchings, it is one with the least sum of squared distances. Where pairs cross, uncrossing them
    costs nothing, so that it is enough to go through both lists in order.

    Parameters
    ----------
    struck, marks : sequence of float
        Seconds, in ascending order.
    tolerance : float
        Seconds. As in `evaluation`, distances are rounded to 0.1 ms, and one equal to the tolerance is within it.

    Returns
    -------
    list of (int, int)
        Indices into the two lists.

    Examples
    --------
    The mark at 1.04 s is nearest to the second onset, but then the first would have none.

    >>> paired_marks([1.0, 1.05], [1.04, 1.09])
    [(0, 0), (1, 1)]
    """
    struck, marks = np.asarray(struck, float).tolist(), np.asarray(marks, float).tolist()
    best = [[(0, 0.0)] * (len(marks) + 1) for _ in range(len(struck) + 1)]  # pairs, minus squared distances
    for i, moment in enumerate(struck):
        for j, mark in enumerate(marks):
            best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j])
            if np.round(abs(moment - mark), 4) <= tolerance:
                count, squares = best[i][j]
                best[i + 1][j + 1] = max(best[i + 1][j + 1], (count + 1, squares - (moment - mark) ** 2))
    pairs, i, j = [], len(struck), len(marks)
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def judged_marks(struck: ArrayLike, marks: ArrayLike, *, tolerance: float = TOLERANCE) -> JudgedMarks:
    """Compare a person's marks with the onsets; arguments as for `paired_marks`.

    >>> judged = judged_marks([1.0, 2.0, 3.0], [1.08, 2.08, 3.04])
    >>> judged.hits, round(judged.f, 2), round(judged.deviation, 2), judged.moved_f
    (1, 0.33, 0.08, 1.0)
    """
    struck, marks = np.asarray(struck, float), np.asarray(marks, float)
    near = paired_marks(struck, marks, tolerance=NEAR)
    deviation = float(np.median([marks[j] - struck[i] for i, j in near])) if near else 0.0
    hits, moved = (len(paired_marks(struck, each, tolerance=tolerance)) for each in (marks, marks - deviation))
    total = max(len(struck) + len(marks), 1)
    misses, extra = len(struck) - hits, len(marks) - hits
    return JudgedMarks(hits, misses, extra, 2 * hits / total, len(near), deviation, 2 * moved / total)
