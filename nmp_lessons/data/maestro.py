"""Performances in the layout of MAESTRO v3, and the book's own small set of them.

MAESTRO (Hawthorne et al., ICLR 2019; CC BY-NC-SA 4.0) contains piano performances as audio and MIDI, recorded
simultaneously on a Disklavier. It has a folder for each year, and a CSV with the composer, title, split, year, two
file names and duration of each performance. `Maestro` opens any folder of that layout, and reads only as much audio
as is requested.

The book's own set has the same layout: an excerpt of each of ten real MAESTRO performances, played on
`piano` in a synthetic room with light reverberation. Its splits are MAESTRO's. It is rendered once, into the cache.

Chapter: ``book/sound.md``.
"""

import csv
import hashlib
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from .. import fetch
from ..audio import piano
from ..audio.formats import load, save
from ..audio.levels import at_loudness, fade
from ..audio.recording import Recording
from ..audio.rooms import in_room
from ..errors import InputError, InputWarning
from ..files import made_folder, read_rows
from ..notes.midi import read_midi, write_midi
from ..notes.note_list import Notes

LICENCE = "MAESTRO v3.0.0, CC BY-NC-SA 4.0"
RENDERING = 1  # raise it when a change of code changes the recordings, so that they are rendered again
BOOK_LICENCE = f"{LICENCE}; {piano.CREDIT}"
COLUMNS = (
    "canonical_composer",
    "canonical_title",
    "split",
    "year",
    "midi_filename",
    "audio_filename",
    "duration",
)
SPLITS = ("train", "validation", "test")
INDEX = Path(__file__).with_name("maestro_v3_index.csv")


