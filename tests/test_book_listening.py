"""The page listens while music is played: notes in order, the whole kept, plain words where it can't.

How soon notes appear is measured by ``python -m tools.bench listen``: a busy machine is no error here.
"""

import numpy as np
import pytest
import soundfile
import soxr

from nmp_lessons.audio import Recording, piano
from nmp_lessons.book import bundle, show
from nmp_lessons.book.site.assets import POLICY, SCRIPTS, as_files
from nmp_lessons.data import maestro
from nmp_lessons.notes import Notes, read_midi
from tests.helpers import barriers, copied_bundle, failed, twins_of
from tools.bench.listen import RATE, agreement, likeness, listened, promptness
from tools.browser import hearing

SCALE = Notes(0.15 + 0.45 * np.arange(8), 0.5 + 0.45 * np.arange(8), [60, 62, 64, 65, 67, 69, 71, 72])
SECONDS = 3.6  # of a turn of the scale
LISTENING = "Listening. Play or sing."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A page with the site's policy and files."""
    folder = tmp_path_factory.mktemp("listening")
    copied_bundle(folder / "built", (*bundle.BUNDLE, *bundle.FETCHED))
    clip = maestro.performance("chopin-nocturne").segment(2, 3)
    html = show.transcriber(clip, networks={"main-0": "the long training"}, title="a clip").fragment
    policy = POLICY.replace(SCRIPTS, f"{SCRIPTS} 'wasm-unsafe-eval'")
    (folder / "index.html").write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A transcriber</title>'
        f'<meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="built/nmp.css">'
        f'<script src="built/nmp.js" defer></script></head><body><main><h1>A transcriber</h1>'
        f"{as_files(html, folder=folder / 'built', url='built')}</main></body></html>",
        "utf8",
    )
    return folder


@pytest.fixture(scope="module")
def scale(folder):
    """The scale at the network's rate; the microphone plays it over and over."""
    audio = piano.render(SCALE, seconds=SECONDS).audio
    audio = 0.5 * audio / np.abs(audio).max()
    soundfile.write(folder / "scale.wav", soxr.resample(audio, 22_050, RATE), RATE, subtype="PCM_16")
    return audio


@pytest.fixture(scope="module")
def browser(browser, folder, scale):
    """Its microphone hears the scale; what Chromium's own plays is too short for a note."""
    with hearing(browser, folder / "scale.wav") as listening:
        yield listening


@pytest.fixture
def opened(visit, site):
    return lambda **options: visit(f"{site}/index.html", **options)


def started(tab):
    tab.get_by_role("button", name="Listen live").click()
    tab.get_by_text(LISTENING).wait_for()
    return tab.get_by_role("button", name="Stop listening")


def finished(tab) -> None:
    tab.locator("nmp-transcriber nmp-player.nmp-ready").wait_for()


