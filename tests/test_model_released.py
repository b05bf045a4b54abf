"""Our forward and our notes against the original runtime and the original note creation."""

import importlib
import os
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from nmp_lessons import decoding, fetch, model
from nmp_lessons.audio import Recording, load
from nmp_lessons.constants import NMP
from nmp_lessons.evaluation import onset_scores
from nmp_lessons.hearing import transcribe_as_released
from nmp_lessons.model import released
from nmp_lessons.notes import read_table

CLIPS = ("vocadito_10", "vocadito_14")
REAL_PIANO = Path(os.environ.get("NMP_REAL_PIANO", Path(__file__).parents[2] / "shared" / "data" / "real_piano"))


@pytest.fixture(scope="module")
def net():
    return released.load()


@pytest.fixture(scope="module")
def original():
    """The original network in its own runtime: windows (n, 43844) -> contour, note, onset."""
    session = onnxruntime.InferenceSession(released.onnx_model(), providers=["CPUExecutionProvider"])
    outputs = [f"StatefulPartitionedCall:{i}" for i in range(3)]

    def run(windows):
        found = [session.run(outputs, {session.get_inputs()[0].name: window[None, :, None]}) for window in windows]
        return [np.concatenate(head) for head in zip(*found, strict=True)]

    return run


@pytest.fixture(scope="module")
def note_creation(tmp_path_factory):
    """The original's note creation, imported from its unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(fetch.archive(fetch.BASIC_PITCH_WHEEL)) as wheel:
        wheel.extractall(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        # It imports a resampler that only its sonification uses.
        patch.setitem(sys.modules, "resampy", types.ModuleType("resampy"))
        yield importlib.import_module("basic_pitch.note_creation")


def clip(name: str, tmp_path) -> Recording:
    path = tmp_path / f"{name}.wav"
    path.write_bytes(fetch.read(fetch.BASIC_PITCH_SDIST, f"basic_pitch-0.4.0/tests/resources/{name}.wav"))
    return load(path, rate=NMP.sample_rate)


def difference(net, original, windows) -> float:
    with torch.inference_mode():
        ours = net(torch.from_numpy(windows))
    return max(float(np.abs(a.numpy() - b).max()) for a, b in zip(ours, original(windows), strict=True))


def test_a_real_voice_agrees_with_the_original_runtime(net, original, tmp_path):
    windows = model.windows(clip("vocadito_10", tmp_path).audio, hop=released.RELEASED_HOP)
    assert difference(net, original, windows) < 1e-4


def test_noise_agrees_with_the_original_runtime(net, original):
    noise = 0.1 * np.random.default_rng(0).standard_normal((3, NMP.window_samples))
    assert difference(net, original, noise.astype(np.float32)) < 1e-4


def test_a_clean_chord_agrees_but_less_closely(net, original):
    """Almost all bins are nearly empty there, and the logarithm shows how each runtime rounds."""
    time = np.arange(NMP.window_samples) / NMP.sample_rate
    chord = sum(0.1 * np.sin(2 * np.pi * f * k * time) / k for f in (220, 277.18, 329.63) for k in range(1, 6))
    assert difference(net, original, chord[None].astype(np.float32)) < 2e-3


def test_silence_agrees_and_holds_no_note(net, original):
    silence = np.zeros((1, NMP.window_samples), np.float32)
    assert difference(net, original, silence) < 1e-4
    assert len(decoding.decode(model.posteriors(net, Recording(silence[0], NMP.sample_rate)))) == 0


@pytest.mark.parametrize("name", CLIPS)
def test_the_notes_are_the_originals_own(name, net, original, note_creation, tmp_path):
    """Original runtime and original decoding against ours: pitch, onset, offset and velocity."""
    recording = clip(name, tmp_path)
    heads = original(model.windows(recording.audio, hop=released.RELEASED_HOP))
    frames = int(np.floor(len(recording.audio) * (86 / 22050)))
    contour, note, onset = (head[:, 15:-15].reshape(-1, head.shape[-1])[:frames] for head in heads)
    events = note_creation.output_to_notes_polyphonic(note, onset, 0.5, 0.3, 11, True, None, None)
    times = note_creation.model_frames_to_time(frames)
    theirs = {(round(times[a], 6), round(times[b], 6), k, round(127 * v)) for a, b, k, v in events}
    found, posteriors = transcribe_as_released(recording, model=net)
    ours = set(zip(found.onset.round(6), found.offset.round(6), found.pitch, found.velocity, strict=True))
    assert len(posteriors) == frames and np.array_equal(posteriors.times, times)
    assert len(theirs) > 10
    assert len(ours & theirs) >= 0.99 * len(ours | theirs)


@pytest.mark.parametrize("name", CLIPS)
def test_the_bends_are_the_originals_own(name, net, note_creation, tmp_path):
    """In thirds of a semitone, note by note and frame by frame; ours between bins and centred is another matter."""
    heard = released.windowed_posteriors(clip(name, tmp_path), model=net)
    in_frames = model.Posteriors(heard.contour, heard.note, heard.onset, np.arange(float(len(heard))))
    found = decoding.decode(in_frames)
    events = [(int(a), int(b), int(p), 0.5) for a, b, p in zip(found.onset, found.offset, found.pitch, strict=True)]
    theirs = note_creation.get_pitch_bends(heard.contour, events)
    ours = decoding.bends(in_frames, found, between_bins=False)
    assert len(theirs) > 10
    for (*_, thirds), bend in zip(theirs, ours, strict=True):
        assert np.array_equal(thirds, np.round(3 * bend))


@pytest.mark.slow
def test_ten_real_recordings_are_transcribed_as_by_the_original(net, original, note_creation):
    """Original runtime and decoding against ours on the first minute of each: pitch, onset frame and score."""
    recordings = sorted(REAL_PIANO.glob("*.flac"))
    if not recordings:
        pytest.skip(f"no recordings in {REAL_PIANO}: set NMP_REAL_PIANO to the folder of the real piano")
    scored = []
    for path in recordings:
        recording = load(path, rate=NMP.sample_rate, stop=60.0)
        heads = original(model.windows(recording.audio, hop=released.RELEASED_HOP))
        frames = int(np.floor(len(recording.audio) * (86 / 22050)))
        contour, note, onset = (head[:, 15:-15].reshape(-1, head.shape[-1])[:frames] for head in heads)
        events = note_creation.output_to_notes_polyphonic(note, onset, 0.5, 0.3, 11, True, None, None)
        times = released.released_times(frames)
        theirs = {(float(times[start]), int(pitch)) for start, _, pitch, _ in events}
        found, _ = transcribe_as_released(recording, model=net)
        ours = set(zip(found.onset.tolist(), found.pitch.tolist(), strict=True))
        assert len(theirs) > 50
        assert len(ours & theirs) >= 0.99 * len(ours | theirs), path.name
        scored.append(onset_scores(read_table(path.with_suffix(".tsv")).between(0, 60), found)["Fno"])
    assert np.mean(scored) == pytest.approx(0.639, abs=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_any_posteriors_are_decoded_as_by_the_original(seed, note_creation):
    """Smooth random fields make overlapping notes, ties at the edges and much work for the melodia trick."""
    random = np.random.default_rng(seed)
    kernel = np.hanning(25) / np.hanning(25).sum()
    note = np.apply_along_axis(np.convolve, 0, random.random((400, 88)), kernel, "same") ** 2 * 1.6
    note, onset = note.astype(np.float32).clip(0, 1), random.random((400, 88)).astype(np.float32) ** 8
    events = note_creation.output_to_notes_polyphonic(note.copy(), onset.copy(), 0.5, 0.3, 11, True, None, None)
    found = decoding.decode(model.Posteriors(None, note, onset, np.arange(400.0)))
    theirs = sorted((a, b, k) for a, b, k, _ in events)
    ours = sorted(zip(found.onset.astype(int), found.offset.astype(int), found.pitch, strict=True))
    assert len(theirs) > 50 and ours == theirs


def test_the_weights_are_the_trained_ones_unfolded(net):
    """All 16,782 trainable numbers are there, and every filter has the unit norm it was trained under."""
    trainable = {name for name, _ in net.named_parameters()}
    found = released.weights()
    assert sum(found[name].numel() for name in trainable) == 16_782
    assert sum(tensor.numel() for name, tensor in found.items() if name not in trainable) == 82
    filters = [tensor.flatten(1) for name, tensor in found.items() if tensor.ndim == 4]
    assert len(filters) == 6
    for bank in filters:
        assert torch.allclose(bank.norm(dim=1), torch.ones(len(bank)), atol=1e-5)


def test_the_magic_number_is_an_average():
    """Every 172 frames the original goes back by what 142-frame windows lose, spread over 172 frames."""
    frames = np.arange(0, 60_000)
    window, inside = frames // model.KEPT, frames % model.KEPT
    true = (window * released.RELEASED_HOP + inside * NMP.hop) / NMP.sample_rate
    assert np.array_equal(released.true_times(len(frames)), true)
    error = released.released_times(len(frames)) - true
    assert np.abs(error[:17_200]).max() < 0.02
    naive = frames * NMP.hop / NMP.sample_rate
    assert (naive - true)[-1] / true[-1] == pytest.approx(0.0052, abs=1e-4)
    lost = NMP.hop * model.KEPT - released.RELEASED_HOP  # samples in each window
    assert lost / NMP.sample_rate * (172 / 142 - 1) == pytest.approx(0.0018, abs=1e-5)


def test_a_truncated_archive_is_named(monkeypatch):
    monkeypatch.setattr(released, "INDEX", "basic_pitch/nowhere")
    with pytest.raises(ValueError, match="nowhere"):
        released.variables()
