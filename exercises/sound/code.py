"""Coding exercise of the chapter on sound. To try your solution: answers.check("sound-sustain", sustained)."""


def sustained(notes, pedal):
    """The time at which each note ends if the sustain pedal is used.

    notes: list of (onset, offset, pitch), in seconds, seconds and MIDI number
    pedal: list of (down, up), the spans of time, in seconds, during which the pedal is down

    Returns a list of offsets in seconds, one per note, in the order of the notes.
    """
    ### BEGIN SOLUTION: find where each note ends
    ends = []
    for onset, offset, pitch in notes:
        end = offset
        for down, up in pedal:
            if down <= offset < up:
                end = up
        later = [other for other, _, same in notes if same == pitch and other > onset]
        ends.append(min([end, *later]))
    return ends
    ### END SOLUTION
