"""The site from a folder: what `make zip` packs, opened by double click, with no server and no network.

Each page once, narrow and light; `test_book_site` has them wide and dark.
"""

import re
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.helpers import LISTED, barriers, failed, out_of_shape, small_letters

ADDRESS = re.compile(r"<(?:a|img|script|link|audio|source)\b[^>]*?\s(?:href|src)=\"([^\"]+)\"")
ID = re.compile(r"\s(?:id|name)=\"([^\"]+)\"")
# A browser may refuse a page that is a file to read the files beside it; these ask, and do without.
REFUSED = r"CORS policy|URL scheme \"file\" is not supported|Failed to load resource: net::ERR_FAILED"
CHANGED = """async explorable => {
  const shown = () => [...explorable.querySelectorAll(".nmp-explore-slot")].map(slot => slot.innerHTML).join();
  const before = shown();
  const control = explorable.querySelector("input[type=range], select, input:not(:checked)");
  if (control.type === "radio") control.click();
  else {
    if (control.localName === "select") control.selectedIndex ^= 1;
    else control.value === control.max ? control.stepDown() : control.stepUp();
    for (const kind of ["input", "change"]) control.dispatchEvent(new Event(kind, { bubbles: true }));
  }
  for (let i = 0; i < 1000 && shown() === before; i++) await new Promise(done => setTimeout(done, 10));
  return shown() !== before;
}"""


@pytest.fixture
def opened(book_html, tmp_path, visit):
    """Opens a page as a file, in a folder with a space in its name."""
    visit.pardoned = re.compile(REFUSED)
    folder = tmp_path / "a folder"
    folder.symlink_to(book_html)
    return lambda page: visit(f"{folder.as_uri()}/{page}", width=390, color_scheme="light", offline=True)


@pytest.mark.parametrize("name", LISTED)
def test_a_page_has_its_look_no_barriers_formulas_pictures_sounds_and_sliders(opened, name):
    tab = opened(f"{name}.html")
    assert (
        failed(
            look=out_of_shape(tab, width=390, colours="light"),
            style=[] if tab.evaluate("document.styleSheets.length") > 3 else ["no style"],
            barriers=barriers(tab),
            formulas=without_their_letters(tab),
            pictures=broken_pictures(tab),
            letters=small_letters(tab),
            player=silent_player(tab),
            slider=["stands still"]
            * any(not tab.evaluate(CHANGED, it) for it in tab.query_selector_all("nmp-explore")[:1]),
            transcriber=unexplained(tab),
            long_equation=too_long_equation(tab),
        )
        == {}
    )


def without_their_letters(tab) -> list[str]:
    return tab.evaluate(
        """async () => {
          if (!document.querySelector(".katex")) return [];
          const found = await document.fonts.load("16px KaTeX_Main");
          return found.length && document.fonts.check("16px KaTeX_Main") ? [] : ["KaTeX_Main"];
        }"""
    )


def broken_pictures(tab) -> list[str]:
    return tab.evaluate(
        """async () => {
          const pictures = [...document.querySelectorAll("article img")];
          pictures.forEach(picture => { picture.loading = "eager"; });
          await Promise.all(pictures.map(picture => picture.decode().catch(() => null)));
          return pictures.filter(picture => !picture.naturalWidth).map(picture => picture.src);
        }"""
    )


def silent_player(tab) -> list[float]:
    """Where the first player of the page stands, if it does not move."""
    return tab.evaluate(
        """async () => {
          const player = [...document.querySelectorAll("nmp-player")].find(one => one.checkVisibility());
          if (!player) return [];
          await player.play();
          for (let i = 0; i < 2000 && player.currentTime < 0.05; i++) await new Promise(done => setTimeout(done, 10));
          player.pause();
          return player.currentTime < 0.05 ? [player.currentTime] : [];
        }"""
    )


def unexplained(tab) -> list[str]:
    """What the page says in the place of a transcriber, if it is not what to do."""
    said = tab.locator("nmp-transcriber").all_inner_texts()
    return [text for text in said if "opened this page as a file" not in text or "http.server" not in text]


def too_long_equation(tab) -> list[str]:
    """An equation as long as none stays in the page."""
    tab.evaluate(
        """() => {
          const block = document.createElement("div");
          document.querySelector("article.bd-article").append(block);
          block.className = "math-block";
          block.innerHTML = `<div class="math-scroll">${"x\\u00a0+\\u00a0".repeat(200)}</div>`;
        }"""
    )
    return out_of_shape(tab, width=390, colours="light")


def test_the_search_finds_without_a_server(opened):
    tab = opened("search.html?q=onset")
    tab.wait_for_selector("ul.search li a")
    assert "opened this page as a file" in tab.locator(".nmp-offline").inner_text()
    assert failed(look=out_of_shape(tab, width=390, colours="light"), barriers=barriers(tab)) == {}


def test_every_link_inside_the_site_leads_somewhere(book_html):
    lost = []
    for name in LISTED:
        page = book_html / f"{name}.html"
        for address in ADDRESS.findall(page.read_text("utf8")):
            url = urlsplit(unescape(address))
            target = book_html / unquote(url.path) if url.path else page
            if url.scheme or url.netloc:
                continue
            anchored = url.fragment and target.suffix == ".html"
            if not target.exists() or (anchored and unquote(url.fragment) not in anchors(target)):
                lost.append((name, address))
    assert lost == []


@cache
def anchors(page: Path) -> set[str]:
    return {unescape(found) for found in ID.findall(page.read_text("utf8"))}
