"""Chapters and exercises as notebooks that run on the reader's machine, made from the same source.

The source is MyST with directives that Sphinx knows and a plain Jupyter doesn't. Here each becomes Markdown that
any Jupyter can show: boxes become quotations, folds and hints become ``<details>``, answers a cell that checks,
starter code a cell to write in, and solutions become text and cells below a heading. Equations get the numbers that
they have on the page, references the titles of their targets, and glued values are written out.
"""

import ast
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from .. import manuscript
from . import keys, source, variants

BOOK = "Neural Music Transcription, by ear"
HOME = (
    f"*From the book “{BOOK}”. To run this notebook, set the book up as its page “Setting up” says, and open it with "
    "`.venv/bin/jupyter lab`.*"
)
FENCE = re.compile(r"^(`{3,}|:{3,})(?:\{([\w:-]+)\}[ \t]*(.*))?")
OPTION = re.compile(r"^:([\w-]+):[ \t]*(.*)$")
LABEL = re.compile(r"^\(([\w-]+)\)=[ \t]*\n", re.MULTILINE)
LABELLED = re.compile(r"^\(([\w-]+)\)=[ \t]*\n+#+[ \t]*(.+)$", re.MULTILINE)
EQUATION = re.compile(r"\$\$(.*?)\$\$[ \t]*\(([\w-]+)\)", re.DOTALL)
ROLE = re.compile(r"\{([a-zA-Z:]+)\}`([^`]+)`")
KERNEL = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
}


def variable(name: str) -> str:
    """The Python name of an exercise's answer.

    >>> variable("sound-softer")
    'sound_softer'
    """
    return name.replace("-", "_")


@dataclass
class Pages:
    """What references between the book's pages need: titles by label; equations by label as (page, number)."""

    titles: dict[str, str] = field(default_factory=dict)
    equations: dict[str, tuple[str, int]] = field(default_factory=dict)
    cited: dict[str, tuple[str, str]] = field(default_factory=dict)

    def reference(self, kind: str, text: str, page: str, values: Mapping[str, str]) -> str:
        """Plain Markdown in place of one role."""
        titled = re.fullmatch(r"(.*?)[ \t]*<(.*)>", text, re.DOTALL)
        shown, target = (titled.group(1), text[text.rindex("<") + 1 : -1]) if titled and titled.group(1) else ("", text)
        if kind == "eq":
            there, number = self.equations.get(target, ("", "?"))
            return f"({number})" if there == page else f"({number}) of *{self.titles.get(there, there)}*"
        if kind == "ref":
            return f"*{shown or self.titles.get(target, target)}*"
        if kind.startswith("cite"):
            found = [self.cited.get(key.strip(), (key.strip(), "")) for key in target.split(",")]
            if kind == "cite:t":
                return ", ".join(f"{who} ({year})" for who, year in found)
            return "(" + "; ".join(f"{who}, {year}" for who, year in found) + ")"
        if kind == "glue:text":
            return values.get(target, "…")
        if kind == "numref":
            return "the figure"
        if kind == "kbd":
            return f"<kbd>{text}</kbd>"
        if kind.startswith("py:") or kind == "func":
            return f"`{target.split('.')[-1] if target.startswith('~') else target}`"
        return shown or text


@cache
def pages(book: Path) -> Pages:
    """Titles, equations and works of a book's pages, in the order of the contents beside its folder."""
    found, contents = Pages(cited=_cited(book / "references.bib")), book.parent / "_toc.yml"
    listed = re.findall(r"(?:root|file): (\w+)", contents.read_text("utf8")) if contents.exists() else []
    for path in [book / f"{name}.md" for name in listed] or sorted(book.glob("*.md")):
        text = source.with_exercises(path.read_text("utf8"))  # titles and equations have no numbers of a seed
        heading = re.search(r"^# (.+)$", text, re.MULTILINE)
        found.titles[path.stem] = heading.group(1) if heading else path.stem
        found.titles |= {label: title for label, title in LABELLED.findall(text)}
        found.titles |= {label: title for title, label in source.EXERCISE.findall(text)}
        for _, label in EQUATION.findall(text):
            found.equations[label] = (path.stem, len(found.equations) + 1)  # the site numbers them through, too
    return found


