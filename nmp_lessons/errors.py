"""One family of errors for bad input.

Each message names the file, what is wrong with it, and how to fix it. The command line prints the message
alone and exits with status 2.
"""

from importlib.util import find_spec


class InputError(ValueError):
    """Something handed to the book's code cannot be used; the message says how to fix it."""


class NoNotes(InputError):
    """A file of notes that is whole and holds none. As a reference it is useless; a transcription may be like it."""


class MissingExtra(InputError, ImportError):
    """A package is not installed because it comes with an extra; the message names that extra."""


def needs(extra: str, *modules: str) -> None:
    """Check that the modules of an extra are installed, before the code that imports them begins.

    Raises
    ------
    MissingExtra
        If one of them is not.

    Examples
    --------
    >>> needs("train", "no_such_package")
    Traceback (most recent call last):
    nmp_lessons.errors.MissingExtra: no_such_package is not installed: run `pip install 'nmp-lessons[train]'`.
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtra(f"{module} is not installed: run `pip install 'nmp-lessons[{extra}]'`.")
