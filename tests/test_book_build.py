"""The book builds with warnings as errors; what may not stand in a chapter fails the build."""

import base64
import contextlib
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from sphinx.cmd.build import build_main

from nmp_lessons.book.site import assets, execution, mathematics, prose
from tests.helpers import LISTED, ROOT

CONFIGURATION = """
extensions = ["myst_nb", "nmp_lessons.book.site", "sphinxcontrib.bibtex"]
bibtex_bibfiles = ["references.bib"]
html_math_renderer = "built"
myst_enable_extensions = ["colon_fence", "dollarmath"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
"""
HEAD = """---
file_format: mystnb
kernelspec:
  name: python3
---
"""


def make(target: str, *variables: str) -> str:
    done = subprocess.run(["make", target, *variables], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


OF_EACH_BUILD = {
    "verified",
    "index",
    "search",
    "404",
}  # what a page says of its build, the page above it, and pages without a source


def stamps(folder: Path) -> dict[Path, int]:
    kept = (path for path in folder.rglob("*") if path.suffix in (".html", ".json", ".ipynb"))
    return {path: path.stat().st_mtime_ns for path in kept if path.stem not in OF_EACH_BUILD}


@pytest.mark.slow
def test_a_book_of_which_nothing_changed_is_not_built_again(book_html):
    """How long that takes is a matter of `make bench`."""
    executed = ROOT / "_build" / ".executed"
    before = stamps(book_html), stamps(executed)
    assert "_build/html/index.html" in make("book")
    assert (stamps(book_html), stamps(executed)) == before


@pytest.mark.slow
def test_the_site_loads_nothing_heavy():
    """What a build that has nothing to do waits for is imports."""
    code = "import sys, nmp_lessons.book.site, nmp_lessons.book.answers.pages; print({'torch', 'librosa', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.slow
def test_plain_sphinx_makes_the_same_of_a_page(book_html, tmp_path):
    """Of two pages, to which the links from others are missing; `make plain` makes the whole book."""
    toc = tmp_path / "_toc.yml"
    toc.write_text("format: jb-book\nroot: index\nchapters:\n- file: sound\n")
    make("plain", f"TOC={toc}", "SPHINXOPTS=")
    for kind in ("<nmp-", "<img", "<audio", "cell_output", "katex-html"):
        plain, wrapped = (
            (ROOT / "_build" / folder / "sound.html").read_text("utf8").count(kind) for folder in ("plain", "html")
        )
        assert plain == wrapped > 0, kind


def test_every_chapter_is_in_the_table_of_contents():
    assert set(LISTED) == {path.stem for path in (ROOT / "book").glob("*.md")}


def test_the_lock_of_the_scripts_has_hashes_and_no_addresses():
    packages = (ROOT / "web" / "package-lock.json").read_text("utf8")
    assert '"integrity"' in packages and '"resolved"' not in packages


# Small books


@pytest.fixture
def book(tmp_path):
    """Builds a small book from {name: text}; gives Sphinx's status, what it complained of, and the pages' folder."""
    source = tmp_path / "book"
    source.mkdir()
    (tmp_path / "web").symlink_to(ROOT / "web")
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    shutil.copy(ROOT / "book" / "references.bib", source)
    (source / "conf.py").write_text(CONFIGURATION)

    def build(**pages: str):
        for name, text in pages.items():
            (source / f"{name}.md").write_text(text)
        listed = "\n".join(pages)
        (source / "index.md").write_text(f"# Book\n\n```{{toctree}}\n{listed}\n```\n")
        made, said = tmp_path / "_build" / "html", io.StringIO()
        with contextlib.redirect_stderr(said):
            status = build_main(["-q", "-W", "--keep-going", str(source), str(made)])
        return SimpleNamespace(returncode=status, stderr=said.getvalue()), made

    return build


GOOD = (
    HEAD
    + """
# Good

Half is {glue:text}`half:.1f`, cited is {constant}`99.9 %`, code is `0.5`, a formula $0.5 x^2$
{cite}`brown1991calculation`.
The licence is CC BY 4.0, the package is version 0.4.0.

$$ y = \\frac{1}{2} $$ (eq-half)

See {eq}`eq-half`.

```{code-cell} ipython3
:tags: [remove-input]
from IPython.display import HTML, display
from myst_nb import glue
glue("half", 0.5, display=False)
print(0.25)
HTML('<script data-nmp-bundle>alert()</script>'
     '<audio controls preload="none" src="data:audio/mpeg;base64,aGVsbG8="></audio>')
```

::::{predict}
Which?

:::{fold} Answer
This, $x$.
:::
::::

```{bibliography}
```
"""
)


@pytest.mark.slow
def test_a_good_chapter(book):
    done, pages = book(good=GOOD)
    assert done.returncode == 0, done.stderr
    page = (pages / "good.html").read_text("utf8")
    assert "data:" not in page.replace("data: blob:", "") and "alert()" not in page
    sound = re.search(r'<audio controls preload="none" src="(_static/built/\w+\.mp3)">', page)
    assert (pages / sound[1]).read_bytes() == b"hello"
    assert re.search(r'<details class="[^"]*nmp-fold[^"]*">\s*<summary>Answer</summary>', page)
    assert page.count("<math ") == 3 and 'href="#equation-eq-half">(1)</a>' in page
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    allowed = re.search(r"script-src ([^;]*)", policy)[1].split()
    scripts = re.findall(r"<script(?![^>]*src=)[^>]*>(.*?)</script>", page, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    assert scripts and set(allowed) == {"'self'", *(f"'sha256-{one}'" for one in hashes)}
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=\"https?:", page)


def test_bad_chapters_fail_with_place_and_mend(book):
    done, _ = book(
        decimal="# A\n\nIt rises\nto 0.71 in the end.\n",
        percentage="# B\n\n- a list\n- with 83 % of it\n",
        picture="# C\n\n![](https://example.org/x.png)\n",
        formula="# D\n\nA formula $\\frac{1$.\n",
        table="# E\n\n| a | b |\n| --- | --- |\n| 1 | .55 |\n",
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    for place, words in {
        "decimal.md:4": '"0.71" is typed into the prose',
        "percentage.md:4": '"83 %" is typed into the prose',
        "picture.md:3": "has no alt text",
        "formula.md:3": "KaTeX parse error",
        "table.md:5": '".55" is typed into the prose',
    }.items():
        assert any(place in line and words in line for line in lines), done.stderr
    assert "glue" in done.stderr and "{constant}`0.71`" in done.stderr


@pytest.mark.slow
def test_a_chapter_whose_code_fails_is_named(book):
    done, _ = book(broken=HEAD + "\n# F\n\n```{code-cell} ipython3\nassert 1 == 2, 'one is not two'\n```\n")
    assert done.returncode != 0
    assert "broken.md" in done.stderr and "one is not two" in done.stderr


def test_code_has_changed_when_its_meaning_has(tmp_path):
    """Comments, docstrings and layout are no change; code, checkpoints and the lock file are."""
    code = '"""Old words."""\n\n\ndef q():\n    """Old words."""\n    return 51\n'

    def written(path: str, text: str) -> str:
        (tmp_path / path).write_text(text)
        execution._meaning.cache_clear()
        return execution.fingerprint(["cqt.py", "a.json", "run-0.json"], root=tmp_path)

    written("requirements.lock", "numpy==2\n")
    written("a.json", "{}")
    written("run-0.json", "{}")
    first = written("cqt.py", code)
    assert written("cqt.py", code.replace("Old", "New") + "# a comment\n") == first
    assert written("other.py", "not reached") == first
    assert written("cqt.py", code.replace("51", "52")) != first
    assert written("cqt.py", code) == first
    assert written("a.json", "[]") != first
    assert written("a.json", "{}") == first
    assert written("run-1.json", "{}") != first  # another seed of a run that was reached
    (tmp_path / "run-1.json").unlink()
    assert written("running-0.json", "{}") == first
    assert written("requirements.lock", "numpy==3\n") != first


@pytest.mark.parametrize("text", ["", "{", "{}", '{"reached": []}', "[]"])
def test_a_damaged_record_means_that_the_chapter_runs_again(tmp_path, text):
    chapter = tmp_path / "good.md"
    chapter.write_text(HEAD + "\n# Good\n")
    record = execution._record(chapter, tmp_path)
    record.parent.mkdir()
    record.write_text(text)
    assert execution._must_run(chapter, tmp_path)


def reaching(prefix: str) -> set[str]:
    """The chapters whose last run reached a file whose path begins so."""
    kept = {path.stem: json.loads(path.read_text()) for path in (ROOT / "_build" / ".executed" / "reached").iterdir()}
    return {name for name, record in kept.items() if any(path.startswith(prefix) for path in record["reached"])}


def test_a_change_runs_just_the_chapters_that_reach_it(book_html):
    """`setup` runs the commands, and `instructors` reads every exercise, whose answers call the whole library."""
    assert reaching("nmp_lessons/decoding/pitch_bends") == {"decoding", "instructors"}
    assert reaching("nmp_lessons/median_filtering") == {"ablations", "median_filtering", "instructors"}
    assert reaching("nmp_lessons/augmentation/denoising") == {"augmentation", "instructors"}
    assert reaching("") - reaching("nmp_lessons/decoding/") == {"lab_book", "prerequisites", "scaling"}
    assert reaching("nmp_lessons/cli/") == {"instructors", "setup"}
    assert reaching("nmp_lessons/book/site/") == set()
    assert {"hearing", "cqt", "model"}.isdisjoint(reaching("nmp_lessons/checkpoints/gru-0"))


@pytest.mark.parametrize(
    "text",
    ["16,782 parameters", "CC BY-NC-SA 4.0", "version 3.11", "basic-pitch 0.4.0", "Op. 27", "in 1.", "v3.0"],
)
def test_these_are_no_measurements(text):
    assert prose.typed_numbers(text) == []


@pytest.mark.parametrize("number", ["0.5", ".5", "12 %", "12%", "99.9 %", "−3.1", "12 per cent"])
def test_these_are_measurements(number):
    assert prose.typed_numbers(f"It is {number}, or ({number}).") == [number, number]


def test_formulas_are_set_once(tmp_path):
    typesetter = mathematics.Typesetter(ROOT / "web", tmp_path / "kept.json")
    good, bad = typesetter([("x^2", False), ("\\oops", True)])
    assert "<math" in good["html"] and "oops" in bad["error"]
    typesetter.save()
    again = mathematics.Typesetter(ROOT / "web", tmp_path / "kept.json")
    again.web = None  # nothing is left to set
    assert again([("x^2", False)]) == [good]


def test_the_same_sound_is_one_file(tmp_path):
    html = '<audio src="data:audio/ogg;base64,aGVsbG8=">' * 2
    assert assets.as_files(html, folder=tmp_path, url="built").count(".ogg") == 2
    assert len(list(tmp_path.iterdir())) == 1
