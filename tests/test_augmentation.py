"""Augmentations: each does to the labels what it says, invariant, equivariant or breaking."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nmp_lessons import augmentation
from nmp_lessons.audio import Recording, piano, room
from nmp_lessons.augmentation import (
    EFFECT,
    FeatureAugmentation,
    babble,
    coloured,
    delay,
    equalise,
    faster,
    gain,
    hum,
    interfere,
    low_pass,
    mask_time,
    mixup,
    random_equaliser,
    reverberate,
    split_by_mask,
    sweep,
    transpose,
    transposed,
    white_noise,
)
from nmp_lessons.constants import NMP
from nmp_lessons.cqt import CQT, SILENCE, normalised_log_fixed
from nmp_lessons.data import maestro
from nmp_lessons.decoding import PeakDecoder
from nmp_lessons.errors import InputError
from nmp_lessons.evaluation import onset_scores
from nmp_lessons.hearing import transcribe
from nmp_lessons.model import Heads
from nmp_lessons.notes import Notes
from nmp_lessons.targets import targets
from nmp_lessons.training import load

RATE = NMP.sample_rate


def rng():
    return np.random.default_rng(7)


def chord(pitches=(60, 64, 67), seconds=3.0, rate=RATE):
    """Decaying tones with five partials, all struck at half a second."""
    time = np.arange(int(seconds * rate)) / rate - 0.5
    tones = [
        np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * h * time) / h * np.exp(-time) * (time >= 0)
        for p in pitches
        for h in range(1, 6)
    ]
    notes = Notes([0.5] * len(pitches), [seconds - 0.1] * len(pitches), pitches)
    return Recording(0.1 * np.sum(tones, axis=0), rate, notes=notes)


def features(recording):
    return normalised_log_fixed(CQT().power(torch.from_numpy(recording.audio)[None])).mT


INVARIANT = {
    "white_noise": lambda r: white_noise(r, ratio=20, rng=rng()),
    "equalise": lambda r: equalise(r, *random_equaliser(rng())),
    "low_pass": lambda r: low_pass(r, 4000),
    "gain": lambda r: gain(r, -10),
    "reverberate": lambda r: reverberate(r, room(rng())),
    "interfere": lambda r: interfere(r, sweep(1.0), ratio=15),
}


def test_every_augmentation_says_what_it_does_to_labels():
    assert set(EFFECT.values()) == {"invariant", "equivariant", "breaking"}
    assert {name for name, effect in EFFECT.items() if effect == "invariant"} == set(INVARIANT)
    assert all(callable(getattr(augmentation, name)) for name in EFFECT)


@pytest.mark.parametrize("name", INVARIANT)
def test_invariant_ones_change_the_sound_but_neither_labels_nor_length(name):
    before = chord()
    after = INVARIANT[name](before)
    assert after.notes == before.notes and len(after.audio) == len(before.audio)
    assert not np.allclose(after.audio, before.audio)


@pytest.mark.parametrize("name", INVARIANT)
def test_invariant_ones_leave_the_onset_and_the_pitch_where_they_were(name):
    before, after = (features(r)[0] for r in (chord([69]), INVARIANT[name](chord([69]))))
    bin_of_a4 = 144
    for seen in (before, after):
        rise = seen[2:, bin_of_a4] - seen[:-2, bin_of_a4]
        assert abs(int(rise.argmax()) + 1 - 0.5 * NMP.frame_rate) <= 6
    assert int(after[80, 130:160].argmax()) + 130 == bin_of_a4


@pytest.mark.parametrize("name", INVARIANT)
def test_one_seed_gives_one_result(name):
    assert np.array_equal(INVARIANT[name](chord()).audio, INVARIANT[name](chord()).audio)


def test_noise_stands_at_the_ratio_that_was_asked_for():
    before = chord()
    added = white_noise(before, ratio=12, rng=rng()).audio - before.audio
    ratio = 10 * np.log10(np.mean(before.audio**2) / np.mean(added**2))
    assert ratio == pytest.approx(12, abs=0.01)


def test_an_equaliser_adds_decibels_to_bins():
    before = white_noise(Recording(np.full(2 * RATE, 1e-3), RATE), ratio=-40, rng=rng())
    after = equalise(before, [20.0, 20_000.0], [-9.0, -9.0])
    inner = features(after)[0, 40:-40] - features(before)[0, 40:-40]
    assert torch.allclose(60 * inner, torch.tensor(-9.0), atol=0.05)


def test_a_room_keeps_the_direct_sound_first_and_dies_away():
    response = room(rng(), reverberation=0.8, direct=3.0)
    assert response[0] == 1.0 and not response[1 : int(0.01 * RATE)].any()
    assert 10 * np.log10(1 / np.sum(response[1:] ** 2)) == pytest.approx(3.0, abs=1e-6)
    early, late = response[int(0.1 * RATE) : int(0.2 * RATE)], response[int(0.5 * RATE) : int(0.6 * RATE)]
    fallen = 10 * np.log10(np.sum(early**2) / np.sum(late**2))
    assert fallen == pytest.approx(60 * 0.4 / 0.8, abs=6)


def test_a_delay_moves_audio_features_and_labels_by_the_same_time():
    before = chord([60])
    after = delay(before, 10 * NMP.hop / RATE)
    assert after.notes.onset[0] - before.notes.onset[0] == pytest.approx(10 / NMP.frame_rate)
    inner = slice(100, 200)  # away from the ends, where the transform reflects
    moved = features(after)[0, 110:210] - features(before)[0, inner]
    assert moved[:, 108:].abs().max() < 0.5 / 60
    with pytest.raises(InputError, match="delay"):
        delay(before, -1.0)


def test_transposing_moves_audio_and_labels_together():
    before, after = chord([60]), transpose(chord([60]), 4)
    assert after.notes.pitch.tolist() == [64] and len(after.audio) == len(before.audio)
    peak = [int(features(r)[0, 100, 60:200].argmax()) for r in (before, after)]
    assert peak[1] - peak[0] == 12


CLICKS = np.arange(0.5, 5.6, 0.5137)


def clicks():
    """Short bursts of noise, and a label at the beginning of each."""
    audio, burst = np.zeros(6 * RATE), np.exp(-np.arange(200) / 30) * rng().standard_normal(200)
    for time in CLICKS:
        audio[int(time * RATE) :][:200] += 0.4 * burst
    return Recording(audio, RATE, notes=Notes(CLICKS, CLICKS + 0.2, np.full(len(CLICKS), 60)))


def lateness(recording, before=0.05, after=0.1):
    """Milliseconds by which each attack comes after its label: the envelope's first half of its peak nearby."""
    envelope = np.sqrt(np.convolve(recording.audio.astype(float) ** 2, np.hanning(int(0.006 * RATE)), "same"))
    pieces = [envelope[max(int((t - before) * RATE), 0) : int((t + after) * RATE)] for t in recording.notes.onset]
    return np.array([1e3 * (np.argmax(piece > 0.5 * piece.max()) / RATE - before) for piece in pieces])


