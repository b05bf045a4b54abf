"""Blind comparison of two transcriptions of the same music, played without names. Which is nearer to the recording?

Without JavaScript there are plain sounds, and the answers are folded. The custom element `<nmp-blind>`
(``web/src/blind.ts``) shows one trial after another in a new random order. At the end it gives the names and the
scores, how often each was chosen, how likely a split this uneven is without a preference (two-sided), and, for trials
whose scores differ, how often the choice agreed with them. Choices stay in the page; nothing is stored or sent.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ...audio.piano import render
from ...audio.recording import Recording
from ...errors import InputError
from ...evaluation import onset_scores
from .embed import Html, attributes
from .player import listen

if TYPE_CHECKING:
    from ...notes.note_list import Notes


def blind(
    recordings: Sequence[Recording],
    transcriptions: Mapping[str, "Sequence[Notes]"],
    *,
    title: str = "Which is nearer to the recording?",
    caption: str = "",
    seed: int = 0,
) -> Html:
    """A series of trials: which of two transcriptions is nearer to the recording?

    Parameters
    ----------
    recordings : sequence of Recording
        One for each trial, with its notes as the reference. They should be short: five seconds are enough.
    transcriptions : {name: sequence of Notes}
        Two of them, each with a list of notes for each recording. They are played on the book's piano.
    title, caption : str
        Plain text.
    seed : int
        Determines the order without JavaScript; with it, the page draws a new order.

    Returns
    -------
    Html
        Displays itself in a notebook; `.fragment` is the markup.

    Raises
    ------
    InputError
        If there are not two names, a transcription is missing or empty, or a recording has no notes.
    """
    names = list(transcriptions)
    _check(recordings, transcriptions)
    rng, trials, plan = np.random.default_rng(seed), [], []
    for i, recording in enumerate(recordings):
        swapped = bool(rng.integers(2))
        scores = [onset_scores(recording.reference, transcriptions[name][i])["Fno"] for name in names]
        order = [1, 0] if swapped else [0, 1]
        heard = [render(transcriptions[names[k]][i], seconds=recording.seconds) for k in order]
        player = listen(
            {"Recording": recording, "First": heard[0], "Second": heard[1]},
            title=f"Trial {i + 1} of {len(recordings)}",
        )
        answers = "; ".join(
            f"{place}: {escape(names[k])}, F without offsets {scores[k]:.2f}"
            for place, k in zip(("first", "second"), order, strict=True)
        )
        trials.append(
            f'<div class="nmp-blind-trial">{player.fragment}<details class="nmp-blind-answer">'
            f"<summary>Which was which</summary><p>{answers[0].upper()}{answers[1:]}.</p></details></div>"
        )
        plan.append({"order": order, "scores": [round(score, 3) for score in scores]})
    data = json.dumps({"names": names, "trials": plan}, ensure_ascii=False)
    words = f'<p class="nmp-blind-caption">{escape(caption)}</p>' if caption else ""
    return Html(
        f"<nmp-blind{attributes(data_plan=data, role='group', aria_label=title)}>"
        f'<p class="nmp-title">{escape(title)}</p>{words}{"".join(trials)}</nmp-blind>'
    )


def _check(recordings: Sequence[Recording], transcriptions: "Mapping[str, Sequence[Notes]]") -> None:
    if len(transcriptions) != 2:
        raise InputError(f"blind: there are {len(transcriptions)} transcriptions; give two, each with a name.")
    for name, found in transcriptions.items():
        if len(found) != len(recordings) or not all(len(notes) for notes in found):
            wanted = f"a non-empty list of notes for each of the {len(recordings)} recordings"
            raise InputError(f"blind: {name!r} needs {wanted}.")
    if not recordings or any(recording.notes is None for recording in recordings):
        raise InputError("blind: give at least one recording, and each of them with its notes.")
