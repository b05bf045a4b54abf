#!/bin/sh
# partitura 1.9.0: a key struck again in the tick of its release, the new stroke written first, leaves no sound at all.
#
# Sequencers write a repeated note as "on, off" or "off, on" within one tick; the format allows both. A file with middle
# C at 0 s and again at 0.5 s, where the second stroke stands before the release of the first, has two notes of 0.5 s.
# Observed: one note, at 0.5 s, of 0 s; written as "off, on" the same music gives two notes of 0.5 s.
# Expected: two notes either way. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q partitura==1.9.0 mido==1.3.3
cat > repeated.py <<'READ'
import warnings
warnings.simplefilter("ignore")
import mido
import partitura
def read(first, second):
    track = mido.MidiTrack()
    track.append(mido.Message("note_on", note=60, velocity=80, time=0))
    track.append(first.copy(time=480))
    track.append(second.copy(time=0))
    track.append(mido.Message("note_off", note=60, time=480))
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save("repeated.mid")
    notes = partitura.load_performance_midi("repeated.mid").note_array()
    return [(round(float(n["onset_sec"]), 3), round(float(n["duration_sec"]), 3)) for n in notes]
on, off = mido.Message("note_on", note=60, velocity=90), mido.Message("note_off", note=60)
found = {"off, on": read(off, on), "on, off": read(on, off)}
for order, notes in found.items():
    print(f"partitura 1.9.0, {order}: (onset, duration) {notes}")
raise SystemExit(found != {"off, on": [(0.0, 0.5), (0.5, 0.5)], "on, off": [(0.5, 0.0)]})
READ
env/bin/python repeated.py