def test_a_scale_appears_note_by_note_and_stays_as_a_recording(opened, scale, tmp_path):
    tab = opened()
    heard = listened(tab, 3 * SECONDS)
    with tab.expect_download() as saved:
        tab.get_by_role("link", name="MIDI").click()
    saved.value.save_as(tmp_path / "saved.mid")
    assert tab.get_by_text("“what you played” stays in this browser").is_visible()

    parts = np.split(heard.audio[: len(heard.audio) // 10 * 10], 10)
    assert (
        np.median([likeness(part, np.tile(scale, 2)).max() for part in parts]) > 0.95
    )  # what was recorded is what was played, apart from gaps on a busy machine

    found = promptness(heard, SCALE, scale)
    assert len(found.delay) >= 12 and np.isfinite(found.delay).mean() > 0.9
    assert np.all(found.delay[np.isfinite(found.delay)] > 0)
    _, onset, shown = heard.drawn.T
    assert np.all(shown > onset) and np.all(np.diff(shown) >= 0)
    assert agreement(heard) > 0.9
    assert len(read_midi(tmp_path / "saved.mid")) == len(heard.notes)
    assert f"{len(heard.notes)} notes in" in heard.said and "half of the notes were drawn within" in heard.said


def test_the_roll_moves_and_is_readable_on_a_narrow_dark_screen(opened):
    tab = opened(width=390, color_scheme="dark")
    stop = started(tab)
    roll = tab.get_by_role("img", name="Piano roll of the last 6 seconds")
    roll.scroll_into_view_if_needed()
    tab.locator("nmp-transcriber .nmp-notes rect").first.wait_for()
    assert tab.get_by_text("Latest notes:").is_visible()
    assert (
        tab.get_by_role("button", name="Record", exact=True).is_disabled() and tab.get_by_label("Network").is_disabled()
    )
    strip = tab.locator("nmp-transcriber .nmp-area > svg")
    place = strip.get_attribute("x")
    tab.wait_for_function(
        "place => document.querySelector('nmp-transcriber .nmp-area > svg').getAttribute('x') !== place", arg=place
    )
    said = tab.get_by_role("status").all_inner_texts()
    tab.wait_for_timeout(500)
    assert tab.get_by_role("status").all_inner_texts() == said  # screen readers aren't told every note
    scrolled = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
    meanwhile = barriers(tab)
    stop.click()
    finished(tab)
    assert tab.get_by_role("button", name="Record", exact=True).is_enabled()
    assert failed(meanwhile=meanwhile, after=barriers(tab), sideways=scrolled) == {}


def test_where_motion_is_unwelcome_the_roll_moves_once_a_second(opened):
    tab = opened(reduced_motion="reduce")
    started(tab)
    places = set()
    for _ in range(25):
        places.add(float(tab.locator("nmp-transcriber .nmp-area > svg").get_attribute("x").rstrip("%")))
        tab.wait_for_timeout(100)
    steps = np.array(sorted(places)) * 6 / 100  # seconds
    assert 2 <= len(places) <= 12 and np.abs(steps - np.round(steps)).max() < 1e-3


BUSY = """{
  const add = Worker.prototype.addEventListener;
  Worker.prototype.addEventListener = function (kind, hear) {
    add.call(this, kind, event => setTimeout(() => hear(event), event.data?.kind === "tail" ? %d : 0));
  };
}"""


def test_a_slow_device_takes_fewer_steps_and_says_so(opened):
    tab = opened(script=BUSY % 400)
    stop = started(tab)
    tab.get_by_text("s for each step, so notes appear later than they could").wait_for()
    tab.locator("nmp-transcriber .nmp-notes rect").first.wait_for()
    stop.click()
    finished(tab)


def test_a_device_that_is_much_too_slow_records_all_the_same(opened):
    tab = opened(script=BUSY % 4000)
    stop = started(tab)
    tab.get_by_text("This device is too slow to draw notes while you play").wait_for()
    stop.click()
    finished(tab)


REFUSED = """navigator.mediaDevices.getUserMedia =
  () => Promise.reject(Object.assign(new Error("no"), { name: "%s" }));"""
REFUSALS = {"NotAllowedError": "This page may not use the microphone", "NotFoundError": "This device has no microphone"}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("button", ["Listen live", "Record"])
def test_without_a_microphone_the_page_says_so(opened, visit, name, button):
    tab = opened(script=REFUSED % name)
    tab.get_by_role("button", name=button).click()
    tab.get_by_text(REFUSALS[name]).wait_for()
    assert tab.get_by_role("button", name=button).is_enabled()
    assert not [url for url in visit.asked if url.endswith((".wasm", "listen.js"))]


def test_a_muted_microphone_is_noticed(opened):
    muted = """{
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async wanted => {
        const stream = await open(wanted);
        stream.getAudioTracks().forEach(track => { track.enabled = false; });
        return stream;
      };
    }"""
    tab = opened(script=muted)
    stop = started(tab)
    tab.get_by_text("nothing but silence").wait_for()
    stop.click()
    tab.get_by_text("what you played: is silent").wait_for()
    assert tab.get_by_role("button", name="Listen live").is_enabled()


def test_a_microphone_that_is_unplugged_ends_the_listening(opened):
    kept = """{
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async wanted => (window.microphone = await open(wanted));
    }"""
    tab = opened(script=kept)
    started(tab)
    tab.evaluate("window.microphone.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    finished(tab)


def test_a_browser_without_audio_worklets_offers_no_listening(opened):
    tab = opened(script="delete window.AudioWorkletNode;")
    button = tab.get_by_role("button", name="Listen live")
    assert button.is_disabled() and "allow the microphone" in button.get_attribute("title")
    assert tab.get_by_role("button", name="Record", exact=True).is_enabled()


CHUNKED = """([rates, sound, sizes]) => {
  const resampler = new twins.Resampler(...rates), made = [];
  for (let start = 0, i = 0; start < sound.length; start += sizes[i++ % sizes.length]) {
    made.push(...resampler.push(Float32Array.from(sound.slice(start, start + sizes[i % sizes.length]))));
  }
  return made;
}"""


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_sound_at_any_rate_is_resampled_chunk_by_chunk_as_a_whole(browser, tmp_path, rate):
    seconds = 0.3
    recording = maestro.performance("beethoven-menuetto").segment(10, seconds).resampled(rate)
    with twins_of(browser, tmp_path, "listen/resampler.ts") as evaluate:
        whole, parted = (
            np.array(evaluate(CHUNKED, [[rate, 22_050], recording.audio.tolist(), sizes]))
            for sizes in ([len(recording.audio)], [512, 1, 77, 128])
        )
    assert np.array_equal(whole, parted)
    assert 0 <= seconds * 22_050 - len(whole) <= 20 * max(1, 22_050 / rate)
    expected = Recording(recording.audio, rate).resampled(22_050).audio[: len(whole)]
    inner = slice(200, -200)
    assert np.abs(whole - expected)[inner].max() < 0.01 * np.abs(expected).max()
