"""Convolutions in orders of summation that suit a CPU; `torch.nn.Conv2d` gives the same sums."""

import torch
import torch.nn.functional as F
from torch import nn


class Conv(nn.Conv2d):
    """`nn.Conv2d`; in float32 and float64 on a CPU, the same sums in an order that is faster there.

    A CPU computes 16 channels at a time, so layers with few channels leave it partly idle. Two identities help:

    - with one output channel, every input channel is filtered separately, and the results are added (eq-channels);
    - with a wide kernel, the sums along the bins are products of Fourier transforms (eq-fourier).
    """

    WIDE = 16  # columns from which the transforms pay off
    PIECE = 84  # frames transformed at once, so that all results stay in the core's cache

    bias: nn.Parameter  # PyTorch's may be None; here there always is one
    padding: tuple[int, int]

    def forward(self, input: torch.Tensor, *, inner: bool = False) -> torch.Tensor:
        return self.convolve(input, self.weight, self.bias, inner=inner)

    def convolve(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, *, inner: bool = False
    ) -> torch.Tensor:
        """The convolution with other weights of the same shape; with `inner`, not padded in time."""
        exact = x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled(x.device.type)
        padding = (0 if inner else self.padding[0], self.padding[1])
        if x.device.type == "cpu" and exact and self.stride == (1, 1):
            if self.out_channels == 1 < x.shape[1]:
                return self._by_channels(x, weight, bias, padding)
            if self.kernel_size[1] >= self.WIDE:
                return self._by_frequencies(x, weight, bias, padding[0])
        return F.conv2d(x, weight, bias, self.stride, padding)

    def _by_channels(self, x, weight, bias, padding: tuple[int, int]) -> torch.Tensor:
        each = F.conv2d(x, weight.transpose(0, 1), padding=padding, groups=x.shape[1])
        ones = torch.ones(each.shape[1], dtype=each.dtype)  # a product with them is a fast sum
        return (each.permute(0, 2, 3, 1) @ ones)[:, None] + bias

    def _by_frequencies(self, x, weight, bias, padding: int) -> torch.Tensor:
        batch, _, frames, bins = x.shape
        frames += 2 * padding + 1 - weight.shape[2]
        size = transform_size(bins, self.kernel_size[1])
        response, offset = _response(weight, size), size * bias
        outputs = x.new_empty(batch, frames, bins, len(bias))
        for i, recording in enumerate(x):
            for start in range(0, frames, self.PIECE):
                piece = self._piece(recording, start - padding, min(self.PIECE, frames - start), response, offset)
                outputs[i, start : start + self.PIECE] = piece[..., :bins].mT
        return outputs.permute(0, 3, 1, 2)

    def _piece(self, x: torch.Tensor, start: int, frames: int, response: torch.Tensor, offset: torch.Tensor):
        """Outputs for x (in, frames, bins), kernels from `start` on, bins not yet cut: (frames, out, size)."""
        rows, size = len(response), 2 * (response.shape[1] - 1)
        last = start + frames + rows - 1
        seen = x[:, max(start, 0) : last].transpose(0, 1)
        padded = F.pad(seen, (0, size - x.shape[2], 0, 0, max(-start, 0), max(last - x.shape[1], 0)))
        spectrum = _frequencies_first(torch.fft.rfft(padded))  # (frequencies, frames + rows - 1, 2 · in)
        total = spectrum[:, :frames] @ response[0]  # (frequencies, frames, 2 · out)
        for i in range(1, rows):
            total.baddbmm_(spectrum[:, i : i + frames], response[i])
        total[0, :, ::2] += offset  # the bias is a constant, all of it at frequency 0
        return torch.fft.irfft(_frequencies_last(total), n=size)


def transform_size(bins: int, columns: int) -> int:
    """Length of the transforms: what comes round must be zeros, and a multiple of 32 is fast.

    >>> transform_size(264, 39)
    288
    """
    return -(-(bins + columns // 2) // 32) * 32


def _response(weight: torch.Tensor, size: int) -> torch.Tensor:
    """A kernel's conjugate transform as real matrices, (out, in, rows, columns) -> (rows, frequencies, 2 in, 2 out).

    Real and imaginary part of each channel stand side by side: r + is times the number a − ib is the pair (r, s)
    times ((a, −b), (b, a)).
    """
    columns = weight.shape[-1]
    centred = F.pad(weight, (0, size - columns)).roll(-(columns // 2), dims=-1)
    conjugate = torch.fft.rfft(centred).conj().permute(2, 3, 1, 0)  # (rows, frequencies, in, out)
    turned = torch.stack([conjugate, 1j * conjugate], dim=3)  # what 1 and i become
    return torch.view_as_real(turned.resolve_conj()).flatten(-2).flatten(2, 3)


def _frequencies_first(spectrum: torch.Tensor) -> torch.Tensor:
    """Complex (frames, channels, frequencies) -> real (frequencies, frames, 2 · channels)."""
    turned = spectrum.flatten(0, 1).T.contiguous().unflatten(1, spectrum.shape[:2])
    return torch.view_as_real(turned).flatten(2)


def _frequencies_last(spectrum: torch.Tensor) -> torch.Tensor:
    """Real (frequencies, frames, 2 · channels) -> complex (frames, channels, frequencies)."""
    paired = torch.view_as_complex(spectrum.unflatten(2, (-1, 2)))
    return paired.flatten(1).T.contiguous().unflatten(0, paired.shape[1:])
