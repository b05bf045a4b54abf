// Sets formulas with KaTeX: a JSON list of [tex, displayed] on stdin, a list of {html} or {error} on stdout.
import katex from "katex";
import { readFileSync } from "node:fs";

function set([tex, displayMode]) {
  try {
    return { html: katex.renderToString(tex, { displayMode, output: "htmlAndMathml", strict: "error" }) };
  } catch (problem) {
    return { error: problem.message };
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(set)));
