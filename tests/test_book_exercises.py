"""Exercises: their answers compute, their checks are fair, and page and notebook agree."""

import base64
import itertools
import json
import math
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import sympy
import yaml
from sphinx.cmd.build import build_main

from nmp_lessons.book import answers
from nmp_lessons.book.answers import keys, source, variants
from nmp_lessons.book.answers.expressions import Unreadable, parse
from nmp_lessons.errors import InputError
from tools.browser import served

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
SHOW = ROOT / "nmp_lessons" / "book" / "show"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
SLUGS = source.slugs()
BODIES = {name: body for slug in SLUGS for name, body in source.answers(slug).items()}
CHECKED = [name for name, body in BODIES.items() if body["kind"] != "code"]
CODED = [name for name, body in BODIES.items() if body["kind"] == "code"]


def key(name: str) -> dict:
    return keys.key(BODIES[name])


def exercise_text(name: str) -> str:
    """From one exercise to the next."""
    text = source.text(source.chapter(name))
    start = text.index(f":label: {name}\n")
    after = text.find("{exercise}", start)
    return text[start : after if after > 0 else len(text)]


# The source


@pytest.mark.parametrize("slug", SLUGS)
def test_every_exercise_of_a_chapter_has_an_answer_and_bears_its_name(slug):
    labels = re.findall(r"^:label: (\S+)", source.text(slug), re.MULTILINE)
    assert labels == list(source.answers(slug))
    assert all(label.startswith(f"{slug}-") for label in labels)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_chapter_has_four_exercises_with_checked_answers_and_one_with_code(slug):
    kinds = [body["kind"] for body in source.answers(slug).values()]
    assert kinds.count("code") >= 1 and len(kinds) - kinds.count("code") >= 4


@pytest.mark.parametrize("name", BODIES)
def test_every_exercise_has_two_hints_and_a_solution(name):
    text = exercise_text(name)
    assert text.count("{hint}") == 2
    assert text.count(f"{{solution-start}} {name}\n") == text.count("{solution-end}") == 1


@pytest.mark.parametrize("name", CHECKED)
def test_the_right_answer_is_accepted(name):
    made = key(name)
    right = made.get("value", BODIES[name]["value"])
    if made["kind"] == "formula":
        right = sympy_free_function(name)
    assert answers.check(name, right)


def sympy_free_function(name: str):
    """The source's own expression as a function of its variables."""
    values = keys._Values(BODIES[name])
    names = list(BODIES[name]["variables"])
    return lambda *numbers: values(BODIES[name]["value"], **dict(zip(names, numbers, strict=True)))


@pytest.mark.parametrize("name", CHECKED)
def test_every_near_miss_is_rejected_with_its_own_hint(name):
    made = key(name)
    assert made["misses"], "give at least one near miss"
    for miss, body in zip(made["misses"], BODIES[name].get("misses", made["misses"]), strict=True):
        if made["kind"] == "formula":
            verdict = answers.judge(made | {"values": miss["values"]}, sympy_free_function(name))
            assert not verdict, f"{body['value']} agrees with the answer"
            values = keys._Values(BODIES[name])
            attempt = [float(values(body["value"], **point)) for point in made["points"]]
            assert attempt == miss["values"]
        else:
            verdict = answers.check(name, miss["value"])
            assert not verdict and verdict.message == miss["hint"]


@pytest.mark.parametrize("slug", SLUGS)
def test_the_code_of_the_solutions_runs(slug, monkeypatch):
    monkeypatch.chdir(ROOT)
    run_solutions(slug)


def run_solutions(slug: str) -> None:
    names: dict = {}
    for cell in re.findall(r"^```\{code-cell\}.*?\n(.*?)^```", source.text(slug), re.MULTILINE | re.DOTALL):
        exec(compile(cell, f"<{slug}>", "exec"), names)


def test_an_unknown_exercise_is_named_with_those_there_are():
    with pytest.raises(InputError, match="sound-nothing: no such exercise in sound; there are sound-"):
        answers.check("sound-nothing", 1)
    with pytest.raises(InputError, match="begins with its chapter: "):
        answers.check("nothing", 1)


