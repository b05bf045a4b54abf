"""What decoders make of files: the same sound at the same times, whatever its coding."""

import numpy as np
import pytest

from nmp_lessons.audio import load
from nmp_lessons.book.inputs import coded

EXACT = 0.002  # seconds


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("name", coded.CODINGS)
def test_a_click_is_where_it_was_whatever_its_coding(name, rate, tmp_path):
    path = coded.write(tmp_path / name, coded.clicks(rate), rate)
    for asked in (None, 22_050):
        found = load(path, rate=asked)
        assert np.abs(coded.lateness(found.audio, found.rate)).max() < EXACT
        assert found.seconds == pytest.approx(coded.SECONDS, abs=0.05)  # some encoders fill up their last frame
