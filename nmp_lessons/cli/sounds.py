"""``nmp-lessons sounds``: download and render the book's recordings, which is needed only once."""

import argparse


def add(commands) -> None:
    sounds = commands.add_parser(
        "sounds",
        help="download and render the book's recordings (needed only once)",
        description="Download recorded piano notes and MIDI, and render the book's recordings into the cache. This is "
        "needed only once.",
    )
    sounds.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from ..data import maestro

    maestro.book_set(progress=True)
    return 0
