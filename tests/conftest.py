"""What all tests share: how threads wait, what chance is drawn from, kinds of tests and their order, one browser.

Kinds, for `pytest -m`: `browser` needs Chromium, `site` the built book, `slow` ten seconds or more; `fast` is all the
rest. Only `slow` is written by hand, the others follow from the fixtures that a test asks for.
"""

import os
import random
import subprocess
import sys

# Threads that wait must not spin: with other work on the cores that costs tenfold. Set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
if WORKER:  # the workers share the cores
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# jsonschema would read a grammar of addresses for two seconds, in every process, for a check that nobody here makes.
sys.modules.setdefault("rfc3987_syntax", None)

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

pytest.register_assert_rewrite("tests.helpers")  # says what is not equal

from tests.helpers import HTML, ROOT, Visits  # noqa: E402
from tools.browser import launched, served  # noqa: E402

# No deadline: how long an example takes says how busy the machine is. To hunt: --hypothesis-profile=exploring.
settings.register_profile("seeded", deadline=None, derandomize=True)
settings.register_profile("exploring", deadline=None, max_examples=2000)
settings.load_profile("seeded")


def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true", help="2,000 damaged files of each format, hours of music")


@pytest.fixture(scope="session")
def thorough(request) -> bool:
    """Whether the few tests that could go on for long do so."""
    return request.config.getoption("thorough")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Whoever draws without a seed of their own draws the same each time, in whichever order tests run."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


# Kinds and order

ABOUT = {"slow": 12.0, "site": 5.0, "browser": 1.0, "fast": 0.05}  # seconds
APART = ("tests/test_book_site.py", "tests/test_book_offline.py")  # long, and their tests share nothing


def kinds(item) -> list[str]:
    fixtures = getattr(item, "fixturenames", ())
    found = [name for name, fixture in (("site", "book_html"), ("browser", "browser")) if fixture in fixtures]
    return found if found or item.get_closest_marker("slow") else ["fast"]


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses; of doctests, too, which lie outside this folder
def pytest_collection_modifyitems(items):
    """In the workers of `-n`: the longest groups first, guessed from kinds, so that none begins when others end."""
    for item in items:
        for name in kinds(item):
            item.add_marker(name)
    if not WORKER:
        return
    seconds: dict[str, float] = {}
    for item in items:
        cost = max(ABOUT[name] for name in ABOUT if item.get_closest_marker(name))
        seconds[group(item.nodeid)] = seconds.get(group(item.nodeid), 0) + cost
    items.sort(key=lambda item: -seconds[group(item.nodeid)])


def group(nodeid: str) -> str:
    """What stays in one process: the tests of a file, which share its fixtures."""
    path = nodeid.split("::")[0]
    return nodeid if path in APART else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """For `-n auto`: a test with a browser, a sandbox or a second process waits half of its time, a fast one never."""
    cores = os.cpu_count() or 2
    return cores if config.option.markexpr == "fast" else 3 * cores // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Groups in our order. (pytest-xdist 3.8 has "loadgroup" for this, which pytest 9.2 makes it forget.)"""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)


# The browser


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests of a process."""
    with launched() as running:
        yield running


@pytest.fixture
def visit(browser):
    """Opens pages; at the end none may have complained or asked another server."""
    visits = Visits(browser)
    yield visits
    visits.close()


@pytest.fixture(scope="session")
def twins(browser, tmp_path_factory):
    """Calls twins: a list of ("chapter.function", arguments) gives the list of their results."""
    folder = tmp_path_factory.mktemp("twins")
    names = sorted(path.stem for path in (ROOT / "web/src/twins").glob("*.ts"))
    lines = [f'export * as {name} from "{ROOT.as_posix()}/web/src/twins/{name}";' for name in names]
    (folder / "twins.ts").write_text("\n".join(lines), "utf8")
    esbuild = ROOT / "web/node_modules/.bin/esbuild"
    options = ["--bundle", "--format=iife", "--global-name=twins", "--log-level=error", "--outfile=twins.js"]
    subprocess.run([esbuild, "twins.ts", *options], cwd=folder, check=True)
    tab = browser.new_page()
    tab.add_script_tag(content=(folder / "twins.js").read_text("utf8"))
    call = """calls => calls.map(([name, given]) => {
      const [chapter, twin] = name.split(".");
      return twins[chapter][twin](...given);
    })"""
    yield lambda calls: tab.evaluate(call, calls)
    tab.close()


@pytest.fixture(scope="module")
def site(folder):
    """The address of the pages that a test module made in its `folder`."""
    with served(folder) as address:
        yield address


@pytest.fixture(scope="session")
def book_html():
    """The folder of the built book."""
    assert (HTML / "index.html").exists(), "the book is not built: run `make book`"
    return HTML


@pytest.fixture(scope="session")
def book_site(book_html):
    """Its address."""
    with served(book_html) as address:
        yield address
