#!/bin/sh
# pypianoroll 1.0.4: the tempo it reads is not that of the time steps.
#
# Multitrack.tempo is documented as the tempo at each time step. A MIDI file of eight beats, four at 120 beats a minute
# and four at 60, read with 48 steps a beat. Observed: the rolls have 384 steps, the tempo has 192 values, and they are
# not 120 for the first half and 60 for the second: the list of the beats' tempi is repeated 24 times as a whole
# (numpy.tile, with a fixed 24 in place of the resolution), where each tempo should be repeated. Step 4, a twelfth
# of a beat from the start, has the tempo of the fifth beat.
# Expected: 192 times 120, then 192 times 60. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q pypianoroll==1.0.4 pretty_midi==0.2.11.post0 numpy==2.3.5 mido==1.3.3 setuptools==81.0.0
cat > tempo.py <<'READ'
import mido
import pypianoroll
track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4)])
for beat in range(8):
    if beat in (0, 4):
        track.append(mido.MetaMessage("set_tempo", tempo=500_000 if beat == 0 else 1_000_000))
    track.append(mido.Message("note_on", note=60 + beat, velocity=80))
    track.append(mido.Message("note_off", note=60 + beat, velocity=0, time=480))
mido.MidiFile(tracks=[track], ticks_per_beat=480).save("two.mid")
music = pypianoroll.read("two.mid", resolution=48)
steps, tempo = len(music.tracks[0].pianoroll), music.tempo.ravel()
print(f"{steps} steps, {len(tempo)} tempi, of which the first ten are {tempo[:10].round(1).tolist()}")
raise SystemExit(not (steps == 384 and len(tempo) == 192 and tempo[0] == 120 and tempo[5] == 60))
READ
env/bin/python tempo.py
