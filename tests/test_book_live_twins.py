"""The twins of ``web/src/twins``: what the page computes is what Python computes, on a grid."""

import json
import struct

import mir_eval
import numpy as np
import pytest
import torch

from nmp_lessons import (
    ablations,
    augmentation,
    beyond,
    cqt,
    cross_entropy,
    decoding,
    evaluation,
    harmonic_stacking,
    hearing,
    median_filtering,
    sound,
    targets,
)
from nmp_lessons.audio import Recording
from nmp_lessons.augmentation import denoising
from nmp_lessons.constants import NMP
from nmp_lessons.errors import InputWarning
from nmp_lessons.model import Posteriors
from nmp_lessons.notes import Notes, read_midi, write_midi
from nmp_lessons.targets import read_back
from nmp_lessons.training import Recipe
from tests.helpers import Agreement, plain

LOSSES = [
    {},
    {"weight": 19.0},
    {"gamma": 0.5},
    {"gamma": 2.0, "weight": 3.0},
    {"smoothing": 0.2},
    {"gamma": 1.0, "smoothing": 0.3},
]
SHARES = [0.001, 0.02, 0.2, 0.5, 0.9]


def test_twins_of_cross_entropy(twins):
    equal = Agreement(twins, "cross_entropy")
    for share in SHARES:
        equal("balancingWeight", [share], cross_entropy.balancing_weight(share))
        for weight in (0.25, 1.0, 19.0, 1000.0):
            equal("weightedOptimum", [share, weight], cross_entropy.weighted_optimum(share, weight))
            for apart in (0.5, 2.0, 4.0):
                edge, recall, precision, f = cross_entropy.detector(weight, proportion=share, apart=apart)
                expected = {"edge": edge, "recall": recall, "precision": precision, "f": f}
                equal("detector", [weight, share, apart], expected)
        for loss in LOSSES:
            for p in (0.0025, 0.1, 0.33, 0.85, 0.9975):
                equal("constantLoss", [p, share, loss], cross_entropy.constant_loss(p, share, **loss))
                equal("constantPulls", [p, share, loss], cross_entropy.constant_pulls(p, share, **loss))
            equal("constantDescent", [share, 50, loss], cross_entropy.constant_descent(share, 50, **loss))
            equal("restingOutput", [share, loss], cross_entropy.resting_output(share, **loss))
    for x in np.linspace(-9, 9, 61):
        equal("below", [x], cross_entropy._below(np.array(x)))
    equal.check()


def test_twins_of_median_filtering(twins):
    equal = Agreement(twins, "median_filtering", rtol=1e-8)
    rng = np.random.default_rng(0)
    filters = {"median": median_filtering.median, "box": median_filtering.box}
    for rows, columns in ((1, 1), (1, 3), (1, 24), (7, 12), (4, 2)):
        matrix = rng.integers(0, 10, (rows, columns)).astype(float)
        for size in ((1, 1), (1, 5), (3, 3), (7, 1), (5, 7)):
            for mode in median_filtering.MODES:
                for name, smooth in filters.items():
                    equal("filtered", [matrix, list(size), mode, name], smooth(matrix, size, mode=mode))
        for window in ([[True]], [[0, 1, 0], [1, 1, 1], [0, 1, 0]], rng.permutation(np.arange(25) < 9).reshape(5, 5)):
            window = np.array(window, bool)
            equal("medianThrough", [matrix, window], median_filtering.median_through(matrix, window, mode="nearest"))
    row = rng.standard_normal(60).astype(np.float32)
    for size in (1, 3, 9, 31):
        for name, smooth in {"runningMedian": filters["median"], "runningBox": filters["box"]}.items():
            equal(name, [row, size], smooth(row.astype(float), size, mode="nearest").astype(np.float32))
        windows = median_filtering.neighbours(row, size, mode="mirror")
        equal("windowAt", [row, 2, size, "mirror"], windows[2])
    xs = np.linspace(-5, 5, 21)
    for tails in (0.7, 1.0, 2.0, 8.0):
        for share in (0.0, 0.05):
            density = median_filtering.noise_density(tails, share=share)
            equal("densities", [xs, tails, share, 10], density(xs))
            equal("boxVariance", [9, share, 10], median_filtering.box_variance(9, share=share))
            exact = [median_filtering.exact_median_variance(k, density, steps=1500) for k in (3, 9, 51)]
            equal("exactMedianVariances", [[3, 9, 51], [tails, share, 10], 100, 1500], exact)
    equal.check()


