"""The network as a file for other programs: audio to posteriors in one ONNX graph.

Chapter ``model``. ``nmp-lessons export NAME`` writes it, and the transcriber of the book's pages runs it in the
reader's browser. ONNX Runtime knows none of our modules, but it knows convolutions, and almost all that the
network does is one:

- frames times kernels is a convolution of the audio whose stride is the hop (eq-kernel);
- the halving is one whose stride is two blocks, with a filter for each of 64 outputs (eq-toeplitz);
- a layer with its batch normalisation is a convolution with other filters (eq-norm-folding).

The widest layer and those with one output are computed in another order (`nmp_lessons._fast.products`), with the same
sums; `convolutions=True` leaves them as they are, for tools that look for convolutions.

A graph has three inputs: `audio` (1, samples), as much of it as its frames depend on, and `first` and `last`,
the frames of it on which the network is run. So a recording of any length is run piece by piece (`pieces`), in
memory that does not grow, with the result of the whole (eq-margin). Its outputs are `contour` (1, frames, 264)
where there is Yp, `note` and `onset` (1, frames, 88).

Conventions: float32; frames count from the first sample that is given; opset 17.
"""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch

from .._fast.convolution import Conv
from .._fast.products import END, Spectrum, rows_added, wide_layer
from ..audio.recording import Recording
from ..constants import NMP
from ..cqt import BLOCK, FIXED_LOW, FIXED_SPAN, FLOOR, TAPS, halving_matrix
from ..errors import InputError, needs
from ..model.inference import KEPT, OVERLAP, at_model_rate
from ..model.network import BatchNorm, Config, NMPNet, Transcriber, folded
from ..model.posteriorgram import Posteriors

OPSET = 17
PIECE_FRAMES = 1024  # of a recording run at once: 12 s


class Plan(NamedTuple):
    """What a program must know to run a graph; it stands in the file's metadata as JSON.

    `windows` says that levels are those of windows of two seconds, as released; then a piece is a window.
    """

    name: str
    windows: bool
    heads: tuple[str, ...]
    hop: int  # samples
    rate: int  # Hz
    shortest: int  # samples that the transform needs at least
    margin: int  # frames that depend on what lies beyond a cut of the audio
    context: int  # frames on either side of the features that an output can depend on
    decoder: dict | None  # of `nmp_lessons.decoding.peak_decoder.PeakDecoder`

    @property
    def piece_frames(self) -> int:
        """Frames that a piece contributes."""
        return KEPT if self.windows else PIECE_FRAMES


class Piece(NamedTuple):
    """One run of a graph: samples start to stop (silence outside the recording), and which outputs to keep."""

    start: int
    stop: int
    first: int  # frames of these samples on which the network is run
    last: int
    place: int  # frame of the recording that the first kept output is for
    kept: slice  # outputs


def pieces(plan: Plan, samples: int) -> Iterator[Piece]:
    """The pieces of a recording of so many samples; what they keep, joined, is every frame once.

    >>> plan = Plan("example", False, (), 256, 22_050, 27_648, 235, 10, None)
    >>> [(piece.place, piece.kept.stop - piece.kept.start) for piece in pieces(plan, 60 * 22_050)][-2:]
    [(4096, 1024), (5120, 48)]
    """
    frames = samples // plan.hop + 1
    for place in range(0, frames, plan.piece_frames):
        stop = min(place + plan.piece_frames, frames)
        yield (_window if plan.windows else _chunk)(plan, samples, place, stop)


def _window(plan: Plan, samples: int, place: int, stop: int) -> Piece:
    drop = OVERLAP // 2
    start = (place - drop) * plan.hop
    kept = slice(plan.context, plan.context + stop - place)
    return Piece(start, start + NMP.window_samples, drop - plan.context, drop + KEPT + plan.context, place, kept)


