"""Shared by commands that turn files into other files: where to write, and how to continue after a failure."""

import argparse
import sys
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError, InputWarning

FAILED = 2  # exit status


def add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: this one)"
    )
    command.add_argument("--overwrite", action="store_true", help="replace existing files")


def each(files: Sequence[Path], do: Callable[[Path], None]) -> int:
    """Process every file, even if some of them fail."""
    from tqdm import tqdm

    failed = False
    for path in tqdm(files, unit="file", disable=None):
        try:
            do(path)
        except (InputError, OSError) as problem:
            with tqdm.external_write_mode(file=sys.stderr):
                complain(problem)
            failed = True
    return FAILED if failed else 0


def outputs(path: Path, arguments: argparse.Namespace, *suffixes: str) -> list[Path]:
    folder = arguments.output
    outputs = [folder / f"{path.stem}{suffix}" for suffix in suffixes]
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder to write to.")
    for output in outputs:
        if output.exists() and not arguments.overwrite:
            raise InputError(
                f"{output}: already exists, so {path} was skipped; add --overwrite, or choose another folder with -o."
            )
    return outputs


def complain(problem: Exception | str) -> None:
    print(f"nmp-lessons: {problem}", file=sys.stderr)


@contextmanager
def warnings_in_one_line() -> Generator[None, None, None]:
    """Every warning is printed like a complaint, each time it comes, and without the line of code it came from."""
    from tqdm import tqdm

    def show(message, category, filename, lineno, file=None, line=None) -> None:
        with tqdm.external_write_mode(file=sys.stderr):
            complain(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        warnings.showwarning = show
        yield