def some_notes(rng, count: int) -> Notes:
    """On few keys and a coarse grid, so that notes compete for partners and distances equal tolerances."""
    onset = rng.integers(0, 60, count) / 50
    return Notes(onset, onset + rng.integers(1, 25, count) / 50, rng.integers(60, 64, count))


def test_twins_of_evaluation(twins):
    equal = Agreement(twins, "evaluation")
    rng = np.random.default_rng(0)
    names = ("F", "P", "R", "Fno", "Pno", "Rno", "Acc")
    tolerances = [0.0, 0.02, 0.05, 0.1]
    for case in range(200):
        reference, estimate = some_notes(rng, case % 20), some_notes(rng, (7 * case) % 20)
        pair = [as_lists(reference), as_lists(estimate)]
        for tolerance in tolerances:
            expected = evaluation.scores(reference, estimate, tolerance=tolerance)  # by mir_eval
            equal("scores", [*pair, tolerance], {name: expected[name] for name in names})
        if len(reference) or len(estimate):
            fno = [evaluation.onset_scores(reference, estimate, tolerance=each)["Fno"] for each in tolerances]
            equal("byTolerance", [*pair, tolerances], fno)
        for width in (0.001, 0.05, 0.3):
            equal("commonShift", [*pair, width], evaluation.common_shift(reference, estimate, width=width))
    for hits, misses, extra in ((0, 0, 0), (0, 3, 4), (3, 1, 3), (50, 0, 0), (1, 99, 2)):
        precision, recall = hits / max(hits + extra, 1), hits / max(hits + misses, 1)
        equal("fromCounts", [hits, misses, extra], [precision, recall, mir_eval.util.f_measure(precision, recall)])
    values = np.sort(rng.random(101))
    for percent in (0, 2.5, 33.3, 97.5, 100):
        equal("percentile", [values, percent], np.percentile(values, percent))
    equal.check()


def midi_bytes(division: int, *tracks: bytes) -> bytes:
    head = b"MThd" + struct.pack(">IHHh", 6, 1, len(tracks), division)
    return head + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)


END = b"\x00\xff\x2f\x00"
TEMPO = b"\x00\xff\x51\x03\x07\xa1\x20" + b"\x83\x60\xff\x51\x03\x0f\x42\x40" + END  # half as fast after a beat
RUNNING = b"\x00\x90\x3c\x50\x83\x60\x3c\x00\x00\x3c\x50\x00\x40\x50\x83\x60\x40\x00\x83\x60\x3c\x00" + END
STRUCK_TWICE = b"\x00\x90\x3c\x50\x81\x40\x3c\x30\x00\x80\x3c\x00\x83\x60\x80\x3c\x00" + END
DRUMS = b"\x00\x99\x3c\x50\x60\x89\x3c\x00\x00\xc1\x05"
OFF_THE_PIANO = DRUMS + b"\x00\x91\x05\x50\x60\x81\x05\x00\x00\x91\x45\x50\x60\x81\x45\x00" + END
UNRELEASED = b"\x00\x90\x3c\x50\x60\x90\x40\x50\x60\x80\x40\x00" + END


