"""The reader's own recording: chosen once, offered wherever a control can use it, kept in the browser, forgotten."""

import re

import numpy as np
import pytest
import soundfile
import torch

from nmp_lessons import cqt, harmonic_stacking, model
from nmp_lessons.audio import Recording, piano
from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from nmp_lessons.decoding import PeakDecoder, hysteresis
from nmp_lessons.decoding.released import SHORTEST_SECONDS
from nmp_lessons.notes import pitch_name, write_midi
from nmp_lessons.targets import read_back
from nmp_lessons.training import named
from tests.helpers import COUNTED, barriers, failed, out_of_shape

OFFERS = {
    "sound": ["mixer"],
    "cqt": ["two_tones"],
    "harmonic_stacking": ["shifted_copies"],
    "model": ["taken_apart", "followed_back"],
    "augmentation": ["changed"],
    "median_filtering": ["cleaned"],
    "decoding": ["one_threshold", "two_thresholds", "peaks"],
    "evaluation": ["agreement"],
}
LOOKS = [(1280, "light", {}), (390, "dark", {"has_touch": True, "is_mobile": True})]
SECONDS = 12


@pytest.fixture(scope="module")
def recording() -> Recording:
    return maestro.performance("beethoven-menuetto").segment(10, SECONDS).resampled(22_050)


@pytest.fixture(scope="module")
def path(recording, tmp_path_factory):
    """The reader's own: a WAV of floats, which no decoder rounds."""
    path = tmp_path_factory.mktemp("own") / "menuetto.wav"
    soundfile.write(path, recording.audio, recording.rate, subtype="FLOAT")
    return path


@pytest.fixture
def opened(visit, book_site):
    """Opens a chapter, or goes on to another one in the same tab."""

    def go(chapter: str, tab=None, **options):
        if tab is None:
            return visit(f"{book_site}/{chapter}.html", script=COUNTED, **options)
        tab.goto(f"{book_site}/{chapter}.html")
        return tab

    return go


def control(tab, name: str):
    """A control by the name of its function, on the screen and ready."""
    found = tab.locator(f'nmp-live[data-plan*=\'"name": "{name}"\']')
    found.scroll_into_view_if_needed()
    tab.wait_for_function("it => 'ready' in it.dataset", arg=found.element_handle())
    return found


def chosen(tab, found, path) -> None:
    """Chooses a file by the control's own button, as a reader does."""
    with tab.expect_file_chooser() as dialog:
        found.get_by_role("button", name="Choose a recording").press("Enter")
    dialog.value.set_files(path)
    found.get_by_role("radio", name="my recording").wait_for()


def said(tab, found, pattern: str) -> re.Match:
    """Waits until the control says what fits a pattern."""
    readout = found.locator(".nmp-live-readout")
    tab.wait_for_function(
        "([it, pattern]) => new RegExp(pattern).test(it.textContent)", arg=[readout.element_handle(), pattern]
    )
    return re.search(pattern, readout.inner_text())


def offered(tab, name: str) -> bool:
    radio = control(tab, name).get_by_role("radio", name="my recording")
    tab.wait_for_timeout(300)  # for the store to answer
    return radio.is_visible()


@pytest.mark.parametrize(("width", "colours", "device"), LOOKS)
def test_a_recording_chosen_in_hearing_is_offered_elsewhere_until_it_is_forgotten(opened, path, width, colours, device):
    tab = opened("hearing", width=width, color_scheme=colours, **device)
    tab.locator("nmp-transcriber input[type=file]").set_input_files(path)
    tab.get_by_text("“menuetto.wav” stays in this browser").wait_for()
    for chapter, names in OFFERS.items():
        opened(chapter, tab)
        assert {name for name in names if not offered(tab, name)} == set(), chapter
    last = control(tab, names[-1])
    last.get_by_role("radio", name="my recording").check()
    last.get_by_role("button", name="Forget my recording").press("Enter")
    last.get_by_role("radio", name="my recording").wait_for(state="hidden")
    for chapter, names in OFFERS.items():
        opened(chapter, tab)
        assert {name for name in names if offered(tab, name)} == set(), chapter
    opened("hearing", tab).wait_for_timeout(300)
    assert not tab.get_by_text("stays in this browser").is_visible()


