#!/bin/sh
# muspy 0.5.0: in MusicXML, all changes of tempo, key and time signature come at the start.
#
# Eight quarter notes, at 120 beats a minute for a bar of 4/4, then at 60 in 2/4. Observed: in the score of to_music21 all
# of it stands at offset 0; write_musicxml writes both tempi there and one of the time signatures, and when muspy reads
# that, the first bar lasts 4 s instead of 2. The marks are given their place and then appended to the part, and
# appending puts them at its end, which is still 0.
# Expected: the changes at the second bar, as in write_midi. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q muspy==0.5.0 numpy==2.3.5
cat > changes.py <<'READ'
import muspy
notes = [muspy.Note(24 * i, 60 + i, 24) for i in range(8)]
music = muspy.Music(
    resolution=24,
    tempos=[muspy.Tempo(0, 120), muspy.Tempo(96, 60)],
    time_signatures=[muspy.TimeSignature(0, 4, 4), muspy.TimeSignature(96, 2, 4)],
    tracks=[muspy.Track(notes=notes)],
)
muspy.write_midi("music.mid", music)
muspy.write_musicxml("music.musicxml", music)
places = {}
for name, again in (("MIDI", muspy.read_midi("music.mid")), ("MusicXML", muspy.read_musicxml("music.musicxml"))):
    bars = 4 * again.resolution
    places[name] = [tempo.time / bars for tempo in again.tempos], [change.time / bars for change in again.time_signatures]
    print(f"muspy 0.5.0, through {name}: tempi at bars {places[name][0]}, time signatures at bars {places[name][1]}")
raise SystemExit(not (places["MIDI"] == ([0, 1], [0, 1]) and places["MusicXML"][0] == [0, 0] and max(places["MusicXML"][1]) == 0))
READ
env/bin/python changes.py
