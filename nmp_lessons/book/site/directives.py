"""The boxes and folds that every chapter has; the docstring of `nmp_lessons.book.site` describes them."""

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ..manuscript import BOXES


class Box(SphinxDirective):
    """An admonition whose title and look follow from its name."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        title = self.arguments[0] if self.arguments else BOXES[self.name]
        box = nodes.admonition("", classes=["nmp-box", self.name])
        self.set_source_info(box)
        words, messages = self.state.inline_text(title, self.lineno)
        box += nodes.title(title, "", *words)
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box, *messages]


class folded(nodes.General, nodes.Element):
    """Text in a native ``<details>``, which needs no JavaScript."""


class Fold(SphinxDirective):
    """``{fold} Title``: text that the reader opens."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        fold = folded("", title=self.arguments[0], classes=["nmp-fold", *self.options.get("class", [])])
        self.set_source_info(fold)
        self.state.nested_parse(self.content, self.content_offset, fold)
        return [fold]


def setup(app: Sphinx) -> None:
    for name in BOXES:
        app.add_directive(name, Box)
    app.add_directive("fold", Fold)
    app.add_node(folded, html=(_open, _close), latex=(_plain, _plain), text=(_plain, _plain))


def _open(translator, node: folded) -> None:
    translator.body.append(translator.starttag(node, "details"))
    translator.body.append(f"<summary>{translator.encode(node['title'])}</summary>\n")


def _close(translator, node: folded) -> None:
    translator.body.append("</details>\n")


def _plain(translator, node: folded) -> None:
    """Show the content unfolded where nothing can be folded."""
