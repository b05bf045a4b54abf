"""The package as others install it: light, alone, and plain about what is missing."""

import csv
import hashlib
import importlib
import io
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from base64 import urlsafe_b64encode
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from nmp_lessons.book import manuscript, show
from nmp_lessons.book.answers.wheel import write_wheel
from nmp_lessons.cli import main
from nmp_lessons.errors import MissingExtra

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]


# Extras


@pytest.mark.parametrize(
    "command, module, extra",
    [
        ("train main-0 --corpus void", "lightning_fabric", "train"),
        ("export main-0", "onnx", "export"),
        ("instructor term", "otter", "instructor"),
        ("grade term handed-in", "psutil", "instructor"),
        ("grade term handed-in", "IPython", "instructor"),
    ],
)
def test_a_command_names_the_extra_that_it_lacks(command, module, extra, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    assert main(command.split()) == 2
    assert (
        capsys.readouterr().err
        == f"nmp-lessons: {module} is not installed: run `pip install 'nmp-lessons[{extra}]'`.\n"
    )
    assert not list(tmp_path.iterdir())


def test_players_and_plots_name_their_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"nmp-lessons\[chapters\]"):
        importlib.reload(show)


def test_every_extra_that_is_named_exists():
    named = {
        extra
        for folder in ("nmp_lessons", "exercises")
        for path in (ROOT / folder).rglob("*.py")
        for extra in re.findall(r'needs\(\s*"(\w+)", "|nmp-lessons\[(\w+)\]', path.read_text("utf8"))
        for extra in extra
        if extra
    }
    assert named <= set(PROJECT["optional-dependencies"])
    assert issubclass(MissingExtra, ImportError)


LIGHT = """
import json, pkgutil, sys

class Missing:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

missing = json.loads(sys.argv[1])
sys.meta_path.insert(0, Missing)

import nmp_lessons
from nmp_lessons.audio.formats import save
from nmp_lessons.book import answers
from nmp_lessons.cli import main
from nmp_lessons.sound import tone

for module in pkgutil.walk_packages(nmp_lessons.__path__, "nmp_lessons."):
    if not module.name.startswith(("nmp_lessons.book.", "nmp_lessons.__main__")):
        __import__(module.name)
save(tone(440, 1.0, partials=(1, 0.5, 0.3)), "a4.wav")
assert main("transcribe a4.wav --network piano".split()) == 0
assert main("evaluate a4.mid a4.csv".split()) == 0
assert main(["experiments"]) == 0
assert answers.check("sound-softer", "20*log10(1/5)") and not answers.check("sound-softer", 3)
"""


