"""A figure drawn a second time, for a phone.

If a figure made for a page of 700 pixels is shrunk to 360, its letters are six pixels high. So `narrow_twin` draws it
again at the narrow width: panels that were side by side are placed one above the other, long titles are wrapped, and
lettering keeps its size. The page shows the one that fits (``<picture>``; see `nmp_lessons.book.site.assets`).
"""

import pickle
import textwrap
import warnings
from typing import Any, TypeVar, cast

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.legend import Legend
from matplotlib.text import Text

Drawn = TypeVar("Drawn", bound=Figure)
WIDEST = 600  # CSS pixels of the window up to which the narrow figure is shown
WIDTH = 4.2  # inches; a page of a phone shows that at some 340 CSS pixels
SVG_DPI = 72  # one point of an SVG
SMALLEST = 11.5  # points, so that no letter is below 11 CSS pixels even in a box within the page


def narrow_twin(figure: Drawn) -> Drawn:
    """The same figure, `WIDTH` wide.

    Parameters
    ----------
    figure
        Is not changed. With ``figure.stacks = False``, its panels stay side by side.

    Raises
    ------
    TypeError
        If the figure holds something that cannot be copied, such as a lambda as a formatter.

    Examples
    --------
    >>> from nmp_lessons.book.show.plots import figure
    >>> drawn, axes = figure(1, 2, height=2)
    >>> twin = narrow_twin(drawn)
    >>> [ax.get_subplotspec().rowspan.start for ax in twin.axes]
    [0, 1]
    """
    try:
        twin = pickle.loads(pickle.dumps(figure))
    except (pickle.PicklingError, AttributeError) as problem:
        raise TypeError(
            f"figure: cannot be drawn again for phones ({problem}); use a named function instead of a lambda."
        ) from problem
    twin.dpi = SVG_DPI  # what follows measures letters
    twin.set_size_inches(WIDTH, _stack(twin) * figure.get_figheight())
    for text in twin.findobj(Text):
        text.set_fontsize(max(text.get_fontsize(), SMALLEST))
    with warnings.catch_warnings():  # of legends that leave no room, until they have been made narrower
        warnings.filterwarnings("ignore", "constrained_layout not applied")
        lay_out(twin)
    changed = [_fit(ax) for ax in twin.axes]
    changed += [_wrap(text, text.get_window_extent().width, 0.97 * twin.bbox.width) for text in twin.texts]
    for legend in [*twin.legends, *filter(None, (ax.get_legend() for ax in twin.axes))]:
        if legend.get_window_extent().width > 0.95 * twin.bbox.width:
            _in_one_column(legend)
            changed.append(True)
    if not any(changed) and all(ax.get_aspect() == "auto" for ax in twin.axes):
        twin.set_layout_engine("none")  # it has its layout; panels of fixed proportions need two attempts
    return twin


def lay_out(figure: Figure) -> None:
    """Give every panel its place, without drawing, as SVG measures letters; this is what takes longest."""
    engine, dpi = figure.get_layout_engine(), figure.dpi
    if engine is None:
        return
    figure.dpi = SVG_DPI
    for ax in figure.axes:
        ax.apply_aspect()
    engine.execute(figure)
    figure.dpi = dpi


def _stack(figure: Figure) -> float:
    """Put panels one below the other, column after column; return by how much the figure grows."""
    panels = {ax: spec for ax in figure.axes if (spec := ax.get_subplotspec()) is not None}
    if not panels or not getattr(figure, "stacks", True):
        return 1.0
    grid = next(iter(panels.values())).get_gridspec()
    rows, columns = grid.get_geometry()
    if columns == 1 or any(spec.get_gridspec() is not grid for spec in panels.values()):
        return 1.0
    ratios: Any = grid.get_height_ratios()
    stacked = GridSpec(rows * columns, 1, figure=figure, height_ratios=[*ratios] * columns)
    places = {ax: (spec.rowspan.start, spec.colspan.start) for ax, spec in panels.items()}
    for ax, (row, column) in places.items():
        ax.set_subplotspec(stacked[column * rows + row])
        ax.tick_params(labelleft=True, labelbottom=True)
        for other, (other_row, other_column) in places.items():  # what was said once for a whole row or column
            if other_row == row and not ax.get_ylabel():
                ax.set_ylabel(other.get_ylabel())
            if other_column == column and not ax.get_xlabel():
                ax.set_xlabel(other.get_xlabel())
    return 0.85 * columns


def _fit(ax: Axes) -> bool:
    """Wrap titles and labels that are longer than there is room; turn tick labels that would touch.

    Tells whether anything had to be changed.
    """
    box, page = ax.get_window_extent(), ax.figure.bbox
    centre = (box.x0 + box.x1) / 2
    around = 2 * min(centre - page.x0, page.x1 - centre)
    sides: dict[str, float] = {"_left_title": page.x1 - box.x0, "_right_title": box.x1 - page.x0}
    across = [
        *((getattr(ax, name), room) for name, room in sides.items()),
        (ax.title, around),
        (ax.xaxis.label, around),
    ]
    wrapped = [_wrap(text, text.get_window_extent().width, room) for text, room in across]
    wrapped.append(_wrap(ax.yaxis.label, ax.yaxis.label.get_window_extent().height, 1.15 * box.height))
    touching = _touch(ax.xaxis)
    if touching:
        ax.tick_params(axis="x", labelrotation=40)
        for label in ax.get_xticklabels():
            label.set_horizontalalignment("right")
            label.set_rotation_mode("anchor")
    return touching or any(wrapped)


def _wrap(text: Text, length: float, room: float) -> bool:
    words = text.get_text()
    if length <= room or "$" in words:
        return False
    columns = max(8, int(len(words) * room / length))
    text.set_text(textwrap.fill(words.replace("\n", " "), columns, break_long_words=False))
    return True


def _in_one_column(legend: Legend) -> None:
    """The same legend, its entries below each other."""
    where, handles = legend.parent, cast(Any, legend.legend_handles)
    labels = [text.get_text() for text in legend.get_texts()]
    side: str | None = getattr(legend, "_outside_loc", None)
    place: Any = f"outside {side} left" if side else getattr(legend, "_loc", "best")
    legend.remove()
    where.legend(handles, labels, loc=place, ncols=1, frameon=legend.get_frame_on(), fontsize=SMALLEST)


def _touch(axis: Axis) -> bool:
    boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text() and label.get_visible()]
    boxes = sorted((box for box in boxes if box.width), key=lambda box: box.x0)
    return any(left.x1 + 3 > right.x0 for left, right in zip(boxes, boxes[1:], strict=False))
