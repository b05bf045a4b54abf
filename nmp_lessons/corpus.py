"""Training data: real performances, played on many pianos in many rooms, as features and targets on the disk.

Chapter ``training``. A network that has heard one piano knows one piano. So each excerpt of a performance is
played on an instrument drawn from a list, out of tune, unevenly voiced, a quarter of them with keys from two
instruments, most of them in a room. The result is written once, memory-mapped, and read in random windows.

- the recorded notes of the Salamander Grand Piano (CC BY 3.0), by its left, its right, or both microphones;
- soundfonts with clear licences, sampled key by key through `fluidsynth`;
- pianos that never were: stiff strings with random partials, decays, unisons and hammers (`string_piano`).

Every piano is a *bank*: recorded keys at seven velocities, int16 (7, 88, samples) at 22,050 Hz, each cut to
begin with its attack so that labels are right, each at one level so that a velocity means the same on all.

Conventions: a clip lasts 60 s, 5,168 frames; features are uint8, level in half decibels above −100 dB; targets
are uint8, Yn 0 or 1, Yo in two-hundredths (`targets`, triangles of half-base 2 around the true time). One seed
gives one corpus; `Corpus.fingerprint` tells whether it did.

Source of the performances: the (n)ASAP dataset (CC BY-NC-SA 4.0), without the pieces of which ASAP names a
performance that MAESTRO v3 keeps for validation or test (``asap_split.csv`` beside this file; `derive_split` made
it). Seven performances that MAESTRO keeps came in all the same: `LET_IN`.
"""

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import mido
import numpy as np
import soundfile
import soxr
import torch
from numba import njit
from scipy.signal import oaconvolve

from .augmentation import FeatureAugmentation, room
from .constants import NMP
from .cqt import CQT, FLOOR, decibels
from .errors import InputError
from .fetch import Package, archive, cache_dir
from .files import written_whole
from .notes import Notes, read_midi
from .targets import targets

RATE = NMP.sample_rate
CLIP_SECONDS = 60
CLIP_FRAMES = CLIP_SECONDS * RATE // NMP.hop + 1
VELOCITIES = np.array([20, 40, 57, 77, 92, 108, 124])
BANK_SECONDS = 6
SPLIT = Path(__file__).with_name("asap_split.csv")
FEWEST = 80  # notes in a clip
QUIETEST = -100  # dB, level 0 of the stored features
SPEED_OF_SOUND = 343  # m/s
STEPS = 2  # stored levels in a decibel
ONSET_STEPS = 200  # stored values from 0 to 1 of Yo
ONSET_WIDTH = 2  # frames, half the base of an onset's triangle


# Pianos


@dataclass(frozen=True)
class Piano:
    """One instrument: where its sound comes from, how often it is drawn, on what terms."""

    name: str
    kind: str  # "salamander", "soundfont" or "strings"
    source: str | int  # microphone, soundfont, or seed
    program: int = 0  # of a soundfont
    share: float = 1.0
    split: str = "train"
    licence: str = "made here"


FLUID, MUSESCORE, TIMGM = "FluidR3_GM.sf2", "MuseScore_General.sf3", "TimGM6mb.sf2"
DEBIAN = {
    FLUID: "fluid-soundfont-gm",
    MUSESCORE: "musescore-general-soundfont-small",
    TIMGM: "timgm6mb-soundfont",
}
SALAMANDER_LICENCE = "Salamander Grand Piano V3 by Alexander Holm, CC BY 3.0"

PIANOS = (
    Piano("salamander", "salamander", "both", share=2.0, licence=SALAMANDER_LICENCE),
    Piano("salamander-left", "salamander", "left", share=1.5, licence=SALAMANDER_LICENCE),
    Piano("salamander-right", "salamander", "right", share=1.5, licence=SALAMANDER_LICENCE),
    Piano("fluid-grand", "soundfont", FLUID, 0, 2.0, licence="MIT"),
    Piano("fluid-bright", "soundfont", FLUID, 1, 1.5, licence="MIT"),
    Piano("fluid-electric-grand", "soundfont", FLUID, 2, 0.7, licence="MIT"),
    Piano("musescore-bright", "soundfont", MUSESCORE, 1, 1.5, licence="MIT"),
    Piano("musescore-electric-grand", "soundfont", MUSESCORE, 2, 0.7, licence="MIT"),
    Piano("timgm-grand", "soundfont", TIMGM, 0, 1.5, licence="GPL-2"),
    Piano("timgm-bright", "soundfont", TIMGM, 1, 1.0, licence="GPL-2"),
    *(Piano(f"strings-{seed}", "strings", seed, share=0.55) for seed in range(1, 17)),
    Piano("musescore-grand", "soundfont", MUSESCORE, 0, 3.0, "validation", "MIT"),
    Piano("strings-101", "strings", 101, split="validation"),
    Piano("strings-102", "strings", 102, split="validation"),
)

