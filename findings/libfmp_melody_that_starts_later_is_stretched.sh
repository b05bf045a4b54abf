#!/bin/sh
# libfmp 1.3.0: a melody whose first frame isn't at 0 s is made audible fifty times too slowly.
#
# sonify_trajectory_with_sinusoid plays a list of times and frequencies, so that one can hear an estimated melody against
# the recording. A tone from 0.5 to 1.5 s, in frames of 10 ms. Observed: if the list begins with silent frames from 0 s
# on, it sounds from 0.499 to 1.497 s; if it begins with the tone, at 0.5 s, from 0 to 51 s. The second time in the list
# is taken for the length of a frame, and frames are laid end to end from 0. The length is also cut to whole samples,
# 220 for 220.5, so that a tone at 59 s sounds 134 ms early, though the times say otherwise.
# Expected: each frame at its own time. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q libfmp==1.3.0 numpy==2.3.5 scipy==1.16.3 pandas==2.3.3 numba==0.68.1 librosa==0.11.0 matplotlib==3.11.2 music21==9.9.2 ipython==8.39.0 pretty_midi==0.2.11.post0 setuptools==81.0.0
cat > melody.py <<'READ'
import warnings
warnings.simplefilter("ignore")
import numpy as np
from libfmp.c8 import sonify_trajectory_with_sinusoid
rate, seen = 22_050, {}
for name, frames, tone in (
    ("frames from 0 s, tone from 0.5 to 1.5 s", np.arange(0, 200), (50, 150)),
    ("frames from 0.5 s, tone from 0.5 to 1.5 s", np.arange(50, 200), (50, 150)),
    ("frames from 0 s, tone from 59 to 60 s", np.arange(0, 6100), (5900, 6000)),
):
    hertz = np.where((frames >= tone[0]) & (frames < tone[1]), 440.0, 0.0)
    sound = sonify_trajectory_with_sinusoid(np.stack([frames / 100, hertz], 1), 70 * rate, rate)
    heard = np.flatnonzero(abs(sound) > 0.01) / rate
    seen[name] = heard[0], heard[-1]
    print(f"{name}: heard from {heard[0]:.3f} to {heard[-1]:.3f} s")
same = np.allclose(list(seen.values()), [(0.499, 1.497), (0, 51), (58.866, 59.864)], atol=0.005)
raise SystemExit(not same)
READ
env/bin/python melody.py
