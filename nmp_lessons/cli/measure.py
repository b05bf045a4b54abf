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

    from ..ablations.measurement import measure, measure_decoders, measure_errors, measure_released, real_recordings
    from ..ablations.runs import experiments

    standing = [name for name in experiments() if (arguments.output / f"{name}.json").exists()]
    recordings = real_recordings(arguments.recordings) if arguments.recordings else ()
    if not (arguments.names or standing):
        raise InputError(f"{arguments.output}: contains no trained networks; give their folder with -o.")
    for name in arguments.names or standing:
        if name == "released":
            print(f"{name:32} real {np.mean(measure_released(recordings, folder=arguments.output)):.3f}")
            continue
        if name == "errors":
            rows = measure_errors(recordings, folder=arguments.output)
            print(f"{name:32} real {np.mean([row['Fno'] for row in rows if row['network'] != 'released']):.3f}")
            continue
        if name == "decoders":
            rows = measure_decoders(recordings, folder=arguments.output)
            print(f"{name:32} {len(rows)} scores")
            continue
        if name == "filters":
            from ..ablations.filters import measure_filters

            print(f"{name:32} {len(measure_filters(folder=arguments.output))} rows")
            continue
        if name == "layers":
            from ..ablations.layers import measure_layers

            print(f"{name:32} {len(measure_layers(folder=arguments.output))} rows")
            continue
        found = measure(name, folder=arguments.output, recordings=recordings)
        rows = found["robustness"] | ({"real": found["real_piano"]} if recordings else {})
        print(f"{name:32} " + "  ".join(f"{row} {np.mean(values):.3f}" for row, values in rows.items()), flush=True)
    return 0
