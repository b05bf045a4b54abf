"""The page of a chapter's exercises, built as the book is, in a real browser."""

import base64
import json
import re
from pathlib import Path

import pytest
from sphinx.cmd.build import build_main

from nmp_lessons.book.answers import keys, source
from nmp_lessons.book.site import execution
from tests.helpers import PAPER, ROOT, barriers
from tools.browser import served

CHAPTER = """---
jupytext:
  text_representation:
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
---
(chapter-evaluation)=
(chapter-cross-entropy)=
# A chapter

## Exercises

```{{include}} ../exercises/{slug}/exercises.md
```
"""
CONF = """
project = "Exercises"
extensions = ["myst_nb", "nmp_lessons.book.site", "sphinx_exercise"]
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
html_theme = "basic"
html_math_renderer = "built"
suppress_warnings = ["myst-nb.lexer"]  # of cells that are not run
html_sidebars = {"**": []}
html_theme_options = {"nosidebar": True}
"""


def build(folder: Path, slug: str, *, student: bool = False, run: bool = True) -> Path:
    """The site of one page; the extension finds the repository's parts beside the page's folder."""
    for part in ("web", "nmp_lessons", "exercises", "requirements.lock"):
        (folder / part).symlink_to(ROOT / part)
    pages, made = folder / "book", folder / "_build" / "html"
    pages.mkdir()
    (pages / "conf.py").write_text(CONF + f'nb_execution_mode = "{"cache" if run else "off"}"\n')
    (pages / "index.md").write_text(CHAPTER.format(slug=slug))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NMP_LESSONS_STUDENT", str(int(student)))
        if not run:
            patch.setattr(execution, "_execute_ahead", lambda *_: None)
        assert build_main(["-q", "-W", "--keep-going", str(pages), str(made)]) == 0
    (made / "favicon.ico").touch()  # browsers ask for it
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("site"), "sound")


@pytest.fixture
def page(visit, site):
    return visit(f"{site}/index.html")


@pytest.fixture
def html(folder):
    return (folder / "index.html").read_text("utf8")


def exercise(opened, name):
    return opened.locator(f"#{name} + nmp-answer, #{name} nmp-answer").first


def verdict(opened, name):
    said = exercise(opened, name).locator(".nmp-answer-verdict")
    said.filter(has_text=re.compile(".")).wait_for()
    return said.inner_text()


@pytest.mark.slow
def test_solutions_are_folded_and_their_code_has_run(html):
    assert html.count('<details class="nmp-fold nmp-hint">') == 2 * 7
    assert html.count('<details class="nmp-fold nmp-solution">') == html.count("</details>") - 2 * 7 == 7
    assert "partial 7: -31.17 cents" in re.sub(r"<[^>]+>", "", html)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_the_starter_can_be_downloaded(html, folder):
    (link,) = re.findall(r'<a download="sound.py" href="([^"]+)"', html)
    assert (folder / link).read_text("utf8") == source.starter("sound")


@pytest.mark.slow
def test_right_answers_are_not_readable_at_a_glance(html):
    for sealed in re.findall(r'data-key="([^"]+)"', html):
        assert json.loads(base64.b64decode(sealed))["name"].startswith("sound-")
    assert not re.search(r"<nmp-answer[^>]*31\.17", html)


def test_a_number_is_checked_with_unit_and_hint_by_keyboard_alone(page):
    box = page.get_by_label("Your answer in cents")
    box.focus()
    page.keyboard.type("1200*log2(7) - 3300")
    page.keyboard.press("Enter")
    assert "The other neighbour is nearer" in verdict(page, "sound-seventh")
    assert box.get_attribute("aria-invalid") == "true"
    box.fill("-31.2 cents")
    assert exercise(page, "sound-seventh").locator(".nmp-answer-verdict").inner_text() == ""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert verdict(page, "sound-seventh").startswith("✓ Right")


def test_a_reload_keeps_the_attempt_and_its_verdict(page):
    page.get_by_label("Your answer in dB").fill("20*log10(5)")
    exercise(page, "sound-softer").get_by_role("button", name="Check").click()
    before = verdict(page, "sound-softer")
    page.reload()
    assert page.get_by_label("Your answer in dB").input_value() == "20*log10(5)"
    assert verdict(page, "sound-softer") == before


def test_a_matrix_is_a_grid_of_boxes_and_wrong_ones_are_marked(page):
    for i, row in enumerate(["1100", "0001", "0111"], start=1):
        for j, entry in enumerate(row, start=1):
            page.get_by_label(f"Row {i}, column {j}", exact=True).fill(entry)
    exercise(page, "sound-roll").get_by_role("button", name="Check").click()
    assert "11 of 12 entries are right" in verdict(page, "sound-roll")
    assert exercise(page, "sound-roll").locator("[aria-invalid]").count() == 1
    page.get_by_label("Row 3, column 4").fill("0")
    page.keyboard.press("Enter")
    assert verdict(page, "sound-roll").startswith("✓")


def formula_box(opened):
    exercise(opened, "sound-partial").scroll_into_view_if_needed()
    box = opened.locator("math-field[data-ready]").first
    box.wait_for()
    return box


def type_formula(opened, box, typed):
    box.evaluate("box => { box.value = ''; }")
    box.click()
    opened.wait_for_function("document.querySelector('math-field').hasFocus()")
    opened.wait_for_timeout(50)  # MathLive takes the keyboard a moment after the click
    opened.keyboard.type(typed)
    opened.keyboard.press("Enter")
    return verdict(opened, "sound-partial")


