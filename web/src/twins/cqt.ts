// Twins of functions of nmp_lessons/cqt.py, which says what they mean.

export function quality(binsPerOctave: number): number {
  return 1 / (2 ** (1 / binsPerOctave) - 1);
}

export function windowLength(frequency: number, rate: number, binsPerOctave: number): number {
  return Math.ceil((quality(binsPerOctave) * rate) / frequency);
}

/** The magnitude with which a bin responds to a complex wave of amplitude ½ at another frequency: a sine, seen far from 0 Hz. */
export function toneResponse(tone: number, frequency: number, rate: number, binsPerOctave: number): number {
  const length = windowLength(frequency, rate, binsPerOctave);
  return (Math.sqrt(length) / 2) * Math.abs(hannResponse((length * (tone - frequency)) / rate, length));
}

/** A Hann window's spectrum, divided by its sum, at a distance in bandwidths: three Dirichlet kernels. */
function hannResponse(distance: number, length: number): number {
  const kernel = (x: number): number => {
    const half = (Math.PI * x) / length;
    return Math.abs(Math.sin(half)) < 1e-12 ? 1 : Math.sin(length * half) / (length * Math.sin(half));
  };
  const turn = Math.PI / length; // what is left of the phases of the two at the sides
  const [real, side] = [kernel(distance), [kernel(distance - 1), kernel(distance + 1)]];
  const sum = (side[0]! + side[1]!) / 2;
  return Math.hypot(real + sum * Math.cos(turn), ((side[1]! - side[0]!) / 2) * Math.sin(turn));
}

/** What a bin multiplies a sound with: a wave in a Hann window whose sum is 1, as its two parts. */
export interface Kernel {
  cosine: Float64Array;
  sine: Float64Array;
}

export function kernelOf(frequency: number, rate: number, binsPerOctave: number): Kernel {
  const length = windowLength(frequency, rate, binsPerOctave);
  const [turn, step] = [(2 * Math.PI) / length, (2 * Math.PI * frequency) / rate];
  const part = (wave: (angle: number) => number): Float64Array =>
    Float64Array.from({ length }, (_, i) => ((1 - Math.cos(turn * i)) / length) * wave(step * i));
  return { cosine: part(Math.cos), sine: part(Math.sin) };
}

/** The magnitude of a bin around one sample of a sound, which is silent before its beginning and after its end. */
export function magnitudeAt(audio: ArrayLike<number>, centre: number, { cosine, sine }: Kernel): number {
  const length = cosine.length;
  const first = centre - Math.ceil(length / 2);
  let [real, imaginary] = [0, 0];
  for (let i = Math.max(0, -first); i < Math.min(length, audio.length - first); i++) {
    const sample = audio[first + i]!;
    real += sample * cosine[i]!;
    imaginary += sample * sine[i]!;
  }
  return Math.sqrt(length) * Math.hypot(real, imaginary);
}

/** The magnitudes of bins around one sample of a sound. */
export function frameAt(audio: ArrayLike<number>, centre: number, frequencies: number[], rate: number, binsPerOctave: number): number[] {
  return frequencies.map((frequency) => magnitudeAt(audio, centre, kernelOf(frequency, rate, binsPerOctave)));
}
