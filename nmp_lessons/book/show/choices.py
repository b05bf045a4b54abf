"""The choices of an explorable or of a live control: their values, their labels, and what a reader moves."""

import html
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Number, Real

from ...errors import InputError

MOST_RADIOS = 4


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


def first_line(fn: Callable) -> str:
    return (inspect.getdoc(fn) or "").split("\n")[0].rstrip(".") or getattr(fn, "__name__", "result").replace("_", " ")


def defaults_of(fn: Callable, choices: Mapping, title: str) -> dict:
    """The function's own defaults, once it is known to accept these choices."""
    signature = inspect.signature(fn)
    try:
        signature.bind(**choices)
    except TypeError as problem:
        raise InputError(
            f"{title!r}: the function does not accept these choices ({problem}); give one per parameter."
        ) from problem
    return {name: parameter.default for name, parameter in signature.parameters.items()}


def choice_of(name: str, values, default, title: str, *, slider: bool = True) -> Choice:
    """A choice from what a caller gave; numbers get a slider unless `slider` is false."""
    if not isinstance(values, Iterable) or isinstance(values, str):
        raise InputError(f"{title!r}: {name} is {values!r}; give a list of values, such as {name}=[{values!r}].")
    values = values if isinstance(values, Mapping) else list(values)
    named = dict(values) if isinstance(values, Mapping) else _named(values)
    if not named or len(named) < len(values):
        raise InputError(f"{title!r}: {name} has no values, or has one twice; give each value once.")
    start = next((i for i, value in enumerate(named.values()) if type(value) is type(default) and value == default), 0)
    return Choice(
        name, tuple(map(str, named)), tuple(named.values()), start, _control_for(tuple(named.values()), slider)
    )


def _named(values: list) -> dict:
    """The values by their labels, with as many digits as tell them apart."""
    digits = range(6, 18)
    return max(({label_of(value, several): value for value in values} for several in digits), key=len)


def label_of(value, digits: int = 6) -> str:
    """A value as the reader sees it: 22050 is "22,050", and -3 has a proper minus sign."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Real):
        number = float(value)
        text = f"{value:,}" if number.is_integer() and abs(number) < 1e15 else f"{value:.{digits}g}"
        return text.removesuffix(".0").replace("-", "−")
    return str(value)


def _control_for(values: tuple, slider: bool) -> str:
    if slider and all(isinstance(value, Number) and not isinstance(value, bool) for value in values):
        return "slider"
    return "radio" if len(values) <= MOST_RADIOS else "menu"


def markup_of(choice: Choice) -> str:
    return {"slider": _slider, "radio": _radios, "menu": _menu}[choice.control](choice)


def _slider(choice: Choice) -> str:
    label = html.escape(choice.labels[choice.start])
    width = max(map(len, choice.labels))
    return (
        f'<div class="nmp-explore-control" data-setting="{choice.name}">'
        f"<label><span>{html.escape(choice.title)}</span> "
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
    return (
        f'<fieldset class="nmp-explore-control" data-setting="{choice.name}">'
        f"<legend>{title}</legend>{buttons}</fieldset>"
    )


def _menu(choice: Choice) -> str:
    options = "".join(
        f'<option value="{i}"{" selected" if i == choice.start else ""}>{html.escape(label)}</option>'
        for i, label in enumerate(choice.labels)
    )
    return (
        f'<div class="nmp-explore-control" data-setting="{choice.name}">'
        f"<label><span>{html.escape(choice.title)}</span> "
        f"<select>{options}</select></label></div>"
    )


def widget_of(choice: Choice):
    import ipywidgets

    kind = {
        "slider": ipywidgets.SelectionSlider,
        "radio": ipywidgets.RadioButtons,
        "menu": ipywidgets.Dropdown,
    }[choice.control]
    options = [(label, i) for i, label in enumerate(choice.labels)]
    return kind(options=options, value=choice.start, description=choice.title, style={"description_width": "initial"})
