#!/bin/sh
# pydub 0.25.1: in the extensible form of WAV, samples that are floats are read as if they were integers.
#
# WAVE_FORMAT_EXTENSIBLE is what recorders and editors write for more than 16 bits or two channels; what its samples are
# is said in its second half. A tone of 440 Hz with a peak of 0.25 in that form. Observed: written as 16-bit integers it
# is read well; written as floats, from_file takes the bits of each float for an integer of 32 bits, without a word, and
# returns a buzz with a peak of 0.55, in which a fifth of the energy is not the tone. The reader looks at the outer
# code alone (1 or 0xFFFE). libsndfile reads both, and A-law in this form goes wrong in the same way.
# Expected: the tone, or an error. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q pydub==0.25.1 'audioop-lts==0.2.2; python_version >= "3.13"' soundfile==0.13.1 numpy==2.3.5
cat > extensible.py <<'READ'
import warnings
warnings.simplefilter("ignore")
import numpy as np
import soundfile
from pydub import AudioSegment
tone, seen = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100) / 4, {}
for subtype in ("PCM_16", "FLOAT", "ALAW"):
    soundfile.write("tone.wav", tone, 44_100, format="WAVEX", subtype=subtype)
    segment = AudioSegment.from_file("tone.wav")
    for name, audio in (
        ("libsndfile", soundfile.read("tone.wav")[0]),
        ("pydub", np.array(segment.get_array_of_samples()) / segment.max_possible_amplitude),
    ):
        share = np.corrcoef(audio, tone)[0, 1] ** 2
        seen[name, subtype] = share > 0.999
        print(f"{subtype:6}  {name:10}  peak {abs(audio).max():.2f}, {1 - share:.0%} of the energy is not the tone")
right = [seen["libsndfile", subtype] for subtype in ("PCM_16", "FLOAT", "ALAW")] + [seen["pydub", "PCM_16"]]
raise SystemExit(not (all(right) and not seen["pydub", "FLOAT"] and not seen["pydub", "ALAW"]))
READ
env/bin/python extensible.py
