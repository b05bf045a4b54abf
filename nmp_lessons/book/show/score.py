"""The score of a player, as SVG: notes over a picture, or a waveform; in per cent, so that it fits every width.

Conventions: times in seconds, pitches as MIDI numbers; `span` is the lower and upper edge of the picture.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ...audio.recording import Recording
from ...constants import NMP, TOLERANCE
from ...errors import InputError
from ...notes.pitch import pitch_name
from .colours import COLOURS, ink
from .embed import attributes, webp
from .pictures import Picture

if TYPE_CHECKING:
    from ...notes.note_list import Notes

HEIGHT = 320, 76  # pixels, of a picture with pitches and of a waveform
COLUMNS = 1600  # at most, in a picture: twice the width of a page
HATCH = "nmp-hatch"
LEGEND = {
    "reference": "reference note",
    "prediction": "predicted note",
    "hit": "hit: predicted and right",
    "miss": "miss: in the reference only",
    "extra": "extra: in the prediction only",
}


def notes_by_name(notes) -> dict[str, "Notes"]:
    """Notes by name."""
    if notes is None:
        return {}
    by_name = dict(notes) if isinstance(notes, Mapping) else {"reference": notes}
    for name in by_name:
        if name not in ("reference", "prediction"):
            raise InputError(f'listen: notes are called {name!r}; call them "reference" or "prediction".')
    return by_name


def matched_groups(
    notes: "Notes | Mapping[str, Notes]", *, tolerance: float = TOLERANCE
) -> Iterator[tuple[str, "Notes", np.ndarray]]:
    """What to draw of `notes`, as in `listen`: (kind, notes, indices), matched if both kinds are given.

    `tolerance` is that of onsets, in seconds.
    """
    by_name = notes_by_name(notes)
    if len(by_name) < 2:
        for kind, notes in by_name.items():
            yield kind, notes, np.arange(len(notes))
        return
    from ...evaluation import match

    matched = match(by_name["reference"], by_name["prediction"], tolerance=tolerance)
    yield "hit", by_name["prediction"], np.array([estimate for _, estimate in matched.hits], dtype=int)
    yield "miss", by_name["reference"], np.asarray(matched.misses, dtype=int)
    yield "extra", by_name["prediction"], np.asarray(matched.extra, dtype=int)


def pitch_range(
    pitches: tuple[float, float] | None, over: Picture | None, notes: "Notes | Mapping[str, Notes]"
) -> tuple[float, float]:
    """Lower and upper edge of a picture: as requested, or around the notes, or the whole."""
    if pitches is not None:
        return pitches[0] - 0.5, pitches[1] + 0.5
    by_name = notes_by_name(notes)
    sounding = np.concatenate([notes.pitch for notes in by_name.values()] or [[]])
    if len(sounding):
        low, high = sounding.min() - 3.5, sounding.max() + 6.5
    elif over is not None:
        low, high = -np.inf, np.inf
    else:
        low, high = NMP.lowest_pitch - 0.5, NMP.highest_pitch + 0.5
    if over is not None:
        half = over.bin_height / 2
        low, high = max(low, over.lowest - half), min(high, over.highest + half)
    return low, high


def drawn_score(named, seconds, over, groups, span, *, alt) -> str:
    drawn = over is not None or bool(groups)
    height = HEIGHT[0] if drawn else HEIGHT[1]
    body = (
        _hatch()
        + image(over, seconds, span)
        + pitch_lines(span)
        + "".join(_rectangles(group, seconds, span) for group in groups)
        if drawn
        else _waveform(next(iter(named.values())), seconds)
    )
    names = "".join(
        f'<text x="28" y="{from_top(pitch, span):.2f}%" dy="4">{pitch_name(pitch)}</text>'
        for pitch in named_pitches(span)
    )
    gutter = f'<svg class="nmp-names" width="34" height="{height}" aria-hidden="true">{names}</svg>'
    wide = f"{min(1600, max(280, 20 * seconds)):.0f}"
    return (
        f'<div class="nmp-score {"nmp-tall" if drawn else "nmp-slim"}">{gutter if drawn else ""}'
        '<div class="nmp-scroll"><div class="nmp-wide">'
        f'<svg class="nmp-plot" width="100%" height="{height + 22}" data-wide="{wide}"'
        f"{attributes(role='img', aria_label=alt)}>"
        f'<svg class="nmp-area" width="100%" height="{height}">{body}</svg>'
        f"{_clock(seconds, height)}</svg></div></div></div>"
    )


def from_top(pitch: float, span) -> float:
    low, high = span
    return 100 * (high - pitch) / (high - low)


def named_pitches(span: tuple[float, float]) -> list[int]:
    """Pitches to name: every C; in a small range some between."""
    low, high = span
    classes = {0, 4, 7} if high - low <= 20 else {0, 7} if high - low <= 32 else {0}
    return [pitch for pitch in range(int(np.ceil(low)), int(high) + 1) if pitch % 12 in classes]


def pitch_lines(span) -> str:
    lines = "".join(
        f'<line x1="0" x2="100%" y1="{from_top(pitch, span):.2f}%" y2="{from_top(pitch, span):.2f}%"/>'
        for pitch in named_pitches(span)
    )
    return f'<g class="nmp-lines" stroke="#808080">{lines}</g>'


def _clock(seconds: float, height: int) -> str:
    """Labels of the time axis: at most eight steps."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
    step = next((step for step in steps if seconds / step <= 8), seconds)
    times = np.arange(0, seconds + 1e-9, step)
    anchors = ["start" if t == 0 else "end" if t > 0.96 * seconds else "middle" for t in times]
    labels = "".join(
        f'<text x="{100 * t / seconds:.2f}%" y="{height + 17}" text-anchor="{anchor}">{t:g} s</text>'
        for t, anchor in zip(times, anchors, strict=True)
    )
    return f'<g class="nmp-clock">{labels}</g>'


