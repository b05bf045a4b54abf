#!/bin/sh
# aubio-ledfx 0.4.12 (and aubio 0.4.9 alike): `aubio notes` prints onsets some eight hops late.
#
# Five plucked notes. Observed: `aubio onset` finds each within a few milliseconds, `aubio notes` finds the same five
# and prints them 45 to 55 ms late, and with twice the buffer and hop 80 to 90 ms. The note object waits for
# some more frames to take the median of their pitches, and the command prints the time at which the wait is over, not
# the time of the onset. At the usual tolerance of 50 ms a melody without a mistake scores 0.0 with the larger buffer.
# Expected: the times of `aubio onset`, whatever the hop. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q aubio-ledfx==0.4.12 mir_eval==0.8.2 numpy==2.3.5 soundfile==0.13.1
cat > notes.py <<'READ'
import subprocess
import mir_eval
import numpy as np
import soundfile
rate, onsets, pitches = 44100, np.array([0.5, 1.25, 2.0, 2.75, 3.5]), np.array([60, 64, 67, 62, 57])
hertz = 440 * 2 ** ((pitches - 69) / 12)
time, audio = np.arange(round(0.6 * rate)) / rate, np.zeros(5 * rate)
for onset, f in zip(onsets, hertz):
    tone = sum(np.sin(2 * np.pi * f * h * time) / h for h in range(1, 6)) * np.exp(-3 * time) * np.minimum(1, time / 0.004)
    audio[round(onset * rate) : round(onset * rate) + len(time)] += 0.3 * tone
soundfile.write("melody.wav", audio, rate)
def lines(*command):
    text = subprocess.run(["env/bin/aubio", *command, "melody.wav"], capture_output=True, text=True, check=True).stdout
    return [[float(cell) for cell in line.split()] for line in text.splitlines()]
found = np.array(lines("onset"))[:, 0]
print(f"aubio onset:                       {np.round(1000 * (found - onsets))} ms late")
late, scores = {}, {}
for buffer, hop in ((512, 256), (1024, 512)):
    notes = np.array([row for row in lines("notes", "-B", str(buffer), "-H", str(hop)) if len(row) == 3])
    assert notes[:, 0].tolist() == pitches.tolist()
    late[hop] = 1000 * (notes[:, 1] - onsets)
    scores[hop] = mir_eval.transcription.precision_recall_f1_overlap(
        np.stack([onsets, onsets + 0.6], 1), hertz, notes[:, 1:], 440 * 2 ** ((notes[:, 0] - 69) / 12), offset_ratio=None)[2]
    print(f"aubio notes, buffer {buffer:4}, hop {hop}:  {np.round(late[hop])} ms late; F of the onsets {scores[hop]:.1f}")
steady = (abs(1000 * (found - onsets)) < 10).all()
raise SystemExit(not (steady and (late[256] > 35).all() and (late[512] > 70).all() and scores[512] == 0))
READ
env/bin/python notes.py
