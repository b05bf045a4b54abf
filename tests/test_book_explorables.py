"""Explorables: the static form says what the live one says, and moves in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot

from nmp_lessons.book import show
from nmp_lessons.book.show import embed
from nmp_lessons.book.site.assets import as_files
from nmp_lessons.errors import InputError
from nmp_lessons.sound import tone

AXE = Path(__file__).parents[1] / "web" / "node_modules" / "axe-core" / "axe.min.js"
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">
<title>Explorables</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="nmp.css"><script src="nmp.js" defer></script>
<style>body {{ margin: 1rem; background: {paper}; color: {ink}; font: 16px sans-serif }}</style>
</head><body><main><h1>Explorables</h1>{body}<p id="after">After.</p></main></body></html>"""


def partials_of_a2(partials=2, shape="sine"):
    """The first partials of A2."""
    drawn, axes = pyplot.subplots(figsize=(6, 3))
    axes.stem(110 * np.arange(1, partials + 1), np.ones(partials))
    return drawn, tone(110 * partials, 1.5), f"{partials} of a {shape}"


def picture_of_pixels(size):
    """Noise."""
    drawn, axes = pyplot.subplots(figsize=(4, 3))
    axes.imshow(np.random.default_rng(size).uniform(size=(60, size)), aspect="auto")
    return drawn


def word(word):
    return {"word": word, "letters": len(word)}


@pytest.fixture(scope="module")
def explorable():
    return show.explore(partials_of_a2, partials=[1, 2, 3, 5], shape=["sine", "square"], caption="Stems are partials.")


# What Python makes


def test_numbers_get_a_slider_few_words_buttons_many_a_menu():
    controls = show.explore(lambda **_: "x", a=[0.5, 1, 2], b=["p", "q"], c=list("abcde"), title="All three").choices
    assert [choice.control for choice in controls] == ["slider", "radio", "menu"]
    assert controls[0].labels == ("0.5", "1", "2")


def test_labels_are_those_of_a_mapping_and_numbers_read_well():
    (choice,) = show.explore(lambda rate: rate, rate={"CD": 44_100, "ours": 22_050}).choices
    assert choice.labels == ("CD", "ours") and choice.control == "slider"
    (choice,) = show.explore(lambda rate: rate, rate=[-3, 22_050]).choices
    assert choice.labels == ("−3", "22,050")


def test_it_starts_from_the_function_s_own_defaults(explorable):
    assert explorable.start == (1, 0)
    assert "partials: 2, shape: sine" in explorable.fragment


def test_equal_pieces_are_kept_once(explorable):
    pictures = re.findall(r'<img src="([^"]+)"', explorable.fragment)
    sounds = re.findall(r'<audio [^>]*src="([^"]+)"', explorable.fragment)
    assert len(pictures) == len(set(pictures)) == 4  # the shape changes neither picture nor sound
    assert len(sounds) == len(set(sounds)) == 4
    assert explorable.fragment.count("<template") == 3 + 3 + 7


def test_pictures_with_few_lines_are_vectors_and_others_webp(explorable):
    assert "data:image/svg+xml" in explorable.fragment
    pixels = show.explore(picture_of_pixels, size=[10, 20]).fragment
    assert pixels.count("data:image/webp") == 2 and "svg" not in pixels


def test_figures_are_closed(explorable):
    explorable.frames()
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({}, "at least one choice"),
        ({"wrong": [1]}, "does not fit"),
        ({"size": []}, "has no values"),
        ({"size": [3, 3]}, "repeats one"),
        ({"size": range(61)}, "61 combinations; give at most 60"),
    ],
)
def test_bad_choices_are_refused_in_words(choices, message):
    with pytest.raises(InputError, match=message):
        show.explore(picture_of_pixels, **choices)


def test_an_error_in_the_function_says_for_which_choice():
    with pytest.raises(ZeroDivisionError) as caught:
        show.explore(lambda n: 1 / n, n=[2, 1, 0]).frames()
    assert "n: 0" in caught.value.__notes__[0]


def test_a_result_that_cannot_be_shown_is_named():
    with pytest.raises(InputError, match="object"):
        show.explore(lambda n: object(), n=[1, 2]).frames()


def test_static_or_live_is_the_environment_s_choice(explorable, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda thing, **options: shown.append(thing))
    monkeypatch.setenv("NMP_LESSONS_STATIC", "1")
    explorable._ipython_display_()
    monkeypatch.delenv("NMP_LESSONS_STATIC")
    explorable._ipython_display_()
    assert "<nmp-explore" in shown[0]["text/html"]
    assert "<nmp-explore " not in shown[-1]["text/html"] and "<img" in shown[-1]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in shown[-1]
    controls = explorable.widget().children
    assert [type(each).__name__ for each in controls] == ["SelectionSlider", "RadioButtons", "Output"]


# What a browser makes of it


