"""Assignments: what students get holds no solution, and marks are what the work deserves."""

import ast
import builtins
import json
import re
import zipfile

import nbformat
import pytest

from nmp_lessons import cli
from nmp_lessons.book.answers import instructor, keys, notebooks, source
from nmp_lessons.book.grading import isolation, marks
from nmp_lessons.book.grading.judge import marked
from nmp_lessons.errors import InputError
from nmp_lessons.files import read_rows

SEED = 2027
GRADED = "targets"
SLUGS = source.slugs()
TRUST = ["--trust"] if isolation.obstacle() else []  # they are our own notebooks

pytestmark = pytest.mark.slow  # a whole course is made first


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The instructor's folder, by the command."""
    folder = tmp_path_factory.mktemp("made") / "term"
    assert cli.main(["instructor", str(folder), "--seed", str(SEED)]) == 0
    return folder


def cells(path, kind: str) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def names(path) -> list[str]:
    return [row["exercise"] for row in read_rows(path)]


def test_every_chapter_has_a_notebook_a_solution_and_an_autograder(made):
    for part, suffix in (("students", ".ipynb"), ("solutions", ".ipynb"), ("autograder", ".zip")):
        assert sorted(path.stem for path in (made / part).glob(f"*{suffix}")) == SLUGS
    assert names(made / "marks.csv") == [name for slug in SLUGS for name in source.answers(slug)]


@pytest.mark.parametrize("slug", SLUGS)
def test_a_students_notebook_asks_for_every_answer(made, slug):
    text = "\n".join(cells(made / "students" / f"{slug}.ipynb", "code"))
    for name, body in source.answers(slug, seed=SEED).items():
        assert f'answers.check("{name}", {notebooks.handed_in(body)})' in text
        assert f"{notebooks.handed_in(body)} = ..." in text or f"def {notebooks.handed_in(body)}(" in text


# No solution in the students' copy


def sentences(slug: str) -> set[str]:
    """Every sentence and every line of code of the solutions, but imports and what is open to all."""
    text = source.text(slug, seed=SEED)
    told = plain(source.without_solutions(text) + source.starter(slug) + open_checks())
    solved = "\n".join(found.group() for found in source.SOLUTION.finditer(text))
    code = [block.group() for block in source.BLOCK.finditer(source.solution(slug))]
    lines = {plain(line) for part in [solved, *code] for line in re.split(r"\n|(?<=[.!?]) ", part)}
    return {line for line in lines if len(line) > 20 and line not in told and not re.match("from |import |```", line)}


def open_checks() -> str:
    paths = (source.folder() / slug / "checks.py" for slug in SLUGS)
    return "\n".join(source.HIDDEN.sub("", path.read_text("utf8")) for path in paths)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", notebooks.ROLE.sub(r"\2", text)).strip()


@pytest.mark.parametrize("slug", SLUGS)
def test_no_sentence_and_no_line_of_a_solution_is_in_the_students_copy(made, slug):
    searched = sentences(slug)
    assert len(searched) > 20
    files = [path for path in (made / "students").rglob("*") if path.is_file()]
    notebook = made / "students" / f"{slug}.ipynb"
    texts = [path.read_text("utf8") for path in files if path.suffix != ".ipynb"]
    texts += [text for kind in ("markdown", "code") for text in cells(notebook, kind)]
    everything = plain("\n".join(texts))
    assert [line for line in searched if line in everything] == []
    solved = plain("\n".join(cells(made / "solutions" / f"{slug}.ipynb", "markdown")))
    solved += plain("\n".join(cells(made / "solutions" / f"{slug}.ipynb", "code")))
    assert sum(line in solved for line in searched) > len(searched) / 2  # the search does find them where they are


@pytest.mark.parametrize("slug", SLUGS)
def test_no_answer_is_sealed_in_the_students_copy(made, slug):
    text = (made / "students" / "exercises" / slug / "exercises.md").read_text("utf8")
    for sealed in re.findall(r"^sealed: (\S+)$", text, re.MULTILINE):
        assert not {"value", "values", "misses", "right"} & keys.opened(sealed).keys()
    assert not re.search("^(rubric|misses|value|given|parameters):", text, re.MULTILINE)


