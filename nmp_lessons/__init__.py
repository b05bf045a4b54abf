"""The library behind the book: one module for each room that a sound passes through.

audio -> `cqt` -> `harmonic_stacking` -> `model` -> posteriors -> `decoding` -> notes -> `evaluation` -> scores

A module has the name of its chapter (``book/<slug>.md``), its tests (``tests/test_<slug>.py``) and its
exercises (``exercises/<slug>/``).
"""

__version__ = "0.1.0"


def transcribe(recording, *, model=None, decoder=None):
    """The notes of a recording and what the network believed, with the released weights or another model.

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

    >>> from nmp_lessons.sound import tone
    >>> notes, posteriors = transcribe(tone(440, 1.0, partials=(1, 0.5, 0.3)))
    >>> 69 in notes.pitch, posteriors.note.shape
    (True, (87, 88))
    """
    from . import decoding, released
    from .model import posteriors

    decoding.check_recording(recording)
    found = posteriors(model or released.load(), recording)
    return (decoder or decoding.decode)(found), found
