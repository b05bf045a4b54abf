// Twins of functions of nmp_lessons/harmonic_stacking.py, which says what they mean.

import { nearest } from "./targets";

/** Shifts of the harmonics in bins. */
export function shifts(harmonics: number[], binsPerOctave: number): number[] {
  return harmonics.map((h) => nearest(binsPerOctave * Math.log2(h)));
}

/** How far each shift overshoots its partial, in cents. */
export function roundingErrors(harmonics: number[], binsPerOctave: number): number[] {
  return shifts(harmonics, binsPerOctave).map((shift, i) => ((shift - binsPerOctave * Math.log2(harmonics[i]!)) * 1200) / binsPerOctave);
}

/** A spectrum moved down by a number of bins; beyond its ends there are zeros. */
export function moved(spectrum: number[], shift: number, bins: number): number[] {
  return Array.from({ length: bins }, (_, k) => spectrum[k + shift] ?? 0);
}

/** By how many cents partial h of a string with a stiffness is sharp, as fitted from its first. */
export function sharpness(harmonic: number, stiffness: number): number {
  return 600 * Math.log2((1 + stiffness * harmonic ** 2) / (1 + stiffness));
}

/** The bin whose first seven harmonics have the highest mean level. */
export function strongestKeyBin(levels: number[], binsPerOctave: number): number {
  const copies = shifts([1, 2, 3, 4, 5, 6, 7], binsPerOctave).map((shift) => moved(levels, shift, levels.length));
  const sums = levels.map((_, k) => copies.reduce((sum, copy) => sum + copy[k]!, 0));
  return sums.indexOf(Math.max(...sums));
}
