"""``nmp-lessons grade FOLDER SUBMISSIONS``: grade a folder of submissions."""

import argparse
import sys
from pathlib import Path

from ..errors import InputError


def add(commands) -> None:
    grade = commands.add_parser(
        "grade",
        help="grade a folder of submissions",
        description="Grade SUBMISSIONS/STUDENT/CHAPTER.ipynb with the autograders in FOLDER; write a table of marks.",
    )
    grade.add_argument("folder", type=Path, metavar="FOLDER", help="a folder made by `nmp-lessons instructor`")
    grade.add_argument(
        "submissions", type=Path, metavar="SUBMISSIONS", help="a folder that contains a folder for each student"
    )
    grade.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("marks.csv"),
        metavar="FILE",
        help="table to write (default: marks.csv)",
    )
    grade.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    grade.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from ..book.answers.instructor import grade, needs_otter, possible, submissions, summary, write_table

    needs_otter()
    whole = possible(arguments.folder)
    if arguments.output.exists() and not arguments.overwrite:
        raise InputError(f"{arguments.output}: already exists; add --overwrite, or choose another file with -o.")
    chapters = sorted(path.stem for path in (arguments.folder / "autograder").glob("*.zip"))
    handed_in, complaints = submissions(arguments.submissions, chapters)
    rows, failed = grade(arguments.folder, handed_in, progress=True)
    for complaint in [*complaints, *failed]:
        print(f"nmp-lessons: {complaint}", file=sys.stderr)
    write_table(rows, whole, arguments.output)
    print(summary(rows, whole))
    return 2 if complaints or failed else 0
