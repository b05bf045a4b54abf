// The live controls of the chapter "cross_entropy".

import {
  balancingWeight, constantDescent, constantLoss, constantPulls, detector, logit, normal, restingOutput, sigmoid, weightedOptimum,
} from "../../twins/cross_entropy";
import { shown } from "../numbers";
import { begin, type Stage } from "../stage";

const CELLS = 10; // of the tug of war
const grid = (low: number, high: number, points: number): number[] =>
  Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1));
const inside = grid(0.0025, 0.9975, 400);

/** Ten cells pull at one logit; let go, it moves until both sides pull equally hard. */
function tugOfWar(stage: Stage): () => void {
  const bars = stage.chart({
    height: 150,
    label: "Pulls of ten cells",
    x: { label: "← pull down\u2003\u2003pull up →", low: -5, high: 5, ticks: [-4, -2, 0, 2, 4], names: ["4", "2", "0", "2", "4"] },
    y: { label: "", low: 0, high: 1, ticks: [] },
  });
  const curve = stage.chart({
    height: 240,
    label: "Loss of the ten cells",
    x: { label: "shared logit z", low: -5, high: 5 },
    y: { label: "loss of the ten cells (nats)", low: 0, high: 30 },
  });
  const handle = curve.handle({
    label: "shared logit",
    look: "ink",
    axis: "x",
    step: 0.1,
    move: (z) => stage.set("logit", z),
  });
  curve.drag((z) => stage.set("logit", z));
  stage.button("Let go", () => {
    let z = stage.number("logit");
    stage.animate(() => {
      const [up, down] = pulls(z);
      z += 0.04 * (up - down);
      stage.set("logit", z);
      return Math.abs(up - down) > 0.03 && Math.abs(z) < 5;
    });
  });
  const share = (): number => stage.number("positives") / CELLS;
  const pulls = (z: number): [number, number] => {
    const [up, down] = constantPulls(sigmoid(z), share(), { weight: stage.number("weight") });
    return [CELLS * up, CELLS * down];
  };
  const zs = grid(-5, 5, 200);

  return () => {
    const [z, weight, positives] = [stage.number("logit"), stage.number("weight"), stage.number("positives")];
    const losses = (at: number): number => {
      const [yes, no] = constantLoss(sigmoid(at), share(), { weight });
      return CELLS * (yes + no);
    };
    const [up, down] = pulls(z);
    const widest = Math.max(5, 1.15 * Math.max(up, down));
    bars.x.low = -widest;
    bars.x.high = widest;
    const half = widest / 2 > 4 ? Math.round(widest / 2) : 4;
    bars.x.ticks = [-half, -half / 2, 0, half / 2, half];
    bars.x.names = [half, half / 2, 0, half / 2, half].map((tick) => shown(tick));
    bars.begin();
    for (let i = 0; i < CELLS - positives; i++) bars.box((-down * i) / (CELLS - positives), 0.2, (-down * (i + 1)) / (CELLS - positives), 0.8, "soft");
    for (let i = 0; i < positives; i++) bars.box((up * i) / positives, 0.2, (up * (i + 1)) / positives, 0.8, "reference");
    bars.upright(0, "ink thin");
    bars.text(-down, 0.5, shown(down), { anchor: "end", dx: -6, dy: 4 });
    bars.text(up, 0.5, shown(up), { anchor: "start", dx: 6, dy: 4 });
    const curves = zs.map(losses);
    curve.y.high = Math.max(...curves) * 1.02;
    curve.begin();
    curve.line(zs, curves, "ink");
    const here = losses(z);
    const tilt = up - down; // the loss falls at this rate
    curve.line([z - 1.2, z + 1.2], [here + 1.2 * tilt, here - 1.2 * tilt], "prediction");
    curve.upright(logit(weightedOptimum(share(), weight)), "soft dotted");
    handle.place(z, here, `${shown(z)}, p = ${shown(sigmoid(z))}`);
    const verdict = Math.abs(tilt) < 0.05 ? "in balance" : `so the logit goes ${tilt > 0 ? "up" : "down"}`;
    stage.say(`p = ${shown(sigmoid(z))}: a pull of ${shown(up)} up and ${shown(down)} down, ${verdict}.`);
  };
}

