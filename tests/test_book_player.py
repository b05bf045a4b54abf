"""The player and the plots: what their HTML says, and what they do in a real browser."""

import base64
import io
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nmp_lessons.audio import Recording, at_loudness, loudness, piano
from nmp_lessons.book import show
from nmp_lessons.book.show import embed
from nmp_lessons.book.show.colours import COLOURS, ink
from nmp_lessons.book.show.pictures import Picture
from nmp_lessons.book.show.plots import split_twin
from nmp_lessons.book.show.score import matched_groups
from nmp_lessons.errors import InputError
from nmp_lessons.notes import Notes
from nmp_lessons.sound import tone
from tests.helpers import COUNTED, barriers, failed, out_of_shape, write_page, write_themes

VOID = {"meta", "input", "img", "br", "link"}
MELODY = Notes(
    onset=[0.2, 0.2, 1.0, 1.8, 2.6, 3.4, 3.4, 4.2],
    offset=[1.0, 3.2, 1.8, 2.6, 3.4, 4.2, 5.8, 5.8],
    pitch=[72, 48, 76, 79, 77, 74, 43, 72],
)
# Its third note is missed, its fourth late, the rest is right, and one note was never played.
HEARD = Notes(
    onset=[0.21, 0.2, 2.0, 2.6, 3.41, 3.4, 4.2, 4.5],
    offset=[1.0, 3.0, 2.6, 3.4, 4.2, 5.0, 5.8, 4.9],
    pitch=[72, 48, 79, 77, 74, 43, 72, 84],
)
SECONDS = 6.0


@pytest.fixture(scope="module")
def recordings() -> dict[str, Recording]:
    played = piano.render(MELODY, seconds=SECONDS)
    return {
        "Recording": at_loudness(played, -26),
        "Reference": played,
        "Prediction": piano.render(HEARD, seconds=SECONDS),
    }


@pytest.fixture(scope="module")
def player(recordings) -> show.Html:
    return show.listen(
        recordings,
        over=show.cqt_picture(recordings["Recording"]),
        notes={"reference": MELODY, "prediction": HEARD},
        title="Eight notes.",
        caption="As played, and as heard.",
    )


class Elements(HTMLParser):
    """Collects the elements of a page and checks that they are nested well."""

    def __init__(self, text: str):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def __getitem__(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.found if name == tag]


def sounds(html: show.Html) -> list[bytes]:
    return [base64.b64decode(a["src"].split(",")[1]) for a in Elements(html.fragment)["audio"]]


# What the HTML says


def test_a_player_is_a_described_figure_and_one_plain_sound_for_each_version(player):
    elements = Elements(player.fragment)
    assert [a["aria-label"] for a in elements["audio"]] == ["Recording", "Reference", "Prediction"]
    assert all("controls" in a and a["preload"] == "none" for a in elements["audio"])
    (description,) = [a["aria-label"] for a in elements["svg"] if a.get("role") == "img"]
    assert description == (
        "Constant-Q transform from E2 to F♯6 over 6.0 seconds; notes: 6 of kind hit, 2 of kind miss, 2 of kind extra."
    )
    assert "Eight notes." in player.fragment and "As played, and as heard." in player.fragment


def test_nothing_is_asked_of_another_server(player):
    for text in (player.fragment, embed.bundle()):
        assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]", text.lower())


def test_notes_are_matched_and_told_apart_by_colour_and_shape(player):
    groups = re.findall(r'<g class="nmp-notes nmp-(\w+)"([^>]*)>(.*?)</g>', player.fragment)
    painted = {kind: (paint, body.count("<rect")) for kind, paint, body in groups[:3]}
    assert {kind: count for kind, (_, count) in painted.items()} == {"hit": 6, "miss": 2, "extra": 2}
    assert all(COLOURS[kind] in paint for kind, (paint, _) in painted.items())
    assert "dasharray" in painted["miss"][0] and "url(#nmp-hatch)" in painted["extra"][0]
    assert "C6, 4.50 to 4.9 s: extra" in player.fragment


def test_a_recording_alone_is_drawn_as_its_waveform():
    html = show.listen(tone(440, 1.0))
    elements = Elements(html.fragment)
    assert "nmp-wave" in html.fragment and not elements["image"]
    assert [a["aria-label"] for a in elements["audio"]] == ["tone of 440 Hz"]


def test_text_is_escaped():
    fragment = show.listen({"<b>": tone(440, 0.5)}, title="a < b", caption='"&"', alt='"<i>"').fragment
    assert "<b>" not in fragment and "<i>" not in fragment
    assert "a &lt; b" in fragment and "&quot;&amp;&quot;" in fragment