IN_TIME = {
    "white_noise": lambda r: white_noise(r, ratio=30, rng=rng()),
    "equalise": lambda r: equalise(r, *random_equaliser(rng())),
    "low_pass": lambda r: low_pass(r, 4000),
    "gain": lambda r: gain(r, -15),
    "reverberate": lambda r: reverberate(r, room(rng(), reverberation=0.4)),
    "interfere": lambda r: interfere(r, hum(6, frequency=100), ratio=20),
    "delay": lambda r: delay(r, 0.317),
    "faster": lambda r: faster(r, 2 ** (5 / 12)),
    "mixup": lambda r: mixup(r, replace(r, audio=np.zeros_like(r.audio), notes=Notes([], [], [])), 0.7)[0],
} | {f"transpose {s}": lambda r, s=s: transpose(r, s) for s in (-6, -4, -2, 0, 2, 4, 6)}


@pytest.mark.parametrize("name", IN_TIME)
def test_labels_stay_on_the_attacks(name):
    assert {name.split()[0] for name in IN_TIME} == {name for name, kind in EFFECT.items() if kind != "breaking"}
    before = clicks()
    assert np.abs(lateness(IN_TIME[name](before)) - lateness(before)).max() < 3


@pytest.mark.parametrize("semitones", [-6, -4, -2, 2, 4, 6])
def test_a_transposed_piano_s_attacks_stay_on_their_labels(semitones):
    notes = Notes(
        np.arange(0.5, 16), np.arange(0.5, 16) + 0.6, [45, 48, 50, 55, 60, 65, 70, 75, 80, 60, 64, 67, 72, 52, 84, 57]
    )
    before = replace(piano.render(notes, seconds=17), notes=notes)
    late = lateness(transpose(before, semitones)) - lateness(before)
    assert abs(np.median(late)) < 1.5 and np.mean(np.abs(late) < 3) >= 0.8


