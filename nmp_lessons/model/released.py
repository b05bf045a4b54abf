"""The released weights of NMP, and the way the released program cuts audio into windows.

Chapter ``model``. The wheel of basic-pitch 0.4.0 (Apache-2.0, Spotify) carries the trained network as a
TensorFlow SavedModel. Its variables are stored in a "tensor bundle": a data file that holds the numbers end to
end, and an index, a sorted table of names whose entries say where each tensor begins. Some fifty lines are enough
to read it, so TensorFlow is not needed. The ONNX file beside it would give the same outputs, but has the batch
normalisation folded into the filters, whereas the variables keep all 16,782 trainable parameters.
"""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .. import fetch
from ..audio.recording import Recording
from ..constants import NMP
from .inference import KEPT, OVERLAP, as_posteriors, at_model_rate, run_windows
from .network import NMPNet
from .posteriorgram import Posteriors

FOLDER = "basic_pitch/saved_models/icassp_2022"
INDEX = f"{FOLDER}/nmp/variables/variables.index"
DATA = f"{FOLDER}/nmp/variables/variables.data-00000-of-00001"
ONNX = f"{FOLDER}/nmp.onnx"
LAYERS = {  # Keras counts the layers with weights in the order of the source
    0: "input_norm",
    1: "contour",
    2: "contour_norm",
    3: "contour_out",
    4: "note",
    5: "onset",
    6: "onset_norm",
    7: "note_out",
    8: "onset_out",
}
NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
RELEASED_HOP = NMP.window_samples - OVERLAP * NMP.hop  # 36,164 samples, which are 141.27 frames, not 142
LABEL_RATE = NMP.sample_rate // NMP.hop  # 86, what the released source takes for the frame rate
CENTRE = 1  # key n in tune peaks on bin 3n + 1 of the released Yp: the middle one of its three bins
MAGIC = 0.0018  # seconds: a number of the released source, explained in eq-magic


def load() -> NMPNet:
    """The released network, ready to use. Its weights are downloaded the first time.

    >>> model = load()
    >>> norms = model.contour.weight.flatten(1).norm(dim=1)
    >>> bool(((norms - 1).abs() < 1e-5).all())  # every filter was kept at length 1 in training
    True
    """
    model = NMPNet()
    model.load_state_dict(weights(), strict=False)
    return model.eval()


def weights() -> dict[str, torch.Tensor]:
    """The released weights under the names of `NMPNet`."""
    found = {}
    for name, array in variables().items():
        layer, kind = name.split("/")[:2]
        tensor = torch.from_numpy(array)
        if kind == "kernel":
            # time, frequency, in, out -> out, in, time, frequency
            tensor = tensor.permute(3, 2, 0, 1).contiguous()
        found[f"{LAYERS[int(layer.rpartition('-')[2])]}.{NAMES[kind]}"] = tensor
    return found


def variables() -> dict[str, np.ndarray]:
    """The SavedModel's variables under their Keras names, without the optimiser's."""
    data = fetch.read(fetch.BASIC_PITCH_WHEEL, DATA)
    found = {}
    for key, value in _table(fetch.read(fetch.BASIC_PITCH_WHEEL, INDEX)):
        name = key.decode()
        if name.startswith("layer_with_weights") and ".OPTIMIZER_SLOT" not in name:
            shape, offset, size = _entry(value)
            raw = data[offset : offset + size]
            found[name.partition("/.ATTRIBUTES")[0]] = np.frombuffer(raw, "<f4").reshape(shape).copy()
    return found


def onnx_model() -> bytes:
    """The released network as an ONNX file, for comparing with the original runtime."""
    return fetch.read(fetch.BASIC_PITCH_WHEEL, ONNX)


def windowed_posteriors(recording: Recording, *, model: NMPNet | None = None) -> Posteriors:
    """The posteriors on the original's own grid of frames, for comparison with the original.

    Its windows start every 36,164 samples but contribute 142 frames (36,352 samples), so frame t is not at
    t · 256 / 22,050 s; `released_times` gives the time that the original assigns to it. The original also trims the
    end by counting 86 frames per second, on that same inexact clock. This loses the last 0.7 % of a recording, 0.5 %
    of it because of the clock.
    """
    audio = at_model_rate(recording)
    heads = run_windows(model or load(), audio, hop=RELEASED_HOP)
    frames = min(len(heads.note), len(audio) * LABEL_RATE // NMP.sample_rate)
    return as_posteriors(heads.map(lambda head: head[:frames]), released_times(frames))


def released_times(frames: int) -> np.ndarray:
    """The times in seconds that the original gives its frames, magic number included (eq-magic).

    Every 172 frames it goes back by 8.526 ms, what a window's end and its frames' end differ by, plus the
    unexplained 1.8 ms. These are 8.526 ms · (172/142 − 1): a window contributes 142 frames, not 172. So the
    times are right on average, and a saw-tooth around it. `true_times` says where the frames stand.

    >>> float(released_times(173)[172].round(4))
    1.9866
    """
    frame = np.arange(frames)
    window = 2 * LABEL_RATE  # frames: 172
    offset = (window * NMP.hop - NMP.window_samples) / NMP.sample_rate + MAGIC
    return frame * NMP.hop / NMP.sample_rate - offset * (frame // window)


def true_times(frames: int) -> np.ndarray:
    """Where the original's frames truly stand, in seconds: 142 for each window, a window every 36,164 samples.

    From one window to the next the clock goes back by 188 samples, 8.5 ms (eq-clock).

    >>> naive = np.arange(143) * NMP.hop / NMP.sample_rate
    >>> float((naive - true_times(143))[142].round(6))
    0.008526
    """
    window, inside = np.divmod(np.arange(frames), KEPT)
    return (window * RELEASED_HOP + inside * NMP.hop) / NMP.sample_rate


def _table(index: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a sorted table file (LevelDB's format, uncompressed, as TensorFlow writes it)."""
    footer = index[-48:]
    _, _, position = _pair(footer, 0)  # where the meta-index lies: not needed
    offset, size, _ = _pair(footer, position)
    for _, handle in _block(index[offset : offset + size]):
        offset, size, _ = _pair(handle, 0)
        yield from _block(index[offset : offset + size])


def _block(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Entries of one block: each key says how much of the key before it to keep."""
    restarts = struct.unpack("<I", block[-4:])[0]
    end, position, key = len(block) - 4 - 4 * restarts, 0, b""
    while position < end:
        shared, fresh, position = _pair(block, position)
        size, position = _varint(block, position)
        key = key[:shared] + block[position : position + fresh]
        position += fresh
        yield key, block[position : position + size]
        position += size


def _entry(value: bytes) -> tuple[tuple[int, ...], int, int]:
    """Shape, offset and size in bytes of a tensor, from its protocol-buffer message."""
    fields: dict[int, Any] = dict(_fields(value))
    dimensions: list[dict[int, Any]] = [dict(_fields(dimension)) for _, dimension in _fields(fields[2])]
    return tuple(dimension.get(1, 0) for dimension in dimensions), fields.get(4, 0), fields[5]


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and contents (int or bytes) of a protocol-buffer message's fields; 0 fields are not written."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(message, position)
        else:  # 2, bytes after their length; 5, four bytes
            size, position = _varint(message, position) if wire == 2 else (4, position)
            value, position = message[position : position + size], position + size
        yield number, value


def _pair(data: bytes, position: int) -> tuple[int, int, int]:
    first, position = _varint(data, position)
    second, position = _varint(data, position)
    return first, second, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and the position behind it."""
    number, shift = 0, 0
    while True:
        byte = data[position]
        number |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return number, position
