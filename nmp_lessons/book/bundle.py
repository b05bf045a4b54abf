"""Where to find the page's script, which ``web/`` builds, and how to embed content in a page.

This is all that `nmp_lessons.book.site` needs from `nmp_lessons.book.show`, so it imports nothing heavy.
"""

import base64
from pathlib import Path

FOLDER = Path(__file__).with_name("show")
BUNDLE = FOLDER / "nmp.js", FOLDER / "nmp.css"
RUNTIME = FOLDER / "ort-wasm-simd-threaded.wasm"  # of ONNX, 14 MB
LIVE = "nmp-live-{}.js"  # the live controls of a chapter
LATER = ("formula", "late", "transcribe", "train", "listen", "microphone")
FETCHED = *(FOLDER / f"nmp-{name}.js" for name in LATER), RUNTIME  # when needed


def live_script(chapter: str) -> Path:
    """The script with a chapter's live controls.

    >>> live_script("cqt").name
    'nmp-live-cqt.js'
    """
    return FOLDER / LIVE.format(chapter)


def data_uri(content: bytes, mime: str) -> str:
    """`content` as a data URI of type `mime`, such as "audio/mpeg".

    >>> data_uri(b"A4", "text/plain")
    'data:text/plain;base64,QTQ='
    """
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
