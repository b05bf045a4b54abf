"""Weights in fewer bits, and the number of bytes that a network takes."""

import copy
from typing import NamedTuple

import torch
from torch import nn

from ..errors import InputError


class Codes(NamedTuple):
    """A tensor as whole numbers from 0 to 2^bits − 1; its values are scale · (code − zero) (eq-codes)."""

    codes: torch.Tensor
    scale: torch.Tensor
    zero: torch.Tensor

    @property
    def values(self) -> torch.Tensor:
        """The rounded tensor."""
        return self.scale * (self.codes - self.zero)


def quantise(x: torch.Tensor, bits: int = 8, *, per_channel: bool = False) -> Codes:
    """The tensor rounded to an even grid that reaches from its least to its greatest value and contains 0 (eq-codes).

    Parameters
    ----------
    x
        A tensor of any shape, with output channels first.
    bits
        Number of bits of a code.
    per_channel
        One grid for each output channel instead of one for all.

    Raises
    ------
    InputError
        If `bits` is less than 1 or more than 16, or if a value is not finite.

    Examples
    --------
    >>> found = quantise(torch.tensor([-1.0, 0.0, 0.4, 2.0]), bits=2)
    >>> found.codes.tolist(), found.values.tolist()
    ([0.0, 1.0, 1.0, 3.0], [-1.0, 0.0, 0.0, 2.0])
    """
    if not 1 <= bits <= 16:
        raise InputError(f"bits={bits}: give an integer from 1 to 16.")
    if not x.isfinite().all():
        raise InputError("quantise: the tensor has values that are not finite.")
    rows = x.reshape(len(x) if per_channel else 1, -1)
    low, high = rows.amin(dim=1).clamp(max=0), rows.amax(dim=1).clamp(min=0)
    highest = 2**bits - 1
    scale = ((high - low) / highest).clamp(min=1e-12)
    zero = (-low / scale).round()
    scale, zero = (each.view(-1, *[1] * (x.ndim - 1)) for each in (scale, zero))
    return Codes(((x / scale).round() + zero).clamp(0, highest), scale, zero)


def quantise_weights(model: nn.Module, bits: int = 8, *, per_channel: bool = True) -> nn.Module:
    """A copy of a network whose filters and matrices have rounded weights; biases and normalisations stay.

    It computes in float32 as before, so it shows what rounding costs, but not what it saves.
    """
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for weights in _many_valued(rounded):
            weights.copy_(quantise(weights, bits, per_channel=per_channel).values)
    return rounded


def stored_bytes(model: nn.Module, bits: int = 32, *, per_channel: bool = True) -> int:
    """Bytes of all trained numbers.

    Each weight that `quantise_weights` rounds takes `bits`, and each grid four bytes for the scale and one for zero.
    Every other number takes four bytes. With 32 bits nothing is rounded.

    >>> stored_bytes(nn.Linear(10, 4)), stored_bytes(nn.Linear(10, 4), 8)
    (176, 76)
    """
    parameters = sum(weights.numel() for weights in model.parameters())
    if bits == 32:
        return 4 * parameters
    many = _many_valued(model)
    rounded = sum(weights.numel() for weights in many)
    grids = sum(len(weights) if per_channel else 1 for weights in many)
    return -(-bits * rounded // 8) + 5 * grids + 4 * (parameters - rounded)


def _many_valued(model: nn.Module) -> list[nn.Parameter]:
    """Filters and matrices: parameters with two axes or more."""
    return [weights for weights in model.parameters() if weights.ndim > 1]
