"""The network in a real browser: equal to Python's on every way in, and private. Its speed: `make bench`."""

import base64
import json
import re
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from nmp_lessons import audio, hearing, model
from nmp_lessons.audio import Recording
from nmp_lessons.beyond import export
from nmp_lessons.book import bundle, show
from nmp_lessons.book.inputs import coded
from nmp_lessons.book.site.assets import POLICY, SCRIPTS, as_files
from nmp_lessons.data import maestro
from nmp_lessons.decoding import PeakDecoder
from nmp_lessons.errors import InputError
from nmp_lessons.evaluation import match, onset_scores
from nmp_lessons.notes import Notes, read_midi
from nmp_lessons.training import named
from tests.helpers import barriers, copied_bundle, failed
from tools.browser import served

NETWORKS = {"main-0": "the long training", "baseline-0": "the short training"}
ANSWER = """element => {
  const packed = head => {
    const bytes = new Uint8Array(head.buffer, head.byteOffset, head.byteLength), parts = [];
    for (let i = 0; i < bytes.length; i += 32768) parts.push(String.fromCharCode(...bytes.subarray(i, i + 32768)));
    return btoa(parts.join(""));
  };
  const { heads, notes } = element.answer;
  return { heads: Object.fromEntries(Object.entries(heads).map(([name, head]) => [name, packed(head)])), notes };
}"""


@pytest.fixture(scope="module")
def html() -> str:
    clip = maestro.performance("chopin-nocturne").segment(2, 3)
    return show.transcriber(clip, networks=NETWORKS, title="three seconds", caption="A Nocturne.").fragment


@pytest.fixture(scope="module")
def folder(tmp_path_factory, html):
    """A page with the site's policy and files, and one whose expectations are another network's."""
    folder = tmp_path_factory.mktemp("transcriber")
    copied_bundle(folder / "built", (*bundle.BUNDLE, *bundle.FETCHED))
    policy = POLICY.replace(SCRIPTS, f"{SCRIPTS} 'wasm-unsafe-eval'")
    for name, fragment in (("index", html), ("wrong", with_other_expectations(html))):
        (folder / f"{name}.html").write_text(
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A transcriber</title>'
            f'<meta name="viewport" content="width=device-width">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f'<link rel="icon" href="data:,"><link rel="stylesheet" href="built/nmp.css">'
            f'<script src="built/nmp.js" defer></script></head><body><main><h1>A transcriber</h1>'
            f"{as_files(fragment, folder=folder / 'built', url='built')}</main></body></html>",
            "utf8",
        )
    return folder


def offer(html: str) -> dict:
    """What the markup tells the element."""
    return json.loads(unescape(html.split('data-offer="')[1].split('"')[0]))


def with_other_expectations(html: str) -> str:
    changed = offer(html)
    first, second = changed["networks"]
    first["expected"] = second["expected"]
    return html.replace(escape(json.dumps(offer(html))), escape(json.dumps(changed)))


@pytest.fixture
def opened(visit, site):
    return lambda page="index.html", **options: visit(f"{site}/{page}", **options)


def transcribed(tab):
    """Waits for the answer to what was just asked for: posteriors and notes."""
    tab.locator("nmp-transcriber nmp-player.nmp-ready").wait_for()
    found = tab.locator("nmp-transcriber").evaluate(ANSWER)
    widths = {"contour": 264, "note": 88, "onset": 88}
    heads = {
        name: np.frombuffer(base64.b64decode(head), np.float32).reshape(-1, widths[name])
        for name, head in found["heads"].items()
    }
    notes = np.array([[n["onset"], n["offset"], n["pitch"], n["velocity"]] for n in found["notes"]]).reshape(-1, 4)
    return heads, Notes(notes[:, 0], notes[:, 1], notes[:, 2].astype(int), notes[:, 3].astype(int))


def in_python(run: str, recording: Recording):
    net, settings = named(run)
    found = model.posteriors(net, recording)
    return found, PeakDecoder(**settings)(found)


def assert_same(tab, run: str, recording: Recording) -> None:
    heads, notes = transcribed(tab)
    found, reference = in_python(run, recording)
    for name, head in heads.items():
        assert head.shape == getattr(found, name).shape
        assert np.abs(head - getattr(found, name)).max() < 1e-3
    hits = match(reference, notes).hits
    assert len(hits) >= 0.99 * max(len(notes), len(reference)) > 5
    for a, b in hits:
        assert abs(reference.onset[a] - notes.onset[b]) < 2e-3


def exact_wav(path: Path, recording) -> Path:
    """A WAV file of floats, which no decoder rounds."""
    soundfile.write(path, recording.audio, recording.rate, subtype="FLOAT")
    return path


