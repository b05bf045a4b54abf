// The messages between the page and the worker, and the page's side of them.

import type { Heads, Note } from "./decoder";
import type { Plan } from "./pieces";

export type Request =
  | { kind: "load"; graph: ArrayBuffer; plan: Plan }
  | { kind: "run"; audio: Float32Array }
  | { kind: "tail"; audio: Float32Array; frames: number };

export interface Found {
  heads: Heads;
  notes: Note[];
  seconds: number; // that the network and the decoder took
  threads: number;
}

/** The last frames of a recording, row by row. */
export interface Tail {
  note: Float32Array; // (frames, 88)
  onset: Float32Array;
}

/** How far a run is: the piece that is done, counted from 1, of how many. */
export interface Progress {
  piece: number;
  count: number;
}

export type Answer =
  | { kind: "fetched"; bytes: number }
  | { kind: "loaded" }
  | ({ kind: "ran" } & Progress)
  | ({ kind: "found" } & Found)
  | ({ kind: "tail" } & Tail)
  | { kind: "failed"; reason: string };

const UNSTARTED = "this browser didn't start the worker that runs the network; another browser may";

/** A module as a worker, made of a blob, so that it stands under the page's policy and can reach this site only. */
export function started(script: string): Worker {
  const start = new Blob([`import ${JSON.stringify(script)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(start), { type: "module" });
}

/** One worker; requests are made one after the other. */
export class Network {
  private readonly worker: Worker;
  private failure: Error | undefined; // of the worker itself, which may come before the first request

  constructor(script: string) {
    this.worker = started(script);
    this.worker.addEventListener("error", (event) => {
      this.failure = new Error(event.message || UNSTARTED);
    });
  }

  async load(graph: ArrayBuffer, plan: Plan, fetched: (bytes: number) => void): Promise<void> {
    await this.ask({ kind: "load", graph, plan }, (answer) => {
      if (answer.kind === "fetched") fetched(answer.bytes);
      return answer.kind === "loaded" ? true : undefined;
    });
  }

  async run(audio: Float32Array, ran: (progress: Progress) => void): Promise<Found> {
    return await this.ask({ kind: "run", audio }, (answer) => {
      if (answer.kind === "ran") ran(answer);
      return answer.kind === "found" ? answer : undefined;
    });
  }

  /** The posteriors of the last `frames` of some audio, or of all that it has. */
  async tail(audio: Float32Array, frames: number): Promise<Tail> {
    return await this.ask({ kind: "tail", audio, frames }, (answer) => (answer.kind === "tail" ? answer : undefined));
  }

  stop(): void {
    this.worker.terminate();
  }

  /** Sends a request and reads replies until `read` accepts one. */
  private ask<Result>(request: Request, read: (answer: Answer) => Result | undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.failure) {
        reject(this.failure);
        return;
      }
      const hear = (event: MessageEvent<Answer>): void => {
        const result = read(event.data);
        if (result !== undefined) done(() => resolve(result));
        else if (event.data.kind === "failed") done(() => reject(new Error((event.data as { reason: string }).reason)));
      };
      const fail = (): void => {
        done(() => reject(this.failure ?? new Error(UNSTARTED)));
      };
      const done = (then: () => void): void => {
        this.worker.removeEventListener("message", hear);
        this.worker.removeEventListener("error", fail);
        then();
      };
      this.worker.addEventListener("message", hear);
      this.worker.addEventListener("error", fail);
      this.worker.postMessage(request);
    });
  }
}
