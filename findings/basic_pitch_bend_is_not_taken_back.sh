#!/bin/sh
# basic-pitch 0.4.0: in the MIDI it writes, chords sound bent by the note before them.
#
# By default all notes share one instrument, and bends are kept only for notes that sound alone; those of notes that
# overlap are dropped. A note from 0 to 1 s that ends a semitone higher than it began, and from 2 s a chord of C and E.
# Observed: note_events_to_midi writes the note's bend up to 4,096, a semitone, and nothing after it. A bend holds until
# the next one, so the chord sounds as C sharp and F, and so does all that follows, up to the next note that sounds
# alone. Expected: a bend of 0 before notes without one. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --no-deps basic-pitch==0.4.0
env/bin/pip install -q numpy==2.3.5 scipy==1.16.3 pretty_midi==0.2.11.post0 librosa==0.11.0 mir_eval==0.8.2 resampy==0.4.2 onnxruntime==1.23.2 setuptools==81.0.0
cat > bend.py <<'READ'
import logging
logging.disable(logging.WARNING)  # of back ends that aren't installed
import pretty_midi
from basic_pitch.note_creation import note_events_to_midi
events = [(0.0, 1.0, 67, 0.8, [0, 1, 2, 3]), (2.0, 3.0, 60, 0.8, [0, 0, 0]), (2.0, 3.0, 64, 0.8, [0, 0, 0])]  # thirds of a semitone
note_events_to_midi(events).write("bend.mid")
(instrument,) = pretty_midi.PrettyMIDI("bend.mid").instruments
bends = [(round(float(bend.time), 2), bend.pitch) for bend in instrument.pitch_bends]
print("bends (s, of 8,192 for two semitones):", bends)
holds = [bend for time, bend in bends if time <= 2.0][-1]
for note in sorted(instrument.notes, key=lambda note: note.start):
    print(f"{pretty_midi.note_number_to_name(note.pitch)} from {note.start:.0f} s", f"sounds {holds / 4096:+.0f} semitone" if note.start >= 2 else "")
raise SystemExit(holds != 4096 or len(instrument.notes) != 3)
READ
env/bin/python bend.py
