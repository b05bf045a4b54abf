"""The command line: ``nmp-lessons transcribe FILE... [-o DIR]`` and the other commands of ``--help``.

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
    _add_output(transcribe)
    transcribe.add_argument(
        "--timing",
        choices=("released", "true"),
        default="released",
        help="times as the released program gives them (default), or where its frames truly are",
    )
    transcribe.set_defaults(run=_transcribe)

    play = commands.add_parser(
        "play",
        help="MIDI files to sound, on the book's piano",
        description="Write each MIDI file as NAME.flac, played on recorded notes, with its sustain pedal.",
    )
    play.add_argument("files", nargs="+", type=Path, metavar="FILE", help="MIDI")
    _add_output(play)
    play.set_defaults(run=_play)

    check = commands.add_parser(
        "maestro", help="check a MAESTRO v3 on disk and count what is in it", description="Check a MAESTRO tree."
    )
    check.add_argument("root", nargs="?", type=Path, help="its folder (default: MAESTRO_ROOT)")
    check.set_defaults(run=_maestro)

    sounds = commands.add_parser("sounds", help="fetch and render the book's recordings, once")
    sounds.set_defaults(run=_sounds)

    from . import ablations, export

    ablations.add_commands(commands)
    export.add_commands(commands)
    return parser


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: this one)"
    )
    command.add_argument("--overwrite", action="store_true", help="replace files that exist")


def _transcribe(arguments: argparse.Namespace) -> int:
    from . import released

    model = None

    def transcribe(path: Path) -> None:
        nonlocal model
        recording = _loaded(path)
        outputs = _outputs(path, arguments, ".mid", ".csv")
        model = model or released.load()  # not before some file can be read
        _write(_notes(recording, model, arguments.timing), *outputs)

    return _each(arguments.files, transcribe)


def _play(arguments: argparse.Namespace) -> int:
    from . import piano
    from .notes import read_midi
    from .sound import save

    def play(path: Path) -> None:
        notes = read_midi(path)
        (output,) = _outputs(path, arguments, ".flac")
        save(piano.render(notes), output)

    return _each(arguments.files, play)


def _each(files: Sequence[Path], do) -> int:
    """Do it to every file, whatever becomes of the others."""
    from tqdm import tqdm

    failed = False
    for path in tqdm(files, unit="file", disable=None):
        try:
            do(path)
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


def _outputs(path: Path, arguments: argparse.Namespace, *suffixes: str) -> list[Path]:
    folder = arguments.output
    outputs = [folder / f"{path.stem}{suffix}" for suffix in suffixes]
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder to write to.")
    for output in outputs:
        if output.exists() and not arguments.overwrite:
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


def _maestro(arguments: argparse.Namespace) -> int:
    from . import maestro

    tree = maestro.Maestro(arguments.root)
    for split in maestro.SPLITS:
        performances = tree.performances(split)
        print(f"{split:10} {len(performances):5} performances {sum(p.seconds for p in performances) / 3600:6.2f} h")
    return 0


def _sounds(arguments: argparse.Namespace) -> int:
    from . import maestro

    maestro.book_set(progress=True)
    return 0


def _complain(problem: Exception) -> None:
    print(f"nmp-lessons: {problem}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
