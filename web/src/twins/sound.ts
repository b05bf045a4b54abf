// Twins of functions of nmp_lessons/sound.py, which says what they mean.

import { nearest } from "./targets";

/** The frequency at which a sampled sine is heard. */
export function foldedFrequency(frequency: number, rate: number): number {
  return Math.abs(frequency - rate * Math.round(frequency / rate));
}

/** Frequencies of the first partials of a string. */
export function partials(fundamental: number, count: number, inharmonicity: number): number[] {
  return Array.from({ length: count }, (_, i) => (i + 1) * fundamental * Math.sqrt(1 + inharmonicity * (i + 1) ** 2));
}

/** A sum of sines whose amplitudes add up to one half; those above half the rate are left out. */
export function tone(frequencies: number[], amplitudes: number[], samples: number, rate: number): Float32Array<ArrayBuffer> {
  const total = amplitudes.reduce((sum, amplitude) => sum + Math.abs(amplitude), 0) || 1;
  const audio = new Float32Array(samples);
  frequencies.forEach((frequency, n) => {
    if (frequency >= rate / 2) return;
    const step = (2 * Math.PI * frequency) / rate;
    for (let i = 0; i < samples; i++) audio[i]! += ((0.5 * amplitudes[n]!) / total) * Math.sin(step * i);
  });
  return audio;
}

/** A level in decibels. */
export function levelInDb(amplitude: number): number {
  return 20 * Math.log10(amplitude);
}

/** Pairs (m, n): partial m of a lower note coincides with partial n of a higher one, up to some cents. */
export function sharedPartials(lower: number, higher: number, count: number, tolerance: number): [number, number][] {
  const ratio = 2 ** ((higher - lower) / 12);
  return Array.from({ length: count }, (_, i): [number, number] => [nearest((i + 1) * ratio), i + 1]).filter(
    ([m, n]) => Math.abs(1200 * Math.log2((n * ratio) / m)) <= tolerance,
  );
}
