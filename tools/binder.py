"""The environment of `binder/`, tried as the free service gives it: `make binder`.

Makes the environment in ``_build/binder`` from this folder's files alone, starts JupyterLab with two cores and
two gigabytes, opens every chapter in Chromium by the path of its launch button, runs it, plays its players, moves
its sliders, answers an exercise. ``python -m tools.binder hearing cqt`` takes these chapters only, and the
environment as it stands.

Binder takes PyTorch from conda-forge (``binder/environment.yml``). Here it comes from the machine's package
index, whatever PyTorch without CUDA that has; everything else is installed by ``binder/postBuild`` itself.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from nmp_lessons.book.answers import keys, source
from nmp_lessons.book.site.launch import opened
from tools.browser import launched
from tools.lock import TORCH

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "_build" / "binder"
MEMORY = 2 * 1024**3
CORES = "0,1"
MOST_INSTALLED = 1.6e9  # bytes: packages, book and sounds; Python itself apart
MOST_SECONDS = 20  # until JupyterLab answers
CHAPTERS = re.findall(r"file: (\w+)", (ROOT / "_toc.yml").read_text("utf8").split("Back matter")[0])

RUN_ALL = """async () => {
  const app = window.jupyterapp, panel = app.shell.currentWidget;
  await panel.sessionContext.ready;
  await app.commands.execute("notebook:run-all-cells");
  const cells = panel.content.model.sharedModel.cells.filter(cell => cell.cell_type === "code");
  const failed = cells.flatMap(cell => cell.getOutputs().filter(it => it.output_type === "error"));
  return {
    cells: cells.filter(cell => cell.getSource().trim()).length,
    run: cells.filter(cell => cell.execution_count).length,
    errors: failed.map(it => `${it.ename}: ${it.evalue}`),
  };
}"""
HOLDING = """selector => {
  // Cells out of view have no DOM: which ones hold it is read from their outputs.
  const told = { "nmp-player": "<nmp-player", widget: "application/vnd.jupyter.widget-view+json" }[selector];
  return window.jupyterapp.shell.currentWidget.content.widgets.flatMap((cell, i) =>
    cell.model.type === "code" && JSON.stringify(cell.model.sharedModel.getOutputs()).includes(told) ? [i] : []);
}"""
SHOW = """async index => {
  const content = window.jupyterapp.shell.currentWidget.content;
  content.activeCellIndex = index;
  await content.scrollToItem(index, "start");
  content.widgets[index].node.dataset.tried = index;
}"""
PLAY = """async player => {
  const levels = [];
  player.play();
  const until = performance.now() + 15000;
  while (performance.now() < until && !(player.currentTime >= 0.3 && Math.max(...levels) > 0.003)) {
    await new Promise(done => setTimeout(done, 40));
    levels.push(player.level().rms);
  }
  player.pause();
  return player.currentTime >= 0.3 && Math.max(...levels) > 0.003;
}"""


def make() -> None:
    """The environment, from the files that git would carry, in the order in which Binder makes it."""
    shutil.rmtree(PLACE, ignore_errors=True)
    repository = PLACE / "repository"
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, repository / name)
    subprocess.run([sys.executable, "-m", "venv", PLACE / "env"], check=True)
    subprocess.run([PLACE / "env" / "bin" / "pip", "install", "-qq", TORCH], check=True)
    began = time.monotonic()
    subprocess.run([repository / "binder" / "postBuild"], env=environment(), check=True)
    print(f"binder/postBuild took {time.monotonic() - began:.0f} s")


def environment() -> dict[str, str]:
    """The variables of a shell on the service: nothing of this machine's book."""
    path = f"{PLACE / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NMP_", "JUPYTER"))}
    return kept | {
        "PATH": path, "NMP_LESSONS_CACHE": str(PLACE / "cache"), "JUPYTER_CONFIG_DIR": str(PLACE / "config"),
    }  # fmt: skip


def installed() -> dict[str, int]:
    """Bytes on the disk: the environment, the book, its sounds."""

    def size(folder: Path) -> int:
        return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())

    return {name: size(PLACE / name) for name in ("env", "repository", "cache")}


@contextlib.contextmanager
def capped():
    """A command that runs another in `MEMORY` bytes; yields it with a list that fills with what is taken."""
    group = Path("/sys/fs/cgroup/memory") / f"nmp-lessons-{os.getpid()}"
    if not group.parent.is_dir() or not os.access(group.parent, os.W_OK):  # not cgroup 1: ask systemd
        yield ["systemd-run", "--user", "--scope", "-q", "-p", f"MemoryMax={MEMORY}", "-p", "MemorySwapMax=0"], []
        return
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(MEMORY), "utf8")
    taken, over = [], threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            taken.append(_taken(group))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        join = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        yield ["sh", "-c", join, "sh"], taken
    finally:
        over.set()
        watcher.join()
        for _ in range(100):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def _taken(group: Path) -> int:
    """Bytes of the processes themselves; the file cache, which gives way, is not counted."""
    return int(re.search(r"^total_rss (\d+)", (group / "memory.stat").read_text("utf8"), re.MULTILINE)[1])


