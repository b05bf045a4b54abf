"""The player and the plots: what their HTML says, and what they do in a real browser."""

import base64
import hashlib
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
from nmp_lessons.book.show.player import Picture, matched_groups
from nmp_lessons.errors import InputError
from nmp_lessons.notes import Notes
from nmp_lessons.sound import tone

AXE = Path(__file__).parents[1] / "web" / "node_modules" / "axe-core" / "axe.min.js"
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
    assert "C6, 4.50 to 4.90 s: extra" in player.fragment


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
        (lambda: show.listen({}), "nothing to hear"),
        (lambda: show.listen({"a": np.zeros(5)}), "'a' is a ndarray"),
        (lambda: show.listen(tone(440, 0.1), notes={"truth": MELODY}), "'truth'"),
        (lambda: Picture(np.ones(5), 0, 1, 21, 108), "shape"),
        (lambda: Picture(2 * np.ones((5, 5)), 0, 1, 21, 108), "leave"),
        (lambda: Picture(np.ones((5, 5)), 1, 1, 21, 108), "start < stop"),
        (lambda: Picture(np.ones((88, 5)), 0, 1, 21, 108).between(110, 120), "nothing between"),
        (lambda: show.posteriors_picture(None, "pitch"), "no output"),
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
    svg = first._repr_mimebundle_()["image/svg+xml"]
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


PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">
<title>Players</title><link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="nmp.css"><script src="nmp.js" defer></script>
<style>body {{ margin: 0 auto; max-width: 45rem; padding: 1rem; font: 16px/1.5 sans-serif;
background: {paper};
color: {ink} }}</style>
</head><body><main><h1>Players</h1>{players}</main></body></html>"""


def as_files(fragment: str, folder: Path) -> str:
    """The fragment with its media moved into files, as the built site has it."""

    def moved(found: re.Match) -> str:
        content = base64.b64decode(found[2])
        name = f"{hashlib.sha256(content).hexdigest()[:12]}.{found[1].split('/')[1].replace('mpeg', 'mp3')}"
        (folder / name).write_bytes(content)
        return name

    return re.sub(r"data:([a-z]+/[a-z]+);base64,([A-Za-z0-9+/=]+)", moved, fragment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, player, recordings) -> Path:
    made = tmp_path_factory.mktemp("pages")
    for built in embed.BUNDLE:
        if not built.exists():
            pytest.skip("the bundle is not built: run `make bundle`")
        (made / built.name).write_bytes(built.read_bytes())
    minute = Recording(np.tile(recordings["Reference"].audio, 10), 22_050)
    players = [player.fragment, show.listen(minute, notes=MELODY, title="A minute.").fragment]
    for theme, (paper, text) in {"light": ("#ffffff", "#222222"), "dark": ("#14181e", "#dddddd")}.items():
        page = PAGE.format(theme=theme, paper=paper, ink=text, players="".join(players))
        (made / f"{theme}.html").write_text(as_files(page, made))
    broken = player.fragment.replace("data:audio/mpeg", "absent.mp3?")
    (made / "broken.html").write_text(PAGE.format(theme="light", paper="#fff", ink="#222", players=broken))
    inline = f"{embed.bundle()}{embed.bundle()}{player.fragment}"
    head = '<!doctype html><title>Inline</title><link rel="icon" href="data:,">'
    (made / "inline.html").write_text(head + inline)
    return made


@pytest.fixture
def page(browser, site):
    """The page in light, wide; at the end it must have had no error and no other server."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    complaints = watch(opened, site)
    opened.goto(f"{site}/light.html")
    yield opened
    context.close()
    assert complaints == []


def watch(opened, site) -> list[str]:
    complaints = []
    opened.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    own = (site, "data:")
    opened.on("request", lambda request: request.url.startswith(own) or complaints.append(request.url))
    return complaints


def ask(opened, what: str, which: int = 0):
    """The value of a JavaScript expression about the player p."""
    player = f"document.querySelectorAll('nmp-player')[{which}]"
    return opened.evaluate(f"() => {{ const p = {player}; return {what}; }}")


def start(opened, which: int = 0) -> None:
    opened.locator(".nmp-play").nth(which).click()
    opened.wait_for_function(f"document.querySelectorAll('nmp-player')[{which}].currentTime > 0.1")


def test_it_plays_and_is_neither_silent_nor_clipped(page):
    start(page)
    before, began = ask(page, "p.currentTime"), time.monotonic()
    levels = []
    for _ in range(10):
        page.wait_for_timeout(100)
        levels.append(ask(page, "p.level()"))
    passed = time.monotonic() - began
    assert ask(page, "p.currentTime") - before == pytest.approx(passed, abs=0.15)
    assert max(level["rms"] for level in levels) > 0.02
    assert max(level["peak"] for level in levels) < 1
    page.locator(".nmp-play").first.click()
    assert not ask(page, "p.playing")
    paused = ask(page, "p.currentTime")
    page.wait_for_timeout(200)
    assert ask(page, "p.currentTime") == paused


