"""The site from a folder: what `make zip` packs, opened by double click, with no server and no network."""

import re
import zipfile
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
LISTED = re.findall(r"(?:file|root): (\w+)", (ROOT / "_toc.yml").read_text("utf8"))
PAGES = [name for name in LISTED if (HTML / f"{name}.html").exists()]
ADDRESS = re.compile(r"<(a|img|script|link|audio|source)\b[^>]*?\s(?:href|src)=\"([^\"]+)\"")
ID = re.compile(r"\s(?:id|name)=\"([^\"]+)\"")
# A browser may refuse a page that is a file to read the files beside it; these ask, and do without.
REFUSED = re.compile(r"CORS policy|URL scheme \"file\" is not supported|Failed to load resource: net::ERR_FAILED")

SHOWN = """async (explorable, before) => {
  const shown = () => [...explorable.querySelectorAll(".nmp-explore-slot")].map(slot => slot.innerHTML).join();
  for (let i = 0; i < 300 && shown() === before; i++) await new Promise(done => setTimeout(done, 50));
  return shown();
}"""

needs_site = pytest.mark.skipif(not PAGES, reason="the site is not built: run `make book`")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The site as `make zip` packs it, in a folder with a space in its name."""
    packed = tmp_path_factory.mktemp("packed") / "site.zip"
    with zipfile.ZipFile(packed, "w") as file:
        for path in HTML.rglob("*"):
            file.write(path, path.relative_to(HTML))
    folder = tmp_path_factory.mktemp("a folder")
    zipfile.ZipFile(packed).extractall(folder)
    return folder


@pytest.fixture
def opened(browser, unpacked):
    """Opens pages as files; at the end none may have complained, but for files that it may not read."""
    context, complaints = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True), []
    context.set_default_timeout(120_000)  # a busy machine

    def logged(message) -> None:
        if message.type == "error" and not REFUSED.search(message.text):
            complaints.append(message.text)

    def page(name: str):
        tab = context.new_page()
        tab.on("console", logged)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto((unpacked / name).as_uri() if "?" not in name else f"{unpacked.as_uri()}/{name}")
        return tab

    yield page
    context.close()
    assert complaints == []


@needs_site
@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_with_its_look_its_formulas_and_its_pictures(opened, name):
    tab = opened(f"{name}.html")
    assert tab.evaluate("getComputedStyle(document.querySelector('.nmp-box, article')).display") == "block"
    assert tab.evaluate("document.styleSheets.length") > 3
    formulas = tab.locator(".katex").count()
    assert formulas == 0 or tab.evaluate(
        "async () => (await document.fonts.load('16px KaTeX_Main')).length > 0 && document.fonts.check('16px KaTeX_Main')"
    )
    broken = tab.evaluate(
        """async () => {
          const pictures = [...document.querySelectorAll("article img")];
          pictures.forEach(picture => { picture.loading = "eager"; });
          await Promise.all(pictures.map(picture => picture.decode().catch(() => null)));
          return pictures.filter(picture => !picture.naturalWidth).map(picture => picture.src);
        }"""
    )
    assert broken == []
    tab.close()


@needs_site
@pytest.mark.parametrize("name", [n for n in PAGES if "<nmp-player" in (HTML / f"{n}.html").read_text("utf8")])
def test_a_player_plays(opened, name):
    tab = opened(f"{name}.html")
    player = tab.locator("nmp-player:visible").first
    player.evaluate("player => { player.play(); }")
    heard = player.evaluate(
        """async player => {
          for (let i = 0; i < 300 && player.currentTime < 0.3; i++) await new Promise(done => setTimeout(done, 50));
          return player.currentTime;
        }"""
    )
    assert heard >= 0.3
    tab.close()


@needs_site
@pytest.mark.parametrize("name", [n for n in PAGES if "<nmp-explore" in (HTML / f"{n}.html").read_text("utf8")])
def test_a_slider_changes_what_is_shown(opened, name):
    tab = opened(f"{name}.html")
    explorable = tab.locator("nmp-explore").first
    explorable.scroll_into_view_if_needed()
    before = explorable.evaluate(SHOWN, None)
    chosen = explorable.locator(".nmp-explore-control").first.locator("input:checked, input[type=range], select")
    at_end = chosen.evaluate("it => it.max ? it.value === it.max : it.value === '1'")
    chosen.press("ArrowLeft" if at_end else "ArrowRight")
    assert explorable.evaluate(SHOWN, before) != before
    tab.close()


@needs_site
@pytest.mark.parametrize("name", [n for n in PAGES if "<nmp-transcriber" in (HTML / f"{n}.html").read_text("utf8")])
def test_what_a_browser_forbids_there_is_said_on_the_page(opened, name):
    tab = opened(f"{name}.html")
    said = tab.locator("nmp-transcriber").inner_text()
    assert "opened this page as a file" in said and "http.server" in said
    tab.close()


@needs_site
def test_the_search_finds_without_a_server(opened):
    tab = opened("search.html?q=onset")
    tab.wait_for_selector("ul.search li a")
    assert "opened this page as a file" in tab.locator(".nmp-offline").inner_text()
    tab.close()


@needs_site
@pytest.mark.parametrize("name", PAGES)
def test_every_link_inside_the_site_leads_somewhere(name):
    lost = []
    for _, address in ADDRESS.findall((HTML / f"{name}.html").read_text("utf8")):
        url = urlsplit(unescape(address))
        if url.scheme or url.netloc:
            continue
        target = HTML / unquote(url.path) if url.path else HTML / f"{name}.html"
        if not target.exists():
            lost.append(address)
        elif url.fragment and target.suffix == ".html":
            if unquote(url.fragment) not in map(unescape, ID.findall(target.read_text("utf8"))):
                lost.append(address)
    assert lost == []
