"""The built site in a real browser, each page once, wide and dark; `test_book_offline` has them narrow and light."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers import COUNTED, HTML, LISTED, barriers, failed, out_of_shape, small_letters

PAGES = [f"{name}.html" for name in [*LISTED, "search"]]
SOUNDS = {".mp3", ".ogg", ".m4a", ".wav", ".flac"}
PACKED = {".woff2", ".png", ".webp", ".jpg", *SOUNDS}  # a server does not compress these again
ELSEWHERE = "https://example.org/pixel.png"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_light_private_without_barriers_and_alive(visit, book_site, page):
    visit.pardoned = re.compile(f"{re.escape(ELSEWHERE)}|inline script")  # the page is asked to, and must refuse
    tab = visit(f"{book_site}/{page}", color_scheme="dark", script=COUNTED)
    tab.wait_for_load_state("networkidle")
    assert (
        failed(
            first_view=heavy(visit.asked, page, book_site),
            look=out_of_shape(tab, width=1280, colours="dark"),
            barriers=barriers(tab),
            refusal=refusal(tab),
            inline=strange_script(tab),
            letters=small_letters(tab),
            mathml=broken_mathml(tab),
            sliders=dead_controls(tab),
            players=dead_players(tab),
            versions=late_versions(tab),
        )
        == {}
    )


def heavy(asked: list[str], page: str, site: str) -> list:
    """What the first view loads, if it is more than 600 kB or a sound: they come when they are played."""
    files = {HTML / url.removeprefix(f"{site}/").split("?")[0] for url in asked if url.startswith(site)}
    weights = sorted((on_the_wire(path), path.name) for path in files)
    assert len(weights) > 10 and HTML / page in files
    light = sum(weight for weight, _ in weights) < 600_000
    return [path.name for path in files if path.suffix in SOUNDS] + ([] if light else weights[-5:])


def on_the_wire(path: Path) -> int:
    content = path.read_bytes()
    return len(content) if path.suffix in PACKED else len(gzip.compress(content, 6))


def refusal(tab) -> list[str]:
    """The page may ask no other server, whatever a script on it wants."""
    refused = tab.evaluate(
        """address => new Promise(done => {
          addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
          new Image().src = address;
        })""",
        ELSEWHERE,
    )
    return [refused] * (refused != "img-src")


def broken_mathml(tab) -> list[str]:
    """What a screen reader is given of a formula has as many parts as the standard asks for."""
    return tab.evaluate(
        """() => Object.entries({msub: 2, msup: 2, munder: 2, mover: 2, mfrac: 2, mroot: 2, msubsup: 3, munderover: 3})
          .flatMap(([name, parts]) => [...document.querySelectorAll(name)].filter(it => it.children.length !== parts))
          .map(it => it.outerHTML)"""
    )


def strange_script(tab) -> list[str]:
    """A script that was not in the page when it was built does not run."""
    refused, ran = tab.evaluate(
        """() => new Promise(done => {
          addEventListener("securitypolicyviolation", event => done([event.effectiveDirective, "stranger" in window]));
          const script = document.createElement("script");
          script.textContent = "window.stranger = true";
          document.head.append(script);
          if (window.stranger) done(["", true]);
        })"""
    )
    return [refused] * (refused != "script-src-elem" or ran)


SHOWN = """async (explorable, before) => {
  const shown = () => [...explorable.querySelectorAll(".nmp-explore-slot")].map(slot => slot.innerHTML).join();
  const pictures = () => [...explorable.querySelectorAll(".nmp-explore-slot img")];
  const ready = () => pictures().every(picture => picture.complete && picture.naturalWidth > 0);
  for (let i = 0; i < 1000 && (shown() === before || !ready()); i++) await new Promise(done => setTimeout(done, 10));
  return { shown: shown(), ready: ready() };
}"""


def dead_controls(tab) -> list[str]:
    """Controls of explorables that change nothing when a key is pressed."""
    dead = []
    for explorable in tab.locator("nmp-explore").all():
        explorable.scroll_into_view_if_needed()
        for control in explorable.locator(".nmp-explore-control").all():
            before = explorable.evaluate(SHOWN, None)["shown"]
            chosen = control.locator("input:checked, input[type=range], select")
            at_end = chosen.evaluate("it => it.max ? it.value === it.max : it.value === '1'")
            chosen.press("ArrowLeft" if at_end else "ArrowRight")
            after = explorable.evaluate(SHOWN, before)
            if not after["ready"] or after["shown"] == before:
                dead.append(control.inner_text())
    return dead


def dead_players(tab) -> list[int]:
    """Players that do not move; the first is also listened to."""
    return tab.evaluate(
        """async () => {
          const until = async done => {
            for (let i = 0; i < 2000 && !done(); i++) await new Promise(wait => setTimeout(wait, 10));
            return done();
          };
          const dead = [], seen = [...document.querySelectorAll("nmp-player")].filter(one => one.checkVisibility());
          for (const [place, player] of seen.entries()) {
            await player.play();
            const moves = await until(() => player.currentTime > 0.05);
            if (!moves || (place === 0 && !(await until(() => player.level().rms > 0.003)))) dead.push(place);
            player.pause();
          }
          return dead;
        }"""
    )


def late_versions(tab) -> list[int]:
    """Players whose versions do not start at one instant, or where a switch starts one anew."""
    return tab.evaluate(
        """async () => {
          const late = [];
          for (const [place, player] of document.querySelectorAll("nmp-player").entries()) {
            const versions = [...player.querySelectorAll(".nmp-versions button")];
            if (versions.length < 2 || !player.checkVisibility()) continue;
            window.started.length = 0;
            await player.play();
            const begun = window.started.length;
            versions.forEach(version => version.click());
            if (!begun || new Set(window.started).size !== 1 || window.started.length !== begun) late.push(place);
            player.pause();
          }
          return late;
        }"""
    )


def test_the_book_opens_with_music(book_html):
    html = (book_html / "index.html").read_text("utf8")
    assert html.index("<nmp-player") < html.index('id="the-map"')


def test_each_chapter_says_what_it_is_about_to_searchers(book_html):
    chapters = LISTED[1 : LISTED.index("prerequisites")]
    found = {}
    for name in ["index", *chapters]:
        html = (book_html / f"{name}.html").read_text("utf8")
        described = re.findall(r'<meta [^>]*name="description"[^>]*>', html)
        assert len(described) == 1 and 'property="og:description"' in html and 'property="og:title"' in html, name
        found[name] = described[0]
    assert len(chapters) == 14 and len(set(found.values())) == 15


def test_a_page_that_does_not_exist_leads_back(book_html):
    page = (book_html / "404.html").read_text("utf8")
    body = page[page.index("This page does not exist") :]
    links = re.findall(r'<a href="([^"#:]+\.html)', body)
    assert "index.html" in links and "search.html" in links
    assert all((book_html / link).is_file() for link in links)


def test_every_sound_of_the_site_is_whole_and_none_clips(book_html):
    """And what a player sounds with at first is not silent."""
    pages = [(book_html / page).read_text("utf8") for page in PAGES]
    first = {name for html in pages for name in re.findall(r"<nmp-player.*?<audio[^>]* src=\"([^\"]+)\"", html, re.S)}
    silent = {
        name for html in pages for name in re.findall(r"aria-label=\"[^\"]*always no\"[^>]* src=\"([^\"]+)\"", html)
    }
    every = {name for html in pages for name in re.findall(r"<audio[^>]* src=\"([^\"]+)\"", html)}
    assert len(every) > 100
    for name in every:
        audio, _ = soundfile.read(book_html / name, dtype="float32")
        assert np.abs(audio).max() < 1, name
        assert name in silent or audio.any(), name
        assert name not in first or np.abs(audio).max() > 0.005, name


def test_without_javascript_a_sound_plays(visit, book_site):
    tab = visit(f"{book_site}/index.html", java_script_enabled=False)
    sound = tab.locator("audio").first
    assert sound.is_visible()
    sound.evaluate("sound => { sound.play(); }")
    while sound.evaluate("sound => sound.currentTime") < 0.1:
        tab.wait_for_timeout(50)


def test_the_search_finds_and_the_colours_switch(visit, book_site):
    tab = visit(f"{book_site}/search.html?q=onset")
    tab.wait_for_selector("ul.search li a")
    tab = visit(f"{book_site}/errata.html")
    tab.keyboard.press("Control+k")
    assert tab.locator("#pst-search-dialog input").is_visible()
    tab.keyboard.press("Escape")
    before = tab.evaluate("document.documentElement.dataset.theme")
    tab.locator(".theme-switch-button").first.click()
    assert tab.evaluate("document.documentElement.dataset.theme") != before


# Places of an element, one every few pixels, that something else covers or that are cut off.
COVERED = """element => {
  const { left, top, right, bottom } = element.getBoundingClientRect(), found = [];
  for (let x = left + 4; x < right - 4; x += 20) for (let y = top + 4; y < bottom - 4; y += 15) {
    const upper = document.elementFromPoint(x, y);
    if (!element.contains(upper)) found.push([Math.round(x - left), Math.round(y - top), upper && upper.className]);
  }
  return found;
}"""


def test_the_keys_of_each_player_unfold_on_top_and_uncut(visit, book_site):
    tab = visit(f"{book_site}/sound.html", color_scheme="dark")
    for keys in tab.locator("nmp-player details.nmp-keys:visible").all():
        keys.locator("summary").evaluate("button => button.scrollIntoView({block: 'center'})")
        keys.locator("summary").click()
        assert keys.locator("dl").evaluate(COVERED) == []
        keys.locator("summary").click()
