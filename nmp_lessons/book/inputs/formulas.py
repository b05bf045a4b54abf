"""Typed formulas and numbers."""

from ..answers import keys
from ..answers.judging import judge
from . import Case

RATE = {"kind": "number", "value": "22050", "unit": "Hz", "tolerance": 0}
SEVENTH = {
    "kind": "number",
    "value": "1200 * math.log2(7) - 3400",
    "unit": "cents",
    "tolerance": 0.05,
    "misses": [{"value": "3400 - 1200 * math.log2(7)", "hint": "Is it flat or sharp?"}],
}
SIZE = {"kind": "formula", "value": "abs(s)", "variables": {"s": [-3, 3]}}
ROOT = {"kind": "formula", "value": "math.sqrt(s)", "variables": {"s": [1, 3]}}
WHOLE = {"kind": "formula", "value": "math.floor(u + 0.5)", "variables": {"u": [0, 9]}}
INDEX = {"kind": "formula", "value": "x_1 ** 2", "variables": {"x_1": [1, 3]}}
ODDS = {"kind": "formula", "value": "N / n - 1", "variables": {"N": [20, 99], "n": [2, 9]}}


def _case(what: str, body: dict, typed: str, expected: str = "Right.") -> Case:
    """A case: whoever is asked for the value of `body` types something."""
    key = keys.key({"name": "inputs", **body})
    return Case(what, lambda _: judge(key, typed).message, expected)


def _number(value: str, unit: str = "") -> dict:
    return {"kind": "number", "value": value, "unit": unit, "tolerance": 0}


CASES: list[Case] = [
    _case("22 050 with a space between the thousands", RATE, "22 050"),
    _case("22 050 with a narrow no-break space, as word processors set it", RATE, "22\u202f050 Hz"),
    _case("22'050, as it is written in Switzerland", RATE, "22'050"),
    _case("22.05 kHz, where hertz are asked for", RATE, "22.05 kHz"),
    _case("２２０５０, in full-width digits", RATE, "２２０５０"),
    _case(
        "3{,}14, copied from a text that was set in LaTeX",
        _number("3.14"),
        "3{,}14",
        "Write the decimal point as a point, not a comma.",
    ),
    _case("0,125, which isn't 125", _number("0.125"), "0,125", "Write the decimal point as a point, not a comma."),
    _case(
        "2 1/2, a mixed number",
        _number("2.5"),
        "2 1/2",
        "Write 2+1/2 if you mean a mixed number, 2*1/2 for a product.",
    ),
    _case(
        r"2\frac12, the same in LaTeX",
        _number("2.5"),
        r"2\frac12",
        "Write 2+1/2 if you mean a mixed number, 2*1/2 for a product.",
    ),
    _case(
        "(2)1/2, the same with brackets",
        _number("2.5"),
        "(2)1/2",
        "Write 2+1/2 if you mean a mixed number, 2*1/2 for a product.",
    ),
    _case(
        "22.05 e3, a power of ten with a space before it",
        RATE,
        "22.05 e3",
        "Write 22.05e3 for a power of ten, 22.05*e*3 with Euler's number.",
    ),
    _case("~22050, which leaves open how much it is", RATE, "~22050", "I cannot read the “~” there."),
    _case("‑31.17 cents, with the hyphen that Word doesn't break", SEVENTH, "\u201131.17"),
    _case("$22050$, as in a LaTeX source", RATE, "$22050$"),
    _case("21 samples, with the unit in the plural", _number("21"), "21 samples"),
    _case("25 %, where a proportion is asked for", _number("1 / 4"), "25 %"),
    _case("123 456 789 013, which is one too many", _number("123456789012"), "123 456 789 013", "Not yet."),
    _case("−31.17e0.5 cents", SEVENTH, "-31.17e0.5", "I cannot read the number “31.17e0.5”."),
    _case(
        "−31.1 cents, rounded to the wrong side", SEVENTH, "-31.1", "Close: check your rounding, or carry more digits."
    ),
    _case("31 cents, a known mistake, rounded", SEVENTH, "31", "Is it flat or sharp?"),
    _case("abs(s)", SIZE, "abs(s)"),
    _case("|s|", SIZE, "|s|"),
    _case("√s", ROOT, "√s"),
    _case("round(u)", WHOLE, "round(u)"),
    _case("⌊u + ½⌋", WHOLE, "⌊u + ½⌋"),
    _case("x_1^2, typed straight through in the page's box, where the power lands in the index", INDEX, "x_{1^2}"),
    _case("N/n-1, typed as text", ODDS, "N/n-1"),
    _case(
        "N/n-1, typed in the page's box, which takes n − 1 for the denominator and shows it",
        ODDS,
        r"\frac{N}{n-1}",
        "Not yet.",
    ),
]
