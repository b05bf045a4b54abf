"""Folders of MAESTRO's form: the book's own set, the real index, broken trees."""

import csv

import numpy as np
import pytest
import soundfile

from nmp_lessons import sound
from nmp_lessons.audio import Recording, in_room, loudness, save
from nmp_lessons.data import Maestro, book_set, maestro
from nmp_lessons.errors import InputError
from nmp_lessons.notes import Notes, read_midi, write_midi


@pytest.fixture(scope="module")
def book() -> Maestro:
    return book_set()


@pytest.fixture(scope="module")
def whole_performances() -> dict[str, Notes]:
    """The ten performances in full, as the keys were held."""
    return {excerpt.name: read_midi(maestro._midi_bytes(excerpt), pedal=False) for excerpt in maestro.EXCERPTS}


@pytest.fixture
def tree(tmp_path):
    """A small folder of MAESTRO's form with three performances of one note."""
    rows = []
    for number, split in enumerate(maestro.SPLITS):
        midi, audio = f"2018/{number}.midi", f"2018/{number}.wav"
        write_midi(Notes([0.5], [1.5], [60 + number]), tmp_path / midi)
        save(sound.tone(440, 2.0), tmp_path / audio)
        rows.append(["Clara Schumann", f"Romance {number}", split, 2018, midi, audio, 2.0])
    write_index(tmp_path, [maestro.COLUMNS, *rows])
    return tmp_path


