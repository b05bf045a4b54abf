"""Atomic writes: a file appears whole or not at all."""

import os
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError

CHECKPOINTS = Path(__file__).with_name("checkpoints")  # trained networks, their records, and what was measured


def writable(folder: str | os.PathLike) -> Path:
    """A folder to write to, created if it doesn't exist.

    Raises
    ------
    InputError
        If there is a file in its place.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as problem:
        raise InputError(f"{folder}: is a file or a path through one; give a folder to write to.") from problem
    return folder


@contextmanager
def atomic_write(path: str | os.PathLike) -> Generator[Path, None, None]:
    """A temporary path to write to, which replaces `path` only if the block ends without an error.

    The folder of `path` is created if it doesn't exist.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(Path(folder) / "a.txt") as scratch:
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


def member_bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """The contents of a file in an archive.

    Raises
    ------
    InputError
        If the member is not a file, but for example a folder.
    """
    file = tar.extractfile(member)
    if file is None:
        raise InputError(f"{member.name}: is not a file in the archive; download the archive again.")
    return file.read()


def check_path(path: Path, what: str) -> None:
    """Raise InputError if there is no such file.

    >>> check_path(Path("nowhere.wav"), "audio file")
    Traceback (most recent call last):
    nmp_lessons.errors.InputError: nowhere.wav: no such file; check the name.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give {'an' if what[0] in 'aeiou' else 'a'} {what}.")
    if not path.exists():
        raise InputError(f"{path}: no such file; check the name.")


def _file_bytes(path: Path, what: str) -> bytes:
    check_path(path, what)
    data = path.read_bytes()
    if not data:
        raise InputError(f"{path}: the file is empty; export it again.")
    return data
