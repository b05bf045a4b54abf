"""Slides: every figure, player and equation of a chapter in its order, the prose as speaker notes, all of it working."""

import pytest
from bs4 import BeautifulSoup

from nmp_lessons.book.answers.instructor import openings
from tests.helpers import HTML
from tools import slides

CHAPTER = """<html><head><title>T</title></head><body><article class="bd-article"><section id="t">
<h1>Title<a class="headerlink">#</a></h1><p>Before it. Then comes the sum:</p><div class="math-block">a</div>
<p>And <b>again</b>:</p><div class="math-block">b</div>
<section id="one"><h2>One</h2><p>First words. More words.</p><p>Second words. More.</p></section>
<section id="two"><h2>Two</h2><div class="cell"><details class="hide">code</details>
<div class="cell_output"><figure>F</figure></div></div><p>About F.</p><figure>G</figure></section>
<section id="exercises"><h2>Exercises</h2><p>None.</p></section></section></article></body></html>"""


def texts(group, selector):
    return [[" ".join(each.get_text().split()) for each in slide.select(selector)] for slide in group.select("section")]


def test_what_is_seen_stands_on_slides_and_what_is_said_in_their_notes():
    title, one, two = BeautifulSoup(slides.deck(CHAPTER), "html.parser").select(".slides > section")
    assert texts(title, "h2") == [["Title"]]
    assert texts(title, ".lead, .math-block") == [["Then comes the sum:", "a", "And again:", "b"]]
    assert texts(one, ".lead") == [["First words.", "Second words."]]
    assert texts(one, ".notes p") == [["First words. More words.", "Second words. More."]]
    assert texts(two, "figure") == [["F"], ["G"]] and texts(two, ".notes p") == [["About F."], []]
    assert "code" not in two.get_text()


@pytest.fixture(scope="module")
def folder(book_html, tmp_path_factory):
    """The built site, with slides."""
    folder = tmp_path_factory.mktemp("slides")
    for each in HTML.iterdir():
        (folder / each.name).symlink_to(each.resolve())
    slides.main(book_html, folder)
    return folder


def test_the_slides_of_every_chapter_open_and_hold_its_figures(visit, site, folder):
    for opening in openings():
        chapter = BeautifulSoup((folder / f"{opening.slug}.html").read_text("utf8"), "html.parser")
        lesson = [each for each in chapter.select("article figure") if not each.find_parent(id=slides.LEFT_OUT)]
        page = visit(f"{site}/slides-{opening.slug}.html")
        page.locator(".reveal.ready").wait_for()
        assert page.locator(".slides figure").count() == len(lesson), opening.slug
        assert page.evaluate("Reveal.getTotalSlides()") >= 15
        assert page.evaluate("document.querySelector('.slides section.present h2').innerText") in chapter.title.text
        page.close()


def test_players_play_on_slides_arrows_turn_them_and_notes_open_in_a_window(visit, site):
    page = visit(f"{site}/slides-hearing.html")
    page.locator(".reveal.ready").wait_for()
    place = page.evaluate(
        "() => { const slide = document.querySelector('nmp-player').closest('.slides > section > section');"
        " const at = Reveal.getIndices(slide); Reveal.slide(at.h, at.v); return at }"
    )
    player = page.locator("section.present section.present nmp-player").first
    player.locator("button").first.click()
    while not player.evaluate("player => player.currentTime > 0.1"):
        page.wait_for_timeout(50)
    page.locator("h2").first.focus()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == place["h"] + 1
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value
    notes.locator(".speaker-controls-notes .value p").first.wait_for()
