"""What a few bits cost: weights on a grid, its error, and the bytes that are stored."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

from nmp_lessons import ablations, training
from nmp_lessons.beyond import quantise, quantise_weights, stored_bytes
from nmp_lessons.errors import InputError
from nmp_lessons.model import feature_posteriors, fixed_features


def tensors(bits=st.integers(1, 10)):
    values = st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=40)
    return st.tuples(values.map(torch.tensor), bits)


@given(tensors())
def test_no_weight_moves_by_more_than_half_a_step(given_):
    """And by one step at the ends, where zero's own rounding may push a code off the grid."""
    x, bits = given_
    found = quantise(x, bits)
    assert found.codes.min() >= 0 and found.codes.max() <= 2**bits - 1
    assert torch.equal(found.codes, found.codes.round())
    assert (found.values - x).abs().max() <= float(found.scale) * 1.001 + 1e-6
    inside = (found.codes > 0) & (found.codes < 2**bits - 1)
    assert ((found.values - x).abs()[inside] <= float(found.scale) * 0.501 + 1e-6).all()


@given(tensors())
def test_zero_stays_zero(given_):
    x, bits = given_
    x[0] = 0
    assert quantise(x, bits).values[0] == 0


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_rounding_is_that_of_the_library(bits):
    torch.manual_seed(0)
    x = torch.randn(8, 5, 3, 3)
    found = quantise(x, bits)
    expected = torch.fake_quantize_per_tensor_affine(x, float(found.scale), int(found.zero), 0, 2**bits - 1)
    torch.testing.assert_close(found.values, expected)
    found = quantise(x, bits, per_channel=True)
    scale, zero = found.scale.flatten(), found.zero.flatten()
    expected = torch.fake_quantize_per_channel_affine(x, scale, zero, 0, 0, 2**bits - 1)
    torch.testing.assert_close(found.values, expected)


def test_the_grid_is_that_of_the_librarys_observer():
    from torch.ao.quantization import MinMaxObserver

    torch.manual_seed(0)
    x = torch.randn(1000)
    observer = MinMaxObserver(dtype=torch.quint8, qscheme=torch.per_tensor_affine)
    observer(x)
    scale, zero = observer.calculate_qparams()
    found = quantise(x, 8)
    assert float(found.scale) == pytest.approx(float(scale)) and int(found.zero) == int(zero)


def test_a_bit_is_worth_six_decibels():
    """eq-codes-error and eq-codes-snr, on weights that fill the grid evenly."""
    torch.manual_seed(0)
    x = torch.rand(200_000) * 2 - 1
    for bits in (4, 6, 8):
        found = quantise(x, bits)
        off = found.values - x
        assert float(off.std()) == pytest.approx(float(found.scale) / 12**0.5, rel=0.02)
        steps = 2**bits - 1
        assert float(20 * torch.log10(x.std() / off.std())) == pytest.approx(20 * np.log10(steps), abs=0.1)


def test_a_grid_for_each_channel_is_finer_where_channels_differ():
    torch.manual_seed(0)
    x = torch.randn(4, 1000) * torch.tensor([[0.01], [0.1], [1.0], [10.0]])
    one, each = (quantise(x, 8, per_channel=flag).values - x for flag in (False, True))
    assert each[0].abs().max() < one[0].abs().max() / 50
    assert torch.equal(each[3], one[3]) or each[3].abs().max() <= one[3].abs().max()


def test_a_rounded_network_answers_nearly_the_same_and_the_first_is_left_alone():
    net, _ = training.load("main-0")
    x = fixed_features(ablations.disturbed_clip("chopin-nocturne", 20.0, "clean"))[:, :400]
    before = feature_posteriors(net, x)
    rounded = quantise_weights(net, 8)
    after = feature_posteriors(net, x)
    assert np.array_equal(before.onset, after.onset)
    errors = [
        np.abs(feature_posteriors(quantise_weights(net, bits), x).note - before.note).mean() for bits in (3, 5, 8)
    ]
    assert 0 < errors[2] < errors[1] < errors[0] and errors[2] < 0.01
    values = {len(set(row.flatten().tolist())) for row in rounded.contour.weight.detach()}
    assert max(values) <= 256


def test_bytes_are_counted_by_hand():
    """A layer of 4 × 10 with 4 biases: 40 codes of 4 bits, 4 grids of 5 bytes, 4 biases of 4."""
    layer = nn.Linear(10, 4)
    assert stored_bytes(layer, 4) == 20 + 4 * 5 + 16
    assert stored_bytes(layer, 4, per_channel=False) == 20 + 5 + 16
    assert stored_bytes(layer) == 176


@pytest.mark.parametrize("bits", [0, -1, 17, 32])
def test_bits_that_make_no_sense_are_refused(bits):
    with pytest.raises(InputError, match=f"bits={bits}: give an integer from 1 to 16"):
        quantise(torch.ones(3), bits)


def test_what_is_no_number_is_refused():
    with pytest.raises(InputError, match="not finite"):
        quantise(torch.tensor([1.0, torch.nan]))
