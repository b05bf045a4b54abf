"""The player: several versions of the same music, in step with each other, over a picture with notes.

Without JavaScript, the reader gets a figure (inline SVG) and one plain `<audio>` per version. The
custom element `<nmp-player>` (``web/src/player.ts``) combines them into one player: switching versions
keeps the position exactly, reference and prediction can be heard left and right, and a region can be looped.

Conventions: times in seconds, pitches as MIDI numbers. Sounds are mono MP3 at 7 kB per second.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ...audio.levels import LOUDNESS
from ...audio.recording import Recording
from ...constants import NMP, TOLERANCE
from ...errors import InputError
from ...notes.pitch import pitch_name
from ..bundle import data_uri
from .colours import COLOURS, ink
from .embed import Html, alike, attributes, mp3, webp

if TYPE_CHECKING:
    from ...model.posteriorgram import Posteriors
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


@dataclass(frozen=True, eq=False)
class Picture:
    """Values over time and pitch, drawn behind the notes.

    Parameters
    ----------
    values : np.ndarray, shape (bins, frames)
        From 0 to 1, lowest pitch first.
    start, stop : float
        Seconds at the left edge of the first and at the right edge of the last frame.
    lowest, highest : float
        Pitch at the centre of the first and of the last bin, as MIDI numbers.
    name : str
        What is shown, for use in descriptions, such as "note posteriors".
    scale : (float, float, str)
        What 0 and 1 stand for, and the name of the quantity.

    Raises
    ------
    InputError
        If the shape is wrong, a value is outside [0, 1], or an axis doesn't ascend.
    """

    values: np.ndarray
    start: float
    stop: float
    lowest: float
    highest: float
    name: str = "picture"
    scale: tuple[float, float, str] = (0, 1, "value")

    def __post_init__(self):
        values = np.asarray(self.values, dtype=np.float32)
        if values.ndim != 2 or min(values.shape) < 2:
            raise InputError(f"{self.name}: the values have shape {values.shape}; give (bins, frames), both above 1.")
        if not (values.min() >= 0 and values.max() <= 1):
            raise InputError(f"{self.name}: some values are NaN or outside [0, 1]; scale or clip them first.")
        if not (self.stop > self.start and self.highest > self.lowest):
            raise InputError(f"{self.name}: an axis doesn't ascend; give start < stop and lowest < highest.")
        object.__setattr__(self, "values", values)

    @property
    def bin_height(self) -> float:
        """Semitones from one bin to the next."""
        return (self.highest - self.lowest) / (len(self.values) - 1)

    def between(self, low: float, high: float) -> "Picture":
        """Only the bins with centres in the pitches from `low` to `high`."""
        pitches = np.linspace(self.lowest, self.highest, len(self.values))
        kept = np.flatnonzero((pitches >= low) & (pitches <= high))
        if len(kept) < 2:
            raise InputError(f"{self.name}: has nothing between pitches {low:g} and {high:g}; choose a wider range.")
        first, last = kept[0], kept[-1]
        values = self.values[first : last + 1]
        return replace(self, values=values, lowest=pitches[first], highest=pitches[last])


def cqt_picture(recording: Recording, *, depth: float = 60.0) -> Picture:
    """The constant-Q transform of a recording: level in dB, black at its maximum, white `depth` dB below."""
    import torch

    from ...cqt import CQT

    recording = recording.resampled(NMP.sample_rate)
    with torch.no_grad():
        magnitudes = CQT()(torch.from_numpy(recording.audio)[None])[0].numpy()  # (bins, frames)
    level = 20 * np.log10(np.maximum(magnitudes, 1e-10))
    values = (1 + (level - level.max()) / depth).clip(0, 1)
    scale = (-depth, 0, "level (dB)")
    return _on_frames(values, NMP.bins_per_semitone, name="constant-Q transform", scale=scale)


def posteriors_picture(posteriors: "Posteriors", which: str = "note") -> Picture:
    """One output of the network, "contour", "note" or "onset", from 0 (white) to 1 (black)."""
    heads = {"contour": NMP.bins_per_semitone, "note": 1, "onset": 1}
    if which not in heads:
        raise InputError(f"{which!r} is not an output of the network; choose one of {', '.join(heads)}.")
    values = np.asarray(getattr(posteriors, which)).T.clip(0, 1)  # (bins, frames)
    return _on_frames(values, heads[which], name=f"{which} posteriors", scale=(0, 1, "posterior"))


def _on_frames(values: np.ndarray, bins_per_semitone: int, *, name: str, scale: tuple) -> Picture:
    """A picture whose frame t is centred at t hops and whose lowest bin is the piano's lowest key."""
    bins, frames = values.shape
    start, stop = (np.array([0, frames]) - 0.5) / NMP.frame_rate
    highest = NMP.lowest_pitch + (bins - 1) / bins_per_semitone
    return Picture(values, float(start), float(stop), NMP.lowest_pitch, highest, name, scale)


# The player


