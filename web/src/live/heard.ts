// What a control hears in the middle of the reader's passage.

import { LOWEST_PITCH } from "../decoder";
import { pitchName } from "../roll";
import { frameAt } from "../twins/cqt";
import { strongestKeyBin } from "../twins/harmonic_stacking";

export const BINS_PER_OCTAVE = 36;
export const SECONDS = 2; // of a passage of which one frame is heard
export const SILENCE = -60; // dB, what the highest level must exceed
export const SILENT = "The middle of this passage is silent.";
const DEPTH = 70; // dB below the highest level at which values are 0

/** The frequency of a bin of the transform. */
export function binFrequency(bin: number, lowest: number): number {
  return lowest * 2 ** (bin / BINS_PER_OCTAVE);
}

export interface Middle {
  frame: number[]; // levels of the bins, from 0 to 1
  silent: boolean; // and then they are 0
  bin: number; // that of the key which they suggest
  pitch: number; // MIDI number
  words: string;
}

/** One frame of the transform, and the key with the strongest harmonics. */
export function middleOf(passage: Float32Array, rate: number, lowest: number, bins: number): Middle {
  const frequencies = Array.from({ length: bins }, (_, k) => binFrequency(k, lowest));
  const found = frameAt(passage, passage.length >> 1, frequencies, rate, BINS_PER_OCTAVE);
  const levels = found.map((x) => 20 * Math.log10(Math.max(x, 1e-4)));
  const highest = Math.max(...levels);
  const silent = highest <= SILENCE;
  const frame = levels.map((level) => (silent ? 0 : Math.max(1 + (level - highest) / DEPTH, 0)));
  const bin = strongestKeyBin(frame, BINS_PER_OCTAVE);
  const pitch = LOWEST_PITCH + Math.round((12 * bin) / BINS_PER_OCTAVE);
  const words = silent ? SILENT : `One second into the passage, the key with the strongest harmonics is ${pitchName(pitch)}.`;
  return { frame, silent, bin, pitch, words };
}
