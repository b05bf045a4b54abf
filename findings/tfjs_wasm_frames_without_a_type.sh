#!/bin/sh
# @tensorflow/tfjs-backend-wasm 3.21.0 (npm, November 2026): `tf.signal.frame` fails on this back end, and with it any
# audio model that cuts its input into frames with it, such as @spotify/basic-pitch 1.0.1 from npm, which depends on
# TensorFlow.js 3.
#
# `tf.signal.frame(signal, length, step, true)` pads the last frame with `tf.fill([n], value)` and names no type. The
# back end "cpu" then takes float32; the WASM back end raises "Unknown dtype undefined". Nothing else of the network is
# in the way: with a type filled in, it runs. Expected: the same frames on both. 4.22.0 gives them. The script fails if
# this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > frames.cjs <<'JS'
const assert = require("node:assert");
const tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-wasm");
const fixed = process.argv[2] === "4.22.0";
const framed = () => tf.signal.frame(tf.tensor1d([1, 2, 3, 4, 5]), 4, 2, true).arraySync();
const expected = [[1, 2, 3, 4], [3, 4, 5, 0], [5, 0, 0, 0]];
(async () => {
  assert(await tf.setBackend("cpu"));
  assert.deepEqual(framed(), expected);
  assert(await tf.setBackend("wasm"));
  if (fixed) assert.deepEqual(framed(), expected);
  else {
    assert.throws(framed, /Unknown dtype undefined/);
    assert.throws(() => tf.fill([2], 0), /Unknown dtype undefined/);
    assert.deepEqual(tf.fill([2], 0, "float32").arraySync(), [0, 0]);
  }
  console.log(`@tensorflow/tfjs-backend-wasm ${process.argv[2]}: ${fixed ? "frames" : "frames need a type"}`);
})();
JS
for version in 3.21.0 4.22.0; do
  rm -rf node_modules package.json package-lock.json
  echo '{}' > package.json
  npm install --silent --no-audit --no-fund --ignore-scripts \
    "@tensorflow/tfjs@$version" "@tensorflow/tfjs-backend-wasm@$version"
  node frames.cjs "$version" 2> said.txt || { cat said.txt; exit 1; }
done
