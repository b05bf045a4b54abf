"""From the stroke of a key to its note on the screen: the page listens to a piano through Chromium's microphone.

The microphone is Chromium's fake one, which plays a WAV file: keys of the book's piano, struck one at a time, low,
middle and high in turn. What the page has recorded is laid over that file, so that the true time of every stroke is
known in the recording, whatever the network says. When a sample came in is known from the audio thread, and when a
note was on the screen from the frame after the one that drew it. What the system itself needs before its samples
reach the page is not in it: here at most 60 ms, as the first sample of the file came 57 ms after the page had asked
for the microphone. The network runs on one core, so other work slows it down.

Command: ``python -m tools.bench listen [SECONDS]``.
"""

import base64
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from scipy.signal import correlate

from nmp_lessons.audio import piano
from nmp_lessons.book import show
from nmp_lessons.book.site.assets import as_files
from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from nmp_lessons.notes import Notes
from tools.bench.web import copied
from tools.browser import hearing, launched, served

RATE = 48_000  # Hz, of the microphone
BETWEEN = 0.7  # seconds from stroke to stroke
REGISTERS = {"low, C1 to B2": (24, 48), "middle, C3 to B4": (48, 72), "high, C5 to C7": (72, 97)}
LEAD = 0.05  # seconds before a stroke with which it is looked for,
SLACK = 1.0  # seconds around where it should be,
LIKE = 0.8  # and the correlation with which it counts as heard without a gap
NEAR = 0.05  # seconds, as in `nmp_lessons.evaluation`
RECORDED = """element => {
  const bytes = new Uint8Array(element.heard.buffer), parts = [];
  for (let i = 0; i < bytes.length; i += 32768) parts.push(String.fromCharCode(...bytes.subarray(i, i + 32768)));
  return [btoa(parts.join("")), element.drawnLive, element.answer.notes];
}"""


class Heard(NamedTuple):
    """What the page recorded, at the network's rate, (samples,), and what it drew and found; times in seconds of it."""

    audio: np.ndarray
    drawn: np.ndarray  # (n, 3): pitch, onset, when it was on the screen
    notes: np.ndarray  # (m, 2): pitch and onset in the transcription of the whole
    said: str


class Prompt(NamedTuple):
    """The strokes that the page could hear: their pitches, and seconds until they were drawn (nan: never)."""

    pitch: np.ndarray
    delay: np.ndarray


def strokes(count: int, *, seed: int = 0) -> Notes:
    """Keys struck one after another, a low, a middle and a high one in turn."""
    rng = np.random.default_rng(seed)
    pitch = [int(rng.integers(*list(REGISTERS.values())[i % 3])) for i in range(count)]
    onset = 0.2 + BETWEEN * np.arange(count)
    return Notes(onset, onset + 0.8 * BETWEEN, pitch, rng.integers(50, 110, count))


def write_strokes(played: Notes, path: Path) -> np.ndarray:
    """The strokes as a file for the microphone; returns it at the network's rate."""
    audio = piano.render(played, seconds=len(played) * BETWEEN).audio
    audio = 0.5 * audio / np.abs(audio).max()
    soundfile.write(path, soxr.resample(audio, NMP.sample_rate, RATE), RATE, subtype="PCM_16")
    return audio


def listened(tab, seconds: float) -> Heard:
    """Lets the page listen for a while."""
    tab.get_by_role("button", name="Listen live").click()
    tab.get_by_text("Listening. Play or sing.").wait_for()
    tab.wait_for_timeout(1000 * seconds)
    tab.get_by_role("button", name="Stop listening").click()
    tab.locator("nmp-transcriber nmp-player.nmp-ready").wait_for()
    samples, drawn, notes = tab.locator("nmp-transcriber").evaluate(RECORDED)
    never = np.inf  # was on the screen: JSON has no infinity
    return Heard(
        np.frombuffer(base64.b64decode(samples), np.float32),
        np.array([[note["pitch"], note["onset"], note["drawn"] or never] for note in drawn], float).reshape(-1, 3),
        np.array([[note["pitch"], note["onset"]] for note in notes], float).reshape(-1, 2),
        tab.get_by_role("status").first.inner_text(),
    )


