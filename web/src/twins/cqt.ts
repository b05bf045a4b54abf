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

/** The magnitudes of bins around one sample of a sound, which is silent before its beginning and after its end. */
export function frameAt(audio: ArrayLike<number>, centre: number, frequencies: number[], rate: number, binsPerOctave: number): number[] {
  return frequencies.map((frequency) => {
    const length = windowLength(frequency, rate, binsPerOctave);
    const first = centre - Math.ceil(length / 2);
    const [turn, step] = [(2 * Math.PI) / length, (2 * Math.PI * frequency) / rate];
    let [real, imaginary] = [0, 0];
    for (let i = Math.max(0, -first); i < Math.min(length, audio.length - first); i++) {
      const windowed = (audio[first + i]! * (1 - Math.cos(turn * i))) / length;
      real += windowed * Math.cos(step * i);
      imaginary += windowed * Math.sin(step * i);
    }
    return Math.sqrt(length) * Math.hypot(real, imaginary);
  });
}
