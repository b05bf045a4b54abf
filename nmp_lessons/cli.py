"""The command line: ``nmp-lessons transcribe FILE... [-o DIR]`` and the other commands of ``--help``.

Whatever cannot be done is said in one line on the standard error, naming the file and the mend; the other
files are done all the same, and the exit status is 2. Files that exist are not overwritten unless
``--overwrite`` is given, and none is ever left half written.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from .errors import InputError, NoNotes

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
        "--network",
        default="released",
        metavar="NAME",
        help="released (default), or one of this book's (`nmp-lessons experiments`): the best is compact-main-0",
    )
    transcribe.add_argument(
        "--timing",
        choices=("released", "true"),
        default="released",
        help="of the released network: times as its program gives them (default), or where its frames truly are",
    )
    transcribe.add_argument(
        "--bends",
        action="store_true",
        help="write pitch bends into the MIDI too; notes that sound together then have channels of their own",
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

    evaluate = commands.add_parser(
        "evaluate",
        help="score notes against a reference",
        description="Score a file of notes against its reference, or every file of a folder against the file of the "
        "same name in another. MIDI, CSV or TSV; where a folder has both for one name, the table is read. "
        "F, Fno: notes with and without offsets; Acc: frames of 10 ms; low, high: 95 %% interval of the mean.",
    )
    evaluate.add_argument("prediction", type=Path, metavar="PREDICTION", help="file or folder")
    evaluate.add_argument("reference", type=Path, metavar="REFERENCE", help="file or folder")
    evaluate.add_argument("--tolerance", type=float, default=50.0, metavar="MS", help="for onsets (default: 50 ms)")
    evaluate.add_argument("--no-pedal", action="store_true", help="notes of MIDI files last as keys are held")
    evaluate.add_argument("--json", action="store_true", help="print JSON in place of a table")
    evaluate.set_defaults(run=_evaluate)

    check = commands.add_parser(
        "maestro", help="check a MAESTRO v3 on disk and count what is in it", description="Check a MAESTRO tree."
    )
    check.add_argument("root", nargs="?", type=Path, help="its folder (default: MAESTRO_ROOT)")
    check.add_argument("--without", nargs="+", default=(), metavar="NAME", help="leave out years or performances")
    check.set_defaults(run=_maestro)

    sounds = commands.add_parser("sounds", help="fetch and render the book's recordings, once")
    sounds.set_defaults(run=_sounds)

    from . import ablations, export
    from .answers import instructor

    ablations.add_commands(commands)
    export.add_commands(commands)
    instructor.add_commands(commands)
    return parser


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: this one)"
    )
    command.add_argument("--overwrite", action="store_true", help="replace files that exist")


def _transcribe(arguments: argparse.Namespace) -> int:
    from . import decoding, released

    if arguments.bends and arguments.network != "released":
        raise InputError(
            "--bends: the networks of this book learned from pianos, which do not bend; leave --network out."
        )
    heard = None

    def transcribe(path: Path) -> None:
        nonlocal heard
        recording = _loaded(path)
        outputs = _outputs(path, arguments, ".mid", ".csv")
        heard = heard or _transcriber(arguments.network, arguments.timing)  # not before some file can be read
        notes, posteriors = heard(recording)
        bends = decoding.bends(posteriors, notes, centre=released.CENTRE) if arguments.bends else None
        _write(notes, bends, *outputs)

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


def _transcriber(network: str, timing: str):
    """From a recording to notes and posteriors, by the network and on the clock that are asked for."""
    from . import released, training, transcribe
    from .decoding import PeakDecoder

    if network == "released":
        return partial(transcribe if timing == "true" else released.transcribe, model=released.load())
    model, record = training.load(network)
    return partial(transcribe, model=model, decoder=PeakDecoder(**record["decoder"]))


def _write(notes, bends, midi: Path, table: Path) -> None:
    """Both files or neither."""
    from .files import written_whole
    from .notes import write_csv, write_midi

    with written_whole(midi) as midi_scratch, written_whole(table) as table_scratch:
        write_midi(notes, midi_scratch, bends=bends)
        write_csv(notes, table_scratch)


def _evaluate(arguments: argparse.Namespace) -> int:
    import json

    from . import evaluation

    if not 0 < arguments.tolerance < 10_000:
        raise InputError(f"--tolerance {arguments.tolerance:g}: give milliseconds above 0, such as 50.")
    pairs = {
        name: (_read_notes(reference, arguments), _read_notes(prediction, arguments, may_be_empty=True))
        for name, (prediction, reference) in _pairs(arguments.prediction, arguments.reference).items()
    }
    seconds = arguments.tolerance / 1000
    rows = {name: evaluation.scores(*pair, tolerance=seconds) for name, pair in pairs.items()}
    summary = evaluation.summary(rows) if len(rows) > 1 else {}
    if arguments.json:
        means = {score: {"mean": mean, "interval": [low, high]} for score, (mean, low, high) in summary.items()}
        print(json.dumps({"tolerance": seconds, "pieces": rows} | ({"mean": means} if means else {}), indent=1))
    else:
        print("\n".join(_score_lines(rows, summary)))
    return 0


NOTE_FILES = {".csv": 0, ".tsv": 1, ".txt": 2, ".mid": 3, ".midi": 4}  # which one of equal stems is read first


def _pairs(prediction: Path, reference: Path) -> dict[str, tuple[Path, Path]]:
    """Prediction and reference of every piece, by name."""
    for path in (prediction, reference):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; check the name.")
    if prediction.is_dir() != reference.is_dir():
        folder, file = (prediction, reference) if prediction.is_dir() else (reference, prediction)
        raise InputError(f"{folder} is a folder and {file} is not; name two files or two folders.")
    if not prediction.is_dir():
        return {prediction.stem: (prediction, reference)}
    predictions, references = _note_files(prediction), _note_files(reference)
    for found, here, there in ((predictions, references, reference), (references, predictions, prediction)):
        alone = sorted(str(path) for name, path in found.items() if name not in here)
        if alone:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            raise InputError(f"{alone[0]}{more}: nothing of that name in {there}; add it, or take this one away.")
    return {name: (predictions[name], references[name]) for name in sorted(predictions)}


def _note_files(folder: Path) -> dict[str, Path]:
    """The files of notes in a folder, by stem."""
    known = [path for path in folder.iterdir() if path.suffix.lower() in NOTE_FILES and path.is_file()]
    if not known:
        raise InputError(f"{folder}: holds no MIDI, CSV or TSV; name a folder of notes.")
    last_first = sorted(known, key=lambda path: -NOTE_FILES[path.suffix.lower()])
    return {path.stem: path for path in last_first}


def _read_notes(path: Path, arguments: argparse.Namespace, *, may_be_empty: bool = False):
    """The notes of a file; a prediction may be empty."""
    from .notes import Notes, read_midi, read_table

    if path.suffix.lower() not in NOTE_FILES:
        raise InputError(f"{path}: is no file of notes by its name; give .mid, .midi, .csv, .tsv or .txt.")
    try:
        if path.suffix.lower().startswith(".mid"):
            return read_midi(path, pedal=not arguments.no_pedal)
        return read_table(path)
    except NoNotes:
        if may_be_empty:
            return Notes([], [], [])
        raise


def _score_lines(rows: dict, summary: dict) -> list[str]:
    """A table: a line for each piece; below them the mean, and both ends of its interval."""
    lines = dict(rows)
    for part, title in enumerate(("mean", "low", "high")):
        if summary:
            lines[f"[{title}]"] = {name: values[part] for name, values in summary.items()}
    names, width = list(next(iter(rows.values()))), max(map(len, lines))
    head = " " * width + "".join(f"{name:>8}" for name in names)
    body = [(title, "".join(f"{row[name]:8.3f}" for name in names)) for title, row in lines.items()]
    return [head] + [f"{title:{width}}{cells}" for title, cells in body]


def _maestro(arguments: argparse.Namespace) -> int:
    from . import maestro

    tree = maestro.Maestro(arguments.root, without=arguments.without)
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