def _cited(bibliography: Path) -> dict[str, tuple[str, str]]:
    from pybtex.database import parse_file

    def who(entry) -> str:
        names = [" ".join(person.last_names).strip("{}") for person in entry.persons.get("author", [])]
        return f"{names[0]} et al." if len(names) > 2 else " and ".join(names) or entry.fields.get("title", "")

    entries = parse_file(str(bibliography)).entries if bibliography.exists() else {}
    return {key: (who(entry), entry.fields.get("year", "")) for key, entry in entries.items()}


def chapter(path: Path, *, solutions: bool, values: Mapping[str, str] | None = None) -> nbformat.NotebookNode:
    """A page of the book as a notebook.

    Parameters
    ----------
    path : its source, ``book/<slug>.md``
    solutions : bool
        Whether to include the exercises' solutions.
    values : what the page's ``{glue:text}`` shows, by name and format as written ("mean:.2f")
    """
    text = source.expanded(path.read_text("utf8"), student=not solutions)
    head, body = _after_title(source.FRONT_MATTER.sub("", text))
    writer = _Writer(page=path.stem, pages=pages(path.parent), values=values or {})
    return writer.notebook(f"{head}\n\n{HOME}\n\n{body}")


def assignment(slug: str, *, solutions: bool, seed: int) -> nbformat.NotebookNode:
    """A chapter's exercises as a notebook to hand in; with solutions, as a perfect student would hand it in."""
    exercises = source.TITLE.sub("", source.FRONT_MATTER.sub("", source.text(slug, seed=seed)))
    if not solutions:
        exercises = source.without_solutions(exercises)
    found = pages(manuscript.root() / "book")
    bodies = source.answers(slug, seed=seed)
    marks = sum(keys.marks(body) for body in bodies.values())
    own = source.TITLE.search(source.FRONT_MATTER.sub("", source.exercises(slug).read_text("utf8")))
    title = f"# Exercises: {found.titles[slug]}\n\n" if slug in found.titles or not own else own.group() + "\n"
    writer = _Assignment(page=slug, pages=found, values={}, bodies=bodies, solutions=solutions, seed=seed)
    made = writer.notebook(title + writer.opening(marks) + exercises)
    made.metadata["otter"] = {"assignment_name": slug}
    made.metadata["nmp_lessons"] = {"term": variants.term_of(seed)}
    return made


def _after_title(text: str) -> tuple[str, str]:
    """A page up to its title's line, and what follows."""
    found = re.search(r"^# .*$", text, re.MULTILINE)
    return (text[: found.end()], text[found.end() :]) if found else ("", text)


