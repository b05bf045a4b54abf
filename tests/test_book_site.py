"""The built site in a real browser: on every page, at both widths, with and without JavaScript."""

import gzip
import re
import time
from pathlib import Path

import pytest

from tools.browser import served

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
LISTED = re.findall(r"(?:file|root): (\w+)", (ROOT / "_toc.yml").read_text("utf8"))
PAGES = [f"{name}.html" for name in [*LISTED, "search"] if (HTML / f"{name}.html").exists()]
WIDTHS = {1280: 900, 390: 844}
SOUNDS = {".mp3", ".ogg", ".m4a", ".wav", ".flac"}
PACKED = {".woff2", ".png", ".webp", ".jpg", *SOUNDS}  # a server does not compress these again
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    "rules": {"label-content-name-mismatch": {"enabled": True}},
}


@pytest.fixture(scope="module")
def site():
    if not PAGES:
        pytest.skip("the site is not built: run `make book`")
    with served(HTML) as address:
        yield address


@pytest.fixture
def visit(browser, site):
    """Opens pages of the site; at the end none may have complained or asked another server."""
    contexts, complaints = [], []

    def asked(request) -> None:
        if not request.url.startswith((site, "data:", "blob:")):
            complaints.append(request.url)

    def logged(message) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def opened(page: str, *, width: int = 1280, **options):
        size = {"width": width, "height": WIDTHS[width]}
        contexts.append(browser.new_context(viewport=size, **options))
        tab = contexts[-1].new_page()
        tab.on("console", logged)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", asked)
        tab.goto(f"{site}/{page}", wait_until="load")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width, colours", [(1280, "dark"), (390, "light")])
def test_no_page_has_a_barrier_or_scrolls_sideways(visit, page, width, colours):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `make bundle`")
    tab = visit(page, width=width, color_scheme=colours, bypass_csp=True)
    assert tab.evaluate("document.documentElement.dataset.theme") == colours
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.evaluate(AXE.read_text("utf8"))
    found = tab.evaluate("rules => axe.run(document, rules)", RULES)
    assert [(v["id"], [node["html"][:150] for node in v["nodes"]]) for v in found["violations"]] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_page_refuses_other_servers(browser, site, page):
    tab = browser.new_page()
    tab.goto(f"{site}/{page}")
    refused = tab.evaluate(
        """() => new Promise(done => {
          addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
          new Image().src = "https://example.org/pixel.png";
        })"""
    )
    assert refused == "img-src"
    tab.close()


@pytest.mark.parametrize("page", PAGES)
def test_the_first_view_is_light(visit, site, page):
    tab = visit(page)
    tab.wait_for_load_state("networkidle")
    sent = tab.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    urls = {f"{site}/{page}", *(url for url in sent if url.startswith(site))}
    files = [HTML / url.removeprefix(f"{site}/").split("?")[0] for url in urls]
    weights = sorted((on_the_wire(path), path.name) for path in files)
    assert len(weights) > 10 and sum(weight for weight, _ in weights) < 600_000, weights[-5:]
    assert not [path for path in files if path.suffix in SOUNDS]  # they come when they are played


def on_the_wire(path: Path) -> int:
    content = path.read_bytes()
    return len(content) if path.suffix in PACKED else len(gzip.compress(content, 6))


WITH_SOUND = [page for page in PAGES if "<nmp-player" in (HTML / page).read_text("utf8")]


def test_the_book_opens_with_music():
    html = (HTML / "index.html").read_text("utf8")
    assert html.index("<nmp-player") < html.index('id="the-map"')


@pytest.mark.parametrize("page", WITH_SOUND)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_player_plays(visit, page, width):
    tab = visit(page, width=width)
    for player in tab.locator("nmp-player:visible").all():
        player.evaluate("player => { player.play(); }")
        heard = player.evaluate(
            """async player => {
              const levels = [];
              const until = performance.now() + 8000;
              const heard = () => player.currentTime >= 0.4 && levels.some(level => level.rms > 0.003);
              while (performance.now() < until && !heard()) {
                await new Promise(done => setTimeout(done, 40));
                levels.push(player.level());
              }
              const time = player.currentTime;
              player.pause();
              const most = what => Math.max(...levels.map(level => level[what]));
              return { time, rms: most("rms"), peak: most("peak") };
            }"""
        )
        assert heard["time"] >= 0.4 and heard["rms"] > 0.003 and heard["peak"] < 1, heard


