"""What each part must do; the messages are for the student."""

import numpy as np
import torch
from torch import nn

from nmp_lessons import evaluation, transcribe
from nmp_lessons.data import maestro
from nmp_lessons.model import Config, NMPNet
from nmp_lessons.notes import Notes
from nmp_lessons.targets import targets as make_targets

LAYERS = {  # the library's names by the assignment's
    "missing.0": "missing", "missing.1": "missing_norm", "contour.0": "contour", "contour.1": "contour_norm",
    "contour_out": "contour_out", "note.0": "note", "note_out": "note_out", "onset.0": "onset",
    "onset.1": "onset_norm", "onset_out": "onset_out",
}  # fmt: skip
RATE = 22_050


def _given(found):
    assert found is not None, "Your function returns nothing. Does it end in return?"
    return found


# 1. Listen and look


def check_marked_errors(student):
    found = _given(student())
    assert len(found) == 5 and all(len(each) == 3 for each in found), (
        f"Return five triples (seconds, pitch, cause); yours are {len(found)}: {found!r}."
    )
    for seconds, pitch, cause in found:
        assert cause in evaluation.CAUSES, (
            f"{cause!r} isn't one of the causes; choose from {', '.join(evaluation.CAUSES)}."
        )
        assert _errors(float(seconds), float(pitch)), (
            f"At {seconds} s nothing is wrong with pitch {pitch}. Is it the time of a note's onset, and the right octave?"
        )
    assert len({(round(float(seconds), 1), pitch) for seconds, pitch, _ in found}) == 5, (
        "One of the errors is listed twice."
    )


def _errors(seconds, pitch):
    """The causes of the errors near a time at a pitch."""
    music = maestro.performance("chopin-nocturne").segment(0, 12)
    prediction, _ = transcribe(music)
    near = set()
    for error in evaluation.causes(music.notes, prediction):
        for notes, i in ((music.notes, error.reference), (prediction, error.estimate)):
            if i is not None and notes.pitch[i] == pitch and abs(notes.onset[i] - seconds) < 0.15:
                near.add(error.cause)
    return near


# 2. The missing layer


def check_missing_layer(student):
    for filters in (32, 5):
        layers = _given(student(filters))
        assert isinstance(layers, nn.Sequential), f"Return an nn.Sequential; yours is a {type(layers).__name__}."
        kinds = [type(layer).__name__ for layer in layers]
        assert kinds == ["Conv2d", "BatchNorm2d", "ReLU"], (
            f"The paper has a convolution, a batch normalisation and a ReLU, in this order; yours are {', '.join(kinds)}."
        )
        shape = tuple(layers[0].weight.shape)
        assert shape == (filters, 8, 5, 5), (
            f"With {filters} filters the weights have shape {(filters, 8, 5, 5)} (out, in, frames, bins); yours have {shape}."
        )
        assert layers[1].eps == 1e-3, f"The normalisation should have eps 0.001; yours has {layers[1].eps:g}."
        assert layers[0].bias is not None, "Each filter should have a bias, as you have counted above."
        size = tuple(layers.eval()(torch.zeros(1, 8, 9, 264)).shape)
        assert size == (1, filters, 9, 264), f"9 frames of 264 bins become {size[2:]}. Pad by half the kernel."


def check_heads(student):
    for filters in (8, 4):  # with 8, nothing fails where the layer's output is forgotten
        weights, stack, right = _example(filters)
        learning = {name: weights[name].clone().requires_grad_() for name in ("missing.0.weight", "missing.1.bias")}
        found = _given(student(filters, weights | learning, stack))
        shapes = [tuple(head.shape) for head in found]
        assert shapes == [(2, 7, 264), (2, 7, 88), (2, 7, 88)], f"The three heads have the wrong shapes: {shapes}."
        unused = 0 * sum(each.sum() for each in learning.values())  # a gradient of zero, where Yp has none
        (found[0].square().mean() + unused).backward()
        for name, each in learning.items():
            assert each.grad.abs().sum() > 0, (
                f"No gradient reaches {name}: your layer is computed, and then its output is thrown away, as in the source."
            )
        for name, yours, theirs in zip(("Yp", "Yn", "Yo"), found, right):
            error = float((yours.detach() - theirs).abs().max())
            assert error < 1e-4, (
                f"{name} differs from the library's by up to {error:.2g}. Does Yp read your layer's output, and Yo the stack?"
            )


