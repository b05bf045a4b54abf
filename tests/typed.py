"""Inputs as readers type them: questions to which they are attempts, and the formula editor that they pass through.

`tests/typed.csv` holds the inputs, one a row: the question, what is typed key by key, what the page's formula editor
(MathLive) makes of it where the question has one, and the verdict.
"""

from nmp_lessons.book.answers import keys
from nmp_lessons.files import read_rows
from tests.helpers import ROOT

TABLE = ROOT / "tests" / "typed.csv"


def _question(kind: str, value: str, misses: dict[str, str] | None = None, **options) -> dict:
    hinted = [{"value": wrong, "hint": hint} for wrong, hint in (misses or {}).items()]
    return {"kind": kind, "value": value, "misses": hinted, **options}


QUESTIONS = {
    "partial": _question(
        "formula",
        "h * 440 * 2 ** ((p - 69) / 12)",
        {
            "440 * 2 ** ((p - 69) / 12)": "Where does h come in?",
            "h * 440 * 2 ** ((69 - p) / 12)": "Check the sign of the exponent.",
        },
        variables={"p": [21, 108], "h": [1, 12]},
    ),
    "mean": _question(
        "formula",
        "(N - n) / n",
        {"N / (n - 1)": "Only n belongs under the line."},
        variables={"N": [9, 99], "n": [2, 8]},
    ),
    "power": _question("formula", "x_1 ** 2 + f_0", variables={"x_1": [1, 3], "f_0": [1, 3]}),
    "size": _question("formula", "abs(s)", {"s": "What if s is negative?"}, variables={"s": [-3, 3]}),
    "steps": _question(
        "formula",
        "math.floor(u + 0.5)",
        {"math.floor(u)": "To the nearest whole number, not down."},
        variables={"u": [0, 9]},
    ),
    "root": _question("formula", "math.sqrt(a)", variables={"a": [1, 9]}),
    "half": _question("formula", "2.5 * a", variables={"a": [1, 9]}),
    "frames": _question(
        "formula",
        "math.floor(N / H) + 1",
        {"N / H + 1": "A part of a frame is none."},
        variables={"N": [1000, 9000], "H": [100, 600]},
        points=[{"N": 1024, "H": 256}],
    ),
    "bits": _question("formula", "math.log2(b)", {"math.log(b)": "Which base?"}, variables={"b": [2, 64]}),
    "cents": _question(
        "number",
        "1200 * math.log2(7) - 3400",
        {
            "3400 - 1200 * math.log2(7)": "Is it flat or sharp?",
            "1200 * math.log2(7) - 3300": "The other neighbour is nearer.",
        },
        unit="cents",
        tolerance=0.05,
    ),
    "rate": _question("number", "22050", {"11025": "That is half of it."}, unit="Hz", tolerance=0),
    "ratio": _question("number", "math.pi", tolerance=0.001),
    "length": _question("number", "21", {"11": "Both sides count, and the middle."}, tolerance=0),
    "share": _question(
        "number",
        "100 - 0.132135",
        {"1 - 0.00132135": "Answer in per cent.", "0.132135": "That is the rest."},
        unit="%",
        tolerance=0.005,
    ),
    "mixed": _question("number", "2.5", tolerance=0),
    "large": _question("number", "123456789012", tolerance=0),
    "chance": _question("number", "7 / 128", {"45 / 1024": "A tie counts, too."}, tolerance=0.0001),
}
KEYS = {name: keys.key({"name": name, **body}) for name, body in QUESTIONS.items()}


def rows() -> list[dict[str, str]]:
    """The table's rows: question, typed, editor, verdict."""
    return read_rows(TABLE)


def boxes() -> str:
    """A page's answer boxes, one for each question with a formula."""
    return "".join(
        f'<nmp-answer id="{name}" data-kind="formula" data-key="{keys.sealed(key)}"></nmp-answer>'
        for name, key in KEYS.items()
        if key["kind"] == "formula"
    )


def edited(tab, question: str, typed: str) -> str:
    """What the formula editor has after keys are pressed one by one in a question's box, as LaTeX."""
    box = tab.locator(f"#{question} math-field[data-ready]")
    box.evaluate("box => { box.value = ''; }")
    if not box.evaluate("box => box.hasFocus()"):
        box.click()
        tab.wait_for_timeout(100)  # MathLive takes the keyboard a moment after the click
    for character in typed:
        if character == "|":
            tab.keyboard.press("Shift+Backslash")  # Playwright types it without Shift, which is MathLive's \\
        else:
            tab.keyboard.type(character)
    return box.evaluate("box => box.getValue('latex')")
