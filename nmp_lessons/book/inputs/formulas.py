"""Typed formulas and numbers."""

from . import Case

CASES: list[Case] = []