/** The expected loss of a constant output, for any proportion and weight. */
function constantOutput(stage: Stage): () => void {
  const chart = stage.chart({
    height: 270,
    x: { label: "output p", low: 0, high: 1 },
    y: { label: "loss (lowest = 1)", low: 0, high: 3 },
  });
  chart.legend(["reference dashed", "positives"], ["prediction dotted", "negatives"], ["ink", "both"]);
  stage.button("Balancing weight", () => stage.set("weight", balancingWeight(stage.number("positives"))));
  return () => {
    const [positives, weight] = [stage.number("positives"), stage.number("weight")];
    const best = weightedOptimum(positives, weight);
    const [yes, no] = constantLoss(best, positives, { weight });
    const scale = yes + no;
    const parts = inside.map((p) => constantLoss(p, positives, { weight }));
    chart.begin();
    chart.line(inside, parts.map(([part]) => part / scale), "reference dashed");
    chart.line(inside, parts.map(([, part]) => part / scale), "prediction dotted");
    chart.line(inside, parts.map(([a, b]) => (a + b) / scale), "ink");
    chart.dots([best], [1], "ink", 5);
    stage.say(`w = ${shown(weight)}: lowest at p = ${shown(best)}. The balancing weight is ${shown(balancingWeight(positives))}.`);
  };
}

/** Gradient descent for ten kinds of cells, and the weighted optimum. */
function found(stage: Stage, data: { observed: number[] }): () => void {
  const chart = stage.chart({
    height: 300,
    x: { label: "proportion of positives", low: 0, high: 1 },
    y: { label: "output", low: 0, high: 1 },
  });
  chart.legend(["soft dotted", "calibrated"], ["reference", "weighted optimum"], ["dot prediction", "learned so far"]);
  const line = grid(0, 1, 200);
  return () => {
    const [weight, steps] = [stage.number("weight"), stage.number("steps")];
    const learned = data.observed.map((proportion) => constantDescent(proportion, steps, { weight }).at(-1)!);
    const away = Math.max(...learned.map((p, i) => Math.abs(p - weightedOptimum(data.observed[i]!, weight))));
    chart.begin();
    chart.line([0, 1], [0, 1], "soft dotted");
    chart.line(line, line.map((proportion) => weightedOptimum(proportion, weight)), "reference");
    chart.dots(data.observed, learned, "prediction", 5);
    const distance = away < 0.001 ? "less than 0.001" : shown(away, 2);
    stage.say(`w = ${shown(weight)}, ${shown(steps)} steps: the farthest dot is ${distance} away from the line.`);
  };
}

/** A detector of one number, its threshold at one half. */
function detectorAtOneHalf(stage: Stage): () => void {
  const chart = stage.chart({
    height: 270,
    x: { label: "x", low: -4, high: 6 },
    y: { label: "density (logarithmic)", low: 1e-5, high: 1, log: true },
  });
  chart.legend(["soft dotted", "negatives"], ["reference", "positives"], ["area hit light", "says yes"]);
  stage.button("Balancing weight", () => stage.set("weight", balancingWeight(stage.number("positives"))));
  const xs = grid(-4, 6, 200);
  return () => {
    const [weight, rare, apart] = [stage.number("weight"), stage.number("positives"), stage.number("distance")];
    const { edge, recall, precision, f } = detector(weight, rare, apart);
    chart.begin();
    chart.box(Math.min(Math.max(edge, -4), 6), 1e-5, 6, 1, "hit light");
    chart.line(xs, xs.map((x) => (1 - rare) * normal(x)), "soft dotted");
    chart.line(xs, xs.map((x) => rare * normal(x - apart)), "reference");
    if (edge > -4 && edge < 6) chart.upright(edge, "hit");
    stage.say(`Recall ${recall.toFixed(2)}, precision ${precision.toFixed(2)}, F ${f.toFixed(2)}; it says yes above x = ${shown(edge)}.`);
  };
}