def listen(
    versions: Recording | Mapping[str, Recording],
    *,
    over: Picture | None = None,
    notes: "Notes | Mapping[str, Notes] | None" = None,
    pitches: tuple[float, float] | None = None,
    title: str = "",
    caption: str = "",
    alt: str = "",
    loudness: float | None = LOUDNESS,
) -> Html:
    """A player for one recording or for several versions of the same music.

    Versions named "reference…" and "prediction…" can also be heard together, left and right.

    Parameters
    ----------
    versions : Recording, or names and Recordings
        All start at the same instant. They are brought to one loudness and faded at both ends, and the shorter ones
        end in silence.
    over : Picture, optional
        Drawn behind the notes, such as `cqt_picture(recording)` or `posteriors_picture(posteriors)`.
        Without a picture or notes, the first version's waveform is drawn.
    notes : Notes, or {"reference": Notes, "prediction": Notes}, optional
        Drawn on the picture. If both are given they are matched (`evaluation.match`) and shown as hits,
        misses and extra notes.
    pitches : (low, high), optional
        Range of the picture in MIDI numbers; by default that of the notes, or else that of the picture.
    title, caption : str
        Plain text.
    alt : str
        Description for readers who can't see the picture; by default made from what is shown.
    loudness : float or None
        In LUFS; None leaves the levels as they are.

    Returns
    -------
    Html
        Displays itself in a notebook; `.fragment` is the markup.

    Raises
    ------
    InputError
        If there is no version, or notes have a name other than "reference" or "prediction".

    Notes
    -----
    Keys: space plays; left and right step 1 s, with shift 5 s; 1 to 9 choose a version; [ and ] set a
    region; L loops it; 0 goes to the start. Dragging over the picture also sets a region.
    """
    named = _named(versions)
    noted = _noted(notes)
    seconds = max(recording.seconds for recording in named.values())
    groups = list(matched_groups(noted))
    low, high = pitch_range(pitches, over, noted) if over or noted else (0, 1)
    if over is not None:
        over = over.between(low, high)
    alt = alt or _description(named, seconds, over, groups, (low, high))
    score = _score(named, seconds, over, groups, (low, high), alt=alt)
    heading = title and f'<strong class="nmp-title">{escape(title)}</strong>'
    text = " ".join(filter(None, (heading, escape(caption))))
    return Html(
        f"<nmp-player{attributes(data_seconds=f'{seconds:.3f}', aria_label=title or 'Player', role='group')}"
        " data-lm-suppress-shortcuts>"  # JupyterLab keeps its own keys off
        f'<figure class="nmp-figure">{score}'
        f"{_legend(groups)}"
        f"{f'<figcaption>{text}</figcaption>' if text else ''}</figure>"
        f"{_sounds(named, seconds, loudness)}</nmp-player>"
    )


def _named(versions) -> dict[str, Recording]:
    if isinstance(versions, Recording):
        return {versions.title or "Recording": versions}
    named = dict(versions)
    if not named:
        raise InputError("listen: there is nothing to play; give a Recording or a dict of them.")
    for name, recording in named.items():
        if not isinstance(recording, Recording):
            raise InputError(f"listen: version {name!r} has type {type(recording).__name__}; give a Recording.")
    return named


def _noted(notes) -> dict[str, "Notes"]:
    """Notes by name."""
    if notes is None:
        return {}
    noted = dict(notes) if isinstance(notes, Mapping) else {"reference": notes}
    for name in noted:
        if name not in ("reference", "prediction"):
            raise InputError(f'listen: notes are called {name!r}; call them "reference" or "prediction".')
    return noted


def matched_groups(
    notes: "Notes | Mapping[str, Notes]", *, tolerance: float = TOLERANCE
) -> Iterator[tuple[str, "Notes", np.ndarray]]:
    """What to draw of `notes`, as in `listen`: (kind, notes, indices), matched if both kinds are given.

    `tolerance` is that of onsets, in seconds.
    """
    noted = _noted(notes)
    if len(noted) < 2:
        for kind, notes in noted.items():
            yield kind, notes, np.arange(len(notes))
        return
    from ...evaluation import match

    matched = match(noted["reference"], noted["prediction"], tolerance=tolerance)
    yield "hit", noted["prediction"], np.array([estimate for _, estimate in matched.hits], dtype=int)
    yield "miss", noted["reference"], np.asarray(matched.misses, dtype=int)
    yield "extra", noted["prediction"], np.asarray(matched.extra, dtype=int)


def pitch_range(
    pitches: tuple[float, float] | None, over: Picture | None, notes: "Notes | Mapping[str, Notes]"
) -> tuple[float, float]:
    """Lower and upper edge of a picture: as requested, or around the notes, or the whole."""
    if pitches is not None:
        return pitches[0] - 0.5, pitches[1] + 0.5
    noted = _noted(notes)
    sounding = np.concatenate([notes.pitch for notes in noted.values()] or [[]])
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


# The picture, in per cent of its size, so that it fits every width and its text keeps its size


