"""Targets: the notes, where the network should see them."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nmp_lessons.constants import NMP
from nmp_lessons.errors import InputError
from nmp_lessons.notes import Notes
from nmp_lessons.targets import drift, frame_of, onset_targets, read_back, sounding, sparsity, targets

FRAME = 1 / NMP.frame_rate

note_lists = st.lists(
    st.tuples(st.floats(0, 5), st.floats(0.02, 3), st.integers(21, 108)), min_size=1, max_size=20
).map(lambda rows: Notes(*(lambda a, d, p: (a, np.add(a, d), p))(*zip(*rows, strict=True))))


def test_a_note_sounds_from_its_onset_frame_to_its_offset_frame_inclusive():
    found = targets(Notes([2 * FRAME], [5 * FRAME], [69]), frames=8)
    assert found.note[:, 69 - 21].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert found.onset[:, 69 - 21].tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert np.array_equal(found.contour[:, ::3], found.note)
    assert found.note.sum() == found.contour.sum() == 4


def test_labels_do_not_drift_over_an_hour():
    for seconds in (2.0, 60.0, 3599.0):
        assert abs(frame_of(seconds) * FRAME - seconds) <= FRAME / 2
    late = onset_targets(Notes([3599.0], [3599.5], [60]), frames=frame_of(3600.0))
    assert abs(int(late[:, 39].argmax()) * FRAME - 3599.0) <= FRAME / 2
    assert drift(3599.0) == pytest.approx(-5.55, abs=0.01)


def test_wide_onsets_are_triangles():
    notes = Notes([4 * FRAME], [9 * FRAME], [60])
    assert onset_targets(notes, frames=9, width=2)[3:6, 39].tolist() == [0.5, 1, 0.5]
    between = Notes([4.5 * FRAME], [9 * FRAME], [60])
    exact = onset_targets(between, frames=9, width=2, at="time")[3:7, 39]
    assert np.allclose(exact, [0.25, 0.75, 0.75, 0.25], atol=1e-6)


def test_a_repeated_note_keeps_both_onsets():
    again = Notes([0, 3 * FRAME], [3 * FRAME, 6 * FRAME], [60, 60])
    assert targets(again, onset_width=2).onset[:, 39].tolist() == [1, 0.5, 0.5, 1, 0.5, 0, 0]


@given(notes=note_lists)
def test_vectorised_equals_note_by_note(notes):
    frames = 700
    expected = np.zeros((frames, 88))
    for onset, offset, pitch in zip(notes.onset, notes.offset, notes.pitch, strict=True):
        expected[frame_of(onset) : frame_of(offset) + 1, pitch - 21] = 1
    assert np.array_equal(sounding(notes, frames=frames), expected)


@given(notes=note_lists, semitones=st.integers(-5, 5))
def test_a_transposed_performance_has_shifted_targets(notes, semitones):
    inside = (notes.pitch + semitones >= 21) & (notes.pitch + semitones <= 108)
    if not inside.all():
        return
    here, there = targets(notes, frames=300), targets(notes.transposed(semitones), frames=300)
    for before, after, bins in zip(here, there, (3, 1, 1), strict=True):
        assert np.array_equal(np.roll(before, bins * semitones, axis=1), after)


@given(notes=note_lists, delay=st.integers(0, 40))
def test_a_later_performance_has_later_targets(notes, delay):
    on_grid = Notes(frame_of(notes.onset) * FRAME, frame_of(notes.offset) * FRAME + FRAME, notes.pitch)
    here, there = targets(on_grid, frames=760), targets(on_grid.shifted(delay * FRAME), frames=760)
    for before, after in zip(here, there, strict=True):
        assert np.array_equal(before[: 760 - delay], after[delay:])


@given(notes=note_lists)
def test_a_performance_can_be_read_back_from_its_label(notes):
    _, first = np.unique(notes.pitch, return_index=True)  # one note on each key
    on_grid = Notes(frame_of(notes.onset[first]), frame_of(notes.offset[first]) + 1, notes.pitch[first])
    played = Notes(on_grid.onset * FRAME, on_grid.offset * FRAME, on_grid.pitch)
    label = targets(played)
    for found in (read_back(label.note, label.onset), read_back(label.note)):
        assert np.array_equal(found.pitch, played.pitch)
        assert np.allclose(found.intervals, played.intervals)


def test_a_key_struck_again_while_it_sounds_is_lost_without_its_onset():
    again = Notes([0, 3 * FRAME, 6 * FRAME], [3 * FRAME, 6 * FRAME, 9 * FRAME], [60, 60, 62])
    for width, at in ((1, "frame"), (2, "frame"), (2, "time")):
        label = targets(again, onset_width=width, onset_at=at)
        assert np.allclose(read_back(label.note, label.onset).onset, again.onset)
    assert read_back(label.note).intervals[:, 0].tolist() == [0, 6 * FRAME]
    assert len(read_back(np.zeros((5, 88)), np.zeros((5, 88)))) == 0


@given(tip=st.floats(10, 20), width=st.integers(1, 6))
def test_a_triangle_between_frames_sums_to_its_width_and_balances_on_the_onset(tip, width):
    label = onset_targets(Notes([tip * FRAME], [1.0], [60]), frames=40, width=width, at="time")[:, 39]
    assert label.sum() == pytest.approx(width, rel=1e-5)
    assert label @ np.arange(40) / label.sum() == pytest.approx(tip, abs=1e-4)


def test_no_notes_give_empty_targets_and_no_ones():
    none = Notes([], [], [])
    assert targets(none).note.shape == (0, 88)
    assert sparsity(targets(none, frames=10)) == {"contour": 0.0, "note": 0.0, "onset": 0.0}


@pytest.mark.parametrize("wrong", [{"onset_width": 0.5}, {"frames": -1}, {"onset_at": "somewhere"}])
def test_impossible_settings_are_named(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        targets(Notes([0.0], [1.0], [60]), **wrong)