def test_the_page_reads_midi_files_as_python_does(twins, tmp_path):
    """Without pedals, which the page leaves out."""
    rng = np.random.default_rng(0)
    onset = np.sort(rng.random(300) * 60)
    write_midi(Notes(onset, onset + 0.05 + rng.random(300), rng.integers(21, 109, 300)), tmp_path / "made.mid")
    files = [
        (tmp_path / "made.mid").read_bytes(),
        midi_bytes(480, TEMPO, RUNNING),
        midi_bytes(480, RUNNING, TEMPO),
        midi_bytes(96, STRUCK_TWICE),
        midi_bytes(-25 * 256 + 40, RUNNING),
        midi_bytes(480, TEMPO, UNRELEASED),
        midi_bytes(480, OFF_THE_PIANO),
    ]
    with pytest.warns(InputWarning, match="off the piano"):
        expected = [read_midi(file, pedal=False) for file in files]
    for notes, got in zip(expected, twins([["notes.readMidi", [list(file)]] for file in files]), strict=True):
        assert np.array_equal(got["pitch"], notes.pitch)
        assert np.allclose(got["onset"], notes.onset) and np.allclose(got["offset"], notes.offset)


def test_twins_of_hearing(twins):
    equal = Agreement(twins, "hearing")
    rng = np.random.default_rng(0)
    names = ("hits", "misses", "extra", "f", "near", "deviation", "movedF")
    for case in range(200):
        struck, marks = (np.sort(rng.random(count)) * 3 for count in (case % 15, (7 * case) % 16))
        if case % 3 == 0:  # on a grid, where distances equal the tolerance and marks coincide
            struck, marks = struck.round(2), marks.round(2)
        for tolerance in (0.02, 0.05, 0.2):
            equal("pairedMarks", [struck, marks, tolerance], hearing.paired_marks(struck, marks, tolerance=tolerance))
            judged = hearing.judged_marks(struck, marks, tolerance=tolerance)
            equal("judgedMarks", [struck, marks, tolerance], dict(zip(names, judged, strict=True)))
    equal.check()


def test_the_page_draws_the_same_interval_as_python(twins):
    """Chance differs, so the intervals agree up to what chance leaves of ten thousand draws."""
    values = np.random.default_rng(1).random(10)
    (ends,) = twins([["evaluation.interval", [values.tolist(), 10_000, 0]]])
    assert np.allclose(ends, evaluation.bootstrap(values), atol=0.01)


def test_twins_of_targets(twins):
    equal = Agreement(twins, "targets", rtol=1e-6)  # Python's are in single precision
    rng = np.random.default_rng(0)
    frames = 24
    for case in range(100):
        count = 1 + case % 4
        onset = rng.integers(0, 220, count) / 10 + 0.013  # never half-way between two frames
        offset = onset + rng.integers(1, 60, count) / 10
        notes = Notes(onset / NMP.frame_rate, offset / NMP.frame_rate, [60] * count)
        places = [(one * NMP.frame_rate).round(9) for one in (notes.onset, notes.offset)]
        key = 60 - NMP.lowest_pitch
        for width in (1.0, 2.0, 3.7):
            for at in ("time", "frame"):
                yo = targets.onset_targets(notes, frames=frames, width=width, at=at)[:, key]
                equal("onsetTargets", [places[0], frames, width, at == "frame"], yo)
        yn, yo = targets.sounding(notes, frames=frames), targets.onset_targets(notes, frames=frames)
        equal("sounding", [*places, frames], yn[:, key])
        for onsets in (yo, None):
            back = targets.read_back(yn, onsets)
            pairs = np.stack([back.onset, back.offset], axis=1) * NMP.frame_rate
            given = [yn[:, key]] if onsets is None else [yn[:, key], yo[:, key]]
            equal("readBack", given, pairs.round(6))
    equal.check()


