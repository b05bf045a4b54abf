// Twins of functions of nmp_lessons/median_filtering.py, which says what they mean. A row of samples is a matrix of one
// row.

export type Matrix = number[][];
export type Filter = "median" | "box";
export type Size = [rows: number, columns: number];

/** A median or a box of odd size around every cell. */
export function filtered(values: Matrix, [rows, columns]: Size, mode: string, filter: Filter): Matrix {
  const [above, left] = [rows >> 1, columns >> 1];
  return values.map((row, r) =>
    row.map((_, c) => {
      const window: number[] = [];
      for (let i = r - above; i <= r + above; i++) {
        for (let j = c - left; j <= c + left; j++) window.push(beyond(values, i, j, mode));
      }
      return filter === "box" ? window.reduce((sum, x) => sum + x, 0) / window.length : middle(window);
    }),
  );
}

/** The median of those neighbours that a window marks; the nearest value is repeated beyond the edges. */
export function medianThrough(values: Matrix, window: boolean[][]): Matrix {
  const [above, left] = [window.length >> 1, window[0]!.length >> 1];
  return values.map((row, r) =>
    row.map((_, c) =>
      middle(window.flatMap((line, i) => line.flatMap((on, j) => (on ? [beyond(values, r + i - above, c + j - left, "nearest")] : [])))),
    ),
  );
}

/** A row's window around a place, in order. */
export function windowAt(row: number[], place: number, size: number, mode: string): number[] {
  return Array.from({ length: size }, (_, j) => beyond([row], 0, place - (size >> 1) + j, mode));
}

function middle(window: number[]): number {
  return window.sort((a, b) => a - b)[window.length >> 1]!;
}

/** The value at a place that may lie beyond the edges; there, "constant" has zeros. */
function beyond(values: Matrix, r: number, c: number, mode: string): number {
  const [row, column] = [inside(r, values.length, mode), inside(c, values[0]!.length, mode)];
  return row < 0 || column < 0 ? 0 : values[row]![column]!;
}

/** Where the value of a place beyond the ends is taken from; -1 if from nowhere. */
export function inside(place: number, length: number, mode: string): number {
  if (place >= 0 && place < length) return place;
  if (mode === "constant") return -1;
  if (mode === "nearest") return Math.min(Math.max(place, 0), length - 1);
  const period = { wrap: length, reflect: 2 * length, mirror: Math.max(2 * length - 2, 1) }[mode]!;
  const along = ((place % period) + period) % period;
  if (along < length) return along;
  return mode === "reflect" ? period - 1 - along : period - along;
}

/** A row's running median, the nearest value repeated beyond its ends: the window stays sorted while it moves. */
export function runningMedian(row: Float32Array, size: number): Float32Array {
  const half = size >> 1;
  const at = (i: number): number => row[Math.min(Math.max(i, 0), row.length - 1)]!;
  const sorted = Array.from({ length: size }, (_, j) => at(j - half)).sort((a, b) => a - b);
  const result = new Float32Array(row.length);
  for (let i = 0; i < row.length; i++) {
    result[i] = sorted[half]!;
    const [old, next] = [at(i - half), at(i + half + 1)];
    let place = sorted.indexOf(old);
    while (place + 1 < size && sorted[place + 1]! < next) sorted[place] = sorted[++place]!;
    while (place > 0 && sorted[place - 1]! > next) sorted[place] = sorted[--place]!;
    sorted[place] = next;
  }
  return result;
}

/** A row's running mean, likewise. */
export function runningBox(row: Float32Array, size: number): Float32Array {
  const half = size >> 1;
  const at = (i: number): number => row[Math.min(Math.max(i, 0), row.length - 1)]!;
  let sum = 0;
  for (let j = -half; j <= half; j++) sum += at(j);
  const result = new Float32Array(row.length);
  for (let i = 0; i < row.length; i++) {
    result[i] = sum / size;
    sum += at(i + half + 1) - at(i - half);
  }
  return result;
}

export type Density = (x: number) => number;

/** Unit noise with tails of any weight and a proportion of outliers. */
export function noiseDensity(tails: number, share: number, spread: number): Density {
  const width = Math.exp((logGamma(1 / tails) - logGamma(3 / tails)) / 2);
  const height = tails / (2 * width * Math.exp(logGamma(1 / tails)));
  return (x) => {
    const far = Math.abs(x) / width;
    return height * ((1 - share) * Math.exp(-(far ** tails)) + (share * Math.exp(-((far / spread) ** tails))) / spread);
  };
}

export function densities(xs: number[], tails: number, share: number, spread: number): number[] {
  return xs.map(noiseDensity(tails, share, spread));
}

/** The variance that a box leaves of it. */
export function boxVariance(size: number, share: number, spread: number): number {
  return (1 - share + share * spread ** 2) / size;
}

/** The variance that medians of some sizes, from small to large, leave of it. */
export function exactMedianVariances(sizes: number[], noise: [number, number, number], farthest: number, steps: number): number[] {
  const density = noiseDensity(...noise);
  const x = Array.from({ length: steps }, (_, i) => ((Math.sqrt(farthest) * i) / (steps - 1)) ** 2);
  const p = x.map(density);
  const around = new Float64Array(steps); // P (1 − P)
  for (let i = 0, above = 0; i < steps; i++) {
    if (i > 0) above += ((p[i]! + p[i - 1]!) / 2) * (x[i]! - x[i - 1]!);
    const below = Math.min(0.5 + above, 1);
    around[i] = below * (1 - below);
  }
  const powers = new Float64Array(steps).fill(1); // of P (1 − P)
  let exponent = 0;
  return sizes.map((size) => {
    const half = size >> 1;
    for (; exponent < half; exponent++) for (let i = 0; i < steps; i++) powers[i]! *= around[i]!;
    const ways = size * Math.exp(logGamma(size) - 2 * logGamma(half + 1));
    let [sum, before] = [0, 0];
    for (let i = 0; i < steps; i++) {
      const here = x[i]! ** 2 * p[i]! * (ways * powers[i]!);
      if (i > 0) sum += ((here + before) / 2) * (x[i]! - x[i - 1]!);
      before = here;
    }
    return 2 * sum;
  });
}

/** The logarithm of the gamma function for x > 0, by Stirling's series. */
function logGamma(x: number): number {
  let [shift, z] = [0, x];
  while (z < 12) shift -= Math.log(z++);
  const r = 1 / (z * z);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / z;
  return shift + (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series;
}
