"""Exercises: their answers compute, their checks are fair, their numbers can be redrawn, students get no solutions."""

import itertools
import re
from functools import cache

import pytest

from nmp_lessons.book import answers
from nmp_lessons.book.answers import instructor, keys, source, variants
from nmp_lessons.errors import InputError
from tests.helpers import ROOT

SLUGS = source.slugs()
CHAPTERS = [slug for slug in SLUGS if slug != "assignment"]  # whose solutions are run by the tests of its sandbox
BODIES = {name: body for slug in SLUGS for name, body in source.answers(slug).items()}
CHECKED = [name for name, body in BODIES.items() if body["kind"] != "code"]
CODED = [name for name, body in BODIES.items() if body["kind"] == "code"]


@cache
def key(name: str) -> dict:
    return keys.key(BODIES[name])


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


@pytest.mark.parametrize("slug", SLUGS)
def test_every_exercise_has_two_hints_and_a_solution(slug):
    for name in source.answers(slug):
        text = part_of(source.text(slug), name)
        assert text.count("{hint}") == 2, name
        assert text.count(f"{{solution-start}} {name}\n") == text.count("{solution-end}") == 1, name


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
            verdict = answers.judge(made, miss["value"])
            assert not verdict and verdict.message == miss["hint"]


@pytest.mark.parametrize("slug", CHAPTERS)
def test_the_code_of_the_solutions_runs(slug, monkeypatch):
    monkeypatch.chdir(ROOT)
    run_solutions(slug)


def run_solutions(slug: str) -> None:
    """All cells in one namespace, with the classes that stand in the cells of answers."""
    given = source.run(source.without_markers(source.solution(slug)), slug)
    names = {each: getattr(given, each) for body in source.answers(slug).values() for each in body.get("classes", ())}
    for cell in re.findall(r"^```\{code-cell\}[^\n]*\n(?::[^\n]*\n)*(.*?)^```", source.text(slug), re.M | re.S):
        exec(compile(cell, f"<{slug}>", "exec"), names)


def test_an_unknown_exercise_is_named_with_those_there_are():
    with pytest.raises(InputError, match="sound-nothing: no such exercise in sound; choose from sound-"):
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


@pytest.mark.parametrize(
    "right, wrong, said",
    [
        ("self.contour(seen)", "self.contour(stack)", "your layer is computed, and then its output is thrown away"),
        ("self.onset(stack)", "self.onset(seen)", "Yo differs from the library's"),
        ("received = filters", "received = 8", "size mismatch for contour.0.weight"),
    ],
)
def test_a_missing_layer_that_is_wired_in_wrongly_is_noticed(right, wrong, said):
    code = source.without_markers(source.solution("assignment"))
    assert code.count(right) == 1
    assert said in answers.check("assignment-network", source.run(code.replace(right, wrong), "wrong").heads).message


def test_the_starter_shown_on_the_page_is_the_function_alone():
    shown = answers.starter("hearing-shared")
    assert shown.startswith("import math\n\n\ndef shared_partials")
    assert "SOLUTION" not in shown and "raise NotImplementedError" in shown


# Other numbers