def test_of_a_long_recording_ten_minutes_stay_and_the_page_says_so(opened, tmp_path):
    time = np.arange(8000 * 610) / 8000
    soundfile.write(tmp_path / "long.wav", (0.1 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), 8000)
    tab = opened("median_filtering")
    found = control(tab, "cleaned")
    chosen(tab, found, tmp_path / "long.wav")
    found.get_by_role("radio", name="my recording, “long.wav, its first 10 minutes”").wait_for()
    assert float(found.get_by_label("passage from").get_attribute("max")) == 595


def test_another_tab_of_the_visit_has_it_and_a_later_visit_does_not(opened, path, book_site):
    tab = opened("decoding")
    chosen(tab, control(tab, "one_threshold"), path)
    context = tab.context
    other = context.new_page()
    other.goto(f"{book_site}/decoding.html")
    assert offered(other, "one_threshold")
    control(other, "one_threshold").get_by_role("button", name="Forget").click()
    tab.bring_to_front()
    control(tab, "one_threshold").get_by_role("radio", name="my recording").wait_for(state="hidden")
    chosen(tab, control(tab, "one_threshold"), path)
    for each in (tab, other):
        each.close()
    later = context.new_page()
    later.goto(f"{book_site}/decoding.html")
    assert not offered(later, "one_threshold")
    left = later.evaluate(
        """() => new Promise(done => {
          const opening = indexedDB.open("nmp-own-sound");
          opening.onsuccess = () => {
            const keys = opening.result.transaction("sounds").objectStore("sounds").getAllKeys();
            keys.onsuccess = () => done(keys.result);
          };
        })"""
    )
    assert left == []


@pytest.mark.parametrize(("width", "colours", "device"), LOOKS)
def test_changes_are_seen_heard_and_read_by_the_network(opened, path, width, colours, device):
    tab = opened("augmentation", width=width, color_scheme=colours, **device)
    found = control(tab, "changed")
    press = found.get_by_role("button", name="Compare what the network finds")
    press.tap() if device else press.click()
    on_clip = said(tab, found, r"finds (\d+) notes before and (\d+) after; (\d+) agree").groups()
    assert len(set(on_clip)) == 1 and int(on_clip[0]) > 10  # nothing has been changed
    chosen(tab, found, path)
    said(tab, found, rf"finds (?!{on_clip[0]} )(\d+) notes before and \1 after; \1 agree \(F = 1.00")
    tape = found.get_by_role("slider", name="tape")
    for _ in range(2):
        tape.press("ArrowRight")
    moved = said(tab, found, r"finds (\d+) notes before and (?!\1 )(\d+) after; (\d+) agree")
    assert 0.7 * int(moved[1]) < int(moved[3])  # the same music, a whole tone higher
    found.get_by_role("slider", name="ratio", exact=True).press("Home")
    noisy = said(tab, found, rf"finds (\d+) notes before and (\d+) after; (?!{moved[3]} )(\d+) agree")
    assert int(noisy[3]) < 0.5 * int(noisy[1])
    play = found.get_by_role("button", name="Play changed")
    play.tap() if device else play.click()
    assert play.get_attribute("aria-pressed") == "true"
    assert failed(look=out_of_shape(tab, width=width, colours=colours), barriers=barriers(tab, "nmp-live")) == {}


