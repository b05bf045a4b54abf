"""``nmp-lessons measure [NAME...]``: score trained networks and store the scores in their records."""

import argparse
from pathlib import Path

from ..errors import InputError
from ..files import CHECKPOINTS


def add(commands) -> None:
    measuring = commands.add_parser("measure", help="score trained networks", description=run.__doc__)
    measuring.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="runs (default: all that are trained), or released, errors, decoders, filters, layers",
    )
    measuring.add_argument(
        "--recordings", type=Path, metavar="DIR", help="real recordings: FLAC files, each with a TSV"
    )
    measuring.add_argument(
        "-o", "--output", type=Path, default=CHECKPOINTS, metavar="DIR", help="folder of checkpoints"
    )
    measuring.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score networks under each disturbance, and on real recordings if given, and store the scores in their records."""
    import numpy as np

    from .. import ablations

    folder = arguments.output
    names = arguments.names or [name for name in ablations.experiments() if (folder / f"{name}.json").exists()]
    if not names:
        raise InputError(f"{folder}: contains no trained networks; give their folder with -o.")
    recordings = ablations.real_recordings(arguments.recordings) if arguments.recordings else ()

    def errors() -> str:
        rows = ablations.measure_errors(recordings, folder=folder)
        return f"real {np.mean([row['Fno'] for row in rows if row['network'] != 'released']):.3f}"

    tables = {
        "released": lambda: f"real {np.mean(ablations.measure_released(recordings, folder=folder)):.3f}",
        "errors": errors,
        "decoders": lambda: f"{len(ablations.measure_decoders(recordings, folder=folder))} scores",
        "filters": lambda: f"{len(ablations.measure_filters(folder=folder))} rows",
        "layers": lambda: f"{len(ablations.measure_layers(folder=folder))} rows",
    }

    def scores(name: str) -> str:
        found = ablations.measure(name, folder=folder, recordings=recordings)
        rows = found["robustness"] | ({"real": found["real_piano"]} if recordings else {})
        return "  ".join(f"{row} {np.mean(values):.3f}" for row, values in rows.items())

    for name in names:
        print(f"{name:32} {tables[name]() if name in tables else scores(name)}", flush=True)
    return 0
