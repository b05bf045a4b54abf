"""Records what a chapter's run reaches: the book's modules that it loads, and the book's files that it reads.

The build runs each chapter between two extra cells, `BEGIN` and `END`, and stores what the second one prints. A
chapter has to run again only if something in that list has changed (`nmp_lessons.book.site.execution`).
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]  # holds nmp_lessons, exercises and book
BEGIN = "import nmp_lessons.book.reach; nmp_lessons.book.reach.watch()"
END = "print(nmp_lessons.book.reach.report())"

_opened: set[str] = set()


def watch() -> None:
    """Record every file that this process opens from now on."""

    def note(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str):
            _opened.add(arguments[0])

    sys.addaudithook(note)


def report() -> str:
    """Paths of all that was reached, relative to `ROOT`, as a JSON list.

    >>> "nmp_lessons/__init__.py" in report()
    True
    """
    modules = [getattr(module, "__file__", None) for name, module in list(sys.modules.items()) if _is_ours(name)]
    found = {path for path in map(_inside, [*modules, *_opened]) if path}
    return json.dumps(sorted(found))


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "nmp_lessons" and module != __name__


def _inside(path: str | None) -> str | None:
    """The path relative to `ROOT`; None if it is outside, made by a build, or compiled code."""
    if path is None or not Path(path).is_relative_to(ROOT):
        return None
    below = Path(path).relative_to(ROOT)
    made = below.parts[0] not in ("nmp_lessons", "exercises", "book") or "__pycache__" in below.parts
    return None if made or not Path(path).is_file() else below.as_posix()
