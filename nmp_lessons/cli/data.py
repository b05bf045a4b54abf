"""``nmp-lessons data asap|maestro``: make training data."""

import argparse
import os
from pathlib import Path

from ..errors import InputError
from ..files import writable


def add(commands) -> None:
    data = commands.add_parser("data", help="make training data", description="Make training data from a data set.")
    datasets = data.add_subparsers(title="datasets", required=True, metavar="DATASET")
    asap = datasets.add_parser("asap", help="render the performances of (n)ASAP", description=_asap.__doc__)
    asap.add_argument("path", type=Path, help="the archive or folder of (n)ASAP")
    asap.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder to write to (default: in the cache)")
    asap.add_argument("--clips", type=int, default=1200, help="training clips of one minute (default: 1200)")
    asap.add_argument("--validation-clips", type=int, default=60, help="validation clips (default: 60)")
    asap.add_argument("--dry-clips", type=int, default=0, help="training clips without any room (default: 0)")
    asap.add_argument("--pianos", nargs="+", metavar="NAME", help="use only these pianos (default: all)")
    asap.add_argument("--seed", type=int, default=0, help="seed for all random choices (default: 0)")
    asap.set_defaults(run=_asap)
    maestro = datasets.add_parser("maestro", help="cut the recordings of MAESTRO v3", description=_maestro.__doc__)
    maestro.add_argument("root", nargs="?", type=Path, help="MAESTRO's folder (default: $MAESTRO_ROOT)")
    maestro.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder to write to (default: in the cache)")
    maestro.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: one per core)")
    maestro.add_argument(
        "--without", nargs="+", default=(), metavar="NAME", help="leave out these years or performances"
    )
    maestro.add_argument("--check", action="store_true", help="rebuild every file that doesn't match its checksum")
    maestro.set_defaults(run=_maestro)


def _asap(arguments: argparse.Namespace) -> int:
    """Render one-minute clips of (n)ASAP's performances on many pianos. An interrupted run resumes where it stopped."""
    from ..audio.instruments import PIANOS
    from ..data.asap import performances
    from ..training.corpus import render_corpus

    known = {piano.name: piano for piano in PIANOS}
    if min(arguments.clips, arguments.validation_clips, arguments.dry_clips) < 0:
        raise InputError("--clips, --validation-clips or --dry-clips is below 0; give the number of minutes to render.")
    for name in arguments.pianos or ():
        if name not in known:
            raise InputError(f"{name}: no such piano; choose from {', '.join(known)}.")
    folder = writable(arguments.output or default_corpus())
    wanted = {"train": arguments.clips, "validation": arguments.validation_clips, "dry": arguments.dry_clips}
    for part, clips in wanted.items():
        if not clips:
            continue
        split = "train" if part == "dry" else part
        pianos = [known[name] for name in arguments.pianos] if arguments.pianos else None
        notes = performances(arguments.path, split)
        made = render_corpus(
            folder / part,
            notes,
            clips=clips,
            split=split,
            pianos=pianos,
            rooms=part != "dry",
            seed=arguments.seed,
            progress=True,
        )
        print(f"{folder / part}: {len(made)} clips, fingerprint {made.fingerprint[:16]}")
    return 0


def _maestro(arguments: argparse.Namespace) -> int:
    """Cut MAESTRO's recordings into one-minute clips for training. An interrupted run resumes where it stopped."""
    from .. import fetch
    from ..data.maestro import Maestro
    from ..training.maestro_clips import cut_corpus

    folder = arguments.output or fetch.cache_dir() / "maestro"
    tree = Maestro(arguments.root, without=arguments.without)
    made = cut_corpus(folder, tree, workers=arguments.workers, check=arguments.check, progress=True)
    for split, corpus in made.items():
        print(f"{folder / split}: {len(corpus)} clips, fingerprint {corpus.fingerprint[:16]}")
    print(f"To train on it: nmp-lessons train NAME --corpus {folder}")
    return 0


def default_corpus() -> Path:
    from ..fetch import cache_dir

    return cache_dir() / "corpus"
