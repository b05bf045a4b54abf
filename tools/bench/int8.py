"""A network of ours in whole numbers of 8 bits, run by ONNX Runtime beside itself in float32.

The exported graph is cut behind the transform, so that what is timed is the network alone. The library's own
tool rounds the filters and the inputs of its convolutions; the ranges of the latter come from the book's training
performances. In float32 the graph is run in two forms: with every layer a convolution, as the tool wants it, and as we
export it. Kept in ``nmp_lessons/checkpoints/int8.csv``, a row for each form and test clip, for chapter ``beyond``:
bytes of the file, Fno, how far Yo is off on average and at worst, and the quickest of several turns in seconds of the
processor, on one thread.

Command: ``python -m tools.bench int8 [RUN] [TURNS]``.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from nmp_lessons import ablations
from nmp_lessons.beyond import export
from nmp_lessons.constants import NMP
from nmp_lessons.data import book_set
from nmp_lessons.decoding import PeakDecoder
from nmp_lessons.evaluation import onset_scores
from nmp_lessons.files import write_rows
from nmp_lessons.model import Posteriors, fixed_features, probabilities
from nmp_lessons.training import CHECKPOINTS, named

SEEN_FRAMES = 1024  # of each training performance
CONVOLUTIONS, EXPORTED = "float32, convolutions alone", "float32, as exported"
FORMS = {"int8, one grid a layer": {"per_channel": False}, "int8, one grid a filter": {"per_channel": True}}


class Seen(CalibrationDataReader):
    """Features of the book's training performances, one at a time."""

    def __init__(self, given: str):
        pieces = (fixed_features(one.segment()) for one in book_set().performances("train"))
        self.rest = iter([{given: features[:, :SEEN_FRAMES].numpy()} for features in pieces])

    def get_next(self):
        return next(self.rest, None)


def main(run: str = "main-0", turns: str = "5") -> None:
    model, settings = named(run)
    decoder, plan = PeakDecoder(**settings), export.plan(run, model, settings)
    clips = [ablations.disturbed_clip(name, start, "clean") for name, start in ablations.EXCERPTS]
    with tempfile.TemporaryDirectory() as name, torch.inference_mode():
        paths = {form: Path(name) / f"{i}.onnx" for i, form in enumerate((CONVOLUTIONS, EXPORTED, *FORMS))}
        for form in (CONVOLUTIONS, EXPORTED):
            whole = export.graph(run, model, settings, convolutions=form == CONVOLUTIONS)
            given, network = alone(whole, list(plan.heads))
            onnx.save(network, paths[form])
        for form, options in FORMS.items():
            quantise(paths[CONVOLUTIONS], paths[form], given, **options)
        rows = []
        for clip, (piece, start) in zip(clips, ablations.EXCERPTS, strict=True):
            features = fixed_features(clip)
            exact = probabilities(model.eval().logits(features)).onset[0].numpy()
            for form, path in paths.items():
                found, taken = answered(path, given, features.numpy(), int(turns))
                off = np.abs(found.onset - exact)
                rows.append(
                    {"network": run, "form": form, "bytes": path.stat().st_size, "clip": f"{piece} {start:.0f}"}
                    | {"Fno": round(onset_scores(clip.notes, decoder(found))["Fno"], 4)}
                    | {"mean error": f"{off.mean():.2e}", "worst error": f"{off.max():.2e}"}
                    | {"seconds": clip.seconds, "processor": round(taken, 4)}
                )
    write_rows(CHECKPOINTS / "int8.csv", rows)
    for form in paths:
        chosen = [row for row in rows if row["form"] == form]
        f, taken = (np.mean([row[column] for row in chosen]) for column in ("Fno", "processor"))
        print(f"{form:26} {chosen[0]['bytes']:8,} bytes  Fno {f:.3f}  {1000 * taken:.0f} ms for 20 s")


def alone(graph: bytes, heads: list[str]) -> tuple[str, onnx.ModelProto]:
    """The graph from the frames of the transform on, and the name of its input, which all forms share."""
    whole = onnx.shape_inference.infer_shapes(onnx.load_from_string(graph))
    for i, node in enumerate(whole.graph.node):
        node.name = f"{node.op_type}_{i}"
    given = next(node.output[0] for node in whole.graph.node if "first" in node.input)
    return given, onnx.utils.Extractor(whole).extract_model([given], heads)


def quantise(path: Path, into: Path, given: str, *, per_channel: bool) -> None:
    quantize_static(
        path, into, Seen(given), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"], per_channel=per_channel,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip


def answered(path: Path, given: str, features: np.ndarray, turns: int) -> tuple[Posteriors, float]:
    """What a graph answers, and the processor seconds of its quickest turn."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    taken = []
    for _ in range(turns + 1):
        began = time.process_time()
        heads = session.run(["contour", "note", "onset"], {given: features})
        taken.append(time.process_time() - began)
    times = np.arange(features.shape[1]) / NMP.frame_rate
    return Posteriors(*(head[0] for head in heads), times), min(taken[1:])
