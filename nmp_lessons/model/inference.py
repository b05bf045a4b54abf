"""Running a network over a whole recording: cut it, compute it piece by piece, and join the results.

Each piece is computed together with all the frames around it that its outputs can see, so that joining leaves no
trace.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch

from .._fast.cores import on_each_core
from ..audio.recording import Recording
from ..constants import NMP
from ..cqt import CQT, NORMALISATIONS, Samples
from .network import Heads, NMPNet, Transcriber, middle, probabilities
from .posteriorgram import Block, Posteriors

OVERLAP = 30  # frames that two neighbouring windows of the released network share
KEPT = NMP.window_frames - OVERLAP  # frames that each window contributes: 142
BATCH = 3  # windows run at once: few, so that intermediate results stay in the cores' caches
CHUNK_FRAMES = 2048  # of a whole file transformed at once: 24 s
PIECE_FRAMES = 340  # of a chunk, run through the network at once
AT_ONCE = 16  # batches or chunks that are computed before their results are handed on


def posteriors(model: Transcriber, recording: Recording) -> Posteriors:
    """Run the network over a whole recording, in memory that grows only with the result.

    With the "fixed" normalisation the result is the same as for the whole file at once, whatever its length. With
    the "released" one, the network runs on windows of two seconds, as released, and each contributes its inner 142
    frames. Here the windows also start every 142 frames, so that frame t is at t · 256 / 22,050 s without a drift
    (`nmp_lessons.model.released.windowed_posteriors` keeps the original's grid).
    """
    audio = at_model_rate(recording)
    frames = len(audio) // NMP.hop + 1
    heads = _gather(model, _plan(model, audio, frames))
    return as_posteriors(heads.map(lambda head: head[:frames]), model.cqt.times(frames))


def posterior_blocks(model: Transcriber, audio: Samples) -> Iterator[Block]:
    """Yn and Yo of a recording at 22,050 Hz, block by block: joined, they are those of `posteriors`.

    `audio` is an array, or something else that can be sliced, such as a `Spool`. It is read as it is needed.

    >>> from nmp_lessons.model import released
    >>> noise = np.random.default_rng(0).standard_normal(120_000).astype(np.float32)
    >>> note, onset = map(np.concatenate, zip(*posterior_blocks(released.load(), noise)))
    >>> np.array_equal(note, posteriors(released.load(), Recording(noise, 22_050)).note)
    True
    """
    frames = left = len(audio) // NMP.hop + 1
    heads_from, starts, _ = _plan(model, audio, frames)

    def block(start: int) -> Block:
        _, note, onset = heads_from(start)
        return note.cpu().numpy(), onset.cpu().numpy()

    for first in range(0, len(starts), AT_ONCE):
        for note, onset in _run(model, block, starts[first : first + AT_ONCE]):
            yield note[:left], onset[:left]
            left -= min(left, len(note))


@torch.no_grad()
def fixed_features(recording: Recording) -> torch.Tensor:
    """The transform of a whole recording on the fixed scale, (1, frames, 309).

    >>> tuple(fixed_features(Recording(np.zeros(44_100), 22_050)).shape)
    (1, 173, 309)
    """
    audio = torch.from_numpy(at_model_rate(recording))
    return NORMALISATIONS["fixed"](CQT().power(audio[None])).mT


@torch.inference_mode()
def feature_posteriors(model: Transcriber, features: torch.Tensor) -> Posteriors:
    """The posteriors for features (1, frames, 309) that have already been computed."""
    heads = probabilities(model.eval().logits(features.to(model.input_norm.running_mean)))
    return as_posteriors(heads.map(lambda head: head[0].float().cpu()), model.cqt.times(features.shape[1]))


def as_posteriors(heads: Heads, times: np.ndarray) -> Posteriors:
    """The heads of one recording, (frames, 264 or 88), and the times of their frames, as plain arrays."""
    contour = None if heads.contour is None else heads.contour.numpy()
    return Posteriors(contour, heads.note.numpy(), heads.onset.numpy(), times)


def at_model_rate(recording: Recording) -> np.ndarray:
    """The recording's audio at 22,050 Hz, float32 (samples,)."""
    return recording.resampled(NMP.sample_rate).audio


def windows(audio: Samples, *, hop: int, first: int = 0, last: int | None = None) -> np.ndarray:
    """Audio cut as released, with half an overlap of silence before it and zeros after it: (windows, 43844).

    With `first` and `last`, only those windows are cut, as if by slicing the array of all windows.

    >>> windows(np.ones(60_000, np.float32), hop=36_164).shape
    (2, 43844)
    """
    before = OVERLAP // 2 * NMP.hop
    starts = range(-before, len(audio), hop)[first:last]
    cut = np.zeros((len(starts), NMP.window_samples), np.float32)
    for window, start in zip(cut, starts, strict=True):
        piece = audio[max(start, 0) : start + NMP.window_samples]
        silence = max(-start, 0)
        window[silence : silence + len(piece)] = piece
    return cut


class _Plan(NamedTuple):
    """How a recording is run: the heads from each start on, (frames, 264 or 88), the starts, and the end."""

    heads_from: Callable[[int], Heads]
    starts: range
    frames: int


def run_windows(model: NMPNet, audio: np.ndarray, *, hop: int) -> Heads:
    """The three heads of all windows, joined: (frames, 264 or 88). Each window loses half an overlap at both ends.

    Windows are cut only when they are needed, and their outputs are written directly into the result.
    """
    return _gather(model, _window_plan(model, audio, hop))


def _window_plan(model: NMPNet, audio: Samples, hop: int) -> _Plan:
    drop = OVERLAP // 2
    context = min(model.context, drop)  # the network runs on the kept frames and those that they depend on
    inner = model.context <= drop

    def batch_heads(start: int) -> Heads:
        first = start // KEPT
        batch = _on(model, windows(audio, hop=hop, first=first, last=first + BATCH))
        features = model.features(batch)[:, drop - context : drop + KEPT + context]
        heads = probabilities(model.logits(features, inner=inner))
        return heads.map(lambda head: middle(head, KEPT).flatten(0, 1))

    frames = KEPT * -(-(len(audio) + drop * NMP.hop) // hop)
    return _Plan(batch_heads, range(0, frames, BATCH * KEPT), frames)


def _file_plan(model: Transcriber, audio: Samples, frames: int) -> _Plan:
    """A whole file, chunk by chunk; each chunk is run with all the frames it depends on."""
    short = model.cqt.shortest - len(audio)
    if short > 0:
        audio = np.pad(np.asarray(audio[:]), (0, short))
    last = len(audio) // NMP.hop + 1
    context = model.context

    def chunk_heads(start: int) -> Heads:
        stop = min(start + CHUNK_FRAMES, frames)
        first, final = max(0, start - context), min(last, stop + context)
        features = NORMALISATIONS["fixed"](model.cqt.between(audio, first, final)[None]).mT
        pieces = []
        for here in range(start, stop, PIECE_FRAMES):
            there = min(here + PIECE_FRAMES, stop)
            left = max(first, here - context)
            heads = probabilities(model.logits(features[:, left - first : there + context - first]))
            pieces.append(heads.map(lambda head, part=slice(here - left, there - left): head[0, part]))
        return _joined(pieces)

    return _Plan(chunk_heads, range(0, frames, CHUNK_FRAMES), frames)


def _plan(model: Transcriber, audio: Samples, frames: int) -> _Plan:
    if isinstance(model, NMPNet) and model.config.normalisation == "released":
        return _window_plan(model, audio, KEPT * NMP.hop)
    return _file_plan(model, audio, frames)


def _joined(pieces: list[Heads]) -> Heads:
    """Pieces (frames, 264 or 88) one after another."""
    contours = [piece.contour for piece in pieces if piece.contour is not None]
    note, onset = torch.cat([piece.note for piece in pieces]), torch.cat([piece.onset for piece in pieces])
    return Heads(torch.cat(contours) if contours else None, note, onset)


def _on(model: Transcriber, array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).to(model.cqt.halving)


def _gather(model: Transcriber, plan: _Plan) -> Heads:
    """The heads from each start on, without gradients, collected in one tensor per head."""
    contour = torch.empty(plan.frames, NMP.contour_bins) if model.config.contour else None
    gathered = Heads(contour, torch.empty(plan.frames, NMP.keys), torch.empty(plan.frames, NMP.keys))

    def write(start: int) -> None:
        for gathered_head, head in zip(gathered, plan.heads_from(start), strict=True):
            if gathered_head is not None and head is not None:
                gathered_head[start : start + len(head)].copy_(head)

    _run(model, write, plan.starts)
    return gathered


def _run(model: Transcriber, function: Callable, starts: range) -> list:
    with torch.inference_mode():
        if model.cqt.halving.device.type == "cpu":
            return on_each_core(function, starts)
        return [function(start) for start in starts]
