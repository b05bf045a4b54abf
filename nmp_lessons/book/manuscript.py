"""Where to find the text of the book: its chapters, their order and the exercises.

In a clone it is beside the package. A built wheel contains a copy inside the package (`SHIPPED`), so that exercises
can be checked and assignments made without the repository.
"""

from pathlib import Path

import nmp_lessons

# The boxes of a chapter, and their titles.
BOXES = {
    "question": "The question",
    "outcomes": "By the end of this chapter you will be able to",
    "predict": "Predict first",
    "goes-wrong": "Where this goes wrong",
}

SHIPPED = Path(__file__).with_name("shipped")  # filled when a wheel is built: see pyproject.toml


def root() -> Path:
    """The folder with ``_toc.yml``, ``book`` and ``exercises``: the clone's, or else the package's own copy.

    >>> sorted(path.name for path in (root() / "exercises" / "sound").iterdir() if path.suffix)
    ['checks.py', 'code.py', 'exercises.md']
    """
    clone = Path(nmp_lessons.__file__).parents[1]
    return clone if (clone / "_toc.yml").exists() else SHIPPED
