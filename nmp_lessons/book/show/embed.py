"""Self-contained HTML: pictures and sounds as data URIs, our script and style sheet inline.

What `show` makes is static HTML first: the picture and plain `<audio>` are in the markup, and a custom element
in the bundle (built from ``web/``) upgrades them. So the same object works in a notebook, in an exported
page and in the built book, for which `nmp_lessons.book.site` moves the data into files.
"""

import hashlib
import io
import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from html import escape

import numpy as np
import soundfile
from PIL import Image

from ...audio.levels import LOUDNESS, at_loudness, fade, loudness as measured_loudness
from ...audio.recording import Recording
from ...constants import NMP
from ...errors import InputError
from ...fetch import cache_dir
from ...files import atomic_write
from ...sound import level_in_db
from ..bundle import BUNDLE, data_uri


class Html:
    """A piece of HTML that displays itself in a notebook.

    Parameters
    ----------
    fragment : str
        Markup without the bundle, with media as data URIs.

    Notes
    -----
    Every display includes the bundle (some 20 kB), so that any cell can be cleared or exported by itself; the
    script may be evaluated any number of times.

    Examples
    --------
    >>> Html("<p>A4</p>").fragment
    '<p>A4</p>'
    """

    def __init__(self, fragment: str):
        self._fragment = fragment

    @property
    def fragment(self) -> str:
        """The markup without the bundle."""
        return self._fragment

    def _repr_html_(self) -> str:
        return bundle() + self.fragment

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.fragment) / 1000:.0f} kB of HTML, shown in a notebook>"


def table(title: str, head: Iterable, rows: Iterable[Iterable]) -> Html:
    """Rows of text and numbers under a head; on a narrow page the table scrolls sideways.

    >>> table("Primes", ["n", "prime"], [(1, 2), (2, 3)]).fragment.count("<td>")
    4
    """
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
    return Html(
        f'<div class="nmp-explore-table" tabindex="0" role="group" aria-label="{escape(title)}"><table>'
        f"<thead><tr>{_cells('th', head)}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(tag: str, cells) -> str:
    return "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells)


@cache
def bundle() -> str:
    """Our style sheet and script as inline tags marked `data-nmp-bundle`, to stand before the markup."""
    script, style = BUNDLE
    if not (script.exists() and style.exists()):
        warnings.warn("the script bundle isn't built, so players will be plain; run `make bundle`.", stacklevel=2)
        return ""
    return (
        f"<style data-nmp-bundle>{style.read_text(encoding='utf-8')}</style>"
        f"<script data-nmp-bundle>{script.read_text(encoding='utf-8')}</script>"
    )


def attributes(**values: object) -> str:
    """HTML attributes, escaped; underscores become hyphens, None and False are left out, True stands bare.

    >>> attributes(aria_label='"A"', hidden=True, title=None)
    ' aria-label="&quot;A&quot;" hidden'
    """
    parts = []
    for name, value in values.items():
        name = name.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(f" {name}")
        elif value is not None and value is not False:
            parts.append(f' {name}="{escape(str(value))}"')
    return "".join(parts)


def webp(pixels: np.ndarray, *, quality: int = 75) -> str:
    """An image as a WebP data URI.

    Parameters
    ----------
    pixels : (rows, columns) or (rows, columns, 3 or 4) uint8
    """
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="WEBP", quality=quality, method=6)
    return data_uri(content.getvalue(), "image/webp")


# Sounds

HEADROOM = 0.9  # highest peak, since an encoder may overshoot
CUT = 0.01  # seconds of fade at both ends


def alike(recordings: list[Recording], *, loudness: float | None = LOUDNESS) -> list[Recording]:
    """The recordings at one loudness in LUFS, faded at both ends.

    The common loudness is lower than requested if one of them would clip. Silence stays silent.
    With `loudness=None` the levels stay as they are, except for a common gain if one would clip.
    """
    if loudness is not None:
        loudness = min([loudness, *(_loudest(recording) for recording in recordings)])
        recordings = [at_loudness(recording, loudness) for recording in recordings]
    peak = max(np.abs(recording.audio).max() for recording in recordings)
    gain = np.float32(min(1, HEADROOM / max(peak, HEADROOM)))
    return [fade(replace(recording, audio=gain * recording.audio), CUT) for recording in recordings]


def _loudest(recording: Recording) -> float:
    """The loudness at which the recording's peak is at `HEADROOM`."""
    peak = np.abs(recording.audio).max()
    try:
        return measured_loudness(recording) + float(level_in_db(HEADROOM / peak))
    except InputError:  # silent
        return np.inf


def mp3(recording: Recording) -> bytes:
    """The recording as mono MP3 of 22,050 Hz and 56 kbit/s, 7 kB per second, encoded once and then cached.

    Every browser plays MP3. Its header tells the encoder's delay, so Chromium starts it on the right sample,
    in `<audio>` and in Web Audio alike (measured; Ogg Opus came 6 ms early in `<audio>`).
    """
    # NOTE: the header needs a frame of its own; at 40 kbit/s, or at 24 kHz with 56, frames are too small for
    # it, and the sound would come late.
    recording = recording.resampled(NMP.sample_rate)
    digest = hashlib.sha256(recording.audio.tobytes()).hexdigest()
    kept = cache_dir() / "sounds" / f"cbr56-{digest[:32]}.mp3"
    if not kept.exists():
        with atomic_write(kept) as scratch:
            constant_56 = {"compression_level": 0.7, "bitrate_mode": "CONSTANT"}
            soundfile.write(scratch, recording.audio, recording.rate, **constant_56)
    return kept.read_bytes()
