"""What people bring: small files and formulas that go wrong elsewhere, each with what the book makes of it.

Every module lists the cases of one kind. A page of the book runs and shows them, and the tests run them too.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ...notes.note_list import Notes
from ...notes.pitch import pitch_name
from ..show import embed


@dataclass(frozen=True)
class Case:
    """One thing that somebody might bring.

    Attributes
    ----------
    what
        Described for a reader.
    outcome : callable
        Makes it in a given empty folder, gives it to the book's tools, and returns in one line what came out.
    expected
        What should come out.
    """

    what: str
    outcome: Callable[[Path], str]
    expected: str

    def run(self) -> str:
        """The outcome, in a temporary folder.

        Raises
        ------
        AssertionError
            If it isn't the expected one.

        Examples
        --------
        >>> Case("an empty folder", lambda folder: str(len(list(folder.iterdir()))), "0").run()
        '0'
        """
        with tempfile.TemporaryDirectory() as folder:
            found = self.outcome(Path(folder))
        assert found == self.expected, f"{self.what}: {found!r}, not {self.expected!r}"
        return found


def outcome_of_notes(read: Callable[[Path], Notes], path: Path) -> str:
    """The notes that a reader finds in a file, with its warnings, or its complaint."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            notes = read(path)
        except InputError as problem:
            return str(problem).replace(str(path), path.name)
    found = ", ".join(
        f"{pitch_name(pitch)} {round(onset, 2):g}–{round(offset, 2):g} s"
        for onset, offset, pitch in zip(notes.onset, notes.offset, notes.pitch, strict=True)
    )
    return " ".join([found, *(f"({str(one.message).replace(str(path), path.name)})" for one in said)])


def table(title: str, cases: Iterable[Case]) -> embed.Html:
    """Run all cases and show them, one row each."""
    return embed.table(title, ["Brought", "What comes out"], [(case.what, case.run()) for case in cases])
