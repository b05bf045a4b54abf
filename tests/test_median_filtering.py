"""Medians and boxes: what they keep, what they remove, and that they are SciPy's."""

import librosa
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from nmp_lessons import ablations, model, training
from nmp_lessons.ablations import filters
from nmp_lessons.audio import Recording
from nmp_lessons.augmentation import interfere
from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from nmp_lessons.errors import InputError
from nmp_lessons.evaluation import onset_scores
from nmp_lessons.median_filtering import (
    MODES,
    box,
    box_response,
    box_variance,
    crackle,
    drop_packets,
    dropped,
    exact_median_variance,
    harmonic_percussive_masks,
    impulses,
    median,
    median_variance,
    neighbours,
    noise_density,
    over_time,
    ranked,
    relu_median,
    separated,
    strokes,
)
from nmp_lessons.model import Posteriors

VALUES = st.integers(-50, 50)
ROWS = arrays(np.float64, st.integers(1, 30), elements=VALUES)
MATRICES = arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=VALUES)
SIZES = st.sampled_from([1, 3, 5, 9])
ANY_MODE = st.sampled_from(list(MODES))


# SciPy's


@given(ROWS, SIZES, ANY_MODE)
def test_rows_are_filtered_as_by_scipy(row, size, mode):
    # As a column: for a single row SciPy 1.17 reads past its end where it mirrors and the row is half a window long.
    expected = ndimage.median_filter(row[:, None], (size, 1), mode=mode)[:, 0]
    assert np.array_equal(median(row, size, mode=mode), expected)
    assert np.allclose(box(row, size, mode=mode), ndimage.uniform_filter(row, size, mode=mode), atol=1e-10)


@given(MATRICES, SIZES, SIZES, ANY_MODE)
def test_matrices_are_filtered_as_by_scipy(matrix, rows, columns, mode):
    size = (rows, columns)
    assert np.array_equal(median(matrix, size, mode=mode), ndimage.median_filter(matrix, size, mode=mode))
    expected = ndimage.uniform_filter(matrix, size, mode=mode)
    assert np.allclose(box(matrix, size, mode=mode), expected, atol=1e-10)


@given(MATRICES, st.integers(0, 8), st.integers(-3, 3))
def test_every_rank_is_that_of_scipy_with_anything_outside(matrix, rank, outside):
    expected = ndimage.rank_filter(matrix, rank, size=3, mode="constant", cval=outside)
    assert np.array_equal(ranked(matrix, 3, rank, mode="constant", outside=outside), expected)


def test_the_largest_and_the_smallest_of_a_window_are_scipys_and_the_networks_max_pooling():
    row = np.random.default_rng(0).standard_normal(50)
    assert np.array_equal(ranked(row, 5, -1), ndimage.maximum_filter(row, 5))
    assert np.array_equal(ranked(row, 5, 0), ndimage.minimum_filter(row, 5))
    pooled = F.max_pool1d(torch.from_numpy(row)[None], 5, stride=1)[0].numpy()
    assert np.array_equal(ranked(row, 5, -1)[2:-2], pooled)


# What both keep


@given(VALUES, SIZES, st.sampled_from(["reflect", "nearest", "mirror", "wrap"]))
def test_both_keep_a_constant(value, size, mode):
    for constant in (np.full(12, float(value)), np.full((4, 7), float(value))):
        assert np.array_equal(median(constant, size, mode=mode), constant)
        assert np.allclose(box(constant, size, mode=mode), constant)


# What a median keeps


@given(ROWS, SIZES)
def test_a_median_keeps_a_monotone_sequence_whichever_way_it_goes(row, size):
    for monotone in (np.sort(row), np.sort(row)[::-1]):
        assert np.array_equal(median(monotone, size, mode="nearest"), monotone)


@given(ROWS, SIZES, ANY_MODE)
def test_a_median_commutes_with_maps_that_never_fall(row, size, mode):
    for rising in (np.cbrt, np.floor, np.arctan, lambda x: np.maximum(x, 3), lambda x: (x > 7).astype(float)):
        filtered = median(row, size, mode=mode, outside=0.0)
        outside = float(rising(np.array(0.0)))
        assert np.array_equal(median(rising(row), size, mode=mode, outside=outside), rising(filtered))


@given(ROWS, SIZES, ANY_MODE)
def test_a_median_commutes_with_turning_upside_down(row, size, mode):
    assert np.array_equal(median(-row, size, mode=mode), -median(row, size, mode=mode))


