"""The command line: ``nmp-lessons transcribe FILE... [-o DIR]`` and the other commands of ``--help``.

What cannot be done is reported in one line on standard error, which names the file and the fix; the other files are
processed all the same, and the exit status is 2. Files that exist are not overwritten unless
``--overwrite`` is given, and none is ever left half written.
"""

import argparse
from collections.abc import Sequence

from ..errors import InputError
from . import data, evaluate, experiments, export, grade, instructor, maestro, measure, play, sounds, train, transcribe
from .outputs import FAILED, complain

COMMANDS = (transcribe, play, evaluate, maestro, sounds, train, experiments, measure, data, export, instructor, grade)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 2 if anything failed."""
    arguments = parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except (InputError, OSError) as problem:
        complain(problem)
        return FAILED
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; each module here adds its own."""
    whole = argparse.ArgumentParser(prog="nmp-lessons", description="Neural music transcription, from the book.")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return whole
