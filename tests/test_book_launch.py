"""Where a chapter runs, what is said of when it was verified, and the files that other services read."""

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import check_jsonschema
import jinja2
import pytest
import yaml
from docutils import nodes
from docutils.utils import new_document

import nmp_lessons
from nmp_lessons.book import answers
from nmp_lessons.book.site import launch, verified
from tools import lock

ROOT = Path(__file__).parents[1]
CHAPTERS = re.findall(r"file: (\w+)", (ROOT / "_toc.yml").read_text("utf8").split("Back matter")[0])
GITHUB = "https://github.com/someone/book"


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    return {path.stem: json.loads(path.read_text("utf8")) for path in launch.write(tmp_path_factory.mktemp("nb"))}


def code(notebook: dict) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize(
    "address", [GITHUB, f"{GITHUB}/", f"{GITHUB}.git", "https://gitlab.com/someone/book", "https://a.org/x/y"]
)
def test_every_address_opens_this_chapter_in_jupyterlab(address):
    where = launch.launch(address, "cqt", branch="a/b")["Binder"]
    assert where.startswith("https://mybinder.org/v2/g") and "/a%2Fb?" in where
    assert where.endswith("urlpath=lab/tree/notebooks/cqt.ipynb") and ".git/" not in where


def test_other_hosts_keep_their_whole_address():
    assert "/v2/gl/someone%2Fbook/" in launch.launch("https://gitlab.com/someone/book", "cqt")["Binder"]
    assert "/v2/git/https%3A%2F%2Fa.org%2Fx%2Fy/" in launch.launch("https://a.org/x/y", "cqt")["Binder"]
    assert list(launch.launch("https://gitlab.com/someone/book", "cqt")) == ["Binder"]  # Colab reads GitHub alone


def test_without_an_address_no_button_leads_anywhere():
    assert launch.launch("", "cqt") == launch.launch("  ", "cqt") == {}


def shown(**context) -> str:
    """The buttons at the head of a page, the theme's own left out."""
    template = (ROOT / "book" / "_templates" / "article-header-buttons.html").read_text("utf8")
    template = re.sub(r"{% include .*? %}", "", template)
    return jinja2.Template(template).render(pathto=lambda page, *_: f"{page}.html", **context)


def test_the_button_of_a_chapter_leads_there_or_says_what_to_set():
    html = shown(launch=launch.launch(GITHUB, "cqt"))
    assert len(re.findall(r'href="https://[^"]+cqt\.ipynb">', html)) == 2
    assert ">on Binder</a>" in html and ">on Colab</a>" in html and "_config.yml" not in html
    html = shown(launch={})
    assert "https:" not in html and "<code>repository: url</code>" in html and 'href="setup.html"' in html
    assert "nmp-launch" not in shown()  # a page without code


def test_an_exercise_in_code_is_one_click_away_once_there_is_an_address(notebooks, monkeypatch):
    monkeypatch.setattr(launch, "is_chapter", lambda path: path.stem != "assignment")
    options: dict = {}
    app = SimpleNamespace(
        config=SimpleNamespace(html_theme_options=options), env=SimpleNamespace(doc2path=lambda page: f"{page}.md")
    )

    def links(page: str) -> list[str]:
        document = new_document("page")
        document += nodes.raw("", "<p>Download</p>", format="html", exercise="cqt-hops")
        document += nodes.paragraph("", "After it.")
        launch._offer_exercises(app, document, page)
        return re.findall(r'href="([^"]+)"', document[1].astext())

    assert links("cqt") == []
    options["repository_url"] = GITHUB
    binder, colab = links("cqt")
    assert unquote(urlsplit(binder).query) == "urlpath=lab/tree/notebooks/cqt.ipynb?#cell-id=cqt-hops"
    assert colab.endswith("/cqt.ipynb#scrollTo=cqt-hops")
    assert links("assignment") == []
    for slug in CHAPTERS:
        cells = {cell["id"]: "".join(cell["source"]) for cell in notebooks[slug]["cells"]}
        assert all(cells[name].startswith("### ") for name in answers.source.answers(slug))


def test_every_chapter_is_a_notebook_with_its_exercises(notebooks):
    assert set(CHAPTERS) == set(notebooks)
    for slug in CHAPTERS:
        cells = code(notebooks[slug])
        checked = set(re.findall(r'answers\.check\("([\w-]+)", (?:\.\.\.|\w+)\)', "\n".join(cells)))
        assert checked == set(answers.source.answers(slug))
        text = "".join("".join(cell["source"]) for cell in notebooks[slug]["cells"] if cell["cell_type"] == "markdown")
        assert not re.search(r"^(```|:::)\{", text, re.MULTILINE)


@pytest.mark.slow
def test_a_chapter_for_colab_begins_by_setting_up(tmp_path):
    made = json.loads(launch.write(tmp_path, repository=GITHUB)[0].read_text("utf8"))
    first = code(made)[0]
    assert made["cells"][0]["cell_type"] == "code" and GITHUB in first and f"--branch {launch.BRANCH} " in first
    plain = [line for line in first.splitlines() if line[0] not in "!%"]
    ast.parse("\n".join(plain))
    assert "NMP_LESSONS_EXERCISES" in first and "nmp-lessons sounds" in first


