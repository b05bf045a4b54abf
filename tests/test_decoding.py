"""Decoding on posteriors small enough to follow by hand; parity with the original is in test_model_released."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label

from nmp_lessons import ablations, evaluation, training
from nmp_lessons.audio import Recording, piano
from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from nmp_lessons.decoding import (
    CHOICES,
    PeakDecoder,
    best_options,
    best_threshold,
    candidates,
    check_recording,
    decode,
    fit_peak_decoder,
    hysteresis,
    peaks,
    vertex,
    with_inferred_onsets,
)
from nmp_lessons.errors import InputError
from nmp_lessons.files import read_rows
from nmp_lessons.model import Posteriors, posteriors as heard_by, released
from nmp_lessons.notes import Notes
from nmp_lessons.targets import read_back, targets

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


def test_neighbours_that_are_not_silenced_become_notes():
    smeared = posteriors((C4, 10, 40, 0.8), (C4 + 1, 12, 40, 0.6), onsets=[(C4, 10, 0.9)])
    assert [note[2] for note in found(smeared, infer_onsets=False, neighbours=0)] == [60, 61]
    far = posteriors((C4, 10, 40, 0.8), (C4 + 2, 12, 40, 0.6), onsets=[(C4, 10, 0.9)])
    assert found(far, infer_onsets=False, neighbours=2) == [(10, 40, 60)]


def test_with_the_earliest_onset_first_a_repeated_key_is_one_long_note():
    twice = posteriors((C4, 10, 50, 0.8), onsets=[(C4, 10, 0.9), (C4, 30, 0.9)])
    assert found(twice, first="earliest") == [(10, 50, 60)]


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
    with pytest.raises(InputError, match="neighbours"):
        decode(given, neighbours=-1)
    with pytest.raises(InputError, match="latest, earliest"):
        decode(given, first="loudest")


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
    decoder, score = best_threshold(fit_peak_decoder([(posteriors, notes)]), [(posteriors, notes)])
    assert np.isfinite(decoder.weights).all() and max(map(abs, decoder.weights)) < 100
    assert score > best_threshold(PeakDecoder(), [(posteriors, notes)])[1] + 0.3


def test_peaks_become_notes():
    note, onset = np.zeros((40, 88)), np.zeros((40, 88))
    onset[[10, 11, 20], 39] = [0.6, 0.6, 0.9]
    note[10:30, 39] = 0.8
    found = PeakDecoder(threshold=0.5)(Posteriors(None, note, onset, np.arange(40) / 100))
    assert np.allclose(found.intervals, [[0.105, 0.2], [0.2, 0.3]], atol=0.006)
    nothing = PeakDecoder(threshold=0.5)(Posteriors(None, note, 0 * onset, np.arange(40) / 100))
    assert len(nothing) == 0


# Hysteresis


def runs(sounds: np.ndarray) -> int:
    return len(read_back(sounds.astype(float)))


one_key = arrays(np.float64, (40, 1), elements=st.floats(0, 1)).map(lambda values: np.pad(values, ((0, 0), (0, 87))))


@given(one_key, st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_hysteresis_lies_between_its_two_thresholds_and_gives_no_more_notes_than_either(values, one, other):
    low, high = min(one, other), max(one, other)
    kept = hysteresis(values, high=high, low=low)
    assert (kept <= (values >= low)).all() and (kept >= (values >= high)).all()
    assert runs(kept) <= min(runs(values >= low), runs(values >= high))


@given(one_key, st.floats(0.05, 0.95))
def test_equal_thresholds_are_one_threshold(values, threshold):
    assert np.array_equal(hysteresis(values, high=threshold, low=threshold), values >= threshold)


@given(one_key, st.floats(0.05, 0.5), st.floats(0.5, 0.95))
def test_hysteresis_keeps_the_runs_that_scipy_labels_as_reaching_high(values, low, high):
    labels, _ = label(values[:, 0] >= low)
    reached = np.setdiff1d(labels[values[:, 0] >= high], [0])
    assert np.array_equal(hysteresis(values, high=high, low=low)[:, 0], np.isin(labels, reached))


def test_hysteresis_refuses_a_note_that_is_harder_to_keep_than_to_begin():
    with pytest.raises(InputError, match="low=0.6"):
        hysteresis(np.zeros((3, 88)), high=0.5, low=0.6)


# Peaks between frames


@given(st.floats(-0.49, 0.49), st.floats(0.05, 3), st.floats(0, 1))
def test_the_vertex_of_a_parabola_is_found_exactly(place, curvature, height):
    values = [height - curvature * (d - place) ** 2 for d in (-1, 0, 1)]
    assert vertex(*values) == pytest.approx(place, abs=1e-6)


def test_three_equal_values_have_no_peak_between_frames():
    assert vertex(0.5, 0.5, 0.5) == 0


@pytest.mark.parametrize("shift", [0.0, 3.0, 6.0, 9.0])
def test_an_onset_between_frames_is_placed_there(shift):
    """Onset labels that tell on which side of the frame a note began are read back within a millisecond or two."""
    onset = 0.5 + shift / 1000
    wanted = targets(Notes([onset], [0.9], [60]), frames=100, onset_width=3, onset_at="time")
    given = Posteriors(None, wanted.note, wanted.onset, np.arange(100) / NMP.frame_rate)
    (note,) = PeakDecoder(threshold=0.5)(given).onset
    assert abs(note - onset) < 0.002


# Learning


def noisy_posteriors(notes: Notes, frames: int, *, seed: int, share: float = 0.7) -> Posteriors:
    """Targets and noise, `share` of the first."""
    rng = np.random.default_rng(seed)
    wanted = targets(notes, frames=frames, onset_width=2)
    heads = [share * head + rng.uniform(0, 1 - share, head.shape) for head in (wanted.note, wanted.onset)]
    return Posteriors(None, *heads, np.arange(frames) / NMP.frame_rate)


def test_a_fitted_decoder_expects_as_many_notes_as_there_are():
    """At the optimum of a logistic regression the probabilities add up to the number of true candidates."""
    rng = np.random.default_rng(1)
    start = np.arange(0.1, 8.9, 0.15)
    notes = Notes(start, start + 0.3, rng.integers(40, 80, len(start)))
    given = noisy_posteriors(notes, 900, seed=0, share=0.3)
    _, _, probability = fit_peak_decoder([(given, notes)]).candidates(given)
    assert ((probability > 0.05) & (probability < 0.95)).sum() > 50  # not told apart with ease
    assert probability.sum() == pytest.approx(len(notes), rel=0.02)


@pytest.fixture(scope="module")
def faint_music() -> tuple[Posteriors, Notes]:
    """Short notes amid noise, for which the released settings are unsuitable."""
    start = np.arange(0.2, 8, 0.4)
    notes = Notes(start, start + 0.1, np.arange(50, 50 + len(start)))
    return noisy_posteriors(notes, 800, seed=2), notes


def mean_fno(pair: tuple[Posteriors, Notes], **options) -> float:
    given, notes = pair
    return evaluation.onset_scores(notes, decode(given, **options))["Fno"]


def test_the_options_of_the_released_algorithm_are_fitted_too(faint_music):
    few = {"onset_threshold": (0.3, 0.5, 0.9), "frame_threshold": (0.2, 0.4), "shortest": (3, 11)}
    options, score = best_options([faint_music], choices=few)
    every = [mean_fno(faint_music, **dict(zip(few, values, strict=True))) for values in product(*few.values())]
    assert score == max(every) > mean_fno(faint_music) and set(options) == set(few)
    assert score == mean_fno(faint_music, **options)


def test_no_change_of_two_fitted_options_scores_higher(faint_music):
    few = {name: values[::4] for name, values in CHOICES.items()}
    options, score = best_options([faint_music], choices=few)
    for pair in combinations(few, 2):
        for values in product(*(few[name] for name in pair)):
            assert mean_fno(faint_music, **options | dict(zip(pair, values, strict=True))) <= score


# The clock


@pytest.fixture(scope="module")
def original_net():
    return released.load()


def lateness(reference: Notes, estimate: Notes, start: float, stop: float) -> np.ndarray:
    """How much later than they were struck the hits of a minute were found, in seconds."""
    struck, found = reference.between(start, stop), estimate.between(start, stop)
    hits = evaluation.match(struck, found).hits
    assert len(hits) > 100
    return found.onset[hits[:, 1]] - struck.onset[hits[:, 0]]


@pytest.fixture(scope="module")
def nine_minutes():
    notes = maestro.full_notes("beethoven-menuetto").between(0, 540)
    return replace(piano.render(notes, seconds=540), notes=notes)


@pytest.mark.slow
def test_after_nine_minutes_the_released_network_is_on_time_if_its_clock_is(nine_minutes, original_net):
    given = released.windowed_posteriors(nine_minutes, model=original_net)
    on_time = replace(given, times=released.true_times(len(given)))
    late = lateness(nine_minutes.notes, decode(on_time), 480, 540)
    assert abs(np.median(late)) < 0.005
    assert np.std(late) < np.std(lateness(nine_minutes.notes, decode(given), 480, 540))
    naive = np.arange(len(given)) / NMP.frame_rate
    assert naive[-1] - on_time.times[-1] == pytest.approx(0.0052 * 540, abs=0.05)


@pytest.mark.slow
def test_after_nine_minutes_our_network_is_as_late_as_in_the_first(nine_minutes):
    """What it is early by on this piano is the same at both ends: there is no drift."""
    net, record = training.load("main-0")
    found = PeakDecoder(**record["decoder"])(heard_by(net, nine_minutes))
    first, last = (np.median(lateness(nine_minutes.notes, found, start, start + 60)) for start in (0, 480))
    assert abs(last - first) < 0.005 and abs(last) < 0.012


# What was measured


def measured() -> list[dict]:
    return read_rows(training.CHECKPOINTS / "decoders.csv")


def test_the_comparison_of_decoders_covers_the_same_music_for_all():
    rows = measured()
    sets = {}
    for row in rows:
        sets.setdefault((row["network"], row["decoder"]), []).append((row["set"], row["recording"]))
    assert len({tuple(music) for music in sets.values()}) == 1 and len(sets) == 8
    assert len(next(iter(sets.values()))) == 22


@pytest.mark.parametrize("network", ["released", "main-0"])
def test_a_clip_is_decoded_as_recorded(network, original_net):
    """Each decoder with the options on record, on the first test clip."""
    net = original_net if network == "released" else training.load(network)[0]
    name, start = ablations.EXCERPTS[0]
    clip = ablations.disturbed_clip(name, start, "clean")
    given = heard_by(net, clip)
    rows = [row for row in measured() if row["network"] == network and row["recording"] == f"{name} {start:.0f}"]
    assert len(rows) == 4
    for row in rows:
        found = ablations.decoder_named(row["decoder"], row["options"])(given)
        assert evaluation.onset_scores(clip.notes, found)["Fno"] == pytest.approx(float(row["Fno"]), abs=0.005)
