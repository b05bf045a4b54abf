// How numbers are written for readers.

/** A number as readers see it: three digits that count, a proper minus sign, commas between thousands. */
export function shown(value: number, digits = 3): string {
  const rounded = Number(value.toPrecision(digits));
  const text = Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(rounded);
  return (rounded === 0 ? "0" : text).replace("-", "−");
}

/** So many of something: "1 note", "2 notes", "1 miss", "2 misses". */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

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

/** The numbers in the order of their bytes. */
export function unpacked({ bytes }: Packed): Float32Array {
  return Float32Array.from(atob(bytes), (letter) => letter.charCodeAt(0) / 255);
}

/** A head (frames, keys) that was packed key by key. */
export function unpackedHead(packed: Packed): Float32Array {
  const [keys, frames] = packed.shape as [number, number];
  const byKey = unpacked(packed);
  return byKey.map((_, i) => byKey[(i % keys) * frames + Math.floor(i / keys)]!);
}
