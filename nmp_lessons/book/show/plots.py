"""The book's one plot style and the plots that its chapters share.

Time runs to the right in seconds, pitch upwards with note names, levels are in dB, posteriors run from 0 to 1 on
one colour map (`colours.ink`), and colours mean the same as in the player: see `colours.COLOURS`. Kinds of
notes also differ in outline and hatching.

Every helper returns a `BookFigure`, which displays itself as SVG when it is the last line of a cell. Pixels
(a transform, posteriors) are embedded as WebP at twice the resolution of the page. Each figure is drawn twice, for
wide pages and for phones: see `narrow`.

**Dark pages.** Figures are dark on opaque white, so they can be read in every viewer and on paper. In the
built book the style sheet of the bundle inverts the lightness of figures and keeps their hues.

**Descriptions and captions.** A chapter gives them as metadata of the cell, and MyST-NB sets them::

    ```{code-cell} ipython3
    ---
    mystnb:
      image:
        alt: Piano roll of the first eight bars; the melody lies above C5.
      figure:
        name: fig-first-bars
        caption: The first eight bars, as played.
    ---
    show.plot_notes(notes)
    ```

The text then refers to ``fig-first-bars`` by the role ``numref``. Every figure has an `alt`.
"""

import base64
import io
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from PIL import Image

from ...audio.recording import Recording
from ...constants import TOLERANCE
from ...notes.pitch import pitch_name
from .colours import COLOURS, ink
from .embed import webp
from .narrow import lay_out, narrow_twin
from .pictures import Picture, cqt_picture, posteriors_picture
from .score import LEGEND, matched_groups, named_pitches, pitch_range

if TYPE_CHECKING:
    from ...model.posteriorgram import Posteriors
    from ...notes.note_list import Notes

STYLE = Path(__file__).with_name("nmp.mplstyle")
INK = ListedColormap(ink() / 255, name="ink")
NEUTRAL = "#57606a"  # what is neither reference nor prediction
DOTS_PER_INCH = 192  # two pixels of a picture for one of the page
MOST_POINTS = 4000  # of a waveform that is drawn as a line


def styled() -> AbstractContextManager:
    """The book's style inside a `with` block."""
    return style.context(STYLE)


class BookFigure(Figure):
    """A figure that is drawn in the book's style and displays itself as SVG, the narrow twin within the wide one."""

    stacks = True  # on a narrow page, panels stand one above the other

    def draw(self, renderer):
        with styled():
            return super().draw(renderer)

    def svg(self) -> str:
        """The figure as SVG; the same program gives the same bytes.

        `savefig` would draw everything twice: once for the layout, once for the file.
        """
        text, canvas, engine, dpi = io.StringIO(), self.canvas, self.get_layout_engine(), self.dpi
        try:
            with styled():
                lay_out(self)
                self.set_layout_engine("none")
                self.dpi = DOTS_PER_INCH  # of pictures in it
                FigureCanvasSVG(self).print_svg(text, metadata={"Date": None, "Creator": None})
        finally:
            self.set_canvas(canvas)
            self.set_layout_engine(engine)
            self.dpi = dpi
        return re.sub(r"data:image/png;base64,([^\"]+)", _as_webp, text.getvalue())

    def narrow(self) -> "BookFigure":
        """The figure for a phone."""
        with styled():
            return narrow_twin(self)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"image/svg+xml": with_twin(self.svg(), self.narrow().svg()), "text/plain": repr(self)}


def with_twin(wide: str, narrow: str) -> str:
    """One SVG that contains another in a place that no viewer shows.

    >>> split_twin(with_twin("<svg>wide</svg>", "<svg>narrow</svg>"))
    ('<svg>wide</svg>', '<svg>narrow</svg>')
    """
    return f"{wide}<!--narrow:{base64.b64encode(narrow.encode()).decode()}-->"


def split_twin(svg: str) -> tuple[str, str | None]:
    """The wide SVG, and the narrow one inside it, if any."""
    wide, _, rest = svg.partition("<!--narrow:")
    return wide, base64.b64decode(rest.removesuffix("-->")).decode() if rest else None


def _as_webp(found: re.Match) -> str:
    pixels = Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("RGB")
    return webp(np.asarray(pixels), quality=85)


def figure(
    rows: int = 1, columns: int = 1, *, height: float = 3.0, width: float = 7.2, stacks: bool = True, **options: Any
) -> tuple["BookFigure", Any]:
    """A figure of the book with its axes, as from `pyplot.subplots`.

    Parameters
    ----------
    rows, columns : int
    height, width : float
        Inches; 7.2 is the width of a page.
    stacks : bool
        Whether panels are placed one above the other on a narrow page.
    **options
        For `Figure.subplots`, such as ``sharex=True``.

    Returns
    -------
    BookFigure, and Axes or an array of them

    Examples
    --------
    >>> drawn, axes = figure(height=2)
    >>> _ = axes.plot([0, 1], [0, 1])
    >>> drawn.svg().startswith("<?xml")
    True
    """
    with styled():
        drawn = BookFigure(figsize=(width, height))
        drawn.stacks = stacks
        return drawn, drawn.subplots(rows, columns, **options)


# Plots


def plot_recording(recording: Recording, *, height: float = 2.0) -> BookFigure:
    """The waveform over time; a long one as the band between its extremes."""
    drawn, axes = figure(height=height)
    draw_recording(axes, recording)
    return drawn


