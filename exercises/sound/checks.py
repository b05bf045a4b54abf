"""What a solution must do; the messages are for the reader."""

import numpy as np

from nmp_lessons.notes import Notes, apply_pedal


def check_sustained(student):
    _expect(student, [(0, 1, 60)], [], [1], "Without the pedal, a note ends at its offset")
    _expect(student, [(0, 1, 60)], [(0.5, 2)], [2], "Released with the pedal down, a note lasts until the pedal is up")
    _expect(student, [(0, 1, 60)], [(1.5, 2)], [1], "Pressing the pedal after the release has no effect")
    _expect(student, [(0, 1, 60)], [(0.2, 0.8)], [1], "Releasing the pedal before the key has no effect")
    twice = [(0, 1, 60), (1.5, 3, 60)]
    _expect(student, twice, [(0.5, 2.5)], [1.5, 3], "A note ends when its key is struck again")
    _expect(student, [(0, 1, 60), (1.5, 3, 64)], [(0.5, 2)], [2, 3], "Striking a different key doesn't end a note")
    _compare_with_the_package(student)


def _expect(student, notes, pedal, right, rule):
    found = student(notes, pedal)
    assert found is not None, "Your function returns nothing. Is a return statement missing?"
    assert len(found) == len(notes), (
        f"Return one offset per note: there are {len(notes)} notes, but you returned {len(found)}."
    )
    assert np.allclose(found, right), (
        f"{rule}. Notes {notes} with pedal {pedal} should give {right}; yours gives {found}."
    )


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
        f"Of forty random notes, {len(wrong)} have a wrong offset. The first is note {wrong[0]}, {notes[wrong[0]]}, "
        f"which should end at {right[wrong[0]]:.3f} s; yours ends at {found[wrong[0]]:.3f} s."
    )


def _release(onset, pitch, i, random):
    """A time of release before the same key is struck again."""
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
        assert np.allclose(student(notes, pedal), solution(notes, pedal)), (
            f"Among {count} random notes, some end at the wrong time."
        )


### END HIDDEN
