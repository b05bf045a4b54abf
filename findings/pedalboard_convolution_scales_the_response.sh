#!/bin/sh
# pedalboard 0.9.26: convolving with a single 1 makes the sound eight times softer, and so does a single 10.
#
# A convolution with an impulse response of one sample of value 1 leaves any signal as it is. Observed: Convolution, fully
# wet, gives an eighth of it (−18 dB), and the same eighth if the sample is 0.1 or 10. A room is scaled too: the response
# at four times the distance, a quarter as loud, sounds exactly as loud as the near one, and mix blends the dry sound
# with a wet one of a level of its own. The response is divided by eight times the root of its energy
# before use, as JUCE does unless told not to; the documentation doesn't say so, and there is no option.
# Expected: what scipy.signal.convolve gives, or a word about it. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q pedalboard==0.9.26 numpy==2.3.5 scipy==1.16.3
cat > response.py <<'READ'
import numpy as np
from pedalboard import Convolution
from scipy import signal
rate, rng, seen = 44_100, np.random.default_rng(0), {}
sound = rng.uniform(-0.5, 0.5, rate).astype(np.float32)
one = np.zeros(1000)
one[0] = 1
room = rng.standard_normal(rate // 2) * np.exp(-12 * np.arange(rate // 2) / rate)
for name, response in (("1", one), ("0.1", one / 10), ("10", 10 * one), ("near room", room), ("far room", room / 4)):
    wet = Convolution(response.astype(np.float32), mix=1.0, sample_rate=rate)(sound, rate)
    right = signal.convolve(sound, response)[:rate]
    assert np.corrcoef(wet, right)[0, 1] > 0.9999
    factor, expected = (wet @ right) / (right @ right), 1 / (8 * np.sqrt(response @ response))
    seen[name] = np.sqrt(np.mean(wet**2)) / np.sqrt(np.mean(sound**2))
    print(f"{name}: level of the output {seen[name]:.4f} of the input's; {factor:.4f} of scipy's, 1 / (8 × root of energy) = {expected:.4f}")
    assert abs(factor / expected - 1) < 0.001
raise SystemExit(not (np.allclose([seen[name] for name in ("1", "0.1", "10")], 0.125, rtol=0.001) and np.isclose(seen["near room"], seen["far room"], rtol=0.001)))
READ
env/bin/python response.py
