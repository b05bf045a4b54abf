// Twins of functions of nmp_lessons/evaluation.py, which says what they mean. Pitches are whole MIDI numbers here.

import { generator } from "../live/numbers";

export interface Notes {
  onset: number[]; // seconds
  offset: number[];
  pitch: number[];
}

/** Notes as lists. */
export function listed(notes: { onset: number; offset: number; pitch: number }[]): Notes {
  return { onset: notes.map((note) => note.onset), offset: notes.map((note) => note.offset), pitch: notes.map((note) => note.pitch) };
}

const OFFSET_RATIO = 0.2;
const TOLERANCE = 0.05; // seconds, of onsets; for offsets at least
const GRID = 0.01; // seconds between the frames of Acc

const rounded = (seconds: number): number => Math.round(seconds * 1e4) / 1e4;

/** The pairs of a greatest matching, by augmenting paths; the nearest candidates are tried first. */
export function matched(reference: Notes, estimate: Notes, tolerance = TOLERANCE, offsets = false): [number, number][] {
  const partner = new Map<number, number>(); // of an estimated note
  const apart = (r: number, e: number): number => rounded(Math.abs(reference.onset[r]! - estimate.onset[e]!));
  const candidates = reference.onset.map((_, r) =>
    estimate.onset
      .map((_, e) => e)
      .filter((e) => reference.pitch[r] === estimate.pitch[e] && apart(r, e) <= tolerance && (!offsets || endsWell(reference, estimate, r, e)))
      .sort((a, b) => apart(r, a) - apart(r, b)),
  );
  const augment = (r: number, tried: Set<number>): boolean =>
    candidates[r]!.some((e) => {
      if (tried.has(e)) return false;
      tried.add(e);
      const rival = partner.get(e);
      if (rival !== undefined && !augment(rival, tried)) return false;
      partner.set(e, r);
      return true;
    });
  reference.onset.forEach((_, r) => augment(r, new Set()));
  return [...partner].map(([e, r]): [number, number] => [r, e]).sort((a, b) => a[0] - b[0]);
}

function endsWell(reference: Notes, estimate: Notes, r: number, e: number): boolean {
  const allowed = Math.max(OFFSET_RATIO * (reference.offset[r]! - reference.onset[r]!), TOLERANCE);
  return rounded(Math.abs(reference.offset[r]! - estimate.offset[e]!)) <= allowed;
}

export interface Scores {
  F: number;
  P: number;
  R: number;
  Fno: number;
  Pno: number;
  Rno: number;
  Acc: number;
}

export function scores(reference: Notes, estimate: Notes, tolerance: number): Scores {
  const of = (offsets: boolean): [number, number, number] => {
    const hits = matched(reference, estimate, tolerance, offsets).length;
    const [precision, recall, f] = fromCounts(hits, reference.onset.length - hits, estimate.onset.length - hits);
    return [f, precision, recall];
  };
  const [[F, P, R], [Fno, Pno, Rno]] = [of(true), of(false)];
  return { F, P, R, Fno, Pno, Rno, Acc: accuracy(reference, estimate) };
}

/** The cells of the piano roll in both over the cells in either. */
export function accuracy(reference: Notes, estimate: Notes): number {
  const seconds = Math.max(0, ...reference.offset, ...estimate.offset);
  const [a, b] = [cells(reference, seconds), cells(estimate, seconds)];
  let both = 0;
  for (const cell of a) if (b.has(cell)) both++;
  return both ? both / (a.size + b.size - both) : 0;
}

function cells(notes: Notes, seconds: number): Set<number> {
  const frames = Math.ceil(seconds / GRID);
  const edge = (time: number): number => {
    let found = Math.ceil(time / GRID);
    if (found * GRID < time) found++;
    if ((found - 1) * GRID >= time) found--;
    return Math.min(found, frames);
  };
  const all = new Set<number>();
  notes.onset.forEach((onset, i) => {
    for (let cell = edge(onset); cell < edge(notes.offset[i]!); cell++) all.add(notes.pitch[i]! * (frames + 1) + cell);
  });
  return all;
}

/** Precision, recall and their harmonic mean; 0 without a hit. */
export function fromCounts(hits: number, misses: number, extra: number): [precision: number, recall: number, f: number] {
  if (!hits) return [0, 0, 0];
  return [hits / (hits + extra), hits / (hits + misses), (2 * hits) / (2 * hits + misses + extra)];
}

/** Fno, which is 0 without a hit. */
export function fno(reference: Notes, estimate: Notes, tolerance = TOLERANCE): number {
  const hits = matched(reference, estimate, tolerance).length;
  return hits ? (2 * hits) / (reference.onset.length + estimate.onset.length) : 0;
}

/** Fno at each of several tolerances. */
export function byTolerance(reference: Notes, estimate: Notes, tolerances: number[]): number[] {
  return tolerances.map((tolerance) => fno(reference, estimate, tolerance));
}

/** By how many seconds the reference must be moved so that many of its onsets meet those of an estimate. */
export function commonShift(reference: Notes, estimate: Notes, width: number): number {
  const distances = estimate.onset.flatMap((onset, e) =>
    reference.onset.filter((_, r) => reference.pitch[r] === estimate.pitch[e]).map((other) => onset - other),
  );
  distances.sort((a, b) => a - b);
  let [first, most, stop] = [0, 0, 0];
  distances.forEach((distance, start) => {
    while (stop < distances.length && distances[stop]! <= distance + width) stop++;
    if (stop - start > most) [first, most] = [start, stop - start];
  });
  return distances.slice(first, first + most).reduce((sum, distance) => sum + distance / most, 0);
}

/** Means of as many values drawn with replacement, in order of size. */
export function resampled(values: number[], samples: number, seed: number): Float64Array {
  const [n, random] = [values.length, generator(seed)];
  const draw = (): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)]!;
    return sum / n;
  };
  return Float64Array.from({ length: samples }, draw).sort();
}

/** The interval in which 95 % of them lie. */
export function interval(values: number[], samples: number, seed: number): [number, number] {
  const sorted = resampled(values, samples, seed);
  return [percentile(sorted, 2.5), percentile(sorted, 97.5)];
}

/** A percentile of sorted values, between two of them as NumPy has it. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const place = (percent / 100) * (sorted.length - 1);
  const [low, part] = [Math.floor(place), place % 1];
  return sorted[low]! + part * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
}
