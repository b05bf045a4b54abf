// A sound that is played once, and where in it a reader is who hears it.

import { audioContext, decode } from "../engine";

const LEAD = 0.5; // seconds of silence first, in which a hand finds its place

export class Once {
  private buffer: AudioBuffer | undefined;
  private source: AudioBufferSourceNode | undefined;
  private began = 0; // time of the audio context at which the sound starts
  private turn = 0; // the play that counts: decoding takes a moment, in which readers may change their minds

  constructor(private readonly url: string) {}

  get playing(): boolean {
    return this.source !== undefined;
  }

  /** Call it from a reader's gesture; it returns when the sound has been started. */
  async play(): Promise<void> {
    const turn = ++this.turn;
    const context = audioContext();
    await context.resume();
    this.buffer ??= await decode(this.url);
    if (turn !== this.turn) return;
    this.source = new AudioBufferSourceNode(context, { buffer: this.buffer });
    this.source.connect(context.destination);
    this.began = context.currentTime + LEAD;
    this.source.start(this.began);
  }

  stop(): void {
    this.turn++;
    this.source?.stop();
    this.source = undefined;
  }

  /**
   * Seconds of the sound that had left the loudspeaker at a time of `performance.now()`, such as that of an event.
   * The context's clock runs ahead of the loudspeaker by `outputLatency`, where the browser tells it.
   */
  heard(at = performance.now()): number {
    const context = audioContext();
    const { outputLatency = 0 } = context as Partial<AudioContext>;
    const ago = Math.max(0, performance.now() - at) / 1000;
    return context.currentTime - outputLatency - ago - this.began;
  }
}
