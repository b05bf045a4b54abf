// From posteriors to notes: nmp_lessons.decoding.peak_decoder.PeakDecoder again, for the reader's browser.
//
// It is checked against Python's notes before it is used on anything else.

export interface Heads {
  contour?: Float32Array; // (frames, 264), row by row
  note: Float32Array; // (frames, 88)
  onset: Float32Array; // (frames, 88)
}

export interface Note {
  onset: number; // seconds
  offset: number; // seconds
  pitch: number; // MIDI number
  velocity: number;
}

export interface Decoder {
  threshold: number;
  weights: number[];
  note_threshold: number;
  reach: number;
}

export const KEYS = 88;
export const LOWEST_PITCH = 21;
const CANDIDATE = Math.fround(0.05);
const AROUND = [
  [2, 10],
  [-8, -2],
  [10, 25],
] as const; // frames from a peak over which Yn is averaged: after, before, later

interface Peak {
  frame: number;
  key: number;
}

/** The notes of a posteriorgram whose frames are `period` seconds apart, in the order of their peaks. */
export function decode(heads: Heads, decoder: Decoder, period: number): Note[] {
  const frames = heads.onset.length / KEYS;
  const sums = summed(heads.note, frames);
  const kept = peaks(heads.onset, frames, decoder.reach).filter(
    (peak) => probability(peak, heads.onset, sums, frames, decoder.weights) >= decoder.threshold,
  );
  const struck = nextOfSameKey(kept, frames + 2);
  return kept.map((peak, i) => {
    const { frame, key } = peak;
    const faint = firstFaint(heads.note, Math.min(frame + 1, frames - 1), key, frames, decoder.note_threshold);
    const stop = Math.min(Math.max(faint, frame + 2), struck[i]!);
    const onset = period * Math.max(frame + shift(heads.onset, peak, frames), 0);
    const loud = Math.round(127 * heads.onset[frame * KEYS + key]!);
    return {
      onset,
      offset: Math.max(stop * period, onset + period),
      pitch: key + LOWEST_PITCH,
      velocity: Math.min(Math.max(loud, 1), 127),
    };
  });
}

/** Where Yo is highest within `reach` frames; of two equal neighbours, the later one is the peak. */
function peaks(onset: Float32Array, frames: number, reach: number): Peak[] {
  const found: Peak[] = [];
  for (let frame = 0; frame < frames; frame++) {
    for (let key = 0; key < KEYS; key++) {
      if (onset[frame * KEYS + key]! >= CANDIDATE && isHighest(onset, frame, key, frames, reach)) found.push({ frame, key });
    }
  }
  return found;
}

function isHighest(onset: Float32Array, frame: number, key: number, frames: number, reach: number): boolean {
  const height = onset[frame * KEYS + key]!;
  for (let d = 1; d <= reach; d++) {
    if (frame - d >= 0 && height < onset[(frame - d) * KEYS + key]!) return false;
    if (frame + d < frames && height <= onset[(frame + d) * KEYS + key]!) return false;
  }
  return true;
}

/** Running sums of Yn over time, (frames + 1, 88). */
function summed(note: Float32Array, frames: number): Float64Array {
  const sums = new Float64Array((frames + 1) * KEYS);
  for (let i = 0; i < frames * KEYS; i++) sums[i + KEYS] = sums[i]! + note[i]!;
  return sums;
}

/** σ(w · x), where x is the evidence at a peak (eq-evidence). */
function probability(peak: Peak, onset: Float32Array, sums: Float64Array, frames: number, weights: number[]): number {
  const { frame, key } = peak;
  const row = (at: number): number => Math.min(Math.max(at, 0), frames - 1) * KEYS + key;
  const rows = [0, -1, 1].map((d) => onset[row(frame + d)]!);
  for (const [first, last] of AROUND) {
    const start = Math.min(Math.max(frame + first, 0), frames);
    const stop = Math.min(Math.max(frame + last, 0), frames);
    rows.push((sums[stop * KEYS + key]! - sums[start * KEYS + key]!) / Math.max(stop - start, 1));
  }
  const z = rows.reduce((sum, p, i) => sum + weights[i + 1]! * logit(p), weights[0]!);
  return 1 / (1 + Math.exp(-z));
}

function logit(p: number): number {
  const clipped = Math.min(Math.max(p, 1e-3), 1 - 1e-3);
  return Math.log(clipped / (1 - clipped));
}

/** How far a peak lies after its frame, by a parabola through it and its neighbours. */
function shift(onset: Float32Array, { frame, key }: Peak, frames: number): number {
  const at = (t: number): number => onset[Math.min(Math.max(t, 0), frames - 1) * KEYS + key]!;
  const [before, top, after] = [at(frame - 1), at(frame), at(frame + 1)];
  const bend = before - 2 * top + after;
  return bend < 0 ? (0.5 * (before - after)) / bend : 0;
}

function firstFaint(note: Float32Array, from: number, key: number, frames: number, threshold: number): number {
  const least = Math.fround(threshold);
  let frame = from;
  while (frame < frames && note[frame * KEYS + key]! >= least) frame++;
  return frame;
}

/** For each peak, in the order of frames, the frame at which its key is struck again. */
function nextOfSameKey(kept: Peak[], last: number): number[] {
  const following = new Array<number>(KEYS).fill(last);
  const found = new Array<number>(kept.length);
  for (let i = kept.length - 1; i >= 0; i--) {
    found[i] = following[kept[i]!.key]!;
    following[kept[i]!.key] = kept[i]!.frame;
  }
  return found;
}

/** The proportion of notes on which two transcriptions agree: same key, onset and offset within `tolerance` seconds. */
export function agreement(one: Note[], other: Note[], tolerance: number): number {
  if (!one.length && !other.length) return 1;
  const left = new Set(other);
  let hits = 0;
  for (const note of one) {
    for (const candidate of left) {
      if (candidate.pitch !== note.pitch) continue;
      if (Math.abs(candidate.onset - note.onset) > tolerance) continue;
      if (Math.abs(candidate.offset - note.offset) > tolerance) continue;
      left.delete(candidate);
      hits++;
      break;
    }
  }
  return (2 * hits) / (one.length + other.length);
}
