"""Speed, side by side in one run with others, as a Markdown table: ``make bench``.

Everyone works on the same minute of audio, on the same cores, in turns, and the median of each one's
turns counts. Results are compared as well; a fast wrong answer is no answer. basic-pitch comes as its
unpacked wheel, since its declared dependencies would pull in an old TensorFlow; it runs on ONNX Runtime, as
it does on most machines.

Options: ``python -m tools.bench [TURNS]``. In a browser: `tools.bench.web`.
"""

import contextlib
import importlib
import io
import logging
import os
import platform
import statistics
import sys
import tempfile
import time
import types
import zipfile
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import librosa  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from nmp_lessons import fetch
from nmp_lessons.audio import Recording, load, save  # noqa: E402
from nmp_lessons.constants import NMP  # noqa: E402
from nmp_lessons.cqt import CQT  # noqa: E402
from nmp_lessons.hearing import transcribe  # noqa: E402
from nmp_lessons.model import layers, released, windows  # noqa: E402

SECONDS = 60
TURNS = 7


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    logging.disable(logging.WARNING)  # basic-pitch names every runtime that is not installed
    recording = minute()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        path = Path(folder) / "minute.wav"
        save(recording.resampled(44_100), path)  # so that both resample
        original = basic_pitch(Path(folder))
        print(machine())
        print()
        print(table(("constant-Q transform, 60 s", *transforms(recording.audio, turns))))
        print()
        print(table(("a file to notes, 60 s, with reading and loading", *programs(path, original, turns))))
        print()
        print(limits(recording.audio, turns))


def minute() -> Recording:
    """A minute of real sound: two singers, over and over, and some noise."""
    clips = []
    for name in ("vocadito_10", "vocadito_14"):
        data = fetch.read(fetch.BASIC_PITCH_SDIST, f"basic_pitch-0.4.0/tests/resources/{name}.wav")
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            file.write(data)
            file.flush()
            clips.append(load(file.name, rate=NMP.sample_rate).audio)
    samples = SECONDS * NMP.sample_rate
    audio = np.resize(np.concatenate(clips), samples)
    return Recording(audio + 1e-3 * np.random.default_rng(0).standard_normal(samples), NMP.sample_rate)


def basic_pitch(folder: Path) -> types.ModuleType:
    """The inference module of basic-pitch, imported from its unpacked wheel."""
    with zipfile.ZipFile(fetch.archive(fetch.BASIC_PITCH_WHEEL)) as wheel:
        wheel.extractall(folder / "wheel")
    sys.path.insert(0, str(folder / "wheel"))
    sys.modules.setdefault("resampy", types.ModuleType("resampy"))  # imported there, used for sonifying only
    return importlib.import_module("basic_pitch.inference")


def transforms(audio: np.ndarray, turns: int) -> list[tuple[str, float, str]]:
    """Rows name, seconds, remark for the constant-Q transforms."""
    from nnAudio.features.cqt import CQT2010v2

    whole = torch.from_numpy(audio)[None]
    ours = CQT()
    shape = {
        "hop_length": NMP.hop,
        "fmin": NMP.lowest_frequency,
        "n_bins": NMP.cqt_bins,
        "bins_per_octave": NMP.bins_per_octave,
    }
    theirs = CQT2010v2(sr=NMP.sample_rate, verbose=False, **shape)

    def of_librosa():
        return np.abs(librosa.cqt(audio, sr=NMP.sample_rate, **shape))

    taken = in_turns([lambda: ours(whole), lambda: theirs(whole), of_librosa], turns)
    reference = ours(whole)[0].numpy()
    return [
        ("ours", taken[0], ""),
        (f"nnAudio {version('nnAudio')} CQT2010v2", taken[1], same(theirs(whole)[0].numpy(), reference)),
        (f"librosa {librosa.__version__} cqt", taken[2], same(of_librosa(), reference)),
    ]


