// Another sample rate for sound that is still coming in: a windowed sinc, chunk by chunk.

const CROSSINGS = 16; // zeros of the sinc on either side of its centre
const PASSED = 0.95; // of the band below half the lower rate

export class Resampler {
  private readonly reach: number; // samples on either side that a new one depends on
  private readonly phases = new Map<number, Float64Array>();
  private held: Float32Array; // what later samples still need
  private first: number; // the number of its first sample
  private made = 0;

  constructor(
    private readonly from: number, // Hz, a whole number
    private readonly to: number,
  ) {
    this.reach = Math.ceil((CROSSINGS * from) / Math.min(from, to));
    this.held = new Float32Array(this.reach); // silence before the beginning
    this.first = -this.reach;
  }

  /** The samples at the new rate that are known once `chunk` has come. */
  push(chunk: Float32Array): Float32Array {
    if (this.from === this.to) return chunk;
    const { from, to, reach } = this;
    const sound = new Float32Array(this.held.length + chunk.length);
    sound.set(this.held);
    sound.set(chunk, this.held.length);
    const known = this.first + sound.length - reach; // centres below it have all they need
    const count = Math.max(0, Math.ceil((known * to) / from) - this.made);
    const samples = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const place = (this.made + i) * from;
      const weights = this.weights(place % to);
      const start = Math.floor(place / to) - reach + 1 - this.first;
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * sound[start + k]!;
      samples[i] = sum;
    }
    this.made += count;
    const next = Math.floor((this.made * from) / to) - reach + 1 - this.first; // the first that is needed again
    this.held = sound.slice(next);
    this.first += next;
    return samples;
  }

  /** The weights of the samples around a centre that lies phase / to after one of them. */
  private weights(phase: number): Float64Array {
    let weights = this.phases.get(phase);
    if (!weights) {
      const { from, to, reach } = this;
      const band = PASSED * Math.min(1, to / from);
      weights = Float64Array.from({ length: 2 * reach }, (_, k) => {
        const x = k - reach + 1 - phase / to; // from the centre, in samples
        const window = Math.cos((Math.PI * x) / (2 * reach)) ** 2;
        return Math.abs(x) < reach ? band * sinc(band * x) * window : 0;
      });
      const sum = weights.reduce((sum, weight) => sum + weight, 0);
      weights = weights.map((weight) => weight / sum);
      this.phases.set(phase, weights);
    }
    return weights;
  }
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
