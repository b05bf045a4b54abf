// Twins of functions of nmp_lessons/beyond, which says what they mean.

import { nearest } from "./targets";

/** Numbers rounded to an even grid of 2^bits points from the least to the greatest, which contains 0. */
export function quantised(values: number[], bits: number): { values: number[]; scale: number } {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const highest = 2 ** bits - 1;
  const scale = Math.max((high - low) / highest, 1e-12);
  const zero = nearest(-low / scale);
  const code = (x: number): number => Math.min(Math.max(nearest(x / scale) + zero, 0), highest);
  return { values: values.map((x) => scale * (code(x) - zero)), scale };
}

/** Variance of some numbers over that of their errors, in dB. */
export function ratioInDb(values: number[], rounded: number[]): number {
  return 10 * Math.log10(variance(values) / variance(rounded.map((x, i) => x - values[i]!)));
}

function variance(values: number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
}

/** Multiply–adds for a place: attention to all places, then along the two axes, the matrices, and a 3×39 kernel. */
export function attentionWork(width: number, moments: number, keys: number, reach: number): [number, number, number, number] {
  const along = 2 * width * keys + 2 * width * (2 * reach + 1);
  return [2 * width * moments * keys, along, 8 * width ** 2, 3 * 39 * width ** 2];
}
