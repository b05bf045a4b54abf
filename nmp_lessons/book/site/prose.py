"""Rejects what a page must not contain: a number typed in that should be computed, a picture without alt text.

A decimal or a percentage in prose counts as a measurement unless it is marked otherwise. It must come from code through
MyST-NB's ``glue``; a number that is cited or defined is written ``{constant}`0.5```. Mathematics, code,
citations, version numbers and the names of licences are exempt.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

NUMBER = re.compile(r"(?<![\w.])[−-]?(?:\d*\.\d+|\d+(?=\s?%|\s+per\s?cent))(?:\s?%|\s+per\s?cent)?(?![.\d]*\.\d)")
FREE_TEXT = re.compile(
    r"CC BY(?:-[A-Z]+)* \d\.\d|(?:[Vv]ersion|Python|Apache|arXiv)[:\s-]*\d+(?:\.\d+)+|\d+(?:\.\d+){2,}"
)
FREE_NODES = (
    nodes.math, nodes.math_block, nodes.literal, nodes.literal_block, nodes.raw, nodes.comment,
    nodes.citation, nodes.system_message, addnodes.desc, addnodes.index, addnodes.toctree,
)  # fmt: skip
FREE_CLASSES = {"constant", "pasted-text", "pasted-inline", "cell_input", "cell_output"}


def typed_numbers(text: str) -> list[str]:
    """The decimals and percentages in a piece of prose.

    >>> typed_numbers("It rises from 0.71 to 83 %, with 16,782 parameters, in version 0.4.0 (CC BY 4.0).")
    ['0.71', '83 %']
    """
    return [found.group().strip() for found in NUMBER.finditer(FREE_TEXT.sub("", text))]


def setup(app: Sphinx) -> None:
    app.add_role("constant", _constant)
    app.connect("doctree-read", _check_numbers)
    app.connect("doctree-resolved", _check_pictures)


def _constant(name, rawtext, text, lineno, inliner, options=None, content=None) -> tuple[list, list]:
    """The role ``{constant}``: unchanged prose, marked as a constant."""
    return [nodes.inline(rawtext, text, classes=["constant"])], []


def _check_numbers(app: Sphinx, doctree: nodes.document) -> None:
    for text in doctree.findall(nodes.Text):
        if not _is_free(text):
            for number in typed_numbers(text.astext()):
                logger.warning(
                    '"%s" is typed into the prose. Print it from code with {glue:text}, or, if it is '
                    "cited or defined, write {constant}`%s`.",
                    number, number, location=_location(text, number),
                )  # fmt: skip


def _check_pictures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for picture in doctree.findall(nodes.image):
        if not picture.get("alt", "").strip():
            logger.warning("%s has no alt text.", picture.get("uri", "a picture"), location=_placed(picture))
    for raw in doctree.findall(nodes.raw):
        for tag in re.findall(r"<img\b(?![^>]*\balt=\"[^\"])[^>]{0,80}", raw.astext()):
            logger.warning("%s... has no alt text.", tag, location=_placed(raw))


def _ancestors(node: nodes.Node):
    while node is not None:
        yield node
        node = node.parent


def _placed(node: nodes.Node) -> nodes.Node | None:
    """The nearest node around it of which the line is known."""
    return next((around for around in _ancestors(node) if around.line and around.source), node.document)


def _is_free(text: nodes.Text) -> bool:
    return any(
        isinstance(node, FREE_NODES)
        or (isinstance(node, nodes.Element) and FREE_CLASSES.intersection(node.get("classes", [])))
        or "docstring of" in (getattr(node, "source", None) or "")
        for node in _ancestors(text)
    )


def _location(text: nodes.Text, number: str) -> str:
    """``file:line`` of the number: from where its paragraph begins, or in the chapter's exercises."""
    placed = _placed(text)
    if placed is None or placed.source is None:
        return number
    page, first = Path(placed.source), (placed.line or 1) - 1
    exercises = page.parents[1] / "exercises" / page.stem / "exercises.md"
    for path, start in ((page, first), (exercises, 0)):
        lines = path.read_text("utf8").splitlines() if path.exists() else []
        for at in range(start, len(lines)):
            if number in lines[at]:
                return f"{path}:{at + 1}"
    return f"{page}:{first + 1}"
