"""What a solution must do; the messages are for the reader."""

import numpy as np

from nmp_lessons.notes import Notes, apply_pedal


def check_sustained(student):
    _expect(student, [(0, 1, 60)], [], [1], "Without the pedal a note ends at its offset")
    _expect(student, [(0, 1, 60)], [(0.5, 2)], [2], "A key released while the pedal is down sounds until it lifts")
    _expect(student, [(0, 1, 60)], [(1.5, 2)], [1], "A pedal that goes down after the release comes too late")
    _expect(student, [(0, 1, 60)], [(0.2, 0.8)], [1], "A pedal that lifts before the release changes nothing")
    twice = [(0, 1, 60), (1.5, 3, 60)]
    _expect(student, twice, [(0.5, 2.5)], [1.5, 3], "A note ends where its key is struck again")
    _expect(student, [(0, 1, 60), (1.5, 3, 64)], [(0.5, 2)], [2, 3], "Another key does not end a note")
    _compare_with_the_package(student)


def _expect(student, notes, pedal, right, rule):
    found = student(notes, pedal)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    assert len(found) == len(notes), f"Give one offset for each note: {len(notes)} notes, {len(found)} offsets."
    assert np.allclose(found, right), f"{rule}: notes {notes}, pedal {pedal} should give {right}, yours gives {found}."


def _compare_with_the_package(student):
    random = np.random.default_rng(2)
    onset = np.sort(random.uniform(0, 10, 40))
    pitch = random.integers(60, 64, 40)
    offset = np.array([_release(onset, pitch, i, random) for i in range(40)])
    times = np.sort(random.uniform(0, 10, 8))
    right = apply_pedal(Notes(onset, offset, pitch), times, [127, 0] * 4).offset
    notes = list(zip(onset.tolist(), offset.tolist(), pitch.tolist(), strict=True))
    found = student(notes, times.reshape(-1, 2).tolist())
    wrong = np.flatnonzero(~np.isclose(found, right))
    assert not len(wrong), (
        f"On forty random notes {len(wrong)} differ. The first is note {wrong[0]}, {notes[wrong[0]]}: "
        f"it should end at {right[wrong[0]]:.3f} s, yours ends at {found[wrong[0]]:.3f} s."
    )


def _release(onset, pitch, i, random):
    """A release before the same key is struck again."""
    later = onset[(pitch == pitch[i]) & (onset > onset[i])]
    return onset[i] + random.uniform(0.1, 0.9) * (min([*later, onset[i] + 2]) - onset[i])


### BEGIN HIDDEN
def hidden_sustained(student, solution):
    random = np.random.default_rng(11)
    for count in (1, 5, 60):
        onset = np.sort(random.uniform(0, 20, count))
        pitch = random.integers(40, 44, count)
        offset = np.array([_release(onset, pitch, i, random) for i in range(count)])
        notes = list(zip(onset.tolist(), offset.tolist(), pitch.tolist(), strict=True))
        pedal = np.sort(random.uniform(0, 20, 12)).reshape(-1, 2).tolist()
        assert np.allclose(student(notes, pedal), solution(notes, pedal)), f"{count} random notes end elsewhere."


### END HIDDEN
