"""Convolutions in orders of summation that suit a CPU; `torch.nn.Conv2d` gives the same sums."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_weight


class Conv(nn.Conv2d):
    """`nn.Conv2d`; in float32 and float64 on a CPU, the same sums in an order that is faster there.

    A CPU computes 16 channels at a time, so layers with few channels leave it partly idle. Two identities help:

    - with one output channel, every input channel is filtered separately, and the results are added (eq-channels);
    - with a wide kernel, the sums along the bins are products of Fourier transforms (eq-fourier).

    In training, the gradients are also convolutions, and PyTorch takes a slow way to some of them: `_ByChannels` and
    `_Strided` compute the same sums.
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
        if x.device.type == "cpu" and exact:
            if self.stride == (1, 1) and self.out_channels == 1 < x.shape[1]:
                return _ByChannels.apply(x, weight, padding) + bias
            if self.stride == (1, 1) and self.kernel_size[1] >= self.WIDE:
                return self._by_frequencies(x, weight, bias, padding[0])
            if self.stride[0] == 1 < self.stride[1] and x.requires_grad and x.shape[3] % self.stride[1] == 0:
                return _Strided.apply(x, weight, bias, self.stride[1], padding)
        return F.conv2d(x, weight, bias, self.stride, padding)

    def _by_frequencies(self, x, weight, bias, padding: int) -> torch.Tensor:
        batch, _, frames, bins = x.shape
        frames += 2 * padding + 1 - weight.shape[2]
        size = transform_size(bins, self.kernel_size[1])
        response, offset = _response(weight, size), size * bias
        pieces = (
            self._piece(recording, start - padding, min(self.PIECE, frames - start), response, offset)[..., :bins].mT
            for recording in x
            for start in range(0, frames, self.PIECE)
        )
        if torch.is_grad_enabled():  # each piece written into `outputs` would copy the whole of its gradient
            return torch.cat(list(pieces)).view(batch, frames, bins, len(bias)).permute(0, 3, 1, 2)
        outputs = x.new_empty(batch * frames, bins, len(bias))
        filled = 0
        for piece in pieces:
            outputs[filled : filled + len(piece)] = piece
            filled += len(piece)
        return outputs.view(batch, frames, bins, len(bias)).permute(0, 3, 1, 2)

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


def _sum_of_channels(x: torch.Tensor, weight: torch.Tensor, padding: tuple[int, int]) -> torch.Tensor:
    """A convolution with one output channel: every input channel is filtered separately, then they are added."""
    each = F.conv2d(x, weight.transpose(0, 1), padding=padding, groups=x.shape[1])
    ones = torch.ones(each.shape[1], dtype=each.dtype)  # a product with them is a fast sum
    return (each.permute(0, 2, 3, 1) @ ones)[:, None]


class _ByChannels(torch.autograd.Function):
    """Filter every input channel and add the results.

    With output y(t) = Σ w(k) x(t + k − p), the gradient of x is the gradient of y filtered by the reversed kernel, and
    that of w the correlation of the two: as if y were the input of a convolution with x as its gradient.
    """

    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: torch.Tensor, padding: tuple[int, int]) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = [size - 1 - p for size, p in zip(weight.shape[2:], padding, strict=True)]
        return _sum_of_channels(x, weight, padding)

    @staticmethod
    def backward(ctx, *grad_outputs: torch.Tensor):
        (gradient,), (x, weight) = grad_outputs, ctx.saved_tensors
        gradient = gradient[:, 0, :, :, None].permute(0, 3, 1, 2)  # strides of channels last, so `to_x` has them, too
        reversed_kernels = weight.transpose(0, 1).flip(2, 3).contiguous(memory_format=torch.channels_last)
        to_weight = conv2d_weight(gradient, reversed_kernels.shape, x, padding=ctx.padding)
        to_x = F.conv2d(gradient, reversed_kernels, padding=ctx.padding) if ctx.needs_input_grad[0] else None
        return to_x, to_weight.flip(2, 3).transpose(0, 1), None


class _Strided(torch.autograd.Function):
    """`F.conv2d` with a stride along the bins; the gradient of its input is one convolution for each remainder.

    With stride s and padding p, output k sees bin b at column j = b + p − s · k of the kernel. For all bins with the
    same remainder of b / s these are the same few columns.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, stride: int, padding: tuple[int, int]) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, (1, stride), padding)

    @staticmethod
    def backward(ctx, *grad_outputs: torch.Tensor):
        (gradient,), (x, weight), stride = grad_outputs, ctx.saved_tensors, ctx.stride
        rows, columns = weight.shape[2:]
        time, frequency = ctx.padding
        to_weight = conv2d_weight(x, weight.shape, gradient, (1, stride), ctx.padding)
        side = max(columns - 1 - frequency, stride - 1 + frequency) // stride
        column = torch.arange(stride)[:, None] + frequency - stride * torch.arange(-side, side + 1)
        inside = (column >= 0) & (column < columns)
        taken = weight.flip(2)[..., column.clamp(0, columns - 1)] * inside  # (out, in, rows, remainder, shift)
        kernels, padding = taken.permute(3, 1, 0, 2, 4), (rows - 1 - time, side)
        if x.shape[1] == 1:
            phases = torch.stack([_sum_of_channels(gradient, kernel, padding) for kernel in kernels], -1)
        else:
            phases = torch.stack([F.conv2d(gradient, kernel, padding=padding) for kernel in kernels], -1)
        return phases.flatten(3), to_weight, gradient.sum((0, 2, 3)), None, None


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
