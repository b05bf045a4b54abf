"""Two networks in one browser: ours, as the transcriber runs it, beside `@spotify/basic-pitch` from npm.

All transcribe the same seconds in the same Chromium, one after the other: ours on one thread, and once more on a page
that is isolated from other sites and may use several; theirs with TensorFlow.js's back ends "wasm", one thread with
SIMD, and "cpu", which is plain JavaScript. (Its default, WebGL, wants a GPU; drawn in software it is many times slower
still.) Given are the processor's time of all of the browser's pages and of its GPU process, since other programs may be
at work, and the time on the clock. The first turn of each loads and compiles, and does not count. The packages are
installed in ``_build``, not for readers.

Command: ``python -m tools.bench web [SECONDS]``.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import soundfile

from nmp_lessons.book import bundle, show
from nmp_lessons.book.site.assets import as_files
from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from tools.browser import launched, served

ROOT = Path(__file__).parents[2]

PACKAGE = "@spotify/basic-pitch@1.0.1"
WASM = "@tensorflow/tfjs-backend-wasm@3.21.0"  # as old as the TensorFlow.js that the package brings
ENTRY = """
import { BasicPitch, outputToNotesPoly } from "@spotify/basic-pitch";
import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
setWasmPaths("wasm/");
setThreadsCount(1);
// The back end's own way to fill a tensor fails where the package leaves the type to be guessed.
const { kernelFunc } = tf.getKernel("Fill", "wasm");
tf.unregisterKernel("Fill", "wasm");
const typed = (given) => kernelFunc({ ...given, attrs: { ...given.attrs, dtype: given.attrs.dtype ?? "float32" } });
tf.registerKernel({ kernelName: "Fill", backendName: "wasm", kernelFunc: typed });
let network;
window.peer = async (samples, backend) => {
  if (!(await tf.setBackend(backend))) throw new Error(`no back end ${backend}`);
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
            rows = {"ours, one thread": _ours(browser, f"{address}/ours.html", folder / "excerpt.wav", seconds)}
            for backend in ("wasm", "cpu"):
                found = _theirs(browser, f"{address}/theirs.html", excerpt.audio.tolist(), backend)
                rows[f"{PACKAGE}, back end {backend}"] = found
        with served(folder, isolated=True) as address:
            rows["ours, isolated page"] = _ours(browser, f"{address}/ours.html", folder / "excerpt.wav", seconds)
    print(f"| {seconds:.0f} s of music in Chromium | processor, s | clock, s | times as fast as the music | notes |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, (spent, passed, notes) in rows.items():
        print(f"| {name} | {spent:.2f} | {passed:.2f} | {seconds / passed:.1f} | {notes} |")


def _ours(browser, url: str, path: Path, seconds: float) -> tuple[float, float, int]:
    """Seconds of the processor and of the clock, and how many notes."""
    tab = _opened(browser, url)
    tab.get_by_role("button", name="Transcribe").click()
    tab.get_by_text("of sound, found in").wait_for()
    before, began = _spent(browser), time.perf_counter()
    tab.locator("input[type=file]").set_input_files(path)
    tab.wait_for_function(ANSWERED, arg=seconds)
    spent, passed = _spent(browser) - before, time.perf_counter() - began
    notes = tab.evaluate("document.querySelector('nmp-transcriber').answer.notes.length")
    tab.close()
    return spent, passed, notes


def _theirs(browser, url: str, samples: list[float], backend: str) -> tuple[float, float, int]:
    tab = _opened(browser, url)
    tab.evaluate("given => window.peer(...given)", [samples[: 2 * NMP.sample_rate], backend])
    before, began = _spent(browser), time.perf_counter()
    notes = tab.evaluate("given => window.peer(...given)", [samples, backend])
    spent, passed = _spent(browser) - before, time.perf_counter() - began
    tab.close()
    return spent, passed, notes


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
    package, wasm = (peer / "node_modules" / name for name in ("@spotify/basic-pitch", "@tensorflow/tfjs-backend-wasm"))
    if not wasm.exists():
        (peer / "package.json").write_text("{}", "utf8")
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE, WASM, cwd=peer)
    (peer / "entry.js").write_text(ENTRY, "utf8")
    esbuild = ROOT / "web" / "node_modules" / ".bin" / "esbuild"
    _run(esbuild, "entry.js", "--bundle", "--minify", "--log-level=error", f"--outfile={folder / 'peer.js'}", cwd=peer)
    shutil.copytree(package / "model", folder / "model")
    (folder / "wasm").mkdir()
    for binary in (wasm / "dist").glob("*.wasm"):
        shutil.copy(binary, folder / "wasm")


def _run(*command, cwd: Path) -> None:
    subprocess.run([str(word) for word in command], cwd=cwd, check=True)
