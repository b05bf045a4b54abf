"""Chapters as notebooks to take home: plain Markdown, live cells, with solutions and without."""

import json
import re
from copy import deepcopy
from functools import cache

import nbformat
import pytest
from nbclient import NotebookClient

from nmp_lessons.book.answers import notebooks, source
from nmp_lessons.book.site.notebooks import UNSOLVED, Shown
from tests.helpers import ROOT

SLUGS = [slug for slug in source.slugs() if (ROOT / "book" / f"{slug}.md").exists()]  # the assignment has no page
MYST = re.compile(r"^(`{3,}|:{3,})\{|\{[a-zA-Z:]+\}`|@\{|^\([\w-]+\)=$", re.MULTILINE)


@cache
def made(slug: str, *, solutions: bool) -> nbformat.NotebookNode:
    return notebooks.chapter(ROOT / "book" / f"{slug}.md", solutions=solutions)


def text(notebook, kind: str) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == kind)


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("solutions", [True, False])
def test_a_chapters_notebook_is_plain_markdown_with_every_cell_of_the_chapter(slug, solutions):
    notebook = made(slug, solutions=solutions)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert [line for line in text(notebook, "markdown").splitlines() if MYST.search(line)] == []
    chapter = source.expanded((ROOT / "book" / f"{slug}.md").read_text("utf8"), student=not solutions)
    code = text(notebook, "code")
    assert sum(cell.cell_type == "code" for cell in notebook.cells) >= chapter.count("{code-cell}")
    for name in source.answers(slug):
        assert f'answers.check("{name}", ' in code


@pytest.mark.parametrize("slug", SLUGS)
def test_without_solutions_there_are_statements_and_hints_only(slug):
    full, unsolved = (text(made(slug, solutions=solutions), "markdown") for solutions in (True, False))
    count = len(source.answers(slug))
    assert full.count("#### Solution") == count and unsolved.count("#### Solution") == 0
    assert full.count("<summary>Hint 1</summary>") == unsolved.count("<summary>Hint 1</summary>") == count


def test_boxes_folds_equations_and_references_read_well():
    shown = text(made("cqt", solutions=True), "markdown")
    assert "> **The question**\n>\n> " in shown and "> **Predict first**" in shown
    assert "<details><summary>Answer</summary>" in shown
    numbers = [int(number) for number in re.findall(r"\\tag\{(\d+)\} \$\$", shown)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] > 1 and len(numbers) > 10
    assert "(?)" not in shown
    assert "*What is a note, to a computer?*" in shown  # {ref}`chapter-sound`


def test_two_builds_make_the_same_file():
    again = notebooks.chapter(ROOT / "book" / "sound.md", solutions=True)
    assert nbformat.writes(again) == nbformat.writes(made("sound", solutions=True))


@pytest.mark.slow
def test_a_notebook_runs_at_home(tmp_path):
    """First as it is without its solutions, then what these add."""
    notebook, solved = (deepcopy(made("targets", solutions=solutions)) for solutions in (False, True))
    unsolved = {cell.source for cell in notebook.cells}
    more = [cell for cell in solved.cells if cell.cell_type == "code" and cell.source not in unsolved]
    before = len(notebook.cells)
    notebook.cells += more
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = ["".join(output.get("text", "") for output in cell.get("outputs", [])) for cell in notebook.cells]
    assert len(more) > 3
    assert "frames, " not in "".join(said[:before]) and "frames, " in "".join(said[before:])


@pytest.mark.slow
def test_glued_values_stand_as_on_the_page(tmp_path):
    kept = {"mean": "0.12345", "count": "'16,782'"}
    path = tmp_path / "page.glue.json"
    path.write_text(json.dumps({name: {"data": {"text/plain": plain}} for name, plain in kept.items()}))
    cells = [
        f"from myst_nb import glue\nglue('mean', {kept['mean']}, display=False)",
        f"glue('count', {kept['count']})",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    for values in (Shown.kept(path), Shown.run(notebook)):
        assert (values.get("mean:.2f"), values.get("count"), values.get("other", "…")) == ("0.12", "16,782", "…")
    assert not any(cell.outputs for cell in notebook.cells)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_site_offers_both_notebooks(book_html, slug):
    page = (book_html / f"{slug}.html").read_text("utf8")
    for name in (f"{slug}.ipynb", f"{slug}{UNSOLVED}.ipynb"):
        assert f'<a href="_sources/{name}" download>' in page
        notebook = nbformat.read(book_html / "_sources" / name, as_version=4)
        chapter = source.expanded((ROOT / "book" / f"{slug}.md").read_text("utf8"), student=False)
        assert text(notebook, "markdown").count("…") <= chapter.count("…")  # which stands for a value not known
        assert not any(cell.get("outputs") for cell in notebook.cells)


def test_equations_have_the_numbers_of_the_page(book_html):
    """A class that reads on paper, on the site and in a notebook means one thing by (42)."""
    found = notebooks.pages(ROOT / "book").equations
    shown = {}
    for page in {page for page, _ in found.values()}:
        html = (book_html / f"{page}.html").read_text("utf8")
        shown |= dict(re.findall(r'href="[^"]*#equation-([\w-]+)"[^>]*>\((\d+)\)</a>', html))
    assert len(shown) > 100
    assert {label: str(number) for label, (_, number) in found.items() if label in shown} == shown
