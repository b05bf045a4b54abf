#!/bin/sh
# partitura 1.9.0: a sustain pedal on one channel holds the notes of all channels in its track.
#
# A file of format 0: a key of channel 1 from 0 to 0.5 s, and on channel 2, which has no notes there, a pedal that is
# down from 0 to 2 s. Observed: load_performance_midi has the note last for 2 s; without the pedal 0.5 s. A controller
# belongs to its channel (a keyboard that is split in two has one pedal for each half). The pedals of a track are
# collected without their channel. Expected: 0.5 s unless the pedal is on channel 1. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q partitura==1.9.0 mido==1.3.3 numpy==2.3.5
cat > pedal.py <<'READ'
import warnings
warnings.simplefilter("ignore")
import mido
import partitura
lasts = {}
for channel in (None, 1, 0):
    track = mido.MidiTrack()
    if channel is not None:
        track.append(mido.Message("control_change", control=64, value=127, channel=channel))
    track.append(mido.Message("note_on", note=60, velocity=80, channel=0))
    track.append(mido.Message("note_off", note=60, velocity=0, channel=0, time=480))
    if channel is not None:
        track.append(mido.Message("control_change", control=64, value=0, channel=channel, time=1440))
    mido.MidiFile(type=0, tracks=[track], ticks_per_beat=480).save("pedal.mid")
    (note,) = partitura.load_performance_midi("pedal.mid").note_array()
    lasts[channel] = round(float(note["duration_sec"]), 3)
    print(f"partitura 1.9.0, {'no pedal' if channel is None else f'pedal on channel {channel + 1}'}: the note lasts {lasts[channel]} s")
raise SystemExit(lasts != {None: 0.5, 1: 2.0, 0: 2.0})
READ
env/bin/python pedal.py
