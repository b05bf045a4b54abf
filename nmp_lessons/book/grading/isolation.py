"""A process that can do nothing but compute: `Process`, made by bubblewrap where the machine has it.

bubblewrap (``bwrap``, Linux) gives the process namespaces of its own. It sees the system and Python read-only, this
package without the book's solutions, the sounds in the cache, the students' copy of the exercises, and an empty folder
in memory to work in. There is no network, and no other process to be seen. Without bubblewrap there is no wall: then
the process can do whatever the grader can, and `Process` starts it only if it is told to trust it.

Time, memory and the number of processes are watched from outside. When the process ends, for whatever reason,
everything that it has started ends too; without bubblewrap that holds for what still carries its environment.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nmp_lessons

from ...errors import InputError
from ...fetch import cache_dir
from .. import manuscript
from . import exchange

RUNNER = (sys.executable, "-m", "nmp_lessons.book.grading.runner")
PACKAGE = Path(nmp_lessons.__file__).parent
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
MARK = "NMP_LESSONS_GRADED"  # the variable by which a submission's processes are found
GLANCE = 0.1  # seconds between two looks at a process
SIZE = 2**30  # bytes
HOME = "/tmp/student"  # in the sandbox: the submission's home, and where it runs


@dataclass(frozen=True)
class Limits:
    """What a submission may use, all its processes together."""

    seconds: float = 900  # for the notebook
    call: float = 120  # for one function, each time that it is called
    memory: int = 4 * SIZE
    processes: int = 64
    disk: int = SIZE


LIMITS = Limits()


class Ended(Exception):
    """The process has ended; the message says why."""


def obstacle() -> str | None:
    """Why a process cannot be shut off here; None if it can."""
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed here (on Debian and Ubuntu: apt-get install bubblewrap)"
    tried = subprocess.run([*_wall(None, LIMITS), "true"], capture_output=True, encoding="utf8", errors="replace")
    if tried.returncode:
        last = (tried.stderr.strip() or "no message").splitlines()[-1]
        return f"bubblewrap cannot make a sandbox here ({last}); it needs version 0.7 and user namespaces"
    return None


def _wall(exercises: Path | None, limits: Limits, hidden: tuple[Path, ...] = ()) -> list[str]:
    """The command of bubblewrap, up to what it runs.

    `hidden` are folders that stay empty in it, even if they lie in one that is shown.
    """
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--uid", "65534", "--gid", "65534"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for path in SYSTEM:
        command += ["--ro-bind-try", path, path]
    for path in ("/dev/shm", "/tmp"):
        command += ["--size", str(limits.disk), "--tmpfs", path]
    shown = {*map(Path, (sys.prefix, sys.base_prefix)), *_libraries(), PACKAGE, cache_dir()}
    for path in sorted(shown):
        command += ["--ro-bind-try", str(path), str(path)]
    for path in (manuscript.root() / "book", manuscript.root() / "exercises", *hidden):
        if path.exists() and any(path.resolve().is_relative_to(there.resolve()) for there in shown):
            command += ["--tmpfs", str(path), "--remount-ro", str(path)]
    command += ["--dir", HOME]
    if exercises:
        command += ["--ro-bind", str(exercises.resolve()), f"{HOME}/exercises"]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME, "--"]


def _libraries() -> Iterator[Path]:
    """The folders of other packages on Python's path."""
    for path in map(Path, sys.path):
        if path.name in ("site-packages", "dist-packages"):
            yield path


