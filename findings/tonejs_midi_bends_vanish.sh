#!/bin/sh
# @tonejs/midi 2.0.28 (and @spotify/basic-pitch 1.0.1, which writes with it): pitch bends vanish when a file is written.
#
# A note with bends of 0, 4,096 and 8,191, of 8,192 for two semitones. Observed: read and written again, they are 0, 0
# and 0. Reading divides a bend by 8,192 and writing doesn't multiply it again, so that of a semitone, half a step is
# left, and of two, one at most. basic-pitch's generateFileData hands over thirds of a semitone, 3 for a semitone,
# and its files have bends of 3 of 8,192, a thousandth of a semitone.
# Expected: the bends that were read; and 4,096 for basic-pitch's 3. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @spotify/basic-pitch@1.0.1 @tonejs/midi@2.0.28 midi-file@1.2.4
cat > bends.cjs <<'CODE'
const { Midi } = require("@tonejs/midi");
const { parseMidi, writeMidi } = require("midi-file");
const { generateFileData } = require("@spotify/basic-pitch/cjs/toMidi.js");
const bends = (bytes) => parseMidi(bytes).tracks.flat().filter((event) => event.type === "pitchBend").map((event) => event.value);
const track = [
  { deltaTime: 0, type: "noteOn", channel: 0, noteNumber: 60, velocity: 80 },
  ...[0, 4096, 8191].map((value) => ({ deltaTime: 100, type: "pitchBend", channel: 0, value })),
  { deltaTime: 100, type: "noteOff", channel: 0, noteNumber: 60, velocity: 0 },
  { deltaTime: 0, type: "endOfTrack" },
];
const bytes = Uint8Array.from(writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [track] }));
const before = bends(bytes), after = bends(new Midi(bytes).toArray());
const note = { startTimeSeconds: 0, durationSeconds: 1, pitchMidi: 60, amplitude: 0.8, pitchBends: [0, 3] };
const spotify = bends(generateFileData([note]));
console.log(`in the file: ${before}; read and written by @tonejs/midi: ${after}; basic-pitch, a semitone: ${spotify}`);
process.exit(`${before}` === "0,4096,8191" && after.length === 3 && after.every((bend) => Math.abs(bend) <= 1) && spotify[1] === 3 ? 0 : 1);
CODE
node bends.cjs
