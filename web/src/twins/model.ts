// Twins of what nmp_lessons/model computes: receptive fields of the network's heads, a convolution with its ReLU, and
// the released network from its transform onwards, some of whose weights may be 0.

import { shifts } from "./harmonic_stacking";

export type Head = "contour" | "note" | "onset";

const [CQT_BINS, BINS, KEYS] = [309, 264, 88];
const HARMONICS = [0.5, 1, 2, 3, 4, 5, 6, 7];

/** What the outputs of a layer see in its input, for kernels of some width, with a stride and padding. */
function back(outputs: Set<number>, width: number, inputs: number, stride = 1, padding = width >> 1): Set<number> {
  const seen = new Set<number>();
  for (const output of outputs) {
    for (let j = 0; j < width; j++) {
      const input = output * stride - padding + j;
      if (input >= 0 && input < inputs) seen.add(input);
    }
  }
  return seen;
}

/** The frames, and the bins of the transform, that can change one output of a head; `centred` is about strides of 3. */
export function receptiveField(head: Head, at: number, stacking: boolean, centred: boolean): { frames: number; bins: number[] } {
  const ofContour = (bins: Set<number>): Set<number> => back(back(bins, 5, BINS), 39, BINS);
  const strided = (keys: Set<number>, width: number): Set<number> => back(keys, width, BINS, 3, (width >> 1) - Number(!centred));
  const ofNote = (keys: Set<number>): Set<number> => ofContour(strided(back(keys, 3, KEYS), 7));
  const one = new Set([at]);
  const near = back(one, 3, KEYS);
  const stack = {
    contour: () => ofContour(one),
    note: () => ofNote(one),
    onset: () => new Set([...ofNote(near), ...strided(near, 5)]),
  }[head]();
  const seen = new Set<number>();
  for (const shift of stacking ? shifts(HARMONICS, 36) : [0]) {
    for (const bin of stack) if (bin + shift >= 0 && bin + shift < CQT_BINS) seen.add(bin + shift);
  }
  const frames = { contour: 7, note: 19, onset: 21 }[head];
  return { frames, bins: [...seen].sort((a, b) => a - b) };
}

/** A convolution of odd size with zeros around the picture, and a ReLU after it. */
export function convolved(picture: number[][], kernel: number[][], bias: number): number[][] {
  const [above, left] = [kernel.length >> 1, kernel[0]!.length >> 1];
  return picture.map((row, r) =>
    row.map((_, c) => {
      let sum = bias;
      kernel.forEach((weights, i) => {
        weights.forEach((weight, j) => (sum += weight * (picture[r + i - above]?.[c + j - left] ?? 0)));
      });
      return Math.max(0, sum);
    }),
  );
}

/** Numbers (channels, frames, bins). */
export interface Maps {
  channels: number;
  frames: number;
  bins: number;
  values: Float32Array;
}

/** A convolution that includes the normalisation behind it; weights (outputs, inputs, frames, bins). */
export interface Layer {
  shape: [outputs: number, inputs: number, frames: number, bins: number];
  weights: ArrayLike<number>;
  bias: ArrayLike<number>;
}

/** What the page needs of the network: the layers by name, and the normalisation before the stack. */
export interface Weights {
  scale: number;
  shift: number;
  layers: Record<"contour" | "contour_out" | "note" | "note_out" | "onset" | "onset_out", Layer>;
}

/**
 * A convolution without padding in time. Along the bins it isn't padded either: near both ends, a kernel reads on in the
 * frames beside its own, so that one loop can run through all of them. What is wrong there has to be cut off.
 */
