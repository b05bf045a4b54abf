"""``nmp-lessons transcribe FILE...``: transcribe recordings to MIDI and CSV."""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..errors import InputError
from .outputs import add_output, each, outputs, source


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
        default="released",
        metavar="NAME",
        help="released (default), or a network of this book (see `nmp-lessons experiments`; best: separable-main-0)",
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
    from ..decoding.pitch_bends import bends as bends_decoding
    from ..model import released

    if arguments.bends and arguments.network != "released":
        raise InputError(
            "--bends: this book's networks learned from pianos, which can't bend a pitch; leave out --network."
        )
    heard = None

    def transcribe(path: Path) -> None:
        nonlocal heard
        recording = _loaded(path)
        written = outputs(path, arguments, ".mid", ".csv")
        heard = heard or _transcriber(arguments.network, arguments.timing)  # only once there is a file that can be read
        notes, posteriors = heard(recording)
        bends = bends_decoding(posteriors, notes, centre=released.CENTRE) if arguments.bends else None
        _write(notes, bends, *written)

    return each(arguments.files, transcribe)


def _loaded(path: Path):
    """The recording at 22,050 Hz, with its path as the title so that every message names the file."""
    from ..audio.formats import load
    from ..constants import NMP

    return replace(load(source(path), rate=NMP.sample_rate), title=str(path))


def _transcriber(network: str, timing: str):
    """A function from a recording to notes and posteriors, with the chosen network and timing."""
    from ..decoding.peak_decoder import PeakDecoder
    from ..hearing import transcribe, transcribe_as_released
    from ..model import released
    from ..training.checkpoints import load as load_training

    if network == "released":
        return partial(transcribe if timing == "true" else transcribe_as_released, model=released.load())
    model, record = load_training(network)
    return partial(transcribe, model=model, decoder=PeakDecoder(**record["decoder"]))


def _write(notes, bends, midi: Path, table: Path) -> None:
    """Write both files or neither."""
    from ..files import atomic_write
    from ..notes.midi import write_midi
    from ..notes.tables import write_csv

    with atomic_write(midi) as midi_scratch, atomic_write(table) as table_scratch:
        write_midi(notes, midi_scratch, bends=bends)
        write_csv(notes, table_scratch)
