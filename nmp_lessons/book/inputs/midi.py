"""MIDI files, made byte by byte: 480 ticks a beat and 120 beats a minute, so that 480 ticks are half a second."""

import struct
from collections.abc import Callable
from pathlib import Path

import mido

from ...files import CHECKPOINTS, read_rows
from ...notes.midi import read_midi, write_midi
from ...notes.midi_events import as_length
from ...notes.note_list import Notes
from ..show import embed
from . import Case, outcome_of_notes


def _track(*events: tuple[int, bytes]) -> bytes:
    """A track of (ticks since the last event, event), and its end."""
    body = b"".join(as_length(delta) + event for delta, event in (*events, (0, _meta(0x2F))))
    return _chunk(b"MTrk", body)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">I", len(body)) + body


def _file(*chunks: bytes, division: int = 480, more: bytes = b"", form: int = 1, missing: int = 0) -> bytes:
    """A file; `more` lengthens the header, which announces some tracks that are missing."""
    tracks = sum(chunk.startswith(b"MTrk") for chunk in chunks) + missing
    return b"".join([_chunk(b"MThd", struct.pack(">HHH", form, tracks, division) + more), *chunks])


def _of_length(declared: int, track: bytes) -> bytes:
    """A track with another length in its header."""
    return track[:4] + struct.pack(">I", declared) + track[8:]


def _on(pitch: int, velocity: int = 80) -> bytes:
    return bytes([0x90, pitch, velocity])


def _off(pitch: int) -> bytes:
    return bytes([0x80, pitch, 0])


def _control(number: int, value: int) -> bytes:
    return bytes([0xB0, number, value])


def _meta(kind: int, data: bytes = b"") -> bytes:
    return bytes([0xFF, kind]) + as_length(len(data)) + data


def readers() -> embed.Html:
    """Where other readers of MIDI differ from ours by more than a millisecond, and why, as `tools.bench` found."""
    rows = [
        (f"{row['reader']} {row['version']}, {row['lengths']}", *list(row.values())[3:])
        for row in read_rows(CHECKPOINTS / "midi_readers.csv")
    ]
    return embed.table("Other readers of MIDI", ["Reader", "What it does otherwise", "MAESTRO", "ASAP"], rows[1:])


TEMPO = _meta(0x51, (500_000).to_bytes(3, "big"))
NOTE = (0, _on(60)), (480, _off(60))  # half a second of C4


def _brought(what: str, data: bytes, expected: str) -> Case:
    def outcome(folder: Path) -> str:
        (folder / "brought.mid").write_bytes(data)
        return outcome_of_notes(read_midi, folder / "brought.mid")

    return Case(what, outcome, expected)


def _returned(folder: Path) -> str:
    """Notes of one key that overlap, written and read again."""
    write_midi(Notes([0.0, 0.5], [1.0, 1.5], [60, 60]), folder / "brought.mid")
    return outcome_of_notes(read_midi, folder / "brought.mid")


def _written(notes: Notes) -> Callable[[Path], str]:
    def outcome(folder: Path) -> str:
        write_midi(notes, folder / "long.mid")
        ticks = sum(message.time for message in mido.MidiFile(folder / "long.mid").tracks[0])
        late = abs(read_midi(folder / "long.mid").onset[-1] - notes.onset[-1])
        return f"{'fewer' if ticks < 10_000_000 else 'more'} than ten million ticks; right to {1000 * late:.1f} ms"

    return outcome