def _example(filters, seed=5):
    """Random weights under the assignment's names, a stack, and what the library makes of both."""
    torch.manual_seed(seed)
    net = NMPNet(Config(missing="series", missing_filters=filters)).eval()
    for each in net.parameters():
        if each.ndim == 1:
            nn.init.normal_(each)
    theirs = net.state_dict()
    weights = {
        f"{mine}.{kind}": theirs[f"{name}.{kind}"]
        for mine, name in LAYERS.items()
        for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        if f"{name}.{kind}" in theirs
    }
    stack = torch.randn(2, 8, 7, 264)
    net.stack = lambda features: stack
    with torch.no_grad():
        return weights, stack, net.logits(stack)


# 3. See and hear

HITS = np.array([[0.0, 0.5, 60], [0.5, 1.25, 64], [1.0, 2.0, 67]])
MISSES = np.array([[2.0, 2.5, 48]])
EXTRA = np.array([[0.25, 0.75, 72], [2.25, 3.0, 79]])


def check_plot_comparison(student):
    axes = _drawn(student, HITS, MISSES, EXTRA)
    _drawn(student, HITS, MISSES[:0], EXTRA[:0])
    assert axes.get_xlabel() and axes.get_ylabel(), "Label both axes."
    labels = axes.get_legend_handles_labels()[1]
    assert len(labels) == len(set(labels)) == 3, (
        f"The legend should name three kinds, each once; it would show {len(labels)}: {', '.join(labels)}."
    )


def _drawn(student, *kinds):
    from matplotlib.figure import Figure

    axes = _given(student(Figure().subplots(), *kinds))
    colours = []
    for name, notes in zip(("hits", "misses", "extra"), kinds):
        one = {_colour(axes, note, name) for note in notes}
        assert len(one) <= 1, f"All {name} should have one colour; yours have {len(one)}."
        colours += one
    assert len(set(colours)) == len(colours), "Hits, misses and extra notes should have different colours."
    return axes


def _colour(axes, note, name):
    """The colour of a note's line."""
    from matplotlib.colors import to_hex

    onset, offset, pitch = note
    drawn = [(line.get_xydata(), line.get_color()) for line in axes.lines]
    for several in axes.collections:  # as axes.hlines makes them
        if hasattr(several, "get_segments"):
            drawn += zip(several.get_segments(), np.resize(several.get_colors(), (len(several.get_segments()), 4)))
    for points, colour in drawn:
        ends = [points[:, 0].min(), points[:, 0].max()]
        if np.allclose(ends, [onset, offset]) and np.allclose(points[:, 1], pitch):
            return to_hex(colour)
    raise AssertionError(
        f"There is no line for the note of the {name} from {onset:g} to {offset:g} s at pitch {pitch:g}. Draw one line per note, "
        "with time to the right and pitch upwards."
    )


def check_sonify(student):
    one, other = np.array([[0.25, 0.5, 69]]), np.array([[0.5, 0.75, 81]])
    sound = np.asarray(_given(student(one, other, RATE, 1.0)))
    assert sound.shape == (RATE, 2), f"One second is an array of shape {(RATE, 2)}; yours has {sound.shape}."
    left, right = sound.T
    assert np.abs(left).max() > 0.1, "The reference, in the left ear, is not heard."
    assert np.abs(right).max() > 0.1, "The estimate, in the right ear, is not heard."
    for name, ear, start in (("left", left, 0.25), ("right", right, 0.5)):
        before, after = ear[: int(start * RATE) - 1], ear[int((start + 0.25) * RATE) + 1 :]
        assert np.abs(before).max() < 1e-6, f"In the {name} ear something sounds before the note's onset."
        assert np.abs(after).max() < 1e-6, f"In the {name} ear the note sounds on after its offset."
    for name, ear, frequency in (("69", left, 440), ("81", right, 880)):
        found = _pitch(ear)
        assert abs(found / frequency - 1) < 0.02, f"Pitch {name} is {frequency} Hz; yours sounds at {found:.0f} Hz."
    many = np.array([[0.0, 1.0, pitch] for pitch in range(50, 70)])
    loudest = np.abs(np.asarray(student(many, many, RATE, 1.0))).max()
    assert loudest <= 1 + 1e-9, f"Twenty notes at once reach {loudest:.2f}; values above 1 are clipped. Scale the sum."