@pytest.mark.parametrize("slug", SLUGS)
def test_answers_of_the_solutions_pass_otters_tests_and_last_terms_do_not(made, slug):
    """Otter's own test files, run on the answers alone."""
    from otter.test_files.exception_test import ExceptionTestFile

    last = source.answers(slug, seed=SEED - 1)
    with zipfile.ZipFile(made / "autograder" / f"{slug}.zip") as zipped:
        for name, body in source.answers(slug, seed=SEED).items():
            test = ExceptionTestFile.from_string(zipped.read(f"tests/{notebooks.variable(name)}.py").decode())
            assert test.name == name
            assert scored(test, name, body) == keys.marks(body) == test.possible
            assert scored(test, name, None) == 0
            if body["parameters"]:
                assert scored(test, name, last[name]) == 0


def scored(test, name: str, body: dict | None) -> float:
    """Marks for the reference answer of an exercise; for no answer without a body."""
    names: dict = {}
    if body and body["kind"] == "code":
        exec(source.without_markers(source.solution(source.chapter(name))), names)
    elif body:
        exec(notebooks.reference(body), names)
    test.run(names)
    return test.score


def test_the_autograder_is_otters_and_brings_the_package_along(made):
    with zipfile.ZipFile(made / "autograder" / "hearing.zip") as zipped:
        held = zipped.namelist()
        assert {"run_autograder", "run_otter.py", "setup.sh", "environment.yml"} < set(held)
        assert json.loads(zipped.read("otter_config.json")) == {"assignment_name": "hearing"}
        (wheel,) = [name for name in held if name.startswith("wheels/")]
        assert f"/autograder/source/{wheel}" in zipped.read("environment.yml").decode()


@pytest.mark.parametrize("slug", ["assignment", "cross_entropy", "hearing", "model"])
def test_the_solutions_get_full_marks_in_the_sandbox(made, slug):
    """Those whose functions take or return layers, axes, gradients and formulas, and one that trains."""
    chapter = marks.term(made)[slug]
    cells = marks.code_cells(made / "solutions" / f"{slug}.ipynb")
    exercises = made / "students" / "exercises"
    outcome = marked(chapter, cells, lambda: isolation.Process(exercises, trust=bool(TRUST)), isolation.LIMITS)
    assert outcome.marks == chapter.possible and outcome.remarks == []


def test_a_term_has_a_seed_of_its_own_that_students_do_not_get(tmp_path):
    seeds = []
    for name in ("autumn", "spring"):
        assert cli.main(["instructor", str(tmp_path / name), "--chapters", "hearing"]) == 0
        seeds.append(json.loads((tmp_path / name / "term.json").read_text("utf8"))["seed"])
        given = [path for path in (tmp_path / name / "students").rglob("*") if path.is_file()]
        assert given and not any(str(seeds[-1]) in path.read_text("utf8") for path in given)
    assert seeds[0] != seeds[1] and min(seeds) > 10_000  # no year


def test_chapters_may_come_one_by_one(tmp_path):
    made = instructor.make(tmp_path / "term", chapters=(slug for slug in ["hearing"]))
    assert names(made / "marks.csv") == list(source.answers("hearing"))


# Two students


def handed_in(folder, made, student: str, slug: str, answered) -> None:
    """A notebook in which the exercises numbered by `answered` are those of the solutions."""
    solved = nbformat.read(made / "solutions" / f"{slug}.ipynb", as_version=4)
    blank = nbformat.read(made / "students" / f"{slug}.ipynb", as_version=4)
    bodies = source.answers(slug, seed=SEED)
    for number, body in enumerate(bodies.values()):
        if number in answered:
            given, cell = (next(cell for cell in book.cells if is_answer(cell, body)) for book in (solved, blank))
            cell.source = given.source
    (folder / student).mkdir(parents=True, exist_ok=True)
    nbformat.write(blank, folder / student / f"{slug}.ipynb")


