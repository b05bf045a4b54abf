"""Strangers' code: whatever a submission does, other marks, files outside and the grader's time stay as they are.

What the submissions below do is harmless where nothing holds them: they read, write and start nothing but what the
test has made for them.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from nmp_lessons import cli
from nmp_lessons.book.grading import exchange, isolation, marks, moodle
from nmp_lessons.book.grading.isolation import LIMITS, Process
from nmp_lessons.book.grading.judge import Chapter, Remote, marked
from nmp_lessons.errors import InputError
from nmp_lessons.files import read_rows

MISSING = isolation.obstacle()
walled = pytest.mark.skipif(bool(MISSING), reason=f"no sandbox: {MISSING}")
TRUST = ["--trust"] if MISSING else []
pytestmark = pytest.mark.slow  # each submission starts a Python of its own

NUMBER = {
    "made": True,
    "name": "hearing-a",
    "kind": "number",
    "value": 7.0,
    "tolerance": 0.01,
    "unit": "",
    "misses": [],
}
FORMULA = {"made": True, "name": "hearing-f", "kind": "formula", "variables": ["x"], "misses": []}
FORMULA |= {"points": [{"x": 1.0}, {"x": 3.0}], "values": [2.0, 6.0]}
CHAPTER = Chapter(
    exercises=[
        {"name": "hearing-a", "marks": 2, "variable": "hearing_a", "key": NUMBER},
        {"name": "hearing-double", "marks": 6, "function": "double"},
        {"name": "hearing-f", "marks": 3, "variable": "hearing_f", "key": FORMULA},
    ],
    checks="def check_double(student):\n    assert student(2) == 4\n\n\n"
    "def hidden_double(student, solution):\n    assert student(987) == solution(987)  # HIDDEN-TEST\n",
    solution="def double(x):\n    return 2 * x  # THE-SOLUTION\n",
)
RIGHT = ["hearing_a = 7", "def double(x):\n    return x + x", "hearing_f = lambda x: 2 * x"]
FULL = {"hearing-a": 2, "hearing-double": 6, "hearing-f": 3}


def graded(*cells: str, trust: bool = bool(MISSING), chapter: Chapter = CHAPTER, **limits):
    """The outcome of a notebook with these cells."""
    allowed = replace(LIMITS, **limits)
    return marked(chapter, list(cells), lambda: Process(limits=allowed, trust=trust), allowed)


def seen(cell: str, *, trust: bool = False, limits=LIMITS, **options):
    """The value of `seen` after a cell has run in a process."""
    with Process(limits=limits, trust=trust, **options) as process:
        process.ask("run", seconds=60, cells=[cell])
        return exchange.decoded(process.ask("value", name="seen", seconds=10)["value"])


def notebook(path: Path, cells, **metadata) -> None:
    listed = [{"cell_type": "code", "source": cell} for cell in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": listed, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture
def term(tmp_path):
    """An instructor's folder with one small chapter."""
    (tmp_path / "term" / "students" / "exercises").mkdir(parents=True)
    chapter = {"exercises": CHAPTER.exercises, "checks": CHAPTER.checks, "solution": CHAPTER.solution}
    (tmp_path / "term" / marks.TERM).write_text(json.dumps({"seed": 5, "chapters": {"hearing": chapter}}))
    return tmp_path / "term"


def table(term: Path, *, status: int = 0) -> dict[str, dict[str, str]]:
    """The rows of the table that the command writes for the submissions beside a term."""
    path = term.parent / "marks.csv"
    command = ["grade", str(term), str(term.parent / "in"), "-o", str(path), "--overwrite", *TRUST]
    assert cli.main(command) == status
    return {row["student"]: row for row in read_rows(path)}


# Marks


def test_right_answers_get_all_marks_and_wrong_ones_none():
    assert graded(*RIGHT).marks == FULL
    assert graded("hearing_a = 8", "def double(x):\n    return 4", "hearing_f = 'x + 1'").marks == {
        "hearing-a": 0,
        "hearing-double": 2,  # right for the open check only
        "hearing-f": 0,
    }
    assert set(graded().marks.values()) == {0}


def test_a_cell_that_fails_costs_only_its_own_answers():
    assert graded("hearing_a = 1 / 0", *RIGHT[1:]).marks == FULL | {"hearing-a": 0}


@pytest.mark.parametrize(
    "metadata", [{}, {"kernelspec": {"name": "julia-1.9", "display_name": "Julia", "language": "julia"}}]
)
def test_the_kernel_is_python_whatever_the_file_says(term, metadata):
    notebook(term.parent / "in" / "ada" / "hearing.ipynb", RIGHT, **metadata)
    assert table(term)["ada"]["total"] == "11"


# Other submissions, secrets, the judge


