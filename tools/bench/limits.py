"""Promises about time: a table of limits and of what this machine takes, ``python -m tools.bench limits``.

The status is 1 if a limit is missed. These are no tests: a busy machine is no error in the code, so the suite asks
for results, for counts and for memory, and this table, on a machine at rest, for seconds. A limit is met if the best
of three turns meets it; what is called `processor` counts the processor's time, whatever else is at work.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from nmp_lessons import fetch
from nmp_lessons.audio import piano
from nmp_lessons.constants import NMP
from nmp_lessons.data import maestro
from nmp_lessons.decoding import PeakDecoder, decode
from nmp_lessons.model import Posteriors
from nmp_lessons.notes import Notes, read_midi
from nmp_lessons.targets import targets
from tools.bench import web
from tools.browser import launched, served

ROOT = Path(__file__).parents[2]
TURNS = 3


def main() -> int:
    missed = 0
    print("| what | seconds | limit |")
    print("| --- | ---: | ---: |")
    for name, limit, measure in LIMITS:
        seconds = measure()
        missed += seconds > limit
        print(f"| {name} | {seconds:.2f} | {limit:g}{' **missed**' if seconds > limit else ''} |", flush=True)
    return int(missed > 0)


def best(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of some turns, after one that does not count."""
    call()
    seconds = []
    for _ in range(TURNS):
        began = clock()
        call()
        seconds.append(clock() - began)
    return min(seconds)


def ten_minutes() -> Posteriors:
    """Posteriors of a real performance, blurred and noisy: many peaks, and much that is left over."""
    notes = maestro.full_notes("beethoven-menuetto").between(0, 600)
    frames = round(600 * NMP.frame_rate)
    wanted, rng = targets(notes, frames=frames, onset_width=2), np.random.default_rng(0)
    blurred = [(0.8 * head + 0.2 * rng.random(head.shape)).astype(np.float32) for head in (wanted.note, wanted.onset)]
    return Posteriors(None, *blurred, np.arange(frames) / NMP.frame_rate)


def decoding(decoder: Callable[[Posteriors], Notes]) -> float:
    given = ten_minutes()
    return best(lambda: decoder(given))


def dense_minute() -> float:
    """Of three performances the minute with most notes, played on the piano."""
    names = [f"miditok-3.1.0/tests/MIDIs_one_track/Maestro_{number}.mid" for number in (10, 7, 6)]
    played = [read_midi(fetch.read(fetch.MIDITOK_SDIST, name)) for name in names]
    minutes = [notes.between(at, at + 60) for notes in played for at in range(0, int(notes.seconds) - 60, 10)]
    densest = max(minutes, key=len)
    return best(lambda: piano.render(densest), time.process_time)


def two_seconds() -> float:
    """Of a recording on the disk, from its middle."""
    performance = maestro.performance("beethoven-op101")
    return best(lambda: performance.segment(60.0, 2.0))


def minute_in_a_browser() -> float:
    """All that a page costs the processor from a file of sixty seconds to its notes, in one thread."""
    minute = maestro.performance("beethoven-menuetto").segment(0, 60).resampled(NMP.sample_rate)
    with tempfile.TemporaryDirectory() as name, launched() as browser:
        folder = Path(name)
        web._make_our_page(folder)
        soundfile.write(folder / "minute.wav", minute.audio, minute.rate, subtype="FLOAT")
        with served(folder) as address:
            seconds, *_ = web._ours(browser, f"{address}/ours.html", folder / "minute.wav", minute.seconds)
    return seconds


def made(target: str) -> float:
    """``make TARGET``, once: the first turn is the one that is waited for."""
    began = time.perf_counter()
    subprocess.run(["make", "-C", ROOT, target], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def book_again() -> float:
    """``make book`` where nothing changed."""
    made("book")
    return made("book")


LIMITS = [
    ("ten minutes of posteriors to notes, the released algorithm", 1.0, lambda: decoding(decode)),
    ("ten minutes of posteriors to notes, peaks", 1.0, lambda: decoding(PeakDecoder())),
    ("a dense minute on the piano, processor", 1.5, dense_minute),
    ("two seconds out of a recording", 0.5, two_seconds),
    ("a minute in a browser to notes, one thread, processor", 5.0, minute_in_a_browser),
    ("make check", 30.0, lambda: made("check")),
    ("make fast", 90.0, lambda: made("fast")),
    ("make book, nothing changed", 10.0, book_again),
]

if __name__ == "__main__":
    sys.exit(main())
