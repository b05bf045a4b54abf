// The worker that trains: the library differentiates the loss, away from the page, on the GPU or in WebAssembly.
//
// A page loads it, and the music, only when the reader asks.

import { type Array as Tensor, defaultDevice, init, numpy as np } from "@jax-js/jax";
import { decode, type Note } from "../decoder";
import { fno, listed } from "../twins/evaluation";
import { augment, type Batch, batchOf, type Clip, CQT_BINS, unfolded, unstored } from "./batches";
import type { Answer, Plan, Request, Settings, Tested } from "./messages";
import { type Heads, type Input, KEYS, length, logits, lossAndGradient, type Statistics, type Weights } from "./network";
import { norm, type Numbers, Optimiser } from "./optimiser";

let plan: Plan;
let clips: Clip[];
let pieces: Float32Array[]; // features on the fixed scale
let initial: Numbers;
let run = 0; // its number, by which the page knows what it has ended
let settings: Settings | undefined;
let optimiser: Optimiser;
let left = 0; // steps that are still to be taken
let running = false;

function tell(answer: Answer): void {
  self.postMessage(answer);
}

self.addEventListener("message", (event: MessageEvent<Request>) => {
  answer(event.data).catch((problem: unknown) => tell({ kind: "failed", reason: String(problem) }));
});

async function answer(request: Request): Promise<void> {
  if (request.kind === "load") await load(request.plan, request.data);
  else if (request.kind === "start") {
    left = 0;
    ({ run, settings } = request);
    optimiser = new Optimiser(initial, { ...plan.recipe, learningRate: settings.learningRate });
  } else if (request.kind === "pause") left = 0;
  else {
    left = request.steps;
    if (!running) await train();
  }
}

/** Chooses the device, reads the data, and compares the first gradient with PyTorch's. */
async function load(given: Plan, compressed: ArrayBuffer): Promise<void> {
  plan = given;
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let at = 0;
  const take = (count: number): Uint8Array => bytes.subarray(at, (at += count));
  const numbers = (): Numbers =>
    Object.fromEntries(
      plan.weights.map(({ name, shape }) => [name, new Float32Array(take(4 * size(shape)).slice().buffer)]),
    );
  initial = numbers();
  const expected = numbers();
  const part = (frames: number): Clip => ({ features: take(frames * CQT_BINS), note: take(frames * KEYS), onset: take(frames * KEYS) });
  clips = Array.from({ length: plan.clips }, () => part(plan.clipFrames));
  pieces = plan.pieces.map(() => Float32Array.from(take(plan.pieceFrames * CQT_BINS), unstored));
  settings = undefined;
  const devices = await init("webgpu", "wasm");
  if (devices.includes("webgpu")) {
    const worst = await checked("webgpu", expected).catch(() => NaN); // drivers differ; WebAssembly doesn't
    const began = performance.now();
    if (worst <= plan.tolerance && (await checked("webgpu", expected)) <= plan.tolerance && performance.now() - began < plan.slow) {
      tell({ kind: "loaded", device: "webgpu", worst });
      return;
    }
  }
  tell({ kind: "loaded", device: "wasm", worst: await checked("wasm", expected) });
}

/** How far the first loss and its gradient on a device are from PyTorch's, relative to their lengths. */
async function checked(device: "webgpu" | "wasm", expected: Numbers): Promise<number> {
  defaultDevice(device);
  const [loss, gradient] = await differentiated(initial, batchOf(clips, plan.windows[0]!, plan.recipe.frames));
  const apart = Object.fromEntries(Object.keys(expected).map((name) => [name, expected[name]!.map((x, i) => x - gradient[name]![i]!)]));
  return Math.max(norm(apart) / norm(expected), Math.abs(loss / plan.loss - 1));
}

const size = (shape: number[]): number => shape.reduce((product, n) => product * n, 1);

async function train(): Promise<void> {
  running = true;
  try {
    while (left > 0 && optimiser.step < plan.recipe.steps) {
      left--;
      const now = optimiser;
      const began = performance.now();
      const batch = batchOf(clips, plan.windows[now.step]!, plan.recipe.frames);
      augment(batch, settings!.augmentation, now.step);
      const [loss, gradient] = await differentiated(now.weights, batch);
      if (now !== optimiser) continue; // started anew meanwhile
      now.follow(gradient);
      tell({ kind: "stepped", run, loss, seconds: (performance.now() - began) / 1000 });
      if (now.step % plan.every === 0) {
        const tested = await test(now);
        if (now === optimiser) tell({ kind: "tested", run, ...tested });
      }
      await new Promise((resolve) => setTimeout(resolve)); // lets messages in
    }
  } finally {
    running = false;
  }
  tell({ kind: "paused" });
}

// The network

function tensors(numbers: Numbers): Weights {
  return Object.fromEntries(plan.weights.map(({ name, shape }) => [name, np.array(numbers[name]!, { shape })]));
}

