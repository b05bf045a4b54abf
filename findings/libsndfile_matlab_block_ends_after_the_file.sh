#!/bin/sh
# libsndfile 1.2.2 (in soundfile 0.13.1): the header of a MATLAB 5 file is wrong in two places.
#
# A MATLAB 5 file (-v6) is a header of 128 bytes and then blocks, each with a type, a length in bytes and as many bytes.
# Written: 1,000 samples of silence as float. Observed: the block of the samples, the last one, declares 4,064 bytes
# where 4,056 follow, so that it ends 8 bytes after the file. SciPy doesn't mind, but whoever tells a whole file from
# one that was cut off by these lengths takes every such file for damaged. And the date in the header's text has the
# month counted from 0: 00 in January, 11 in December.
# Expected: 4,056, and the month as one writes it. The script fails if either changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q soundfile==0.13.1 numpy==2.3.5
cat > mat.py <<'READ'
import re
import struct
from datetime import datetime, timezone
import numpy as np
import soundfile
soundfile.write("silence.mat", np.zeros(1000, np.float32), 22050, format="MAT5", subtype="FLOAT")
data = open("silence.mat", "rb").read()
at, beyond = 128, 0
while at < len(data):
    kind, length = struct.unpack("<II", data[at : at + 8])
    beyond = at + 8 + length - len(data)
    at += 8 + length
written = re.search(rb"(\d{4})-(\d\d)-(\d\d)", data[:128])
month = int(written[2])
print(f"libsndfile {soundfile.__libsndfile_version__}: the last block ends {beyond} bytes after the file")
print(f"date in the header: {written[0].decode()}; it is month {datetime.now(timezone.utc).month}")
raise SystemExit((beyond, month) != (8, datetime.now(timezone.utc).month - 1))
READ
env/bin/python mat.py
