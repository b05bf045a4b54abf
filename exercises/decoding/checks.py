"""What a solution must do; the messages are for the reader."""

import numpy as np

FRAMES = 20


def check_notes_of_key(student):
    _one_note(student)
    _a_low_peak_is_none(student)
    _of_equal_neighbours_the_later_one(student)
    _a_repeated_key_is_two_notes(student)
    _it_goes_on_above_the_low_line(student)
    _the_ends_of_the_recording(student)
    _the_arguments_are_left_alone(student)


def _key(*peaks, sounding=()):
    """Yo and Yn of a key: (frame, value) and (start, stop, value)."""
    onset, note = np.full(FRAMES, 0.01), np.full(FRAMES, 0.05)
    for frame, value in peaks:
        onset[frame] = value
    for start, stop, value in sounding:
        note[start:stop] = value
    return onset, note


def _found(student, *arguments):
    found = student(*arguments)
    assert found is not None, "Your function returns nothing. Does it end in return?"
    try:
        return [(int(start), int(stop)) for start, stop in found]
    except (TypeError, ValueError):
        raise AssertionError(f"Return a list of pairs (start, stop); yours is {found!r}.") from None


def _one_note(student):
    found = _found(student, *_key((4, 0.9), sounding=[(4, 9, 0.8)]), 0.5, 0.3)
    assert found, "A peak of 0.9 with a threshold of 0.5 should begin a note; you find none."
    assert found != [(4, 8)], "The stop is the first frame in which the key is faint, here 9, not the last that sounds."
    assert found == [(4, 9)], f"One peak in frame 4, Yn high from 4 to 8: expected [(4, 9)], yours is {found}."


def _a_low_peak_is_none(student):
    found = _found(student, *_key((4, 0.4), sounding=[(4, 9, 0.8)]), 0.5, 0.3)
    assert found == [], "A peak of 0.4 is below the threshold of 0.5. Yn alone begins nothing."
    found = _found(student, *_key((4, 0.5), sounding=[(4, 9, 0.8)]), 0.5, 0.3)
    assert found == [(4, 9)], "A peak that is just as high as the threshold counts."


def _of_equal_neighbours_the_later_one(student):
    found = _found(student, *_key((4, 0.7), (5, 0.7), sounding=[(4, 9, 0.8)]), 0.5, 0.3)
    assert len(found) == 1, f"Two equal neighbours are one peak; you find {len(found)} notes."
    assert found == [(5, 9)], (
        f"Of two equal neighbours the later one is above the next: frame 5, yours is {found[0][0]}."
    )
    found = _found(student, *_key((3, 0.6), (4, 0.9), (5, 0.6), sounding=[(3, 9, 0.8)]), 0.5, 0.3)
    assert found == [(4, 9)], "Frames beside a peak may be above the threshold too. Only the highest begins a note."


def _a_repeated_key_is_two_notes(student):
    found = _found(student, *_key((4, 0.9), (10, 0.9), sounding=[(4, 15, 0.8)]), 0.5, 0.3)
    assert found != [(4, 15), (10, 15)], "The first note should stop where its key is struck again, in frame 10."
    assert found == [(4, 10), (10, 15)], f"Struck in frames 4 and 10: expected [(4, 10), (10, 15)], yours is {found}."


def _it_goes_on_above_the_low_line(student):
    found = _found(student, *_key((4, 0.9), sounding=[(4, 7, 0.8), (7, 12, 0.35)]), 0.5, 0.3)
    assert found == [(4, 12)], (
        "Yn of 0.35 is above the low line of 0.3: the note goes on. Which line do you compare with?"
    )
    found = _found(student, *_key((4, 0.9)), 0.5, 0.3)
    assert found == [(4, 5)], (
        f"A note lasts one frame at least, even where Yn is faint: expected [(4, 5)], yours is {found}."
    )


def _the_ends_of_the_recording(student):
    found = _found(student, *_key((0, 0.9), sounding=[(0, 3, 0.8)]), 0.5, 0.3)
    assert found == [(0, 3)], "A key can be struck in the first frame. What is onset[-1] in Python?"
    found = _found(student, *_key((19, 0.9), sounding=[(19, 20, 0.8)]), 0.5, 0.3)
    assert found == [(19, 20)], "A key can be struck in the last frame; its note stops at 20, the number of frames."
    found = _found(student, *_key((4, 0.9), sounding=[(4, 20, 0.8)]), 0.5, 0.3)
    assert found == [(4, 20)], "A note that still sounds at the end stops at 20, the number of frames."


def _the_arguments_are_left_alone(student):
    given = _key((4, 0.9), sounding=[(4, 9, 0.8)])
    was = [array.copy() for array in given]
    student(*given, 0.5, 0.3)
    assert all(np.array_equal(a, b) for a, b in zip(was, given)), "Your function changes the arrays that it is given."


### BEGIN HIDDEN
def hidden_notes_of_key(student, solution):
    random = np.random.default_rng(11)
    for _ in range(50):
        onset, note = np.round(random.uniform(0, 1, (2, 40)), 1)
        case = onset, note, float(random.choice([0.3, 0.5, 0.8])), float(random.choice([0.1, 0.3]))
        assert _found(student, *case) == solution(*case), (
            f"Yo {onset.tolist()}, Yn {note.tolist()}, threshold {case[2]}, low {case[3]}: {solution(*case)}."
        )


### END HIDDEN
