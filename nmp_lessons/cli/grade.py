"""``nmp-lessons grade FOLDER SUBMISSIONS``: grade a folder of submissions."""

import argparse
from contextlib import suppress
from pathlib import Path

from ..errors import InputError
from .outputs import FAILED, complain

INTERRUPTED = 130


def add(commands) -> None:
    grade = commands.add_parser(
        "grade",
        help="grade a folder of submissions",
        description="Grade SUBMISSIONS/STUDENT/CHAPTER.ipynb against FOLDER/term.json; write a table of marks. Each "
        "notebook runs in a sandbox made by bubblewrap, without access to the internet or to your files.",
    )
    grade.add_argument("folder", type=Path, metavar="FOLDER", help="a folder made by `nmp-lessons instructor`")
    grade.add_argument(
        "submissions", type=Path, metavar="SUBMISSIONS", help="a folder that contains a folder for each student"
    )
    grade.add_argument(
        "--chapters",
        nargs="+",
        metavar="CHAPTER",
        help="only these chapters, as when every chapter is an assignment of its own (default: all of FOLDER)",
    )
    grade.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("marks.csv"),
        metavar="FILE",
        help="table to write (default: marks.csv)",
    )
    grade.add_argument(
        "--moodle",
        type=Path,
        metavar="WORKSHEET",
        help="Moodle's grading worksheet, to be filled in; SUBMISSIONS is then its zip file of submissions, unpacked",
    )
    grade.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    grade.add_argument(
        "--trust", action="store_true", help="run the notebooks without a sandbox; they can then do whatever you can"
    )
    grade.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ..book.grading import isolation, marks, moodle

    marks.needs_packages()
    term = marks.term(arguments.folder)
    chapters = marks.chosen(term, arguments.chapters)
    worksheet = moodle.read_worksheet(arguments.moodle) if arguments.moodle else []
    filled = arguments.output.with_name(f"{arguments.output.stem}-moodle.csv")
    for path in [arguments.output, *([filled] if worksheet else [])]:
        if path.exists() and not arguments.overwrite:
            raise InputError(f"{path}: already exists; add --overwrite, or choose another file with -o.")
    students, complaints = marks.submissions(arguments.submissions, chapters, term.keys() - chapters.keys())
    isolation.check(arguments.trust)
    rows, whole = marks.unmarked(students, chapters), marks.possible(chapters)
    work = marks.grade(arguments.folder, students, rows, trust=arguments.trust)
    total, status = sum(len(student.notebooks) for student in students), 0
    marks.write_table(rows, whole, arguments.output)  # or hours might pass before it turns out that nobody can
    try:
        for _ in tqdm(work, total=total, unit="notebook", disable=None):
            with suppress(InputError):
                marks.write_table(rows, whole, arguments.output)
    except KeyboardInterrupt:
        status = INTERRUPTED
    finally:
        work.close()
        marks.write_table(rows, whole, arguments.output)
        if worksheet:
            complaints += moodle.fill(worksheet, rows, sum(whole.values()), filled)
    remarks = [f"{student}: {remark}" for student, row in rows.items() for remark in row.remarks]
    for line in [*complaints, *remarks]:
        complain(marks.safe(line))
    print(marks.summary(rows, whole))
    return status or (FAILED if complaints or remarks else 0)