def _pitch(audio):
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(audio))
    return np.fft.rfftfreq(len(audio), 1 / RATE)[spectrum.argmax()]


# 4. Make it robust


def _music(seed=0):
    random = np.random.default_rng(seed)
    time = np.arange(RATE) / RATE
    return 0.1 * (np.sin(2 * np.pi * 220 * time) + np.sin(2 * np.pi * 1760 * time)) * np.exp(-time), random


def _rms(audio):
    return float(np.sqrt(np.mean(np.square(audio))))


def check_with_reverb(student):
    music, random = _music()
    impulse = random.standard_normal(4000) * np.exp(-np.arange(4000) / 800)
    wet = np.asarray(_given(student(music.copy(), impulse)))
    assert wet.shape == music.shape, (
        f"The room makes the sound longer; cut it to {len(music)} samples. Yours has {wet.shape}."
    )
    assert abs(_rms(wet) / _rms(music) - 1) < 1e-3, (
        f"The RMS was {_rms(music):.4f} and is {_rms(wet):.4f}. Restore it, or a network could learn the level instead of the room."
    )
    click = np.zeros(6000)
    click[100] = 1
    wet = np.asarray(student(click, impulse))
    assert np.argmax(np.abs(wet)) >= 100 and not np.abs(wet[:99]).max() > 1e-6, (
        "Something sounds before the sound that causes it. Cut the end of the convolution, not its beginning."
    )
    shape = wet[100:4100] / np.linalg.norm(wet[100:4100])
    assert np.allclose(shape, impulse / np.linalg.norm(impulse), atol=1e-3), (
        "A click should sound like the impulse response itself."
    )


def check_with_noise(student):
    music, random = _music()
    noise = 3 * random.standard_normal(len(music))
    for ratio in (20, 0, -6):
        found = np.asarray(_given(student(music.copy(), noise.copy(), ratio)))
        assert found.shape == music.shape, f"Return {len(music)} samples; yours have shape {found.shape}."
        added = found - music
        found = 20 * np.log10(_rms(music) / max(_rms(added), 1e-12))
        assert not abs(found - ratio / 2) < 0.1 or ratio == 0, (
            "That is a ratio of amplitudes; 20 dB of power are a factor of 100."
        )
        assert not abs(found - 2 * ratio) < 0.1 or ratio == 0, (
            "Power is the square of the amplitude, so the amplitude needs only the square root of the factor for the power."
        )
        assert abs(found - ratio) < 0.1, (
            f"The signal-to-noise ratio should be {ratio} dB; with your noise it is {found:.1f} dB."
        )
        shape = np.corrcoef(added, noise)[0, 1]
        assert shape > 0.999, "Add the noise that is given, scaled by one factor."


def check_equalised(student):
    music, _ = _music()
    for gain in (12, -20):
        found = np.asarray(_given(student(music.copy(), RATE, 1000, 3000, gain)))
        assert found.shape == music.shape, f"Return {len(music)} samples; yours have shape {found.shape}."
        assert np.isrealobj(found), (
            f"Sound is real; your samples are {found.dtype}. With `np.fft.rfft` you needn't care about negative frequencies."
        )
        changes = [20 * np.log10(_at(found, f) / _at(music, f)) for f in (220, 1760)]
        assert abs(changes[0]) < 0.1, (
            f"220 Hz lies outside the band and should stay; yours changes by {changes[0]:.1f} dB."
        )
        assert not abs(changes[1] - 2 * gain) < 0.1, "Gain in decibels of amplitude: 20 dB are a factor of ten."
        assert abs(changes[1] - gain) < 0.1, (
            f"1760 Hz should change by {gain} dB; yours changes by {changes[1]:.1f} dB. Which frequencies in Hz does your "
            "spectrum have, and does each of them occur once?"
        )


