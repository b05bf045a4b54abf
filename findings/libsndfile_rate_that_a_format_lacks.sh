#!/bin/sh
# libsndfile 1.2.2 (in soundfile 0.13.1): three formats take a rate they can't hold, and the file has another.
#
# A tone of 440 Hz, one second at 44,100 Hz, written and read again. Observed: as an 8-bit VOC its rate is 45,454 and the
# tone 453.5 Hz, half a semitone sharp; as HTK the rate is 44,247, so that a minute of music ends 0.2 s early; as WVE it
# is 8,000 and the second lasts 5.5. The first two store a period, of microseconds or of tenths of them, rounded down
# though the next number up would be nearer (43,478 and 44,052), and WVE knows no other rate. No error and no warning.
# Expected: an error, as for other rates that a format lacks (Opus), or the nearer one. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q soundfile==0.13.1 numpy==2.3.5
cat > rates.py <<'READ'
import numpy as np
import soundfile
tone, seen = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100) / 2, {}
for kind, subtype in (("WAV", "PCM_16"), ("VOC", "PCM_U8"), ("HTK", "PCM_16"), ("WVE", "ALAW")):
    soundfile.write("tone", tone, 44_100, format=kind, subtype=subtype)
    audio, seen[kind] = soundfile.read("tone")
    hertz = np.abs(np.fft.rfft(audio)).argmax() * seen[kind] / len(audio)
    print(f"{kind}: {seen[kind]} Hz, {len(audio) / seen[kind]:.3f} s, a tone of {hertz:.1f} Hz")
try:
    soundfile.write("tone.opus", tone, 44_100, format="OGG", subtype="OPUS")
    refused = False
except soundfile.LibsndfileError as problem:
    refused = True
    print("Opus:", problem)
raise SystemExit(not (refused and seen == {"WAV": 44_100, "VOC": 45_454, "HTK": 44_247, "WVE": 8_000}))
READ
env/bin/python rates.py
