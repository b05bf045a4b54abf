"""A control that computes in the page: the reader moves a slider or drags a point, and the picture follows.

`live` takes a function that draws the picture with matplotlib. In a live notebook, ipywidgets calls it at every move.
In the built book, the page contains one picture by it, for paper and for readers without JavaScript; a script then
takes over and draws the same from the settings of the moment. That script is one file for each chapter
(``web/src/live/chapters``). What it computes are twins of functions in `nmp_lessons` (``web/src/twins``), which
``tests/test_book_live_twins.py`` compares with them on a grid.

`live` is for what can be computed within a frame of the screen. What needs PyTorch or a recording's whole length is
computed when the book is built: see `explore`.
"""

import base64
import html
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...audio.recording import Recording
from ...errors import InputError
from ..bundle import data_uri, live_script
from . import embed
from .choices import Choice, choice_of, defaults_of, first_line, label_of, markup_of, widget_of
from .frames import piece_of

POSITIONS = 200  # of a slider without steps


@dataclass(frozen=True)
class Slider:
    """The range of one number.

    Parameters
    ----------
    start
        The value shown first.
    low, high
        Both included.
    step
        Distance between its positions; without one it has two hundred.
    log
        Whether equal distances on the slider are equal ratios. `low` must then be above 0, and there are no steps.
    unit
        Written after the value, with a space before it where one belongs.

    Raises
    ------
    InputError
        If the start lies outside the range, or the range cannot be logarithmic.

    Examples
    --------
    >>> Slider(1.0, 0.01, 100.0, log=True).position
    100
    >>> Slider(5, 1, 21, step=2).positions
    10
    """

    start: float
    low: float
    high: float
    step: float | None = None
    log: bool = False
    unit: str = ""

    def __post_init__(self):
        if not self.low <= self.start <= self.high or self.low == self.high:
            raise InputError(f"slider: {self.start} lies outside the range from {self.low} to {self.high}; widen it.")
        if self.log and (self.low <= 0 or self.step is not None):
            raise InputError(f"slider: a logarithmic range has no steps and begins above 0, not at {self.low}.")

    @property
    def positions(self) -> int:
        """How many steps there are from one end to the other."""
        return POSITIONS if self.step is None else round((self.high - self.low) / self.step)

    @property
    def position(self) -> int:
        """How many of them lie below the start."""
        scale = math.log if self.log else float
        part = (scale(self.start) - scale(self.low)) / (scale(self.high) - scale(self.low))
        return round(part * self.positions)

    def markup(self, name: str) -> str:
        """The slider in the page."""
        title, text = html.escape(name.replace("_", " ")), html.escape(self.shown(self.start))
        width = max(len(self.shown(end)) for end in (self.low, self.start, self.high)) + 2
        place = embed.attributes(
            data_setting=name,
            data_start=self.start,
            data_low=self.low,
            data_high=self.high,
            data_step=self.step,
            data_log=self.log,
            data_unit=self.unit or None,
        )
        return (
            f'<div class="nmp-explore-control"{place}><label><span>{title}</span> '
            f'<input type="range" min="0" max="{self.positions}" step="1" value="{self.position}" '
            f'aria-valuetext="{text}"></label>'
            f'<span class="nmp-explore-value" style="min-width:{width}ch" aria-hidden="true">{text}</span></div>'
        )

    def shown(self, value: float) -> str:
        """A value as the page writes it.

        >>> Slider(1, 0, 2, unit=" dB").shown(0.123456)
        '0.123 dB'
        """
        return label_of(value, 3) + self.unit

    def widget(self, name: str):
        """The slider in a notebook."""
        import ipywidgets

        text = {"description": name.replace("_", " "), "style": {"description_width": "initial"}}
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return ipywidgets.FloatLogSlider(
                value=self.start, min=low, max=high, step=(high - low) / self.positions, **text
            )
        kind = ipywidgets.IntSlider if isinstance(self.step, int) else ipywidgets.FloatSlider
        step = self.step or (self.high - self.low) / self.positions
        return kind(value=self.start, min=self.low, max=self.high, step=step, **text)


