"""Coding exercise of the chapter on sound. Try yours: answers.check("sound-sustain", sustained)."""


def sustained(notes, pedal):
    """When each note ends, with the sustain pedal.

    notes: list of (onset, offset, pitch): seconds, seconds, MIDI number
    pedal: list of (down, up), the spans in seconds in which the pedal is down

    Returns a list of offsets in seconds, one for each note, in the order of the notes.
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
