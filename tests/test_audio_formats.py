"""What decoders make of files: the same sound at the same times, whatever its coding."""

import struct

import numpy as np
import pytest
import soundfile

from nmp_lessons.audio import load
from nmp_lessons.book.inputs import coded
from nmp_lessons.errors import InputError, InputWarning

EXACT = 0.002  # seconds


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("name", coded.CODINGS)
def test_a_click_is_where_it_was_whatever_its_coding(name, rate, tmp_path):
    path = coded.write(tmp_path / name, coded.clicks(rate), rate)
    for asked in (None, 22_050):
        found = load(path, rate=asked)
        assert np.abs(coded.lateness(found.audio, found.rate)).max() < EXACT
        assert found.seconds == pytest.approx(coded.SECONDS, abs=0.05)  # some encoders fill up their last frame


@pytest.mark.parametrize(
    "name, change",
    [("click.webm", coded.opus_in_caf), ("click.m4a", coded.noted_by_itunes)]
    + [(f"click.{suffix}", bytes) for suffix in ("alac", "mp3wav", "aac", "mp2", "mpg", "ac3", "vob")]
    + [(f"click.{suffix}", bytes) for suffix in ("mp2ts", "opusts", "latm")],
)
def test_a_click_is_where_it_was_in_what_only_some_programs_write(name, change, tmp_path):
    path = coded.write(tmp_path / name, coded.clicks(44_100), 44_100)
    path.write_bytes(change(path.read_bytes()))
    found = load(path)
    assert np.abs(coded.lateness(found.audio, found.rate)).max() < EXACT
    assert np.array_equal(load(path, start=1.0).audio[:1000], found.audio[found.rate :][:1000])


def test_a_video_whose_sound_ends_before_the_pictures_is_not_cut_off(tmp_path, recwarn):
    path = coded.write(tmp_path / "take.mkv", coded.clicks(44_100), 44_100)
    assert load(path).seconds == pytest.approx(coded.SECONDS, abs=0.05) and not recwarn
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(InputWarning, match="cut off"):
        load(path)


def test_a_telephones_coding_of_speech_comes_in_time(tmp_path):
    melody = coded.melody(8000)
    path = coded.write(tmp_path / "melody.amr", melody, 8000)
    found = load(path).audio[: len(melody)]  # a click is nothing that it can code
    assert abs(np.argmax(np.correlate(np.pad(found, 100), melody)) - 100) < EXACT * 8000


def chunk(name: bytes, *content: bytes) -> bytes:
    return name + struct.pack("<I", sum(map(len, content))) + b"".join(content)


@pytest.mark.parametrize("silence", [0, 1000])
def test_a_wav_whose_sound_is_in_two_chunks_or_in_a_list_of_waves_is_read_whole(silence, tmp_path):
    numbers = np.random.default_rng(0).integers(-9999, 9999, 3000, "<i2")
    first, second = numbers[:1000].tobytes(), numbers[1000:].tobytes()
    form = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16))
    two = [chunk(b"data", first), chunk(b"cue ", bytes(4)), chunk(b"data", second)]
    waves = chunk(b"LIST", b"wavl", two[0], chunk(b"slnt", struct.pack("<I", silence)), two[2])
    gap = np.zeros(silence, "<i2")
    path = tmp_path / "take.wav"
    path.write_bytes(chunk(b"RIFF", b"WAVE", form, *([waves] if silence else two)))
    expected = np.concatenate([numbers[:1000], gap, numbers[1000:]]) / 32768
    assert np.array_equal(load(path).audio, expected.astype(np.float32))


@pytest.mark.parametrize("bits", [16, 24])
def test_samples_in_a_caf_may_have_fewer_bits_than_their_bytes(bits, tmp_path):
    numbers = np.random.default_rng(0).integers(-(2**31), 2**31, 3000, "<i4") & -(1 << (32 - bits))
    form = struct.pack(">d4s5I", 8000, b"lpcm", 2, 4, 1, 1, bits)  # 2: the lowest byte first
    sound = bytes(4) + numbers.astype("<i4").tobytes()
    chunks = (b"desc" + struct.pack(">q", 32) + form, b"data" + struct.pack(">q", len(sound)) + sound)
    (tmp_path / "take.caf").write_bytes(b"caff\0\1\0\0" + b"".join(chunks))
    assert np.array_equal(load(tmp_path / "take.caf").audio, (numbers / 2**31).astype(np.float32))


def test_a_voc_is_read_block_by_block(tmp_path):
    def block(kind: int, *content: bytes) -> bytes:
        return bytes([kind]) + sum(map(len, content)).to_bytes(3, "little") + b"".join(content)

    head = b"Creative Voice File\x1a" + struct.pack("<HHH", 26, 0x0114, 0x111F)
    numbers = np.random.default_rng(0).integers(0, 256, 3000, np.uint8)
    first, second = numbers[:1000].tobytes(), numbers[1000:].tobytes()
    text, mark, silence = block(5, b"a text\0"), block(4, b"\1\0"), block(3, struct.pack("<HB", 499, 156))
    path = tmp_path / "take.voc"
    path.write_bytes(head + text + block(1, b"\x9c\0", first) + mark + silence + block(2, second) + b"\0")
    found = load(path)
    expected = np.concatenate([numbers[:1000], np.full(500, 128), numbers[1000:]]) / 128 - 1
    assert found.rate == 1_000_000 // (256 - 0x9C) and np.array_equal(found.audio, expected.astype(np.float32))

    a_law = block(9, struct.pack("<IBBHI", 8000, 8, 1, 6, 0), bytes([0xD5]) * 1000) + block(2, bytes([0xD5]) * 2000)
    path.write_bytes(head + a_law + b"\0")
    assert len(load(path).audio) == 3000 and np.abs(load(path).audio).max() < 0.001

    path.write_bytes(head + block(1, b"\x9c\1", bytes(1000)) + b"\0")  # four bits a sample
    assert len(load(path).audio) == pytest.approx(2000, abs=8)


def test_a_rate_that_no_recorder_has_is_refused_before_resampling_and_an_endless_stop_is_the_end(tmp_path):
    path = tmp_path / "take.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    for rate in (10**9, 0, -1, float("nan")):
        with pytest.raises(InputError, match="rate"):
            load(path, rate=rate)
    assert load(path, stop=float("inf")).seconds == 1.0
