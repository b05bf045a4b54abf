"""Training data: real performances, played on many pianos in many rooms, as features and targets on disk.

Chapter ``training``. A network trained on one piano knows only that piano. So each excerpt is played on an
instrument chosen at random (`nmp_lessons.audio.instruments`), out of tune and unevenly voiced; a quarter of the
excerpts take their keys from two instruments, and most are played in a room. The result is written once,
memory-mapped, and read in random windows (`nmp_lessons.training.sampling`).

Conventions: a clip lasts 60 s, 5,168 frames; features are uint8, level in half decibels above −100 dB; targets
are uint8, Yn 0 or 1, Yo in steps of 0.005 (`nmp_lessons.targets.targets`, triangles of half-base 2 around the true
time). One seed gives one corpus; `Corpus.fingerprint` tells whether it did.

The performances come from the (n)ASAP dataset (CC BY-NC-SA 4.0); `nmp_lessons.data.asap` says which ones.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.signal import oaconvolve

from ..audio.instruments import PIANOS, RATE, Piano, bank, play, sympathetic_strings
from ..audio.rooms import room
from ..augmentation.features import FeatureAugmentation
from ..constants import NMP
from ..cqt import CQT, FLOOR, decibels
from ..data.store import BINS, CLIP_FRAMES, CLIP_SECONDS, ONSET_STEPS, QUIETEST, STEPS, Corpus, levels
from ..errors import InputError
from ..files import atomic_write
from ..notes.note_list import Notes
from ..targets import targets

FEWEST = 80  # notes in a clip
SPEED_OF_SOUND = 343  # m/s
ONSET_WIDTH = 2  # frames, half the base of an onset's triangle


def clip(
    performances: Sequence[Notes], pianos: Sequence[Piano], *, seed: int, rooms: bool = True
) -> tuple[np.ndarray, Notes, str]:
    """One clip: audio (60 s), its notes, and the name of its (first) piano.

    The excerpt is drawn, played up to a fifth faster or slower, moved by at most three semitones, half of the time
    with other strings sounding along, and put in a random room four times in five. The microphone stands up to three
    metres away, so the sound arrives up to 9 ms after the key is struck, as it does in a recording whose labels
    come from the keys. Without `rooms` the piano is heard dry: no other strings, no room.
    """
    rng = np.random.default_rng(seed)
    notes = _excerpt(performances, rng)
    shares = np.array([piano.share for piano in pianos])
    chosen = rng.choice(len(pianos), size=min(2, len(pianos)), replace=False, p=shares / shares.sum())
    audio = _played(notes, [pianos[i] for i in chosen], rng)
    if rooms and rng.random() < 0.5:
        halo = oaconvolve(audio, sympathetic_strings(int(rng.integers(8))))[: len(audio)]
        audio = audio + halo * _rms(audio) / (_rms(halo) + 1e-9) * 10 ** (rng.uniform(-30, -12) / 20)
    if rooms and rng.random() < 0.8:
        reverberation = np.exp(rng.uniform(np.log(0.25), np.log(2.5)))
        response = room(rng, reverberation=reverberation, direct=rng.uniform(-4, 16), delay=rng.uniform(0.002, 0.03))
        audio = oaconvolve(audio, response)[: len(audio)]
    late = int(rng.uniform(0.3, 3.0) / SPEED_OF_SOUND * RATE)
    audio = np.pad(audio, (late, 0))[: len(audio)]
    audio = audio * 10 ** (-22 / 20) / (_rms(audio) + 1e-9)
    return audio.astype(np.float32), notes, pianos[chosen[0]].name


def _rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(audio**2)))


def _excerpt(performances: Sequence[Notes], rng: np.random.Generator) -> Notes:
    """At least 80 notes that fit a clip."""
    for _ in range(1000):
        notes = performances[int(rng.integers(len(performances)))]
        slower, by = rng.uniform(0.85, 1.2), int(rng.integers(-3, 4))
        start = rng.uniform(0, max(0.01, notes.onset[-1] - 50))
        chosen = notes.between(start, start + (CLIP_SECONDS - 0.2) / slower)
        on_piano = (chosen.pitch + by >= NMP.lowest_pitch) & (chosen.pitch + by <= NMP.highest_pitch)
        if on_piano.sum() >= FEWEST:
            onset, offset = 0.05 + chosen.onset * slower, 0.05 + chosen.offset * slower
            return Notes(onset[on_piano], offset[on_piano], chosen.pitch[on_piano] + by, chosen.velocity[on_piano])
    raise InputError(f"the performances hold no {CLIP_SECONDS} s with {FEWEST} notes; give longer ones.")


def _played(notes: Notes, pianos: Sequence[Piano], rng: np.random.Generator) -> np.ndarray:
    """On the first piano; one time in four, each key on the first or the second."""
    if len(pianos) < 2 or rng.random() >= 0.25:
        return play(notes, bank(pianos[0]), rng=rng, seconds=CLIP_SECONDS)
    on_first = rng.random(NMP.keys)[notes.pitch - NMP.lowest_pitch] < 0.5
    seed = int(rng.integers(1 << 31))
    first, second = (
        play(
            Notes(notes.onset[mask], notes.offset[mask], notes.pitch[mask], notes.velocity[mask]),
            bank(piano),
            rng=np.random.default_rng(seed),
            seconds=CLIP_SECONDS,
        )
        for mask, piano in zip((on_first, ~on_first), pianos, strict=True)
    )
    return first + second


def _columns(notes: Notes) -> tuple[np.ndarray, ...]:
    return notes.onset, notes.offset, notes.pitch, notes.velocity


def render_corpus(
    folder: str | os.PathLike,
    notes: Sequence[Notes],
    *,
    clips: int,
    split: str = "train",
    pianos: Sequence[Piano] | None = None,
    rooms: bool = True,
    seed: int = 0,
    progress: bool = False,
) -> Corpus:
    """Render clips of some performances into a folder. Clips that are there already are kept, so a stopped run resumes.

    Validation clips are degraded (`degrade`) and mostly played on pianos that aren't used in training.
    """
    folder = Path(folder)
    pianos = default_pianos(split) if pianos is None else list(pianos)
    if (folder / "corpus.json").exists():
        return Corpus(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stores = {name: _store(folder, name, clips) for name in BINS}
    cqt, rows = CQT(), []
    for i in _progress(range(clips), progress, f"{split} clips"):
        done = folder / f"{i}.json"
        if not done.exists():
            clip_seed = int(np.random.SeedSequence([seed, split == "validation", i]).generate_state(1)[0])
            audio, played, _ = clip(notes, pianos, seed=clip_seed, rooms=rooms)
            features, note, onset = stored_clip(audio, played, cqt)
            if split == "validation":
                features = degrade(features, np.random.default_rng(clip_seed))
            for name, values in zip(BINS, (features, note, onset), strict=True):
                stores[name][i] = values
            with atomic_write(done) as scratch:
                scratch.write_text(json.dumps(np.stack(_columns(played), axis=1).round(6).tolist()), "utf8")
        rows.append(json.loads(done.read_text("utf8")))
    for store in stores.values():
        store.flush()
    names = [piano.name for piano in pianos]
    index = {
        "clips": clips,
        "split": split,
        "seed": seed,
        "rooms": rooms,
        "pianos": names,
        "fingerprint": _sha256(folder),
        "notes": rows,
    }
    with atomic_write(folder / "corpus.json") as scratch:
        scratch.write_text(json.dumps(index), "utf8")
    for i in range(clips):
        (folder / f"{i}.json").unlink()
    return Corpus(folder)


def default_pianos(split: str) -> list[Piano]:
    """The pianos of a split; validation adds two of those used in training, so that both kinds are scored."""
    shared = [piano for piano in PIANOS if piano.name in ("salamander", "fluid-grand")]
    own = [piano for piano in PIANOS if piano.split == split]
    return own + shared if split == "validation" else own


def stored_clip(audio: np.ndarray, notes: Notes, cqt: CQT) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (T, 309), Yn and Yo (T, 88) of a clip as they are stored, uint8."""
    with torch.inference_mode():
        power = cqt.power(torch.from_numpy(audio)[None])[0]
    return stored_levels(power)[:CLIP_FRAMES], *encode_targets(notes, frames=CLIP_FRAMES)


