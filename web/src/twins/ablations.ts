// Twins of functions of nmp_lessons/ablations, which says what they mean.

/** Which of many rows to accept by Holm's rule. */
export function holm(pValues: number[], level: number): boolean[] {
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]! || a - b);
  const accepted = pValues.map(() => false);
  for (const [k, row] of order.entries()) {
    if (pValues[row]! > level / (pValues.length - k)) break;
    accepted[row] = true;
  }
  return accepted;
}

/** The chance that at least one of several independent rows without effect is accepted at a level. */
export function atLeastOne(rows: number, level: number): number {
  return -Math.expm1(rows * Math.log1p(-level));
}
