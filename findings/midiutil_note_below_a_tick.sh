#!/bin/sh
# MIDIUtil 1.2.1: one note shorter than a tick, and the file can't be written.
#
# A transcription has notes of all lengths. Two notes at 960 ticks a beat, one of a beat and one of a thousandth of a
# beat (half a millisecond). Observed: writeFile raises KeyError: '620', the pitch and channel of the short note, and
# leaves an empty file. Its length is cut to 0 ticks, so stroke and release fall together; releases are sorted first, and
# the pass that takes overlapping notes apart looks for a stroke that it hasn't met yet. With deinterleave=False the
# file is written, with the release before the stroke, so that the note never ends.
# Expected: a note of one tick, or an error from addNote. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q MIDIUtil==1.2.1 mido==1.3.3
cat > short.py <<'READ'
import mido
from midiutil import MIDIFile
def write(lasts, **options):
    music = MIDIFile(1, ticks_per_quarternote=960, **options)
    music.addNote(0, 0, 60, 0, 1, 80)
    music.addNote(0, 0, 62, 1, lasts, 80)
    with open("short.mid", "wb") as file:
        try:
            music.writeFile(file)
        except KeyError as problem:
            return f"KeyError {problem}"
    return [event.type for track in mido.MidiFile("short.mid").tracks for event in track if event.type.startswith("note") and event.note == 62]
seen = write(0.5), write(0.001), write(0.001, deinterleave=False)
print(*(f"{what}: {said}" for what, said in zip(("half a beat", "a thousandth of a beat", "the same, deinterleave=False"), seen)), sep="\n")
raise SystemExit(seen != (["note_on", "note_off"], "KeyError '620'", ["note_off", "note_on"]))
READ
env/bin/python short.py
