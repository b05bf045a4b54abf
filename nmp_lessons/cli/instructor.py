"""``nmp-lessons instructor FOLDER``: write assignments for students, with solutions and autograders."""

import argparse
from pathlib import Path

from ..errors import InputError


def add(commands) -> None:
    instructor = commands.add_parser(
        "instructor",
        help="write assignments for students, with solutions and autograders",
        description="Write the students' copy of the exercises, the solutions, and an autograder for each chapter.",
    )
    instructor.add_argument("folder", type=Path, metavar="FOLDER", help="folder to create")
    instructor.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="draw the numbers from this seed (default: a random one; 0: the book's numbers)",
    )
    instructor.add_argument("--chapters", nargs="+", metavar="CHAPTER", help="only these chapters (default: all)")
    instructor.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from ..book.answers.instructor import make

    if arguments.seed is not None and arguments.seed < 0:
        raise InputError(f"--seed {arguments.seed}: give an integer of at least 0.")
    print(make(arguments.folder, seed=arguments.seed, chapters=arguments.chapters))
    return 0
