#!/bin/sh
# miditoolkit 1.0.1: a note without length, read and written again, sounds until its key is struck the next time.
#
# Quantised grace notes and drums are often struck and released in one tick. A file with such a middle C at 0 s, and a C
# from 2 s to 3 s. Observed: MidiFile reads both as they are, and dump writes the release of the first before its
# stroke, because at one tick releases are sorted first. A player then sounds a C for two seconds (mido's
# messages: off, on, on, off), and pretty_midi, which keeps both open, finds notes from 0 to 3 s and from 2 to 3 s.
# Expected: on, off, on, off, as in the file that was read. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q miditoolkit==1.0.1 mido==1.3.3 numpy==2.3.5 pretty_midi==0.2.11.post0 setuptools==81.0.0
cat > grace.py <<'READ'
import mido
import miditoolkit
import pretty_midi
track = mido.MidiTrack()
for kind, wait in (("note_on", 0), ("note_off", 0), ("note_on", 1920), ("note_off", 960)):
    track.append(mido.Message(kind, note=60, velocity=80 if kind == "note_on" else 0, time=wait))
mido.MidiFile(tracks=[track], ticks_per_beat=480).save("grace.mid")
music = miditoolkit.MidiFile("grace.mid")
print("miditoolkit reads", [(note.start, note.end) for note in music.instruments[0].notes], "ticks")
music.dump("again.mid")
seen = {}
for name in ("grace.mid", "again.mid"):
    events = [event for track in mido.MidiFile(name).tracks for event in track if event.type.startswith("note")]
    order = ["on" if event.type == "note_on" and event.velocity else "off" for event in events]
    notes = [(round(float(note.start), 3), round(float(note.end), 3)) for note in pretty_midi.PrettyMIDI(name).instruments[0].notes]
    seen[name] = order, notes
    print(f"{name}: {', '.join(order)}; pretty_midi: {notes}")
raise SystemExit(seen["grace.mid"][0] != ["on", "off", "on", "off"] or seen["again.mid"][0] != ["off", "on", "on", "off"])
READ
env/bin/python grace.py