CASES = [
    _brought(
        "A key struck again, with the release of the first stroke written after the second, at the same time",
        _file(_track((0, _on(60)), (480, _on(60)), (0, _off(60)), (480, _off(60)))),
        "C4 0–0.5 s, C4 0.5–1 s",
    ),
    _brought(
        "A key struck twice and released twice",
        _file(_track((0, _on(60)), (480, _on(60)), (480, _off(60)), (480, _off(60)))),
        "C4 0–0.5 s, C4 0.5–1 s",
    ),
    _brought(
        "A key signature of eight sharps, which doesn't exist",
        _file(_track((0, _meta(0x59, b"\x08\0")), *NOTE)),
        "C4 0–0.5 s",
    ),
    _brought("An empty key signature", _file(_track((0, _meta(0x59)), *NOTE)), "C4 0–0.5 s"),
    _brought("A tempo of two bytes instead of three", _file(_track((0, _meta(0x51, b"\1\2")), *NOTE)), "C4 0–0.5 s"),
    _brought("An event of a type that nobody has defined", _file(_track((0, _meta(0x6E, b"?")), *NOTE)), "C4 0–0.5 s"),
    _brought(
        "A message to one maker's synthesiser between two events of a key",
        _file(_track((0, _on(60)), (240, b"\xf0\x03\x41\x10\xf7"), (240, b"\x80\x3c\0"))),
        "C4 0–0.5 s",
    ),
    _brought(
        "All notes off (control 123) instead of releases",
        _file(
            _track((0, _on(60)), (0, _on(64)), (480, _control(123, 0)), (960, _on(62)), (240, _off(62)), (960, TEMPO))
        ),
        "C4 0–0.5 s, E4 0–0.5 s, D4 1.5–1.75 s",
    ),
    _brought(
        "All sound off (control 120) while the pedal is down",
        _file(_track((0, _control(64, 127)), *NOTE, (480, _control(120, 0)), (480, _on(62)), (480, _off(62)))),
        "C4 0–1 s, D4 1.5–2 s",
    ),
    _brought(
        "A reset of all controllers (121) instead of lifting the pedal",
        _file(_track((0, _control(64, 127)), *NOTE, (480, _control(121, 0)), (480, _on(62)), (480, _off(62)))),
        "C4 0–1 s, D4 1.5–2 s",
    ),
    _brought(
        "The sostenuto pedal pressed while C4 is held; D4 follows",
        _file(
            _track((0, _on(60)), (240, _control(66, 127)), (240, _off(60)), (0, _on(62)), (480, _off(62)))
            + _track((1440, _control(66, 0)))
        ),
        "C4 0–1.5 s, D4 0.5–1 s",
    ),
    _brought(
        "A pedal that is never lifted, and a tempo repeated for half an hour",
        _file(
            _track((0, _control(64, 127)), *NOTE, (480, _on(62)), (480, _off(62))),
            _track((0, TEMPO), *[(4800, TEMPO)] * 360),
        ),
        "C4 0–1.5 s, D4 1–1.5 s",
    ),
    _brought(
        "Two instruments on channel 1 of two ports, as an orchestra needs them, and one key for both",
        _file(
            _track((0, _meta(0x21, b"\0")), (0, _on(60)), (1920, _off(60))),
            _track((0, _meta(0x21, b"\1")), (480, _on(60)), (480, _off(60))),
        ),
        "C4 0–2 s, C4 0.5–1 s",
    ),
    _brought(
        "A recording that was stopped while the last key was held",
        _file(_track(*NOTE, (0, _on(62)), (480, _meta(1, b"end")))),
        "C4 0–0.5 s, D4 0.5–1 s",
    ),
    _brought(
        "A key that is never released, in a track that ends a minute later",
        _file(_track((0, _on(60)), (0, _on(62)), (480, _off(62)), (57_600, _meta(1, b"end")))),
        "C4 0–0.5 s, D4 0–0.5 s",
    ),
    _brought(
        "Time in film frames: 25 a second, 40 ticks each",
        _file(_track((0, _on(60)), (500, _off(60))), division=0xE728),
        "C4 0–0.5 s",
    ),
    _brought(
        "Time in film frames: 29.97 a second, 100 ticks each",
        _file(_track((0, _on(60)), (2997, _off(60))), division=0xE364),
        "C4 0–1 s",
    ),
    _brought(
        "Ticks without a length (a division of 0)",
        _file(_track(*NOTE), division=0),
        "brought.mid: doesn't say how long a tick is (division 0x0000); export it again.",
    ),
    _brought(
        "A MIDI file in a RIFF wrapper",
        b"RIFF"
        + struct.pack("<I", 64)
        + b"RMIDdata"
        + struct.pack("<I", 48)
        + _file(_track(*NOTE))
        + b"LIST\x04\0\0\0INFO",
        "C4 0–0.5 s",
    ),
    _brought("A chunk of another kind before the track", _file(_chunk(b"XFIH", b"abc"), _track(*NOTE)), "C4 0–0.5 s"),
    _brought("A header longer than today's", _file(_track(*NOTE), more=b"\0\0"), "C4 0–0.5 s"),
    _brought(
        "A key switch for a sampler, on a key that no piano has",
        _file(_track((0, _on(0, 1)), (10, _off(0)), *NOTE)),
        "C4 0.01–0.51 s (brought.mid: left out notes off the piano (1).)",
    ),
    _brought(
        "A second track whose last event makes no sense",
        _file(_track(*NOTE), _chunk(b"MTrk", b"\0\x90\x40\x50" + b"\x83\x60\x80\x40\0" + b"\0\xff\x01\x7f")),
        "C4 0–0.5 s, E4 0–0.5 s "
        "(brought.mid: 1 of its tracks can't be read to the end, so notes may be missing; copy or export it again.)",
    ),
    _brought(
        "A file that was cut off",
        _file(_track(*NOTE, (480, _on(62)), (480, _off(62))))[:-12],
        "C4 0–0.5 s (brought.mid: is cut off before its end, so notes may be missing; copy or export it again.)",
    ),
    _brought(
        "A header that announces three tracks, where there is one",
        _file(_track(*NOTE), missing=2),
        "C4 0–0.5 s (brought.mid: has 1 of the 3 tracks that its header announces, so notes may be missing; "
        "copy or export it again.)",
    ),
    _brought(
        "Two tracks, the first of which says that it has no bytes",
        _file(_of_length(0, _track(*NOTE)), _track((0, _on(64)), (480, _off(64)))),
        "C4 0–0.5 s, E4 0–0.5 s",
    ),
    _brought(
        "Two tracks, the first of which says that it is longer than it is",
        _file(_of_length(30, _track(*NOTE)), _track((0, _on(64)), (480, _off(64)))),
        "C4 0–0.5 s, E4 0–0.5 s",
    ),
    _brought(
        "Two patterns that are to be played one after the other (format 2), the first at 60 beats a minute",
        _file(
            _track((0, _meta(0x51, (1_000_000).to_bytes(3, "big"))), *NOTE),
            _track((0, _on(64)), (480, _off(64))),
            form=2,
        ),
        "C4 0–1 s, E4 1–1.5 s",
    ),
    _brought(
        "Two notes, and between them a message that says it is longer than the file",
        _file(_track(*NOTE, (0, b"\xf0\xff\xff\xff\x7f\x01"), (0, _on(64)), (480, _off(64)))),
        "C4 0–0.5 s (brought.mid: 1 of its tracks can't be read to the end, so notes may be missing; "
        "copy or export it again.)",
    ),
    _brought(
        "A time in five bytes, of which the standard allows four",
        _file(_chunk(b"MTrk", b"\x80\x80\x80\x80\0\x90\x3c\x50\x83\x60\x80\x3c\0\0\xff\x2f\0")),
        "C4 0–0.5 s",
    ),
    _brought(
        "All notes off at the same time as a new stroke, and then the release of the old one",
        _file(_track((0, _on(60)), (480, _control(123, 0)), (0, _on(60)), (0, _off(60)), (480, _off(60)))),
        "C4 0–0.5 s, C4 0.5–1 s",
    ),
    _brought(
        "A file with drums only",
        _file(_track((0, b"\x99\x24\x50"), (480, b"\x89\x24\0"))),
        "brought.mid: contains only notes on the drum channel (1); give a file with notes for the piano's keys.",
    ),
    Case("Two notes of one key that overlap, written by the book and read again", _returned, "C4 0–1 s, C4 0.5–1.5 s"),
    _brought(
        "A gap of three days between two notes",
        _file(_track(*NOTE, (0x0FFFFFFF, _on(62)), (480, _off(62)))),
        "brought.mid: lasts 78 hours, a day at most can be read; remove the gap in it.",
    ),
    Case(
        "Three hours of notes, written by the book",
        _written(Notes([0.0, 10_799.0], [1.0, 10_800.0], [60, 62])),
        "fewer than ten million ticks; right to 0.0 ms",
    ),
]
