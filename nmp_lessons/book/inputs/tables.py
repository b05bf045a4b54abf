"""Tables of notes."""

import json
from pathlib import Path

from ...files import visible_files
from ...notes.tables import read_table
from . import Case, outcome_of_notes


def _brought(what: str, content: str | bytes, expected: str, *, name: str = "brought.csv") -> Case:
    def outcome(folder: Path) -> str:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return outcome_of_notes(read_table, folder / name)

    return Case(what, outcome, expected)


def _hidden_files(folder: Path) -> str:
    for name in ("._take.mid", ".DS_Store", "take.mid"):
        (folder / name).write_bytes(b"")
    return ", ".join(path.name for path in visible_files(folder))


TWO = "C4 0.5–1 s, E4 1–1.5 s"  # what most of them mean
LATER = "C4 60.5–61 s, E4 61–62 s"
DENSE = {"namespace": "pitch_midi", "data": {"time": [0.5, 1], "duration": [0.5, 0.5], "value": [60, 64]}}
FIRST = {"namespace": "note_midi", "data": [{"time": t, "duration": 0.5, "value": p} for t, p in ((0.5, 60), (1, 64))]}
SECOND = {
    "namespace": "note_hz",
    "data": [{"time": t, "duration": 0.4, "value": f} for t, f in ((0.53, 263), (1, 330))],
}
GUITAR = {"namespace": "note_midi", "data": [{"time": 0.5, "duration": 0.5, "value": 59.87, "confidence": None}]}

