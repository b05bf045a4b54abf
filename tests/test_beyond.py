"""Other networks with the same input and heads: what each computes, how far it sees, and what a few bits cost."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nmp_lessons import ablations, beyond, training
from nmp_lessons.beyond import (
    Attention,
    GRUConfig,
    GRUNet,
    SeparableConfig,
    TransformerConfig,
    attention_weights,
    by_distance,
)
from nmp_lessons.constants import NMP
from nmp_lessons.data.vocadito import singer
from nmp_lessons.errors import InputError
from nmp_lessons.files import read_rows
from nmp_lessons.model import Config, feature_posteriors, layers, multiply_adds, posteriors
from nmp_lessons.training import config_of

CONFIGS = [TransformerConfig(), GRUConfig(), SeparableConfig()]
KINDS = [config.kind for config in CONFIGS]


def awake(config, seed=0):
    """A network in which every weight does something, as after training."""
    torch.manual_seed(seed)
    net = config.network().eval()
    with torch.no_grad():
        for weights in net.parameters():
            if not weights.any():
                weights.normal_(std=0.1)
    return net


def music(frames=400, seed=0):
    """Features like those of music: few levels are high."""
    torch.manual_seed(seed)
    return torch.rand(1, frames, NMP.cqt_bins) ** 4


# Attention


def an_attention(places=30, width=12, heads=3, reach=40):
    torch.manual_seed(0)
    attention = Attention(width, heads=heads, reach=reach)
    nn.init.normal_(attention.distance)
    return attention.double(), torch.randn(2, places, width, dtype=torch.float64)


def by_the_library(attention, x):
    """PyTorch's attention with the same matrices, and minus infinity beyond the reach."""
    places, width = x.shape[1:]
    queries, keys, values = attention.qkv(x).unflatten(-1, (3, attention.count, -1)).permute(2, 0, 3, 1, 4)
    apart = torch.arange(places) - torch.arange(places)[:, None]
    bias = attention.distance[:, (apart + attention.reach).clamp(0, 2 * attention.reach)]
    bias = bias.masked_fill(apart.abs() > attention.reach, -torch.inf)
    heard = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias[None])
    return attention.output(heard.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("places, reach", [(1, 3), (4, 3), (30, 40), (30, 29), (30, 7), (29, 7), (31, 1), (88, 87)])
def test_attention_is_that_of_the_library_with_distances_and_a_band(places, reach):
    """In one piece and, where the row is longer than the reach, block by block."""
    attention, x = an_attention(places, reach=reach)
    torch.testing.assert_close(attention(x), by_the_library(attention, x))


def test_attention_by_hand():
    """Scores 0, log 2, 0 and log 3 for the distance −1: shares 3/6, 2/6, 1/6 (the exercise)."""
    attention = Attention(1, heads=1, reach=2).double()
    with torch.no_grad():
        attention.qkv.weight.copy_(torch.tensor([[1.0], [1.0], [1.0]]))
        attention.output.weight.fill_(1.0)
        attention.distance[0, 1] = np.log(3)  # of −2 … 2
        root = np.log(2) ** 0.5
        heard = attention(torch.tensor([[[0.0], [root], [0.0]]], dtype=torch.float64))
    assert float(heard[0, 1, 0]) == pytest.approx(2 / 6 * root)


def test_without_distances_attention_does_not_know_the_order():
    attention, x = an_attention()
    order = torch.randperm(30)
    assert not torch.allclose(attention(x)[:, order], attention(x[:, order]))
    nn.init.zeros_(attention.distance)
    torch.testing.assert_close(attention(x)[:, order], attention(x[:, order]))


def test_attention_commutes_with_translation():
    """Only distances count (eq-moved)."""
    attention, x = an_attention(60, reach=9)
    torch.testing.assert_close(attention(x.roll(5, dims=1))[:, 20:50], attention(x)[:, 15:45])


def test_a_row_does_not_depend_on_another():
    attention, x = an_attention(40, reach=6)
    torch.testing.assert_close(attention(x)[1:], attention(x[1:]))


# Cutting, delay, batch, transposition


@pytest.mark.parametrize("config", [TransformerConfig(), SeparableConfig()], ids=["transformer", "separable"])
def test_a_long_recording_may_be_cut(config):
    """Run in pieces with `reach` to spare it is what it is as a whole."""
    net, sound = awake(config), singer(10)
    whole = feature_posteriors(net, _features(net, sound))
    pieces = posteriors(net, sound)
    assert len(whole) > 600
    for head in ("contour", "note", "onset"):
        assert np.abs(getattr(whole, head) - getattr(pieces, head)).max() < 1e-5


def test_a_gru_cut_with_two_seconds_to_spare_differs_little():
    net, sound = awake(GRUConfig()), singer(10)
    whole, pieces = feature_posteriors(net, _features(net, sound)), posteriors(net, sound)
    assert np.abs(whole.onset - pieces.onset).max() < 1e-3


def test_a_trained_gru_remembers_more_than_two_seconds():
    """So its outputs near a cut are off, at worst by 0.1 or so, on average by less than 0.001."""
    net, sound = training.load("gru-0")[0], singer(10)
    whole, pieces = feature_posteriors(net, _features(net, sound)), posteriors(net, sound)
    off = np.abs(whole.onset - pieces.onset)
    assert off.max() < 0.15 and off.mean() < 1e-3


@pytest.mark.parametrize("config", [Config(), *CONFIGS], ids=["nmp", *KINDS])
def test_a_delay_moves_the_outputs_if_it_is_a_multiple_of_the_patch(config):
    """NMP and the GRU have no patches; with patches, a delay of one frame changes the outputs (chapter `beyond`)."""
    net, x = awake(config), music(560)
    patch, middle = getattr(config, "patch", 1), slice(250, 300)

    def apart(dropped):
        with torch.inference_mode():
            change = net.logits(x).onset[0, dropped:][middle] - net.logits(x[:, dropped:]).onset[0, middle]
        return change.abs().max()

    assert apart(patch) < 1e-3
    if patch > 1:
        assert apart(1) > 1e-2


def _features(net, sound):
    with torch.inference_mode():
        return net.features(torch.from_numpy(sound.resampled(NMP.sample_rate).audio)[None])


@pytest.mark.parametrize("config", CONFIGS, ids=KINDS)
def test_outputs_depend_on_nothing_beyond_the_context_and_on_something_within(config):
    net, x = awake(config), music(560)
    poked = x.clone()
    poked[:, 280] = 1
    with torch.inference_mode():
        change = (net.logits(x).onset - net.logits(poked).onset)[0].abs().amax(dim=1)
    felt = torch.nonzero(change > 1e-6)[:, 0] - 280
    patch = getattr(config, "patch", 1)
    assert felt.abs().max() > 4
    assert felt.abs().max() < net.context + patch


@pytest.mark.parametrize("config", CONFIGS, ids=KINDS)
def test_a_recording_does_not_depend_on_the_rest_of_its_batch(config):
    net, x = awake(config), music()
    with torch.inference_mode():
        alone, beside = net.logits(x), net.logits(torch.cat([music(seed=1), x]))
    for one, two in zip(alone, beside, strict=True):
        assert torch.allclose(one[0], two[1], atol=1e-4)


def test_swapped_axes_are_found_by_changing_the_batch():
    """The bug of the chapter: the same weights and shapes, and a GRU that runs from key to key."""
    net, x = awake(GRUConfig()), music()
    net.gru.batch_first = True
    with torch.inference_mode():
        alone, beside = net.logits(x).note, net.logits(torch.cat([x, music(seed=1)])).note
    assert alone.shape == beside[:1].shape and (alone - beside[:1]).abs().max() > 1e-3


def a_fifth_apart():
    """Music in the middle of the keyboard, and the same a fifth higher; silence around it."""
    low = torch.full((1, 60, NMP.cqt_bins), -1 / 6)
    high = low.clone()
    low[..., 100:190] = high[..., 121:211] = music(60)[:, :, 100:190]
    return low, high


def test_a_fifth_higher_is_remembered_a_fifth_higher():
    net = awake(GRUConfig())
    with torch.inference_mode():
        one, two = (net.logits(x).note[0] for x in a_fifth_apart())
    assert (one[:, 41:48] - two[:, 48:55]).abs().max() < 1e-4
    assert (one[:, 41:48] - two[:, 41:48]).abs().max() > 1e-2


def test_the_transformer_feels_the_ends_of_the_keyboard_little():
    """Every key queries all 88, so a fifth higher is nearly, not exactly, the same."""
    net = awake(TransformerConfig())
    with torch.inference_mode():
        one, two = (net.logits(x).note[0] for x in a_fifth_apart())
    apart, still = (one[:, 36:55] - two[:, 43:62]).abs().max(), (one[:, 36:55] - two[:, 36:55]).abs().max()
    assert apart < still / 4


@pytest.mark.parametrize("config", CONFIGS, ids=KINDS)
@pytest.mark.parametrize("frames", [1, 2, 3, 5, 29, 172])
def test_any_number_of_frames_is_answered(config, frames):
    heads = config.network().eval().logits(music(frames))
    assert [tuple(head.shape) for head in heads] == [(1, frames, bins) for bins in (264, 88, 88)]
    assert all(head.isfinite().all() for head in heads)


# GRU


def test_the_gru_is_its_equations():
    """eq-gates and eq-remember, written out, against the library, forward and backward."""
    torch.manual_seed(0)
    memory = nn.GRU(5, 4, bidirectional=True).double()
    x = torch.randn(9, 3, 5, dtype=torch.float64)
    forward = _remembered(memory, x, "l0")
    backward = _remembered(memory, x.flip(0), "l0_reverse").flip(0)
    torch.testing.assert_close(memory(x)[0], torch.cat([forward, backward], dim=-1))


def _remembered(memory, x, of):
    wr, wz, wn = getattr(memory, f"weight_ih_{of}").chunk(3)
    ur, uz, un = getattr(memory, f"weight_hh_{of}").chunk(3)
    br, bz, bn = getattr(memory, f"bias_ih_{of}").chunk(3)
    cr, cz, cn = getattr(memory, f"bias_hh_{of}").chunk(3)
    m, all_of_them = x.new_zeros(x.shape[1], 4), []
    for now in x:
        r = torch.sigmoid(now @ wr.T + br + m @ ur.T + cr)
        z = torch.sigmoid(now @ wz.T + bz + m @ uz.T + cz)
        n = torch.tanh(now @ wn.T + bn + r * (m @ un.T + cn))
        m = (1 - z) * n + z * m
        all_of_them.append(m)
    return torch.stack(all_of_them)


def test_every_key_has_the_same_gru_and_its_own_state():
    """Poke the lowest key's band: keys far above keep their answers."""
    net, x = awake(GRUConfig()), music(100)
    poked = x.clone()
    poked[:, 50, :3] += 0.5
    with torch.inference_mode():
        change = (net.logits(x).note - net.logits(poked).note)[0].abs().amax(dim=0)
    assert change[0] > 1e-4 and change[20:].max() < 1e-6


# Intervals


def test_intervals_are_a_convolution_along_the_keys():
    """eq-intervals with one channel after the other, against the library's convolution."""
    torch.manual_seed(0)
    block = beyond.Mixing(SeparableConfig(), dilation=2).double()
    x = torch.randn(2, 7, 88, block.time.shape[1], dtype=torch.float64)
    width = x.shape[-1]
    rows = x.permute(0, 1, 3, 2).reshape(-1, width, 88)  # (batch · frames, channels, keys)
    kernel = block.interval[:, None]
    expected = F.conv1d(rows, kernel, padding=block.intervals, groups=width)
    expected = expected.view(2, 7, width, 88).permute(0, 1, 3, 2)
    torch.testing.assert_close(block._over_intervals(x), expected)


# Looking inside


def test_listening_gives_shares_that_make_the_answers():
    net, x = awake(TransformerConfig()), music(160)
    found = attention_weights(net, x)
    assert len(found) == net.config.depth
    for block in found:
        for shares in block:
            assert shares.min() >= 0
            assert np.allclose(shares.sum(axis=-1), 1, atol=1e-5)
    moments = found[0].time.shape[-1]
    apart = np.abs(np.subtract.outer(np.arange(moments), np.arange(moments)))
    assert moments == 40 and (found[0].time[..., apart > net.config.patches] == 0).all()


def test_listening_is_what_the_network_used():
    """The shares, times what is told, give what a block's attention answers."""
    net, x = awake(TransformerConfig()), music(160)
    kept = {}
    attention = net.blocks[0].time
    attention.register_forward_hook(lambda module, given, out: kept.update(x=given[0], y=out))
    shares = torch.from_numpy(attention_weights(net, x)[0].time)
    values = attention.qkv(kept["x"]).unflatten(-1, (3, attention.count, -1))[:, :, 2].transpose(1, 2)
    heard = attention.output((shares @ values).transpose(1, 2).flatten(2))
    assert torch.allclose(heard, kept["y"], atol=1e-5)


def test_shares_by_distance_of_a_band():
    band = np.eye(5, k=1) * 0.5 + np.eye(5) * 0.25
    assert by_distance(band, 2) == pytest.approx([0, 0, 0.25, 0.5, 0])


# Counting


@pytest.mark.parametrize(
    "config, parameters",
    [
        (TransformerConfig(), 16_774),
        (GRUConfig(), 16_311),
        (TransformerConfig(width=64, depth=4, heads=4, hidden=128), 209_814),
    ],
)
def test_parameters(config, parameters):
    assert sum(weights.numel() for weights in config.network().parameters()) == parameters


def test_the_small_one_is_small():
    assert sum(weights.numel() for weights in SeparableConfig().network().parameters()) <= 30_000


def test_the_memorys_parameters_are_those_of_the_exercise():
    w, m = GRUConfig().width, GRUConfig().hidden
    assert sum(p.numel() for p in GRUNet().gru.parameters()) == 6 * (m * w + m**2 + 2 * m)


def test_multiply_adds_of_attention_are_those_of_the_formula():
    """eq-attention-cost, for keys alone."""
    attention, places, width = Attention(24, heads=2, reach=87), 88, 24
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        attention(torch.zeros(3, places, width))
    assert counter.get_total_flops() / 2 == 3 * places * (2 * width * places + 4 * width**2)


def test_nmp_is_counted_layer_by_layer():
    net = Config().network()
    assert multiply_adds(net) == sum(layer.macs for layer in layers(net)) == 2_816_088


# Settings and records


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: TransformerConfig(width=25), "width=25: give a multiple of heads=2"),
        (lambda: SeparableConfig(taps=6), "taps=6: give an odd number"),
        (lambda: config_of({"kind": "oracle"}), "kind='oracle': no such network; choose from transformer"),
    ],
)
def test_wrong_settings_get_one_message(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()


@pytest.mark.parametrize("config", CONFIGS, ids=KINDS)
def test_settings_survive_their_records(config):
    from dataclasses import asdict

    assert config_of(json.loads(json.dumps(asdict(config)))) == config


def test_published_scores_are_those_of_the_papers_table():
    """Where a row is in `ablations.PAPER`, too, both say the same to two digits."""
    paper = {data: scores[1] for data, scores in ablations.PAPER["NMP"].items()}
    rows = [
        row
        for row in read_rows(training.CHECKPOINTS / "published.csv")
        if row["system"] == "NMP" and row["measure"] == "Fno"
    ]
    for row in rows:
        if row["test"] in paper:
            assert float(row["value"]) == pytest.approx(paper[row["test"]], abs=0.005)
    assert {row["test"] for row in rows} >= {"MAESTRO", "GuitarSet"}


def test_measured_scores_agree_with_the_records():
    """Our networks in others.csv are those of the checkpoints: the same scores as in their records."""
    rows = read_rows(training.CHECKPOINTS / "others.csv")
    ours = {row["system"] for row in rows if row["system"] in ablations.experiments()}
    assert {"main-0", "main-1", "main-2"} <= ours
    for name in ours:
        found = [float(row["Fno"]) for row in rows if row["system"] == name]
        record = json.loads((training.CHECKPOINTS / f"{name}.json").read_text())
        assert found == pytest.approx(record["scores"]["real_piano"], abs=0.01)
    released = [float(row["Fno"]) for row in read_rows(training.CHECKPOINTS / "released.csv")]
    assert [float(row["Fno"]) for row in rows if row["system"] == "released"] == pytest.approx(released, abs=0.01)


def test_every_system_was_measured_on_the_same_recordings():
    """The chapter subtracts row from row."""
    rows = read_rows(training.CHECKPOINTS / "others.csv")
    measured = {row["system"]: [] for row in rows}
    for row in rows:
        measured[row["system"]].append((row["recording"], row["seconds"]))
    assert {"transkun", "harmonica large"} <= set(measured) and len(measured["released"]) == 10
    assert all(found == measured["released"] for found in measured.values())


def test_whole_numbers_were_measured_on_the_twelve_clips():
    rows = read_rows(training.CHECKPOINTS / "int8.csv")
    forms = {row["form"] for row in rows}
    assert len(forms) == 4 and len(rows) == len(forms) * len(ablations.EXCERPTS)
    recorded = ablations.recorded("main", "clean")[0]
    for form in ("float32, convolutions alone", "float32, as exported"):
        exact = [float(row["Fno"]) for row in rows if row["form"] == form]
        assert exact == pytest.approx(recorded, abs=0.01)


@pytest.mark.parametrize("config", [GRUConfig(), SeparableConfig()], ids=lambda config: config.kind)
def test_every_normalisation_is_one_that_training_settles_and_processes_share(config):
    """`training.recalibrate_batchnorm` and `training.CommonNorm` know `BatchNorm2d` alone."""
    norms = [layer for layer in config.network().modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    assert norms and all(isinstance(norm, nn.BatchNorm2d) for norm in norms)
