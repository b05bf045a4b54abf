#!/bin/sh
# basic-pitch 0.4.0: a note at the maximum frequency is left out, one at the minimum is kept.
#
# maximum_frequency is documented as the maximum allowed frequency, and as the maximum to keep. Posteriors with one clear
# note, A4 (440 Hz), and decoding with limits of 440 Hz. Observed: with a minimum of 440 the note is found; with a
# maximum of 440 it isn't, nor with 451, which is still nearest to A4; from 453 on it is. The limit is rounded to a
# pitch, and that pitch and all above are cleared. Whoever gives the top note of an instrument as its limit (a
# soprano's C6, 1046.5 Hz) loses that note.
# Expected: the note, both times. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --no-deps basic-pitch==0.4.0
env/bin/pip install -q numpy==2.3.5 scipy==1.16.3 pretty_midi==0.2.11.post0 librosa==0.11.0 mir_eval==0.8.2 resampy==0.4.2 onnxruntime==1.23.2 setuptools==81.0.0
cat > limits.py <<'READ'
import logging
import warnings
warnings.simplefilter("ignore")  # of a division by 0 where nothing is left
logging.disable(logging.WARNING)  # of back ends that aren't installed
import numpy as np
from basic_pitch.note_creation import model_output_to_notes
def found(**limits):
    note, onset, contour = np.zeros((200, 88)), np.zeros((200, 88)), np.zeros((200, 264))
    note[50:120, 69 - 21], onset[50, 69 - 21] = 0.9, 0.9
    _, events = model_output_to_notes({"note": note, "onset": onset, "contour": contour}, 0.5, 0.3, include_pitch_bends=False, **limits)
    return [int(event[2]) for event in events]
seen = {name: found(**limits) for name, limits in {
    "no limit": {}, "minimum 440": {"min_freq": 440.0}, "maximum 440": {"max_freq": 440.0},
    "maximum 451": {"max_freq": 451.0}, "maximum 453": {"max_freq": 453.0}}.items()}
for name, pitches in seen.items():
    print(f"{name}: {pitches}")
raise SystemExit(list(seen.values()) != [[69], [69], [], [], [69]])
READ
env/bin/python limits.py