def rounded_clip() -> Recording:
    """The clip as the page has it, in 16 bits."""
    clip = maestro.performance("chopin-nocturne").segment(2, 3).resampled(22_050)
    return Recording((np.round(32768 * clip.audio) / 32768).astype(np.float32), 22_050)


def test_the_clip_by_keyboard_is_transcribed_as_in_python(opened, html):
    tab = opened()
    tab.get_by_role("button", name="Transcribe three seconds").focus()
    tab.keyboard.press("Enter")
    assert_same(tab, "main-0", rounded_clip())
    element = tab.locator("nmp-transcriber")
    assert float(element.get_attribute("data-worst")) < 1e-3 and float(element.get_attribute("data-same")) >= 0.99
    assert "notes in 3.0 s of sound" in tab.get_by_role("status").first.inner_text()


def test_a_file_longer_than_a_piece_is_transcribed_as_in_python(opened, tmp_path):
    recording = maestro.performance("beethoven-menuetto").segment(10, 26).resampled(22_050)
    assert len(recording.audio) // 256 > 2 * export.PIECE_FRAMES
    tab = opened()
    tab.locator("input[type=file]").set_input_files(exact_wav(tmp_path / "menuetto.wav", recording))
    assert_same(tab, "main-0", recording)


def test_where_the_server_isolates_the_page_threads_find_the_same(folder, visit, tmp_path):
    recording = maestro.performance("beethoven-menuetto").segment(10, 13).resampled(22_050)
    with served(folder, isolated=True) as address:
        tab = visit(f"{address}/index.html")
        threads = min(4, tab.evaluate("crossOriginIsolated && navigator.hardwareConcurrency"))
        tab.locator("input[type=file]").set_input_files(exact_wav(tmp_path / "menuetto.wav", recording))
        assert_same(tab, "main-0", recording)
        assert sum(worker.url.endswith("nmp-transcribe.js") for worker in tab.workers) == threads - 1


def test_a_stereo_file_at_another_rate_has_almost_the_same_notes(opened, tmp_path):
    recording = maestro.performance("beethoven-menuetto").segment(40, 5)
    audio = recording.resampled(48_000).audio
    path = tmp_path / "stereo.flac"
    soundfile.write(path, np.stack([0.5 * audio, audio], axis=1), 48_000)
    tab = opened()
    tab.locator("input[type=file]").set_input_files(path)
    _, notes = transcribed(tab)
    _, reference = in_python("main-0", Recording(0.75 * audio, 48_000))
    assert onset_scores(reference, notes)["Fno"] > 0.95


def test_the_microphone_is_recorded_and_transcribed_on_a_narrow_dark_screen(opened):
    tab = opened(width=390, color_scheme="dark")
    before = barriers(tab)
    tab.get_by_role("button", name="Record").click()
    stop = tab.get_by_role("button", name="Stop and transcribe")
    stop.wait_for()
    tab.wait_for_timeout(800)
    stop.click()
    heads, _ = transcribed(tab)
    assert len(heads["note"]) > 30
    scrolled = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert failed(before=before, after=barriers(tab), sideways=scrolled) == {}


def test_what_was_recorded_before_the_microphone_was_unplugged_is_transcribed(opened):
    kept = """{
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async wanted => (window.microphone = await open(wanted));
    }"""
    tab = opened(script=kept)
    tab.get_by_role("button", name="Record").click()
    stop = tab.get_by_role("button", name="Stop and transcribe")
    stop.wait_for()
    tab.wait_for_timeout(800)
    tab.evaluate("window.microphone.getTracks().forEach(track => track.stop())")
    stop.click()
    heads, _ = transcribed(tab)
    assert len(heads["note"]) > 30


def test_the_transcription_can_be_seen_heard_and_saved(opened, tmp_path):
    tab = opened(color_scheme="light")
    before = barriers(tab)
    tab.get_by_role("button", name="Transcribe three seconds").click()
    _, notes = transcribed(tab)
    assert failed(before=before, after=barriers(tab)) == {}
    assert tab.locator("nmp-transcriber .nmp-area rect title").count() == len(notes)
    with tab.expect_download() as saved:
        tab.get_by_role("link", name="MIDI").click()
    path = tmp_path / saved.value.suggested_filename
    saved.value.save_as(path)
    midi = read_midi(path)
    assert path.suffix == ".mid" and np.array_equal(midi.pitch, notes.pitch)
    assert np.abs(midi.onset - notes.onset).max() < 2e-3
    tab.get_by_role("button", name="The transcription").click()
    player = tab.locator("nmp-transcriber nmp-player")
    player.evaluate("player => player.play()")
    tab.wait_for_function("() => document.querySelector('nmp-transcriber nmp-player').level().rms > 0.003")
    player.evaluate("player => player.pause()")
    before = tab.locator("nmp-transcriber image").get_attribute("href")
    tab.get_by_label("Picture").select_option("onset")
    tab.wait_for_function(
        "before => document.querySelector('nmp-transcriber image').getAttribute('href') !== before", arg=before
    )