/** Loss and pull of a positive, with a focal factor. */
function focus(stage: Stage): () => void {
  const x = { label: "output p", low: 0, high: 1 };
  const loss = stage.chart({ height: 240, x, y: { label: "loss (nats)", low: 0, high: 4 } });
  const pull = stage.chart({ height: 240, x: { ...x }, y: { label: "pull", low: 0, high: 1.5 } });
  loss.legend(["soft dotted", "cross-entropy"], ["reference", "focal"]);
  const here = pull.handle({ label: "output p", look: "prediction", axis: "x", step: 0.01, move: (p) => move(p) });
  let p = 0.95;
  const move = (to: number): void => {
    p = Math.min(Math.max(to, 0.005), 0.995);
    stage.change();
  };
  for (const chart of [loss, pull]) chart.drag(move);
  return () => {
    const gamma = stage.number("gamma");
    const lossAt = (at: number, exponent: number): number => constantLoss(at, 1, { gamma: exponent })[0];
    const pullAt = (at: number, exponent: number): number => constantPulls(at, 1, { gamma: exponent })[0];
    for (const [chart, height] of [[loss, lossAt], [pull, pullAt]] as const) {
      chart.begin();
      chart.line(inside, inside.map((at) => height(at, 0)), "soft dotted");
      chart.line(inside, inside.map((at) => height(at, gamma)), "reference");
    }
    loss.dots([p], [lossAt(p, gamma)], "prediction", 6);
    const [strength, plain] = [pullAt(p, gamma), pullAt(p, 0)];
    here.place(p, strength, `${shown(p)}, pull ${shown(strength)}`);
    stage.say(
      `γ = ${shown(gamma)}: at p = ${shown(p)} the pull is ${shown(strength)}, ${shown(strength / plain)} times that of the cross-entropy.`,
    );
  };
}

const POINTS = 25; // of a curve to draw
const NEAR = { mean: 0.15, most: 0.6 }; // a drawing counts as right up to here

