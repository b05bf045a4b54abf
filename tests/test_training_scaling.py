"""What training on all of MAESTRO costs: a line through what was measured, and how sure it is."""

import numpy as np
import pytest

from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from nmp_lessons.errors import InputError
from nmp_lessons.training import CLIP_BYTES, SPLITS, scaling


def test_the_interval_holds_nineteen_times_in_twenty():
    """Runs that scatter by 3 % around 5 s and 100 s an hour; the next one is eighty times as long as the longest."""
    rng = np.random.default_rng(0)
    hours = np.repeat([0.25, 0.5, 1.0, 2.0], 2)

    def run(h):
        return (5 + 100 * h) * (1 + 0.03 * rng.standard_normal(np.shape(h)))

    inside = []
    for _ in range(2000):
        middle, low, high = scaling.fit(hours, run(hours)).at(160.0)
        inside.append(low < run(160.0) < high)
        assert low < middle < high
    assert 0.93 < np.mean(inside) < 0.97


def test_a_line_needs_runs_of_two_sizes():
    with pytest.raises(InputError, match="of two sizes"):
        scaling.fit([1.0, 1.0, 1.0], [2.0, 2.1, 2.2])
    with pytest.raises(InputError, match="at least three"):
        scaling.fit([1.0, 2.0], [2.0, 4.0])


def test_the_whole_is_all_that_maestro_has_but_its_test_set():
    hours, clips = scaling.whole()
    published = maestro.statistics()
    assert hours == pytest.approx(sum(published[split]["hours"] for split in SPLITS))
    performances = sum(published[split]["performances"] for split in SPLITS)
    assert 60 * hours < clips < 60 * hours + performances


def test_the_slower_of_arithmetic_and_disk_decides():
    line = scaling.Fit(0.0, 100.0, 0.0, np.zeros((2, 2)), 8)
    work, waiting = scaling.making(line, 10.0, cores=4, disk=1e9)
    assert work == 250.0 and waiting == pytest.approx(36_000 * (176_400 + 485 * NMP.frame_rate) / 1e9)


def test_the_record_has_what_the_page_reads():
    rows = scaling.measured()
    data = [row for row in rows if row["stage"] == "data"]
    assert len({row["copies"] for row in data}) >= 3 and all(row["seconds"] > 0 for row in rows)
    for stage in ("read", "transform", "labels", "write", "step", "batch"):
        assert scaling.typical(rows, stage) > 0
    largest = max(row["bytes"] / row["hours"] for row in data)
    assert CLIP_BYTES * 60 < largest < 2 * CLIP_BYTES * 60
