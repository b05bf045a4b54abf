#!/bin/sh
# libsndfile 1.2.2 (in soundfile 0.13.1): in a VOC of several blocks, the heads of the blocks are read as samples.
#
# A Creative Voice file may go on in blocks of type 2, each with a head of four bytes; FFmpeg writes one for every few
# thousand bytes. Here 16-bit silence of 20,000 samples, in blocks of 1,000. Observed: 20,038 samples, and a click
# of 0.37 of full scale at every 1,002nd: all that follows the first block's head is taken for sound. Music ticks, and
# comes later and later. FFmpeg (in PyAV) reads 20,000 zeros; with one block, so does libsndfile.
# Expected: 20,000 zeros. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q soundfile==0.13.1 numpy==2.3.5 av==16.0.1
cat > voc.py <<'READ'
import struct
import av
import numpy as np
import soundfile
def block(kind, content):
    return bytes([kind]) + len(content).to_bytes(3, "little") + content
head = b"Creative Voice File\x1a" + struct.pack("<HHH", 26, 0x0114, 0x111F)
form = struct.pack("<IBBHI", 44100, 16, 1, 4, 0)  # rate, bits, channels, 16-bit PCM
silence, seen = np.zeros(20_000, "<i2").tobytes(), {}
for samples in (20_000, 1_000):
    pieces = [silence[at : at + 2 * samples] for at in range(0, len(silence), 2 * samples)]
    with open("silence.voc", "wb") as file:
        file.write(head + block(9, form + pieces[0]) + b"".join(block(2, piece) for piece in pieces[1:]) + b"\0")
    audio, rate = soundfile.read("silence.voc")
    with av.open("silence.voc") as other:
        sound = np.concatenate([frame.to_ndarray().ravel() for frame in other.decode(audio=0)])
    seen[samples] = len(audio), abs(audio).max(), len(sound), abs(sound).max()
    print(f"blocks of {samples:,}: libsndfile {len(audio):,} samples, peak {abs(audio).max():.2f}; FFmpeg {len(sound):,}, peak {abs(sound).max()}")
raise SystemExit(not (seen[20_000] == (20_000, 0, 20_000, 0) and seen[1_000][0] == 20_038 and seen[1_000][1] > 0.1 and seen[1_000][2:] == (20_000, 0)))
READ
env/bin/python voc.py
