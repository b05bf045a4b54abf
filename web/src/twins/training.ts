// Twins of methods of nmp_lessons.training.Recipe, which says what they mean.

export interface Recipe {
  steps: number;
  learningRate: number;
  warmUp: number; // steps
  coolDown: number; // proportion of the steps
  average: number;
}

/** The learning rate of a step. */
export function rate(step: number, { steps, learningRate, warmUp, coolDown }: Recipe): number {
  const fallsFrom = steps - Math.trunc(coolDown * steps);
  const up = Math.min(1, (step + 1) / Math.max(1, warmUp));
  const down = step < fallsFrom ? 1 : (steps - step) / (steps - fallsFrom);
  return learningRate * up * down;
}

/** The proportion of the running average that is kept at a step. */
export function kept(step: number, average: number): number {
  return Math.min(average, (step + 1) / (step + 20));
}

/** How much each step, from the first to this one, contributes to the average. */
export function shares(step: number, average: number): number[] {
  const found = new Array<number>(step + 1);
  let left = 1;
  for (let s = step; s >= 0; s--) {
    found[s] = (1 - kept(s, average)) * left;
    left *= kept(s, average);
  }
  return found;
}
