// Twins of functions of nmp_lessons/augmentation, which says what they mean.

import { normal } from "./cross_entropy";
import { generator } from "../live/numbers";

/** The levels of an equaliser at some frequencies: linear over the octaves between the given ones, in dB. */
export function equaliserLevels(at: number[], frequencies: number[], levels: number[]): number[] {
  return at.map((frequency) => {
    const place = Math.log2(Math.max(frequency, 1));
    const next = frequencies.findIndex((one) => Math.log2(one) >= place);
    if (next === 0) return levels[0]!;
    if (next < 0) return levels.at(-1)!;
    const [low, high] = [Math.log2(frequencies[next - 1]!), Math.log2(frequencies[next]!)];
    const part = (place - low) / (high - low);
    return levels[next - 1]! + part * (levels[next]! - levels[next - 1]!);
  });
}

/** The factor of noise of some power, so that it lies a ratio in dB below a sound. */
export function noiseGain(power: number, noise: number, ratio: number): number {
  return noise > 0 ? Math.sqrt((power / noise) * 10 ** (-ratio / 10)) : 0;
}

/** Silence from `start` to `stop` seconds, with short fades. */
export function masked(audio: Float32Array, rate: number, start: number, stop: number, fade = 0.005): Float32Array {
  return audio.map((x, i) => {
    const time = i / rate;
    const before = Math.min(Math.max((start - time) / fade + 1, 0), 1);
    const after = Math.min(Math.max((time - stop) / fade + 1, 0), 1);
    return x * Math.min(before + after, 1);
  });
}

/** Filters a sound by an equaliser, with no phase; its length is a power of two. */
export function equalised(audio: Float32Array, rate: number, frequencies: number[], levels: number[]): Float32Array {
  const length = audio.length;
  const [real, imaginary] = [Float64Array.from(audio), new Float64Array(length)];
  transform(real, imaginary);
  const at = Array.from({ length: length / 2 + 1 }, (_, k) => (k * rate) / length);
  const factors = equaliserLevels(at, frequencies, levels).map((level) => 10 ** (level / 20));
  for (let k = 0; k < length; k++) {
    const factor = factors[Math.min(k, length - k)]! / length;
    real[k]! *= factor;
    imaginary[k]! *= -factor; // conjugated, so that the same transform leads back
  }
  transform(real, imaginary);
  return Float32Array.from(real);
}

/** A sound in a room, at its old power and of its old length; lengths are powers of two. */
export function reverberated(audio: Float32Array, response: Float32Array): Float32Array {
  const length = 2 * audio.length;
  const parts = [audio, response].map((samples) => {
    const [real, imaginary] = [new Float64Array(length), new Float64Array(length)];
    real.set(samples);
    transform(real, imaginary);
    return { real, imaginary };
  }) as [Wave, Wave];
  const [a, b] = parts;
  const [real, imaginary] = [new Float64Array(length), new Float64Array(length)];
  for (let k = 0; k < length; k++) {
    real[k] = a.real[k]! * b.real[k]! - a.imaginary[k]! * b.imaginary[k]!;
    imaginary[k] = -(a.real[k]! * b.imaginary[k]! + a.imaginary[k]! * b.real[k]!);
  }
  transform(real, imaginary);
  const wet = Float32Array.from(real.subarray(0, audio.length), (x) => x / length);
  const scale = Math.sqrt(powerOf(audio) / (powerOf(wet) || 1));
  return wet.map((x) => scale * x);
}

const ZEROS = 24; // of the kernel on either side of a sample
const STEPS = 512; // of its table, from one zero to the next
let kernel: Float64Array | undefined;

/** A sinc under Blackman's window, from its middle to its end. */
function kernelTable(): Float64Array {
  kernel ??= Float64Array.from({ length: ZEROS * STEPS + 2 }, (_, i) => {
    const [x, away] = [(Math.PI * i) / STEPS, Math.PI * Math.min(i / (ZEROS * STEPS), 1)];
    return (i ? Math.sin(x) / x : 1) * (0.42 + 0.5 * Math.cos(away) + 0.08 * Math.cos(2 * away));
  });
  return kernel;
}

