"""A recording goes in, notes come out."""

import numpy as np
import pytest

from nmp_lessons import training, transcribe
from nmp_lessons.audio import Recording, piano
from nmp_lessons.constants import NMP
from nmp_lessons.decoding import PeakDecoder
from nmp_lessons.errors import InputError
from nmp_lessons.hearing import transcribe_as_released
from nmp_lessons.notes import Notes

PLAYED = Notes([0.5, 1.0, 1.5, 2.5], [1.0, 1.5, 2.4, 3.2], [48, 60, 67, 72])


@pytest.fixture(scope="module")
def recording():
    return piano.render(PLAYED, seconds=4.0)


def test_four_notes_are_found_where_they_were_played(recording):
    notes, posteriors = transcribe(recording)
    assert len(posteriors) == len(recording.audio) // NMP.hop + 1
    for onset, pitch in zip(PLAYED.onset, PLAYED.pitch, strict=True):
        assert np.abs(notes.onset[notes.pitch == pitch] - onset).min() < 0.05


def test_the_released_program_has_the_same_pitches_on_its_own_clock(recording):
    true, released = transcribe(recording)[0], transcribe_as_released(recording)[0]
    assert set(PLAYED.pitch) <= set(true.pitch) & set(released.pitch)
    assert np.abs(released.onset[: len(true)] - true.onset[: len(released)]).max() < 0.05


def test_another_network_comes_with_its_decoder(recording):
    model, record = training.load("main-0")
    notes, _ = transcribe(recording, model=model, decoder=PeakDecoder(**record["decoder"]))
    for onset, pitch in zip(PLAYED.onset, PLAYED.pitch, strict=True):
        assert np.abs(notes.onset[notes.pitch == pitch] - onset).min() < 0.05


@pytest.mark.parametrize(
    "audio, words", [(np.zeros(NMP.sample_rate), "silent"), (0.1 * np.ones(1000), "shortest note that can be found")]
)
def test_what_holds_no_note_is_refused_in_words(audio, words):
    for listen in (transcribe, transcribe_as_released):
        with pytest.raises(InputError, match=words):
            listen(Recording(audio, NMP.sample_rate))
