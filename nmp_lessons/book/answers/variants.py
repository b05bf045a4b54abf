"""The same exercise with other numbers, so that last year's answers don't pass.

An answer may declare ``parameters``, each with the value that the book uses and an expression for other values::

    parameters:
      per: {book: 24, other: "range(12, 61, 6)"}
    value: math.ceil(per * math.log2(4000 / 41.2)) + 1

The answer's expressions use the parameters by name. The exercise's text, its hints and its solution quote
them, or anything that follows from them, as ``@{per}`` or ``@{steps:.2f}`` (an expression and a format). An ``other``
may draw random numbers with ``rng``: ``"[rng.integers(0, 10, 8).tolist() for _ in range(80)]"``.

Seed 0 gives the book's numbers. Any other seed picks one of the exercise's variants, and the next seed the next one.
A variant is left out if its right answer would be accepted in another variant, or be taken for a near miss; so two
terms with different variants never share an answer. Two terms with random seeds share a variant of a given exercise
by chance, one time in as many as it has.
"""

import hashlib
import json
import os
import re
import string
import zlib
from functools import cache

import numpy as np

from ...errors import InputError
from . import keys
from .judging import accepts

EXERCISE = re.compile(r"^(?=(?:`{3,}|:{3,})\{exercise\})", re.MULTILINE)
PLACE = re.compile(r"@\{((?:[^{}]|\{[^{}]*\})*)\}")
MOST = 60  # variants of one exercise
LOOKED_AT = 400  # combinations of parameters


def chosen_seed() -> int:
    """``$NMP_LESSONS_SEED``, 0 by default."""
    written = os.environ.get("NMP_LESSONS_SEED", "0")
    if not written.isdigit():
        raise InputError(f"NMP_LESSONS_SEED is {written!r}; set it to an integer, such as the seed in term.json.")
    return int(written)


def term_of(seed: int) -> str:
    """What a term's notebooks carry, so that another term's are recognised; a random seed can't be found from it."""
    return hashlib.sha256(f"term {seed}".encode()).hexdigest()[:12]


def parameters(body: dict, seed: int) -> dict:
    """The numbers of an exercise: its own for seed 0, another variant's otherwise."""
    declared = body.get("parameters") or {}
    if not declared or seed == 0:
        return {name: either["book"] for name, either in declared.items()}
    others = variants(json.dumps(body, sort_keys=True))
    return others[(seed - 1) % len(others)]


@cache
def variants(dumped: str) -> list[dict]:
    """All variants of an exercise but the book's, in the order in which seeds take them."""
    body = json.loads(dumped)
    if body["kind"] not in ("number", "matrix"):
        raise InputError(f"exercise {body['name']}: only exercises of the kinds number and matrix can have parameters.")
    kept = [keys.key({**body, "parameters": parameters(body, 0)})]
    found = []
    for values in _combinations(body, keys.evaluator(body["name"])):
        made = keys.key({**body, "parameters": values})
        if _sound(made) and not any(_same(made, other) for other in kept):
            kept.append(made)
            found.append(values)
        if len(found) == MOST:
            break
    if not found:
        raise InputError(f"exercise {body['name']}: its parameters allow no variant; widen their ranges.")
    return found


def _combinations(body: dict, evaluate) -> list[dict]:
    """Values for all parameters at once, in a random order that depends on the exercise's name alone."""
    rng = np.random.default_rng(zlib.crc32(body["name"].encode()))
    declared = body["parameters"]
    others = [[_plain(value) for value in evaluate(either["other"], rng=rng)] for either in declared.values()]
    count = int(np.prod([len(values) for values in others]))
    places = rng.permutation(count)[:LOOKED_AT] if count < 10**6 else rng.integers(count, size=LOOKED_AT)
    shape = [len(values) for values in others]
    picked = [[values[i] for values, i in zip(others, np.unravel_index(place, shape), strict=True)] for place in places]
    return [
        dict(zip(declared, values, strict=True))
        for values in picked
        if _allowed(body, dict(zip(declared, values, strict=True)), evaluate)
    ]


def _allowed(body: dict, values: dict, evaluate) -> bool:
    return "where" not in body or bool(evaluate(body["where"], **values))


def _plain(value):
    return value.tolist() if hasattr(value, "tolist") else value


def _sound(made: dict) -> bool:
    """Whether its answer is a number, and no near miss of it would pass."""
    return bool(np.isfinite(made["value"]).all()) and not any(accepts(made, miss["value"]) for miss in made["misses"])


def _same(one: dict, other: dict) -> bool:
    """Whether the answer to either would pass as the answer to the other."""
    return accepts(one, other["value"]) or accepts(other, one["value"])


@cache
def instantiated(text: str, seed: int) -> str:
    """A chapter's exercises with the seed's numbers in every place."""
    return "".join(_instantiated(part, seed) for part in EXERCISE.split(text))


def _instantiated(part: str, seed: int) -> str:
    if "@{" not in part:
        return part
    name, body = keys.declared(part)
    names = keys.evaluator(name, {**body, "parameters": parameters(body, seed)})

    def quoted(found: re.Match) -> str:
        ((_, expression, form, _),) = string.Formatter().parse(f"{{{found.group(1)}}}")
        return format(names(expression), form or "")

    return PLACE.sub(quoted, part)
