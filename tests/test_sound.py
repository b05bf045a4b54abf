"""Recordings, loudness, and the names and frequencies of pitches."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, strategies as st

from nmp_lessons import fetch, sound
from nmp_lessons.audio import Recording, Stream, at_loudness, fade, load, loudness, save
from nmp_lessons.audio.decoders import BLOCK
from nmp_lessons.errors import InputError, InputWarning
from nmp_lessons.files import _checksums_match, made_folder
from nmp_lessons.notes import frequency_to_pitch, pitch_name, pitch_number, pitch_to_frequency
from nmp_lessons.sound import tone

SUFFIXES = [".wav", ".flac", ".ogg", ".mp3"]


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    """A real recording of a singer, as a file."""
    path = tmp_path_factory.mktemp("voice") / "vocadito_10.wav"
    path.write_bytes(fetch.read(fetch.BASIC_PITCH_SDIST, "basic_pitch-0.4.0/tests/resources/vocadito_10.wav"))
    return path


# Files in and out


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_tone_survives_every_format(tmp_path, suffix, rate):
    written = fade(tone(440, 1.0, rate=rate), 0.05)
    save(written, tmp_path / f"a{suffix}")
    found = load(tmp_path / f"a{suffix}")
    assert found.rate == rate and abs(found.seconds - 1) < 0.1 and found.title == "a"
    spectrum = np.abs(np.fft.rfft(found.audio, 4 * rate))
    assert np.argmax(spectrum) / 4 == pytest.approx(440, abs=0.5)
    assert loudness(found) == pytest.approx(loudness(written), abs=0.5)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 37_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_any_number_of_channels_become_mono(tmp_path, rate, channels):
    audio = np.repeat(tone(440, 0.5, rate=rate).audio[:, None], channels, axis=1)
    soundfile.write(tmp_path / "a.wav", audio, rate)
    found = load(tmp_path / "a.wav", rate=22_050)
    assert found.rate == 22_050 and found.audio.dtype == np.float32
    assert found.audio.ndim == 1 and abs(len(found.audio) - 11_025) <= 2
    assert np.argmax(np.abs(np.fft.rfft(found.audio))) * 2 == pytest.approx(440, abs=2)


def test_a_segment_equals_the_same_part_of_the_whole(voice):
    whole = load(voice)
    part = load(voice, start=1.0, stop=2.5)
    assert np.array_equal(part.audio, whole.excerpt(1.0, 2.5).audio)
    assert part.seconds == pytest.approx(1.5, abs=1 / whole.rate)


def test_a_segment_is_sought_not_read_through(tmp_path, monkeypatch):
    save(tone(440, 60.0), tmp_path / "long.flac")
    decoded = []
    read = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda self, *args, out: decoded.append(len(out)) or read(self, *args, out=out)
    )
    part = load(tmp_path / "long.flac", start=30, stop=32)
    assert len(part.audio) == 2 * 22_050 and decoded == [BLOCK]


def test_a_segment_may_reach_beyond_the_end(voice):
    whole = load(voice)
    assert load(voice, start=1, stop=1e6).seconds == pytest.approx(whole.seconds - 1, abs=1e-3)


def test_saving_an_unknown_format_or_rate_writes_nothing(tmp_path):
    with pytest.raises(InputError, match="suffix"):
        save(tone(440), tmp_path / "a.xyz")
    with pytest.raises(InputError, match="12345 Hz"):
        save(tone(440, rate=12_345), tmp_path / "a.mp3")
    assert list(tmp_path.iterdir()) == []


def test_a_long_recording_is_written_as_ogg(tmp_path):
    save(tone(440, 300.0, rate=8000), tmp_path / "long.ogg")
    assert load(tmp_path / "long.ogg").seconds == pytest.approx(300)


# Bad files: one message that names the file


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no.wav: no such file"):
        load(tmp_path / "no.wav")


def test_a_folder(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        load(tmp_path)


def test_an_empty_file(tmp_path):
    (tmp_path / "a.wav").touch()
    with pytest.raises(InputError, match="a.wav: the file is empty"):
        load(tmp_path / "a.wav")


def test_a_file_with_a_header_and_no_audio(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 22_050)
    with pytest.raises(InputError, match="a.wav: contains no audio"):
        load(tmp_path / "a.wav")


def test_a_text_called_wav(tmp_path):
    (tmp_path / "a.wav").write_text("This is no sound.\n" * 100)
    with pytest.raises(InputError, match="a.wav: cannot be read as audio"):
        load(tmp_path / "a.wav")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_truncated_file_gives_what_is_there_and_says_how_much(voice, tmp_path, suffix, kept):
    whole = tmp_path / f"whole{suffix}"
    save(load(voice), whole)
    data = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: int(kept * len(data))])
    with pytest.warns(InputWarning, match=r"cut\..*: is cut off or damaged: .*\d s could be read") as said:
        found = load(cut)
    there = load(whole).excerpt(0, found.seconds)
    assert len(said) == 1 and f"{found.seconds:.1f} " in str(said[0].message)
    assert found.seconds == pytest.approx(kept * load(whole).seconds, rel=0.25)  # a bit rate may vary
    assert np.abs(found.audio - there.audio)[: int(-0.1 * found.rate)].max() < 1e-3


def test_of_almost_nothing_nothing_is_read(voice, tmp_path):
    for suffix in (".ogg", ".flac"):
        save(load(voice), tmp_path / f"whole{suffix}")
        cut = tmp_path / f"cut{suffix}"
        cut.write_bytes((tmp_path / f"whole{suffix}").read_bytes()[:60])
        with pytest.raises(InputError, match="cut.*cannot be read|contains no audio"):
            load(cut)


def test_a_stream_refuses_a_truncated_file(voice, tmp_path):
    for suffix in SUFFIXES:
        save(load(voice), tmp_path / f"whole{suffix}")
        data = (tmp_path / f"whole{suffix}").read_bytes()
        (tmp_path / f"cut{suffix}").write_bytes(data[: len(data) * 3 // 4])
        with pytest.raises(InputError, match="cut off"):
            stream = Stream(tmp_path / f"cut{suffix}", rate=22_050)
            stream[len(stream) - 1 : len(stream)]


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_a_stream_refuses_channels_that_cancel_each_other(tmp_path, rate):
    mono = tone(440, 2.0, rate=rate).audio
    soundfile.write(tmp_path / "a.wav", np.stack([mono, -mono], axis=1), rate)
    stream = Stream(tmp_path / "a.wav", rate=22_050)
    with pytest.raises(InputError, match="a.wav: its channels cancel each other"):
        for start in range(0, len(stream), 4096):
            stream[start : start + 4096]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_in_a_file(tmp_path, value):
    audio = tone(440).audio.copy()
    audio[100] = value
    soundfile.write(tmp_path / "a.wav", audio, 22_050, subtype="FLOAT")
    with pytest.raises(InputError, match="a.wav: some samples are NaN"):
        load(tmp_path / "a.wav")


def test_a_header_with_rate_zero(tmp_path):
    save(tone(440), tmp_path / "a.wav")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[24:28] = bytes(4)
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(InputError, match="a.wav"):
        load(tmp_path / "a.wav")


@pytest.mark.parametrize("start, stop", [(-1, 2), (60, 61), (2, 2), (2, 1), (np.nan, 1)])
def test_a_segment_that_is_not_there(voice, start, stop):
    with pytest.raises(InputError, match="vocadito_10.wav"):
        load(voice, start=start, stop=stop)


@pytest.mark.parametrize(
    "audio, rate",
    [
        (np.zeros(0), 22_050),
        (np.zeros((2, 100)), 22_050),
        (np.zeros(100, dtype=np.int16), 22_050),
        (np.array([0.0, np.nan]), 22_050),
        (np.array([0.0, 1e300]), 22_050),  # infinite in 32 bits
        (np.zeros(100), 0),
        (np.zeros(100), 0.5),
        (np.zeros(100), np.inf),
    ],
)
def test_a_recording_is_checked_at_the_door(audio, rate):
    with pytest.raises(InputError):
        Recording(audio, rate)


@pytest.mark.parametrize("rate", [0, -1, np.inf, np.nan])
def test_a_recording_is_resampled_to_no_impossible_rate(rate):
    with pytest.raises(InputError, match="above 0"):
        tone(440, 0.1).resampled(rate)


# Loudness and fades


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.4, 2.0])
def test_sounds_of_every_length_are_brought_to_one_loudness(seconds):
    assert loudness(at_loudness(tone(1000, seconds), -20)) == pytest.approx(-20, abs=0.01)


def test_a_full_scale_sine_at_1_khz_has_the_loudness_of_the_standard():
    """ITU-R BS.1770: a sine of 997 Hz at 0 dBFS in one channel measures -3.01 LUFS."""
    full = Recording(2 * tone(997, 5.0, rate=48_000).audio, 48_000)
    assert loudness(full) == pytest.approx(-3.01, abs=0.05)


def test_silence_has_no_loudness_and_stays_silence():
    silence = Recording(np.zeros(22_050), 22_050, title="rest")
    with pytest.raises(InputError, match="rest: is silent"):
        loudness(silence)
    assert not at_loudness(silence).audio.any()


def test_loudness_never_clips():
    click = np.zeros(22_050)
    click[100] = 0.1
    loudest = np.abs(at_loudness(Recording(click, 22_050), -5).audio).max()
    assert sound.level_in_db(loudest) == pytest.approx(-1)


def test_a_fade_leaves_the_middle_alone():
    recording = tone(440, 1.0)
    faded = fade(recording, 0.1)
    assert faded.audio[0] == 0 and faded.audio[-1] == 0
    assert np.array_equal(faded.audio[2205:-2205], recording.audio[2205:-2205])


def test_a_very_short_sound_is_faded_too():
    assert fade(Recording(np.ones(3), 22_050), 1.0).audio.tolist() == [0, 1, 0]


# Pitch and frequency


@given(st.floats(0, 127))
def test_pitch_and_frequency_are_inverse(pitch):
    assert frequency_to_pitch(pitch_to_frequency(pitch)) == pytest.approx(pitch)


def test_an_octave_doubles_the_frequency():
    pitches = np.arange(21, 97)
    assert np.allclose(pitch_to_frequency(pitches + 12), 2 * pitch_to_frequency(pitches))


@given(st.integers(0, 127))
def test_a_name_and_its_number_are_inverse(pitch):
    assert pitch_number(pitch_name(pitch)) == pitch


def test_the_pianos_ends_are_a0_and_c8():
    assert (pitch_name(21), pitch_name(108)) == ("A0", "C8")
    assert pitch_number("Cb4") == pitch_number("B3") and pitch_number("c#-1") == 1


@pytest.mark.parametrize("name", ["", "H2", "A", "4", "A4.5", "A4x", "B-4", "B-0", "B-12"])
def test_a_name_that_is_none(name):
    with pytest.raises(InputError, match="not the name of a pitch"):
        pitch_number(name)


@pytest.mark.parametrize("frequency", [0, -1, np.nan])
def test_a_frequency_without_pitch(frequency):
    with pytest.raises(InputError, match="no pitch"):
        frequency_to_pitch([440, frequency])


def test_a_tenth_is_minus_twenty_decibels_and_nothing_is_minus_infinity():
    assert sound.level_in_db([1, 0.1, 0, -0.01]).tolist() == pytest.approx([0, -20, -np.inf, -40])


def test_stiff_strings_stretch_their_partials():
    ideal, stiff = sound.partials(45, 10), sound.partials(45, 10, inharmonicity=4e-4)
    assert np.allclose(ideal / 110, np.arange(1, 11))
    assert (np.diff(stiff / ideal) > 0).all()


def test_a_tones_partials_stand_where_they_belong_and_none_folds_back():
    spectrum = np.abs(np.fft.rfft(tone(3000, 1.0, partials=[1, 1, 1, 1, 1]).audio))
    assert np.flatnonzero(spectrum > 100).tolist() == [3000, 6000, 9000]


def test_a_real_recording_resamples_to_the_same_sound(voice):
    whole = load(voice)
    there_and_back = whole.resampled(32_000).resampled(whole.rate)
    assert there_and_back.seconds == pytest.approx(whole.seconds, abs=1e-3)
    assert loudness(there_and_back) == pytest.approx(loudness(whole), abs=0.1)


@given(st.integers(1, 60_000), st.integers(3, 5))
def test_samples_of_a_sine_are_those_of_its_folded_frequency(frequency, tenth):
    rate = 2000 * tenth
    folded = float(sound.folded_frequency(frequency, rate=rate))
    n = np.arange(64)
    assert 0 <= folded <= rate / 2
    assert np.allclose(np.cos(2 * np.pi * frequency / rate * n), np.cos(2 * np.pi * folded / rate * n), atol=1e-6)


@given(st.floats(30, 80), st.floats(1e-5, 1e-3))
def test_inharmonicity_is_read_back_from_exact_partials(pitch, inharmonicity):
    found = sound.fit_inharmonicity(sound.partials(pitch, 8, inharmonicity=inharmonicity))
    assert found == pytest.approx((pitch_to_frequency(pitch), inharmonicity), rel=1e-6)


def test_partials_of_a_stiff_string_are_measured_to_a_cent_and_half_a_decibel():
    there = sound.partials(57, 10, inharmonicity=3e-4)
    amplitudes = 0.1 / np.arange(1, 11)
    times = np.arange(44_100) / 22_050
    string = Recording((amplitudes[:, None] * np.sin(2 * np.pi * there[:, None] * times)).sum(axis=0), 22_050)
    frequencies, levels = sound.measured_partials(string, 57, 10)
    assert (1200 * np.abs(np.log2(frequencies / there)) < 1).all()
    assert np.allclose(levels, sound.level_in_db(amplitudes), atol=0.5)


def test_partials_above_half_the_rate_cannot_be_measured():
    with pytest.raises(InputError, match="ask for fewer"):
        sound.measured_partials(tone(4000), frequency_to_pitch(4000), 3)


def test_no_rate_below_zero_takes_samples():
    with pytest.raises(InputError, match="rate above 0"):
        sound.folded_frequency(440, rate=0)


# The cache


def test_a_fetched_archive_is_looked_at_when_used_and_fetched_again_if_it_is_spoiled(tmp_path, monkeypatch):
    monkeypatch.setenv("NMP_LESSONS_CACHE", str(tmp_path))
    whole, downloads = b"what was published", []

    def download(package, folder):
        downloads.append(package)
        (folder / "fetched").write_bytes(whole)
        return folder / "fetched"

    monkeypatch.setattr(fetch, "_download", download)
    package = fetch.Package("wheel", "a", "1", hashlib.sha256(whole).hexdigest())
    kept = fetch.archive(package)
    for spoiled in (whole[:5], b"W" + whole[1:], b""):
        kept.write_bytes(spoiled)
        fetch._digest.cache_clear()  # as in another process
        assert fetch.archive(package) == kept and kept.read_bytes() == whole
    assert len(downloads) == 4
    assert fetch.archive(package) == kept and len(downloads) == 4


def test_a_made_folder_is_made_again_if_a_file_in_it_is_spoiled_or_lost(tmp_path):
    made = []

    def build(folder):
        made.append(folder)
        (folder / "sub").mkdir()
        (folder / "sub" / "a").write_bytes(b"0123456789")

    for spoil in (
        None,
        lambda path: path.write_bytes(b"01234"),
        lambda path: path.write_bytes(b"0123456780"),
        Path.unlink,
    ):
        if spoil:
            spoil(tmp_path / "made" / "sub" / "a")
            _checksums_match.cache_clear()  # as in another process
        assert made_folder(tmp_path / "made", build) == tmp_path / "made"
        assert (tmp_path / "made" / "sub" / "a").read_bytes() == b"0123456789"
    assert len(made) == 4 and [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_folder_that_another_process_has_made_meanwhile_stays_where_it_is(tmp_path):
    """That process may be reading it."""
    folder, first = tmp_path / "made", []

    def build(empty):
        (empty / "table").write_text("whole")

    def overtaken(empty):
        _checksums_match.cache_clear()  # as in another process, which has looked at nothing yet
        made_folder(folder, build)
        first.append((folder / "table").stat().st_ino)
        build(empty)

    made_folder(folder, overtaken)
    assert first == [(folder / "table").stat().st_ino]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