@pytest.mark.parametrize("semitones", [-6, -3, 3, 6])
def test_notes_of_the_transposed_nocturne_are_found_as_early_as_if_they_had_been_played(semitones):
    before = maestro.performance("chopin-nocturne").segment(rate=RATE)
    played = before.notes.transposed(semitones)
    played = replace(piano.render(played, seconds=before.seconds), notes=played)
    model, record = load("main-0")

    def f(recording):
        found, _ = transcribe(recording, model=model, decoder=PeakDecoder(**record["decoder"]))
        return onset_scores(recording.notes, found, tolerance=0.02)["Fno"]

    assert f(transpose(before, semitones)) > min(f(before), f(played)) - 0.05


def test_a_faster_tape_is_higher_and_earlier():
    before, after = chord([60]), faster(chord([60]), 2.0)
    assert after.notes.pitch.tolist() == [72] and after.notes.onset.tolist() == [0.25]
    assert after.seconds == pytest.approx(before.seconds / 2, abs=1e-3)
    with pytest.raises(InputError, match="semitones"):
        faster(before, 1.5)


def test_mixup_holds_the_notes_of_both_with_their_shares():
    one, other = chord([60]), chord([67, 72], seconds=2.0)
    mixed, shares = mixup(one, other, 0.7)
    assert mixed.notes.pitch.tolist() == [60, 67, 72] and shares.tolist() == pytest.approx([0.7, 0.3, 0.3])
    samples = len(other.audio)
    assert np.allclose(mixed.audio, 0.7 * one.audio[:samples] + 0.3 * other.audio, atol=1e-6)


def test_the_masked_note_is_one_in_the_labels_and_two_to_a_listener():
    before = chord([60])
    after = mask_time(before, 1.2, 1.6)
    assert len(after.notes) == 1 and after.notes == before.notes
    assert not after.audio[int(1.21 * RATE) : int(1.59 * RATE)].any()
    heard = split_by_mask(before.notes, 1.2, 1.6)
    assert heard.intervals.tolist() == [[0.5, 1.2], [1.6, 2.9]]
    wrong = targets(before.notes, frames=250).note != targets(heard, frames=250).note
    assert wrong[:, 39].sum() >= 0.35 * NMP.frame_rate


def test_irrelevant_waveforms_are_finite_and_last_as_asked():
    for waveform in (hum(1.5), sweep(1.5), babble(1.5, rng=rng())):
        assert waveform.shape == (int(1.5 * RATE),) and np.isfinite(waveform).all() and np.ptp(waveform) > 0


def labels(batch=3, frames=40):
    generator = torch.manual_seed(0)
    note = (torch.rand(batch, frames, 88, generator=generator) < 0.1).float()
    contour = torch.zeros(batch, frames, 264)
    contour[:, :, ::3] = note
    return Heads(contour, note, note.clone())


def test_a_shift_of_bins_is_what_transposing_the_performance_does():
    low = features(Recording(chord([48]).audio, RATE))
    high = features(Recording(chord([53]).audio, RATE))
    labels_low, labels_high = (
        Heads(*(torch.from_numpy(y)[None] for y in targets(chord([pitch]).notes, frames=low.shape[1])))
        for pitch in (48, 53)
    )
    moved, labels_moved = transposed(low, labels_low, [5])
    for a, b in zip(labels_moved, labels_high, strict=True):
        assert torch.equal(a, b)
    loud = high[0, 100] > high[0, 100].max() - 20 / 60
    assert (moved[0, 100] - high[0, 100])[loud].abs().max() < 3 / 60


def test_transposing_up_and_down_again_loses_only_the_ends():
    x, y = torch.rand(3, 40, 309), labels()
    there = transposed(x, y, [4, -2, 0])
    back, again = transposed(*there, [-4, 2, 0])
    assert torch.equal(back[0, :, :-12], x[0, :, :-12]) and (back[0, :, -12:] == SILENCE).all()
    assert torch.equal(back[1, :, 6:], x[1, :, 6:]) and torch.equal(back[2], x[2])
    assert torch.equal(again.note[0, :, :-4], y.note[0, :, :-4])


