"""``nmp-lessons transcribe FILE...``: transcribe recordings to MIDI and CSV."""

import argparse
import sys
from functools import partial
from pathlib import Path

from ..errors import InputError
from .outputs import add_output, each, outputs, source

RELEASED = "released"
HINT = "nmp-lessons: for a piano, --network piano is more accurate (--network released hides this line)."


def add(commands) -> None:
    transcribe = commands.add_parser(
        "transcribe",
        help="transcribe audio files to MIDI and CSV",
        description="Write the notes of each audio file to NAME.mid and NAME.csv (onset, offset, pitch, velocity).",
    )
    transcribe.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="audio or video file: WAV, FLAC, MP3, OGG, M4A, WebM ...; - for standard input",
    )
    add_output(transcribe)
    transcribe.add_argument(
        "--network",
        metavar="NAME",
        help="released (default), piano (the best network of this book, for pianos only), or any other of its networks "
        "(see `nmp-lessons experiments`)",
    )
    transcribe.add_argument(
        "--timing",
        choices=("true", "released"),
        default="true",
        help="times of the released network: where its frames truly are (default), or as its own program gives them, "
        "which loses the last 0.7 %% of a recording",
    )
    transcribe.add_argument(
        "--bends",
        action="store_true",
        help="also write pitch bends to the MIDI file; notes that sound together then get channels of their own",
    )
    transcribe.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from ..audio.streams import Spool
    from ..constants import NMP

    network = arguments.network or RELEASED
    if arguments.bends and network != RELEASED:
        raise InputError(
            "--bends: this book's networks learned from pianos, which can't bend a pitch; leave out --network."
        )
    if arguments.timing == RELEASED and network != RELEASED:
        raise InputError("--timing released: only the released program has a clock of its own; leave out --network.")
    heard, wrote = None, False

    def transcribe(path: Path) -> None:
        nonlocal heard, wrote
        with Spool(source(path), rate=NMP.sample_rate) as audio:
            written = outputs(path, arguments, ".mid", ".csv")
            heard = heard or _transcriber(network, arguments)  # only once there is a file that can be read
            _write(*heard(audio), *written)
            wrote = True

    status = each(arguments.files, transcribe)
    if wrote and not (arguments.network or arguments.bends or arguments.timing == RELEASED):
        print(HINT, file=sys.stderr)
    return status


def _transcriber(network: str, arguments: argparse.Namespace):
    """A function from a `Spool` to notes and their bends, with the chosen network and timing."""
    from ..decoding.peak_decoder import PeakDecoder
    from ..hearing import transcribe_file
    from ..training.checkpoints import named

    model, settings = named(network)
    as_released = arguments.timing == RELEASED
    if network == RELEASED and (arguments.bends or as_released):
        return partial(_at_once, model=model, as_released=as_released, bent=arguments.bends)
    decoder = None if settings is None else PeakDecoder(**settings)
    return lambda audio: (transcribe_file(audio, model=model, decoder=decoder), None)


def _at_once(audio, *, model, as_released: bool, bent: bool):
    """What needs all posteriors at the same time: the released program's clock, and pitch bends."""
    from ..audio.recording import Recording
    from ..decoding.pitch_bends import bends
    from ..hearing import transcribe, transcribe_as_released
    from ..model import released

    recording = Recording(audio[:], audio.rate, title=audio.name)
    notes, posteriors = (transcribe_as_released if as_released else transcribe)(recording, model=model)
    return notes, bends(posteriors, notes, centre=released.CENTRE) if bent else None


def _write(notes, bends, midi: Path, table: Path) -> None:
    """Write both files or neither."""
    from ..files import atomic_write
    from ..notes.midi import write_midi
    from ..notes.tables import write_csv

    with atomic_write(midi) as midi_scratch, atomic_write(table) as table_scratch:
        write_midi(notes, midi_scratch, bends=bends)
        write_csv(notes, table_scratch)
