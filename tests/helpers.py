"""What several test files use: small pages, a browser's visits, barriers, tones, and where things are."""

import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from nmp_lessons.book import bundle
from nmp_lessons.book.site.assets import as_files

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
LISTED = re.findall(r"(?:file|root): (\w+)", (ROOT / "_toc.yml").read_text("utf8"))
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    "rules": {"label-content-name-mismatch": {"enabled": True}},
    "resultTypes": ["violations"],  # what passes is not described
}
# Thousands of words of code and of formulas differ in nothing that axe looks at: one of each kind stands for all.
ONE_OF_A_KIND = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll("pre span, dt.sig span, dt.sig em")) {
    const kind = [word.className, word.closest("pre, dt").parentElement.className].join();
    if (word.id || word.querySelector("a, [id]")) continue;
    if (seen.has(kind)) word.replaceWith(...word.childNodes);
    seen.add(kind);
  }
  const formulas = [...document.querySelectorAll(".katex-html")].filter((formula, place) => {
    const kind = getComputedStyle(formula).color + formula.closest("[class*=nmp-], table, p")?.className;
    return seen.has(kind) || !seen.add(kind);
  });
  const sizes = formulas.map(formula => formula.getBoundingClientRect());
  formulas.forEach((formula, i) => {
    formula.replaceChildren();
    formula.style.cssText = `display: inline-block; width: ${sizes[i].width}px; height: ${sizes[i].height}px`;
  });
  document.querySelectorAll("pre, dt").forEach(block => block.normalize());
}"""
# Counts how often sounds are started: a switch between versions that starts none can lose no time.
COUNTED = """{
  const start = AudioBufferSourceNode.prototype.start;
  window.started = [];
  AudioBufferSourceNode.prototype.start = function (when, ...more) {
    window.started.push(when);
    return start.call(this, when, ...more);
  };
}"""
# For each figure of a page: its address, and by how much it is shrunk or enlarged on the screen.
FIGURES = """async () => {
  const figures = [...document.querySelectorAll(".cell_output img, .nmp-explore-slot img")];
  const seen = figures.filter(figure => figure.checkVisibility());
  seen.forEach(figure => { figure.loading = "eager"; });
  await Promise.all(seen.map(figure => figure.decode().catch(() => null)));
  return seen.map(figure => {
    const narrow = figure.parentElement.querySelector(":scope > source");
    const chosen = narrow && matchMedia(narrow.media).matches ? narrow : figure;
    const width = Number(chosen.getAttribute("width")) || figure.naturalWidth;
    return [figure.currentSrc, figure.getBoundingClientRect().width / width, chosen.dataset.letters ?? null];
  });
}"""
GLYPHS = re.compile(
    r'transform="[^"]*\bscale\(([\d.]+) -[\d.]+\)'
)  # Matplotlib draws letters from units of 1/100 point
LETTERS = 11  # CSS pixels of the smallest lettering
PATIENT = 60_000  # milliseconds: a busy machine is no error
HEIGHTS = {1280: 900, 390: 844}
PAPER = {"light": ("#ffffff", "#222222"), "dark": ("#14181e", "#dddddd")}
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">{head}
<style>body {{ margin: 0 auto; max-width: 60rem; padding: 1rem; font: 16px/1.5 sans-serif;
background: {paper}; color: {ink} }}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"""
LINKED = '<link rel="stylesheet" href="nmp.css"><script src="nmp.js" defer></script>'


def copied_bundle(folder: Path, files=bundle.BUNDLE) -> None:
    """What `make bundle` builds, in a folder to be served."""
    folder.mkdir(exist_ok=True)
    for built in files:
        assert built.exists(), f"{built.name} is not built: run `make bundle`"
        shutil.copy(built, folder)


def write_page(path: Path, body: str, *, title: str, theme: str = "light", head: str = LINKED) -> None:
    """A page as the site has it, its media in files beside it."""
    paper, ink = PAPER[theme]
    page = PAGE.format(theme=theme, title=title, paper=paper, ink=ink, body=body, head=head)
    path.write_text(as_files(page, folder=path.parent, url="."), "utf8")


def write_themes(folder: Path, body: str, *, title: str, head: str = LINKED) -> Path:
    """``light.html`` and ``dark.html``, with the bundle."""
    copied_bundle(folder)
    for theme in PAPER:
        write_page(folder / f"{theme}.html", body, title=title, theme=theme, head=head)
    return folder


@contextmanager
def twins_of(browser, folder: Path, module: str):
    """Runs JavaScript on a blank page, where `twins` is a module of ``web/src``."""
    esbuild = ROOT / "web/node_modules/.bin/esbuild"
    options = ["--bundle", "--format=iife", "--global-name=twins", "--log-level=error", f"--outfile={folder}/twins.js"]
    subprocess.run([esbuild, ROOT / "web/src" / module, *options], check=True)
    tab = browser.new_page()
    tab.add_script_tag(content=(folder / "twins.js").read_text("utf8"))
    yield tab.evaluate
    tab.close()


