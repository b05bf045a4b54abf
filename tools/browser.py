"""A real browser and a local server for the tests; `python -m tools.browser --install` gets it."""

import contextlib
import functools
import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from tools.serve import Isolated

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
# What each of our many windows would otherwise load beside its page: a process in reserve, and two pages for the
# suggestions of an address bar that nobody sees. Chromium obeys the last such list alone, so what follows is repeated
# from Playwright's.
UNUSED = [
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess", "DestroyProfileOnBrowserClose",
    "AvoidUnnecessaryBeforeUnloadCheckSync", "HttpsUpgrades", "LensOverlay", "MediaRouter", "OptimizationHints",
    "PaintHolding", "ThirdPartyStoragePartitioning",
]  # fmt: skip
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",  # a microphone that hears beeps
    f"--disable-features={','.join(UNUSED)}",
]  # fmt: skip


def find() -> str | None:
    """Path of a Chromium: the machine's own, else the one that Playwright fetched."""
    own = next(filter(None, map(shutil.which, NAMES)), None)
    if own:
        return own
    with sync_playwright() as playwright:
        fetched = playwright.chromium.executable_path
    return fetched if Path(fetched).exists() else None


def install() -> None:
    """Make sure that `find` finds: from Playwright, else from the system's packages."""
    for command in (
        [sys.executable, "-m", "playwright", "install", "chromium"],
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "chromium"],
    ):
        if find():
            return
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(command)
    if not find():
        sys.exit("No Chromium, and none could be installed. Install Chromium or Chrome and run again.")


@contextlib.contextmanager
def launched():
    """A running browser."""
    path = find()
    if not path:
        raise RuntimeError("No Chromium was found. Run `python -m tools.browser --install`.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def beside(browser, *flags: str):
    """Another browser beside a running one, with more flags."""
    other = browser.browser_type.launch(executable_path=find(), args=[*FLAGS, *flags])
    yield other
    other.close()


def hearing(browser, wav: Path):
    """Another browser, whose microphone hears a WAV file of 16 bits over and over."""
    return beside(browser, f"--use-file-for-fake-audio-capture={wav}")


def drawing(browser):
    """Another browser, which computes in software what WebGPU would have a graphics card compute."""
    return beside(browser, "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")


@contextlib.contextmanager
def served(folder: Path, *, isolated: bool = False):
    """The folder on a port of this machine, with `isolated` as `tools.serve` serves it; yields its address."""
    handler = functools.partial(_QuietIsolated if isolated else _Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """No line for every request."""


class _QuietIsolated(_Quiet, Isolated):
    pass


if __name__ == "__main__":
    if sys.argv[1:] == ["--install"]:
        install()
    print(find())