class Live(embed.Html):
    """What `live` returns; displays itself as a page's control or as a notebook's."""

    def __init__(self, fn: Callable, settings: dict[str, Slider | Choice], **about: Any):
        self.fn, self.settings = fn, settings
        self.chapter, self.title = about["chapter"], about["title"]
        self.caption, self.data = about["caption"], about["data"]

    def __repr__(self) -> str:
        return f"Live({self.title!r}: {', '.join(self.settings)})"

    @property
    def start(self) -> dict[str, Any]:
        """The arguments of the first picture."""
        return {
            name: setting.start if isinstance(setting, Slider) else setting.values[setting.start]
            for name, setting in self.settings.items()
        }

    def _pieces(self, values: Mapping[str, Any]) -> str:
        result = self.fn(**values)
        pieces = result if isinstance(result, tuple) else (result,)
        return "".join(f'<div class="nmp-explore-slot">{piece_of(piece, self.title)}</div>' for piece in pieces)

    @property
    def fragment(self) -> str:
        """The page's form without scripts and style sheet."""
        plan = json.dumps({"name": self.fn.__name__, "data": self.data}, ensure_ascii=False, default=_plain)
        settings = "".join(
            setting.markup(name) if isinstance(setting, Slider) else markup_of(setting)
            for name, setting in self.settings.items()
        )
        return (
            f'<nmp-live data-chapter="{self.chapter}" data-plan="{html.escape(plan)}">'
            '<figure class="nmp-explore"><form class="nmp-explore-controls"><fieldset disabled>'
            f"<legend>{html.escape(self.title)}</legend>{settings}</fieldset></form>"
            '<p class="nmp-live-readout" aria-live="polite"></p>'
            f'<div class="nmp-live-frame">{self._pieces(self.start)}</div>'
            f"<figcaption>{self._caption()}</figcaption></figure></nmp-live>"
        )

    def _caption(self) -> str:
        state = ", ".join(
            f"{name.replace('_', ' ')}: {setting.shown(setting.start)}"
            if isinstance(setting, Slider)
            else f"{setting.title}: {setting.labels[setting.start]}"
            for name, setting in self.settings.items()
        )
        shown = f" (drawn for {state}; on the page you can change it)" if state else " (on the page you can change it)"
        return f'{html.escape(self.caption)}<span class="nmp-explore-paper">{html.escape(shown)}</span>'

    def _repr_html_(self) -> str:
        script = live_script(self.chapter)
        inline = f"<script data-nmp-bundle>{script.read_text(encoding='utf-8')}</script>" if script.exists() else ""
        return embed.bundle() + inline + self.fragment

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if os.environ.get("NMP_LESSONS_STATIC") == "1" or not self.settings:
            display(self._repr_mimebundle_(), raw=True)
        else:
            display((self.widget()._repr_mimebundle_() or {}) | {"text/html": self._first()}, raw=True)

    def _first(self) -> str:
        """The first picture alone: what an exported page keeps of the notebook's form."""
        return (
            f'{embed.bundle()}<figure class="nmp-explore">{self._pieces(self.start)}'
            f"<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )

    def widget(self):
        """The notebook's form: ipywidgets, which call the function at every move."""
        import ipywidgets
        from IPython.display import HTML, display

        def show(**moved):
            values = {
                name: value if isinstance(setting := self.settings[name], Slider) else setting.values[value]
                for name, value in moved.items()
            }
            display(HTML(embed.bundle() + self._pieces(values)))

        controls = {
            name: setting.widget(name) if isinstance(setting, Slider) else widget_of(setting)
            for name, setting in self.settings.items()
        }
        return ipywidgets.VBox([*controls.values(), ipywidgets.interactive_output(show, controls)])


def live(
    fn: Callable, *, chapter: str, title: str = "", caption: str = "", data: Mapping | None = None, **settings
) -> Live:
    """Let the reader change quantities and see at once what follows.

    Parameters
    ----------
    fn : callable
        Called as ``fn(**values)``, one keyword for each setting; returns a matplotlib figure, or whatever else
        `explore` accepts. Its name is that of the control in the chapter's script.
    chapter : str
        Slug of the chapter, whose script has the control.
    title : str
        The title of the settings and the picture's alternative text; by default the first line of the function's
        docstring.
    caption : str
        A sentence below the picture.
    data : mapping, optional
        What the page's twin needs besides the settings: numbers, text, lists, arrays, and recordings, which become
        addresses of sounds; an array of bytes (numbers from 0 to 1, times 255) takes the least room.
    **settings : Slider, sequence of values, or mapping from label to value
        A `Slider` for a number; as in `explore`, up to four values get radio buttons, and more a menu. None at all if
        readers move what is in the picture.

    Returns
    -------
    Live

    Raises
    ------
    InputError
        If the function doesn't accept a setting, or a setting is empty or repeats a value.

    Examples
    --------
    >>> live(lambda weight: f"{weight:g}", chapter="cross_entropy", title="A weight", weight=Slider(1, 0, 9))
    Live('A weight': weight)
    """
    title = title or first_line(fn)
    defaults = defaults_of(fn, settings, title)
    made = {
        name: setting
        if isinstance(setting, Slider)
        else choice_of(name, setting, defaults.get(name), title, slider=False)
        for name, setting in settings.items()
    }
    return Live(fn, made, chapter=chapter, title=title, caption=caption, data=data)


FAINT = 0.02  # a posterior below it is sent as 0


def head_bytes(head: np.ndarray) -> np.ndarray:
    """A head as a control's data: in steps of 1/255, key by key, which compresses to a third.

    Parameters
    ----------
    head : (frames, keys) ndarray
        Posteriors.

    Returns
    -------
    (keys, frames) uint8 ndarray
        The page's `unpackedHead` turns it back.

    Examples
    --------
    >>> head_bytes(np.array([[0.0, 0.01, 1.0], [0.2, 0.5, 0.6]])).tolist()
    [[0, 51], [0, 128], [255, 153]]
    """
    return np.round(255 * np.where(head < FAINT, 0, head)).astype(np.uint8).T


def kernel_data(weight: np.ndarray, bias: np.ndarray) -> dict[str, Any]:
    """A convolution as a control's data: its weights as whole numbers of 16 bits, which take half the room.

    Parameters
    ----------
    weight : (outputs, inputs, frames, bins) ndarray
    bias : (outputs,) ndarray

    Returns
    -------
    dict
        `shape`; `scale`, by which the page multiplies the numbers in `bytes` (little-endian); and `bias`.

    Examples
    --------
    >>> kernel_data(np.array([[[[0.5, -1.0]]]]), np.zeros(1))["bytes"].view("<i2").tolist()
    [16384, -32767]
    """
    scale = float(np.abs(weight).max()) / (2**15 - 1)
    numbers = np.round(weight / scale).astype("<i2")
    return {"shape": weight.shape, "scale": scale, "bytes": numbers.ravel().view(np.uint8), "bias": bias}


def _plain(value):
    """Arrays, tensors and their numbers as JSON; a recording as the address of a sound."""
    if isinstance(value, Recording):
        return data_uri(embed.mp3(value), "audio/mpeg")
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        return {"shape": value.shape, "bytes": base64.b64encode(value.tobytes()).decode("ascii")}
    if hasattr(value, "tolist"):
        return value.tolist()
    raise InputError(
        f"live: data can't hold a {type(value).__name__}; give numbers, text, lists, arrays or recordings."
    )