SALAMANDER = {
    1: "5b4f24caef10fa57e2575dd3c6518364a6eb2875d98ebdd7bd44e52efe055947",
    4: "d4109ec1b6e7c9fe10eeff53195b386cb7225b74675c1c17a03a8e8ab094faed",
    8: "53e86caef9fc0696ea293a62fa0b0b1cfce21c9a035d65fa0190ad24da2252d3",
    10: "b8453347f8fab61f8c087b3868cce7f1ef26655fab373b4b2dfbae1aa7e86f32",
    12: "e1c3182e8b0c6d055ee544fc3b3693c00d9e36c24a0a4e5c0eda2486fbcfedbd",
    14: "50f7b90452f723f1c618d6bb3c5c75f67a56bfe8c8d81d4f4892d7066aa2c8fa",
    16: "966ef73262a0c5403eb9a9bb07adfe89ba53e84bfefc1fe953bf250c821662a0",
}  # layer: sha256 of @audio-samples/piano-velocity{layer} 1.0.5, one for each of VELOCITIES


def bank(piano: Piano) -> np.ndarray:
    """The keys of a piano, int16 (7 velocities, 88 keys, samples), made once and memory-mapped from the cache."""
    path = cache_dir() / "banks" / f"{piano.name}.npy"
    if not path.exists():
        makers = {"salamander": _salamander_bank, "soundfont": _soundfont_bank, "strings": string_piano}
        arguments = (piano.source, piano.program) if piano.kind == "soundfont" else (piano.source,)
        made = makers[piano.kind](*arguments)
        with written_whole(path) as scratch:
            np.save(scratch, made)
    return np.load(path, mmap_mode="r")


def _salamander_bank(side: str) -> np.ndarray:
    bank = _empty_bank()
    for row, (layer, sha256) in zip(bank, SALAMANDER.items(), strict=True):
        recorded = _recorded_keys(archive(Package("npm", f"@audio-samples/piano-velocity{layer}", "1.0.5", sha256)))
        for key in range(NMP.keys):
            pitch = key + NMP.lowest_pitch
            nearest = min(recorded, key=lambda p, pitch=pitch: (abs(p - pitch), p))
            audio, rate = recorded[nearest]
            mono = audio.mean(axis=1) if side == "both" else audio[:, ("left", "right").index(side)]
            faster = 2 ** ((pitch - nearest) / 12)
            row[key] = _finished(soxr.resample(mono[: 8 * rate], rate * faster, RATE))
    return bank


def _recorded_keys(package: Path) -> dict[int, tuple[np.ndarray, int]]:
    """Pitch: (audio (samples, 2), rate) of the recorded notes in one Salamander package."""
    within_octave = {"C": 0, "D#": 3, "F#": 6, "A": 9}
    recorded = {}
    with tarfile.open(package) as tar:
        for member in tar:
            if member.name.endswith(".ogg"):
                name = Path(member.name).stem.rsplit("v", 1)[0]  # "D#4v10" -> "D#4"
                pitch = within_octave[name[:-1]] + 12 * (int(name[-1]) + 1)
                recorded[pitch] = soundfile.read(io.BytesIO(tar.extractfile(member).read()), dtype="float32")
    return recorded


