"""``nmp-lessons play FILE...``: MIDI to sound, on the book's piano."""

import argparse
from pathlib import Path

from .outputs import add_output, each, outputs


def add(commands) -> None:
    play = commands.add_parser(
        "play",
        help="MIDI files to sound, on the book's piano",
        description="Write each MIDI file as NAME.flac, played on recorded notes, with its sustain pedal.",
    )
    play.add_argument("files", nargs="+", type=Path, metavar="FILE", help="MIDI")
    add_output(play)
    play.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from ..audio import piano
    from ..audio.formats import save
    from ..notes.midi import read_midi

    def play(path: Path) -> None:
        notes = read_midi(path)
        (output,) = outputs(path, arguments, ".flac")
        save(piano.render(notes), output)

    return each(arguments.files, play)
