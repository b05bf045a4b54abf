// How a typed expression was read, as MathML, which browsers set without help. Each part knows how tightly it binds,
// so that brackets stand only where the reading needs them.

export interface Shown {
  mathml: string;
  rank: number;
}

const [SUM, PRODUCT, FRACTION, POWER, ATOM] = [0, 1, 2, 3, 4];
const GREEK: Readonly<Record<string, string>> = {
  alpha: "α", beta: "β", gamma: "γ", lambda: "λ", mu: "μ", nu: "ν", omega: "ω", phi: "φ", pi: "π", sigma: "σ", tau: "τ",
};
const FENCES: Readonly<Record<string, [string, string]>> = {
  abs: ["|", "|"],
  floor: ["⌊", "⌋"],
  ceil: ["⌈", "⌉"],
};

const row = (...parts: string[]) => `<mrow>${parts.join("")}</mrow>`;
const operator = (sign: string) => `<mo>${sign}</mo>`;
const fenced = (inner: Shown, [open, close] = ["(", ")"]) =>
  row(`<mo fence="true">${open}</mo>`, inner.mathml, `<mo fence="true">${close}</mo>`);
const within = (part: Shown, rank: number) => (part.rank < rank ? fenced(part) : part.mathml);

export function shownNumber(typed: string): Shown {
  const [digits, exponent] = typed.split(/e/i) as [string, string?];
  if (!exponent) return { mathml: `<mn>${digits}</mn>`, rank: ATOM };
  const power = `<msup><mn>10</mn><mn>${exponent.replace("-", "−").replace("+", "")}</mn></msup>`;
  return { mathml: row(`<mn>${digits}</mn>`, operator("·"), power), rank: PRODUCT };
}

export function shownName(name: string): Shown {
  const [stem, index] = name.split("_", 2) as [string, string?];
  const letter = `<mi class="letter">${GREEK[stem] ?? stem}</mi>`;
  return { mathml: index ? `<msub>${letter}<mi>${index.replace(/[{}]/g, "")}</mi></msub>` : letter, rank: ATOM };
}

export function shownNegative(inner: Shown): Shown {
  return { mathml: row(operator("−"), within(inner, PRODUCT)), rank: SUM };
}

export function shownPercent(inner: Shown): Shown {
  return { mathml: row(within(inner, POWER), operator("%")), rank: POWER };
}

export function shownBinary(sign: string, left: Shown, right: Shown): Shown {
  const [a, b] = [left.mathml, right.mathml];
  switch (sign) {
    case "+":
      return { mathml: row(a, operator("+"), within(right, PRODUCT)), rank: SUM };
    case "-":
      return { mathml: row(a, operator("−"), within(right, PRODUCT)), rank: SUM };
    case "*":
      return { mathml: row(within(left, PRODUCT), operator("·"), within(right, PRODUCT)), rank: PRODUCT };
    case "/":
      return { mathml: `<mfrac>${row(a)}${row(b)}</mfrac>`, rank: FRACTION };
    case "//":
      return shownApplied("floor", shownBinary("/", left, right));
    default:
      return { mathml: `<msup>${row(within(left, ATOM))}${row(b)}</msup>`, rank: POWER };
  }
}

export function shownApplied(name: string, inner: Shown, index?: Shown): Shown {
  if (name === "sqrt") {
    return { mathml: index ? `<mroot>${row(inner.mathml)}${row(index.mathml)}</mroot>` : `<msqrt>${inner.mathml}</msqrt>`, rank: ATOM };
  }
  const fences = FENCES[name];
  if (fences) return { mathml: fenced(inner, fences), rank: ATOM };
  const [stem, digits] = [name.replace(/\d+$/, ""), /\d+$/.exec(name)?.[0]];
  const base = digits ? `<mn>${digits}</mn>` : index?.mathml;
  const shown = base ? `<msub><mi>${stem}</mi>${row(base)}</msub>` : `<mi>${stem}</mi>`;
  return { mathml: row(shown, fenced(inner)), rank: ATOM };
}
