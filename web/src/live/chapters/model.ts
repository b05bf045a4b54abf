// The live controls of the chapter "model".

import { pitchName } from "../../roll";
import { convolved, receptiveField, type Head } from "../../twins/model";
import { shown } from "../numbers";
import { begin, type Stage } from "../stage";

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

begin({ receptive, filter_by_hand: filterByHand });
