"""``nmp-lessons evaluate PREDICTION REFERENCE``: score notes against a reference; two files or two folders."""

import argparse
import json
import unicodedata
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import cast

from ..errors import InputError, NoNotes, warn
from ..files import visible_files
from .outputs import STDIN, source, stem

NOTE_FILES = {".csv": 0, ".tsv": 1, ".txt": 2, ".jams": 3, ".mid": 4, ".midi": 5}  # of equal stems, the lowest is read


def add(commands) -> None:
    evaluate = commands.add_parser(
        "evaluate",
        help="score notes against a reference",
        description="Score a file of notes against its reference, or every file in a folder against the file of the "
        "same name in another. The files may be MIDI, CSV, TSV or JAMS; if a folder has a MIDI file and a table of the "
        "same name, the table is read. Text files that contain no table, such as README.txt, are left out. F and Fno "
        "score notes with and without regard to offsets, Acc compares frames of 10 ms, and low and high are the ends "
        "of the 95 % interval of the mean.",
    )
    evaluate.add_argument("prediction", type=Path, metavar="PREDICTION", help="file or folder; - for standard input")
    evaluate.add_argument("reference", type=Path, metavar="REFERENCE", help="file or folder")
    evaluate.add_argument(
        "--tolerance", type=float, default=50.0, metavar="MS", help="tolerance for onsets (default: 50)"
    )
    evaluate.add_argument(
        "--no-pedal", action="store_true", help="ignore the pedal: a note in a MIDI file ends when its key is released"
    )
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of a table")
    evaluate.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from .. import evaluation

    if not 0 < arguments.tolerance < 10_000:
        raise InputError(f"--tolerance {arguments.tolerance:g}: give a number of milliseconds above 0, such as 50.")
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


def _pairs(prediction: Path, reference: Path) -> dict[str, tuple[Path, Path]]:
    """The prediction and the reference of every piece, by name."""
    for path in (prediction, reference):
        if not path.exists() and path != STDIN:
            raise InputError(f"{path}: no such file or folder; check the name.")
    if prediction.is_dir() != reference.is_dir():
        folder, file = (prediction, reference) if prediction.is_dir() else (reference, prediction)
        raise InputError(f"{folder} is a folder, but {file} isn't; give two files or two folders.")
    if not prediction.is_dir():
        return {stem(prediction): (prediction, reference)}
    predictions, references = _note_files(prediction), _note_files(reference)
    for found, here, there in ((predictions, references, reference), (references, predictions, prediction)):
        alone = sorted(str(path) for name, path in found.items() if name not in here)
        if alone:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            raise InputError(
                f"{alone[0]}{more}: there is no file of that name in {there}; add one, or remove this one."
            )
    return {name: (predictions[name], references[name]) for name in sorted(predictions)}


def _note_files(folder: Path) -> dict[str, Path]:
    """The note files in a folder, by stem. A text that is no table isn't one, unless there are no others.

    A Mac may write ü as u and two dots, other systems don't: in a stem, both are the same.
    """
    from ..notes.tables import is_table

    known = [path for path in visible_files(folder) if path.suffix.lower() in NOTE_FILES]
    if not known:
        raise InputError(f"{folder}: contains no MIDI, CSV or TSV files; give a folder of note files.")
    texts = {path for path in known if path.suffix.lower() == ".txt" and not is_table(path)}
    if len(texts) < len(known):
        known = [path for path in known if path not in texts]
    last_first = sorted(known, key=lambda path: -NOTE_FILES[path.suffix.lower()])
    return {unicodedata.normalize("NFC", path.stem): path for path in last_first}


def _read_notes(path: Path, arguments: argparse.Namespace, *, may_be_empty: bool = False):
    """The notes of a file. A prediction may be empty."""
    from ..notes.midi import read_midi
    from ..notes.note_list import Notes
    from ..notes.tables import read_table

    with ExitStack() as stack:
        given, midi = source(path), path.suffix.lower().startswith(".mid")
        if path == STDIN or path.is_fifo() or path.is_relative_to("/dev"):  # `<(...)`: can be read only once,
            given = cast(BufferedReader, given if path == STDIN else stack.enter_context(path.open("rb")))
            midi = given.peek(4)[:4] in (b"MThd", b"RIFF")  # and its first bytes say what it is
        elif path.suffix.lower() not in NOTE_FILES:
            raise InputError(
                f"{path}: not a note file, judging by its suffix; give .mid, .midi, .csv, .tsv, .txt or .jams."
            )
        try:
            return read_midi(given, pedal=not arguments.no_pedal) if midi else read_table(given)
        except NoNotes as problem:
            if may_be_empty:
                warn(str(problem))
                return Notes([], [], [])
            raise


def _score_lines(rows: dict, summary: dict) -> list[str]:
    """A table with a line for each piece, then the mean and both ends of its interval."""
    lines = dict(rows)
    for part, title in enumerate(("mean", "low", "high")):
        if summary:
            lines[f"[{title}]"] = {name: values[part] for name, values in summary.items()}
    names, width = list(next(iter(rows.values()))), max(map(len, lines))
    head = " " * width + "".join(f"{name:>8}" for name in names)
    body = [(title, "".join(f"{row[name]:8.3f}" for name in names)) for title, row in lines.items()]
    return [head] + [f"{title:{width}}{cells}" for title, cells in body]