@pytest.mark.parametrize(("width", "colours", "device"), LOOKS)
def test_thresholds_read_the_recordings_posteriors_as_python_does(opened, path, recording, width, colours, device):
    net, settings = named("main-0")
    outputs = model.posteriors(net, Recording(recording.audio[: 8 * 22_050], 22_050))
    tab = opened("decoding", width=width, color_scheme=colours, **device)
    one = control(tab, "one_threshold")
    clip = model.posteriors(net, maestro.performance("chopin-nocturne").segment(30, 8, rate=22_050))
    on_clip = len(read_back((clip.note >= 0.5).astype(float)))
    assert abs(int(said(tab, one, r"(\d+) notes found, \d+ struck")[1]) - on_clip) <= 2
    chosen(tab, one, path)
    said(tab, one, "Run the network on your recording")
    run = one.get_by_role("button", name="Run the network on it")
    run.tap() if device else run.click()
    runs = [len(read_back((outputs.note >= level).astype(float))) for level in (0.5, 0.505)]
    assert abs(int(said(tab, one, r"(\d+) notes found in your recording")[1]) - runs[0]) <= 2
    one.get_by_role("slider", name="threshold").press("ArrowRight")
    assert abs(int(said(tab, one, r"(\d+) notes found in your recording")[1]) - runs[1]) <= 2
    two = control(tab, "two_thresholds")
    both = read_back(hysteresis(outputs.note, high=0.9, low=0.4).astype(float))
    assert abs(int(said(tab, two, r"(\d+) with both")[1]) - len(both)) <= 2
    third = control(tab, "peaks")
    threshold = float(third.get_by_role("slider", name="threshold").first.get_attribute("aria-valuetext"))
    expected = PeakDecoder(threshold=threshold, note_threshold=0.3, reach=PeakDecoder().reach)(outputs)
    assert abs(int(said(tab, third, r"(\d+) notes found in your recording")[1]) - len(expected)) <= 2
    play = third.get_by_role("button", name="Play my recording")
    play.tap() if device else play.click()
    assert play.get_attribute("aria-pressed") == "true"
    passage = third.get_by_role("slider", name="passage from")
    before = third.locator("image").get_attribute("href")
    passage.press("End")
    tab.wait_for_function(
        "([it, was]) => it.querySelector('image') && it.querySelector('image').getAttribute('href') !== was",
        arg=[third.element_handle(), before],
    )
    assert passage.get_attribute("aria-valuetext") == f"{SECONDS - 8:.1f} s"
    assert failed(look=out_of_shape(tab, width=width, colours=colours), barriers=barriers(tab, "nmp-live")) == {}


@pytest.mark.parametrize(("width", "colours", "device"), LOOKS)
def test_clicks_are_added_to_a_recording_and_filtered_out_again(opened, path, recording, width, colours, device):
    tab = opened("median_filtering", width=width, color_scheme=colours, **device)
    found = control(tab, "cleaned")
    on_clip = said(tab, found, r"after the filter, ([\d.]+) before")[1]
    chosen(tab, found, path)
    line = found.locator("path.reference").get_attribute("d")
    said(
        tab, found, rf"after the filter, (?!{re.escape(on_clip)} )[\d.]+ before"
    )  # of the loudest place, where a click is nothing new
    press = found.get_by_role("button", name="Play filtered")
    press.tap() if device else press.click()
    tab.wait_for_function("() => window.started.length > 0")
    before = tab.evaluate("window.started.length")
    found.get_by_role("slider", name="size").press("End")
    tab.wait_for_function("before => window.started.length > before", arg=before)
    found.get_by_role("slider", name="passage from").press("End")
    tab.wait_for_function(
        "([it, was]) => it.querySelector('path.reference').getAttribute('d') !== was",
        arg=[found.element_handle(), line],
    )
    assert failed(look=out_of_shape(tab, width=width, colours=colours), barriers=barriers(tab, "nmp-live")) == {}


def test_the_mixer_starts_from_the_partials_of_a_note(opened, tmp_path):
    note = piano.note("C4", seconds=2)
    soundfile.write(tmp_path / "c4.wav", note.audio, note.rate, subtype="FLOAT")
    tab = opened("sound")
    found = control(tab, "mixer")
    chosen(tab, found, tmp_path / "c4.wav")
    found.get_by_role("button", name="Partials of my recording").press("Enter")
    found.get_by_text("the key with the strongest harmonics is C4.").wait_for()
    transform = cqt.frame_at(note.audio, note.rate, cqt.bin_frequencies(NMP.cqt_bins))
    level = 20 * np.log10(np.maximum(transform, 1e-4))
    fundamental = cqt.bin_frequencies(NMP.cqt_bins)[
        harmonic_stacking.strongest_key_bin((1 + (level - level.max()) / 70).clip(0))
    ]
    partials = fundamental * np.arange(1, 5)
    levels = 20 * np.log10(cqt.frame_at(note.audio, note.rate, partials, bins_per_octave=12) * np.sqrt(partials))
    cursor = found.get_by_role("slider", name="partial", exact=True)
    cursor.press("ArrowLeft")
    for number, expected in enumerate(levels - levels.max(), start=1):
        shown = said(tab, found, f"C4, partial {number}: .* (0|−[0-9]+) dB")[1].replace("−", "-")
        assert int(shown) == pytest.approx(expected, abs=1)
        cursor.press("ArrowRight")


