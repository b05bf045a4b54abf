"""A piano that plays notes, made from recorded notes.

The recordings are those of the Salamander Grand Piano V3 (Alexander Holm, CC BY 3.0): every third key of a
Yamaha C5, here in six of its sixteen velocity layers. Every key uses the nearest recorded one, transposed
by at most one semitone. Between layers, the level follows the velocity. When a note ends, the damper falls and
the string decays within a few tenths of a second; above F6 a piano has no dampers, and the strings go on sounding.

Each recorded note is cut so that its attack, the moment when it first reaches a tenth of its peak, falls exactly on
the onset of the note, so labels need no correction. Rendering is deterministic, sample by sample.

On first use, the recordings are downloaded and prepared for all 88 keys, as one memory-mapped table in the cache.

Chapter: ``book/sound.md``.
"""

import hashlib
import io
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from .. import fetch
from ..constants import NMP
from ..errors import InputError
from ..files import made_folder, member_bytes
from ..notes.note_list import VELOCITY, Notes
from ..notes.pitch import pitch_name, pitch_number
from .recording import Recording

PREPARATION = 1  # raise it when a change of code changes the piano, so that the cache is rebuilt
CREDIT = "Salamander Grand Piano V3 by Alexander Holm, CC BY 3.0"
LAYERS = {1: 20, 4: 40, 7: 54, 10: 77, 13: 101, 16: 127}  # Salamander's layer: the velocity it stands for
RECORDED_EVERY = 3  # semitones
ATTACK_LEVEL = 0.1  # of the peak: the moment that counts as the onset
ATTACK_SPAN = 0.25  # seconds in which the peak of the attack is sought
PRE_ROLL = 0.002  # seconds kept before the onset, faded in
LEVEL_SPAN = 0.4  # seconds over which the level of a recorded note is measured
LONGEST = 16.0  # seconds kept of a note
QUIETEST = 1e-3  # of the peak: where a note is over
LAST_DAMPED = 89  # F6; the strings above have no dampers
DAMPING = (0.060, 0.030)  # seconds in which a damped string falls to 1/e, for the lowest and the highest damper
DAMPED_SPAN = 8  # such times until a damped note is over
HEADROOM = 0.4  # leaves room for many notes at once


@dataclass(frozen=True)
class _Table:
    """The prepared notes of all keys and layers.

    ``samples[start[l, k] : start[l, k] + length[l, k]]`` is layer l of key k, scaled to 16 bits;
    ``scale[l, k]`` brings it to the even level of its key. ``layer[v]`` plays velocity v, with the further
    factor ``gain[v]``.
    """

    samples: np.ndarray  # int16, mapped from the disk
    start: np.ndarray
    length: np.ndarray
    scale: np.ndarray
    layer: np.ndarray  # (128,)
    gain: np.ndarray  # (128,)


def render(notes: Notes, *, rate: int = NMP.sample_rate, seconds: float | None = None) -> Recording:
    """Play notes on the recorded piano.

    Parameters
    ----------
    notes : Notes
        With the sustain pedal already applied to the offsets (`read_midi` does so).
    rate : int
        Sample rate of the result in Hz. The piano itself is kept at 22,050 Hz.
    seconds : float, optional
        Length of the result; by default until the last note has died away.

    Returns
    -------
    Recording
        With its notes. The same notes give the same samples, bit for bit. Levels are as played, except that music whose
        peak would exceed full scale is turned down as a whole.

    Raises
    ------
    InputError
        If there are no notes and `seconds` is not given.
    """
    if not len(notes) and seconds is None:
        raise InputError(
            "there are no notes to play; give at least one note, or the number of seconds of silence you want."
        )
    table = _table()
    durations = notes.offset - notes.onset
    pieces = [_piece(table, *note) for note in zip(notes.pitch, notes.velocity, durations, strict=True)]
    starts = [round((onset - PRE_ROLL) * NMP.sample_rate) for onset in notes.onset]
    ends = [start + length for start, (_, length, _, _) in zip(starts, pieces, strict=True)]
    total = max(ends, default=0) if seconds is None else round(seconds * NMP.sample_rate)
    audio = np.zeros(total, dtype=np.float32)
    for start, piece in zip(starts, pieces, strict=True):
        _add(audio, start, table.samples, *piece)
    peak = np.abs(audio).max(initial=0)
    if peak > 1:
        audio /= peak
    return Recording(audio, NMP.sample_rate, licence=CREDIT, notes=notes).resampled(rate)