def _at(audio, frequency):
    return np.abs(np.fft.rfft(audio))[round(frequency * len(audio) / RATE)]


def check_transposed(student):
    music, _ = _music()
    notes = np.array([[0.0, 0.5, 60.0], [0.25, 1.0, 100.0]])
    for semitones in (12, -5):
        sound, moved = _given(student(music.copy(), notes.copy(), semitones))
        factor = 2 ** (semitones / 12)
        assert len(sound) == round(len(music) / factor), (
            f"{semitones:+} semitones make {len(music)} samples {round(len(music) / factor)}; yours are {len(sound)}."
        )
        found = _pitch(np.asarray(sound))
        assert abs(found / (220 * factor) - 1) < 0.02, (
            f"220 Hz should become {220 * factor:.0f} Hz; yours becomes {found:.0f} Hz."
        )
        moved = np.asarray(moved, dtype=float).reshape(-1, 3)
        kept = notes[(notes[:, 2] + semitones <= 108) & (notes[:, 2] + semitones >= 21)]
        assert len(moved) == len(kept), (
            f"Of pitches 60 and 100, {len(kept)} are still on the piano {semitones:+} semitones away; your labels have {len(moved)}."
        )
        assert np.allclose(moved[:, 2], kept[:, 2] + semitones), "The labels should move in pitch as the sound does."
        assert np.allclose(moved[:, :2], kept[:, :2] / factor), (
            f"The sound is {factor:.3g} times as fast, so each time should be divided by {factor:.3g}. As it is, the labels no longer fit the sound."
        )


def check_mixed_up(student):
    random = np.random.default_rng(0)
    first, second = ((random.random((6, 9)), random.integers(0, 2, (6, 4)).astype(float)) for _ in range(2))
    for weight in (1.0, 0.3):
        features, targets = _given(student(first, second, weight))
        assert np.allclose(features, weight * first[0] + (1 - weight) * second[0]), (
            f"With weight {weight:g} the features are {weight:g} times the first and {1 - weight:g} times the second."
        )
        assert np.allclose(targets, weight * first[1] + (1 - weight) * second[1]), (
            "The targets are mixed with the same weights. They are then no longer 0 or 1, and the loss has to cope with that."
        )


def check_masked_notes(student):
    notes = np.array([[0.0, 4.0, 60.0], [0.0, 1.5, 64.0], [1.2, 1.8, 67.0], [3.0, 4.0, 72.0]])
    found = np.asarray(_given(student(notes.copy(), 1.0, 2.0)), dtype=float).reshape(-1, 3)
    long = found[found[:, 2] == 60]
    assert len(long) == 2, (
        f"A note from 0 to 4 s, silenced from 1 to 2 s, is heard as two notes; yours makes {len(long)}."
    )
    assert np.allclose(long, [[0, 1, 60], [2, 4, 60]]), "The two are from 0 to 1 s and from 2 to 4 s."
    assert not (found[:, 2] == 67).any(), "A note inside the silence is not heard at all."
    found = sorted(map(tuple, found.tolist()))
    expected = [(0, 1, 60), (0, 1, 64), (2, 4, 60), (3, 4, 72)]
    assert found == expected, f"With a silence from 1 to 2 s, the four notes become {expected}; yours become {found}."
    assert len(np.asarray(student(notes[:1], 5.0, 6.0)).reshape(-1, 3)) == 1, (
        "A silence after the last note changes nothing."
    )


def check_denoised(student):
    _cleaner(student, seed=0, most=0.3)


def _cleaner(student, *, seed, most):
    noisy, clean, test, right = _pictures(seed)
    found = torch.as_tensor(_given(student(noisy, clean, test, seed))).detach()
    assert found.shape == test.shape, f"Return pictures of shape {tuple(test.shape)}; yours have {tuple(found.shape)}."
    before, after = (float((each - right).square().mean()) for each in (test, found))
    assert after < most * before, (
        f"On pictures that it was not trained on, your network leaves {after / before:.0%} of the squared error; "
        f"{most:.0%} is easy to reach. Is the clean picture the target, and the noisy one the input? If so, try a higher "
        "learning rate, more channels, or a larger kernel."
    )


