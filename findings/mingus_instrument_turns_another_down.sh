#!/bin/sh
# mingus 0.6.1: an instrument on channel 7 turns the volume of channel 0 down to 1 of 127.
#
# Two tracks, a piano on channel 0 and a violin on channel 7, written as MIDI. Observed: before the violin's program
# there is a message for channel 0, controller 7 (volume), value 1, so that the piano can't be heard. On channel 11 it
# is controller 11 (expression), on channel 10 the stereo position, hard left. It was to choose a sound bank: a function
# of channel, controller and value is called with controller, channel and value, and the controller for banks is 0.
# Expected: controller 0 of the violin's own channel. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q mingus==0.6.1 six==1.17.0 mido==1.3.3
cat > volume.py <<'READ'
import mido
from mingus.containers import Bar, Composition, Note, NoteContainer, Track
from mingus.containers.instrument import MidiInstrument
from mingus.midi import midi_file_out
def track(channel, program):
    instrument = MidiInstrument()
    instrument.instrument_nr = program
    made, bar = Track(instrument), Bar()
    for name in "CDEF":
        bar.place_notes(NoteContainer([Note(name, 4, velocity=80, channel=channel)]), 4)
    made.add_bar(bar)
    return made
seen = {}
for channel in (7, 10, 11):
    music = Composition()
    music.add_track(track(0, 0))
    music.add_track(track(channel, 40))
    midi_file_out.write_Composition("music.mid", music)
    part = mido.MidiFile("music.mid").tracks[1]
    seen[channel] = [(event.channel, event.control, event.value) for event in part if event.type == "control_change"]
    assert {event.channel for event in part if event.type == "note_on"} == {channel}
    print(f"violin on channel {channel}: its track sets (channel, controller, value) {seen[channel]}")
raise SystemExit(seen != {channel: [(0, channel, 1)] for channel in (7, 10, 11)})
READ
env/bin/python volume.py