def note(name: str | int, *, seconds: float = 3.0, velocity: int = VELOCITY) -> Recording:
    """One note of the piano, by name or MIDI number, held for some seconds.

    >>> note("A2", seconds=1.0).title
    'A2'
    """
    pitch = pitch_number(name) if isinstance(name, str) else int(name)
    played = render(Notes([0.0], [seconds], [pitch], [velocity]), seconds=seconds)
    return Recording(played.audio, played.rate, title=pitch_name(pitch), licence=CREDIT, notes=played.notes)


def _piece(table: _Table, pitch: int, velocity: int, seconds: float) -> tuple[int, int, np.float32, np.ndarray]:
    """First sample in the table, length, gain, and the damper's curve for the last samples of that length."""
    layer, key = table.layer[velocity], pitch - NMP.lowest_pitch
    length = int(table.length[layer, key])
    held = min(length, round((seconds + PRE_ROLL) * NMP.sample_rate))
    damper = _damper(int(pitch))[: length - held]
    if len(damper):
        length = held + len(damper)
    gain = np.float32(table.scale[layer, key] * table.gain[velocity])
    return int(table.start[layer, key]), length, gain, damper


@cache
def _damper(pitch: int) -> np.ndarray:
    """Gain after the damper has fallen, float32; empty where there is no damper."""
    if pitch > LAST_DAMPED:
        return np.zeros(0, dtype=np.float32)
    low, high = DAMPING
    decay = low + (high - low) * (pitch - NMP.lowest_pitch) / (LAST_DAMPED - NMP.lowest_pitch)
    times = np.arange(round(DAMPED_SPAN * decay * NMP.sample_rate)) / NMP.sample_rate
    return np.exp(-times / decay).astype(np.float32)


def _add(audio, start: int, samples, first: int, length: int, gain: np.float32, damper) -> None:
    """Add one note to `audio` in place; what lies outside is discarded."""
    before = max(0, -start)
    stop = min(length, len(audio) - start)
    if stop <= before:
        return
    sound = samples[first + before : first + stop] * gain
    damped_from = max(length - len(damper), before)
    if stop > damped_from:
        skipped = damped_from - (length - len(damper))
        sound[damped_from - before :] *= damper[skipped : skipped + stop - damped_from]
    audio[start + before : start + stop] += sound


# The table


@cache
def _table() -> _Table:
    folder = made_folder(fetch.cache_dir() / f"piano-{fingerprint()}", _build)
    index = np.load(folder / "index.npz")
    samples = np.load(folder / "samples.npy", mmap_mode="r")
    return _Table(samples, index["start"], index["length"], index["scale"], index["layer"], index["gain"])


