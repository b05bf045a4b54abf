"""Scores on examples that can be worked out by hand, and identities that hold for all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmp_lessons.errors import InputError
from nmp_lessons.evaluation import accuracy, bootstrap, match, onset_scores, scores
from nmp_lessons.notes import Notes

# Four notes, each a second long: one perfect, one late by 60 ms, one cut short, one an octave too high.
REFERENCE = Notes([0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], [60, 62, 64, 65])
ESTIMATE = Notes([0.0, 1.06, 2.0, 3.0], [1.0, 2.0, 2.5, 4.0], [60, 62, 64, 77])
NOTHING = Notes([], [], [])


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


@given(notes)
def test_a_perfect_transcription_scores_one(reference):
    assert set(scores(reference, reference).values()) == {1.0}


@given(notes, notes)
def test_precision_and_recall_change_places(reference, estimate):
    one, other = onset_scores(reference, estimate), onset_scores(estimate, reference)
    assert one["Pno"] == pytest.approx(other["Rno"]) and one["Fno"] == pytest.approx(other["Fno"])
    assert accuracy(reference, estimate) == pytest.approx(accuracy(estimate, reference))


@given(notes, notes)
def test_matching_explains_the_score(reference, estimate):
    found = match(reference, estimate)
    hits = len(found.hits)
    assert hits + len(found.misses) == len(reference) and hits + len(found.extra) == len(estimate)
    assert onset_scores(reference, estimate)["Fno"] == pytest.approx(2 * hits / (len(reference) + len(estimate)))
    for r, e in found.hits:
        assert reference.pitch[r] == estimate.pitch[e]
        assert abs(reference.onset[r] - estimate.onset[e]) <= 0.05 + 1e-9


@given(notes, st.integers(-10, 10))
def test_the_key_does_not_matter(reference, semitones):
    estimate = Notes(reference.onset + 0.02, reference.offset, reference.pitch)
    moved = scores(reference.transposed(semitones), estimate.transposed(semitones))
    assert moved == pytest.approx(scores(reference, estimate))
    assert np.isfinite(list(moved.values())).all()


def test_bootstrap_intervals_hold_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = [
        low < 0.0 < high
        for low, high in (bootstrap(rng.normal(size=40), samples=1000, seed=i) for i in range(200))
    ]
    assert 0.88 < np.mean(held) < 0.99
    with pytest.raises(InputError, match="at least one"):
        bootstrap([])
