// Builds the bundle: one classic script and one style sheet, both usable inline and as files, and beside
// them the script for formulas, which a page fetches when it needs it.
import { build } from "esbuild";

await build({
  entryPoints: { nmp: "src/index.ts", "nmp-formula": "src/formula.ts" },
  outdir: "../nmp_lessons/show",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022", "safari16"],
  charset: "utf8",
  legalComments: "none",
  logLevel: "info",
});
