// The formula editor keeps what is typed in an index, exponent, denominator or bracket until an arrow key leaves it.
// Whoever types a formula straight through presses no arrow keys; here signs and spaces leave what they end in writing.

import type { MathfieldElement } from "mathlive";

const INDEX = /^(?:_|\\log_)/;
const EXPONENT = /^\^/;
const SMALL = /^(?:_|\\log_|\^|\\frac)/;
const BRACKETS: Readonly<Record<string, RegExp>> = {
  ")": /^\\left\(/,
  "]": /^\\left\\lbrack/,
  "|": /^\\left\|/,
};
const BEGINS = /(?:^|[-+*/^_(|])$/; // what a term follows
const FUNCTION = /^\\(?:ln|log|exp|sin|cos|tan|mathrm|operatorname)/;

/** Listens to the keys of a formula's box, before the editor does. */
export function typeStraightThrough(box: MathfieldElement): void {
  let before = ""; // what was typed last, as far as it matters
  let gap = false; // whether a space stands after a digit
  const typed = (event: KeyboardEvent): void => {
    const { key } = event;
    if (key === "Enter") box.closest("form")?.requestSubmit();
    if (event.ctrlKey || event.metaKey || event.altKey || key === "Shift") return;
    const began = BEGINS.test(before);
    if (/^[-+*/^(]$/.test(key) && !began) leave(box, INDEX);
    if (/^[-+*]$/.test(key) && !began) leave(box, EXPONENT);
    if (gap && /\d/.test(key)) box.insert("\\:");
    gap = key === " " && /\d$/.test(before) && !leave(box, SMALL);
    const closes = key in BRACKETS && !(key === "|" && began) && leave(box, BRACKETS[key]!, /./);
    if (key === " " && !gap && !began && !/\d$/.test(before) && !FUNCTION.test(lastPart(box))) leave(box, SMALL);
    if (key === " " || closes) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
    if (key !== " ") before = key.length === 1 ? key : "";
  };
  box.addEventListener("keydown", typed, { capture: true });
}

/** Moves the caret out of the innermost group that fits, if only groups of one kind lie between; returns whether it did. */
function leave(box: MathfieldElement, wanted: RegExp, between = /^$/): boolean {
  const start = box.position;
  for (let place = start; ; place = box.position) {
    box.executeCommand("moveAfterParent");
    const left = box.position === place ? "" : (box.getElementInfo(box.position)?.latex ?? "");
    const isClosed = left.split("(").length === left.split(")").length; // the editor closes most brackets by itself
    if (isClosed && wanted.test(left)) return true;
    if (isClosed && left && between.test(left)) continue;
    box.position = start;
    return false;
  }
}

function lastPart(box: MathfieldElement): string {
  return box.getValue(box.position - 1, box.position, "latex");
}
