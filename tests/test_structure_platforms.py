"""What runs on one machine runs on the others: systems, Pythons, locks, workflows, the Makefile."""

import json
import multiprocessing
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from nmp_lessons.errors import InputError
from nmp_lessons.training import loop, maestro_clips
from tools import lock, wheels

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# Other packages have forms of their own for Windows, so they are loaded before the functions go, and ours again after.
WINDOWS = """
import os, pkgutil, signal, sys

def load():
    import nmp_lessons

    names = [module.name for module in pkgutil.walk_packages(nmp_lessons.__path__, "nmp_lessons.")]
    for name in names:
        if not name.endswith("__main__"):
            __import__(name)
    return len(names)

load()
for name in [name for name in sys.modules if name.split(".")[0] == "nmp_lessons"]:
    del sys.modules[name]
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for home, names in {
    os: "register_at_fork fork killpg getpgid setsid sched_getaffinity getuid geteuid uname sysconf mkfifo",
    signal: "SIGKILL SIGALRM SIGHUP alarm",
}.items():
    for name in names.split():
        if hasattr(home, name):
            delattr(home, name)
loaded = load()

from nmp_lessons.audio.formats import save
from nmp_lessons.cli import main
from nmp_lessons.sound import tone

save(tone(440, 1.0, partials=(1, 0.5, 0.3)), "a4.wav")
print(loaded, main(["transcribe", "a4.wav", "--network", "separable-main-0"]))
"""


