"""Thousands of damaged files: each gives sound or one line, in little time and memory, and none brings the process down."""

import inspect
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from nmp_lessons import cli
from nmp_lessons.book.inputs import coded
from tests.helpers import ROOT

TRANSCRIBED = 25  # of each format, by the command line
SECONDS, MEMORY = 2.0, 500  # of the processor, each; MiB in all
RATE = 16_000
FORMATS = ["wav", "flac", "mp3", "ogg", "opus", "m4a", "webm", "caf", "voc"]
READING = """
import io, json, resource, sys, time, warnings
import numpy as np
import scipy.signal  # or the first file with two channels would pay for it
from nmp_lessons.audio import load
from nmp_lessons.errors import InputError

data, worst, outcomes = sys.stdin.buffer.read(), 0.0, {}
for seed in range(int(sys.argv[1])):
    print(seed, file=sys.stderr, flush=True) if seed % 100 == 0 else None
    damaged, began = mutated(data, seed), time.process_time()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = load(io.BytesIO(damaged), rate=22_050)
            assert np.isfinite(found.audio).all() and len(said) <= 2
            outcome = "warned" if said else "read"
        except InputError as problem:
            assert len(str(problem).splitlines()) == 1 and len(str(problem)) < 300, problem
            outcome = "refused"
    worst = max(worst, time.process_time() - began)
    outcomes[outcome] = outcomes.get(outcome, 0) + 1
try:  # not ru_maxrss, which on Linux starts with what the parent had
    status = open("/proc/self/status", encoding="utf8").read()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
print(json.dumps([worst, peak, outcomes]))
"""


def mutated(data: bytes, seed: int) -> bytes:
    """Some bits flipped, bytes replaced, stretches lost or put in; half of the places lie in the first 128 bytes."""
    rng, spoiled = np.random.default_rng(seed), bytearray(data)
    how = rng.integers(5)
    for _ in range(rng.integers(1, 9)):
        place = int(rng.integers(len(spoiled) if rng.random() < 0.5 else min(len(spoiled), 128)))
        if how == 0:
            spoiled[place] ^= 1 << int(rng.integers(8))
        elif how == 1:
            spoiled[place] = int(rng.choice([0, 127, 128, 255, rng.integers(256)]))
        elif how == 2:
            spoiled[place : place + int(rng.integers(1, 200))] = b""
        elif how == 3:
            spoiled[place:place] = rng.bytes(int(rng.integers(1, 50)))
        else:
            stretch = spoiled[place : place + int(rng.integers(1, 400))]
            there = int(rng.integers(len(spoiled)))
            spoiled[there : there + len(stretch)] = stretch
        if len(spoiled) < 2:
            break
    return bytes(spoiled)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """A small valid file of each format: clicks and two tones in three seconds."""
    time = np.arange(2 * RATE) / RATE
    tones = 0.1 * np.sin(2 * np.pi * 440 * time) + 0.1 * np.sin(2 * np.pi * 660 * time)
    audio = coded.clicks(RATE)[: len(tones)] + tones.astype(np.float32)
    folder = tmp_path_factory.mktemp("whole")
    return {name: coded.write(folder / f"whole.{name}", audio, RATE).read_bytes() for name in FORMATS}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is measured by `resource`")
@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_gives_sound_or_one_line(name, whole, thorough):
    mutations = 2000 if thorough else 300
    script = inspect.getsource(mutated) + READING  # this module would load all that the command line needs
    command = [sys.executable, "-c", script, str(mutations)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=whole[name], capture_output=True, env=environment, timeout=2000)
    told = done.stderr.decode(errors="replace").split("\n")
    assert done.returncode == 0, told
    assert len(told) == mutations // 100 + 1  # no decoder prints anything of its own
    worst, peak, outcomes = json.loads(done.stdout)
    assert sum(outcomes.values()) == mutations and worst < SECONDS and peak < MEMORY, (worst, peak, outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_the_command_line_goes_on_after_every_damaged_file(name, whole, tmp_path, capfd):
    paths = []
    for seed in range(TRANSCRIBED):
        paths.append(tmp_path / f"{seed}.{name}")
        paths[-1].write_bytes(mutated(whole[name], seed))
    (tmp_path / "last.wav").write_bytes(whole["wav"])
    words = ["transcribe", *map(str, paths), str(tmp_path / "last.wav"), "-o", str(tmp_path / "out")]
    assert cli.main(words) in (0, 2)
    written = {path.stem for path in (tmp_path / "out").glob("*.mid")}
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("nmp-lessons: ")]
    refused = {path.stem for path in paths if any(str(path) in line for line in lines)} - written
    assert "last" in written and written | refused == {"last", *(path.stem for path in paths)}
