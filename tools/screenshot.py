"""The picture in the README, taken from the built site: `make screenshot`."""

import io
from pathlib import Path

from PIL import Image

from tools.browser import launched, served

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
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
