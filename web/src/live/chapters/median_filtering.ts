// The live controls of the chapter "median_filtering".

import {
  boxVariance, exactMedianVariances, filtered, medianThrough, noiseDensity, runningBox, runningMedian, windowAt, type Matrix, type Size,
} from "../../twins/median_filtering";
import { peak } from "../../sound";
import { Loop, samplesAt } from "../loop";
import { counted, generator, shown } from "../numbers";
import { type OwnData, OwnSound } from "../own";
import { begin, type Stage } from "../stage";

const HIGHEST = 10;

/** A row of samples to draw, a box and a median of it. */
function rowFiltered(stage: Stage, data: { signals: Record<string, number[]> }): () => void {
  let row = [...Object.values(data.signals)[0]!];
  let place = row.findIndex((value) => value > 0);
  const random = generator(1);
  const chart = stage.chart({
    height: 260,
    x: { label: "sample", low: -0.6, high: row.length - 0.4, ticks: [0, 5, 10, 15, 20] },
    y: { label: "value", low: 0, high: HIGHEST },
  });
  chart.legend(["area soft light", "input"], ["reference dashed", "box"], ["prediction", "median"], ["area extra light", "window"]);
  const put = (x: number, y: number): void => {
    place = Math.min(Math.max(Math.round(x), 0), row.length - 1);
    row[place] = Math.min(Math.max(Math.round(y), 0), HIGHEST);
    stage.change();
  };
  chart.drag(put, { paint: true });
  const cursor = chart.cursor("sample", "extra", {
    ArrowLeft: () => put(place - 1, row[Math.max(place - 1, 0)]!),
    ArrowRight: () => put(place + 1, row[Math.min(place + 1, row.length - 1)]!),
    ArrowUp: () => put(place, row[place]! + 1),
    ArrowDown: () => put(place, row[place]! - 1),
  });
  const change = (label: string, next: () => number[]): void => {
    stage.button(label, () => {
      row = next();
      stage.change();
    });
  };
  for (const [name, signal] of Object.entries(data.signals)) change(name, () => [...signal]);
  change("Add an impulse", () => {
    const hit = Math.floor(random() * row.length);
    return row.map((value, i) => (i === hit ? (value > HIGHEST / 2 ? 0 : HIGHEST) : value));
  });
  change("Add noise", () => row.map((value) => Math.min(Math.max(value + Math.round(3 * (random() + random() - 1)), 0), HIGHEST)));

  return () => {
    const [size, mode] = [stage.number("size"), stage.choice("beyond_the_ends")];
    const [byBox] = filtered([row], [1, size], mode, "box");
    const [byMedian] = filtered([row], [1, size], mode, "median");
    const [xs, edges] = [row.map((_, i) => i), row.flatMap((_, i) => [i - 0.5, i + 0.5])];
    const steps = (values: number[]): number[] => values.flatMap((value) => [value, value]);
    chart.begin();
    chart.box(place - size / 2, 0, place + size / 2, HIGHEST, "extra light");
    chart.area(edges, steps(row), "soft light");
    chart.line(xs, byBox!, "reference dashed");
    chart.line(edges, steps(byMedian!), "prediction");
    const window = windowAt(row, place, size, mode);
    cursor.place(place, row[place]!, `sample ${place}: ${row[place]!}`);
    const sorted = [...window].sort((a, b) => a - b).join(" ");
    stage.say(`Window of sample ${place}, sorted: ${sorted}. Mean ${shown(byBox![place]!)}, median ${byMedian![place]!}.`);
  };
}

