"""``nmp-lessons export NAME``: a trained network, from audio to posteriors, as one ONNX graph."""

import argparse
from pathlib import Path

from ..errors import InputError, needs


def write_graph(name: str, folder: Path, *, overwrite: bool = False) -> Path:
    """Write the graph of a run as NAME.onnx into a folder.

    Raises
    ------
    InputError
        If no such run stands, or the file exists and is not to be overwritten.
    """
    needs("export", "onnx")
    from ..beyond.export import graph
    from ..files import atomic_write
    from ..training.checkpoints import named

    path = Path(folder) / f"{name}.onnx"
    if path.exists() and not overwrite:
        raise InputError(f"{path}: exists already. Give --overwrite or another -o.")
    model, decoder = named(name)
    with atomic_write(path) as scratch:
        scratch.write_bytes(graph(name, model, decoder))
    return path


def add(commands) -> None:
    export = commands.add_parser(
        "export",
        help="a network for other programs, as ONNX",
        description="Write a trained network, from audio to posteriors, as NAME.onnx.",
    )
    export.add_argument("name", metavar="NAME", help="a run (see `nmp-lessons experiments`), or released")
    export.add_argument("-o", "--output", type=Path, default=Path(), metavar="DIR", help="where to write")
    export.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    export.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    print(write_graph(arguments.name, arguments.output, overwrite=arguments.overwrite))
    return 0
