"""The library behind the book: one module for each room that a sound passes through.

audio -> `cqt` -> `harmonic_stacking` -> `model` -> posteriors -> `decoding` -> notes -> `evaluation` -> scores

A module has the name of its chapter (``book/<slug>.md``), its tests (``tests/test_<slug>.py``) and its
exercises (``exercises/<slug>/``).
"""

__version__ = "0.1.0"
