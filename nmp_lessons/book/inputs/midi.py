"""MIDI files."""

from . import Case

CASES: list[Case] = []
