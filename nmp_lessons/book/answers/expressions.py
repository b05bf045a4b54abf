"""Mathematics as readers type it: ``1/(2^(1/36)-1)``, ``440*2**((p-69)/12)``, ``\\frac{1}{\\sqrt[12]{2}}``.

A small recursive-descent parser for plain and LaTeX notation; nothing is ever passed to Python's own
evaluation. ``web/src/expression.ts`` is the same parser for the built page, message for message, and
``tests/test_exercises.py`` holds the two together.

    sum      = product (("+" | "-") product)*
    product  = signed (("*" | "/") signed | power)*        juxtaposition multiplies: 2x, 2(x+1)
    signed   = ("+" | "-") signed | power
    power    = atom ["^" exponent]
    atom     = number | name | function argument | "(" sum ")" | fraction | root
"""

import re
from collections.abc import Callable, Mapping

import numpy as np

LONGEST = 500  # characters
CONSTANTS = {"pi": np.pi, "e": np.e}
FUNCTIONS: dict[str, Callable] = {
    "sqrt": np.sqrt, "exp": np.exp, "ln": np.log, "log": np.log, "log2": np.log2, "log10": np.log10,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "abs": np.abs, "floor": np.floor, "ceil": np.ceil,
    "round": lambda x: np.floor(x + 0.5),
}  # fmt: skip
SYMBOLS = {
    "−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "²": "^2", "³": "^3", "π": "pi",
    "√": "sqrt", "\u00a0": " ", "\u202f": " ", "**": "^",
}  # fmt: skip
LATEX = [
    (r"\\(?:dfrac|tfrac|cfrac)", r"\\frac"),
    (r"(?:\\m?left)?\\lfloor", " floor("),
    (r"(?:\\m?left)?\\lceil", " ceil("),
    (r"\\m?left\||\\lvert", " abs("),
    (r"\\m?right\||\\rvert|(?:\\m?right)?\\rfloor|(?:\\m?right)?\\rceil", ")"),
    (r"\\(?:left|right|mleft|mright|displaystyle)(?![A-Za-z])", ""),
    (r"\\(?:cdot|times|ast)(?![A-Za-z])", "*"),
    (r"\\div(?![A-Za-z])", "/"),
    (r"\\exponentialE(?![A-Za-z])", " e "),
    (r"\\(?:mathrm|text|mathit)\{([A-Za-z0-9]+)\}", r" \1 "),
    (r"\\operatorname\{\s*([A-Za-z0-9]+)\s*\}", r" \1 "),
    (r"\{,\}", ""),
    (r"\\[,;:! ]|~", " "),
    (r"log_\{\s*(\d+)\s*(\([^{}]*\))\s*\}", r"log_{\1}\2"),  # log_2(h) typed without leaving the index
]


class Unreadable(ValueError):
    """What was typed is not an expression; the message says where it goes wrong."""


class UnknownName(Unreadable):
    """A name that has no meaning here."""

    def __init__(self, name: str):
        super().__init__(f"I do not know “{name}” here.")
        self.name = name


def parse(
    text: str, variables: tuple[str, ...] = (), *, latex: bool = False, common_log: bool = False
) -> Callable[[Mapping[str, float]], float]:
    """Parse an expression; the result evaluates it for given values of the variables.

    Parameters
    ----------
    text : plain or LaTeX notation
    variables : the names that may occur besides functions and constants, such as ``("p", "f_0")``
    latex : read ``2^23`` as LaTeX does, 2² · 3; implied by a backslash
    common_log : read ``log`` without a base as base 10, not as the natural logarithm

    Returns
    -------
    callable
        From a mapping of values to a float; NaN or infinity where the expression has no value.

    Raises
    ------
    Unreadable, UnknownName

    Examples
    --------
    >>> round(float(parse("1/(2^{1/36}-1)")({})), 4)
    51.4386
    >>> float(parse(r"\\frac12 x^2", ("x",))({"x": 3}))
    4.5
    """
    reader = _Reader(text, variables, latex=latex, common_log=common_log)
    return reader.read()


