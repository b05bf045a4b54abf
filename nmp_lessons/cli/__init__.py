"""The command line: ``nmp-lessons transcribe FILE... [-o DIR]`` and the other commands listed by ``--help``.

A problem is reported in one line on standard error, which says which file is affected, what is wrong and how to fix it.
The remaining files are still processed, and the exit status is 2. Existing files are not overwritten unless
``--overwrite`` is given, and no file is ever left half written.
"""

import argparse
from collections.abc import Sequence

from ..errors import InputError
from . import data, evaluate, experiments, export, grade, instructor, maestro, measure, play, sounds, train, transcribe
from .outputs import FAILED, complain, warnings_in_one_line

COMMANDS = (transcribe, play, evaluate, maestro, sounds, train, experiments, measure, data, export, instructor, grade)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 if anything failed."""
    arguments = parser().parse_args(argv)
    try:
        with warnings_in_one_line():
            return arguments.run(arguments)
    except (InputError, OSError) as problem:
        complain(problem)
        return FAILED
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The parser for all commands; each module in this folder adds its own."""
    whole = argparse.ArgumentParser(prog="nmp-lessons", description="Tools from a book on neural music transcription.")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return whole