@pytest.fixture(scope="module")
def folder(tmp_path_factory, explorable):
    made = tmp_path_factory.mktemp("explore")
    for built in embed.BUNDLE:
        if not built.exists():
            pytest.skip("the bundle is not built: run `make bundle`")
        (made / built.name).write_bytes(built.read_bytes())
    words = show.explore(word, word=["do", "re", "mi", "fa", "sol"], title="Words", caption="In a table.")
    heard = {"Octave": tone(440, 1.0), "Fifth": tone(330, 1.0)}
    players = show.explore(lambda level: show.listen(heard, title=f"{level} dB"), level=[-6, -12], title="Players")
    body = explorable.fragment + words.fragment + players.fragment
    for theme, (paper, ink) in {"light": ("#ffffff", "#222222"), "dark": ("#14181e", "#dddddd")}.items():
        page = PAGE.format(theme=theme, paper=paper, ink=ink, body=body)
        (made / f"{theme}.html").write_text(as_files(page, folder=made, url="."))
    return made


@pytest.fixture
def page(browser, site):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.complaints, opened.asked = [], []
    opened.on("console", lambda said: opened.complaints.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.goto(f"{site}/light.html")
    yield opened
    context.close()
    assert opened.complaints == []
    assert [url for url in opened.asked if not url.startswith((site, "data:", "blob:"))] == []


def shows(opened, text, which=0):
    opened.locator(".nmp-explore-state").nth(which).get_by_text(text, exact=True).wait_for()
    return True


def first_picture(opened):
    return opened.locator(".nmp-explore-slot img").first.evaluate("img => [img.src, img.complete, img.naturalWidth]")


def test_other_frames_are_fetched_only_when_the_reader_comes_near(page):
    pictures = [url for url in page.asked if url.endswith(".svg")]
    assert len(pictures) == 1 and not [url for url in page.asked if url.endswith(".mp3")]
    page.locator("input[type=range]").first.focus()
    page.wait_for_timeout(200)
    assert len([url for url in page.asked if url.endswith(".svg")]) == 3  # one step down, one step up


def test_the_slider_moves_by_keyboard_and_says_its_value(page):
    slider = page.get_by_role("slider", name="partials")
    first, after = first_picture(page), page.locator("#after").bounding_box()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert shows(page, "partials: 3, shape: sine")
    assert slider.get_attribute("aria-valuetext") == "3"
    assert first_picture(page)[0] != first[0] and first_picture(page)[1]
    page.keyboard.press("End")
    assert shows(page, "partials: 5, shape: sine")
    assert page.locator(".nmp-explore-text").inner_text() == "5 of a sine"
    assert page.locator("#after").bounding_box() == after  # nothing jumps


def test_the_slider_moves_by_mouse_and_radio_buttons_by_click(page):
    box = page.get_by_role("slider", name="partials").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    assert shows(page, "partials: 5, shape: sine")
    page.get_by_role("radio", name="square").click()
    assert shows(page, "partials: 5, shape: square")


def test_a_menu_moves_too(page):
    page.get_by_role("combobox", name="word").select_option("sol")
    assert shows(page, "word: sol", 1)
    assert page.locator("nmp-explore").nth(1).get_by_role("row", name="letters").inner_text().split()[-1] == "3"


def test_a_sound_goes_on_where_it_was(page):
    page.locator(".nmp-explore-slot audio").first.evaluate("sound => sound.play()")
    page.wait_for_function("document.querySelector('.nmp-explore-slot audio').currentTime > 0.4")
    page.get_by_role("slider", name="partials").focus()
    page.keyboard.press("ArrowRight")
    assert shows(page, "partials: 3, shape: sine")
    page.wait_for_function("!document.querySelector('.nmp-explore-slot audio').paused")
    assert page.locator(".nmp-explore-slot audio").first.evaluate("sound => sound.currentTime") > 0.35


def test_a_player_goes_on_where_it_was(page):
    third = page.locator("nmp-explore").nth(2)
    third.locator(".nmp-play").click()
    page.wait_for_function("document.querySelectorAll('nmp-player')[0].currentTime > 0.3")
    third.get_by_role("slider", name="level").focus()
    page.keyboard.press("ArrowRight")
    assert shows(page, "level: −12", 2)
    page.wait_for_function("document.querySelectorAll('nmp-player')[0].playing")
    assert page.evaluate("document.querySelectorAll('nmp-player')[0].currentTime") > 0.25


def test_one_finger_moves_it_on_a_narrow_screen(browser, site):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    opened = context.new_page()
    opened.goto(f"{site}/dark.html")
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    slider = opened.get_by_role("slider", name="partials")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box["height"] >= 44
    opened.touchscreen.tap(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    assert shows(opened, "partials: 5, shape: sine")
    context.close()


def test_without_javascript_and_on_paper_one_frame_stands_and_says_which(browser, site):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(f"{site}/light.html")
    assert opened.locator(".nmp-explore-slot img").first.is_visible()
    assert not opened.get_by_role("slider").first.is_visible()
    caption = opened.locator("figcaption").first.inner_text()
    assert "partials: 2, shape: sine" in caption and "1, 2, 3, 5" in caption
    context.close()


def test_on_paper_the_controls_are_gone(page):
    page.emulate_media(media="print")
    assert not page.get_by_role("slider").first.is_visible()
    assert page.locator(".nmp-explore-paper").first.is_visible()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_violation_of_wcag_2_1_aa(browser, site, theme, width):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `make bundle`")
    context = browser.new_context(viewport={"width": width, "height": 900})
    opened = context.new_page()
    opened.goto(f"{site}/{theme}.html")
    opened.evaluate(AXE.read_text(encoding="utf-8"))
    found = opened.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found["violations"]] == []
    context.close()
