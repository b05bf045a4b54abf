"""The command line: ``nmp-lessons transcribe FILE... [-o DIR]`` and ``nmp-lessons sounds``.

Whatever cannot be done is said in one line on the standard error, naming the file and the mend; the other
files are done all the same, and the exit status is 2. Files that exist are not overwritten unless
``--overwrite`` is given, and none is ever left half written.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .errors import InputError

FAILED = 2  # exit status


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 2 if anything failed."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except (InputError, OSError) as problem:
        _complain(problem)
        return FAILED
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nmp-lessons", description="Neural music transcription, from the book.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    transcribe = commands.add_parser(
        "transcribe",
        help="audio files to MIDI and CSV",
        description="Write the notes of each audio file as NAME.mid and NAME.csv (onset, offset, pitch, velocity).",
    )
    transcribe.add_argument("files", nargs="+", type=Path, metavar="FILE", help="WAV, FLAC, OGG or MP3")
    transcribe.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: this one)"
    )
    transcribe.add_argument("--overwrite", action="store_true", help="replace files that exist")
    transcribe.add_argument(
        "--timing",
        choices=("released", "true"),
        default="released",
        help="times as the released program gives them (default), or where its frames truly are",
    )
    transcribe.set_defaults(run=_transcribe)

    sounds = commands.add_parser("sounds", help="fetch and render the book's recordings, once")
    sounds.set_defaults(run=_sounds)

    from . import ablations

    ablations.add_commands(commands)
    return parser


def _transcribe(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from . import released

    model, failed = None, False
    for path in tqdm(arguments.files, unit="file", disable=None):
        try:
            recording = _loaded(path)
            outputs = _outputs(path, arguments.output, arguments.overwrite)
            model = model or released.load()
            _write(_notes(recording, model, arguments.timing), *outputs)
        except (InputError, OSError) as problem:
            with tqdm.external_write_mode(file=sys.stderr):
                _complain(problem)
            failed = True
    return FAILED if failed else 0


def _loaded(path: Path):
    """The recording at 22,050 Hz, under its full name, so that every complaint names the file."""
    from .constants import NMP
    from .sound import load

    return replace(load(path, rate=NMP.sample_rate), title=str(path))


def _outputs(path: Path, folder: Path, overwrite: bool) -> list[Path]:
    outputs = [folder / f"{path.stem}{suffix}" for suffix in (".mid", ".csv")]
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder to write to.")
    for output in outputs:
        if output.exists() and not overwrite:
            raise InputError(f"{output}: exists already, so {path} was left out. Give --overwrite or another -o.")
    return outputs


def _notes(recording, model, timing: str):
    from . import released, transcribe

    if timing == "true":
        return transcribe(recording, model=model)[0]
    return released.transcribe(recording, model=model)[0]


def _write(notes, midi: Path, table: Path) -> None:
    """Both files or neither."""
    from .files import written_whole
    from .notes import write_csv, write_midi

    with written_whole(midi) as midi_scratch, written_whole(table) as table_scratch:
        write_midi(notes, midi_scratch)
        write_csv(notes, table_scratch)


def _sounds(arguments: argparse.Namespace) -> int:
    from . import maestro

    maestro.book_set(progress=True)
    return 0


def _complain(problem: Exception) -> None:
    print(f"nmp-lessons: {problem}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
