"""The error explorer: every wrong note of a transcription, with its probable cause, its surroundings and its sound.

Without JavaScript it is a player's figure with plain sounds, and a table of the errors. The custom element
`<nmp-errors>` (``web/src/errors.ts``) lets the reader choose an error in the table or on the piano roll, filters
errors by cause, shows the place in the constant-Q transform with the network's outputs below it, and loops its
sound. The pictures of the places are in ``<template>`` elements, so that nothing is fetched before it is needed.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ... import evaluation
from ...audio import piano
from ...audio.recording import Recording
from ...constants import NMP
from ...errors import InputError
from ...evaluation import CAUSES, Error
from ...notes.pitch import pitch_name
from .colours import COLOURS
from .embed import Html, attributes
from .pictures import Picture, cqt_picture
from .player import listen
from .score import from_top, image, matched_groups, named_pitches, paint, pitch_lines, pitch_range

if TYPE_CHECKING:
    from ...model.posteriorgram import Posteriors
    from ...notes.note_list import Notes

BEFORE, AFTER, LONGEST = 0.5, 0.7, 4.0  # seconds around an error that are seen and heard
BELOW, ABOVE = 3.5, 13.5  # semitones around it that are seen
PATCH, STRIP = 200, 90  # pixels, heights of the place in the transform and of the posteriors below it


def errors(
    recording: Recording,
    estimate: "Notes",
    *,
    reference: "Notes | None" = None,
    posteriors: "Posteriors | None" = None,
    causes: Sequence[str] = tuple(CAUSES),
    pitches: tuple[float, float] | None = None,
    title: str = "",
    caption: str = "",
) -> Html:
    """The wrong notes of a transcription, one by one.

    Parameters
    ----------
    recording : Recording
        What was transcribed.
    estimate : Notes
        Its transcription.
    reference : Notes, optional
        What was played; by default the recording's own notes.
    posteriors : Posteriors, optional
        The network's outputs, drawn below each place.
    causes : sequence of str
        Which of `evaluation.CAUSES` to show; by default all.
    pitches : (low, high), optional
        Range of the piano roll in MIDI numbers.
    title, caption : str
        Plain text.

    Returns
    -------
    Html
        Displays itself in a notebook; `.fragment` is the markup.

    Raises
    ------
    InputError
        If there is no reference, or a cause is not in `evaluation.CAUSES`.

    Notes
    -----
    Keys in the table: the up and down arrows choose an error, and Enter plays its place.
    """
    reference = recording.notes if reference is None else reference
    if reference is None:
        raise InputError("errors: the recording has no notes; give the reference.")
    unknown = [cause for cause in causes if cause not in CAUSES]
    if unknown:
        raise InputError(f"errors: {unknown[0]!r} is not a cause; choose from {', '.join(CAUSES)}.")
    found = [error for error in evaluation.causes(reference, estimate) if error.cause in causes]
    over, noted = cqt_picture(recording), {"reference": reference, "prediction": estimate}
    span = pitch_range(pitches, over, noted)
    versions = {"Reference": _played(reference, recording), "Prediction": _played(estimate, recording)}
    player = listen(
        {"Recording": recording} | versions,
        over=over,
        notes=noted,
        pitches=(span[0] + 0.5, span[1] - 0.5),
        title=title or "Errors",
        caption=caption,
    )
    places = [_Place(error, reference, estimate, recording.seconds) for error in found]
    plan = {"seconds": round(recording.seconds, 3), "span": span, "errors": [place.plan for place in places]}
    stored = "".join(
        f'<template data-error="{i}">{_picture(place, over, noted, posteriors)}</template>'
        for i, place in enumerate(places)
    )
    return Html(
        f"<nmp-errors{attributes(data_plan=json.dumps(plan, ensure_ascii=False))}>"
        f"{player.fragment}{_table(places, title or 'Errors')}{stored}</nmp-errors>"
    )


def _played(notes: "Notes", recording: Recording) -> Recording:
    return piano.render(notes, seconds=recording.seconds)


class _Place:
    """An error with its surroundings and its description."""

    def __init__(self, error: Error, reference: "Notes", estimate: "Notes", seconds: float):
        self.error = error
        pairs = ((reference, error.reference), (estimate, error.estimate), (reference, error.beside))
        self.true, self.heard, self.beside = (_one(notes, i) for notes, i in pairs)
        shown = [note for note in (self.true, self.heard) if note]
        self.struck, _, self.pitch = shown[0]
        self.onset, self.offset = min(note[0] for note in shown), max(note[1] for note in shown)
        first = min(self.onset, self.beside[0]) if self.beside else self.onset
        self.start = max(0.0, max(first, self.onset - 1.5) - BEFORE)
        self.stop = min(self.offset + AFTER, self.start + LONGEST, seconds)
        if self.stop - self.start < 0.2:
            self.start, self.stop = max(0.0, seconds - 1.0), seconds
        self.span = self.pitch - BELOW, self.pitch + ABOVE
        if self.beside:
            self.span = min(self.span[0], self.beside[2] - BELOW), max(self.span[1], self.beside[2] + BELOW)

    @property
    def plan(self) -> dict:
        """What the page's script needs."""
        times = {name: round(float(getattr(self, name)), 3) for name in ("onset", "offset", "start", "stop")}
        return {"cause": self.error.cause, "pitch": self.pitch} | times

    @property
    def words(self) -> str:
        """What happened, in a sentence."""
        key, true, heard, beside = pitch_name(self.pitch), self.true, self.heard, self.beside
        begins = f"at {self.struck:.2f} s"
        match self.error.cause:
            case "late onset" | "early onset" as cause if true and heard:
                off = 1000 * abs(heard[0] - true[0])
                return f"{key} was played {begins} and is reported {off:.0f} ms {cause.split()[0]}."
            case "wrong offset" if true and heard:
                off = 1000 * (heard[1] - true[1])
                way = "late" if off > 0 else "early"
                return (
                    f"{key}, played {begins}, ends at {true[1]:.2f} s; its end is reported {abs(off):.0f} ms too {way}."
                )
            case "repeated note" if beside:
                return f"{key} is reported {begins}; the key was struck at {beside[0]:.2f} s and not again."
            case "merged note" if beside:
                return f"{key} is struck again {begins}; the report of the stroke at {beside[0]:.2f} s goes on."
            case "octave or harmonic" if beside:
                apart = {12: "an octave", 19: "a twelfth", 24: "two octaves"}[abs(self.pitch - beside[2])]
                by = f"{pitch_name(beside[2])}, which was struck at {beside[0]:.2f} s"
                if true:
                    return f"{key}, played {begins}, is missing: {apart} above {by}."
                return f"{key} is reported {begins}, {apart} {'above' if self.pitch > beside[2] else 'below'} {by}."
            case "missed":
                return f"{key} was played {begins}, and nothing is reported."
        return f"{key} is reported {begins}, and nothing that sounds explains it."


