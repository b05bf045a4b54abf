// Twins of functions of nmp_lessons/decoding, which says what they mean. `decode` is PeakDecoder.

import { readBack } from "./targets";
import type { Notes } from "./evaluation";

export { decode } from "../decoder";

/** Where a key sounds, 1 or 0: runs that stay at or above `low` and reach `high`. */
export function hysteresis(values: number[], high: number, low: number): number[] {
  const sounds = values.map((value) => Number(value >= low));
  for (let start = 0; start < values.length; start++) {
    if (!sounds[start]) continue;
    let stop = start;
    let reached = false;
    for (; stop < values.length && sounds[stop]; stop++) reached ||= values[stop]! >= high;
    if (!reached) sounds.fill(0, start, stop);
    start = stop;
  }
  return sounds;
}

/** The notes of a picture (frames, keys) by two thresholds, or by one if they are equal. */
export function byThresholds(yn: Float32Array, keys: number, lowest: number, high: number, low: number, rate: number): Notes {
  const frames = yn.length / keys;
  const notes: Notes = { onset: [], offset: [], pitch: [] };
  const column = new Array<number>(frames);
  for (let key = 0; key < keys; key++) {
    let most = 0;
    for (let t = 0; t < frames; t++) most = Math.max(most, (column[t] = yn[t * keys + key]!));
    if (most < high) continue;
    for (const [first, last] of readBack(hysteresis(column, high, low))) {
      notes.onset.push(first / rate);
      notes.offset.push(last / rate);
      notes.pitch.push(key + lowest);
    }
  }
  return notes;
}
