// Reads the reader's sound, and turns notes into sound.

import type { Note } from "./decoder";

const PARTIALS = [0, 1, 0.5, 0.25, 0.15, 0.1, 0.05];
const DECAY = 0.8; // seconds in which a tone falls to a third
const PEAK = 0.9;

/** A sound file's samples as one channel at `rate`: the browser decodes and resamples. */
export async function samplesOf(file: ArrayBuffer, rate: number): Promise<Float32Array> {
  const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(file);
  const mixed = new Float32Array(decoded.length);
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const samples = decoded.getChannelData(channel);
    for (let i = 0; i < mixed.length; i++) mixed[i]! += samples[i]! / decoded.numberOfChannels;
  }
  return mixed;
}

/** Notes as simple tones with seven partials, as loud as `like`. */
export async function tones(notes: Note[], like: Float32Array, rate: number): Promise<Float32Array> {
  const context = new OfflineAudioContext(1, like.length, rate);
  const wave = context.createPeriodicWave(new Float32Array(PARTIALS.length), new Float32Array(PARTIALS));
  for (const { onset, offset, pitch, velocity } of notes) {
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, onset);
    gain.gain.linearRampToValueAtTime(0.1 + velocity / 127, onset + 0.005);
    gain.gain.setTargetAtTime(0, onset + 0.005, DECAY);
    gain.gain.setTargetAtTime(0, offset, 0.03);
    const oscillator = new OscillatorNode(context, { frequency: 440 * 2 ** ((pitch - 69) / 12) });
    oscillator.setPeriodicWave(wave);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(onset);
    oscillator.stop(offset + 0.25);
  }
  const sound = (await context.startRendering()).getChannelData(0);
  const gain = Math.min(rms(like) / Math.max(rms(sound), 1e-9), PEAK / Math.max(peak(sound), 1e-9));
  return sound.map((x) => gain * x);
}

/** Root mean square. */
export function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
}

/** The largest magnitude. */
export function peak(samples: Float32Array): number {
  return samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
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

  /** Starts recording, with speech processing off because it treats music as noise. */
  static async start(): Promise<Tape> {
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    return new Tape(stream, new MediaRecorder(stream));
  }

  async stop(): Promise<ArrayBuffer> {
    const stopped = new Promise((resolve) => this.recorder.addEventListener("stop", resolve, { once: true }));
    this.recorder.stop();
    await stopped;
    this.stream.getTracks().forEach((track) => track.stop());
    return new Blob(this.parts, { type: this.recorder.mimeType }).arrayBuffer();
  }
}
