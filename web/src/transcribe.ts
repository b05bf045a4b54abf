// The worker: one network at a time in ONNX Runtime's WebAssembly, away from the page.
//
// A page loads it, with 14 MB of runtime, only when the reader asks. Threads share memory, and a browser allows that only
// on a page that two headers of its server isolate from other sites (`tools/serve.py`); elsewhere there is one thread.

import * as ort from "onnxruntime-web/wasm";
import { decode, type Heads, KEYS } from "./decoder";
import { frameCount, type Piece, pieces, type Plan } from "./pieces";
import type { Answer, Request } from "./worker";

const RUNTIME = new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href;
const THREADS = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
const WIDTH = { contour: 3 * KEYS, note: KEYS, onset: KEYS };

let session: ort.InferenceSession | undefined;
let plan: Plan | undefined;

function tell(answer: Answer, ...moved: Transferable[]): void {
  self.postMessage(answer, { transfer: moved });
}

let before = Promise.resolve(); // a session runs one request at a time

// The runtime's own threads load this file, too.
if (!self.name.startsWith("em-pthread")) {
  self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
    before = before.then(() => answer(data)).catch((problem: unknown) => tell({ kind: "failed", reason: String(problem) }));
  });
}

async function answer(request: Request): Promise<void> {
  if (request.kind === "load") {
    await loadRuntime();
    await session?.release();
    const options: ort.InferenceSession.SessionOptions = { executionProviders: ["wasm"] };
    session = await ort.InferenceSession.create(new Uint8Array(request.graph), options);
    plan = request.plan;
    tell({ kind: "loaded" });
    return;
  }
  if (request.kind === "tail") {
    const { note, onset } = await tail(session!, plan!, request.audio, request.frames);
    tell({ kind: "tail", note, onset }, note.buffer, onset.buffer);
    return;
  }
  const began = performance.now();
  const heads = await run(session!, plan!, request.audio);
  const notes = decode(heads, plan!.decoder, plan!.hop / plan!.rate);
  const seconds = (performance.now() - began) / 1000;
  const moved = Object.values(heads).map((head: Float32Array) => head.buffer as ArrayBuffer);
  tell({ kind: "found", heads, notes, seconds, threads: THREADS }, ...moved);
}

async function loadRuntime(): Promise<void> {
  if (ort.env.wasm.wasmBinary) return;
  const response = await fetch(RUNTIME);
  if (!response.ok || !response.body) throw new Error(`${RUNTIME}: ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
    bytes += next.value.length;
    tell({ kind: "fetched", bytes });
  }
  ort.env.wasm.numThreads = THREADS;
  ort.env.wasm.wasmBinary = await new Blob(chunks as BlobPart[]).arrayBuffer();
}

/** The heads of a whole recording. */
async function run(network: ort.InferenceSession, plan: Plan, audio: Float32Array): Promise<Heads> {
  const frames = frameCount(plan, audio.length);
  const whole = Object.fromEntries(plan.heads.map((name) => [name, new Float32Array(frames * WIDTH[name])]));
  const all = pieces(plan, audio.length);
  for (const [i, piece] of all.entries()) {
    const found = await network.run(inputs(piece, audio));
    for (const name of plan.heads) {
      const [width, answers] = [WIDTH[name], found[name]!.data as Float32Array];
      const kept = answers.subarray(piece.skipped * width, (piece.skipped + piece.kept) * width);
      whole[name]!.set(kept, piece.place * width);
    }
    tell({ kind: "ran", piece: i + 1, count: all.length });
  }
  return whole as unknown as Heads;
}

/** The last frames of some audio that ends where the recording ends so far. */
async function tail(network: ort.InferenceSession, plan: Plan, audio: Float32Array, frames: number) {
  const last = frameCount(plan, audio.length);
  const first = Math.max(0, last - frames - plan.context);
  const found = await network.run(inputs({ start: 0, stop: audio.length, first, last }, audio), ["note", "onset"]);
  const kept = (head: ort.Tensor) => (head.data as Float32Array<ArrayBuffer>).slice(-frames * KEYS);
  return { note: kept(found.note!), onset: kept(found.onset!) };
}

function inputs(piece: Pick<Piece, "start" | "stop" | "first" | "last">, audio: Float32Array): Record<string, ort.Tensor> {
  const cut = new Float32Array(piece.stop - piece.start); // silence where the recording has ended
  cut.set(audio.subarray(piece.start, piece.stop));
  const whole = (number: number) => new ort.Tensor("int64", [BigInt(number)], [1]);
  return { audio: new ort.Tensor("float32", cut, [1, cut.length]), first: whole(piece.first), last: whole(piece.last) };
}
