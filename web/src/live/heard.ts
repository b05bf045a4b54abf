// What a control hears in the middle of the reader's passage.

import { frameAt } from "../twins/cqt";
import { strongestKeyBin } from "../twins/harmonic_stacking";

const BINS_PER_OCTAVE = 36;
const DEPTH = 70; // dB below the highest level at which values are 0
const SILENCE = -60; // dB, what the highest level must exceed

/** The levels of bins of the transform, from 0 to 1, all 0 in silence; and the bin of the key that they suggest. */
export function middleOf(passage: Float32Array, rate: number, lowest: number, bins: number): { frame: number[]; bin: number } {
  const frequencies = Array.from({ length: bins }, (_, k) => lowest * 2 ** (k / BINS_PER_OCTAVE));
  const found = frameAt(passage, passage.length >> 1, frequencies, rate, BINS_PER_OCTAVE);
  const levels = found.map((x) => 20 * Math.log10(Math.max(x, 1e-4)));
  const highest = Math.max(...levels);
  const frame = levels.map((level) => (highest > SILENCE ? Math.max(1 + (level - highest) / DEPTH, 0) : 0));
  return { frame, bin: strongestKeyBin(frame, BINS_PER_OCTAVE) };
}
