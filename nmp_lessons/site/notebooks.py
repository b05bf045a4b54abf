"""Each chapter as a notebook to take home, with the exercises' solutions and without.

They are made from the chapter's source at build time (`nmp_lessons.answers.notebooks`), so there is no second
source. MyST-NB's own copy of a chapter holds every output, sounds included, and directives that a plain Jupyter
shows as code; where the theme offers that one, ours takes its place.
"""

import json
import os
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

from ..answers import notebooks, source

UNSOLVED = "-without-solutions"  # how the second file's name ends


def setup(app: Sphinx) -> None:
    # Pages are read again when the numbers or the solutions that they take in are others.
    for name in ("NMP_LESSONS_SEED", "NMP_LESSONS_STUDENT"):
        app.add_config_value(name.lower(), os.environ.get(name, ""), "env")
    app.connect("doctree-read", _offer)
    app.connect("html-page-context", _write, priority=900)  # after the theme has copied MyST-NB's


def glued(kept: Path) -> dict[str, str]:
    """What a page has glued in, as text by name, from the file that MyST-NB keeps of it."""
    found = json.loads(kept.read_text("utf8")) if kept.exists() else {}
    return {name: "".join(output["data"].get("text/plain", "")).strip("'\"") for name, output in found.items()}


class Shown(dict):
    """Glued values by name and format, as ``{glue:text}`` has them: "mean" or "mean:.2f"."""

    def get(self, asked: str, otherwise: str = "") -> str:
        name, _, form = asked.partition(":")
        if name not in self:
            return otherwise
        return format(float(self[name]), form) if form else self[name]


def _takes_exercises(app: Sphinx, page: str) -> bool:
    return bool(source.INCLUDE.search(Path(app.env.doc2path(page)).read_text("utf8")))


def _offer(app: Sphinx, doctree: nodes.document) -> None:
    """A line with both notebooks, below the heading of a chapter's exercises."""
    page = app.env.docname
    if not _takes_exercises(app, page):
        return
    first = next((node for node in doctree.findall(nodes.Element) if node.tagname.startswith("exercise")), None)
    if first is None:
        return
    base, links = "../" * page.count("/") + f"_sources/{escape(page)}", []
    offered = {"": "with the solutions", UNSOLVED: "without them"}
    for ending, words in offered.items():
        if ending or not source.is_student():
            links.append(f'<a href="{base}{ending}.ipynb" download>{words}</a>')
    line = f'<p class="nmp-notebooks">The chapter as a notebook to take home: {" or ".join(links)}.</p>\n'
    first.parent.insert(first.parent.index(first), nodes.raw("", line, format="html"))


def _write(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    if doctree is None or not ("kernelspec" in app.env.metadata[pagename] or _takes_exercises(app, pagename)):
        return
    context["ipynb_source"] = f"{pagename}.ipynb"  # shows the button, which the theme ties to a launch service
    path, folder = Path(app.env.doc2path(pagename)), Path(app.outdir) / "_sources"
    values = Shown(glued(Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.glue.json"))
    unsolved = ((False, UNSOLVED),) if _takes_exercises(app, pagename) else ()
    for solutions, ending in ((True, ""), *unsolved):
        made = notebooks.chapter(path, solutions=solutions and not source.is_student(), values=values)
        target = folder / f"{pagename}{ending}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(made, target)