@given(ROWS, SIZES, VALUES)
def test_a_median_is_the_majority_at_every_threshold(row, size, threshold):
    majority = box((row > threshold).astype(float), size) > 0.5
    assert np.array_equal(median(row, size) > threshold, majority)


@given(st.integers(1, 6), st.integers(0, 20))
def test_a_burst_goes_if_it_is_a_minority_and_stays_whole_if_not(half, width):
    size, row = 2 * half + 1, np.zeros(60)
    row[20 : 20 + width] = 7
    left = median(row, size)
    assert np.array_equal(left, row if width > half else np.zeros(60))
    blurred = box(row, size)
    assert np.isclose(blurred.sum(), 7 * width)
    assert (blurred > 1e-9).sum() == (width + size - 1 if width else 0)
    assert np.isclose(blurred.max(), 7 * min(width, size) / size)


@given(st.integers(1, 8), st.data())
def test_a_minority_of_outliers_cannot_carry_a_median_beyond_the_intact_values(half, data):
    intact = data.draw(arrays(np.float64, half + 1, elements=VALUES))
    outliers = data.draw(arrays(np.float64, half, elements=st.floats(-1e9, 1e9)))
    window = np.array(data.draw(st.permutations([*intact, *outliers])))
    assert intact.min() <= median(window, 2 * half + 1)[half] <= intact.max()


def test_one_more_outlier_can():
    window = np.array([1.0, 2.0, 3.0, 1e6, 1e6, 1e6, 1e6])
    assert median(window, 7)[3] == 1e6 and box(window[:3], 3)[1] == 2 and box([1.0, 2.0, 1e6], 3)[1] > 1e5


@given(ROWS)
def test_a_peak_of_the_median_of_three_stands_on_a_dip(row):
    filtered = median(row, 3, mode="nearest")
    middle = filtered[1:-1]
    peaks = np.flatnonzero((middle > filtered[:-2]) & (middle > filtered[2:])) + 1
    assert all(row[t] < min(row[t - 1], row[t + 1]) for t in peaks)


# What a box is


@given(arrays(np.float64, (2, 20), elements=VALUES), VALUES, SIZES, ANY_MODE)
def test_a_box_is_linear(pair, factor, size, mode):
    first, second = pair
    apart = [box(row, size, mode=mode) for row in (first, second)]
    together = box(first + factor * second, size, mode=mode)
    assert np.allclose(together, apart[0] + factor * apart[1], atol=1e-9)


@given(ROWS, SIZES, st.integers(-20, 20))
def test_both_are_shift_equivariant(row, size, by):
    for smooth in (box, median):
        moved = smooth(np.roll(row, by), size, mode="wrap")
        assert np.allclose(moved, np.roll(smooth(row, size, mode="wrap"), by), atol=1e-12)


def test_a_median_is_not_linear():
    first, second = np.array([0, 1, 0]), np.array([1, 0, 0])
    assert median(first, 3)[1] + median(second, 3)[1] == 0 and median(first + second, 3)[1] == 1


def test_a_box_is_a_convolution_with_equal_weights():
    picture = np.random.default_rng(0).random((9, 12))
    weights = torch.full((1, 1, 3, 5), 1 / 15, dtype=torch.float64)
    convolved = F.conv2d(torch.from_numpy(picture)[None, None], weights)[0, 0].numpy()
    assert np.allclose(box(picture, (3, 5))[1:-1, 2:-2], convolved)


@given(arrays(np.float64, st.integers(3, 30), elements=VALUES))
def test_relus_and_differences_can_compute_a_median(row):
    assert np.array_equal(relu_median(torch.from_numpy(row)).numpy(), median(row, 3)[1:-1])


@pytest.mark.parametrize("size", [3, 5, 9])
def test_a_box_multiplies_a_cosine_by_its_dirichlet_kernel(size):
    place = np.arange(240)
    for cycles in (0, 7, 40, 80, 120):
        cosine = np.cos(2 * np.pi * cycles * place / 240)
        expected = box_response(cycles / 240, size) * cosine
        assert np.allclose(box(cosine, size, mode="wrap"), expected, atol=1e-12)


def test_the_variances_are_those_of_simulated_noise():
    rng = np.random.default_rng(0)
    for share in (0.0, 0.02, 0.1):
        noise = rng.standard_normal((20_000, 25))
        noise *= np.where(rng.random(noise.shape) < share, 10, 1)
        assert np.isclose(noise.mean(axis=1).var(), box_variance(25, share=share), rtol=0.06)
        assert np.isclose(np.median(noise, axis=1).var(), median_variance(25, share=share), rtol=0.1)


