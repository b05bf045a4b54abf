#!/bin/sh
# libfmp 1.3.0: a structure analysis without a mistake gets F = 0.64, because equal labels don't count as equal.
#
# Verse, chorus, verse, chorus, ten frames each. Read with libfmp from a file that has "Verse1", "Chorus1", "Verse2" and
# "Chorus2", digits removed as the function offers, and compared with the same labels in a list. Observed:
# compare_pairwise, which is to find all pairs of frames with one label, finds 380 in the list and 180 in what was read,
# and an F of 0.64 for two identical sequences. In a NumPy array, which its documentation allows, it finds none at all.
# It asks whether two labels are one object ("is"), not whether they are equal. Short labels such as A and B come out
# right, since Python keeps one object for each. Expected: 380 pairs each time, F = 1. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q libfmp==1.3.0 numpy==2.3.5 scipy==1.16.3 pandas==2.3.3 numba==0.68.1 librosa==0.11.0 matplotlib==3.11.2 music21==9.9.2 ipython==8.39.0 pretty_midi==0.2.11.post0 setuptools==81.0.0
cat > labels.py <<'READ'
import warnings
warnings.simplefilter("ignore")
import numpy as np
from libfmp.c4 import compare_pairwise, convert_ann_to_seq_label, evaluate_pairwise, read_structure_annotation
def read(*names):
    with open("song.csv", "w") as file:
        print('"Start";"End";"Label"', *(f'{10 * i};{10 * i + 10};"{name}"' for i, name in enumerate(names)), sep="\n", file=file)
    return convert_ann_to_seq_label(read_structure_annotation("song.csv", remove_digits=True, index=True)[0])
right = 10 * ["Verse"] + 10 * ["Chorus"] + 10 * ["Verse"] + 10 * ["Chorus"]
long, short = read("Verse1", "Chorus1", "Verse2", "Chorus2"), read("A1", "B1", "A2", "B2")
assert long == right
pairs = {name: int(compare_pairwise(labels).sum()) for name, labels in (
    ("list", right), ("read from the file", long), ("the same with A1, B1, A2, B2", short), ("array", np.array(right)))}
score = evaluate_pairwise(compare_pairwise(long), compare_pairwise(right))[2]
for name, count in pairs.items():
    print(f"{name}: {count} pairs")
print(f"list against file, equal in all 40 frames: F = {score:.2f}")
raise SystemExit(not (list(pairs.values()) == [380, 180, 380, 0] and abs(score - 0.643) < 0.001))
READ
env/bin/python labels.py
