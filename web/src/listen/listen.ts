// Transcription while the music is played. Every tenth of a second the network runs on the newest sound as if the
// recording ended there, and the notes of its last frames replace what was drawn of them before.
//
// Fetched when the reader asks.

import { decode, KEYS, type Note } from "../decoder";
import type { Checked } from "../networks";
import type { Plan } from "../pieces";
import { Belt } from "./belt";
import type { Chunk } from "./microphone";
import { Resampler } from "./resampler";

const HOP = 0.1; // seconds from step to step, on a device that is fast enough
const SLOW = 2 * HOP; // seconds between steps from which the reader is told
const SLOWEST = 2; // seconds between steps beyond which nothing is drawn
const STEADY = 5; // steps in a row that are slow, or fast again, before it counts
const NEWEST = 43; // frames that a step gives anew: half a second
const BEFORE = 86; // frames before them that only the transform needs
const AHEAD = 6; // frames that must follow a peak before it is judged
const KEPT = 15; // seconds of posteriors
const EDGE = 25; // frames after the oldest that a cut of the posteriors may affect
const STEADY_CLOCK = 3; // seconds after which arrivals are judged anew
const SAME = 0.05; // seconds: onsets of one key that are nearer are one note
const SILENT = 3; // seconds of zeros after which the reader is told
const LONGEST = 600; // seconds

const LISTENING = "Listening. Play or sing.";

export interface Host {
  say(text: string): void;
  /** The microphone is gone, or the time is over. */
  ended(): void;
}

/** A note when it was first drawn; both times count from the first sample, as they came in. */
export interface Drawn {
  pitch: number;
  onset: number; // seconds
  drawn: number; // seconds
}

export class Listening {
  readonly drawn: Drawn[] = [];
  private readonly clock = new Clock();
  private readonly belt = new Belt(() => this.now());
  private readonly resampler: Resampler;
  private readonly posteriors: Posteriors;
  private sound: Float32Array<ArrayBuffer>;
  private length = 0; // samples of it that have come
  private done = 0; // samples that the latest step knew
  private hop = HOP;
  private state: "waiting" | "running" | "recording" | "stopped" = "waiting";
  private busy = false;
  private quiet = true;
  private slow = false;
  private turn = 0; // steps in a row for which that is wrong

  private constructor(
    private readonly stream: MediaStream,
    private readonly source: MediaStreamAudioSourceNode,
    private readonly node: AudioWorkletNode,
    private readonly network: Checked,
    private readonly plan: Plan,
    private readonly host: Host,
  ) {
    this.resampler = new Resampler(source.context.sampleRate, plan.rate);
    this.posteriors = new Posteriors(plan);
    this.sound = new Float32Array(60 * plan.rate);
    node.port.onmessage = ({ data }: MessageEvent<Chunk>) => this.hear(data);
    stream.getAudioTracks()[0]!.addEventListener("ended", () => host.ended());
    source.connect(node).connect(source.context.destination); // it puts out silence, but what leads nowhere may not run
  }

  /** Starts to listen with the network that is loaded. */
  static async start(
    stream: MediaStream,
    context: AudioContext,
    worklet: string, // address of `microphone.ts`
    network: Checked,
    plan: Plan,
    host: Host,
  ): Promise<Listening> {
    await context.resume();
    await context.audioWorklet.addModule(worklet);
    const source = context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(context, "nmp-microphone", { channelCount: 1, channelCountMode: "explicit" });
    return new Listening(stream, source, node, network, plan, host);
  }

  get element(): HTMLElement {
    return this.belt.element;
  }

  /** Ends it; returns what was heard, at the network's rate. */
  stop(): Float32Array<ArrayBuffer> {
    this.state = "stopped";
    this.node.port.onmessage = null;
    this.source.disconnect();
    this.node.disconnect();
    this.stream.getTracks().forEach((track) => track.stop());
    this.belt.stop();
    return this.sound.slice(0, this.length);
  }

  /** Seconds of the recording that have come in by now. */
  private now(): number {
    return this.clock.at(Date.now() / 1000);
  }

  private hear({ samples, at }: Chunk): void {
    const fresh = this.resampler.push(samples);
    if (this.length + fresh.length > this.sound.length) {
      const longer = new Float32Array(2 * this.sound.length);
      longer.set(this.sound);
      this.sound = longer;
    }
    this.sound.set(fresh, this.length);
    this.length += fresh.length;
    const { rate } = this.plan;
    this.clock.set(this.length / rate, at / 1000);
    this.quiet &&= fresh.every((x) => x === 0);
    if (this.quiet && this.length > SILENT * rate) {
      this.quiet = false;
      this.host.say("The microphone gives nothing but silence. Is it switched off, or muted?");
    }
    if (this.length >= LONGEST * rate) this.host.ended();
    else if (!this.busy && this.due()) void this.step();
  }

