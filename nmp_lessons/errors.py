"""One family of errors for bad input.

Each message says which file or argument is wrong, why, and how to fix it. The command line prints only this message
and exits with status 2.
"""

import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

PACKAGE = str(Path(__file__).parent)


class InputError(ValueError):
    """Some input can't be used. The message says what is wrong and how to fix it."""


class NoNotes(InputError):
    """A valid note file that contains no notes. A transcription may be empty, but a reference may not."""


class MissingExtra(InputError, ImportError):
    """A package isn't installed because it belongs to an optional extra. The message names the extra."""


class InputWarning(UserWarning):
    """Something was left out or assumed, which the message says in one line, with the file's name."""


def warn(message: str) -> None:
    """Give an `InputWarning` in the name of whoever called this package. The command line prints the message alone."""
    # NOTE: From Python 3.12 on, `skip_file_prefixes` does the same.
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, InputWarning, stacklevel=level)


def needs(extra: str, *modules: str) -> None:
    """Check that the modules of an extra are installed, before any code imports them.

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