/** A matrix to paint on, and what a box or a median makes of it. */
function matrixFiltered(stage: Stage, data: { picture: Matrix }): () => void {
  const values = data.picture.map((row) => [...row]);
  const [rows, columns] = [values.length, values[0]!.length];
  const highest = Math.max(...values.flat());
  const input = stage.grid({ rows, columns, label: "Input: paint on it", highest });
  const output = stage.grid({ rows, columns, label: "Output", highest });
  input.paintOn(values, [1, 2], () => stage.change());
  stage.button("Clear", () => {
    values.forEach((line) => line.fill(0));
    stage.change();
  });
  stage.button("Start again", () => {
    data.picture.forEach((line, r) => line.forEach((value, c) => (values[r]![c] = value)));
    stage.change();
  });
  return () => {
    const size: Size = [stage.number("rows"), stage.number("columns")];
    const filter = stage.choice("filter") === "box" ? "box" : "median";
    const { row, column } = input.place;
    const after = filtered(values, size, "nearest", filter);
    input.draw(values);
    input.window(row, column, ...size);
    output.draw(after);
    output.window(row, column, 1, 1);
    const places = size[0] * size[1];
    stage.say(`Row ${row + 1}, column ${column + 1}: the ${filter} of ${places} cells is ${shown(after[row]![column]!)}.`);
  };
}

const WIDEST = 5; // rows and columns of a window to paint
const SQUARE = Array.from({ length: WIDEST }, (_, r) => Array.from({ length: WIDEST }, (_, c) => Number(r % 4 > 0 && c % 4 > 0)));

interface Task {
  picture: Matrix;
  wanted: Matrix;
}

/** A window to paint, such that its median keeps what is wanted of a picture and nothing else. */
function paintedWindow(stage: Stage, data: { tasks: Record<string, Task> }): () => void {
  const cells = SQUARE.map((row) => [...row]);
  const { picture } = Object.values(data.tasks)[0]!;
  const [rows, columns] = [picture.length, picture[0]!.length];
  const highest = Math.max(...picture.flat());
  const window = stage.grid({ rows: WIDEST, columns: WIDEST, label: "Your window: paint on it", highest: 1 });
  window.element.classList.add("nmp-small");
  const [input, output, wanted] = ["Picture", "Its median", "Wanted"].map((label) =>
    stage.grid({ rows, columns, label, highest, numbers: false }),
  );
  window.paintOn(cells, [2, 2], () => stage.change());
  const fill = (label: string, value: (r: number, c: number) => number): void => {
    stage.button(label, () => {
      cells.forEach((row, r) => row.forEach((_, c) => (row[c] = value(r, c))));
      stage.change();
    });
  };
  fill("Clear", () => 0);
  fill("Start again", (r, c) => SQUARE[r]![c]!);
  return () => {
    const task = data.tasks[stage.choice("keep")]!;
    const painted = cells.flat().filter(Boolean).length;
    const odd = painted % 2 === 1;
    const after = odd ? medianThrough(task.picture, cells.map((row) => row.map(Boolean))) : task.picture.map((row) => row.map(() => NaN));
    window.draw(cells);
    input!.draw(task.picture);
    output!.draw(after, odd ? task.wanted : undefined);
    wanted!.draw(task.wanted);
    const differing = (sign: number): number =>
      task.wanted.flatMap((row, r) => row.filter((value, c) => sign * (after[r]![c]! - value) > 0)).length;
    const [lost, left] = [differing(-1), differing(1)];
    const size = counted(painted, "cell");
    if (!odd) stage.say(`Your window has ${size}. Only an odd number has a middle: add one, or take one away.`);
    else if (lost + left === 0) stage.say(`Solved, with a window of ${size}.`);
    else stage.say(`A window of ${size}. In its median, ${counted(lost, "cell is", "cells are")} missing and ${left} should be empty.`);
  };
}

const SIZES = Array.from({ length: 25 }, (_, i) => 2 * i + 3);
const WINDOWS = 2000;

