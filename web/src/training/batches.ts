// Windows of stored features, as nmp_lessons.training.sampling draws them: augmented, stacked and unfolded.

import { generator } from "../live/numbers";
import { BINS, CONTOUR, KEYS, ONSET, ROWS, STRIDE } from "./network";
import { seen } from "./layers";

export const CQT_BINS = 309;
const BINS_PER_OCTAVE = 36;
const [STEPS, QUIETEST] = [2, -100]; // nmp_lessons.data.store
const [LOW, SPAN] = [-90, 60]; // dB, of the fixed scale (nmp_lessons.cqt)
const FLOOR = 1e-10; // of a power; nmp_lessons.cqt
const ONSET_STEPS = 200;

/** A recording's features and targets, row by row; bytes as they are stored. */
export interface Clip {
  features: Uint8Array; // (frames, 309), half decibels
  note: Uint8Array; // (frames, 88)
  onset: Uint8Array; // (frames, 88)
}

/** Random changes to each window of a batch; 0 for none. */
export interface Augmentation {
  semitones: number; // greatest transposition
  level: number; // dB, greatest change
  noise: [low: number, high: number] | null; // dB, range of a noise floor
}

/** Levels on the fixed scale, and targets, (windows × frames, 309, 264 or 88). */
export interface Batch {
  windows: number;
  frames: number;
  features: Float32Array;
  contour: Float32Array;
  note: Float32Array;
  onset: Float32Array;
}

/** Levels in dB on the scale of the network. */
function onFixedScale(level: number): number {
  return (level - LOW) / SPAN;
}

/** A stored byte on the scale of the network. */
export function unstored(byte: number): number {
  return onFixedScale(byte / STEPS + QUIETEST);
}

/** Cuts windows of `frames` frames out of clips. */
export function batchOf(clips: Clip[], drawn: [clip: number, start: number][], frames: number): Batch {
  const rows = drawn.length * frames;
  const batch: Batch = {
    windows: drawn.length,
    frames,
    features: new Float32Array(rows * CQT_BINS),
    contour: new Float32Array(rows * BINS),
    note: new Float32Array(rows * KEYS),
    onset: new Float32Array(rows * KEYS),
  };
  drawn.forEach(([clip, start], window) => {
    const { features, note, onset } = clips[clip]!;
    const stored = features.subarray(start * CQT_BINS, (start + frames) * CQT_BINS);
    stored.forEach((value, i) => (batch.features[window * frames * CQT_BINS + i] = unstored(value)));
    for (let i = 0; i < frames * KEYS; i++) {
      const to = window * frames * KEYS + i;
      batch.note[to] = note[start * KEYS + i]!;
      batch.onset[to] = onset[start * KEYS + i]! / ONSET_STEPS;
    }
  });
  placeContour(batch);
  return batch;
}

/** Yp: key n on bin 3n. */
function placeContour({ contour, note }: Batch): void {
  note.forEach((value, i) => (contour[STRIDE * i] = value));
}

/** Changes each window by its own random amounts, as nmp_lessons.augmentation.FeatureAugmentation does. */
export function augment(batch: Batch, { semitones, level, noise }: Augmentation, seed: number): void {
  const random = generator(seed);
  const between = (low: number, high: number): number => low + (high - low) * random();
  for (let window = 0; window < batch.windows; window++) {
    if (semitones) transpose(batch, window, Math.floor(between(-semitones, semitones + 1)));
    if (!level && !noise) continue;
    const [by, floor, slope] = [between(-level, level), noise ? between(...noise) : -200, noise ? between(-8, 1) : 0];
    colour(batch, window, by, floor, slope, random);
  }
}

/** Moves a window up by some semitones, its targets too; silence comes in at one end. */
export function transpose(batch: Batch, window: number, by: number): void {
  const { frames } = batch;
  shift(batch.features, CQT_BINS, window * frames, frames, STRIDE * by, onFixedScale(QUIETEST));
  shift(batch.contour, BINS, window * frames, frames, STRIDE * by, 0);
  shift(batch.note, KEYS, window * frames, frames, by, 0);
  shift(batch.onset, KEYS, window * frames, frames, by, 0);
}

