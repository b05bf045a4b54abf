// Layers as functions that the library differentiates: a convolution is an unfolding and a product of matrices.
//
// The library's own convolution sums in a generic loop, some 50 times slower in WebAssembly than its product of matrices.
// So each output cell's inputs are laid out in a row ("unfolded"), and the kernel becomes a matrix. Neighbouring outputs
// along the bins share a row: then the kernel stands in the matrix several times, each time shifted.
//
// Every function is compiled by itself (`jit`), which also lays its result out in memory: compiled together, the unfolding
// would be computed anew inside the product. Tensors are (windows, frames, bins, channels). A function uses up its
// arguments; `.ref` keeps one for another use.

import { type Array as Tensor, defaultDevice, jit, numpy as np } from "@jax-js/jax";

export type { Tensor };

const laidOut = jit((x: Tensor) => x.mul(1));
export const product = (a: Tensor, b: Tensor): Tensor => np.matmul(a, b);

/** How a kernel walks along the bins, and how many outputs share a row of the unfolding. */
export interface Walk {
  columns: number; // of the kernel
  stride: number; // bins
  shared: number; // outputs in a row
}

/** How many bins the outputs of one row see. */
export function seen({ columns, stride, shared }: Walk): number {
  return stride * (shared - 1) + columns;
}

/** Where each column of the kernel goes in a row of `width` bins, for each output: ones, (columns, width × shared). */
function places({ columns, stride, shared }: Walk, width: number): Tensor {
  const ones = new Float32Array(columns * width * shared);
  for (let column = 0; column < columns; column++) {
    for (let output = 0; output < shared; output++) ones[(column * width + stride * output + column) * shared + output] = 1;
  }
  return np.array(ones, { shape: [columns, width * shared] });
}

/** Turns kernels (outputs, channels, rows, columns) into a matrix (rows × width × channels, shared × outputs). */
export function asMatrix(walk: Walk, width = seen(walk)): (kernels: Tensor) => Tensor {
  const made = new Map<string, Tensor>(); // on each device
  return (kernels) => {
    const at = made.get(defaultDevice()) ?? places(walk, width);
    made.set(defaultDevice(), at);
    const [outputs, channels, rows, columns] = kernels.shape as [number, number, number, number];
    const flat = laidOut(kernels.transpose([2, 1, 0, 3]).reshape([rows * channels * outputs, columns]));
    const shifted = product(flat, at.ref).reshape([rows, channels, outputs, width, walk.shared]);
    return laidOut(shifted.transpose([0, 3, 1, 4, 2]).reshape([rows * width * channels, walk.shared * outputs]));
  };
}

/** Unfolds (windows, frames, bins, channels) for kernels `rows` high; a row spans two blocks of bins, a few more than are seen. */
function unfolding(walk: Walk, rows: number): (x: Tensor) => Tensor {
  const { stride, shared, columns } = walk;
  const block = stride * shared;
  const side = (columns - 1) / 2;
  const padded = jit((x: Tensor) => {
    const [windows, frames, bins, channels] = x.shape as [number, number, number, number];
    const blocks = bins / block + 1;
    const around = [[0, 0], [(rows - 1) / 2, (rows - 1) / 2], [side, block - side], [0, 0]] as [number, number][];
    return np.pad(x, around).reshape([windows, frames + rows - 1, blocks, block * channels]);
  });
  const gathered = jit((x: Tensor) => {
    const [windows, height, blocks, length] = x.shape as [number, number, number, number];
    const frames = height - rows + 1;
    const parts = Array.from({ length: 2 * rows }, (_, i) => {
      const [row, half] = [i >> 1, i & 1];
      return x.ref.slice([], [row, row + frames], [half, half + blocks - 1]);
    });
    x.dispose();
    return np.concatenate(parts, 3).reshape([windows * frames * (blocks - 1), 2 * rows * length]);
  });
  return (x) => gathered(padded(x));
}

/** A convolution from one or more channels to many: unfolded in time and along the bins. */
export function manyFrom(walk: Walk, rows: number): (x: Tensor, kernels: Tensor) => Tensor {
  const unfold = unfolding(walk, rows);
  const matrix = asMatrix(walk, 2 * walk.stride * walk.shared);
  return (x, kernels) => {
    const [windows, frames, bins] = x.shape as [number, number, number];
    const outputs = kernels.shape[0]!;
    return product(unfold(x), matrix(kernels)).reshape([windows, frames, bins / walk.stride, outputs]);
  };
}

/** A convolution to one channel, (windows, frames, bins): unfolded along the bins only, its rows are added afterwards. */
export function oneFrom(walk: Walk, rows: number): (x: Tensor, kernel: Tensor) => Tensor {
  const unfold = unfolding(walk, 1);
  const matrix = asMatrix(walk, 2 * walk.shared);
  const added = jit((taps: Tensor) => {
    const frames = taps.shape[1]!;
    const side = (rows - 1) / 2;
    const padded = np.pad(taps, [[0, 0], [side, side], [0, 0], [0, 0]]);
    const shifted = Array.from({ length: rows }, (_, row) => padded.ref.slice([], [row, row + frames], [], row));
    padded.dispose();
    return shifted.reduce((sum, one) => sum.add(one));
  });
  return (x, kernel) => {
    const [windows, frames, bins] = x.shape as [number, number, number];
    const taps = product(unfold(x), matrix(kernel.transpose([2, 1, 0, 3]))); // each row as an output of its own
    return added(taps.reshape([windows, frames, bins, rows]));
  };
}

// Normalisation and small functions

const EPSILON = 1e-3; // nmp_lessons.model.network.BatchNorm

/** Mean and variance of each channel over everything else. */
export const moments = jit((x: Tensor): [Tensor, Tensor] => {
  const mean = np.mean(x.ref, [0, 1, 2]);
  const variance = np.mean(np.square(x.sub(mean.ref)), [0, 1, 2]);
  return [mean, variance];
});

/** Batch normalisation by given statistics, and ReLU. */
export const normalised = jit((x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor) => {
  const scale = weight.div(np.sqrt(variance.add(EPSILON)));
  return np.maximum(x.sub(mean).mul(scale).add(bias), 0);
});

export const biased = jit((x: Tensor, bias: Tensor) => x.add(bias));
export const rectified = jit((x: Tensor, bias: Tensor) => np.maximum(x.add(bias), 0));
