// Reads the reader's sound, and turns notes into sound.

import type { Note } from "./decoder";
import { Refusal } from "./networks";

const PARTIALS = [0, 1, 0.5, 0.25, 0.15, 0.1, 0.05];
const DECAY = 0.8; // seconds in which a tone falls to a third
const RELEASE = 0.03; // the same, after the key's release
const PEAK = 0.9;

export interface Samples {
  samples: Float32Array; // one channel
  lost: number; // seconds in which the channels cancel each other
  channel?: number; // the only one that was read, because that is much of the time
}

/** A sound file's samples at `rate`. */
export async function samplesOf(file: ArrayBuffer, rate: number): Promise<Samples> {
  const delay = untoldDelay(new Uint8Array(file)); // before decoding, which takes the bytes away
  const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(file);
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, i) => decoded.getChannelData(i));
  const cut = Math.round(delay * rate);
  const { lost, channel } = cancelled(channels, rate);
  if (channel !== undefined) return { samples: channels[channel]!.slice(cut), lost, channel };
  const samples = channels[0]!.slice(cut);
  for (const other of channels.slice(1)) for (let i = 0; i < samples.length; i++) samples[i]! += other[i + cut]!;
  if (channels.length > 1) for (let i = 0; i < samples.length; i++) samples[i]! /= channels.length;
  return { samples, lost };
}

const WINDOW = 0.25; // seconds in which channels are compared,
const HIGH_PASS = 200; // Hz, above which they are, so that no offset or hum in common hides what cancels
const CANCELLED = 0.05; // of the energy of unrelated channels: a sum with less has cancelled
const LATEST = 0.25e-3; // seconds by which one of two channels may be late
const MUCH = 0.1; // of the time that sounds: if so much cancels, the channels do

/** For how many seconds channels cancel each other, as `load` of nmp_lessons/audio/formats.py has it; and the loudest. */
function cancelled(channels: Float32Array[], rate: number): { lost: number; channel?: number } {
  if (channels.length === 1) return { lost: 0 };
  const pole = Math.exp((-2 * Math.PI * HIGH_PASS) / rate);
  const last = channels.map((channel) => channel[0] ?? 0);
  const high = channels.map(() => 0);
  const energies = channels.map(() => 0);
  const [size, latest] = [Math.round(WINDOW * rate), Math.round(LATEST * rate)];
  const parts = channels.map(() => new Float32Array(size));
  const windows: { mixed: number[]; total: number; samples: number }[] = [];
  for (let start = 0; start < channels[0]!.length; start += size) {
    const samples = Math.min(size, channels[0]!.length - start);
    let total = 0;
    channels.forEach((channel, c) => {
      let energy = 0;
      for (let i = 0; i < samples; i++) {
        const x = channel[start + i]!;
        const y = (high[c] = pole * high[c]! + x - last[c]!);
        last[c] = x;
        parts[c]![i] = y;
        energy += y * y;
      }
      energies[c]! += energy;
      total += energy;
    });
    windows.push({ mixed: mixedEnergies(parts, samples, total, latest), total, samples });
  }
  const loudest = windows.reduce((most, { total, samples }) => Math.max(most, total / samples), 0);
  const sounding = windows.filter(({ total, samples }) => total / samples > 1e-7 * loudest);
  const seconds = (some: typeof windows): number => some.reduce((sum, { samples }) => sum + samples, 0) / rate;
  const lags = Array.from({ length: 2 * latest + 1 }, (_, lag) => lag);
  const lost = Math.max(...lags.map((lag) => seconds(sounding.filter(({ mixed, total }) => mixed[lag]! < CANCELLED * total))));
  const most = Math.max(...energies);
  const channel = energies.findIndex((energy) => energy > 0.999 * most);
  return lost > MUCH * seconds(sounding) ? { lost, channel } : { lost };
}

/** The energy of the sum of all channels; of two that are out of step, with the first late by every lag. */
function mixedEnergies(channels: Float32Array[], samples: number, total: number, latest: number): number[] {
  const energy = (shifts: number[], count: number): number => {
    let energy = 0;
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let c = 0; c < channels.length; c++) sum += channels[c]![i + shifts[c]!]!;
      energy += sum * sum;
    }
    return energy;
  };
  const inStep = energy(channels.map(() => 0), samples);
  const lags = Array.from({ length: 2 * latest + 1 }, (_, i) => i - latest);
  if (channels.length > 2 || inStep >= total || samples <= latest) return lags.map(() => inStep);
  return lags.map((lag) => energy([Math.max(lag, 0), Math.max(-lag, 0)], samples - Math.abs(lag)));
}

const MP3_DELAY = 576 + 529; // samples: LAME's and the decoder's
const AAC_DELAY = 1024;
const RATES = [
  [11_025, 12_000, 8_000],
  [0, 0, 0],
  [22_050, 24_000, 16_000],
  [44_100, 48_000, 32_000],
]; // Hz, by version of MPEG
const AAC_RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