function convolution({ frames, bins, values }: Maps, { shape: [outputs, inputs, height, width], weights, bias }: Layer, stride = 1, padding = width >> 1): Maps {
  const [framesOut, binsOut] = [frames - height + 1, bins / stride];
  const size = framesOut * binsOut;
  const made = new Float32Array(outputs * size);
  for (let o = 0; o < outputs; o++) {
    const output = made.subarray(o * size, (o + 1) * size).fill(bias[o]!);
    for (let row = 0; row < inputs * height; row++) {
      const shift = (Math.floor(row / height) * frames + (row % height)) * bins - padding;
      const at = (j: number): number => (j < width ? weights[(o * inputs * height + row) * width + j]! : 0);
      for (let j = 0; j < width; j += 4) {
        const [a, b, c, d] = [at(j), at(j + 1), at(j + 2), at(j + 3)];
        if (a === 0 && b === 0 && c === 0 && d === 0) continue;
        const first = Math.max(0, Math.ceil(-(shift + j) / stride));
        const last = Math.min(size - 1, Math.floor((values.length - 4 - shift - j) / stride));
        for (let i = first, from = i * stride + shift + j; i <= last; i++, from += stride) {
          output[i]! += a * values[from]! + b * values[from + 1]! + c * values[from + 2]! + d * values[from + 3]!;
        }
      }
    }
  }
  return { channels: outputs, frames: framesOut, bins: binsOut, values: made };
}

function relu(maps: Maps): Maps {
  return { ...maps, values: maps.values.map((value) => Math.max(0, value)) };
}

function sigmoid(maps: Maps): Maps {
  return { ...maps, values: maps.values.map((value) => 1 / (1 + Math.exp(-value))) };
}

/** The middle frames of maps, and their bins from `low` to before `high`. */
function cut(maps: Maps, frames: number, low = 0, high = maps.bins): Maps {
  const [skipped, bins] = [(maps.frames - frames) >> 1, high - low];
  const values = new Float32Array(maps.channels * frames * bins);
  for (let c = 0; c < maps.channels; c++) {
    for (let t = 0; t < frames; t++) {
      const start = (c * maps.frames + skipped + t) * maps.bins + low;
      values.set(maps.values.subarray(start, start + bins), (c * frames + t) * bins);
    }
  }
  return { channels: maps.channels, frames, bins, values };
}

function concatenated(one: Maps, other: Maps): Maps {
  const values = new Float32Array(one.values.length + other.values.length);
  values.set(one.values);
  values.set(other.values, one.values.length);
  return { ...one, channels: one.channels + other.channels, values };
}

const CONTEXT = 10; // frames that the network sees on either side of Yo
const BEFORE_FILTERS = 12; // keys that the filters' outputs for a key see on either side of it, at most; and
const BEHIND_FILTERS = 4; // those that the heads see of the filters' outputs
const FILTERS = 8;

/** Which weights of a filter of the first layer are 0, by harmonic (place in the stack) and bin of the kernel. */
export type Removed = (filter: number, harmonic: number, bin: number) => boolean;

/** The released network on an excerpt, for some keys. What choices of weights share is computed once, in steps. */
export class Opened {
  /** The eight filters' outputs, and the heads, for the frames and the keys of the excerpt. */
  filters!: Maps;
  contour!: Maps;
  note!: Maps;
  onset!: Maps;
  readonly frames: number;
  private readonly stack: Maps;
  private readonly parts: Maps[][] = []; // what each harmonic adds to the sums of each filter, before the ReLU
  private ownOnsets: Maps | undefined; // what Yo takes from the stack
  private done: string | undefined;

  /**
   * @param features (frames, 309), ten frames more at either end than the excerpt has.
   * @param keys from the first to before the last; at least twelve away from the ends of the keyboard.
   */
  constructor(
    features: Float32Array,
    private readonly weights: Weights,
    [low, high]: [number, number],
  ) {
    this.frames = features.length / CQT_BINS - 2 * CONTEXT;
    this.stack = cut(stacked(features, weights), this.frames + 2 * CONTEXT, 3 * (low - BEFORE_FILTERS), 3 * (high + BEFORE_FILTERS));
  }

  /** One step of what is computed once; whether there is another. */
  prepare(): boolean {
    const { contour, onset } = this.weights.layers;
    const filter = this.parts.length;
    if (filter < FILTERS) this.parts.push(HARMONICS.map((_, harmonic) => this.sums(only(contour, filter, (row) => row === harmonic))));
    else this.ownOnsets ??= this.nearKeys(relu(convolution(cut(this.stack, this.frames + 6), onset, 3, 1)), 1);
    return !this.ownOnsets;
  }

