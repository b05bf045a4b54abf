"""Notes as people bring them: damaged files, gaps of days, warnings in one line, and files for other programs."""

import functools
import io
import time
import tracemalloc

import numpy as np
import pretty_midi
import pytest
from hypothesis import given, strategies as st

from nmp_lessons import cli
from nmp_lessons.book.inputs import midi as cases
from nmp_lessons.data import maestro
from nmp_lessons.errors import InputError, InputWarning
from nmp_lessons.notes import Notes, read_midi, read_table, write_csv, write_midi

ORDERS = (
    "onset offset pitch",
    "onset duration pitch",
    "onset pitch duration level",
    "onset pitch offset",
    "pitch onset offset",
)
MELODY = Notes(np.arange(12) / 4, np.arange(12) / 4 + 0.2, 60 + np.arange(12), 70 + np.arange(12))


def mutated(data: bytes, seed: int) -> bytes:
    """One to three changes: a byte replaced, bytes left out, bytes added, a part repeated, the end cut off."""
    rng, changed = np.random.default_rng(seed), bytearray(data)
    for _ in range(rng.integers(1, 4)):
        first, last = sorted(rng.integers(0, len(changed) + 1, 2))
        few = slice(first, min(last, first + 8))
        match rng.integers(8):
            case 0 | 1 | 2 if first < len(changed):
                changed[first] = rng.integers(256)
            case 3 | 4:
                del changed[few]
            case 5:
                changed[first:first] = rng.bytes(rng.integers(1, 9))
            case 6:
                changed[first:first] = changed[first:last]
            case 7 if rng.integers(4) == 0:
                del changed[last:]
    return bytes(changed)


def valid_midi(folder) -> bytes:
    write_midi(MELODY, folder / "valid.mid", bends=[[0.1, 0.2], *[None] * 11])
    pedal = cases._track((0, cases._control(64, 127)), (1200, cases._control(64, 0)), (0, cases.TEMPO))
    return (folder / "valid.mid").read_bytes().replace(b"\0\0\0\1", b"\0\1\0\2", 1) + pedal


def valid_csv(folder) -> bytes:
    write_csv(MELODY, folder / "valid.csv")
    return (folder / "valid.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("suffix, valid", [(".mid", valid_midi), (".csv", valid_csv)])
def test_damaged_notes_are_scored_or_refused_in_one_line_at_once(
    tmp_path, capsys, monkeypatch, suffix, valid, thorough
):
    monkeypatch.setattr(cli, "parser", functools.cache(cli.parser))
    damaged, whole = tmp_path / f"damaged{suffix}", tmp_path / f"whole{suffix}"
    whole.write_bytes(valid(tmp_path))
    assert cli.main(["evaluate", str(whole), str(whole)]) == 0
    statuses = []
    tracemalloc.start()
    for seed in range(2000 if thorough else 300):
        damaged.write_bytes(mutated(whole.read_bytes(), seed))
        tracemalloc.reset_peak()
        started = time.perf_counter()
        status = cli.main(["evaluate", str(damaged), str(whole)])
        assert time.perf_counter() - started < 2, seed
        assert tracemalloc.get_traced_memory()[1] < 500 * 2**20, seed
        lines = capsys.readouterr().err.splitlines()
        assert all(line.startswith("nmp-lessons: ") and str(damaged) in line for line in lines), (seed, lines)
        assert status == 0 or (status == 2 and lines), seed
        statuses.append(status)
    tracemalloc.stop()
    assert 0.1 < np.mean(statuses) / 2 < 0.95  # both happen


@pytest.mark.parametrize("delta", [0x0FFFFFFF, 96_000_000])
def test_a_gap_of_days_is_refused_before_it_takes_memory(tmp_path, capsys, delta):
    path = tmp_path / "gap.mid"
    last = (delta, cases._on(62)), (480, cases._off(62))
    path.write_bytes(cases._file(cases._track(*cases.NOTE, *last)))
    for command in (["play", str(path), "-o", str(tmp_path)], ["evaluate", str(path), str(path)]):
        tracemalloc.start()
        assert cli.main(command) == 2
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
        tracemalloc.stop()
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and f"{path}: lasts" in lines[0]


def test_music_of_many_hours_is_scored_but_not_played(tmp_path, capsys):
    path = tmp_path / "long.mid"
    write_midi(Notes([0.0, 70_000.0], [1.0, 70_001.0], [60, 62]), path)
    assert cli.main(["evaluate", str(path), str(path)]) == 0
    assert cli.main(["play", str(path), "-o", str(tmp_path)]) == 2
    assert "lasts 19 hours; give three at most" in capsys.readouterr().err


def test_the_command_line_warns_in_one_line_and_goes_on(tmp_path, capsys):
    path = tmp_path / "switch.mid"
    path.write_bytes(cases._file(cases._track((0, cases._on(0)), (10, cases._off(0)), *cases.NOTE)))
    for _ in range(2):
        assert cli.main(["play", str(path), "-o", str(tmp_path), "--overwrite"]) == 0
        assert capsys.readouterr().err == f"nmp-lessons: {path}: left out notes off the piano (1).\n"


@pytest.mark.parametrize("hours, error", [(1, 0.3e-3), (2, 0.4e-3), (24, 5e-3)])
def test_music_of_any_length_is_written_for_every_reader(tmp_path, hours, error):
    end = 3600.0 * hours
    notes = Notes([1 / 3, end - 2 / 3], [1.0, end], [60, 62])
    write_midi(notes, tmp_path / "a.mid")
    theirs = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).instruments[0].notes
    assert np.abs(np.array([(note.start, note.end) for note in theirs]) - notes.intervals).max() < error
    assert np.abs(read_midi(tmp_path / "a.mid").intervals - notes.intervals).max() < error


