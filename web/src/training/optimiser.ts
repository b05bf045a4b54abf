// What happens to a gradient: it is clipped, AdamW turns it into a step, and a running average follows the weights.

import { kept, rate } from "../twins/training";
import type { Plan } from "./messages";

export type Numbers = Record<string, Float32Array>;

const [BETA1, BETA2, EPSILON] = [0.9, 0.99, 1e-8]; // nmp_lessons.training.recipe.OPTIMISERS

export class Optimiser {
  step = 0;
  readonly weights: Numbers;
  readonly average: Numbers;
  private readonly first: Numbers;
  private readonly second: Numbers;

  constructor(
    start: Numbers,
    private readonly recipe: Plan["recipe"],
  ) {
    const copy = (change: (values: Float32Array) => Float32Array): Numbers =>
      Object.fromEntries(Object.entries(start).map(([name, values]) => [name, change(values)]));
    this.weights = copy((values) => values.slice());
    this.average = copy((values) => values.slice());
    this.first = copy((values) => new Float32Array(values.length));
    this.second = copy((values) => new Float32Array(values.length));
  }

  /** One step against a gradient (eq-step, eq-adam), as torch.optim.AdamW takes it. */
  follow(gradient: Numbers): void {
    const { recipe, step } = this;
    const eta = rate(step, recipe);
    const shorter = Math.min(1, recipe.clip / (norm(gradient) + 1e-6));
    const [left1, left2] = [1 - BETA1 ** (step + 1), 1 - BETA2 ** (step + 1)];
    const keep = kept(step, recipe.average);
    for (const [name, weights] of Object.entries(this.weights)) {
      const [g, m, v, average] = [gradient[name]!, this.first[name]!, this.second[name]!, this.average[name]!];
      for (let i = 0; i < weights.length; i++) {
        const slope = shorter * g[i]!;
        m[i] = BETA1 * m[i]! + (1 - BETA1) * slope;
        v[i] = BETA2 * v[i]! + (1 - BETA2) * slope ** 2;
        const direction = m[i]! / left1 / (Math.sqrt(v[i]! / left2) + EPSILON);
        weights[i] = weights[i]! * (1 - eta * recipe.weightDecay) - eta * direction;
        average[i] = keep * average[i]! + (1 - keep) * weights[i]!;
      }
    }
    this.step++;
  }
}

/** The length of a gradient. */
export function norm(gradient: Numbers): number {
  return Math.sqrt(Object.values(gradient).reduce((sum, values) => sum + values.reduce((part, x) => part + x * x, 0), 0));
}
