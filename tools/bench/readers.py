"""Where four other readers of MIDI differ from ours by more than a millisecond, and why.

Kept in ``nmp_lessons/checkpoints/midi_readers.csv`` for page ``inputs``: for each reader the notes compared, and the
differences for each reason, on the ten performances of MAESTRO and on fifty of ASAP. A difference is a note that only
one side has, or an offset more than a millisecond away. Its reason isn't guessed: our reading is repeated with one
convention of the other reader at a time, and whatever makes a difference vanish is the reason for it.

pretty_midi and symusic leave the pedals alone, so they are compared with our keys. The readers are installed in
``_build``, not for the book's readers; note-seq asks for old versions of packages that it doesn't need for this.

Command: ``python -m tools.bench readers ASAP_ARCHIVE``, a few minutes.
"""

import io
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nmp_lessons.data import maestro
from nmp_lessons.files import member_bytes, write_rows
from nmp_lessons.notes import midi, midi_events, note_list
from nmp_lessons.training import CHECKPOINTS

from .others import installed

PEERS = Path(__file__).parents[2] / "_build" / "bench" / "readers"
PACKAGES = (
    "note-seq==0.0.5", "absl-py==2.5.1", "bokeh==3.9.2", "intervaltree==3.2.1", "pydub==0.25.1",
    "xyzservices==2026.9.1",
    "symusic==0.6.0", "pySmartDL==1.3.4",
    "partitura==1.9.0", "lark-parser==0.12.0", "lxml==6.1.3", "xmlschema==4.3.2", "elementpath==5.1.4",
)  # fmt: skip
KEPT = CHECKPOINTS / "midi_readers.csv"
FILES, NEAR = 50, 1e-3  # of ASAP; seconds
OTHER = "several of these at once"


class Conventions(NamedTuple):
    """How a file is read; by default as we do it."""

    sostenuto: bool = True
    down: int = 64  # position from which the pedal counts as down
    longer: float = 0.0  # seconds after the last event at which a pedal ends that is never lifted
    any_end: bool = False  # the last event of a key or of the pedal, not of a key
    lifts_last: bool = False  # of all that a pedal does at one time, the lifts come last; else the order of the file
    keys_first: bool = False  # at one time; else the pedal
    silent: str = "under the pedal"  # notes without length: left out, left out unless the pedal holds them, or kept
    last_stroke: bool = False  # a release ends the last stroke, even one at the same time, and the older one is lost


SOSTENUTO = "the sostenuto pedal isn't applied"
SILENT = "a note released as soon as it is struck is left out, even if the pedal holds it"
SILENT_TOO = "a note without length is kept"
LAST_STROKE = "a release written after a new stroke at the same time ends the new note, and the older one is lost"
READERS = {
    ("note-seq", "with pedals"): {
        SOSTENUTO: {"sostenuto": False},
        "a pedal still down at the end holds until the last event of a key or a pedal": {"any_end": True},
        "where the pedal lifts and falls at one time, it falls first": {"lifts_last": True},
        SILENT: {"silent": "left out"},
    },
    ("pretty_midi", "keys"): {},
    ("symusic", "keys"): {SILENT_TOO: {"silent": "kept"}},
    ("partitura", "keys"): {LAST_STROKE: {"last_stroke": True, "silent": "kept"}},
    ("partitura", "with pedals"): {
        SOSTENUTO: {"sostenuto": False},
        "the pedal is down from 65, not from 64": {"down": 65},
        "a pedal still down at the end holds for a second after the last event": {"any_end": True, "longer": 1.0},
        "the pedal moves after the keys, not before, if both move at one time": {"keys_first": True},
        LAST_STROKE: {"last_stroke": True, "silent": "kept"},
    },
}


def main(archive: str) -> None:
    installed(PEERS, PACKAGES)
    totals: dict[tuple[str, str], dict[str, Counter]] = {key: {} for key in READERS}
    for source, name, data in files(Path(archive)):
        found, ends, _ = midi_events.events(data, name)
        for (reader, lengths), conventions in READERS.items():
            theirs = THEIRS[reader, lengths](data)
            counted = totals[reader, lengths].setdefault(source, Counter())
            counted["notes compared"] += len(theirs)
            counted.update(reasons(found, ends, theirs, lengths == "with pedals", conventions))
        print(name, flush=True)
    rows = [
        {"reader": reader, "version": version(reader), "lengths": lengths, "what": what}
        | {source: counted[what] for source, counted in sources.items()}
        for (reader, lengths), sources in totals.items()
        for what in ("notes compared", *READERS[reader, lengths], OTHER, "no reason found")
        if any(counted[what] for counted in sources.values())
    ]
    write_rows(KEPT, rows)


def files(archive: Path) -> Iterator[tuple[str, str, bytes]]:
    """Data set, name and bytes of every file; of ASAP, at equal distances in the order of names."""
    for excerpt in maestro.EXCERPTS:
        yield "MAESTRO", excerpt.name, maestro._midi_bytes(excerpt)
    with tarfile.open(archive) as tar:
        members = {member.name: member for member in tar if member.name.endswith(".mid")}
        for i in np.linspace(0, len(members) - 1, FILES).astype(int):
            name = sorted(members)[i]
            yield "ASAP", name, member_bytes(tar, members[name])