def test_a_submission_cannot_overwrite_anothers(term):
    bob = term.parent / "in" / "bob" / "hearing.ipynb"
    notebook(bob, RIGHT)
    before = bob.read_bytes()
    spoil = f"import pathlib\npathlib.Path({str(bob)!r}).write_text('')" if not MISSING else ""
    notebook(term.parent / "in" / "ada" / "hearing.ipynb", [spoil, *RIGHT])
    rows = table(term)
    assert (rows["ada"]["total"], rows["bob"]["total"]) == ("11", "11")
    assert bob.read_bytes() == before


def test_keys_and_hidden_tests_are_not_in_the_process():
    """Neither in its memory's names nor in what it was sent: only inputs are."""
    look = "import gc, sys\nseen = any('HIDDEN-' + 'TEST' in o or 'THE-' + 'SOLUTION' in o for o in gc.get_objects() if isinstance(o, str))"
    with Process(trust=bool(MISSING)) as process:
        process.ask("run", seconds=60, cells=["def double(x):\n    return 2 * x"])
        assert Remote(process, "double", 10)(987) == 1974
        process.ask("run", seconds=60, cells=[look])
        assert process.ask("value", name="seen", seconds=10)["value"] is False


@walled
def test_no_file_with_answers_can_be_read(term):
    look = f"""
import os
from nmp_lessons.book import manuscript
seen = [path for path in ({str(term / marks.TERM)!r}, {str(Path(__file__).parents[1] / "exercises")!r}) if os.path.exists(path)]
for folder, _, files in os.walk({str(isolation.PACKAGE)!r}):
    seen += [name for name in files if name in ("checks.py", "exercises.md")]
seen += os.listdir(manuscript.root() / "exercises") if (manuscript.root() / "exercises").exists() else []
"""
    assert seen(look, hidden=(term,)) == []


def test_replacing_the_judge_gives_no_marks():
    replaced = """
import nmp_lessons.book.answers.judging as judging, nmp_lessons.book.grading.judge as judge
from nmp_lessons.book.answers.judging import Verdict
judging.judge = judge.judge = lambda *_, **__: Verdict(True, "")
judge._passes = lambda *_: True
"""
    assert set(graded(replaced, "hearing_a = 0", "def double(x):\n    return 0").marks.values()) == {0}


def test_an_answer_that_equals_everything_is_wrong():
    yes = "class Yes(float):\n    def __eq__(self, other):\n        return True\n    __sub__ = __rsub__ = lambda *_: 0.0\n"
    yes += "hearing_a = Yes()\ndef double(x):\n    return Yes()"
    assert graded(yes).marks == dict.fromkeys(FULL, 0)


def test_a_forged_answer_is_only_an_answer():
    """Lines on the judge's channel, found among the open files, claim full marks."""
    forged = """
import os
def double(x):
    for number in range(3, 40):
        try:
            os.write(number, b'{"marks": {"hearing-double": 6}, "right": true}\\n')
        except OSError:
            pass
    return 0
"""
    outcome = graded("hearing_a = 7", forged)
    assert outcome.marks["hearing-double"] == 0


# The grader's machine


@walled
def test_nothing_outside_can_be_written():
    package, cache = str(isolation.PACKAGE), str(isolation.cache_dir())
    tried = f"""
import os
seen = []
for folder in ("/", "/usr", "/etc", "/dev", {package!r}, {cache!r}, {sys.prefix!r}):
    try:
        open(os.path.join(folder, "nmp-trace"), "w").close()
        seen.append(folder)
    except OSError:
        pass
"""
    assert seen(tried) == []


@walled
def test_there_is_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        call = f"import socket\ntry:\n    socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)\n    seen = 1\nexcept OSError:\n    seen = 0"
        assert seen(call) == 0


@walled
def test_the_graders_variables_and_processes_are_not_seen(monkeypatch):
    monkeypatch.setenv("NMP_GRADERS_TOKEN", "secret")
    look = (
        "import os\nseen = ['NMP_GRADERS_TOKEN' in os.environ, sum(name.isdigit() for name in os.listdir('/proc')) < 9]"
    )
    assert seen(look) == [False, True]


@walled
def test_the_disk_is_limited():
    fill = """
seen = 0
try:
    with open("big", "wb") as file:
        for _ in range(64):
            file.write(bytes(2**20)); file.flush(); seen += 1
except OSError:
    pass
"""
    assert seen(fill, limits=replace(LIMITS, disk=16 * 2**20)) < 20


def test_memory_is_limited():
    hoard = "import time\nheld = []\nfor _ in range(200):\n    held.append(bytes([1]) * 2**24)\n    time.sleep(0.02)\nhearing_a = 7"
    outcome = graded(hoard, memory=2**30)
    assert outcome.marks["hearing-a"] is None and "1 GB of memory" in outcome.remarks[0]


