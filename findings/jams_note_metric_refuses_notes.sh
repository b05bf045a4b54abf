#!/bin/sh
# jams 0.3.5: the metric for note transcriptions accepts neither of the two namespaces for notes.
#
# jams.eval.transcription wraps mir_eval's scores; the example in its documentation compares a pitch_contour with an
# annotation found by search(namespace="note_hz"). Observed: with two annotations of note_hz, and of note_midi, it raises
# NamespaceError, because it converts everything to pitch_contour, a namespace of curves, to which notes have no
# conversion. With the namespaces pitch_hz and pitch_midi, which were given up for these, the same notes score 1.0.
# Expected: 1.0 for all four. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q jams==0.3.5 mir_eval==0.8.2 numpy==2.3.5 setuptools==81.0.0
cat > notes.py <<'READ'
import warnings
warnings.simplefilter("ignore")
import jams
seen = {}
print("in the example:", "namespace='note_hz'" in jams.eval.transcription.__doc__)
for namespace, values in (("note_hz", (261.6, 329.6)), ("note_midi", (60, 64)), ("pitch_hz", (261.6, 329.6)), ("pitch_midi", (60, 64))):
    notes = jams.Annotation(namespace=namespace, duration=4)
    for time, value in enumerate(values):
        notes.append(time=time, duration=0.5, value=value, confidence=1)
    notes.validate()
    try:
        seen[namespace] = jams.eval.transcription(notes, notes)["F-measure"]
    except jams.NamespaceError as problem:
        seen[namespace] = "refused"
    print(f"{namespace}: {seen[namespace]}")
raise SystemExit(seen != {"note_hz": "refused", "note_midi": "refused", "pitch_hz": 1.0, "pitch_midi": 1.0})
READ
env/bin/python notes.py