/** Variance that a box and a median leave of noise, by size. */
function contest(stage: Stage): () => void {
  const noise = stage.chart({
    height: 230,
    label: "Density of the noise",
    x: { label: "noise (σ = 1 without outliers)", low: -4, high: 4 },
    y: { label: "density", low: 0, high: 0.8 },
  });
  const chart = stage.chart({
    height: 230,
    x: { label: "size k of the window", low: 3, high: 51, ticks: [3, 11, 21, 31, 41, 51] },
    y: { label: "k × variance", low: 0, high: 3 },
  });
  chart.legend(["reference dashed", "box"], ["prediction", "median"], ["soft dotted", "median, large windows"], ["dot extra", "simulated"]);
  let simulated: { of: string; size: number; box: number; median: number } | undefined;
  const setting = (): [number, number, number] => [stage.number("tails"), stage.number("outliers") / 100, 10];
  const simulate = (): void => {
    const [size, given] = [stage.number("size"), setting()];
    const [means, medians] = drawn(given, size);
    simulated = { of: given.join(), size, box: size * variance(means), median: size * variance(medians) };
    stage.change();
  };
  stage.button(`Simulate ${WINDOWS.toLocaleString("en")} windows`, simulate);
  const xs = Array.from({ length: 201 }, (_, i) => -4 + 0.04 * i);
  return () => {
    const given = setting();
    const density = noiseDensity(...given);
    const ys = xs.map(density);
    noise.y.high = Math.max(0.5, 1.1 * density(0));
    noise.begin();
    noise.line(xs, ys, "ink");
    const box = boxVariance(1, given[1], given[2]);
    const left = exactMedianVariances(SIZES, given, 100, 1500).map((value, i) => value * SIZES[i]!);
    const limit = 1 / (4 * density(0) ** 2);
    const size = stage.number("size");
    chart.y.high = Math.max(2, Math.ceil(1.3 * Math.max(box, limit, ...left)));
    chart.begin();
    chart.line([3, 51], [box, box], "reference dashed");
    chart.line([3, 51], [limit, limit], "soft dotted");
    chart.line(SIZES, left, "prediction");
    const here = left[SIZES.indexOf(size)]!;
    chart.dots([size, size], [box, here], "open ink");
    if (simulated?.of === given.join()) chart.dots([simulated.size, simulated.size], [simulated.box, simulated.median], "extra", 5);
    const better = here < box ? "the median is better" : "the box is better";
    const counted = simulated?.of === given.join() ? ` Simulated: box ${shown(simulated.box)}, median ${shown(simulated.median)}.` : "";
    stage.say(`k = ${size}: box ${shown(box)}, median ${shown(here)}, so ${better}.${counted}`);
  };
}

/** Means and medians of random windows of some noise. */
function drawn(noise: [number, number, number], size: number): [number[], number[]] {
  const density = noiseDensity(...noise);
  const steps = 4000;
  const x = Array.from({ length: steps }, (_, i) => (10 * i ** 2) / (steps - 1) ** 2 * 10);
  const sums = [0];
  for (let i = 1; i < steps; i++) sums.push(sums[i - 1]! + ((density(x[i]!) + density(x[i - 1]!)) / 2) * (x[i]! - x[i - 1]!));
  const random = generator(7);
  const draw = (): number => {
    const u = random() - 0.5;
    let [low, high] = [0, steps - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < Math.abs(u)) low = middle;
      else high = middle;
    }
    return Math.sign(u) * x[high]!;
  };
  const [means, medians]: [number[], number[]] = [[], []];
  for (let i = 0; i < WINDOWS; i++) {
    const window = Float64Array.from({ length: size }, draw).sort();
    medians.push(window[size >> 1]!);
    means.push(window.reduce((sum, value) => sum + value, 0) / size);
  }
  return [means, medians];
}

function variance(values: number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
}

interface Crackling {
  samples: number[]; // of the piano, around the pictured click
  sound: string; // address of the whole
  seconds: number; // of the whole
  rate: number;
  own: OwnData;
}

const HEIGHT = 0.5; // of a click