/** A pull to draw; the page compares it with the true one, and with those of common mistakes. */
function drawnPull(stage: Stage, data: { curves: Record<string, { positives: number; weight: number }> }): () => void {
  const zs = grid(-6, 6, POINTS);
  const drawing = zs.map(() => 0);
  let [at, task, compared] = [POINTS >> 1, "", false];
  const chart = stage.chart({
    height: 300,
    x: { label: "logit z", low: -6, high: 6 },
    y: { label: "pull (up is positive)", low: -1.5, high: 4.5 },
  });
  const put = (index: number, y: number): void => {
    at = Math.min(Math.max(index, 0), POINTS - 1);
    drawing[at] = Math.min(Math.max(y, chart.y.low), chart.y.high);
    stage.change();
  };
  chart.drag(
    (x, y, first) => {
      const [from, to] = [at, Math.round(((x + 6) / 12) * (POINTS - 1))];
      const [before, steps] = [drawing[from]!, Math.abs(to - from)];
      if (first || steps === 0) return put(to, y);
      for (let i = 1; i <= steps; i++) put(from + Math.sign(to - from) * i, before + ((y - before) * i) / steps);
    },
    { paint: true },
  );
  const go = (index: number): void => put(index, drawing[Math.min(Math.max(index, 0), POINTS - 1)]!);
  const cursor = chart.cursor("pull", "prediction", {
    ArrowLeft: () => go(at - 1),
    ArrowRight: () => go(at + 1),
    ArrowUp: () => put(at, drawing[at]! + 0.1),
    ArrowDown: () => put(at, drawing[at]! - 0.1),
  });
  const compare = stage.button("Compare", () => {
    compared = true;
    stage.change();
  });
  stage.button("Start again", () => {
    drawing.fill(0);
    compared = false;
    stage.change();
  });
  return () => {
    const { positives, weight } = data.curves[stage.choice("pull_of")]!;
    if (task !== stage.choice("pull_of")) [task, compared] = [stage.choice("pull_of"), false];
    const pull = (z: number, by = weight): number => {
      const [up, down] = constantPulls(sigmoid(z), positives, { weight: by });
      return up - down;
    };
    const loss = (z: number): number => constantLoss(sigmoid(z), positives, { weight }).reduce((sum, part) => sum + part);
    const truth = zs.map((z) => pull(z));
    chart.legend(["prediction", "your drawing"], ...(compared ? [["reference dashed", "the pull"] as [string, string]] : []));
    chart.begin();
    chart.line([-6, 6], [0, 0], "ink thin");
    chart.line(zs, drawing, "prediction");
    if (compared) chart.line(zs, truth, "reference dashed");
    cursor.place(zs[at]!, drawing[at]!, `${shown(drawing[at]!, 2)} at a logit of ${shown(zs[at]!)}`);
    compare.disabled = compared;
    if (!compared) return stage.say(`Draw the pull of ${task}, then compare.`);
    const away = (curve: number[]): number => curve.reduce((sum, y, i) => sum + Math.abs(y - drawing[i]!), 0) / POINTS;
    const gaps = truth.map((y, i) => Math.abs(y - drawing[i]!));
    const worst = gaps.indexOf(Math.max(...gaps));
    const mean = away(truth);
    if (mean <= NEAR.mean && gaps[worst]! <= NEAR.most) return stage.say(`Right: on average you are ${shown(mean, 2)} away from it.`);
    const mistakes: [number[], string][] = [
      [truth.map((y) => -y), "You drew the gradient of the loss. The pull goes the other way, downhill."],
      [zs.map(loss), "You drew the loss itself. The pull is how steeply it falls as the logit grows."],
      [zs.map((z) => pull(z, 1)), "You left out the weight."],
    ];
    const mistake = mistakes.find(([curve]) => away(curve) <= NEAR.mean && away(curve) < mean);
    const gap = `At a logit of ${shown(zs[worst]!)} you drew ${shown(drawing[worst]!, 2)}, and the pull is ${shown(truth[worst]!, 2)}.`;
    stage.say(mistake ? mistake[1] : `Not yet. ${gap}`);
  };
}

/** Four losses move one shared output, step by step, each to its own resting place. */
function race(stage: Stage): () => void {
  const steps = 120;
  const chart = stage.chart({
    height: 300,
    x: { label: "step of gradient descent", low: 0, high: steps },
    y: { label: "output p of all cells", low: 0, high: 1 },
  });
  chart.legend(["ink", "cross-entropy"], ["reference dashed", "weighted"], ["prediction", "focal"], ["extra dotted", "smoothed"]);
  const times = grid(0, steps, steps + 1);
  return () => {
    const proportion = stage.number("positives");
    const losses = [
      ["cross-entropy", "ink", {}],
      ["weighted", "reference dashed", { weight: stage.number("weight") }],
      ["focal", "prediction", { gamma: stage.number("gamma") }],
      ["smoothed", "extra dotted", { smoothing: stage.number("smoothing") }],
    ] as const;
    chart.begin();
    const rests = losses.map(([name, look, loss]) => {
      const rest = restingOutput(proportion, loss);
      chart.line(times, constantDescent(proportion, steps, loss), look);
      chart.dots([steps], [rest], look.split(" ")[0]!, 5);
      return `${name} ${shown(rest)}`;
    });
    stage.say(`They come to rest at: ${rests.join(", ")}.`);
  };
}

begin({
  tug_of_war: tugOfWar,
  constant_output: constantOutput,
  found,
  detector_at_one_half: detectorAtOneHalf,
  focus,
  drawn_pull: drawnPull,
  race,
});
