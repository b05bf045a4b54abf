// What the page and the worker that trains tell each other.

import type { Decoder, Note } from "../decoder";
import type { Recipe } from "../twins/training";
import type { Augmentation, Front } from "./batches";
import type { Loss } from "./network";

/** What nmp_lessons/book/show/page_trainer.py writes: how to train, and where what lies in the file of data. */
export interface Plan {
  recipe: Recipe & { frames: number; weightDecay: number; clip: number; loss: Loss };
  windows: [clip: number, start: number][][]; // of each step
  front: Front;
  weights: { name: string; shape: number[] }[]; // of the network at the start, in the order of the file
  clips: number; // to train on
  clipFrames: number;
  pieces: [onset: number, offset: number, pitch: number][][]; // the notes of one to choose a threshold on, and one to test
  pieceFrames: number;
  context: number; // frames on either side that an output depends on
  every: number; // steps between tests
  recalibration: number; // batches
  decoder: Decoder;
  thresholds: number[];
  period: number; // seconds between frames
  loss: number; // of the first batch, by PyTorch
  tolerance: number; // of the gradient, relative to its length
  slow: number; // milliseconds that a gradient takes on a graphics card that only pretends to be one
}

/** What a reader sets before a run. */
export interface Settings {
  loss: Loss;
  learningRate: number;
  augmentation: Augmentation;
}

export type Request =
  | { kind: "load"; data: ArrayBuffer; plan: Plan }
  | { kind: "start"; run: number; settings: Settings }
  | { kind: "go"; steps: number }
  | { kind: "pause" };

/** The threshold that is best on one piece, and on the other one the notes that it gives and their onset F. */
export interface Tested {
  step: number;
  f: number;
  threshold: number;
  notes: Note[];
}

export type Answer =
  | { kind: "loaded"; device: string; worst: number } // worst: of the first gradient, against PyTorch's
  | { kind: "stepped"; run: number; loss: number; seconds: number }
  | ({ kind: "tested"; run: number } & Tested)
  | { kind: "paused" }
  | { kind: "failed"; reason: string };