def test_twins_of_sound(twins):
    equal = Agreement(twins, "sound", atol=1e-6)  # sums of sines in single precision
    for rate in (22_050.0, 4410.0, 1000.0):
        for frequency in (0.0, 100.0, 410.0, 2205.0, 4000.0, 10_990.0):
            equal("foldedFrequency", [frequency, rate], sound.folded_frequency(frequency, rate=rate))
    for key in (33, 57, 84):
        for beta in (0.0, 0.0004, 0.003):
            equal("partials", [440 * 2 ** ((key - 69) / 12), 16, beta], sound.partials(key, 16, inharmonicity=beta))
    for up in np.arange(0, 24.01, 0.35):
        pairs = sound.shared_partials(48, 48 + up)
        equal("sharedPartials", [48, 48 + up, 8, 600 / NMP.bins_per_octave], pairs)
    made = sound.tone(220.0, 0.05, partials=[1, 0.5, 0, 0.25])
    frequencies = [220.0, 440.0, 660.0, 880.0]
    equal("tone", [frequencies, [1, 0.5, 0, 0.25], len(made.audio), made.rate], made.audio)
    equal.check()


def test_twins_of_harmonic_stacking(twins):
    equal = Agreement(twins, "harmonic_stacking")
    numbers = [0.5, *range(1, 17)]
    for bins in range(6, 97):
        equal("shifts", [numbers, bins], harmonic_stacking.shifts(numbers, bins_per_octave=bins))
        errors = harmonic_stacking.rounding_errors_in_cents(numbers, bins_per_octave=bins)
        equal("roundingErrors", [numbers, bins], errors)
    spectrum = np.random.default_rng(0).random(309)
    stack = harmonic_stacking.HarmonicStacking([0.5, 1, 3, 7])
    channels = stack(torch.tensor(spectrum)[None, None])[0, :, 0].numpy()
    for shift, channel in zip(stack.shifts, channels, strict=True):
        equal("moved", [spectrum, shift, 264], channel)
    for bins in (12, 36):
        bin_there = harmonic_stacking.strongest_key_bin(spectrum, bins_per_octave=bins)
        equal("strongestKeyBin", [spectrum, bins], bin_there)
    for beta in (0.0, 0.0004, 0.003):
        frequencies = sound.partials(57, 16, inharmonicity=beta)
        for h in (1, 5, 16):
            cents = 1200 * np.log2(frequencies[h - 1] / (h * frequencies[0]))
            equal("sharpness", [h, beta], cents)
    equal.check()


def test_twins_of_cqt(twins):
    equal = Agreement(twins, "cqt", atol=1e-7)
    for bins in (6, 12, 36, 96):
        equal("quality", [bins], cqt.quality(bins))
        for frequency in (27.5, 110.0, 220.0, 4186.0):
            length = cqt.window_lengths(frequency, bins_per_octave=bins)
            equal("windowLength", [frequency, NMP.sample_rate, bins], length)
            for cents in (-700, -35, 0, 10, 100, 550):
                tone = frequency * 2 ** (cents / 1200)
                response = cqt.tone_response(tone, frequency, bins_per_octave=bins)
                equal("toneResponse", [tone, frequency, NMP.sample_rate, bins], response)
    audio = np.random.default_rng(0).standard_normal(6000).astype(np.float32)
    for bins, centre in ((36, 3000), (12, 0), (96, 5999)):
        frequencies = cqt.bin_frequencies(30, lowest=110.0, bins_per_octave=5)
        frame = cqt.frame_at(audio, centre, frequencies, bins_per_octave=bins)
        equal("frameAt", [audio, centre, frequencies, NMP.sample_rate, bins], frame)
    equal.check()


