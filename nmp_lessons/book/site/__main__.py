"""``python -m nmp_lessons.book.site FOLDER``: the chapters as notebooks."""

import argparse
from pathlib import Path

from .launch import write

parser = argparse.ArgumentParser(prog="python -m nmp_lessons.book.site", description="Write the chapters as notebooks.")
parser.add_argument("folder", type=Path)
parser.add_argument("--colab", default="", metavar="ADDRESS", help="the repository from which Colab is set up")
parser.add_argument("--run", action="store_true", help="run each for the numbers in its text, which no built site has")
arguments = parser.parse_args()
write(arguments.folder, repository=arguments.colab, run=arguments.run)
