#!/bin/sh
# @jax-js/jax 0.1.25: `nn.softplus` and `nn.logSigmoid` overflow for logits beyond 88, and their gradients become NaN.
#
# The cross-entropy of a logit z is softplus(z) or softplus(−z). Observed, on the plain and on the WebAssembly back end:
# softplus(89) is Infinity and its gradient NaN, logSigmoid(−89) is −Infinity: the exponential is computed as it stands
# in the textbook, and in float32 it ends at 88.7. One confident output turns every weight of a network into NaN.
# `np.logaddexp(0, z)` of the same library is right. Expected: 89, a gradient of 1, and −89.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @jax-js/jax@0.1.25
cat > softplus.mjs <<'CODE'
import { defaultDevice, grad, init, nn, numpy as np } from "@jax-js/jax";

await init("wasm");
let same = true;
for (const device of ["cpu", "wasm"]) {
  defaultDevice(device);
  const at = (z) => np.array([z, z / 2]); // an array of one number is computed in double precision
  const [softplus] = await nn.softplus(at(89)).data();
  const [slope] = await grad((z) => np.sum(nn.softplus(z)))(at(89)).data();
  const [logSigmoid] = await nn.logSigmoid(at(-89)).data();
  const [right] = await np.logaddexp(at(0), at(89)).data();
  console.log(`${device}: softplus(89) = ${softplus}, its gradient ${slope}, logSigmoid(-89) = ${logSigmoid}; logaddexp(0, 89) = ${right}`);
  same &&= softplus === Infinity && Number.isNaN(slope) && logSigmoid === -Infinity && Math.abs(right - 89) < 1e-3;
}
process.exit(same ? 0 : 1);
CODE
node softplus.mjs
