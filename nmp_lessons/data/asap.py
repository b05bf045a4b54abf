"""Performances of (n)ASAP (CC BY-NC-SA 4.0) and their split, ``asap_split.csv`` beside this file.

A piece is left out if ASAP links one of its performances to MAESTRO v3's validation or test split (`derive_split`
made the table). Even so, seven performances from those splits got into the table: `LET_IN`. `performances` leaves them
out; most of the shipped networks were trained before it did.
"""

import gzip
import lzma
import os
import tarfile
import warnings
import zlib
from pathlib import Path

from ..errors import InputError
from ..files import member_bytes, read_rows
from ..notes.midi import read_midi
from ..notes.note_list import Notes

SPLIT = Path(__file__).with_name("asap_split.csv")
DAMAGE = (tarfile.TarError, EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)  # of an archive, packed or not
LET_IN = {
    "Beethoven/Piano_Sonatas/11-2/MaximovI04.mid": "validation",
    "Beethoven/Piano_Sonatas/11-3/MaximovI05.mid": "validation",
    "Beethoven/Piano_Sonatas/15-1/ZhaoA02.mid": "test",
    "Beethoven/Piano_Sonatas/9-2_no_trio/Tysman05.mid": "test",
    "Haydn/Keyboard_Sonatas/39-2/Yarden07.mid": "validation",
    "Liszt/Transcendental_Etudes/9/ADIG07.mid": "validation",
    "Schumann/Toccata_repeat/Zhdanov06.mid": "test",
}
"""Training performances of ``asap_split.csv`` that MAESTRO keeps, and for what.

The first two are known note by note (`LET_IN_OP_22`). Of Tysman's and Yarden's sonatas ASAP names MAESTRO's file for
the movements before and after; the other three have pianist, piece and length in common with a file of MAESTRO's.
"""
LET_IN_OP_22 = ((332.0, 795.0), (798.0, 972.0))  # seconds of `maestro.full_notes("beethoven-menuetto")`


def performances(source: str | os.PathLike, split: str) -> list[Notes]:
    """The performances of one split ("train", "validation") in an archive or folder of (n)ASAP, with pedal.

    Those in `LET_IN` are left out.

    Raises
    ------
    InputError
        If the source is missing or contains none of the performances in the split.
    """
    source = Path(source)
    names = {row["midi_performance"] for row in read_rows(SPLIT) if row["split"] == split} - set(LET_IN)
    if source.is_dir():
        found = {name: (source / name).read_bytes() for name in names if (source / name).exists()}
    elif source.exists():
        found = _members(source, names)
    else:
        raise InputError(f"{source}: no such file or folder; give the archive or the folder of (n)ASAP.")
    if not found:
        raise InputError(f"{source}: contains none of (n)ASAP's {split} performances; check that it is that data set.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes of no length are dropped, as everywhere
        return [read_midi(data) for _, data in sorted(found.items())]


def _members(source: Path, names: set[str]) -> dict[str, bytes]:
    try:
        with tarfile.open(source) as tar:
            return {
                member.name.removeprefix("./"): member_bytes(tar, member)
                for member in tar
                if member.name.removeprefix("./") in names
            }
    except DAMAGE as problem:
        reason = str(problem).partition("\n")[0].rstrip(":")
        raise InputError(f"{source}: cannot be read as a tar archive ({reason}); download it again.") from problem


def derive_split(metadata: str | os.PathLike, maestro_index: str | os.PathLike) -> list[tuple[str, str]]:
    """Rows (midi_performance, split) of ``asap_split.csv``, from ASAP's ``metadata.csv`` and MAESTRO's index.

    "train" contains performances that MAESTRO v3 doesn't have, or has for training, provided that none of ASAP's
    performances of the piece is in MAESTRO's validation or test split; "validation" contains MAESTRO's own. Left out
    are performances whose MAESTRO file the index doesn't list, and two études that a test set outside the book uses.

    NOTE: An empty link to MAESTRO is taken to mean that MAESTRO doesn't have the performance. But it may also mean that
    ASAP gives no link, as for a middle movement, or where the notes end early. That is how `LET_IN` got in, and perhaps
    more: a performance with an empty link can only be compared with MAESTRO's MIDI, and ``asap_split.csv`` was made
    with a copy of the index that lists 709 of its 1,276 rows. The table stays as it is, because most of the shipped
    networks learned from it. To repair it, compare the notes of every performance with MAESTRO's, and separate whole
    works instead of movements.
    """
    of_file = {row["midi_filename"]: row["split"] for row in read_rows(maestro_index)}
    rows = read_rows(metadata)

    def split(row):
        name = row["maestro_midi_performance"].removeprefix("{maestro}/")
        return of_file.get(name, "unknown") if name else "train"

    kept_apart = {row["folder"] for row in rows if split(row) in ("validation", "test")}
    kept_apart |= {row["folder"] for row in rows if row["folder"].endswith(("Etudes_op_25/3", "Etudes_op_25/4"))}
    return sorted(
        (row["midi_performance"], split(row))
        for row in rows
        if split(row) == "validation" or (split(row) == "train" and row["folder"] not in kept_apart)
    )
