// Sets formulas with KaTeX: a JSON list of [tex, displayed] on stdin, a list of {html} or {error} on stdout.
import katex from "katex";
import { readFileSync } from "node:fs";

// KaTeX 0.19.1 writes "min" as an index as two elements, the name and the sign of a function's application. An <msub>
// with three children is no MathML; Firefox says so in its console, and a screen reader may read nothing.
const APPLIED_TO_NOTHING = /<mo>\u2061<\/mo>(?=<\/(?:msub|msup)>)/g;

function set([tex, displayMode]) {
  try {
    const html = katex.renderToString(tex, { displayMode, output: "htmlAndMathml", strict: "error" });
    return { html: html.replace(APPLIED_TO_NOTHING, "") };
  } catch (problem) {
    return { error: problem.message };
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(set)));
