"""``nmp-lessons experiments``: list the book's networks, with steps, minutes and scores of those that are trained."""

import argparse
from pathlib import Path

from ..errors import InputError
from ..files import CHECKPOINTS


def add(commands) -> None:
    listing = commands.add_parser(
        "experiments",
        help="list the book's networks and which of them are trained",
        description="List the book's networks, with steps, minutes and validation scores of those that are trained.",
    )
    listing.add_argument("-o", "--output", type=Path, default=CHECKPOINTS, metavar="DIR", help="folder of checkpoints")
    listing.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from ..ablations.runs import experiments, state

    if not arguments.output.is_dir():
        raise InputError(f"{arguments.output}: no such folder; give the one that contains the checkpoints.")
    states = [state(name, folder=arguments.output) for name in experiments()]
    for found in states:
        if found["state"] == "stands":
            score = "" if found["Fno"] is None else f"  Fno {found['Fno']:.3f} on validation clips"
            print(f"{found['name']:32} {found['steps']:6} steps {found['minutes']:7.1f} min{score}")
        else:
            print(f"{found['name']:32} {found['state']}")
    stand = [found for found in states if found["state"] == "stands"]
    print(f"{len(stand)} of {len(states)} are trained, which took {sum(f['minutes'] for f in stand):.0f} minutes.")
    return 0
