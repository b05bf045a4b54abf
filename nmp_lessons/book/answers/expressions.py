"""Mathematics as readers type it: ``1/(2^(1/36)-1)``, ``440*2**((p-69)/12)``, ``\\frac{1}{\\sqrt[12]{2}}``.

A small recursive-descent parser for plain and LaTeX notation; nothing is ever passed to Python's own
evaluation. ``web/src/expression.ts`` is the same parser for the built page, message for message, and the inputs in
``tests/typed.csv`` hold the two together.

    sum      = product (("+" | "-") product)*
    product  = signed (("*" | "/" | "//") signed | power)*     juxtaposition multiplies: 2x, 2(x+1)
    signed   = ("+" | "-") signed | power
    power    = atom ["^" exponent] "%"*
    atom     = number | name | function argument | "(" sum ")" | "|" sum "|" | fraction | root

Two numbers side by side are refused: whoever types 2 1/2 means two and a half, not their product.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping

import numpy as np

LONGEST = 500  # characters
MOST_OPENED = 80  # brackets and bars
CONSTANTS = {"pi": np.pi, "e": np.e}
FUNCTIONS: dict[str, Callable] = {
    "sqrt": np.sqrt, "exp": np.exp, "ln": np.log, "log": np.log, "log2": np.log2, "log10": np.log10,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "abs": np.abs, "floor": np.floor, "ceil": np.ceil,
    "round": lambda x: np.floor(x + 0.5),
}  # fmt: skip
FOREIGN = ("arccos", "arcsin", "arctan", "cosh", "max", "min", "mod", "sinh", "tanh")  # or cosh would be cos h
SYMBOLS = {
    "−": "-", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "×": "*", "·": "*", "⋅": "*", "∗": "*",
    "÷": "/", "∕": "/", "π": "pi", "’": "'", "**": "^", "⌊": " floor(", "⌋": ")", "⌈": " ceil(", "⌉": ")",
    "\u00ad": "", "\u200b": "", "\u2060": "", "\ufeff": "",
}  # fmt: skip
RAISED = re.compile("[⁰¹²³⁴-⁹⁺⁻]+")
VULGAR = re.compile("[¼-¾⅐-⅞]")
LATEX = [
    (r"\\([$~])", r"\1"),
    (r"^\s*(\$\$?)(.*)\1\s*$", r"\2"),
    (r"^\s*\\\((.*)\\\)\s*$|^\s*\\\[(.*)\\\]\s*$", r"\1\2"),
    (r"\\left\\lbrace,\\right\\rbrace|\{,\}", ","),
    (r"\\(?:dfrac|tfrac|cfrac)", r"\\frac"),
    (r"(?:\\m?left)?\\lfloor", " floor("),
    (r"(?:\\m?left)?\\lceil", " ceil("),
    (r"\\m?left(?:\||\\vert)|\\lvert", " abs("),
    (r"\\m?right(?:\||\\vert)|\\rvert|(?:\\m?right)?\\(?:rfloor|rceil)", ")"),
    (r"\\(?:left|right|mleft|mright|displaystyle)(?![A-Za-z])", ""),
    (r"\\(?:lbrace|lbrack)(?![A-Za-z])|\\\{", "("),
    (r"\\(?:rbrace|rbrack)(?![A-Za-z])|\\\}", ")"),
    (r"\\(?:vert|mid)(?![A-Za-z])", "|"),
    (r"\\surd(?![A-Za-z])", "√"),
    (r"\\(?:cdot|times|ast)(?![A-Za-z])", "*"),
    (r"\\div(?![A-Za-z])", "/"),
    (r"\\exponentialE(?![A-Za-z])", " e "),
    (r"\\(?:mathrm|text|mathit)\{([A-Za-z0-9]+)\}", r" \1 "),
    (r"\\operatorname\{\s*([A-Za-z0-9]+)\s*\}", r" \1 "),
    (r"\\%", "%"),
    (r"\\(?:thinspace|enspace|quad)(?![A-Za-z])|\\[,;:! ]|(?<=\S)~", " "),
    (r"(?<![A-Za-z])(?:math|Math|np|numpy)\.(?=[A-Za-z])", ""),
]
GROUPED = re.compile(r"(?<![A-Za-z0-9_.,^])[1-9][0-9]{0,2}([,\s'_])[0-9]{3}(?:\1[0-9]{3})*(?![0-9,])")  # 22 050
NUMERAL = re.compile(r"[0-9.]+(?:[eE][+-]?[0-9][0-9.]*)?")
NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
HALF = re.compile(
    r"([0-9]+)\s*/\s*([0-9]+)|\\frac\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))"
)  # the fraction of a mixed number, plain or LaTeX
ALONE = re.compile(r"(?:^|[-+*/({\[])\s*[({\[]\s*$")  # what a number in brackets by itself stands behind
TEN = re.compile(r"\s*([+-]?)\s*([0-9]+)")  # what follows the e of a power of ten, with needless spaces


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
        if len(text) > LONGEST or len(re.findall(r"[({\[|]", text)) > MOST_OPENED:
            raise Unreadable("That is too long.")
        if "\\placeholder" in text:
            raise Unreadable("A box of the formula is still empty.")
        self.latex = latex or "\\" in text or text.lstrip().startswith("$")
        self.text = _released(normalised(text), variables)
        self.position = 0
        self.bars = 0  # open bars of absolute values
        self.last = (0, 0)  # where the latest number begins and ends
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
        if found == "=":
            return Unreadable("Write only what stands on one side of the equals sign.")
        if found in ")}]":
            return Unreadable("A bracket closes that was never opened.")
        word = re.match(r"\\?([A-Za-z]+)(?:(_)\{?([A-Za-z0-9]+))?", self.text[self.position :])
        if word:
            return UnknownName("".join(filter(None, word.groups())))
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
                left = _binary(sign + self.take("/") if sign == "/" else sign, left, self.signed())
            elif self.starts_atom():
                self.refuse_neighbours()
                left = _binary("*", left, self.power())
            else:
                return left

    def signed(self) -> Callable:
        sign = self.take("+-")
        if not sign:
            return self.power()
        inner = self.signed()
        return (lambda values: -inner(values)) if sign == "-" else inner

    def refuse_neighbours(self) -> None:
        """Raise if what begins here and what ended before it are both numbers."""
        begin, end = self.last
        between = self.text[end : self.position].strip()
        if begin == end or between and not (between in ")]}" and ALONE.search(self.text[:begin])):
            return
        before, rest = self.text[begin:end], self.text[self.position :]
        if half := HALF.match(rest):
            part = "/".join(filter(None, half.groups()))
            raise Unreadable(f"Write {before}+{part} if you mean a mixed number, {before}*{part} for a product.")
        if after := NUMERAL.match(rest):
            raise Unreadable(f"Write {before}*{after.group()} if you mean a product.")

    def power(self) -> Callable:
        base = self.atom()
        if self.take("^"):
            as_latex = self.peek() == "{" or (self.latex and self.peek() not in ("+", "-"))
            base = _binary("^", base, self.argument() if as_latex else self.plain_exponent())
        while self.peek() == "%":
            sign = self.position
            self.position += 1
            if self.starts_atom():
                self.position = sign
                raise self.unexpected()
            base = _binary("/", base, _constant(100))
        return base

    def plain_exponent(self) -> Callable:
        sign = self.take("+-")
        inner = self.power()
        return (lambda values: -inner(values)) if sign == "-" else inner

    def starts_atom(self) -> bool:
        found = self.peek()
        if found == "|":
            return not self.bars
        return bool(found) and (found in "({[.√\\" or (found.isascii() and found.isalnum()))

    def atom(self) -> Callable:
        if bracket := self.take("({["):
            return self.group({"(": ")", "{": "}", "[": "]"}[bracket])
        if self.take("|"):
            return self.absolute()
        if number := self.number():
            return number
        if self.take("√"):
            inner = self.atom()
            return lambda values: np.sqrt(inner(values))
        if self.text.startswith("\\frac", self.position):
            self.position += len("\\frac")
            return _binary("/", self.argument(), self.argument())
        return self.named()

    def group(self, closing: str) -> Callable:
        if self.peek() == closing:
            empty = "A box of the formula is still empty." if closing == "}" else "There is nothing in the brackets."
            raise Unreadable(empty)
        outside, self.bars = self.bars, 0
        inner = self.sum()
        if not self.take(closing):
            raise Unreadable("A bracket is not closed.") if not self.peek() else self.unexpected()
        self.bars = outside
        return inner

    def absolute(self) -> Callable:
        self.bars += 1
        inner = self.sum()
        if not self.take("|"):
            raise Unreadable("A bar is not closed.") if not self.peek() else self.unexpected()
        self.bars -= 1
        return lambda values: np.abs(inner(values))

    def number(self) -> Callable | None:
        self.peek()
        found = NUMERAL.match(self.text, self.position)
        if not found:
            return None
        if not NUMBER.fullmatch(found.group()):
            raise Unreadable(f"I cannot read the number “{found.group()}”.")
        self.last = found.span()
        self.position = found.end()
        return _constant(float(found.group()))

    def argument(self) -> Callable:
        """What LaTeX takes as an argument: a group or one character."""
        if self.take("{"):
            return self.group("}")
        digit = self.peek()
        if digit and digit in "0123456789":
            self.position += 1
            if self.text[self.position : self.position + 1] == ".":
                raise Unreadable("Put braces around a number with a decimal point: {0.5}.")
            return _constant(float(digit))
        if digit == "(":
            return self.atom()
        return self.named()

    def named(self) -> Callable:
        self.peek()
        for spelling, kind, name in self.spellings:
            if self.text.startswith(spelling, self.position):
                self.position += len(spelling)
                if kind == "foreign":
                    raise UnknownName(name)
                if kind == "variable":
                    if longer := self.longer_index(spelling):
                        raise UnknownName(longer)
                    return lambda values: np.float64(values[name])
                if spelling == "e":
                    self.refuse_ten()
                return _constant(CONSTANTS[name]) if kind == "constant" else self.applied(name, spelling[0] == "\\")
        raise self.unexpected()

    def refuse_ten(self) -> None:
        """Raise if what ended here is not Euler's number, but an e that stands for a power of ten."""
        begin, end = self.last
        number = self.text[begin:end] if not self.text[end : self.position - 1].strip() else ""
        found = TEN.match(self.text, self.position)
        if found and (number or not found.group(1)):
            sign, digits = found.groups()
            ten = f"{number}e{sign}{digits} for a power of ten, " if number else ""
            raise Unreadable(f"Write {ten}{number and f'{number}*'}e{sign or '*'}{digits} with Euler's number.")

    def longer_index(self, spelling: str) -> str:
        """``x_12`` if that is what stands here and ``x_1`` what was found."""
        further = re.compile("[0-9]+").match(self.text, self.position)
        return spelling + further.group() if further and spelling[-1].isdigit() else ""

    def applied(self, name: str, latex: bool) -> Callable:
        if name == "sqrt" and latex and self.take("["):
            degree = self.group("]")
            inner = self.argument()
            return lambda values: np.power(inner(values), 1 / degree(values))
        function = self.log if name == "log" else FUNCTIONS[name]
        if name == "log" and self.take("_"):
            base, inner = self.base(), self.operand()
            return lambda values: np.log(inner(values)) / np.log(base(values))
        inner = self.argument() if name == "sqrt" and latex else self.operand()
        return lambda values: function(inner(values))

    def base(self) -> Callable:
        """The base of a logarithm: 2 in log_2 8, in LaTeX's ``\\log_28``, too, and 10 in ``\\log_10``."""
        self.peek()
        found = re.compile("10|[0-9]" if self.latex else "[0-9]+").match(self.text, self.position)
        if not found:
            return self.argument()
        self.position = found.end()
        return _constant(float(found.group()))

    def operand(self) -> Callable:
        """A function's argument: a bracket, or a product without signs as in log 2x."""
        if self.peek() in tuple("({[|"):
            return self.atom()
        inner = self.power()
        while self.starts_atom():
            self.refuse_neighbours()
            inner = _binary("*", inner, self.power())
        return inner


