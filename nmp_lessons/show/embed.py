"""Self-contained HTML: pictures and sounds as data URIs, our script and style sheet inline.

What `show` makes is static HTML first: picture and plain `<audio>` are in the markup, and a custom element
of the bundle (built from ``web/``) upgrades them. So one object lives in a notebook, in an exported
page and, where `nmp_lessons.site` moves the data into files, in the built book.
"""

import base64
import io
import warnings
from functools import cache
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

BUNDLE = Path(__file__).with_name("nmp.js"), Path(__file__).with_name("nmp.css")


class Html:
    """A piece of HTML that displays itself in a notebook.

    Parameters
    ----------
    fragment : str
        Markup without the bundle. Inside it, media stand as data URIs.

    Notes
    -----
    Every display carries the bundle (some 20 kB), so that any cell can be cleared or exported alone; the
    script may be evaluated many times.

    >>> Html("<p>A4</p>").fragment
    '<p>A4</p>'
    """

    def __init__(self, fragment: str):
        self.fragment = fragment

    def _repr_html_(self) -> str:
        return bundle() + self.fragment

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.fragment) / 1000:.0f} kB of HTML, shown in a notebook>"


@cache
def bundle() -> str:
    """Our style sheet and script as inline tags marked `data-nmp-bundle`, to stand before the markup."""
    script, style = BUNDLE
    if not (script.exists() and style.exists()):
        warnings.warn("the JavaScript bundle is not built: players stay plain. Run `make bundle`.", stacklevel=2)
        return ""
    return (
        f"<style data-nmp-bundle>{style.read_text(encoding='utf-8')}</style>"
        f"<script data-nmp-bundle>{script.read_text(encoding='utf-8')}</script>"
    )


def attributes(**values: object) -> str:
    """HTML attributes, escaped; underscores become hyphens, None and False are left out, True stands bare.

    >>> attributes(aria_label='"A"', hidden=True, title=None)
    ' aria-label="&quot;A&quot;" hidden'
    """
    parts = []
    for name, value in values.items():
        name = name.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(f" {name}")
        elif value is not None and value is not False:
            parts.append(f' {name}="{escape(str(value))}"')
    return "".join(parts)


def data_uri(content: bytes, mime: str) -> str:
    """`content` as a data URI of type `mime`, such as "audio/mpeg"."""
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def webp(pixels: np.ndarray, *, quality: int = 80) -> str:
    """An image as a WebP data URI.

    Parameters
    ----------
    pixels : (rows, columns) or (rows, columns, 3 or 4) uint8
    """
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="WEBP", quality=quality, method=6)
    return data_uri(content.getvalue(), "image/webp")