  /** Computes all layers without some weights; `name` tells two choices of them apart. */
  run(name: string, removed: Removed): void {
    if (this.done === name) return;
    this.done = name;
    const { contour, contour_out, note, note_out, onset_out } = this.weights.layers;
    const filters = Array.from({ length: FILTERS }, (_, filter) => relu(this.without(contour, filter, removed))).reduce(concatenated);
    const yp = sigmoid(convolution(filters, contour_out));
    const yn = sigmoid(convolution(relu(convolution(yp, note, 3, 2)), note_out));
    const yo = sigmoid(convolution(concatenated(yn, this.ownOnsets!), onset_out));
    const excerpt = (maps: Maps, each: number): Maps => cut(maps, this.frames, each * BEHIND_FILTERS, maps.bins - each * BEHIND_FILTERS);
    [this.filters, this.contour, this.note, this.onset] = [excerpt(filters, 3), excerpt(yp, 3), excerpt(yn, 1), excerpt(yo, 1)];
  }

  /** Without the keys at either end whose values are not right; a key has `each` bins. */
  private nearKeys(maps: Maps, each: number): Maps {
    const margin = each * (BEFORE_FILTERS - BEHIND_FILTERS);
    return cut(maps, maps.frames, margin, maps.bins - margin);
  }

  private sums(layer: Layer): Maps {
    return this.nearKeys(convolution(this.stack, { ...layer, bias: [0] }), 3);
  }

  /** A filter's sums: what all harmonics add, less what the removed weights do. */
  private without(layer: Layer, filter: number, removed: Removed): Maps {
    const width = layer.shape[3];
    const gone = HARMONICS.map((_, harmonic) => Array.from({ length: width }, (_, bin) => removed(filter, harmonic, bin)));
    const left = this.parts[filter]!.filter((_, harmonic) => gone[harmonic]!.includes(false));
    const values = new Float32Array(this.parts[filter]![0]!.values.length).fill(layer.bias[filter]!);
    for (const part of left) part.values.forEach((value, i) => (values[i]! += value));
    const some = gone.map((bins) => bins.includes(true) && bins.includes(false));
    if (some.includes(true)) {
      const less = this.sums(only(layer, filter, (harmonic, bin) => some[harmonic]! && gone[harmonic]![bin]!));
      less.values.forEach((value, i) => (values[i]! -= value));
    }
    return { ...this.parts[filter]![0]!, values };
  }
}

/** One filter of a layer, with only some of its weights. */
function only({ shape: [, inputs, height, width], weights, bias }: Layer, filter: number, kept: (input: number, bin: number) => boolean): Layer {
  const size = inputs * height * width;
  const one = Float32Array.from({ length: size }, (_, i) => (kept(Math.floor(i / (height * width)), i % width) ? weights[filter * size + i]! : 0));
  return { shape: [1, inputs, height, width], weights: one, bias: [bias[filter]!] };
}

/** The harmonic stack of features (frames, 309), normalised and with zeros where a channel ends. */
function stacked(features: Float32Array, { scale, shift }: Weights): Maps {
  const frames = features.length / CQT_BINS;
  const values = new Float32Array(HARMONICS.length * frames * BINS);
  shifts(HARMONICS, 36).forEach((by, channel) => {
    for (let t = 0; t < frames; t++) {
      for (let bin = Math.max(0, -by); bin < BINS && bin + by < CQT_BINS; bin++) {
        values[(channel * frames + t) * BINS + bin] = features[t * CQT_BINS + bin + by]! * scale + shift;
      }
    }
  });
  return { channels: HARMONICS.length, frames, bins: BINS, values };
}

/** The filters' outputs and the heads for some keys, without a list of weights of the first layer. */
export function opened(features: number[], weights: Weights, keys: [number, number], removed: [number, number, number][]): Record<string, number[]> {
  const network = new Opened(Float32Array.from(features), weights, keys);
  while (network.prepare());
  const names = new Set(removed.map(String));
  network.run("", (...place) => names.has(String(place)));
  const { filters, contour, note, onset } = network;
  return Object.fromEntries(Object.entries({ filters, contour, note, onset }).map(([name, maps]) => [name, [...maps.values]]));
}