def write_index(folder, rows):
    with open(folder / "maestro-v3.0.0.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


# The book's own set


def test_the_book_has_ten_excerpts_of_one_to_two_minutes_in_all_three_splits(book):
    performances = book.performances()
    assert len(performances) == 10
    assert all(60 <= performance.seconds <= 120 for performance in performances)
    assert {split: len(book.performances(split)) for split in maestro.SPLITS} == {
        "train": 8,
        "validation": 1,
        "test": 1,
    }


def test_rendering_again_gives_the_same_file(book, tmp_path):
    maestro._write_excerpt(maestro.EXCERPTS[0], tmp_path)
    performance = book.performance("chopin-nocturne")
    for path in (performance.midi, performance.audio):
        assert (tmp_path / path.relative_to(book.root)).read_bytes() == path.read_bytes()


def test_every_excerpt_is_audible_even_in_loudness_and_not_clipped(book):
    for performance in book.performances():
        whole = performance.segment()
        assert whole.seconds == pytest.approx(performance.seconds, abs=1e-3)
        assert -25 < loudness(whole) < -19.9
        assert np.abs(whole.audio).max() < 0.9


@pytest.mark.slow
def test_every_excerpt_begins_with_a_phrase_and_ends_in_a_rest_or_a_held_sound(whole_performances):
    """Just before the excerpt no key is struck for a quarter of a second; just after its last note neither."""
    for excerpt in maestro.EXCERPTS:
        onsets = whole_performances[excerpt.name].onset
        assert not ((onsets > excerpt.start - 0.25) & (onsets < excerpt.start + 0.2)).any()
        assert ((onsets >= excerpt.start) & (onsets < excerpt.start + 0.5)).any()
        last = onsets[onsets < excerpt.stop].max()
        assert excerpt.stop - last > 0.25


@pytest.mark.parametrize("excerpt", maestro.EXCERPTS, ids=lambda excerpt: excerpt.name)
def test_the_music_stands_where_the_notes_say(book, excerpt):
    """Averaged over all notes, the level rises fastest within 3 ms of the onset, room and all."""
    whole = book.performance(excerpt.name).segment()
    block = whole.rate // 1000  # one millisecond
    blocks = whole.audio[: len(whole.audio) // block * block].reshape(-1, block)
    level = np.convolve(np.log(np.sum(blocks.astype(float) ** 2, axis=1) + 1e-6), np.ones(5) / 5, "same")
    rise = np.maximum(0, np.gradient(level))
    onset = np.round(whole.notes.onset * whole.rate / block).astype(int)
    onset = onset[(onset > 100) & (onset < len(rise) - 100)]
    lags = np.arange(-60, 60)
    average = [rise[onset + lag].mean() for lag in lags]
    assert abs(lags[np.argmax(average)]) <= 3


@pytest.mark.slow
def test_excerpts_come_from_their_performances(book, whole_performances):
    for excerpt in maestro.EXCERPTS:
        notes = whole_performances[excerpt.name].between(excerpt.start, excerpt.stop)
        found = book.performance(excerpt.name).notes
        assert np.array_equal(found.pitch, notes.pitch)
        assert np.abs(found.onset - notes.onset).max() < 0.3e-3


@pytest.mark.slow
def test_the_ten_performances_are_in_the_real_index(whole_performances):
    """Split, year and duration (the last release of a key) all agree with a row of MAESTRO's own index."""
    real = maestro.index()
    for excerpt in maestro.EXCERPTS:
        last_release = whole_performances[excerpt.name].seconds
        same = (real["split"] == excerpt.split) & (real["year"] == excerpt.year)
        assert np.abs(real["seconds"][same] - last_release).min() < 0.6


@pytest.mark.slow
def test_full_performances_sound_on_under_the_pedal(whole_performances):
    keys, sounding = whole_performances["chopin-nocturne"], maestro.full_notes("chopin-nocturne")
    assert np.array_equal(keys.onset, sounding.onset) and sounding.offset.mean() > keys.offset.mean()


def test_an_unknown_performance_is_answered_with_those_there_are(book):
    with pytest.raises(InputError, match="chopin-nocturne"):
        book.performance("chopin-polonaise")
    with pytest.raises(InputError, match="chopin-nocturne"):
        maestro.full_notes("chopin-polonaise")


# Segments


def test_a_segment_has_its_own_clock(book):
    performance = book.performance("liszt-dante")
    part = performance.segment(10.0, 2.0)
    assert part.seconds == pytest.approx(2.0, abs=1e-3) and part.title == "Franz Liszt: Dante Sonata"
    assert part.notes == performance.notes.between(10.0, 12.0) and len(part.notes) > 10
    whole = performance.segment()
    assert np.array_equal(part.audio, whole.excerpt(10.0, 12.0).audio)


def test_two_seconds_are_read_as_two_seconds(book, monkeypatch):
    frames = []
    read = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda self, n=-1, *args, **kw: frames.append(n) or read(self, n, *args, **kw)
    )
    part = book.performance("beethoven-op101").segment(60.0, 2.0)
    assert sum(frames) <= len(part.audio) + 1  # and one sample to see that the file is whole


def test_a_segment_at_another_rate(book):
    assert book.performance("liszt-dante").segment(0, 1.0, rate=16_000).rate == 16_000


# Folders


def test_any_folder_of_this_form_is_read(tree):
    found = Maestro(tree)
    assert [performance.split for performance in found.performances()] == list(maestro.SPLITS)
    assert found.performances("test")[0].notes.pitch.tolist() == [62]
    assert found.performances("train")[0].segment(0.25, 1.0).notes.onset.tolist() == pytest.approx([0.25], abs=3e-4)


def test_maestro_root_names_the_folder(tree, monkeypatch):
    monkeypatch.setenv("MAESTRO_ROOT", str(tree))
    assert len(Maestro().performances()) == 3
    monkeypatch.delenv("MAESTRO_ROOT")
    with pytest.raises(InputError, match="MAESTRO_ROOT is not set"):
        Maestro()


def test_a_folder_without_its_csv(tree):
    (tree / "maestro-v3.0.0.csv").unlink()
    with pytest.raises(InputError, match="contains no maestro-v3.0.0.csv"):
        Maestro(tree)
    with pytest.raises(InputError, match="no such folder"):
        Maestro(tree / "nowhere")


def test_missing_files_are_named_and_counted(tree):
    for path in list(tree.glob("2018/*"))[1:]:
        path.unlink()
    with pytest.raises(InputError, match=r"5 of 6 files are missing: 2018/.*, 2018/.*, 2018/.* and 2 more"):
        Maestro(tree)


@pytest.mark.parametrize(
    "rows, complaint",
    [
        ([], "no column canonical_composer"),
        ([["composer", *maestro.COLUMNS[1:]]], "no column canonical_composer"),
        ([maestro.COLUMNS], "lists no performances"),
        ([maestro.COLUMNS, ["a", "b", "train", "x", "c", "d", "1.0"]], "line 2: doesn't describe a performance"),
        ([maestro.COLUMNS, ["a", "b", "train"]], "line 2: doesn't describe a performance"),
        ([maestro.COLUMNS, ["a", "b", "dev", "2018", "c", "d", "1.0"]], "line 2: split 'dev'"),
    ],
)
def test_an_index_that_is_none(tree, rows, complaint):
    write_index(tree, rows)
    with pytest.raises(InputError, match=complaint):
        Maestro(tree)


def test_an_unknown_split(tree):
    with pytest.raises(InputError, match="train, validation, test"):
        Maestro(tree).performances("dev")


# The real index


def test_the_real_maestro_has_its_published_size():
    """MAESTRO v3.0.0 as published: performances and hours of each split."""
    found = maestro.statistics()
    assert {name: (row["performances"], round(row["hours"], 1)) for name, row in found.items()} == {
        "train": (962, 159.2),
        "validation": (137, 19.4),
        "test": (177, 20.0),
        "all": (1276, 198.7),
    }


def test_the_competition_was_held_in_ten_years():
    years = maestro.index()["year"]
    assert sorted(set(years.tolist())) == [2004, 2006, 2008, 2009, 2011, 2013, 2014, 2015, 2017, 2018]


# The room


def test_a_room_adds_an_echo_and_leaves_the_direct_sound_in_its_place():
    click = np.zeros(22_050)
    click[100] = 0.5
    recording = Recording(click, 22_050)
    heard = in_room(recording, seed=1).audio
    assert np.argmax(np.abs(heard)) == 100 and heard[100] == pytest.approx(0.5, abs=1e-3)
    echo = np.sum(heard[101:] ** 2) / heard[100] ** 2
    assert 10 * np.log10(echo) == pytest.approx(-12, abs=0.3)
    assert np.array_equal(heard, in_room(recording, seed=1).audio)
    assert not np.array_equal(heard, in_room(recording, seed=2).audio)
