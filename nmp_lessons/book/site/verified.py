"""The line at the foot of every page: when it was last verified, at which commit, and with which versions.

A chapter is verified by running it with all its assertions, so its date is that of its run; the other pages are
verified when the site is built. ``{versions}`` lists the versions of everything that the book uses.
"""

import re
import subprocess
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from platform import python_version

from docutils import nodes
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from . import execution

NAMED = ["torch", "numpy"]  # in the foot; {versions} has all


def commit(root: Path) -> str:
    """The commit checked out in `root`, marked if files have changed since; "" outside a repository."""
    command = ["git", "describe", "--always", "--exclude=*", "--dirty= and changes since"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    except FileNotFoundError:  # no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@cache
def versions() -> dict[str, str]:
    """Python and every package that the book requires by name, with the installed versions.

    >>> list(versions())[0], "torch" in versions()
    ('Python', True)
    """
    found = {"Python": python_version()}
    for requirement in sorted(requires("nmp-lessons") or [], key=str.lower):
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # of an extra that is not installed
            continue
    return found


def spelled(day: date) -> str:
    """A date in words.

    >>> spelled(date(2026, 11, 5))
    '5 November 2026'
    """
    return f"{day.day} {day:%B %Y}"


class Versions(SphinxDirective):
    """``{versions}``: a table of what this book was built with, and when, and from which commit."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # it is true of one build
        facts = {"built on": spelled(datetime.now(UTC).date()), "commit": self.config.nmp_commit}
        rows = {**facts, **versions()}
        body = nodes.tbody("", *(_row(name, value) for name, value in rows.items() if value))
        columns = [nodes.colspec(colwidth=1), nodes.colspec(colwidth=2)]
        return [nodes.table("", nodes.tgroup("", *columns, body, cols=2))]


def _row(*cells: str) -> nodes.row:
    # Literal, since a version is no measurement.
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", nodes.literal(cell, cell))) for cell in cells))


def setup(app: Sphinx) -> None:
    app.add_config_value("nmp_commit", "", "")
    app.add_directive("versions", Versions)
    app.connect("config-inited", _note_commit)
    app.connect("html-page-context", _say)


def _note_commit(app: Sphinx, config) -> None:
    config.nmp_commit = commit(Path(app.srcdir).parent)


def _say(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    known = versions()
    context["verified"] = {
        "day": spelled(_executed(app, pagename) or datetime.now(UTC).date()),
        "commit": app.config.nmp_commit,
        "versions": ", ".join(f"{name} {known[name]}" for name in ["Python", *NAMED] if name in known),
    }


def _executed(app: Sphinx, pagename: str) -> date | None:
    """The day on which the chapter's code ran; None for a page without code."""
    if "kernelspec" not in app.env.metadata.get(pagename, {}):
        return None
    path = Path(app.env.doc2path(pagename))
    cache = get_cache(app.config.nb_execution_cache_path)
    notebook = execution.notebook(path)
    if notebook is None:
        return None
    try:
        return cache.match_cache_notebook(notebook).created.date()
    except KeyError:  # not executed by this build
        return None