def test_versions_come_at_one_loudness_and_begin_and_end_in_silence(player):
    levels = []
    for content in sounds(player):
        audio, rate = soundfile.read(io.BytesIO(content), dtype="float32")
        assert rate == 22_050 and len(audio) == SECONDS * rate
        levels.append(loudness(Recording(audio, rate)))
        assert np.abs(audio).max() < 1
        assert np.abs(audio[[0, -1]]).max() < 0.01
    assert np.ptp(levels) < 0.2
    assert -22 < min(levels) <= -19.8  # as loud as the book, or as the highest peak allows


def test_what_would_clip_lowers_all_versions_alike():
    click = Recording(np.r_[1, np.zeros(22_049)].astype(np.float32), 22_050)
    quiet, loud = embed.alike([click, tone(440, 1.0)])
    assert loudness(loud) < -20
    assert np.abs(loud.audio).max() <= embed.HEADROOM


def test_levels_may_be_kept_and_silence_stays():
    soft, loud = (Recording(gain * tone(440, 1.0).audio, 22_050) for gain in (0.1, 1))
    kept = embed.alike([soft, loud], loudness=None)
    assert loudness(kept[1]) - loudness(kept[0]) == pytest.approx(20, abs=0.01)
    silent = Recording(np.zeros(22_050), 22_050)
    assert not embed.alike([silent, loud])[0].audio.any()


def test_sounds_take_seven_kilobytes_a_second_and_keep_their_time():
    clicks = np.zeros(22_050 * 10)
    clicks[22_050 * 5] = 0.9
    content = embed.mp3(Recording(clicks, 22_050))
    assert len(content) / 10 < 7500
    heard, rate = soundfile.read(io.BytesIO(content))
    assert abs(np.abs(heard).argmax() / rate - 5) < 0.001
    assert content == embed.mp3(Recording(clicks, 22_050))


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_any_sample_rate_can_be_heard(rate):
    heard, found = soundfile.read(io.BytesIO(embed.mp3(tone(440, 1.0, rate=rate))))
    assert (len(heard), found) == (22_050, 22_050)


