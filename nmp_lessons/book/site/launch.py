"""Buttons that open a chapter ready to run, on Binder, on Colab, or on the reader's own machine, and links that open it
at an exercise in code.

Both services read the repository of whoever publishes the book, which is set as ``repository: url`` in
``_config.yml``. Until it is set, the button says so and does nothing else.

Binder builds the environment of ``binder/`` and opens the notebook that ``binder/postBuild`` made. Colab opens
the notebook on the branch `BRANCH`, where ``.github/workflows/publish.yml`` puts it with everything it needs.

``python -m nmp_lessons.book.site FOLDER`` writes the notebooks. The numbers in their text are those of the built site,
or with ``--run``, where there is no site, those of a run of each notebook. With ``--colab ADDRESS`` each begins
with a cell that sets up Colab from the repository at that address.
"""

from html import escape
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

from ... import __version__
from .. import manuscript
from ..answers import notebooks
from .notebooks import Shown, is_chapter

NOTEBOOKS = "notebooks"  # the folder that binder/postBuild fills
BRANCH = "notebooks"  # what Colab reads
BINDER = "https://mybinder.org/v2"
COLAB = "https://colab.research.google.com/github"
PROVIDERS = {"github.com": "gh", "gitlab.com": "gl"}


def launch(repository: str, page: str, *, branch: str = "main", cell: str = "") -> dict[str, str]:
    """Where a chapter runs: the service's name, and the address that opens this chapter there.

    Parameters
    ----------
    repository : address of the book's public repository, or "" if it has none
    page : the chapter's slug
    branch : what Binder builds
    cell : the identifier of a cell to scroll to

    Examples
    --------
    >>> launch("https://github.com/someone/book", "cqt")["Binder"]
    'https://mybinder.org/v2/gh/someone/book/main?urlpath=lab/tree/notebooks/cqt.ipynb'
    >>> launch("https://github.com/someone/book", "cqt")["Colab"]
    'https://colab.research.google.com/github/someone/book/blob/notebooks/cqt.ipynb'
    >>> launch("https://github.com/someone/book", "cqt", cell="cqt-bins")["Colab"]
    'https://colab.research.google.com/github/someone/book/blob/notebooks/cqt.ipynb#scrollTo=cqt-bins'
    >>> list(launch("https://git.example.org/someone/book", "cqt")), launch("", "cqt")
    (['Binder'], {})
    """
    repository = repository.strip().rstrip("/").removesuffix(".git")
    if not repository:
        return {}
    host, path = urlsplit(repository).netloc, urlsplit(repository).path.strip("/")
    kind = PROVIDERS.get(host, "git")
    spec = {"gh": path, "gl": quote(path, safe="")}.get(kind, quote(repository, safe=""))
    # For JupyterLab, so Binder must not see it. JupyterLab 4.6 forgets a fragment that has no question mark before it.
    at = quote(f"?#cell-id={cell}") if cell else ""
    places = {"Binder": f"{BINDER}/{kind}/{spec}/{quote(branch, safe='')}?urlpath={opened(page)}{at}"}
    if kind == "gh":
        places["Colab"] = f"{COLAB}/{path}/blob/{BRANCH}/{page}.ipynb" + (f"#scrollTo={cell}" if cell else "")
    return places


def opened(page: str) -> str:
    """The path below a Jupyter server's root that opens a chapter in JupyterLab, as a notebook."""
    return f"lab/tree/{NOTEBOOKS}/{page}.ipynb"


COLAB_CELL = """# Sets up Colab: about a minute, once a session.
![ -d book ] || git clone -q --depth 1 --branch {branch} {repository} book
%pip install -q "book/nmp_lessons-{version}-py3-none-any.whl[chapters]"
import os
os.environ["NMP_LESSONS_EXERCISES"] = os.path.abspath("book/exercises")
!nmp-lessons sounds"""


def write(folder: Path, *, repository: str = "", run: bool = False) -> list[Path]:
    """Write every chapter as a notebook into `folder`; for Colab, with `repository`; each is run, with `run`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    root = manuscript.root()
    for page in sorted((root / "book").glob("*.md")):
        if is_chapter(page):
            values = Shown.kept(root / "_build" / "jupyter_execute" / f"{page.stem}.glue.json")
            if run:
                values = Shown.run(notebooks.chapter(page, solutions=True))
            made = notebooks.chapter(page, solutions=True, values=values)
            if repository:
                code = COLAB_CELL.format(branch=BRANCH, repository=repository, version=__version__)
                made.cells.insert(0, nbformat.v4.new_code_cell(code, id="set-up"))
            written.append(folder / f"{page.stem}.ipynb")
            nbformat.write(made, written[-1])
    return written


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", _offer)
    app.connect("doctree-resolved", _offer_exercises)


def _offer(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    if doctree and is_chapter(Path(app.env.doc2path(pagename))):
        context["launch"] = _places(app, pagename)


def _offer_exercises(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Below the starter code of an exercise: where to write it, with one click."""
    if not is_chapter(Path(app.env.doc2path(docname))):
        return  # the assignment, which has a notebook of its own
    for starter in [node for node in doctree.findall(nodes.raw) if "exercise" in node]:
        places = _places(app, docname, cell=starter["exercise"])
        if places:
            links = " or ".join(f'<a href="{escape(address)}">{service}</a>' for service, address in places.items())
            offer = f'<p class="nmp-starter">Python can’t run on this page. Open this exercise on {links}.</p>\n'
            starter.parent.insert(starter.parent.index(starter) + 1, nodes.raw("", offer, format="html"))


def _places(app: Sphinx, page: str, *, cell: str = "") -> dict[str, str]:
    options = app.config.html_theme_options
    url, branch = options.get("repository_url") or "", options.get("repository_branch") or "main"
    return launch(url, page, branch=branch, cell=cell)