def test_nothing_is_fetched_before_it_is_asked_for(opened, visit):
    opened().wait_for_load_state("networkidle")
    assert visit.asked and not [
        url for url in visit.asked if url.endswith((".wasm", ".bin", "transcribe.js", "listen.js"))
    ]


def test_a_network_that_answers_otherwise_is_refused_politely(opened):
    tab = opened("wrong.html")
    tab.get_by_role("button", name="Transcribe").click()
    tab.get_by_text("your browser's results differ from Python's").wait_for()
    assert tab.locator("nmp-transcriber nmp-player").count() == 0
    tab.get_by_label("Network").select_option("the short training")
    tab.get_by_role("button", name="Transcribe").click()
    assert_same(tab, "baseline-0", rounded_clip())


def choose(tab, path: Path) -> None:
    tab.locator("input[type=file]").set_input_files(path)


def said_by_python(path: Path) -> str:
    """What the command line says of a file that it refuses, without its folder."""
    with pytest.raises(InputError) as caught:
        hearing.transcribe(replace(audio.load(path, rate=22_050), title=path.name))
    return str(caught.value).replace(f"{path.parent}/", "")


def test_what_is_no_music_is_refused_in_the_words_of_the_command_line(opened, tmp_path):
    second = 0.1 * np.sin(np.arange(22_050) / 5).astype(np.float32)
    broken = second.copy()
    broken[5000] = np.nan
    files = {"silent": np.zeros(22_050), "short": second[:1500], "broken": broken}
    tab = opened()
    for name, samples in files.items():
        path = exact_wav(tmp_path / f"{name}.wav", SimpleNamespace(audio=samples, rate=22_050))
        choose(tab, path)
        tab.get_by_text(said_by_python(path)).wait_for()
    path = tmp_path / "notes.wav"
    path.write_text("do re mi")
    choose(tab, path)
    tab.get_by_text("notes.wav: this browser can't read it as audio").wait_for()


def test_a_file_that_fails_leaves_nothing_of_the_one_before(opened, tmp_path):
    tab = opened()
    tab.get_by_role("button", name="Transcribe three seconds").click()
    transcribed(tab)
    midi = tab.get_by_role("link", name="MIDI")
    assert midi.count() == 1
    path = tmp_path / "notes.wav"
    path.write_text("do re mi")
    choose(tab, path)
    tab.get_by_text("notes.wav: this browser can't read it").wait_for()
    assert (tab.locator("nmp-transcriber nmp-player").count(), midi.count()) == (0, 0)
    tab.get_by_label("Network").select_option("the short training")
    assert tab.get_by_text("notes.wav: this browser can't read it").is_visible()


@pytest.mark.parametrize(
    "missing, named", [("OfflineAudioContext", "Web Audio"), ("Worker", "workers"), ("WebAssembly", "WebAssembly")]
)
def test_a_browser_without_what_is_needed_is_told_so(opened, missing, named):
    tab = opened(script=f"delete window.{missing}")
    assert tab.get_by_text(f"This part can't work in this browser, which has no {named}.").is_visible()
    assert tab.locator("nmp-transcriber button").count() == 0


def test_a_worker_that_does_not_start_is_named_and_may_be_tried_again(opened, visit):
    visit.pardoned = re.compile("")  # the worker's own complaint
    tab = opened(script="{ const Real = Worker; window.Worker = function () { return new Real('data:,throw 1'); }; }")
    tab.get_by_role("button", name="Transcribe").click()
    tab.get_by_text("That failed").wait_for()
    assert tab.get_by_role("button", name="Transcribe").is_enabled()


@pytest.mark.parametrize("late", [0, 4])  # samples
def test_channels_that_cancel_are_read_one_by_one(late, opened, tmp_path):
    recording = maestro.performance("beethoven-menuetto").segment(10, 5).resampled(22_050)
    path = tmp_path / "opposite.wav"
    soundfile.write(path, np.stack([recording.audio, -np.roll(recording.audio, late)], axis=1), 22_050, subtype="FLOAT")
    tab = opened()
    choose(tab, path)
    assert_same(tab, "main-0", recording)
    assert "The channels cancel each other" in tab.get_by_role("status").first.inner_text()


HEAP = """() => { window.urls = 0;
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (blob) => { window.urls++; return createObjectURL.call(URL, blob); };
  URL.revokeObjectURL = (url) => { window.urls--; revokeObjectURL.call(URL, url); };
}"""