def plot_notes(
    reference: "Notes",
    prediction: "Notes | None" = None,
    *,
    pitches: tuple[float, float] | None = None,
    height: float = 3.4,
    tolerance: float = TOLERANCE,
) -> BookFigure:
    """Notes as a piano roll; with a `prediction`, as hits, misses and extra notes.

    Parameters
    ----------
    reference : Notes
    prediction : Notes, optional
        Matched to the reference by `evaluation.match`.
    pitches : (low, high), optional
        Range in MIDI numbers.
    tolerance : float
        Seconds by which the onsets of a hit may differ.
    """
    drawn, axes = figure(height=height)
    notes = {"reference": reference} | ({} if prediction is None else {"prediction": prediction})
    draw_notes(axes, notes, tolerance=tolerance)
    _pitch_axis(axes, pitch_range(pitches, None, notes))
    _time_axis(axes, 0, max(one.seconds for one in notes.values()))
    return drawn


def plot_picture(
    picture: Picture,
    *,
    notes: "Notes | Mapping[str, Notes] | None" = None,
    pitches: tuple[float, float] | None = None,
    height: float = 3.4,
) -> BookFigure:
    """A picture over time and pitch with its scale, and `notes` (as in `listen`) on it."""
    drawn, axes = figure(height=height)
    draw_picture(axes, picture)
    if notes:
        draw_notes(axes, notes)
    _pitch_axis(axes, pitch_range(pitches, picture, notes or {}))
    return drawn


def plot_cqt(recording: Recording, **options) -> BookFigure:
    """The constant-Q transform of a recording; options as in `plot_picture`."""
    return plot_picture(cqt_picture(recording), **options)


def plot_posteriors(posteriors: "Posteriors", which: str = "note", **options) -> BookFigure:
    """One output of the network, "contour", "note" or "onset"; options as in `plot_picture`."""
    return plot_picture(posteriors_picture(posteriors, which), **options)


# The same on axes of one's own


def draw_recording(axes: Axes, recording: Recording) -> None:
    """Draw the waveform on `axes`."""
    with styled():
        audio, samples = recording.audio, len(recording.audio)
        if samples <= MOST_POINTS:
            axes.plot(np.arange(samples) / recording.rate, audio, color=NEUTRAL)
        else:
            edges = np.linspace(0, samples, MOST_POINTS // 4 + 1).astype(int)[:-1]
            low, high = np.minimum.reduceat(audio, edges), np.maximum.reduceat(audio, edges)
            axes.fill_between(edges / recording.rate, low, high, color=NEUTRAL, linewidth=0.5)
        axes.set_ylabel("amplitude")
        _time_axis(axes, 0, recording.seconds)


def draw_picture(axes: Axes, picture: Picture) -> None:
    """Draw a picture on `axes`, with its scale beside it."""
    with styled():
        half = picture.bin_height / 2
        image = axes.imshow(
            picture.values,
            extent=(picture.start, picture.stop, picture.lowest - half, picture.highest + half),
            origin="lower",
            aspect="auto",
            cmap=INK,
            vmin=0,
            vmax=1,
        )
        low, high, label = picture.scale
        bar = axes.figure.colorbar(image, ax=axes, pad=0.02, fraction=0.04, ticks=[0, 0.5, 1], label=label)
        bar.ax.set_yticklabels([f"{value:g}".replace("-", "−") for value in (low, (low + high) / 2, high)])
        bar.outline.set_visible(False)
        _pitch_axis(axes, (picture.lowest - half, picture.highest + half))
        _time_axis(axes, max(0, picture.start), picture.stop)


def draw_notes(
    axes: Axes,
    notes: "Notes | Mapping[str, Notes]",
    *,
    tolerance: float = TOLERANCE,
    legend: Any = "outside upper left",
) -> None:
    """Draw notes on `axes`: {"reference": Notes, "prediction": Notes} or one of them; and say in the figure's legend
    which is which, unless it is None."""
    with styled():
        looks = []
        for kind, those, indices in matched_groups(notes, tolerance=tolerance):
            boxes = [
                Rectangle((onset, pitch - 0.45), offset - onset, 0.9)
                for onset, offset, pitch in zip(
                    those.onset[indices], those.offset[indices], those.pitch[indices], strict=True
                )
            ]
            axes.add_collection(PatchCollection(boxes, **_look(kind)))
            looks.append(Patch(label=f"{LEGEND[kind]} ({len(indices)})", **_look(kind)))
        axes.autoscale_view()
        if legend:
            axes.figure.legend(handles=looks, loc=legend, ncols=2)


def _look(kind: str) -> dict:
    """How a kind of note is drawn: a miss dashed and empty, an extra note hatched."""
    colour = COLOURS[kind]
    fill = {"miss": "none", "extra": "none"}.get(kind, (colour, 0.35))
    return {
        "facecolor": fill,
        "edgecolor": colour,
        "linewidth": 1.2,
        "linestyle": (0, (3, 2)) if kind == "miss" else "-",
        "hatch": "/////" if kind == "extra" else None,
    }


def _pitch_axis(axes: Axes, span: tuple[float, float]) -> None:
    names = named_pitches(span)
    axes.set_yticks(names, [pitch_name(pitch) for pitch in names])
    axes.set_ylim(span)
    axes.grid(axis="y", alpha=0.5)


def _time_axis(axes: Axes, start: float, stop: float) -> None:
    axes.set_xlim(start, stop)
    axes.set_xlabel("time (s)")
