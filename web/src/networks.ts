// A network in the page: fetched when the reader asks, and used only if it gives Python's results for a clip.
//
// What is offered comes from nmp_lessons/book/show/page_transcriber.py.

import { agreement, type Note } from "./decoder";
import type { Plan } from "./pieces";
import { type Found, Network, type Progress, type Tail } from "./worker";

const MEGABYTE = 1e6;

export interface Choice {
  label: string;
  plan: Plan;
  graph: string; // URL
  expected: string; // URL of Python's posteriors of the clip, 16 bits each, head after head
  notes: [onset: number, offset: number, pitch: number, velocity: number][]; // Python's
}

export interface Offer {
  clip: { title: string; url: string }; // samples of 16 bits
  networks: Choice[];
  tolerance: number; // of a posterior
  agreement: number; // least proportion of equal notes
  shortest: number; // seconds of the shortest note
}

/** An error whose message is shown to the reader unchanged. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** Why no network can run here, as a message for the reader; empty if one can. It lies beside the bundle. */
export function obstacle(bundle: string): string {
  if (location.protocol === "file:") {
    return (
      "You opened this page as a file. A browser then doesn't let scripts read the files beside it, which this part " +
      "has to do. Serve the folder instead: run “make serve”, or “python -m http.server” in the folder of the " +
      "page, and open http://localhost:8000."
    );
  }
  if (!bundle) return "This part works in the built book: run “make serve” and open the page there.";
  const needed = { "Web Audio": "OfflineAudioContext", WebAssembly: "WebAssembly", workers: "Worker" };
  const missing = Object.entries(needed).flatMap(([name, object]) => (object in window ? [] : [name]));
  if (missing.length) {
    return (
      `This part can't work in this browser, which has no ${missing.join(" and no ")}. Use a current Firefox, Chrome, ` +
      "Edge or Safari, without a lockdown mode, or nmp-lessons transcribe on your machine."
    );
  }
  return "";
}

/** Where messages about loading and running go. */
export interface Listener {
  say(text: string): void;
  progress(at: Progress): void;
}

/** The networks of an offer in one worker, of which the latest is loaded. */
export class Checked {
  clip: Float32Array | undefined;
  onClip: Found | undefined; // the check's result for the clip
  /** By how much posteriors of the clip differ from Python's at most, and the proportion of notes that agree. */
  differences: { worst: number; same: number } | undefined;
  private network: Network | undefined;
  private loaded: Choice | undefined;

  constructor(
    private readonly offer: Offer,
    private readonly bundle: string, // address
  ) {}

  ready(choice: Choice): boolean {
    return this.loaded === choice;
  }

  /** Fetches a network and checks it, unless it is loaded already. */
  async prepare(choice: Choice, listener: Listener): Promise<void> {
    if (this.loaded === choice) return;
    this.loaded = undefined;
    listener.say("Loading the network …");
    this.network ??= new Network(new URL("nmp-transcribe.js", this.bundle).href);
    const [graph, expected] = await Promise.all([fetched(choice.graph), fetched(choice.expected)]);
    // not left to the browser's decoder, which may scale the two halves of a wave differently
    this.clip ??= Float32Array.from(new Int16Array(await fetched(this.offer.clip.url)), (x) => x / 32768);
    await this.network.load(graph, choice.plan, (bytes) => {
      listener.say(`Loading the runtime … ${(bytes / MEGABYTE).toFixed(0)} MB`);
    });
    listener.say("Checking the network on the clip …");
    this.onClip = await this.network.run(this.clip, (at) => listener.progress(at));
    this.check(choice, this.onClip, new Uint16Array(expected));
    this.loaded = choice;
  }

  /** Runs the network that is loaded. */
  async run(samples: Float32Array, listener: Listener): Promise<Found> {
    return this.network!.run(samples, (at) => listener.progress(at));
  }

  /** Runs it on the end of a recording: see `Network.tail`. */
  async tail(samples: Float32Array, frames: number): Promise<Tail> {
    return this.network!.tail(samples, frames);
  }

  stop(): void {
    this.network?.stop();
    this.network = this.loaded = undefined;
  }

  /** Refuses a network whose result for the clip differs from Python's. */
  private check(choice: Choice, found: Found, expected: Uint16Array): void {
    const answers = choice.plan.heads.map((name) => found.heads[name]!);
    const count = answers.reduce((sum, head) => sum + head.length, 0);
    let [worst, i] = [count === expected.length ? 0 : 1, 0];
    for (const head of answers) for (const p of head) worst = Math.max(worst, Math.abs(p - expected[i++]! / 65535));
    const theirs: Note[] = choice.notes.map(([onset, offset, pitch, velocity]) => ({ onset, offset, pitch, velocity }));
    const same = agreement(found.notes, theirs, choice.plan.hop / choice.plan.rate / 2);
    this.differences = { worst, same };
    if (!(worst <= this.offer.tolerance && same >= this.offer.agreement)) {
      throw new Refusal(
        `On the book's clip, your browser's results differ from Python's: posteriors are off by up to ` +
          `${worst.toFixed(4)}, and only ${(100 * same).toFixed(0)} % of the notes agree. Its transcriptions would ` +
          `not be reliable, so they are not shown. Another browser may work.`,
      );
    }
  }
}

async function fetched(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) {
    throw new Refusal(`The network's files couldn't be loaded (${response?.status ?? "no connection"}). Try again later.`);
  }
  return response.arrayBuffer();
}
