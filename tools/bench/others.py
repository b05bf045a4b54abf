"""Our networks, the released one, `harmonica-amt` and Transkun on the same recordings of a real piano, and their times.

Kept in ``nmp_lessons/checkpoints/others.csv``, a row for each network and recording, for chapter ``beyond``; without
the recordings nothing is measured. Harmonica's package asks for Python 3.12 and runs on 3.11; it is installed in
``_build``, not for readers, and used as it comes: its own decoder, its own thresholds, bfloat16 where it wants it.

Transkun's command doesn't start beside a setuptools from 82 on, which has no ``pkg_resources``; and its model asks
torchaudio for a mel matrix, while the torchaudio on PyPI doesn't load beside a PyTorch without CUDA. So we call the
model itself, with the mel matrix that is stored in its checkpoint. Nothing else is changed. Its seconds in the file are
an upper bound: other programs were at work, and a second look at one recording took 87 instead of 73.

From samples at 22,050 Hz to notes; all on one thread. What counts is the processor's time, since other programs may
be at work, and of several turns the quickest.

Command: ``python -m tools.bench others RECORDINGS [TURNS]``; what stands in the file already stays.
"""

import json
import subprocess
import sys
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from nmp_lessons import ablations
from nmp_lessons.audio import Recording
from nmp_lessons.constants import NMP
from nmp_lessons.decoding import PeakDecoder, decode
from nmp_lessons.evaluation import onset_scores
from nmp_lessons.files import read_rows, write_rows
from nmp_lessons.model import posteriors, released
from nmp_lessons.notes import Notes
from nmp_lessons.training import CHECKPOINTS, load

PEERS = Path(__file__).parents[2] / "_build" / "bench"
HARMONICA = (
    "harmonica-amt==0.3.0", "nnaudio==0.3.4", "omegaconf==2.3.0", "antlr4-python3-runtime==4.9.3", "loguru==0.7.3",
    "symusic==0.6.0", "pySmartDL==1.3.4", "typer==0.29.2", "shellingham==1.5.4", "rich==15.0.0",
)  # fmt: skip
TRANSKUN = ("transkun==2.0.1",)
KEPT = CHECKPOINTS / "others.csv"
SIZES = ("nano", "small", "medium", "large")


class System(NamedTuple):
    """One transcriber: its name, how many numbers it has learned, and what it does."""

    name: str
    parameters: int
    notes: Callable[[Recording], Notes]


def main(folder: str, turns: str = "1") -> None:
    torch.set_num_threads(1)
    # Whoever wants all of them measured again in one run removes the file first.
    recordings, rows = ablations.real_recordings(folder), read_rows(KEPT) if KEPT.exists() else []
    for system in systems():
        if system.name in {row["system"] for row in rows}:
            continue
        made = measured(system, recordings, int(turns))
        rows += made
        f, music, taken = (np.array([row[column] for row in made]) for column in ("Fno", "seconds", "processor"))
        speed = music.sum() / taken.sum()
        print(
            f"{system.name:20} {system.parameters:10,} parameters, Fno {f.mean():.3f}, {speed:.0f} × real time",
            flush=True,
        )
        write_rows(KEPT, rows)


def measured(system: System, recordings: list[ablations.Real], turns: int) -> list[dict]:
    """A row for each recording; what is compiled and loaded at first does not count."""
    system.notes(recordings[0].recording.excerpt(0, 5))
    rows = []
    for real in recordings:
        sound = real.recording.resampled(NMP.sample_rate)
        taken, notes = min((timed(system, sound) for _ in range(turns)), key=lambda turn: turn[0])
        score = onset_scores(real.notes, notes)["Fno"]
        row = {"system": system.name, "parameters": system.parameters, "recording": sound.title}
        rows.append(row | {"Fno": round(score, 4), "seconds": round(sound.seconds, 2), "processor": round(taken, 3)})
    return rows


def timed(system: System, sound: Recording) -> tuple[float, Notes]:
    """Processor seconds and notes."""
    began = time.process_time()
    notes = system.notes(sound)
    return time.process_time() - began, notes


def systems() -> list[System]:
    """The released network, our long trainings that stand, Harmonica's sizes, and Transkun."""
    return [_released(), *_ours(), *_harmonica(), _transkun()]


def _released() -> System:
    model = released.load()
    return System("released", 16_782, lambda recording: decode(posteriors(model, recording)))


def _ours() -> list[System]:
    names = [f"{run}-{seed}" for run in ablations.LONG for seed in ablations.SEEDS]
    found = []
    for name in names:
        if (CHECKPOINTS / f"{name}.json").exists():
            model, record = load(name)
            decoder = PeakDecoder(**record["decoder"])
            found.append(System(name, record["parameters"], lambda r, m=model, d=decoder: d(posteriors(m, r))))
    return found


def installed(folder: Path, packages: Sequence[str]) -> None:
    """Make packages importable that are installed in a folder of their own, at first use, just as they are listed."""
    if not folder.exists():
        words = ["install", "--quiet", "--no-deps", "--ignore-requires-python", "--target", str(folder), *packages]
        subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    sys.path.append(str(folder))


def _harmonica() -> list[System]:
    installed(PEERS / "harmonica", HARMONICA)
    from harmonica import Harmonica

    def system(size: str) -> System:
        model = Harmonica(size, device="cpu")

        def notes(recording: Recording) -> Notes:
            found = model.transcribe(recording.audio, recording.rate)
            return Notes(found.onsets, found.offsets, found.pitches)

        return System(f"harmonica {size}", sum(w.numel() for w in model.model.parameters()), notes)

    return [system(size) for size in SIZES]


def _transkun() -> System:
    installed(PEERS / "transkun", TRANSKUN)
    shape_only = types.SimpleNamespace(melscale_fbanks=lambda n_freqs, n_mels, **_: torch.zeros(n_freqs, n_mels))
    torchaudio = types.ModuleType("torchaudio")
    torchaudio.functional = shape_only
    sys.modules["torchaudio"] = torchaudio
    from transkun.ModelTransformer import Config, TransKun

    stored = PEERS / "transkun" / "transkun" / "pretrained"
    config = Config()
    config.__dict__ |= json.loads((stored / "2.0.conf").read_text("utf8"))["Model"]["config"]
    model = TransKun(config).eval()
    model.load_state_dict(torch.load(stored / "2.0.pt", map_location="cpu")["state_dict"])  # the mel matrix, too
    del sys.modules["torchaudio"]

    def notes(recording: Recording) -> Notes:
        samples = torch.from_numpy(recording.resampled(model.fs).audio)[:, None]
        with torch.inference_mode():
            found = [note for note in model.transcribe(samples) if note.pitch > 0]  # pedals have negative numbers
        return Notes([n.start for n in found], [n.end for n in found], [n.pitch for n in found])

    return System("transkun", sum(w.numel() for w in model.parameters()), notes)
