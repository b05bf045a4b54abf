"""Convolutions of an exported graph as matrix products, which ONNX Runtime computes faster, in a browser above all.

`nmp_lessons.beyond.export` writes the graph; each function here adds nodes that give the sums of one convolution in
another order, so results differ by rounding alone:

- `wide_layer`, the 3×39 layer, which takes more than half of the time, with a third of the multiplications;
- `rows_added`, a layer with one output: a channel for each row of its kernel, then the rows are added.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

TILE = 4  # frames computed together
COLUMNS = 24  # bins computed together
POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
END = np.iinfo(np.int64).max


class Spectrum(NamedTuple):
    """The spectrum from whose columns the channels of the stack are cut: channel c begins at column `starts[c]`."""

    name: str  # (1, frames, width)
    width: int
    starts: tuple[int, ...]
    bins: int  # of a channel


class MinimalFilter(NamedTuple):
    """Outputs of a short filter from fewer products: y = outputs @ ((kernel @ w) * (inputs @ x)).

    That is y[i] = Σ w[k] x[i + k] (Winograd, Arithmetic Complexity of Computations, 1980).
    """

    outputs: np.ndarray  # (outputs, products)
    kernel: np.ndarray  # (products, taps)
    inputs: np.ndarray  # (products, products)


def minimal_filter(outputs: int, taps: int) -> MinimalFilter:
    """The filter of Toom and Cook: outputs + taps − 1 products, where the sum itself takes outputs · taps.

    A product of polynomials is found from its values at as many points as it has coefficients. Correlation is the
    transpose of that product.

    >>> outputs, kernel, inputs = minimal_filter(4, 3)
    >>> w, x = np.array([1.0, 2.0, 3.0]), np.arange(6.0)
    >>> (outputs @ ((kernel @ w) * (inputs @ x))).round(9).tolist()
    [8.0, 14.0, 20.0, 26.0]
    """
    products = outputs + taps - 1

    def values(coefficients: int) -> np.ndarray:
        """A polynomial's values from its coefficients, at all points and, last, at infinity."""
        finite = np.vander(POINTS[: products - 1], coefficients, increasing=True)
        return np.vstack([finite, np.eye(coefficients)[-1:]])

    return MinimalFilter(values(outputs).T, values(taps), np.linalg.inv(values(products)).T)


def wide_layer(drawn, spectrum: Spectrum, weight: np.ndarray, bias: np.ndarray) -> str:
    """A layer on the stack, (1, out, frames, bins), from weights (out, in, rows, columns) with stride 1.

    In time, `minimal_filter` needs six products for four frames. Along the bins, the channels of the stack are one
    spectrum, moved, so their filters are added, moved by as much, before they meet it. Where the edge of the stack
    cuts the channels, at the first and last block of bins, every channel keeps its own filter.
    """
    out, channels, rows, columns = weight.shape
    side, low = columns // 2, min(spectrum.starts)
    tiled = minimal_filter(TILE, rows)
    products = len(tiled.kernel)
    kernels = np.einsum("pr,ocrk->pock", tiled.kernel, weight)
    added = np.zeros((products, out, max(spectrum.starts) - low + columns))
    for channel, start in enumerate(spectrum.starts):
        added[..., start - low : start - low + columns] += kernels[:, :, channel]
    tiles = _tiles(drawn, spectrum, tiled, rows)  # (products, tiles, width)
    blocks = spectrum.bins // COLUMNS

    def times(seen: str, bands: str, count: int) -> str:
        """What is seen (products, count · tiles, …) times bands (products, …, out, COLUMNS), block by block."""
        matrix = drawn.add("Reshape", bands, drawn.whole([products, -1, out * COLUMNS]))
        found = drawn.add("MatMul", seen, matrix)
        return drawn.add("Reshape", found, drawn.whole([products, count, -1, out, COLUMNS]))

    def columns_of(starts: Iterable[int], length: int, axis: int) -> str:
        """The same number of columns from several places, side by side (axis 2) or one below the other (1)."""
        return drawn.add("Concat", *(drawn.cut(tiles, at, at + length, axis=2) for at in starts), axis=axis)

    length = added.shape[-1] + COLUMNS - 1
    inner = columns_of((low - side + i * COLUMNS for i in range(1, blocks - 1)), length, 1)
    middle = times(inner, drawn.add("Transpose", _bands(drawn, added), perm=[0, 3, 1, 2]), blocks - 2)
    bands = drawn.add("Transpose", _bands(drawn, kernels), perm=[0, 2, 4, 1, 3])
    length, last = COLUMNS + side, spectrum.bins - COLUMNS - side
    bottom = times(columns_of(spectrum.starts, length, 2), drawn.cut(bands, side, END, axis=2), 1)
    top = times(
        columns_of((start + last for start in spectrum.starts), length, 2), drawn.cut(bands, 0, length, axis=2), 1
    )
    parts = [bottom, middle, top]

    found = drawn.add("Reshape", drawn.add("Concat", *parts, axis=1), drawn.whole([products, -1]))
    frames = drawn.add("MatMul", drawn.constant(tiled.outputs), found)
    frames = drawn.add("Reshape", frames, drawn.whole([TILE, blocks, -1, out, COLUMNS]))
    frames = drawn.add("Transpose", frames, perm=[3, 2, 0, 1, 4])
    frames = drawn.add("Reshape", frames, drawn.whole([1, out, -1, spectrum.bins]))
    frames = drawn.add("Slice", frames, drawn.whole([0]), drawn.size(spectrum.name, 1), drawn.whole([2]))
    return drawn.add("Add", frames, drawn.constant(bias[:, None, None]))


