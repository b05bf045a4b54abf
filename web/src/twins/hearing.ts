// Twins of functions of nmp_lessons/hearing.py, which says what they mean. Times are seconds, in ascending order.

import { percentile } from "./evaluation";

const NEAR = 0.2;

export interface JudgedMarks {
  hits: number;
  misses: number;
  extra: number;
  f: number;
  near: number;
  deviation: number;
  movedF: number;
}

type Best = [pairs: number, squares: number]; // the latter negative, so that more is better

const better = (a: Best, b: Best): Best => (b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a);
const same = (a: Best, b: Best): boolean => a[0] === b[0] && a[1] === b[1];

/** A greatest matching with the least sum of squared distances. */
export function pairedMarks(struck: number[], marks: number[], tolerance: number): [number, number][] {
  const best = Array.from({ length: struck.length + 1 }, () => Array.from({ length: marks.length + 1 }, (): Best => [0, 0]));
  struck.forEach((moment, i) => {
    marks.forEach((mark, j) => {
      let found = better(best[i]![j + 1]!, best[i + 1]![j]!);
      if (Math.round(Math.abs(moment - mark) * 1e4) / 1e4 <= tolerance) {
        const [pairs, squares] = best[i]![j]!;
        found = better(found, [pairs + 1, squares - (moment - mark) ** 2]);
      }
      best[i + 1]![j + 1] = found;
    });
  });
  const pairs: [number, number][] = [];
  let [i, j] = [struck.length, marks.length];
  while (i && j) {
    if (same(best[i]![j]!, best[i - 1]![j]!)) i--;
    else if (same(best[i]![j]!, best[i]![j - 1]!)) j--;
    else pairs.unshift([--i, --j]);
  }
  return pairs;
}

export function judgedMarks(struck: number[], marks: number[], tolerance: number): JudgedMarks {
  const near = pairedMarks(struck, marks, NEAR);
  const late = near.map(([i, j]) => marks[j]! - struck[i]!).sort((a, b) => a - b);
  const deviation = near.length ? percentile(late, 50) : 0;
  const hits = pairedMarks(struck, marks, tolerance).length;
  const moved = pairedMarks(struck, marks.map((mark) => mark - deviation), tolerance).length;
  const total = Math.max(struck.length + marks.length, 1);
  const [misses, extra] = [struck.length - hits, marks.length - hits];
  return { hits, misses, extra, f: (2 * hits) / total, near: near.length, deviation, movedF: (2 * moved) / total };
}
