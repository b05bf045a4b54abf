"""Decoding on posteriors small enough to follow by hand; parity with the original is in test_released."""

import numpy as np
import pytest

from nmp_lessons.constants import NMP
from nmp_lessons.decoding import (
    PeakDecoder,
    best_threshold,
    candidates,
    check_recording,
    decode,
    fitted,
    peaks,
    with_inferred_onsets,
)
from nmp_lessons.errors import InputError
from nmp_lessons.model import Posteriors
from nmp_lessons.notes import Notes
from nmp_lessons.sound import Recording

FRAMES = 80
C4 = 60 - 21


def posteriors(*sounding, onsets=()) -> Posteriors:
    """Yn from (key, start, stop, value), Yo from (key, frame, value); frame t is at t seconds."""
    note, onset = np.zeros((FRAMES, 88), np.float32), np.zeros((FRAMES, 88), np.float32)
    for key, start, stop, value in sounding:
        note[start:stop, key] = value
    for key, frame, value in onsets:
        onset[frame, key] = value
    return Posteriors(None, note, onset, np.arange(float(FRAMES)))


def found(*arguments, **options) -> list[tuple[int, int, int]]:
    notes = decode(*arguments, **options)
    return [(int(a), int(b), int(p)) for a, b, p in zip(notes.onset, notes.offset, notes.pitch, strict=True)]


def test_a_note_runs_from_its_onset_until_it_fades():
    assert found(posteriors((C4, 10, 40, 0.8), onsets=[(C4, 10, 0.9)])) == [(10, 40, 60)]


def test_a_gap_of_ten_frames_is_bridged_and_one_of_eleven_is_not():
    onsets = [(C4, 10, 0.9)]
    options = {"infer_onsets": False, "melodia_trick": False}
    assert found(posteriors((C4, 10, 30, 0.8), (C4, 40, 60, 0.8), onsets=onsets), **options) == [(10, 60, 60)]
    assert found(posteriors((C4, 10, 30, 0.8), (C4, 41, 60, 0.8), onsets=onsets), **options) == [(10, 30, 60)]


def test_a_note_must_be_longer_than_eleven_frames():
    for length, count in ((11, 0), (12, 1)):
        assert len(found(posteriors((C4, 10, 10 + length, 0.8), onsets=[(C4, 10, 0.9)]))) == count


def test_a_second_onset_splits_a_note_because_later_ones_come_first():
    twice = posteriors((C4, 10, 50, 0.8), onsets=[(C4, 10, 0.9), (C4, 30, 0.9)])
    assert found(twice) == [(10, 30, 60), (30, 50, 60)]


def test_a_note_takes_its_neighbours_energy_away():
    smeared = posteriors((C4, 10, 40, 0.8), (C4 + 1, 12, 40, 0.6), onsets=[(C4, 10, 0.9)])
    assert found(smeared, infer_onsets=False) == [(10, 40, 60)]
    apart = posteriors((C4, 10, 40, 0.8), (C4 + 2, 12, 40, 0.6), onsets=[(C4, 10, 0.9)])
    assert len(found(apart, infer_onsets=False)) == 2


def test_the_melodia_trick_finds_notes_without_onsets():
    unseen = posteriors((C4, 20, 50, 0.6))
    assert found(unseen, infer_onsets=False, melodia_trick=False) == []
    (note,) = found(unseen, infer_onsets=False)
    assert note[2] == 60 and abs(note[0] - 20) <= 1 and abs(note[1] - 50) <= 1


def test_a_sudden_rise_counts_as_an_onset():
    risen = posteriors((C4, 20, 50, 0.6), onsets=[(C4 + 20, 70, 0.9)])
    combined = with_inferred_onsets(risen.onset, risen.note)
    assert combined[20, C4] == pytest.approx(0.9)  # scaled to the largest onset
    assert (found(risen, melodia_trick=False)) == [(20, 50, 60)]


def test_peaks_are_strict_and_never_at_the_ends():
    flat = np.array([[0.9, 0.6], [0.9, 0.9], [0.1, 0.7]])
    assert peaks(flat, 0.5).tolist() == [[1, 1]]


def test_velocity_is_the_mean_of_yn():
    assert decode(posteriors((C4, 10, 40, 0.5), onsets=[(C4, 10, 0.9)])).velocity.tolist() == [64]


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 12])
def test_few_or_empty_frames_hold_no_note(frames):
    nothing = np.zeros((frames, 88), np.float32)
    assert len(decode(Posteriors(None, nothing, nothing, np.arange(frames)))) == 0


def test_the_posteriors_are_left_as_they_were():
    given = posteriors((C4, 10, 40, 0.8), onsets=[(C4, 10, 0.9)])
    before = given.note.copy()
    decode(given)
    assert np.array_equal(given.note, before)


def test_impossible_options_are_refused():
    given = posteriors()
    with pytest.raises(InputError, match="onset_threshold"):
        decode(given, onset_threshold=1.5)
    with pytest.raises(InputError, match="shortest"):
        decode(given, shortest=0)


def test_silent_and_very_short_recordings_are_refused():
    with pytest.raises(InputError, match="silent"):
        check_recording(Recording(np.zeros(22_050), 22_050))
    with pytest.raises(InputError, match="10 ms"):
        check_recording(Recording(np.ones(220), 22_050))


def test_evidence_is_fitted_even_where_full_newton_steps_overshoot():
    """Posteriors between .1 and .9, as label smoothing leaves them, with onsets that Yn alone tells apart."""
    rng = np.random.default_rng(0)
    onset, note = rng.uniform(0.1, 0.9, (600, 88)), np.full((600, 88), 0.12)
    frame, key = candidates(onset)
    true = rng.random(len(frame)) < 0.02
    for start, k in zip(frame[true], key[true], strict=True):
        note[start : start + 20, k] = 0.88
    times = np.arange(600) / NMP.frame_rate
    notes = Notes(times[frame[true]], times[frame[true]] + 0.2, key[true] + NMP.lowest_pitch)
    posteriors = Posteriors(None, note, onset, times)
    decoder, score = best_threshold(fitted([(posteriors, notes)]), [(posteriors, notes)])
    assert np.isfinite(decoder.weights).all() and max(map(abs, decoder.weights)) < 100
    assert score > best_threshold(PeakDecoder(), [(posteriors, notes)])[1] + 0.3
