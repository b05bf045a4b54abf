// Builds the bundle: one classic script and one style sheet, both usable inline and as files.
import { build } from "esbuild";

await build({
  entryPoints: { nmp: "src/index.ts" },
  outdir: "../nmp_lessons/show",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022", "safari16"],
  charset: "utf8",
  legalComments: "none",
  logLevel: "info",
});