def test_the_released_network_is_followed_back_on_a_recording(opened, path, recording):
    """With the whole transform, whose octaves are halved one after the other; the page has each bin by itself."""
    net = model.released.load()
    middle, frames = 3 * recording.rate // 2, 52 + 2 * net.context
    first = middle % NMP.hop
    start = (middle - first) // NMP.hop - frames // 2
    with torch.inference_mode():
        audio = torch.from_numpy(recording.audio[first : 3 * recording.rate])[None]
        level = 10 * torch.log10(cqt.CQT()(audio)[0, :, start : start + frames].T ** 2 + 1e-10)
        features = (level - level.min()) / (level.max() - level.min())
        yn = model.network.probabilities(net.logits(features[None], inner=True)).note[0].numpy()
    at, key = np.unravel_index(yn[:, 27:52].argmax(), (52, 25))
    tab = opened("model")
    found = control(tab, "followed_back")
    said(tab, found, "^Yn of")
    chosen(tab, found, path)
    found.get_by_label("time").fill(str(round(100 * at / NMP.frame_rate)))
    found.get_by_label("key").fill(str(key))
    name = pitch_name(48 + int(key))
    shown = float(said(tab, found, rf"^Yn of {name} at {at / NMP.frame_rate:.2f} s is ([\d.]+)\. .* filter")[1])
    assert yn.max() > 0.7 and shown == pytest.approx(yn[at, 27 + key], abs=0.05)
    assert found.get_by_role("radio", name="my recording").is_checked()


@pytest.mark.parametrize(("width", "colours", "device"), LOOKS)
def test_a_frame_of_the_recording_is_stacked_and_drawn_beside_two_tones(opened, tmp_path, width, colours, device):
    note = piano.note(53, seconds=4)
    soundfile.write(tmp_path / "f3.wav", note.audio, note.rate, subtype="FLOAT")
    tab = opened("harmonic_stacking", width=width, color_scheme=colours, **device)
    found = control(tab, "shifted_copies")
    chosen(tab, found, tmp_path / "f3.wav")
    found.get_by_text("the key with the strongest harmonics is F3.").wait_for()
    found.get_by_role("button", name="All by their shifts").click()
    mean = float(said(tab, found, r"partials 1, 2, 3, 4, 5, 6, 7. Mean of the copies there ([\d.]+)")[1])
    frame = cqt.frame_at(note.audio[: 2 * note.rate], note.rate, cqt.bin_frequencies(NMP.cqt_bins))
    level = 20 * np.log10(np.maximum(frame, 1e-4))
    scaled = (1 + (level - level.max()) / 70).clip(0)
    key = NMP.bins_per_semitone * (53 - NMP.lowest_pitch)
    by_shift = [scaled[key + shift] for shift in harmonic_stacking.shifts(range(1, 8))]
    assert mean == pytest.approx(np.mean(by_shift), abs=0.01)
    assert failed(look=out_of_shape(tab, width=width, colours=colours), barriers=barriers(tab, "nmp-live")) == {}
    opened("cqt", tab)
    found = control(tab, "two_tones")
    found.get_by_role("radio", name="my recording").check()
    drawn = found.locator("path.extra")
    drawn.wait_for(state="attached")
    heights = [float(y) for y in re.findall(r"[\d.]+,(-?[\d.]+)", drawn.get_attribute("d"))]
    assert abs(np.argmin(heights) - 10) <= 1  # F3, as the piano is tuned: ten steps of 10 cents above the lower end
    assert failed(look=out_of_shape(tab, width=width, colours=colours), barriers=barriers(tab, "nmp-live")) == {}


