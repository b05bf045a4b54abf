"""Looking inside a network: a table of its layers and their costs, and the receptive field of an output.

Chapter ``model``.
"""

import copy
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .._fast.convolution import Conv
from ..constants import NMP
from .network import NMPNet, Transcriber


class Layer(NamedTuple):
    """One row of the table of layers."""

    name: str
    inputs: int  # channels
    outputs: int  # channels
    kernel: tuple[int, int]  # time × frequency
    stride: int  # bins
    parameters: int  # trainable, including those of the batch normalisation after the layer
    macs: int  # multiply–adds per frame


def layers(model: NMPNet) -> list[Layer]:
    """The layers of a network with their sizes and costs, measured on the module (eq-parameters, eq-macs).

    >>> table = layers(NMPNet())
    >>> [(layer.name, layer.parameters) for layer in table[:3]]
    [('input_norm', 2), ('contour', 7512), ('contour_out', 201)]
    >>> sum(layer.parameters for layer in table), sum(layer.macs for layer in table)
    (16782, 2816088)
    """
    rows = [Layer("input_norm", 1, 1, (1, 1), 1, _trainable(model.input_norm), 0)]
    for name, cells in _cells(model).items():
        layer, norm = getattr(model, name), getattr(model, f"{name}_norm", nn.Identity())
        parameters = _trainable(layer) + _trainable(norm)
        macs = layer.weight.numel() * cells
        shape = layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride[1]
        rows.append(Layer(name, *shape, parameters, macs))
    return rows


class ReceptiveField(NamedTuple):
    """What one output can see: the number of frames, and which bins of the transform."""

    frames: int
    bins: np.ndarray


def receptive_field(model: NMPNet, head: str, *, at: int) -> ReceptiveField:
    """What bin or key number `at` of a head can see, found by following a gradient back (eq-receptive).

    `head` is "contour", "note" or "onset".

    >>> field = receptive_field(NMPNet(), "contour", at=132)
    >>> field.frames, int(field.bins[0]), int(field.bins[-1])
    (7, 75, 254)
    """
    probe = _positive(model)
    frames = 2 * model.context + 3
    features = torch.ones(1, frames, NMP.cqt_bins, dtype=torch.float64, requires_grad=True)
    output = getattr(probe.logits(features), head)[0, frames // 2, at]
    (gradient,) = torch.autograd.grad(output, features)  # (1, frames, bins)
    seen = gradient[0] > 1e-12 * gradient.max()  # no path cancels another; the threshold ignores rounding
    return ReceptiveField(int(seen.any(1).sum()), np.flatnonzero(seen.any(0).numpy()))


def _positive(model: NMPNet) -> NMPNet:
    """A copy in which no path cancels another: equal positive filters, and normalisations without effect."""
    probe = copy.deepcopy(model).double().eval()
    with torch.no_grad():
        for layer in probe.modules():
            if isinstance(layer, Conv):
                layer.weight.fill_(1 / layer.weight[0].numel())
                layer.bias.zero_()
            if isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()
    return probe


def _cells(model: NMPNet) -> dict[str, int]:
    """The number of output bins of each convolution, in the order in which they run."""
    probe, cells = copy.deepcopy(model).train(), {}
    for name, layer in probe.named_children():
        if isinstance(layer, Conv):
            layer.register_forward_hook(lambda _, given, out, name=name: cells.update({name: out.shape[-1]}))
    with torch.no_grad():
        probe.logits(torch.zeros(1, 1, NMP.cqt_bins))
    return cells | {"onset_out": NMP.keys}  # which runs in two parts, and not as a layer


def _trainable(module: nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())


def multiply_adds(model: Transcriber, *, frames: int = NMP.window_frames) -> float:
    """Multiply–adds per frame, from the stack on, counted while the network runs (eq-attention-cost).

    For an `NMPNet` the sum over `layers` is returned instead, because its fast convolutions do fewer than that.

    >>> from nmp_lessons.beyond import GRUConfig
    >>> multiply_adds(GRUConfig().network())
    1396736.0
    """
    if isinstance(model, NMPNet):
        return float(sum(layer.macs for layer in layers(model)))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.logits(torch.zeros(1, frames, NMP.cqt_bins))
    return counter.get_total_flops() / 2 / frames