def is_answer(cell, body: dict) -> bool:
    asked = notebooks.handed_in(body)
    begins = rf"^def {asked}\(" if body["kind"] == "code" else f"^{asked} ="
    return cell.cell_type == "code" and bool(re.search(begins, cell.source, re.MULTILINE))


@pytest.mark.parametrize("slug", SLUGS)
def test_what_students_are_given_needs_no_name_from_the_solutions(made, tmp_path, slug):
    """With every answer filled in, each name in the notebook is one that a cell of it defines, or Python's own."""
    handed_in(tmp_path, made, "all", slug, range(99))
    nodes = list(ast.walk(ast.parse("\n".join(cells(tmp_path / "all" / f"{slug}.ipynb", "code")))))
    known = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    known |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    known |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    known |= {(node.asname or node.name).split(".")[0] for node in nodes if isinstance(node, ast.alias)}
    assert {node.id for node in nodes if isinstance(node, ast.Name)} <= known | set(dir(builtins))


def test_half_a_submission_gets_half_and_none_gets_nothing(made, tmp_path, capsys):
    """Through the command; what perfect ones get is said above, of every chapter."""
    table = tmp_path / "marks.csv"
    handed_in(tmp_path / "in", made, "half", GRADED, range(0, 99, 2))
    (tmp_path / "in" / "none").mkdir()
    assert cli.main(["grade", str(made), str(tmp_path / "in"), "-o", str(table), *TRUST]) == 0
    rows = {row["student"]: row for row in read_rows(table)}
    for number, (name, body) in enumerate(source.answers(GRADED, seed=SEED).items()):
        whole = str(keys.marks(body))
        assert rows["(possible)"][name] == whole
        assert rows["half"][name] == (whole if number % 2 == 0 else "0")
    assert {rows["none"][name] for name in names(made / "marks.csv")} == {"0"}
    said = capsys.readouterr().out.splitlines()
    assert said[0].split()[-1] == "total" and [line.split()[0] for line in said[1:]] == list(rows)


def test_the_assignment_is_marked_part_by_part(made, tmp_path):
    """A student who has solved the first half, in which later parts build on earlier ones."""
    bodies = source.answers("assignment", seed=SEED)
    handed_in(tmp_path, made, "half", "assignment", range(len(bodies) // 2))
    chapter = marks.term(made)["assignment"]
    cells = marks.code_cells(tmp_path / "half" / "assignment.ipynb")
    exercises = made / "students" / "exercises"
    outcome = marked(chapter, cells, lambda: isolation.Process(exercises, trust=bool(TRUST)), isolation.LIMITS)
    expected = [mark if i < len(bodies) // 2 else 0 for i, mark in enumerate(chapter.possible.values())]
    assert list(outcome.marks.values()) == expected and outcome.remarks == []


def test_every_mark_of_the_assignments_written_parts_has_an_example(made):
    rows = [row for body in source.answers("assignment").values() for row in body.get("rubric", [])]
    assert len(rows) > 20 and all(row["example"].endswith((".", "?")) for row in rows)
    assert "for example" in (made / "rubric.md").read_text("utf8")


# What cannot be done


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("hearing.pdf", "%PDF", "is not a notebook; students should hand in CHAPTER.ipynb."),
        ("opera.ipynb", "{}", "is no chapter that is graded here"),
        ("hearing.ipynb", "{", "is a broken notebook"),
        ("hearing.ipynb", "{}", "is a broken notebook"),
    ],
)
def test_what_is_no_submission_is_named_and_stands_in_the_table(made, tmp_path, capsys, name, text, said):
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / name).write_text(text)
    assert cli.main(["grade", str(made), str(tmp_path / "in"), "-o", str(tmp_path / "marks.csv"), *TRUST]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert name in line and said in line
    row = read_rows(tmp_path / "marks.csv")[-1]
    assert name in row["remarks"] and row["total"] == ("" if name == "hearing.ipynb" else "0")


def test_the_numbers_of_a_term_are_not_the_books():
    assert source.text("sound", seed=SEED) != source.text("sound", seed=0) == source.text("sound")
    with pytest.raises(InputError, match="no such exercise"):
        source.answer("sound-nothing", seed=SEED)
