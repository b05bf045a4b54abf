"""``python -m nmp_lessons.answers FOLDER`` writes the exercises for students into a new folder."""

import sys

from ..errors import InputError
from . import student_copy

if len(sys.argv) != 2:
    sys.exit("usage: python -m nmp_lessons.answers FOLDER")
try:
    print(student_copy(sys.argv[1]))
except InputError as problem:
    print(problem, file=sys.stderr)
    sys.exit(2)