def test_a_pedal_that_is_down_at_the_end_lasts_until_the_last_key():
    """In Schubert's scherzo the file ends a second after the last release."""
    sounding = maestro.full_notes("schubert-scherzo")
    keys = read_midi(maestro._midi_bytes(maestro.EXCERPTS[2]), pedal=False)
    assert sounding.seconds == keys.seconds
    assert np.count_nonzero(sounding.offset == keys.seconds) == 6


def test_notes_are_read_from_paths_and_open_files_and_nothing_else(tmp_path):
    notes = Notes([0.5, 1.0], [1.0, 1.5], [60, 64])
    for read, write, name in ((read_midi, write_midi, "a.mid"), (read_table, write_csv, "a.csv")):
        write(notes, tmp_path / name)
        with (tmp_path / name).open("rb") as file:
            assert read(file).pitch.tolist() == read(str(tmp_path / name)).pitch.tolist() == [60, 64]
        for wrong in (None, 3, io.StringIO("0.5 1 60")):
            with pytest.raises(InputError, match="source: is of type"):
                read(wrong)


def test_a_warning_names_the_line_that_called_the_book(tmp_path):
    (tmp_path / "a.csv").write_text("onset,offset,note,pitch\n0,1,50,60\n")
    (tmp_path / "a.mid").write_bytes(cases._file(cases._track(*cases.NOTE), missing=1))
    for read, name in ((read_table, "a.csv"), (read_midi, "a.mid")):
        with pytest.warns(InputWarning) as said:
            read(tmp_path / name)
        assert said[0].filename == __file__


def test_a_prediction_without_notes_scores_nothing_and_says_why(tmp_path, capsys):
    write_csv(Notes([0.5], [1.0], [60]), tmp_path / "true.csv")
    (tmp_path / "found.csv").write_text("onset,offset,pitch\n", "utf8")
    assert cli.main(["evaluate", str(tmp_path / "found.csv"), str(tmp_path / "true.csv")]) == 0
    assert "found.csv: contains no notes" in capsys.readouterr().err


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30), st.integers(60, 62)), min_size=1, max_size=12))
def test_notes_of_one_key_that_overlap_return_from_midi(tmp_path_factory, rows):
    onset, lasts, pitch = np.array(rows).T
    notes = Notes(onset / 16, (onset + lasts) / 16, pitch)
    write_midi(notes, path := tmp_path_factory.mktemp("overlap") / "a.mid")
    found = read_midi(path)
    written = sorted(zip(*notes.intervals.T, notes.pitch, strict=True))
    assert np.allclose(sorted(zip(*found.intervals.T, found.pitch, strict=True)), written, atol=0.3e-3)


@pytest.mark.parametrize(
    "velocities, read",
    [(["1.0", "1.0"], [127, 127]), (["0.5", "1"], [64, 127]), (["1", "1"], [1, 1]), (["1.0", "80.0"], [1, 80])],
)
def test_velocities_up_to_one_have_a_decimal_point(tmp_path, velocities, read):
    (tmp_path / "a.csv").write_text("".join(f"0,1,{60 + i},{v}\n" for i, v in enumerate(velocities)))
    assert read_table(tmp_path / "a.csv").velocity.tolist() == read


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("order", ORDERS)
def test_columns_without_names_are_found_in_music_of_a_minute(tmp_path, order, seed):
    rng = np.random.default_rng(seed)
    onset, lasts = np.sort(rng.uniform(0, 60, 100)).round(3), rng.uniform(0.1, 3, 100).round(3)
    columns = {
        "onset": onset,
        "offset": onset + lasts,
        "duration": lasts,
        "pitch": rng.integers(30, 90, 100),
        "level": lasts / 3,
    }
    np.savetxt(tmp_path / "a.csv", np.stack([columns[name] for name in order.split()], 1), fmt="%.9g", delimiter=",")
    found = read_table(tmp_path / "a.csv")
    assert np.allclose(found.intervals, np.stack([onset, onset + lasts], axis=1))
    assert np.array_equal(found.pitch, columns["pitch"])