def test_a_wrong_expression_names_its_exercise():
    with pytest.raises(InputError, match="exercise x-y: '1/0' cannot be computed"):
        keys.key({"name": "x-y", "kind": "number", "value": "1/0"})


# Coding


@pytest.mark.parametrize("name", CODED)
def test_a_starter_fails_with_a_helpful_message_and_the_solution_passes(name):
    started = source.run(source.starter(source.chapter(name)), "starter")
    verdict = answers.check(name, getattr(started, BODIES[name]["function"]))
    assert not verdict and verdict.message.startswith("Still to do: ")
    assert answers.check(name, answers.solution(name))


@pytest.mark.parametrize("name", CODED)
def test_wrong_code_is_told_what_is_wrong(name):
    assert "returns nothing" in answers.check(name, lambda *arguments: None).message
    assert "stopped with ZeroDivisionError" in answers.check(name, lambda *arguments: 1 / 0).message
    assert "Give the function itself" in answers.check(name, 3).message


def test_the_starter_shown_on_the_page_is_the_function_alone():
    shown = answers.starter("hearing-shared")
    assert shown.startswith("import math\n\n\ndef shared_partials")
    assert "SOLUTION" not in shown and "raise NotImplementedError" in shown


# Other numbers

DECLARED = {
    name: keys._body(name, body)
    for slug in SLUGS
    for _, name, body in keys.ANSWER.findall((source.folder() / slug / "exercises.md").read_text("utf8"))
}
VARIED = [name for name, body in DECLARED.items() if "parameters" in body]
SEEDS = range(21)


def keys_by_seed(name: str) -> list[dict]:
    bodies = [{**DECLARED[name], "parameters": variants.parameters(DECLARED[name], seed)} for seed in SEEDS]
    return [keys.key(body) for body in bodies]


def test_every_chapter_has_two_exercises_whose_numbers_can_be_redrawn():
    found = [source.chapter(name) for name in VARIED]
    assert min(map(found.count, SLUGS)) >= 2


@pytest.mark.parametrize("name", VARIED)
def test_with_every_seed_the_right_answer_passes_and_no_near_miss_does(name):
    for made in keys_by_seed(name):
        assert answers.judge(made, made["value"])
        assert not any(answers.judge(made, miss["value"]) for miss in made["misses"])


@pytest.mark.parametrize("name", VARIED)
def test_last_years_answer_fails_this_year(name):
    made = keys_by_seed(name)
    count = len(variants.variants(yaml.safe_dump(DECLARED[name])))
    assert count >= 4
    for last, this in itertools.product(SEEDS, SEEDS):
        same = last == this or (min(last, this) > 0 and (last - this) % count == 0)
        assert bool(answers.judge(made[this], made[last]["value"])) == same


@pytest.mark.parametrize("name", VARIED)
def test_statement_hints_and_solution_follow_the_numbers(name):
    slug = source.chapter(name)
    texts = [part_of(source.text(slug, seed=seed), name) for seed in (0, 1, 2)]
    statements = [text[: text.index("{answer}")] for text in texts]
    assert len(set(statements)) == 3 and not any("@{" in text for text in texts)
    hints = [text[text.index("{hint}") :] for text in texts]
    assert len(set(hints)) == 3