/** A record with clicks, or the reader's recording with them, filtered while it plays. */
function cleaned(stage: Stage, data: Crackling): () => void {
  const { rate } = data;
  const half = data.samples.length >> 1;
  const own = new OwnSound(stage, data.own, data.seconds, {});
  const chart = stage.chart({
    height: 240,
    x: { label: "time from the click (ms)", low: (-1000 * half) / rate, high: (1000 * half) / rate },
    y: { label: "amplitude", low: -0.6, high: 0.6 },
  });
  chart.legend(["soft dotted", "with clicks"], ["reference", "original"], ["prediction", "filtered"]);
  const loop = new Loop();
  let piano: Float32Array | undefined; // the record, or what takes its place
  let record: Float32Array | undefined;
  let trouble = "";
  let [version, playing] = ["", ""];
  const press = async (label: string): Promise<void> => {
    version = version === label ? "" : label;
    try {
      if (!own.passage) record ??= await samplesAt(data.sound, rate);
    } catch {
      trouble = " The sound could not be loaded; the picture works without it.";
      version = "";
    }
    stage.change();
  };
  const labels = ["Play filtered", "Play with clicks", "Play original"];
  const buttons = labels.map((label) => stage.button(label, () => void press(label)));
  stage.whenLeft(() => {
    [version, playing] = ["", ""];
    loop.stop();
  });
  /** Plays what is wanted now, anew only if it differs from what plays. */
  const play = (length: number, smooth: (row: Float32Array) => Float32Array, settings: string): void => {
    for (const button of buttons) button.ariaPressed = String(button.textContent === version);
    const wanted = version && piano ? `${version} ${settings}` : "";
    if (wanted === playing) return;
    playing = wanted;
    if (!wanted) {
      loop.stop();
      return;
    }
    const clicks = version === "Play original" ? piano! : crackled(piano!, rate / 22, length);
    void loop.play(Float32Array.from(version === "Play filtered" ? smooth(clicks) : clicks), rate);
  };
  return () => {
    const [size, length] = [stage.number("size"), stage.number("click_width")];
    const filter = stage.choice("filter") === "box" ? runningBox : runningMedian;
    piano = own.passage ?? record;
    const clean = own.passage ? around(own.passage, half) : Float32Array.from(data.samples);
    chart.y.high = Math.max(0.6, 1.1 * peak(clean));
    chart.y.low = -chart.y.high;
    const wrong = clean.slice().fill(HEIGHT, half, half + length);
    const after = filter(wrong, size);
    const times = Array.from(clean, (_, i) => (1000 * (i - half)) / rate);
    chart.begin();
    chart.line(times, wrong, "soft dotted");
    chart.line(times, clean, "reference");
    chart.line(times, after, "prediction");
    const error = (of: Float32Array): number => Math.sqrt(of.reduce((sum, x, i) => sum + (x - clean[i]!) ** 2, 0) / of.length);
    const worst = Math.max(...after.slice(half - size, half + length + size).map((x, i) => Math.abs(x - clean[half - size + i]!)));
    stage.say(
      `Largest error around the click: ${shown(worst, 2)} of ${shown(HEIGHT)}; root mean square ${shown(error(after), 2)} after the filter, ${shown(error(wrong), 2)} before.${trouble}`,
    );
    play(length, (row) => filter(row, size), [filter.name, size, length, own.key].join());
  };
}

/** The samples around the loudest one that has so many on either side. */
function around(sound: Float32Array, half: number): Float32Array {
  let at = half;
  for (let i = half; i < sound.length - half; i++) if (Math.abs(sound[i]!) > Math.abs(sound[at]!)) at = i;
  return sound.slice(at - half, at + half);
}

/** Clicks, some 20 a second, in a copy of a sound. */
function crackled(sound: Float32Array, every: number, length: number): Float32Array {
  const [random, copy] = [generator(3), sound.slice()];
  for (let i = 0; i < sound.length / every; i++) {
    const at = Math.floor(random() * sound.length);
    copy.fill(random() < 0.5 ? -HEIGHT : HEIGHT, at, at + length);
  }
  return copy;
}

begin({ row_filtered: rowFiltered, matrix_filtered: matrixFiltered, painted_window: paintedWindow, contest, cleaned });
