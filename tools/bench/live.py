"""How long a live control takes from a move to its picture, in Chromium with the processor slowed down fourfold.

Every slider is moved twenty times across its range. A move begins with the frame of the screen in which its picture is
computed, and ends when that frame has been painted. Beside it stands a frame in which one word of the page changes:
what any change costs there, on a machine that may have other work. Command: ``python -m tools.bench live``, after
`make book`.
"""

import re
from pathlib import Path
from statistics import median

from tools.browser import launched, served

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
CHAPTERS = sorted(path.stem for path in (ROOT / "web" / "src" / "live" / "chapters").glob("*.ts"))
SLOWDOWN = 4
MOVES = 20
TIMED = """async ([element, moves]) => {
  const word = element.querySelector("figcaption").appendChild(document.createElement("span"));
  const shown = () => new Promise(done => {
    requestAnimationFrame(begun => setTimeout(() => done(performance.now() - begun)));
  });
  const times = [], empty = [];
  for (const slider of element.querySelectorAll("input[type=range]")) {
    for (let i = 0; i < moves; i++) {
      slider.value = String(Math.round(((i * 7 + 3) % moves) / moves * Number(slider.max)));
      await shown();
      requestAnimationFrame(() => { word.textContent = i % 2 ? "a" : "b"; });
      empty.push(await shown());
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      times.push(await shown());
    }
  }
  word.remove();
  return times.length ? [times, empty] : null;
}"""


def main() -> None:
    print(f"| control, at {SLOWDOWN}-fold slowdown | median, ms | fastest, ms | a word's frame, median, ms |")
    print("| --- | ---: | ---: | ---: |")
    with launched() as browser, served(HTML) as site:
        for chapter in CHAPTERS:
            tab = browser.new_page()
            tab.goto(f"{site}/{chapter}.html")
            for title, (times, empty) in timed(tab).items():
                print(f"| {chapter}: {title} | {median(times):.0f} | {min(times):.0f} | {median(empty):.0f} |")
            tab.close()


def timed(tab) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds of every move, and of as many empty frames, by the title of the control, if it has a slider."""
    slow = tab.context.new_cdp_session(tab)
    found = {}
    for control in tab.locator("nmp-live").all():
        control.scroll_into_view_if_needed()
        tab.wait_for_function("it => 'ready' in it.dataset", arg=control.element_handle())
        slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
        times = tab.evaluate(TIMED, [control.element_handle(), MOVES])
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        if times:
            title = re.sub(r"\s+", " ", control.locator("legend").first.inner_text())
            found[title] = times
    return found