def test_twins_of_decoding(twins):
    equal = Agreement(twins, "decoding", rtol=1e-6)
    rng = np.random.default_rng(0)
    for case in range(20):
        steps = rng.integers(0, 256, (30, NMP.keys)) * (rng.random((30, NMP.keys)) < 0.4)
        head = (steps / 255).astype(np.float32)
        for high, low in ((0.5, 0.5), (0.9, 0.4), (0.3, 0.1)):
            column = decoding.hysteresis(head[:, :1], high=high, low=low)[:, 0]
            equal("hysteresis", [head[:, 0].astype(float), high, low], column)
            notes = read_back(decoding.hysteresis(head, high=high, low=low).astype(float))
            order = np.lexsort((notes.onset, notes.pitch))  # the page goes through the keys one by one
            expected = {"onset": notes.onset[order], "offset": notes.offset[order], "pitch": notes.pitch[order]}
            given = [head.ravel().astype(float), NMP.keys, NMP.lowest_pitch, high, low, NMP.frame_rate]
            equal("byThresholds", given, expected)
        decoder = decoding.PeakDecoder(threshold=0.4 + 0.02 * case, note_threshold=0.3, reach=1 + case % 4)
        other = np.roll(head, 1, axis=0)
        found = decoder(Posteriors(None, other, head, np.arange(30) / NMP.frame_rate))
        heads = {"note": other.ravel().astype(float), "onset": head.ravel().astype(float)}
        options = {"threshold": decoder.threshold, "weights": decoder.weights, "note_threshold": 0.3}
        calls = [["decoding.decode", [heads, options | {"reach": decoder.reach}, 1 / NMP.frame_rate]]]
        (got,) = twins(json.loads(json.dumps(calls, default=plain)))
        got.sort(key=lambda note: (note["onset"], note["pitch"]))
        assert len(got) == len(found)
        for name in ("onset", "offset", "pitch"):
            assert np.allclose([note[name] for note in got], getattr(found, name), atol=1e-6), (case, name)
    equal.check()


def test_twins_of_training(twins):
    equal = Agreement(twins, "training")
    for steps, warm_up, cool_down in ((100, 10, 0.5), (80, 1, 0.0), (7, 3, 1.0), (120, 60, 0.33)):
        recipe = Recipe("", steps=steps, warm_up=warm_up, cool_down=cool_down, learning_rate=0.01)
        given = {"steps": steps, "learningRate": 0.01, "warmUp": warm_up, "coolDown": cool_down, "average": 0}
        for step in range(steps):
            equal("rate", [step, given], recipe.rate(step))
    for average in (0.5, 0.9, 0.999):
        for step in (0, 1, 19, 20, 399):
            equal("kept", [step, average], Recipe("", average=average).kept(step))
            equal("shares", [step, average], Recipe("", average=average).shares(step))
    equal.check()


