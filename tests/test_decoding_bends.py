"""Bends: of tones out of tune, of a voice, and as a synthesiser plays them."""

import shutil
import subprocess
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from nmp_lessons import training
from nmp_lessons.constants import NMP
from nmp_lessons.data.vocadito import singer
from nmp_lessons.decoding import (
    bends,
    decode,
    sing,
)
from nmp_lessons.errors import InputError
from nmp_lessons.model import Posteriors, posteriors as heard_by, released
from nmp_lessons.notes import Notes, write_midi
from nmp_lessons.sound import tone


@pytest.fixture(scope="module")
def original_net():
    return released.load()


@pytest.mark.parametrize("network", ["released", "main-0"])
def test_tones_out_of_tune_bend_by_as_much(network, original_net):
    """Within 15 cents, of which a third is the grid's."""
    net = original_net if network == "released" else training.load(network)[0]
    centre = released.CENTRE if network == "released" else 0
    for pitch in (45, 57, 69, 81):
        for off in (-0.4, 0.0, 0.4):
            frequency = 440 * 2 ** ((pitch - 69 + off) / 12)
            given = heard_by(net, tone(frequency, 0.8, partials=tuple(1 / h for h in range(1, 9))))
            (bend,) = bends(given, Notes([0.2], [0.6], [pitch]), centre=centre)
            assert np.median(bend) == pytest.approx(off, abs=0.15)


def test_released_bends_of_tones_in_tune_are_a_third_of_a_semitone_sharp(original_net):
    """Key n in tune stands on bin 3n + 1 of the released Yp; its program counts from 3n."""
    for pitch in range(40, 90, 7):
        given = heard_by(original_net, tone(440 * 2 ** ((pitch - 69) / 12), 0.8, partials=(1, 0.5, 0.33, 0.25)))
        (sharp,) = bends(given, Notes([0.2], [0.6], [pitch]), between_bins=False)
        assert np.median(sharp) == pytest.approx(1 / 3)


@pytest.mark.parametrize("number", [10, 14])
def test_a_voice_agrees_with_a_pitch_tracker_once_the_centre_is_right(number, original_net):
    """The median over all frames, in cents, of what is heard above what YIN hears."""
    voice = singer(number).resampled(NMP.sample_rate)
    given = heard_by(original_net, voice)
    notes = decode(given)
    tracked = librosa.yin(voice.audio, fmin=60, fmax=800, sr=voice.rate, hop_length=NMP.hop)
    apart = {}
    for centre in (0, released.CENTRE):
        gaps = []
        for onset, pitch, bend in zip(notes.onset, notes.pitch, bends(given, notes, centre=centre), strict=True):
            start = int(np.searchsorted(given.times, onset))
            steps = librosa.hz_to_midi(tracked[start : start + len(bend)])
            gaps.append(100 * (pitch + bend[: len(steps)] - steps))
        gaps = np.concatenate(gaps)
        apart[centre] = float(np.nanmedian(gaps[np.abs(gaps) < 100]))
    assert abs(apart[released.CENTRE]) < 8
    assert 25 < apart[0] < 42


def test_bends_need_a_network_with_a_contour():
    with pytest.raises(InputError, match="none"):
        bends(Posteriors(None, np.zeros((5, 88)), np.zeros((5, 88)), np.arange(5)), Notes([1], [2], [60]))


def test_notes_at_the_ends_of_the_keyboard_and_of_the_music_can_bend():
    contour = np.zeros((30, NMP.contour_bins))
    contour[:, 1], contour[:, -1] = 0.9, 0.9
    given = Posteriors(contour, np.zeros((30, 88)), np.zeros((30, 88)), np.arange(30) / 100)
    low, high = bends(given, Notes([0.0, 0.29], [0.05, 0.5], [21, 108]), between_bins=False)
    assert low == pytest.approx(np.full(5, 1 / 3)) and high == pytest.approx(np.full(1, 2 / 3))


def test_a_sung_bend_has_its_pitch():
    sung = sing(Notes([0.0], [1.0], [69]), [np.full(50, 0.4)])
    spectrum = np.abs(np.fft.rfft(sung.audio[2205:19845], 2**18))
    frequency = spectrum.argmax() * NMP.sample_rate / 2**18
    assert 1200 * np.log2(frequency / 440) == pytest.approx(40, abs=1)


def soundfont() -> Path:
    if not shutil.which("fluidsynth"):
        pytest.skip("the command fluidsynth is not installed, so no synthesiser plays the file")
    found = sorted(Path("/usr/share/sounds/sf2").glob("*.sf2"))
    if not found:
        pytest.skip("no sound font in /usr/share/sounds/sf2 for fluidsynth to play")
    return found[0]


@pytest.mark.parametrize("off", [-0.4, 0.3, 3.0])
def test_fluidsynth_plays_bends_in_tune(off, tmp_path):
    """Two notes at once, of which only one is bent: both are heard where they belong, within 5 cents."""
    font, heard = soundfont(), {}
    notes = Notes([0.0, 0.0], [2.0, 2.0], [57, 76])
    for name, curve in (("plain", None), ("bent", [off] * 20)):
        write_midi(notes, tmp_path / f"{name}.mid", bends=[curve, [0.0] * 20])
        command = [
            "fluidsynth",
            "-ni",
            "-q",
            "-r",
            "22050",
            "-F",
            tmp_path / f"{name}.wav",
            font,
            tmp_path / f"{name}.mid",
        ]
        subprocess.run(command, check=True, capture_output=True)
        audio, _ = soundfile.read(tmp_path / f"{name}.wav")
        heard[name] = np.abs(np.fft.rfft(audio[4410:35280].mean(axis=1) * np.hanning(30870), 2**20))

    def place(name, frequency):
        """The strongest frequency within a semitone and a half, in cents above the one asked for."""
        first, last = (int(frequency * 2 ** (d / 12) / 22050 * 2**20) for d in (-1.5, 1.5))
        found = (first + heard[name][first:last].argmax()) * 22050 / 2**20
        return 1200 * np.log2(found / frequency)

    low, high = 220.0, 440 * 2 ** (7 / 12)
    assert place("bent", low * 2 ** (off / 12)) - place("plain", low) == pytest.approx(0, abs=5)
    assert place("bent", high) - place("plain", high) == pytest.approx(0, abs=5)