def _pictures(seed):
    """Pictures of notes, as a constant-Q transform shows them: 64 to train with and 16 to test."""
    random = torch.Generator().manual_seed(seed)
    clean = torch.zeros(80, 32, 88)
    for picture in clean:
        for _ in range(12):
            start, key = int(torch.randint(28, (1,), generator=random)), int(torch.randint(60, (1,), generator=random))
            length = int(torch.randint(4, 20, (1,), generator=random))
            for shift, level in ((0, 1.0), (12, 0.6), (19, 0.4)):
                picture[start : start + length, key + shift] = level
    noisy = clean + 0.3 * torch.randn(clean.shape, generator=random)
    return noisy[:64], clean[:64], noisy[64:], clean[64:]


# 5. Train


def check_total_loss(student):
    logits = [torch.zeros(1, 3, 4) for _ in range(3)]
    targets = [torch.zeros(1, 3, 4) for _ in range(3)]
    for target in targets:
        target[0, 0, 0] = 1
    found = float(_given(student(logits, targets)))
    assert abs(found / np.log(2) - 3) < 1e-4, (
        f"Where every output is 1/2, each head loses log 2, and three lose 3 log 2; yours lose {found / np.log(2):.3g} log 2."
    )
    found = float(student(logits, targets, contour=False))
    assert abs(found / np.log(2) - 2) < 1e-4, (
        f"Without Yp two heads are left, 2 log 2; yours lose {found / np.log(2):.3g} log 2."
    )
    certain = [torch.full((1, 3, 4), -3.0) for _ in range(3)]
    found, right = (
        float(student(certain, targets)),
        1.5 * float(nn.functional.softplus(torch.tensor([3.0, -3.0])).sum()),
    )
    assert abs(found - right) < 1e-3, (
        f"If every output says no, one positive in twelve weighs as much as eleven negatives: {right:.3f}; yours is {found:.3f}."
    )
    empty = float(student(logits, [torch.zeros(1, 3, 4) for _ in range(3)]))
    assert np.isfinite(empty), "In a clip without any note the loss should still be a number. Do you divide by zero?"
    wild = torch.tensor([[[-1e4, 1e4]]], requires_grad=True)
    loss = student([wild] * 3, [torch.tensor([[[1.0, 0.0]]])] * 3)
    assert torch.isfinite(loss), (
        "For logits of ±10,000 the loss isn't finite. Work with logits, not with probabilities."
    )


def check_without_stacking(student):
    stack = torch.randn(2, 8, 3, 264, generator=torch.manual_seed(0))
    before = stack.clone()
    found = _given(student(stack))
    assert found.shape == stack.shape, f"The shape should stay {tuple(stack.shape)}; yours is {tuple(found.shape)}."
    assert torch.equal(stack, before), "Your function changes its argument. Work on a copy."
    kept = [channel for channel in range(8) if torch.equal(found[:, channel], stack[:, channel])]
    assert kept == [1], (
        f"Only channel 1, the fundamental, should be left as it is; yours leaves {kept or 'none of them'}."
    )
    assert float(found[:, [0, 2, 3, 4, 5, 6, 7]].abs().max()) == 0, "The other channels should be 0."


def check_trained(student):
    _learns(student, seed=0, least=0.85)


def _learns(student, *, seed, least):
    clips = _clips(16, seed)
    weights = _given(student(tuple(each[:12] for each in clips), 40, seed))
    assert isinstance(weights, dict), (
        f"Return the state_dict of the network, a dictionary; yours is a {type(weights).__name__}."
    )
    found = _ranking(weights, *(each[12:] for each in clips))
    assert found > least, (
        f"After 40 steps, a cell of Yn in which a key sounds ranks above a silent one in {found:.0%} of all pairs, on clips that "
        f"the network hasn't seen. Guessing has 50 %, and {least:.0%} is easy to reach. Is the gradient set to zero before "
        "each step? Are clips and targets drawn together?"
    )