def test_twins_of_augmentation(twins):
    equal = Agreement(twins, "augmentation", rtol=1e-6, atol=1e-6)  # sounds are in single precision
    rng = np.random.default_rng(0)
    frequencies, levels = [40.0, 200.0, 1000.0, 5000.0], [6.0, -3.0, 0.0, -60.0]
    at = np.array([0.0, 20.0, 40.0, 123.0, 1000.0, 4000.0, 11_025.0])
    curve = np.interp(np.log2(np.maximum(at, 1)), np.log2(frequencies), levels)
    equal("equaliserLevels", [at, frequencies, levels], curve)
    sound = Recording((0.1 * rng.standard_normal(2048)).astype(np.float32), NMP.sample_rate)
    samples = sound.audio.astype(float)
    filtered = augmentation.equalise(sound, frequencies, levels).audio
    for ratio in (-10, 0, 20):
        noise = rng.standard_normal(2048)
        noisy = augmentation.interfere(Recording(0.001 * samples, sound.rate), noise, ratio=ratio).audio
        gain = np.sqrt(np.mean((noisy - 0.001 * samples) ** 2) / np.mean(noise**2))
        equal("noiseGain", [np.mean((0.001 * samples) ** 2), np.mean(noise**2), ratio], gain)
    response = np.zeros(2048, np.float32)
    response[:300] = 0.2 * rng.standard_normal(300)
    wet = augmentation.reverberate(sound, response.astype(float)).audio
    cut = augmentation.mask_time(sound, 0.02, 0.05).audio
    equal.check()
    for name, given, expected in (
        ("equalised", [sound.rate, frequencies, levels], filtered),
        ("reverberated", [response.astype(float).tolist()], wet),
        ("masked", [sound.rate, 0.02, 0.05], cut),
    ):
        (got,) = twins([[f"augmentation.{name}", [samples.tolist(), *given]]])
        assert np.allclose(np.array(list(got.values()) if isinstance(got, dict) else got), expected, atol=2e-6), name
    for semitones in (-12, -5, 1, 7, 12):
        ratio = 2 ** (semitones / 12)
        smooth = augmentation.low_pass(sound, 4000.0)  # below what either resampling cuts off
        fast = augmentation.faster(smooth, ratio).audio[:2048]
        expected = np.pad(fast, (0, 2048 - len(fast)))
        (got,) = twins([["augmentation.faster", [smooth.audio.astype(float).tolist(), ratio]]])
        inside = slice(100, min(len(fast), 2048) - 100)  # at the ends each invents what lies beyond
        error = np.array(list(got.values()) if isinstance(got, dict) else got)[inside] - expected[inside]
        assert 10 * np.log10(np.mean(error**2) / np.mean(expected[inside] ** 2)) < -50, semitones
    equal = Agreement(twins, "augmentation", rtol=1e-5)  # Python sums in single precision
    centres = 100 * 2 ** (np.arange(20) / 4)
    equal("bandPowers", [samples, sound.rate, centres, 3], augmentation.band_powers(sound, centres, width=3))
    for blocks in (1, 7, 64):
        equal("blockPowers", [samples, blocks], augmentation.block_powers(sound, blocks))
    equal.check()
    equal = Agreement(twins, "augmentation")
    for sigma in (0.1, 0.5, 3.0):
        for seen in np.linspace(-3, 3, 13):
            mean = denoising.posterior_mean([seen], [-1.0, 1.0], [0.7, 0.3], sigma=sigma)[0]
            equal("posteriorMean", [seen, [-1, 1], [0.7, 0.3], sigma], mean)
    equal.check()


def test_twins_of_ablations(twins):
    equal = Agreement(twins, "ablations")
    rng = np.random.default_rng(0)
    for rows in (1, 2, 8, 20):
        for level in (0.01, 0.05, 0.2):
            equal("atLeastOne", [rows, level], 1 - (1 - level) ** rows)
            for _ in range(20):
                p = (rng.random(rows) ** 4).round(3)  # some are equal
                equal("holm", [p, level], ablations.holm(p, level=level))
    equal.check()


def test_twins_of_beyond(twins):
    equal = Agreement(twins, "beyond", rtol=1e-6)
    weights = torch.randn(200, generator=torch.manual_seed(0), dtype=torch.float64)
    for bits in range(1, 11):
        found = beyond.quantise(weights, bits)
        expected = found.values.numpy()
        (got,) = twins([["beyond.quantised", [weights.tolist(), bits]]])
        assert np.allclose(got["values"], expected, rtol=1e-9) and np.isclose(got["scale"], float(found.scale))
        ratio = np.var(weights.numpy()) / np.var(expected - weights.numpy())
        equal("ratioInDb", [weights.numpy(), expected], 10 * np.log10(ratio))
    for width, moments, reach in ((8, 1, 1), (24, 200, 32)):  # eq-attention-cost
        axes = 2 * width * 88 + 2 * width * (2 * reach + 1)
        work = [2 * width * moments * 88, axes, 8 * width**2, 117 * width**2]
        equal("attentionWork", [width, moments, 88, reach], work)
    equal.check()


def as_lists(notes: Notes) -> dict:
    return {"onset": notes.onset.tolist(), "offset": notes.offset.tolist(), "pitch": notes.pitch.tolist()}
