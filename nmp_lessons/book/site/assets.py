"""What a page loads: files from this site, and nothing else.

The objects of `nmp_lessons.book.show` display as HTML with sounds and pictures as ``data:`` URIs and an inline
script, so that they work in any notebook. Here each ``data:`` URI becomes a file named after its content, and the
inline script is replaced by a link to one copy of it. A figure that contains its narrow twin
(`nmp_lessons.book.show.narrow`) becomes two files, of which the browser loads the one that fits.
"""

import base64
import hashlib
import re
import shutil
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from .. import bundle
from ..show.narrow import WIDEST
from ..show.plots import split_twin

SCRIPTS = "script-src 'self'"  # and, by their hashes, those that stand in the page: see `only_its_scripts`
POLICY = "; ".join(
    [
        "default-src 'self' data: blob:",
        SCRIPTS,
        "worker-src 'self' blob:",  # a worker is a blob that imports a file
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    ]
)
# Before the theme's script, which knows no mode on a first visit: follow the system.
FIRST_COLOURS = """<script>
localStorage.mode ||= "auto";
if (localStorage.mode === "auto")
  localStorage.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
</script>"""
IN_PAGE = re.compile(r"<script\b(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
ALLOWED = re.compile(r"(<meta\b[^>]*\bscript-src 'self')((?: 'sha256-[^']*')*)")
DATA_URI = re.compile(r"data:(\w+/[\w.+-]+)(?:;[\w-]+=[^;,\"']+)*;base64,([A-Za-z0-9+/]+=*)")
FIGURE = re.compile(r'<img\b[^>]*\bsrc="[^"]*\b_images/([^"/]+\.svg)"[^>]*>')
EAGER = re.compile(r"<img (?![^>]*\bloading=)")
NETWORK = re.compile(  # what runs or trains a network in the page
    r'<nmp-transcriber|<nmp-live[^>]*&quot;graph&quot;|<nmp-live data-chapter="training"'
)
LIVE = re.compile(r'<nmp-live data-chapter="(\w+)"')
BUNDLE = re.compile(r"<(script|style)\b[^>]*\bdata-nmp-bundle\b[^>]*>.*?</\1>", re.DOTALL)
SUFFIXES = {
    "audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/mp4": "m4a", "image/svg+xml": "svg",
    "image/jpeg": "jpg", "application/octet-stream": "bin", "text/x-python": "py",
}  # fmt: skip


def as_files(html: str, *, folder: Path, url: str) -> str:
    """The same HTML with every base64 ``data:`` URI written to a file in `folder` and linked below `url`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> as_files('<img src="data:image/png;base64,aGVsbG8=">', folder=folder, url="built")
    '<img src="built/2cf24dba5fb0a30e.png">'
    >>> [path.read_bytes() for path in folder.iterdir()]
    [b'hello']
    """

    def write(found: re.Match) -> str:
        kind, content = found.group(1), base64.b64decode(found.group(2))
        suffix = SUFFIXES.get(kind, kind.split("/")[1])
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
        (folder / name).write_bytes(content)
        return f"{url}/{name}"

    return DATA_URI.sub(write, BUNDLE.sub("", html))


def only_its_scripts(html: str) -> str:
    r"""The page with a policy that names the scripts standing in it by their hashes, so that no other can run there.

    >>> head = '<meta content="script-src \'self\'">'
    >>> page = only_its_scripts(f'{head}<script>alert()</script><script src="a.js"></script>')
    >>> page[:48]
    '<meta content="script-src \'self\' \'sha256-S8S/VNm'
    >>> page.count("sha256"), only_its_scripts(page) == page
    (1, True)
    """
    hashes = dict.fromkeys(hashlib.sha256(script.encode()).digest() for script in IN_PAGE.findall(html))
    named = "".join(f" 'sha256-{base64.b64encode(one).decode()}'" for one in hashes)
    return ALLOWED.sub(lambda found: found[1] + named, html, count=1)


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", _link_bundle)
    app.connect("doctree-read", _part_twins)
    app.connect("doctree-resolved", _move_to_files)
    app.connect("doctree-resolved", _load_late)
    app.connect("html-page-context", _link_live_script)
    app.connect("html-page-context", _show_twins)
    app.connect("html-page-context", _add_policy)
    app.connect("html-page-context", _mend_roles)
    app.connect("build-finished", _name_scripts)


def _built(app: Sphinx) -> Path:
    folder = Path(app.outdir) / "_static" / "built"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _link_bundle(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    for path in (*bundle.BUNDLE, *bundle.FETCHED):
        if path.exists():
            shutil.copy(path, _built(app))
    app.add_css_file("built/nmp.css")
    app.add_js_file("built/nmp.js", loading_method="defer")


def _link_live_script(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """A page with live controls loads its chapter's script, and no other page does."""
    for chapter in sorted(set(LIVE.findall(context.get("body", "")))):
        script = bundle.live_script(chapter)
        shutil.copy(script, _built(app))
        app.add_js_file(f"built/{script.name}", loading_method="defer")


def _move_to_files(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    url = "../" * docname.count("/") + "_static/built"
    for raw in list(doctree.findall(nodes.raw)):
        if "html" in raw.get("format", "").split():
            html = as_files(raw.astext(), folder=_built(app), url=url)
            html = EAGER.sub('<img loading="lazy" ', html)
            raw.replace_self(nodes.raw(html, html, **raw.attributes))


def _part_twins(app: Sphinx, doctree: nodes.document) -> None:
    """Take the narrow figure out of the wide one's file and put it beside it."""
    for image in doctree.findall(nodes.image):
        path = Path(app.srcdir, image["uri"])
        if path.suffix == ".svg" and path.exists():
            wide, narrow = split_twin(path.read_text("utf8"))
            if narrow:
                _twin(path).write_text(narrow, "utf8")
                path.write_text(wide, "utf8")


def _twin(path: Path) -> Path:
    return path.with_suffix(".narrow.svg")


def _show_twins(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    originals = {name: Path(app.srcdir, path) for path, name in app.builder.images.items()}
    up = "../" * pagename.count("/")

    def both(found: re.Match) -> str:
        twin = _twin(originals[found[1]])
        if not twin.exists():
            return found[0]
        shutil.copy(twin, _built(app))
        address = f"{up}_static/built/{twin.name}"
        return f'<picture><source media="(max-width: {WIDEST}px)" srcset="{address}">{found[0]}</picture>'

    if context.get("body"):
        context["body"] = FIGURE.sub(both, context["body"])


def _load_late(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for picture in doctree.findall(nodes.image):
        picture["loading"] = "lazy"


def _add_policy(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    # Only a page that runs or trains a network may compile WebAssembly. Its worker stands under the same policy.
    runs = NETWORK.search(context.get("body", ""))
    content = POLICY.replace(SCRIPTS, f"{SCRIPTS} 'wasm-unsafe-eval'") if runs else POLICY
    policy = f'<meta http-equiv="Content-Security-Policy" content="{content}" />'
    context["metatags"] = policy + FIRST_COLOURS + context.get("metatags", "")


def _name_scripts(app: Sphinx, exception: Exception | None) -> None:
    """Once the pages are whole: the theme and Sphinx add scripts that no earlier event sees."""
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).glob("**/*.html"):
        before = path.read_text("utf8")
        after = only_its_scripts(before)
        if after != before:
            path.write_text(after, "utf8")


def _mend_roles(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Correct names and roles that other packages' HTML gets wrong for screen readers."""
    body = context.get("body", "")
    # An entry of a bibliography is an item of its list; ARIA has given up docutils' role for it.
    body = body.replace('role="doc-biblioentry"', 'role="listitem"')
    # MyST-NB's folds have a name that differs from what they show.
    context["body"] = body.replace(' aria-label="Toggle hidden content"', "")
