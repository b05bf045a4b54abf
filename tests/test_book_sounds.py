"""Every sound of the built book, decoded by a browser: as long as its player says, and its notes on its attacks."""

import base64

import numpy as np
import pytest

from tests.helpers import LISTED

RATE = 22_050
EXACT = 0.010  # seconds
LOUD = 1.5  # standard deviations of novelty by which attacks must stand out, or noise hides them
# Sounds that the drawn notes are not of: the notes stand on the other version.
OTHER_NOTES = {("A delay", "as played"), ("tape, with its labels", "before")}
# For each sound of a page, in the page or in a template of an explorable: what it is, and its samples.
SOUNDS = """async rate => {
  const context = new OfflineAudioContext(1, 1, rate), sounds = [];
  const walk = root => {
    sounds.push(...root.querySelectorAll("audio"));
    root.querySelectorAll("template").forEach(template => walk(template.content));
  };
  walk(document);
  const packed = samples => {
    const bytes = new Uint8Array(samples.buffer), parts = [];
    for (let i = 0; i < bytes.length; i += 32768) parts.push(String.fromCharCode(...bytes.subarray(i, i + 32768)));
    return btoa(parts.join(""));
  };
  const found = [];
  for (const sound of sounds) {
    const player = sound.closest("[data-seconds]"), seconds = Number(player.dataset.seconds);
    const onsets = kinds => [...player.querySelectorAll(kinds)].map(
      note => parseFloat(note.getAttribute("x")) / 100 * seconds);
    const answer = await fetch(sound.getAttribute("src"));
    const decoded = await context.decodeAudioData(await answer.arrayBuffer());
    const notes = {
      reference: onsets(".nmp-reference rect"),
      prediction: onsets(".nmp-prediction rect, .nmp-hit rect, .nmp-extra rect"),
    };
    const drawn = notes.reference.length + notes.prediction.length > 0;
    found.push({
      player: player.ariaLabel, name: sound.ariaLabel, role: sound.dataset.role ?? "", seconds, notes,
      length: decoded.duration, samples: drawn ? packed(decoded.getChannelData(0)) : "",
    });
  }
  return found;
}"""


def novelty(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds, and how much each brings that is new: rises of the logarithmic spectrum."""
    hop, width = 55, 512  # samples
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio, width // 2), width)[::hop]
    level = np.abs(np.fft.rfft(frames * np.hanning(width), axis=1))
    level = np.log1p(1000 * level / max(level.max(), 1e-9))
    rises = np.pad(np.maximum(level[4:] - level[:-4], 0).sum(axis=1), 2)
    return np.arange(len(rises)) * hop / RATE, rises / max(rises.std(), 1e-9)


def lateness(audio: np.ndarray, onsets: np.ndarray) -> tuple[float, float]:
    """By how many seconds all attacks come after the onsets, and how clearly that is seen."""
    times, rises = novelty(audio)
    shifts = np.arange(-0.1, 0.1001, 0.0025)
    strength = np.array([np.interp(onsets + shift, times, rises).mean() for shift in shifts])
    return float(shifts[strength.argmax()]), float(strength.max() - np.median(strength))


def off_attacks(sound: dict, bias: float) -> float | None:
    """Seconds between notes and attacks, if the sound was made from notes that are drawn and can be measured."""
    kind = "prediction" if sound["role"] == "prediction" else "reference"
    onsets = np.array(sound["notes"][kind])
    if len(onsets) < 8 or (sound["player"], sound["name"]) in OTHER_NOTES:
        return None
    late, clear = lateness(np.frombuffer(base64.b64decode(sound["samples"]), np.float32), onsets)
    return late - bias if clear > LOUD else None


@pytest.fixture(scope="module")
def bursts() -> tuple[np.ndarray, np.ndarray]:
    """Twelve attacks, and when they are."""
    onsets = np.sort(np.random.default_rng(0).uniform(0.2, 4.6, 12))
    time = np.arange(4000) / RATE
    audio = np.zeros(5 * RATE, np.float32)
    for onset in onsets:
        first = round(onset * RATE)
        audio[first : first + len(time)] += np.exp(-20 * time) * np.sin(2 * np.pi * 440 * time)
    return audio, onsets


@pytest.fixture(scope="module")
def bias(bursts) -> float:
    """What the measurement itself adds: a window sees an attack before its middle has come to it."""
    return lateness(*bursts)[0]


@pytest.mark.parametrize("shift", [-0.03, 0.015])
def test_lateness_is_measured_by_attacks(bursts, bias, shift):
    audio, onsets = bursts
    late, clear = lateness(audio, onsets + shift)
    assert clear > LOUD and late - bias == pytest.approx(-shift, abs=0.003)


@pytest.mark.slow
def test_every_sound_is_as_long_as_its_player_says_and_its_notes_lie_on_its_attacks(visit, book_html, book_site, bias):
    count, measured, wrong = 0, 0, {}
    for page in LISTED:
        if "<audio" not in (book_html / f"{page}.html").read_text("utf8"):
            continue
        sounds = visit(f"{book_site}/{page}.html").evaluate(SOUNDS, RATE)
        for sound in sounds:
            late, longer = off_attacks(sound, bias), sound["length"] - sound["seconds"]
            count, measured = count + 1, measured + (late is not None)
            if abs(longer) > 0.001 or abs(late or 0) > EXACT:
                wrong[page, sound["player"], sound["name"]] = {"longer": longer, "late": late}
    assert wrong == {}
    assert count > 400 and measured > 50
