"""Scores on examples that can be worked out by hand, and identities that hold for all."""

import tracemalloc
from dataclasses import replace
from math import comb

import mir_eval
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nmp_lessons import ablations, decoding, evaluation, training
from nmp_lessons.book.show.score import matched_groups
from nmp_lessons.errors import InputError
from nmp_lessons.evaluation import (
    CAUSES,
    accuracy,
    bootstrap,
    cause_counts,
    causes,
    chance,
    frame_scores,
    match,
    onset_scores,
    optimism,
    scores,
    summary,
    threshold_curves,
)
from nmp_lessons.model import feature_posteriors, fixed_features
from nmp_lessons.notes import Notes

# Four notes, each a second long: one perfect, one late by 60 ms, one cut short, one an octave too high.
REFERENCE = Notes([0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], [60, 62, 64, 65])
ESTIMATE = Notes([0.0, 1.06, 2.0, 3.0], [1.0, 2.0, 2.5, 4.0], [60, 62, 64, 77])
NOTHING = Notes([], [], [])


def test_shifts_of_hours_of_music_need_little_memory():
    """A table of all pairs would take 12 GB."""
    rng = np.random.default_rng(0)
    onset = np.sort(rng.random(40_000) * 10_000)
    reference = Notes(onset, onset + 0.1, rng.integers(21, 109, len(onset)))
    tracemalloc.start()
    assert evaluation.common_shift(reference, reference.shifted(2.5)) == pytest.approx(2.5, abs=1e-3)
    assert evaluation.median_shift(reference, reference.shifted(0.1)) == pytest.approx(0.1)
    assert tracemalloc.get_traced_memory()[1] < 700 * 2**20
    tracemalloc.stop()


def test_four_notes_by_hand():
    found = scores(REFERENCE, ESTIMATE)
    assert found["Fno"] == found["Pno"] == found["Rno"] == 0.5  # the perfect one and the short one
    assert found["F"] == 0.25  # the perfect one
    # Frames of 10 ms: 100 + 94 + 50 agree; of 400 in the reference and 344 in the estimate.
    assert found["Acc"] == pytest.approx(244 / (400 + 344 - 244), abs=0.005)


def test_four_notes_matched():
    found = match(REFERENCE, ESTIMATE)
    assert found.hits.tolist() == [[0, 0], [2, 2]]
    assert found.misses.tolist() == [1, 3] and found.extra.tolist() == [1, 3]
    assert match(REFERENCE, ESTIMATE, offsets=True).hits.tolist() == [[0, 0]]


def test_four_notes_frame_by_frame():
    """Frames of 10 ms: 244 agree, of 344 in the estimate and 400 in the reference."""
    found = frame_scores(REFERENCE, ESTIMATE)
    assert found["Pframe"] == pytest.approx(244 / 344, abs=0.005)
    assert found["Rframe"] == pytest.approx(244 / 400, abs=0.005)


# Against mir_eval, on the same arrays


def test_scores_are_those_of_mir_eval_on_a_real_transcription():
    clip = ablations.disturbed_clip("chopin-nocturne", 20.0, "clean")
    net, record = training.load("main-0")
    heard = decoding.PeakDecoder(**record["decoder"])(feature_posteriors(net, fixed_features(clip)))
    ours, found = scores(clip.notes, heard), {}
    arrays = clip.notes.intervals, clip.notes.frequencies, heard.intervals, heard.frequencies
    for name, options in (("", {}), ("no", {"offset_ratio": None})):
        P, R, F, _ = mir_eval.transcription.precision_recall_f1_overlap(*arrays, **options)
        found |= {f"P{name}": P, f"R{name}": R, f"F{name}": F}
    times = np.arange(0, max(clip.notes.seconds, heard.seconds), 0.01)
    rolls = []
    for intervals, frequencies in (arrays[:2], arrays[2:]):
        sounds = (intervals[:, 0] <= times[:, None]) & (times[:, None] < intervals[:, 1])
        rolls.append([np.unique(frequencies[frame]) for frame in sounds])
    frames = mir_eval.multipitch.evaluate(times, rolls[0], times, rolls[1])
    found |= {"Acc": frames["Accuracy"], "Pframe": frames["Precision"], "Rframe": frames["Recall"]}
    assert ours == pytest.approx(found, abs=1e-12) and 0.1 < ours["F"] < ours["Fno"] < 1


