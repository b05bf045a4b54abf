"""What a solution must do; the messages are for the reader."""

import numpy as np

from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from nmp_lessons.targets import frame_of, targets

FRAME = 1 / NMP.frame_rate


def check_make_targets(student):
    _right_shapes(student)
    _both_ends_count(student)
    _nearest_frame(student)
    _onset_is_one_frame(student)
    _no_drift(student)
    _cut_at_the_end(student)
    _a_real_performance(student)


def _answer(student, onsets, offsets, keys, frames):
    found = student(np.array(onsets), np.array(offsets), np.array(keys), frames)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert len(found) == 2, f"Return two arrays, Yn and Yo; yours returns {len(found)} things."
    return [np.asarray(one) for one in found]


def _right_shapes(student):
    for one in _answer(student, [0.0], [0.1], [39], 20):
        assert one.shape == (20, 88), f"A label of 20 frames has the shape (20, 88); yours is {one.shape}."


def _both_ends_count(student):
    note, _ = _answer(student, [2 * FRAME], [5 * FRAME], [39], 8)
    frames = np.flatnonzero(note[:, 39]).tolist()
    assert frames != [2, 3, 4], "The frame of the offset is missing from Yn: both ends count."
    assert frames == [2, 3, 4, 5], f"A note from frame 2 to frame 5 fills these four; yours fills {frames}."
    assert note.sum() == 4, "A note should leave the other keys alone."


def _nearest_frame(student):
    note, _ = _answer(student, [2.6 * FRAME], [5.4 * FRAME], [0], 9)
    frames = np.flatnonzero(note[:, 0]).tolist()
    assert frames == [3, 4, 5], (
        f"Frames 2.6 to 5.4 round to 3 and 5; yours fills {frames}. Round to the nearest frame instead of truncating."
    )


def _onset_is_one_frame(student):
    _, onset = _answer(student, [0.0, 3 * FRAME], [3 * FRAME, 6 * FRAME], [7, 7], 9)
    frames = np.flatnonzero(onset[:, 7]).tolist()
    assert frames == [0, 3], f"A key struck in frames 0 and 3 has two ones in Yo; yours are in {frames}."


def _no_drift(student):
    seconds = 3600.0
    right = int(frame_of(seconds))
    _, onset = _answer(student, [seconds], [seconds + 0.1], [50], right + 100)
    places = np.flatnonzero(onset[:, 50]).tolist()
    assert len(places) == 1, f"One note has one onset; yours has {len(places)} after an hour."
    assert places[0] == right, (
        f"After an hour the onset belongs to frame {right}; yours is in {places[0]}, "
        f"{abs(right - places[0]) * FRAME:.2f} s away. A second does not have a whole number of frames."
    )


def _cut_at_the_end(student):
    note, onset = _answer(student, [4 * FRAME, 30 * FRAME], [20 * FRAME, 40 * FRAME], [3, 4], 10)
    assert note[:, 3].sum() == 6 and note[:, 4].sum() == 0 and onset.sum() == 1, (
        "What lies beyond the last frame is cut: here one note is shortened to 6 frames, the other is gone."
    )


def _a_real_performance(student):
    notes = maestro.performance("schubert-scherzo").notes
    right = targets(notes)
    found = _answer(student, notes.onset, notes.offset, notes.pitch - NMP.lowest_pitch, len(right.note))
    for name, mine, yours in zip(("Yn", "Yo"), (right.note, right.onset), found, strict=True):
        wrong = int((mine != yours).sum())
        assert wrong == 0, f"{name} of a real performance differs from the library's in {wrong} cells."


### BEGIN HIDDEN
def hidden_make_targets(student, solution):
    random = np.random.default_rng(11)
    onsets = np.sort(random.uniform(0, 600, 300))
    case = onsets, onsets + random.uniform(0.01, 3, 300), random.integers(0, 88, 300), 50_000
    for name, yours, right in zip(("Yn", "Yo"), student(*case), solution(*case), strict=True):
        wrong = int((np.asarray(yours) != right).sum())
        assert not wrong, f"Of 300 random notes in ten minutes, {name} has {wrong} wrong cells."


### END HIDDEN
