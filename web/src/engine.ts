// Two ways to play several versions of the same music in time.

import { peak, rms } from "./sound";

export interface Region {
  start: number;
  stop: number;
}

/** What is heard: one version, or two of them left and right. */
export interface Mix {
  name: string;
  parts: { version: number; pan: -1 | 0 | 1 }[];
}

export interface Engine {
  /** Seconds. */
  readonly position: number;
  readonly playing: boolean;
  play(at: number, region: Region | null): Promise<void>;
  pause(): void;
  /** Where to resume; only while it is paused. */
  rest(at: number): void;
  choose(mix: number): void;
  /** Root mean square and peak of what sounds just now, full scale 1. */
  level(): { rms: number; peak: number };
}

const FADE = 0.01; // seconds, of every start, stop and switch
const LEAD = 0.03; // seconds between the decision to play and the first sample

let shared: AudioContext | undefined;

/** The page's one audio context; call it from a reader's gesture first. */
export function audioContext(): AudioContext {
  shared ??= new AudioContext({ latencyHint: "interactive" });
  return shared;
}

/** The content of an address. */
export async function bytesOf(url: string): Promise<ArrayBuffer> {
  if (url.startsWith("data:")) {
    // Not a request, so neither a page's policy nor a file:// address gets in the way.
    return Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (letter) => letter.charCodeAt(0)).buffer;
  }
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status} ${url}`);
  return answer.arrayBuffer();
}

/** Decodes the sound at an address, resampled to the context's rate. */
export async function decode(url: string): Promise<AudioBuffer> {
  return audioContext().decodeAudioData(await bytesOf(url));
}

function ramp(gain: AudioParam, target: number, now: number): void {
  gain.cancelScheduledValues(now);
  gain.setValueAtTime(gain.value, now);
  gain.linearRampToValueAtTime(target, now + FADE);
}

/** The way into a node from the left or the right; from the middle it is the node itself. */
function panned(node: AudioNode, pan: number): AudioNode {
  if (pan === 0) return node;
  const panner = new StereoPannerNode(node.context, { pan });
  panner.connect(node);
  return panner;
}

interface Voice {
  source: AudioBufferSourceNode;
  gain: GainNode;
}

/**
 * All versions are decoded once and started at the same sample; a switch is a cross-fade of gains, so it
 * cannot lose time.
 */
export class WebAudioEngine implements Engine {
  private buffers: AudioBuffer[] = [];
  private inputs: AudioNode[][] = []; // of each version: the mixes it goes to
  private outputs: GainNode[] = []; // of each mix
  private analyser: AnalyserNode | undefined;
  private voices: Voice[] = [];
  private began = 0; // context time at which `from` sounded
  private from = 0;
  private region: Region | null = null;
  private chosen = 0;
  playing = false;

  constructor(
    private readonly urls: string[],
    private readonly mixes: Mix[],
    private readonly seconds: number,
    private readonly ended: () => void,
  ) {}

  async load(): Promise<void> {
    const context = audioContext();
    this.buffers = (await Promise.all(this.urls.map(decode))).map((buffer) => this.padded(buffer));
    const analyser = new AnalyserNode(context, { fftSize: 2048 });
    analyser.connect(context.destination);
    this.analyser = analyser;
    this.inputs = this.urls.map(() => []);
    this.outputs = this.mixes.map((mix, index) => {
      const output = new GainNode(context, { gain: index === this.chosen ? 1 : 0 });
      output.connect(analyser);
      for (const { version, pan } of mix.parts) this.inputs[version]!.push(panned(output, pan));
      return output;
    });
  }

  /** All versions last as long as the longest. */
  private padded(buffer: AudioBuffer): AudioBuffer {
    return this.part(buffer, 0, this.seconds, 0);
  }

  private part(buffer: AudioBuffer, start: number, stop: number, fade: number): AudioBuffer {
    const rate = buffer.sampleRate;
    const first = Math.round(start * rate);
    const length = Math.max(1, Math.round((stop - start) * rate));
    const samples = new Float32Array(length);
    samples.set(buffer.getChannelData(0).subarray(first, first + length));
    const edge = Math.min(Math.round(fade * rate), length >> 1);
    for (let i = 0; i < edge; i++) {
      samples[i]! *= i / edge;
      samples[length - 1 - i]! *= i / edge;
    }
    const made = new AudioBuffer({ length, sampleRate: rate, numberOfChannels: 1 });
    made.copyToChannel(samples, 0);
    return made;
  }

  get position(): number {
    if (!this.playing) return this.from;
    const context = audioContext();
    const passed = Math.max(0, context.currentTime - (context.outputLatency || 0) - this.began);
    const time = this.from + passed;
    if (!this.region || time < this.region.stop) return Math.min(time, this.seconds);
    return this.region.start + ((time - this.region.start) % (this.region.stop - this.region.start));
  }

  async play(at: number, region: Region | null): Promise<void> {
    const context = audioContext();
    await context.resume();
    this.silence();
    const when = context.currentTime + LEAD;
    this.voices = this.buffers.map((buffer, version) => {
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.setValueAtTime(0, when);
      gain.gain.linearRampToValueAtTime(1, when + FADE);
      const source = new AudioBufferSourceNode(context, { loop: region !== null });
      source.buffer = region ? this.part(buffer, region.start, region.stop, FADE) : buffer;
      source.connect(gain);
      for (const input of this.inputs[version]!) gain.connect(input);
      source.start(when, at - (region?.start ?? 0));
      return { source, gain };
    });
    this.voices[0]!.source.onended = () => {
      this.from = this.seconds;
      this.playing = false;
      this.ended();
    };
    this.began = when;
    this.from = at;
    this.region = region;
    this.playing = true;
  }

  private silence(): void {
    const now = audioContext().currentTime;
    for (const { source, gain } of this.voices) {
      source.onended = () => gain.disconnect();
      ramp(gain.gain, 0, now);
      source.stop(now + 2 * FADE);
    }
    this.voices = [];
  }

  pause(): void {
    this.from = this.position;
    this.playing = false;
    this.silence();
  }

  rest(at: number): void {
    this.from = at;
  }

  choose(mix: number): void {
    this.chosen = mix;
    const now = audioContext().currentTime;
    this.outputs.forEach((output, index) => ramp(output.gain, index === mix ? 1 : 0, now));
  }

  level(): { rms: number; peak: number } {
    if (!this.analyser) return { rms: 0, peak: 0 };
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    return { rms: rms(samples), peak: peak(samples) };
  }
}

/**
 * The page's own `<audio>` elements, one at a time: for pages opened as files, where a script may not read
 * the sounds. A switch may come some tens of milliseconds late.
 */
export class ElementEngine implements Engine {
  private region: Region | null = null;
  private chosen = 0;
  private watch = 0;

  constructor(
    private readonly sounds: HTMLAudioElement[],
    private readonly ended: () => void,
  ) {
    for (const sound of sounds) {
      sound.addEventListener("ended", () => {
        if (!this.region) this.ended();
        else void this.play(this.region.start, this.region);
      });
    }
  }

  private get sound(): HTMLAudioElement {
    return this.sounds[this.chosen]!;
  }

  get playing(): boolean {
    return !this.sound.paused && !this.sound.ended;
  }

  get position(): number {
    return this.sound.currentTime;
  }

  async play(at: number, region: Region | null): Promise<void> {
    this.region = region;
    this.sound.currentTime = at;
    await this.sound.play();
    clearInterval(this.watch);
    this.watch = window.setInterval(() => {
      if (this.region && this.position >= this.region.stop) this.sound.currentTime = this.region.start;
    }, 20);
  }

  pause(): void {
    clearInterval(this.watch);
    this.sound.pause();
  }

  rest(at: number): void {
    this.sound.currentTime = at;
  }

  choose(mix: number): void {
    const before = this.sound;
    this.chosen = mix;
    if (before === this.sound) return;
    this.sound.currentTime = before.currentTime;
    if (!before.paused) void this.sound.play();
    before.pause();
  }

  level(): { rms: number; peak: number } {
    return { rms: NaN, peak: NaN };
  }
}