def test_feature_noise_is_the_noise_of_the_audio_in_the_mean():
    flat = torch.full((1, 4000, 309), SILENCE)
    floors = torch.full((1, 309), -40.0)
    uniform = torch.rand(flat.shape, generator=torch.manual_seed(0))
    noisy = coloured(flat, torch.zeros(1, 309), floors, uniform)
    power = 10 ** ((60 * noisy - 90) / 10)
    assert 10 * float(power.mean().log10()) == pytest.approx(-40, abs=0.1)


def test_feature_noise_flickers_where_real_noise_does_not():
    """In the bass real noise hardly changes from frame to frame; noise drawn cell by cell does (chapter augmentation)."""
    noise = Recording(0.1 * rng().standard_normal(8 * RATE), RATE)
    real = features(noise)
    flat = torch.full_like(real, SILENCE)
    uniform = torch.rand(flat.shape, generator=torch.manual_seed(0))
    drawn = coloured(flat, torch.zeros(1, 309), torch.full((1, 309), -40.0), uniform)

    def of_next_frame(picture):
        power = 10 ** (6 * picture[0, 100:590, :81].numpy())
        power = power / power.mean(axis=0)
        return np.corrcoef(power[1:].ravel(), power[:-1].ravel())[0, 1]

    assert of_next_frame(real) > 0.95
    assert abs(of_next_frame(drawn)) < 0.05


def test_feature_augmentation_is_seeded_keeps_shapes_and_can_be_switched_off():
    x, y = 0.2 + torch.rand(3, 40, 309), labels()
    first, again = (FeatureAugmentation()(x, y, rng=rng()) for _ in range(2))
    assert torch.equal(first[0], again[0]) and first[0].shape == x.shape
    off = FeatureAugmentation(semitones=0, equaliser=0.0, level=0.0, cutoff=0.0, noise=None)
    same, targets_too = off(x, y, rng=rng())
    assert torch.allclose(same, x, atol=3e-3) and torch.equal(targets_too.onset, y.onset)


def quiet(**settings):
    """An augmentation of features that does nothing but what the settings say."""
    nothing = {"semitones": 0, "equaliser": 0.0, "level": 0.0, "dark": 0.0, "cutoff": 0.0, "noise": None}
    return FeatureAugmentation(**nothing | settings)


def two_examples():
    levels = torch.cat([features(chord((60,))), features(chord((67,)))])
    labels = [targets(chord((pitch,)).notes, frames=levels.shape[1]) for pitch in (60, 67)]
    return levels, Heads(*(torch.from_numpy(np.stack(pair)) for pair in zip(*labels, strict=True)))


def test_feature_mixup_adds_powers_and_joins_labels():
    levels, labels = two_examples()
    mixed, joined = quiet(mixup=1.0)(levels, labels, rng=rng())
    assert (mixed >= levels - 1e-4).all() and (mixed > levels + 0.05).any()
    assert torch.equal(joined.note, torch.maximum(labels.note, labels.note.roll(1, 0)))
    assert joined.onset[0, :, 67 - 21].max() == 1


def test_feature_interference_changes_the_sound_and_no_label():
    levels, labels = two_examples()
    disturbed, same = quiet(interference=1.0)(levels, labels, rng=rng())
    assert (disturbed >= levels - 1e-4).all() and (disturbed > levels + 0.1).any()
    assert all(torch.equal(a, b) for a, b in zip(same, labels, strict=True))
    untouched, _ = quiet()(levels, labels, rng=rng())
    assert torch.allclose(untouched.clamp(min=0), levels.clamp(min=0), atol=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda r: interfere(r, np.zeros(0), ratio=3),
        lambda r: equalise(r, [100.0, 50.0], [0.0, 0.0]),
        lambda r: room(rng(), reverberation=0.0),
        lambda r: mixup(r, Recording(r.audio, 44_100), 0.5),
        lambda r: mixup(r, r, 2.0),
        lambda r: mask_time(r, 2.0, 1.0),
        lambda r: mask_time(r, 2.0, 100.0),
    ],
)
def test_impossible_settings_are_refused(call):
    with pytest.raises(InputError):
        call(chord([60]))