def reasons(found: list, ends: list, theirs: np.ndarray, pedal: bool, conventions: dict[str, dict]) -> Counter:
    """How many differences there are for each reason."""
    unexplained = differences(reading(found, ends, pedal, Conventions()), theirs)
    counted = Counter()
    together = {name: value for changes in conventions.values() for name, value in changes.items()}
    for reason, changes in (*conventions.items(), (OTHER, together), ("no reason found", None)):
        left = set() if changes is None else differences(reading(found, ends, pedal, Conventions(**changes)), theirs)
        counted[reason] += len(unexplained - left)
        unexplained &= left
    return counted


def reading(found: list, ends: list, pedal: bool, conventions: Conventions) -> np.ndarray:
    """Onset, offset, pitch and velocity of all notes, (n, 4), as our reader has them with other conventions."""
    parts = [np.empty((4, 0))]
    last = max(event.seconds for event in found if event.kind != midi_events.CONTROL)
    for channel in {event.channel for event in found} - {midi.DRUM_CHANNEL}:
        moved = [event for event in found if event.channel == channel]
        strokes = last_strokes(moved) if conventions.last_stroke else midi._key_strokes(moved, last, ends)
        if conventions.silent == "left out":
            strokes = strokes[:, strokes[1] > strokes[0]]
        onset, offset, pitch, velocity = strokes
        if pedal:
            times, positions = midi._controller(moved, note_list.SUSTAIN)
            positions = np.where(positions >= conventions.down, 127, 0)
            end = max(last, times.max(initial=0.0) * conventions.any_end) + conventions.longer
            if conventions.lifts_last:
                order = np.lexsort((-positions, times))
                times, positions = times[order], positions[order]
            if conventions.sostenuto:
                offset = note_list._caught(onset, offset, *midi._controller(moved, midi.SOSTENUTO), last)
            times = times + 1e-9 * conventions.keys_first
            offset = note_list._sustained(onset, offset, pitch, times, positions, end)
        parts.append(np.stack([onset, note_list._ended_by_repetition(onset, offset, pitch), pitch, velocity]))
    notes = np.concatenate(parts, axis=1).T
    return notes if conventions.silent == "kept" else notes[notes[:, 1] > notes[:, 0]]


def last_strokes(moved: list) -> np.ndarray:
    """Onset, release, pitch and velocity, (4, n), where each key remembers its last stroke only."""
    found, down = [], {}
    for seconds, track, _, kind, key, value in moved:
        if kind == midi_events.NOTE_ON and value > 0:
            down[track, key] = seconds, value
        elif kind != midi_events.CONTROL and (track, key) in down:
            onset, velocity = down.pop((track, key))
            found.append((onset, seconds, key, velocity))
    return np.array(found, dtype=float).reshape(-1, 4).T


def differences(ours: np.ndarray, theirs: np.ndarray) -> set[tuple[str, float, float]]:
    """Whose, pitch and onset of all notes that have no partner on the other side, or one that ends elsewhere."""
    found = set()
    for pitch in np.union1d(ours[:, 2], theirs[:, 2]):
        mine, other = (sorted(map(tuple, notes[notes[:, 2] == pitch, :2])) for notes in (ours, theirs))
        while mine or other:
            apart = (mine[-1][0] if mine else -np.inf) - (other[-1][0] if other else -np.inf)
            last = mine.pop() if apart >= -NEAR else None
            partner = other.pop() if apart <= NEAR else None
            if last is None or partner is None or abs(last[1] - partner[1]) > NEAR:
                found.add(("ours", pitch, last[0]) if partner is None else ("theirs", pitch, partner[0]))
    return found


# The other readers: onset, offset, pitch and velocity of all notes that aren't drums, (n, 4)


def _rows(notes) -> np.ndarray:
    return np.array(list(notes), dtype=float).reshape(-1, 4)


def _note_seq(data: bytes) -> np.ndarray:
    import note_seq

    found = note_seq.apply_sustain_control_changes(note_seq.midi_to_note_sequence(data))
    return _rows((n.start_time, n.end_time, n.pitch, n.velocity) for n in found.notes if not n.is_drum)


def _pretty_midi(data: bytes) -> np.ndarray:
    import pretty_midi

    parts = [part for part in pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments if not part.is_drum]
    return _rows((n.start, n.end, n.pitch, n.velocity) for part in parts for n in part.notes)


def _symusic(data: bytes) -> np.ndarray:
    import symusic

    parts = [part for part in symusic.Score.from_midi(data).to("second").tracks if not part.is_drum]
    return _rows((n.time, n.time + n.duration, n.pitch, n.velocity) for part in parts for n in part.notes)


def _partitura(end: str) -> Callable[[bytes], np.ndarray]:
    def read(data: bytes) -> np.ndarray:
        import partitura

        with tempfile.TemporaryDirectory() as folder:
            (path := Path(folder) / "a.mid").write_bytes(data)
            parts = partitura.load_performance_midi(str(path)).performedparts
        return _rows((n["note_on"], n[end], n["midi_pitch"], n["velocity"]) for part in parts for n in part.notes)

    return read


THEIRS = {
    ("note-seq", "with pedals"): _note_seq,
    ("pretty_midi", "keys"): _pretty_midi,
    ("symusic", "keys"): _symusic,
    ("partitura", "keys"): _partitura("note_off"),
    ("partitura", "with pedals"): _partitura("sound_off"),
}
