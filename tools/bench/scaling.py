"""What it costs to train on more: ``python -m tools.bench scaling [TURNS]``, some minutes.

The book's ten performances, as stereo WAV at 44,100 Hz, stand in a folder of MAESTRO's form once, twice, four and
eight times, under other names. Measured are the making of a corpus of them
(`nmp_lessons.training.maestro_clips.cut_corpus`), each of its parts, and steps of training on it.
The rows go into ``nmp_lessons/checkpoints/scaling.csv``, with the load of the machine just before each; chapter
``scaling`` reads them.
"""

import csv
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import torch
from tqdm import tqdm

from nmp_lessons import ablations, training
from nmp_lessons.audio import Stream, load
from nmp_lessons.constants import NMP
from nmp_lessons.cqt import CQT
from nmp_lessons.data import CLIP_FRAMES, ROW, Corpus, Maestro, maestro
from nmp_lessons.files import write_rows
from nmp_lessons.notes import read_midi
from nmp_lessons.training import clip_targets, cut_corpus, scaling, starts, stored_levels
from nmp_lessons.training.maestro_clips import _checksum

COPIES = (1, 2, 4, 8)
CORES = tuple(sorted({1, min(2, os.cpu_count())}))
RATE = 44_100
TRAINED = (1, 8)  # copies
STEPS = (1, 4)  # of training; the difference counts


def main(turns: str = "2") -> None:
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        trees = {copies: _tree(scratch / str(copies), copies) for copies in COPIES}
        for _ in tqdm(range(int(turns)), "turns", unit="turn"):
            for copies, tree in trees.items():
                for cores in CORES:
                    rows.append(_making(tree, scratch / "made", copies, cores))
                if copies in TRAINED:
                    rows += _training(Corpus(scratch / "made" / "train"), scratch / "trained", copies)
            rows += _parts(trees[1], scratch / "part")
    write_rows(scaling.MEASURED, rows)
    print(
        f"{scaling.MEASURED}: {len(rows)} rows, load {min(r['load'] for r in rows)} to {max(r['load'] for r in rows)}"
    )


def _tree(root: Path, copies: int) -> Maestro:
    """A folder of MAESTRO's form that holds the book's ten performances some times over, nine tenths to train on."""
    rows = []
    for played in maestro.book_set().performances():
        first = root / f"2000/{played.name}-0.wav"
        first.parent.mkdir(parents=True, exist_ok=True)
        mono = load(played.audio, rate=RATE).audio
        soundfile.write(first, np.stack([mono, mono], axis=1), RATE, subtype="PCM_16")
        for copy in range(copies):
            midi, audio = (f"2000/{played.name}-{copy}{suffix}" for suffix in (".midi", ".wav"))
            shutil.copy(played.midi, root / midi)
            if copy:
                os.link(first, root / audio)
            split = "validation" if played.split == "validation" else "train"
            rows.append((played.composer, played.title, split, 2000, midi, audio, played.seconds))
    with open(root / "maestro-v3.0.0.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([maestro.COLUMNS, *rows])
    return Maestro(root)


def _making(tree: Maestro, folder: Path, copies: int, cores: int) -> dict:
    shutil.rmtree(folder, ignore_errors=True)
    with _timed("data", copies, cores) as row:
        cut_corpus(folder, tree, workers=cores)
    row["hours"] = round(sum(p.seconds for p in tree.performances()) / 3600, 4)
    row["bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return row


def _training(store: Corpus, folder: Path, copies: int) -> list[dict]:
    """A step of the main recipe, and the making of its batch alone."""
    rows = []
    for cores in CORES:
        torch.set_num_threads(cores)
        taken = []
        for steps in (1, *STEPS):  # the first time does not count: it imports and compiles
            shutil.rmtree(folder, ignore_errors=True)
            with _timed("step", copies, cores) as row:
                training.train(ablations.recipe("main-0"), store, folder=folder, stop_at=steps)
            taken.append(row["seconds"])
        rows.append(row | {"seconds": round((taken[2] - taken[1]) / (STEPS[1] - STEPS[0]), 4)})
    torch.set_num_threads(1)
    with _timed("batch", copies, 1) as row:
        for step in range(10):
            training.batch(ablations.recipe("main-0"), store, step)
    return [*rows, row | {"seconds": row["seconds"] / 10}]


def _parts(tree: Maestro, path: Path) -> list[dict]:
    """What the making of a corpus spends its time on, on one core, for ten performances."""
    rows = {name: _row(name, 1, 1) for name in ("read", "transform", "labels", "write")}

    @contextmanager
    def part(name):
        start = time.perf_counter()
        yield
        rows[name]["seconds"] += time.perf_counter() - start

    cqt = CQT()
    torch.set_num_threads(1)
    for played in tree.performances():
        with part("read"):
            stream = Stream(played.audio, rate=NMP.sample_rate)
            audio = stream[: len(stream)]
        made = []
        for start in starts(len(audio) // NMP.hop + 1):
            with part("transform"), torch.inference_mode():
                made.append(stored_levels(cqt.between(audio, start, start + CLIP_FRAMES)))
        with part("labels"):
            notes = read_midi(played.midi)
            for start in starts(len(audio) // NMP.hop + 1):
                clip_targets(notes, start)
        with part("write"):
            with path.open("wb") as file:
                for clip in made:
                    file.write(np.pad(clip, ((0, CLIP_FRAMES - len(clip)), (0, ROW - NMP.cqt_bins))))
                file.flush()
                os.fsync(file.fileno())
            _checksum(path)
    hours = round(sum(p.seconds for p in tree.performances()) / 3600, 4)
    return [row | {"hours": hours, "seconds": round(row["seconds"], 3)} for row in rows.values()]


@contextmanager
def _timed(stage: str, copies: int, cores: int):
    row, start = _row(stage, copies, cores), time.perf_counter()
    yield row
    row["seconds"] = round(time.perf_counter() - start, 3)


def _row(stage: str, copies: int, cores: int) -> dict:
    machine = f"{training.loop._processor()}, {os.cpu_count()} cores, PyTorch {torch.__version__}"
    load = round(os.getloadavg()[0], 2)
    return {"stage": stage, "copies": copies, "cores": cores, "hours": "", "seconds": 0.0, "bytes": "",
            "load": load, "machine": machine}  # fmt: skip