@cache
def fingerprint() -> str:
    """Twelve characters for what the sound depends on: the version of its preparation, and the recordings."""
    parts = [str(PREPARATION), *(fetch.SALAMANDER[layer].sha256 for layer in LAYERS)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def _build(folder: Path) -> None:
    """Prepare all keys and layers, in an empty folder."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        recorded = [pool.submit(_recorded_layer, layer) for layer in LAYERS]
        prepared = [pool.submit(_prepared, layer.result(), key) for layer in recorded for key in range(NMP.keys)]
        entries = [entry.result() for entry in prepared]  # layer by layer, key by key
    shape = (len(LAYERS), NMP.keys)
    peaks = np.array([peak for _, peak, _ in entries]).reshape(shape)
    levels = np.array([level for _, _, level in entries]).reshape(shape)
    lengths = np.array([len(samples) for samples, _, _ in entries])
    even = levels.mean(axis=0) + (levels - levels.mean(axis=0)).mean(axis=1, keepdims=True)  # (layers, keys)
    layer, gain = _velocities(even[:, 0])
    np.save(folder / "samples.npy", np.concatenate([samples for samples, _, _ in entries]))
    np.savez(
        folder / "index.npz",
        start=(np.cumsum(lengths) - lengths).reshape(shape),
        length=lengths.reshape(shape),
        scale=HEADROOM * peaks * 10 ** ((even - levels) / 20) / 32767,
        layer=layer,
        gain=gain,
    )


def _velocities(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each velocity the nearest layer, and the gain that puts it on the line between the layers' levels."""
    at = np.array(list(LAYERS.values()))
    velocity = np.arange(128)
    layer = np.abs(velocity[:, None] - at).argmin(axis=1)
    below = levels[0] - (levels[1] - levels[0]) / (at[1] - at[0]) * (at[0] - velocity)
    wanted = np.where(velocity < at[0], below, np.interp(velocity, at, levels))
    return layer, 10 ** ((wanted - levels[layer]) / 20)


def _recorded_layer(layer: int) -> dict[int, tuple[np.ndarray, int]]:
    """Audio and rate of each recorded key of one layer.

    Only the left of the two microphones is used: around C5 they pick up the fundamental in opposite phase, so
    their mean would weaken it by ten decibels.
    """
    names = {f"package/audio/{_file_name(key)}v{layer}.ogg": key for key in range(0, NMP.keys, RECORDED_EVERY)}
    found = {}
    with tarfile.open(fetch.archive(fetch.SALAMANDER[layer])) as tar:
        for member in tar:
            if member.name in names:
                audio, rate = soundfile.read(io.BytesIO(member_bytes(tar, member)), dtype="float32")
                found[names[member.name]] = (audio[: round(1.1 * LONGEST * rate), 0], rate)
    return found


def _file_name(key: int) -> str:
    return pitch_name(key + NMP.lowest_pitch).replace("♯", "#")


def _prepared(recorded: dict[int, tuple[np.ndarray, int]], key: int) -> tuple[np.ndarray, float, float]:
    """One key of one layer: 16-bit samples, the peak they stand for, and the level of the attack in dB."""
    nearest = RECORDED_EVERY * round(key / RECORDED_EVERY)
    audio, rate = recorded[nearest]
    ratio = 2 ** ((key - nearest) / 12)
    audio = soxr.resample(audio, rate * ratio, NMP.sample_rate, quality="VHQ")
    attack = np.abs(audio[: round(ATTACK_SPAN * NMP.sample_rate)])
    onset = int(np.argmax(attack >= ATTACK_LEVEL * attack.max()))
    pre_roll = round(PRE_ROLL * NMP.sample_rate)
    audio = np.concatenate([np.zeros(pre_roll, dtype=np.float32), audio])[onset:]  # the onset is at `pre_roll`
    audio[:pre_roll] *= np.linspace(0, 1, pre_roll, endpoint=False, dtype=np.float32)
    level = 10 * np.log10(np.mean(audio[pre_roll : round(LEVEL_SPAN * NMP.sample_rate)] ** 2))
    audio = _faded_out(audio)
    peak = float(np.abs(audio).max())
    return np.round(audio / peak * 32767).astype(np.int16), peak, float(level)


def _faded_out(audio: np.ndarray) -> np.ndarray:
    """The note up to where it vanishes in the noise of its recording, with its last quarter faded out."""
    block = NMP.sample_rate // 20
    blocks = audio[: len(audio) // block * block].reshape(-1, block)
    envelope = np.sqrt(np.mean(blocks**2, axis=1))
    noise = np.sort(envelope)[: max(1, len(envelope) // 10)].mean()
    heard = np.flatnonzero(envelope > max(2 * noise, QUIETEST * envelope.max()))
    end = min((heard[-1] + 1) * block, round(LONGEST * NMP.sample_rate))
    fade = end // 4
    audio = audio[:end].copy()
    audio[end - fade :] *= (0.5 + 0.5 * np.cos(np.pi * np.arange(fade) / fade)).astype(np.float32)
    return audio