@dataclass(frozen=True)
class Performance:
    """One performance: composer, title, and where its files are. `seconds` is its duration."""

    composer: str
    title: str
    split: str
    year: int
    midi: Path
    audio: Path
    seconds: float
    licence: str = LICENCE

    @property
    def name(self) -> str:
        """The MIDI file's name without its suffix; a short one in the book's own set, such as "chopin-nocturne"."""
        return self.midi.stem

    @cached_property
    def notes(self) -> Notes:
        """All its notes, with the sustain pedal applied.

        Raises
        ------
        InputError
            If the MIDI file is damaged: labels with missing notes must not be learned from.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("error", ".*notes may be missing", InputWarning)
            try:
                return read_midi(self.midi)
            except InputWarning as damage:
                raise InputError(str(damage)) from damage

    def segment(self, start: float = 0.0, seconds: float | None = None, *, rate: int | None = None) -> Recording:
        """A part of the recording with its notes, `seconds` long from `start`; only that part is read.

        Notes that are already sounding at `start` are not included; use ``performance.notes.between(start, stop,
        held=True)`` to get them.
        """
        stop = None if seconds is None else start + seconds
        part = load(self.audio, rate=rate, start=start, stop=stop)
        struck = self.notes.between(start, start + part.seconds)
        return replace(part, title=f"{self.composer}: {self.title}", licence=self.licence, notes=struck)


@dataclass(frozen=True)
class Maestro:
    """The performances in a folder with MAESTRO's layout.

    Parameters
    ----------
    root : path, optional
        The folder that contains ``maestro-v3.0.0.csv`` and a folder for each year; by default the one given by
        the environment variable MAESTRO_ROOT.
    licence : str
        The licence of its recordings.
    without : sequence of str
        What to leave out of the CSV's list: years, such as "2017", or names of performances.

    Raises
    ------
    InputError
        If the folder or the CSV doesn't exist, a column is missing, a row is wrong, files are missing, or a name in
        `without` is unknown.
    """

    root: Path | str | None = None
    licence: str = LICENCE
    without: Sequence[str] = ()
    _performances: tuple[Performance, ...] = field(init=False, repr=False)

    def __post_init__(self):
        root = self.root or os.environ.get("MAESTRO_ROOT")
        if not root:
            raise InputError("MAESTRO_ROOT is not set; set it to the folder that contains maestro-v3.0.0.csv.")
        root = Path(root)
        found = _left(_read_index(root, self.licence), self.without, root)
        _check_files(root, found)
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "_performances", found)

    def performances(self, split: str | None = None) -> list[Performance]:
        """All performances, or those of one split: "train", "validation" or "test"."""
        if split is not None and split not in SPLITS:
            raise InputError(f"split {split!r}: choose one of {', '.join(SPLITS)}.")
        return [performance for performance in self._performances if split in (None, performance.split)]

    def performance(self, name: str) -> Performance:
        """The performance of that name (see `Performance.name`)."""
        for performance in self._performances:
            if performance.name == name:
                return performance
        names = [performance.name for performance in self._performances]
        raise InputError(f"{self.root}: no performance is called {name!r}; choose from {_some(names, 10)}.")


def _some(names: list[str], count: int = 3) -> str:
    rest = len(names) - count
    return ", ".join(names[:count]) + (f" and {rest} more" if rest > 0 else "")


def _read_index(root: Path, licence: str) -> tuple[Performance, ...]:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the one that contains maestro-v3.0.0.csv.")
    indices = sorted(root.glob("maestro-v*.csv"))
    if not indices:
        raise InputError(f"{root}: contains no maestro-v3.0.0.csv; give MAESTRO's own folder, or unpack it again.")
    path = indices[-1]
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path}: has no column {', '.join(missing)}; use the CSV that comes with MAESTRO v3.")
            found = tuple(_performance(row, root, licence, f"{path}, line {reader.line_num}") for row in reader)
    except (UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{path}: is not a CSV file ({problem}); use the one that comes with MAESTRO v3.") from problem
    if not found:
        raise InputError(f"{path}: lists no performances; use the CSV that comes with MAESTRO v3.")
    return found


def _performance(row: dict[str, str], root: Path, licence: str, where: str) -> Performance:
    try:
        year, seconds = int(row["year"]), float(row["duration"])
        midi, audio = root / row["midi_filename"], root / row["audio_filename"]
    except (TypeError, ValueError) as problem:
        raise InputError(
            f"{where}: doesn't describe a performance ({problem}); use the CSV that comes with MAESTRO v3."
        ) from problem
    if row["split"] not in SPLITS or not seconds > 0:
        raise InputError(f"{where}: split {row['split']!r} or duration {seconds:g} s is impossible; use MAESTRO's CSV.")
    return Performance(
        row["canonical_composer"], row["canonical_title"], row["split"], year, midi, audio, seconds, licence
    )


def _left(performances: tuple[Performance, ...], without: Sequence[str], root: Path) -> tuple[Performance, ...]:
    """The performances that remain."""
    known = {name for performance in performances for name in (str(performance.year), performance.name)}
    for name in without:
        if name not in known:
            raise InputError(f"{root}: no year or performance is called {name!r}; check the names after --without.")
    left = tuple(p for p in performances if not {str(p.year), p.name} & set(without))
    if not left:
        raise InputError(f"{root}: no performances remain; leave out fewer with --without.")
    return left


def _check_files(root: Path, performances: tuple[Performance, ...]) -> None:
    files = [path for performance in performances for path in (performance.midi, performance.audio)]
    missing = [path for path in files if not path.is_file()]
    if not missing:
        return
    folders = sorted({path.parent for path in missing if not path.parent.is_dir()})
    names = [f"the whole folder {path.relative_to(root)}" for path in folders]
    names += [str(path.relative_to(root)) for path in missing if path.parent not in folders]
    raise InputError(
        f"{root}: {len(missing)} of {len(files)} files are missing: {_some(names)}; unpack the archive again, "
        "or leave out years or performances with --without."
    )


def index() -> dict[str, np.ndarray]:
    """Split, year and duration of all performances of MAESTRO v3.0.0.

    Returns
    -------
    dict
        "split" (str), "year" (int) and "seconds" (float), arrays of shape (1276,), in the order of
        MAESTRO's own index, from which they are taken (CC BY-NC-SA 4.0). Seconds are correct to half a second.

    Examples
    --------
    >>> len(index()["year"])
    1276
    """
    rows = read_rows(INDEX)
    return {
        "split": np.array([row["split"] for row in rows]),
        "year": np.array([int(row["year"]) for row in rows]),
        "seconds": np.array([float(row["seconds"]) for row in rows]) + 0.5,  # the file has whole seconds
    }


def statistics() -> dict[str, dict[str, float]]:
    """Performances and hours of MAESTRO v3.0.0, for each split and altogether.

    >>> statistics()["test"]["performances"]
    177
    """
    real = index()
    chosen = {split: real["split"] == split for split in SPLITS} | {"all": np.ones(len(real["split"]), dtype=bool)}
    return {
        name: {"performances": int(rows.sum()), "hours": float(real["seconds"][rows].sum() / 3600)}
        for name, rows in chosen.items()
    }


@dataclass(frozen=True)
class _Excerpt:
    """A part of one of miditok's ten performances. Its index data are MAESTRO's, identified by the exact duration."""

    name: str
    number: int  # miditok's
    composer: str
    title: str
    split: str
    year: int
    start: float  # seconds, just before the first onset of a phrase
    stop: float  # seconds, where a phrase has ended


EXCERPTS = (
    # the opening and the first return of its theme
    _Excerpt("chopin-nocturne", 1, "Frédéric Chopin", "Nocturne in B Major, Op. 9, No. 3", "test", 2009, 0.75, 88.05),
    # from the general pause after the introduction: Presto agitato assai
    _Excerpt("liszt-dante", 2, "Franz Liszt", "Dante Sonata", "train", 2009, 92.3, 182.7),
    # in truth D. 960, third movement: MAESTRO counts movements in the catalogue number. Its first part
    _Excerpt("schubert-scherzo", 3, "Franz Schubert", "Sonata in B-flat Major, D. 962", "train", 2009, 0.7, 112.6),
    # in truth D. 960, fourth movement: the opening
    _Excerpt("schubert-finale", 4, "Franz Schubert", "Sonata in B-flat Major, D. 963", "train", 2009, 0.75, 92.6),
    # "Waldstein", first movement: the opening
    _Excerpt(
        "beethoven-waldstein", 5, "Ludwig van Beethoven", "Sonata No. 21 in  C Major, Op. 53", "train", 2009, 0.75, 64.1
    ),
    # second movement, Andantino: the opening
    _Excerpt(
        "schubert-andantino", 6, "Franz Schubert", "Sonata in A Major, D. 959 (Complete)", "train", 2014, 720.5, 831.1
    ),
    # the theme and the beginning of the first study
    _Excerpt("schumann-etudes", 7, "Robert Schumann", "Symphonic Etudes, Op. 13", "train", 2014, 0.7, 92.4),
    # third movement, Menuetto: the opening
    _Excerpt(
        "beethoven-menuetto",
        8,
        "Ludwig van Beethoven",
        "Sonata No. 11 in E-flat Major, Op. 22 (Complete)",
        "validation",
        2014,
        798.4,
        886.2,
    ),
    # first movement: the opening
    _Excerpt(
        "beethoven-op101",
        9,
        "Ludwig van Beethoven",
        "Sonata No. 28 in A Major, Op. 101 (Complete)",
        "train",
        2014,
        0.75,
        112.7,
    ),
    # the quartet's theme, after the introduction
    _Excerpt("verdi-rigoletto", 10, "Giuseppe Verdi / Franz Liszt", "Rigoletto Parap.", "train", 2006, 64.15, 159.2),
)


def full_notes(name: str) -> Notes:
    """All notes of one of the ten performances from which the book's own set has an excerpt."""
    for excerpt in EXCERPTS:
        if excerpt.name == name:
            return replace(_all_notes(excerpt))  # a copy, which the caller may change
    raise InputError(
        f"no performance is called {name!r}; choose from {_some([excerpt.name for excerpt in EXCERPTS], 10)}."
    )


