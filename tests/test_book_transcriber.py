"""The network in a real browser: equal to Python's on every way in, private, and faster than the music."""

import json
import shutil
from html import escape, unescape
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nmp_lessons import model
from nmp_lessons.audio import Recording
from nmp_lessons.beyond import export
from nmp_lessons.book import bundle, show
from nmp_lessons.book.site.assets import POLICY, SCRIPTS, as_files
from nmp_lessons.data import maestro
from nmp_lessons.decoding import PeakDecoder
from nmp_lessons.errors import InputError
from nmp_lessons.evaluation import match, onset_scores
from nmp_lessons.notes import Notes, read_midi
from nmp_lessons.training import named

AXE = Path(__file__).parents[1] / "web" / "node_modules" / "axe-core" / "axe.min.js"
NETWORKS = {"main-0": "the long training", "baseline-0": "the short training"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
PATIENT = 60_000  # milliseconds
SPEED = 12  # times faster than the music, in one thread
ANSWER = """element => {
  const { heads, notes } = element.answer;
  const packed = Object.fromEntries(Object.entries(heads).map(([name, head]) => [name, Array.from(head)]));
  return { heads: packed, notes };
}"""


@pytest.fixture(scope="module")
def html() -> str:
    clip = maestro.performance("chopin-nocturne").segment(2, 3)
    return show.transcriber(clip, networks=NETWORKS, title="three seconds", caption="A Nocturne.").fragment


@pytest.fixture(scope="module")
def folder(tmp_path_factory, html):
    """A page with the site's policy and files, and one whose expectations are another network's."""
    if not all(path.exists() for path in (*bundle.BUNDLE, *bundle.FETCHED)):
        pytest.skip("the bundle is not built: run `make bundle`")
    folder = tmp_path_factory.mktemp("transcriber")
    (folder / "built").mkdir()
    for path in (*bundle.BUNDLE, *bundle.FETCHED):
        shutil.copy(path, folder / "built")
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
def opened(browser, site):
    """Opens the page; at the end it may not have complained, nor asked another server."""
    contexts, complaints = [], []

    def opened(page: str = "index.html", *, width: int = 1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        tab = contexts[-1].new_page()
        tab.set_default_timeout(PATIENT)
        tab.on("console", lambda line: line.type == "error" and complaints.append(line.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        contexts[-1].on(
            "request",
            lambda request: request.url.startswith((site, "blob:", "data:")) or complaints.append(request.url),
        )
        tab.goto(f"{site}/{page}")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def transcribed(tab):
    """Waits for the answer to what was just asked for: posteriors and notes."""
    tab.locator("nmp-transcriber nmp-player.nmp-ready").wait_for()
    found = tab.locator("nmp-transcriber").evaluate(ANSWER)
    widths = {"contour": 264, "note": 88, "onset": 88}
    heads = {name: np.array(head, np.float32).reshape(-1, widths[name]) for name, head in found["heads"].items()}
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


def exact_wav(path: Path, recording: Recording) -> Path:
    """A WAV file of floats, which no decoder rounds."""
    soundfile.write(path, recording.audio, recording.rate, subtype="FLOAT")
    return path


def test_the_clip_by_keyboard_is_transcribed_as_in_python(opened, html):
    tab = opened()
    tab.get_by_role("button", name="Transcribe three seconds").focus()
    tab.keyboard.press("Enter")
    rounded = maestro.performance("chopin-nocturne").segment(2, 3).resampled(22_050)
    audio = (np.round(32768 * rounded.audio) / 32768).astype(np.float32)
    assert_same(tab, "main-0", Recording(audio, 22_050))
    element = tab.locator("nmp-transcriber")
    assert float(element.get_attribute("data-worst")) < 1e-3 and float(element.get_attribute("data-same")) >= 0.99
    assert "notes in 3.0 s of sound" in tab.get_by_role("status").first.inner_text()


def test_a_file_longer_than_a_piece_is_transcribed_as_in_python(opened, tmp_path):
    recording = maestro.performance("beethoven-menuetto").segment(10, 26).resampled(22_050)
    assert len(recording.audio) // 256 > 2 * export.PIECE_FRAMES
    tab = opened()
    tab.locator("input[type=file]").set_input_files(exact_wav(tmp_path / "menuetto.wav", recording))
    assert_same(tab, "main-0", recording)
    tab.get_by_label("Network").select_option("the short training")
    tab.get_by_text("by the short training").wait_for()
    assert_same(tab, "baseline-0", recording)


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


def test_the_microphone_is_recorded_and_transcribed(opened):
    tab = opened()
    tab.get_by_role("button", name="Record").click()
    stop = tab.get_by_role("button", name="Stop and transcribe")
    stop.wait_for()
    tab.wait_for_timeout(1500)
    stop.click()
    heads, _ = transcribed(tab)
    assert len(heads["note"]) > 60


def test_the_transcription_can_be_seen_heard_and_saved(opened, tmp_path):
    tab = opened()
    tab.get_by_role("button", name="Transcribe three seconds").click()
    _, notes = transcribed(tab)
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


def test_nothing_is_fetched_before_it_is_asked_for(opened):
    tab = opened()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.reload(wait_until="networkidle")
    assert asked and not [url for url in asked if url.endswith((".wasm", ".bin", "transcribe.js"))]


def test_a_network_that_answers_otherwise_is_refused_politely(opened):
    tab = opened("wrong.html")
    tab.get_by_role("button", name="Transcribe").click()
    tab.get_by_text("Your browser computes something else than Python").wait_for()
    assert tab.locator("nmp-transcriber nmp-player").count() == 0
    tab.get_by_label("Network").select_option("the short training")
    tab.get_by_role("button", name="Transcribe").click()
    transcribed(tab)


def test_a_file_that_is_no_sound_is_named(opened, tmp_path):
    tab = opened()
    path = tmp_path / "notes.wav"
    path.write_text("do re mi")
    tab.locator("input[type=file]").set_input_files(path)
    tab.get_by_text("notes.wav: this browser cannot read it as sound").wait_for()
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(22_050), 22_050)
    tab.locator("input[type=file]").set_input_files(silent)
    tab.get_by_text("silent.wav: silent").wait_for()


def test_a_page_opened_as_a_file_says_what_to_do(browser, folder):
    tab = browser.new_page()
    tab.goto((folder / "index.html").as_uri())
    tab.get_by_text("You opened this page as a file").wait_for()
    assert tab.locator("nmp-transcriber button").count() == 0
    tab.close()


def test_without_javascript_a_sentence_says_what_is_missing(opened):
    tab = opened(java_script_enabled=False)
    assert tab.get_by_text("This part needs JavaScript").is_visible()
    assert tab.get_by_text("Your sound stays on your machine").is_visible()


@pytest.mark.parametrize("width, colours", [(1280, "light"), (390, "dark")])
def test_no_barrier_before_and_after(opened, width, colours):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `make bundle`")
    tab = opened(width=width, color_scheme=colours, bypass_csp=True)
    tab.evaluate(AXE.read_text("utf8"))
    for _ in range(2):
        found = tab.evaluate("rules => axe.run(document, rules)", RULES)
        assert [(v["id"], [node["html"][:150] for node in v["nodes"]]) for v in found["violations"]] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.get_by_role("button", name="Transcribe").click()
        transcribed(tab)


def test_one_thread_is_twelve_times_faster_than_the_music(browser, opened, tmp_path):
    """By the processor's clock, since other programs may be at work: all that the page costs up to the answer."""
    recording = maestro.performance("beethoven-menuetto").segment(0, 60).resampled(22_050)
    path = exact_wav(tmp_path / "minute.wav", recording)
    tab = opened()
    tab.get_by_role("button", name="Transcribe").click()
    transcribed(tab)
    session = browser.new_browser_cdp_session()

    def spent() -> float:
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        return sum(one["cpuTime"] for one in processes if one["type"] == "renderer")

    before = spent()
    tab.locator("input[type=file]").set_input_files(path)
    tab.wait_for_function("() => document.querySelector('nmp-transcriber').answer.heads.note.length > 88 * 5000")
    speed = recording.seconds / (spent() - before)
    print(f"{speed:.1f} times as fast as the music")
    assert speed >= SPEED


def test_networks_that_the_browser_cannot_run_are_refused():
    clip = maestro.performance("chopin-nocturne").segment(2, 3)
    with pytest.raises(InputError, match="released"):
        show.transcriber(clip, networks={"released": "Spotify's"})
    with pytest.raises(InputError, match="no network"):
        show.transcriber(clip, networks={})