def normalised(text: str) -> str:
    """What was typed, in the parser's alphabet: plain signs, spaces and digits, and numbers without grouping."""
    text = RAISED.sub(lambda found: "^{" + unicodedata.normalize("NFKC", found.group()) + "}", text)
    text = VULGAR.sub(
        lambda found: "\\frac{" + unicodedata.normalize("NFKC", found.group()).replace("⁄", "}{") + "}", text
    )
    for symbol, plain in SYMBOLS.items():
        text = text.replace(symbol, plain)
    text = unicodedata.normalize("NFKC", text).replace("⁄", "/")
    for pattern, plain in LATEX:
        text = re.sub(pattern, plain, text)
    return GROUPED.sub(lambda found: found.group().replace(found.group(1), ""), text)


def _released(text: str, variables: tuple[str, ...]) -> str:
    """``x_{1}^2`` for ``x_{1^2}``: a formula editor keeps what is typed straight on in the index."""
    indices = [r"log_\{(?:\([0-9]+\)|[0-9]+)(?![0-9}])"]
    for stem, _, index in (name.partition("_") for name in variables):
        further = "0-9" if index[-1:].isdigit() else "A-Za-z0-9"
        indices += [rf"{re.escape(stem)}_\{{{re.escape(index)}(?![{further}}}])"] if index else []
    for index in indices:
        while found := re.search(index, text):
            end, depth = found.end(), 1
            while depth and end < len(text):
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            if depth:
                raise Unreadable("A bracket is not closed.")
            text = text[: found.end()] + "}" + text[found.end() : end - 1] + text[end:]
    return text


def _spellings(variables: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """(as typed, kind, name) for every name, longest first, variables before all else."""
    found = []
    for name in variables:
        stem, _, index = name.partition("_")
        forms = [name] + ([f"{stem}_{{{index}}}", f"{stem}{index}"] if index else [])
        found += [(form, "variable", name) for form in forms] + [(f"\\{form}", "variable", name) for form in forms]
    for kind, names in (("function", FUNCTIONS), ("constant", CONSTANTS), ("foreign", FOREIGN)):
        found += [(form, kind, name) for name in names for form in (name, f"\\{name}")]
    return sorted(found, key=lambda spelling: -len(spelling[0]))


def _constant(value: float) -> Callable:
    return lambda values: np.float64(value)


OPERATIONS = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "//": np.floor_divide, "^": np.power,
}  # fmt: skip


def _binary(sign: str, left: Callable, right: Callable) -> Callable:
    operation = OPERATIONS[sign]
    return lambda values: operation(left(values), right(values))


def _quiet(tree: Callable) -> Callable:
    """Without warnings, because the caller checks for infinity and NaN."""

    def evaluate(values: Mapping[str, float]) -> float:
        with np.errstate(all="ignore"):
            return tree(values)

    return evaluate
