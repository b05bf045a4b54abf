"""What it means to transcribe: a recording goes in, notes come out.

Chapter ``hearing``. `transcribe` runs the whole pipeline, audio → CQT → stack → network → posteriors → notes, on a true
clock; `transcribe_as_released` does what basic-pitch 0.4.0 does, its clock included.
"""

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
    """The notes of a recording and its posteriors, with the released weights or another model.

    Parameters
    ----------
    recording : Recording
        Of any sample rate.
    model : Transcriber, optional
        The released network by default.
    decoder : callable, optional
        From posteriors to notes, such as the `PeakDecoder` in a run's record; the released one by default.

    Returns
    -------
    (Notes, Posteriors)

    Raises
    ------
    InputError
        If the recording is silent, or too short to hold a note that the decoder would keep.

    Examples
    --------
    >>> from nmp_lessons.sound import tone
    >>> notes, posteriors = transcribe(tone(440, 1.0, partials=(1, 0.5, 0.3)))
    >>> 69 in notes.pitch, posteriors.note.shape
    (True, (87, 88))
    """
    check_recording(recording)
    posteriorgram = posteriors(model or released.load(), recording)
    return (decoder or decode)(posteriorgram), posteriorgram


def transcribe_as_released(recording: Recording, *, model: NMPNet | None = None) -> tuple[Notes, Posteriors]:
    """What basic-pitch 0.4.0 makes of a recording, note for note, its clock included.

    `transcribe` runs the same network with a true clock.
    """
    check_recording(recording)
    posteriorgram = windowed_posteriors(recording, model=model)
    return decode(posteriorgram), posteriorgram
