"""README's map is true of the files."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf8")
SLUGS = re.findall(r"`(\w+)`", re.search(r"The slugs are (.*?)\.", README, re.DOTALL)[1])


def test_the_slugs_are_the_chapters_of_the_book():
    parts = (ROOT / "_toc.yml").read_text("utf8").split("Back matter")[0]
    assert re.findall(r"file: (\w+)", parts) == SLUGS


@pytest.mark.parametrize("slug", SLUGS)
def test_everything_about_a_chapter_bears_its_name(slug):
    assert (ROOT / "book" / f"{slug}.md").is_file()
    modules = [ROOT / "nmp_lessons" / f"{slug}.py", ROOT / "nmp_lessons" / slug / "__init__.py"]
    assert [module.is_file() for module in modules].count(True) == 1
    assert (ROOT / "exercises" / slug / "exercises.md").is_file()
    assert (ROOT / "tests" / f"test_{slug}.py").is_file()


def test_every_module_is_on_the_map():
    """Chapters, the folders that the map names, and the foundations below them."""
    foundations = {"__init__", "__main__", "constants", "errors", "fetch", "files"}
    named = set(re.findall(r"`nmp_lessons/(\w+)/`", README))
    found = {
        path.stem
        for path in (ROOT / "nmp_lessons").iterdir()
        if path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__")
    }
    assert found == set(SLUGS) | named | foundations


def test_every_room_of_the_book_is_on_the_map():
    rooms = {path.parent.name for path in (ROOT / "nmp_lessons/book").glob("*/__init__.py")}
    assert set(re.findall(r"`nmp_lessons/book/(\w+)/`", README)) == rooms


def test_what_a_package_exports_is_described_on_the_page_of_the_library():
    described = set(re.findall(r"automodule:: (\S+)", (ROOT / "book/api.md").read_text("utf8")))
    exporting = {
        f"{'.'.join(stub.parent.relative_to(ROOT).parts)}.{module}"
        for stub in (ROOT / "nmp_lessons").rglob("__init__.pyi")
        for module in re.findall(r"^from \.(\w+) import", stub.read_text("utf8"), re.MULTILINE)
    }
    assert exporting - described == set()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:\w+/)+)`", README))))
def test_every_folder_on_the_map_is_there(path):
    assert (ROOT / path).is_dir()


def test_every_test_file_is_named_after_what_it_tests():
    rooms = {*SLUGS, "audio", "notes", "data", "book", "cli", "structure"}
    for path in (ROOT / "tests").glob("test_*.py"):
        assert any(path.stem == f"test_{room}" or path.stem.startswith(f"test_{room}_") for room in rooms), path.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "code, absent",
    [
        (
            "import nmp_lessons, nmp_lessons.cli as cli; cli.parser()",
            {"torch", "numba", "librosa", "mir_eval", "scipy"},
        ),
        ("from nmp_lessons import transcribe", {"librosa", "mir_eval", "lightning_fabric", "matplotlib"}),
        ("from nmp_lessons.training import load", {"librosa", "mir_eval", "lightning_fabric", "matplotlib"}),
    ],
)
def test_an_import_loads_what_it_needs(code, absent):
    command = [sys.executable, "-c", f"import sys; {code}; print(*{absent} & set(sys.modules))"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "", done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


def test_no_file_of_code_is_too_long():
    """The limit and the exception that CONTRIBUTING.md names."""
    (limit,) = re.findall(
        r"at most (\d+) lines. The one exception is `(\S+)`", (ROOT / "CONTRIBUTING.md").read_text("utf8")
    )
    listed = subprocess.run(["git", "ls-files", "*.py", "*.ts", "*.css"], cwd=ROOT, capture_output=True, text=True)
    files = listed.stdout.split() or pytest.skip("no checkout of git")
    long = [name for name in files if len((ROOT / name).read_text("utf8").splitlines()) > int(limit[0])]
    assert long == [limit[1]]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no run bit")
@pytest.mark.parametrize("script", sorted((ROOT / "findings").glob("*.sh")), ids=lambda path: path.stem)
def test_a_finding_can_be_run_and_cleans_up(script):
    """What it finds is not run here: it fetches other people's packages."""
    text = script.read_text("utf8")
    assert os.access(script, os.X_OK) and text.startswith("#!/bin/sh\n# ")
    assert "\nset -eu\nfolder=$(mktemp -d)\ntrap 'rm -rf \"$folder\"' EXIT\n" in text
    assert not re.search(r"(?<![\w$\"])/(?!bin/sh|dev/null)\w+/|\bhttps?://", text)
