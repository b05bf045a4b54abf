// <nmp-answer>: a box that checks the answer to an exercise on a page without a kernel.
//
// Its key (nmp_lessons/book/answers/source.py) is base64 so that it cannot be read at a glance; it is no secret.
// Attempts are kept in this browser, so that a reload loses nothing.

import type { MathfieldElement } from "mathlive";

import { BookElement, BUNDLE, define, make } from "./element";
import { FOREIGN } from "./expression";
import { type Attempt, judge, type Key, reading, type Verdict } from "./judge";
import { typeStraightThrough } from "./typing";

interface Kept {
  attempt: Attempt;
  latex?: boolean;
}

/** What a reader types into or chooses from; there is one for each kind of answer. */
interface Field {
  element: HTMLElement;
  read: () => Kept;
  write: (kept: Kept) => void;
  mark: (verdict: Verdict | null) => void;
}

class Answer extends BookElement {
  protected readonly source = "key";
  private key!: Key;
  private field!: Field;
  private reading!: HTMLElement;
  private verdict!: HTMLElement;
  private judged = ""; // the attempt to which the verdict belongs

  protected start(sealed: string): void {
    const bytes = Uint8Array.from(atob(sealed), (character) => character.charCodeAt(0));
    this.key = JSON.parse(new TextDecoder().decode(bytes)) as Key;
    this.field = fieldFor(this.key, this);
    this.verdict = make("p", { class: "nmp-answer-verdict", role: "status" });
    const button = make("button", { type: "submit" }, "Check");
    this.reading = make("p", { class: "nmp-answer-reading" });
    const parts = [this.field.element, button, this.reading, this.verdict];
    const form = make("form", { class: "nmp-answer", novalidate: "" }, ...parts);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.check();
    });
    form.addEventListener("input", () => {
      this.showReading();
      if (JSON.stringify(this.field.read()) !== this.judged) this.show(null);
    });
    this.replaceChildren(form);
    this.restore();
  }

  private check(): void {
    const kept = this.field.read();
    this.judged = JSON.stringify(kept);
    this.showReading();
    this.show(judge(this.key, kept.attempt, kept.latex));
    try {
      localStorage.setItem(this.place, this.judged);
    } catch {
      // Checking works even in a browser that stores nothing.
    }
  }

  private restore(): void {
    try {
      const found = localStorage.getItem(this.place);
      if (!found) return;
      const kept = JSON.parse(found) as Kept;
      this.judged = found;
      this.field.write(kept);
      this.showReading(kept);
      this.show(judge(this.key, kept.attempt, kept.latex));
    } catch {
      this.show(null); // an attempt of another form, from an older edition of the page
    }
  }

  /** Says how the attempt is read, before it is judged. */
  private showReading({ attempt, latex } = this.field.read()): void {
    const shown = reading(this.key, attempt, latex);
    this.reading.innerHTML = shown && `Read as ${shown}`; // made of known names and digits only
  }

  private show(verdict: Verdict | null): void {
    this.verdict.textContent = verdict ? `${verdict.right ? "✓" : "✗"} ${verdict.message}` : "";
    this.verdict.dataset.right = verdict ? String(verdict.right) : "";
    this.field.mark(verdict);
  }

  private get place(): string {
    return `nmp-answer:${this.key.name}`;
  }
}

function fieldFor(key: Key, host: HTMLElement): Field {
  if (key.kind === "matrix") return matrixField(key.value.length, key.value[0]!.length);
  if (key.kind === "choice") return choiceField(host.querySelector("ol")!, key.letters, key.name);
  if (key.kind === "formula") return formulaField(key.variables);
  return textField("Your answer", key.unit);
}

function textInput(attributes: Record<string, string> = {}): HTMLInputElement {
  return make("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", ...attributes });
}

