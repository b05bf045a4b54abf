"""The player: several versions of the same music, in step with each other, over a picture with notes.

Without JavaScript, the reader gets a figure (inline SVG) and one plain `<audio>` per version. The
custom element `<nmp-player>` (``web/src/player.ts``) combines them into one player: switching versions
keeps the position exactly, reference and prediction can be heard left and right, and a region can be looped.

Conventions: times in seconds, pitches as MIDI numbers. Sounds are mono MP3 at 7 kB per second.
"""

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ...audio.levels import LOUDNESS
from ...audio.recording import Recording
from ...errors import InputError
from ..bundle import data_uri
from .embed import Html, alike, attributes, mp3
from .pictures import Picture
from .score import description, drawn_score, legend, matched_groups, notes_by_name, pitch_range

if TYPE_CHECKING:
    from ...notes.note_list import Notes


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
    noted = notes_by_name(notes)
    seconds = max(recording.seconds for recording in named.values())
    groups = list(matched_groups(noted))
    low, high = pitch_range(pitches, over, noted) if over or noted else (0, 1)
    if over is not None:
        over = over.between(low, high)
    alt = alt or description(named, seconds, over, groups, (low, high))
    score = drawn_score(named, seconds, over, groups, (low, high), alt=alt)
    heading = title and f'<strong class="nmp-title">{escape(title)}</strong>'
    text = " ".join(filter(None, (heading, escape(caption))))
    return Html(
        f"<nmp-player{attributes(data_seconds=f'{seconds:.3f}', aria_label=title or 'Player', role='group')}"
        " data-lm-suppress-shortcuts>"  # JupyterLab keeps its own keys off
        f'<figure class="nmp-figure">{score}'
        f"{legend(groups)}"
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
