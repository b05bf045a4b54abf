"""Training data from a folder of MAESTRO's form: exact cuts, the same whatever happens, and clear words for faults."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from nmp_lessons import cli, training
from nmp_lessons.audio import Stream, load
from nmp_lessons.constants import NMP
from nmp_lessons.cqt import CQT
from nmp_lessons.data import CLIP_FRAMES, ONSET_STEPS, ROW, Corpus, Maestro, maestro
from nmp_lessons.errors import InputError
from nmp_lessons.notes import Notes, write_midi
from nmp_lessons.sound import tone
from nmp_lessons.targets import targets
from nmp_lessons.training import SPLITS, Recipe, cut_corpus, maestro_clips, stored_levels

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
MUSIC = {  # performance of the book's own set: year, split, rate; all last one to two minutes
    "beethoven-waldstein": (2009, "train", 44_100),
    "schumann-etudes": (2014, "train", 48_000),
    "beethoven-menuetto": (2014, "validation", 44_100),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """Three performances as MAESTRO has them: stereo WAV of 16 bits, and MIDI."""
    root = tmp_path_factory.mktemp("maestro")
    rows = []
    for name, (year, split, rate) in MUSIC.items():
        played = maestro.performance(name)
        midi, audio = f"{year}/{name}.midi", f"{year}/{name}.wav"
        (root / midi).parent.mkdir(exist_ok=True)
        shutil.copy(played.midi, root / midi)
        mono = load(played.audio, rate=rate).audio
        soundfile.write(root / audio, np.stack([mono, mono], axis=1), rate, subtype="PCM_16")
        rows.append([played.composer, played.title, split, year, midi, audio, played.seconds])
    with open(root / "maestro-v3.0.0.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([maestro.COLUMNS, *rows])
    return root


@pytest.fixture(scope="module")
def made(tree, tmp_path_factory) -> Path:
    """The corpora of an unbroken run by one worker."""
    folder = tmp_path_factory.mktemp("made")
    cut_corpus(folder, Maestro(tree))
    return folder


@pytest.fixture
def copied(tree, tmp_path) -> Path:
    """A tree of one's own to spoil."""
    return shutil.copytree(tree, tmp_path / "tree")


def fingerprints(folder: Path) -> dict[str, str]:
    return {split: Corpus(folder / split).fingerprint for split in SPLITS}


def test_a_stream_is_the_recording(tree):
    """Whatever the slices, as long as they move on; and what is behind them is forgotten."""
    whole = load(tree / "2014/schumann-etudes.wav", rate=NMP.sample_rate).audio
    stream = Stream(tree / "2014/schumann-etudes.wav", rate=NMP.sample_rate)
    assert len(stream) == len(whole)
    for start, stop in ((0, 10), (5, 300_000), (250_000, 250_001), (900_000, 1_200_000), (1_100_000, len(whole) + 9)):
        assert np.array_equal(stream[start:stop], whole[start:stop])
    with pytest.raises(IndexError, match="move on"):
        stream[:10]


