"""``nmp-lessons play FILE...``: turn MIDI into sound, played on the book's piano."""

import argparse
from pathlib import Path

from ..errors import InputError
from .outputs import add_output, each, outputs, source

LONGEST = 3 * 3600.0  # seconds of music, which take a gigabyte


def add(commands) -> None:
    play = commands.add_parser(
        "play",
        help="turn MIDI files into sound, played on the book's piano",
        description="Play each MIDI file, with its sustain pedal, on recorded piano notes, and write NAME.flac.",
    )
    play.add_argument("files", nargs="+", type=Path, metavar="FILE", help="MIDI file; - for standard input")
    add_output(play)
    play.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from ..audio import piano
    from ..audio.formats import save
    from ..notes.midi import read_midi

    def play(path: Path) -> None:
        notes = read_midi(source(path))
        if notes.seconds > LONGEST:
            raise InputError(f"{path}: lasts {notes.seconds / 3600:.0f} hours; give three at most, or remove a gap.")
        (output,) = outputs(path, arguments, ".flac")
        save(piano.render(notes), output)

    return each(arguments.files, play)
