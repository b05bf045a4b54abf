"""Denoising: what the best answer is, that a small network comes near it, and what of it can be heard."""

import numpy as np
import pytest
import torch

from nmp_lessons.audio import Recording
from nmp_lessons.augmentation import (
    FLOOR,
    denoising,
    error_in_db,
    filtered,
    pairs,
    posterior_mean,
    train,
    tweedie,
    white_noise,
)
from nmp_lessons.constants import NMP
from nmp_lessons.errors import InputError

RATE = NMP.sample_rate


def beeps(seconds=1.5, frequency=440.0):
    """A tone that is switched on and off four times a second."""
    time = np.arange(int(seconds * RATE)) / RATE
    return Recording(0.2 * np.sin(2 * np.pi * frequency * time) * (np.sin(8 * np.pi * time) > 0), RATE)


@pytest.fixture(scope="module")
def made():
    """Noisy and clean features of three tones at two ratios, and a denoiser trained on them."""
    recordings = [beeps(frequency=f) for f in (220.0, 440.0, 660.0)]
    noisy, clean = pairs(recordings, ratios=(0.0, 10.0), rng=np.random.default_rng(0))
    return noisy, clean, *train(noisy, clean, steps=40, batch=4)


@pytest.mark.slow
def test_pairs_are_the_same_music_with_noise_and_without(made):
    noisy, clean, *_ = made
    assert noisy.shape == clean.shape == (6, 130, NMP.cqt_bins)
    assert torch.equal(clean[0], clean[1]) and not torch.equal(noisy[0], noisy[1])
    softer, louder = (error_in_db(noisy[i : i + 1], clean[i : i + 1]) for i in (1, 0))
    assert clean.min() >= FLOOR and louder > softer > 3


@pytest.mark.slow
def test_training_lowers_the_error_on_a_tone_that_it_never_heard(made):
    *_, model, losses = made
    assert np.mean(losses[-5:]) < 0.5 * losses[0]
    noisy, clean = pairs([beeps(frequency=550.0)], ratios=(0.0,), rng=np.random.default_rng(1))
    with torch.inference_mode():
        assert error_in_db(model(noisy), clean) < 0.8 * error_in_db(noisy, clean)


@pytest.mark.slow
def test_one_seed_gives_one_denoiser(made):
    noisy, clean, *_ = made
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    first, again = (train(noisy, clean, steps=3, batch=2, seed=4)[1] for _ in range(2))
    torch.set_num_threads(threads)
    assert first == again


def test_the_filter_does_nothing_when_nothing_changed_and_silences_what_fell():
    sound = white_noise(beeps(), ratio=10, rng=np.random.default_rng(2))
    level = torch.full((130, NMP.cqt_bins), 0.9)
    same = filtered(sound, level, level + 0.2)  # nothing is made louder
    assert np.allclose(same.audio, sound.audio, atol=1e-4)
    softer = filtered(sound, level, level - 0.5)  # 30 dB
    assert np.mean(softer.audio**2) == pytest.approx(1e-3 * np.mean(sound.audio**2), rel=0.01)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5])
def test_the_posterior_mean_is_a_step_along_the_slope_of_the_log_density(sigma):
    noisy = np.linspace(-4, 6, 41)
    toy = ([-1.0, 0.5, 4.0], [0.2, 0.5, 0.3])
    assert np.allclose(posterior_mean(noisy, *toy, sigma=sigma), tweedie(noisy, *toy, sigma=sigma), atol=1e-5)


def test_the_posterior_mean_has_the_least_squared_error():
    rng = np.random.default_rng(3)
    values, weights = np.array([-1.0, 2.0]), np.array([0.7, 0.3])
    x = rng.choice(values, 20_000, p=weights)
    noisy = x + 1.5 * rng.standard_normal(len(x))
    best = posterior_mean(noisy, values, weights, sigma=1.5)
    error = np.mean((best - x) ** 2)
    others = (noisy, np.full_like(noisy, weights @ values), best + 0.2 * np.sin(noisy), 0.9 * best)
    assert all(np.mean((other - x) ** 2) > error for other in others)


@pytest.mark.parametrize(
    "call",
    [
        lambda: pairs([], rng=np.random.default_rng(0)),
        lambda: pairs([beeps(1.0), beeps(2.0)], rng=np.random.default_rng(0)),
        lambda: train(torch.zeros(1, 9, 309), torch.zeros(1, 9, 309)),
        lambda: posterior_mean([0.0], [1.0, 2.0], [1.0], sigma=1.0),
        lambda: denoising.tweedie([0.0], [1.0], [1.0], sigma=0.0),
    ],
)
def test_impossible_settings_are_refused(call):
    with pytest.raises(InputError):
        call()
