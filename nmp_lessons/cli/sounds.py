"""``nmp-lessons sounds``: fetch and render the book's recordings, once."""

import argparse


def add(commands) -> None:
    sounds = commands.add_parser("sounds", help="fetch and render the book's recordings, once")
    sounds.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from ..data import maestro

    maestro.book_set(progress=True)
    return 0
