// Mathematics as readers type it, plain or LaTeX: the same reader as nmp_lessons/book/answers/expressions.py,
// message for message. Nothing typed is ever evaluated as JavaScript.

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
const SYMBOLS: readonly [string, string][] = [
  ["−", "-"],
  ["–", "-"],
  ["×", "*"],
  ["·", "*"],
  ["⋅", "*"],
  ["∗", "*"],
  ["÷", "/"],
  ["²", "^2"],
  ["³", "^3"],
  ["π", "pi"],
  ["√", "sqrt"],
  ["\u00a0", " "],
  ["\u202f", " "],
  ["**", "^"],
];
const LATEX: readonly [RegExp, string][] = [
  [/\\(?:dfrac|tfrac|cfrac)/g, "\\frac"],
  [/(?:\\m?left)?\\lfloor/g, " floor("],
  [/(?:\\m?left)?\\lceil/g, " ceil("],
  [/\\m?left\||\\lvert/g, " abs("],
  [/\\m?right\||\\rvert|(?:\\m?right)?\\rfloor|(?:\\m?right)?\\rceil/g, ")"],
  [/\\(?:left|right|mleft|mright|displaystyle)(?![A-Za-z])/g, ""],
  [/\\(?:cdot|times|ast)(?![A-Za-z])/g, "*"],
  [/\\div(?![A-Za-z])/g, "/"],
  [/\\exponentialE(?![A-Za-z])/g, " e "],
  [/\\(?:mathrm|text|mathit)\{([A-Za-z0-9]+)\}/g, " $1 "],
  [/\\operatorname\{\s*([A-Za-z0-9]+)\s*\}/g, " $1 "],
  [/\{,\}/g, ""],
  [/\\[,;:! ]|~/g, " "],
  [/log_\{\s*(\d+)\s*(\([^{}]*\))\s*\}/g, "log_{$1}$2"], // log_2(h) typed without leaving the index
];

/** Reads an expression; throws Unreadable. The result evaluates it, to NaN where it has no value. */
export function parse(text: string, variables: readonly string[] = [], options: Options = {}): Evaluate {
  return new Reader(text, variables, options).read();
}

type Spelling = [typed: string, kind: "variable" | "function" | "constant", name: string];

class Reader {
  private readonly latex: boolean;
  private readonly text: string;
  private readonly log: (x: number) => number;
  private readonly spellings: Spelling[];
  private position = 0;

  constructor(text: string, variables: readonly string[], { latex = false, commonLog = false }: Options) {
    if ([...text].length > LONGEST) throw new Unreadable("That is too long.");
    if (text.includes("\\placeholder")) throw new Unreadable("A box of the formula is still empty.");
    this.latex = latex || text.includes("\\");
    this.text = normalised(text);
    this.log = commonLog ? Math.log10 : Math.log;
    this.spellings = spellings(variables);
  }

  read(): Evaluate {
    if (!this.peek()) throw new Unreadable("There is nothing to read yet.");
    const tree = this.sum();
    if (this.peek()) throw this.unexpected();
    return tree;
  }

  private peek(): string {
    while (/\s/.test(this.text.charAt(this.position))) this.position++;
    return this.text.charAt(this.position);
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
    if (")}]".includes(found)) return new Unreadable("A bracket closes that was never opened.");
    const word = /^\\?[A-Za-z]+/.exec(this.text.slice(this.position));
    if (word) return new UnknownName(word[0].replace("\\", ""));
    return new Unreadable(`I cannot read the “${String.fromCodePoint(this.text.codePointAt(this.position)!)}” there.`);
  }

  private sum(): Evaluate {
    let left = this.product();
    for (let sign = this.take("+-"); sign; sign = this.take("+-")) left = binary(sign, left, this.product());
    return left;
  }

  private product(): Evaluate {
    let left = this.signed();
    for (;;) {
      const sign = this.take("*/");
      if (sign) left = binary(sign, left, this.signed());
      else if (this.startsAtom()) left = binary("*", left, this.power());
      else return left;
    }
  }

  private signed(): Evaluate {
    const sign = this.take("+-");
    if (!sign) return this.power();
    const inner = this.signed();
    return sign === "-" ? (values) => -inner(values) : inner;
  }

