"""Explorables: the static form says what the live one says, and moves in a real browser."""

import re

import numpy as np
import pytest
from matplotlib import pyplot

from nmp_lessons.book import show
from nmp_lessons.errors import InputError
from nmp_lessons.sound import tone
from tests.helpers import barriers, failed, out_of_shape, write_themes


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
    before = pyplot.get_fignums()
    explorable.frames()
    assert pyplot.get_fignums() == before


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({}, "at least one choice"),
        ({"wrong": [1]}, "does not accept"),
        ({"size": []}, "has no values"),
        ({"size": [3, 3]}, "has one twice"),
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
    words = show.explore(word, word=["do", "re", "mi", "fa", "sol"], title="Words", caption="In a table.")
    heard = {"Octave": tone(440, 1.0), "Fifth": tone(330, 1.0)}
    players = show.explore(lambda level: show.listen(heard, title=f"{level} dB"), level=[-6, -12], title="Players")
    body = explorable.fragment + words.fragment + players.fragment + '<p id="after">After.</p>'
    return write_themes(tmp_path_factory.mktemp("explore"), body, title="Explorables")


@pytest.fixture
def page(visit, site):
    return visit(f"{site}/light.html")


def shows(opened, text, which=0):
    opened.locator(".nmp-explore-state").nth(which).get_by_text(text, exact=True).wait_for()
    return True


def first_picture(opened):
    return opened.locator(".nmp-explore-slot img").first.evaluate("img => [img.src, img.complete, img.naturalWidth]")


def test_other_frames_are_fetched_only_when_the_reader_comes_near(page, visit):
    def fetched(suffix: str) -> int:
        page.wait_for_load_state("networkidle")
        return sum(url.endswith(suffix) for url in visit.asked)

    assert (fetched(".svg"), fetched(".mp3")) == (1, 0)
    with page.expect_request("**/*.svg"):
        page.locator("input[type=range]").first.focus()
    page.wait_for_timeout(100)
    assert fetched(".svg") == 3  # one step down, one step up


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


def test_the_button_steps_the_slider_to_its_end_and_begins_again(page):
    button = page.get_by_role("button", name="Step through partials")
    page.get_by_role("slider", name="partials").focus()
    page.keyboard.press("End")
    button.click()
    assert shows(page, "partials: 1, shape: sine") and button.get_attribute("aria-pressed") == "true"
    assert shows(page, "partials: 2, shape: sine")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Enter")  # on the button, which goes on
    assert shows(page, "partials: 3, shape: sine")
    assert shows(page, "partials: 5, shape: sine")
    page.wait_for_function("document.querySelector('.nmp-explore-control button').ariaPressed === 'false'")


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
    page.wait_for_function("document.querySelector('.nmp-explore-slot audio').currentTime > 0.2")
    page.get_by_role("slider", name="partials").focus()
    page.keyboard.press("ArrowRight")
    assert shows(page, "partials: 3, shape: sine")
    page.wait_for_function("!document.querySelector('.nmp-explore-slot audio').paused")
    assert page.locator(".nmp-explore-slot audio").first.evaluate("sound => sound.currentTime") > 0.15


def test_on_a_page_opened_as_a_file_a_sound_goes_on_when_it_comes_back(visit, folder):
    visit.pardoned = re.compile("fetch|ERR_FAILED")  # which a page opened as a file may not
    page = visit((folder / "light.html").as_uri())
    page.locator(".nmp-explore-slot audio").first.evaluate(
        "sound => { sound.playbackRate = 0.1; return sound.play(); }"
    )
    page.wait_for_function("document.querySelector('.nmp-explore-slot audio').currentTime > 0.02")
    page.get_by_role("slider", name="partials").focus()
    for key, state in (("ArrowRight", "partials: 3, shape: sine"), ("ArrowLeft", "partials: 2, shape: sine")):
        page.keyboard.press(key)
        assert shows(page, state)
        page.wait_for_function("!document.querySelector('.nmp-explore-slot audio').paused")


def test_a_player_goes_on_where_it_was(page):
    third = page.locator("nmp-explore").nth(2)
    third.locator(".nmp-play").click()
    page.wait_for_function("document.querySelectorAll('nmp-player')[0].currentTime > 0.2")
    third.get_by_role("slider", name="level").focus()
    page.keyboard.press("ArrowRight")
    assert shows(page, "level: −12", 2)
    page.wait_for_function("document.querySelectorAll('nmp-player')[0].playing")
    assert page.evaluate("document.querySelectorAll('nmp-player')[0].currentTime") > 0.15


def test_one_finger_moves_it_on_a_narrow_screen(visit, site):
    tab = visit(f"{site}/light.html", width=390, has_touch=True, is_mobile=True)
    slider = tab.get_by_role("slider", name="partials")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box["height"] >= 44
    tab.touchscreen.tap(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    assert shows(tab, "partials: 5, shape: sine")
    assert failed(look=out_of_shape(tab, width=390, colours="light"), barriers=barriers(tab)) == {}


def test_no_barrier_wide_and_dark(visit, site):
    assert barriers(visit(f"{site}/dark.html")) == []


def test_without_javascript_one_frame_stands_and_says_which(visit, site):
    tab = visit(f"{site}/light.html", java_script_enabled=False)
    assert tab.locator(".nmp-explore-slot img").first.is_visible()
    assert not tab.get_by_role("slider").first.is_visible()
    caption = tab.locator("figcaption").first.inner_text()
    assert "partials: 2, shape: sine" in caption and "1, 2, 3, 5" in caption


def test_on_paper_the_controls_are_gone(page):
    page.emulate_media(media="print")
    assert not page.get_by_role("slider").first.is_visible()
    assert page.locator(".nmp-explore-paper").first.is_visible()


def test_values_that_differ_in_the_seventh_digit_have_labels_of_their_own():
    made = show.explore(lambda rate: rate, title="Rates", rate=[0.12345671, 0.12345672, 0.5])
    assert made.choices[0].labels == ("0.12345671", "0.12345672", "0.5")
    with pytest.raises(InputError, match="rate has no values, or has one twice"):
        show.explore(lambda rate: rate, title="Rates", rate=[0.1, 0.1])
    with pytest.raises(InputError, match="rate is 0.1; give a list"):
        show.explore(lambda rate: rate, title="Rates", rate=0.1)


def test_one_row_is_a_table_of_one_row():
    for row in (["Fno", 0.5, 2], np.array([1.0, 0.5, 2.0])):
        (frame,) = show.explore(lambda n, row=row: row, title="Scores", n=[1]).frames()
        assert frame[0].count("<tr>") == 1 and frame[0].count("<td>") == 2
    (frame,) = show.explore(lambda n: [("a", 1), ("b", 2)], title="Scores", n=[1]).frames()
    assert frame[0].count("<tr>") == 2
