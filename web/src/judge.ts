// Is an attempt right, and if not, what would help? The same rules as nmp_lessons/book/answers/judging.py.

import { normalised, parse, read, type Tree, UnknownName, Unreadable, type Values } from "./expression";

interface Common {
  name: string;
  right?: string;
}

interface Miss<Value> {
  value: Value;
  hint: string;
}

export interface NumberKey extends Common {
  kind: "number";
  value: number;
  tolerance: number;
  unit: string;
  units: Record<string, number>;
  misses: Miss<number>[];
}

export interface MatrixKey extends Common {
  kind: "matrix";
  value: number[][];
  tolerance: number;
  misses: Miss<number[][]>[];
}

export interface ChoiceKey extends Common {
  kind: "choice";
  value: string;
  letters: string[];
  misses: Miss<string>[];
}

export interface FormulaKey extends Common {
  kind: "formula";
  variables: string[];
  points: Values[];
  values: number[];
  misses: { values: number[]; hint: string }[];
}

export type Key = NumberKey | MatrixKey | ChoiceKey | FormulaKey;
export type Attempt = string | string[][];

export interface Verdict {
  right: boolean;
  message: string;
  wrong?: [row: number, column: number][]; // entries of a matrix
}

const FORMULA_TOLERANCE = 1e-6; // relative
const NEAR = 10; // number of tolerances within which a number is called close
const ROUNDED = 0.05; // relative: no rounding is coarser, or has more effect on a formula
const ROUNDING = "Close: check your rounding, or carry more digits.";

/** Compares an attempt with the key of its exercise; `latex` says how a formula was typed. */
export function judge(key: Key, attempt: Attempt, latex = false): Verdict {
  try {
    if (key.kind === "matrix") return judgeMatrix(key, attempt as string[][]);
    const text = attempt as string;
    if (key.kind === "number") return judgeNumber(key, text);
    return key.kind === "choice" ? judgeChoice(key, text) : judgeFormula(key, text, latex);
  } catch (problem) {
    if (problem instanceof UnknownName) return wrong(`${problem.message} ${known(key)}`);
    if (problem instanceof Unreadable) return wrong(problem.message);
    throw problem;
  }
}

const wrong = (message: string): Verdict => ({ right: false, message });
const right = (key: Key): Verdict => ({ right: true, message: key.right || "Right." });

function known(key: Key): string {
  if (key.kind === "formula") return `The symbols here are ${key.variables.join(", ")}.`;
  const unit = key.kind === "number" && key.unit;
  return unit ? `Answer in ${unit}, or with a bare number.` : "Answer with a number.";
}

// Numbers

function judgeNumber(key: NumberKey, attempt: string): Verdict {
  const { value: found, step } = numberOf(attempt, key.units);
  if (!Number.isFinite(found)) return wrong("That has no finite value.");
  const { value: target, tolerance } = key;
  if (within(found, target, tolerance)) return right(key);
  const near: [distance: number, message: string][] = [];
  if (within(found, target, NEAR * tolerance) || truncates(found, target, step)) {
    near.push([Math.abs(found - target), ROUNDING]);
  }
  for (const miss of key.misses) {
    if (within(found, miss.value, tolerance) || rounds(found, miss.value, step / 2)) {
      near.push([Math.abs(found - miss.value), miss.hint]);
    }
  }
  const nearest = near.sort(([a], [b]) => a - b)[0];
  if (nearest) return wrong(nearest[1]);
  return unhelped(attempt, () => within(numberOf(attempt, key.units, true).value, target, tolerance));
}

function within(found: number, target: number, tolerance: number): boolean {
  return Math.abs(found - target) <= tolerance + 1e-13 * Math.abs(target);
}

/** Whether a number is a rounding of another, with half a unit of its last digit. */
function rounds(found: number, target: number, half: number): boolean {
  return Math.abs(found - target) <= Math.min(half * (1 + 1e-9), ROUNDED * Math.abs(target));
}

/** Whether a number is a rounding of another in the wrong direction, or a target before it is made whole. */
function truncates(found: number, target: number, step: number): boolean {
  const least = Number.isInteger(target) && !Number.isInteger(found) ? 1 : 0;
  const distance = Math.abs(found - target);
  return distance < Math.max(step, least) * (1 - 1e-9) && distance <= ROUNDED * Math.abs(target);
}

interface Typed {
  tree: Tree;
  value: number;
  step: number; // one unit of the last digit, zero if it isn't a single number
  unit: string; // the one that was typed, or none
}

function numberOf(attempt: string, units: Record<string, number>, commonLog = false): Typed {
  const [text, unit] = withoutUnit(attempt, units);
  const scale = units[unit] ?? 1;
  const tree = read(text, [], { commonLog });
  return { tree, value: tree.value({}) * scale, step: stepOf(text) * scale, unit };
}

