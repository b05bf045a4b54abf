"""What decoders make of files: the same sound at the same times, whatever its coding."""

import numpy as np
import pytest
import soundfile

from nmp_lessons.audio import load
from nmp_lessons.book.inputs import coded
from nmp_lessons.errors import InputError

EXACT = 0.002  # seconds


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("name", coded.CODINGS)
def test_a_click_is_where_it_was_whatever_its_coding(name, rate, tmp_path):
    path = coded.write(tmp_path / name, coded.clicks(rate), rate)
    for asked in (None, 22_050):
        found = load(path, rate=asked)
        assert np.abs(coded.lateness(found.audio, found.rate)).max() < EXACT
        assert found.seconds == pytest.approx(coded.SECONDS, abs=0.05)  # some encoders fill up their last frame


@pytest.mark.parametrize(
    "name, change",
    [("click.webm", coded.opus_in_caf)]
    + [(f"click.{suffix}", bytes) for suffix in ("alac", "mp3wav", "aac", "mp2", "mpg", "ac3", "vob")],
)
def test_a_click_is_where_it_was_in_what_only_some_programs_write(name, change, tmp_path):
    path = coded.write(tmp_path / name, coded.clicks(44_100), 44_100)
    path.write_bytes(change(path.read_bytes()))
    found = load(path)
    assert np.abs(coded.lateness(found.audio, found.rate)).max() < EXACT
    assert np.array_equal(load(path, start=1.0).audio[:1000], found.audio[44_100:45_100])


def test_a_rate_that_no_recorder_has_is_refused_before_resampling_and_an_endless_stop_is_the_end(tmp_path):
    path = tmp_path / "take.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    for rate in (10**9, 0, -1, float("nan")):
        with pytest.raises(InputError, match="rate"):
            load(path, rate=rate)
    assert load(path, stop=float("inf")).seconds == 1.0
