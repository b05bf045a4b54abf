#!/bin/sh
# partitura 1.9.0: a part that ends in the first bar of a MIDI file is moved to before the others.
#
# Two tracks in 4/4: a bell that rings on beat 0, and eight quarter notes from beat 0 on. Observed: load_score_midi puts
# the bell at beat −1 and the first note at 0, and save_score_midi writes the bell a beat before the others. The bell's
# part is shorter than a bar, so that its only measure counts as a pickup, whose end is beat 0; each part has a count
# of its own. If the bell rings in the second bar too, both begin together.
# Expected: both at one time, as in the file. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q partitura==1.9.0 mido==1.3.3 numpy==2.3.5
cat > bell.py <<'READ'
import warnings
warnings.simplefilter("ignore")
import mido
import partitura
def track(pitches, gap=0):
    made = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4)])
    for i, pitch in enumerate(pitches):
        made.append(mido.Message("note_on", note=pitch, velocity=80, time=gap if i else 0))
        made.append(mido.Message("note_off", note=pitch, velocity=0, time=480))
    return made
seen = {}
for rings in (1, 2):
    tracks = [track([84] * rings, gap=3 * 480), track(range(60, 68))]
    mido.MidiFile(tracks=tracks, ticks_per_beat=480).save("bell.mid")
    score = partitura.load_score_midi("bell.mid")
    notes = score.note_array()
    bell, other = (float(notes["onset_beat"][notes["pitch"] == pitch].min()) for pitch in (84, 60))
    partitura.save_score_midi(score, "again.mid")
    ticks = {}
    for part in mido.MidiFile("again.mid").tracks:
        tick = 0
        for event in part:
            tick += event.time
            if event.type == "note_on" and event.velocity:
                ticks.setdefault(event.note, tick)
    seen[rings] = bell, other, ticks[84], ticks[60]
    print(f"bell rings {rings}×: bell at beat {bell:g}, other part at {other:g}; written at ticks {ticks[84]} and {ticks[60]}")
raise SystemExit(not (seen[1] == (-1, 0, 0, 480) and seen[2] == (0, 0, 0, 0)))
READ
env/bin/python bell.py