@contextlib.contextmanager
def jupyterlab(cap: list[str]):
    """JupyterLab as Binder starts it; yields its address and the seconds until it answered."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [
        *cap, "taskset", "-c", CORES, PLACE / "env" / "bin" / "jupyter", "lab", "--no-browser", "--allow-root",
        f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password=",
        "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=", "--LabApp.check_for_updates_class="
        "jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    address, began = f"http://localhost:{port}", time.monotonic()
    with (PLACE / "jupyterlab.log").open("w", encoding="utf8") as log:
        server = subprocess.Popen(
            command, cwd=PLACE / "repository", env=environment(), stdout=log, stderr=log, start_new_session=True
        )
    try:
        while not _answers(f"{address}/lab"):
            if server.poll() is not None or time.monotonic() - began > 300:
                raise RuntimeError(f"JupyterLab did not start:\n{(PLACE / 'jupyterlab.log').read_text('utf8')}")
            time.sleep(0.2)
        yield address, time.monotonic() - began
    finally:
        server.terminate()
        server.wait()


def _answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


def run(browser, address: str, slug: str) -> dict:
    """One chapter, opened by its button's path and run; what was found."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(300_000)  # a busy machine
    began = time.monotonic()
    page.goto(f"{address}/{opened(slug)}?reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.wait_for_function(
        "window.jupyterapp && window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
    )
    found = {"opened": time.monotonic() - began}
    began = time.monotonic()
    found |= page.evaluate(RUN_ALL) | {"seconds": time.monotonic() - began}
    found["players"] = [_plays(page, cell) for cell in page.evaluate(HOLDING, "nmp-player")]
    found["sliders"] = [_drives(page, cell) for cell in page.evaluate(HOLDING, "widget")]
    found["answers"] = _answered(page, slug)
    if os.environ.get("NMP_LESSONS_SHOTS"):
        page.screenshot(path=f"{os.environ['NMP_LESSONS_SHOTS']}/{slug}.png")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()
    return found


def _cell(page, index: int):
    page.evaluate(SHOW, index)
    cell = page.locator(f'[data-tried="{index}"]')
    cell.wait_for()
    return cell


def _plays(page, index: int) -> bool:
    players = _cell(page, index).locator("nmp-player")
    players.first.wait_for()
    players.first.scroll_into_view_if_needed()
    return players.first.evaluate(PLAY)


def _drives(page, index: int) -> bool:
    """Whether the first control of an explorable makes the kernel show something else."""
    cell = _cell(page, index)
    shown = cell.locator(".widget-output, .jupyter-widgets-output-area").first
    control = cell.locator("[role=slider], input[type=radio], select").first
    control.wait_for()
    control.scroll_into_view_if_needed()
    before = shown.inner_html()
    if control.get_attribute("role") == "slider":
        control.focus()
        at_end = control.get_attribute("aria-valuenow") == control.get_attribute("aria-valuemax")
        control.press("ArrowLeft" if at_end else "ArrowRight")
    elif control.get_attribute("type") == "radio":
        cell.locator("input[type=radio]:not(:checked)").first.check()
    else:
        other = control.evaluate("it => (it.selectedIndex + 1) % it.options.length")
        control.select_option(index=other)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = shown.inner_html()
        if now != before and len(now) > 100:
            return True
        time.sleep(0.1)
    return False


def _answered(page, slug: str) -> bool:
    """Whether the first exercise refuses a wrong answer and takes the right one, both typed into its cell."""
    cells = page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.sharedModel.getSource())"
    )
    for index, code in enumerate(cells):
        # The first that takes text: a matrix is given as rows.
        asked = re.search(r'answers\.check\("([\w-]+)", \.\.\.\)', code)
        if asked and (right := _key(asked[1])):
            said = [_said(page, index, code, attempt) for attempt in ("-12345.678", right)]
            return "✓" not in said[0] and "✓" in said[1]
    return True  # only code to write


def _said(page, index: int, code: str, attempt: str) -> str:
    code = code.replace("...", json.dumps(attempt))
    return page.evaluate(
        """async ([index, code]) => {
          const app = window.jupyterapp, content = app.shell.currentWidget.content;
          content.activeCellIndex = index;
          const cell = content.widgets[index].model.sharedModel;
          cell.setSource(code);
          await app.commands.execute("notebook:run-cell");
          return JSON.stringify(cell.getOutputs());
        }""",
        [index, code],
    )


def _key(name: str) -> str:
    """A right answer as a reader would type it; nothing for a matrix, and for a formula that calls the book."""
    made = keys.key(source.answer(name))
    return {"number": repr, "choice": str}.get(made["kind"], lambda value: "")(made.get("value"))


def main(chapters: list[str]) -> int:
    if not chapters:
        make()
    sizes = installed()
    print("installed:", ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.items()), flush=True)
    total = sum(sizes.values())
    wrong = [] if total < MOST_INSTALLED else [f"{total / 1e9:.2f} GB are installed"]
    with capped() as (cap, taken), jupyterlab(cap) as (address, seconds), launched() as browser:
        print(f"JupyterLab answered after {seconds:.1f} s (load {os.getloadavg()[0]:.1f})", flush=True)
        if seconds > MOST_SECONDS:
            wrong.append(f"JupyterLab took {seconds:.0f} s")
        for slug in chapters or CHAPTERS:
            try:
                found = run(browser, address, slug)
            except Exception as problem:
                wrong.append(f"{slug}: {problem}")
                print(slug, str(problem)[:300], flush=True)
                continue
            print(f"{slug}: {found}, at most {max(taken, default=0) / 1e6:.0f} MB", flush=True)
            taken.clear()
            if found["errors"] or found["run"] < found["cells"] or not all(found["players"] + found["sliders"]):
                wrong.append(f"{slug}: {found}")
            if not found["answers"]:
                wrong.append(f"{slug}: the first exercise judges wrongly")
    print("\n".join(wrong) or "all chapters run")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