def test_memory_stays_flat_over_ten_files(opened, tmp_path):
    """What JavaScript holds after garbage collection, arrays included, and how many blobs have an address."""
    tab = opened()
    tab.evaluate(HEAP)
    session = tab.context.new_cdp_session(tab)
    held, urls = [], []
    for i in range(10):
        recording = maestro.performance("beethoven-menuetto").segment(5 + 2 * i, 12).resampled(22_050)
        choose(tab, exact_wav(tmp_path / f"take-{i}.wav", recording))
        tab.locator(f"a[download='take-{i}.mid']").wait_for()
        transcribed(tab)
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        held.append(sum(usage[name] for name in ("usedSize", "embedderHeapUsedSize", "backingStorageSize")))
        urls.append(tab.evaluate("window.urls"))
    audio = 4 * len(recording.audio)  # bytes
    assert held[1] > 2 * audio  # the sound and what is drawn of it count
    assert max(held[4:]) - held[3] < audio and len(set(urls[1:])) == 1, (held, urls)


NOTED = """element => {
  window.noted = [];
  const place = element.querySelector(".nmp-transcriber-piece");
  new MutationObserver(() => window.noted.push(place.textContent)).observe(place, { childList: true });
}"""


def test_the_piece_of_a_long_file_is_named(opened, tmp_path):
    recording = maestro.performance("beethoven-menuetto").segment(10, 26).resampled(22_050)
    tab = opened()
    tab.get_by_role("button", name="Transcribe three seconds").click()
    transcribed(tab)
    tab.locator("nmp-transcriber").evaluate(NOTED)
    choose(tab, exact_wav(tmp_path / "menuetto.wav", recording))
    tab.wait_for_function("() => window.noted.length > 3")
    assert tab.evaluate("window.noted") == [*(f"Piece {i} of 3 is done." for i in (1, 2, 3)), ""]


def test_a_page_opened_as_a_file_says_what_to_do(visit, folder):
    tab = visit((folder / "index.html").as_uri())
    tab.get_by_text("You opened this page as a file").wait_for()
    assert tab.locator("nmp-transcriber button").count() == 0


def test_without_javascript_a_sentence_says_what_is_missing(opened):
    tab = opened(java_script_enabled=False)
    assert tab.get_by_text("This part needs JavaScript").is_visible()
    assert tab.get_by_text("Your sound stays on your machine").is_visible()


def test_networks_that_the_browser_cannot_run_are_refused():
    clip = maestro.performance("chopin-nocturne").segment(2, 3)
    with pytest.raises(InputError, match="released"):
        show.transcriber(clip, networks={"released": "Spotify's"})
    with pytest.raises(InputError, match="no network"):
        show.transcriber(clip, networks={})


HEARD = """element => {
  const bytes = new Uint8Array(element.heard.buffer), parts = [];
  for (let i = 0; i < bytes.length; i += 32768) parts.push(String.fromCharCode(...bytes.subarray(i, i + 32768)));
  return btoa(parts.join(""));
}"""


@pytest.mark.slow
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_page_and_command_line_hear_a_click_when_it_was_whatever_its_coding(opened, tmp_path, rate):
    pytest.importorskip("av", reason="M4A, WebM and videos are written by PyAV")
    tab = opened()
    late = {}
    for name in coded.CODINGS:
        path = coded.write(tmp_path / name, coded.clicks(rate), rate)
        choose(tab, path)
        tab.get_by_role("group", name=f"Transcription of {name}").wait_for()
        heard = np.frombuffer(base64.b64decode(tab.locator("nmp-transcriber").evaluate(HEARD)), np.float32)
        by_page, by_us = (coded.lateness(each, 22_050) for each in (heard, audio.load(path, rate=22_050).audio))
        late[name] = max(np.abs(by_page).max(), np.abs(by_page - by_us).max())
    assert {name: seconds for name, seconds in late.items() if seconds > 0.002} == {}


@pytest.mark.slow
def test_page_and_command_line_find_the_same_onsets_in_an_mp3_without_its_encoders_notes(opened, tmp_path):
    recording = maestro.performance("beethoven-menuetto").segment(10, 5)
    path = coded.write(tmp_path / "plain.mp3", recording.audio, recording.rate)
    tab = opened()
    choose(tab, path)
    _, found = transcribed(tab)
    _, reference = in_python("main-0", audio.load(path, rate=22_050))
    late = [found.onset[b] - reference.onset[a] for a, b in match(reference, found).hits]
    assert len(late) >= 0.95 * len(reference) > 5 and np.abs(late).max() < 0.002
