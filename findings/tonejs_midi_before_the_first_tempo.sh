#!/bin/sh
# @tonejs/midi 2.0.28: a first tempo that doesn't stand at tick 0 moves everything from there on.
#
# Until a MIDI file gives a tempo it is 120 beats a minute. Four quarter notes, and a tempo of 60 with the third.
# Observed: the notes begin at 0, 0.5, 2 and 3 s; the second lasts from 0.5 to 2 s though no tempo changes in it. Times
# before the first tempo are counted at 120, but the time of the tempo event itself as if its own 60 had held from the
# start. Expected: 0, 0.5, 1 and 2 s, as with a tempo of 120 written at tick 0. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tonejs/midi@2.0.28 midi-file@1.2.4
cat > tempo.cjs <<'CODE'
const { Midi } = require("@tonejs/midi");
const { writeMidi } = require("midi-file");

/** When four quarter notes begin, with these tempo changes: microseconds per beat, by beat. */
function onsets(tempi) {
  const track = [0, 1, 2, 3].flatMap((beat) => [
    ...(tempi[beat] ? [{ deltaTime: 0, type: "setTempo", microsecondsPerBeat: tempi[beat] }] : []),
    { deltaTime: 0, type: "noteOn", channel: 0, noteNumber: 60, velocity: 80 },
    { deltaTime: 480, type: "noteOff", channel: 0, noteNumber: 60, velocity: 0 },
  ]);
  track.push({ deltaTime: 0, type: "endOfTrack" });
  const bytes = writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [track] });
  return new Midi(Uint8Array.from(bytes)).tracks[0].notes.map((note) => note.time).join(", ");
}

const written = onsets({ 0: 500000, 2: 1000000 }), implied = onsets({ 2: 1000000 });
console.log(`120 written at the start: ${written} s; left to the default: ${implied} s`);
process.exit(written === "0, 0.5, 1, 2" && implied === "0, 0.5, 2, 3" ? 0 : 1);
CODE
node tempo.cjs