def test_where_mir_eval_differs_it_differs_as_the_docstring_says():
    of_mir_eval = mir_eval.transcription.precision_recall_f1_overlap
    one, pitch = np.array([[0.0, 1.0]]), np.array([440.0])
    with pytest.warns(UserWarning, match="empty"):  # where we are silent
        assert of_mir_eval(np.empty((0, 2)), np.array([]), one, pitch)[:3] == (0, 0, 0)
    with pytest.raises(ValueError, match="duration"):
        of_mir_eval(np.array([[1.0, 1.0]]), pitch, one, pitch)
    with pytest.raises(InputError, match="does not end after"):
        Notes([1.0], [1.0], [60])
    # MIDI numbers taken for Hz: a semitone counts as 28.6 cents, and so as a hit
    assert mir_eval.transcription.match_notes(one, np.array([60.0]), one, np.array([61.0])) == [(0, 0)]
    assert len(match(Notes([0.0], [1.0], [60]), Notes([0.0], [1.0], [61])).hits) == 0


def test_distances_equal_to_the_tolerance_are_within_it():
    """50 ms for the onset; a fifth of a note of one second for the offset."""
    reference = Notes([1.0], [2.0], [60])
    assert scores(reference, Notes([1.05], [2.2], [60]))["F"] == 1.0
    assert scores(reference, Notes([1.0502], [2.2], [60]))["Fno"] == 0.0
    late = scores(reference, Notes([1.05], [2.2002], [60]))
    assert late["Fno"] == 1.0 and late["F"] == 0.0


def test_the_matching_is_a_greatest_one_where_the_nearest_first_is_not():
    """If the nearer of two predictions is paired with the first of two strokes, the second stroke has no partner."""
    reference, estimate = Notes([1.0, 1.06], [2, 2], [60, 60]), Notes([0.96, 1.02], [2, 2], [60, 60])
    assert match(reference, estimate).hits.tolist() == [[0, 0], [1, 1]]


def test_of_two_candidates_the_one_that_ends_well_is_the_hit_as_in_the_scores():
    """The other one, reported 40 ms before, is one error and not two."""
    reference, estimate = Notes([1.0], [2.0], [60]), Notes([0.96, 1.0], [0.99, 2.0], [60, 60])
    assert match(reference, estimate).hits.tolist() == [[0, 1]]
    assert [(error.cause, error.estimate) for error in causes(reference, estimate)] == [("repeated note", 0)]
    found = scores(reference, estimate)
    assert found["P"] == found["Pno"] == 0.5 and found["R"] == found["Rno"] == 1.0


def some_notes(rng, *, apart: float) -> Notes:
    """Strokes of three keys; those of one key are more than `apart` seconds apart."""
    lists = []
    for pitch in (60, 61, 62):
        onset = np.cumsum(apart + 0.01 + rng.exponential(0.1, rng.integers(1, 9)).round(2))
        lists += [(a, a + rng.choice([0.03, 0.3, 0.32]), pitch) for a in onset]
    return Notes(*np.array(lists).T)


@pytest.mark.parametrize("seed", range(40))
def test_causes_the_picture_and_the_scores_agree_on_which_notes_are_right(seed):
    rng = np.random.default_rng(seed)
    reference, estimate = some_notes(rng, apart=0.1), some_notes(rng, apart=0.0)
    found, score = causes(reference, estimate), scores(reference, estimate)
    wrong = [error.cause for error in found].count("wrong offset")
    missed = {error.reference for error in found if error.cause != "wrong offset"} - {None}
    extra = {error.estimate for error in found if error.cause != "wrong offset"} - {None}
    hits = len(reference) - len(missed)
    assert hits == len(estimate) - len(extra) == round(score["Rno"] * len(reference))
    assert hits - wrong == round(score["R"] * len(reference)) == round(score["P"] * len(estimate))
    drawn = {
        kind: set(indices) for kind, _, indices in matched_groups({"reference": reference, "prediction": estimate})
    }
    assert drawn["miss"] == missed and drawn["extra"] == extra


