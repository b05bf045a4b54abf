// Builds the bundle: one classic script and one style sheet, both usable inline and as files, and beside
// them what a page fetches when it needs it: the script for formulas, and the worker that runs networks with
// its runtime.
import { copyFile } from "node:fs/promises";
import { build } from "esbuild";

const out = "../nmp_lessons/book/show";
const shared = {
  outdir: out,
  bundle: true,
  minify: true,
  target: ["es2022", "safari16"],
  charset: "utf8",
  legalComments: "none",
  logLevel: "info",
};
await build({ ...shared, entryPoints: { nmp: "src/index.ts", "nmp-formula": "src/formula.ts" }, format: "iife" });
await build({ ...shared, entryPoints: { "nmp-transcribe": "src/transcribe.ts" }, format: "esm" });
const runtime = "ort-wasm-simd-threaded.wasm";
await copyFile(`node_modules/onnxruntime-web/dist/${runtime}`, `${out}/${runtime}`);
