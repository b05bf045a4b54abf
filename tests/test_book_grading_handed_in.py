"""What real students and real systems hand in: renamed, packed, nested, typed twice, and returned in other forms."""

import io
import json
import sys
import time
from dataclasses import replace

import pytest

from nmp_lessons import cli
from nmp_lessons.book.answers import instructor
from nmp_lessons.book.answers.judging import judge
from nmp_lessons.book.grading import isolation, marks, moodle
from nmp_lessons.book.grading.isolation import LIMITS, Process
from nmp_lessons.book.grading.judge import Chapter, marked
from nmp_lessons.errors import InputError
from nmp_lessons.files import read_rows

MISSING = isolation.obstacle()
TRUST = ["--trust"] if MISSING else []  # they are our own notebooks
NUMBER = {"made": True, "kind": "number", "value": 7.0, "tolerance": 0.01, "unit": "", "misses": []}
MATRIX = {"made": True, "kind": "matrix", "value": [[1.0, 2.0], [3.0, 4.0]], "tolerance": 0.01, "misses": []}
SEVEN = {"exercises": [{"name": "hearing-a", "marks": 2, "variable": "hearing_a", "key": NUMBER}]}
TERM = {
    "hearing": SEVEN,
    "sound": {"exercises": [{"name": "sound-a", "marks": 3, "variable": "sound_a", "key": NUMBER}]},
}
CHAPTERS = {slug: Chapter(**chapter) for slug, chapter in TERM.items()}


