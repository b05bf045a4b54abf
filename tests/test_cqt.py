"""The constant-Q transform: its numbers, its identities, and whom it agrees with."""

import subprocess
import sys

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from nmp_lessons import cqt as room
from nmp_lessons.constants import NMP
from nmp_lessons.cqt import CQT, bin_frequencies, frame_at
from nmp_lessons.data import maestro
from nmp_lessons.errors import InputError
from nmp_lessons.model import released
from tests.helpers import ROOT


@pytest.fixture(scope="module")
def cqt():
    return CQT()


def noise(samples: int, *, seed: int = 0, batch: int = 1, dtype=torch.float32) -> torch.Tensor:
    return 0.1 * torch.randn(batch, samples, generator=torch.manual_seed(seed), dtype=dtype)


def small(**changes) -> CQT:
    return CQT(**{"sample_rate": 800, "hop": 4, "lowest_frequency": 50, "bins_per_octave": 6, "bins": 15} | changes)


def direct(audio: np.ndarray) -> np.ndarray:
    """The released transform as its source does it, one octave after the other, in float64."""
    import scipy.signal as ss

    rate, hop, bins, octave = 22_050, 256, 309, 36
    q = 1 / (2 ** (1 / octave) - 1)
    frequencies = 27.5 * 2.0 ** (np.arange(bins) / octave)
    bank = np.zeros((octave, 256), complex)
    for k, f in enumerate(frequencies[-octave:]):
        length = int(np.ceil(q * rate / f))
        start = int(np.ceil(128 - length / 2)) - length % 2
        wave = np.exp(2j * np.pi * f / rate * np.r_[-length // 2 : length // 2])
        kernel = ss.get_window("hann", length) * wave
        bank[k, start : start + length] = kernel / np.abs(kernel).sum()
    lowpass = ss.firwin2(256, [0, 0.5 / 1.001, 0.5 * 1.001, 1], [1, 1, 0, 0])
    found = []
    for _ in range(9):
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio, 128, mode="reflect"), 256)[::hop]
        found.insert(0, frames @ bank.conj().T)
        padded = np.pad(audio, 127)
        audio, hop = np.convolve(padded, lowpass[::-1], "valid")[::2], hop // 2
    spectrum = np.concatenate(found, axis=1)[:, -bins:]
    return np.abs(spectrum * np.sqrt(np.ceil(q * rate / frequencies))).T


def test_the_numbers_of_the_released_transform(cqt):
    assert room.quality(36) == pytest.approx(51.4386, abs=1e-4)
    assert cqt.octaves == 9
    assert int(cqt.lengths[0]) == 41_245
    assert cqt.frequencies[-1] == pytest.approx(10_346.9, abs=0.05)
    top = room.window_lengths(cqt.frequencies[-36:])
    assert (top[0], top[-1]) == (216, 110)


def graph_constants(message: bytes) -> list[np.ndarray]:
    """The constants of an ONNX file: field 7 is the graph, its fields 5 are tensors with raw data in field 9."""
    graph = next(value for number, value in released._fields(message) if number == 7)
    tensors = [dict(released._fields(value)) for number, value in released._fields(graph) if number == 5]
    return [np.frombuffer(tensor[9], "<f4") for tensor in tensors if 9 in tensor and tensor.get(2) == 1]


def test_the_constants_are_those_in_the_released_graph(cqt):
    constants = graph_constants(released.onnx_model())
    banks = [c.reshape(36, 256) for c in constants if c.size == 36 * 256]
    for ours in (cqt.bank[:, 0], -cqt.bank[:, 1]):
        padded = torch.nn.functional.pad(ours.T, (20, 20)).numpy()  # 216 to 256 samples
        assert min(np.abs(bank - padded).max() for bank in banks) < 1e-8
    lowpass = next(c for c in constants if c.size == 256)
    assert np.abs(lowpass - room.halving_filter()).max() < 1e-8
    scale = next(c for c in constants if c.size == 309)
    assert np.allclose(scale**2, cqt.lengths)


def test_noise_has_the_released_transform_to_1e_5(cqt):
    audio = noise(NMP.window_samples)
    ours = cqt(audio)[0].numpy()
    theirs = direct(audio[0].double().numpy())
    assert ours.shape == theirs.shape == (309, 172)
    assert np.abs(ours - theirs).max() / theirs.max() < 1e-6
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 1e-6
    exact = CQT(dtype=torch.float64)(audio.double())[0].numpy()
    assert (np.abs(exact - theirs) / theirs).max() < 1e-5


@pytest.mark.parametrize("pitch", [33, 45, 57, 69, 81, 93])
def test_tones_agree_with_librosa(cqt, pitch):
    """At the tone's own bin, away from the ends: within 1 % of librosa's magnitude, which has the same scale."""
    n = torch.arange(6 * NMP.sample_rate)
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    audio = 0.5 * torch.sin(2 * torch.pi * frequency / NMP.sample_rate * n)
    ours = cqt(audio[None])[0].numpy()
    theirs = np.abs(
        librosa.cqt(
            audio.numpy(), sr=NMP.sample_rate, hop_length=256, fmin=27.5, n_bins=309, bins_per_octave=36, norm=1
        )
    )
    middle = slice(200, 300)
    peak = 3 * (pitch - 21)
    assert ours[:, 250].argmax() == theirs[:, 250].argmax() == peak
    near = slice(peak - 1, peak + 2)
    assert np.abs(ours[near, middle] / theirs[near, middle] - 1).max() < 0.01


