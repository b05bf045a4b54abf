"""Transcription from end to end: a recording goes in, notes come out.

Chapter ``hearing``. `transcribe` runs the whole pipeline, audio → CQT → stack → network → posteriors → notes, with
correct frame times; `transcribe_as_released` reproduces basic-pitch 0.4.0, including the drift in its frame times.
"""

from dataclasses import replace

import numpy as np

from .audio.recording import Recording
from .decoding.released import check_recording, decode
from .model import released
from .model.inference import posteriors
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


SANE_PEAKS = (0.01, 2.0)  # outside them a level is a mistake: 16-bit integers as floats, or millionths


def _at_sane_level(recording: Recording) -> Recording:
    """The recording itself; or without its offset, if that is larger than the sound, and at a peak of one half."""
    audio = recording.audio
    offset = audio.mean(dtype=np.float64)
    if abs(offset) > audio.std(dtype=np.float64):
        recording = replace(recording, audio=audio - np.float32(offset))
    peak = np.abs(recording.audio).max()
    if SANE_PEAKS[0] <= peak <= SANE_PEAKS[1]:
        return recording
    return replace(recording, audio=recording.audio.astype(np.float64) * (0.5 / float(peak)))


def transcribe_as_released(recording: Recording, *, model: NMPNet | None = None) -> tuple[Notes, Posteriors]:
    """Transcribe a recording exactly as basic-pitch 0.4.0 does, note for note, including its frame times.

    `transcribe` runs the same network with correct frame times. Returns and errors are the same as there.
    """
    check_recording(recording)
    posteriorgram = windowed_posteriors(recording, model=model)
    return decode(posteriorgram), posteriorgram