class _Reader:
    def __init__(self, text: str, variables: tuple[str, ...], *, latex: bool, common_log: bool):
        if len(text) > LONGEST:
            raise Unreadable("That is too long.")
        if "\\placeholder" in text:
            raise Unreadable("A box of the formula is still empty.")
        self.latex = latex or "\\" in text
        self.text = _normalised(text)
        self.position = 0
        self.log = np.log10 if common_log else np.log
        self.spellings = _spellings(variables)

    def read(self) -> Callable:
        if not self.peek():
            raise Unreadable("There is nothing to read yet.")
        tree = self.sum()
        if self.peek():
            raise self.unexpected()
        return _quiet(tree)

    # Characters

    def peek(self) -> str:
        while self.text[self.position : self.position + 1].isspace():
            self.position += 1
        return self.text[self.position : self.position + 1]

    def take(self, characters: str) -> str:
        found = self.peek()
        if found and found in characters:
            self.position += 1
            return found
        return ""

    def unexpected(self) -> Unreadable:
        found = self.peek()
        if not found:
            return Unreadable("Something is missing at the end.")
        if found == ",":
            return Unreadable("Write the decimal point as a point, not a comma.")
        if found in ")}]":
            return Unreadable("A bracket closes that was never opened.")
        word = re.match(r"\\?[A-Za-z]+", self.text[self.position :])
        if word:
            return UnknownName(word.group().lstrip("\\"))
        return Unreadable(f"I cannot read the “{found}” there.")

    # Grammar

    def sum(self) -> Callable:
        left = self.product()
        while sign := self.take("+-"):
            left = _binary(sign, left, self.product())
        return left

    def product(self) -> Callable:
        left = self.signed()
        while True:
            if sign := self.take("*/"):
                left = _binary(sign, left, self.signed())
            elif self.starts_atom():
                left = _binary("*", left, self.power())
            else:
                return left

    def signed(self) -> Callable:
        sign = self.take("+-")
        if not sign:
            return self.power()
        inner = self.signed()
        return (lambda values: -inner(values)) if sign == "-" else inner

    def power(self) -> Callable:
        base = self.atom()
        if not self.take("^"):
            return base
        as_latex = self.peek() == "{" or (self.latex and self.peek() not in ("+", "-"))
        return _binary("^", base, self.argument() if as_latex else self.plain_exponent())

    def plain_exponent(self) -> Callable:
        sign = self.take("+-")
        inner = self.power()
        return (lambda values: -inner(values)) if sign == "-" else inner

    def starts_atom(self) -> bool:
        found = self.peek()
        return bool(found) and (found in "({.\\" or (found.isascii() and found.isalnum()))

    def atom(self) -> Callable:
        if bracket := self.take("({"):
            return self.group({"(": ")", "{": "}"}[bracket])
        if number := self.number():
            return number
        if self.text.startswith("\\frac", self.position):
            self.position += len("\\frac")
            return _binary("/", self.argument(), self.argument())
        return self.named()

    def group(self, closing: str) -> Callable:
        inner = self.sum()
        if not self.take(closing):
            raise Unreadable("A bracket is not closed.") if not self.peek() else self.unexpected()
        return inner

    def number(self) -> Callable | None:
        self.peek()
        found = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII).match(self.text, self.position)
        if not found:
            return None
        self.position = found.end()
        return _constant(float(found.group()))

    def argument(self) -> Callable:
        """What LaTeX takes as an argument: a group or one character."""
        if self.take("{"):
            return self.group("}")
        digit = self.peek()
        if digit and digit in "0123456789":
            self.position += 1
            return _constant(float(digit))
        if digit == "(":
            return self.atom()
        return self.named()

    def named(self) -> Callable:
        self.peek()
        for spelling, kind, name in self.spellings:
            if self.text.startswith(spelling, self.position):
                self.position += len(spelling)
                if kind == "variable":
                    return lambda values: np.float64(values[name])
                return _constant(CONSTANTS[name]) if kind == "constant" else self.applied(name)
        raise self.unexpected()

    def applied(self, name: str) -> Callable:
        if name == "sqrt" and self.take("["):
            degree = self.group("]")
            inner = self.argument()
            return lambda values: np.power(inner(values), 1 / degree(values))
        function = self.log if name == "log" else FUNCTIONS[name]
        if name == "log" and self.take("_"):
            base, inner = self.argument(), self.operand()
            return lambda values: np.log(inner(values)) / np.log(base(values))
        inner = self.argument() if name == "sqrt" and self.latex else self.operand()
        return lambda values: function(inner(values))

    def operand(self) -> Callable:
        """A function's argument: a bracket, or a product without signs as in log 2x."""
        if self.peek() in tuple("({"):
            return self.atom()
        inner = self.power()
        while self.starts_atom():
            inner = _binary("*", inner, self.power())
        return inner


def _normalised(text: str) -> str:
    for symbol, plain in SYMBOLS.items():
        text = text.replace(symbol, plain)
    for pattern, plain in LATEX:
        text = re.sub(pattern, plain, text)
    return re.sub(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])", lambda found: found.group().replace(",", ""), text)


def _spellings(variables: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """(as typed, kind, name) for every name, longest first, variables before all else."""
    found = []
    for name in variables:
        stem, _, index = name.partition("_")
        forms = [name] + ([f"{stem}_{{{index}}}", f"{stem}{index}"] if index else [])
        found += [(form, "variable", name) for form in forms] + [(f"\\{form}", "variable", name) for form in forms]
    for kind, names in (("function", FUNCTIONS), ("constant", CONSTANTS)):
        found += [(form, kind, name) for name in names for form in (name, f"\\{name}")]
    return sorted(found, key=lambda spelling: -len(spelling[0]))


def _constant(value: float) -> Callable:
    return lambda values: np.float64(value)


def _binary(sign: str, left: Callable, right: Callable) -> Callable:
    operation = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power}[sign]
    return lambda values: operation(left(values), right(values))


def _quiet(tree: Callable) -> Callable:
    """Without warnings, because the caller checks for infinity and NaN."""

    def evaluate(values: Mapping[str, float]) -> float:
        with np.errstate(all="ignore"):
            return tree(values)

    return evaluate