def test_octaves_up_shift_the_transform_by_36_bins(cqt):
    n = torch.arange(4 * NMP.sample_rate) / NMP.sample_rate
    low, high = (cqt(torch.sin(2 * torch.pi * f * n)[None])[0, :, 150] for f in (220, 440))
    assert int(high.argmax()) - int(low.argmax()) == 36


@settings(max_examples=10)
@given(gain=st.floats(0.01, 100), shift=st.integers(1, 40))
def test_louder_is_proportional_and_later_is_later(gain, shift):
    cqt = small(dtype=torch.float64)
    audio = noise(2000, dtype=torch.float64)
    whole = cqt(audio)
    assert torch.allclose(cqt(gain * audio), gain * whole, rtol=1e-9)
    inner = slice(cqt.margin + shift, -cqt.margin - 1)
    later = cqt(torch.nn.functional.pad(audio, (shift * cqt.hop, 0)))
    assert torch.allclose(later[..., cqt.margin + 2 * shift : whole.shape[-1] - cqt.margin - 1 + shift],
                          whole[..., inner], rtol=1e-9)  # fmt: skip


def test_a_batch_is_its_members(cqt):
    audio = noise(NMP.window_samples, batch=3)
    together = cqt(audio)
    for one, spectrum in zip(audio, together, strict=True):
        assert torch.allclose(cqt(one[None])[0], spectrum, rtol=1e-4, atol=1e-6)


def test_gradients_are_right():
    cqt = small(dtype=torch.float64)
    audio = noise(cqt.shortest + 40, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: room.normalised_log_fixed(cqt.power(x)), (audio,), fast_mode=True)
    assert torch.autograd.gradcheck(cqt, (audio,))


def test_silence_has_a_finite_gradient():
    cqt = small()
    audio = torch.zeros(1, cqt.shortest).requires_grad_()
    room.normalised_log_fixed(cqt.power(audio)).sum().backward()
    assert torch.isfinite(audio.grad).all()


def test_float64_is_kept(cqt):
    assert CQT(dtype=torch.float64)(noise(NMP.window_samples, dtype=torch.float64)).dtype == torch.float64


def test_the_phase_is_kept_by_the_complex_form(cqt):
    audio = noise(NMP.window_samples)
    assert torch.allclose(cqt.complex(audio).abs(), cqt(audio), rtol=1e-4, atol=1e-6)
    assert torch.allclose(cqt.complex(-audio), -cqt.complex(audio))


@pytest.mark.parametrize("extra", [0, 1, 100, 255])
def test_chunked_equals_whole_whatever_the_length(cqt, extra):
    audio = noise(5 * NMP.sample_rate + extra)[0]
    whole = cqt.power(audio[None])[0].sqrt()
    for chunk in (37, 1000):
        joined = torch.cat(list(cqt.stream(audio, chunk_frames=chunk)), dim=1).sqrt()
        assert joined.shape == whole.shape
        assert (joined - whole).abs().max() < 1e-6 * whole.max()


def test_chunked_equals_whole_on_five_minutes(cqt):
    audio = noise(5 * 60 * NMP.sample_rate)[0]
    whole = cqt.power(audio[None])[0].sqrt()
    joined = torch.cat(list(cqt.stream(audio)), dim=1).sqrt()
    assert (joined - whole).abs().max() < 1e-6 * whole.max()