/** A sound played some times as fast, like a tape, in its old length: silent after its end, or cut. */
export function faster(audio: Float32Array, ratio: number): Float32Array {
  const table = kernelTable();
  const keep = 0.95 * Math.min(1, 1 / ratio); // of the frequencies: what would be folded is removed
  const reach = ZEROS / keep;
  return Float32Array.from({ length: audio.length }, (_, n) => {
    const place = n * ratio;
    if (place > audio.length - 1) return 0;
    let sum = 0;
    const last = Math.min(audio.length - 1, Math.floor(place + reach));
    for (let i = Math.max(0, Math.ceil(place - reach)); i <= last; i++) {
      const at = Math.abs(i - place) * keep * STEPS;
      const below = Math.floor(at);
      sum += audio[i]! * (table[below]! + (at - below) * (table[below + 1]! - table[below]!));
    }
    return keep * sum;
  });
}

/** The power of a sound in bands around some frequencies, a ratio of `2^(width / 12)` wide, whose length is a power of two. */
export function bandPowers(audio: Float32Array, rate: number, centres: number[], width: number): number[] {
  const [real, imaginary] = [Float64Array.from(audio), new Float64Array(audio.length)];
  transform(real, imaginary);
  const edges = [...centres, centres.at(-1)! * 2 ** (width / 12)].map((centre) => centre * 2 ** (-width / 24));
  const powers = centres.map(() => 0);
  let band = -1;
  for (let k = 1; k <= audio.length / 2; k++) {
    while (band + 1 < edges.length && (k * rate) / audio.length >= edges[band + 1]!) band++;
    if (band >= 0 && band < powers.length) powers[band]! += (2 * (real[k]! ** 2 + imaginary[k]! ** 2)) / audio.length ** 2;
  }
  return powers;
}

/** The mean power of a sound in equal blocks of time, in order. */
export function blockPowers(audio: Float32Array, blocks: number): number[] {
  const size = Math.floor(audio.length / blocks);
  return Array.from({ length: blocks }, (_, block) => powerOf(audio.slice(block * size, (block + 1) * size)));
}

interface Wave {
  real: Float64Array;
  imaginary: Float64Array;
}

/** The response of a simple room: the sound itself, then noise that falls by 60 dB within the reverberation time. */
export function simpleRoom(samples: number, rate: number, reverberation: number, direct: number, seed: number): Float32Array {
  const random = generator(seed);
  const tail = Float32Array.from({ length: samples }, (_, i) => {
    const time = i / rate;
    return time < 0.01 ? 0 : (random() + random() + random() - 1.5) * 10 ** ((-3 * time) / reverberation);
  });
  const energy = tail.reduce((sum, x) => sum + x * x, 0);
  const scale = Math.sqrt(10 ** (-direct / 10) / energy);
  const response = tail.map((x) => scale * x);
  response[0] = 1;
  return response;
}

/** The mean of the squared samples. */
export function powerOf(audio: Float32Array | number[]): number {
  let sum = 0;
  for (const x of audio) sum += x * x;
  return sum / audio.length;
}

/** The discrete Fourier transform in place, of a length that is a power of two. */
export function transform(real: Float64Array, imaginary: Float64Array): void {
  const length = real.length;
  for (let i = 1, j = 0; i < length; i++) {
    let bit = length >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j]!, real[i]!];
      [imaginary[i], imaginary[j]] = [imaginary[j]!, imaginary[i]!];
    }
  }
  for (let size = 2; size <= length; size *= 2) {
    const half = size / 2;
    const cosines = Float64Array.from({ length: half }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    const sines = Float64Array.from({ length: half }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
    for (let start = 0; start < length; start += size) {
      for (let k = 0; k < half; k++) {
        const [a, b] = [start + k, start + k + half];
        const re = real[b]! * cosines[k]! - imaginary[b]! * sines[k]!;
        const im = real[b]! * sines[k]! + imaginary[b]! * cosines[k]!;
        real[b] = real[a]! - re;
        imaginary[b] = imaginary[a]! - im;
        real[a]! += re;
        imaginary[a]! += im;
      }
    }
  }
}

/** E[x | x̃] if x is one of some values and x̃ is x plus Gaussian noise. */
export function posteriorMean(noisy: number, values: number[], weights: number[], sigma: number): number {
  const logs = values.map((value, i) => Math.log(weights[i]!) - ((noisy - value) / sigma) ** 2 / 2);
  const most = Math.max(...logs);
  const shares = logs.map((log) => Math.exp(log - most));
  const total = shares.reduce((sum, share) => sum + share, 0);
  return shares.reduce((sum, share, i) => sum + share * values[i]!, 0) / total;
}

/** The density of what is seen. */
export function seenDensity(noisy: number, values: number[], weights: number[], sigma: number): number {
  return values.reduce((sum, value, i) => sum + (weights[i]! * normal((noisy - value) / sigma)) / sigma, 0);
}