DECLARED = {
    name: keys.read_body(name, body)
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
    count = len(source.variants_of(name))
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


@pytest.mark.slow
@pytest.mark.parametrize("slug", CHAPTERS)
def test_the_code_of_the_solutions_runs_with_other_numbers(slug, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NMP_LESSONS_SEED", "2027")
    run_solutions(slug)


def test_a_seed_is_a_whole_number(monkeypatch):
    monkeypatch.setenv("NMP_LESSONS_SEED", "autumn")
    with pytest.raises(InputError, match="NMP_LESSONS_SEED is 'autumn'; set it to an integer"):
        source.text("sound")


def test_parameters_that_cannot_work_are_named():
    number = {"name": "x-y", "kind": "number", "value": "a", "parameters": {"a": {"book": 1, "other": "[1, 1.0001]"}}}
    with pytest.raises(InputError, match="exercise x-y: its parameters allow no variant"):
        variants.parameters(number, 1)
    with pytest.raises(InputError, match="exercise x-y: only exercises of the kinds number and matrix"):
        variants.parameters({**number, "kind": "choice"}, 1)
    with pytest.raises(InputError, match="quotes a parameter, but no {answer} declares it"):
        variants.instantiated("```{exercise} A\n@{n}\n```\n", 0)


# Marks


def test_what_is_answered_in_words_has_a_rubric():
    for name, body in BODIES.items():
        assert ("written" in body) == ("rubric" in body), name
        assert all(row["marks"] > 0 and row["for"].endswith(".") for row in body.get("rubric", [])), name


def test_every_chapter_asks_for_something_in_words():
    assert {source.chapter(name) for name, body in BODIES.items() if "written" in body} == set(SLUGS)


@pytest.mark.parametrize("name", CODED)
def test_hidden_tests_accept_the_solution_and_nothing_cheap(name):
    hidden = getattr(source.checks(source.chapter(name)), f"hidden_{BODIES[name]['function']}")
    hidden(answers.solution(name), answers.solution(name))
    with pytest.raises(Exception):  # noqa: B017 - whichever the chapter's tests raise
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
            assert source.function(source.without_markers(source.solution(slug)), body) not in text
        assert f":label: {name}" in text


def test_in_the_students_copy_an_answer_is_read_and_not_judged(copied, monkeypatch):
    right = answers.solution("sound-sustain")
    assert answers.check("sound-sustain", right).message == "Right: it passes every check."
    monkeypatch.setenv("NMP_LESSONS_EXERCISES", str(copied))
    assert answers.check("sound-softer", "0.5 dB").message == "Read as 0.5 dB."
    assert answers.check("sound-softer", ...).message == "There is nothing to read yet."
    assert answers.check("sound-roll", [[1, 0, 1, 0]] * 3) and not answers.check("sound-roll", [[1]])
    assert not answers.check("hearing-octave", "e") and answers.check("hearing-octave", "D")
    assert "I do not know “q” here." in answers.check("sound-partial", "q h").message
    assert answers.check("sound-partial", lambda p, h: h).message == "Read as a formula in p, h."
    assert answers.check("sound-sustain", lambda *arguments: None).message.startswith("Your function returns nothing.")
    assert answers.check("sound-sustain", right).message.startswith("It passes every check here; others follow")


def test_the_students_copy_overwrites_nothing(copied):
    with pytest.raises(InputError, match="exists"):
        source.student_copy(copied, seed=0)


def test_a_chapter_takes_in_its_exercises_before_it_is_run():
    chapter = "# Sound\n\n## Exercises\n\n```{include} ../exercises/sound/exercises.md\n```\n\n## After\n"
    full, student = source.expanded(chapter), source.expanded(chapter, student=True)
    assert "```{code-cell}" in full and "kernelspec" not in full and full.count("\n# ") == 0
    assert "{solution" not in student and "{code-cell}" not in student and student.endswith("## After\n")
    assert student.count("{exercise}") == full.count("{exercise}") > 4


# What instructors plan with


def test_every_exercise_practises_an_outcome_of_its_chapter():
    for opening in instructor.openings():
        numbers = [body["outcome"] for body in source.answers(opening.slug).values()]
        assert set(numbers) <= set(range(1, len(opening.outcomes) + 1)), opening.slug
        assert len(set(numbers)) >= 2, opening.slug


def test_every_chapter_of_a_plan_needs_only_chapters_before_it():
    needs = {opening.slug: set(opening.needs) for opening in instructor.openings()}
    assert needs["median_filtering"] == {"cqt", "model", "hearing"} and not needs["hearing"]
    for plan, slugs in instructor.PLANS.items():
        for place, slug in enumerate(slugs):
            assert needs[slug] <= set(slugs[:place]), (plan, slug)
    assert {"cross_entropy", "median_filtering"} <= set(instructor.PLANS["Two weeks"])  # the analytical problems
    assert instructor.PLANS["Half a term"] == list(needs)