@dataclass
class _Writer:
    """Turns one MyST text into a notebook."""

    page: str
    pages: Pages
    values: Mapping[str, str]
    hints: int = 0
    checks: bool = False  # whether `answers` is imported by now

    def notebook(self, text: str) -> nbformat.NotebookNode:
        text = LABEL.sub("", EQUATION.sub(self._equation, text))
        head = "---\njupytext:\n  text_representation:\n    format_name: myst\nkernelspec:\n  name: python3\n"
        document: Any = jupytext.reads(f"{head}  display_name: Python 3\n---\n{self.blocks(text)}", fmt="md:myst")
        cells = [cell for cell in document.cells if cell.source.strip()]
        for i, cell in enumerate(cells):
            cell["id"] = cell.metadata.pop("exercise", f"cell-{i}")  # the same in every build
            if cell.cell_type == "markdown":
                cell.source = re.sub(r"\n{3,}", "\n\n", cell.source.strip())
                cell.source = ROLE.sub(self._role, ROLE.sub(self._role, cell.source))  # a title may hold one
        notebook = nbformat.NotebookNode(cells=cells, metadata=nbformat.from_dict(KERNEL), nbformat=4, nbformat_minor=5)
        nbformat.validate(notebook)
        return notebook

    def _equation(self, found: re.Match) -> str:
        _, number = self.pages.equations.get(found.group(2), ("", "?"))
        return f"$${found.group(1).rstrip()} \\tag{{{number}}} $$"

    def _role(self, found: re.Match) -> str:
        return self.pages.reference(found.group(1), found.group(2), self.page, self.values)

    def blocks(self, text: str) -> str:
        """The text with every directive turned into Markdown or a cell."""
        lines, out = text.split("\n"), []
        while lines:
            line = lines.pop(0)
            opened = FENCE.match(line)
            if not opened:
                out.append(line)
                continue
            inside = []
            closing = re.compile(rf"^{re.escape(opened[1][0])}{{{len(opened[1])},}}[ \t]*$")
            while lines and not closing.match(lines[0]):
                inside.append(lines.pop(0))
            end = lines.pop(0) if lines else opened[1]
            if opened[2] and opened[2] != "code-cell":
                out += ["", self._directive(opened[2], opened[3].strip(), inside), ""]
            else:
                out += [line, *inside, end]
        return "\n".join(out)

    def _directive(self, name: str, argument: str, inside: list[str]) -> str:
        options = {}
        while inside and (option := OPTION.match(inside[0])):
            options[option[1]] = option[2]
            inside = inside[1:]
        text = "\n".join(inside).strip("\n")
        if name in manuscript.BOXES or name == "admonition":
            return _quoted(argument or manuscript.BOXES[name], self.blocks(text))
        if name == "fold":
            return _folded(argument, self.blocks(text))
        if name == "exercise":
            self.hints = 0
            return self.exercise(argument, options["label"], self.blocks(text))
        if name == "hint":
            self.hints += 1
            return _folded(f"Hint {self.hints}", self.blocks(text))
        if name == "answer":
            return self.answer(keys.read_body(argument, text))
        if name == "solution-start":
            return "#### Solution"
        if name == "solution-code":
            return f"```python\n{_solution(argument)}```"
        if name == "literalinclude":
            return f"```python\n{_included((manuscript.root() / 'book' / argument).read_text('utf8'), options)}\n```"
        if name in ("solution-end", "bibliography"):
            return ""
        if name in ("note", "tip", "warning", "important"):
            return _quoted(argument or name.capitalize(), self.blocks(text))
        return f"```{{{name}}} {argument}".rstrip() + f"\n{text}\n```"  # as it was: JupyterLab may have MyST

    def exercise(self, title: str, name: str, text: str) -> str:
        return f'\n+++ {{"exercise": "{name}"}}\n\n### {title}\n\n{text}'

    def answer(self, body: dict) -> str:
        imported = "" if self.checks else "from nmp_lessons.book import answers\n\n"
        self.checks = True
        if body["kind"] == "code":
            name = body["name"]
            start = source.function(source.starter(source.chapter(name)), body)
            return _cell(start) + _cell(f'{imported}answers.check("{name}", {body["function"]})')
        return _options(body) + _cell(f'{imported}answers.check("{body["name"]}", ...)  # {expected(body)}')


