"""The picture in the README and the one that messengers show of a link, from the built site: `make screenshot`."""

import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from nmp_lessons import transcribe
from nmp_lessons.book import show
from nmp_lessons.book.site.previews import PICTURE
from nmp_lessons.data import maestro
from tools.browser import launched, served

ROOT = Path(__file__).parents[1]


def readme() -> None:
    """The first page of a chapter, while it sounds."""
    with served(ROOT / "_build" / "html") as site, launched() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=1.5)
        page.goto(f"{site}/hearing.html", wait_until="networkidle")
        page.locator("nmp-player").first.scroll_into_view_if_needed()
        page.evaluate("window.scrollTo(0, 0)")
        page.evaluate(
            """async () => {
              const player = document.querySelector("nmp-player");
              await player.play();
              await new Promise(done => setTimeout(done, 4000));
              player.pause();
            }"""
        )
        picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").save(ROOT / "screenshot.webp", quality=80, method=6)


def preview() -> None:
    """1200 × 630 pixels: the title over a piece of music and its notes."""
    clip = maestro.performance("schubert-scherzo").segment(0, 6)
    notes, _ = transcribe(clip)
    with show.plots.styled():
        drawn = Figure(figsize=(12, 6.3), layout="none")
        axes = drawn.add_axes((0, 0, 1, 0.66))
        picture = show.cqt_picture(clip)
        extent = (picture.start, picture.stop, picture.lowest, picture.highest)
        axes.imshow(picture.values, extent=extent, origin="lower", aspect="auto", cmap=show.plots.INK)
        show.draw_notes(axes, {"prediction": notes}, legend=None)
        axes.set(xlim=(0.4, clip.seconds), ylim=(36, 96))
        axes.set_axis_off()
        drawn.text(0.04, 0.86, "Neural Music Transcription, by ear", fontsize=38, weight="bold")
        drawn.text(0.04, 0.74, "A textbook you can hear, run and take apart", fontsize=27, color=show.plots.NEUTRAL)
        drawn.savefig(ROOT / "book" / PICTURE, dpi=100, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    readme()
    preview()
