"""What a function returns, as HTML: figures, recordings, tables, text."""

import gzip
import html
import io
from collections.abc import Iterable, Mapping
from numbers import Number

import matplotlib
from matplotlib import pyplot
from matplotlib.cm import ScalarMappable
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text

from ...audio.recording import Recording
from ...errors import InputError
from ..bundle import data_uri
from . import embed
from .choices import label_of
from .narrow import WIDEST
from .plots import BookFigure

LARGEST_SVG = 60_000  # bytes after gzip; above it pixels are smaller
PIXELS_PER_INCH = 96  # CSS
PICTURE_DENSITY = 2  # picture pixels per CSS pixel


def piece_of(result, alt: str) -> str:
    if isinstance(result, Figure):
        return picture(result, alt=alt)
    if isinstance(result, Recording):
        return _audio(result, alt)
    if isinstance(result, embed.Html):
        return result.fragment
    if hasattr(result, "_repr_html_"):
        return f'<div class="nmp-explore-table">{result._repr_html_()}</div>'
    if isinstance(result, Mapping):
        return _table(result.items())
    if isinstance(result, str | Number):
        return f'<p class="nmp-explore-text">{html.escape(label_of(result))}</p>'
    if isinstance(result, Iterable):
        rows = list(result)
        one = not any(isinstance(row, Iterable) and not isinstance(row, str) for row in rows)
        return _table([rows] if one and rows else rows)
    raise InputError(f"explore: can't show a {type(result).__name__}; return a figure, a Recording, text or a table.")


def _table(rows: Iterable) -> str:
    lines = []
    for head, *cells in rows:
        data = "".join(f"<td>{html.escape(label_of(cell))}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{html.escape(label_of(head))}</th>{data}</tr>')
    return f'<div class="nmp-explore-table"><table>{"".join(lines)}</table></div>'


def _audio(recording: Recording, alt: str) -> str:
    (safe,) = embed.alike([recording], loudness=None)
    uri = data_uri(embed.mp3(safe), "audio/mpeg")
    return (
        f'<audio controls preload="none" data-seconds="{recording.seconds:.3f}" '
        f'aria-label="{html.escape(alt)}" src="{uri}"></audio>'
    )


def picture(figure: Figure, *, alt: str) -> str:
    """A ``<picture>`` of the figure, wide and narrow, then closed: SVG where lines are few, WebP where pixels are."""
    wide = _source(figure)
    narrow = _source(figure.narrow()) if isinstance(figure, BookFigure) else None
    pyplot.close(figure)
    image = f"<img{embed.attributes(src=wide.pop('srcset'), **wide, alt=alt)}>"
    if narrow is None:
        return image
    return f"<picture><source{embed.attributes(media=f'(max-width: {WIDEST}px)', **narrow)}>{image}</picture>"


def _source(figure: Figure) -> dict[str, str | int]:
    width, height = (round(inches * PIXELS_PER_INCH) for inches in figure.get_size_inches())
    svg = _svg(figure)
    if svg and len(gzip.compress(svg)) <= LARGEST_SVG:
        uri = data_uri(svg, "image/svg+xml")
    else:
        uri = data_uri(_webp(figure), "image/webp")
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    read = [float(text.get_fontsize()) for text in texts if text.get_visible() and text.get_text()]
    letters = min(read, default=12) * PIXELS_PER_INCH / 72
    return {"srcset": uri, "width": width, "height": height, "data_letters": f"{letters:.1f}"}


def _has_pixels(figure: Figure) -> bool:
    return any(
        isinstance(artist, AxesImage) or (isinstance(artist, Collection) and artist.get_array() is not None)
        for artist in figure.findobj(lambda artist: isinstance(artist, ScalarMappable))
    )


def _svg(figure: Figure) -> bytes:
    """Equal bytes for equal figures; none where pixels would stand in it uncompressed."""
    if isinstance(figure, BookFigure):
        return figure.svg().encode()
    if _has_pixels(figure):
        return b""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "nmp"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _webp(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    density = PIXELS_PER_INCH * PICTURE_DENSITY
    figure.savefig(buffer, format="webp", dpi=density, pil_kwargs={"quality": 88, "method": 4})
    return buffer.getvalue()
