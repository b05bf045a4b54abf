#!/bin/sh
# @tonejs/midi 2.0.28: a note that is held while its channel changes the program is lost.
#
# Middle C from beat 0 to beat 2, a program change at beat 1, D from beat 2 to 3. Observed: D alone. Tracks are split by
# channel and program before strokes and releases are paired, so that C's stroke is in one part and its release in
# another, and what has no partner is dropped. A program change affects the notes that follow; the held one goes on.
# Keyboards write such files when the sound is changed while playing. Without the change both notes are there.
# Expected: both notes either way. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tonejs/midi@2.0.28 midi-file@1.2.4
cat > program.cjs <<'CODE'
const { Midi } = require("@tonejs/midi");
const { parseMidi, writeMidi } = require("midi-file");
const key = (deltaTime, type, noteNumber) => ({ deltaTime, type, channel: 0, noteNumber, velocity: type === "noteOn" ? 80 : 0 });
const change = { deltaTime: 0, type: "programChange", channel: 0, programNumber: 40 };

/** The keys that are struck, and those of the notes. */
function found(held) {
  const track = [
    key(0, "noteOn", 60), ...(held ? [{ ...change, deltaTime: 480 }] : []), key(held ? 480 : 960, "noteOff", 60),
    key(0, "noteOn", 62), key(480, "noteOff", 62), { deltaTime: 0, type: "endOfTrack" },
  ];
  const bytes = Uint8Array.from(writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [track] }));
  const strokes = parseMidi(bytes).tracks[0].filter((event) => event.type === "noteOn").map((event) => event.noteNumber);
  const notes = new Midi(bytes).tracks.flatMap((part) => part.notes.map((note) => note.midi));
  console.log(`${held ? "with" : "without"} a program change: midi-file finds strokes of ${strokes}, @tonejs/midi notes ${notes}`);
  return `${notes}`;
}

const without = found(false), held = found(true);
process.exit(without === "60,62" && held === "62" ? 0 : 1);
CODE
node program.cjs