@pytest.mark.parametrize("seed", range(40))
def test_hits_and_frames_are_as_many_as_those_of_mir_eval(seed):
    """Even with strokes of one key as close as may be, and times that fall on the frames."""
    rng = np.random.default_rng(seed)
    reference, estimate = some_notes(rng, apart=0.0), some_notes(rng, apart=0.0)
    arrays = reference.intervals, reference.frequencies, estimate.intervals, estimate.frequencies
    for offsets, ratio in ((False, None), (True, 0.2)):
        theirs = mir_eval.transcription.match_notes(*arrays, offset_ratio=ratio)
        assert len(match(reference, estimate, offsets=offsets).hits) == len(theirs)
    times = np.arange(0, max(reference.seconds, estimate.seconds), 0.01)
    rolls = [
        [np.unique(notes.frequencies[(notes.onset <= time) & (time < notes.offset)]) for time in times]
        for notes in (reference, estimate)
    ]
    frames = mir_eval.multipitch.evaluate(times, rolls[0], times, rolls[1])
    assert [frames[name] for name in ("Accuracy", "Precision", "Recall")] == list(
        frame_scores(reference, estimate).values()
    )


def test_long_lists_are_matched_key_by_key_with_the_same_scores(monkeypatch):
    rng = np.random.default_rng(0)
    reference, estimate = some_notes(rng, apart=0.0), some_notes(rng, apart=0.0)
    whole = scores(reference, estimate)
    monkeypatch.setattr(evaluation, "TABLE", 0)
    assert scores(reference, estimate) == whole and 0 < whole["F"] < whole["Fno"] < 1
    assert scores(reference, reference.transposed(3))["Fno"] == 0


def test_an_hour_is_scored_as_quickly_as_a_minute():
    reference = Notes([0.0, 3599.0], [1.0, 3600.0], [60, 62])
    assert frame_scores(reference, reference.transposed(1)) == {"Acc": 0.0, "Pframe": 0.0, "Rframe": 0.0}
    assert frame_scores(reference, Notes([0.0], [3600.0], [60]))["Rframe"] == 0.5


# Causes, one by one

HELD = Notes([1.0], [2.0], [60])


@pytest.mark.parametrize(
    ("cause", "reference", "estimate"),
    [
        ("late onset", HELD, Notes([1.12], [2.0], [60])),
        ("early onset", HELD, Notes([0.85], [2.0], [60])),
        ("repeated note", HELD, Notes([1.0, 1.5], [1.9, 2.0], [60, 60])),
        ("merged note", Notes([1.0, 1.5], [1.5, 2.0], [60, 60]), Notes([1.0], [1.6], [60])),
        ("octave or harmonic", HELD, Notes([1.0, 1.0], [2.0, 1.5], [60, 72])),
        ("octave or harmonic", HELD, Notes([1.0, 1.4], [2.0, 1.5], [60, 79])),
        ("octave or harmonic", HELD, Notes([1.0, 1.4], [2.0, 1.5], [60, 48])),
        ("octave or harmonic", Notes([1.0, 1.0], [2.0, 2.0], [60, 84]), Notes([1.0], [2.0], [60])),
        ("wrong offset", HELD, Notes([1.0], [1.7], [60])),
        ("spurious", HELD, Notes([1.0, 1.4], [2.0, 1.5], [60, 66])),
        ("spurious", HELD, Notes([1.0, 3.0], [2.0, 3.5], [60, 72])),
        ("missed", Notes([1.0, 1.2], [2.0, 2.0], [60, 65]), HELD),
    ],
)
def test_each_cause_by_hand(cause, reference, estimate):
    assert [error.cause for error in causes(reference, estimate)] == [cause]


def test_the_four_notes_have_four_causes():
    """Late by 60 ms, cut short, an octave too high, and so its own key missing."""
    found = causes(REFERENCE, ESTIMATE)
    assert [(error.cause, error.reference, error.estimate) for error in found] == [
        ("late onset", 1, 1), ("wrong offset", 2, 2), ("missed", 3, None), ("octave or harmonic", None, 3)
    ]  # fmt: skip
    assert found[3].beside == 3  # the key an octave below


