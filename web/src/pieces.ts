// Processes a recording of any length piece by piece, with the same result as for the whole: `pieces` of
// nmp_lessons/beyond/export.py again.

import type { Decoder } from "./decoder";

export interface Plan {
  name: string;
  windows: boolean;
  heads: ("contour" | "note" | "onset")[];
  hop: number; // samples
  rate: number; // Hz
  shortest: number; // samples
  margin: number; // frames that a cut of the audio can affect
  context: number; // frames that a cut of the features can affect
  piece_frames: number;
  decoder: Decoder;
}

export interface Piece {
  start: number; // samples
  stop: number;
  first: number; // frames of these samples on which the network is run
  last: number;
  place: number; // frame of the recording to which the first kept output belongs
  skipped: number; // outputs before the kept ones
  kept: number; // outputs
}

export function pieces(plan: Plan, samples: number): Piece[] {
  const frames = frameCount(plan, samples);
  const padded = Math.max(samples, plan.shortest);
  const found: Piece[] = [];
  for (let place = 0; place < frames; place += plan.piece_frames) {
    const stop = Math.min(place + plan.piece_frames, frames);
    const first = Math.max(0, place - plan.context);
    const last = Math.min(frameCount(plan, padded), stop + plan.context);
    let begin = Math.max(0, first - plan.margin);
    // too little left to reflect at the end: begin earlier
    if (padded - begin * plan.hop < plan.shortest) begin = Math.floor((padded - plan.shortest) / plan.hop);
    found.push({
      start: begin * plan.hop,
      stop: Math.min(padded, (last + plan.margin) * plan.hop),
      first: first - begin,
      last: last - begin,
      place,
      skipped: place - first,
      kept: stop - place,
    });
  }
  return found;
}

export function frameCount(plan: Plan, samples: number): number {
  return Math.floor(samples / plan.hop) + 1;
}