  private due(): boolean {
    if (this.state === "waiting") return this.length >= this.plan.shortest;
    return this.state === "running" && this.length - this.done >= this.hop * this.plan.rate;
  }

  private async step(): Promise<void> {
    this.busy = true;
    if (this.state === "waiting") {
      this.state = "running";
      this.host.say(LISTENING);
    }
    const start = performance.now();
    const { hop, context } = this.plan;
    const frames = Math.max(NEWEST, Math.ceil((this.length - this.done) / hop) + context);
    this.done = this.length;
    const last = Math.floor(this.done / hop) + 1; // frames so far
    const first = Math.max(0, last - frames - context - BEFORE);
    try {
      const found = await this.network.tail(this.sound.slice(first * hop, this.done), frames);
      if (this.state !== "running") return;
      this.posteriors.add(found, last);
      this.draw(this.posteriors.notes());
      this.adapt((performance.now() - start) / 1000);
    } catch (problem) {
      this.state = "recording";
      this.host.say(`The network failed (${(problem as Error).message}); this goes on recording until you stop.`);
    } finally {
      this.busy = false;
    }
  }

  private draw(notes: Note[]): void {
    this.belt.show(notes);
    const lately = this.drawn.slice(-500);
    const known = ({ pitch, onset }: Note): boolean =>
      lately.some((earlier) => earlier.pitch === pitch && Math.abs(earlier.onset - onset) < SAME);
    const fresh = notes.filter((note) => !known(note)).map(({ pitch, onset }) => ({ pitch, onset, drawn: Infinity }));
    this.drawn.push(...fresh);
    requestAnimationFrame(() => {
      setTimeout(() => fresh.forEach((note) => (note.drawn = this.now()))); // after the frame
    });
  }

  /** Steps follow each other less often on a device that needs long for each. */
  private adapt(spent: number): void {
    this.hop = Math.max(HOP, (this.hop + 1.25 * spent) / 2); // 1.25: a fifth of the time is left for other work
    if (this.hop > SLOWEST) {
      this.state = "recording";
      this.host.say("This device is too slow to draw notes while you play. It goes on recording until you stop.");
      return;
    }
    this.turn = this.hop > SLOW === this.slow ? 0 : this.turn + 1;
    if (this.turn < STEADY) return;
    this.slow = !this.slow;
    this.host.say(
      this.slow ? `This device needs ${spent.toFixed(1)} s for each step, so notes appear later than they could.` : LISTENING,
    );
  }
}

/** When which sample came in. */
class Clock {
  private earlier = Infinity; // seconds since 1970 at which the first sample came, as the chunks before `turn` tell it,
  private recent = Infinity; // and as those after it do
  private turn = 0; // seconds

  /** So many seconds of sound had come by some moment. Chunks come in bursts, of which the first show the truth. */
  set(seconds: number, moment: number): void {
    if (seconds > this.turn + STEADY_CLOCK) {
      // A busy machine loses samples, and then the recording falls behind.
      this.earlier = this.recent;
      this.recent = Infinity;
      this.turn = seconds;
    }
    this.recent = Math.min(this.recent, moment - seconds);
  }

  /** The seconds of sound that have come by some moment, 0 before the first. */
  at(moment: number): number {
    return Math.max(0, moment - Math.min(this.earlier, this.recent));
  }
}

/** The latest posteriors, each frame as the latest step gave it. */
class Posteriors {
  private readonly size: number; // frames
  private readonly note: Float32Array;
  private readonly onset: Float32Array;
  private first = 0; // the frame of the recording that comes first here
  private frames = 0;

  constructor(private readonly plan: Plan) {
    this.size = Math.round((KEPT * plan.rate) / plan.hop);
    this.note = new Float32Array(this.size * KEYS);
    this.onset = new Float32Array(this.size * KEYS);
  }

  /** Puts the frames before `last` in place. */
  add(found: { note: Float32Array; onset: Float32Array }, last: number): void {
    const gone = Math.max(0, last - this.size - this.first);
    for (const head of ["note", "onset"] as const) {
      this[head].copyWithin(0, gone * KEYS);
      this[head].set(found[head], (last - this.first - gone) * KEYS - found[head].length);
    }
    this.first += gone;
    this.frames = last - this.first;
  }

  /** The notes whose peaks can be judged, in seconds of the recording. */
  notes(): Note[] {
    const { decoder, hop, rate } = this.plan;
    const period = hop / rate;
    const heads = { note: this.note.subarray(0, this.frames * KEYS), onset: this.onset.subarray(0, this.frames * KEYS) };
    const [from, to] = [this.first && EDGE, this.frames - 1 - AHEAD];
    const judged = decode(heads, decoder, period).filter(({ onset }) => onset >= from * period && onset <= to * period);
    const began = this.first * period;
    return judged.map((note) => ({ ...note, onset: note.onset + began, offset: note.offset + began }));
  }
}