def _soundfont_bank(font: str, program: int) -> np.ndarray:
    """Every key at every velocity, played by fluidsynth, 7 s apart."""
    path, every = _soundfont(font), BANK_SECONDS + 1
    bank = _empty_bank()
    for row, velocity in zip(bank, VELOCITIES, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            midi, wave = Path(folder) / "keys.mid", Path(folder) / "keys.wav"
            _scale(velocity, program, every).save(midi)
            command = ["fluidsynth", "-ni", "-q", "-F", wave, "-r", "44100", "-g", "0.8", "-R", "0", "-C", "0"]
            done = subprocess.run([*command, path, midi], capture_output=True, text=True)
            if done.returncode or not wave.exists():
                raise InputError(f"fluidsynth could not play {path}: {done.stderr.strip()[-200:]}")
            audio = soundfile.read(wave, dtype="float32")[0].mean(axis=1)
        audio = soxr.resample(audio, 44_100, RATE)
        for key in range(NMP.keys):
            row[key] = _finished(audio[key * every * RATE :][: int(6.5 * RATE)])
    return bank


def _soundfont(font: str) -> Path:
    folders = [Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3"), Path("/usr/share/soundfonts")]
    found = [folder / font for folder in folders if (folder / font).exists()]
    if not found or not shutil.which("fluidsynth"):
        raise InputError(
            f"{font} or fluidsynth was not found. On Debian: apt install fluidsynth {DEBIAN[font]}; or leave "
            "the soundfonts out with --pianos."
        )
    return found[0]


def _scale(velocity: int, program: int, every: int) -> mido.MidiFile:
    """All 88 keys one after another, one each `every` seconds."""
    track = mido.MidiTrack([mido.Message("program_change", program=program)])  # 960 ticks a second
    for pitch in range(NMP.lowest_pitch, NMP.highest_pitch + 1):
        late = 0 if pitch == NMP.lowest_pitch else int(960 * (every - 6.4))
        track.append(mido.Message("note_on", note=pitch, velocity=int(velocity), time=late))
        track.append(mido.Message("note_off", note=pitch, time=every * 960 - int(960 * (every - 6.4))))
    return mido.MidiFile(ticks_per_beat=480, tracks=[track])


def string_piano(seed: int) -> np.ndarray:
    """A piano that never was, as a bank: 88 stiff strings struck by a random hammer on a random soundboard.

    Partials of a stiff string lie at n · f · sqrt(1 + B n²); the hammer leaves out those with a node where it
    strikes; each dies away fast at first and then slowly; up to three unisons beat; loud notes are brighter.
    """
    rng = np.random.default_rng(seed)
    stiffness = np.exp(rng.uniform(np.log(5e-5), np.log(4e-4)))
    strike, tilt, spread = rng.uniform(1 / 9, 1 / 7), rng.uniform(-10, -4), rng.uniform(0.1, 1.5)
    board = _soundboard(rng)
    decay, knock, brightness = rng.uniform(0.6, 1.6), rng.uniform(0, 0.12), rng.uniform(2, 8)
    bank = _empty_bank()
    for key in range(NMP.keys):
        pitch = key + NMP.lowest_pitch
        f = 440 * 2 ** ((pitch - 69) / 12 + (rng.normal(0, 1.5) + 3 * ((pitch - 60) / 48) ** 3) / 1200)
        b = stiffness * 2 ** ((pitch - 45) / 12 * (0.9 if pitch > 45 else -0.3))
        n = np.arange(1, max(1, min(60, int(0.48 * RATE / f))) + 1)
        partials = n * f * np.sqrt(1 + b * n**2)
        n, partials = n[partials < 0.48 * RATE], partials[partials < 0.48 * RATE]
        level = np.interp(partials, *board) + rng.normal(0, 2.5, len(n))
        level += 20 * np.log10(np.abs(np.sin(np.pi * n * strike)) + 0.05)
        level -= 12 * np.maximum(0, np.log2(90 / partials))  # a soundboard radiates little below 90 Hz
        dying = decay * np.clip(6 * (60 / f) ** 0.45, 0.25, 9) / (1 + (partials / 2500) ** 1.1)
        dying *= np.exp(rng.normal(0, 0.25, len(n)))
        unisons = 3 if pitch > 47 else 2 if pitch > 33 else 1
        detuned = np.concatenate([partials * 2 ** (c / 1200) for c in rng.normal(0, spread, unisons)])
        phase = rng.uniform(0, 2 * np.pi, len(detuned))
        attack, thump = rng.uniform(0.0008, 0.004), rng.standard_normal(int(0.12 * RATE))
        thump = np.convolve(thump * np.exp(-np.arange(len(thump)) / (0.02 * RATE)), np.ones(12) / 12, "same")
        for row, velocity in zip(bank, VELOCITIES, strict=True):
            dark = (tilt - brightness * (1 - velocity / 127)) * 0.8 * np.log2(n)
            amplitude = 10 ** ((level + dark - 4 * partials / (1500 + 60 * velocity)) / 20)
            audio = np.zeros(BANK_SECONDS * RATE)
            _strings(audio, detuned, np.tile(amplitude, unisons), np.tile(dying, unisons), phase, float(RATE))
            rise = int(RATE * attack * (1.6 - velocity / 127))
            audio[:rise] *= np.sin(np.linspace(0, np.pi / 2, rise)) ** 2
            audio[: len(thump)] += 3 * knock * np.sqrt(np.mean(audio[:4000] ** 2)) * thump
            row[key] = _finished(audio.astype(np.float32))
    return bank


def _soundboard(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and levels in dB of a random resonant board."""
    walk = np.cumsum(rng.normal(0, 1.0, 200))
    walk -= np.convolve(walk, np.ones(40) / 40, "same")
    walk *= rng.uniform(1, 4) / walk.std()
    return np.geomspace(20, 12_000, 200), walk + rng.normal(0, 1.0, 200) * rng.uniform(0, 3)


@njit(fastmath=True, cache=True)
def _strings(audio, frequency, amplitude, decay, phase, rate):
    """Add partials that fall fast (three quarters of them) and slowly (a quarter) to `audio`."""
    for j in range(len(frequency)):
        w = 2 * np.pi * frequency[j] / rate
        cos, sin, re, im = np.cos(w), np.sin(w), np.cos(phase[j]), np.sin(phase[j])
        fast, slow = 0.75 * amplitude[j], 0.25 * amplitude[j]
        fast_fall, slow_fall = np.exp(-1 / (0.35 * decay[j] * rate)), np.exp(-1 / (1.3 * decay[j] * rate))
        for t in range(len(audio)):
            audio[t] += (fast + slow) * im
            re, im = re * cos - im * sin, re * sin + im * cos
            fast *= fast_fall
            slow *= slow_fall


def _empty_bank() -> np.ndarray:
    return np.zeros((len(VELOCITIES), NMP.keys, BANK_SECONDS * RATE), np.int16)


def _finished(audio: np.ndarray) -> np.ndarray:
    """One key of a bank: from its attack on, faded out at the end, at the common level, as int16."""
    key = np.zeros(BANK_SECONDS * RATE, np.float32)
    trimmed = _from_attack(audio)[: len(key)]
    key[: len(trimmed)] = trimmed
    key[-RATE // 2 :] *= np.linspace(1, 0, RATE // 2)
    key *= 0.06 / (np.sqrt(np.mean(key[: int(0.4 * RATE)] ** 2)) + 1e-9)
    key *= min(1.0, 0.99 / (np.abs(key).max() + 1e-9))
    return (32_767 * key).astype(np.int16)


def _from_attack(audio: np.ndarray) -> np.ndarray:
    """Audio from 1 ms before it first reaches 6 % of the peak of its first 150 ms."""
    head = np.abs(audio[: int(0.15 * RATE)])
    if not head.any():
        return audio
    cut = audio[max(0, int(np.argmax(head > 0.06 * head.max())) - RATE // 1000) :].copy()
    cut[:16] *= np.linspace(0, 1, min(16, len(cut)))
    return cut


# Playing


def play(notes: Notes, keys: np.ndarray, *, rng: np.random.Generator, seconds: float = CLIP_SECONDS) -> np.ndarray:
    """Audio (samples,) of notes on a bank that is out of tune and unevenly voiced, as `rng` will have it.

    Half of the time a key that is to be struck again is let go somewhat before, as every real key must be, even
    where the notes leave it no time; most actions are heard: a soft thump as each damper falls; and on many, soft
    notes swell where loud ones strike.
    """
    cents = rng.uniform(-30, 30) + rng.normal(0, rng.uniform(0, 3), NMP.keys)
    voicing = np.interp(np.arange(NMP.keys), np.linspace(0, 87, 8), rng.normal(0, 2, 8)) + rng.normal(0, 1.2, NMP.keys)
    touch, soft = rng.uniform(0.9, 1.9), rng.uniform(0.6, 1.1) if rng.random() < 0.65 else rng.uniform(0.3, 0.7)
    lift = rng.uniform(0.03, 0.12) if rng.random() < 0.5 else 0.0
    thump = 0.06 * 10 ** (rng.uniform(-40, -14) / 20) if rng.random() < 0.7 else 0.0
    felt, again = _felt(rng), _struck_again(notes)
    damping = np.exp(rng.uniform(np.log(0.05), np.log(0.25)))
    swelling = rng.uniform(0, 0.05) if rng.random() < 0.4 else 0.0
    audio = np.zeros(int(seconds * RATE), np.float32)
    for onset, offset, pitch, velocity in zip(
        notes.onset, np.minimum(notes.offset, again - lift), notes.pitch, notes.velocity, strict=True
    ):
        key, velocity = pitch - NMP.lowest_pitch, min(max(velocity * soft, 1), 127)
        layer = int(np.clip(np.searchsorted(VELOCITIES, velocity) - 1, 0, len(VELOCITIES) - 2))
        mix = np.clip((velocity - VELOCITIES[layer]) / (VELOCITIES[layer + 1] - VELOCITIES[layer]), 0, 1)
        level = (velocity / 100) ** touch * 10 ** (voicing[key] / 20) / 32_767
        undamped = pitch >= 90  # the highest strings have no dampers
        held = max(offset - onset, 1.0 if undamped else 0.03) * RATE
        release = damping * RATE * np.clip(2 ** ((50 - pitch) / 24), 0.35, 2.5)
        ratio = 2 ** (cents[key] / 1200)
        rise = 1 + swelling * RATE * (1 - velocity / 127) ** 2
        pair = keys[layer, key], keys[layer + 1, key]
        _add_key(audio, *pair, mix, onset * RATE, ratio, rise, held, level, release)
        fallen = int(onset * RATE + held)
        if thump and not undamped and fallen < len(audio):
            audio[fallen : fallen + len(felt)] += thump * rng.uniform(0.3, 1.5) * felt[: len(audio) - fallen]
    return audio


def _struck_again(notes: Notes) -> np.ndarray:
    """When each note's key is struck again, seconds; infinity where it is not."""
    order = np.lexsort((notes.onset, notes.pitch))
    again = np.full(len(notes), np.inf)
    same = notes.pitch[order[:-1]] == notes.pitch[order[1:]]
    again[order[:-1][same]] = notes.onset[order[1:][same]]
    return again


def _felt(rng: np.random.Generator) -> np.ndarray:
    """A damper's thump: 80 ms of dull noise at the level 1."""
    noise = rng.standard_normal(int(0.08 * RATE))
    width = int(rng.integers(4, 40))
    noise = np.convolve(noise, np.ones(width) / width, "same")
    noise *= np.exp(-np.arange(len(noise)) / (rng.uniform(0.006, 0.025) * RATE))
    return (noise / np.sqrt(np.mean(noise[: RATE // 100] ** 2))).astype(np.float32)


@njit(fastmath=True, cache=True)
def _add_key(audio, soft, loud, mix, start, ratio, rise, held, level, release):
    """Add a mixture of two recorded layers, read at `ratio` by cubic interpolation.

    It swells in `rise` samples and is damped after `held`.
    """
    envelope, fall = 1.0, np.exp(-1.0 / release)
    t = int(np.ceil(start))
    place = (t - start) * ratio
    while t < len(audio):
        j = int(place)
        if j + 2 >= len(soft):
            break
        if t - start > held:
            envelope *= fall
            if envelope < 1e-3:
                break
        x, i = place - j, max(j - 1, 0)
        a = soft[i] + mix * (loud[i] - soft[i])
        b = soft[j] + mix * (loud[j] - soft[j])
        c = soft[j + 1] + mix * (loud[j + 1] - soft[j + 1])
        d = soft[j + 2] + mix * (loud[j + 2] - soft[j + 2])
        value = b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))
        swell = min(1.0, (t - start + 1) / rise)
        audio[t] += level * envelope * swell * value
        t += 1
        place += ratio


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
    drawn = rng.choice(len(pianos), size=min(2, len(pianos)), replace=False, p=shares / shares.sum())
    audio = _played(notes, [pianos[i] for i in drawn], rng)
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
    return audio.astype(np.float32), notes, pianos[drawn[0]].name


def _rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(audio**2)))


@lru_cache
def sympathetic_strings(seed: int, *, seconds: float = 4.0) -> np.ndarray:
    """How all undamped strings answer a clap, (samples,), of power 1: the pedal's halo.

    Four partials of each of the 88 strings, a little out of tune, each dying away in its own time.

    >>> bool(abs(np.sum(sympathetic_strings(0) ** 2) - 1) < 1e-6)
    True
    """
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    answer = np.zeros(len(time))
    for pitch in range(NMP.lowest_pitch, NMP.highest_pitch + 1):
        for partial in range(1, 5):
            frequency = 440 * 2 ** ((pitch - 69 + rng.normal(0, 0.03)) / 12) * partial
            if frequency < 0.45 * RATE:
                fall = rng.uniform(1.0, 8.0) * (frequency / 200) ** 0.5  # nepers a second
                wave = np.sin(2 * np.pi * frequency * time + rng.uniform(0, 2 * np.pi))
                answer += rng.normal() / partial * np.exp(-fall * time) * wave
    answer[: RATE // 50] *= np.linspace(0, 1, RATE // 50)
    return answer / np.sqrt(np.sum(answer**2))


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
        return play(notes, bank(pianos[0]), rng=rng)
    on_first = rng.random(NMP.keys)[notes.pitch - NMP.lowest_pitch] < 0.5
    seed = int(rng.integers(1 << 31))
    parts = (Notes(*(a[mask] for a in _columns(notes))) for mask in (on_first, ~on_first))
    return sum(play(part, bank(piano), rng=np.random.default_rng(seed)) for part, piano in zip(parts, pianos))


def _columns(notes: Notes) -> tuple[np.ndarray, ...]:
    return notes.onset, notes.offset, notes.pitch, notes.velocity


# Performances of (n)ASAP

LET_IN = {
    "Beethoven/Piano_Sonatas/11-2/MaximovI04.mid": "validation",
    "Beethoven/Piano_Sonatas/11-3/MaximovI05.mid": "validation",
    "Beethoven/Piano_Sonatas/15-1/ZhaoA02.mid": "test",
    "Beethoven/Piano_Sonatas/9-2_no_trio/Tysman05.mid": "test",
    "Haydn/Keyboard_Sonatas/39-2/Yarden07.mid": "validation",
    "Liszt/Transcendental_Etudes/9/ADIG07.mid": "validation",
    "Schumann/Toccata_repeat/Zhdanov06.mid": "test",
}
"""Training performances of ``asap_split.csv`` that MAESTRO keeps, and for what.

The first two are known note by note (`LET_IN_OP_22`). Of Tysman's and Yarden's sonatas ASAP names MAESTRO's file for
the movements before and after; the other three have pianist, piece and length in common with a file of MAESTRO's.
"""
LET_IN_OP_22 = ((332.0, 795.0), (798.0, 972.0))  # seconds of `maestro.full_notes("beethoven-menuetto")`


def performances(source: str | os.PathLike, split: str) -> list[Notes]:
    """The performances of one split ("train", "validation") in an archive or folder of (n)ASAP, with pedal.

    Raises
    ------
    InputError
        If the source is missing or holds none of the performances that the split names.
    """
    source = Path(source)
    names = {row["midi_performance"] for row in _split_rows() if row["split"] == split}
    if source.is_dir():
        found = {name: (source / name).read_bytes() for name in names if (source / name).exists()}
    elif source.exists():
        found = _members(source, names)
    else:
        raise InputError(f"{source}: no such file; give the path of (n)ASAP, an archive or a folder.")
    if not found:
        raise InputError(f"{source}: holds none of (n)ASAP's {split} performances; is it that dataset?")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes of no length are dropped, as everywhere
        return [read_midi(data) for _, data in sorted(found.items())]


def _members(source: Path, names: set[str]) -> dict[str, bytes]:
    try:
        with tarfile.open(source) as tar:
            return {
                member.name.removeprefix("./"): tar.extractfile(member).read()
                for member in tar
                if member.name.removeprefix("./") in names
            }
    except tarfile.TarError as problem:
        raise InputError(
            f"{source}: cannot be read as a tar archive ({_first_line(problem)}); fetch it again."
        ) from problem


def _first_line(problem: Exception) -> str:
    return str(problem).splitlines()[0].rstrip(":")


def _split_rows() -> list[dict[str, str]]:
    with SPLIT.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def derive_split(metadata: str | os.PathLike, maestro_index: str | os.PathLike) -> list[tuple[str, str]]:
    """Rows (midi_performance, split) of ``asap_split.csv``, from ASAP's ``metadata.csv`` and MAESTRO's index.

    "train" are performances that MAESTRO v3 does not have, or has for training, of pieces of which it keeps no
    performance of ASAP's for validation or test; "validation" are MAESTRO's own. Performances whose MAESTRO file
    the index does not list are left out, and so are two études that a test set outside the book plays.

    NOTE: An empty link to MAESTRO counts as "MAESTRO does not have it". It may also mean that ASAP gives no link: to
    a middle movement, or where the notes end early. So `LET_IN` came in, and perhaps more: what has an empty link
    can only be compared with MAESTRO's MIDI, and ``asap_split.csv`` was made with a copy of the index that lists 709
    of its 1,276 rows. It stays as it is, since the shipped networks learned from it. To mend it, compare the notes of
    every performance with MAESTRO's, and keep apart whole works instead of movements.
    """
    with open(maestro_index, newline="", encoding="utf-8") as file:
        of_file = {row["midi_filename"]: row["split"] for row in csv.DictReader(file)}
    with open(metadata, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    def split(row):
        name = row["maestro_midi_performance"].removeprefix("{maestro}/")
        return of_file.get(name, "unknown") if name else "train"

    kept_apart = {row["folder"] for row in rows if split(row) in ("validation", "test")}
    kept_apart |= {row["folder"] for row in rows if row["folder"].endswith(("Etudes_op_25/3", "Etudes_op_25/4"))}
    return sorted(
        (row["midi_performance"], split(row))
        for row in rows
        if split(row) == "validation" or (split(row) == "train" and row["folder"] not in kept_apart)
    )


# On the disk


@dataclass(frozen=True)
class Corpus:
    """Clips on the disk: ``features`` (clips, 5168, 309), ``note`` and ``onset`` (clips, 5168, 88), all uint8.

    They lie in one file each, as `make` writes them, or in one file for every performance, as
    `nmp_lessons.scaling.make` does.
    """

    folder: Path

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder))
        if not (self.folder / "corpus.json").exists():
            raise InputError(
                f"{self.folder}: no corpus there, or one left unfinished; make it with `nmp-lessons data`."
            )

    @cached_property
    def index(self) -> dict:
        """What the corpus was made of: "clips", "fingerprint" and more, and where each clip's notes are."""
        path = self.folder / "corpus.json"
        try:
            index = json.loads(path.read_text())
            index["clips"], index["fingerprint"]
        except (ValueError, KeyError, TypeError) as problem:
            raise InputError(f"{path}: is not the index of a corpus ({problem}); make the corpus again.") from problem
        return index

    @property
    def fingerprint(self) -> str:
        return self.index["fingerprint"]

    def __len__(self) -> int:
        return self.index["clips"]

    @cached_property
    def features(self) -> "np.ndarray | Joined":
        return self._stored("features")

    @cached_property
    def note(self) -> "np.ndarray | Joined":
        return self._stored("note")

    @cached_property
    def onset(self) -> "np.ndarray | Joined":
        return self._stored("onset")

    def _stored(self, name: str) -> "np.ndarray | Joined":
        if "pieces" in self.index:
            return Joined([self._piece(i, ".npy") for i in range(len(self.index["pieces"]))], self.index["order"], name)
        return _mapped(self.folder, name, len(self), "r")

    def _piece(self, piece: int, suffix: str) -> Path:
        return self.folder / f"{self.index['pieces'][piece]}{suffix}"

    def notes(self, clip: int) -> Notes:
        """The notes of one clip, exactly."""
        if "pieces" in self.index:
            piece, minute = self.index["order"][clip]
            rows = json.loads(self._piece(piece, ".json").read_text())["notes"][minute]
        else:
            rows = self.index["notes"][clip]
        return Notes(*np.array(rows, dtype=float).reshape(-1, 4).T)


BINS = {"features": NMP.cqt_bins, "note": NMP.keys, "onset": NMP.keys}
ROW = sum(BINS.values())  # bytes of a frame in a performance's file: features, Yn, Yo
COLUMNS = {
    name: slice(stop - BINS[name], stop)
    for name, stop in zip(BINS, np.cumsum(list(BINS.values())).tolist(), strict=True)
}


class Joined:
    """One array in many files: ``joined[clip]`` and ``joined[clip, frames]`` read no more than they give.

    Parameters
    ----------
    files
        Of each performance, uint8 (minutes, 5168, 485): features, Yn and Yo beside each other.
    order
        Of each clip its file and its place there.
    name
        "features", "note" or "onset".
    """

    def __init__(self, files: Sequence[Path], order: Sequence[tuple[int, int]], name: str):
        self._files, self._order, self._columns = files, order, COLUMNS[name]
        self.shape = (len(order), CLIP_FRAMES, BINS[name])

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, place) -> np.ndarray:
        clip, frames = place if isinstance(place, tuple) else (place, slice(None))
        piece, minute = self._order[clip]
        return _opened(self._files[piece])[minute, frames, self._columns]


@lru_cache(maxsize=256)  # each keeps a file open, and systems allow about a thousand
def _opened(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError) as problem:
        raise InputError(
            f"{path}: is missing or damaged; `nmp-lessons data maestro --check` makes it again."
        ) from problem


def _mapped(folder: Path, name: str, clips: int, mode: str) -> np.ndarray:
    path, shape = folder / f"{name}.u8", (clips, CLIP_FRAMES, BINS[name])
    if not path.exists() or path.stat().st_size < np.prod(shape):
        raise InputError(f"{path}: is missing or cut off; make the corpus again.")
    return np.memmap(path, np.uint8, mode, shape=shape)


def make(
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
    """Render clips of some performances into a folder; what is there already is kept, and goes on after a stop.

    Validation clips are worn (`worn`) and played mostly on pianos that training never hears.
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
            features, note, onset = quantised(audio, played, cqt)
            if split == "validation":
                features = worn(features, np.random.default_rng(clip_seed))
            for name, values in zip(BINS, (features, note, onset), strict=True):
                stores[name][i] = values
            with written_whole(done) as scratch:
                scratch.write_text(json.dumps(np.stack(_columns(played), axis=1).round(6).tolist()))
        rows.append(json.loads(done.read_text()))
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
    with written_whole(folder / "corpus.json") as scratch:
        scratch.write_text(json.dumps(index))
    for i in range(clips):
        (folder / f"{i}.json").unlink()
    return Corpus(folder)


def default_pianos(split: str) -> list[Piano]:
    """The pianos of a split; validation adds two that training hears, so that both show."""
    heard = [piano for piano in PIANOS if piano.name in ("salamander", "fluid-grand")]
    own = [piano for piano in PIANOS if piano.split == split]
    return own + heard if split == "validation" else own


def quantised(audio: np.ndarray, notes: Notes, cqt: CQT) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (T, 309), Yn and Yo (T, 88) of a clip as they are stored, uint8."""
    with torch.inference_mode():
        power = cqt.power(torch.from_numpy(audio)[None])[0]
    return stored_levels(power)[:CLIP_FRAMES], *stored_answers(notes, frames=CLIP_FRAMES)


def stored_levels(power: torch.Tensor) -> np.ndarray:
    """Features (T, 309) as they are stored, uint8, of the power (309, T) of a transform."""
    level = decibels(power).T.numpy()
    return np.clip(np.round(STEPS * (level - QUIETEST)), 0, 255).astype(np.uint8)


def stored_answers(notes: Notes, *, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Yn and Yo (T, 88) of some notes as they are stored, uint8."""
    answers = targets(notes, frames=frames, onset_width=ONSET_WIDTH, onset_at="time")
    return answers.note.astype(np.uint8), np.round(ONSET_STEPS * answers.onset).astype(np.uint8)


def worn(stored: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Stored features after one random filter, level and noise floor, which training adds on the fly."""
    change = FeatureAugmentation(semitones=0)
    power = 10 ** ((levels(stored) + change.curve(rng)) / 10)
    power += 10 ** (change.floor(rng) / 10) * rng.exponential(size=stored.shape)
    return np.clip(np.round(STEPS * (10 * np.log10(power + FLOOR) - QUIETEST)), 0, 255).astype(np.uint8)


def levels(stored: np.ndarray) -> np.ndarray:
    """Stored features as levels in dB, float32.

    >>> levels(np.array([0, 200], np.uint8)).tolist()
    [-100.0, 0.0]
    """
    return stored.astype(np.float32) / STEPS + QUIETEST


def _store(folder: Path, name: str, clips: int) -> np.ndarray:
    path, size = folder / f"{name}.u8", clips * CLIP_FRAMES * BINS[name]
    if not path.exists() or path.stat().st_size != size:
        with path.open("ab") as file:
            file.truncate(size)
    return _mapped(folder, name, clips, "r+")


def _sha256(folder: Path) -> str:
    found = hashlib.sha256()
    for name in BINS:
        with (folder / f"{name}.u8").open("rb") as file:
            while block := file.read(1 << 24):
                found.update(block)
    return found.hexdigest()


def _progress(items, shown: bool, label: str):
    from tqdm import tqdm

    return tqdm(items, desc=label, disable=not shown)