def _chunk(plan: Plan, samples: int, place: int, stop: int) -> Piece:
    samples = max(samples, plan.shortest)
    first = max(0, place - plan.context)
    last = min(samples // plan.hop + 1, stop + plan.context)
    begin = max(0, first - plan.margin)
    if samples - begin * plan.hop < plan.shortest:  # too little left to reflect at the end: begin earlier
        begin = (samples - plan.shortest) // plan.hop
    end = min(samples, (last + plan.margin) * plan.hop)
    kept = slice(place - first, stop - first)
    return Piece(begin * plan.hop, end, first - begin, last - begin, place, kept)


def run_graph(graph: bytes, recording: Recording, *, progress: Callable = list) -> Posteriors:
    """The posteriors of a recording from a graph, run by ONNX Runtime on one core.

    `progress` may wrap the list of pieces, as `tqdm` does.
    """
    needs("export", "onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    plan = read_plan(session.get_modelmeta().custom_metadata_map)
    audio = at_model_rate(recording)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in plan.heads}
    for piece in progress(list(pieces(plan, len(audio)))):
        for name, head in zip(plan.heads, session.run(list(plan.heads), _inputs(piece, audio)), strict=True):
            parts[name].append(np.asarray(head)[0, piece.kept])
    heads = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    times = np.arange(len(audio) // plan.hop + 1) * plan.hop / plan.rate
    return Posteriors(heads.get("contour"), heads["note"], heads["onset"], times)


def _inputs(piece: Piece, audio: np.ndarray) -> dict[str, np.ndarray]:
    """The inputs of one run; what lies outside the recording is silence."""
    cut = np.zeros((1, piece.stop - piece.start), np.float32)
    inside = audio[max(piece.start, 0) : piece.stop]
    begin = max(-piece.start, 0)
    cut[0, begin : begin + len(inside)] = inside
    return {"audio": cut, "first": np.array([piece.first]), "last": np.array([piece.last])}


def read_plan(metadata: dict[str, str]) -> Plan:
    """The plan in a graph's metadata."""
    plan = Plan(**json.loads(metadata["plan"]))
    return plan._replace(heads=tuple(plan.heads))


def plan(name: str, model: Transcriber, decoder: dict | None = None) -> Plan:
    """What a program must know to run this network's graph."""
    config, cqt = model.config, model.cqt
    return Plan(
        name,
        config.normalisation == "released",
        ("contour", "note", "onset") if config.contour else ("note", "onset"),
        NMP.hop,
        NMP.sample_rate,
        cqt.shortest,
        cqt.margin,
        model.context,
        decoder,
    )


def graph(name: str, model: Transcriber, decoder: dict | None = None, *, convolutions: bool = False) -> bytes:
    """A network as an ONNX file, its plan in the metadata; with `convolutions`, every layer is one convolution.

    Raises
    ------
    InputError
        If the network is of another kind than NMP, or has a median filter in front, which has no operator.
    """
    needs("export", "onnx")
    import onnx

    if not isinstance(model, NMPNet):
        raise InputError(f"{name}: only NMP and its variants can be exported; give a run such as main-0.")
    if model.config.median > 1:
        raise InputError(f"{name}: its median filter of {model.config.median} frames cannot be exported; use median=1.")
    with torch.no_grad():
        drawn = _Drawing(convolutions)
        _network(drawn, model, drawn.add("Slice", _features(drawn, model), "first", "last", drawn.whole([1])))
    return drawn.file(onnx, plan(name, model, decoder))


class _Drawing:
    """Nodes and constants of a graph in the making; `add` returns the name of what a node gives."""

    def __init__(self, convolutions: bool = False):
        self.convolutions = convolutions
        self.nodes, self.constants = [], {}

    def add(self, operator: str, *inputs: str, to: str | None = None, **attributes) -> str:
        output = to or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append((operator, inputs, output, attributes))
        return output

    def cut(self, given: str, start: int, stop: int, *, axis: int) -> str:
        return self.add("Slice", given, *(self.whole([number]) for number in (start, stop, axis)))

    def size(self, given: str, axis: int) -> str:
        return self.add("Shape", given, start=axis, end=axis + 1)

    def constant(self, values) -> str:
        return self._kept(np.asarray(values.detach() if isinstance(values, torch.Tensor) else values, np.float32))

    def whole(self, numbers) -> str:
        return self._kept(np.asarray(numbers, np.int64))

    def _kept(self, array: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.array(array, order="C")
        return name

    def file(self, onnx, plan: Plan) -> bytes:
        """The graph in ONNX's format."""
        helper, float32, int64 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
        bins = {"contour": NMP.contour_bins, "note": NMP.keys, "onset": NMP.keys}
        model = helper.make_model(
            helper.make_graph(
                [helper.make_node(kind, given, [to], **rest) for kind, given, to, rest in self.nodes],
                plan.name,
                [
                    helper.make_tensor_value_info("audio", float32, [1, "samples"]),
                    helper.make_tensor_value_info("first", int64, [1]),
                    helper.make_tensor_value_info("last", int64, [1]),
                ],
                [helper.make_tensor_value_info(head, float32, [1, "frames", bins[head]]) for head in plan.heads],
                [onnx.numpy_helper.from_array(array, name) for name, array in self.constants.items()],
            ),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=8,
            producer_name="nmp-lessons",
        )
        helper.set_model_props(model, {"plan": json.dumps(plan._asdict())})
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()


def _features(drawn: _Drawing, model: NMPNet) -> str:
    """The normalised transform of the audio, (1, frames, 309): `NMPNet.features`."""
    cqt = model.cqt
    bank = drawn.constant(cqt.bank.permute(2, 1, 0).flatten(0, 1)[:, None])  # (2 · 36, 1, width)
    halving = drawn.constant(halving_matrix().T[:, None])  # (BLOCK, 1, 6 · BLOCK)
    reflected = drawn.whole([0, 0, cqt.width // 2, 0, 0, cqt.width // 2])
    pairs = drawn.whole([1, cqt.bins_per_octave, 2, -1])
    audio, octaves, hop = drawn.add("Unsqueeze", "audio", drawn.whole([1])), [], cqt.hop
    for octave in range(cqt.octaves):
        if octave:
            audio, hop = _halved(drawn, audio, halving), hop // 2
        padded = drawn.add("Pad", audio, reflected, mode="reflect")
        parts = drawn.add("Reshape", drawn.add("Conv", padded, bank, strides=[hop]), pairs)
        octaves.insert(0, drawn.add("ReduceSumSquare", parts, axes=[2], keepdims=0))
    power = drawn.add("Concat", *octaves, axis=1)
    power = drawn.cut(power, -cqt.bins, END, axis=1)
    power = drawn.add("Mul", power, drawn.constant(cqt.lengths[None, :, None]))
    nepers = drawn.add("Log", drawn.add("Add", power, drawn.constant(FLOOR)))
    level = drawn.add("Mul", nepers, drawn.constant(10 / np.log(10)))
    return drawn.add("Transpose", _normalised(drawn, level, model.config), perm=[0, 2, 1])


def _halved(drawn: _Drawing, audio: str, halving: str) -> str:
    """Audio (1, 1, samples) at half the rate: `nmp_lessons.cqt.CQT.halve`."""
    blocks = drawn.add("Conv", audio, halving, strides=[2 * BLOCK], pads=[TAPS // 2 - 1, 6 * BLOCK])
    samples = drawn.add("Reshape", drawn.add("Transpose", blocks, perm=[0, 2, 1]), drawn.whole([1, 1, -1]))
    count = drawn.add("Div", drawn.size(audio, 2), drawn.whole([2]))
    return drawn.add("Slice", samples, drawn.whole([0]), count, drawn.whole([2]))


def _normalised(drawn: _Drawing, level: str, config: Config) -> str:
    """Levels in dB on the network's scale: `nmp_lessons.cqt.NORMALISATIONS`."""
    if config.normalisation == "fixed":
        return drawn.add("Mul", drawn.add("Add", level, drawn.constant(-FIXED_LOW)), drawn.constant(1 / FIXED_SPAN))
    low, high = (drawn.add(kind, level, axes=[1, 2], keepdims=1) for kind in ("ReduceMin", "ReduceMax"))
    span = drawn.add("Max", drawn.add("Sub", high, low), drawn.constant(1e-30))  # a silent window is 0 / 1e-30
    return drawn.add("Div", drawn.add("Sub", level, low), span)


def _network(drawn: _Drawing, model: NMPNet, features: str) -> None:
    """The heads of features (1, frames, 309): `NMPNet.logits` and the sigmoids."""
    config, spectrum = model.config, _spectrum(drawn, model, features)
    stack = _stack(drawn, spectrum)
    pitch = _contour_channels(drawn, model, spectrum, stack)
    if config.contour:
        pitch = _head(drawn, [pitch], model.contour_out, "contour")
    note = _head(drawn, [_layer(drawn, pitch, model.note)], model.note_out, "note")
    inputs = [note] * config.onset_sees_note
    if config.onset_features:
        inputs.append(_layer(drawn, stack, model.onset, model.onset_norm))
    _head(drawn, inputs, model.onset_out, "onset")


def _contour_channels(drawn: _Drawing, model: NMPNet, spectrum: Spectrum, stack: str) -> str:
    """What comes before Yp: `NMPNet._contour_channels`."""
    if model.config.missing == "off":
        return _widest(drawn, model, spectrum, stack)
    missing = _layer(drawn, stack, model.missing, model.missing_norm)
    if model.config.missing == "series":
        return _layer(drawn, missing, model.contour, model.contour_norm)
    return drawn.add("Concat", _widest(drawn, model, spectrum, stack), missing, axis=1)


def _widest(drawn: _Drawing, model: NMPNet, spectrum: Spectrum, stack: str) -> str:
    """The 3×39 layer on the stack, (1, 8, frames, 264)."""
    if drawn.convolutions:
        return _layer(drawn, stack, model.contour, model.contour_norm)
    weight, bias = (one.double().numpy() for one in folded(model.contour, model.contour_norm))
    return drawn.add("Relu", wide_layer(drawn, spectrum, weight, bias))


def _spectrum(drawn: _Drawing, model: NMPNet, features: str) -> Spectrum:
    """The batch-normalised features with the fill below and above, of which the stack is cut."""
    stacking, norm = model.stacking, model.input_norm
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias - norm.running_mean * scale
    normed = drawn.add("Add", drawn.add("Mul", features, drawn.constant(scale)), drawn.constant(shift))
    below = max(0, -min(stacking.shifts))
    above = max(0, max(stacking.shifts) + stacking.bins - NMP.cqt_bins)
    fill = drawn.constant(torch.as_tensor(model._fill()).squeeze())
    padded = drawn.add("Pad", normed, drawn.whole([0, 0, below, 0, 0, above]), fill)
    starts = tuple(below + shift for shift in stacking.shifts)
    return Spectrum(padded, below + NMP.cqt_bins + above, starts, stacking.bins)


def _stack(drawn: _Drawing, spectrum: Spectrum) -> str:
    """The stacked harmonics, (1, harmonics, frames, 264): `NMPNet.stack`."""
    channel = drawn.add("Unsqueeze", spectrum.name, drawn.whole([1]))
    copies = [drawn.cut(channel, start, start + spectrum.bins, axis=3) for start in spectrum.starts]
    return drawn.add("Concat", *copies, axis=1)


def _layer(drawn: _Drawing, given: str, conv: Conv, norm: BatchNorm | None = None) -> str:
    """Convolution, batch normalisation if there is one, ReLU."""
    weight, bias = folded(conv, norm) if norm else (conv.weight, conv.bias)
    return drawn.add("Relu", _convolved(drawn, given, conv, weight, bias))


def _head(drawn: _Drawing, given: list[str], conv: Conv, name: str) -> str:
    """Convolution of all channels and sigmoid, (1, 1, frames, bins), without the channel an output of the graph."""
    if drawn.convolutions:
        channels = given[0] if len(given) == 1 else drawn.add("Concat", *given, axis=1)
        logits = _convolved(drawn, channels, conv, conv.weight, conv.bias)
    else:
        weights = np.split(conv.weight.numpy(), [1] * (len(given) - 1), axis=1)  # Yn is the first of two
        sums = [rows_added(drawn, one, weight) for one, weight in zip(given, weights, strict=True)]
        logits = drawn.add("Sum", *sums, drawn.constant(conv.bias))
    answer = drawn.add("Sigmoid", logits)
    drawn.add("Squeeze", answer, drawn.whole([1]), to=name)
    return answer


def _convolved(drawn: _Drawing, given: str, conv: Conv, weight, bias) -> str:
    sides = {"strides": conv.stride, "pads": 2 * conv.padding}
    return drawn.add("Conv", given, drawn.constant(weight), drawn.constant(bias), **sides)
