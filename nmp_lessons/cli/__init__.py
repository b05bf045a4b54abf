"""The command line: ``nmp-lessons transcribe FILE... [-o DIR]`` and the other commands listed by ``--help``.

A problem is reported in one line on standard error, which says which file is affected, what is wrong and how to fix it.
The remaining files are still processed, and the exit status is 2. Existing files are not overwritten unless
``--overwrite`` is given, and no file is ever left half written.
"""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import cast

from ..errors import InputError
from . import data, evaluate, experiments, export, grade, instructor, maestro, measure, play, sounds, train, transcribe
from .outputs import FAILED, complain, one_line_warnings

COMMANDS = (transcribe, play, evaluate, maestro, sounds, train, experiments, measure, data, export, instructor, grade)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 if anything failed."""
    arguments = parser().parse_args(argv)
    if getattr(sys.stdout, "errors", "") == "strict":  # not every console has every letter
        cast(TextIOWrapper, sys.stdout).reconfigure(errors="backslashreplace")
    try:
        with one_line_warnings():
            status = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # as after `| head`: whoever reads has had enough
        _discard_output()
        return 0
    except (InputError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno == errno.ENOSPC and not problem.filename:
            problem = InputError("standard output: there is no space left to write it; free some, or write elsewhere.")
            _discard_output()
        complain(problem)
        return FAILED
    except KeyboardInterrupt:
        return 130


def _discard_output() -> None:
    """Nothing is flushed into a closed pipe, or onto a full disk, at the end."""
    with open(os.devnull, "w", encoding="utf8") as nowhere, suppress(OSError):
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """The parser for all commands; each module in this folder adds its own."""
    whole = argparse.ArgumentParser(prog="nmp-lessons", description="Tools from a book on neural music transcription.")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return whole
