"""Which packages of the lock have no wheel for a system and a Python: ``make wheels``.

A package without one is built from its source when it is installed, which may need a compiler. uv writes down the
files that the index has for each pin (one request a package); their names say where they fit.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

from tools.lock import CUDA, LOCK, NODE, ROOT

PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))


def _linux(machine: str) -> list[str]:
    return [f"manylinux_2_{minor}_{machine}" for minor in range(39, 4, -1)] + [f"manylinux2014_{machine}"]


SYSTEMS = {  # sys_platform, platform_machine, tags
    "Linux x86-64": ("linux", "x86_64", [*_linux("x86_64"), "manylinux2010_x86_64", "manylinux1_x86_64"]),
    "Linux arm64": ("linux", "aarch64", _linux("aarch64")),
    "macOS arm64": ("darwin", "arm64", list(mac_platforms((15, 0), "arm64"))),
    "macOS x86-64": ("darwin", "x86_64", list(mac_platforms((15, 0), "x86_64"))),
    "Windows x86-64": ("win32", "AMD64", ["win_amd64"]),
}


def main(uv: str) -> None:
    """Print a table: each package that some place wants and has no wheel for."""
    rows = [row for path in (LOCK, CUDA, NODE) for row in missing(packages(uv, path))]
    count = sum(len(re.findall(r"^[a-z]", path.read_text("utf8"), re.MULTILINE)) for path in (LOCK, CUDA, NODE))
    print(f"{count} pins; without a wheel:\n")
    print("\n".join(["| package | system | Python |", "| --- | --- | --- |", *rows]) if rows else "none")


def packages(uv: str, lock: Path) -> list[dict]:
    """Name, version, marker and files of every pin, as the index has them."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "pylock.toml"
        command = [uv, "pip", "compile", "-q", lock, "--no-deps", "--universal", "--python-version", "3.11"]
        subprocess.run([*command, "--format", "pylock.toml", "-o", output], cwd=ROOT, check=True)
        return tomllib.loads(output.read_text("utf8"))["packages"]


def missing(found: list[dict]) -> Iterator[str]:
    """Rows of the table."""
    for package in found:
        for system, (platform, machine, platforms) in SYSTEMS.items():
            without = [
                python
                for python in PYTHONS
                if wanted(package, python, platform, machine) and not fits(package, python, platforms)
            ]
            if without:
                pythons = ", ".join(".".join(map(str, python)) for python in without)
                yield f"| {package['name']} {package['version']} | {system} | {pythons} |"


def wanted(package: dict, python: tuple[int, int], platform: str, machine: str) -> bool:
    """Whether the lock asks for a package there."""
    version = ".".join(map(str, python))
    place = {
        "python_version": version,
        "python_full_version": f"{version}.9",
        "sys_platform": platform,
        "platform_machine": machine,
        "os_name": "nt" if platform == "win32" else "posix",
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[platform],
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return Marker(package["marker"]).evaluate(place) if "marker" in package else True


def fits(package: dict, python: tuple[int, int], platforms: list[str]) -> bool:
    """Whether one of a package's wheels can be installed there."""
    known: set[Tag] = {*cpython_tags(python, platforms=platforms)}
    known |= {*compatible_tags(python, f"cp{python[0]}{python[1]}", platforms)}
    names = [unquote(Path(urlsplit(wheel["url"]).path).name) for wheel in package.get("wheels", [])]
    return any(parse_wheel_filename(name)[3] & known for name in names)


if __name__ == "__main__":
    main(sys.argv[1])
