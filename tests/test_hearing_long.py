"""Long files: the notes of a file that is read and decoded block by block are those of the whole, in little memory."""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings, strategies as st

from nmp_lessons.audio import Recording, Spool, load, streams
from nmp_lessons.book.inputs import coded
from nmp_lessons.data import maestro
from nmp_lessons.decoding import PeakDecoder, decode, peak_notes, released_notes
from nmp_lessons.errors import InputError, InputWarning
from nmp_lessons.hearing import transcribe, transcribe_file
from nmp_lessons.model import Posteriors, inference, posterior_blocks, posteriors, released
from nmp_lessons.training import named
from tests.helpers import ROOT

DECODERS = [PeakDecoder(), PeakDecoder(threshold=0.5, weights=(0.1, 0.9, 0, 0.1, 0.2, -0.1, 0), reach=4)]


def blocks(heard: Posteriors, longest: int, seed: int):
    """Yn and Yo in blocks of random lengths."""
    rng, start = np.random.default_rng(seed), 0
    while start < len(heard):
        stop = start + int(rng.integers(1, longest + 1))
        yield heard.note[start:stop], heard.onset[start:stop]
        start = stop


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(1, 600),
    longest=st.sampled_from([5, 60, 400]),
    power=st.sampled_from([2, 6, 30]),
    smooth=st.booleans(),
)
def test_whatever_the_blocks_both_decoders_find_the_same_notes(seed, frames, longest, power, smooth):
    rng = np.random.default_rng(seed)
    note, onset = rng.random((frames, 88)) ** power, (rng.random((frames, 88)) ** 6).astype(np.float32)
    if smooth:
        note = np.apply_along_axis(np.convolve, 0, note, np.ones(9) / 9, "same")[:frames]
    heard = Posteriors(None, note.astype(np.float32), onset, np.arange(frames) / 86)
    assert released_notes(blocks(heard, longest, seed), heard.times) == decode(heard)
    for decoder in DECODERS:
        assert peak_notes(decoder, blocks(heard, longest, seed), heard.times) == decoder(heard)


@pytest.fixture(scope="module")
def clip() -> Recording:
    return maestro.performance("liszt-dante").segment(20, 40).resampled(44_100)


@pytest.mark.parametrize("run", ["released", "main-0"])
def test_a_file_gets_the_notes_of_its_recording(run, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "AT_ONCE", 2)
    monkeypatch.setattr(inference, "CHUNK_FRAMES", 700)
    monkeypatch.setattr(streams.Spool, "IN_MEMORY", 1 << 16)
    soundfile.write(tmp_path / "a.flac", np.stack([clip.audio, 0.5 * clip.audio], axis=1), clip.rate)
    model, settings = (released.load(), None) if run == "released" else named(run)
    decoder = None if settings is None else PeakDecoder(**settings)
    notes, _ = transcribe(load(tmp_path / "a.flac", rate=22_050), model=model, decoder=decoder)
    assert transcribe_file(tmp_path / "a.flac", model=model, decoder=decoder) == notes
    assert len(notes) > 100


@pytest.mark.parametrize("change", [lambda x: 30_000 * x, lambda x: 1e-4 * x, lambda x: 0.1 * x + 5])
def test_levels_and_offsets_are_put_right_in_a_file_as_in_a_recording(change, tmp_path):
    soundfile.write(tmp_path / "a.wav", change(coded.melody(22_050)), 22_050, subtype="FLOAT")
    notes, _ = transcribe(load(tmp_path / "a.wav"))
    assert transcribe_file(tmp_path / "a.wav") == notes and len(notes) == 6


def test_the_posteriors_of_a_recording_come_in_blocks(clip):
    model, audio = released.load(), clip.resampled(22_050)
    whole = posteriors(model, audio)
    note, onset = map(np.concatenate, zip(*posterior_blocks(model, audio.audio), strict=True))
    assert np.array_equal(note, whole.note) and np.array_equal(onset, whole.onset)


def test_a_spool_has_the_samples_of_its_file_in_any_order(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(streams.Spool, "IN_MEMORY", 1 << 16)
    soundfile.write(tmp_path / "a.flac", clip.audio, clip.rate)
    expected = load(tmp_path / "a.flac", rate=22_050).audio
    with Spool(tmp_path / "a.flac", rate=22_050) as spool:
        assert len(spool) == len(expected) and spool.title == "a"
        for part in (slice(None), slice(5000, 9000), slice(0, 10), slice(-10, None), slice(900, 100)):
            assert np.array_equal(spool[part], expected[part])
        assert (spool.lowest, spool.highest) == (expected.min(), expected.max())
        assert spool.mean == pytest.approx(expected.mean(dtype=float), abs=1e-9)
        assert spool.deviation == pytest.approx(expected.std(dtype=float), rel=1e-6)


def test_a_spool_warns_and_refuses_as_load_does(tmp_path, monkeypatch):
    path = coded.write(tmp_path / "cut.wav", coded.melody(22_050), 22_050)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.warns(InputWarning, match="cut.wav: is cut off or damaged"):
        assert len(transcribe_file(path)) == 5
    opposite = np.stack([coded.melody(22_050), -coded.melody(22_050)], axis=1)
    soundfile.write(tmp_path / "opposite.wav", opposite, 22_050)
    with pytest.warns(InputWarning, match="its channels cancel each other, so only channel 1"):
        assert len(transcribe_file(tmp_path / "opposite.wav")) == 6
    soundfile.write(tmp_path / "silent.wav", np.zeros(22_050), 22_050)
    with pytest.raises(InputError, match="silent.wav: is silent"):
        transcribe_file(tmp_path / "silent.wav")
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(InputError, match="opposite.wav: its samples need a temporary file"):
        transcribe_file(tmp_path / "opposite.wav")


LONG = """
import json, sys
from nmp_lessons import cli
from nmp_lessons.notes import read_table

status = cli.main(["transcribe", sys.argv[1], "-o", sys.argv[2]])
peak = open("/proc/self/status", encoding="utf8").read().partition("VmHWM:")[2].split()[0]
notes = read_table(f"{sys.argv[2]}/long.csv")
print(json.dumps([status, int(peak) / 1024, len(notes), notes.seconds]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read where Linux has it")
@pytest.mark.parametrize("hours, most", [(1 / 3, 600), (1, 700), (3, 700)], ids=["twenty minutes", "1", "3"])
def test_hours_of_music_need_little_memory(hours, most, clip, tmp_path, thorough):
    """As a whole, twenty minutes would need some 800 MiB."""
    if hours >= 1 and not thorough:
        pytest.skip("runs with --thorough")
    audio = clip.resampled(22_050).audio
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 22_050, 1) as file:
        for _ in range(round(hours * 3600 / clip.seconds)):
            file.write(audio)
    command = [sys.executable, "-c", LONG, str(tmp_path / "long.flac"), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    status, peak, notes, seconds = json.loads(done.stdout)
    assert status == 0 and peak < most, (peak, done.stderr)
    once = len(transcribe(clip)[0])
    assert notes == pytest.approx(once * hours * 3600 / clip.seconds, rel=0.05)
    assert seconds == pytest.approx(hours * 3600, abs=2 * clip.seconds)