def test_all_merged_strokes_name_the_one_that_is_reported():
    """Three strokes, and one note that lasts through all of them and begins with the first."""
    found = causes(Notes([1.0, 1.4, 1.8], [1.4, 1.8, 2.2], [60] * 3), Notes([1.02], [2.2], [60]))
    merged = [error for error in found if error.cause == "merged note"]
    assert [(error.reference, error.beside) for error in merged] == [(1, 0), (2, 0)]


def test_a_stroke_that_is_reported_twice_is_repeated_and_not_late():
    assert cause_counts(HELD, Notes([1.0, 1.1], [1.1, 2.0], [60, 60]))["repeated note"] == 1


def test_of_two_late_notes_the_nearer_is_joined():
    found = causes(HELD, Notes([1.08, 1.19], [1.1, 2.0], [60, 60]))
    assert [(error.cause, error.estimate) for error in found] == [("late onset", 0), ("repeated note", 1)]


def test_tolerance_is_fifty_milliseconds():
    for late, hit in ((0.049, 1.0), (0.051, 0.0)):
        reference, estimate = Notes([1.0], [2.0], [60]), Notes([1.0 + late], [2.0], [60])
        assert onset_scores(reference, estimate)["Fno"] == hit
    assert onset_scores(REFERENCE, ESTIMATE, tolerance=0.1)["Fno"] == 0.75


def test_a_reference_note_is_hit_once():
    twice = Notes([0.0, 0.02], [1.0, 1.0], [60, 60])
    assert len(match(Notes([0.0], [1.0], [60]), twice).hits) == 1


@pytest.mark.parametrize("reference, estimate", [(NOTHING, REFERENCE), (REFERENCE, NOTHING), (NOTHING, NOTHING)])
def test_nothing_scores_nothing(reference, estimate):
    assert set(scores(reference, estimate).values()) == {0.0}
    found = match(reference, estimate)
    assert len(found.misses) == len(reference) and len(found.extra) == len(estimate)


notes = st.lists(
    st.tuples(st.integers(0, 400), st.integers(5, 100), st.integers(58, 62)), min_size=1, max_size=12, unique=True
).map(
    lambda rows: Notes(
        [start / 100 for start, _, _ in rows],
        [(start + length) / 100 for start, length, _ in rows],
        [pitch for _, _, pitch in rows],
    )
)


@settings(max_examples=30)  # each is scored several times
@given(notes)
def test_a_perfect_transcription_scores_one(reference):
    assert set(scores(reference, reference).values()) == {1.0}


@settings(max_examples=30)  # each is scored several times
@given(notes, notes)
def test_precision_and_recall_change_places(reference, estimate):
    one, other = onset_scores(reference, estimate), onset_scores(estimate, reference)
    assert one["Pno"] == pytest.approx(other["Rno"]) and one["Fno"] == pytest.approx(other["Fno"])
    assert accuracy(reference, estimate) == pytest.approx(accuracy(estimate, reference))


@settings(max_examples=30)  # each is scored several times
@given(notes, notes)
def test_matching_explains_the_score(reference, estimate):
    found = match(reference, estimate)
    hits = len(found.hits)
    assert hits + len(found.misses) == len(reference) and hits + len(found.extra) == len(estimate)
    assert onset_scores(reference, estimate)["Fno"] == pytest.approx(2 * hits / (len(reference) + len(estimate)))
    for r, e in found.hits:
        assert reference.pitch[r] == estimate.pitch[e]
        assert abs(reference.onset[r] - estimate.onset[e]) <= 0.05 + 1e-9


@settings(max_examples=30)  # each is scored several times
@given(notes, st.integers(-10, 10))
def test_the_key_does_not_matter(reference, semitones):
    estimate = Notes(reference.onset + 0.02, reference.offset, reference.pitch)
    moved = scores(reference.transposed(semitones), estimate.transposed(semitones))
    assert moved == pytest.approx(scores(reference, estimate))
    assert np.isfinite(list(moved.values())).all()


@settings(max_examples=30)  # each is scored several times
@given(notes, notes)
def test_every_extra_note_and_every_miss_has_one_cause(reference, estimate):
    found, matched = causes(reference, estimate), match(reference, estimate)
    assert {error.cause for error in found} <= set(CAUSES)
    wrong = [error for error in found if error.cause != "wrong offset"]
    assert sorted(e.estimate for e in wrong if e.estimate is not None) == matched.extra.tolist()
    assert sorted(e.reference for e in wrong if e.reference is not None) == matched.misses.tolist()
    assert sum(cause_counts(reference, estimate).values()) == len(found)
    assert not causes(reference, reference)


