"""Shared by commands that turn files into other files: where to write, and how to continue after a failure."""

import argparse
import sys
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, InputWarning

FAILED = 2  # exit status
STDIN = Path("-")  # stands for standard input


def add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: this one)"
    )
    command.add_argument("--overwrite", action="store_true", help="replace existing files")


def each(files: Sequence[Path], do: Callable[[Path], None]) -> int:
    """Process every file, even if some of them fail. No two write to one name, whatever the options."""
    from tqdm import tqdm

    failed = False
    written: dict[str, Path] = {}
    for path in tqdm(files, unit="file", disable=None):
        name = stem(path).casefold()  # some systems take A and a for the same
        try:
            if name in written:
                raise InputError(
                    f"{path}: would be written over what came from {written[name]}; rename it, or choose another "
                    "folder for it with -o."
                )
            do(path)
            written[name] = path
        except (InputError, OSError) as problem:
            with tqdm.external_write_mode(file=sys.stderr):
                complain(problem)
            failed = True
    return FAILED if failed else 0


def source(path: Path) -> Path | BinaryIO:
    """What to read: a path, or standard input in place of ``-``."""
    return sys.stdin.buffer if path == STDIN else path


def stem(path: Path) -> str:
    """What to call the results for an input."""
    return "stdin" if path == STDIN else path.stem


def outputs(path: Path, arguments: argparse.Namespace, *suffixes: str) -> list[Path]:
    folder = arguments.output
    outputs = [folder / f"{stem(path)}{suffix}" for suffix in suffixes]
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder to write to.")
    for output in outputs:
        if output.exists() and not arguments.overwrite:
            raise InputError(
                f"{output}: already exists, so {path} was skipped; add --overwrite, or choose another folder with -o."
            )
    return outputs


def complain(problem: Exception | str) -> None:
    if isinstance(problem, OSError) and problem.filename:
        problem = f"{problem.filename}: {problem.strerror}; check the path and your permissions there."
    print(f"nmp-lessons: {problem}", file=sys.stderr)


@contextmanager
def one_line_warnings() -> Generator[None, None, None]:
    """Print every `InputWarning` in a line of its own, without the place in the source that Python adds."""

    def show(message, category, filename, lineno, file=None, line=None) -> None:
        if issubclass(category, InputWarning):
            from tqdm import tqdm

            with tqdm.external_write_mode(file=sys.stderr):
                complain(message)
        else:
            shown(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        shown, warnings.showwarning = warnings.showwarning, show
        yield