def _score(named, seconds, over, groups, span, *, alt) -> str:
    drawn = over is not None or bool(groups)
    height = HEIGHT[0] if drawn else HEIGHT[1]
    body = (
        _hatch()
        + _image(over, seconds, span)
        + _lines(span)
        + "".join(_rectangles(group, seconds, span) for group in groups)
        if drawn
        else _waveform(next(iter(named.values())), seconds)
    )
    names = "".join(
        f'<text x="28" y="{_up(pitch, span):.2f}%" dy="4">{pitch_name(pitch)}</text>' for pitch in named_pitches(span)
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


def _up(pitch: float, span) -> float:
    low, high = span
    return 100 * (high - pitch) / (high - low)


def named_pitches(span: tuple[float, float]) -> list[int]:
    """Pitches to name: every C; in a small range some between."""
    low, high = span
    classes = {0, 4, 7} if high - low <= 20 else {0, 7} if high - low <= 32 else {0}
    return [pitch for pitch in range(int(np.ceil(low)), int(high) + 1) if pitch % 12 in classes]


def _lines(span) -> str:
    lines = "".join(
        f'<line x1="0" x2="100%" y1="{_up(pitch, span):.2f}%" y2="{_up(pitch, span):.2f}%"/>'
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


def _image(over: Picture | None, seconds: float, span) -> str:
    if over is None:
        return ""
    values = over.values[::-1]  # highest pitch on top
    per_column = -(-values.shape[1] // COLUMNS)
    if per_column > 1:  # the loudest of the frames that share a column
        values = np.maximum.reduceat(values, np.arange(0, values.shape[1], per_column), axis=1)
    values = values.repeat(max(1, HEIGHT[0] // len(values)), axis=0)
    top = _up(over.highest + over.bin_height / 2, span)
    bottom = _up(over.lowest - over.bin_height / 2, span)
    return (
        '<image class="nmp-picture" preserveAspectRatio="none" '
        f'x="{100 * over.start / seconds:.2f}%" y="{top:.2f}%" '
        f'width="{100 * (over.stop - over.start) / seconds:.2f}%" height="{bottom - top:.2f}%" '
        f'href="{webp(ink()[np.round(255 * values).astype(np.uint8)], quality=65)}"/>'
    )


def _rectangles(group, seconds: float, span) -> str:
    kind, notes, indices = group
    indices = indices[(notes.pitch[indices] >= span[0]) & (notes.pitch[indices] <= span[1])]
    height = _up(0, span) - _up(1, span)
    places = 2 if seconds <= 20 else 3  # a millisecond or less
    rectangles = "".join(
        f'<rect x="{100 * onset / seconds:.{places}f}%" y="{_up(pitch + 0.5, span):.1f}%" '
        f'width="{100 * (offset - onset) / seconds:.2f}%" height="{height:.1f}%">'
        f"<title>{pitch_name(pitch)}, {onset:.2f} to {offset:.1f} s: {LEGEND[kind]}</title></rect>"
        for onset, offset, pitch in zip(notes.onset[indices], notes.offset[indices], notes.pitch[indices], strict=True)
    )
    return f'<g class="nmp-notes nmp-{kind}"{_paint(kind)}>{rectangles}</g>'


def _paint(kind: str) -> str:
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


def _description(named, seconds: float, over, groups, span) -> str:
    if over is None and not groups:
        return f"Waveform of {next(iter(named))}, {seconds:.1f} seconds."
    what = over.name[0].upper() + over.name[1:] if over is not None else "Piano roll"
    low, high = (pitch_name(round(pitch)) for pitch in span)
    counts = ", ".join(f"{len(indices)} of kind {kind}" for kind, _, indices in groups)
    return f"{what} from {low} to {high} over {seconds:.1f} seconds{f'; notes: {counts}' if counts else ''}."


def _legend(groups) -> str:
    if not groups:
        return ""
    items = "".join(
        f'<li><svg width="22" height="12" aria-hidden="true"><g class="nmp-notes nmp-{kind}"{_paint(kind)}>'
        f'<rect x="1.5" y="1.5" width="19" height="9"/></g></svg> {LEGEND[kind]} ({len(indices)})</li>'
        for kind, _, indices in groups
    )
    return f'<ul class="nmp-legend">{items}</ul>'


def _sounds(named: dict[str, Recording], seconds: float, loudness: float | None) -> str:
    """One plain `<audio>` per version, with silence up to the longest one's end; the element takes their place."""
    rows = []
    for name, recording in zip(named, alike(list(named.values()), loudness=loudness), strict=True):
        silence = round(seconds * recording.rate) - len(recording.audio)
        recording = replace(recording, audio=np.pad(recording.audio, (0, max(0, silence))))
        role = next((role for role in ("reference", "prediction") if name.lower().startswith(role)), None)
        rows.append(
            f"<li><span>{escape(name)}</span>"
            f'<audio controls preload="none"{attributes(aria_label=name, data_role=role)} '
            f'src="{data_uri(mp3(recording), "audio/mpeg")}"></audio></li>'
        )
    return f'<ul class="nmp-sounds">{"".join(rows)}</ul>'