STREAMED = """
import resource, sys
import numpy as np
from nmp_lessons.constants import NMP
from nmp_lessons.cqt import CQT, bin_frequencies, frame_at
from nmp_lessons.data import maestro
minute = 0.1 * np.random.default_rng(0).standard_normal(60 * NMP.sample_rate).astype(np.float32)

class Minutes:
    def __init__(self, count):
        self.samples = count * len(minute)

    def __len__(self):
        return self.samples

    def __getitem__(self, part):
        return minute[np.arange(part.start, part.stop) % len(minute)]

for count in (1, 30):
    frames = sum(chunk.shape[1] for chunk in CQT().stream(Minutes(count)))
    assert frames == len(Minutes(count)) // NMP.hop + 1
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_is_flat_between_one_and_thirty_minutes():
    """The peak of a process of its own, whose other work would hide it, is after 30 minutes what it is after one."""
    done = subprocess.run([sys.executable, "-c", STREAMED], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    one, thirty = map(int, done.stdout.split())
    assert thirty - one < 30, f"{one} MiB after one minute, {thirty} MiB after thirty"


def test_the_margin_is_as_wide_as_it_must_be():
    """A click is felt nowhere beyond the margin, and is felt almost up to it."""
    cqt = small(dtype=torch.float64)
    samples = 4000
    click = torch.zeros(1, samples, dtype=torch.float64)
    click[0, samples // 2] = 1
    felt = (cqt(click)[0] > 1e-12).any(dim=0).nonzero()[:, 0]
    centre = samples // 2 / cqt.hop
    reach = max(centre - int(felt[0]), int(felt[-1]) - centre)
    assert 0.5 * cqt.margin < reach <= cqt.margin


def test_delays_tell_when_each_bin_looks():
    """A click's energy in each bin is centred a little after the frame's time; `delays` says by how much."""
    cqt = small(dtype=torch.float64, hop=4)
    samples = 4096
    click = torch.zeros(1, samples, dtype=torch.float64)
    click[0, samples // 2] = 1
    energy = cqt.power(click)[0].numpy()
    times = cqt.times(energy.shape[1])
    centroid = (energy * times).sum(1) / energy.sum(1)
    # A bin that looks late sees the click in an earlier frame.
    expected = samples // 2 / cqt.sample_rate - cqt.delays
    assert np.abs(centroid - expected).max() < 0.3 / cqt.sample_rate * 2


def test_both_normalisations():
    power = torch.tensor([[[1e-10, 1.0], [100.0, 1e4]]])
    released = room.normalised_log_released(power)
    assert released.min() == 0 and released.max() == 1
    assert torch.allclose(room.normalised_log_fixed(torch.tensor([0.0, 1.0])), torch.tensor([-1 / 6, 1.5]))
    assert (room.normalised_log_released(torch.ones(1, 3, 4)) == 0).all()


def test_only_the_fixed_normalisation_forgets_the_cut(cqt):
    """A crash next door changes every released value and no fixed one."""
    quiet, crash = 0.01 * noise(3 * NMP.sample_rate), 10 * noise(3 * NMP.sample_rate, seed=1)
    alone, joined = cqt.power(quiet), cqt.power(torch.cat([quiet, crash], dim=1))[..., : 3 * 86]
    far = slice(0, 10)  # frames of the treble that the crash cannot reach
    fixed = [room.normalised_log_fixed(p)[:, 200:, far] for p in (alone, joined)]
    assert torch.allclose(*fixed, atol=1e-5)
    released = [room.normalised_log_released(p)[:, 200:, far] for p in (alone, joined)]
    assert (released[0] - released[1]).abs().max() > 0.1


def test_what_cannot_be_transformed_is_refused(cqt):
    with pytest.raises(InputError, match="append silence"):
        cqt(torch.zeros(1, 1000))
    with pytest.raises(InputError, match="batch, samples"):
        cqt(torch.zeros(50_000))
    with pytest.raises(InputError, match="float64, but the transform torch.float32"):
        cqt(torch.zeros(1, 50_000, dtype=torch.float64))


@pytest.mark.parametrize(
    "settings, complaint",
    [
        ({"bins": 330}, "half the sample rate"),
        ({"hop": 100}, "halved"),
        ({"bins": 0}, "bins=0.*at least 1"),
        ({"bins_per_octave": 0}, "bins_per_octave=0.*at least 1"),
        ({"hop": 0}, "hop=0.*at least 1"),
        ({"lowest_frequency": 0.0}, "lowest_frequency=0.0 above 0"),
        ({"sample_rate": np.nan}, "sample_rate=nan"),
        ({"lowest_frequency": np.nan}, "lowest_frequency=nan above 0"),
    ],
)
def test_impossible_transforms_are_refused(settings, complaint):
    with pytest.raises(InputError, match=complaint):
        CQT(**settings)


@pytest.mark.parametrize("bins_per_octave", [0, -1, np.nan])
def test_no_bins_have_no_quality(bins_per_octave):
    with pytest.raises(InputError, match="at least 1"):
        room.quality(bins_per_octave)


def test_a_frame_by_definition_is_that_of_the_transform(cqt):
    """In the octaves below the highest, up to what the low-pass filters between octaves do."""
    recording = maestro.performance("chopin-nocturne").segment(20, 4).resampled(NMP.sample_rate)
    there = cqt(torch.from_numpy(recording.audio)[None])[0, :, 172].numpy()
    found = frame_at(recording.audio, 172 * NMP.hop, bin_frequencies(NMP.cqt_bins))
    loud = there > 1e-3 * there.max()
    assert loud.sum() > 150 and np.allclose(found[loud], there[loud], rtol=0.02, atol=2e-3 * there.max())
    assert (frame_at(recording.audio, -50_000, [440.0, 27.5]) == 0).all()


def test_the_response_to_a_tone_is_that_of_the_transform(cqt):
    tone = 440 * 2 ** (40 / 1200)  # between two bins
    n = torch.arange(2 * 22_050)
    spectrum = cqt(torch.sin(2 * torch.pi * tone / 22_050 * n)[None])[0, 138:151, 86]
    expected = room.tone_response(tone, cqt.frequencies[138:151])
    assert np.allclose(spectrum, expected, atol=0.02 * expected.max())