@pytest.mark.slow
def test_transcribing_and_answering_need_no_extra_and_no_lock_of_posix(tmp_path):
    missing = json.dumps([*not_for_everybody(), "fcntl"])
    done = run([sys.executable, "-c", LIGHT, missing], tmp_path, {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr


def not_for_everybody() -> list[str]:
    """The modules of this environment that no dependency of the package brings, extras aside."""
    kept, todo = {"nmp-lessons"}, [Requirement(line) for line in PROJECT["dependencies"]]
    while todo:
        requirement = todo.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name not in kept and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            kept.add(name)
            todo += map(Requirement, metadata.requires(name) or ())
    owners = metadata.packages_distributions()
    return [
        module
        for module, names in owners.items()
        if module not in sys.stdlib_module_names and not kept & {re.sub(r"[-_.]+", "-", name).lower() for name in names}
    ]


# The wheel


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """An environment with the built wheel and this environment's other packages, far from the repository."""
    place = tmp_path_factory.mktemp("alone")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", place, ROOT], check=True)
    venv.create(place / "env", with_pip=False)
    python = place / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([python, "-c", script], text=True).strip())
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    others = [
        path for path in sys.path if path.endswith("site-packages")
    ]  # their own .pth files are not read from here
    (site / "others.pth").write_text("\n".join(others), "utf8")
    return python


def run(command: list, folder: Path, also: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """A command in a folder, without what this shell knows of the book."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "NMP_LESSONS_S", "NMP_LESSONS_E"))
    }
    return subprocess.run(
        command, cwd=folder, env=kept | {"PYTHONUTF8": "1"} | (also or {}), capture_output=True, encoding="utf8"
    )


ALONE = """
from pathlib import Path

import nmp_lessons
from nmp_lessons.audio.formats import save
from nmp_lessons.book import answers, manuscript
from nmp_lessons.sound import tone

assert manuscript.root() == manuscript.SHIPPED, manuscript.root()
assert answers.check("sound-softer", "20*log10(1/5)")
assert answers.starter("sound-sustain")
save(tone(440, 1.0, partials=(1, 0.5, 0.3)), "a4.wav")
print(Path(nmp_lessons.__file__).parent)
"""


@pytest.mark.slow
def test_the_wheel_alone_in_an_empty_folder(alone, tmp_path):
    began = run([alone, "-c", ALONE], tmp_path)
    assert began.returncode == 0 and Path(began.stdout.strip()).is_relative_to(alone.parents[1]), began.stderr
    commands = [
        "transcribe a4.wav --network piano",
        "evaluate a4.mid a4.csv",
        "experiments",
        "export main-0",
        "instructor term --seed 2027 --chapters sound",
    ]
    for command in commands:
        done = run([alone, "-m", "nmp_lessons", *command.split()], tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert {path.name for path in tmp_path.iterdir()} == {"a4.wav", "a4.mid", "a4.csv", "main-0.onnx", "term"}
    assert (tmp_path / "term" / "solutions" / "sound.ipynb").exists()
    with zipfile.ZipFile(tmp_path / "term" / "autograder" / "sound.zip") as zipped:
        (name,) = [name for name in zipped.namelist() if name.startswith("wheels/")]
        packed = zipfile.ZipFile(io.BytesIO(zipped.read(name)))
    assert not [name for name in packed.namelist() if "/shipped/" in name]


@pytest.mark.slow
def test_titles_and_equations_come_with_the_wheel(alone):
    site = (
        next((alone.parents[1] / "lib").glob("*/site-packages"))
        if os.name != "nt"
        else alone.parents[1] / "Lib/site-packages"
    )
    shipped = site / "nmp_lessons" / "book" / "shipped"
    for path in [ROOT / "_toc.yml", *(ROOT / "book").glob("*.md"), ROOT / "book" / "references.bib"]:
        assert (shipped / path.relative_to(ROOT)).read_bytes() == path.read_bytes()
    for path in (ROOT / "exercises").glob("*/*.*"):
        assert (shipped / path.relative_to(ROOT)).read_bytes() == path.read_bytes()
    assert (site / "nmp_lessons" / "py.typed").exists() and list((site / "nmp_lessons").glob("*/__init__.pyi"))


def test_here_the_text_is_the_repositorys():
    assert manuscript.root() == ROOT


def test_a_wheel_of_what_is_installed_is_whole_and_the_same_each_time(tmp_path):
    first, again = (write_wheel(folder) for folder in (make(tmp_path / "a"), make(tmp_path / "b")))
    assert first.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(first) as packed:
        names = set(packed.namelist())
        (record,) = [name for name in names if name.endswith(".dist-info/RECORD")]
        rows = list(csv.reader(io.StringIO(packed.read(record).decode())))
        assert {name for name, _, _ in rows} == names and "nmp_lessons/hearing.py" in names
        for name, digest, size in rows:
            if name != record:
                found = urlsafe_b64encode(hashlib.sha256(packed.read(name)).digest()).rstrip(b"=").decode()
                assert digest == f"sha256={found}" and int(size) == packed.getinfo(name).file_size
    assert not [name for name in names if "/site/" in name or name.endswith((".js", ".wasm"))]
    assert {f"{Path(record).parent}/METADATA", f"{Path(record).parent}/WHEEL"} <= names


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder
