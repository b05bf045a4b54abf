// The live controls of the chapter "model".

import { pitchName } from "../../roll";
import { LOWEST_PITCH } from "../../decoder";
import { kernelOf, magnitudeAt } from "../../twins/cqt";
import { byThresholds } from "../../twins/decoding";
import type { Notes } from "../../twins/evaluation";
import { convolved, Opened, receptiveField, type Head, type Layer, type Maps, type Removed, type Weights } from "../../twins/model";
import type { Chart } from "../chart";
import { counted, shown, unpacked, type Packed } from "../numbers";
import { BINS_PER_OCTAVE, binFrequency, SILENCE, SILENT } from "../heard";
import { type OwnData, OwnSound } from "../own";
import { pictureUrl } from "../picture";
import { drawNotes, pitchAxis } from "../roll";
import { begin, dataOf, type Stage } from "../stage";

const NAMES: [Head, string][] = [["onset", "Yo"], ["note", "Yn"], ["contour", "Yp"]];

/** What the outputs for a key can see of the transform. */
function receptive(stage: Stage, data: { frameRate: number }): () => void {
  const ticks = Array.from({ length: 9 }, (_, i) => 24 + 12 * i);
  const chart = stage.chart({
    height: 230,
    x: { label: "pitch in the transform: drag the key", low: 20, high: 124, ticks, names: ticks.map(pitchName) },
    y: { label: "head", low: -0.6, high: 2.6, ticks: [0, 1, 2], names: NAMES.map(([, name]) => name) },
  });
  chart.legend(["area reference light", "seen, through the stack"], ["area note ink open", "seen without stacking"], ["prediction dotted", "partials of the key"]);
  chart.drag((x) => stage.set("key", Math.round(x)));
  return () => {
    const key = stage.number("key");
    const centred = stage.choice("kernels_of_stride_3") === "centred";
    chart.begin();
    const words = NAMES.map(([head, name], row) => {
      const at = head === "contour" ? 3 * (key - 21) : key - 21;
      const field = receptiveField(head, at, true, centred);
      chart.boxes(runs(field.bins, row, 0.3), "area reference light");
      chart.boxes(runs(receptiveField(head, at, false, centred).bins, row, 0.2), "note ink open");
      const seconds = field.frames / data.frameRate;
      return `${name} ${field.bins.length} bins, ${field.frames} frames (${(1000 * seconds).toFixed(0)} ms)`;
    });
    for (let h = 1; h <= 8; h++) chart.upright(key + 12 * Math.log2(h), "prediction dotted");
    stage.say(`${pitchName(key)} can see: ${words.join("; ")}.`);
  };
}

/** Rectangles for the runs of neighbouring bins. */
function runs(bins: number[], row: number, half: number): [number, number, number, number][] {
  const found: [number, number, number, number][] = [];
  for (const bin of bins) {
    const [left, right] = [21 + (bin - 0.5) / 3, 21 + (bin + 0.5) / 3];
    const last = found.at(-1);
    if (last && Math.abs(last[2] - left) < 1e-6) last[2] = right;
    else found.push([left, row - half, right, row + half]);
  }
  return found;
}

const WEIGHTS = [0, 1, 2, -2, -1]; // through which a press goes

/** A picture, a kernel of nine weights, and the feature map that they make. */
function filterByHand(stage: Stage, data: { picture: number[][]; kernels: Record<string, number[][]> }): () => void {
  const picture = data.picture.map((row) => [...row]);
  let kernel = Object.values(data.kernels)[0]!.map((row) => [...row]);
  const [rows, columns] = [picture.length, picture[0]!.length];
  const highest = 3;
  const input = stage.grid({ rows, columns, label: "Input, time to the right: paint on it", highest });
  const weights = stage.grid({ rows: 3, columns: 3, label: "Weights: press to change one", highest: 2 });
  const output = stage.grid({ rows, columns, label: "Feature map, after the ReLU", highest: 9 });
  weights.element.classList.add("nmp-small");
  input.paintOn(picture, [2, 3], () => stage.change());
  weights.paintable({
    paint: (r, c, first) => {
      if (!first) return;
      kernel[r]![c] = WEIGHTS[(WEIGHTS.indexOf(kernel[r]![c]!) + 1) % WEIGHTS.length]!;
      stage.change();
    },
    moved: () => undefined,
    start: [1, 1],
  });
  for (const [name, made] of Object.entries(data.kernels)) {
    stage.button(name, () => {
      kernel = made.map((line) => [...line]);
      stage.change();
    });
  }
  return () => {
    const bias = stage.number("bias");
    const { row, column } = input.place;
    const map = convolved(picture, kernel, bias);
    input.draw(picture);
    input.window(row, column, 3, 3);
    weights.draw(kernel);
    output.draw(map);
    output.window(row, column, 1, 1);
    const active = map.flat().filter((value) => value > 0).length;
    const most = Math.max(...map.flat());
    stage.say(`${active} of ${rows * columns} outputs are above 0, the highest is ${shown(most)}. At row ${row + 1}, column ${column + 1}: ${shown(map[row]![column]!)}.`);
  };
}

interface OpenedData {
  features: Packed; // (frames, bins)
  scale: number; // and shift: of the normalisation before the stack
  shift: number;
  layers: Record<keyof Weights["layers"], { shape: Layer["shape"]; scale: number; bytes: Packed; bias: number[] }>;
  keys: [low: number, high: number]; // which are drawn
  seconds: number;
  frameRate: number;
  struck: Notes;
  lowest: number; // Hz, of the transform's bins
  own: OwnData;
}

const THRESHOLDS = [0.5, 0.3] as const; // on Yn
const BRIGHTEST = 3; // what is black in a picture of a filter's output
const HARMONICS = ["½", "1", "2", "3", "4", "5", "6", "7"].map((h) => `harmonic ${h}`);
const SECONDS = 3; // of a passage; what is drawn lies in its middle
const AT_ONCE = 10; // ms of computing between two looks at the reader's hand

/** A sound with the network on it, which comes once all is there that is computed once. */
interface Source {
  features: Float32Array; // (frames, bins), from 0 to 1
  struck?: Notes;
  silent?: boolean;
  network?: Opened;
  whole?: Maps; // Yn with all weights
  brightest?: Float32Array; // the largest output of the filters
}

const sources = new Map<string, Source>(); // the book's excerpt under "", and the reader's newest passage
const stages = new Set<Stage>();
let unpackedWeights: Weights | undefined;

function weightsOf({ layers, scale, shift }: OpenedData): Weights {
  const kernel = ({ shape, scale, bytes, bias }: OpenedData["layers"]["note"]): Layer => {
    const raw = Uint8Array.from(atob(bytes.bytes), (letter) => letter.charCodeAt(0));
    return { shape, bias, weights: Float32Array.from(new Int16Array(raw.buffer), (number) => number * scale) };
  };
  const kernels = (): [string, Layer][] => Object.entries(layers).map(([name, layer]) => [name, kernel(layer)]);
  return (unpackedWeights ??= { scale, shift, layers: Object.fromEntries(kernels()) as Weights["layers"] });
}

/** The sound that a control uses; what isn't known of it yet is computed, and then all controls draw. */
function sourceOf(stage: Stage, data: OpenedData, mine: OwnSound): Source {
  stages.add(stage);
  const { key, passage } = mine;
  const known = sources.get(key);
  if (known) {
    mine.say(known.silent ? SILENT : "");
    return known;
  }
  if (key) for (const earlier of [...sources.keys()].filter(Boolean)) sources.delete(earlier);
  const made: Source = passage ? { features: new Float32Array(0) } : { features: unpacked(data.features), struck: data.struck };
  sources.set(key, made);
  const steps = opening(made, data, passage);
  const next = (): void => {
    if (sources.get(key) !== made) return;
    const end = performance.now() + AT_ONCE;
    while (performance.now() < end) {
      if (!steps.next().done) continue;
      stages.forEach((each) => each.change());
      return;
    }
    setTimeout(next);
  };
  next();
  return made;
}

/** The steps from a sound to the network on it. */
function* opening(made: Source, data: OpenedData, passage?: Float32Array): Generator<void> {
  if (passage) {
    const levels = yield* transformed(passage, data);
    const low = levels.reduce((low, level) => Math.min(low, level));
    const high = levels.reduce((high, level) => Math.max(high, level));
    made.silent = high <= SILENCE;
    made.features = levels.map((level) => (made.silent ? 0 : (level - low) / (high - low)));
  }
  const network = new Opened(made.features, weightsOf(data), data.keys);
  while (network.prepare()) yield;
  made.network = network;
}

/** The transform of the middle of a passage in decibels, bin by bin. */
function* transformed(passage: Float32Array, data: OpenedData): Generator<void, Float32Array> {
  const [frames, bins] = data.features.shape as [number, number];
  const { rate } = data.own;
  const levels = new Float32Array(frames * bins);
  for (let bin = 0; bin < bins; bin++) {
    const kernel = kernelOf(binFrequency(bin, data.lowest), rate, BINS_PER_OCTAVE);
    for (let t = 0; t < frames; t++) {
      const centre = (passage.length >> 1) + Math.round(((t - (frames >> 1)) * rate) / data.frameRate);
      levels[t * bins + bin] = 10 * Math.log10(magnitudeAt(passage, centre, kernel) ** 2 + 1e-10);
    }
    yield;
  }
  return levels;
}

/** Empty charts, until the network has run. */
function wait(stage: Stage, charts: Chart[]): void {
  for (const chart of charts) chart.begin();
  stage.say("Running the network …");
}

/** A chart of time and pitch, from a key of the network to before another. */
function rollOf(stage: Stage, data: OpenedData, label: string, [low, high] = data.keys, height = 250): Chart {
  const frame = 0.5 / data.frameRate;
  const x = { label: "time (s)", low: -frame, high: data.seconds + frame, ticks: [0, 0.2, 0.4] };
  return stage.chart({ height, label, x, y: { ...pitchAxis(low + LOWEST_PITCH, high - 1 + LOWEST_PITCH), label } });
}

/** Draws numbers from 0 to 1 (frames, rows) behind a chart's marks; the lowest row is that of a key's pitch. */
function drawMap(chart: Chart, data: OpenedData, values: Float32Array, rows: number, each: number, key = data.keys[0]): void {
  const half = 0.5 / data.frameRate;
  const lowest = LOWEST_PITCH + key - 0.5 / each;
  chart.begin();
  chart.image(pictureUrl(values, rows), -half, lowest, data.seconds + half, lowest + rows / each);
}

/** The output of one filter for a picture. */
function output({ frames, bins, values }: Maps, filter: number): Float32Array {
  const size = frames * bins;
  return values.subarray(filter * size, (filter + 1) * size).map((value) => Math.min(value / BRIGHTEST, 1));
}

/** The largest output of all filters at each frame and bin, for a picture. */
function largest(filters: Maps): Float32Array {
  const found = output(filters, 0);
  for (let c = 1; c < filters.channels; c++) output(filters, c).forEach((value, i) => (found[i] = Math.max(found[i]!, value)));
  return found;
}

/** The filters of the first layer, from which readers take weights away. */
function takenApart(stage: Stage, data: OpenedData): () => void {
  const mine = new OwnSound(stage, data.own, SECONDS, { playing: true });
  const { shape, weights } = weightsOf(data).layers.contour;
  const [, rows, height, columns] = shape;
  const painted = new Set<string>();
  const place = (filter: number, row: number, column: number): string => `${filter} ${row} ${column}`;
  const grid = stage.grid({ rows, columns, label: "Weights of the filter, one row for each harmonic, the highest on top: paint to take some away", highest: 0.7, numbers: false });
  grid.element.classList.add("nmp-wide");
  const charts = ["output of the filter", "Yp", "Yn, and its notes"].map((label) => rollOf(stage, data, label)) as [Chart, Chart, Chart];
  const chosen = (): number => Number(stage.choice("filter")) - 1;
  let brush = true; // takes away
  grid.paintable({
    paint: (row, column, first) => {
      const cell = place(chosen(), rows - 1 - row, column);
      if (first) brush = !painted.has(cell);
      if (brush) painted.add(cell);
      else painted.delete(cell);
      stage.change();
    },
    moved: () => stage.change(),
    start: [rows - 2, columns >> 1],
  });
  stage.button("Put painted weights back", () => {
    painted.clear();
    stage.change();
  });
  const shades = (filter: number, removed: Removed): number[][] =>
    Array.from({ length: rows }, (_, down) =>
      Array.from({ length: columns }, (_, bin) => {
        const harmonic = rows - 1 - down;
        if (removed(filter, harmonic, bin)) return NaN;
        let sum = 0;
        for (let t = 0; t < height; t++) sum += weights[((filter * rows + harmonic) * height + t) * columns + bin]!;
        return sum;
      }),
    );
  const lowest = LOWEST_PITCH + data.keys[0];
  return () => {
    const filter = chosen();
    const [without, where] = [stage.choice("without"), stage.choice("taken_from")];
    const everywhere = where !== "this filter";
    const harmonic = HARMONICS.indexOf(without);
    const removed: Removed = (f, h, bin) =>
      ((everywhere || f === filter) && (without === "all weights" || h === harmonic)) || painted.has(place(f, h, bin));
    grid.draw(shades(filter, removed));
    const source = sourceOf(stage, data, mine);
    const { network, struck } = source;
    if (!network) {
      wait(stage, charts);
      return;
    }
    charts[2].legend(...(struck ? [["area note reference", "struck"] as [string, string]] : []), ["area note prediction", "found"]);
    if (!source.whole) {
      network.run("", () => false);
      source.whole = network.note;
    }
    network.run([filter, without, where, ...painted].join(), removed);
    drawMap(charts[0], data, output(network.filters, filter), network.filters.bins, 3);
    drawMap(charts[1], data, network.contour.values, network.contour.bins, 3);
    drawMap(charts[2], data, network.note.values, network.note.bins, 1);
    const notes = byThresholds(network.note.values, network.note.bins, lowest, ...THRESHOLDS, data.frameRate);
    if (struck) drawNotes(charts[2], struck, () => "reference");
    drawNotes(charts[2], notes, () => "prediction");
    const of = everywhere ? "the eight filters" : `filter ${filter + 1}`;
    stage.say(changes(notes, network.note, source, data) ?? `All weights of ${of} are in place. ${count(notes, struck)}`);
  };
}

/** How many notes were found, of how many if that is known. */
function count(notes: Notes, struck: Notes | undefined): string {
  return `${counted(notes.onset.length, "note")} found${struck ? `; ${struck.onset.length} were struck` : ""}.`;
}

/** The count of notes, and where Yn has changed most; undefined if it hasn't changed. */
function changes(notes: Notes, yn: Maps, { whole, struck }: Source, data: OpenedData): string | undefined {
  const differences = yn.values.map((value, i) => Math.abs(value - whole!.values[i]!));
  const most = differences.reduce((largest, value) => Math.max(largest, value), 0);
  if (most === 0) return undefined;
  const at = differences.indexOf(most);
  const where = `${pitchName((at % yn.bins) + data.keys[0] + LOWEST_PITCH)} at ${(Math.floor(at / yn.bins) / data.frameRate).toFixed(2)} s`;
  return `${count(notes, struck)} Yn changes most for ${where}, from ${shown(whole!.values[at]!, 2)} to ${shown(yn.values[at]!, 2)}.`;
}

/** From an output back to all that it can see: a box in each picture. */
function followedBack(stage: Stage): () => void {
  const data = dataOf<OpenedData>("taken_apart");
  const mine = new OwnSound(stage, data.own, SECONDS, { playing: true });
  const [recorded, bins] = data.features.shape as [number, number];
  const head = rollOf(stage, data, "the head: press or drag");
  const contour = rollOf(stage, data, "Yp");
  const filters = rollOf(stage, data, "largest output of the filters");
  const transform = rollOf(stage, data, "transform", [0, bins / 3], 330);
  transform.element.classList.add("nmp-wide");
  head.drag((x, y) => {
    stage.set("time", 1000 * x);
    stage.set("key", Math.round(y));
  });
  return () => {
    const source = sourceOf(stage, data, mine);
    const { network, features } = source;
    if (!network) {
      wait(stage, [head, contour, filters, transform]);
      return;
    }
    network.run("", () => false);
    source.brightest ??= largest(network.filters);
    const { frames } = network;
    const excerpt = features.subarray(((recorded - frames) >> 1) * bins, ((recorded + frames) >> 1) * bins);
    const name = stage.choice("head");
    const which = name === "Yn" ? "note" : "onset";
    const key = stage.number("key") - LOWEST_PITCH;
    const at = Math.min(Math.round((stage.number("time") / 1000) * data.frameRate), frames - 1);
    const { values, bins: keys } = network[which];
    drawMap(head, data, values, keys, 1);
    drawMap(contour, data, network.contour.values, network.contour.bins, 3);
    drawMap(filters, data, source.brightest, network.filters.bins, 3);
    drawMap(transform, data, excerpt, bins, 3, 0);
    const field = receptiveField(which, key, true, false);
    const reach = (field.frames - 1) / 2; // on the transform; a layer nearer to the head is seen for fewer frames
    const more = Number(which === "onset"); // which also sees the keys beside it
    const low = 3 * (key - 1 - more) - 2; // the bins of Yp: through 3 keys, or 5, and kernels of 7 bins
    const high = 3 * (key + 1 + more) + 4;
    const edges = (frames: number): [number, number] => [(at - frames - 0.5) / data.frameRate, (at + frames + 0.5) / data.frameRate];
    const box = (chart: Chart, seen: [from: number, to: number][], around: number): void => {
      const [start, stop] = edges(around);
      chart.boxes(seen.map(([from, to]) => [start, from, stop, to]), "note extra open");
    };
    const pitches = (first: number, last: number): [number, number] => [LOWEST_PITCH + (first - 0.5) / 3, LOWEST_PITCH + (last + 0.5) / 3];
    box(head, [[key + LOWEST_PITCH - 0.5, key + LOWEST_PITCH + 0.5]], 0);
    box(contour, [pitches(low, high)], reach - 3);
    box(filters, [pitches(low - 2, high + 2)], reach - 1);
    box(transform, runs(field.bins, 0, 0).map(([from, , to]) => [from, to]), reach);
    const peaks = Array.from({ length: network.filters.channels }, (_, filter) => peak(network.filters, filter, at, reach - 1, low - 2 - 3 * data.keys[0], high + 2 - 3 * data.keys[0]));
    const most = Math.max(...peaks);
    stage.say(
      `${name} of ${pitchName(key + LOWEST_PITCH)} at ${(at / data.frameRate).toFixed(2)} s is ${shown(values[at * keys + key - data.keys[0]]!, 2)}. ` +
        `It sees ${field.frames} frames and ${field.bins.length} of the ${bins} bins. Within its box, filter ${peaks.indexOf(most) + 1} responds most, with ${shown(most, 2)}.`,
    );
  };
}

/** The highest output of a filter within a box of frames and bins. */
function peak({ frames, bins, values }: Maps, filter: number, at: number, reach: number, first: number, last: number): number {
  let most = 0;
  for (let t = Math.max(0, at - reach); t <= Math.min(frames - 1, at + reach); t++) {
    for (let bin = Math.max(0, first); bin <= Math.min(bins - 1, last); bin++) most = Math.max(most, values[(filter * frames + t) * bins + bin]!);
  }
  return most;
}

begin({ receptive, filter_by_hand: filterByHand, taken_apart: takenApart, followed_back: followedBack });
