// The live controls of the chapter "training".

import { rate, shares } from "../../twins/training";
import { shown } from "../numbers";
import { begin, type Stage } from "../stage";
import { trained } from "../trainer";

/** The learning rate over a run, and how far weights could move. */
function schedule(stage: Stage, data: { steps: number; learningRate: number }): () => void {
  const { steps, learningRate } = data;
  const chart = stage.chart({
    height: 240,
    x: { label: "step", low: 0, high: steps },
    y: { label: "learning rate", low: 0, high: 1.15 * learningRate },
  });
  const times = Array.from({ length: steps }, (_, t) => t);
  return () => {
    const recipe = { steps, learningRate, warmUp: stage.number("warm_up"), coolDown: stage.number("cool_down"), average: 0 };
    const rates = times.map((t) => rate(t, recipe));
    chart.begin();
    chart.area(times, rates, "reference light");
    chart.line(times, rates, "reference");
    const full = rates.reduce((sum, value) => sum + value, 0) / learningRate;
    stage.say(`Area under the curve: ${full.toFixed(1)} of ${steps} steps at the full rate.`);
  };
}

/** How much each step counts in the average of the weights. */
function averaging(stage: Stage): () => void {
  const chart = stage.chart({ height: 240, x: { label: "step", low: 0, high: 401 }, y: { label: "weight in the average", low: 0, high: 1 } });
  return () => {
    const [step, ceiling] = [stage.number("step"), 1 - 1 / stage.number("mean_age_at_most")];
    const parts = shares(step - 1, ceiling);
    const edges = parts.flatMap((_, s) => [s + 0.5, s + 1.5]);
    chart.y.high = 1.05 * Math.max(...parts);
    chart.begin();
    chart.area(edges, parts.flatMap((part) => [part, part]), "reference light");
    const age = parts.reduce((sum, part, s) => sum + part * (step - 1 - s), 0);
    const recent = parts.slice(-10).reduce((sum, part) => sum + part, 0);
    stage.say(
      `After ${step} steps, with a ceiling of ${shown(ceiling, 4)}, the mean age is ${age.toFixed(1)} steps; the last ten steps make up ${(100 * recent).toFixed(0)} %.`,
    );
  };
}

begin({ schedule, averaging, trained });
