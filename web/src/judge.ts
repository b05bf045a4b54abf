// Is an attempt right, and if not, what would help? The same rules as nmp_lessons/book/answers/judging.py.

import { parse, UnknownName, Unreadable, type Values } from "./expression";

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

const FORMULA_TOLERANCE = 1e-6;
const NEAR = 10;

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
  const found = value(attempt, key.units);
  if (!Number.isFinite(found)) return wrong("That has no finite value.");
  if (within(found, key.value, key.tolerance)) return right(key);
  for (const miss of key.misses) if (within(found, miss.value, key.tolerance)) return wrong(miss.hint);
  if (within(found, key.value, NEAR * key.tolerance)) return wrong("Close. Carry more digits.");
  return unhelped(attempt, () => within(value(attempt, key.units, true), key.value, key.tolerance));
}

function within(found: number, target: number, tolerance: number): boolean {
  return Math.abs(found - target) <= tolerance + 1e-9 * Math.abs(target);
}

function value(attempt: string, units: Record<string, number>, commonLog = false): number {
  const [text, scale] = withoutUnit(attempt.trim(), units);
  return parse(text, [], { commonLog })({}) * scale;
}

function withoutUnit(text: string, units: Record<string, number>): [string, number] {
  const names = Object.keys(units).sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  for (const name of names) {
    const head = text.slice(0, -name.length);
    if (text.toLowerCase().endsWith(name.toLowerCase()) && head && !/\p{L}$/u.test(head)) return [head, units[name]!];
  }
  return [text, 1];
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
  const rows = attempt.map((row) => row.map((entry) => value(entry, {})));
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
  const miss = key.misses.find((each) => agree(found, each.values));
  return miss ? wrong(miss.hint) : unhelped(attempt, () => agree(values(true), key.values));
}

function agree(found: number[], target: number[]): boolean {
  const scale = Math.max(...target.map(Math.abs));
  return found.every((each, i) => Math.abs(each - target[i]!) <= FORMULA_TOLERANCE * (Math.abs(target[i]!) + 1e-3 * scale));
}