/**
 * Seconds by which decoded sound comes late because the file doesn't say how late: the encoder's delay in an MP3
 * without LAME's notes, for which LAME's is assumed, and in a bare AAC stream. Of any other file the browser drops it.
 */
function untoldDelay(file: Uint8Array): number {
  let start = 0;
  while (String.fromCharCode(...file.subarray(start, start + 3)) === "ID3") {
    const [flags, a, b, c, d] = file.subarray(start + 5, start + 10) as unknown as [number, number, number, number, number];
    start += 10 + ((a << 21) | (b << 14) | (c << 7) | d) + (flags & 16 ? 10 : 0);
  }
  const [mark, kind = 0, third = 0] = file.subarray(start, start + 3);
  if (mark !== 0xff) return 0;
  if ((kind & 0xf6) === 0xf0) return AAC_DELAY / (AAC_RATES[(third >> 2) & 15] ?? Infinity);
  const rate = (kind & 0xe6) === 0xe2 ? RATES[(kind >> 3) & 3]![(third >> 2) & 3] : 0;
  const frame = String.fromCharCode(...file.subarray(start, start + 200));
  return rate && !/(?:Xing|Info)[^]{4,120}(?:LAME|Lav[cf])/.test(frame) ? MP3_DELAY / rate : 0;
}

const TABLE = 2048; // samples of a period

/** Notes as simple tones with six partials, as loud as `like`. */
export function tones(notes: Note[], like: Float32Array, rate: number): Float32Array {
  const sound = new Float32Array(like.length);
  for (const { onset, offset, pitch, velocity } of notes) {
    const frequency = 440 * 2 ** ((pitch - 69) / 12);
    const period = periodOf(PARTIALS.filter((_, number) => number * frequency < rate / 2));
    const [first, stop] = [Math.round(onset * rate), Math.round(offset * rate)];
    const [attack, last] = [0.005 * rate, Math.min(stop + 0.25 * rate, sound.length)];
    let level = 0.1 + velocity / 127;
    const [held, released] = [Math.exp(-1 / (DECAY * rate)), Math.exp(-1 / (RELEASE * rate))];
    for (let i = first; i < last; i++) {
      const phase = ((i - first) * frequency * TABLE) / rate;
      sound[i]! += level * Math.min((i - first) / attack, 1) * period[Math.floor(phase) % TABLE]!;
      level *= i < stop ? held : released;
    }
  }
  const gain = Math.min(rms(like) / Math.max(rms(sound), 1e-9), PEAK / Math.max(peak(sound), 1e-9));
  for (let i = 0; i < sound.length; i++) sound[i]! *= gain;
  return sound;
}

const periods = new Map<number, Float32Array>();

/** One period of a sum of sines, by the number of its partials. */
function periodOf(partials: number[]): Float32Array {
  let period = periods.get(partials.length);
  if (!period) {
    const at = (i: number) => partials.reduce((sum, part, number) => sum + part * Math.sin((2 * Math.PI * number * i) / TABLE), 0);
    period = Float32Array.from({ length: TABLE }, (_, i) => at(i));
    periods.set(partials.length, period);
  }
  return period;
}

/** Root mean square. */
export function rms(samples: Float32Array): number {
  let sum = 0;
  for (const x of samples) sum += x * x;
  return Math.sqrt(sum / samples.length);
}

/** The largest magnitude. */
export function peak(samples: Float32Array): number {
  let most = 0;
  for (const x of samples) most = Math.max(most, Math.abs(x));
  return most;
}

/** The microphone, with speech processing off because it treats music as noise. */
export async function openMicrophone(): Promise<MediaStream> {
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return navigator.mediaDevices.getUserMedia({ audio }).catch((problem: unknown) => {
    throw new Refusal(
      (problem as Error).name === "NotFoundError"
        ? "This device has no microphone that the page can use. Connect one, or choose a file."
        : "This page may not use the microphone. Allow it, or choose a file.",
    );
  });
}

/** What the microphone hears until `stop` is called, as a file in the browser's own format. */
export class Tape {
  private readonly parts: Blob[] = [];

  private constructor(
    private readonly stream: MediaStream,
    private readonly recorder: MediaRecorder,
  ) {
    recorder.addEventListener("dataavailable", (event) => this.parts.push(event.data));
    recorder.start();
  }

  static async start(): Promise<Tape> {
    const stream = await openMicrophone();
    return new Tape(stream, new MediaRecorder(stream));
  }

  async stop(): Promise<ArrayBuffer> {
    if (this.recorder.state !== "inactive") { // as it is once the microphone has been unplugged
      const stopped = new Promise((resolve) => this.recorder.addEventListener("stop", resolve, { once: true }));
      this.recorder.stop();
      await stopped;
    }
    this.stream.getTracks().forEach((track) => track.stop());
    return new Blob(this.parts, { type: this.recorder.mimeType }).arrayBuffer();
  }
}
