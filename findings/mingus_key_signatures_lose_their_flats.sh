#!/bin/sh
# mingus 0.6.1: in the MIDI files it writes, B flat major is B major, and every minor key is a major one.
#
# A bar in each of several keys, written as MIDI. Observed: B flat major, with two flats, gets the signature of B
# major, with five sharps; F sharp major that of F major; A minor that of A major; E flat minor that of E major. Of
# the key's full name, "B flat major", the first letter alone is used; it is a capital in minor too. Whatever makes a
# score of the file writes nearly each note with an accidental. The bar itself knows its signature.
# Expected: the key of the bar. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q mingus==0.6.1 six==1.17.0 mido==1.3.3
cat > keys.py <<'READ'
import mido
from mingus.containers import Bar, Track
from mingus.midi import midi_file_out
seen = {}
for key in ("C", "G", "Bb", "F#", "a", "eb"):
    bar, track = Bar(key, (4, 4)), Track()
    bar.place_notes("C-4", 1)
    track.add_bar(bar)
    midi_file_out.write_Track("key.mid", track)
    (seen[key],) = [event.key for event in mido.MidiFile("key.mid").tracks[0] if event.type == "key_signature"]
    print(f"{bar.key.name} (sharps, or flats below 0: {bar.key.signature}): written as {seen[key]} major")
raise SystemExit(seen != {"C": "C", "G": "G", "Bb": "B", "F#": "F", "a": "A", "eb": "E"})
READ
env/bin/python keys.py
