"""From ten recordings to all of MAESTRO: training data made of real recordings.

Chapter ``scaling``. `cut_corpus` reads a folder of MAESTRO's form (`Maestro`) and writes what training reads
(`Corpus`): for each performance one file of features and targets, ``YEAR/NAME.npy``, and beside it its notes and its
checksum, ``YEAR/NAME.json``. What that costs stands in `nmp_lessons.training.scaling`.

- A *clip* is 5,168 frames, a minute and a third of a millisecond, cut from the transform of the whole recording, so
  that no clip has an edge of its own. The last one ends with the recording: it overlaps the one before, so that no
  ending is lost and no silence is added. Only a recording of less than a minute is filled up with silence.
- A performance is read in blocks and written clip by clip, so memory does not grow with its length.
- A file appears when it is whole and on the disk; ``YEAR/NAME.json`` appears last. So a run may be killed at any
  moment, and the next one makes what is missing. Which worker makes what does not matter.
- The clips of a corpus are in one fixed random order, so that the first dozen, by which training chooses its
  threshold, come from a dozen performances.
"""

import errno
import hashlib
import json
import multiprocessing
import os
import shutil
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout

from ..audio.streams import Stream
from ..constants import NMP
from ..cqt import CQT
from ..data.maestro import Maestro, Performance
from ..data.store import CLIP_FRAMES, ROW, Corpus
from ..errors import InputError
from ..files import atomic_write, writable
from ..notes.note_list import Notes
from .corpus import ONSET_WIDTH, encode_targets, stored_levels

SPLITS = ("train", "validation")
CLIP_BYTES = CLIP_FRAMES * ROW
SPARE = 64 * 2**20  # bytes of the disk that stay free for notes and what else is written
MOST_WORKERS = 61 if os.name == "nt" else 1000  # Windows cannot wait for more at once
KILLS = 3  # deaths of workers in a row, with nothing done between them, before a run gives up


def cut_corpus(
    folder: str | os.PathLike,
    tree: Maestro,
    *,
    splits: Sequence[str] = SPLITS,
    workers: int = 1,
    check: bool = False,
    progress: bool = False,
) -> dict[str, Corpus]:
    """Write the corpora of some splits into a folder; what is there already is kept, and goes on after a stop.

    Parameters
    ----------
    folder
        Each split gets a folder in it.
    tree
        Where the recordings are.
    workers
        Processes that share the work. The result does not depend on them.
    check
        Read again what is there, and make anew what differs from its checksum.

    Raises
    ------
    InputError
        If the disk is too small or full, workers are killed over and over, another run is at work in the folder,
        or recordings cannot be read: these are named when all others are done. Nothing that is done is lost.
    """
    if workers < 1:
        raise InputError(f"{workers} workers: give at least 1.")
    empty = [split for split in splits if not tree.performances(split)]
    if empty:
        raise InputError(
            f"{tree.root}: no performance is left for {' or '.join(empty)}; leave out fewer with --without."
        )
    folder = Path(folder)
    with _alone(folder):
        targets = {p: folder / split / str(p.year) / p.name for split in splits for p in tree.performances(split)}
        if check:
            _drop_damaged(targets.values())
        todo = {p: target for p, target in targets.items() if not _record(target)}
        sizes, failed = _sizes(todo)
        _check_space(folder, sum(sizes.values()))
        failed |= _made({p: todo[p] for p in sizes}, workers, progress)
        if failed:
            raise InputError(_complaint(failed, len(targets)))
        for split in splits:
            _finish(folder / split, split, tree)
    return {split: Corpus(folder / split) for split in splits}


def starts(frames: int) -> list[int]:
    """The first frame of each clip of a recording with so many frames (eq-clips).

    >>> starts(2 * CLIP_FRAMES + 100)
    [0, 5168, 5268]
    >>> starts(100)
    [0]
    """
    last = max(0, frames - CLIP_FRAMES)
    return [*range(0, last, CLIP_FRAMES), last]


