"""Typesets formulas at build time, with KaTeX in Node; a page contains them as HTML, and as MathML for screen readers.

In the reader's browser they would cost a 200 kB script and a second of layout, and they would be missing without
JavaScript. All formulas of a page go to Node in one call, and results are cached.
"""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from weakref import WeakKeyDictionary

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)


class Typesetter:
    """Turns TeX into HTML, and keeps the results between builds in `kept`.

    Parameters
    ----------
    web : the folder with ``set_mathematics.mjs`` and ``node_modules/katex``
    kept : a JSON file
    """

    def __init__(self, web: Path, kept: Path):
        self.web, self.kept = web, kept
        self.katex = web / "node_modules" / "katex"
        if not self.katex.is_dir():
            raise ExtensionError(f"{self.katex} is missing; run `make bundle`, which installs it.")
        version = json.loads((self.katex / "package.json").read_text("utf8"))["version"]
        self.setter = version + (web / "set_mathematics.mjs").read_text("utf8")
        self.known = json.loads(kept.read_text("utf8")) if kept.exists() else {}

    def __call__(self, formulas: list[tuple[str, bool]]) -> list[dict]:
        """For each (TeX, is it displayed) a dict with "html" or "error"."""
        keys = [self._key(*formula) for formula in formulas]
        new = {key: formula for key, formula in zip(keys, formulas, strict=True) if key not in self.known}
        if new:
            self.known.update(zip(new, self._set(list(new.values())), strict=True))
        return [self.known[key] for key in keys]

    def save(self) -> None:
        self.kept.write_text(json.dumps(self.known), "utf8")

    def _key(self, tex: str, displayed: bool) -> str:
        return hashlib.sha256(f"{self.setter} {displayed} {tex}".encode()).hexdigest()

    def _set(self, formulas: list[tuple[str, bool]]) -> list[dict]:
        command = ["node", "set_mathematics.mjs"]
        done = subprocess.run(command, cwd=self.web, input=json.dumps(formulas), capture_output=True, text=True)
        if done.returncode:
            raise ExtensionError(f"KaTeX failed: {done.stderr.strip()}")
        return json.loads(done.stdout)


_typesetters: WeakKeyDictionary[Sphinx, Typesetter] = WeakKeyDictionary()  # of each build that is under way


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("built", inline_renderers=(_inline, None), block_renderers=(_block, None))
    app.connect("builder-inited", _start)
    app.connect("doctree-resolved", _set_page)
    app.connect("build-finished", _finish)


def _start(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    kept = Path(app.outdir).parent / ".mathematics.json"
    typesetter = _typesetters[app] = Typesetter(Path(app.srcdir).parent / "web", kept)
    built = Path(app.outdir) / "_static" / "built" / "katex"
    shutil.copytree(typesetter.katex / "dist" / "fonts", built / "fonts", dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("*.ttf", "*.woff"))  # fmt: skip
    shutil.copy(typesetter.katex / "dist" / "katex.min.css", built)
    app.add_css_file("built/katex/katex.min.css")


def _finish(app: Sphinx, problem: Exception | None) -> None:
    if app in _typesetters:
        _typesetters[app].save()


def _set_page(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """All formulas of the page at once; the visitors below then find them set."""
    if app not in _typesetters:
        return
    found = [*doctree.findall(nodes.math), *doctree.findall(nodes.math_block)]
    formulas = [(node.astext(), isinstance(node, nodes.math_block)) for node in found]
    for node, result in zip(found, _typesetters[app](formulas), strict=True):
        if "error" in result:
            logger.warning("%s", result["error"], location=node)


def _html(translator, node: nodes.Node, *, displayed: bool) -> str:
    (result,) = _typesetters[translator.builder.app]([(node.astext(), displayed)])
    return result.get("html") or f"<code>{translator.encode(node.astext())}</code>"


def _inline(translator, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{_html(translator, node, displayed=False)}</span>')
    raise nodes.SkipNode


def _block(translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math-block"))
    translator.body.append(f'<div class="math-scroll">{_html(translator, node, displayed=True)}</div>')
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<a class="eqno" href="#{node["ids"][0]}">({number})</a>')
    translator.body.append("</div>\n")
    raise nodes.SkipNode
