"""Live controls: every control of the book answers hand, finger and key. Their numbers: `test_book_live_twins`."""

import contextlib
import gzip

import numpy as np
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from nmp_lessons import hearing
from nmp_lessons.audio import Recording
from nmp_lessons.book import bundle, show
from nmp_lessons.errors import InputError
from nmp_lessons.sound import tone
from tests.helpers import LINKED, barriers, failed, out_of_shape, write_themes
from tools.bench.live import CHAPTERS
from tools.browser import served

# What Python makes


def weighted(weight=4.0, mode="first"):
    """A weight"""
    drawn, axes = show.figure(height=2)
    axes.plot([0, weight])
    return drawn


@pytest.fixture
def control():
    slider = show.Slider(4.0, 0.1, 1000.0, log=True)
    return show.live(weighted, chapter="cross_entropy", data={"x": np.ones(2)}, weight=slider, mode=["first", "second"])


def test_the_page_has_a_first_picture_the_settings_and_the_data(control):
    fragment = control.fragment
    assert 'data-chapter="cross_entropy"' in fragment and fragment.count("<img ") == 1
    assert '<input type="range" min="0" max="200" step="1" value="80"' in fragment
    assert fragment.count('type="radio"') == 2 and "[1.0, 1.0]" in fragment
    assert "drawn for weight: 4, mode: first" in fragment


def test_a_notebook_gets_widgets_that_call_the_function(control, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda thing, **options: shown.append(thing))
    monkeypatch.delenv("NMP_LESSONS_STATIC", raising=False)
    control._ipython_display_()
    assert "<nmp-live" not in shown[-1]["text/html"] and "<img" in shown[-1]["text/html"]
    sliders = control.widget().children
    assert [type(each).__name__ for each in sliders] == ["FloatLogSlider", "RadioButtons", "Output"]
    monkeypatch.setenv("NMP_LESSONS_STATIC", "1")
    control._ipython_display_()
    assert "<nmp-live" in shown[-1]["text/html"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: show.Slider(5, 0, 1), "5 lies outside the range from 0 to 1"),
        (lambda: show.Slider(1, 0, 5, log=True), "has no steps and begins above 0"),
        (lambda: show.live(weighted, chapter="cross_entropy", wrong=show.Slider(1, 0, 2)), "does not accept"),
        (lambda: show.live(weighted, chapter="cross_entropy", data={"x": object()}).fragment, "can't hold a object"),
    ],
)
def test_what_cannot_be_a_control_is_refused_in_words(make, message):
    with pytest.raises(InputError, match=message):
        make()


# What a browser makes of it

