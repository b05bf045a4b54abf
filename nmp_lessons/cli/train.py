"""``nmp-lessons train NAME``: train one of the book's networks, or resume an interrupted training."""

import argparse
from pathlib import Path

from ..errors import InputError, needs
from ..files import CHECKPOINTS, writable
from .data import default_corpus


def add(commands) -> None:
    train = commands.add_parser("train", help="train one of the book's networks", description=run.__doc__)
    train.add_argument("name", metavar="NAME", help="an experiment (see `nmp-lessons experiments`)")
    train.add_argument("--corpus", type=Path, help="folder of training clips (default: where `data asap` writes)")
    train.add_argument("-o", "--output", type=Path, default=CHECKPOINTS, metavar="DIR", help="folder of checkpoints")
    train.add_argument("--compile", action="store_true", help="fuse layers (needs a C++ compiler; for bfloat16)")
    train.add_argument("--accelerator", default="auto", help="auto (default), cpu or cuda")
    train.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train one network, or resume an interrupted training. The weights and the record are written at the end."""
    needs("train", "lightning_fabric")
    from ..ablations.runs import recipe
    from ..data.store import Corpus
    from ..training.loop import can_compile, default_fabric, train
    from ..training.sampling import book_clips

    chosen = recipe(arguments.name)
    folder = arguments.corpus or default_corpus()
    if chosen.corpus == "book":
        clips = book_clips()
        corpora = [clips, clips]
    else:
        corpora = [Corpus(folder / part) for part in (chosen.corpus, "validation")]
    writable(arguments.output)
    try:
        fabric = default_fabric(accelerator=arguments.accelerator)
    except (ValueError, RuntimeError) as problem:
        raise InputError(
            f"--accelerator {arguments.accelerator}: not available on this machine ({problem}); try cpu."
        ) from problem
    train(
        chosen,
        *corpora,
        folder=arguments.output,
        fabric=fabric,
        compiled=arguments.compile and can_compile(),
        shown=True,
    )
    return 0