def image(over: Picture | None, seconds: float, span) -> str:
    if over is None:
        return ""
    values = over.values[::-1]  # highest pitch on top
    per_column = -(-values.shape[1] // COLUMNS)
    if per_column > 1:  # the loudest of the frames that share a column
        values = np.maximum.reduceat(values, np.arange(0, values.shape[1], per_column), axis=1)
    values = values.repeat(max(1, HEIGHT[0] // len(values)), axis=0)
    top = from_top(over.highest + over.bin_height / 2, span)
    bottom = from_top(over.lowest - over.bin_height / 2, span)
    return (
        '<image class="nmp-picture" preserveAspectRatio="none" '
        f'x="{100 * over.start / seconds:.2f}%" y="{top:.2f}%" '
        f'width="{100 * (over.stop - over.start) / seconds:.2f}%" height="{bottom - top:.2f}%" '
        f'href="{webp(ink()[np.round(255 * values).astype(np.uint8)], quality=65)}"/>'
    )


def _rectangles(group, seconds: float, span) -> str:
    kind, notes, indices = group
    indices = indices[(notes.pitch[indices] >= span[0]) & (notes.pitch[indices] <= span[1])]
    height = from_top(0, span) - from_top(1, span)
    places = 2 if seconds <= 20 else 3  # a millisecond or less
    rectangles = "".join(
        f'<rect x="{100 * onset / seconds:.{places}f}%" y="{from_top(pitch + 0.5, span):.1f}%" '
        f'width="{100 * (offset - onset) / seconds:.2f}%" height="{height:.1f}%">'
        f"<title>{pitch_name(pitch)}, {onset:.2f} to {offset:.1f} s: {LEGEND[kind]}</title></rect>"
        for onset, offset, pitch in zip(notes.onset[indices], notes.offset[indices], notes.pitch[indices], strict=True)
    )
    return f'<g class="nmp-notes nmp-{kind}"{paint(kind)}>{rectangles}</g>'


def paint(kind: str) -> str:
    """Looks that hold without the style sheet; each kind differs in shape, too."""
    colour = COLOURS[kind]
    fill = {"miss": "none", "extra": f"url(#{HATCH})"}.get(kind, colour)
    dashes = "4 3" if kind == "miss" else None
    opacity = 0.35 if fill == colour else None
    return attributes(fill=fill, fill_opacity=opacity, stroke=colour, stroke_width=1.5, stroke_dasharray=dashes)


def _hatch() -> str:
    """The hatching of extra notes. Every player that needs it brings it, and all are alike."""
    return (
        f'<pattern id="{HATCH}" patternUnits="userSpaceOnUse" width="5" height="5">'
        f'<path class="nmp-hatch" d="M-1 6L6 -1M-1 1L1 -1M4 6L6 4" stroke="{COLOURS["extra"]}"/></pattern>'
    )


def _waveform(recording: Recording, seconds: float) -> str:
    """The waveform's envelope as 500 strokes."""
    columns = 500
    edges = np.linspace(0, len(recording.audio), columns + 1).astype(int)[:-1]
    top = np.maximum.reduceat(recording.audio, edges)
    bottom = np.minimum.reduceat(recording.audio, edges)
    peak = max(np.abs(recording.audio).max(), 1e-9)
    x = np.arange(columns) + 0.5
    path = "".join(
        f"M{column:.1f} {high:.1f}V{low:.1f}"
        for column, high, low in zip(x, 50 - 48 * top / peak, 50.5 - 48 * bottom / peak, strict=True)
    )
    return (
        f'<svg viewBox="0 0 {columns} 100" preserveAspectRatio="none" '
        f'width="{100 * recording.seconds / seconds:.2f}%" height="100%">'
        f'<path class="nmp-wave" fill="none" stroke="#848d97" d="{path}"/></svg>'
    )


def description(named, seconds: float, over, groups, span) -> str:
    if over is None and not groups:
        return f"Waveform of {next(iter(named))}, {seconds:.1f} seconds."
    what = over.name[0].upper() + over.name[1:] if over is not None else "Piano roll"
    low, high = (pitch_name(round(pitch)) for pitch in span)
    counts = ", ".join(f"{len(indices)} of kind {kind}" for kind, _, indices in groups)
    return f"{what} from {low} to {high} over {seconds:.1f} seconds{f'; notes: {counts}' if counts else ''}."


def legend(groups) -> str:
    if not groups:
        return ""
    items = "".join(
        f'<li><svg width="22" height="12" aria-hidden="true"><g class="nmp-notes nmp-{kind}"{paint(kind)}>'
        f'<rect x="1.5" y="1.5" width="19" height="9"/></g></svg> {LEGEND[kind]} ({len(indices)})</li>'
        for kind, _, indices in groups
    )
    return f'<ul class="nmp-legend">{items}</ul>'