def notebook(path, *cells: str, **metadata) -> None:
    listed = [{"cell_type": "code", "source": cell, "metadata": metadata} for cell in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture
def term(tmp_path):
    """An instructor's folder with two small chapters."""
    (tmp_path / "term" / "students" / "exercises").mkdir(parents=True)
    (tmp_path / "term" / marks.TERM).write_text(json.dumps({"seed": 5, "chapters": TERM}))
    return tmp_path / "term"


def rows_of(folder) -> dict[str, marks.Row]:
    students, _ = marks.submissions(folder, CHAPTERS)
    return marks.unmarked(students, CHAPTERS)


def graded(chapter: Chapter, *cells: str, **limits):
    allowed = replace(LIMITS, **limits)
    return marked(chapter, list(cells), lambda: Process(limits=allowed, trust=bool(MISSING)), allowed)


# Names and folders


@pytest.mark.parametrize(
    "name", ["hearing (1).ipynb", "Copy of hearing.ipynb", "hearing-Copy1.ipynb", "Hearing.IPYNB", "ada_hearing.ipynb"]
)
def test_a_renamed_notebook_is_flagged_and_not_a_plain_0(tmp_path, name):
    """As browsers, Colab, Jupyter and students rename it."""
    notebook(tmp_path / "ada" / name, "hearing_a = 7")
    row = rows_of(tmp_path)["ada"]
    assert row.marks == {"hearing-a": None, "sound-a": 0}
    assert row.remarks == [f"{name}: not graded, since its name is not hearing.ipynb; rename it if it counts."]


@pytest.mark.parametrize(
    ("metadata", "flagged"),
    [({}, False), ({"nmp_lessons": {"term": "now"}}, False), ({"nmp_lessons": {"term": "then"}}, True)],
    ids=["lost", "this", "another"],
)
def test_a_notebook_of_another_term_is_flagged_and_not_a_plain_0(tmp_path, metadata, flagged):
    """Editors may lose the mark, and then the notebook is graded."""
    path = tmp_path / "ada" / "hearing.ipynb"
    notebook(path, "hearing_a = 7")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metadata": metadata}))
    chapters = {"hearing": replace(CHAPTERS["hearing"], term="now")}
    (student,), _ = marks.submissions(tmp_path, chapters)
    assert (student.unreadable == ["hearing"]) == flagged == any("another term" in each for each in student.remarks)


@pytest.mark.parametrize(
    ("answer", "check", "remarks"),
    [
        ("hearing_a = ...", 'answers.check("hearing-a", 7)', 1),
        ("hearing_a = ...  # a number", "answers.check('hearing-a', (1 + 6))  # mine", 1),
        ("hearing_a = ...", 'answers.check("hearing-a", hearing_a)', 0),
        ("hearing_a = 7", 'answers.check("hearing-a", 8)', 0),
    ],
)
def test_an_answer_in_the_cell_that_checks_it_is_pointed_out(tmp_path, answer, check, remarks):
    path = tmp_path / "ada" / "hearing.ipynb"
    notebook(path, check, tags=["otter_ignore"])
    made = json.loads(path.read_text())
    made["cells"].insert(0, {"cell_type": "code", "source": answer, "metadata": {}})
    path.write_text(json.dumps(made))
    (student,), _ = marks.submissions(tmp_path, CHAPTERS)
    assert student.notebooks["hearing"] == [answer]
    assert sum("hearing-a has no answer" in each for each in student.remarks) == remarks


def test_a_copy_beside_the_notebook_costs_nothing(tmp_path):
    notebook(tmp_path / "ada" / "hearing.ipynb", "hearing_a = 7")
    notebook(tmp_path / "ada" / "hearing-Copy1.ipynb")
    (student,), _ = marks.submissions(tmp_path, CHAPTERS)
    assert list(student.notebooks) == ["hearing"] and student.unreadable == [] and len(student.remarks) == 1


def test_a_packed_submission_is_flagged_and_not_a_plain_0(tmp_path):
    notebook(tmp_path / "ada" / "hearing.ipynb")
    (tmp_path / "ada" / "rest.ZIP").write_bytes(b"PK")
    row = rows_of(tmp_path)["ada"]
    assert row.marks == {"hearing-a": None, "sound-a": None} and row.total is None
    assert "rest.ZIP: is packed; put the notebooks that it holds in its place." in row.remarks


def test_notebooks_are_found_however_deep_and_what_lies_beside_them_is_no_remark(tmp_path):
    """An unpacked folder in a folder, nbgrader's time stamp, and the exercises that we have given."""
    for chapter in CHAPTERS:
        deep = tmp_path / "ada" / "homework" / "students"
        notebook(deep / f"{chapter}.ipynb")
        (deep / "exercises" / chapter).mkdir(parents=True)
        (deep / "exercises" / chapter / "code.py").touch()
        notebook(tmp_path / "bob" / chapter / f"{chapter}.ipynb")
        (tmp_path / "bob" / chapter / "timestamp.txt").write_text("2026-11-30 10:00:00 UTC")
    for student in marks.submissions(tmp_path, CHAPTERS)[0]:
        assert list(student.notebooks) == list(CHAPTERS) and student.remarks == []


def test_a_notebook_or_archive_beside_the_students_folders_is_not_passed_over_in_silence(tmp_path):
    notebook(tmp_path / "ada" / "hearing.ipynb")
    notebook(tmp_path / "bob_hearing.ipynb")
    (tmp_path / "eve.zip").touch()
    (tmp_path / "marks.csv").touch()
    students, complaints = marks.submissions(tmp_path, CHAPTERS)
    assert [student.name for student in students] == ["ada"]
    assert [line.partition(": was passed over")[0] for line in complaints] == [
        str(tmp_path / "bob_hearing.ipynb"),
        str(tmp_path / "eve.zip"),
    ]


def test_tags_that_are_null_and_a_byte_order_mark_break_no_notebook(tmp_path):
    notebook(tmp_path / "a.ipynb", "hearing_a = 7", tags=None)
    (tmp_path / "a.ipynb").write_text((tmp_path / "a.ipynb").read_text(), encoding="utf-8-sig")
    assert marks.code_cells(tmp_path / "a.ipynb") == ["hearing_a = 7"]


def test_an_answer_in_a_cell_that_was_merged_with_its_check_counts(tmp_path):
    """The merged cell has the tag of the check, which is not graded."""
    merged = 'hearing_a = 7\nanswers.check("hearing-a", hearing_a)'
    notebook(tmp_path / "ada" / "hearing.ipynb", merged, "hearing_a == 7", tags=[marks.UNGRADED])
    (student,), _ = marks.submissions(tmp_path, CHAPTERS)
    assert student.notebooks == {"hearing": [merged]}


def test_a_folder_that_may_not_be_read_costs_nobody_else(tmp_path, monkeypatch):
    notebook(tmp_path / "ada" / "hearing.ipynb")
    (tmp_path / "bob").mkdir()
    seen = marks._files

    def files(folder):
        if folder.name == "bob":
            raise PermissionError(13, "Permission denied", str(folder))
        return seen(folder)

    monkeypatch.setattr(marks, "_files", files)
    rows = rows_of(tmp_path)
    assert set(rows["bob"].marks.values()) == {None} and "Permission denied" in rows["bob"].remarks[0]
    assert rows["ada"].marks["sound-a"] == 0


# Moodle


def test_a_text_typed_in_moodle_does_not_replace_the_marks(tmp_path):
    """With online texts switched on, Moodle's zip file has a second folder for the same participant."""
    notebook(tmp_path / "in" / "Ada_12_assignsubmission_file_" / "hearing.ipynb", "hearing_a = 7")
    typed = tmp_path / "in" / "Ada_12_assignsubmission_onlinetext_"
    typed.mkdir()
    (typed / "onlinetext.html").write_text("<p>Please find attached</p>")
    rows = rows_of(tmp_path / "in")
    assert list(rows) == ["Ada_12_assignsubmission_file_"]
    rows["Ada_12_assignsubmission_file_"].marks |= {"hearing-a": 2}
    assert moodle.fill(sheet := worksheet(), rows, 5, tmp_path / "filled.csv") == [] and sheet[0]["Grade"] == "2"


def worksheet(grade: str = "", maximum: str = "5,00") -> list[dict[str, str]]:
    return [{"Identifier": f"Participant {i}", "Grade": grade, "Maximum Grade": maximum} for i in (12, 13)]


def test_two_folders_of_one_participant_give_no_grade(tmp_path):
    rows = {f"Ada_12_assignsubmission_file_{copy}": marks.Row({"a": 4}) for copy in ("", " (1)")}
    (line,) = moodle.fill(sheet := worksheet(), rows, 5, tmp_path / "filled.csv")
    assert "second folder of one participant" in line and sheet[0]["Grade"] == ""


def test_whoever_is_not_graded_now_keeps_the_grade(tmp_path):
    """As when late submissions are graded by themselves."""
    moodle.fill(sheet := worksheet("3"), {"Ada_12_assignsubmission_file_": marks.Row({"a": 4})}, 5, tmp_path / "a.csv")
    assert [row["Grade"] for row in sheet] == ["4", "3"]


def test_a_worksheet_that_does_not_fit_is_refused_before_the_grading(tmp_path):
    (tmp_path / "sheet.csv").write_text("Identifier,Grade\nParticipant 12,,\n")
    with pytest.raises(InputError, match="a row with too many or too few columns"):
        moodle.read_worksheet(tmp_path / "sheet.csv")
    (line,) = moodle.fill(worksheet(maximum="-"), {}, 5, tmp_path / "filled.csv")
    assert "maximum grade for this assignment is -" in line


def test_one_chapter_of_a_course_is_graded_for_its_own_assignment(term, tmp_path, capsys):
    """In Moodle every chapter is an assignment with a worksheet and a maximum grade of its own."""
    pytest.importorskip("psutil")
    notebook(tmp_path / "in" / "Ada_12_assignsubmission_file_" / "hearing.ipynb", "hearing_a = 7")
    notebook(tmp_path / "in" / "Bob_13_assignsubmission_file_" / "sound.ipynb", "sound_a = 7")
    sheet, path = tmp_path / "sheet.csv", tmp_path / "marks.csv"
    sheet.write_text("Identifier,Grade,Maximum Grade\nParticipant 12,,2.00\nParticipant 13,,2.00\n")
    command = ["grade", str(term), str(tmp_path / "in"), "-o", str(path), "--moodle", str(sheet), *TRUST]
    assert cli.main([*command, "--chapters", "hearing"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "sound.ipynb: not graded now, and there is nothing for hearing" in line
    assert list(read_rows(path)[0]) == ["student", "hearing-a", "total", "remarks"]
    assert [row["Grade"] for row in read_rows(tmp_path / "marks-moodle.csv")] == ["2", "0"]


def test_other_chapters_of_a_course_are_passed_over(tmp_path):
    """In nbgrader's folder each student has those of all weeks."""
    notebook(tmp_path / "ada" / "hearing" / "hearing.ipynb", "hearing_a = 7")
    notebook(tmp_path / "ada" / "sound" / "sound (1).ipynb", "sound_a = 7")
    (student,), complaints = marks.submissions(tmp_path, marks.chosen(CHAPTERS, ["hearing"]), ["sound"])
    assert list(student.notebooks) == ["hearing"] and student.remarks == [] == complaints


def test_a_chapter_that_the_term_does_not_have_is_refused(term, tmp_path, capsys):
    assert cli.main(["grade", str(term), str(tmp_path), "--chapters", "cqt"]) == 2
    assert "--chapters cqt: this term has only hearing, sound." in capsys.readouterr().err


# The command


def test_the_table_is_there_before_the_first_notebook_has_run(term, tmp_path, monkeypatch):
    """So marks are not lost with the process, nor graded for a place where no table can be."""
    notebook(tmp_path / "in" / "ada" / "hearing.ipynb", "hearing_a = 7")
    command = ["grade", str(term), str(tmp_path / "in"), "-o", str(tmp_path / "marks.csv"), *TRUST]

    def ends(*_, **__):
        yield "ada/hearing"
        rows.append(read_rows(tmp_path / "marks.csv")[1])
        raise MemoryError

    rows: list = []
    monkeypatch.setattr(marks, "grade", ends)
    with pytest.raises(MemoryError):
        cli.main(command)
    assert rows[0]["student"] == "ada" and "stopped" in rows[0]["remarks"]


def test_a_table_that_cannot_be_written_is_refused_before_the_grading(term, tmp_path, monkeypatch, capsys):
    notebook(tmp_path / "in" / "ada" / "hearing.ipynb", "hearing_a = 7")
    begun: list = []
    monkeypatch.setattr(marks, "grade", lambda *_, **__: (begun.append(1) for _ in range(1)))
    for place in (tmp_path / "in", tmp_path / "in" / "ada" / "hearing.ipynb" / "marks.csv"):
        assert cli.main(["grade", str(term), str(tmp_path / "in"), "-o", str(place), "--overwrite", *TRUST]) == 2
    assert begun == [] and len(capsys.readouterr().err.splitlines()) == 2


def test_a_name_that_the_console_cannot_show_ends_nothing(term, tmp_path, monkeypatch):
    """Windows writes to files and pipes in the letters of its own region."""
    (tmp_path / "in" / "Łukasz").mkdir(parents=True)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(said := io.BytesIO(), encoding="cp1252"))
    assert cli.main(["grade", str(term), str(tmp_path / "in"), "-o", str(tmp_path / "marks.csv"), *TRUST]) == 0
    assert b"\\u0141ukasz" in said.getvalue()
    assert read_rows(tmp_path / "marks.csv")[1]["student"] == "Łukasz"
    assert (tmp_path / "marks.csv").read_bytes().startswith("\ufeffstudent,".encode())  # or Excel misreads the name


@pytest.mark.parametrize("broken", ['{"chapters": []}', '{"chapters": {"hearing": {"exercises": [{}]}}}', "[]"])
def test_a_broken_term_is_one_line(term, tmp_path, capsys, broken):
    (term / marks.TERM).write_text(broken)
    assert cli.main(["grade", str(term), str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "term.json: is broken" in line and "--seed" in line


def test_a_term_whose_students_folder_was_moved_is_refused(term, tmp_path, capsys):
    (term / "students").rename(tmp_path / "given")
    assert cli.main(["grade", str(term), str(tmp_path)]) == 2
    assert "which notebooks may read when they run; put it back" in capsys.readouterr().err


def test_an_instructors_folder_may_be_the_one_where_the_command_runs(tmp_path, monkeypatch):
    """And the command in its README.md leaves its list of exercises alone."""
    monkeypatch.chdir(tmp_path)
    instructor.make(".", seed=3, chapters=["hearing", "hearing"])
    before = (tmp_path / "marks.csv").read_bytes()
    (tmp_path / "SUBMISSIONS" / "ada").mkdir(parents=True)
    (command,) = [each for each in (tmp_path / "README.md").read_text("utf8").split("`") if " grade " in each]
    assert cli.main([*command.split()[1:], *TRUST]) == 0
    assert (tmp_path / "marks.csv").read_bytes() == before
    assert [row["student"] for row in read_rows(tmp_path / "class.csv")] == ["(possible)", "ada"]


# Forms of answers

VALUES = [
    (NUMBER, "torch.tensor([7.0])"),
    (NUMBER, "b'7'"),
    (MATRIX, "[range(1, 3), range(3, 5)]"),
    (MATRIX, "zip((1, 3), (2, 4))"),
    (MATRIX, "(row for row in ((1, 2), (3, '8/2')))"),
    (MATRIX, "{'a': (1, 2), 'b': (3, 4)}.values()"),
    (MATRIX, "np.array([['1', '2'], ['3', '4']])"),
    (MATRIX, "torch.tensor([[1, 2], [3, 4]], dtype=torch.bfloat16)"),
]


@pytest.mark.slow
def test_what_the_notebook_reads_as_right_is_right_when_graded():
    given = "import numpy as np, torch\n"
    listed = [
        {"name": f"hearing-{i}", "marks": 1, "variable": f"a{i}", "key": key} for i, (key, _) in enumerate(VALUES)
    ]
    names: dict = {}
    exec(given, names)
    assert all(judge(key, eval(code, names)) for key, code in VALUES)
    outcome = graded(Chapter(listed), given, *(f"a{i} = {code}" for i, (_, code) in enumerate(VALUES)))
    assert {code for (_, code), mark in zip(VALUES, outcome.marks.values(), strict=True) if not mark} == set()


PAIRS = """
def check_pairs(student):
    assert sorted(map(tuple, student())) == [(1, 3), (2, 4)]

hidden_pairs = lambda student, _: check_pairs(student)
"""
RETURNED = [
    "yield 1, 3\n    yield 2, 4",
    "return zip((1, 2), (3, 4))",
    "return {(1, 3), (2, 4)}",
    "return {1: 3, 2: 4}.items()",
    "import numpy as np\n    return np.array([(1, 3), (2, 4)], dtype=object)",
]


@pytest.mark.slow
@pytest.mark.parametrize("body", RETURNED)
def test_what_a_function_returns_passes_in_any_form_that_the_test_takes(body):
    chapter = Chapter([{"name": "hearing-p", "marks": 3, "function": "pairs"}], PAIRS, "def pairs():\n    pass\n")
    assert graded(chapter, f"def pairs():\n    {body}").marks == {"hearing-p": 3}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["[a, b]", "(a, b)", "(each for each in (a, b))"])
def test_gradients_reach_results_in_a_list(form):
    checks = (
        "import torch\n\n\ndef check_both(student):\n    x = torch.ones(2, requires_grad=True)\n"
        "    a, b = student(x)\n    (a.sum() + b.sum()).backward()\n    assert x.grad.tolist() == [5, 5]\n\n\n"
        "hidden_both = lambda student, _: check_both(student)\n"
    )
    code = f"def both(x):\n    a, b = 2 * x, 3 * x\n    return {form}"
    chapter = Chapter([{"name": "hearing-b", "marks": 3, "function": "both"}], checks, code)
    assert graded(chapter, code).marks == {"hearing-b": 3}


@pytest.mark.slow
def test_a_cell_that_ipython_itself_trips_over_costs_only_its_own_answers():
    chapter = Chapter(SEVEN["exercises"])
    assert graded(chapter, "import sys\nsys.stderr = None\n1 / 0", "hearing_a = 7").marks == {"hearing-a": 2}
    assert graded(chapter, "x = " + "+".join("1" * 50_000), "hearing_a = 7").marks == {"hearing-a": 2}


@pytest.mark.slow
def test_what_the_first_cell_imports_is_there_when_graded(tmp_path):
    """A student may use it, since in the notebook it works."""
    made = instructor.make(tmp_path / "term", seed=3, chapters=["hearing"])
    first = marks.code_cells(made / "students" / "hearing.ipynb")[0]
    assert graded(Chapter(SEVEN["exercises"]), first, "os.getcwd()\nanswers\nhearing_a = 7").marks == {"hearing-a": 2}


def test_a_check_works_after_a_change_of_folder_and_says_what_it_needs(tmp_path, monkeypatch):
    made = instructor.make(tmp_path / "term", seed=3, chapters=["hearing"])
    first = marks.code_cells(made / "students" / "hearing.ipynb")[0]
    names: dict = {}
    for folder in (made / "students", tmp_path):
        monkeypatch.chdir(folder)
        monkeypatch.setenv("NMP_LESSONS_EXERCISES", "set by the first cell")
        exec(first, names)
        monkeypatch.chdir(made)
        if folder != tmp_path:
            assert str(names["answers"].check("hearing-fifth", 6)) == "✓ Read as 6."
    with pytest.raises(InputError, match="put the folder `exercises` that came with the notebook beside it"):
        names["answers"].check("hearing-fifth", 6)


@pytest.mark.slow
def test_many_slow_calls_have_an_end():
    checks = "def check_slow(student):\n    for _ in range(60):\n        student()\n\nhidden_slow = lambda *_: None\n"
    chapter = Chapter([{"name": "hearing-s", "marks": 3, "function": "slow"}], checks, "def slow():\n    pass\n")
    begun = time.monotonic()
    outcome = graded(chapter, "import time\ndef slow():\n    time.sleep(2)", seconds=12, call=10)
    assert time.monotonic() - begun < 60
    assert outcome.marks == {"hearing-s": 0} and "too long" in outcome.remarks[0]


FORGED = """
import os
def answers(x):
    for number in range(3, 40):
        try:
            os.write(number, b'{"formula": 3}\\n')
        except OSError:
            pass
    return x
hearing_f = answers
"""


@pytest.mark.slow
def test_a_forged_answer_does_not_end_the_grading():
    key = {"made": True, "kind": "formula", "variables": ["x"], "misses": [], "points": [{"x": 1.0}], "values": [1.0]}
    chapter = Chapter([{"name": "hearing-f", "marks": 3, "variable": "hearing_f", "key": key}])
    assert graded(chapter, FORGED).marks == {"hearing-f": 0}
