"""Real voices: two clips of vocadito (CC BY 4.0) that are among the tests of the released source."""

import io

import soundfile

from .. import fetch
from ..audio.recording import Recording


def singer(number: int = 10) -> Recording:
    """A real singer: clip 10 or 14 of vocadito, 9 to 20 seconds long, from the released source's test files.

    Source: Bittner et al., "vocadito: a dataset of solo vocals", 2021, CC BY 4.0.

    >>> singer().rate
    44100
    """
    name = f"vocadito_{number}"
    member = f"basic_pitch-{fetch.BASIC_PITCH_SDIST.version}/tests/resources/{name}.wav"
    audio, rate = soundfile.read(io.BytesIO(fetch.read(fetch.BASIC_PITCH_SDIST, member)), dtype="float32")
    if audio.ndim == 2:
        audio = audio.mean(axis=1)
    return Recording(audio, rate, title=name, licence="CC BY 4.0")
