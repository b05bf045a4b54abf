// The live controls of the chapter "beyond".

import { attentionWork, quantised, ratioInDb } from "../../twins/beyond";
import { shown } from "../numbers";
import { begin, type Stage } from "../stage";

/** What attention costs for each place, by the length of the music and the width of the network. */
function attentionCost(stage: Stage, data: { frameRate: number; patch: number; keys: number }): () => void {
  const chart = stage.chart({
    height: 280,
    x: { label: "seconds of music", low: 0.5, high: 3600, log: true },
    y: { label: "multiply–adds for one place", low: 1e2, high: 1e9, log: true },
  });
  chart.legend(["miss", "all pairs"], ["reference", "keys, then time"], ["soft dashed", "the matrices"], ["prediction dotted", "a 3×39 kernel"]);
  chart.drag((x) => stage.set("seconds", x));
  const lengths = Array.from({ length: 120 }, (_, i) => 0.5 * 7200 ** (i / 119));
  const looks = ["miss", "reference", "soft dashed", "prediction dotted"];
  const moments = (seconds: number): number => Math.ceil((seconds * data.frameRate) / data.patch);
  return () => {
    const [seconds, width, reach] = [stage.number("seconds"), stage.number("width"), stage.number("reach")];
    const work = (length: number): number[] => attentionWork(width, moments(length), data.keys, reach);
    const all = lengths.map(work);
    chart.begin();
    looks.forEach((look, row) => chart.line(lengths, all.map((one) => one[row]!), look));
    const here = work(seconds);
    chart.dots(here.map(() => seconds), here, "ink", 4);
    const [pairs, axes, matrices, kernel] = here as [number, number, number, number];
    stage.say(
      `${shown(seconds)} s are ${shown(moments(seconds))} moments. All pairs: ${shown(pairs)} multiply–adds for each place; ` +
        `keys, then time: ${shown(axes)}, and ${shown(matrices)} for the matrices; a 3×39 kernel: ${shown(kernel)}.`,
    );
  };
}

const MOST_BITS = 10;

/** The weights of a filter, rounded to a grid of any number of bits. */
function roundedWeights(stage: Stage, data: { weights: number[] }): () => void {
  const { weights } = data;
  const edge = 1.05 * Math.max(...weights.map(Math.abs));
  const stairs = stage.chart({
    height: 270,
    label: "Weights before and after rounding",
    x: { label: "weight", low: -edge, high: edge },
    y: { label: "rounded weight", low: -edge, high: edge },
  });
  stairs.legend(["reference", "what a weight becomes"], ["soft dotted", "no rounding"], ["area soft light", "how often it occurs"]);
  const ratios = stage.chart({
    height: 270,
    label: "Ratio of weights to error",
    x: { label: "bits", low: 1, high: MOST_BITS, ticks: [1, 2, 4, 6, 8, 10] },
    y: { label: "weights over error (dB)", low: 0, high: 60 },
  });
  ratios.legend(["dot reference", "measured"], ["soft dotted", "6.02 dB per bit, through 8 bits"]);
  ratios.drag((x) => stage.set("bits", Math.round(x)));
  const bars = 80;
  const counts = new Array<number>(bars).fill(0);
  for (const weight of weights) counts[Math.min(bars - 1, Math.floor(((weight + edge) / (2 * edge)) * bars))]!++;
  const most = Math.max(...counts);
  const edges = counts.flatMap((_, i) => [i, i + 1].map((at) => -edge + (2 * edge * at) / bars));
  const measured = Array.from({ length: MOST_BITS }, (_, i) => ratioInDb(weights, quantised(weights, i + 1).values));
  const [least, greatest] = [Math.min(...weights), Math.max(...weights)];
  const line = Array.from({ length: 801 }, (_, i) => least + ((greatest - least) * i) / 800);
  const bits = measured.map((_, i) => i + 1);
  return () => {
    const chosen = stage.number("bits");
    const { scale, values } = quantised(weights, chosen);
    stairs.begin();
    stairs.area(edges, counts.flatMap((count) => [count, count]).map((count) => -edge + (0.6 * edge * count) / most), "soft light");
    stairs.line([-edge, edge], [-edge, edge], "soft dotted");
    stairs.line(line, quantised(line, chosen).values, "reference");
    ratios.begin();
    ratios.line([1, MOST_BITS], [measured[7]! - 7 * 6.02, measured[7]! + 2 * 6.02], "soft dotted");
    ratios.dots(bits, measured, "reference", 4);
    ratios.dots([chosen], [measured[chosen - 1]!], "prediction", 6);
    const different = new Set(values).size;
    stage.say(`${chosen} bits: a step of ${shown(scale)}, ${different} different values, and a ratio of ${shown(measured[chosen - 1]!)} dB.`);
  };
}

begin({ attention_cost: attentionCost, rounded_weights: roundedWeights });