@cache
def _all_notes(excerpt: _Excerpt) -> Notes:
    return read_midi(_midi_bytes(excerpt))


def _midi_bytes(excerpt: _Excerpt) -> bytes:
    return fetch.read(fetch.MIDITOK_SDIST, f"miditok-3.1.0/tests/MIDIs_one_track/Maestro_{excerpt.number}.mid")


def performance(name: str) -> Performance:
    """A performance of the book's own set, such as "chopin-nocturne"."""
    return book_set().performance(name)


def book_set(*, progress: bool = False) -> Maestro:
    """The book's own set, in MAESTRO's layout; rendered on first use, which takes less than a minute.

    With `progress`, a progress bar is shown meanwhile.
    """
    folder = fetch.cache_dir() / f"book-set-{fingerprint()}"
    made_folder(folder, lambda empty: _write_set(empty, progress))
    return Maestro(folder, BOOK_LICENCE)


@cache
def fingerprint() -> str:
    """Twelve characters for what the set depends on: the version of its rendering, and its sources."""
    sources = f"{RENDERING} {fetch.MIDITOK_SDIST.sha256} {piano.fingerprint()}"
    return hashlib.sha256(sources.encode()).hexdigest()[:12]


def _write_set(folder: Path, progress: bool) -> None:
    from tqdm import tqdm

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rendered = pool.map(lambda excerpt: _write_excerpt(excerpt, folder), EXCERPTS)
        rows = list(tqdm(rendered, "rendering", len(EXCERPTS), unit="piece", disable=not progress))
    with open(folder / "maestro-v3.0.0.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *rows])


def _write_excerpt(excerpt: _Excerpt, folder: Path) -> tuple:
    """Write one excerpt's MIDI and audio, and return its row of the index."""
    midi, audio = f"{excerpt.year}/{excerpt.name}.midi", f"{excerpt.year}/{excerpt.name}.flac"
    seconds = excerpt.stop - excerpt.start
    write_midi(read_midi(_midi_bytes(excerpt)).between(excerpt.start, excerpt.stop), folder / midi)
    played = piano.render(read_midi(folder / midi), seconds=seconds)
    save(fade(at_loudness(in_room(played, seed=excerpt.number))), folder / audio)
    return excerpt.composer, excerpt.title, excerpt.split, excerpt.year, midi, audio, round(played.seconds, 6)