def _tiles(drawn, spectrum: Spectrum, tiled: MinimalFilter, rows: int) -> str:
    """What the products are made with, (products, tiles, width): `tiled.inputs` times the frames of every tile."""
    products = len(tiled.inputs)
    padded = drawn.add("Pad", spectrum.name, drawn.whole([0, rows // 2, 0, 0, rows // 2 + TILE - 1, 0]))
    every = [
        drawn.add("Slice", padded, *map(drawn.whole, ([i], [i + 1 - products or END], [1], [TILE])))
        for i in range(products)
    ]
    frames = drawn.add("Reshape", drawn.add("Concat", *every, axis=0), drawn.whole([products, -1]))
    mixed = drawn.add("MatMul", drawn.constant(tiled.inputs), frames)
    return drawn.add("Reshape", mixed, drawn.whole([products, -1, spectrum.width]))


def _bands(drawn, kernels: np.ndarray) -> str:
    """Kernels (…, taps) as rows of band matrices, (…, COLUMNS, taps + COLUMNS − 1): row i is moved by i columns.

    It is computed when the graph is loaded, so that the file holds the kernels alone.
    """
    *shape, taps = kernels.shape
    padded = drawn.constant(np.pad(kernels, [(0, 0)] * len(shape) + [(0, COLUMNS)])[..., None, :])
    copies = drawn.add("Tile", padded, drawn.whole([1] * len(shape) + [COLUMNS, 1]))
    flat = drawn.add("Reshape", copies, drawn.whole([*shape, -1]))
    moved = drawn.cut(flat, 0, COLUMNS * (taps + COLUMNS - 1), axis=len(shape))
    return drawn.add("Reshape", moved, drawn.whole([*shape, COLUMNS, taps + COLUMNS - 1]))


def rows_added(drawn, given: str, weight: np.ndarray) -> str:
    """A layer with one output, without its bias, from weights (1, in, rows, columns)."""
    rows, columns = weight.shape[2:]
    kernels = drawn.constant(weight[0].transpose(1, 0, 2)[:, :, None])
    each = drawn.add("Conv", given, kernels, pads=2 * [0, columns // 2])
    each = drawn.add("Pad", each, drawn.whole(2 * [0, 0, rows // 2, 0]))
    moved = [
        drawn.add("Slice", each, *map(drawn.whole, ([i, i], [i + 1, i + 1 - rows or END], [1, 2]))) for i in range(rows)
    ]
    return drawn.add("Sum", *moved)