def test_binder_writes_the_notebooks_where_the_buttons_look(monkeypatch, capsys):
    script = (ROOT / "binder" / "postBuild").read_text("utf8")
    assert f"python -m nmp_lessons.book.site {launch.NOTEBOOKS} --run\n" in script
    monkeypatch.setattr(sys, "argv", ["python -m nmp_lessons.book.site", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("nmp_lessons.book.site", run_name="__main__")
    assert ended.value.code == 0 and "--colab" in capsys.readouterr().out


def test_the_commands_of_binder_exist():
    path = ROOT / "binder" / "postBuild"
    assert subprocess.run(["bash", "-n", path.as_posix()]).returncode == 0
    assert os.name == "nt" or path.stat().st_mode & 0o111  # Windows has no such bit
    from nmp_lessons.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["sounds", "--help"])
    assert ended.value.code == 0
    assert "build" in json.loads((ROOT / "web" / "package.json").read_text("utf8"))["scripts"]


def test_binder_installs_what_the_lock_has_and_no_pytorch_for_gpus():
    small, whole = lock.read(lock.BINDER), lock.read(lock.LOCK)
    assert small.items() < whole.items()
    names = {name for name, _, _ in small}
    assert not names & {"torch", "pytest", "playwright", "onnxruntime", "jupyter-book", "hypothesis"}
    wanted = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text("utf8"))
    assert wanted["channels"] == ["conda-forge"]
    assert any(line.startswith("pytorch-cpu") for line in wanted["dependencies"])


def test_binder_has_every_package_that_a_chapter_needs():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["lab"], *extras["chapters"], *extras["train"], *extras["media"]]
    names = {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in needed} - {"torch", "nmp-lessons"}
    assert names <= {name for name, _, _ in lock.read(lock.BINDER)}


def test_one_setting_names_the_repository():
    chosen = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    assert set(chosen["repository"]) == {"url", "branch"} and chosen["sphinx"]["recursive_update"] is True


# Verified


def test_a_commit_is_named_and_changes_since_are_told(tmp_path):
    def git(*command: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    assert verified.commit(tmp_path) == ""
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "one")
    assert re.fullmatch(r"[0-9a-f]{7,}", verified.commit(tmp_path))
    (tmp_path / "a").write_text("2")
    assert re.fullmatch(r"[0-9a-f]{7,} and changes since", verified.commit(tmp_path))


def test_a_machine_without_git_names_no_commit(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert verified.commit(ROOT) == ""


def test_the_versions_are_those_that_are_installed():
    import numpy
    import torch

    assert verified.versions()["numpy"] == numpy.__version__ and verified.versions()["torch"] == torch.__version__
    assert verified.spelled(date(2026, 1, 9)) == "9 January 2026"


def test_errata_name_commits_of_this_book_and_their_days():
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a clone: run the tests in one")
    shallow = subprocess.check_output(["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, text=True).strip()
    if shallow == "true":
        pytest.skip("a shallow clone: `git fetch --unshallow` brings the history")
    entries = re.findall(
        r"^(\d+ \w+ \d{4}), .*?\(`([0-9a-f]{7})`\)", (ROOT / "book" / "errata.md").read_text("utf8"), re.M | re.S
    )
    assert entries
    for day, commit in entries:
        shown = ["git", "show", "-s", "--format=%ad", "--date=format:%-d %B %Y", commit]
        assert subprocess.check_output(shown, cwd=ROOT, text=True).strip() == day


# Files that other services read


@pytest.mark.parametrize(
    "schema, path",
    [
        ("vendor.github-workflows", ".github/workflows/verify.yml"),
        ("vendor.github-workflows", ".github/workflows/publish.yml"),
        ("vendor.citation-file-format", "CITATION.cff"),
    ],
)
def test_their_form_is_valid(schema, path):
    assert check_jsonschema.main(["--builtin-schema", schema, str(ROOT / path)], standalone_mode=False) == 0


@pytest.mark.parametrize("name", ["verify", "publish"])
def test_a_workflow_calls_only_what_make_has(name):
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text("utf8"))
    steps = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    called = {word for run in steps for line in re.findall(r"^make (.*)$", run, re.M) for word in line.split()}
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf8"), re.M))
    assert called and {word for word in called if "=" not in word} <= targets


def test_the_weekly_build_keeps_no_cache():
    text = (ROOT / ".github" / "workflows" / "verify.yml").read_text("utf8")
    assert "schedule:" in text and "cache@" not in text and 'PIP_NO_CACHE_DIR: "1"' in text
    assert {"fast", "locked", "newest", "plain", "links"} == set(yaml.safe_load(text)["jobs"])


def test_the_citation_names_the_version_and_licence_of_the_project():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    assert cited["version"] == nmp_lessons.__version__ and cited["license"] == project["license"].split(" AND ")


def test_the_container_is_made_from_the_same_files():
    recipe = (ROOT / ".devcontainer" / "Dockerfile").read_text("utf8")
    assert "binder/environment.yml" in recipe and "binder/postBuild" in recipe
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf8"))
    assert (ROOT / ".devcontainer" / settings["build"]["dockerfile"]).exists()
