"""Many pianos: recorded, from soundfonts, and synthetic, for training on more than one instrument.

- the recorded notes of the Salamander Grand Piano (CC BY 3.0), by its left, its right, or both microphones;
- soundfonts with clear licences, sampled key by key through `fluidsynth`;
- imaginary pianos: stiff strings with random partials, decays, unisons and hammers (`string_piano`).

Every piano is a *bank*: keys recorded at seven velocities, int16 (7, 88, samples) at 22,050 Hz. Each is cut to
begin with its attack, so that labels are right, and has the same level, so that a velocity means the same on all.
"""

import io
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import mido
import numpy as np
import soundfile
import soxr
from numba import njit

from ..constants import NMP
from ..errors import InputError
from ..fetch import SALAMANDER, archive, cache_dir
from ..files import atomic_write, member_bytes
from ..notes.note_list import Notes
from .piano import CREDIT, LAST_DAMPED

RATE = NMP.sample_rate
VELOCITIES = np.array([20, 40, 57, 77, 92, 108, 124])
BANK_SECONDS = 6


@dataclass(frozen=True)
class Piano:
    """One instrument: where its sound comes from, how often it is drawn, and under which licence."""

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
PIANOS = (
    Piano("salamander", "salamander", "both", share=2.0, licence=CREDIT),
    Piano("salamander-left", "salamander", "left", share=1.5, licence=CREDIT),
    Piano("salamander-right", "salamander", "right", share=1.5, licence=CREDIT),
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
SALAMANDER_LAYERS = (1, 4, 8, 10, 12, 14, 16)  # one for each of VELOCITIES


def bank(piano: Piano) -> np.ndarray:
    """The keys of a piano, int16 (7 velocities, 88 keys, samples), made once and memory-mapped from the cache."""
    path = cache_dir() / "banks" / f"{piano.name}.npy"
    try:
        return np.load(path, mmap_mode="r")
    except (FileNotFoundError, ValueError):  # not made yet, or cut off
        keys = _rendered(piano)
        with atomic_write(path) as scratch:
            np.save(scratch, keys)
    return np.load(path, mmap_mode="r")


def _rendered(piano: Piano) -> np.ndarray:
    match piano.kind, piano.source:
        case "salamander", str(side):
            return _salamander_bank(side)
        case "soundfont", str(font):
            return _soundfont_bank(font, piano.program)
        case "strings", int(seed):
            return string_piano(seed)
    raise InputError(
        f"{piano.name}: kind {piano.kind!r} with source {piano.source!r} is unknown; choose a piano from PIANOS."
    )


def _salamander_bank(side: str) -> np.ndarray:
    bank = _empty_bank()
    for row, layer in zip(bank, SALAMANDER_LAYERS, strict=True):
        recorded = _recorded_keys(archive(SALAMANDER[layer]))
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
                recorded[pitch] = soundfile.read(io.BytesIO(member_bytes(tar, member)), dtype="float32")
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
                raise InputError(
                    f"{path}: fluidsynth couldn't play it ({done.stderr.strip()[-200:]}); install the soundfont again."
                )
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
            f"{font}: this soundfont or fluidsynth wasn't found; on Debian, apt install fluidsynth {DEBIAN[font]}, "
            "or choose pianos without soundfonts with --pianos."
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
    """An imaginary piano, as a bank: 88 stiff strings struck by a random hammer, on a random soundboard.

    The partials of a stiff string lie at n · f · sqrt(1 + B n²). The hammer doesn't excite those that have a node where
    it strikes. Each decays fast at first and then slowly, up to three unisons beat, and loud notes are brighter.
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


def play(notes: Notes, keys: np.ndarray, *, rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Audio (samples,) of notes played on a bank that `rng` puts out of tune and voices unevenly.

    Half of the time, a key that will be struck again is released a little earlier, as every real key must be, even
    if the notes leave no time for it. Most actions are audible, with a soft thump as each damper falls, and on many
    pianos soft notes swell where loud ones have a sharp attack.
    """
    cents = rng.uniform(-30, 30) + rng.normal(0, rng.uniform(0, 3), NMP.keys)
    voicing = np.interp(np.arange(NMP.keys), np.linspace(0, 87, 8), rng.normal(0, 2, 8)) + rng.normal(0, 1.2, NMP.keys)
    touch, soft = rng.uniform(0.9, 1.9), rng.uniform(0.6, 1.1) if rng.random() < 0.65 else rng.uniform(0.3, 0.7)
    lift = rng.uniform(0.03, 0.12) if rng.random() < 0.5 else 0.0
    thump = 0.06 * 10 ** (rng.uniform(-40, -14) / 20) if rng.random() < 0.7 else 0.0
    damper, again = _damper_noise(rng), _struck_again(notes)
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
        undamped = pitch > LAST_DAMPED
        held = max(offset - onset, 1.0 if undamped else 0.03) * RATE
        release = damping * RATE * np.clip(2 ** ((50 - pitch) / 24), 0.35, 2.5)
        ratio = 2 ** (cents[key] / 1200)
        rise = 1 + swelling * RATE * (1 - velocity / 127) ** 2
        pair = keys[layer, key], keys[layer + 1, key]
        _add_key(audio, *pair, mix, onset * RATE, ratio, rise, held, level, release)
        fallen = int(onset * RATE + held)
        if thump and not undamped and fallen < len(audio):
            audio[fallen : fallen + len(damper)] += thump * rng.uniform(0.3, 1.5) * damper[: len(audio) - fallen]
    return audio


def _struck_again(notes: Notes) -> np.ndarray:
    """The time in seconds at which each note's key is struck again; infinity if it isn't."""
    order = np.lexsort((notes.onset, notes.pitch))
    again = np.full(len(notes), np.inf)
    same = notes.pitch[order[:-1]] == notes.pitch[order[1:]]
    again[order[:-1][same]] = notes.onset[order[1:][same]]
    return again


def _damper_noise(rng: np.random.Generator) -> np.ndarray:
    """A damper's thump: 80 ms of dull noise at level 1."""
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


@lru_cache
def sympathetic_strings(seed: int, *, seconds: float = 4.0) -> np.ndarray:
    """Impulse response of all undamped strings, (samples,), of power 1: the pedal's halo.

    It contains four partials of each of the 88 strings, a little out of tune, each with its own decay time.

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
