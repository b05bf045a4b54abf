"""Networks of this book in the reader's browser, on the reader's own sound: the transcriber, and other controls.

The markup names each network's graph (`nmp_lessons.beyond.export`), a clip, and the result of the graph's PyTorch
original for it. The custom element `<nmp-transcriber>` (``web/src/transcriber.ts``) fetches them and 14 MB of ONNX
Runtime when the reader asks, and uses a network only if it gives the same result for the clip as here. Without
JavaScript, a sentence says what is missing.
"""

import json
from collections.abc import Mapping
from html import escape

import numpy as np

from ...audio.recording import Recording
from ...beyond import export
from ...constants import NMP
from ...data import maestro
from ...decoding.peak_decoder import PeakDecoder
from ...decoding.released import SHORTEST_SECONDS
from ...errors import InputError
from ...model.inference import posteriors
from ...notes.note_list import Notes
from ...training.checkpoints import CHECKPOINTS, named
from ..bundle import RUNTIME, data_uri
from .embed import Html, attributes

TOLERANCE = 1e-3  # of a posterior
AGREEMENT = 0.99  # least proportion of equal notes
RUNS = {
    "main-0": "our main network",
    "baseline-0": "a briefly trained network",
    "no-stacking-0": "a briefly trained network without stacking",
    "no-contour-0": "a briefly trained network without Yp",
    "missing-series-0": "a briefly trained network with the missing layer",
}
CLIP = ("chopin-nocturne", 2, 5)  # performance, start and seconds of what every page checks its networks on
PLAIN = "This part needs JavaScript: it runs the network in your browser, on your own sound."
PRIVATE = "Your sound stays on your machine; nothing is sent anywhere."


def transcriber(
    clip: Recording, *, networks: Mapping[str, str] | None = None, title: str = "", caption: str = ""
) -> Html:
    """A transcriber for the reader's own sound.

    Parameters
    ----------
    clip : Recording
        A few seconds that the reader may run first, and on which every network is checked.
    networks : {run: label}, optional
        By default those of `RUNS` that have checkpoints. They must use the "fixed" normalisation.
    title, caption : str
        Plain text; the title says what the clip is: "the Scherzo".

    Raises
    ------
    InputError
        If there is no network, or one without a decoder of this book.
    """
    if networks is None:
        networks = {run: label for run, label in RUNS.items() if (CHECKPOINTS / f"{run}.json").exists()}
    if not networks:
        raise InputError("transcriber: there is no network to run; give at least one.")
    offer = _offer(clip, networks, title or clip.title or "the clip")
    name = attributes(aria_label="Transcriber", role="group", data_offer=json.dumps(offer))
    return Html(
        f"<nmp-transcriber{name} data-lm-suppress-shortcuts>"
        f'<figure><p class="nmp-transcriber-plain">{PLAIN}</p>'
        f"<figcaption>{escape(' '.join(filter(None, (caption, PRIVATE, _download()))))}</figcaption>"
        "</figure></nmp-transcriber>"
    )


def own_sound(*, network: str | None = None) -> dict:
    """What a live control needs to offer the reader's own recording.

    Give it to `live` as ``data["own"]``; the control's script then has the recording that the reader has chosen, here
    or in another chapter, at the book's sample rate.

    Parameters
    ----------
    network : str, optional
        The run whose network the page can apply to it; it is checked in the page on `CLIP`, as in `transcriber`.

    Returns
    -------
    dict
        Ready for JSON: the rate in Hz, the shortest recording in seconds, how many megabytes the network's runtime
        takes, and the network.

    Examples
    --------
    >>> own_sound()["rate"]
    22050
    """
    megabytes = round(RUNTIME.stat().st_size / 1e6) if RUNTIME.exists() else 0
    told = {"rate": NMP.sample_rate, "shortest": SHORTEST_SECONDS, "megabytes": megabytes}
    if network is None:
        return told
    name, start, seconds = CLIP
    clip = maestro.performance(name).segment(start, seconds)
    return told | {"offer": _offer(clip, {network: network}, "the book's clip")}


def _offer(clip: Recording, networks: Mapping[str, str], title: str) -> dict:
    """Networks for the page, and the clip on which it checks them."""
    sound, samples = _in_16_bits(clip)
    return {
        "clip": {"title": title, "url": data_uri(samples, "application/octet-stream")},
        "networks": [_offered(run, label, sound) for run, label in networks.items()],
        "tolerance": TOLERANCE,
        "agreement": AGREEMENT,
        "shortest": SHORTEST_SECONDS,
    }


def _download() -> str:
    """How much the reader's first click will download."""
    if not RUNTIME.exists():
        return ""
    return f"The first run loads {RUNTIME.stat().st_size / 1e6:.0f} MB from this site; before that, nothing is loaded."


def _in_16_bits(clip: Recording) -> tuple[Recording, bytes]:
    """The clip at 22,050 Hz, rounded to 16 bits, and those samples as bytes."""
    clip = clip.resampled(NMP.sample_rate)
    samples = np.round(32768 * clip.audio).clip(-32768, 32767).astype("<i2")
    return Recording((samples / 32768).astype(np.float32), NMP.sample_rate, title=clip.title), samples.tobytes()


def _offered(run: str, label: str, clip: Recording) -> dict:
    """A network for the browser, with Python's results for the clip."""
    model, settings = named(run)
    if settings is None or model.config.normalisation != "fixed":
        raise InputError(f"transcriber: {run} has a different decoder or normalisation; give a network of this book.")
    plan, graph = export.plan(run, model, settings), export.graph(run, model, settings)
    found = posteriors(model, clip)
    heads = [getattr(found, head).ravel() for head in plan.heads]
    return {
        "label": label,
        "plan": plan._asdict() | {"piece_frames": plan.piece_frames},
        "graph": data_uri(graph, "application/octet-stream"),
        "expected": data_uri(
            np.round(65535 * np.concatenate(heads)).astype("<u2").tobytes(), "application/octet-stream"
        ),
        "notes": _rows(PeakDecoder(**settings)(found)),
    }


def _rows(notes: Notes) -> list[list[float]]:
    columns = (notes.onset.round(5), notes.offset.round(5), notes.pitch, notes.velocity)
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
