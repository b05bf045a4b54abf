"""Each chapter as a notebook to download, with and without the exercises' solutions.

They are made from the chapter's source at build time (`nmp_lessons.book.answers.notebooks`), so there is no second
source. MyST-NB's own copy of a chapter contains every output, sounds included, and directives that a plain Jupyter
shows as code; wherever the theme offers that copy, ours replaces it.
"""

import copy
import json
import os
from collections.abc import Iterator, Mapping
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


class Shown(Mapping[str, str]):
    """Glued values by name and format, as ``{glue:text}`` has them: "mean" or "mean:.2f"."""

    def __init__(self, values: dict[str, str]):
        self._values = values

    def __getitem__(self, place: str) -> str:
        name, _, form = place.partition(":")
        value = self._values[name]
        return format(float(value), form) if form else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @classmethod
    def kept(cls, path: Path) -> "Shown":
        """The values of a page of the built site, from MyST-NB's file for it; none if the site isn't built."""
        found = json.loads(path.read_text("utf8")) if path.exists() else {}
        return cls({name: _text(output["data"].get("text/plain", "")) for name, output in found.items()})

    @classmethod
    def run(cls, notebook: nbformat.NotebookNode) -> "Shown":
        """The values of a notebook, which is run to obtain them."""
        from nbclient import NotebookClient

        ran = NotebookClient(copy.deepcopy(notebook), timeout=None).execute()
        values = {}
        for output in (output for cell in ran.cells for output in cell.get("outputs", ())):
            glue = output.get("metadata", {}).get("scrapbook")
            if glue:
                values[glue["name"]] = _text(output["data"].get(glue["mime_prefix"] + "text/plain", ""))
        return cls(values)


def _text(plain: str | list[str]) -> str:
    return "".join(plain).strip("'\"")


def is_chapter(page: Path) -> bool:
    """Whether a page's source includes exercises, as each chapter's does."""
    return bool(source.INCLUDE.search(page.read_text("utf8")))


def _offer(app: Sphinx, doctree: nodes.document) -> None:
    """A line with both notebooks, below the heading of a chapter's exercises."""
    page = app.env.docname
    if not is_chapter(Path(app.env.doc2path(page))):
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
    if doctree is None:
        return
    path, folder = Path(app.env.doc2path(pagename)), Path(app.outdir) / "_sources"
    if not ("kernelspec" in app.env.metadata[pagename] or is_chapter(path)):
        return
    context["ipynb_source"] = f"{pagename}.ipynb"  # shows the button, which the theme ties to a launch service
    values = Shown.kept(Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.glue.json")
    unsolved = ((False, UNSOLVED),) if is_chapter(path) else ()
    for solutions, ending in ((True, ""), *unsolved):
        made = notebooks.chapter(path, solutions=solutions and not source.is_student(), values=values)
        target = folder / f"{pagename}{ending}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(made, target)