def part_of(text: str, name: str) -> str:
    return next(part for part in variants.EXERCISE.split(text) if f":label: {name}\n" in part)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_code_of_the_solutions_runs_with_other_numbers(slug, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NMP_LESSONS_SEED", "2027")
    run_solutions(slug)


def test_a_seed_is_a_whole_number(monkeypatch):
    monkeypatch.setenv("NMP_LESSONS_SEED", "autumn")
    with pytest.raises(InputError, match="NMP_LESSONS_SEED is 'autumn'; give a whole number"):
        source.text("sound")


def test_parameters_that_cannot_work_are_named():
    number = {"name": "x-y", "kind": "number", "value": "a", "parameters": {"a": {"book": 1, "other": "[1, 1.0001]"}}}
    with pytest.raises(InputError, match="exercise x-y: its parameters leave no variant"):
        variants.parameters(number, 1)
    with pytest.raises(InputError, match="exercise x-y: only numbers and matrices"):
        variants.parameters({**number, "kind": "choice"}, 1)
    with pytest.raises(InputError, match="quotes a parameter, and no {answer} declares it"):
        variants.instantiated("```{exercise} A\n@{n}\n```\n", 0)


# Marks


@pytest.mark.parametrize("name", BODIES)
def test_what_is_answered_in_words_has_a_rubric(name):
    body = BODIES[name]
    assert ("written" in body) == ("rubric" in body)
    assert all(row["marks"] > 0 and row["for"].endswith(".") for row in body.get("rubric", []))


def test_every_chapter_asks_for_something_in_words():
    assert {source.chapter(name) for name, body in BODIES.items() if "written" in body} == set(SLUGS)


@pytest.mark.parametrize("name", CODED)
def test_hidden_tests_accept_the_solution_and_nothing_cheap(name):
    hidden = getattr(source.checks(source.chapter(name)), f"hidden_{BODIES[name]['function']}")
    hidden(answers.solution(name), answers.solution(name))
    with pytest.raises(Exception):
        hidden(lambda *arguments: 0, answers.solution(name))


# The students' copy


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    return source.student_copy(tmp_path_factory.mktemp("copy") / "exercises", seed=2027)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_students_copy_has_no_solutions(copied, slug):
    text = "".join(path.read_text("utf8") for path in (copied / slug).iterdir())
    assert "solution-start" not in text and "BEGIN SOLUTION" not in text
    for name, body in source.answers(slug).items():
        assert f"value: {body.get('value')}" not in text and "hidden_" not in text
        if body["kind"] == "code":
            assert source.function(source.without_markers(source.solution(slug)), body["function"]) not in text
        assert f":label: {name}" in text


def test_in_the_students_copy_an_answer_is_read_and_not_judged(copied, monkeypatch):
    monkeypatch.setenv("NMP_LESSONS_EXERCISES", str(copied))
    assert answers.check("sound-softer", "0.5 dB").message == "Read as 0.5 dB."
    assert answers.check("sound-softer", ...).message == "There is nothing to read yet."
    assert answers.check("sound-roll", [[1, 0, 1, 0]] * 3) and not answers.check("sound-roll", [[1]])
    assert not answers.check("hearing-octave", "e") and answers.check("hearing-octave", "D")
    assert "I do not know “q” here." in answers.check("sound-partial", "q h").message
    assert answers.check("sound-partial", lambda p, h: h).message == "Read as a formula in p, h."
    assert answers.check("sound-sustain", lambda *arguments: None).message.startswith("Your function returns nothing.")


def test_the_students_copy_overwrites_nothing(copied):
    with pytest.raises(InputError, match="exists"):
        source.student_copy(copied, seed=0)


def test_a_chapter_takes_in_its_exercises_before_it_is_run():
    chapter = "# Sound\n\n## Exercises\n\n```{include} ../exercises/sound/exercises.md\n```\n\n## After\n"
    full, student = source.expanded(chapter), source.expanded(chapter, student=True)
    assert "```{code-cell}" in full and "kernelspec" not in full and full.count("\n# ") == 0
    assert "{solution" not in student and "{code-cell}" not in student and student.endswith("## After\n")
    assert student.count("{exercise}") == full.count("{exercise}") > 4


# What readers type

READ = {
    "1/(2^(1/36)-1)": 1 / (2 ** (1 / 36) - 1),
    "1/(2^{1/36}-1)": 1 / (2 ** (1 / 36) - 1),
    "2**(1/3)": 2 ** (1 / 3),
    "2^-3^2": 2 ** -(3**2),
    "-2^2": -4,
    "2(3+4)": 14,
    "1/2*3": 1.5,
    "22,050": 22050,
    "1e-3": 1e-3,
    ".5": 0.5,
    "2π": 2 * math.pi,
    "log2(8)": 3,
    "log_2(8)": 3,
    "log_{10} 1000": 3,
    "ln(e)": 1,
    "sqrt 16 + 1": 5,
    "5 − 3 · 2": -1,
    "3²": 9,
    "round(2.5) + floor(2.5) + ceil(2.5)": 8,
    r"\frac12": 0.5,
    r"\frac{1}{2^{\frac{1}{36}}-1}": 1 / (2 ** (1 / 36) - 1),
    r"\sqrt[12]{2}": 2 ** (1 / 12),
    r"\sqrt2\cdot3": 3 * math.sqrt(2),
    r"2^{12}": 4096,
    r"\left(1+2\right)\times 3": 9,
    r"\left\lfloor 2.7\right\rfloor": 2,
    r"\left|-3\right|": 3,
    r"\log_{2}8": 3,
    r"\log_{2\left(8\right)}": 3,
    r"\operatorname{round}\left(2.6\right)": 3,
    r"\exponentialE^{0}": 1,
    r"1{,}000": 1000,
}
UNREADABLE = {
    "": "There is nothing to read yet.",
    "2+": "Something is missing at the end.",
    "(2": "A bracket is not closed.",
    "2)": "A bracket closes that was never opened.",
    "51,4": "Write the decimal point as a point, not a comma.",
    "kg": "I do not know “kg” here.",
    "2 # 3": "I cannot read the “#” there.",
    "__import__('os')": "I cannot read the “_” there.",
    r"\frac{1}{\placeholder{}}": "A box of the formula is still empty.",
    "1" * 501: "That is too long.",
}


@pytest.mark.parametrize("text", READ)
def test_a_number_may_be_typed_as_an_expression(text):
    assert math.isclose(parse(text)({}), READ[text])


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_told_in_words(text):
    with pytest.raises(Unreadable) as caught:
        parse(text)
    assert str(caught.value) == UNREADABLE[text]


def test_variables_may_have_indices_and_stand_side_by_side():
    assert parse("f_0 h + fh", ("f_0", "f", "h"))({"f_0": 2, "f": 3, "h": 5}) == 25
    assert parse(r"f_{0}h+\alpha", ("f_0", "h", "alpha"))({"f_0": 2, "h": 5, "alpha": 1}) == 11


def test_a_formula_may_be_a_function_or_a_sympy_expression():
    p, h = sympy.symbols("p h")
    assert answers.check("sound-partial", h * 440 * 2 ** ((p - 69) / 12))
    assert answers.check("sound-partial", lambda p, h: h * 440 * 2 ** ((p - 69) / 12))
    assert "I do not know “q” here." in answers.check("sound-partial", sympy.Symbol("q")).message


def test_a_matrix_may_be_an_array():
    right = np.array(key("sound-roll")["value"])
    assert answers.check("sound-roll", right)
    assert answers.check("sound-roll", right[:2]).message == "The matrix has 3 rows of 4."
    assert answers.check("sound-roll", 1 - right).message == "Not yet: 0 of 12 entries are right."


# Page and notebook agree

ATTEMPTS = {
    "sound-partial": [
        "h*440*2^((p-69)/12)",
        "440 h 2**((p - 69)/12)",
        "27.5*h*2^((p-21)/12)",
        "440*2^((p-69)/12)",
        "h*440*2^((69-p)/12)",
        "h*440*2^(p-69)",
        "440*h*e^(ln(2)*(p-69)/12)",
        "h*440*2^((p-69)/12",
        "q",
        "p/(h-h)",
        r"440h\cdot2^{\frac{p-69}{12}}",
        r"\frac{440h\sqrt[12]{2}^{p}}{2^{5.75}}",
        r"440h2^{\frac{p-69}{\placeholder{}}}",
    ],
    "sound-seventh": [
        "-31.17",
        "-31.2 cents",
        "-0.3117 semitones",
        "1200*log2(7)-3400",
        "31.17",
        "-31",
        "-30",
        "7 Hz",
    ],
    "sound-folded": [
        "10538.5",
        "10.5385 kHz",
        "10,538",
        "22050-11*440*2^(15/12)",
        "11511.5",
        "22050/2",
        "ten",
    ],
    "sound-softer": [
        "-13.98",
        "20*log10(1/5)",
        "-20 log10(5) dB",
        "20*log(1/5)",
        "-20*log(5)",
        "13.98",
        "-7",
        "-14",
    ],
    "sound-release": ["1500", "1.5 s", "1500 ms", "2500", "1000", "3000", "0"],
    "hearing-frames": [
        "floor(N/H)+1",
        "floor((N+H)/H)",
        "N/H+1",
        "ceil(N/H)",
        r"\left\lfloor\frac{N}{H}\right\rfloor+1",
    ],
    "hearing-octave": ["a", "B", "d", "e", ""],
    "hearing-no": ["99.868", "99.868%", "100*(1-20/(172*88))", "0.99868", "0.13213", "99.9"],
    "sound-roll": [
        [list("1100"), list("0001"), list("0110")],
        [list("0110"), list("0001"), list("1100")],
        [list("1110"), list("0001"), list("0110")],
        [["x", *"100"], list("0001"), list("0110")],
    ],
}


@pytest.fixture(scope="module")
def in_typescript(tmp_path_factory):
    """Runs the page's own checker in Node on a list of [key, attempt]."""
    if not (WEB / "node_modules" / "esbuild").exists():
        pytest.skip("the bundle's tools are not installed: run `make bundle`")
    folder = tmp_path_factory.mktemp("judge")
    entry = folder / "entry.ts"
    entry.write_text(
        f"import {{ judge }} from {json.dumps(str(WEB / 'src' / 'judge.ts'))};\n"
        f"import {{ parse }} from {json.dumps(str(WEB / 'src' / 'expression.ts'))};\n"
        "import { readFileSync } from 'node:fs';\n"
        "const read = (text) => {\n"
        "  try { return parse(text)({}); } catch (problem) { return problem.message; }\n"
        "};\n"
        "const asked = JSON.parse(readFileSync(0, 'utf8'));\n"
        "const done = { read: asked.texts.map(read), judged: asked.cases.map(([k, a]) => judge(k, a)) };\n"
        "console.log(JSON.stringify(done));\n"
    )
    made = folder / "judge.mjs"
    command = [
        WEB / "node_modules/.bin/esbuild",
        entry,
        "--bundle",
        "--platform=node",
        "--format=esm",
    ]
    subprocess.run([*command, f"--outfile={made}", "--log-level=error"], check=True)

    def run(**asked):
        done = subprocess.run(["node", made], input=json.dumps(asked), capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return run


def test_page_and_notebook_read_alike(in_typescript):
    found = in_typescript(texts=[*READ, *UNREADABLE], cases=[])["read"]
    assert found[: len(READ)] == pytest.approx(list(READ.values()))
    assert found[len(READ) :] == list(UNREADABLE.values())


def test_page_and_notebook_give_the_same_verdict_in_the_same_words(in_typescript):
    cases = [(name, attempt) for name, attempts in ATTEMPTS.items() for attempt in attempts]
    found = in_typescript(texts=[], cases=[[key(name), attempt] for name, attempt in cases])["judged"]
    for (name, attempt), verdict in zip(cases, found, strict=True):
        here = answers.check(name, attempt)
        assert (here.right, here.message) == (verdict["right"], verdict["message"]), f"{name}: {attempt}"
    accepted = {name: sum(v["right"] for (n, _), v in zip(cases, found, strict=True) if n == name) for name in ATTEMPTS}
    assert accepted == {
        "sound-partial": 6, "sound-seventh": 4, "sound-folded": 4, "sound-softer": 3, "sound-release": 3,
        "hearing-frames": 3, "hearing-octave": 1, "hearing-no": 3, "sound-roll": 1,
    }  # fmt: skip


# The page, built as the book is

CHAPTER = """---
jupytext:
  text_representation:
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
---
# A chapter

## Exercises

```{{include}} ../exercises/{slug}/exercises.md
```
"""
CONF = """
project = "Exercises"
extensions = ["myst_nb", "nmp_lessons.book.site", "sphinx_exercise"]
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
nb_execution_mode = "cache"
html_theme = "basic"
html_math_renderer = "built"
html_sidebars = {"**": []}
html_theme_options = {"nosidebar": True}
"""


def build(folder: Path, slug: str, *, student: bool = False) -> Path:
    """The site of one page; the extension finds the repository's parts beside the page's folder."""
    for part in ("web", "nmp_lessons", "exercises", "requirements.lock"):
        (folder / part).symlink_to(ROOT / part)
    pages, site = folder / "book", folder / "_build" / "html"
    pages.mkdir()
    (pages / "conf.py").write_text(CONF)
    (pages / "index.md").write_text(CHAPTER.format(slug=slug))
    before = dict(os.environ)
    os.environ["NMP_LESSONS_STUDENT"] = str(int(student))
    try:
        assert build_main(["-q", "-W", "--keep-going", str(pages), str(site)]) == 0
    finally:
        os.environ.clear()
        os.environ |= before
    return site


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    if not (SHOW / "nmp-formula.js").exists():
        pytest.skip("the bundle is not built: run `make bundle`")
    return build(tmp_path_factory.mktemp("site"), "sound")


@pytest.fixture(scope="module")
def site(built):
    with served(built) as address:
        yield f"{address}/index.html"


@pytest.fixture
def page(browser, site):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield from opened_in(context, site)


def opened_in(context, site):
    """At the end the page must have had no error and no other server."""
    opened = context.new_page()
    opened.complaints, opened.asked = [], []
    opened.on("console", lambda said: opened.complaints.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.goto(site)
    yield opened
    asked, complaints = (
        opened.asked,
        [text for text in opened.complaints if "favicon" not in text and "404" not in text],
    )
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((site.rsplit("/", 1)[0], "data:", "blob:"))] == []


def exercise(opened, name):
    return opened.locator(f"#{name} + nmp-answer, #{name} nmp-answer").first


def verdict(opened, name):
    said = exercise(opened, name).locator(".nmp-answer-verdict")
    said.filter(has_text=re.compile(".")).wait_for()
    return said.inner_text()


def test_solutions_are_folded_and_their_code_has_run(built):
    html = (built / "index.html").read_text("utf8")
    assert html.count('<details class="nmp-fold nmp-hint">') == 2 * 7
    assert html.count('<details class="nmp-fold nmp-solution">') == html.count("</details>") - 2 * 7 == 7
    assert "partial 7: -31.17 cents" in re.sub(r"<[^>]+>", "", html)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_the_starter_can_be_downloaded(built):
    html = (built / "index.html").read_text("utf8")
    (link,) = re.findall(r'<a download="sound.py" href="([^"]+)"', html)
    assert (built / link).read_text("utf8") == source.starter("sound")


def test_right_answers_are_not_readable_at_a_glance(built):
    html = (built / "index.html").read_text("utf8")
    for sealed in re.findall(r'data-key="([^"]+)"', html):
        assert json.loads(base64.b64decode(sealed))["name"].startswith("sound-")
    assert not re.search(r"<nmp-answer[^>]*31\.17", html)


def test_a_number_is_checked_with_unit_and_hint_by_keyboard_alone(page):
    box = page.get_by_label("Your answer in cents")
    box.focus()
    page.keyboard.type("1200*log2(7) - 3300")
    page.keyboard.press("Enter")
    assert "One of its two neighbours is nearer" in verdict(page, "sound-seventh")
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
    opened.wait_for_timeout(250)  # MathLive takes the keyboard a moment after the click
    opened.keyboard.type(typed)
    opened.keyboard.press("Enter")
    return verdict(opened, "sound-partial")


def test_a_formula_is_typed_as_mathematics_and_equivalent_forms_are_accepted(page):
    box = formula_box(page)
    assert type_formula(page, box, "440h*2^(p-69)/12").startswith("✓")  # MathLive keeps it all in the exponent
    assert type_formula(page, box, "h*27.5*2^(p-21)/12").startswith("✓")
    assert "Look at the sign" in type_formula(page, box, "440h*2^(69-p)/12")
    assert "Where does h come in" in type_formula(page, box, "440*2^(p-69)/12")
    assert "The symbols here are p, h." in type_formula(page, box, "440x")
    assert "still empty" in type_formula(page, box, "440h/")
    page.reload()
    box = formula_box(page)
    assert "still empty" in verdict(page, "sound-partial")
    assert box.evaluate("box => box.value").startswith(r"\frac{440h}")


def test_the_script_for_formulas_comes_only_when_one_is_near(browser, site, built):
    context = browser.new_context(viewport={"width": 1280, "height": 300})
    opened = context.new_page()
    asked = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(site)
    opened.evaluate("scrollTo(0, 0)")
    far = opened.locator("#sound-partial ~ nmp-answer").first.bounding_box()["y"] > 500
    opened.wait_for_timeout(300)
    assert far != any("nmp-formula.js" in url for url in asked)
    formula_box(opened)
    assert any("nmp-formula.js" in url for url in asked)
    context.close()


def test_a_choice_is_made_by_arrow_keys(browser, tmp_path):
    folder = build(tmp_path, "hearing")
    with served(folder) as address:
        context = browser.new_context()
        for opened in opened_in(context, f"{address}/index.html"):
            opened.get_by_role("radio", name="half of them").focus()
            opened.keyboard.press("Space")
            opened.keyboard.press("Enter")
            assert "about those of A4" in verdict(opened, "hearing-octave")
            opened.keyboard.press("ArrowUp")
            opened.keyboard.press("Enter")
            assert verdict(opened, "hearing-octave").startswith("✓ Right")


def test_it_works_with_one_finger_on_a_narrow_screen(browser, site):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for opened in opened_in(context, site):
        assert opened.evaluate("document.documentElement.scrollWidth") == 390
        opened.get_by_label("Your answer in Hz").fill("10.54 kHz")
        button = exercise(opened, "sound-folded").get_by_role("button", name="Check")
        assert button.bounding_box()["height"] >= 44
        button.tap()
        assert verdict(opened, "sound-folded").startswith("✓")
        hint = opened.locator("details.nmp-hint").first
        hint.locator("summary").tap()
        assert hint.get_attribute("open") is not None


def test_without_javascript_the_answer_is_in_the_solution(browser, site):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(site)
    assert opened.locator("nmp-answer").first.inner_text() == "The answer is in the solution below."
    solution = opened.locator("details.nmp-solution").first
    solution.locator("summary").click()
    assert solution.locator(".math-block").first.is_visible()
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_answer_boxes_have_no_violation_of_wcag_2_1_aa(browser, site, theme, width):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `make bundle`")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    opened = context.new_page()
    opened.goto(site)
    opened.evaluate(
        "theme => { document.documentElement.dataset.theme = theme;"
        "document.body.style.background = theme === 'dark' ? '#14181e' : '#ffffff'; }",
        theme,
    )
    formula_box(opened)
    opened.get_by_label("Your answer in dB").fill("7")
    opened.keyboard.press("Enter")
    assert verdict(opened, "sound-softer")
    opened.evaluate(AXE.read_text(encoding="utf-8"))
    found = opened.evaluate("axe.run('nmp-answer', {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found["violations"]] == []
    context.close()


def test_the_students_page_has_no_solutions(tmp_path):
    html = (build(tmp_path, "hearing", student=True) / "index.html").read_text("utf8")
    assert "nmp-solution" not in html and html.count('class="nmp-fold nmp-hint"') > 0
    assert "The answer is in the solution" not in html
