"""What search engines and messengers show for a page: its title, a description, and a picture.

The description of a chapter is its question; other pages may give one as ``html_meta`` in their front matter. Pictures
need a full address, so they come only once ``html: baseurl`` is set in ``_config.yml``; then Sphinx also names each
page's canonical address.
"""

import re
from html import escape, unescape

from docutils import nodes
from sphinx.application import Sphinx

PICTURE = "_static/preview.jpg"
DESCRIPTION = re.compile(r'<meta content="([^"]*)" name="description"')


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", _describe)


def _describe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    tags = context.get("metatags", "")
    given = DESCRIPTION.search(tags)
    description = unescape(given[1]) if given else _question(doctree)
    title = re.sub("<[^>]*>", "", context.get("title", "")) or app.config.html_title
    about = {"og:title": unescape(title), "og:type": "article", "og:site_name": app.config.project}
    if description:
        about["og:description"] = description
        if not given:
            tags += _tag("name", "description", description)
    if app.config.html_baseurl:
        address = app.config.html_baseurl.rstrip("/")
        about |= {"og:url": f"{address}/{pagename}.html", "og:image": f"{address}/{PICTURE}"}
    tags += _tag("name", "twitter:card", "summary_large_image")
    context["metatags"] = tags + "".join(_tag("property", name, content) for name, content in about.items())


def _tag(kind: str, name: str, content: str) -> str:
    return f'<meta {kind}="{name}" content="{escape(content)}" />\n'


def _question(doctree: nodes.document | None) -> str:
    """The question that a chapter answers."""
    boxes = doctree.findall(nodes.admonition) if doctree else ()
    for box in boxes:
        if "question" in box["classes"]:
            return " ".join(box.astext().removeprefix(box[0].astext()).split())
    return ""
