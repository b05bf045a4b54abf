"""From a recording to notes: what a piano played, with two sets of frame times, by two networks."""

import mir_eval
import numpy as np
import pytest

from nmp_lessons import training
from nmp_lessons.audio import Recording, piano
from nmp_lessons.decoding import PeakDecoder
from nmp_lessons.errors import InputError
from nmp_lessons.evaluation import match
from nmp_lessons.hearing import judged_marks, onset_moments, paired_marks, transcribe, transcribe_as_released
from nmp_lessons.notes import Notes
from nmp_lessons.sound import tone

# An arpeggio and the chord that it makes.
ARPEGGIO = Notes(
    [0.5, 1.0, 1.5, 2.0, 3.0, 3.0, 3.0, 3.0], [1.0, 1.5, 2.0, 2.8, 4.5, 4.5, 4.5, 4.5], [60, 64, 67, 72, 48, 60, 64, 67]
)
CLOCK = 0.05  # seconds: what counts as the same onset


@pytest.fixture(scope="module")
def recording() -> Recording:
    return piano.render(ARPEGGIO, seconds=5.0)


@pytest.fixture(scope="module")
def heard(recording):
    return transcribe(recording)


def test_the_notes_of_a_piano_are_found_within_fifty_milliseconds(heard):
    notes, _ = heard
    found = match(ARPEGGIO, notes, tolerance=CLOCK)
    assert len(found.misses) == 0 and len(found.extra) <= 4  # overtones


def test_posteriors_are_high_where_a_key_sounds_and_have_true_times(heard):
    notes, posteriors = heard
    assert np.allclose(np.diff(posteriors.times), 256 / 22_050)
    at = np.searchsorted(posteriors.times, 4.0)
    loudest = np.argsort(posteriors.note[at])[-4:] + 21
    assert set(loudest) == {48, 60, 64, 67}


def test_both_frame_times_give_the_same_notes_but_the_released_ones_drift(recording, heard):
    """In five seconds the frame times of the released program drift by less than 30 ms."""
    (true, _), (released, posteriors) = heard, transcribe_as_released(recording)
    hits = match(true, released).hits
    assert len(hits) >= len(ARPEGGIO)
    apart = released.onset[hits[:, 1]] - true.onset[hits[:, 0]]
    assert 0 < np.abs(apart).max() < 0.03
    assert not np.allclose(np.diff(posteriors.times), 256 / 22_050, rtol=1e-6)


def test_another_network_brings_its_decoder_and_takes_fewer_overtones_for_notes(recording, heard):
    net, record = training.load("main-0")
    notes, posteriors = transcribe(recording, model=net, decoder=PeakDecoder(**record["decoder"]))
    found = match(ARPEGGIO, notes, tolerance=CLOCK)
    assert len(found.misses) == 0 and len(found.extra) < len(match(ARPEGGIO, heard[0], tolerance=CLOCK).extra)
    assert posteriors.onset.shape == (len(posteriors.times), 88)


def test_the_sample_rate_does_not_matter(recording, heard):
    notes, _ = transcribe(recording.resampled(48_000))
    assert len(match(heard[0], notes, tolerance=0.02).hits) >= len(ARPEGGIO)


@pytest.mark.parametrize("run", [transcribe, transcribe_as_released])
def test_silence_and_what_is_too_short_are_refused(run):
    with pytest.raises(InputError, match="silent"):
        run(Recording(np.zeros(22_050), 22_050))
    with pytest.raises(InputError, match="10 ms"):
        run(tone(440, 0.01))


# Marks by ear


def test_marks_are_scored_as_mir_eval_scores_onsets():
    rng = np.random.default_rng(0)
    for case in range(100):
        struck, marks = np.sort(rng.random(1 + case % 12)) * 2, np.sort(rng.random(1 + case % 9)) * 2
        f, _, _ = mir_eval.onset.f_measure(struck, marks, window=0.05)
        assert np.isclose(judged_marks(struck, marks).f, f)


def test_of_the_greatest_matchings_the_nearest_is_taken():
    assert paired_marks([1.0, 1.1], [1.04, 1.11], tolerance=0.2) == [(0, 0), (1, 1)]
    assert paired_marks([1.0], [0.96, 1.01, 1.05]) == [(0, 1)]
    assert paired_marks([1.0], [1.05]) == [(0, 0)] and paired_marks([1.0], [1.0502]) == []


def test_a_constant_delay_is_found_and_removed():
    struck = np.arange(8) / 2
    judged = judged_marks(struck, np.append(struck + 0.09, 9.0))
    assert (judged.hits, judged.misses, judged.extra, judged.near) == (0, 8, 9, 8)
    assert np.isclose(judged.deviation, 0.09) and np.isclose(judged.moved_f, 16 / 17)
    assert judged_marks(struck, struck - 0.07).deviation < 0
    assert judged_marks([], []) == (0, 0, 0, 0.0, 0, 0.0, 0.0)


def test_a_chord_is_one_moment_however_long_its_chain():
    assert np.allclose(onset_moments([2.0, 1.0, 1.02, 1.04]), [1.02, 2.0])
    assert len(onset_moments([1.0, 1.031])) == 2 and len(onset_moments([])) == 0