def gaussian(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def test_the_exact_variance_of_a_median_is_that_of_simulated_noise_and_tends_to_the_formula_for_large_windows():
    noise = np.random.default_rng(0).standard_normal((40_000, 9))
    assert np.isclose(np.median(noise, axis=1).var(), exact_median_variance(9, gaussian, farthest=20), rtol=0.03)
    assert np.isclose(exact_median_variance(1, gaussian, farthest=20), 1, rtol=1e-4)
    assert np.isclose(exact_median_variance(801, gaussian, farthest=20), median_variance(801), rtol=0.01)


@pytest.mark.parametrize("size", [3, 9, 51])
def test_on_laplacian_noise_a_median_beats_a_box_although_there_are_no_outliers(size):
    assert exact_median_variance(size, lambda x: np.exp(-x) / 2) < 2 / size
    assert exact_median_variance(size, gaussian, farthest=20) > box_variance(size)


# In the network and on posteriorgrams


def test_the_networks_own_switch_is_this_median():
    features = np.random.default_rng(0).random((40, 309)).astype(np.float32)
    switched = model.median_in_time(torch.from_numpy(features)[None], 5)[0].numpy()
    assert np.array_equal(switched, median(features, (5, 1), mode="nearest"))


def test_a_posteriorgram_is_filtered_along_time_key_by_key():
    rng = np.random.default_rng(0)
    heard = Posteriors(None, rng.random((30, 88)), rng.random((30, 88)), np.arange(30) / NMP.frame_rate)
    calmed = over_time(heard, median, 3)
    assert calmed.contour is None and np.array_equal(calmed.times, heard.times)
    for key in (0, 40, 87):
        assert np.array_equal(calmed.onset[:, key], median(heard.onset[:, key], 3, mode="nearest"))


# Noise


def test_as_many_places_are_wrong_as_was_asked_and_no_others():
    values = np.full((400, 50), 0.5)
    hit = impulses(values, share=0.1, rng=np.random.default_rng(0))
    assert set(np.unique(hit)) == {0.0, 0.5, 1.0}
    assert abs((hit != 0.5).mean() - 0.1) < 0.01
    gone = dropped(values, share=0.2, rng=np.random.default_rng(0))
    empty = ~gone.any(axis=1)
    assert abs(empty.mean() - 0.2) < 0.06 and (gone[~empty] == 0.5).all()


def test_a_click_lasts_as_long_as_was_asked():
    calm = Recording(np.zeros(20_000), 22_050)
    clicked = crackle(calm, share=0.001, rng=np.random.default_rng(0), length=4, height=0.3).audio
    assert set(np.abs(clicked).round(3)) == {0.0, np.float32(0.3)}
    assert not median(clicked, 9).any() and median(clicked, 7).any()


def test_lost_packets_are_silent_and_the_others_whole():
    loud = Recording(np.ones(1000), 22_050)
    left = drop_packets(loud, share=0.5, rng=np.random.default_rng(2), samples=100).audio
    assert len(left) == 1000
    assert all(len(set(packet)) == 1 for packet in left.reshape(-1, 100)) and 0 < left.mean() < 1


# Strokes and tones


@pytest.fixture(scope="module")
def mixture():
    piece = maestro.performance("chopin-nocturne").segment(5, 3, rate=NMP.sample_rate)
    return interfere(piece, strokes(3, rng=np.random.default_rng(0)), ratio=0)


def test_the_masks_are_librosas(mixture):
    magnitude = np.abs(librosa.stft(mixture.audio, n_fft=1024, hop_length=256))
    ours = harmonic_percussive_masks(magnitude, size=17)
    theirs = librosa.decompose.hpss(magnitude, kernel_size=17, mask=True)
    for mask, expected in zip(ours, theirs, strict=True):
        assert np.allclose(mask, expected, atol=1e-5)


def test_harmonic_and_percussive_part_add_up_to_the_whole(mixture):
    harmonic, percussive = separated(mixture)
    assert np.allclose(harmonic.audio + percussive.audio, mixture.audio, atol=1e-5)


def test_a_tone_is_harmonic_and_a_click_is_percussive():
    time = np.arange(NMP.sample_rate) / NMP.sample_rate
    tone, click = 0.3 * np.sin(2 * np.pi * 440 * time), np.zeros(len(time))
    click[len(click) // 2] = 0.9
    for audio, mostly in ((tone, 0), (click, 1)):
        parts = [np.sum(part.audio**2) for part in separated(Recording(audio, NMP.sample_rate))]
        assert parts[mostly] > 20 * parts[1 - mostly]


# Bad input


@pytest.mark.parametrize(
    "values, size, mode, message",
    [
        ([1.0, 2.0], 4, "reflect", "an even window has no middle"),
        ([1.0, 2.0], (3, 3), "reflect", "one odd number for each of 1 axes"),
        ([[1.0, 2.0]], (3, -1), "reflect", "one odd number for each of 2 axes"),
        ([], 3, "reflect", r"values of shape \(0,\)"),
        ([1.0, np.nan], 3, "reflect", "finite"),
        (np.zeros((2, 2, 2)), 3, "reflect", "a row or a matrix"),
        ([1.0], 3, "symmetric", "mode 'symmetric': there are reflect, nearest"),
    ],
)
def test_what_cannot_be_filtered_is_refused_with_a_reason(values, size, mode, message):
    for smooth in (box, median, neighbours):
        with pytest.raises(InputError, match=message):
            smooth(values, size, mode=mode)


def test_ranks_and_shares_beyond_their_range_are_refused():
    with pytest.raises(InputError, match="rank=3: a window of 3 has the ranks 0 to 2"):
        ranked([1.0, 2.0], 3, 3)
    with pytest.raises(InputError, match="share=2"):
        dropped(np.ones(3), share=2, rng=np.random.default_rng(0))


@given(ROWS, SIZES)
def test_the_given_array_is_left_alone(row, size):
    before = row.copy()
    median(row, size)
    box(row, size)
    impulses(row, share=0.5, rng=np.random.default_rng(0))
    assert np.array_equal(row, before)


# The table of filters


@pytest.fixture(scope="module")
def measured():
    return ablations.measured_filters()


def test_every_filter_has_a_decoder_of_its_own_for_every_noise(measured):
    noises = filters.RECORDING_NOISES | filters.POSTERIOR_NOISES
    expected = {(n, f, d) for n in noises for f in filters.filters_for(n) for d in filters.DECODERS}
    assert measured.keys() == expected
    assert all(one.scores.shape == (12,) and (one.scores <= 1).all() for one in measured.values())
    for noise, chosen, which in measured:
        if which == "original":
            assert measured[noise, chosen, which].decoder == measured["clean", ablations.NO_FILTER, which].decoder


def test_decoders_are_fitted_on_other_performances_than_they_are_scored_on():
    fitted = {one.name for one in maestro.book_set().performances("train")}
    assert fitted.isdisjoint(name for name, _ in filters.CLIPS) and len(fitted) == 8


def test_a_row_of_the_table_of_filters_is_measured_again(measured):
    network, _ = training.load("main-0")
    chosen = ablations.Filter("CQT", "median", 3)
    decoder, scores = measured["clicks", chosen, "refitted"]
    clip = ablations.scored_clips()[0]
    again = decoder(ablations.filtered_posteriors(network, clip, "clicks", chosen, seed=0))
    assert abs(onset_scores(clip.reference, again)["Fno"] - scores[0]) < 0.03


def test_signs_are_flipped_in_all_ways():
    assert ablations.sign_flip_p([1.0] * 12) == 2 / 2**12 and ablations.sign_flip_p([0.0, 0.0]) == 1
    with pytest.raises(InputError, match="one to twenty"):
        ablations.sign_flip_p(np.ones(21))


def test_an_unknown_noise_is_refused():
    network, _ = training.load("main-0")
    with pytest.raises(InputError, match="there are clean, clicks"):
        ablations.filtered_posteriors(network, Recording(np.ones(22_050), 22_050), "rain")


@pytest.mark.parametrize("tails", [0.7, 1.0, 2.0, 8.0])
def test_noise_has_area_one_and_the_variance_that_its_name_says(tails):
    x = np.linspace(-200, 200, 2_000_001)
    for share in (0.0, 0.1):
        p = noise_density(tails, share=share)(x)
        assert np.isclose(np.trapezoid(p, x), 1, atol=1e-4)
        assert np.isclose(np.trapezoid(p * x**2, x), box_variance(1, share=share), rtol=2e-2)


def test_noise_with_lighter_tails_than_gaussian_favours_the_box_and_laplacian_noise_the_median():
    left = {tails: 9 * exact_median_variance(9, noise_density(tails)) for tails in (1.0, 2.0, 8.0)}
    assert left[1.0] < 1 < left[2.0] < left[8.0]
    with pytest.raises(InputError, match="tails=0"):
        noise_density(0.0)
