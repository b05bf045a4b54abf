"""Two networks in one browser: ours, as the transcriber runs it, beside `@spotify/basic-pitch` from npm.

Both transcribe the same seconds in the same Chromium, one after the other. Theirs runs on TensorFlow.js with the
backend "cpu": its default, WebGL, wants a GPU, and drawn in software it is many times slower still. What counts is
the processor's time of all of the browser's pages and of its GPU process, since other programs may be at work; the
first turn of each loads and compiles, and does not count. The package is installed in ``_build``, not for readers.

Command: ``python -m tools.bench web [SECONDS]``.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import soundfile

from nmp_lessons.book import bundle, show
from nmp_lessons.book.site.assets import as_files
from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from tools.browser import launched, served

ROOT = Path(__file__).parents[2]

PACKAGE = "@spotify/basic-pitch@1.0.1"
ENTRY = """
import { BasicPitch, outputToNotesPoly } from "@spotify/basic-pitch";
import * as tf from "@tensorflow/tfjs";
let network;
window.peer = async (samples) => {
  await tf.setBackend("cpu");
  network ??= new BasicPitch("model/model.json");
  const [frames, onsets] = [[], []];
  await network.evaluateModel(Float32Array.from(samples), (f, o) => (frames.push(...f), onsets.push(...o)), () => {});
  return outputToNotesPoly(frames, onsets, 0.5, 0.3, 11).length;
};
"""
ANSWERED = "seconds => document.querySelector('nmp-transcriber').answer?.heads.note.length > 88 * 86 * (seconds - 1)"


def main(given: str = "20") -> None:
    seconds = float(given)
    excerpt = maestro.performance("beethoven-menuetto").segment(10, seconds).resampled(NMP.sample_rate)
    with tempfile.TemporaryDirectory() as name, launched() as browser:
        folder = Path(name)
        _make_our_page(folder)
        _make_their_page(folder)
        soundfile.write(folder / "excerpt.wav", excerpt.audio, excerpt.rate, subtype="FLOAT")
        with served(folder) as address:
            ours, our_notes = _ours(browser, f"{address}/ours.html", folder / "excerpt.wav", seconds)
            theirs, their_notes = _theirs(browser, f"{address}/theirs.html", excerpt.audio.tolist())
    print(f"| {seconds:.0f} s in Chromium, processor seconds | seconds | times as fast as the music | notes |")
    print("| --- | ---: | ---: | ---: |")
    print(f"| ours, onnxruntime-web, one thread | {ours:.2f} | {seconds / ours:.1f} | {our_notes} |")
    print(f"| {PACKAGE}, TensorFlow.js on the CPU | {theirs:.2f} | {seconds / theirs:.1f} | {their_notes} |")


def _ours(browser, url: str, path: Path, seconds: float) -> tuple[float, int]:
    tab = _opened(browser, url)
    tab.get_by_role("button", name="Transcribe").click()
    tab.get_by_text("of sound, found in").wait_for()
    before = _spent(browser)
    tab.locator("input[type=file]").set_input_files(path)
    tab.wait_for_function(ANSWERED, arg=seconds)
    spent = _spent(browser) - before
    notes = tab.evaluate("document.querySelector('nmp-transcriber').answer.notes.length")
    tab.close()
    return spent, notes


def _theirs(browser, url: str, samples: list[float]) -> tuple[float, int]:
    tab = _opened(browser, url)
    tab.evaluate("samples => window.peer(samples)", samples[: 2 * NMP.sample_rate])
    before = _spent(browser)
    notes = tab.evaluate("samples => window.peer(samples)", samples)
    spent = _spent(browser) - before
    tab.close()
    return spent, notes


def _opened(browser, url: str):
    tab = browser.new_page()
    tab.set_default_timeout(0)
    tab.goto(url)
    return tab


def _spent(browser) -> float:
    """Processor seconds of all pages and of the GPU process so far."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return sum(one["cpuTime"] for one in found if one["type"] in ("renderer", "GPU"))


def copied(folder: Path) -> None:
    """The scripts of the site, in a new folder."""
    folder.mkdir()
    for path in (*bundle.BUNDLE, *bundle.FETCHED):
        shutil.copy(path, folder)


def _make_our_page(folder: Path) -> None:
    copied(folder / "built")
    clip = maestro.performance("chopin-nocturne").segment(2, 3)
    ours = as_files(show.transcriber(clip, title="a clip").fragment, folder=folder / "built", url="built")
    (folder / "ours.html").write_text(f'<!doctype html>{ours}<script src="built/nmp.js"></script>', "utf8")


def _make_their_page(folder: Path) -> None:
    (folder / "theirs.html").write_text('<!doctype html><script src="peer.js"></script>', "utf8")
    peer = ROOT / "_build" / "bench"
    peer.mkdir(parents=True, exist_ok=True)
    package = peer / "node_modules" / "@spotify" / "basic-pitch"
    if not package.exists():
        (peer / "package.json").write_text("{}", "utf8")
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE, cwd=peer)
    (peer / "entry.js").write_text(ENTRY, "utf8")
    esbuild = ROOT / "web" / "node_modules" / ".bin" / "esbuild"
    _run(esbuild, "entry.js", "--bundle", "--minify", "--log-level=error", f"--outfile={folder / 'peer.js'}", cwd=peer)
    shutil.copytree(package / "model", folder / "model")


def _run(*command, cwd: Path) -> None:
    subprocess.run([str(word) for word in command], cwd=cwd, check=True)