CASES = [
    _brought(
        "Columns *note* (an index) and *pitch*",
        "id,onset,offset,note,pitch\na,0.5,1.0,50,60\nb,1.0,1.5,51,64\n",
        f"{TWO} (brought.csv: pitches are taken from column 'pitch', not from 'note'.)",
    ),
    _brought(
        "Columns *note* (an index) and *frequency*",
        "onset,offset,note,frequency\n0.5,1,1,261.63\n1,1.5,2,329.63\n",
        TWO,
    ),
    _brought(
        "Two columns that could both be the onset",
        "start,begin,end,pitch\n0.5,0.4,1,60\n",
        "brought.csv: both 'start' and 'begin' could be the onset; leave one of them out.",
    ),
    _brought(
        "A table with the names of its rows, but no name for their column, as R writes it",
        '"onset","offset","pitch","velocity"\n"1",50,51,60,80\n"2",60,61,64,90\n',
        "brought.csv, line 2: has 5 cells, but the header names 4 columns; name every column (R's row names too), or "
        "use another separator than the decimal comma.",
    ),
    _brought("A comment above the header", "# made by a tool\nonset,offset,pitch\n0.5,1,60\n1,1.5,64\n", TWO),
    _brought(
        "A title, a date and an empty line above the header",
        "My notes\nMonday\n\nonset,offset,pitch\n0.5,1,60\n1,1.5,64\n",
        TWO,
    ),
    _brought("Seconds and durations", "onset_sec,duration_sec,pitch,velocity\n0.5,0.5,60,80\n1,0.5,64,80\n", TWO),
    _brought("Headings as people write them", "Start Time (s);Length [sec];MIDI note\n0.5;0.5;60\n1;0.5;64\n", TWO),
    _brought(
        "Times in samples, as MusicNet writes them",
        "start_time,end_time,instrument,note\n22050,44100,1,60\n88200,132300,1,69\n",
        "brought.csv: the times look like samples, ticks or milliseconds; give seconds.",
    ),
    _brought(
        "Times in milliseconds, as the heading says",
        "onset_ms,offset_ms,pitch\n500,1000,60\n",
        "brought.csv: 'onset_ms' isn't in seconds; give onsets in seconds.",
    ),
    _brought(
        "Times in milliseconds, with no heading",
        "500 1000 60\n1000 1500 64\n",
        "brought.csv: the times look like samples, ticks or milliseconds; give seconds.",
    ),
    _brought("A spreadsheet with decimal commas", "onset;offset;pitch\n0,5;1,0;60\n1,0;1,5;64\n", TWO),
    _brought("Decimal commas between spaces", "0,5 1,0 60\n1,0 1,5 64\n", TWO),
    _brought("Excel's first line", "sep=;\nonset;offset;pitch\n0.5;1;60\n1;1.5;64\n", TWO),
    _brought(
        "UTF-16, as Excel saves Unicode text", "onset\toffset\tpitch\n0.5\t1\t60\n1\t1.5\t64\n".encode("utf-16"), TWO
    ),
    _brought("UTF-8 with a byte order mark", "\ufeffonset,offset,pitch\n0.5,1,60\n1,1.5,64\n", TWO),
    _brought(
        "Sonic Visualiser's notes with a header",
        "TIME,VALUE,DURATION,LEVEL,LABEL\n0.5,60,0.5,0.8,New Point\n1,64,0.5,0.8,\n",
        TWO,
    ),
    _brought("Sonic Visualiser's notes without a header", "0.5,60,0.5,0.8,New Point\n1.0,64,0.5,0.8,\n", TWO),
    _brought(
        "Sonic Visualiser's notes in frames of audio",
        "22050,60,22050,0.8,a\n44100,64,22050,0.8,b\n",
        "brought.csv: the times look like samples, ticks or milliseconds; give seconds.",
    ),
    _brought(
        "Onset, pitch and what may be duration or offset, without a header",
        "0.5,60,1\n1,64,1.5\n",
        "brought.csv: the third column may hold durations or offsets; say which in a header.",
    ),
    _brought(
        "sonic-annotator's notes: the recording, onset, duration, Hz", '"take.wav",0.5,0.5,262\n,1.0,0.5,329\n', TWO
    ),
    _brought(
        "Notes of two recordings in one table",
        '"take.wav",0.5,0.5,262\n"other.wav",1.0,0.5,329\n',
        "brought.csv: holds the notes of 2 recordings; give one table for each.",
    ),
    _brought(
        "What aubio prints: pitch, onset and offset, between the time of the first onset and that of the end",
        "0.500000\t\n60.000000\t0.500000\t1.000000\t\n64.000000\t1.000000\t1.500000\t\n4.000000\t\n",
        TWO,
        name="brought.txt",
    ),
    _brought(
        "madmom's list of onsets and pitches",
        "0.5\t60\n1.0\t64\n",
        "brought.txt: has fewer than three columns; give onset, offset and pitch.",
        name="brought.txt",
    ),
    _brought("A header between spaces, as NumPy writes it", "# onset offset pitch\n0.5 1 60\n1 1.5 64\n", TWO),
    _brought("Onset, pitch and offset, without a header, from later in the music", "60.5,60,61\n61,64,62\n", LATER),
    _brought("Sonic Visualiser's notes in Hz", "0.5,261.63,0.5,1,a\n1.0,329.63,0.5,1,b\n", TWO),
    _brought(
        "Audacity's labels with names of notes",
        "0.500000\t1.000000\tC4\n\\\t250.0\t270.0\n1.000000\t1.500000\tE4\n",
        TWO,
        name="labels.txt",
    ),
    _brought(
        "B flat as music21 writes it, where a hyphen is a flat",
        "onset,offset,pitch\n0.5,1,B-4\n",
        "brought.csv, line 2: 'B-4' is not the name of a pitch; write a letter, # or b if needed, and an octave, "
        "as in C#4.",
    ),
    _brought("MIREX's note lists, in Hz", "0.50\t1.00\t261.63\n1.00\t1.50\t329.63\n", TWO, name="brought.txt"),
    _brought("A column called *pitch* with frequencies", "onset,offset,pitch\n0.5,1,261.63\n1,1.5,329.63\n", TWO),
    _brought(
        "Pitches with fractions, which could be MIDI numbers or Hz",
        "0.5 1 60.02\n1 1.5 63.97\n",
        "brought.csv: a pitch of 60.02 may be a MIDI number or in Hz; say which in a header.",
    ),
    _brought(
        "Partitura's note array",
        "onset_sec,duration_sec,onset_tick,duration_tick,pitch,velocity,track,channel,id\n"
        "0.5,0.5,480,480,60,80,0,0,n0\n1,0.5,960,480,64,80,0,0,n1\n",
        TWO,
    ),
    _brought(
        "Partitura's notes of a performance",
        "id,midi_pitch,note_on,note_off,note_on_tick,note_off_tick,track,channel,velocity\n"
        "n0,60,0.5,1,480,960,0,0,80\nn1,64,1,1.5,960,1440,0,0,80\n",
        TWO,
    ),
    _brought(
        "Partitura's note array of a score, in beats",
        "onset_beat,duration_beat,onset_quarter,duration_quarter,pitch,voice,id\n0.5,0.5,0.5,0.5,60,1,n0\n",
        "brought.csv: 'onset_beat' isn't in seconds; give onsets in seconds.",
    ),
    _brought(
        "A JAMS file of a guitar, tuned a little low",
        json.dumps({"annotations": [GUITAR, {"namespace": "tempo", "data": []}]}),
        "C4 0.5–1 s",
        name="brought.jams",
    ),
    _brought(
        "A JAMS file with dense data, whose notes are called pitches",
        json.dumps({"annotations": [DENSE]}),
        TWO,
        name="brought.jams",
    ),
    _brought(
        "A JAMS file in which two people wrote down the same notes",
        json.dumps({"annotations": [FIRST, SECOND]}),
        f"{TWO} (brought.jams: left out annotations that repeat the notes of an earlier one (1).)",
        name="brought.jams",
    ),
    _brought("A line break in a quoted cell", 'onset,offset,pitch,remark\n0.5,1,60,"first\nnote"\n1,1.5,64,\n', TWO),
    _brought("The number of notes above the table", "2\n0.5 1 60\n1 1.5 64\n", TWO),
    _brought("A tempo above the header", "120 BPM\nonset,offset,pitch\n0.5,1,60\n1,1.5,64\n", TWO),
    _brought(
        "Whole numbers without a header, some of which are no MIDI numbers",
        "0.5 1 110\n1 1.5 98\n1.5 2 147\n",
        "brought.csv: a pitch of 147 may be a MIDI number or in Hz; say which in a header.",
    ),
    _brought(
        "A cell with a word in place of a number",
        "onset,offset,pitch\n0.5,end,60\n",
        "brought.csv, line 2: the offset is 'end', not a number; correct the row.",
    ),
    Case("A folder with the hidden files that systems leave: ._take.mid, .DS_Store", _hidden_files, "take.mid"),
]
