// Twins of functions of nmp_lessons/cross_entropy.py, which says what they mean.

export interface Loss {
  weight?: number;
  gamma?: number;
  smoothing?: number;
}

export type Pair = [number, number];

export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

export function logit(p: number): number {
  return Math.log(p / (1 - p));
}

export function weightedOptimum(proportion: number, weight: number): number {
  return (weight * proportion) / (weight * proportion + 1 - proportion);
}

export function balancingWeight(proportion: number): number {
  return (1 - proportion) / proportion;
}

/** What the constant output p costs: the positives' part and the negatives'. */
export function constantLoss(p: number, proportion: number, { weight = 1, gamma = 0, smoothing = 0 }: Loss = {}): Pair {
  const half = smoothing / 2;
  return [proportion * cost(p, 1 - half, weight, gamma), (1 - proportion) * cost(p, half, weight, gamma)];
}

/** How hard positives pull a shared logit up, and negatives down. */
export function constantPulls(p: number, proportion: number, { weight = 1, gamma = 0, smoothing = 0 }: Loss = {}): Pair {
  const half = smoothing / 2;
  return [-proportion * slope(p, 1 - half, weight, gamma), (1 - proportion) * slope(p, half, weight, gamma)];
}

/** Gradient descent on a shared logit: the output before the first step and after each. */
export function constantDescent(proportion: number, steps: number, loss: Loss, { rate = 1, start = 0.5 } = {}): number[] {
  let z = logit(start);
  const outputs = [start];
  for (let step = 0; step < steps; step++) {
    const [up, down] = constantPulls(outputs[step]!, proportion, loss);
    z += rate * (up - down);
    outputs.push(sigmoid(z));
  }
  return outputs;
}

/** The output at which both sides pull equally hard. */
export function restingOutput(proportion: number, loss: Loss): number {
  let [low, high] = [-30, 30];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    const [up, down] = constantPulls(sigmoid(middle), proportion, loss);
    if (up > down) low = middle;
    else high = middle;
  }
  return sigmoid((low + high) / 2);
}

function cost(p: number, y: number, weight: number, gamma: number): number {
  return -(Math.abs(y - p) ** gamma) * (weight * y * Math.log(p) + (1 - y) * Math.log1p(-p));
}

function slope(p: number, y: number, weight: number, gamma: number): number {
  const error = Math.abs(y - p);
  const plain = weight * y * (p - 1) + (1 - y) * p;
  const factor = error > 0 ? error ** (gamma - 1) * Math.sign(p - y) : 0;
  return error ** gamma * plain + gamma * factor * p * (1 - p) * cost(p, y, weight, 0);
}

export interface Detector {
  edge: number;
  recall: number;
  precision: number;
  f: number;
}

/** The best detector at the threshold one half, after training with a weight. */
export function detector(weight: number, proportion: number, apart: number): Detector {
  const edge = apart / 2 - Math.log((weight * proportion) / (1 - proportion)) / apart;
  const recall = below(apart - edge);
  const wrong = (1 - proportion) * below(-edge);
  const precision = (proportion * recall) / (proportion * recall + wrong);
  return { edge, recall, precision, f: (2 * precision * recall) / (precision + recall) };
}

/** The probability that a standard normal variable is below x: a series near 0, a continued fraction far from it. */
export function below(x: number): number {
  const far = Math.abs(x);
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (far < 3) {
    let [term, sum] = [x, x];
    for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) sum += term *= (x * x) / n;
    return 0.5 + density * sum;
  }
  let fraction = far;
  for (let n = 60; n > 0; n--) fraction = far + n / fraction;
  return x < 0 ? density / fraction : 1 - density / fraction;
}

/** The density of a normal variable with variance 1. */
export function normal(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}
