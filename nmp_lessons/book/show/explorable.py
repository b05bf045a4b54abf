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

import html
import itertools
import json
import math
import os
from collections.abc import Callable, Iterable

from ...errors import InputError
from . import embed
from .choices import Choice, choice_of, defaults_of, first_line, markup_of, widget_of
from .frames import piece_of

MOST_FRAMES = 60  # keeps pages small and builds fast


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
        return tuple(piece_of(result, self.title) for result in self._call(state))

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
            f"{''.join(markup_of(choice) for choice in self.choices)}</fieldset></form>"
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

        controls = {choice.name: widget_of(choice) for choice in self.choices}
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
    title = title or first_line(fn)
    if not choices:
        raise InputError(f"explore {title!r}: give at least one choice, such as harmonics=[1, 2, 3].")
    defaults = defaults_of(fn, choices, title)
    made = tuple(choice_of(name, values, defaults.get(name), title) for name, values in choices.items())
    count = math.prod(len(choice.values) for choice in made)
    if count > MOST_FRAMES:
        sizes = " × ".join(str(len(choice.values)) for choice in made)
        raise InputError(f"explore {title!r}: {sizes} makes {count} combinations; give at most {MOST_FRAMES}.")
    return Explorable(fn, made, title=title, caption=caption)


def _position(state: tuple[int, ...], choices: tuple[Choice, ...]) -> int:
    position = 0
    for index, choice in zip(state, choices, strict=True):
        position = position * len(choice.values) + index
    return position


def _shared(frames: list[tuple[str, ...]]) -> tuple[list[list[str]], list[list[int]]]:
    """Each slot's different pieces, and for each frame the position of its piece in each slot."""
    pieces = [list(dict.fromkeys(column)) for column in zip(*frames, strict=True)]
    places = [{markup: i for i, markup in enumerate(markups)} for markups in pieces]
    return pieces, [[place[markup] for place, markup in zip(places, frame, strict=True)] for frame in frames]