function markInput(input: HTMLElement, isWrong: boolean): void {
  if (isWrong) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

// A number

function textField(label: string, unit: string): Field {
  const input = textInput({ size: "16" });
  const words = unit ? `${label} in ${unit}` : label;
  return {
    element: make("label", { class: "nmp-answer-field" }, make("span", {}, words), input),
    read: () => ({ attempt: input.value }),
    write: (kept) => void (input.value = kept.attempt as string),
    mark: (verdict) => markInput(input, verdict?.right === false),
  };
}

// A matrix

function matrixField(rows: number, columns: number): Field {
  const inputs = Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => textInput({ size: "4", "aria-label": `Row ${i + 1}, column ${j + 1}` })),
  );
  const grid = make("div", { class: "nmp-answer-matrix", style: `--columns:${columns}` }, ...inputs.flat());
  const each = (act: (input: HTMLInputElement, i: number, j: number) => void) =>
    inputs.forEach((row, i) => row.forEach((input, j) => act(input, i, j)));
  return {
    element: make("fieldset", { class: "nmp-answer-field" }, make("legend", {}, "Your matrix"), grid),
    read: () => ({ attempt: inputs.map((row) => row.map((input) => input.value)) }),
    write: (kept) => each((input, i, j) => (input.value = (kept.attempt as string[][])[i]![j]!)),
    mark: (verdict) =>
      each((input, i, j) => markInput(input, !!verdict?.wrong?.some(([row, column]) => row === i && column === j))),
  };
}

// A choice

function choiceField(list: HTMLOListElement, letters: string[], name: string): Field {
  const buttons = [...list.children].map((item, i) => {
    const button = make("input", { type: "radio", name, value: letters[i]! });
    const words = [...item.childNodes].flatMap((node) => (node instanceof HTMLParagraphElement ? [...node.childNodes] : [node]));
    item.replaceChildren(make("label", {}, button, make("span", {}, ...words)));
    return button;
  });
  return {
    element: make("fieldset", { class: "nmp-answer-field" }, make("legend", {}, "Your choice"), list),
    read: () => ({ attempt: buttons.find((button) => button.checked)?.value ?? "" }),
    write: (kept) => buttons.forEach((button) => (button.checked = button.value === kept.attempt)),
    mark: () => undefined,
  };
}

// A formula: plain text at first, MathLive as soon as it is in view or focused

function formulaField(variables: string[]): Field {
  const label = `Your formula in ${variables.join(", ")}`;
  const input = textInput({ size: "28", "aria-label": label });
  const element = make("div", { class: "nmp-answer-field" }, make("span", { "aria-hidden": "true" }, label), input);
  let box: MathfieldElement | null = null;

  const upgrade = async (): Promise<void> => {
    await mathlive();
    const focused = document.activeElement === input;
    if (box || (focused && input.value)) return; // never while the reader is typing
    box = mathfield(label);
    if (input.value) box.setValue(input.value, { format: "ascii-math", silenceNotifications: true });
    input.replaceWith(box);
    if (focused) box.focus();
  };
  const soon = (): void => void upgrade().catch(() => undefined); // plain text will do
  whenNear(element, soon);
  input.addEventListener("focus", soon, { once: true });

  return {
    element,
    read: () => (box ? { attempt: box.getValue("latex"), latex: true } : { attempt: input.value }),
    write: (kept) => {
      if (!kept.latex) input.value = kept.attempt as string;
      else void upgrade().then(() => box?.setValue(kept.attempt as string, { silenceNotifications: true }));
    },
    mark: (verdict) => markInput(box ?? input, verdict?.right === false),
  };
}

function mathfield(label: string): MathfieldElement {
  const box = document.createElement("math-field") as MathfieldElement;
  box.setAttribute("aria-label", label);
  box.addEventListener("mount", () => {
    box.dataset.ready = "";
    box.menuItems = [];
    box.smartSuperscript = false; // 2^12 is two to the twelfth
    box.inlineShortcuts = {
      ...Object.fromEntries(["sin", "cos", "tan", "exp", "ln", "log", "pi"].map((name) => [name, `\\${name}`])),
      // upright, and no root that would keep what is typed after its bracket
      ...Object.fromEntries(["round", "floor", "ceil", "abs", "sqrt", ...FOREIGN].map((name) => [name, `\\operatorname{${name}}`])),
      log2: "\\log_{2}",
      log10: "\\log_{10}",
      "*": "\\cdot",
      "**": "^{#?}",
    };
  });
  typeStraightThrough(box);
  return box;
}

let loading: Promise<void> | null = null;

function mathlive(): Promise<void> {
  loading ??= new Promise((resolve, reject) => {
    if (!BUNDLE) throw new Error("the bundle is inline");
    const script = make("script", { src: new URL("nmp-formula.js", BUNDLE).href });
    script.addEventListener("load", () => resolve());
    script.addEventListener("error", () => reject(new Error("nmp-formula.js did not load")));
    document.head.append(script);
  });
  return loading;
}

function whenNear(element: HTMLElement, act: () => void): void {
  const watch = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      act();
    },
    { rootMargin: "200px" },
  );
  watch.observe(element);
}

define("nmp-answer", Answer);
