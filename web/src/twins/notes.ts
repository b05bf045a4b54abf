// Twin of `read_midi` of nmp_lessons/notes/midi.py, for the keys only: pedals are left out.

import type { Notes } from "./evaluation";

const DRUMS = 9;
const TEMPO = 500_000; // microseconds in a quarter note, until the file says otherwise
const [LOWEST, HIGHEST] = [21, 108];

interface Event {
  tick: number;
  status: number;
  key: number;
  value: number; // velocity; of a tempo, its microseconds
}

/** The notes of a Standard MIDI File, in the order of their onsets. */
export function readMidi(file: Uint8Array | number[]): Notes {
  const bytes = Uint8Array.from(file);
  const view = new DataView(bytes.buffer);
  const chunk = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 14 || chunk(0) !== "MThd") throw new Error("isn't a standard MIDI file");
  const division = view.getInt16(12);
  if (view.getUint16(8) > 1) throw new Error("has patterns (format 2); export it in format 0 or 1");
  const events: Event[] = [];
  let last = 0;
  for (let at = 8 + view.getUint32(4); at + 8 <= bytes.length; ) {
    const [kind, start] = [chunk(at), at + 8];
    at = start + view.getUint32(at + 4);
    if (kind === "MTrk") last = Math.max(last, readTrack(bytes.subarray(start, at), events));
  }
  events.sort((a, b) => a.tick - b.tick || Number(isStroke(a)) - Number(isStroke(b))); // a release belongs to the earlier note
  return paired(events, last, division);
}

const isStroke = ({ status, value }: Event): boolean => status !== 0xff && value > 0;

/** Appends the strokes, releases and tempos of a track; returns the tick of its last stroke or release. */
function readTrack(track: Uint8Array, events: Event[]): number {
  let [at, tick, running, last] = [0, 0, 0, 0];
  const number = (): number => {
    let value = 0;
    for (let more = true; more && at < track.length; at++) {
      value = 128 * value + (track[at]! & 127);
      more = track[at]! > 127;
    }
    return value;
  };
  while (at < track.length) {
    tick += number();
    const status = track[at]! > 127 ? track[at++]! : running;
    if (status >= 0xf0) {
      const kind = status === 0xff ? track[at++]! : 0;
      const length = number();
      if (kind === 0x51) events.push({ tick, status, key: 0, value: (track[at]! << 16) | (track[at + 1]! << 8) | track[at + 2]! });
      at += length;
      continue;
    }
    if (status < 0x80) throw new Error("has damaged tracks; export it again");
    running = status;
    const command = status >> 4;
    if (command === 8 || command === 9) {
      events.push({ tick, status, key: track[at]!, value: command === 9 ? track[at + 1]! : 0 });
      last = tick;
    }
    at += command === 12 || command === 13 ? 1 : 2;
  }
  return last;
}

/** Strokes and releases of each channel and key as notes in seconds. */
function paired(events: Event[], last: number, division: number): Notes {
  const found: [onset: number, offset: number, pitch: number][] = [];
  const struck = new Map<number, number>(); // onset by channel and key
  let [tempo, tick, seconds] = [TEMPO, 0, 0];
  const frames = division < 0 ? -(division >> 8) * (division & 255) : 0; // ticks in a second of SMPTE time
  const goTo = (to: number): void => {
    seconds += frames ? (to - tick) / frames : ((to - tick) * tempo) / (1e6 * division);
    tick = to;
  };
  const release = (place: number): void => {
    const onset = struck.get(place);
    if (onset !== undefined) found.push([onset, seconds, place & 127]);
    struck.delete(place);
  };
  for (const { tick: at, status, key, value } of events) {
    if (at > last) break; // tempos after the last note
    goTo(at);
    if (status === 0xff) tempo = value;
    else {
      const place = ((status & 15) << 7) | key;
      release(place);
      if (value > 0 && (status & 15) !== DRUMS) struck.set(place, seconds);
    }
  }
  goTo(last);
  for (const place of [...struck.keys()]) release(place);
  const kept = found.filter(([onset, offset, pitch]) => offset > onset && pitch >= LOWEST && pitch <= HIGHEST);
  kept.sort((a, b) => a[0] - b[0] || a[2] - b[2]);
  return { onset: kept.map(([onset]) => onset), offset: kept.map(([, offset]) => offset), pitch: kept.map(([, , pitch]) => pitch) };
}