def test_the_number_of_processes_is_limited():
    many = "import subprocess, time\nmade = [subprocess.Popen(['sleep', '3011']) for _ in range(12)]\ntime.sleep(60)"
    outcome = graded(many, *RIGHT, processes=8)
    assert "more than 8 processes" in outcome.remarks[0]
    assert wait_until(lambda: not running("3011"), 5)


def running(argument: str) -> list[psutil.Process]:
    """The processes with this argument; each test has its own, since others run beside it."""
    return [each for each in psutil.process_iter(["cmdline"]) if argument in (each.info["cmdline"] or ())]


def wait_until(condition, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.1)
    return bool(found)


def test_a_background_process_ends_with_the_submission():
    leave = "import subprocess\nsubprocess.Popen(['sleep', '3013'], start_new_session=True)\ntime.sleep(1)"
    begun: list = []
    watching = threading.Thread(target=lambda: begun.append(wait_until(lambda: running("3013"), 60)))
    watching.start()
    assert graded("import time", leave, *RIGHT).marks == FULL
    watching.join()
    assert begun == [True] and wait_until(lambda: not running("3013"), 5)


def test_a_loop_without_end_costs_one_exercise_and_is_remarked():
    outcome = graded(RIGHT[0], "def double(x):\n    while True: pass", RIGHT[2], call=2)
    assert outcome.marks == FULL | {"hearing-double": 0}
    assert outcome.remarks == ["hearing-double: it took too long; look for an endless loop"]
    outcome = graded("while True: pass", *RIGHT, seconds=4)
    assert set(outcome.marks.values()) == {None} and "too long" in outcome.remarks[0]


def test_a_function_that_ends_the_process_costs_one_exercise():
    outcome = graded(RIGHT[0], "import os\ndef double(x):\n    os._exit(0)", RIGHT[2])
    assert outcome.marks == FULL | {"hearing-double": 0} and "ended by itself" in outcome.remarks[0]
    assert graded(RIGHT[0], "def double(x):\n    raise SystemExit", RIGHT[2]).marks == FULL | {"hearing-double": 0}


def test_a_giant_result_fails_its_test_and_nothing_else():
    big = "import numpy as np\ndef double(x):\n    return np.zeros((2**15, 2**15))"
    assert graded(RIGHT[0], big, RIGHT[2], memory=2**32).marks == FULL | {"hearing-double": 0}


def test_ctrl_c_ends_everything_and_keeps_the_marks_so_far(term):
    notebook(term.parent / "in" / "ada" / "hearing.ipynb", RIGHT)
    notebook(term.parent / "in" / "bob" / "hearing.ipynb", ["import subprocess\nsubprocess.run(['sleep', '3017'])"])
    path = term.parent / "marks.csv"
    command = [
        sys.executable,
        "-m",
        "nmp_lessons",
        "grade",
        str(term),
        str(term.parent / "in"),
        "-o",
        str(path),
        *TRUST,
    ]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background job would ignore it
    grading = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=term.parent, preexec_fn=heard)
    try:
        assert wait_until(lambda: running("3017"), 120)
        grading.send_signal(signal.SIGINT)
        _, said = grading.communicate(timeout=60)
    finally:
        grading.kill()
    assert grading.returncode == 130 and "Traceback" not in said
    rows = {row["student"]: row for row in read_rows(path)}
    assert rows["ada"]["total"] == "11"
    assert rows["bob"]["total"] == "" and "stopped" in rows["bob"]["remarks"]
    assert wait_until(lambda: not running("3017"), 5)


# What is handed in


def test_what_cannot_be_read_is_flagged_and_not_a_plain_0(term):
    ada = term.parent / "in" / "ada"
    ada.mkdir(parents=True)
    (ada / "hearing.ipynb").write_text("{")
    row = table(term, status=2)["ada"]
    assert row["hearing-a"] == row["total"] == "" and "broken notebook" in row["remarks"]


def test_what_systems_and_editors_leave_is_ignored(term):
    ada = term.parent / "in" / "ada"
    notebook(ada / "hearing.ipynb", RIGHT)
    notebook(ada / ".ipynb_checkpoints" / "hearing-checkpoint.ipynb", [])
    (term.parent / "in" / "__MACOSX").mkdir()
    (term.parent / "in" / ".DS_Store").touch()
    (ada / ".DS_Store").touch()
    rows = table(term)
    assert list(rows) == ["(possible)", "ada"] and rows["ada"]["remarks"] == ""