def _clips(count, seed):
    """Half a second with three notes each: features and its targets."""
    random, net = np.random.default_rng(seed), NMPNet(Config(normalisation="fixed"))
    made = []
    for _ in range(count):
        onsets, pitches = np.sort(random.uniform(0.4, 0.7, 3)), random.choice(np.arange(50, 75), 3, replace=False)
        notes, time = Notes(onsets, onsets + 0.2, pitches), np.arange(int(1.3 * RATE)) / RATE
        audio = sum(
            np.sin(2 * np.pi * n * 440 * 2 ** ((pitch - 69) / 12) * time) / n * ((onset <= time) & (time < onset + 0.2))
            for onset, pitch in zip(onsets, pitches)
            for n in range(1, 6)
        )
        with torch.no_grad():
            features = net.features(torch.tensor(0.1 * audio, dtype=torch.float32)[None])[0]
        wanted = make_targets(notes, frames=len(features))
        made.append([torch.as_tensor(each)[36:68] for each in (features, *wanted)])
    return [torch.stack(each) for each in zip(*made)]


def _ranking(weights, features, contour, note, onset):
    """How often a sounding cell of Yn has a higher output than a silent one, by the library with these weights."""
    net = NMPNet(Config(missing="series", missing_filters=len(weights["missing.0.bias"]))).eval()
    theirs = net.state_dict()
    for name, each in weights.items():
        layer, kind = name.rsplit(".", 1)
        theirs[f"{LAYERS[layer]}.{kind}"] = each
    net.load_state_dict(theirs)
    stack = net.stacking(features)
    net.stack = lambda _: stack
    with torch.no_grad():
        found = net.logits(stack).note
    silent = found[note == 0].sort().values
    return float(torch.searchsorted(silent, found[note == 1]).float().mean() / len(silent))


# 6. Take away


def check_interval(student):
    first, second = np.array([0.5, 0.7, 0.6]), np.array([0.4, 0.5, 0.6])
    found = _given(student(first, second))
    assert len(found) == 3, f"Return three numbers: the mean and both ends; yours are {len(found)}."
    mean, low, high = map(float, found)
    assert abs(mean - 0.1) < 1e-6, f"The mean difference is 0.1, first minus second; yours is {mean:.3g}."
    half = 4.30265 * 0.1 / np.sqrt(3)
    assert not abs(high - mean - 1.96 * 0.1 / np.sqrt(3)) < 1e-3, (
        "With three recordings 1.96 is too small; take Student's t."
    )
    assert not abs(high - mean - half * np.sqrt(2 / 3)) < 1e-3, "In the standard deviation, divide by n − 1 (ddof=1)."
    assert abs(high - mean - half) < 1e-3 and abs(mean - low - half) < 1e-3, (
        f"The interval reaches from {0.1 - half:.3f} to {0.1 + half:.3f}; yours from {low:.3f} to {high:.3f}."
    )


### BEGIN HIDDEN
def hidden_marked_errors(student, solution):
    marked = student()
    right = sum(cause in _errors(float(seconds), float(pitch)) for seconds, pitch, cause in marked)
    assert right >= 4, f"Of your five causes {right} agree with `evaluation.causes`; four should."


def hidden_missing_layer(student, solution):
    for filters in (1, 11):
        layers, right = student(filters), solution(filters)
        assert [(n, w.shape) for n, w in layers.named_parameters()] == [
            (n, w.shape) for n, w in right.named_parameters()
        ]
        stack = torch.randn(1, 8, 4, 264, generator=torch.manual_seed(filters))
        layers.load_state_dict(right.state_dict())
        assert torch.allclose(layers.eval()(stack), right.eval()(stack), atol=1e-5)


def hidden_heads(student, solution):
    weights, stack, _ = _example(6, seed=8)
    with torch.no_grad():
        for yours, right in zip(student(6, weights, stack), solution(6, weights, stack)):
            assert float((yours - right).abs().max()) < 1e-4, "With six filters and other weights, the outputs differ."


def hidden_plot_comparison(student, solution):
    random = np.random.default_rng(3)
    for count in (1, 7):
        onsets = random.uniform(0, 9, (3, count))
        kinds = [np.stack([onset, onset + 0.5, random.integers(30, 90, count)], axis=1) for onset in onsets]
        _drawn(student, *kinds)


