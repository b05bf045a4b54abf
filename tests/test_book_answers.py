"""What readers may type as an answer, and that page and notebook read and judge it alike."""

import json
import math
import subprocess

import numpy as np
import pytest
import sympy

from nmp_lessons.book import answers
from nmp_lessons.book.answers import keys, source
from nmp_lessons.book.answers.expressions import Unreadable, parse
from tests import typed
from tests.helpers import ROOT, copied_bundle, write_page

WEB = ROOT / "web"

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
    right = np.array(keys.key(source.answer("sound-roll"))["value"])
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
    folder = tmp_path_factory.mktemp("judge")
    entry = folder / "entry.ts"
    entry.write_text(
        f"import {{ judge, reading }} from {json.dumps(str(WEB / 'src' / 'judge.ts'))};\n"
        f"import {{ parse }} from {json.dumps(str(WEB / 'src' / 'expression.ts'))};\n"
        "import { readFileSync } from 'node:fs';\n"
        "const read = (text) => {\n"
        "  try { return parse(text)({}); } catch (problem) { return problem.message; }\n"
        "};\n"
        "const asked = JSON.parse(readFileSync(0, 'utf8'));\n"
        "const judged = asked.cases.map(([key, attempt, latex]) => judge(key, attempt, latex));\n"
        "const readings = asked.cases.map(([key, attempt, latex]) => reading(key, attempt, latex));\n"
        "const done = { read: asked.texts.map(read), judged, readings };\n"
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
    made = {name: keys.key(source.answer(name)) for name in ATTEMPTS}
    found = in_typescript(texts=[], cases=[[made[name], attempt] for name, attempt in cases])["judged"]
    for (name, attempt), verdict in zip(cases, found, strict=True):
        here = answers.judge(made[name], attempt)
        assert (here.right, here.message) == (verdict["right"], verdict["message"]), f"{name}: {attempt}"
    accepted = {name: sum(v["right"] for (n, _), v in zip(cases, found, strict=True) if n == name) for name in ATTEMPTS}
    assert accepted == {
        "sound-partial": 6, "sound-seventh": 4, "sound-folded": 4, "sound-softer": 3, "sound-release": 3,
        "hearing-frames": 3, "hearing-octave": 1, "hearing-no": 3, "sound-roll": 1,
    }  # fmt: skip


# A table of inputs as people type them


def shared_cases() -> list[tuple[dict, str, bool]]:
    """Of each row of the table: the key, what is judged, and whether it is LaTeX."""
    found = [(typed.KEYS[row["question"]], row["editor"] or row["typed"]) for row in typed.rows()]
    return [(key, attempt, key["kind"] == "formula") for key, attempt in found]


def test_page_and_notebook_judge_every_input_of_the_table_as_it_says(in_typescript):
    rows, cases = typed.rows(), shared_cases()
    assert len({(row["question"], row["typed"]) for row in rows}) == len(rows) >= 300
    expected = [row["verdict"] for row in rows]
    assert [answers.judge(key, attempt, latex=latex).message for key, attempt, latex in cases] == expected
    done = in_typescript(texts=[], cases=cases)
    assert [verdict["message"] for verdict in done["judged"]] == expected
    unread = [row["verdict"] for row, reading in zip(rows, done["readings"], strict=True) if not reading]
    assert not {"Right.", "Not yet."} & set(unread)  # whatever is judged is shown first as it was read


def test_the_formula_editor_makes_of_every_input_what_the_table_says(visit, tmp_path):
    from nmp_lessons.book import bundle
    from tools.browser import served

    copied_bundle(tmp_path, (*bundle.BUNDLE, *bundle.FETCHED))
    write_page(tmp_path / "index.html", typed.boxes(), title="Formulas")
    rows = [row for row in typed.rows() if typed.KEYS[row["question"]]["kind"] == "formula"]
    with served(tmp_path) as address:
        tab = visit(f"{address}/index.html")
        tab.set_viewport_size({"width": 1280, "height": 4000})
        tab.locator("math-field[data-ready]").nth(len({row["question"] for row in rows}) - 1).wait_for()
        typed.edited(tab, rows[0]["question"], "1")
        found = [typed.edited(tab, row["question"], row["typed"]) for row in rows]
    assert found == [row["editor"] for row in rows]