def test_a_link_to_anothers_notebook_is_not_followed(term):
    notebook(term.parent / "in" / "bob" / "hearing.ipynb", RIGHT)
    eve = term.parent / "in" / "eve"
    eve.mkdir()
    try:
        (eve / "hearing.ipynb").symlink_to(term.parent / "in" / "bob" / "hearing.ipynb")
    except OSError:
        pytest.skip("this system lets nobody make links")
    row = table(term, status=2)["eve"]
    assert row["total"] == "" and "not a file but a link" in row["remarks"]


def test_the_row_of_maxima_cannot_be_handed_in(term, capsys):
    notebook(term.parent / "in" / "(possible)" / "hearing.ipynb", [])
    notebook(term.parent / "in" / "ada" / "hearing.ipynb", RIGHT)
    assert table(term, status=2)["(possible)"]["total"] == "11"
    assert "the table has a row of this name; rename the folder" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_no_name_is_a_formula(term):
    for name in ("=1+1", "+a", "-a", "@a", "\ta", "a\nb", "ada"):
        (term.parent / "in" / name).mkdir(parents=True)
    assert set(table(term)) == {"(possible)", "'=1+1", "'+a", "'-a", "'@a", "'?a", "a?b", "ada"}


def test_without_a_sandbox_grade_refuses_unless_told_to_trust(term, monkeypatch, capsys):
    notebook(term.parent / "in" / "ada" / "hearing.ipynb", RIGHT)
    monkeypatch.setenv("PATH", str(term))
    command = ["grade", str(term), str(term.parent / "in"), "-o", str(term.parent / "marks.csv")]
    assert cli.main(command) == 2
    assert "bubblewrap is not installed here" in (said := capsys.readouterr().err) and "--trust" in said
    assert not (term.parent / "marks.csv").exists()
    assert cli.main([*command, "--trust"]) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no bubblewrap")
def test_a_bubblewrap_that_may_make_no_sandbox_is_noticed(tmp_path, monkeypatch):
    """As in a container where user namespaces are forbidden."""
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert "cannot make a sandbox here (bwrap: No permissions" in (isolation.obstacle() or "")


# Other systems


def test_moodles_worksheet_is_filled_in_by_participants_number(tmp_path):
    worksheet = tmp_path / "worksheet.csv"
    worksheet.write_text(
        "Identifier,Full name,Grade,Maximum Grade,Last modified (submission)\n"
        'Participant 12,"Ada Lovelace",,"11,00","Monday, 30 November"\n'
        "Participant 123,Alan Turing,,11.00,-\nParticipant 7,Emmy Noether,,11.00,-\n",
        encoding="utf-8-sig",
    )
    graded = {
        "Alan Turing_123_assignsubmission_file_": marks.Row({"a": 2, "b": 3}),
        "Ada Lovelace_12_assignsubmission_file": marks.Row({"a": None, "b": 3}, ["broken"]),
    }
    assert moodle.fill(moodle.read_worksheet(worksheet), graded, 11, tmp_path / "filled.csv") == []
    rows = read_rows(tmp_path / "filled.csv")
    assert [row["Grade"] for row in rows] == ["", "5", ""]
    assert rows[0]["Full name"] == "Ada Lovelace" and rows[0]["Last modified (submission)"] == "Monday, 30 November"


def test_what_does_not_fit_moodles_worksheet_is_said(tmp_path):
    rows = [{"Identifier": "Participant 1", "Grade": "", "Maximum Grade": "100.00"}]
    graded = {"ada": marks.Row({"a": 1}), "Alan_2_assignsubmission_file": marks.Row({"a": 1})}
    lost, absent, maximum = moodle.fill(rows, graded, 11, tmp_path / "filled.csv")
    assert lost.startswith("ada:") and "participant 2" in absent and "100.00" in maximum and "11" in maximum
    (tmp_path / "other.csv").write_text("student,total\nada,1\n", encoding="utf8")
    with pytest.raises(InputError, match="Identifier and Grade"):
        moodle.read_worksheet(tmp_path / "other.csv")


def test_a_folder_for_each_assignment_is_read_as_nbgrader_keeps_it(tmp_path):
    inner = tmp_path / "submitted" / "ada" / "hearing"
    inner.mkdir(parents=True)
    notebook(inner / "hearing.ipynb", RIGHT)
    (student,), complaints = marks.submissions(tmp_path / "submitted", {"hearing": CHAPTER})
    assert (student.name, list(student.notebooks), student.remarks, complaints) == ("ada", ["hearing"], [], [])


def test_a_chapter_handed_in_twice_is_flagged_and_not_guessed(tmp_path):
    ada = tmp_path / "in" / "ada"
    for folder in (ada, ada / "hearing"):
        folder.mkdir(parents=True)
        notebook(folder / "hearing.ipynb", RIGHT)
    (student,), _ = marks.submissions(tmp_path / "in", {"hearing": CHAPTER})
    assert not student.notebooks and student.unreadable == ["hearing"] and "twice" in student.remarks[0]