function shift(values: Float32Array, width: number, first: number, rows: number, by: number, fill: number): void {
  for (let row = first; row < first + rows; row++) {
    const line = values.subarray(row * width, (row + 1) * width);
    line.copyWithin(Math.max(by, 0), Math.max(-by, 0), width - Math.max(by, 0));
    if (by > 0) line.fill(fill, 0, by);
    else if (by < 0) line.fill(fill, width + by);
  }
}

/** Changes a window's level, and adds noise of a mean power four octaves above the lowest bin, and of a slope; in dB, and dB per octave. */
export function colour(batch: Batch, window: number, level: number, noise: number, slope: number, random: () => number): void {
  const nepers = Math.log(10) / 10;
  const floors = Array.from({ length: CQT_BINS }, (_, bin) => Math.exp((noise + slope * (bin / BINS_PER_OCTAVE - 4)) * nepers));
  const size = batch.frames * CQT_BINS;
  const cells = batch.features.subarray(window * size, (window + 1) * size);
  cells.forEach((value, i) => {
    const power = Math.exp((SPAN * value + LOW + level) * nepers) + floors[i % CQT_BINS]! * -Math.log(1 - random());
    cells[i] = onFixedScale(Math.log(power + FLOOR) / nepers);
  });
}

// The stack

const [SIDE, BEFORE] = [(CONTOUR.columns - 1) / 2, (ROWS.onset - 1) / 2]; // bins and frames of zeros around it
const WIDTH = BINS + 2 * SIDE;

/** A network's first normalisation, which isn't trained, as a factor and a sum, and its shifts in bins. */
export interface Front {
  scale: number;
  offset: number;
  shifts: number[];
}

const kept = new Map<string, Float32Array>(); // the same memory for every batch: it takes tens of megabytes

function memory(name: string, length: number): Float32Array {
  const old = kept.get(name);
  if (old && old.length >= length) return old.subarray(0, length);
  const made = new Float32Array(length);
  kept.set(name, made);
  return made;
}

/**
 * The stack of some windows, unfolded: for every output of the two first convolutions, the inputs that it sees. The
 * next call overwrites it.
 */
export function unfolded({ windows, frames, features }: Pick<Batch, "windows" | "frames" | "features">, front: Front) {
  const harmonics = front.shifts.length;
  const stack = stacked(features, windows, frames, front);
  const line = WIDTH * harmonics;
  const height = frames + 2 * BEFORE;
  const unfold = (layer: "contour" | "onset", width: number, step: number, first: number, count: number): Float32Array => {
    const rows = ROWS[layer];
    const result = memory(layer, windows * frames * count * rows * width * harmonics);
    let to = 0;
    for (let window = 0; window < windows; window++) {
      for (let frame = 0; frame < frames; frame++) {
        const top = window * height + frame + BEFORE - (rows - 1) / 2;
        for (let i = 0; i < count; i++) {
          for (let row = top; row < top + rows; row++) {
            const from = row * line + (first + step * i) * harmonics;
            result.set(stack.subarray(from, from + width * harmonics), to);
            to += width * harmonics;
          }
        }
      }
    }
    return result;
  };
  const { shared } = CONTOUR;
  return {
    contour: unfold("contour", seen(CONTOUR), shared, 0, BINS / shared),
    onset: unfold("onset", seen(ONSET), STRIDE, SIDE - (ONSET.columns - 1) / 2, KEYS),
  };
}

/** The stack with zeros around it, (windows × frames and 4 more, 264 + 38, harmonics). */
function stacked(features: Float32Array, windows: number, frames: number, { scale, offset, shifts }: Front): Float32Array {
  const height = frames + 2 * BEFORE;
  const stack = memory("stack", windows * height * WIDTH * shifts.length).fill(0);
  for (let window = 0; window < windows; window++) {
    for (let frame = 0; frame < frames; frame++) {
      const from = (window * frames + frame) * CQT_BINS;
      const to = (window * height + frame + BEFORE) * WIDTH + SIDE;
      for (let bin = 0; bin < BINS; bin++) {
        shifts.forEach((by, harmonic) => {
          const source = bin + by;
          if (source < 0 || source >= CQT_BINS) return; // the fill is 0
          stack[(to + bin) * shifts.length + harmonic] = scale * features[from + source]! + offset;
        });
      }
    }
  }
  return stack;
}
