#!/bin/sh
# @jax-js/jax 0.1.25: in WebAssembly a convolution runs at a hundredth of the rate of a matrix product.
#
# The layer of 3 × 39 of a pitch estimator, 8 channels to 8, over 64 frames of 264 bins: 126 million multiply-adds.
# Observed (Node 20, one machine, best of three): `lax.convGeneralDilated`, compiled with `jit`, takes 1.2 to 3 s. If
# its input has been unfolded, into 16,896 rows of 936 numbers, the same sums are a product of matrices, and
# `np.matmul` takes 0.02 to 0.04 s for them. A convolutional network that is ported from another library layer by layer
# is too slow to be trained there, for no visible reason.
# Expected: a convolution at something like the rate of the product. The script fails if the convolution takes less
# than ten times as long as the product, or if the two differ by more than rounding.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @jax-js/jax@0.1.25
cat > conv.mjs <<'CODE'
import { defaultDevice, init, jit, lax, numpy as np } from "@jax-js/jax";

await init("wasm");
defaultDevice("wasm");
const [channels, frames, bins, rows, columns] = [8, 64, 264, 3, 39];
const noise = (n) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * i));
const x = noise(channels * frames * bins), w = noise(channels * channels * rows * columns);

const convolve = jit((x, w) => lax.convGeneralDilated(x, w, [1, 1], "SAME"));
const multiply = jit((a, b) => np.matmul(a, b));

/** Row (frame, bin): what the kernel sees there, zeros beyond the edges. */
function unfolded() {
  const size = channels * rows * columns, out = new Float32Array(frames * bins * size);
  for (let t = 0; t < frames; t++) for (let f = 0; f < bins; f++) {
    let at = (t * bins + f) * size;
    for (let c = 0; c < channels; c++) for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++, at++) {
      const [frame, bin] = [t + i - 1, f + j - 19];
      if (frame >= 0 && frame < frames && bin >= 0 && bin < bins) out[at] = x[(c * frames + frame) * bins + bin];
    }
  }
  return np.array(out, { shape: [frames * bins, size] });
}

const kernels = np.array(w, { shape: [channels, channels * rows * columns] });
const ways = {
  convolution: () => convolve(np.array(x, { shape: [1, channels, frames, bins] }), np.array(w, { shape: [channels, channels, rows, columns] })),
  product: () => multiply(rowsOf.ref, kernels.ref.transpose()),
};
const rowsOf = unfolded();
const seconds = {}, sums = {};
for (const [name, make] of Object.entries(ways)) {
  seconds[name] = Infinity;
  for (let turn = 0; turn < 3; turn++) {
    const began = performance.now();
    sums[name] = await make().data();
    seconds[name] = Math.min(seconds[name], (performance.now() - began) / 1000);
  }
  console.log(`${name}: ${seconds[name].toFixed(2)} s`);
}
let [apart, largest] = [0, 0];
for (let o = 0; o < channels; o++) for (let p = 0; p < frames * bins; p++) {
  largest = Math.max(largest, Math.abs(sums.product[p * channels + o]));
  apart = Math.max(apart, Math.abs(sums.convolution[o * frames * bins + p] - sums.product[p * channels + o]));
}
console.log(`sums up to ${largest.toFixed(0)} differ by at most ${apart.toExponential(1)}; the convolution takes ${(seconds.convolution / seconds.product).toFixed(0)} times as long`);
process.exit(largest > 1 && apart < 1e-4 * largest && seconds.convolution > 10 * seconds.product ? 0 : 1);
CODE
node conv.mjs
