"""Files: written whole or not at all, and read with one clear message where they can't be; tables of rows."""

import csv
import errno
import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

from .errors import InputError

CHECKPOINTS = Path(__file__).with_name("checkpoints")  # trained networks, their records, and what was measured


def writable(folder: str | os.PathLike) -> Path:
    """A folder to write to, created if it doesn't exist.

    Raises
    ------
    InputError
        If there is a file in its place, or it can't be created.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as problem:
        raise InputError(f"{folder}: is a file or a path through one; give a folder to write to.") from problem
    except OSError as problem:
        raise _not_written(folder, problem) from problem
    return folder


def visible_files(folder: str | os.PathLike) -> list[Path]:
    """The files in a folder by name, without the hidden ones that systems leave there, such as ``._x`` and .DS_Store.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("b.mid", "._b.mid", "a.mid"):
    ...         (Path(folder) / name).touch()
    ...     [path.name for path in visible_files(folder)]
    ['a.mid', 'b.mid']
    """
    return sorted(path for path in Path(folder).iterdir() if path.is_file() and not path.name.startswith("."))


def _not_written(path: Path, problem: OSError) -> InputError:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return InputError(f"{path}: there is no space left to write it; free some, or choose another folder.")
    return InputError(f"{path}: cannot be written ({problem.strerror}); choose a folder that you may write to.")


@contextmanager
def atomic_write(path: str | os.PathLike) -> Generator[Path, None, None]:
    """A temporary path to write to, which replaces `path` only if the block ends without an error.

    The folder of `path` is created if it doesn't exist.

    Raises
    ------
    InputError
        If the disk is full, or the folder can't be written to.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(Path(folder) / "a.txt") as scratch:
    ...         _ = scratch.write_text("all of it")
    ...     (Path(folder) / "a.txt").read_text()
    'all of it'
    """
    path, scratch = Path(path), None
    writable(path.parent)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            scratch = Path(folder) / path.name
            yield scratch
            os.replace(scratch, path)
    except InputError as problem:  # of the temporary path, which means nothing to a reader
        if scratch is None or str(scratch) not in str(problem):
            raise
        raise InputError(str(problem).replace(str(scratch), str(path))) from problem
    except OSError as problem:
        if problem.filename and path.parent not in Path(problem.filename).parents:
            raise  # of another file
        raise _not_written(path, problem) from problem


def read_rows(path: str | os.PathLike) -> list[dict[str, str]]:
    """The rows of a CSV with a header, each by the names of its columns; a byte order mark is skipped.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_rows(Path(folder) / "a.csv", [{"run": "main-0", "Fno": 0.5}])
    ...     read_rows(Path(folder) / "a.csv")
    [{'run': 'main-0', 'Fno': '0.5'}]
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def write_rows(path: str | os.PathLike, rows: Sequence[Mapping]) -> None:
    """Write rows, at least one, as a CSV whose header has the first row's names. The write is atomic."""
    with atomic_write(path) as scratch, open(scratch, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


CHECKSUMS = "checksums.json"


def made_folder(folder: Path, build: Callable[[Path], None]) -> Path:
    """A folder that `build` fills, on first use and again if a file in it is not as it was made.

    It appears whole or not at all; if several processes make it, the first to finish wins.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     folder = made_folder(Path(parent) / "a", lambda empty: (empty / "b.txt").write_text("all of it"))
    ...     _ = (folder / "b.txt").write_text("spoiled")
    ...     _checksums_match.cache_clear()  # each process looks once
    ...     _ = made_folder(folder, lambda empty: (empty / "b.txt").write_text("all of it"))
    ...     (folder / "b.txt").read_text()
    'all of it'
    """
    if not _checksums_match(folder):
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            whole = Path(scratch) / "whole"
            whole.mkdir()
            build(whole)
            (whole / CHECKSUMS).write_text(json.dumps(_checksums(whole), indent=1), "utf8")
            _checksums_match.cache_clear()
            if folder.exists() and not _checksums_match(folder):
                os.replace(folder, Path(scratch) / "spoiled")
            try:
                os.replace(whole, folder)
            except OSError:  # another process was first, and may be reading what it made
                if not folder.exists():
                    raise
        _checksums_match.cache_clear()
    return folder


@cache
def _checksums_match(folder: Path) -> bool:
    try:
        return json.loads((folder / CHECKSUMS).read_text("utf8")) == _checksums(folder)
    except (OSError, ValueError):
        return False


def _checksums(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != CHECKSUMS:
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


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


def named_bytes(source: str | os.PathLike | BinaryIO, what: str) -> tuple[str, bytes]:
    """The name of a path or an open binary file, and what is in it.

    >>> import io
    >>> named_bytes(io.BytesIO(b"1 2 60"), "table of notes")
    ('table of notes', b'1 2 60')
    """
    name, data = str(getattr(source, "name", what)), None
    if isinstance(source, (str, os.PathLike)):
        check_path(Path(source), what)
        name, data = str(source), Path(source).read_bytes()
    elif hasattr(source, "read"):
        data = source.read()
    if not isinstance(data, bytes):
        raise InputError(f"source: is of type {type(source).__name__}; give a path or an open binary file.")
    if not data:
        raise InputError(f"{name}: the file is empty; export it again.")
    return name, data
