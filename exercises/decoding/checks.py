"""Checks of a solution. The messages are written for the reader."""

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
    """Yo and Yn of a key, from (frame, value) and from (start, stop, value)."""
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
        raise AssertionError(f"Return a list of pairs (start, stop); your function returns {found!r}.") from None


def _one_note(student):
    found = _found(student, *_key((4, 0.9), sounding=[(4, 9, 0.8)]), 0.5, 0.3)
    assert found, "A peak of 0.9 should begin a note if the threshold is 0.5; your function finds none."
    assert found != [(4, 8)], (
        "The stop is the first frame in which Yn is below `low`, here 9, and not the last one that sounds."
    )
    assert found == [(4, 9)], (
        f"With one peak in frame 4 and Yn high in frames 4 to 8, [(4, 9)] is expected; your function returns {found}."
    )


def _a_low_peak_is_none(student):
    found = _found(student, *_key((4, 0.4), sounding=[(4, 9, 0.8)]), 0.5, 0.3)
    assert found == [], "A peak of 0.4 is below the threshold of 0.5. Yn alone begins nothing."
    found = _found(student, *_key((4, 0.5), sounding=[(4, 9, 0.8)]), 0.5, 0.3)
    assert found == [(4, 9)], "A peak that is exactly as high as the threshold counts."


def _of_equal_neighbours_the_later_one(student):
    found = _found(student, *_key((4, 0.7), (5, 0.7), sounding=[(4, 9, 0.8)]), 0.5, 0.3)
    assert len(found) == 1, f"Two equal neighbours are one peak; your function finds {len(found)} notes."
    assert found == [(5, 9)], (
        "Of two equal neighbours only the later one is above the frame after it. The note begins in frame 5; yours "
        f"begins in frame {found[0][0]}."
    )
    found = _found(student, *_key((3, 0.6), (4, 0.9), (5, 0.6), sounding=[(3, 9, 0.8)]), 0.5, 0.3)
    assert found == [(4, 9)], (
        "The frames next to a peak may be above the threshold, too. Only the highest of them begins a note."
    )


def _a_repeated_key_is_two_notes(student):
    found = _found(student, *_key((4, 0.9), (10, 0.9), sounding=[(4, 15, 0.8)]), 0.5, 0.3)
    assert found != [(4, 15), (10, 15)], "The first note should stop where its key is struck again, in frame 10."
    assert found == [(4, 10), (10, 15)], (
        f"For strokes in frames 4 and 10, [(4, 10), (10, 15)] is expected; your function returns {found}."
    )


def _it_goes_on_above_the_low_line(student):
    found = _found(student, *_key((4, 0.9), sounding=[(4, 7, 0.8), (7, 12, 0.35)]), 0.5, 0.3)
    assert found == [(4, 12)], (
        "Yn = 0.35 is above the low threshold of 0.3, so the note goes on. Which threshold do you compare it with?"
    )
    found = _found(student, *_key((4, 0.9)), 0.5, 0.3)
    assert found == [(4, 5)], (
        "A note lasts for at least one frame, even where Yn is below `low`: [(4, 5)] is expected; your function "
        f"returns {found}."
    )


def _the_ends_of_the_recording(student):
    found = _found(student, *_key((0, 0.9), sounding=[(0, 3, 0.8)]), 0.5, 0.3)
    assert found == [(0, 3)], "A key can be struck in the first frame. What is onset[-1] in Python?"
    found = _found(student, *_key((19, 0.9), sounding=[(19, 20, 0.8)]), 0.5, 0.3)
    assert found == [(19, 20)], "A key can be struck in the last frame. Its note stops at 20, the number of frames."
    found = _found(student, *_key((4, 0.9), sounding=[(4, 20, 0.8)]), 0.5, 0.3)
    assert found == [(4, 20)], "A note that is still sounding at the end stops at 20, the number of frames."


def _the_arguments_are_left_alone(student):
    given = _key((4, 0.9), sounding=[(4, 9, 0.8)])
    was = [array.copy() for array in given]
    student(*given, 0.5, 0.3)
    assert all(np.array_equal(a, b) for a, b in zip(was, given)), (
        "Your function changes the arrays that it was given. Work on copies."
    )


### BEGIN HIDDEN
def hidden_notes_of_key(student, solution):
    random = np.random.default_rng(11)
    for _ in range(50):
        onset, note = np.round(random.uniform(0, 1, (2, 40)), 1)
        case = onset, note, float(random.choice([0.3, 0.5, 0.8])), float(random.choice([0.1, 0.3]))
        assert _found(student, *case) == solution(*case), (
            f"Yo {onset.tolist()}, Yn {note.tolist()}, threshold {case[2]}, low {case[3]}: "
            f"{solution(*case)} is expected."
        )


### END HIDDEN
