"""Augmentation: what must not matter to a transcriber, and what must matter in a known way.

Chapter ``augmentation``. A change of the recording is *invariant* if the labels stay as they are (noise,
gain, equalisation, a room), *equivariant* if the labels change in a known way (delay, transposition, playing
faster, mixing), and *breaking* if no change of the labels alone makes them true again: a note with its middle
masked sounds like two notes, or like one if it had died away by then. `EFFECT` names which is which
(eq-invariant, eq-equivariant), and the tests hold each to it.

Two forms, for two purposes:

- on recordings (`Recording` in, `Recording` out, labels in `notes`), to be heard and to train on;
- on features, batched (`FeatureAugmentation`), cheap enough for every training step: a filter adds decibels
  to bins, noise adds power, a transposition by s semitones shifts all bins by 3 · s.

Conventions: levels in dB; `rng` is a NumPy generator, so that one seed gives one result; features are
(batch, frames, 309) on the fixed scale (dB + 90) / 60.

Sources: Bittner et al., ICASSP 2022 (noise, equalisation, reverb); Zhang et al., "mixup", ICLR 2018.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import librosa
import numpy as np
import torch
from scipy.signal import oaconvolve

from .constants import NMP
from .cqt import CQT, normalised_log_fixed
from .errors import InputError
from .model import Heads
from .notes import Notes
from .sound import Recording

#: What each change does to the labels: nothing, something known, or something that labels cannot tell.
EFFECT = {
    "white_noise": "invariant",
    "equalise": "invariant",
    "low_pass": "invariant",
    "gain": "invariant",
    "reverberate": "invariant",
    "interfere": "invariant",
    "delay": "equivariant",
    "transpose": "equivariant",
    "faster": "equivariant",
    "mixup": "equivariant",
    "mask_time": "breaking",
}

BANDS = ((0, 250), (250, 1000), (1000, 3000), (3000, np.inf))  # Hz
FADING = (1.2, 1.0, 0.8, 0.5)  # reverberation time of each band, as a share of the middle ones'
DECAY_DB = 60  # what "reverberation time" means: the level has fallen by 60 dB


# Invariant


def white_noise(recording: Recording, *, ratio: float, rng: np.random.Generator) -> Recording:
    """Add white noise, `ratio` dB below the recording's own mean power (eq-snr)."""
    return interfere(recording, rng.standard_normal(len(recording.audio)), ratio=ratio)


def interfere(recording: Recording, waveform: np.ndarray, *, ratio: float) -> Recording:
    """Add a waveform that is none of the network's business, `ratio` dB below the recording.

    It is repeated or cut to the recording's length. The labels stay: what interferes is not transcribed.
    """
    waveform = np.asarray(waveform, dtype=np.float64)
    if waveform.ndim != 1 or not len(waveform) or not np.isfinite(ratio):
        raise InputError("interference: give a waveform of at least one sample and a ratio in dB.")
    other = np.resize(waveform, len(recording.audio))
    power = _power(other)
    scale = np.sqrt(_power(recording.audio) / power * 10 ** (-ratio / 10)) if power > 0 else 0.0
    return _with_audio(recording, recording.audio + scale * other)


def equalise(recording: Recording, frequencies, levels) -> Recording:
    """A filter with the given levels in dB at the given frequencies in Hz (eq-eq).

    Between them it is straight over the octaves. It has zero phase, so nothing moves in time.

    >>> tone = Recording(np.sin(0.2 * np.arange(4096)).astype(np.float32), 22_050)
    >>> halved = equalise(tone, [100.0, 1000.0], [-6.0206, -6.0206])
    >>> round(float(np.abs(halved.audio).max() / np.abs(tone.audio).max()), 3)
    0.5
    """
    frequencies, levels = np.asarray(frequencies, float), np.asarray(levels, float)
    ascending = (frequencies > 0).all() and (np.diff(frequencies) > 0).all()
    if frequencies.shape != levels.shape or not ascending:
        raise InputError("equaliser: give ascending frequencies above 0 Hz and one level in dB for each.")
    spectrum = np.fft.rfft(recording.audio)
    at = np.fft.rfftfreq(len(recording.audio), 1 / recording.rate)
    curve = np.interp(np.log2(np.maximum(at, 1.0)), np.log2(frequencies), levels)
    return _with_audio(recording, np.fft.irfft(spectrum * 10 ** (curve / 20), len(recording.audio)))


