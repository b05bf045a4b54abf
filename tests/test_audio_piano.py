"""The piano that plays notes from recorded notes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nmp_lessons import fetch, sound
from nmp_lessons.audio import Recording, loudness, piano
from nmp_lessons.constants import NMP
from nmp_lessons.errors import InputError
from nmp_lessons.notes import Notes, frequency_to_pitch, pitch_to_frequency, read_midi

KEYS = range(21, 109)
RATE = NMP.sample_rate


@pytest.fixture(scope="module")
def dense_minute() -> Notes:
    """The minute with most notes of Liszt's paraphrase on Rigoletto."""
    notes = read_midi(fetch.read(fetch.MIDITOK_SDIST, "miditok-3.1.0/tests/MIDIs_one_track/Maestro_10.mid"))
    return max((notes.between(start, start + 60) for start in range(0, int(notes.seconds) - 60, 10)), key=len)


def level(recording: Recording, start: float, stop: float) -> float:
    """RMS level in dB of a part."""
    return float(sound.level_in_db(np.sqrt(np.mean(recording.excerpt(start, stop).audio ** 2))))


@pytest.mark.parametrize("velocity", [5, 25, 50, 75, 100, 127])
def test_every_key_sounds_when_its_note_says(velocity):
    """The attack reaches a tenth of its peak within 3 ms of the onset, at any place between two samples."""
    onsets = 0.1 + 0.9 * np.arange(88) + np.linspace(0, 1 / RATE, 88)
    played = piano.render(Notes(onsets, onsets + 0.4, KEYS, velocity))
    ringing = np.array([key > piano.LAST_DAMPED for key in KEYS])
    for onset in onsets[~ringing]:
        around = np.abs(played.excerpt(onset - 0.05, onset + 0.25).audio)
        reached = np.argmax(around >= 0.1 * around.max()) / RATE - 0.05
        assert abs(reached) < 0.003


@pytest.mark.parametrize("key", range(90, 109))
def test_undamped_keys_sound_when_their_notes_say(key):
    played = np.abs(piano.render(Notes([0.1], [0.5], [key])).audio)
    assert abs(np.argmax(played >= 0.1 * played.max()) / RATE - 0.1) < 0.003


@pytest.mark.parametrize("key", [33, 45, 57, 60, 61, 62, 69, 70, 71, 81, 93])
def test_every_key_is_in_tune(key):
    """Within 12 cents of equal temperament, which a well tuned grand leaves on purpose towards its ends."""
    audio = piano.note(key, seconds=2.0).audio[RATE // 20 :]
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 16 * RATE))
    expected = pitch_to_frequency(key)
    near = slice(round(16 * expected * 0.97), round(16 * expected * 1.03))
    found = (near.start + np.argmax(spectrum[near])) / 16
    assert 100 * abs(frequency_to_pitch(found) - key) < 12


@pytest.mark.parametrize("key", [21, 40, 60, 80, 108])
def test_a_harder_stroke_is_louder_at_every_velocity(key):
    levels = [level(piano.note(key, seconds=0.5, velocity=velocity), 0, 0.5) for velocity in range(1, 128)]
    steps = np.diff(levels)
    assert (steps > 0).all() and steps.max() < 1  # no layer is heard to begin


def test_a_harder_stroke_is_brighter():
    def centroid(velocity):
        spectrum = np.abs(np.fft.rfft(piano.note("C4", seconds=1.0, velocity=velocity).audio))
        return np.average(np.arange(len(spectrum)), weights=spectrum)

    assert centroid(20) < centroid(60) < centroid(100) < centroid(127)


def test_the_damper_stops_a_string_within_half_a_second():
    for key in (21, 45, 60, 89):
        short, long = piano.note(key, seconds=3.0), piano.render(Notes([0], [1.0], [key]), seconds=3.0)
        assert level(long, 1.5, 1.6) < level(short, 1.5, 1.6) - 30
        assert np.array_equal(short.audio[:RATE], long.audio[:RATE])


def test_above_f6_strings_ring_on():
    short, long = (piano.render(Notes([0], [seconds], [90]), seconds=1.0) for seconds in (0.1, 1.0))
    assert np.array_equal(short.audio, long.audio)


def test_rendering_is_the_same_bit_for_bit(dense_minute):
    first, second = piano.render(dense_minute), piano.render(dense_minute)
    assert np.array_equal(first.audio, second.audio)


def test_music_is_the_sum_of_its_notes():
    low, high = Notes([0.0], [1.0], [48]), Notes([0.3], [1.2], [64])
    both = piano.render(Notes([0.0, 0.3], [1.0, 1.2], [48, 64]), seconds=2.0)
    parts = piano.render(low, seconds=2.0).audio + piano.render(high, seconds=2.0).audio
    assert np.allclose(both.audio, parts, atol=1e-6)


def test_a_dense_minute_does_not_clip(dense_minute):
    assert len(dense_minute) > 1200
    played = piano.render(dense_minute)
    assert np.abs(played.audio).max() <= 1
    assert -26 < loudness(played) < -14


def test_a_thousand_loud_notes_at_once_do_not_clip():
    cluster = Notes(np.zeros(880), np.ones(880), np.tile(KEYS, 10), 127)
    assert np.abs(piano.render(cluster).audio).max() <= 1


def test_what_lies_beyond_the_end_is_cut():
    notes = Notes([0.0, 0.9, 5.0], [2.0, 3.0, 6.0], [60, 64, 67])
    cut, whole = piano.render(notes, seconds=1.0), piano.render(notes)
    assert cut.seconds == 1.0 and np.array_equal(cut.audio, whole.audio[:RATE])


def test_another_rate():
    played = piano.render(Notes([0.0], [1.0], [69]), rate=44_100, seconds=1.0)
    assert played.rate == 44_100 and played.seconds == pytest.approx(1.0, abs=1e-3)


def test_silence_needs_a_length():
    assert not piano.render(Notes([], [], []), seconds=1.0).audio.any()
    with pytest.raises(InputError, match="no notes to play"):
        piano.render(Notes([], [], []))


@pytest.mark.slow
def test_two_processes_that_build_at_once_end_with_one_table(tmp_path):
    (tmp_path / "packages").symlink_to(fetch.archive(fetch.SALAMANDER[1]).parent)
    for layer in piano.LAYERS:
        fetch.archive(fetch.SALAMANDER[layer])
    script = (
        "from nmp_lessons.audio import piano; piano.LAYERS = {4: 40, 13: 101}; piano.LONGEST = 8.0; import hashlib;"
        "print(hashlib.sha256(piano.note('A4').audio.tobytes()).hexdigest())"
    )
    environment = os.environ | {"NMP_LESSONS_CACHE": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=300)[0] for process in running]
    assert answers[0] and answers[0] == answers[1]
    assert len(list(tmp_path.glob("piano-*"))) == 1 and len(list(tmp_path.iterdir())) == 2