def reading(opened, name):
    return exercise(opened, name).locator(".nmp-answer-reading")


def test_what_is_typed_is_shown_as_it_was_read_before_it_is_judged(page):
    box = page.get_by_label("Your answer in Hz")
    box.fill("22 050 - 11*440*2^(15/12)")
    assert reading(page, "sound-folded").inner_text().endswith("= 10538.5 Hz")
    assert reading(page, "sound-folded").locator("msup mfrac").count() == 1
    assert exercise(page, "sound-folded").locator(".nmp-answer-verdict").inner_text() == ""
    box.fill("22 050 -")
    assert not reading(page, "sound-folded").is_visible()
    box = formula_box(page)
    type_formula(page, box, "440/h-1")
    assert reading(page, "sound-partial").locator("mfrac").text_content() == "440h−1"
    assert reading(page, "sound-partial").locator("math > mfrac").count() == 1  # all of h − 1 is under the line


def test_a_formula_is_typed_as_mathematics_and_equivalent_forms_are_accepted(page):
    box = formula_box(page)
    assert type_formula(page, box, "440h*2^(p-69)/12").startswith("✓")  # MathLive keeps it all in the exponent
    assert type_formula(page, box, "h*27.5*2^(p-21)/12").startswith("✓")
    assert "Check the sign" in type_formula(page, box, "440h*2^(69-p)/12")
    assert "Where does h come in" in type_formula(page, box, "440*2^(p-69)/12")
    assert "The symbols here are p, h." in type_formula(page, box, "440x")
    assert "still empty" in type_formula(page, box, "440h/")
    page.reload()
    box = formula_box(page)
    assert "still empty" in verdict(page, "sound-partial")
    assert box.evaluate("box => box.value").startswith(r"\frac{440h}")


def test_the_script_for_formulas_comes_only_when_one_is_near(visit, site):
    far = "addEventListener('DOMContentLoaded', () => { document.body.style.paddingTop = '5000px'; })"
    tab = visit(f"{site}/index.html", script=far)
    tab.wait_for_load_state("networkidle")
    assert not any("nmp-formula.js" in url for url in visit.asked)
    formula_box(tab)
    assert any("nmp-formula.js" in url for url in visit.asked)


def test_a_choice_is_made_by_arrow_keys(visit, tmp_path):
    with served(build(tmp_path, "hearing", run=False)) as address:
        tab = visit(f"{address}/index.html")
        tab.get_by_role("radio", name="half of them").focus()
        tab.keyboard.press("Space")
        tab.keyboard.press("Enter")
        assert "about those of A4" in verdict(tab, "hearing-octave")
        tab.keyboard.press("ArrowUp")
        tab.keyboard.press("Enter")
        assert verdict(tab, "hearing-octave").startswith("✓ Right")


def test_it_works_with_one_finger_on_a_narrow_screen(visit, site):
    tab = visit(f"{site}/index.html", width=390, has_touch=True, is_mobile=True)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    tab.get_by_label("Your answer in Hz").fill("10.54 kHz")
    button = exercise(tab, "sound-folded").get_by_role("button", name="Check")
    assert button.bounding_box()["height"] >= 44
    button.tap()
    assert verdict(tab, "sound-folded").startswith("✓")
    hint = tab.locator("details.nmp-hint").first
    hint.locator("summary").tap()
    assert hint.get_attribute("open") is not None


def test_without_javascript_the_answer_is_in_the_solution(visit, site):
    tab = visit(f"{site}/index.html", java_script_enabled=False)
    assert tab.locator("nmp-answer").first.inner_text() == "The answer is in the solution below."
    solution = tab.locator("details.nmp-solution").first
    solution.locator("summary").click()
    assert solution.locator(".math-block").first.is_visible()


@pytest.mark.parametrize("width, theme", [(1280, "dark"), (390, "light")])
def test_answer_boxes_are_no_barrier(visit, site, theme, width):
    tab = visit(f"{site}/index.html", width=width, color_scheme=theme)
    tab.evaluate(
        "([theme, paper]) => { document.documentElement.dataset.theme = theme;"
        "document.body.style.background = paper; }",
        [theme, PAPER[theme][0]],
    )
    formula_box(tab)
    tab.get_by_label("Your answer in dB").fill("7")
    tab.keyboard.press("Enter")
    assert verdict(tab, "sound-softer")
    assert barriers(tab, within="nmp-answer") == []


def test_the_students_page_has_no_solutions(tmp_path):
    html = (build(tmp_path, "hearing", student=True, run=False) / "index.html").read_text("utf8")
    assert "nmp-solution" not in html and html.count('class="nmp-fold nmp-hint"') > 0
    assert "The answer is in the solution" not in html
    assert html.count("data-key=") == 5  # the book's numbers, which are open anyway


def test_a_students_site_for_a_term_carries_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("NMP_LESSONS_SEED", "48151623")
    made = build(tmp_path, "hearing", student=True, run=False)
    files = [path for path in made.rglob("*") if path.suffix in (".html", ".js", ".ipynb", ".txt", ".md", ".json")]
    site = "\n".join(path.read_text("utf8", errors="replace") for path in files)
    assert "Write your answer into the notebook of the assignment." in site
    assert not any("data-key" in path.read_text("utf8") for path in files if path.suffix == ".html")
    assert "48151623" not in site
    for name, body in source.answers("hearing", seed=48151623).items():
        assert keys.sealed(keys.key(body)) not in site, name