WITH_SLIDERS = [page for page in PAGES if "<nmp-explore" in (HTML / page).read_text("utf8")]
SHOWN = """async (explorable, before) => {
  const shown = () => [...explorable.querySelectorAll(".nmp-explore-slot")].map(slot => slot.innerHTML).join();
  const pictures = () => [...explorable.querySelectorAll(".nmp-explore-slot img")];
  const ready = () => pictures().every(picture => picture.complete && picture.naturalWidth > 0);
  for (let i = 0; i < 100 && (shown() === before || !ready()); i++) {
    await new Promise(done => setTimeout(done, 50));
  }
  return { shown: shown(), ready: ready() };
}"""


@pytest.mark.parametrize("page", WITH_SLIDERS)
def test_every_control_changes_what_is_shown_by_keyboard(visit, page):
    tab = visit(page)
    for explorable in tab.locator("nmp-explore").all():
        explorable.scroll_into_view_if_needed()
        for control in explorable.locator(".nmp-explore-control").all():
            before = explorable.evaluate(SHOWN, None)["shown"]
            chosen = control.locator("input:checked, input[type=range], select")
            at_end = chosen.evaluate("it => it.max ? it.value === it.max : it.value === '1'")
            chosen.press("ArrowLeft" if at_end else "ArrowRight")
            after = explorable.evaluate(SHOWN, before)
            assert after["ready"] and after["shown"] != before, control.inner_text()


@pytest.mark.parametrize("page", WITH_SOUND)
def test_switching_versions_keeps_the_time(visit, page):
    tab = visit(page)
    late = tab.evaluate(
        """async () => {
          const late = [];
          for (const player of document.querySelectorAll("nmp-player")) {
            const versions = [...player.querySelectorAll(".nmp-versions button")];
            if (versions.length < 2 || !player.checkVisibility()) continue;
            await player.play();
            await new Promise(done => setTimeout(done, 200));
            for (const version of versions) {
              const [before, then] = [player.currentTime, performance.now()];
              version.click();
              late.push(Math.abs(player.currentTime - before - (performance.now() - then) / 1000));
            }
            player.pause();
          }
          return late;
        }"""
    )
    assert all(seconds < 0.02 for seconds in late), late


@pytest.mark.parametrize("page", WITH_SOUND)
def test_without_javascript_the_sounds_play(visit, page):
    tab = visit(page, java_script_enabled=False)
    sound = tab.locator("audio").first
    sound.scroll_into_view_if_needed()
    sound.evaluate("sound => { sound.play(); }")
    deadline = time.monotonic() + 10
    while (heard := sound.evaluate("sound => sound.currentTime")) < 0.3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert heard >= 0.3


@pytest.mark.parametrize("page", WITH_SOUND[:1])
def test_the_page_opened_as_a_file_plays(browser, page):
    tab = browser.new_page()
    tab.goto((HTML / page).as_uri())
    tab.evaluate("document.querySelector('nmp-player').play()")
    tab.wait_for_timeout(1000)
    assert tab.evaluate("document.querySelector('nmp-player').currentTime") > 0.2
    tab.close()


def test_the_search_finds_and_the_colours_switch(visit):
    tab = visit("search.html?q=onset")
    tab.wait_for_selector("ul.search li a")
    tab = visit("index.html")
    tab.keyboard.press("Control+k")
    assert tab.locator("#pst-search-dialog input").is_visible()
    tab.keyboard.press("Escape")
    before = tab.evaluate("document.documentElement.dataset.theme")
    tab.locator(".theme-switch-button").first.click()
    assert tab.evaluate("document.documentElement.dataset.theme") != before


@pytest.mark.parametrize("width", WIDTHS)
def test_a_long_equation_stays_in_the_page(visit, width):
    tab = visit("index.html", width=width)
    assert tab.evaluate(
        """width => {
          const block = document.createElement("div");
          document.querySelector("article.bd-article").append(block);
          block.className = "math-block";
          block.innerHTML = `<div class="math-scroll">${"x\\u00a0+\\u00a0".repeat(200)}</div>`;
          return document.documentElement.scrollWidth <= width;
        }""",
        width,
    )