@pytest.mark.parametrize(("width", "colours", "device"), LOOKS)
def test_two_thresholds_agree_and_a_midi_file_says_who_is_right(opened, path, tmp_path, width, colours, device):
    tab = opened("evaluation", width=width, color_scheme=colours, **device)
    found = control(tab, "agreement")
    said(tab, found, r"F = 0\.\d\d between the two\. Against what was played: F = 0\.\d\d and 0\.\d\d")
    chosen(tab, found, path)
    run = found.get_by_role("button", name="Run the network on it")
    run.tap() if device else run.click()
    said(tab, found, r"F = 0\.\d\d between the two\. Nothing here says what was played")
    second = found.get_by_role("slider", name="second threshold")
    first = found.get_by_role("slider", name="first threshold")
    for slider in (first, second):
        slider.press("Home")
    said(tab, found, r"(\d+) and \1 notes, of which \1 agree: F = 1.00 between the two")  # and both are wrong
    played = maestro.performance("beethoven-menuetto").segment(10, SECONDS).notes
    midi = tmp_path / "menuetto.mid"
    write_midi(played.shifted(3.3), midi)
    with tab.expect_file_chooser() as dialog:
        found.get_by_role("button", name="Choose its MIDI file").press("Enter")
    dialog.value.set_files(midi)
    fits = said(tab, found, r"menuetto.mid, moved by −(3\.\d+) s to fit: F = (0\.\d\d) and \2")
    assert abs(float(fits[1]) - 3.3) < 0.05
    for _ in range(60):
        first.press("ArrowRight")
    better = said(tab, found, r"to fit: F = (0\.\d\d) and (?!\1)(0\.\d\d)")
    assert float(better[1]) > float(better[2]) + 0.05
    broken = tmp_path / "broken.mid"
    broken.write_text("do re mi")
    found.locator("input[accept*=midi]").set_input_files(broken)
    found.get_by_text("broken.mid: isn't a standard MIDI file").wait_for()
    assert failed(look=out_of_shape(tab, width=width, colours=colours), barriers=barriers(tab, "nmp-live")) == {}


def test_a_microphone_will_do_and_what_is_no_music_is_refused(opened, tmp_path):
    tab = opened("decoding")
    found = control(tab, "one_threshold")
    silent, short = tmp_path / "silent.wav", tmp_path / "short.wav"
    soundfile.write(silent, np.zeros(22_050), 22_050)
    soundfile.write(short, np.sin(np.arange(1500)), 22_050)
    file = found.locator(".nmp-own input[type=file]")
    file.set_input_files(silent)
    found.get_by_text("silent.wav: is silent").wait_for()
    file.set_input_files(short)
    found.get_by_text(f"lasts {1000 * SHORTEST_SECONDS:.0f} ms").wait_for()
    assert not offered(tab, "one_threshold")
    found.get_by_role("button", name="Record", exact=True).click()
    found.get_by_role("button", name="Stop recording").wait_for()
    tab.wait_for_timeout(800)
    found.get_by_role("button", name="Stop recording").click()
    found.get_by_role("radio", name="my recording").wait_for()


@pytest.mark.parametrize("chapter", OFFERS)
def test_nothing_is_loaded_before_it_is_asked_for(opened, visit, path, chapter):
    tab = opened(chapter)
    chosen(tab, control(tab, OFFERS[chapter][0]), path)
    tab.wait_for_load_state("networkidle")
    assert not [url for url in visit.asked if url.endswith((".wasm", ".bin", "transcribe.js"))]


@pytest.mark.parametrize("chapter", OFFERS)
def test_without_javascript_the_clip_is_there_and_no_dead_button(opened, chapter):
    tab = opened(chapter, java_script_enabled=False)
    assert tab.locator(".nmp-live-frame img").count() >= len(OFFERS[chapter])
    assert tab.get_by_role("button", name="Choose a recording").count() == 0