  private power(): Evaluate {
    const base = this.atom();
    if (!this.take("^")) return base;
    const next = this.peek();
    const asLatex = next === "{" || (this.latex && next !== "+" && next !== "-");
    return binary("^", base, asLatex ? this.argument() : this.plainExponent());
  }

  private plainExponent(): Evaluate {
    const sign = this.take("+-");
    const inner = this.power();
    return sign === "-" ? (values) => -inner(values) : inner;
  }

  private startsAtom(): boolean {
    return /^[({.\\A-Za-z0-9]/.test(this.peek());
  }

  private atom(): Evaluate {
    const bracket = this.take("({");
    if (bracket) return this.group(bracket === "(" ? ")" : "}");
    const number = this.number();
    if (number) return number;
    if (this.text.startsWith("\\frac", this.position)) {
      this.position += "\\frac".length;
      return binary("/", this.argument(), this.argument());
    }
    return this.named();
  }

  private group(closing: string): Evaluate {
    const inner = this.sum();
    if (this.take(closing)) return inner;
    throw this.peek() ? this.unexpected() : new Unreadable("A bracket is not closed.");
  }

  private number(): Evaluate | null {
    this.peek();
    const found = /^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/.exec(this.text.slice(this.position));
    if (!found) return null;
    this.position += found[0].length;
    return constant(Number(found[0]));
  }

  /** What LaTeX takes as an argument: a group or one character. */
  private argument(): Evaluate {
    if (this.take("{")) return this.group("}");
    const digit = this.take("0123456789");
    if (digit) return constant(Number(digit));
    return this.peek() === "(" ? this.atom() : this.named();
  }

  private named(): Evaluate {
    this.peek();
    for (const [typed, kind, name] of this.spellings) {
      if (!this.text.startsWith(typed, this.position)) continue;
      this.position += typed.length;
      if (kind === "variable") return (values) => values[name]!;
      return kind === "constant" ? constant(CONSTANTS[name]!) : this.applied(name);
    }
    throw this.unexpected();
  }

  private applied(name: string): Evaluate {
    if (name === "sqrt" && this.take("[")) {
      const degree = this.group("]");
      const inner = this.argument();
      return (values) => inner(values) ** (1 / degree(values));
    }
    if (name === "log" && this.take("_")) {
      const base = this.argument();
      const inner = this.operand();
      return (values) => Math.log(inner(values)) / Math.log(base(values));
    }
    const apply = name === "log" ? this.log : FUNCTIONS[name]!;
    const inner = name === "sqrt" && this.latex ? this.argument() : this.operand();
    return (values) => apply(inner(values));
  }

  /** A function's argument: a bracket, or a product without signs as in log 2x. */
  private operand(): Evaluate {
    const next = this.peek();
    if (next === "(" || next === "{") return this.atom();
    let inner = this.power();
    while (this.startsAtom()) inner = binary("*", inner, this.power());
    return inner;
  }
}

function normalised(text: string): string {
  for (const [symbol, plain] of SYMBOLS) text = text.replaceAll(symbol, plain);
  for (const [pattern, plain] of LATEX) text = text.replace(pattern, plain);
  return text.replace(/(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])/g, (found) => found.replaceAll(",", ""));
}

/** Every name as it may be typed, longest first, variables before all else. */
function spellings(variables: readonly string[]): Spelling[] {
  const found: Spelling[] = [];
  for (const name of variables) {
    const [stem, index] = name.split("_", 2);
    const forms = index ? [name, `${stem}_{${index}}`, `${stem}${index}`] : [name];
    for (const form of forms) found.push([form, "variable", name], [`\\${form}`, "variable", name]);
  }
  for (const name of Object.keys(FUNCTIONS)) found.push([name, "function", name], [`\\${name}`, "function", name]);
  for (const name of Object.keys(CONSTANTS)) found.push([name, "constant", name], [`\\${name}`, "constant", name]);
  return found.sort((a, b) => b[0].length - a[0].length);
}

const constant =
  (value: number): Evaluate =>
  () =>
    value;

function binary(sign: string, left: Evaluate, right: Evaluate): Evaluate {
  switch (sign) {
    case "+":
      return (values) => left(values) + right(values);
    case "-":
      return (values) => left(values) - right(values);
    case "*":
      return (values) => left(values) * right(values);
    case "/":
      return (values) => left(values) / right(values);
    default:
      return (values) => left(values) ** right(values);
  }
}
