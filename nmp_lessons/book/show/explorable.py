"""A function of a few choices, explored: one slider, radio or menu for each choice.

The same call works in two ways. In a live notebook, ipywidgets calls the function at every move. In the built
book and in exported HTML, every combination is computed once; the page then contains the first frame as an
ordinary picture, sound or table, and the others as inert ``<template>`` elements, which a browser neither
decodes nor fetches before they are chosen. Equal pictures and sounds are stored only once.

The environment decides: with ``NMP_LESSONS_STATIC=1`` (set by the book's build, or by hand before
``jupyter nbconvert --execute``) a cell shows the static form, otherwise the live one, of which an exported
page keeps the first frame.

Media are plain ``data:`` URIs in ``src`` attributes, inside templates too, so the code that moves ``data:`` URIs into
files (`nmp_lessons.book.site`) doesn't need to know about explorables.
"""

import gzip
import html
import inspect
import io
import itertools
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Number, Real

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
from .narrow import WIDEST
from .plots import BookFigure

MOST_FRAMES = 60  # keeps pages small and builds fast
MOST_RADIOS = 4
LARGEST_SVG = 60_000  # bytes after gzip; above it pixels are smaller
PIXELS_PER_INCH = 96  # CSS
PICTURE_DENSITY = 2  # picture pixels per CSS pixel


@dataclass(frozen=True)
class Choice:
    """One argument of the function: its name, its values, and the label of each value."""

    name: str
    labels: tuple[str, ...]
    values: tuple
    start: int
    control: str  # "slider", "radio" or "menu"

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")


