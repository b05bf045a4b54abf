// Mathematics as readers type it, plain or LaTeX: the same reader as nmp_lessons/book/answers/expressions.py,
// message for message. Nothing typed is ever evaluated as JavaScript.

import { shownApplied, shownBinary, shownName, shownNegative, shownNumber, shownPercent, type Shown } from "./reading";

export type Values = Readonly<Record<string, number>>;
export type Evaluate = (values: Values) => number;

export class Unreadable extends Error {}

export class UnknownName extends Unreadable {
  constructor(name: string) {
    super(`I do not know “${name}” here.`);
  }
}

interface Options {
  latex?: boolean;
  commonLog?: boolean;
}

const LONGEST = 500;
const MOST_OPENED = 80; // brackets and bars
const CONSTANTS: Values = { pi: Math.PI, e: Math.E };
const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  sqrt: Math.sqrt,
  exp: Math.exp,
  ln: Math.log,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  abs: Math.abs,
  floor: Math.floor,
  ceil: Math.ceil,
  round: (x) => Math.floor(x + 0.5),
};
export const FOREIGN = ["arccos", "arcsin", "arctan", "cosh", "max", "min", "mod", "sinh", "tanh"]; // or cosh would be cos h
const SYMBOLS: readonly [string, string][] = [
  ["−", "-"],
  ["‐", "-"],
  ["‑", "-"],
  ["‒", "-"],
  ["–", "-"],
  ["—", "-"],
  ["―", "-"],
  ["\u00ad", ""],
  ["×", "*"],
  ["·", "*"],
  ["⋅", "*"],
  ["∗", "*"],
  ["÷", "/"],
  ["∕", "/"],
  ["π", "pi"],
  ["’", "'"],
  ["**", "^"],
  ["⌊", " floor("],
  ["⌋", ")"],
  ["⌈", " ceil("],
  ["⌉", ")"],
  ["\u200b", ""],
  ["\u2060", ""],
  ["\ufeff", ""],
];
const LATEX: readonly [RegExp, string][] = [
  [/\\([$~])/g, "$1"],
  [/^\s*(\$\$?)(.*)\1\s*$/g, "$2"],
  [/^\s*\\\((.*)\\\)\s*$|^\s*\\\[(.*)\\\]\s*$/g, "$1$2"],
  [/\\left\\lbrace,\\right\\rbrace|\{,\}/g, ","],
  [/\\(?:dfrac|tfrac|cfrac)/g, "\\frac"],
  [/(?:\\m?left)?\\lfloor/g, " floor("],
  [/(?:\\m?left)?\\lceil/g, " ceil("],
  [/\\m?left(?:\||\\vert)|\\lvert/g, " abs("],
  [/\\m?right(?:\||\\vert)|\\rvert|(?:\\m?right)?\\(?:rfloor|rceil)/g, ")"],
  [/\\(?:left|right|mleft|mright|displaystyle)(?![A-Za-z])/g, ""],
  [/\\(?:lbrace|lbrack)(?![A-Za-z])|\\\{/g, "("],
  [/\\(?:rbrace|rbrack)(?![A-Za-z])|\\\}/g, ")"],
  [/\\(?:vert|mid)(?![A-Za-z])/g, "|"],
  [/\\surd(?![A-Za-z])/g, "√"],
  [/\\(?:cdot|times|ast)(?![A-Za-z])/g, "*"],
  [/\\div(?![A-Za-z])/g, "/"],
  [/\\exponentialE(?![A-Za-z])/g, " e "],
  [/\\(?:mathrm|text|mathit)\{([A-Za-z0-9]+)\}/g, " $1 "],
  [/\\operatorname\{\s*([A-Za-z0-9]+)\s*\}/g, " $1 "],
  [/\\%/g, "%"],
  [/\\(?:thinspace|enspace|quad)(?![A-Za-z])|\\[,;:! ]|(?<=\S)~/g, " "],
  [/(?<![A-Za-z])(?:math|Math|np|numpy)\.(?=[A-Za-z])/g, ""],
];
const GROUPED = /(?<![A-Za-z0-9_.,^])[1-9][0-9]{0,2}([,\s'_])[0-9]{3}(?:\1[0-9]{3})*(?![0-9,])/g; // 22 050
const NUMERAL = /^[0-9.]+(?:[eE][+-]?[0-9][0-9.]*)?/;
const NUMBER = /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
// the fraction of a mixed number, plain or LaTeX
const HALF = /^(?:([0-9]+)\s*\/\s*([0-9]+)|\\frac\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))\s*(?:\{\s*([0-9]+)\s*\}|([0-9])))/;
const ALONE = /(?:^|[-+*/({[])\s*[({[]\s*$/; // what a number in brackets by itself stands behind
const TEN = /^\s*([+-]?)\s*([0-9]+)/; // what follows the e of a power of ten, with needless spaces
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "{": "}", "[": "]" };

/** An expression as it was read: what it evaluates to, and how it is shown. */
export interface Tree {
  value: Evaluate;
  shown: Shown;
}

/** Reads an expression; throws Unreadable. */
export function read(text: string, variables: readonly string[] = [], options: Options = {}): Tree {
  return new Reader(text, variables, options).read();
}

/** Reads an expression; throws Unreadable. The result evaluates it, to NaN where it has no value. */
export function parse(text: string, variables: readonly string[] = [], options: Options = {}): Evaluate {
  return read(text, variables, options).value;
}

type Spelling = [typed: string, kind: "variable" | "function" | "constant" | "foreign", name: string];

class Reader {
  private readonly latex: boolean;
  private readonly text: string;
  private readonly log: (x: number) => number;
  private readonly spellings: Spelling[];
  private position = 0;
  private bars = 0; // open bars of absolute values
  private last: [begin: number, end: number] = [0, 0]; // the latest number

  constructor(text: string, variables: readonly string[], { latex = false, commonLog = false }: Options) {
    if ([...text].length > LONGEST || (text.match(/[({[|]/g) ?? []).length > MOST_OPENED) {
      throw new Unreadable("That is too long.");
    }
    if (text.includes("\\placeholder")) throw new Unreadable("A box of the formula is still empty.");
    this.latex = latex || text.includes("\\") || text.trimStart().startsWith("$");
    this.text = released(normalised(text), variables);
    this.log = commonLog ? Math.log10 : Math.log;
    this.spellings = spellings(variables);
  }

  read(): Tree {
    if (!this.peek()) throw new Unreadable("There is nothing to read yet.");
    const tree = this.sum();
    if (this.peek()) throw this.unexpected();
    return tree;
  }

  private peek(): string {
    while (/\s/.test(this.text.charAt(this.position))) this.position++;
    return this.text.charAt(this.position);
  }

  private get rest(): string {
    return this.text.slice(this.position);
  }

  private take(characters: string): string {
    const found = this.peek();
    if (!found || !characters.includes(found)) return "";
    this.position++;
    return found;
  }

  private unexpected(): Unreadable {
    const found = this.peek();
    if (!found) return new Unreadable("Something is missing at the end.");
    if (found === ",") return new Unreadable("Write the decimal point as a point, not a comma.");
    if (found === "=") return new Unreadable("Write only what stands on one side of the equals sign.");
    if (")}]".includes(found)) return new Unreadable("A bracket closes that was never opened.");
    const word = /^\\?([A-Za-z]+)(?:(_)\{?([A-Za-z0-9]+))?/.exec(this.rest);
    if (word) return new UnknownName(word.slice(1).filter(Boolean).join(""));
    return new Unreadable(`I cannot read the “${String.fromCodePoint(this.text.codePointAt(this.position)!)}” there.`);
  }

  private sum(): Tree {
    let left = this.product();
    for (let sign = this.take("+-"); sign; sign = this.take("+-")) left = binary(sign, left, this.product());
    return left;
  }

  private product(): Tree {
    let left = this.signed();
    for (;;) {
      const sign = this.take("*/");
      if (sign) left = binary(sign === "/" ? sign + this.take("/") : sign, left, this.signed());
      else if (this.startsAtom()) left = this.juxtaposed(left);
      else return left;
    }
  }

  private juxtaposed(left: Tree): Tree {
    this.refuseNeighbours();
    return binary("*", left, this.power());
  }

  private signed(): Tree {
    const sign = this.take("+-");
    if (!sign) return this.power();
    const inner = this.signed();
    return sign === "-" ? negative(inner) : inner;
  }

  /** Throws if what begins here and what ended before it are both numbers. */
  private refuseNeighbours(): void {
    const [begin, end] = this.last;
    const between = this.text.slice(end, this.position).trim();
    if (begin === end || (between && !(")]}".includes(between) && ALONE.test(this.text.slice(0, begin))))) return;
    const before = this.text.slice(begin, end);
    const half = HALF.exec(this.rest);
    if (half) {
      const part = half.slice(1).filter(Boolean).join("/");
      throw new Unreadable(`Write ${before}+${part} if you mean a mixed number, ${before}*${part} for a product.`);
    }
    const after = NUMERAL.exec(this.rest);
    if (after) throw new Unreadable(`Write ${before}*${after[0]} if you mean a product.`);
  }

  private power(): Tree {
    let base = this.atom();
    if (this.take("^")) {
      const next = this.peek();
      const asLatex = next === "{" || (this.latex && next !== "+" && next !== "-");
      base = binary("^", base, asLatex ? this.argument() : this.plainExponent());
    }
    while (this.peek() === "%") {
      const sign = this.position++;
      if (this.startsAtom()) {
        this.position = sign;
        throw this.unexpected();
      }
      const { value, shown } = base;
      base = { value: (values) => value(values) / 100, shown: shownPercent(shown) };
    }
    return base;
  }

  private plainExponent(): Tree {
    const sign = this.take("+-");
    const inner = this.power();
    return sign === "-" ? negative(inner) : inner;
  }

  private startsAtom(): boolean {
    const found = this.peek();
    return found === "|" ? !this.bars : /^[([{.√\\A-Za-z0-9]/.test(found);
  }

  private atom(): Tree {
    const bracket = this.take("({[");
    if (bracket) return this.group(CLOSING[bracket]!);
    if (this.take("|")) return this.absolute();
    const number = this.number();
    if (number) return number;
    if (this.take("√")) return applied("sqrt", Math.sqrt, this.atom());
    if (this.rest.startsWith("\\frac")) {
      this.position += "\\frac".length;
      return binary("/", this.argument(), this.argument());
    }
    return this.named();
  }

  private group(closing: string): Tree {
    if (this.peek() === closing) {
      throw new Unreadable(
        closing === "}" ? "A box of the formula is still empty." : "There is nothing in the brackets.",
      );
    }
    const outside = this.bars;
    this.bars = 0;
    const inner = this.sum();
    if (!this.take(closing)) throw this.peek() ? this.unexpected() : new Unreadable("A bracket is not closed.");
    this.bars = outside;
    return inner;
  }

  private absolute(): Tree {
    this.bars++;
    const inner = this.sum();
    if (!this.take("|")) throw this.peek() ? this.unexpected() : new Unreadable("A bar is not closed.");
    this.bars--;
    return applied("abs", Math.abs, inner);
  }

  private number(): Tree | null {
    this.peek();
    const found = NUMERAL.exec(this.rest)?.[0];
    if (!found) return null;
    if (!NUMBER.test(found)) throw new Unreadable(`I cannot read the number “${found}”.`);
    this.last = [this.position, this.position + found.length];
    this.position += found.length;
    return constant(found);
  }

  /** What LaTeX takes as an argument: a group or one character. */
  private argument(): Tree {
    if (this.take("{")) return this.group("}");
    const digit = this.take("0123456789");
    if (digit) {
      if (this.rest.startsWith(".")) throw new Unreadable("Put braces around a number with a decimal point: {0.5}.");
      return constant(digit);
    }
    return this.peek() === "(" ? this.atom() : this.named();
  }

  private named(): Tree {
    this.peek();
    for (const [typed, kind, name] of this.spellings) {
      if (!this.rest.startsWith(typed)) continue;
      this.position += typed.length;
      if (kind === "foreign") throw new UnknownName(name);
      if (kind === "variable") {
        const further = /\d$/.test(typed) && /^[0-9]+/.exec(this.rest); // x_12 where only x_1 is known
        if (further) throw new UnknownName(typed + further[0]);
        return { value: (values) => values[name]!, shown: shownName(name) };
      }
      if (typed === "e") this.refuseTen();
      if (kind === "function") return this.applied(name, typed.startsWith("\\"));
      return { value: () => CONSTANTS[name]!, shown: shownName(name) };
    }
    throw this.unexpected();
  }

  /** Throws if what ended here is not Euler's number, but an e that stands for a power of ten. */
  private refuseTen(): void {
    const [begin, end] = this.last;
    const number = this.text.slice(end, this.position - 1).trim() ? "" : this.text.slice(begin, end);
    const [found, sign, digits] = TEN.exec(this.rest) ?? [];
    if (!found || !(number || !sign)) return;
    const ten = number ? `${number}e${sign}${digits} for a power of ten, ` : "";
    throw new Unreadable(`Write ${ten}${number ? `${number}*` : ""}e${sign || "*"}${digits} with Euler's number.`);
  }

  private applied(name: string, latex: boolean): Tree {
    if (name === "sqrt" && latex && this.take("[")) {
      const degree = this.group("]");
      const inner = this.argument();
      return {
        value: (values) => inner.value(values) ** (1 / degree.value(values)),
        shown: shownApplied(name, inner.shown, degree.shown),
      };
    }
    if (name === "log" && this.take("_")) {
      const base = this.base();
      const inner = this.operand();
      return {
        value: (values) => Math.log(inner.value(values)) / Math.log(base.value(values)),
        shown: shownApplied(name, inner.shown, base.shown),
      };
    }
    const apply = name === "log" ? this.log : FUNCTIONS[name]!;
    return applied(name, apply, name === "sqrt" && latex ? this.argument() : this.operand());
  }

  /** The base of a logarithm: 2 in log_2 8, in LaTeX's \log_28, too, and 10 in \log_10. */
  private base(): Tree {
    this.peek();
    const found = (this.latex ? /^(?:10|[0-9])/ : /^[0-9]+/).exec(this.rest)?.[0];
    if (!found) return this.argument();
    this.position += found.length;
    return constant(found);
  }

  /** A function's argument: a bracket, or a product without signs as in log 2x. */
  private operand(): Tree {
    const next = this.peek();
    if (next && "({[|".includes(next)) return this.atom();
    let inner = this.power();
    while (this.startsAtom()) inner = this.juxtaposed(inner);
    return inner;
  }
}

/** What was typed, in the reader's alphabet: plain signs, spaces and digits, and numbers without grouping. */
export function normalised(text: string): string {
  text = text.replace(/[⁰¹²³⁴-⁹⁺⁻]+/g, (found) => `^{${found.normalize("NFKC")}}`);
  text = text.replace(/[¼-¾⅐-⅞]/g, (found) => `\\frac{${found.normalize("NFKC").replace("⁄", "}{")}}`);
  for (const [symbol, plain] of SYMBOLS) text = text.replaceAll(symbol, plain);
  text = text.normalize("NFKC").replaceAll("⁄", "/");
  for (const [pattern, plain] of LATEX) text = text.replace(pattern, plain);
  return text.replace(GROUPED, (found, mark: string) => found.replaceAll(mark, ""));
}

/** x_{1}^2 for x_{1^2}: a formula editor keeps what is typed straight on in the index. */
function released(text: string, variables: readonly string[]): string {
  const indices = [/log_\{(?:\([0-9]+\)|[0-9]+)(?![0-9}])/];
  for (const [stem, index] of variables.map((name) => name.split("_", 2))) {
    const further = /[0-9]$/.test(index ?? "") ? "0-9" : "A-Za-z0-9";
    if (index) indices.push(new RegExp(`${stem}_\\{${index.replace(/[{}]/g, "\\$&")}(?![${further}}])`));
  }
  for (const pattern of indices) {
    for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
      const begin = found.index + found[0].length;
      let [end, depth] = [begin, 1];
      for (; depth && end < text.length; end++) depth += { "{": 1, "}": -1 }[text.charAt(end)] ?? 0;
      if (depth) throw new Unreadable("A bracket is not closed.");
      text = `${text.slice(0, begin)}}${text.slice(begin, end - 1)}${text.slice(end)}`;
    }
  }
  return text;
}

/** Every name as it may be typed, longest first, variables before all else. */
function spellings(variables: readonly string[]): Spelling[] {
  const found: Spelling[] = [];
  for (const name of variables) {
    const [stem, index] = name.split("_", 2);
    const forms = index ? [name, `${stem}_{${index}}`, `${stem}${index}`] : [name];
    for (const form of forms) found.push([form, "variable", name], [`\\${form}`, "variable", name]);
  }
  for (const [kind, names] of [
    ["function", Object.keys(FUNCTIONS)],
    ["constant", Object.keys(CONSTANTS)],
    ["foreign", FOREIGN],
  ] as const) {
    for (const name of names) found.push([name, kind, name], [`\\${name}`, kind, name]);
  }
  return found.sort((a, b) => b[0].length - a[0].length);
}

function constant(typed: string): Tree {
  return { value: () => Number(typed), shown: shownNumber(typed) };
}

function negative({ value, shown }: Tree): Tree {
  return { value: (values) => -value(values), shown: shownNegative(shown) };
}

function applied(name: string, apply: (x: number) => number, inner: Tree): Tree {
  return { value: (values) => apply(inner.value(values)), shown: shownApplied(name, inner.shown) };
}

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "//": (a, b) => Math.floor(a / b),
  "^": (a, b) => a ** b,
};

function binary(sign: string, left: Tree, right: Tree): Tree {
  const operation = OPERATIONS[sign]!;
  return {
    value: (values) => operation(left.value(values), right.value(values)),
    shown: shownBinary(sign, left.shown, right.shown),
  };
}