@dataclass
class _Assignment(_Writer):
    """A writer for work to be handed in, with a cell for each answer and with marks."""

    bodies: dict = field(default_factory=dict)
    imported: bool = False
    solutions: bool = False
    seed: int = 0

    @property
    def home(self) -> str:
        """Where `answers.check` finds this term's exercises: students have them beside the notebook."""
        if self.solutions:
            return f'"NMP_LESSONS_SEED"] = "{self.seed}"'
        return '"NMP_LESSONS_EXERCISES"] = os.path.abspath("exercises")  # this term\'s, beside this notebook'

    def opening(self, marks: int) -> str:
        return (
            f"To run this notebook, set up the book “{BOOK}” as its page “Setting up” says, and start its "
            "`.venv/bin/jupyter lab` in this folder. Keep the folder `exercises` beside the notebook.\n\n"
            "Put each answer in the cell below its question, in place of `...`; a number may also be given as text, "
            'such as `"1/3"`. The cell after it says how your answer is read, but not whether it is right: you learn '
            "that when your work is graded. Code is different: there, the cell runs checks and says what is wrong. "
            f"Together the exercises give {marks} marks. Hand in this notebook without renaming it.\n\n"
            + _cell(f"import os\n\nos.environ[{self.home}\n\nfrom nmp_lessons.book import answers")
        )

    def exercise(self, title: str, name: str, text: str) -> str:
        marks = keys.marks(self.bodies[name])
        return f"\n+++\n\n### {title} ({marks} {'mark' if marks == 1 else 'marks'})\n\n{text}"

    def answer(self, body: dict) -> str:
        name, body = body["name"], self.bodies[body["name"]]
        check = _cell(f'answers.check("{name}", {handed_in(body)})', tags=["otter_ignore"])
        if body["kind"] == "code":
            slug = source.chapter(name)
            code = source.without_markers(source.solution(slug)) if self.solutions else source.starter(slug)
            cells = _cell(source.function(code, body, imports=not self.imported)) + check
            self.imported = True  # once a notebook: its functions share them
        else:
            given = reference(body) if self.solutions else f"{variable(name)} = ...  # {expected(body)}"
            cells = _options(body) + _cell(given) + check
        return cells + self._in_words(body)

    def _in_words(self, body: dict) -> str:
        if "written" not in body:
            return ""
        marks = sum(row["marks"] for row in body["rubric"])
        rubric = "\n".join(f"- {row['for']} ({row['marks']})" for row in body["rubric"])
        below = f"**What earns marks**\n\n{rubric}" if self.solutions else "*Your answer:*"
        return f"\n**In words ({marks} marks).** {body['written']}\n\n+++\n\n{below}\n\n+++\n\n"


def handed_in(body: dict) -> str:
    """The name of the variable in a student's notebook that contains the answer."""
    return body["function"] if body["kind"] == "code" else variable(body["name"])


def expected(body: dict) -> str:
    """The form in which an answer has to be given."""
    if body["kind"] == "formula":
        return f"text: a formula in {', '.join(body['variables'])}"
    return {
        "number": f"a number in {body['unit']}" if body.get("unit") else "a number",
        "matrix": "a list of rows",
        "choice": "a letter",
    }[body["kind"]]


def reference(body: dict) -> str:
    """Code that gives the right answer, from the exercise's own expressions."""
    made, name = keys.key(body), variable(body["name"])
    if body["kind"] == "formula":
        plain = ", ".join(variable.replace("_{", "_").replace("}", "") for variable in body["variables"])
        modules = sorted(set(re.findall(r"\bnmp_lessons\.\w+", str(body["value"]))))
        imports = "\n".join(["import math", *(f"import {module}" for module in modules)])
        return f"{imports}\n\n{name} = lambda {plain}: {body['value']}"
    return f"{name} = {made['value']!r}"


def _quoted(title: str, text: str) -> str:
    lines = [f"**{title}**", "", *text.strip("\n").split("\n")]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text.strip()}\n\n</details>"


def _cell(code: str, *, tags: list[str] | None = None) -> str:
    head = f":tags: [{', '.join(tags)}]\n\n" if tags else ""
    return f"\n```{{code-cell}} ipython3\n{head}{code.strip()}\n```\n"


def _options(body: dict) -> str:
    options = enumerate(body.get("options", []))
    return "\n\n".join(f"**{chr(ord('a') + i)}.** {option['text']}" for i, option in options) + "\n"


def _solution(name: str) -> str:
    code = source.without_markers(source.solution(source.chapter(name)))
    return source.function(code, source.answer(name))


def _included(code: str, options: dict[str, str]) -> str:
    """The part of a file that Sphinx's ``literalinclude`` shows."""
    lines = code.splitlines()
    if "pyobject" in options:
        definitions = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef | ast.ClassDef))
        found = next(node for node in definitions if node.name == options["pyobject"])
        first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
        return textwrap.dedent("\n".join(lines[first - 1 : found.end_lineno]))
    start = next(i for i, line in enumerate(lines) if options["start-at"] in line)
    end = next(i for i, line in enumerate(lines[start:], start) if options["end-at"] in line)
    return textwrap.dedent("\n".join(lines[start : end + 1]))
