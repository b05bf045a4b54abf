"""Tables of notes."""

from . import Case

CASES: list[Case] = []
