// How numbers are written for readers.

/** A number as readers see it: three digits that count, a proper minus sign, commas between thousands. */
export function shown(value: number, digits = 3): string {
  const rounded = Number(value.toPrecision(digits));
  const text = Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(rounded);
  return (rounded === 0 ? "0" : text).replace("-", "−");
}

/** Random numbers from 0 to 1, the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Numbers from 0 to 1 as bytes, in base64. */
export interface Packed {
  shape: number[];
  bytes: string;
}

/** A head (frames, keys) that was packed key by key. */
export function unpackedHead({ shape, bytes }: Packed): Float32Array {
  const [keys, frames] = shape as [number, number];
  const letters = atob(bytes);
  return Float32Array.from({ length: keys * frames }, (_, i) => letters.charCodeAt((i % keys) * frames + Math.floor(i / keys)) / 255);
}
