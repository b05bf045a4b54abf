#!/bin/sh
# symusic 0.6.0: a system exclusive message in two packets moves all notes that follow in its track.
#
# Standard MIDI Files may divide a long message: F0 with a length and the first bytes, then F7 with a length and the
# rest; only the last packet ends in F7. A file with such a message at tick 0 and a note from 0 to 480. Observed:
# symusic has the note begin at tick 88, 92 ms late at 120 beats a minute, without a word. The 88 ticks are the length
# and the bytes of the second packet, 3 + 67 + 18, taken for waiting times. mido gives 0 to 480, and so does symusic
# when the same bytes stand in one packet. Expected: 0 to 480 both times. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q symusic==0.6.0 mido==1.3.3 numpy==2.3.5
cat > packets.py <<'READ'
import struct
import mido
import symusic
NOTE = b"\0\x90\x3c\x50" + b"\x83\x60\x80\x3c\0" + b"\0\xff\x2f\0"
def read(name, message):
    track = message + NOTE
    data = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, 480) + struct.pack(">4sI", b"MTrk", len(track)) + track
    open(f"{name}.mid", "wb").write(data)
    tick, times = 0, []
    for event in mido.MidiFile(f"{name}.mid").tracks[0]:
        tick += event.time
        times += [tick] * event.type.startswith("note")
    (note,) = symusic.Score(f"{name}.mid").tracks[0].notes
    print(f"{name}: mido {times[0]} to {times[1]}, symusic {note.start} to {note.end}")
    return times, [note.start, note.end]
one = read("one packet", b"\0\xf0\x06\x43\x12\0\x43\x12\xf7")
two = read("two packets", b"\0\xf0\x03\x43\x12\0" + b"\0\xf7\x03\x43\x12\xf7")
raise SystemExit(not (one == ([0, 480], [0, 480]) and two[0] == [0, 480] and two[1][0] > 0))
READ
env/bin/python packets.py