class Explorable(embed.Html):
    """What `explore` returns; displays itself live or as static HTML."""

    def __init__(self, fn: Callable, choices: tuple[Choice, ...], *, title: str, caption: str):
        self.fn, self.choices, self.title, self.caption = fn, choices, title, caption
        self._frames: list[tuple[str, ...]] | None = None

    def __repr__(self) -> str:
        return f"Explorable({self.title!r}: " + ", ".join(f"{c.title} {len(c.values)}" for c in self.choices) + ")"

    @property
    def start(self) -> tuple[int, ...]:
        """Positions of the values shown first."""
        return tuple(choice.start for choice in self.choices)

    def frames(self) -> list[tuple[str, ...]]:
        """The HTML of every combination, the last choice varying fastest; computed once."""
        if self._frames is None:
            self._frames = [self._frame(state) for state in self._states()]
            slots = {len(frame) for frame in self._frames}
            if len(slots) > 1:
                raise InputError(
                    f"explore {self.title!r}: some choices give {min(slots)} results, others {max(slots)}; "
                    "return equally many for all."
                )
        return self._frames

    def _states(self) -> Iterable[tuple[int, ...]]:
        return itertools.product(*(range(len(choice.values)) for choice in self.choices))

    def _call(self, state: tuple[int, ...]) -> tuple:
        arguments = {choice.name: choice.values[i] for choice, i in zip(self.choices, state, strict=True)}
        try:
            result = self.fn(**arguments)
        except Exception as problem:
            problem.add_note(f"explore: while computing {self._state_text(state)}")
            raise
        return result if isinstance(result, tuple) else (result,)

    def _frame(self, state: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(_piece(result, self.title) for result in self._call(state))

    def _state_text(self, state: tuple[int, ...]) -> str:
        return ", ".join(f"{c.title}: {c.labels[i]}" for c, i in zip(self.choices, state, strict=True))

    @property
    def fragment(self) -> str:
        """The static form without the book's script and style sheet."""
        pieces, frames = _shared(self.frames())
        first = frames[_position(self.start, self.choices)]
        shown = "".join(
            f'<div class="nmp-explore-slot">{pieces[slot][piece]}</div>' for slot, piece in enumerate(first)
        )
        stored = "".join(
            f'<template data-slot="{slot}" data-piece="{piece}">{markup}</template>'
            for slot, markups in enumerate(pieces)
            for piece, markup in enumerate(markups)
            if piece != first[slot]
        )
        plan = {"labels": [choice.labels for choice in self.choices], "frames": frames}
        return (
            f'<nmp-explore data-plan="{html.escape(json.dumps(plan, ensure_ascii=False))}">'
            '<figure class="nmp-explore">'
            '<form class="nmp-explore-controls"><fieldset disabled>'
            f"<legend>{html.escape(self.title)}</legend>"
            f"{''.join(_control(choice) for choice in self.choices)}</fieldset></form>"
            f'<div class="nmp-explore-frame">{shown}</div>'
            f"<figcaption>{self._caption()}</figcaption></figure>{stored}</nmp-explore>"
        )

    def _caption(self) -> str:
        caption = f"{html.escape(self.caption)} " if self.caption else ""
        state = html.escape(self._state_text(self.start))
        offered = "; ".join(f"{c.title}: {', '.join(c.labels)}" for c in self.choices)
        return (
            f'{caption}<span class="nmp-explore-state" aria-live="polite">{state}</span>'
            '<span class="nmp-explore-paper"> (one frame of several; the page offers '
            f"{html.escape(offered)})</span>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if os.environ.get("NMP_LESSONS_STATIC") == "1":
            display(self._repr_mimebundle_(), raw=True)
        else:
            display((self.widget()._repr_mimebundle_() or {}) | {"text/html": self._first()}, raw=True)

    def _first(self) -> str:
        """The first frame alone: what an exported page keeps of the live form."""
        caption = f"{self.caption} {self._state_text(self.start)}".strip()
        frame = "".join(f'<div class="nmp-explore-slot">{piece}</div>' for piece in self._frame(self.start))
        return (
            f'{embed.bundle()}<figure class="nmp-explore"><div class="nmp-explore-frame">{frame}</div>'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )

    def widget(self):
        """The live form: ipywidgets, which call the function at every move."""
        import ipywidgets
        from IPython.display import HTML, display

        def show(**values):
            state = tuple(values[choice.name] for choice in self.choices)
            display(HTML(embed.bundle() + "".join(self._frame(state))))

        controls = {choice.name: _widget(choice) for choice in self.choices}
        return ipywidgets.VBox([*controls.values(), ipywidgets.interactive_output(show, controls)])


def explore(fn: Callable, *, title: str = "", caption: str = "", **choices) -> Explorable:
    """Let the reader move through the results of `fn`.

    Parameters
    ----------
    fn : callable
        Called as ``fn(**values)``, one keyword for each choice. Returns a matplotlib figure, a `Recording`,
        anything that displays as HTML (`listen`, a data frame), a string, a number, a mapping, a row
        or a list of rows (shown as a table), or a tuple of these, always of the same length.
    title : str
        The title of the controls and the pictures' alternative text; by default the first line of the
        function's docstring.
    caption : str
        A sentence below the result.
    **choices : sequence of values, or mapping from label to value
        Numbers get a slider, up to four other values radio buttons, and more a menu. The function's own
        default is shown first if it is among the choices, otherwise the first value.

    Returns
    -------
    Explorable

    Raises
    ------
    InputError
        If there is no choice, a choice is empty or repeats a value, `fn` doesn't accept it, or there are more
        than 60 combinations.

    Examples
    --------
    >>> print(explore(lambda partial: f"{partial * 110} Hz", title="Partials of A2", partial=[1, 2, 3]))
    Explorable('Partials of A2': partial 3)
    """
    title = title or _first_line(fn)
    defaults = _defaults(fn, choices, title)
    made = tuple(_choice(name, values, defaults.get(name), title) for name, values in choices.items())
    count = math.prod(len(choice.values) for choice in made)
    if count > MOST_FRAMES:
        sizes = " × ".join(str(len(choice.values)) for choice in made)
        raise InputError(f"explore {title!r}: {sizes} makes {count} combinations; give at most {MOST_FRAMES}.")
    return Explorable(fn, made, title=title, caption=caption)


# Choices


def _first_line(fn: Callable) -> str:
    return (inspect.getdoc(fn) or "").split("\n")[0].rstrip(".") or getattr(fn, "__name__", "result").replace("_", " ")


def _defaults(fn: Callable, choices: Mapping, title: str) -> dict:
    if not choices:
        raise InputError(f"explore {title!r}: give at least one choice, such as harmonics=[1, 2, 3].")
    signature = inspect.signature(fn)
    try:
        signature.bind(**choices)
    except TypeError as problem:
        raise InputError(
            f"explore {title!r}: the function does not accept these choices ({problem}); give one per parameter."
        ) from problem
    return {name: parameter.default for name, parameter in signature.parameters.items()}


def _choice(name: str, values, default, title: str) -> Choice:
    if not isinstance(values, Iterable) or isinstance(values, str):
        raise InputError(
            f"explore {title!r}: {name} is {values!r}; give a list of values, such as {name}=[{values!r}]."
        )
    values = values if isinstance(values, Mapping) else list(values)
    named = dict(values) if isinstance(values, Mapping) else _named(values)
    if not named or len(named) < len(values):
        raise InputError(f"explore {title!r}: {name} has no values, or has one twice; give each value once.")
    start = next((i for i, value in enumerate(named.values()) if type(value) is type(default) and value == default), 0)
    return Choice(name, tuple(map(str, named)), tuple(named.values()), start, _control_for(tuple(named.values())))


def _named(values: list) -> dict:
    """The values by their labels, with as many digits as tell them apart."""
    digits = range(6, 18)
    return max(({_label(value, several): value for value in values} for several in digits), key=len)


def _label(value, digits: int = 6) -> str:
    """A value as the reader sees it: 22050 is "22,050", and -3 has a proper minus sign."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Real):
        number = float(value)
        text = f"{value:,}" if number.is_integer() and abs(number) < 1e15 else f"{value:.{digits}g}"
        return text.removesuffix(".0").replace("-", "−")
    return str(value)


def _control_for(values: tuple) -> str:
    if all(isinstance(value, Number) and not isinstance(value, bool) for value in values):
        return "slider"
    return "radio" if len(values) <= MOST_RADIOS else "menu"


def _position(state: tuple[int, ...], choices: tuple[Choice, ...]) -> int:
    position = 0
    for index, choice in zip(state, choices, strict=True):
        position = position * len(choice.values) + index
    return position


# Controls


def _control(choice: Choice) -> str:
    return {"slider": _slider, "radio": _radios, "menu": _menu}[choice.control](choice)


def _slider(choice: Choice) -> str:
    label = html.escape(choice.labels[choice.start])
    width = max(map(len, choice.labels))
    return (
        f'<div class="nmp-explore-control"><label><span>{html.escape(choice.title)}</span> '
        f'<input type="range" min="0" max="{len(choice.values) - 1}" step="1" value="{choice.start}" '
        f'aria-valuetext="{label}"></label>'
        f'<span class="nmp-explore-value" style="min-width:{width}ch" aria-hidden="true">{label}</span>'
        f'<button type="button" aria-pressed="false" aria-label="Step through {html.escape(choice.title)}">'
        "▶</button></div>"
    )


def _radios(choice: Choice) -> str:
    buttons = "".join(
        f'<label><input type="radio" name="{html.escape(choice.name)}" value="{i}"'
        f"{' checked' if i == choice.start else ''}> {html.escape(label)}</label>"
        for i, label in enumerate(choice.labels)
    )
    title = html.escape(choice.title)
    return f'<fieldset class="nmp-explore-control"><legend>{title}</legend>{buttons}</fieldset>'


def _menu(choice: Choice) -> str:
    options = "".join(
        f'<option value="{i}"{" selected" if i == choice.start else ""}>{html.escape(label)}</option>'
        for i, label in enumerate(choice.labels)
    )
    return (
        f'<div class="nmp-explore-control"><label><span>{html.escape(choice.title)}</span> '
        f"<select>{options}</select></label></div>"
    )


def _widget(choice: Choice):
    import ipywidgets

    kind = {
        "slider": ipywidgets.SelectionSlider,
        "radio": ipywidgets.RadioButtons,
        "menu": ipywidgets.Dropdown,
    }[choice.control]
    options = [(label, i) for i, label in enumerate(choice.labels)]
    return kind(options=options, value=choice.start, description=choice.title, style={"description_width": "initial"})


# Results as HTML


def _shared(frames: list[tuple[str, ...]]) -> tuple[list[list[str]], list[list[int]]]:
    """Each slot's different pieces, and for each frame the position of its piece in each slot."""
    pieces = [list(dict.fromkeys(column)) for column in zip(*frames, strict=True)]
    places = [{markup: i for i, markup in enumerate(markups)} for markups in pieces]
    return pieces, [[place[markup] for place, markup in zip(places, frame, strict=True)] for frame in frames]


def _piece(result, alt: str) -> str:
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
        return f'<p class="nmp-explore-text">{html.escape(_label(result))}</p>'
    if isinstance(result, Iterable):
        rows = list(result)
        one = not any(isinstance(row, Iterable) and not isinstance(row, str) for row in rows)
        return _table([rows] if one and rows else rows)
    raise InputError(f"explore: can't show a {type(result).__name__}; return a figure, a Recording, text or a table.")


def _table(rows: Iterable) -> str:
    lines = []
    for head, *cells in rows:
        data = "".join(f"<td>{html.escape(_label(cell))}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{html.escape(_label(head))}</th>{data}</tr>')
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
