"""The error explorer and the blind test: what their HTML says, and what a reader with a keyboard makes of them."""

import json
import re
from html import unescape

import numpy as np
import pytest

from nmp_lessons import evaluation
from nmp_lessons.audio import Recording, piano
from nmp_lessons.book import show
from nmp_lessons.constants import NMP
from nmp_lessons.errors import InputError
from nmp_lessons.model import Posteriors
from nmp_lessons.notes import Notes
from nmp_lessons.sound import tone
from tests.helpers import barriers, failed, out_of_shape, write_themes

PLAYED = Notes([0.2, 0.2, 1.0, 1.8, 2.6, 3.4], [1.0, 3.2, 1.8, 2.6, 3.4, 4.0], [72, 48, 76, 79, 77, 74])
# The third is late, the fifth missing, the last cut short, and an octave of the bass was never played.
HEARD = Notes([0.21, 0.2, 1.1, 1.5, 1.8, 3.4], [1.0, 3.2, 1.8, 1.9, 2.6, 3.5], [72, 48, 76, 60, 79, 74])
CAUSES = ["late onset", "octave or harmonic", "missed", "wrong offset"]
SECONDS = 4.2


def recording() -> Recording:
    return piano.render(PLAYED, seconds=SECONDS)


@pytest.fixture(scope="module")
def explorer() -> show.Html:
    frames = round(SECONDS * NMP.frame_rate)
    rng = np.random.default_rng(0)
    answered = Posteriors(None, *rng.uniform(size=(2, frames, 88)), np.arange(frames) / NMP.frame_rate)
    return show.errors(recording(), HEARD, posteriors=answered, title="Six notes")


@pytest.fixture(scope="module")
def comparison() -> show.Html:
    trials = [recording() for _ in range(3)]
    return show.blind(trials, {"good": [PLAYED] * 3, "poor": [HEARD] * 3}, caption="Three times.")


# What Python makes


def test_every_error_stands_in_the_table_with_its_cause_and_has_its_place(explorer):
    assert [error.cause for error in evaluation.causes(PLAYED, HEARD)] == CAUSES
    rows = re.findall(r'<tr data-error="\d">(.*?)</tr>', explorer.fragment)
    assert [re.findall(r"<td>(.*?)</td>", row)[2] for row in rows] == CAUSES
    assert "E5 was played at 1.00 s and is reported 100 ms late." in rows[0]
    assert "C4 is reported at 1.50 s, an octave above C3, which was struck at 0.20 s." in rows[1]
    assert "F5 was played at 2.60 s, and nothing is reported." in rows[2]
    assert "D5, played at 3.40 s, ends at 4.00 s; its end is reported 500 ms too early." in rows[3]
    places = re.findall(r'<template data-error="\d">(.*?)</template>', explorer.fragment)
    assert len(places) == 4 and all("nmp-picture" in place and "nmp-errors-yo" in place for place in places)


def test_a_perfect_transcription_and_an_empty_one_can_be_shown():
    perfect = show.errors(recording(), PLAYED).fragment
    assert "Errors: 0 errors" in perfect and "<template" not in perfect
    assert show.errors(recording(), Notes([], [], [])).fragment.count("<template") == len(PLAYED)


def test_causes_may_be_chosen_and_must_be_known():
    few = show.errors(recording(), HEARD, causes=["missed"])
    assert few.fragment.count("<template") == 1
    with pytest.raises(InputError, match="'cold feet' is not a cause"):
        show.errors(recording(), HEARD, causes=["cold feet"])
    with pytest.raises(InputError, match="give the reference"):
        show.errors(tone(440, 1.0), HEARD)


def plan_of(comparison) -> dict:
    return json.loads(unescape(re.search(r'data-plan="(.*?)"', comparison.fragment)[1]))


def test_each_trial_hides_its_names_behind_a_fold(comparison):
    plan = plan_of(comparison)
    assert plan["names"] == ["good", "poor"]
    assert all(trial["scores"][0] == 1.0 > trial["scores"][1] for trial in plan["trials"])
    folds = re.findall(r"<details[^>]*><summary>Which was which</summary><p>(.*?)</p>", comparison.fragment)
    assert len(folds) == 3
    for fold, trial in zip(folds, plan["trials"], strict=True):
        assert fold.startswith(f"First: {plan['names'][trial['order'][0]]}, F without offsets")