def same(one: np.ndarray, other: np.ndarray) -> str:
    """How far two spectra are apart, relative to the second, away from the ends."""
    inner = slice(100, min(one.shape[1], other.shape[1]) - 100)
    one, other = one[:, inner], other[:, inner]
    return f"differs from ours by {np.linalg.norm(one - other) / np.linalg.norm(other):.1e}"


def programs(path: Path, original: types.ModuleType, turns: int) -> list[tuple[str, float, str]]:
    """Rows for the whole way from a file at 44,100 Hz to notes: what a call does in a running Python.

    Both read and resample the file, load the network, run it and make notes. Theirs is `predict` as it is: it
    makes pitch bends and a MIDI object as well.
    """
    model = path.parent / "wheel" / "basic_pitch" / "saved_models" / "icassp_2022" / "nmp.onnx"

    def run(dtype=None):
        context = torch.autocast("cpu", dtype) if dtype else contextlib.nullcontext()
        with context:
            return transcribe(load(path, rate=NMP.sample_rate))

    def run_theirs():
        with contextlib.redirect_stdout(io.StringIO()):
            return original.predict(path, model)

    taken = in_turns([run, run_theirs, lambda: run(torch.bfloat16)], turns)
    notes, exact = run()
    rough_notes, rough = run(torch.bfloat16)
    reference = pairs(notes)
    events = {(round(onset, 3), pitch) for onset, _, pitch, _, _ in run_theirs()[2]}
    heads = ("contour", "note", "onset")
    loss = max(np.abs(getattr(rough, head) - getattr(exact, head)).max() for head in heads)
    remark = f"posteriors off by {loss:.3f} at most; {agreement(pairs(rough_notes), reference)}"
    return [
        ("ours, float32", taken[0], f"{len(notes)} notes"),
        (
            "basic-pitch 0.4.0 `predict`, ONNX Runtime",
            taken[1],
            f"{agreement(events, reference)}; makes bends and MIDI too",
        ),
        ("ours, bfloat16", taken[2], remark),
    ]


def pairs(notes) -> set:
    return set(zip(notes.onset.round(3).tolist(), notes.pitch.tolist(), strict=True))


def agreement(found: set, reference: set) -> str:
    return f"{len(found & reference)} of {len(found | reference)} notes the same"


def limits(audio: np.ndarray, turns: int) -> str:
    """How far the network is from what the machine's own matrix product does in float32."""
    net = released.load()
    batch = torch.from_numpy(windows(audio, hop=released.RELEASED_HOP)[:4])
    features = net.features(batch)
    matrix = torch.randn(2048, 2048)
    network, product = in_turns([lambda: net.logits(features), lambda: matrix @ matrix], turns)
    macs = features.shape[0] * features.shape[1] * sum(layer.macs for layer in layers(net))
    ours, peak = macs / network / 1e9, len(matrix) ** 3 / product / 1e9
    return (
        f"The network does {ours:.0f} thousand million multiply–adds a second, {ours / peak:.0%} of the "
        f"{peak:.0f} that a large matrix product reaches on these cores in float32."
    )


def in_turns(functions: list, turns: int) -> list[float]:
    """Median seconds of each function; they take turns, after one turn that does not count."""
    seconds = [[] for _ in functions]
    for _ in range(turns + 1):
        for function, taken in zip(functions, seconds, strict=True):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken[1:]) for taken in seconds]


def table(titled) -> str:
    """A Markdown table of rows (name, seconds, remark), the first being ours."""
    title, *rows = titled
    ours = rows[0][1]
    lines = [f"| {title} | seconds | times ours | |", "| --- | ---: | ---: | --- |"]
    lines += [f"| {name} | {seconds:.3f} | {seconds / ours:.1f} | {remark} |" for name, seconds, remark in rows]
    return "\n".join(lines)


def machine() -> str:
    names = ("torch", "onnxruntime", "numpy", "numba")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"Python {platform.python_version()}, {packages}; {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads, "
        f"{torch.backends.cpu.get_cpu_capability()}. Medians; peers and we take turns."
    )