def random_equaliser(rng: np.random.Generator, *, spread: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies an octave apart from 40 Hz, and normal levels of `spread` dB, for `equalise`."""
    frequencies = 40.0 * 2 ** np.arange(9)
    return frequencies, rng.normal(0, spread, len(frequencies))


def low_pass(recording: Recording, cutoff: float, *, slope: float = 120.0) -> Recording:
    """Let pass what is below `cutoff` Hz; above it the level falls by `slope` dB an octave."""
    return equalise(recording, [cutoff, 2 * cutoff], [0.0, -slope])


def gain(recording: Recording, decibels: float) -> Recording:
    """Louder or softer by some decibels; what would clip is limited to ±1."""
    return _with_audio(recording, recording.audio * 10 ** (decibels / 20))


def room(
    rng: np.random.Generator,
    *,
    reverberation: float = 1.0,
    direct: float = 6.0,
    rate: int = NMP.sample_rate,
    delay: float = 0.01,
) -> np.ndarray:
    """The answer of a synthetic room to one clap, (samples,): the clap itself, then noise that dies away.

    Parameters
    ----------
    rng
        Draws the room.
    reverberation
        Seconds in which the middle frequencies fall by 60 dB; higher ones fall faster.
    direct
        dB by which the direct sound outweighs all the rest: large for a near microphone.
    rate
        Hz.
    delay
        Seconds between the direct sound and the first answer.
    """
    if not 0 < reverberation <= 20 or rate <= 0 or delay < 0:
        raise InputError(f"room: reverberation={reverberation}, delay={delay}; give seconds, at most 20.")
    samples = int(rate * (1.1 * reverberation + delay)) + 1
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequencies = np.fft.rfftfreq(samples, 1 / rate)
    time = np.arange(samples) / rate
    tail = np.zeros(samples)
    for (low, high), ratio in zip(BANDS, FADING, strict=True):
        band = np.fft.irfft(spectrum * ((frequencies >= low) & (frequencies < high)), samples)
        tail += band * 10 ** (-DECAY_DB / 20 * time / (reverberation * ratio))
    tail = np.roll(tail, int(delay * rate))
    tail[: int(delay * rate)] = 0
    tail *= np.sqrt(10 ** (-direct / 10) / max(np.sum(tail**2), 1e-20))
    tail[0] += 1.0
    return tail


def reverberate(recording: Recording, response: np.ndarray) -> Recording:
    """The recording as it sounds in a room (`room`), at its old power, cut at its old end (eq-reverb)."""
    wet = oaconvolve(recording.audio.astype(np.float64), response)[: len(recording.audio)]
    power = _power(wet)
    return _with_audio(recording, wet * np.sqrt(_power(recording.audio) / power) if power > 0 else wet)


# Irrelevant waveforms, all (samples,)


def hum(seconds: float, *, frequency: float = 50.0, rate: int = NMP.sample_rate) -> np.ndarray:
    """A mains hum: a tone and its odd partials."""
    time = np.arange(int(seconds * rate)) / rate
    return sum(np.sin(2 * np.pi * frequency * n * time) / n for n in (1, 3, 5, 7))


def sweep(seconds: float, *, low: float = 100.0, high: float = 4000.0, rate: int = NMP.sample_rate) -> np.ndarray:
    """A tone that glides up, the same number of octaves in every second."""
    time = np.arange(int(seconds * rate)) / rate
    octaves = np.log2(high / low) / seconds
    return np.sin(2 * np.pi * low * (2 ** (octaves * time) - 1) / (octaves * np.log(2)))


def babble(seconds: float, *, rng: np.random.Generator, rate: int = NMP.sample_rate) -> np.ndarray:
    """Noise with the spectrum and the syllables of speech, and no words: four per second, below 4 kHz."""
    samples = int(seconds * rate)
    frequencies = np.fft.rfftfreq(samples, 1 / rate)
    tilt = 1 / (1 + (frequencies / 500) ** 2) * (frequencies > 80) * (frequencies < 4000)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * tilt, samples)
    turns = rng.random(int(8 * seconds) + 2)  # louder and softer, eight turns a second
    loudness = np.interp(8 * np.arange(samples) / rate, np.arange(len(turns)), turns)
    return noise * loudness**2


# Equivariant


def delay(recording: Recording, seconds: float) -> Recording:
    """The recording after some silence, its labels as much later; it grows longer by that (eq-delay).

    >>> later = delay(Recording([1.0, 0.5], 2, notes=Notes([0.5], [1.0], [60])), 1.0)
    >>> later.audio.tolist(), later.notes.intervals.tolist()
    ([0.0, 0.0, 1.0, 0.5], [[1.5, 2.0]])
    """
    if not 0 <= seconds < np.inf:
        raise InputError(f"delay of {seconds} s: give a time from 0 on.")
    audio = np.pad(recording.audio, (int(np.round(seconds * recording.rate)), 0))
    notes = None if recording.notes is None else recording.notes.shifted(seconds)
    return replace(_with_audio(recording, audio), notes=notes)


def transpose(recording: Recording, semitones: int) -> Recording:
    """Higher by some semitones, audio and labels, at the same speed (a phase vocoder).

    Notes that would leave the piano lose their label; so choose recordings that have none near the ends.
    """
    audio = librosa.effects.pitch_shift(recording.audio, sr=recording.rate, n_steps=semitones)
    return replace(_with_audio(recording, audio), notes=_transposed(recording.notes, semitones))


def faster(recording: Recording, ratio: float) -> Recording:
    """Played `ratio` times as fast, like a tape (eq-tape).

    Everything is higher by 12 · log2(ratio) semitones, too. The labels follow exactly when that is a whole
    number of semitones, ratio = 2^(s/12); other ratios are refused.
    """
    semitones = 12 * np.log2(ratio) if ratio > 0 else np.nan
    if not abs(semitones - np.round(semitones)) < 0.01:
        raise InputError(f"ratio={ratio}: give 2^(s/12) with a whole number s of semitones, such as 1.0595.")
    audio = librosa.resample(recording.audio, orig_sr=recording.rate, target_sr=recording.rate / ratio)
    notes = _transposed(recording.notes, int(np.round(semitones)))
    if notes is not None:
        notes = replace(notes, onset=notes.onset / ratio, offset=notes.offset / ratio)
    return replace(_with_audio(recording, audio), notes=notes)


def mixup(first: Recording, second: Recording, weight: float) -> tuple[Recording, np.ndarray]:
    """weight · first + (1 − weight) · second, over the shorter one's length (eq-mixup).

    Both performances are really there, so the labels are the notes of both (eq-mixup-union). The second value
    holds, for each of these notes in order, its share of the mixture (`weight` or 1 − `weight`): mixup's soft
    labels (eq-mixup-soft).
    """
    if first.rate != second.rate or not 0 <= weight <= 1:
        raise InputError("mixup: give two recordings of one rate and a weight from 0 to 1.")
    samples = min(len(first.audio), len(second.audio))
    audio = weight * first.audio[:samples] + (1 - weight) * second.audio[:samples]
    parts = [
        (recording.notes.between(0, samples / first.rate), share)
        for recording, share in ((first, weight), (second, 1 - weight))
        if recording.notes is not None
    ]
    if not parts:
        return _with_audio(first, audio), np.zeros(0)
    names = ("onset", "offset", "pitch", "velocity")
    columns = [np.concatenate([getattr(notes, name) for notes, _ in parts]) for name in names]
    shares = np.concatenate([np.full(len(notes), share) for notes, share in parts])
    order = np.lexsort((columns[2], columns[0]))
    return replace(_with_audio(first, audio), notes=Notes(*columns)), shares[order]


# Breaking: the non-example


def mask_time(recording: Recording, start: float, stop: float, *, fade: float = 0.005) -> Recording:
    """Silence from `start` to `stop`, with short fades. The labels are left as they were, and are now wrong.

    A note that sounds on through the mask ends and begins again: two notes to any ear, one in the labels.
    `split_by_mask` tells what a listener would write down.
    """
    _check_span(recording, start, stop)
    time = np.arange(len(recording.audio)) / recording.rate
    outside = np.clip((start - time) / fade + 1, 0, 1) + np.clip((time - stop) / fade + 1, 0, 1)
    return _with_audio(recording, recording.audio * np.minimum(outside, 1))


def split_by_mask(notes: Notes, start: float, stop: float) -> Notes:
    """What a listener would write down of masked notes that are still heard: cut at the mask, and begun anew.

    Of a note that has died away before the mask ends a listener hears no second part; labels cannot tell.

    >>> split_by_mask(Notes([0.0], [3.0], [60]), 1.0, 2.0).intervals.tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    before, after = notes.onset < start, notes.offset > stop
    columns = [
        np.concatenate([notes.onset[before], np.maximum(notes.onset[after], stop)]),
        np.concatenate([np.minimum(notes.offset[before], start), notes.offset[after]]),
        np.concatenate([notes.pitch[before], notes.pitch[after]]),
        np.concatenate([notes.velocity[before], notes.velocity[after]]),
    ]
    return Notes(*columns)


# On features, in batches


@dataclass(frozen=True)
class FeatureAugmentation:
    """Random changes of a batch of features and its targets, each example for itself.

    Parameters
    ----------
    semitones
        Greatest transposition, both ways; 0 for none. What comes in at the ends is silence.
    equaliser
        Spread in dB of a smooth curve over the bins; 0 switches roughness, tilt and bass off as well.
    level
        Greatest change of level in dB, both ways.
    dark
        Chance of a fall of up to 7 dB an octave above some middle frequency: a far microphone, a soft hammer.
    cutoff
        Chance of a low-pass between 6.4 and 8.4 kHz.
    noise
        Level range in dB of a noise floor; None for none.
    interference
        Chance of an irrelevant waveform (`irrelevant_levels`), from as loud as the music to 30 dB below.
    mixup
        Chance that another example of the batch sounds along, up to 12 dB softer; its labels count too.

    Examples
    --------
    >>> features, zeros = torch.ones(2, 5, 309), torch.zeros(2, 5, 88)
    >>> labels = Heads(torch.zeros(2, 5, 264), zeros, zeros)
    >>> changed, labels = FeatureAugmentation()(features, labels, rng=np.random.default_rng(0))
    >>> tuple(changed.shape), bool((changed != features).all())
    ((2, 5, 309), True)
    """

    semitones: int = 6
    equaliser: float = 3.5
    level: float = 12.0
    dark: float = 0.6
    cutoff: float = 0.5
    noise: tuple[float, float] | None = (-85.0, -28.0)
    interference: float = 0.0
    mixup: float = 0.0

    def __call__(
        self, features: torch.Tensor, targets: Heads, *, rng: np.random.Generator
    ) -> tuple[torch.Tensor, Heads]:
        """Changed features and targets, of the same shapes."""
        batch, _, bins = features.shape
        if self.semitones:
            by = rng.integers(-self.semitones, self.semitones + 1, batch)
            features, targets = transposed(features, targets, by)
        if self.mixup:
            features, targets = _mixed(features, targets, rng, chance=self.mixup)
        if self.interference:
            features = _disturbed(features, rng, chance=self.interference)
        curves = np.stack([self.curve(rng, bins) for _ in range(batch)])
        floors = np.stack([self.floor(rng, bins) for _ in range(batch)])
        uniform = rng.random(features.shape, dtype=np.float32)
        drawn = (torch.from_numpy(array).to(features) for array in (curves, floors, uniform))
        return coloured(features, *drawn), targets

    def curve(self, rng: np.random.Generator, bins: int = NMP.cqt_bins) -> np.ndarray:
        """One random filter, in dB for each bin: level, smooth curve, roughness, tilt, bass, low-pass."""
        octave = np.arange(bins) / NMP.bins_per_octave
        curve = rng.uniform(-self.level, self.level) + rng.normal(0, self.equaliser, 8) @ _knots(octave)
        if self.equaliser:
            curve = curve + rng.uniform(0, 1.5) * rng.standard_normal(bins)
            if rng.random() < self.dark:
                curve = curve + rng.uniform(-7, 0) * np.maximum(0, octave - rng.uniform(3, 5))
            else:
                curve = curve + rng.uniform(-1.5, 1.0) * (octave - 4)
            if rng.random() < 0.6:  # little bass
                curve = curve - rng.uniform(4, 24) * np.maximum(0, rng.uniform(0.2, 2.2) - octave)
        if rng.random() < self.cutoff:
            edge = rng.uniform(7.86, 8.25)  # octaves above A0: 6.4 to 8.4 kHz
            curve = curve - np.clip(900 * (octave - edge), 0, 90)
        return curve

    def floor(self, rng: np.random.Generator, bins: int = NMP.cqt_bins) -> np.ndarray:
        """One random noise floor, in dB for each bin, most often falling with frequency; −200 is none."""
        if self.noise is None:
            return np.full(bins, -200.0)
        octave = np.arange(bins) / NMP.bins_per_octave
        return rng.uniform(*self.noise) + rng.uniform(-8.0, 1.0) * (octave - 4)


def _mixed(features: torch.Tensor, targets: Heads, rng, *, chance: float) -> tuple[torch.Tensor, Heads]:
    """Each example with some chance joined by the one before it; powers add, the higher label holds."""
    softer = rng.uniform(0, 12, len(features)).astype(np.float32)
    softer[rng.random(len(features)) >= chance] = np.inf
    joined = _added(features, features.roll(1, 0), torch.from_numpy(-softer).to(features))
    present = torch.from_numpy(np.isfinite(softer)).to(features.device)[:, None, None]
    both = (None if y is None else torch.where(present, torch.maximum(y, y.roll(1, 0)), y) for y in targets)
    return joined, Heads(*both)


def _disturbed(features: torch.Tensor, rng, *, chance: float) -> torch.Tensor:
    """Each example with some chance disturbed by a stretch of an irrelevant waveform; the labels stay."""
    others, frames = irrelevant_levels(), features.shape[1]
    drawn = rng.integers(len(others), size=len(features))
    starts = rng.integers(others.shape[1], size=len(features))
    softer = rng.uniform(0, 30, len(features)).astype(np.float32)
    softer[rng.random(len(features)) >= chance] = np.inf
    rows = (starts[:, None] + np.arange(frames)) % others.shape[1]
    other = torch.from_numpy(others[drawn[:, None], rows]).to(features)
    loudest = [x.flatten(1).amax(1) for x in (features, other)]
    return _added(features, other, 60 * (loudest[0] - loudest[1]) - torch.from_numpy(softer).to(features))


def _added(features: torch.Tensor, other: torch.Tensor, decibels: torch.Tensor) -> torch.Tensor:
    """The powers of both, the other louder by some decibels for each example."""
    nepers = np.log(10) / 10
    level = torch.exp((60 * other - 90 + decibels[:, None, None]) * nepers)
    return (torch.log(torch.exp((60 * features - 90) * nepers) + level + 1e-10) / nepers + 90) / 60


@lru_cache
def irrelevant_levels(*, seconds: float = 4.0) -> np.ndarray:
    """Twelve irrelevant waveforms as features, (12, frames, 309): hums, sweeps, babble, steady tones."""
    rng, rate = np.random.default_rng(0), NMP.sample_rate
    tones = [np.sin(2 * np.pi * f * np.arange(int(seconds * rate)) / rate) for f in rng.uniform(60, 4000, 3)]
    waveforms = [
        *(hum(seconds, frequency=f) for f in (50.0, 60.0, 100.0)),
        *(sweep(seconds, low=low, high=high) for low, high in ((60, 2000), (200, 8000), (4000, 100))),
        *(babble(seconds, rng=rng) for _ in range(3)),
        *tones,
    ]
    with torch.inference_mode():
        power = CQT().power(torch.tensor(np.stack(waveforms), dtype=torch.float32))
        return normalised_log_fixed(power).mT.contiguous().numpy()


def _knots(octave: np.ndarray) -> np.ndarray:
    """What each of eight evenly spaced knots adds to each bin of a curve of straight lines, (8, bins)."""
    places = np.linspace(0, octave[-1], 8)
    return np.stack([np.interp(octave, places, row) for row in np.eye(8)])


def coloured(features: torch.Tensor, curves: torch.Tensor, floors: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Filter features by `curves` (batch, bins) in dB, then add noise of mean power `floors`, too.

    Power adds to power (eq-noise-power). That of noise in a bin is exponentially distributed; `uniform`, 0 to
    1 and shaped like the features, is its chance.
    """
    nepers = np.log(10) / 10
    power = torch.exp((60 * features - 90 + curves[:, None]) * nepers)
    noise = torch.exp(floors * nepers)[:, None] * -torch.log(1 - uniform)
    return (torch.log(power + noise + 1e-10) / nepers + 90) / 60


SILENCE = (-100 + 90) / 60  # digital silence on the fixed scale


def transposed(features: torch.Tensor, targets: Heads, semitones) -> tuple[torch.Tensor, Heads]:
    """Each example higher by its number of semitones: all bins move by three a semitone (eq-equivariance).

    `semitones` is (batch,). Silence comes in at one end; what leaves at the other is lost, labels too.
    """
    step = NMP.bins_per_semitone
    moved = Heads(*(None if y is None else torch.zeros_like(y) for y in targets))
    shifted = torch.full_like(features, SILENCE)
    for i, by in enumerate(int(s) for s in semitones):
        _move(features[i], shifted[i], step * by)
        for y, to in zip(targets, moved, strict=True):
            if y is not None:
                _move(y[i], to[i], by * (step if y.shape[-1] == NMP.contour_bins else 1))
    return shifted, moved


def _move(source: torch.Tensor, target: torch.Tensor, by: int) -> None:
    """Copy (frames, bins) into the target, `by` bins higher."""
    bins = source.shape[-1]
    target[:, max(by, 0) : bins + min(by, 0)] = source[:, max(-by, 0) : bins - max(by, 0)]


def _transposed(notes: Notes | None, semitones: int) -> Notes | None:
    if notes is None:
        return None
    pitch = notes.pitch + semitones
    kept = (pitch >= NMP.lowest_pitch) & (pitch <= NMP.highest_pitch)
    return Notes(notes.onset[kept], notes.offset[kept], pitch[kept], notes.velocity[kept])


def _check_span(recording: Recording, start: float, stop: float) -> None:
    if not 0 <= start < stop <= recording.seconds:
        raise InputError(f"from {start} to {stop} s: give a span inside {recording.seconds:.2f} s of audio.")


def _power(audio: np.ndarray) -> float:
    return float(np.mean(np.square(audio, dtype=np.float64)))


def _with_audio(recording: Recording, audio: np.ndarray) -> Recording:
    """The same recording with other audio; samples beyond ±1 are limited."""
    return replace(recording, audio=np.clip(audio, -1, 1).astype(np.float32))