@pytest.mark.slow
def test_every_module_loads_and_a_command_runs_where_posix_is_missing(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WINDOWS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    loaded, status = done.stdout.splitlines()[-1].split() if done.stdout else ("0", "no")
    assert int(loaded) > 100 and status == "0", done.stderr
    assert (tmp_path / "a4.csv").read_text("utf8").count("\n") > 1


def test_exercises_are_read_alike_whatever_the_locale(tmp_path):
    code = """
from nmp_lessons.book import answers
from nmp_lessons.book.answers import instructor

assert answers.check("sound-softer", "20*log10(1/5)")
assert instructor.openings() and "earned by" in instructor.rubric(["sound"])
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_stubs_are_read_alike_whatever_the_locale():
    """lazy_loader opens them in the encoding of the machine."""
    stubs = list((ROOT / "nmp_lessons").rglob("*.pyi"))
    assert stubs and all(path.read_bytes().isascii() for path in stubs)


def test_workers_start_as_the_system_allows(monkeypatch):
    assert maestro_clips._processes().get_start_method() in ("forkserver", "spawn")
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert maestro_clips._processes().get_start_method() == "spawn"


def test_one_run_at_a_time_has_a_folder_and_the_next_one_after_it(tmp_path):
    with maestro_clips._alone(tmp_path):
        with pytest.raises(InputError, match="another run is at work"), maestro_clips._alone(tmp_path):
            pass
    (tmp_path / ".writing-left").mkdir()
    with maestro_clips._alone(tmp_path):
        assert not (tmp_path / ".writing-left").exists()


def test_a_machine_without_proc_has_a_processor_all_the_same(monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda self: False)
    monkeypatch.setattr(loop.torch.cuda, "is_available", lambda: False)
    assert loop.best_precision() == "32-true" and isinstance(loop._processor(), str)


# Locks


@pytest.mark.parametrize("path", lock.HEADS, ids=lambda path: path.name)
def test_a_lock_has_exact_versions_their_hashes_and_nothing_else(path):
    pins = lock.read(path)
    assert pins and all(pins.values())
    assert path.read_text("utf8") == f"# {lock.HEADS[path]}\n{lock.text(pins)}"


def test_only_the_lock_for_graphics_cards_brings_anything_for_them():
    assert not [pin for pin in lock.read(lock.LOCK) | lock.read(lock.BINDER) if lock.FOR_GPUS.match(pin[0])]
    assert all(lock.FOR_GPUS.match(name) and "linux" in marker for name, _, marker in lock.read(lock.CUDA))


def test_the_lock_takes_either_build_of_pytorch():
    (pin,) = [pin for pin in lock.read(lock.LOCK) if pin[0] == "torch"]
    ((_, version, _),) = lock.read(lock.CPU)
    assert f"torch=={pin[1]}" == lock.TORCH and version == f"{pin[1]}+cpu"
    assert set.union(*lock.read(lock.CPU).values()) < lock.read(lock.LOCK)[pin]


def test_every_requirement_of_the_project_is_in_the_lock():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {plain(re.match(r"[\w.-]+", line)[0]) for line in asked} - {"nmp-lessons"}
    assert names <= {name for name, _, _ in lock.read(lock.LOCK)}


@pytest.mark.parametrize("path", [lock.LOCK, lock.BINDER], ids=lambda path: path.name)
def test_a_lock_has_all_that_its_packages_ask_for(path):
    """It is installed as it stands, so nothing else would bring them."""
    names = {name for name, _, _ in lock.read(path)} | {"torch"}
    for name in sorted(names):
        try:
            asked = map(Requirement, metadata.requires(name) or ())
        except metadata.PackageNotFoundError:  # for another system
            continue
        here = {plain(one.name) for one in asked if not one.marker or one.marker.evaluate({"extra": ""})}
        assert {one for one in here - names if not lock.FOR_GPUS.match(one)} == set(), name


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_differs_from_the_lock_is_named_however_it_is_spelt():
    (pin,) = [pin for pin in lock.read(lock.LOCK) if pin[0] == "mir-eval"]
    assert lock.differences([f"mir_eval=={pin[1]}\n", "torch==2.13.0+cpu\n", "numpy==1.0\n"]) == ["numpy==1.0"]


def test_a_wheel_fits_where_its_name_says():
    url = "https://example.org/a/llvmlite-0.50.0-cp312-cp312-{}.whl"
    package = {"name": "llvmlite", "version": "0.50.0"}
    on_linux, on_macs = (
        {**package, "wheels": [{"url": url.format(tag)}]} for tag in ("manylinux_2_17_x86_64", "macosx_11_0_arm64")
    )
    tags = {system: platforms for system, (_, _, platforms) in wheels.SYSTEMS.items()}
    assert wheels.fits(on_linux, (3, 12), tags["Linux x86-64"]) and not wheels.fits(
        on_linux, (3, 13), tags["Linux x86-64"]
    )
    assert wheels.fits(on_macs, (3, 12), tags["macOS arm64"]) and not wheels.fits(
        on_macs, (3, 12), tags["macOS x86-64"]
    )
    assert not wheels.fits(package, (3, 12), tags["Windows x86-64"])  # a source alone
    only = {**package, "marker": "sys_platform == 'win32' and python_full_version < '3.13'"}
    assert wheels.wanted(only, (3, 12), "win32", "AMD64") and not wheels.wanted(only, (3, 13), "win32", "AMD64")


# Workflows and the Makefile


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_names_actions_by_commit(path):
    used = re.findall(r"uses: *(.*)", path.read_text("utf8"))
    assert used and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_that_may_write_runs_nothing_of_the_book(path):
    workflow = yaml.safe_load(path.read_text("utf8"))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        told = json.dumps(job["steps"])
        if "write" in job.get("permissions", {}).values():
            assert "actions/checkout" not in told and not re.search(r"\b(make|pip|python|npm|nmp-lessons)\b", told)
        else:
            assert "permissions" not in job and '"persist-credentials": false' in told


def test_the_fast_tests_run_on_every_system_and_python():
    strategy = yaml.safe_load((ROOT / ".github/workflows/verify.yml").read_text("utf8"))["jobs"]["fast"]["strategy"]
    systems, pythons = strategy["matrix"]["system"], strategy["matrix"]["python"]
    assert [system.split("-")[0] for system in systems] == ["ubuntu", "macos", "windows"]
    assert pythons == [".".join(map(str, python)) for python in wheels.PYTHONS]


@pytest.mark.parametrize("name", ["Makefile", "binder/postBuild", ".github/workflows/verify.yml"])
def test_every_install_from_a_lock_verifies_hashes(name):
    text = (ROOT / name).read_text("utf8").replace("$(VERIFIED)", "--require-hashes --no-deps")
    lines = [line for line in text.splitlines() if re.search(r"pip install.* -r ", line)]
    assert lines and all("--require-hashes --no-deps" in line for line in lines)


def test_the_makefile_needs_no_tool_of_one_system():
    text = (ROOT / "Makefile").read_text("utf8")
    gnu = r"xargs -\w*[0r]|cp --|sed -i|-printf|readlink -f|date -d|\$\(file |\.ONESHELL|grep -P|::="
    assert not re.search(gnu, text)