def hidden_sonify(student, solution):
    random = np.random.default_rng(3)
    notes = [np.sort(random.uniform(0, 1.4, (5, 2)), axis=1) for _ in range(2)]
    pair = [np.column_stack([times, random.integers(40, 90, 5)]) for times in notes]
    yours, right = (np.asarray(make(*pair, 8000, 1.0)) for make in (student, solution))
    for ear, name in enumerate(("left", "right")):
        same = np.corrcoef(np.abs(np.fft.rfft(yours[:, ear])), np.abs(np.fft.rfft(right[:, ear])))[0, 1]
        assert same > 0.9, f"Ten random notes sound different in the {name} ear."


def hidden_with_reverb(student, solution):
    music, random = _music(1)
    impulse = random.standard_normal(60_000) * np.exp(-np.arange(60_000) / 3000)
    assert np.allclose(student(music, impulse), solution(music, impulse), atol=1e-6), (
        "With a long impulse response it differs."
    )


def hidden_with_noise(student, solution):
    music, random = _music(1)
    noise = random.uniform(-1, 1, len(music))
    assert np.allclose(student(music, noise, 13), solution(music, noise, 13), atol=1e-6)


def hidden_equalised(student, solution):
    _, random = _music(1)
    for count in (5000, 5001):
        audio = random.standard_normal(count)
        assert np.allclose(student(audio, 16_000, 440, 880, -7), solution(audio, 16_000, 440, 880, -7), atol=1e-3)


def hidden_transposed(student, solution):
    music, random = _music(1)
    notes = np.column_stack([np.sort(random.uniform(0, 1, (20, 2)), axis=1), random.integers(21, 109, 20)])
    for semitones in (-12, 3):
        (sound, moved), (right, labels) = student(music, notes, semitones), solution(music, notes, semitones)
        assert np.allclose(moved, labels) and np.corrcoef(sound, right)[0, 1] > 0.9


def hidden_mixed_up(student, solution):
    random = np.random.default_rng(4)
    pairs = [(random.random((3, 2)), random.random((3, 5))) for _ in range(2)]
    for yours, right in zip(student(*pairs, 0.75), solution(*pairs, 0.75)):
        assert np.allclose(yours, right)


def hidden_masked_notes(student, solution):
    random = np.random.default_rng(4)
    notes = np.column_stack([np.sort(random.uniform(0, 9, (40, 2)), axis=1), random.integers(21, 109, 40)])
    found, right = (np.asarray(make(notes, 3.0, 5.5)) for make in (student, solution))
    assert found.shape == right.shape and np.allclose(found[np.lexsort(found.T)], right[np.lexsort(right.T)])


def hidden_denoised(student, solution):
    _cleaner(student, seed=1, most=0.25)


def hidden_total_loss(student, solution):
    generator = torch.manual_seed(7)
    logits = [3 * torch.randn(2, 5, bins, generator=generator) for bins in (264, 88, 88)]
    targets = [torch.rand(2, 5, bins, generator=generator) ** 3 for bins in (264, 88, 88)]
    for contour in (True, False):
        yours, right = (float(each(logits, targets, contour)) for each in (student, solution))
        assert abs(yours - right) < 1e-3, f"With soft targets the loss should be {right:.4f}; yours is {yours:.4f}."


def hidden_without_stacking(student, solution):
    stack = torch.randn(1, 8, 2, 264, generator=torch.manual_seed(7))
    assert torch.equal(student(stack), solution(stack))


def hidden_trained(student, solution):
    _learns(student, seed=1, least=0.9)
    clips = _clips(4, 2)
    other = [clips[0], torch.zeros_like(clips[1]), *clips[2:]]
    ours, theirs = (student(tuple(each), 3, 0, contour=False) for each in (clips, other))
    same = all(torch.allclose(ours[name].float(), theirs[name].float(), atol=1e-4) for name in ours)
    assert same, "Without Yp in the loss, its targets should make no difference."


def hidden_interval(student, solution):
    random = np.random.default_rng(7)
    for count in (2, 9):
        scores = random.random((2, count))
        assert np.allclose(student(*scores), solution(*scores))


### END HIDDEN