@pytest.mark.parametrize("frames", [1, CLIP_FRAMES - 1, CLIP_FRAMES, CLIP_FRAMES + 1, 7 * CLIP_FRAMES + 3])
def test_clips_cover_a_recording_and_end_with_it(frames):
    starts = maestro_clips.starts(frames)
    seen = np.zeros(max(frames, CLIP_FRAMES), int)
    for start in starts:
        seen[start : start + CLIP_FRAMES] += 1
    assert (seen >= 1).all() and len(seen) == starts[-1] + CLIP_FRAMES
    assert len(starts) == -(-frames // CLIP_FRAMES)


def test_clips_are_cut_from_the_whole(tree, made):
    """Features and targets are those of the whole recording, computed at once; the notes are those struck."""
    played = Maestro(tree).performance("schumann-etudes")
    whole = played.segment(rate=NMP.sample_rate)
    features = stored_levels(CQT().power(torch.from_numpy(whole.audio)[None])[0])
    answers = targets(played.notes, frames=len(features), onset_width=2, onset_at="time")
    onset = np.round(ONSET_STEPS * answers.onset).astype(np.uint8)
    store = Corpus(made / "train")
    piece = store.index["pieces"].index("2014/schumann-etudes")
    starts = maestro_clips.starts(len(features))
    assert len(starts) == 2
    for minute, start in enumerate(starts):
        clip, part = store.index["order"].index([piece, minute]), slice(start, start + CLIP_FRAMES)
        assert np.array_equal(store.note[clip], answers.note[part])
        assert np.array_equal(store.onset[clip], onset[part])
        off = np.abs(store.features[clip].astype(int) - features[part])
        assert off.max() <= 1 and off.mean() < 1e-3  # half a decibel, where rounding falls the other way
        assert np.array_equal(store.features[clip, 100:272], store.features[clip][100:272])
        begin = start / NMP.frame_rate
        struck = played.notes.between(begin, begin + CLIP_FRAMES / NMP.frame_rate)
        assert np.array_equal(store.notes(clip).pitch, struck.pitch)
        assert np.abs(store.notes(clip).intervals - struck.intervals).max() < 1e-6


def test_a_recording_of_less_than_a_minute_is_filled_up_with_silence(tmp_path):
    soundfile.write(tmp_path / "short.wav", tone(440, 5.0).audio, 22_050)
    write_midi(Notes([0.5], [1.5], [69]), tmp_path / "short.midi")
    short = maestro.Performance("", "", "train", 2000, tmp_path / "short.midi", tmp_path / "short.wav", 5.0)
    (clip,) = maestro_clips.clips(short, short.notes)
    sounds = clip[:, : NMP.cqt_bins].any(axis=1)
    assert sounds[:431].all() and not sounds[431:].any() and clip.shape == (CLIP_FRAMES, ROW)


@pytest.mark.slow
def test_two_workers_make_what_one_makes(tree, made, tmp_path):
    cut_corpus(tmp_path, Maestro(tree), workers=2)
    assert fingerprints(tmp_path) == fingerprints(made)
    assert (tmp_path / "train/corpus.json").read_bytes() == (made / "train/corpus.json").read_bytes()


def test_performances_of_a_corpus_have_the_checksums_that_stand_beside_them(made):
    for record in made.rglob("2*/*.json"):
        done = subprocess.run(["sha256sum", record.with_suffix(".npy")], capture_output=True, text=True, check=True)
        assert json.loads(record.read_text())["sha256"] == done.stdout.split()[0]


MORTAL = """
import contextlib, os, random, signal, sys, time
from pathlib import Path
from nmp_lessons.data import Maestro
from nmp_lessons.errors import InputError
from nmp_lessons.training import cut_corpus
tree, folder = Maestro(sys.argv[1]), Path(sys.argv[2])

def begun(workers):
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        for _ in range(500):
            with contextlib.suppress(InputError):  # a worker that is being killed may still hold the lock
                cut_corpus(folder, tree, workers=workers)
                os._exit(0)
            time.sleep(0.01)
        os._exit(1)
    return child

def state():
    found = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # renamed since it was listed
            found[path] = path.stat().st_size
    return found

moments = random.Random(0)
for workers in (1, 2, 1, 2, 1):
    before = state()
    child = begun(workers)
    while state() == before:
        time.sleep(0.002)
    time.sleep(moments.uniform(0, 0.1))
    os.killpg(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    print(len(list(folder.rglob("2*/*.json"))), flush=True)
assert os.waitpid(begun(1), 0)[1] == 0
"""


@pytest.mark.slow
def test_a_run_killed_five_times_ends_as_an_unbroken_one(tree, made, tmp_path):
    """The whole group of processes, at random moments, with one worker and with two."""
    command = [sys.executable, "-c", MORTAL, str(tree), str(tmp_path / "made")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    stood = [int(line) for line in done.stdout.split()]
    assert len(stood) == 5 and stood == sorted(stood) and stood[0] < 3
    assert fingerprints(tmp_path / "made") == fingerprints(made)
    assert not list((tmp_path / "made").rglob(".writing-*"))


WEIGHED = """
import os, resource, sys
from pathlib import Path
import torch
from nmp_lessons.data import Maestro
from nmp_lessons.training import maestro_clips
torch.set_num_threads(1)
for name in ("short", "long"):
    child = os.fork()
    if child == 0:
        maestro_clips._write(Maestro(sys.argv[1]).performance(name), Path(sys.argv[2]) / name)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
GROWTH = 60  # MiB; the audio of 20 minutes would take 100, its transform 120, what is stored of it 50


@pytest.mark.slow
def test_memory_is_flat(tmp_path):
    """Twenty minutes take hardly more than one."""
    rows, rng = [], np.random.default_rng(0)
    for name, minutes in (("short", 1), ("long", 20)):
        onset = np.sort(rng.uniform(0, 60 * minutes, 500 * minutes))
        write_midi(Notes(onset, onset + 0.2, rng.integers(21, 109, len(onset))), tmp_path / f"{name}.midi")
        with soundfile.SoundFile(tmp_path / f"{name}.wav", "w", 44_100, 1, "PCM_16") as file:
            for _ in range(minutes):
                file.write(0.1 * rng.standard_normal(60 * 44_100))
        rows.append(["", "", "train", 2000, f"{name}.midi", f"{name}.wav", 60 * minutes])
    with open(tmp_path / "maestro-v3.0.0.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([maestro.COLUMNS, *rows])
    command = [sys.executable, "-c", WEIGHED, str(tmp_path), str(tmp_path / "made")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    short, long = map(int, done.stdout.split())
    assert long < short + GROWTH, f"{short} MiB for one minute, {long} MiB for twenty"


# Faults


def _cut_audio(root):
    path = root / "2009/beethoven-waldstein.wav"
    path.write_bytes(path.read_bytes()[:-100_000])
    return path.name, "cut off"


def _scratched_audio(root):
    """A FLAC whose header and end are whole."""
    path = root / "2009/beethoven-waldstein.wav"
    soundfile.write(path.with_suffix(".flac"), *soundfile.read(path))
    data = bytearray(path.with_suffix(".flac").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    path.write_bytes(data)
    return path.name, "cut off|cannot be read"


def _broken_midi(root):
    path = root / "2009/beethoven-waldstein.midi"
    path.write_bytes(path.read_bytes()[:1000])
    return path.name, "cut off"


@pytest.mark.parametrize("spoil", [_cut_audio, _scratched_audio, _broken_midi])
def test_a_corrupt_file_is_named_when_all_others_are_done(spoil, tree, made, copied, tmp_path, capfd):
    name, complaint = spoil(copied)
    words = ["data", "maestro", str(copied), "-o", str(tmp_path / "made"), "--workers", "1"]
    assert cli.main(words) == 2
    said = capfd.readouterr().err.splitlines()
    lines = [line for line in said if "performances could not be read" in line or name in line]
    assert "1 of 3" in lines[0] and "--without beethoven-waldstein" in lines[0] and len(lines) == 2
    assert any(word in lines[1] for word in complaint.split("|")), lines[1]
    others = {path.stem for path in (tmp_path / "made").rglob("2*/*.npy")}
    assert others == {"schumann-etudes", "beethoven-menuetto"} and not (tmp_path / "made/train/corpus.json").exists()
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "made").rglob("*.npy")}
    assert cli.main([*words, "--without", "beethoven-waldstein"]) == 0
    assert len(Corpus(tmp_path / "made/train")) == 2
    shutil.copytree(tree, copied, dirs_exist_ok=True)  # repaired
    assert cli.main(words) == 0 and fingerprints(tmp_path / "made") == fingerprints(made)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())  # not made again


def test_a_missing_year_is_named_before_any_work_and_may_be_left_out(copied, tmp_path, capfd):
    shutil.rmtree(copied / "2009")
    words = ["data", "maestro", str(copied), "-o", str(tmp_path / "made"), "--workers", "1"]
    assert cli.main(words) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "the whole folder 2009;" in line and "--without" in line and not (tmp_path / "made").exists()
    assert cli.main([*words, "--without", "2009"]) == 0
    assert Corpus(tmp_path / "made/train").index["pieces"] == ["2014/schumann-etudes"]


def test_a_disk_too_small_is_known_before_any_work(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, 10**7))
    with pytest.raises(InputError, match=r"0.0 GB are needed, but only 0.0 GB are free.*make room"):
        cut_corpus(tmp_path, Maestro(tree))
    assert not list(tmp_path.rglob("*.npy"))


FULL = """
set -e
mount -t tmpfs -o size=10m none "$2"
"$0" - "$1" "$2" <<'END'
import shutil, subprocess, sys
from pathlib import Path
from nmp_lessons import cli
words = ["data", "maestro", sys.argv[1], "-o", sys.argv[2], "--workers", "1"]
shutil.disk_usage = lambda folder: shutil._ntuple_diskusage(10**12, 0, 10**12)  # before others filled it
assert cli.main(words) == 2
for path in Path(sys.argv[2]).rglob("*"):
    if path.is_file():
        print(path.name, path.stat().st_size)
subprocess.run(["mount", "-o", "remount,size=100m", sys.argv[2]], check=True)
assert cli.main(words) == 0
END
"""


@pytest.mark.slow
def test_a_full_disk_is_survived(tree, made, tmp_path):
    """A real one, of 10 MB, in a namespace of its own."""
    allowed = shutil.which("unshare") and not subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode
    if not allowed:
        pytest.skip("no namespaces here: `unshare -rm` must be allowed, to mount a small disk")
    command = ["unshare", "-rm", "sh", "-c", FULL, sys.executable, str(tree), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert "the disk is full; make room" in done.stderr and "Traceback" not in done.stderr
    left, _, rest = done.stdout.partition("train: 4 clips")
    whole = {path.name: path.stat().st_size for path in made.rglob("2*/*")}
    found = dict(line.split() for line in left.splitlines() if not line.startswith(("/", ".")))
    assert found and all(whole[name] == int(size) for name, size in found.items()) and len(found) < len(whole)
    assert all(value[:16] in done.stdout for value in fingerprints(made).values())


def _workers(process: subprocess.Popen) -> list[int]:
    """Processes that work for one: the children of its fork server."""

    def children(pid):
        return [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]

    return [grandchild for child in children(process.pid) for grandchild in children(child)]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="workers are found in /proc")
def test_a_killed_worker_costs_nothing_but_time(tree, made, tmp_path):
    command = [sys.executable, "-m", "nmp_lessons", "data", "maestro", str(tree), "-o", str(tmp_path), "--workers", "2"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    while not list(tmp_path.rglob(".writing-*")) and running.poll() is None:
        time.sleep(0.002)
    os.kill(_workers(running)[0], signal.SIGKILL)
    _, said = running.communicate(timeout=500)
    assert running.returncode == 0, said
    assert fingerprints(tmp_path) == fingerprints(made)


def test_workers_that_die_over_and_over_end_the_run(tree, tmp_path, monkeypatch):
    def killed(todo, workers):
        raise BrokenProcessPool

    monkeypatch.setattr(maestro_clips, "_results", killed)
    with pytest.raises(InputError, match="killed 3 times in a row.*fewer --workers"):
        cut_corpus(tmp_path, Maestro(tree), workers=2)


def test_damage_on_the_disk_is_found_and_mended(tree, made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "made")
    path = folder / "train/2014/schumann-etudes.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    cut_corpus(folder, Maestro(tree), check=True)
    assert path.read_bytes() == (made / "train/2014/schumann-etudes.npy").read_bytes()
    assert fingerprints(folder) == fingerprints(made)


def test_two_runs_do_not_share_a_folder(tree, tmp_path):
    with maestro_clips._alone(tmp_path), pytest.raises(InputError, match="another run is at work"):
        cut_corpus(tmp_path, Maestro(tree))


def test_a_corpus_of_another_kind_is_left_alone(tree, tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "features.u8").touch()
    with pytest.raises(InputError, match="another kind"):
        cut_corpus(tmp_path, Maestro(tree))


# Training on it

RECIPE = Recipe("run", steps=6, batch=4, frames=48, warm_up=2, average=0.9)
WORKER = """
import json, sys, torch
torch.set_num_threads(1)
from pathlib import Path
from nmp_lessons import training
from nmp_lessons.data import Corpus
recipe = training.Recipe.from_json(json.loads(sys.argv[3]))
fabric = training.default_fabric(accelerator="cpu", precision="32-true")
parts = (Corpus(Path(sys.argv[1]) / split) for split in ("train", "validation"))
training.train(recipe, *parts, folder=sys.argv[2], fabric=fabric, save_every=1)
"""


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(made, tmp_path):
    """By `torchrun`, as on many machines: the same global batch gives the same loss curve, step by step and head by
    head, and the same answers.

    Not the same weights: a bias before a normalisation has no gradient but rounding errors, and Adam makes steps of
    full length of them.
    """
    (tmp_path / "worker.py").write_text(WORKER)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, tmp_path / "worker.py", made, tmp_path / "two", json.dumps(RECIPE.to_json())]
    subprocess.run(command, check=True, timeout=500, env=ENVIRONMENT)
    second, two = training.load("run", folder=tmp_path / "two")
    parts = (Corpus(made / split) for split in SPLITS)
    fabric = training.default_fabric(accelerator="cpu", precision="32-true")
    first, one = training.train(RECIPE, *parts, folder=tmp_path / "one", fabric=fabric, save_every=1)
    assert one["hardware"]["processes"] == 1 and two["hardware"]["processes"] == 2
    assert one["corpus"] == two["corpus"] == Corpus(made / "train").fingerprint
    assert len(one["losses"]) == 6 and np.allclose(one["losses"], two["losses"], rtol=1e-3)
    assert two["decoder"] is not None and np.isfinite(two["losses"]).all()
    sound = Corpus(made / "train").features[0][:500]
    heard = [training.clip_posteriors(model.float(), sound) for model in (first, second)]
    for head in ("contour", "note", "onset"):
        assert np.allclose(getattr(heard[0], head), getattr(heard[1], head), atol=0.02)