@pytest.mark.parametrize(
    ("transcriptions", "message"),
    [
        ({"a": [PLAYED]}, "give two"),
        ({"a": [PLAYED], "b": []}, "'b' needs a non-empty list"),
        ({"a": [PLAYED], "b": [Notes([], [], [])]}, "non-empty"),
    ],
)
def test_a_comparison_needs_two_of_everything(transcriptions, message):
    with pytest.raises(InputError, match=message):
        show.blind([recording()], transcriptions)
    with pytest.raises(InputError, match="with its notes"):
        show.blind([tone(440, 1.0)], {"a": [PLAYED], "b": [HEARD]})


# What a browser makes of it


@pytest.fixture(scope="module")
def folder(tmp_path_factory, explorer, comparison):
    return write_themes(tmp_path_factory.mktemp("judging"), explorer.fragment + comparison.fragment, title="Judging")


@pytest.fixture
def page(visit, site):
    return visit(f"{site}/light.html")


def fetched(visit, suffix: str) -> int:
    return sum(url.endswith(suffix) for url in visit.asked)


def tabbed_to(opened, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(60):
        opened.keyboard.press("Tab")
        if opened.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def words(opened) -> str:
    return opened.locator(".nmp-errors-panel .nmp-errors-words").inner_text()


def test_errors_are_chosen_seen_and_heard_with_the_keyboard_alone(page, visit):
    assert (fetched(visit, ".webp"), fetched(visit, ".mp3")) == (1, 0)  # the piano roll alone
    tabbed_to(page, ".nmp-errors-table button")
    page.keyboard.press("ArrowDown")
    assert words(page).startswith("E5 was played")
    page.keyboard.press("ArrowDown")
    assert words(page).startswith("C4 is reported") and page.locator("[aria-current]").count() == 1
    assert page.locator(".nmp-errors-count").inner_text() == "2 of 4"
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # there is no further
    assert words(page).startswith("D5, played")
    page.wait_for_function("[...document.querySelectorAll('.nmp-errors-panel image')].every(it => it.href.baseVal)")
    assert fetched(visit, ".webp") > 1
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('nmp-errors nmp-player').currentTime > 3.1")
    start, stop = page.evaluate("document.querySelector('nmp-errors nmp-player').loop")
    assert start < 3.4 < 4.0 <= stop
    assert page.evaluate("document.querySelector('nmp-errors nmp-player').playing")


def test_errors_are_filtered_by_cause_with_the_keyboard_alone(page):
    tabbed_to(page, ".nmp-errors-controls select")
    page.keyboard.press("o")  # octave
    assert page.locator(".nmp-errors-controls select").input_value() == "octave or harmonic"
    assert page.locator(".nmp-errors-table tbody tr:visible").count() == 1
    assert page.locator(".nmp-mark:not(.nmp-off)").count() == 1
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # next
    assert words(page).startswith("C4 is reported")
    assert page.locator(".nmp-errors-count").inner_text() == "1 of 1"


def test_a_click_on_a_wrong_note_of_the_piano_roll_chooses_it_on_a_narrow_screen_too(visit, site):
    page = visit(f"{site}/light.html", width=390)
    box = page.locator(".nmp-mark").nth(2).bounding_box()
    scrolled = page.locator("nmp-errors .nmp-scroll")
    if box["x"] > page.viewport_size["width"] - 20:
        scrolled.evaluate("it => it.scrollLeft = 300")
        box = page.locator(".nmp-mark").nth(2).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert words(page).startswith("F5 was played at 2.60 s, and nothing")


def test_the_blind_comparison_is_made_with_the_keyboard_alone(page):
    shown = page.locator(".nmp-blind-trial:visible")
    assert shown.count() == 1 and not page.locator(".nmp-blind-answer").first.is_visible()
    assert "good" not in page.locator("nmp-blind").inner_text()
    for k in range(3):
        assert page.locator(".nmp-blind-status").inner_text().startswith(f"Trial {k + 1} of 3")
        trial = shown.locator("nmp-player").evaluate_handle("it => it")
        assert trial.evaluate("it => it.getAttribute('aria-label')") == f"Trial {k + 1} of 3"
        if k == 0:
            tabbed_to(page, "nmp-blind .nmp-play")
            page.keyboard.press("Enter")
            page.wait_for_function("it => it.currentTime > 0.2", arg=trial)
            page.keyboard.press("2")
            assert trial.evaluate("it => it.version") == "First"
            tabbed_to(page, ".nmp-blind-ballot button")
        page.keyboard.press("Enter")
        assert not trial.evaluate("it => it.playing")
    assert page.evaluate("document.activeElement.className") == "nmp-blind-result"
    result = page.locator(".nmp-blind-result")
    rows = [[cell.inner_text() for cell in row.locator("td").all()] for row in result.locator("tbody tr").all()]
    assert [row[0] for row in rows] == ["1", "2", "3"] and {row[3] for row in rows} == {"first"}
    good = sum(row[1].startswith("good, F 1.00") for row in rows)
    said = result.inner_text()
    assert f"In {good} of 3 trials you chose the one with the higher F." in said
    assert f"probability {evaluation.chance(good, 3):.3f}" in said
    uneven = min(1, 2 * evaluation.chance(max(good, 3 - good), 3))
    assert f"a split at least this uneven would occur with probability {uneven:.3f}" in said
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # once more
    assert page.locator(".nmp-blind-status").inner_text().startswith("Trial 1 of 3")


def test_the_order_is_drawn_with_coins_and_sounds_and_names_follow_it(visit, site, comparison):
    """Of a coin that shows .75 nothing is turned, of one that shows .25 everything."""
    plan, heard = plan_of(comparison), {}
    for coin, turned, sequence in ((0.75, 1, [0, 1, 2]), (0.25, -1, [1, 2, 0])):
        tab = visit(f"{site}/light.html", script=f"Math.random = () => {coin};")
        heard[coin] = tab.locator(".nmp-blind-trial").evaluate_all(
            """trials => trials.map(trial => ["First", "Second"].map(
              name => trial.querySelector(`audio[aria-label="${name}"]`).src))"""
        )
        for _ in sequence:
            tab.get_by_role("button", name="First is nearer").click()
        rows = [row.locator("td").all_inner_texts()[1:3] for row in tab.locator(".nmp-blind-result tbody tr").all()]
        orders = [plan["trials"][i]["order"][::turned] for i in sequence]
        assert [[cell.split(",")[0] for cell in row] for row in rows] == [[plan["names"][k] for k in o] for o in orders]
    assert heard[0.75] == [pair[::-1] for pair in heard[0.25]] and all(a != b for a, b in heard[0.75])


def test_without_javascript_there_are_a_picture_a_table_and_sounds(visit, site):
    tab = visit(f"{site}/light.html", java_script_enabled=False)
    assert tab.locator("nmp-errors .nmp-plot").is_visible()
    assert tab.locator(".nmp-errors-table tbody tr").count() == 4
    assert tab.locator("nmp-blind audio:visible").count() == 9
    fold = tab.locator(".nmp-blind-answer").first
    fold.locator("summary").click()
    assert "good, F without offsets 1.00" in fold.inner_text()


def test_a_cell_of_a_notebook_shows_them_too(page, explorer, comparison):
    """A notebook puts a cell's HTML into a page whose script has long run."""
    assert explorer._repr_html_().endswith(explorer.fragment) and "data-nmp-bundle" in explorer._repr_html_()
    cell = explorer.fragment + comparison.fragment
    page.evaluate("html => { document.querySelector('main').innerHTML = html }", cell)
    page.get_by_role("button", name="Next").click()
    assert words(page).startswith("E5 was played")
    assert page.evaluate("document.querySelector('nmp-errors nmp-player').loop[0]") < 1.0
    page.get_by_role("button", name="First is nearer").click()
    assert page.locator(".nmp-blind-status").inner_text().startswith("Trial 2 of 3")


@pytest.mark.parametrize("width, theme", [(1280, "dark"), (390, "light")])
def test_no_barrier_before_and_after(visit, site, theme, width):
    tab = visit(f"{site}/{theme}.html", width=width)
    before = barriers(tab)
    tab.get_by_role("button", name="Next").click()  # an error is shown
    for _ in range(3):
        tab.get_by_role("button", name="Second is nearer").click()  # and the result of the comparison
    look = out_of_shape(tab, width=width, colours=theme)
    assert failed(before=before, after=barriers(tab), look=look) == {}
