#!/bin/sh
# midi-player-js 2.0.17: of a chord that is struck evenly, the first note is softer than the others.
#
# In a MIDI file a message may leave out its first byte if it is that of the message before ("running status"); many
# writers save bytes that way. A chord of C, E and G, each with velocity 80. Observed: written out in full, the three have
# velocity 63; with running status C has 63, E and G have 80. The branch for whole messages turns 0 to 127 into a
# percentage, the one for shortened messages hands over the byte, and no field of the event but an unexplained
# `running` tells the two apart. Expected: one scale for both. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund midi-player-js@2.0.17 midi-file@1.2.4
cat > chord.cjs <<'CODE'
const { parseMidi, writeMidi } = require("midi-file");
const { Player } = require("midi-player-js");
const keys = [60, 64, 67];
const track = [
  ...keys.map((noteNumber) => ({ deltaTime: 0, type: "noteOn", channel: 0, noteNumber, velocity: 80 })),
  ...keys.map((noteNumber, i) => ({ deltaTime: i ? 0 : 480, type: "noteOff", channel: 0, noteNumber, velocity: 64 })),
  { deltaTime: 0, type: "endOfTrack" },
];

/** The velocities of the chord, by midi-file and by midi-player-js. */
function velocities(running) {
  const bytes = Uint8Array.from(writeMidi({ header: { format: 0, ticksPerBeat: 480 }, tracks: [track] }, { running }));
  const player = new Player();
  player.loadArrayBuffer(bytes.buffer);
  const strokes = player.getEvents()[0].filter((event) => event.name === "Note on");
  const others = parseMidi(bytes).tracks[0].filter((event) => event.type === "noteOn");
  return `midi-file ${others.map((event) => event.velocity)}; midi-player-js ${strokes.map((event) => event.velocity)}`;
}

const [full, short] = [false, true].map(velocities);
console.log(`written in full: ${full}\nwith running status: ${short}`);
const same = full === "midi-file 80,80,80; midi-player-js 63,63,63" && short === "midi-file 80,80,80; midi-player-js 63,80,80";
process.exit(same ? 0 : 1);
CODE
node chord.cjs
