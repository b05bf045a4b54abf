"""Harmonic stacking: shifts, their rounding, and what a stacked note looks like."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from nmp_lessons.audio import piano
from nmp_lessons.constants import NMP
from nmp_lessons.cqt import CQT
from nmp_lessons.errors import InputError
from nmp_lessons.harmonic_stacking import HarmonicStacking, rounding_errors_in_cents, shifts, strongest_key_bin
from nmp_lessons.model import fixed_features

octaves_and_more = st.lists(st.floats(0.25, 16), min_size=1, max_size=6)


def test_the_released_shifts():
    assert shifts().tolist() == [-36, 0, 36, 57, 72, 84, 93, 101]


def test_the_fifth_harmonic_is_off_by_14_cents():
    """36 · log2 5 = 83.59; a bin is 100/3 cents."""
    errors = dict(zip(NMP.harmonics, rounding_errors_in_cents(), strict=True))
    assert errors[5] == pytest.approx((84 - 36 * np.log2(5)) * 100 / 3)
    assert errors[5] == pytest.approx(13.7, abs=0.05)
    assert abs(errors[3]) == pytest.approx(2.0, abs=0.05)
    assert errors[0.5] == errors[1] == errors[2] == errors[4] == 0


@given(octaves_and_more, st.sampled_from([12, 24, 36, 60]))
def test_rounding_is_never_off_by_more_than_half_a_bin(harmonics, bins_per_octave):
    errors = rounding_errors_in_cents(harmonics, bins_per_octave=bins_per_octave)
    assert np.abs(errors).max() <= 600 / bins_per_octave + 1e-9


@given(octaves_and_more, st.floats(-2, 2))
def test_each_channel_is_the_spectrum_shifted(harmonics, fill):
    bins, wide = 20, 40
    spectrum = torch.randn(2, 3, wide, generator=torch.manual_seed(0))
    stacked = HarmonicStacking(harmonics, bins_per_octave=6, bins=bins)(spectrum, fill=fill)
    assert stacked.shape == (2, len(harmonics), 3, bins)
    for channel, shift in enumerate(shifts(harmonics, bins_per_octave=6)):
        for k in range(bins):
            inside = 0 <= k + shift < wide
            expected = spectrum[..., k + shift] if inside else torch.full((2, 3), fill)
            assert torch.allclose(stacked[:, channel, :, k], expected)


def test_a_fill_may_be_a_tensor_and_carries_a_gradient():
    silence = torch.tensor([-1.0], requires_grad=True)
    stack = HarmonicStacking((0.5, 2), bins_per_octave=2, bins=3)
    spectrum = torch.randn(1, 1, 3)
    stacked = stack(spectrum, fill=silence)
    assert torch.allclose(stacked, stack(spectrum, fill=-1.0))
    stacked.sum().backward()
    assert silence.grad.item() == pytest.approx(4)  # two bins come in below, two above


def test_transposition_is_translation():
    """A spectrum moved up by n bins gives the same stack, moved up by n bins."""
    spectrum = torch.zeros(1, 1, 309)
    spectrum[..., 120:160] = torch.rand(40, generator=torch.manual_seed(0))
    stack = HarmonicStacking()
    moved = stack(spectrum.roll(9, dims=-1))
    assert torch.equal(moved[..., 60:200], stack(spectrum)[..., 51:191])


def test_the_partials_of_a_note_meet_in_its_bin():
    """A3 with seven equal partials: in its own bin all channels but the sub-octave are loud."""
    n = torch.arange(3 * NMP.sample_rate) / NMP.sample_rate
    audio = sum(0.1 * torch.sin(2 * torch.pi * 220 * h * n) for h in range(1, 8))
    cqt = CQT()
    power = cqt.power(audio[None]) / cqt.lengths[:, None]
    bin_a3 = 3 * (57 - NMP.lowest_pitch)
    channels = HarmonicStacking()(power.mT)[0, :, 129, bin_a3].sqrt()
    assert channels[0] < 0.001
    assert (channels[1:] > 0.03).all()  # 0.05 at the exact frequency, less for the rounded fifth


def test_the_layout_is_what_convolutions_like():
    stacked = HarmonicStacking()(torch.zeros(2, 5, NMP.cqt_bins))
    assert stacked.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("harmonics", [(), (1, 0), (-1,), (np.nan,), (np.inf,)])
@pytest.mark.parametrize("shifted", [HarmonicStacking, shifts, rounding_errors_in_cents])
def test_impossible_harmonics_are_refused(harmonics, shifted):
    with pytest.raises(InputError, match="positive"):
        shifted(harmonics)


@pytest.mark.parametrize("key", [40, 57, 69])
def test_the_strongest_harmonics_are_those_of_the_struck_key(key):
    frame = fixed_features(piano.note(key, seconds=2))[0, 86].numpy()
    assert abs(strongest_key_bin(frame.clip(0)) - NMP.bins_per_semitone * (key - NMP.lowest_pitch)) <= 1