function withoutUnit(text: string, units: Record<string, number>): [text: string, unit: string] {
  text = text.trim().replace(/\\(?:mathrm|text|textrm|operatorname)\{\s*([^{}]*?)\s*\}$/, " $1");
  const names = Object.keys(units).sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  for (const name of names) {
    const head = text.slice(0, -name.length);
    if (text.toLowerCase().endsWith(name.toLowerCase()) && head && !/\p{L}$/u.test(head)) {
      return [name === "%" ? head.replace(/\\$/, "") : head, name];
    }
  }
  return [text, ""];
}

function stepOf(text: string): number {
  const written = /^[+-]?[0-9]+\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?$/.exec(normalised(text).replace(/\s/g, ""));
  return written ? 10 ** (Number(written[2] ?? 0) - written[1]!.length) : 0;
}

/** The one general suspicion, a common logarithm written without its base; else "Not yet.". */
function unhelped(attempt: string, isCommonLog: () => boolean): Verdict {
  if (attempt.includes("log") && isCommonLog()) {
    return wrong("Here log without a base is the natural logarithm. Write log10 if you mean base ten.");
  }
  return wrong("Not yet.");
}

// Matrices

function judgeMatrix(key: MatrixKey, attempt: string[][]): Verdict {
  const rows = attempt.map((row) => row.map((entry) => numberOf(entry, {}).value));
  const differing = (target: number[][]) =>
    target.flatMap((row, i) =>
      row.flatMap((each, j) => (within(rows[i]![j]!, each, key.tolerance) ? [] : [[i, j] as [number, number]])),
    );
  const missed = differing(key.value);
  if (!missed.length) return right(key);
  const miss = key.misses.find((each) => !differing(each.value).length);
  if (miss) return { ...wrong(miss.hint), wrong: missed };
  const total = key.value.length * key.value[0]!.length;
  return { ...wrong(`Not yet: ${total - missed.length} of ${total} entries are right.`), wrong: missed };
}

// Choices

function judgeChoice(key: ChoiceKey, attempt: string): Verdict {
  const letter = attempt.trim().toLowerCase();
  if (letter === key.value) return right(key);
  const miss = key.misses.find((each) => each.value === letter);
  if (miss) return wrong(miss.hint);
  return wrong(key.letters.includes(letter) ? "Not yet." : `Choose one of ${key.letters.join(", ")}.`);
}

// Formulas

function judgeFormula(key: FormulaKey, attempt: string, latex: boolean): Verdict {
  const values = (commonLog: boolean) => key.points.map(parse(attempt, key.variables, { latex, commonLog }));
  const found = values(false);
  if (!found.every(Number.isFinite)) return wrong("Your formula has no finite value for some values of its symbols.");
  if (agree(found, key.values)) return right(key);
  const known = [{ values: key.values, hint: ROUNDING }, ...key.misses];
  const hasDecimals = /[0-9]\.[0-9]|\.[0-9]/.test(attempt);
  for (const tolerance of hasDecimals ? [FORMULA_TOLERANCE, ROUNDED] : [FORMULA_TOLERANCE]) {
    const near = known.find((each) => agree(found, each.values, tolerance));
    if (near) return wrong(near.hint);
  }
  return unhelped(attempt, () => agree(values(true), key.values));
}

function agree(found: number[], target: number[], tolerance = FORMULA_TOLERANCE): boolean {
  const scale = Math.max(...target.map(Math.abs));
  return found.every((each, i) => Math.abs(each - target[i]!) <= tolerance * (Math.abs(target[i]!) + 1e-3 * scale));
}

// Readings

/** How an attempt is read, as markup to be shown before it is judged; empty if it can't be read or has no reading. */
export function reading(key: Key, attempt: Attempt, latex = false): string {
  try {
    if (key.kind === "formula") return math(read(attempt as string, key.variables, { latex }));
    return key.kind === "number" ? readingOfNumber(key, attempt as string) : "";
  } catch (problem) {
    if (problem instanceof Unreadable) return "";
    throw problem;
  }
}

const math = (tree: Tree) => `<math displaystyle="true">${tree.shown.mathml}</math>`;

function readingOfNumber(key: NumberKey, attempt: string): string {
  const { tree, value, step, unit } = numberOf(attempt, key.units);
  const isPlain = step > 0 && (key.units[unit] ?? 1) === 1;
  if (isPlain || !Number.isFinite(value)) return `${math(tree)} ${key.unit}`;
  const whole = Number.isInteger(value) && Math.abs(value) < 1e15;
  return `${math(tree)} ${unit} = ${whole ? value : Number(value.toPrecision(6))} ${key.unit}`.replace("= -", "= −");
}
