"""Figures: drawn for wide pages and again for phones."""

import re

import pytest

from nmp_lessons.book import show
from nmp_lessons.book.show.narrow import SMALLEST, WIDTH, narrow_twin
from nmp_lessons.book.show.plots import split_twin
from tests.helpers import ROOT


@pytest.fixture
def panels():
    drawn, axes = show.figure(2, 2, height=4, sharex=True, sharey=True)
    for place, ax in enumerate(axes.flat):
        ax.plot([0, 10], [0, place])
        ax.set_title(f"panel {place}, with a title that is much too long for a page that is as narrow as a phone's")
    axes[0, 0].set_ylabel("level (dB)")
    axes[1, 0].set_xlabel("time (s)")
    axes[0, 1].text(5, 0.5, "small", fontsize=7)
    return drawn


def test_panels_of_the_twin_stand_above_each_other_in_their_order(panels):
    twin = narrow_twin(panels)
    boxes = [ax.get_window_extent() for ax in twin.axes]
    assert twin.get_figwidth() == WIDTH and twin.get_figheight() > panels.get_figheight()
    down = [boxes[place] for place in (0, 2, 1, 3)]  # column after column
    assert all(upper.y0 > lower.y1 for upper, lower in zip(down, down[1:], strict=False))
    assert [ax.get_title().split(",")[0] for ax in twin.axes] == ["panel 0", "panel 1", "panel 2", "panel 3"]


def test_labels_said_once_for_a_row_or_column_stand_at_each_panel(panels):
    twin = narrow_twin(panels)
    assert [ax.get_ylabel() for ax in twin.axes[:2]] == ["level (dB)"] * 2
    assert [ax.get_xlabel() for ax in twin.axes[::2]] == ["time (s)"] * 2


def test_nothing_is_cut_off_and_no_letter_is_small(panels):
    twin = narrow_twin(panels)
    twin.draw_without_rendering()
    for ax in twin.axes:
        extent = ax._left_title.get_window_extent()
        assert extent.x1 <= twin.bbox.x1 + 1, ax.get_title(loc="left")
    sizes = [text.get_fontsize() for ax in twin.axes for text in ax.texts]
    assert sizes == [SMALLEST]


def test_a_legend_that_is_too_wide_gets_one_column():
    drawn, ax = show.figure(height=4)
    for place in range(3):
        ax.plot([0, place], label=f"a curve, the number {place}")
    ax.legend(ncols=3)
    drawn.legend(loc="outside upper left", ncols=3)
    twin = narrow_twin(drawn)
    twin.draw_without_rendering()
    found = [twin.axes[0].get_legend(), *twin.legends]
    assert len(found) == 2 and all(len(legend.get_texts()) == 3 for legend in found)
    assert all(legend.get_window_extent().width < twin.bbox.width for legend in found)
    assert all(text.get_fontsize() >= SMALLEST for legend in found for text in legend.get_texts())


def test_the_figure_itself_stays(panels):
    before = [(ax.get_title(loc="left"), ax.get_subplotspec().colspan.start, ax.get_ylabel()) for ax in panels.axes]
    narrow_twin(panels)
    after = [(ax.get_title(loc="left"), ax.get_subplotspec().colspan.start, ax.get_ylabel()) for ax in panels.axes]
    assert after == before and panels.get_figwidth() == 7.2


def test_panels_may_stay_side_by_side():
    drawn, _ = show.figure(1, 2, height=2, stacks=False)
    left, right = (ax.get_window_extent() for ax in narrow_twin(drawn).axes)
    assert left.x1 < right.x0


def test_a_figure_that_cannot_be_copied_is_refused_in_one_line():
    drawn, ax = show.figure()
    ax.xaxis.set_major_formatter(lambda value, place: f"{value} s")
    with pytest.raises(TypeError, match="cannot be drawn again for phones .* use a named function"):
        narrow_twin(drawn)


def test_a_cell_shows_both(panels):
    wide, narrow = split_twin(panels._repr_mimebundle_()["image/svg+xml"])
    assert f'width="{7.2 * 72:g}pt"' in wide and f'width="{WIDTH * 72:g}pt"' in narrow
    markup = show.explore(lambda keys: show.figure(height=keys)[0], keys=[1, 2]).fragment
    assert markup.count("<picture><source media=") == 2


def test_a_phone_s_figure_wraps_what_is_wider_than_the_page():
    drawn, ax = show.figure(height=2)
    drawn.suptitle("a heading that is much longer than a phone is wide, and then some more words")
    ax.set(title="a centred title that is longer than the panel under it is wide on a phone")
    twin = drawn.narrow()
    twin.draw_without_rendering()
    box = twin.get_tightbbox()
    assert box.x0 >= 0 and box.x1 <= twin.get_figwidth()


@pytest.mark.parametrize("chapter", sorted((ROOT / "book").glob("*.md")), ids=lambda path: path.stem)
def test_captions_count_panels_instead_of_naming_sides(chapter):
    """On a phone the panels of a figure or a control stand one above the other."""
    captions = re.findall(r'caption[:=] ?"?([^\n]*(?:\n +"[^\n]*)*)', chapter.read_text("utf8"))
    sided = [caption for caption in captions if re.search(r"\b(Left|Right)\b[:,]", caption)]
    assert not sided
