#!/bin/sh
# music21 10.5.1: in a MIDI file of one track, a piano note that coincides with a drum becomes a drum.
#
# A file of format 0 has all channels in one track. Here: middle C on channel 1 three times, on the beat, and a bass drum
# on channel 10 with the second. Observed: converter.parse finds C4, then a PercussionChord of a bass drum and a bongo,
# with no pitch in it, then C4. Written as MIDI again, all four notes are on channel 10, where C4 is a bongo. What begins
# at one time in a track is made one chord, whatever its channels, and a chord with anything of channel 10 is percussion.
# The same music in two tracks keeps all three. Expected: three times C4 either way, and a bass drum. The script fails
# if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q music21==10.5.1 mido==1.3.3
cat > drum.py <<'READ'
import mido
from music21 import converter
def track(*notes):
    made, now = mido.MidiTrack(), 0
    events = [(tick + lasts * 480, kind, key, channel) for tick, key, channel in notes for kind, lasts in (("note_on", 0), ("note_off", 1))]
    for tick, kind, key, channel in sorted(events):
        made.append(mido.Message(kind, note=key, channel=channel, velocity=80 if kind == "note_on" else 0, time=tick - now))
        now = tick
    return made
piano, drum = [(beat * 480, 60, 0) for beat in range(3)], (480, 36, 9)
files = {"one track": [track(*piano, drum)], "two tracks": [track(*piano), track(drum)]}
pitches, drums = {}, {}
for name, tracks in files.items():
    mido.MidiFile(type=len(tracks) - 1, tracks=tracks, ticks_per_beat=480).save("music.mid")
    found = list(converter.parse("music.mid", forceSource=True).flatten().notes)
    pitches[name] = [pitch.nameWithOctave for note in found for pitch in note.pitches]
    converter.parse("music.mid", forceSource=True).write("midi", fp="again.mid")
    strokes = [event for track in mido.MidiFile("again.mid").tracks for event in track if event.type == "note_on" and event.velocity]
    drums[name] = sum(event.channel == 9 for event in strokes)
    print(f"music21 10.5.1, {name}: {[type(note).__name__ for note in found]}, pitches {pitches[name]}; written again, {drums[name]} of {len(strokes)} notes are on channel 10")
same = pitches == {"one track": ["C4", "C4"], "two tracks": ["C4", "C4", "C4"]} and drums == {"one track": 4, "two tracks": 1}
raise SystemExit(not same)
READ
env/bin/python drum.py
