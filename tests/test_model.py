"""The network and its variants: counted by hand, and the same whatever the order of the sums."""

import numpy as np
import pytest
import torch
from torch import nn

from nmp_lessons._fast.convolution import Conv, transform_size
from nmp_lessons.audio import Recording
from nmp_lessons.constants import NMP
from nmp_lessons.cqt import NORMALISATIONS
from nmp_lessons.errors import InputError
from nmp_lessons.model import (
    CHOICES,
    Config,
    NMPNet,
    Posteriors,
    inference,
    layers,
    network,
    posteriors,
    receptive_field,
    released,
    run_windows,
    windows,
)


def trainable(**switches) -> int:
    return sum(weights.numel() for weights in NMPNet(Config(**switches)).parameters())


def noise(seconds: float, *, seed: int = 0) -> Recording:
    samples = int(seconds * NMP.sample_rate)
    return Recording(0.1 * np.random.default_rng(seed).standard_normal(samples), NMP.sample_rate)


# Each count by hand: out · (in · time · frequency + 1), and two for each normalised channel.
INPUT = 2
CONTOUR = 8 * (8 * 3 * 39 + 1) + 16
CONTOUR_OUT = 1 * (8 * 5 * 5 + 1)
NOTE = 32 * (1 * 7 * 7 + 1)
NOTE_OUT = 1 * (32 * 7 * 3 + 1)
ONSET = 32 * (8 * 5 * 5 + 1) + 64
ONSET_OUT = 1 * (33 * 3 * 3 + 1)
RELEASED = INPUT + CONTOUR + CONTOUR_OUT + NOTE + NOTE_OUT + ONSET + ONSET_OUT


def missing(filters: int) -> int:
    return filters * (8 * 5 * 5 + 1) + 2 * filters


HAND_COUNTS = [
    ({}, 16_782, RELEASED),
    ({"missing": "series"}, 45_742, RELEASED + missing(32) + 8 * (32 - 8) * 3 * 39),
    ({"missing": "series", "missing_filters": 16}, 27_518, RELEASED + missing(16) + 8 * (16 - 8) * 3 * 39),
    ({"missing": "parallel"}, 24_078, RELEASED + missing(32) + 32 * 5 * 5),
    ({"missing": "parallel", "missing_filters": 16}, 20_430, RELEASED + missing(16) + 16 * 5 * 5),
    ({"stacking": False}, 4_630, RELEASED - 8 * 7 * 3 * 39 - 32 * 7 * 5 * 5),
    ({"contour": False}, 27_557, RELEASED - CONTOUR_OUT + 32 * 7 * 7 * 7),
    ({"padding": "centred"}, 16_782, RELEASED),
    ({"normalisation": "fixed", "fill": "silence"}, 16_782, RELEASED),
]


@pytest.mark.parametrize("switches, total, by_hand", HAND_COUNTS)
def test_every_variant_has_the_parameters_counted_by_hand(switches, total, by_hand):
    assert trainable(**switches) == total == by_hand
    assert sum(layer.parameters for layer in layers(NMPNet(Config(**switches)))) == total


def test_the_parameter_table():
    table = {layer.name: layer for layer in layers(NMPNet())}
    assert {name: layer.parameters for name, layer in table.items()} == {
        "input_norm": INPUT,
        "contour": CONTOUR,
        "contour_out": CONTOUR_OUT,
        "note": NOTE,
        "note_out": NOTE_OUT,
        "onset": ONSET,
        "onset_out": ONSET_OUT,
    }
    assert table["contour"].macs == 264 * 8 * 8 * 3 * 39
    assert table["onset"].macs == 88 * 32 * 8 * 5 * 5
    assert table["note"].stride == 3 and table["note"].kernel == (7, 7)


