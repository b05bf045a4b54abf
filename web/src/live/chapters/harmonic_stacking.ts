// The live controls of the chapter "harmonic_stacking".

import { moved, roundingErrors, sharpness, shifts } from "../../twins/harmonic_stacking";
import type { Handle } from "../chart";
import { BINS_PER_OCTAVE, type Middle, middleOf, SECONDS } from "../heard";
import { counted, shown } from "../numbers";
import { type OwnData, OwnSound } from "../own";
import { begin, type Stage } from "../stage";

const COPIES = [1, 2, 3, 4, 5, 6, 7];
const ROW = 1.15; // height of a row

interface Frames {
  frames: Record<string, number[]>;
  keys: Record<string, number>; // the bins of the keys
  lowest: number; // Hz
  own: OwnData;
}

/** Copies of one spectrum, to be shifted until the partials of a key lie on its bin. */
function shiftedCopies(stage: Stage, data: Frames): () => void {
  const mine = new OwnSound(stage, data.own, SECONDS, { playing: true });
  const bins = Object.values(data.frames)[0]!.length;
  let read: { of: string; middle: Middle } | undefined;
  /** The frame of the reader's passage, on the scale of the others. */
  const ofPassage = (passage: Float32Array): Middle => {
    if (read?.of !== mine.key) read = { of: mine.key, middle: middleOf(passage, data.own.rate, data.lowest, bins) };
    return read.middle;
  };
  const right = shifts(COPIES, BINS_PER_OCTAVE);
  let by = COPIES.map(() => 0);
  const chart = stage.chart({
    height: 430,
    label: "Seven copies of a spectrum",
    x: { label: "bins above the key", low: -40, high: 130, ticks: [-36, 0, 36, 72, 108] },
    y: { label: "harmonic", low: 0, high: COPIES.length * ROW, ticks: COPIES.map((h) => (h - 1) * ROW + 0.3), names: COPIES.map((h) => `${h}`) },
  });
  chart.element.classList.add("nmp-wide");
  chart.legend(["reference", "copy"], ["dot miss", "partial h of the key: drag it"], ["ink dashed", "the key's own bin"]);
  const sum = stage.chart({
    height: 200,
    label: "Mean of the copies",
    x: { label: "bins above the key", low: -40, high: 130, ticks: [-36, 0, 36, 72, 108] },
    y: { label: "mean of the copies", low: 0, high: 1 },
  });
  sum.element.classList.add("nmp-wide");
  const handles: Handle[] = COPIES.map((h, i) =>
    chart.handle({
      label: `partial ${h}`,
      look: "miss",
      axis: "x",
      step: 1,
      move: (x) => {
        by[i] = Math.round(right[i]! - x);
        stage.change();
      },
    }),
  );
  const all = (label: string, next: number[]): void => {
    stage.button(label, () => {
      by = [...next];
      stage.change();
    });
  };
  all("All by their shifts", right);
  all("Start again", COPIES.map(() => 0));
  return () => {
    const key = stage.choice("key");
    const passage = mine.passage;
    const { frame, bin: own, words } = passage ? ofPassage(passage) : { frame: data.frames[key]!, bin: data.keys[key]!, words: "" };
    mine.say(words);
    const places = frame.map((_, k) => k - own);
    chart.begin();
    const rows = COPIES.map((_, i) => moved(frame, by[i]!, frame.length));
    rows.forEach((row, i) => {
      const heights = row.map((value) => i * ROW + value);
      chart.area(places, heights, "reference light", i * ROW);
      chart.line(places, heights, "reference thin");
    });
    chart.upright(0, "ink dashed");
    handles.forEach((handle, i) => handle.place(right[i]! - by[i]!, i * ROW + 0.95, `${counted(right[i]! - by[i]!, "bin")} from the key's own`));
    const mean = frame.map((_, k) => rows.reduce((total, row) => total + row[k]!, 0) / rows.length);
    sum.begin();
    sum.line(places, mean, "ink");
    sum.upright(0, "ink dashed");
    const there = COPIES.filter((_, i) => by[i] === right[i]);
    const elsewhere = Math.max(...mean.filter((_, k) => Math.abs(k - own) > 2));
    const partials = there.length ? `partial${there.length > 1 ? "s" : ""} ${there.join(", ")}` : "no partial in its own copy";
    stage.say(`On the dashed line: ${partials}. Mean of the copies there ${shown(mean[own]!, 2)}, highest mean elsewhere ${shown(elsewhere, 2)}.`);
  };
}

/** Rounding errors of the shifts, beside the sharpness of a stiff string. */
function rounding(stage: Stage): () => void {
  const numbers = Array.from({ length: 16 }, (_, i) => i + 1);
  const chart = stage.chart({
    height: 270,
    x: { label: "harmonic h", low: 0.4, high: 16.6, ticks: [1, 3, 5, 7, 9, 11, 13, 15] },
    y: { label: "error (cents)", low: -52, high: 52, ticks: [-50, -25, 0, 25, 50] },
  });
  chart.legend(["area reference", "error of the shift"], ["area soft light", "half a bin"], ["prediction", "how sharp the string's partial is"]);
  return () => {
    const [bins, stiffness] = [stage.number("bins_per_octave"), stage.number("stiffness") / 1000];
    const errors = roundingErrors(numbers, bins);
    const half = 600 / bins;
    chart.begin();
    chart.box(0.4, -half, 16.6, half, "soft light");
    errors.forEach((error, i) => chart.box(i + 0.7, 0, i + 1.3, error, "reference"));
    chart.line(numbers, numbers.map((h) => sharpness(h, stiffness)), "prediction");
    chart.line([0.4, 16.6], [0, 0], "ink thin");
    const fifth = `fifth harmonic: shift ${signed(errors[4]!)} cents, string ${signed(sharpness(5, stiffness))} cents`;
    const worst = Math.max(...errors.slice(0, 7).map((error, i) => Math.abs(error - sharpness(i + 1, stiffness))));
    stage.say(`${bins} bins per octave; ${fifth}. Over the first seven harmonics, shift and string differ by at most ${shown(worst)} cents.`);
  };
}

function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${value.toFixed(1)}`.replace("-", "−");
}

begin({ shifted_copies: shiftedCopies, rounding });
