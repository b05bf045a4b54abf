"""``nmp-lessons maestro [ROOT]``: check a copy of MAESTRO v3 and count its performances."""

import argparse
from pathlib import Path


def add(commands) -> None:
    check = commands.add_parser(
        "maestro",
        help="check a copy of MAESTRO v3 and count its performances",
        description="Check that a copy of MAESTRO v3 is complete, and count its performances and hours.",
    )
    check.add_argument("root", nargs="?", type=Path, help="MAESTRO's folder (default: $MAESTRO_ROOT)")
    check.add_argument("--without", nargs="+", default=(), metavar="NAME", help="leave out these years or performances")
    check.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from ..data import maestro

    tree = maestro.Maestro(arguments.root, without=arguments.without)
    for split in maestro.SPLITS:
        performances = tree.performances(split)
        print(f"{split:10} {len(performances):5} performances {sum(p.seconds for p in performances) / 3600:6.2f} h")
    return 0