def test_it_stops_at_the_end_and_starts_again(page):
    ask(page, "p.currentTime = 5.7")
    page.locator(".nmp-play").first.click()
    page.wait_for_function("document.querySelector('nmp-player').currentTime === 6")
    assert not ask(page, "p.playing")
    start(page)
    assert ask(page, "p.currentTime") < 2


def test_switching_keeps_the_time_and_is_heard(page):
    start(page)
    names = ["Reference", "Prediction", "Reference left, prediction right", "Recording"]
    for name in names:
        button = page.locator("nmp-player").first.get_by_role("button", name=name, exact=True)
        clock = "[p.currentTime, performance.now() / 1000]"
        (before, then) = ask(page, clock)
        button.click()
        (after, now) = ask(page, clock)
        assert after - before == pytest.approx(now - then, abs=0.02)
        assert ask(page, "p.version") == name
        assert button.get_attribute("aria-pressed") == "true"
        page.wait_for_timeout(150)
        assert ask(page, "p.level().rms") > 0.005


def test_the_keys(page):
    page.locator(".nmp-play").first.focus()
    press = page.keyboard.press
    press("Space")
    page.wait_for_function("document.querySelector('nmp-player').currentTime > 0.1")
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
    at = [box["x"] + box["width"] * share for share in (1 / 6, 1 / 4)]
    middle = box["y"] + box["height"] / 2
    page.mouse.move(at[0], middle)
    page.mouse.down()
    page.mouse.move(at[1], middle, steps=4)
    page.mouse.up()
    assert ask(page, "p.loop") == pytest.approx([1, 1.5], abs=0.02)
    page.keyboard.press("Space")  # the drag left the focus on the play button
    times = []
    for _ in range(15):
        page.wait_for_timeout(100)
        times.append(ask(page, "p.currentTime"))
    assert all(0.97 <= t <= 1.53 for t in times)
    assert sum(later < earlier for earlier, later in zip(times, times[1:], strict=False)) >= 2
    assert ask(page, "p.level().rms") > 0.001


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


def test_it_works_inline_with_the_bundle_evaluated_twice(browser, site):
    opened = browser.new_page()
    complaints = watch(opened, site)
    opened.goto(f"{site}/inline.html")
    assert opened.locator(".nmp-play").count() == 1
    ask(opened, "p.currentTime = 0.5")
    start(opened)
    opened.wait_for_function("document.querySelector('nmp-player').level().rms > 0.01")
    assert complaints == []
    opened.close()


def test_without_javascript_the_sounds_play(browser, site):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(f"{site}/light.html")
    sound = opened.locator("audio").first
    assert sound.is_visible()
    sound.evaluate("sound => { sound.play(); }")
    deadline = time.monotonic() + 10
    while (heard := sound.evaluate("sound => sound.currentTime")) < 0.3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert heard >= 0.3
    context.close()


def test_a_page_opened_as_a_file_plays_the_plain_sounds_through_the_same_controls(browser, folder):
    opened = browser.new_page()
    opened.goto((folder / "light.html").as_uri())
    start(opened)
    opened.keyboard.press("2")
    opened.wait_for_timeout(200)
    assert ask(opened, "p.version") == "Reference" and ask(opened, "p.playing")
    assert opened.get_by_role("button", name="Reference left", exact=False).count() == 0
    opened.close()


def test_sounds_that_do_not_come_are_told_and_the_plain_players_shown(browser, site):
    opened = browser.new_page()
    opened.goto(f"{site}/broken.html")
    opened.locator(".nmp-play").click()
    opened.get_by_text("could not be loaded").wait_for()
    assert opened.locator("audio").first.is_visible()
    opened.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_screen_has_no_sideways_scrolling_and_large_targets(browser, site, theme):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    opened = context.new_page()
    opened.goto(f"{site}/{theme}.html")
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    for button in opened.locator("nmp-player button:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44
    minute = opened.locator(".nmp-scroll").nth(1)
    assert minute.evaluate("it => it.scrollWidth > it.clientWidth && it.tabIndex === 0")
    opened.touchscreen.tap(*centre(opened.locator(".nmp-play").first))
    opened.wait_for_function("document.querySelector('nmp-player').currentTime > 0.2")
    context.close()


def centre(locator) -> tuple[float, float]:
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_violation_of_wcag_2_1_aa(browser, site, theme, width):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `make bundle`")
    context = browser.new_context(viewport={"width": width, "height": 900})
    opened = context.new_page()
    opened.goto(f"{site}/{theme}.html")
    opened.locator(".nmp-keys summary").first.click()
    opened.keyboard.press("3")
    opened.evaluate(AXE.read_text(encoding="utf-8"))
    found = opened.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found["violations"]] == []
    context.close()