@settings(max_examples=30)  # each is scored several times
@given(notes, st.integers(-10, 10))
def test_causes_do_not_depend_on_the_key(reference, semitones):
    estimate = replace(reference, onset=reference.onset + 0.03, pitch=reference.pitch[::-1])
    moved = cause_counts(reference.transposed(semitones), estimate.transposed(semitones))
    assert moved == cause_counts(reference, estimate)


# Many pieces


def test_a_summary_has_the_mean_and_its_interval_of_every_score():
    rows = {str(i): {"Fno": value, "Acc": 0.5} for i, value in enumerate((0.5, 0.6, 0.7, 0.9))}
    found = summary(rows, samples=2000)
    assert found["Fno"][0] == pytest.approx(0.675) and found["Fno"][1:] == bootstrap((0.5, 0.6, 0.7, 0.9), samples=2000)
    assert found["Acc"] == (0.5, 0.5, 0.5)


def test_a_curve_has_a_row_for_each_threshold_and_a_column_for_each_piece():
    def louder(notes, threshold):
        kept = notes.velocity >= threshold
        return Notes(notes.onset[kept], notes.offset[kept], notes.pitch[kept], notes.velocity[kept])

    heard = replace(ESTIMATE, velocity=np.array([90, 20, 90, 20]))  # the two wrong onsets are soft
    curves = threshold_curves(louder, [(heard, REFERENCE), (REFERENCE, REFERENCE)], [1, 50, 100])
    assert curves["Fno"].tolist() == [[0.5, 1.0], [pytest.approx(2 / 3), 1.0], [0.0, 0.0]]
    assert curves["Pno"][:, 0].tolist() == [0.5, 1.0, 0.0] and curves["Rno"][:, 0].tolist() == [0.5, 0.5, 0.0]


def test_more_settings_and_fewer_pieces_make_more_optimism():
    """All settings are equally good, and pieces differ by chance alone."""
    noise = np.random.default_rng(0).normal(size=(50, 24))
    few, many = (optimism(noise[:settings], tests=6) for settings in (2, 50))
    assert 0 < few < many and optimism(noise, tests=12) < many
    assert optimism(np.arange(5.0)[:, None].repeat(4, axis=1), tests=2) == 0  # one setting is best on every piece
    with pytest.raises(InputError, match="both halves"):
        optimism(noise, tests=24)


def test_a_coin_is_right_in_four_of_five_trials_as_often_as_there_are_ways():
    assert chance(4, 5) == pytest.approx((comb(5, 4) + comb(5, 5)) / 2**5)
    assert chance(0, 7) == 1.0


@pytest.mark.parametrize("trials", [5, 6])
def test_a_preference_for_either_side_is_twice_as_probable_as_one_for_a_given_side(trials):
    outcomes = [bin(toss).count("1") for toss in range(2**trials)]
    for more in range(trials + 1):
        uneven = sum(abs(2 * heads - trials) >= abs(2 * more - trials) for heads in outcomes)
        assert chance(more, trials, sides=2) == pytest.approx(uneven / 2**trials)


def test_causes_on_real_recordings_are_on_file():
    rows = ablations.measured_errors()
    assert len({row["recording"] for row in rows}) == 10 and len(rows) == 20
    for row in rows:
        hits = row["Rno"] * row["notes"]
        moved = row["late onset"] + row["early onset"]
        assert moved + row["merged note"] + row["missed"] <= row["notes"] - hits + 0.1
        assert moved + row["repeated note"] + row["spurious"] <= hits / row["Pno"] - hits + 0.1
        assert row["wrong offset"] <= hits + 0.1
    assert {row["threshold"] for row in ablations.measured_errors(ablations.CURVES)} == set(decoding.THRESHOLDS)


def test_bootstrap_intervals_hold_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = [
        low < 0.0 < high for low, high in (bootstrap(rng.normal(size=40), samples=1000, seed=i) for i in range(200))
    ]
    assert 0.88 < np.mean(held) < 0.99
    with pytest.raises(InputError, match="at least one"):
        bootstrap([])
