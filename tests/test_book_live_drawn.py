"""Exercises in the page that are drawn or painted: a pull on a logit, and the window of a median."""

import re

import numpy as np
import pytest

from nmp_lessons.cross_entropy import constant_loss, constant_pulls
from tests.helpers import barriers


@pytest.fixture
def control(visit, book_site):
    """Opens a chapter at one of its controls."""

    def opened(chapter: str, title: str, **screen):
        tab = visit(f"{book_site}/{chapter}.html", **screen)
        found = tab.locator("nmp-live").filter(has=tab.locator("legend", has_text=title))
        found.scroll_into_view_if_needed()
        tab.locator("nmp-live[data-ready]").filter(has_text=title).wait_for()
        return tab, found

    return opened


def pull(z, *, positives: float, weight: float = 1.0):
    up, down = constant_pulls(1 / (1 + np.exp(-z)), positives, weight=weight)
    return up - down


def loss(z, *, positives: float):
    return sum(constant_loss(1 / (1 + np.exp(-z)), positives))


def draw(tab, found, curve) -> str:
    """What the page says of a curve drawn with the mouse."""
    chart = found.locator("svg.nmp-chart[role=group]")
    left, top, bottom, right = map(float, re.findall(r"[\d.]+", chart.locator("path.axis").get_attribute("d")))
    box = chart.bounding_box()
    z = np.linspace(-6, 6, 49)
    x = box["x"] + left + (z + 6) / 12 * (right - left)
    y = box["y"] + bottom - (curve(z) + 1.5) / 6 * (bottom - top)
    tab.mouse.move(x[0], y[0])
    tab.mouse.down()
    for at in zip(x[1:], y[1:], strict=True):
        tab.mouse.move(*at)
    tab.mouse.up()
    found.get_by_role("button", name="Compare").click()
    return said(found, "Right|You|Not yet")


def said(found, words: str) -> str:
    result = found.locator(".nmp-live-readout").filter(has_text=re.compile(words))
    result.wait_for()
    return result.inner_text()


def test_a_drawn_pull_is_compared_with_the_true_one_and_with_common_mistakes(control):
    tab, found = control("cross_entropy", "A pull to draw")
    assert draw(tab, found, lambda z: pull(z, positives=1.0)).startswith("Right")
    for label, about in {
        "a negative": {"positives": 0.0},
        "a positive that counts 4 times": {"positives": 1.0, "weight": 4.0},
        "the mean cell": {"positives": 0.5},
    }.items():
        found.get_by_role("radio", name=label).check()
        said(found, "then compare")
        assert draw(tab, found, lambda z, about=about: pull(z, **about)).startswith("Right"), label
    wrong = {
        "a negative": (lambda z: -pull(z, positives=0.0), "downhill"),
        "a positive that counts 4 times": (lambda z: pull(z, positives=1.0), "left out the weight"),
        "a positive": (lambda z: np.minimum(loss(z, positives=1.0), 4.5), "the loss itself"),
        "the mean cell": (lambda z: np.full_like(z, 2.0), "At a logit of 6 you drew 2, and the pull is −0.5."),
    }
    for label, (curve, hint) in wrong.items():
        found.get_by_role("radio", name=label, exact=label == "a positive").check()
        said(found, "then compare")
        assert hint in draw(tab, found, curve), label
    assert barriers(tab, "nmp-live") == []


def test_a_pull_is_drawn_with_the_arrow_keys_on_a_phone(control):
    tab, found = control("cross_entropy", "A pull to draw", width=390)
    found.get_by_role("radio", name="the mean cell").check()
    found.get_by_role("slider", name="pull").focus()
    for _ in range(12):
        tab.keyboard.press("ArrowLeft")
    for z in np.linspace(-6, 6, 25):
        for _ in range(round(abs(10 * pull(z, positives=0.5)))):
            tab.keyboard.press("ArrowUp" if z < 0 else "ArrowDown")
        tab.keyboard.press("ArrowRight")
    found.get_by_role("button", name="Compare").press("Enter")
    assert said(found, "Right|Not yet").startswith("Right")


CROSS = [(1, 2), (2, 1), (2, 2), (2, 3), (3, 2)]
SOLUTIONS = {
    "notes, not strokes": [(2, 1), (2, 2), (2, 3)],
    "strokes, not notes": [(1, 2), (2, 2), (3, 2)],
    "all lines, no specks": CROSS,
}


@pytest.mark.parametrize("width", [1280, 390])
def test_a_painted_window_is_judged_by_what_its_median_leaves(control, width):
    tab, found = control("median_filtering", "A window to paint", width=width)
    assert said(found, "9 cells") == "A window of 9 cells. In its median, 13 cells are missing and 18 should be empty."
    assert found.locator("text.wrong").count() == 13 + 18
    window = found.get_by_role("application").first
    for task, cells in SOLUTIONS.items():
        found.get_by_role("radio", name=task).check()
        found.get_by_role("button", name="Clear").click()
        assert "0 cells" in said(found, "odd number")
        box = window.bounding_box()
        for row, column in cells:
            window.click(position={"x": (column + 0.5) * box["width"] / 5, "y": (row + 0.5) * box["height"] / 5})
        assert said(found, "Solved") == f"Solved, with a window of {len(cells)} cells."
    window.press(" ")  # takes away the cell that was painted last
    said(found, "odd number")
    assert barriers(tab, "nmp-live") == []
