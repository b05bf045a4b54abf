#!/bin/sh
# music21 10.5.1: tempi from MIDI files are rounded to hundredths of a beat a minute, so long pieces drift.
#
# A MIDI file gives the microseconds of a beat, here 1,000,083, which is 59.995 beats a minute. A note on beat 600, the
# tenth minute, begins at 600.05 s. Observed: secondsMap has it at 600.00 s, and a MIDI file written from the score has
# a tempo of 1,000,000: 50 ms early, the whole of the tolerance that transcriptions are scored with. At 20 beats a
# minute the error is up to 150 ms in ten minutes. The reader computes round(60,000,000 / microseconds, 2).
# Expected: 600.05 s, as a MetronomeMark can hold any number. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q music21==10.5.1 mido==1.3.3
cat > tempo.py <<'READ'
import mido
from music21 import converter, note
track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_083)])
for wait in (0, 599 * 480):
    track.append(mido.Message("note_on", note=60, velocity=80, time=wait))
    track.append(mido.Message("note_off", note=60, velocity=0, time=480))
mido.MidiFile(tracks=[track], ticks_per_beat=480).save("slow.mid")
exact = 600 * 1.000083
score = converter.parse("slow.mid", forceSource=True)
found = max(row["offsetSeconds"] for row in score.parts[0].flatten().secondsMap if isinstance(row["element"], note.Note))
score.write("midi", fp="again.mid")
tempi = [event.tempo for track in mido.MidiFile("again.mid").tracks for event in track if event.type == "set_tempo"]
print(f"the second note: {exact:.3f} s; music21: {found:.3f} s; tempo written: {tempi}")
raise SystemExit(not (abs(found - 600) < 1e-3 and set(tempi) == {1_000_000}))
READ
env/bin/python tempo.py
