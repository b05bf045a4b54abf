// Twins of what nmp_lessons/model computes: receptive fields of the network's heads, and a convolution with its ReLU.

import { shifts } from "./harmonic_stacking";

export type Head = "contour" | "note" | "onset";

const [CQT_BINS, BINS, KEYS] = [309, 264, 88];
const HARMONICS = [0.5, 1, 2, 3, 4, 5, 6, 7];

/** What the outputs of a layer see in its input, for kernels of some width, with a stride and padding. */
function back(outputs: Set<number>, width: number, inputs: number, stride = 1, padding = width >> 1): Set<number> {
  const seen = new Set<number>();
  for (const output of outputs) {
    for (let j = 0; j < width; j++) {
      const input = output * stride - padding + j;
      if (input >= 0 && input < inputs) seen.add(input);
    }
  }
  return seen;
}

/** The frames, and the bins of the transform, that can change one output of a head; `centred` is about strides of 3. */
export function receptiveField(head: Head, at: number, stacking: boolean, centred: boolean): { frames: number; bins: number[] } {
  const ofContour = (bins: Set<number>): Set<number> => back(back(bins, 5, BINS), 39, BINS);
  const strided = (keys: Set<number>, width: number): Set<number> => back(keys, width, BINS, 3, (width >> 1) - Number(!centred));
  const ofNote = (keys: Set<number>): Set<number> => ofContour(strided(back(keys, 3, KEYS), 7));
  const one = new Set([at]);
  const near = back(one, 3, KEYS);
  const stack = {
    contour: () => ofContour(one),
    note: () => ofNote(one),
    onset: () => new Set([...ofNote(near), ...strided(near, 5)]),
  }[head]();
  const seen = new Set<number>();
  for (const shift of stacking ? shifts(HARMONICS, 36) : [0]) {
    for (const bin of stack) if (bin + shift >= 0 && bin + shift < CQT_BINS) seen.add(bin + shift);
  }
  const frames = { contour: 7, note: 19, onset: 21 }[head];
  return { frames, bins: [...seen].sort((a, b) => a - b) };
}

/** A convolution of odd size with zeros around the picture, and a ReLU after it. */
export function convolved(picture: number[][], kernel: number[][], bias: number): number[][] {
  const [above, left] = [kernel.length >> 1, kernel[0]!.length >> 1];
  return picture.map((row, r) =>
    row.map((_, c) => {
      let sum = bias;
      kernel.forEach((weights, i) => {
        weights.forEach((weight, j) => (sum += weight * (picture[r + i - above]?.[c + j - left] ?? 0)));
      });
      return Math.max(0, sum);
    }),
  );
}
