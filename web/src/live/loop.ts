// A sound that the page has made, over and over; another version of it goes on at the same place.

import { audioContext, bytesOf } from "../engine";
import type { Stage } from "./stage";

const FADE = 0.02; // seconds

export class Loop {
  private voice: { source: AudioBufferSourceNode; gain: GainNode } | undefined;
  private began = 0; // time of the audio context at which the sound's start would have been heard

  get playing(): boolean {
    return this.voice !== undefined;
  }

  /** Plays samples, or goes on with them where others were. Call it from a reader's gesture first. */
  async play(samples: Float32Array<ArrayBuffer>, rate: number): Promise<void> {
    const context = audioContext();
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: rate });
    buffer.copyToChannel(samples, 0);
    await context.resume();
    const now = context.currentTime;
    if (!this.voice) this.began = now;
    this.fadeOut();
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.linearRampToValueAtTime(1, now + FADE);
    source.connect(gain).connect(context.destination);
    source.start(now, (now - this.began) % buffer.duration);
    this.voice = { source, gain };
  }

  stop(): void {
    this.fadeOut();
    this.voice = undefined;
  }

  private fadeOut(): void {
    if (!this.voice) return;
    const { source, gain } = this.voice;
    const now = audioContext().currentTime;
    gain.gain.setValueAtTime(gain.gain.value, now);
    gain.gain.linearRampToValueAtTime(0, now + FADE);
    source.stop(now + FADE);
  }
}

/** The samples of a sound at an address, at a rate. */
export async function samplesAt(url: string, rate: number): Promise<Float32Array> {
  const buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await bytesOf(url));
  return buffer.getChannelData(0);
}

/** A button that plays a sound over and over; what it returns goes on with the sound as it has become. */
export function player(stage: Stage, label: string, make: () => Float32Array<ArrayBuffer>, rate: number): () => void {
  const loop = new Loop();
  const stop = (): void => {
    loop.stop();
    button.ariaPressed = "false";
  };
  const button = stage.button(label, () => {
    if (loop.playing) stop();
    else {
      button.ariaPressed = "true";
      void loop.play(make(), rate);
    }
  });
  button.ariaPressed = "false";
  stage.whenLeft(stop);
  return () => {
    if (loop.playing) void loop.play(make(), rate);
  };
}
