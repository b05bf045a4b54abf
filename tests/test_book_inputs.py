"""What people bring comes out as the book's page says."""

import pytest

from nmp_lessons.book.inputs import audio, formulas, midi, tables

CASES = [*audio.CASES, *midi.CASES, *tables.CASES, *formulas.CASES]


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_what_somebody_brings_comes_out_as_the_page_says(case):
    case.run()
