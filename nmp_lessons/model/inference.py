"""Running a network over a whole recording: cut, computed piece by piece, joined.

Every piece is computed with as many frames around it as its answers can see, so that the joins leave no trace.
"""

from collections.abc import Callable

import numpy as np
import torch

from .._fast.cores import on_each_core
from ..audio.recording import Recording
from ..constants import NMP
from ..cqt import CQT, NORMALISATIONS
from .network import Heads, NMPNet, Transcriber, middle, probabilities
from .posteriorgram import Posteriors

OVERLAP = 30  # frames that two neighbouring windows of the released network share
KEPT = NMP.window_frames - OVERLAP  # frames that each window contributes: 142
BATCH = 3  # windows run at once: few, so that intermediate results stay in the cores' caches
CHUNK_FRAMES = 2048  # of a whole file transformed at once: 24 s
PIECE_FRAMES = 340  # of them run through the network at once


def posteriors(model: Transcriber, recording: Recording) -> Posteriors:
    """Run the network over a whole recording, in memory that grows only with the answer.

    With the "fixed" normalisation the result is that of the whole file at once, whatever its length. With the
    "released" one, windows of two seconds are run as released, each contributing its inner 142 frames, but
    they start every 142 frames, so that frame t stands at t · 256 / 22,050 s without a drift
    (`nmp_lessons.model.released.windowed_posteriors` keeps the original's grid).
    """
    audio = at_model_rate(recording)
    frames = len(audio) // NMP.hop + 1
    if model.config.normalisation == "released":
        heads = run_windows(model, audio, hop=KEPT * NMP.hop)
    else:
        heads = _run_whole(model, audio, frames)
    heads = (None if head is None else head[:frames] for head in heads)
    return Posteriors(*heads, model.cqt.times(frames))


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
    """What the network makes of features (1, frames, 309) that are ready already."""
    heads = probabilities(model.eval().logits(features.to(model.input_norm.running_mean)))
    heads = [None if head is None else head[0].float().cpu().numpy() for head in heads]
    return Posteriors(*heads, model.cqt.times(features.shape[1]))


def at_model_rate(recording: Recording) -> np.ndarray:
    """The recording's audio at 22,050 Hz, float32 (samples,)."""
    return recording.resampled(NMP.sample_rate).audio


def windows(audio: np.ndarray, *, hop: int, first: int = 0, last: int | None = None) -> np.ndarray:
    """Audio cut as released: half an overlap of silence before it, zeros behind, (windows, 43844).

    With `first` and `last` only those windows are cut, as if they had been taken from the array of all.

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


def run_windows(model: NMPNet, audio: np.ndarray, *, hop: int) -> list[np.ndarray | None]:
    """The three heads of all windows, joined: half an overlap is dropped at both ends of each.

    Windows are cut when their turn comes, and their answers go straight to their places.
    """
    drop = OVERLAP // 2
    feel = min(model.reach, drop)  # the network runs on the kept frames and those that they can feel
    inner = model.reach <= drop

    def answer(start: int) -> Heads:
        first = start // KEPT
        batch = _on(model, windows(audio, hop=hop, first=first, last=first + BATCH))
        features = model.features(batch)[:, drop - feel : drop + KEPT + feel]
        heads = probabilities(model.logits(features, inner=inner))
        return Heads(*(None if head is None else middle(head, KEPT).flatten(0, 1) for head in heads))

    frames = KEPT * -(-(len(audio) + drop * NMP.hop) // hop)
    return _gather(model, answer, range(0, frames, BATCH * KEPT), frames)


def _run_whole(model: Transcriber, audio: np.ndarray, frames: int) -> list[np.ndarray | None]:
    """The heads of a whole file, chunk by chunk; each chunk is run with all the frames that it can feel."""
    short = model.cqt.shortest - len(audio)
    if short > 0:
        audio = np.pad(audio, (0, short))
    last = len(audio) // NMP.hop + 1
    feel = model.reach

    def answer(start: int) -> Heads:
        stop = min(start + CHUNK_FRAMES, frames)
        first, final = max(0, start - feel), min(last, stop + feel)
        features = NORMALISATIONS["fixed"](model.cqt.between(audio, first, final)[None]).mT
        pieces = []
        for here in range(start, stop, PIECE_FRAMES):
            there = min(here + PIECE_FRAMES, stop)
            left = max(first, here - feel)
            heads = probabilities(model.logits(features[:, left - first : there + feel - first]))
            pieces.append([None if head is None else head[0, here - left : there - left] for head in heads])
        return Heads(*(None if head[0] is None else torch.cat(head) for head in zip(*pieces, strict=True)))

    return _gather(model, answer, range(0, frames, CHUNK_FRAMES), frames)


def _on(model: Transcriber, array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).to(model.cqt.halving)


def _gather(model: Transcriber, answer: Callable[[int], Heads], starts: range, frames: int) -> list[np.ndarray | None]:
    """The answers from every start on, without gradients, put in their places in one array for each head."""
    bins = [NMP.contour_bins if model.config.contour else None, NMP.keys, NMP.keys]
    whole = [None if width is None else np.empty((frames, width), np.float32) for width in bins]

    def write(start: int) -> None:
        for array, head in zip(whole, answer(start), strict=True):
            if head is not None:
                torch.from_numpy(array[start : start + len(head)]).copy_(head)

    with torch.inference_mode():
        if model.cqt.halving.device.type == "cpu":
            on_each_core(write, starts)
        else:
            for start in starts:
                write(start)
    return whole