def promptness(heard: Heard, played: Notes, audio: np.ndarray) -> Prompt:
    """Finds the strokes of the file, which was played over and over as `audio`, and when the page drew each.

    A stroke is where the recording is most like it, since Chromium pauses between two turns for a millisecond or two,
    and loses samples when the machine is busy.
    """
    rate = NMP.sample_rate
    late, pitch, delay = lag(heard.audio, audio) % len(audio) - len(audio), [], []
    while late < len(heard.audio):
        for key, onset in zip(played.pitch, played.onset, strict=True):
            start = round((onset - LEAD) * rate)
            stroke = audio[start : start + round(BETWEEN * rate)]
            first = max(0, start + late - round(SLACK * rate))
            around = heard.audio[first : start + late + len(stroke) + round(SLACK * rate)]
            if start + late < 0 or start + late + len(stroke) + rate > len(heard.audio):
                continue  # not in the recording as a whole, or too late to be drawn
            like = likeness(stroke, around)
            if like.max() < LIKE:
                continue
            late = first + int(like.argmax()) - start
            time = (start + late) / rate + LEAD
            near = _near(heard.drawn, key, time)
            pitch.append(key)
            delay.append(heard.drawn[near, 2].min() - time if near.any() else np.nan)
        late += len(audio)
    return Prompt(np.array(pitch), np.array(delay))


def likeness(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The correlation of a part with every place of a whole, (places,), from −1 to 1."""
    found = correlate(whole, part, mode="valid", method="fft")
    energy = correlate(whole.astype(float) ** 2, np.ones(len(part)), mode="valid", method="fft")
    return found / np.sqrt(np.maximum(energy, 1e-9) * np.sum(part.astype(float) ** 2))


def agreement(heard: Heard) -> float:
    """How much of what was drawn is in the transcription of the whole recording, and the other way round: F."""
    one = sum(_near(heard.notes, key, time).any() for key, time, _ in heard.drawn)
    other = sum(_near(heard.drawn, key, time).any() for key, time in heard.notes)
    return float(one + other) / max(len(heard.drawn) + len(heard.notes), 1)


def _near(rows: np.ndarray, key: float, time: float) -> np.ndarray:
    return (rows[:, 0] == key) & (np.abs(rows[:, 1] - time) <= NEAR)


def lag(recorded: np.ndarray, turn: np.ndarray) -> int:
    """The sample of the recording at which a turn of the file begins; negative if it had begun before."""
    whole = correlate(recorded[: 2 * len(turn)], turn, mode="full", method="fft")
    return int(whole.argmax()) - len(turn) + 1


def write_page(folder: Path) -> None:
    """``live.html`` with a transcriber."""
    copied(folder / "built")
    clip = maestro.performance("chopin-nocturne").segment(2, 3)
    html = as_files(show.transcriber(clip, title="a clip").fragment, folder=folder / "built", url="built")
    page = f'<!doctype html><link rel="stylesheet" href="built/nmp.css">{html}<script src="built/nmp.js"></script>'
    (folder / "live.html").write_text(page, "utf8")


def main(given: str = "60") -> None:
    seconds = float(given)
    played = strokes(45)
    with tempfile.TemporaryDirectory() as name, launched() as quiet:
        folder = Path(name)
        write_page(folder)
        audio = write_strokes(played, folder / "strokes.wav")
        with served(folder) as address, hearing(quiet, folder / "strokes.wav") as browser:
            tab = browser.new_page()
            tab.goto(f"{address}/live.html")
            tab.get_by_role("button", name="Transcribe a clip").click()
            tab.get_by_text("of sound, found in").wait_for()
            heard = listened(tab, seconds)
    found = promptness(heard, played, audio)
    print("| keys | strokes | drawn | median, s | 9 of 10 within, s | slowest, s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, (low, high) in {**REGISTERS, "all": (0, 128)}.items():
        delay = found.delay[(found.pitch >= low) & (found.pitch < high)]
        drawn = delay[np.isfinite(delay)]
        times = [f"{value:.3f}" for value in (np.median(drawn), np.quantile(drawn, 0.9), drawn.max())]
        print(f"| {name} | {len(delay)} | {len(drawn)} | {' | '.join(times)} |")
    print(
        f"What was drawn agrees with the transcription of the whole recording: F {agreement(heard):.3f}. {heard.said}"
    )