def test_multiply_adds_of_a_window():
    total = NMP.window_frames * sum(layer.macs for layer in layers(NMPNet()))
    assert total == 172 * (264 * (7488 + 200) + 88 * (1568 + 672 + 6400 + 297))
    share = {layer.name: layer.macs * NMP.window_frames / total for layer in layers(NMPNet())}
    assert max(share, key=share.get) == "contour"


def test_statistics_of_the_normalisations_are_not_trained():
    statistics = [name for name, _ in NMPNet().named_buffers() if "running" in name]
    assert sum(NMPNet().state_dict()[name].numel() for name in statistics) == 82


VARIANTS = [
    Config(),
    Config(missing="series"),
    Config(missing="series", missing_filters=16),
    Config(missing="parallel"),
    Config(stacking=False),
    Config(contour=False),
    Config(contour=False, missing="parallel"),
    Config(padding="centred"),
    Config(normalisation="fixed", fill="silence"),
]


def randomised(config: Config) -> NMPNet:
    """A network whose normalisations do something."""
    torch.manual_seed(0)
    net = NMPNet(config)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias)
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 1.5)
    return net.eval()


@pytest.mark.parametrize("config", VARIANTS, ids=str)
def test_the_fast_order_of_sums_gives_the_plain_result(config, monkeypatch):
    """Spectra, channels one by one, folded normalisations against `nn.Conv2d` and `nn.BatchNorm2d`."""
    net = randomised(config)
    features = torch.rand(2, 40, NMP.cqt_bins, generator=torch.manual_seed(1))
    with torch.no_grad():
        fast = net.logits(features)
        monkeypatch.setattr(Conv, "forward", lambda conv, x, inner=False: nn.Conv2d.forward(conv, x))
        monkeypatch.setattr(network, "_normed", lambda conv, norm, x, inner: norm(conv(x)).relu())
        plain = net.logits(features)
    for head, one, other in zip(fast._fields, fast, plain, strict=True):
        if one is None:
            assert head == "contour" and not config.contour
            continue
        assert one.shape == (2, 40, 264 if head == "contour" else 88)
        assert torch.allclose(one, other, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("config", VARIANTS, ids=str)
def test_the_inner_frames_need_no_padding_and_depend_on_no_end(config):
    net = randomised(config).double()
    features = torch.rand(1, 60, NMP.cqt_bins, generator=torch.manual_seed(1), dtype=torch.float64)
    context = net.context
    with torch.no_grad():
        whole, inner = net.logits(features), net.logits(features, inner=True)
        elsewhere = net.logits(torch.rand_like(features).index_copy(1, torch.arange(20, 41), features[:, 20:41]))
    for one, other, changed in zip(whole, inner, elsewhere, strict=True):
        if one is not None:
            assert torch.allclose(one[:, context:-context], other, atol=1e-12)
            if context <= 10:  # the middle frame of these 21
                assert torch.allclose(one[:, 30], changed[:, 30], atol=1e-12)


@pytest.mark.parametrize("config", VARIANTS, ids=str)
def test_every_weight_of_every_variant_learns(config):
    net = NMPNet(config)
    heads = net.logits(torch.rand(2, 20, NMP.cqt_bins, generator=torch.manual_seed(0)))
    sum(head.square().mean() for head in heads if head is not None).backward()
    for name, weights in net.named_parameters():
        assert weights.grad is not None and torch.isfinite(weights.grad).all(), name


@pytest.mark.parametrize("frames", [1, 2, 84, 85, 200])
def test_wide_kernels_by_frequencies_are_convolutions(frames):
    """Pieces of any length join, nothing comes round, and in float64 the two agree to rounding."""
    torch.manual_seed(frames)
    layer = Conv(3, 4, (3, 39), padding=(1, 19)).double()
    x = torch.randn(2, 3, frames, 264, dtype=torch.float64)
    plain = nn.functional.conv2d(x, layer.weight, layer.bias, padding=(1, 19))
    assert (layer(x) - plain).abs().max() < 1e-13
    assert transform_size(264, 39) >= 264 + 39 // 2


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize(
    "channels, kernel, stride, padding",
    [
        ((8, 1), (5, 5), 1, (2, 2)),
        ((8, 4), (3, 39), 1, (1, 19)),
        ((1, 32), (7, 7), 3, (3, 2)),  # Yn, padded as released
        ((1, 32), (7, 7), 3, (3, 3)),
        ((8, 32), (5, 5), 3, (2, 1)),
        ((4, 3), (3, 2), 2, (1, 0)),
    ],
)
def test_the_fast_layers_and_their_gradients_are_those_of_a_convolution(channels, kernel, stride, padding, inner):
    torch.manual_seed(0)
    layer = Conv(*channels, kernel, stride=(1, stride), padding=padding).double()
    x = torch.randn(2, channels[0], 9, 24, dtype=torch.float64, requires_grad=True)
    plain = nn.functional.conv2d(x, layer.weight, layer.bias, layer.stride, (padding[0] * (not inner), padding[1]))
    fast = layer(x, inner=inner)
    assert (fast - plain).abs().max() < 1e-12
    inputs, gradient = (x, layer.weight, layer.bias), torch.randn_like(plain)
    for one, other in zip(*(torch.autograd.grad(y, inputs, gradient) for y in (fast, plain)), strict=True):
        assert (one - other).abs().max() < 1e-10


def test_released_padding_centres_key_n_on_bin_3n_plus_1_and_centred_on_3n():
    for padding, offset in (("released", 1), ("centred", 0)):
        net = NMPNet(Config(padding=padding, contour=False))
        with torch.no_grad():
            net.onset.weight.zero_()
            net.onset.weight[:, :, 2, 2] = 1  # the middle of the kernel only
            net.onset.bias.zero_()
            stack = torch.zeros(1, 8, 5, 264)
            key = 40
            stack[..., 3 * key + offset] = 1
            answer = net.onset(stack)[0, 0, 2]
        assert answer.nonzero().flatten().tolist() == [key]


def test_one_bin_off_gives_the_same_shape_and_another_answer():
    """PyTorch's habit of k // 2 fails silently: shapes agree, answers differ by up to .5 and more."""
    right = released.load()
    wrong = NMPNet(Config(padding="centred")).eval()
    wrong.load_state_dict(right.state_dict())
    audio = 0.1 * torch.randn(1, NMP.window_samples, generator=torch.manual_seed(0))
    with torch.inference_mode():
        one, other = right(audio), wrong(audio)
    assert one.onset.shape == other.onset.shape
    assert (one.onset - other.onset).abs().max() > 0.1


def test_receptive_fields():
    """By hand: heights 3 and 5 give 1 + 2 + 4 = 7 frames; two kernels of 7 add 12; one of 3 adds 2."""
    net = NMPNet()
    frames = [receptive_field(net, head, at=40).frames for head in ("contour", "note", "onset")]
    assert frames == [7, 19, 21]
    contour = receptive_field(net, "contour", at=132)
    reach = 39 // 2 + 5 // 2
    assert contour.bins[0] == 132 - 36 - reach
    assert contour.bins[-1] == 132 + 101 + reach
    without = receptive_field(NMPNet(Config(stacking=False)), "contour", at=132)
    assert len(without.bins) == 2 * reach + 1
    assert max(frames) // 2 <= net.context


def test_whole_files_are_exact_whatever_the_chunks(monkeypatch):
    net = randomised(Config(normalisation="fixed"))
    recording = noise(9.3)
    with torch.inference_mode():
        heads = net(torch.from_numpy(recording.audio)[None])
    for chunk in (100, 333, 10_000):
        monkeypatch.setattr(inference, "CHUNK_FRAMES", chunk)
        monkeypatch.setattr(inference, "PIECE_FRAMES", max(37, chunk // 3))
        found = posteriors(net, recording)
        for head in heads._fields:
            whole = getattr(heads, head)[0].numpy()
            assert getattr(found, head).shape == whole.shape
            assert np.abs(getattr(found, head) - whole).max() < 1e-5


def test_windows_run_on_what_their_kept_frames_depend_on():
    """Leaving out the frames that will be dropped changes nothing."""
    net = released.load()
    audio = noise(5).audio
    cut = windows(audio, hop=released.RELEASED_HOP)
    with torch.inference_mode():
        full = [head[:, 15:157].flatten(0, 1).numpy() for head in net(torch.from_numpy(cut))]
    for one, other in zip(run_windows(net, audio, hop=released.RELEASED_HOP), full, strict=True):
        assert np.abs(one.numpy() - other).max() < 1e-6


def test_windows_cut_in_turn_are_those_cut_at_once():
    """The overlap's half of silence comes first, zeros last, and every sample stands where it did."""
    audio = np.arange(1, 100_001, dtype=np.float32)
    cut = windows(audio, hop=released.RELEASED_HOP)
    assert cut.shape == (3, NMP.window_samples)
    assert not cut[0, :3840].any() and cut[0, 3840] == 1
    assert cut[1, 0] == released.RELEASED_HOP - 3840 + 1
    assert cut[2].max() == 100_000 and not cut[2, 100_000 - 2 * released.RELEASED_HOP + 3840 :].any()
    for first in range(3):
        assert np.array_equal(windows(audio, hop=released.RELEASED_HOP, first=first, last=first + 1)[0], cut[first])


def test_frames_have_their_true_times():
    found = posteriors(released.load(), noise(4.0))
    assert len(found) == 4 * NMP.sample_rate // NMP.hop + 1
    assert np.allclose(found.times, np.arange(len(found)) * NMP.hop / NMP.sample_rate)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_short_recordings_have_posteriors_too(normalisation):
    found = posteriors(NMPNet(Config(normalisation=normalisation)).eval(), noise(0.2))
    assert found.note.shape == (0.2 * NMP.sample_rate // NMP.hop + 1, 88)


def test_a_network_without_yp_has_no_contour():
    found = posteriors(NMPNet(Config(contour=False)).eval(), noise(0.5))
    assert found.contour is None and found.onset.shape[1] == 88


def test_other_sample_rates_are_resampled():
    rate = 44_100
    time = np.arange(2 * rate) / rate
    recording = Recording(0.3 * np.sin(2 * np.pi * 440 * time), rate)
    found = posteriors(released.load(), recording)
    assert found.note[20:-20].mean(axis=0).argmax() == 69 - NMP.lowest_pitch


def test_silence_as_a_fill_is_what_the_network_makes_of_silence():
    net = randomised(Config(normalisation="fixed", fill="silence"))
    silence = NORMALISATIONS["fixed"](torch.zeros(1, 2, NMP.cqt_bins))
    stack = net.stack(silence)
    assert torch.allclose(stack, stack[0, 0, 0, 0].expand_as(stack), atol=1e-6)


def test_the_released_fill_is_not_silence():
    """After the trained normalisation, the faintest bin is at −0.88, and the fill at 0."""
    net = released.load()
    stack = net.stack(torch.zeros(1, 1, NMP.cqt_bins)).detach()
    assert float(stack.min()) == pytest.approx(-0.877, abs=1e-3)
    assert float(stack.max()) == 0


@pytest.mark.parametrize("switch", list(CHOICES))
def test_unknown_positions_of_switches_are_refused(switch):
    with pytest.raises(InputError, match="choose one of"):
        Config(**{switch: "sideways"})
    with pytest.raises(InputError, match="at least 1"):
        Config(missing_filters=0)


def test_posteriors_must_fit_together():
    with pytest.raises(InputError, match="onset"):
        Posteriors(None, np.zeros((3, 88)), np.zeros((4, 88)), np.arange(3))
