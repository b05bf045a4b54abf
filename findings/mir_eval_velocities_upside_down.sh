#!/bin/sh
# mir_eval 0.8.2: velocities that are upside down, loud for soft and soft for loud, score 1.0.
#
# Ten notes with velocities from 20 to 110, found at the right time and pitch. Observed, with transcription_velocity:
# the right velocities give F = 1.0, and so does 130 minus each of them. Two notes get 1.0 whatever two different
# velocities they are given. The estimate is first fitted to the reference by a straight line, to make up for another
# scale, and nothing keeps the line from falling: its slope may be negative. Random velocities score about 0.2.
# Expected: 1.0 for a rising line only; the documentation speaks of a global scale and offset. The script fails if
# this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q mir_eval==0.8.2 numpy==2.3.5
cat > velocities.py <<'READ'
import mir_eval
import numpy as np
onsets = np.arange(10.0)
intervals, hertz = np.stack([onsets, onsets + 0.5], 1), 440 * 2 ** (np.arange(10) / 12)
right = np.arange(20, 120, 10)
def score(found):
    return mir_eval.transcription_velocity.precision_recall_f1_overlap(intervals, hertz, right, intervals, hertz, found)[2]
mixed = np.random.default_rng(0).permutation(right)
two = mir_eval.transcription_velocity.precision_recall_f1_overlap(
    intervals[:2], hertz[:2], np.array([20, 110]), intervals[:2], hertz[:2], np.array([64, 63]))[2]
print(f"F: right {score(right):.1f}, upside down {score(130 - right):.1f}, mixed {score(mixed):.1f}; two notes of 20 and 110, found as 64 and 63: {two:.1f}")
raise SystemExit(not (score(right) == score(130 - right) == two == 1 and score(mixed) < 0.5))
READ
env/bin/python velocities.py