READY = "it => 'ready' in it.dataset"
STATE = """it => [
  it.querySelector(".nmp-live-readout").textContent,
  it.querySelector(".nmp-live-frame").innerHTML,
  ...[...it.querySelectorAll("button")].map(button => button.ariaPressed),
].join()"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    def constant_output(positives=0.01, weight=1.0):
        """A constant output"""
        return weighted()

    made = show.live(
        constant_output,
        chapter="cross_entropy",
        positives=show.Slider(0.01, 0.001, 0.5, log=True),
        weight=show.Slider(1.0, 0.1, 1000.0, log=True),
    )
    script = bundle.live_script("cross_entropy")
    far = '<div style="height: 300vh"></div>'
    head = f'{LINKED}<script src="{script.name}" defer></script>'
    folder = tmp_path_factory.mktemp("live")
    (folder / script.name).write_bytes(script.read_bytes())
    return write_themes(folder, far + made.fragment, title="Live", head=head)


def test_without_javascript_the_first_picture_stands_and_says_for_what(visit, site):
    tab = visit(f"{site}/light.html", java_script_enabled=False)
    assert tab.locator(".nmp-live-frame img").is_visible() and not tab.get_by_role("slider").first.is_visible()
    assert "drawn for positives: 0.01, weight: 1" in tab.locator("figcaption").inner_text()


def test_nothing_is_computed_off_the_screen(visit, site):
    tab = visit(f"{site}/light.html")
    control = tab.locator("nmp-live")
    tab.wait_for_timeout(200)
    assert control.get_attribute("data-ready") is None
    control.scroll_into_view_if_needed()
    tab.wait_for_function(READY, arg=control.element_handle())
    before = control.evaluate(STATE)
    tab.evaluate("scrollTo(0, 0)")
    tab.wait_for_timeout(200)
    move = "it => { const slider = it.querySelector('input'); slider.value = 150; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
    control.evaluate(move)
    tab.wait_for_timeout(200)
    assert control.evaluate(STATE) == before
    control.scroll_into_view_if_needed()
    tab.wait_for_function(f"([it, before]) => ({STATE})(it) !== before", arg=[control.element_handle(), before])


def test_a_value_between_two_places_of_a_slider_is_kept(visit, site):
    tab = visit(f"{site}/light.html")
    tab.locator("nmp-live").scroll_into_view_if_needed()
    tab.get_by_role("button", name="Balancing weight").click()
    tab.get_by_text("w = 99: lowest at p = 0.5.").wait_for()


def test_no_text_is_selected_by_a_drag_across_a_picture(visit, site):
    """Safari would; no other browser asks."""
    tab = visit(f"{site}/light.html")
    tab.locator("nmp-live").scroll_into_view_if_needed()
    asked = "it => it.dispatchEvent(new Event('selectstart', { bubbles: true, cancelable: true }))"
    assert not tab.locator("nmp-live svg.nmp-chart").first.evaluate(asked)
    assert tab.locator(".nmp-live-readout").evaluate(asked)


# Marks by ear

STRUCK = np.array([0.3, 0.8, 1.3, 1.9])
# Taps a key late by some seconds after each onset, and returns when that was, by the clock of the sound.
TAPPED = """async ([struck, late]) => {
  const { context, when } = await window.voice, taps = [];
  const heard = () => context.currentTime - (context.outputLatency || 0) - when;
  for (const onset of struck) {
    while (heard() < onset + late) await new Promise(done => setTimeout(done, 2));
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true, cancelable: true }));
    taps.push(heard());
  }
  return taps;
}"""
VOICE = """window.voice = new Promise(done => {
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (when) {
    done({ context: this.context, when });
    return start.call(this, when);
  };
});"""


@pytest.fixture(scope="module")
def passage(tmp_path_factory):
    """The address of a page with a sound in which four onsets are to be marked."""
    sound = Recording(np.concatenate([np.zeros(6615), tone(440, 1.9).audio]).astype(np.float32), 22_050)
    made = show.live(
        by_ear := lambda: weighted(),
        chapter="hearing",
        title="Mark every onset",
        data={
            "sound": sound,
            "seconds": sound.seconds,
            "envelope": np.full(600, 128, np.uint8),
            "struck": STRUCK,
            "tolerance": 0.05,
        },
    )
    by_ear.__name__ = "by_ear"
    script = bundle.live_script("hearing")
    folder = tmp_path_factory.mktemp("ear")
    (folder / script.name).write_bytes(script.read_bytes())
    head = f'{LINKED}<script src="{script.name}" defer></script>'
    with served(write_themes(folder, made.fragment, title="By ear", head=head)) as address:
        yield f"{address}/light.html"


def marked(tab) -> list[float]:
    return [float(each.get_attribute("aria-valuenow")) for each in tab.locator(".handle").all()]


def result(tab) -> str:
    tab.get_by_role("button", name="Compare").click()
    tab.wait_for_function("document.querySelector('.nmp-live-readout').textContent.includes('hit')")
    return tab.locator(".nmp-live-readout").inner_text().replace("\xa0", " ")


def test_a_tap_is_marked_when_it_is_made_and_a_delay_is_named(visit, passage):
    tab = visit(passage, script=VOICE)
    tab.wait_for_selector("nmp-live[data-ready]")
    tab.get_by_role("button", name="Listen").focus()
    tab.keyboard.press("Enter")
    taps = tab.evaluate(TAPPED, [STRUCK.tolist(), 0.1])
    assert np.allclose(marked(tab), taps, atol=0.015)
    judged = hearing.judged_marks(STRUCK, marked(tab))
    assert judged.hits == 0 and judged.near == 4
    text = result(tab)
    assert (
        f"4 onsets: 0 hit, 4 missed; 4 extra marks. F = 0.00. Median deviation +{1000 * judged.deviation:.0f} ms"
        in text
    )
    assert f"F = {judged.moved_f:.2f}." in text.splitlines()[1]
    tab.wait_for_selector("button[aria-pressed=false]")  # the sound has ended


def shown_marks(tab, *seconds: float, within: float = 0.001) -> None:
    """Waits until the picture, which is drawn in the next frame of the screen, has just these marks."""
    same = """([expected, within]) => {
      const marks = [...document.querySelectorAll(".handle")].map(mark => Number(mark.ariaValueNow));
      return marks.length === expected.length && marks.every((mark, i) => Math.abs(mark - expected[i]) <= within);
    }"""
    tab.wait_for_function(same, arg=[seconds, within])


@pytest.mark.parametrize("finger", [False, True])
def test_marks_are_set_dragged_moved_and_deleted_on_the_picture(visit, passage, finger):
    width = {"width": 390, "has_touch": True, "is_mobile": True} if finger else {}
    tab = visit(passage, **width)
    tab.wait_for_selector("nmp-live[data-ready]")
    box = tab.locator(".surface").bounding_box()
    y = box["y"] + box["height"] / 2
    for part in (0.8, 0.2):
        (tab.touchscreen.tap if finger else tab.mouse.click)(box["x"] + part * box["width"], y)
    seconds = 1.9 + 6615 / 22_050
    shown_marks(tab, 0.2 * seconds, 0.8 * seconds, within=0.02)
    dragged(tab, tab.locator(".handle").first, finger=finger)
    by = 30 / box["width"] * seconds
    moved = "([x, by]) => Math.abs(Math.abs(document.querySelector('.handle').ariaValueNow - x) - by) < 0.03"
    tab.wait_for_function(moved, arg=[0.2 * seconds, by])
    first, last = marked(tab)
    tab.locator(".handle").first.focus()
    for key in ("ArrowRight", "ArrowRight", "PageUp"):
        tab.keyboard.press(key)
    shown_marks(tab, first + 0.12, last)
    tab.keyboard.press("End")  # past the other
    shown_marks(tab, last, round(seconds, 3))
    assert tab.evaluate("document.activeElement.ariaLabel") == "Mark 2 of 2"
    tab.keyboard.press("Delete")
    shown_marks(tab, last)
    assert tab.evaluate("document.activeElement.ariaLabel") == "Mark 1 of 1"
    tab.get_by_role("button", name="Mark an onset").click()  # in the widest gap, as no sound is playing
    shown_marks(tab, last / 2, last)
    assert f"{hearing.judged_marks(STRUCK, marked(tab)).hits} hit" in result(tab)
    assert barriers(tab, "nmp-live") == []
    tab.get_by_role("button", name="Start again").click()
    tab.get_by_text("No marks yet.").wait_for()
    shown_marks(tab)


# Every control of the book


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_control_answers_mouse_and_keys_on_a_wide_dark_page(visit, book_site, chapter):
    tab = visit(f"{book_site}/{chapter}.html", color_scheme="dark")
    dead = [name for control in ready(tab) for name in unmoved(tab, control, finger=False)]
    assert len(tab.locator("nmp-live").all()) >= 2
    assert (
        failed(dead=dead, look=out_of_shape(tab, width=1280, colours="dark"), barriers=barriers(tab, "nmp-live")) == {}
    )


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_control_answers_a_finger_and_keys_on_a_phone(visit, book_site, chapter):
    tab = visit(f"{book_site}/{chapter}.html", width=390, has_touch=True, is_mobile=True, color_scheme="light")
    dead = [name for control in ready(tab) for name in unmoved(tab, control, finger=True)]
    assert (
        failed(dead=dead, look=out_of_shape(tab, width=390, colours="light"), barriers=barriers(tab, "nmp-live")) == {}
    )


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_loads_the_script_of_its_own_controls_and_a_small_one(book_html, chapter):
    html = (book_html / f"{chapter}.html").read_text("utf8")
    scripts = [name for name in CHAPTERS if f"built/nmp-live-{name}.js" in html]
    assert scripts == [chapter]
    assert len(gzip.compress(bundle.live_script(chapter).read_bytes(), 6)) < 30_000


def ready(tab):
    """The controls of a page, one after the other, on the screen."""
    for control in tab.locator("nmp-live").all():
        control.scroll_into_view_if_needed()
        tab.wait_for_function(READY, arg=control.element_handle())
        yield control


def unmoved(tab, control, *, finger: bool) -> list[str]:
    """What changes nothing: settings and points by key, then by mouse or finger; buttons by a click.

    What chooses the reader's own sound is for `test_book_own_sound`.
    """
    title = control.locator("legend").first.inner_text()
    found = []

    def moves(what: str, *acts) -> None:
        """One of the acts must change something: a value may be at one of its ends."""
        control.evaluate(f"it => {{ it.before = ({STATE})(it); }}")  # stays in the page: it may be long
        for act in acts:
            act()
            with contextlib.suppress(PlaywrightTimeoutError):
                tab.wait_for_function(f"it => ({STATE})(it) !== it.before", arg=control.element_handle(), timeout=5000)
                return
        found.append(f"{title}: {what}")

    point = tab.touchscreen.tap if finger else tab.mouse.click
    key = tab.keyboard.press
    for slider in control.locator("input[type=range]:not(.nmp-own *)").all():
        name = slider.evaluate("it => it.labels[0].textContent")
        slider.focus()
        ends = ["Home", "End"] if slider.evaluate("it => it.value === it.max") else ["End", "Home"]
        moves(f"{name} by key", *(lambda end=end: key(end) for end in ends))
        box = slider.bounding_box()
        moves(f"{name} by pointer", lambda box=box: point(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2))
    for choice in control.locator("input[type=radio]:not(:checked, .nmp-own *)").all():
        moves("a choice", choice.tap if finger else choice.click)
    for target in control.locator(".handle, .editable rect, .nmp-grid.paintable").all()[:3]:
        name = target.get_attribute("aria-label")
        target.focus()
        moves(f"{name} by key", lambda: key("ArrowDown"), lambda: key("ArrowUp"))
        moves(f"{name} by pointer", lambda target=target: dragged(tab, target, finger=finger))
    for button in control.locator("button:not(.nmp-own *)").all():
        moves(button.inner_text(), button.tap if finger else button.click)
    for menu in control.locator("select").all():
        other = menu.evaluate("it => [...it.options].findIndex(option => !option.selected)")
        moves("a menu", lambda menu=menu, other=other: menu.select_option(index=other))
    return found


def dragged(tab, handle, *, finger: bool) -> None:
    """Pull a point by 30 pixels along its axis and a little beside it."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    dx, dy = (-30, 3) if x > 200 else (30, 3)
    if "y" in (handle.get_attribute("class") or "").split():
        dx, dy = 3, 30
    if not finger:
        tab.mouse.move(x, y)
        tab.mouse.down()
        tab.mouse.move(x + dx, y + dy, steps=4)
        tab.mouse.up()
        return
    hand = tab.context.new_cdp_session(tab)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + dx / 2, "y": y + dy / 2}]),
        ("touchMove", [{"x": x + dx, "y": y + dy}]),
        ("touchEnd", []),
    ):
        if kind == "touchEnd":  # lifted while it moves, it would be a fling, and the next tap would only stop that
            tab.wait_for_timeout(100)
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
