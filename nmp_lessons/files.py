"""Files are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError


def writable(folder: str | os.PathLike) -> Path:
    """A folder to write to, made if it is missing.

    Raises
    ------
    InputError
        If there is a file in its place.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as problem:
        raise InputError(f"{folder}: is a file, or lies in one; name a folder to write to.") from problem
    return folder


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` only if the block ends without an error.

    The folder of `path` is made if it is missing.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder) / "a.txt") as scratch:
    ...         _ = scratch.write_text("all of it")
    ...     (Path(folder) / "a.txt").read_text()
    'all of it'
    """
    path = Path(path)
    writable(path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        scratch = Path(folder) / path.name
        yield scratch
        os.replace(scratch, path)