function dispose(...values: (Tensor | Record<string, Tensor>)[]): void {
  for (const value of values) {
    if ("dispose" in value) (value as Tensor).dispose();
    else Object.values(value).forEach((one) => one.dispose());
  }
}

function input(batch: Pick<Batch, "windows" | "frames" | "features">): Input {
  const { windows, frames } = batch;
  const stack = unfolded(batch, plan.front);
  const rows = (layer: "contour" | "onset"): Tensor => {
    const columns = length(layer, plan.front.shifts.length);
    return np.array(stack[layer], { shape: [stack[layer].length / columns, columns] });
  };
  return { windows, frames, contour: rows("contour"), onset: rows("onset") };
}

async function differentiated(numbers: Numbers, batch: Batch): Promise<[number, Numbers]> {
  const { windows, frames } = batch;
  const head = (values: Float32Array): Tensor => np.array(values, { shape: [windows, frames, values.length / windows / frames] });
  const targets: Heads = { contour: head(batch.contour), note: head(batch.note), onset: head(batch.onset) };
  const x = input(batch);
  const [loss, gradient] = lossAndGradient(settings?.loss ?? plan.recipe.loss, tensors(numbers), x, targets);
  dispose(x.contour, x.onset, targets.contour, targets.note, targets.onset);
  const slopes = await Promise.all(Object.entries(gradient).map(async ([name, value]) => [name, await read(value)] as const));
  return [(await read(loss))[0]!, Object.fromEntries(slopes)];
}

/** The numbers of a tensor, which is used up. */
async function read(value: Tensor): Promise<Float32Array> {
  return Float32Array.from((await value.data()) as Float32Array);
}

/** The mean statistics of the averaged network over some batches (eq-settled). */
function recalibrated(weights: Weights): Statistics {
  const found = Array.from({ length: plan.recalibration }, (_, step) => {
    const x = input(batchOf(clips, plan.windows[step]!, plan.recipe.frames));
    const [heads, statistics] = logits(weights, x);
    dispose(x.contour, x.onset, heads.contour, heads.note, heads.onset);
    return statistics;
  });
  const mean = (layer: "contour" | "onset", which: 0 | 1): Tensor =>
    found.map((one) => one[layer][which]).reduce((sum, one) => sum.add(one)).div(plan.recalibration);
  return { contour: [mean("contour", 0), mean("contour", 1)], onset: [mean("onset", 0), mean("onset", 1)] };
}

/** Yn and Yo of a piece, computed in passes of one length, that of a batch, which overlap. */
async function posteriors(weights: Weights, statistics: Statistics, features: Float32Array): Promise<{ note: Float32Array; onset: Float32Array }> {
  const { context, pieceFrames, recipe, windows } = plan;
  const frames = Math.min(windows[0]!.length * recipe.frames, pieceFrames);
  const heads = { note: new Float32Array(pieceFrames * KEYS), onset: new Float32Array(pieceFrames * KEYS) };
  for (let start = 0; start < pieceFrames; ) {
    const first = Math.min(Math.max(start - context, 0), pieceFrames - frames);
    const stop = first + frames < pieceFrames ? first + frames - context : pieceFrames;
    const x = input({ windows: 1, frames, features: features.subarray(first * CQT_BINS, (first + frames) * CQT_BINS) });
    const [found] = logits(weights, x, statistics);
    dispose(x.contour, x.onset, found.contour);
    for (const name of ["note", "onset"] as const) {
      const kept = (await read(found[name])).subarray((start - first) * KEYS, (stop - first) * KEYS);
      heads[name].set(kept.map((z) => 1 / (1 + Math.exp(-z))), start * KEYS);
    }
    start = stop;
  }
  return heads;
}

/** Chooses the threshold on one piece, and tests on the other. */
async function test({ step, average }: Optimiser): Promise<Tested> {
  const weights = tensors(average);
  const statistics = recalibrated(weights);
  const [one, other] = [await posteriors(weights, statistics, pieces[0]!), await posteriors(weights, statistics, pieces[1]!)];
  dispose(weights, ...statistics.contour, ...statistics.onset);
  const notes = (heads: typeof one, threshold: number): Note[] => decode(heads, { ...plan.decoder, threshold }, plan.period);
  let [threshold, best] = [plan.thresholds[0]!, -1];
  for (const height of [...plan.thresholds].sort((a, b) => b - a)) {
    const f = onsetF(0, notes(one, height));
    if (f > best) [threshold, best] = [height, f];
  }
  const found = notes(other, threshold);
  return { step, threshold, notes: found, f: onsetF(1, found) };
}

function onsetF(piece: number, notes: Note[]): number {
  const reference = plan.pieces[piece]!.map(([onset, offset, pitch]) => ({ onset, offset, pitch }));
  return fno(listed(reference), listed(notes));
}