@dataclass
class Process:
    """A submission's process; use it in a ``with`` block, at whose end it is gone.

    Parameters
    ----------
    exercises : the students' copy of the exercises, which the submission finds in its folder
    hidden : folders that it must not see
    trust : whether to start it without bubblewrap, with the rights of whoever grades
    """

    exercises: Path | None = None
    hidden: tuple[Path, ...] = ()
    limits: Limits = LIMITS
    trust: bool = False
    _until: float = field(default=0.0, init=False)
    _why: str = field(default="", init=False)

    def __enter__(self) -> "Process":
        self._mark, self._ended = secrets.token_hex(8), threading.Event()
        self._scratch = tempfile.TemporaryDirectory(prefix="nmp-graded-", ignore_cleanup_errors=True)
        self._said = tempfile.TemporaryFile()
        wall = [] if self.trust else _wall(self.exercises, self.limits, self.hidden)
        if self.trust and self.exercises:
            shutil.copytree(self.exercises, Path(self._scratch.name) / "exercises")
        self._process: Any = subprocess.Popen(
            [*wall, *RUNNER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=self._environment(self._scratch.name if self.trust else HOME),
            cwd=self._scratch.name,
            start_new_session=True,
        )
        self._until = time.monotonic() + self.limits.seconds
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def _environment(self, home: str) -> dict[str, str]:
        """Nothing of the grader's own, but what Python needs to start."""
        needed = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")
        return {name: os.environ[name] for name in needed if name in os.environ} | {
            "HOME": home,
            "USERPROFILE": home,
            "PYTHONPATH": str(PACKAGE.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
            "MPLBACKEND": "agg",
            "NMP_LESSONS_CACHE": str(cache_dir()),
            "NMP_LESSONS_MINUTES": "0.01",  # for what an assignment trains
            MARK: self._mark,
        }

    def ask(self, do: str, *, seconds: float, **options) -> dict:
        """Let the process do something, and return its answer.

        Raises
        ------
        Ended
            If it has ended, or doesn't answer within `seconds`.
        exchange.Unfit
            If the answer is none; the process is ended.
        """
        self._until = time.monotonic() + seconds
        try:
            exchange.send(self._process.stdin, {"do": do, **options})
            answer = exchange.receive(self._process.stdout)
        except (OSError, EOFError):
            self._until = float("inf")
            raise Ended(self._why or self._last_words()) from None
        except exchange.Unfit:
            self._end()
            raise
        self._until = float("inf")
        if not isinstance(answer, dict):
            self._end()
            raise exchange.Unfit("the answer is not in the form that was agreed on")
        return answer

    def _last_words(self) -> str:
        self._said.seek(0)
        said = self._said.read(10_000).decode("utf8", "replace").strip().splitlines()
        return f"its process ended by itself ({said[-1][:200]})" if said else "its process ended by itself"

    def _watch(self) -> None:
        """End the process when it uses more than it may."""
        while not self._ended.wait(GLANCE) and self._process.poll() is None:
            why = self._excess()
            if why:
                self._why = why
                self._end()

    def _excess(self) -> str:
        if time.monotonic() > self._until:
            return "it took too long; look for an endless loop"
        memory, processes = usage(self._process.pid)
        if memory > self.limits.memory:
            return f"it took more than {self.limits.memory / SIZE:.0f} GB of memory"
        if processes > self.limits.processes:
            return f"it started more than {self.limits.processes} processes"
        return ""

    def _end(self) -> None:
        """End the process and whatever it has started. bubblewrap's first process takes its namespace with it."""
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self._process.pid).children(recursive=True)
            for each in [psutil.Process(self._process.pid), *family]:
                with contextlib.suppress(psutil.Error):
                    each.kill()
        if self.trust:
            _sweep(self._mark)

    def __exit__(self, *problem: Any) -> None:
        self._ended.set()
        self._end()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            with contextlib.suppress(OSError):
                stream.close()
        self._scratch.cleanup()


def usage(pid: int) -> tuple[int, int]:
    """The private memory in bytes of a process and all that it has started, and their number."""
    import psutil

    total = count = 0
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(pid)
        for each in [first, *first.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                used = each.memory_info()
                total, count = total + used.rss - getattr(used, "shared", 0), count + 1
    return total, count


def _sweep(mark: str) -> None:
    """End every process that was started with this mark in its environment, whoever its parent is by now."""
    import psutil

    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if each.environ().get(MARK) == mark:
                each.kill()


def check(trust: bool) -> None:
    """Refuse to run submissions where nothing shuts them off, unless they are trusted.

    Raises
    ------
    InputError
        If there is no bubblewrap, or it doesn't work here, and `trust` is false.
    """
    problem = None if trust else obstacle()
    if problem:
        raise InputError(
            f"{problem}. Without it a submission can read, change and send whatever you can: grade in a container or "
            "a virtual machine that holds nothing else, or add --trust if you have read every notebook."
        )
