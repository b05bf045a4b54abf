#!/bin/sh
# @jax-js/jax 0.1.25: the gradient of `np.power(x, 2)` at 0 is NaN.
#
# Observed, on the plain and on the WebAssembly back end: x² at 0, 1 and −2 is 0, 1 and 4, as it should be, but its
# gradient is NaN, 2 and −4. A focal loss (1 − p)^γ meets a base of exactly 0 as soon as a sigmoid saturates, and a sum of
# squares whenever a prediction is exact; from then on all weights are NaN. `np.square` and x · x of the same library
# give 0, 2 and −4. Expected: the same of `np.power`. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @jax-js/jax@0.1.25
cat > power.mjs <<'CODE'
import { defaultDevice, grad, init, numpy as np } from "@jax-js/jax";

await init("wasm");
const ways = { power: (x) => np.power(x, np.array(2)), square: (x) => np.square(x), product: (x) => x.ref.mul(x) };
let same = true;
for (const device of ["cpu", "wasm"]) {
  defaultDevice(device);
  const slopes = {};
  for (const [name, way] of Object.entries(ways)) {
    slopes[name] = [...(await grad((x) => np.sum(way(x)))(np.array([0, 1, -2])).data())];
    console.log(`${device}: gradient of ${name} at 0, 1 and -2: ${slopes[name].join(", ")}`);
  }
  same &&= Number.isNaN(slopes.power[0]) && slopes.power[1] === 2;
  same &&= [slopes.square, slopes.product].every(([a, b, c]) => a === 0 && b === 2 && c === -4);
}
process.exit(same ? 0 : 1);
CODE
node power.mjs