def stored_levels(power: torch.Tensor) -> np.ndarray:
    """Features (T, 309) as they are stored, uint8, of the power (309, T) of a transform."""
    level = decibels(power).T.numpy()
    return np.clip(np.round(STEPS * (level - QUIETEST)), 0, 255).astype(np.uint8)


def encode_targets(notes: Notes, *, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Yn and Yo (T, 88) of some notes as they are stored, uint8."""
    y = targets(notes, frames=frames, onset_width=ONSET_WIDTH, onset_at="time")
    return y.note.astype(np.uint8), np.round(ONSET_STEPS * y.onset).astype(np.uint8)


def degrade(stored: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Stored features after one random filter, level and noise floor, which training adds on the fly."""
    change = FeatureAugmentation(semitones=0)
    power = 10 ** ((levels(stored) + change.curve(rng)) / 10)
    power += 10 ** (change.floor(rng) / 10) * rng.exponential(size=stored.shape)
    return np.clip(np.round(STEPS * (10 * np.log10(power + FLOOR) - QUIETEST)), 0, 255).astype(np.uint8)


def _store(folder: Path, name: str, clips: int) -> np.memmap:
    path, shape = folder / f"{name}.u8", (clips, CLIP_FRAMES, BINS[name])
    with path.open("ab") as file:
        file.truncate(int(np.prod(shape)))
    return np.memmap(path, np.uint8, "r+", shape=shape)


def _sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in BINS:
        with (folder / f"{name}.u8").open("rb") as file:
            while block := file.read(1 << 24):
                digest.update(block)
    return digest.hexdigest()


def _progress(items, shown: bool, label: str):
    from tqdm import tqdm

    return tqdm(items, desc=label, disable=not shown)
