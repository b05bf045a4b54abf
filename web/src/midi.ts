// Notes as a Standard MIDI File of one track, and samples as WAV.

import type { Note } from "./decoder";

const TICKS = 480; // in a quarter note, which lasts half a second: MIDI's own default
const PER_SECOND = 2 * TICKS;

export function midiFile(notes: Note[]): Blob {
  const events = notes.flatMap((note) => [
    { tick: Math.round(note.onset * PER_SECOND), bytes: [0x90, note.pitch, note.velocity] },
    { tick: Math.round(note.offset * PER_SECOND), bytes: [0x80, note.pitch, 0] },
  ]);
  events.sort((a, b) => a.tick - b.tick || a.bytes[0]! - b.bytes[0]!); // a key is released before it is struck again
  const track: number[] = [];
  let now = 0;
  for (const { tick, bytes } of events) {
    track.push(...variable(tick - now), ...bytes);
    now = tick;
  }
  track.push(0, 0xff, 0x2f, 0); // the end
  const header = [...ascii("MThd"), ...big(6, 4), ...big(0, 2), ...big(1, 2), ...big(TICKS, 2)];
  return new Blob([new Uint8Array([...header, ...ascii("MTrk"), ...big(track.length, 4)]), new Uint8Array(track)], {
    type: "audio/midi",
  });
}

/** A number in groups of seven bits, highest first; all but the last are marked. */
function variable(number: number): number[] {
  const groups = [number & 127];
  for (let left = number >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128);
  return groups;
}

/** One channel of 16 bits. */
export function wavFile(samples: Float32Array, rate: number): Blob {
  const head = [
    ...[...ascii("RIFF"), ...little(36 + 2 * samples.length, 4), ...ascii("WAVEfmt ")],
    ...[...little(16, 4), ...little(1, 2), ...little(1, 2), ...little(rate, 4), ...little(2 * rate, 4)],
    ...[...little(2, 2), ...little(16, 2), ...ascii("data"), ...little(2 * samples.length, 4)],
  ];
  const body = new Int16Array(samples.length); // a loop, since `from` takes ten times as long, and an hour has 80 million
  for (let i = 0; i < body.length; i++) body[i] = Math.round(32767 * Math.min(Math.max(samples[i]!, -1), 1));
  return new Blob([new Uint8Array(head), body], { type: "audio/wav" });
}

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));
const big = (number: number, bytes: number): number[] => little(number, bytes).reverse();

function little(number: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(number / 256 ** i) % 256);
}
