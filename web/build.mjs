// Builds the bundle: one classic script and one style sheet, both usable inline and as files, and beside
// them what a page fetches when it needs it: the script for formulas, the workers that run and train networks, what reads
// recordings, and for each chapter the script of its live controls. The site's two typefaces (SIL Open Font License) go where the style sheet of the site finds them.
import { copyFile, mkdir, readdir } from "node:fs/promises";
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
const fetched = {
  "nmp-transcribe": "src/transcribe.ts",
  "nmp-late": "src/late.ts",
  "nmp-train": "src/training/train.ts",
  "nmp-listen": "src/listen/listen.ts",
  "nmp-microphone": "src/listen/microphone.ts",
};
await build({ ...shared, entryPoints: fetched, format: "esm" });
const chapters = (await readdir("src/live/chapters")).map((file) => file.replace(".ts", ""));
const scripts = chapters.map((chapter) => [`nmp-live-${chapter}`, `src/live/chapters/${chapter}.ts`]);
await build({ ...shared, entryPoints: Object.fromEntries(scripts), format: "iife" });
const runtime = "ort-wasm-simd-threaded.wasm";
await copyFile(`node_modules/onnxruntime-web/dist/${runtime}`, `${out}/${runtime}`);

const fonts = "../book/_static/fonts";
const faces = {
  "source-serif-4": ["400-normal", "400-italic"],
  "source-sans-3": ["400-normal", "600-normal"],
};
await mkdir(fonts, { recursive: true });
for (const [family, styles] of Object.entries(faces)) {
  for (const style of styles) {
    const file = `${family}-latin-${style}.woff2`;
    await copyFile(`node_modules/@fontsource/${family}/files/${file}`, `${fonts}/${file}`);
  }
}