class Visits:
    """Opens pages, each in a context of its own, and writes down what goes wrong on them.

    Parameters
    ----------
    browser
        Playwright's.
    pardoned
        Complaints that a test expects, as a regular expression.
    """

    def __init__(self, browser, pardoned: str = r"(?!)"):
        self.browser, self.pardoned = browser, re.compile(pardoned)
        self.contexts, self.complaints, self.asked = [], [], []

    def __call__(self, address: str, *, width: int = 1280, script: str = "", **options):
        """The page at an address, watched from its first request on, after a script of the test's own."""
        size = {"width": width, "height": HEIGHTS[width]}
        context = self.browser.new_context(**{"viewport": size} | options)
        context.set_default_timeout(PATIENT)
        self.contexts.append(context)
        tab = context.new_page()
        if script:
            tab.add_init_script(script)
        tab.on("console", lambda message: message.type == "error" and self._complain(message.text))
        tab.on("pageerror", lambda error: self._complain(str(error)))
        own = ("data:", "blob:", "file:" if address.startswith("file:") else address[: address.index("/", 8)])
        context.on("request", lambda request: self._asked(request.url, own))
        tab.goto(address)
        return tab

    def _complain(self, text: str) -> None:
        if not self.pardoned.search(text):
            self.complaints.append(text)

    def _asked(self, url: str, own: tuple[str, ...]) -> None:
        self.asked.append(url)
        if not url.startswith(own):
            self._complain(f"asked {url}")

    def close(self) -> None:
        """At the end: no page may have complained or asked another server."""
        for context in self.contexts:
            context.close()
        assert self.complaints == []


def barriers(tab, within: str | None = None) -> list:
    """Violations of WCAG 2.1 AA on a page, or within a selector of it, as axe names them.

    The page is not what it was: see `ONE_OF_A_KIND`.
    """
    assert AXE.exists(), "axe-core is not installed: run `make check`"
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(AXE.read_text("utf8"))
        tab.evaluate(ONE_OF_A_KIND)
    found = tab.evaluate("([within, rules]) => axe.run(within ?? document, rules)", [within, RULES])
    return [(rule["id"], [node["html"][:150] for node in rule["nodes"]]) for rule in found["violations"]]


def failed(**checks) -> dict:
    """Of several checks on one page, each a list of complaints: those that have any, by name."""
    return {name: found for name, found in checks.items() if found}


def small_letters(tab) -> list[str]:
    """Figures with lettering of less than `LETTERS` pixels on the screen; of formulas the main letters count."""
    small = []
    for address, zoom, letters in tab.evaluate(FIGURES):
        path = HTML / re.search(r"_(static|images)/[^?]*$", address)[0]
        if path.suffix == ".svg":
            points = [100 * float(scale) for scale in GLYPHS.findall(path.read_text("utf8"))]
            letters = min(points, default=99) * 96 / 72
        if letters is not None and (size := float(letters) * zoom) < LETTERS - 0.05:
            small.append(f"{path.name}: {size:.1f} pixels")
    return small


def out_of_shape(tab, *, width: int, colours: str) -> list[str]:
    """What is wrong with a page's colours and width."""
    theme, wide = tab.evaluate("[document.documentElement.dataset.theme, document.documentElement.scrollWidth]")
    return [f"colours: {theme}"] * (theme != colours) + [f"scrolls sideways: {wide} pixels"] * (wide > width)


# Sounds

RATE = 22_050  # Hz


def tones(path: Path, *, seconds: float = 1.0, silent: bool = False) -> Path:
    """A file of an A4 or of silence."""
    time = np.arange(int(seconds * RATE)) / RATE
    soundfile.write(path, 0.0 * time if silent else 0.3 * np.sin(2 * np.pi * 440 * time), RATE)
    return path


# Twins


class Agreement:
    """Collects calls of a chapter's twins with what Python gives, and compares all at once."""

    def __init__(self, twins, chapter: str, *, rtol: float = 1e-9, atol: float = 1e-12):
        self.twins, self.chapter, self.rtol, self.atol = twins, chapter, rtol, atol
        self.calls, self.expected = [], []

    def __call__(self, name: str, arguments: list, expected) -> None:
        self.calls.append([f"{self.chapter}.{name}", [plain(each) for each in arguments]])
        self.expected.append(expected)

    def check(self) -> None:
        for call, got, expected in zip(self.calls, self.twins(self.calls), self.expected, strict=True):
            if isinstance(expected, dict):
                assert list(got) == list(expected), call
                got, expected = list(got.values()), list(expected.values())
            same = np.allclose(np.ravel(got), np.ravel(expected), rtol=self.rtol, atol=self.atol)
            assert same, (call, got, expected)


def plain(value):
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