def clips(performance: Performance, notes: Notes) -> Iterator[np.ndarray]:
    """The clips of a performance, one after another, as they are stored, (5168, 485): features, Yn, Yo."""
    audio, cqt = Stream(performance.audio, rate=NMP.sample_rate), _transform()
    if len(audio) < cqt.shortest:
        raise InputError(f"{performance.audio}: lasts less than {cqt.shortest / NMP.sample_rate:.1f} s; leave it out.")
    frames = len(audio) // NMP.hop + 1
    for start in starts(frames):
        stop = min(start + CLIP_FRAMES, frames)
        rows = np.zeros((CLIP_FRAMES, ROW), np.uint8)
        with torch.inference_mode():
            rows[: stop - start, : NMP.cqt_bins] = stored_levels(cqt.between(audio, start, stop))
        rows[:, NMP.cqt_bins :] = np.concatenate(clip_targets(notes, start), axis=1)
        yield rows


def clip_targets(notes: Notes, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Yn and Yo of the clip from a frame on, (5168, 88), a part of those of the whole performance.

    Notes struck before it may sound on; an onset just outside still reaches in.
    """
    before = min(ONSET_WIDTH, start)
    frames = before + CLIP_FRAMES + ONSET_WIDTH
    seen = notes.between(_seconds(start - before), _seconds(start - before + frames), held=True)
    note, onset = (part[before : before + CLIP_FRAMES] for part in encode_targets(seen, frames=frames))
    return note, onset


def _seconds(frame: int) -> float:
    return frame / NMP.frame_rate


@cache
def _transform() -> CQT:
    return CQT()


def _write(performance: Performance, target: Path) -> None:
    """Make the two files of a performance."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes of no length are dropped, as everywhere
        notes = performance.notes
    places = starts(len(Stream(performance.audio, rate=NMP.sample_rate)) // NMP.hop + 1)
    with atomic_write(_beside(target, ".npy")) as scratch:
        with scratch.open("wb") as file:
            form = {"descr": "|u1", "fortran_order": False, "shape": (len(places), CLIP_FRAMES, ROW)}
            np.lib.format.write_array_header_1_0(file, form)
            for rows in clips(performance, notes):
                file.write(rows.data)
            file.flush()
            os.fsync(file.fileno())
        checksum = _checksum(scratch)
    struck = [notes.between(_seconds(start), _seconds(start + CLIP_FRAMES)) for start in places]
    rows = [np.stack([n.onset, n.offset, n.pitch, n.velocity], axis=1).round(6).tolist() for n in struck]
    with atomic_write(_beside(target, ".json")) as scratch:
        scratch.write_text(json.dumps({"sha256": checksum, "notes": rows}), "utf8")


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _record(target: Path) -> dict | None:
    """Checksum and notes of a performance that is done."""
    try:
        record = json.loads(_beside(target, ".json").read_text("utf8")) if _beside(target, ".npy").exists() else {}
    except (FileNotFoundError, json.JSONDecodeError):  # the second after a power cut
        return None
    return record if record.keys() >= {"sha256", "notes"} else None


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(f"{target.name}{suffix}")


def _drop_damaged(targets: Iterable[Path]) -> None:
    for target in targets:
        record = _record(target)
        if record and record["sha256"] != _checksum(_beside(target, ".npy")):
            _beside(target, ".json").unlink()


def _finish(folder: Path, split: str, tree: Maestro) -> None:
    """Write ``corpus.json``: only now is the folder a corpus."""
    pieces = [f"{p.year}/{p.name}" for p in tree.performances(split)]
    records = []
    for piece in pieces:
        record = _record(folder / piece)
        if record is None:
            raise InputError(f"{folder / piece}: has disappeared since it was made; run the command again.")
        records.append(record)
    places = [(i, minute) for i, record in enumerate(records) for minute in range(len(record["notes"]))]
    order = [places[i] for i in np.random.default_rng(0).permutation(len(places))]
    contents = {
        "clips": len(order),
        "split": split,
        "fingerprint": hashlib.sha256("".join(record["sha256"] for record in records).encode()).hexdigest(),
        "pieces": pieces,
        "order": order,
    }
    with atomic_write(folder / "corpus.json") as scratch:
        scratch.write_text(json.dumps(contents), "utf8")


def _made(todo: dict[Performance, Path], workers: int, progress: bool) -> dict[Performance, Exception]:
    """Make all files; what could not be read, and why."""
    from tqdm import tqdm

    failed, kills = {}, 0
    with tqdm(total=len(todo), desc="performances", unit="file", disable=not progress) as bar:
        while todo:
            before = len(todo)
            try:
                for performance, problem in _results(todo, workers):
                    del todo[performance]
                    if problem:
                        failed[performance] = problem
                    bar.update()
            except BrokenProcessPool as problem:
                kills = 0 if len(todo) < before else kills + 1
                if kills == KILLS:
                    raise InputError(
                        f"workers were killed {KILLS} times in a row, perhaps because memory ran out; what is done is "
                        "kept, so run the same command again with fewer --workers."
                    ) from problem
    return failed


def _results(todo: dict[Performance, Path], workers: int) -> Iterator[tuple[Performance, Exception | None]]:
    """Each performance when it is made or cannot be read."""
    calls = {performance: partial(_write, performance, target) for performance, target in todo.items()}
    if workers == 1:
        with _one_core():
            for performance, call in calls.items():
                yield performance, _problem(call)
        return
    started = _processes()
    pool = ProcessPoolExecutor(min(workers, len(todo), MOST_WORKERS), started, initializer=_begin)
    try:
        futures = {pool.submit(call): performance for performance, call in calls.items()}
        for future in as_completed(futures):
            yield futures[future], _problem(future.result)
    finally:
        pool.shutdown(cancel_futures=True)


def _processes() -> multiprocessing.context.BaseContext:
    """How workers start: a thread must not be forked, and PyTorch has some."""
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    started = multiprocessing.get_context("forkserver")
    started.set_forkserver_preload([__name__])  # so that all workers together import it once
    return started


def _problem(call: Callable[[], None]) -> Exception | None:
    """Why a performance could not be made; what would stop all others too is raised."""
    try:
        call()
    except (InputError, OSError) as problem:
        cause = problem.__cause__ or problem
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                "the disk is full; make room and run the same command again, which keeps what is done."
            ) from problem
        return problem
    return None


@contextmanager
def _one_core() -> Generator[None]:
    """Sums are then the same whatever the number of workers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _begin() -> None:
    """What a worker does first: it keeps to one core, and does not outlive the process that started it."""
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Keep other runs out of a folder, and clear away what a killed one left half written."""
    writable(folder)
    if (folder / "corpus.json").exists() or any(folder.glob("*/features.u8")):
        raise InputError(f"{folder}: contains a corpus of another kind; give a separate folder with -o.")
    try:
        held = FileLock(folder / ".lock").acquire(blocking=False)  # until this process ends, however it ends
    except Timeout as problem:
        raise InputError(
            f"{folder}: another run is at work there; wait until it has finished, or stop it."
        ) from problem
    with held:
        for left in folder.rglob(".writing-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _sizes(todo: Iterable[Performance]) -> tuple[dict[Performance, int], dict[Performance, Exception]]:
    """Bytes of the file of each performance, from the headers; and what has none."""
    sizes, failed = {}, {}
    for performance in todo:
        try:
            frames = len(Stream(performance.audio, rate=NMP.sample_rate)) // NMP.hop + 1
            sizes[performance] = len(starts(frames)) * CLIP_BYTES
        except InputError as problem:
            failed[performance] = problem
    return sizes, failed


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed and needed + SPARE > free:
        raise InputError(
            f"{folder}: {needed / 1e9:.1f} GB are needed, but only {free / 1e9:.1f} GB are free on that disk; "
            "make room, or give a folder on another disk with -o."
        )


def _complaint(failed: dict[Performance, Exception], count: int) -> str:
    names = " ".join(f"'{performance.name}'" if " " in performance.name else performance.name for performance in failed)
    return (
        f"{len(failed)} of {count} performances could not be read; all others are done. Repair them, or leave them out "
        f"with --without {names}, and run the same command again.\n" + "\n".join(map(str, failed.values()))
    )
