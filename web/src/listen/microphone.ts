// Runs beside the sound, in an AudioWorklet: hands on what the microphone hears, and when it came.

const CHUNK = 512; // samples of one message: about 10 ms

/** A piece of sound, one channel at the context's rate; `at` is when its last sample came, in ms since 1970. */
export interface Chunk {
  samples: Float32Array<ArrayBuffer>;
  at: number;
}

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  abstract process(inputs: Float32Array[][]): boolean;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

class Microphone extends AudioWorkletProcessor {
  private chunk = new Float32Array(CHUNK);
  private filled = 0;

  process([input]: Float32Array[][]): boolean {
    const channel = input?.[0];
    if (!channel) return true; // not connected yet
    this.chunk.set(channel, this.filled); // blocks have 128 samples
    this.filled += channel.length;
    if (this.filled >= CHUNK) {
      const chunk: Chunk = { samples: this.chunk, at: Date.now() };
      this.port.postMessage(chunk, [chunk.samples.buffer]);
      this.chunk = new Float32Array(CHUNK);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("nmp-microphone", Microphone);
