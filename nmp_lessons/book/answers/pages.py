"""Exercises as pages: answer boxes, folded hints, folded solutions, code to start from.

A chapter shows its exercises by ``{include} ../exercises/slug/exercises.md``, which becomes their text before
the chapter is read as a notebook (`source.expanded`). With ``NMP_LESSONS_STUDENT=1`` the solutions are left
out, and their code does not run. With a term's seed as well, the keys are left out, too, and nothing is checked.
"""

from html import escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ..bundle import data_uri
from . import keys, source, variants

SOLVED = "The answer is in the solution below."
STUDENT = "Check the answer in a notebook with answers.check."
TERM = "Write your answer into the notebook of the assignment."


class answer_box(nodes.General, nodes.Element):
    """``<nmp-answer>``, upgraded by the bundle; its children are what is shown without JavaScript."""


class folded_hint(nodes.General, nodes.Element):
    """A hint in a native ``<details>``."""


class Answer(SphinxDirective):
    """``{answer} slug-id``: a box that checks, or the code to start from."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        body = source.answer(self.arguments[0])
        if body["kind"] == "code":
            return _start_of_code(self.arguments[0], body)
        of_a_term = source.is_student() and variants.chosen_seed() != 0
        if "options" in body:
            shown = self._options(body["options"])
        else:
            shown = nodes.paragraph("", TERM if of_a_term else STUDENT if source.is_student() else SOLVED)
        if of_a_term:
            return [shown]
        return [answer_box("", shown, key=keys.sealed(keys.key(body)), kind=body["kind"])]

    def _options(self, options: list[dict]) -> nodes.enumerated_list:
        listed = nodes.enumerated_list(enumtype="loweralpha", prefix="", suffix=".")
        for option in options:
            words, messages = self.state.inline_text(str(option["text"]), self.lineno)
            listed += nodes.list_item("", nodes.paragraph("", "", *words), *messages)
        return listed


def _start_of_code(name: str, body: dict) -> list[nodes.Node]:
    slug, function = source.chapter(name), body["function"]
    code = source.starter(slug)
    shown = nodes.literal_block(code, source.function(code, body), language="python")
    link = (
        f'<p class="nmp-starter"><a download="{slug}.py" href="{data_uri(code.encode(), "text/x-python")}">'
        f"Download the starter code</a>. Check yours in a notebook: "
        f'<code>answers.check("{escape(name)}", {escape(function)})</code></p>\n'
    )
    return [shown, nodes.raw("", link, format="html", exercise=name)]


class Hint(SphinxDirective):
    """``{hint}``: text that the reader opens; its title says whether it is the first or the second hint."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        hint = folded_hint()
        self.set_source_info(hint)
        self.state.nested_parse(self.content, self.content_offset, hint)
        return [hint]


class SolutionCode(SphinxDirective):
    """``{solution-code} slug-id``: the source of a coding exercise's solution."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        code = source.without_markers(source.solution(source.chapter(name)))
        shown = source.function(code, source.answer(name))
        return [nodes.literal_block(shown, shown, language="python")]


def setup(app: Sphinx) -> None:
    from sphinx_exercise.nodes import solution_node

    app.setup_extension("sphinx_exercise")
    app.add_directive("answer", Answer)
    app.add_directive("hint", Hint, override=True)  # docutils' own is a plain admonition
    app.add_directive("solution-code", SolutionCode)
    app.add_node(answer_box, html=(_open_answer, _close_answer), latex=(_pass, _pass), text=(_pass, _pass))
    app.add_node(folded_hint, html=(_open_hint, _close_details), latex=(_pass, _pass), text=(_pass, _pass))
    app.add_node(solution_node, override=True, html=(_open_solution, _close_details), latex=(_pass, _pass))
    app.connect("source-read", _insert_exercises)
    app.connect("doctree-read", _tidy)


def _insert_exercises(app: Sphinx, docname: str, content: list[str]) -> None:
    for _, slug in source.INCLUDE.findall(content[0]):
        app.env.note_dependency(str(source.folder() / slug / "exercises.md"))
        app.env.note_dependency(str(source.folder() / slug / "code.py"))
    content[0] = source.expanded(content[0])


def _tidy(app: Sphinx, doctree: nodes.document) -> None:
    """Number the hints of each exercise; make unique the ids that sphinx-exercise repeats."""
    count = 0
    for node in doctree.findall():
        if isinstance(node, answer_box) or (isinstance(node, nodes.Element) and node.tagname.startswith("exercise")):
            count = 0
        if isinstance(node, folded_hint):
            count += 1
            node["title"] = f"Hint {count}"
        if isinstance(node, nodes.section) and node["ids"] in (["exercise-content"], ["solution-content"]):
            node["ids"] = [f"{node.parent['label']}-content"]


def _open_answer(translator, node: answer_box) -> None:
    translator.body.append(f'<nmp-answer data-key="{node["key"]}" data-kind="{node["kind"]}">')


def _close_answer(translator, node: answer_box) -> None:
    translator.body.append("</nmp-answer>\n")


def _open_hint(translator, node: folded_hint) -> None:
    translator.body.append(f'<details class="nmp-fold nmp-hint"><summary>{escape(node["title"])}</summary>\n')


def _open_solution(translator, node) -> None:
    title = node.next_node(nodes.title)
    title.parent.remove(title)
    summary = f"<summary>{escape(title.astext())}</summary>"
    translator.body.append(f'<details class="nmp-fold nmp-solution">{summary}\n')


def _close_details(translator, node) -> None:
    translator.body.append("</details>\n")


def _pass(translator, node) -> None:
    """Show the content unfolded where nothing can be folded."""
