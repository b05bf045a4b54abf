"""This package as a wheel, repacked from what is installed, for inclusion in each autograder.

An autograder runs where nothing can be installed from a repository, perhaps without a network. Left out is what only
a browser or the site needs, and also the text of the book, so that a submission can't find the solutions there.
"""

import base64
import hashlib
import zipfile
from importlib import metadata
from pathlib import Path

import nmp_lessons

from ...errors import InputError

NAME = "nmp_lessons"
LEFT_OUT = {"__pycache__", "shipped", "site"}  # folders
UNNEEDED = {".css", ".js", ".wasm"}
OF_AN_INSTALLATION = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}  # of this one, not of the next


def write_wheel(folder: Path) -> Path:
    """Write ``nmp_lessons-VERSION-py3-none-any.whl`` into a folder.

    The same package gives the same bytes.

    Raises
    ------
    InputError
        If the package is on Python's path without being installed.
    """
    try:
        installed = metadata.distribution(NAME)
    except metadata.PackageNotFoundError as problem:
        raise InputError("nmp-lessons is not installed here; run `pip install -e .` in its repository.") from problem
    about = f"{NAME}-{installed.version}.dist-info"
    contents = _code() | {f"{about}/{name}": content for name, content in _metadata(installed).items()}
    contents[f"{about}/RECORD"] = _record(contents, about)
    path = folder / f"{NAME}-{installed.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in contents.items():
            wheel.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


def _code() -> dict[str, bytes]:
    """The package's files by their path in the wheel."""
    package = Path(nmp_lessons.__file__).parent
    kept = [path for path in sorted(package.rglob("*")) if path.is_file() and path.suffix not in UNNEEDED]
    below = {path.relative_to(package): path for path in kept}
    return {
        f"{NAME}/{name.as_posix()}": path.read_bytes() for name, path in below.items() if not LEFT_OUT & {*name.parts}
    }


def _metadata(installed: metadata.Distribution) -> dict[str, bytes]:
    """The contents of the folder ``.dist-info``, by their paths in it."""
    listed = [file for file in installed.files or () if file.parts[0].endswith(".dist-info")]
    named = {"/".join(file.parts[1:]): file for file in listed}
    return {name: Path(file.locate()).read_bytes() for name, file in named.items() if name not in OF_AN_INSTALLATION}


def _record(contents: dict[str, bytes], about: str) -> bytes:
    """The list of all files with their hashes, in the format that installers require."""

    def line(name: str, content: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(content)}"

    lines = [line(name, content) for name, content in contents.items()]
    return "\n".join([*lines, f"{about}/RECORD,,", ""]).encode()
