"""Words that give a translation away, and what to write instead: `python -m tools.words`, part of `make check`.

`book/errata.md` and the glossary of `CONTRIBUTING.md` are not read: they quote what the book once said.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
READ = ["book", "exercises", "nmp_lessons", "web/src", "tools", "tests", "README.md", "CONTRIBUTING.md", "Makefile"]
SUFFIXES = {".md", ".py", ".pyi", ".ts", ".css", ".html", ".mjs", "", ".yml"}
EXCEPT = {"book/errata.md", "CONTRIBUTING.md", "tools/words.py"}
INSTEAD = {
    r"exercises apart": "plus exercises",
    r"afterwards you can": "by the end of this chapter you will be able to",
    r"cannot be told": "inconclusive",
    r"surely (better|worse)": "the difference with its interval",
    r"dear(er|est)": "more expensive, costs more",
    r"hundredths": "0.01 or percentage points",
    r"foretells?|foretold": "predict",
    r"does the like": "does something similar",
    r"mend(s|ed|ing)?": "fix, repair",
    r"endures?": "withstands, tolerates",
    r"yardsticks?": "baseline",
    r"whichever it be": "whichever it is",
    r"believe it when you see it": "here is a check",
    r"nobody aimed": "we had not expected it",
    r"honest (values?|samples?|cells?)": "uncorrupted",
    r"first weights": "initial weights",
    r"for nothing": "at no cost, or in vain",
    r"on some night": "sooner or later",
    r"enough of theory": "cut it",
    r"thereof|whereof|wherein|whereupon": "of it, in which",
    r"betwixt|amongst|whilst": "between, among, while",
}


def main() -> int:
    """Print every place; the exit status is 1 if there is one."""
    listed = subprocess.run(["git", "ls-files", "-z", *READ], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in listed.stdout.split("\0") if name and name not in EXCEPT]
    found = [place for path in paths if path.suffix in SUFFIXES and path.exists() for place in places(path)]
    print("\n".join(found), end="\n" * bool(found))
    return bool(found)


def places(path: Path) -> list[str]:
    """Each use of such a word in a file, with its line and what to write instead.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "page.md"
    >>> _ = path.write_text("We recommend it.\\nThey mended the clock.\\n")
    >>> [place.partition("page.md")[2] for place in places(path)]
    [":2: 'mended'; write: fix, repair"]
    """
    lines = path.read_text("utf8").splitlines()
    return [
        f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{number}: {match[0]!r}; write: {better}"
        for number, line in enumerate(lines, 1)
        for pattern, better in INSTEAD.items()
        for match in re.finditer(rf"\b(?:{pattern})\b", line, re.IGNORECASE)
    ]


if __name__ == "__main__":
    sys.exit(main())