def test_a_display_brings_the_bundle_and_the_fragment_does_not(player):
    assert player._repr_html_().count("data-nmp-bundle") == 2
    assert player._repr_html_().endswith(player.fragment)
    assert "<script" not in player.fragment and "<style" not in player.fragment


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: show.listen({}), "nothing to play"),
        (lambda: show.listen({"a": np.zeros(5)}), "'a' has type ndarray"),
        (lambda: show.listen(tone(440, 0.1), notes={"truth": MELODY}), "'truth'"),
        (lambda: Picture(np.ones(5), 0, 1, 21, 108), "shape"),
        (lambda: Picture(2 * np.ones((5, 5)), 0, 1, 21, 108), "outside"),
        (lambda: Picture(np.ones((5, 5)), 1, 1, 21, 108), "start < stop"),
        (lambda: Picture(np.ones((88, 5)), 0, 1, 21, 108).between(110, 120), "nothing between"),
        (lambda: show.posteriors_picture(None, "pitch"), "not an output"),
    ],
)
def test_bad_input_gets_one_clear_message(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_hits_are_drawn_with_the_tolerance_that_is_asked_for():
    played, late = Notes([1.0], [2.0], [60]), Notes([1.06], [2.0], [60])
    for tolerance, kinds in ((0.05, {"miss": 1, "extra": 1}), (0.07, {"hit": 1})):
        notes = {"reference": played, "prediction": late}
        groups = matched_groups(notes, tolerance=tolerance)
        assert {kind: len(indices) for kind, _, indices in groups if len(indices)} == kinds
        assert show.plot_notes(played, late, tolerance=tolerance).svg()


def test_a_picture_between_pitches_keeps_those_bins():
    picture = Picture(np.linspace(0, 1, 264)[:, None].repeat(4, axis=1), 0, 1, 21, 21 + 263 / 3)
    part = picture.between(60, 72)
    assert part.values.shape == (37, 4)
    assert (part.lowest, part.highest) == pytest.approx((60, 72))
    assert part.values[0, 0] == picture.values[117, 0]


# Colours and plots


def test_the_map_goes_from_white_to_dark_in_even_steps_of_lightness():
    rgb = ink() / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16
    assert rgb[0].tolist() == [1, 1, 1]
    assert lightness == pytest.approx(np.linspace(100, 12, 256), abs=0.5)


def test_the_same_plot_gives_the_same_svg_with_pixels_as_webp():
    picture = Picture(np.random.default_rng(0).random((40, 60)), 0, 6, 40, 79, scale=(-60, 0, "level (dB)"))
    notes = {"reference": MELODY, "prediction": HEARD}
    first, second = (show.plot_picture(picture, notes=notes) for _ in range(2))
    svg, _ = split_twin(first._repr_mimebundle_()["image/svg+xml"])
    assert svg == second.svg()
    assert "data:image/webp" in svg and "data:image/png" not in svg


def test_plots_have_named_axes(recordings):
    plots = [
        show.plot_recording(recordings["Recording"]),
        show.plot_notes(MELODY),
        show.plot_notes(MELODY, HEARD),
        show.plot_cqt(recordings["Recording"], notes=MELODY),
    ]
    for plot in plots:
        assert plot.axes[0].get_xlabel() == "time (s)"
    assert plots[0].axes[0].get_ylabel() == "amplitude"
    for plot in plots[1:]:
        assert "C4" in [label.get_text() for label in plot.axes[0].get_yticklabels()]
    legend = [text.get_text() for text in plots[2].legends[0].get_texts()]
    assert legend == [
        "hit: predicted and right (6)",
        "miss: in the reference only (2)",
        "extra: in the prediction only (2)",
    ]


# In a browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory, player, recordings) -> Path:
    minute = Recording(np.tile(recordings["Reference"].audio, 10), 22_050)
    players = player.fragment + show.listen(minute, notes=MELODY, title="A minute.").fragment
    made = write_themes(tmp_path_factory.mktemp("pages"), players, title="Players")
    write_page(made / "broken.html", player.fragment.replace("data:audio/mpeg", "absent.mp3?"), title="Broken")
    head = '<!doctype html><title>Inline</title><link rel="icon" href="data:,">'
    (made / "inline.html").write_text(f"{head}{embed.bundle()}{embed.bundle()}{player.fragment}")
    return made


@pytest.fixture
def page(visit, site):
    """The page in light, wide."""
    return visit(f"{site}/light.html", script=COUNTED)


def ask(opened, what: str, which: int = 0):
    """The value of a JavaScript expression about the player p."""
    player = f"document.querySelectorAll('nmp-player')[{which}]"
    return opened.evaluate(f"() => {{ const p = {player}; return {what}; }}")


def until(opened, what: str, which: int = 0) -> None:
    """Wait for a JavaScript expression about the player p to be true."""
    player = f"document.querySelectorAll('nmp-player')[{which}]"
    opened.wait_for_function(f"() => {{ const p = {player}; return {what}; }}", polling=20)


def start(opened, which: int = 0) -> None:
    opened.locator(".nmp-play").nth(which).click()
    until(opened, "p.currentTime > 0.1", which)


def test_it_plays_in_time_and_is_neither_silent_nor_clipped(page):
    start(page)
    before, began = ask(page, "p.currentTime"), time.monotonic()
    until(page, "p.level().rms > 0.02 && p.level().peak < 1")
    until(page, f"p.currentTime > {before + 0.5}")
    assert (
        ask(page, "p.currentTime") - before <= time.monotonic() - began + 0.05
    )  # it may wait for sound, not run ahead
    page.locator(".nmp-play").first.click()
    assert not ask(page, "p.playing")
    paused = ask(page, "p.currentTime")
    page.wait_for_timeout(50)
    assert ask(page, "p.currentTime") == paused


def test_it_stops_at_the_end_and_starts_again(page):
    ask(page, "p.currentTime = 5.8")
    page.locator(".nmp-play").first.click()
    until(page, "p.currentTime === 6 && !p.playing")
    start(page)
    assert ask(page, "p.currentTime") < 2


def test_switching_loses_no_time_and_is_heard(page):
    """All versions are started at one sample, and none is started again."""
    start(page)
    assert page.evaluate("[window.started.length, new Set(window.started).size]") == [3, 1]
    for name in ["Reference", "Prediction", "Reference left, prediction right", "Recording"]:
        button = page.locator("nmp-player").first.get_by_role("button", name=name, exact=True)
        button.click()
        assert ask(page, "p.version") == name
        assert button.get_attribute("aria-pressed") == "true"
        until(page, "p.level().rms > 0.005")
    assert page.evaluate("window.started.length") == 3 and ask(page, "p.playing")


def test_the_keys(page):
    page.locator(".nmp-play").first.focus()
    press = page.keyboard.press
    press("Space")
    until(page, "p.currentTime > 0.1")
    press("Space")
    assert not ask(page, "p.playing")
    press("0")
    assert ask(page, "p.currentTime") == 0
    press("ArrowRight")
    press("ArrowRight")
    assert ask(page, "p.currentTime") == 2
    press("ArrowLeft")
    assert ask(page, "p.currentTime") == 1
    press("[")
    press("ArrowRight")
    press("]")
    assert ask(page, "p.loop") == [1, 2]
    press("l")
    assert ask(page, "p.loop") is None
    press("Shift+ArrowRight")
    assert ask(page, "p.currentTime") == 6
    press("l")
    assert ask(page, "[p.loop, p.currentTime]") == [[1, 2], 1]
    press("Escape")
    assert ask(page, "p.loop") is None
    press("3")
    assert ask(page, "p.version") == "Prediction"
    assert page.get_by_role("status").first.text_content() == "Prediction"


def test_a_region_is_chosen_by_dragging_and_repeated(page):
    box = page.locator(".nmp-area").first.bounding_box()
    at = [box["x"] + box["width"] * share for share in (1 / 6, 1.2 / 6)]
    middle = box["y"] + box["height"] / 2
    page.mouse.move(at[0], middle)
    page.mouse.down()
    page.mouse.move(at[1], middle, steps=4)
    page.mouse.up()
    assert ask(page, "p.loop") == pytest.approx([1, 1.2], abs=0.02)
    page.keyboard.press("Space")  # the drag left the focus on the play button
    times = page.evaluate(
        """async () => {
          const player = document.querySelector("nmp-player"), times = [player.currentTime];
          for (let rounds = 0; rounds < 2; ) {
            await new Promise(done => setTimeout(done, 5));
            times.push(player.currentTime);
            rounds += times.at(-1) < times.at(-2);
          }
          return times;
        }"""
    )
    assert all(0.97 <= t <= 1.23 for t in times)
    until(page, "p.level().rms > 0.001")


def test_a_click_on_the_picture_seeks(page):
    box = page.locator(".nmp-area").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    assert ask(page, "p.currentTime") == pytest.approx(3, abs=0.02)
    page.get_by_role("slider").first.fill("1.5")
    assert ask(page, "p.currentTime") == 1.5


def test_one_player_at_a_time(page):
    start(page)
    start(page, 1)
    assert ask(page, "[p.playing]") == [False]
    assert ask(page, "p.playing", 1)


def test_it_works_inline_with_the_bundle_evaluated_twice(visit, site):
    tab = visit(f"{site}/inline.html")
    assert tab.locator(".nmp-play").count() == 1
    ask(tab, "p.currentTime = 0.5")
    start(tab)
    until(tab, "p.level().rms > 0.01")


def test_a_page_opened_as_a_file_plays_the_plain_sounds_through_the_same_controls(visit, folder):
    tab = visit((folder / "light.html").as_uri())
    start(tab)
    tab.keyboard.press("2")
    until(tab, "p.version === 'Reference' && p.playing")
    assert tab.get_by_role("button", name="Reference left", exact=False).count() == 0


def test_sounds_that_do_not_come_are_told_and_the_plain_players_shown(visit, site):
    visit.pardoned = re.compile("404")
    tab = visit(f"{site}/broken.html")
    tab.locator(".nmp-play").click()
    tab.get_by_text("couldn't be loaded").wait_for()
    assert tab.locator("audio").first.is_visible()


def test_on_a_narrow_screen_targets_are_large_and_nothing_bars_the_way(visit, site):
    tab = visit(f"{site}/light.html", width=390, has_touch=True, is_mobile=True)
    for button in tab.locator("nmp-player button:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44
    minute = tab.locator(".nmp-scroll").nth(1)
    assert minute.evaluate("it => it.scrollWidth > it.clientWidth && it.tabIndex === 0")
    tab.touchscreen.tap(*centre(tab.locator(".nmp-play").first))
    until(tab, "p.currentTime > 0.1")
    assert failed(look=out_of_shape(tab, width=390, colours="light"), barriers=barriers(tab)) == {}


def centre(locator) -> tuple[float, float]:
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_no_barrier_wide_and_dark_with_the_keys_unfolded(visit, site):
    tab = visit(f"{site}/dark.html")
    tab.locator(".nmp-keys summary").first.click()
    tab.keyboard.press("3")
    assert barriers(tab) == []