def _one(notes: "Notes", i: int | None) -> tuple[float, float, int] | None:
    return None if i is None else (float(notes.onset[i]), float(notes.offset[i]), int(notes.pitch[i]))


def _table(places: list[_Place], title: str) -> str:
    rows = "".join(
        f'<tr data-error="{i}"><td>{place.onset:.2f} s</td><td>{pitch_name(place.pitch)}</td>'
        f"<td>{place.error.cause}</td><td>{escape(place.words)}</td></tr>"
        for i, place in enumerate(places)
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("time", "key", "cause", "what happened"))
    label = f"{title}: {len(places)} errors"
    return (
        f'<div class="nmp-errors-table"{attributes(tabindex="0", role="group", aria_label=label)}>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


# The place of an error, drawn in per cent of its size like the player's picture


def _picture(place: _Place, over: Picture, noted: dict, posteriors: "Posteriors | None") -> str:
    long = place.stop - place.start
    names = "".join(
        f'<text x="28" y="{from_top(pitch, place.span):.2f}%" dy="4">{pitch_name(pitch)}</text>'
        for pitch in named_pitches(place.span)
    )
    boxes = "".join(_boxes(group, place) for group in matched_groups(noted))
    where = f"{_x(place, place.onset)} {_y(place)} {_wide(place, place.onset, place.offset)}"
    seen = (
        f'<svg class="nmp-area" width="100%" height="{PATCH}"{attributes(role="img", aria_label=_description(place))}>'
        f"{image(_cut(over, place), long, place.span)}{pitch_lines(place.span)}{boxes}"
        f'<rect class="nmp-here" {where}/></svg>'
    )
    strip = "" if posteriors is None else _strip(place, posteriors)
    clock = (
        f'<p class="nmp-errors-clock" aria-hidden="true"><span>{place.start:.2f} s</span>'
        f"<span>{place.stop:.2f} s</span></p>"
    )
    return (
        f'<div class="nmp-errors-place"><p class="nmp-errors-words">{escape(place.words)}</p>'
        f'<div class="nmp-score nmp-errors-patch"><svg class="nmp-names" width="34" height="{PATCH}" '
        f'aria-hidden="true">{names}</svg>{seen}</div>{strip}{clock}</div>'
    )


def _description(place: _Place) -> str:
    return f"Constant-Q transform around {pitch_name(place.pitch)} from {place.start:.1f} to {place.stop:.1f} s."


def _cut(over: Picture, place: _Place) -> Picture:
    """The part of the whole picture that is seen, its times counted from the place's start."""
    per = (over.stop - over.start) / over.values.shape[1]
    first = max(0, int((place.start - over.start) / per))
    last = min(over.values.shape[1], max(first + 2, int(np.ceil((place.stop - over.start) / per))))
    first = min(first, last - 2)
    start, stop = (over.start + edge * per - place.start for edge in (first, last))
    part = replace(over, values=over.values[:, first:last], start=start, stop=stop)
    return part.between(place.span[0] + 0.5, place.span[1] - 0.5)


def _boxes(group, place: _Place) -> str:
    kind, notes, indices = group
    seen = (notes.onset < place.stop) & (notes.offset > place.start)
    seen &= (notes.pitch > place.span[0]) & (notes.pitch < place.span[1])
    drawn = "".join(
        f"<rect {_x(place, notes.onset[i])} {_y(place, int(notes.pitch[i]))} "
        f"{_wide(place, notes.onset[i], notes.offset[i])}/>"
        for i in indices
        if seen[i]
    )
    return f'<g class="nmp-notes nmp-{kind}"{paint(kind)}>{drawn}</g>'


def _percent(place: _Place, seconds: float) -> float:
    return 100 * (seconds - place.start) / (place.stop - place.start)


def _x(place: _Place, onset: float) -> str:
    return f'x="{_percent(place, onset):.2f}%"'


def _wide(place: _Place, onset: float, offset: float) -> str:
    return f'width="{_percent(place, offset) - _percent(place, onset):.2f}%"'


def _y(place: _Place, pitch: int | None = None) -> str:
    top = from_top((place.pitch if pitch is None else pitch) + 0.5, place.span)
    return f'y="{top:.2f}%" height="{from_top(0, place.span) - from_top(1, place.span):.2f}%"'


def _strip(place: _Place, posteriors: "Posteriors") -> str:
    """Yn and Yo of the key over the time of the place, with the onsets that were played and reported."""
    key = place.pitch - NMP.lowest_pitch
    times = np.asarray(posteriors.times)
    seen = np.flatnonzero((times >= place.start) & (times <= place.stop))
    lines = "".join(
        f'<polyline class="nmp-errors-{name}" points="{_points(place, times[seen], values[seen, key])}"/>'
        for name, values in (("yn", posteriors.note), ("yo", posteriors.onset))
    )
    onsets = "".join(
        f'<line class="nmp-errors-{name}" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="100" stroke="{COLOURS[name]}"/>'
        for name, note in (("reference", place.true), ("prediction", place.heard))
        if note
        for x in [10 * _percent(place, note[0])]
    )
    highest = [float(values[seen, key].max(initial=0)) for values in (posteriors.note, posteriors.onset)]
    label = f"Posteriors of {pitch_name(place.pitch)}: note up to {highest[0]:.2f}, onset up to {highest[1]:.2f}."
    legend = "posteriors of this key, 0 to 1: note a line, onset dashed"
    legend += "; upright, onsets: " + ", ".join(
        words for words, note in (("played", place.true), ("reported (dotted)", place.heard)) if note
    )
    return (
        f'<svg class="nmp-errors-strip" viewBox="0 0 1000 100" preserveAspectRatio="none" width="100%" '
        f'height="{STRIP}"{attributes(role="img", aria_label=label)}>{onsets}{lines}</svg>'
        f'<p class="nmp-errors-legend">{legend}</p>'
    )


def _points(place: _Place, times: np.ndarray, values: np.ndarray) -> str:
    return " ".join(
        f"{10 * _percent(place, time):.0f},{98 - 96 * value:.0f}" for time, value in zip(times, values, strict=True)
    )
