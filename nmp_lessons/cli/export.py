"""``nmp-lessons export NAME``: write a trained network, from audio to posteriors, as one ONNX graph."""

import argparse
from pathlib import Path

from ..errors import InputError, needs


def write_graph(name: str, folder: Path, *, overwrite: bool = False) -> Path:
    """Write the network of a run to a folder, as the ONNX graph NAME.onnx.

    Raises
    ------
    InputError
        If there is no trained run of that name, or if the file exists and `overwrite` is false.
    """
    needs("export", "onnx")
    from ..beyond.export import graph
    from ..files import atomic_write
    from ..training.checkpoints import named

    path = Path(folder) / f"{name}.onnx"
    if path.exists() and not overwrite:
        raise InputError(f"{path}: already exists; add --overwrite, or choose another folder with -o.")
    model, decoder = named(name)
    with atomic_write(path) as scratch:
        scratch.write_bytes(graph(name, model, decoder))
    return path


def add(commands) -> None:
    export = commands.add_parser(
        "export",
        help="export a network to ONNX, for other programs",
        description="Write a trained network, from audio to posteriors, to NAME.onnx.",
    )
    export.add_argument("name", metavar="NAME", help="a run (see `nmp-lessons experiments`), or released")
    export.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: this one)"
    )
    export.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    export.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    print(write_graph(arguments.name, arguments.output, overwrite=arguments.overwrite))
    return 0
