#!/bin/sh
# midifile-ts 1.5.2: an event that it doesn't know is left out of the file, and what follows comes early.
#
# A MIDI file has a waiting time before each event, and readers are to pass over kinds of meta events they don't know.
# A note in the first bar, the name of a new program (kind 8) at the start of the second, and a note with it,
# at 0 and 2 s. Observed: read as it is; written again, the second note begins at 0.5 s, and all that came after it
# would be 1.5 s early as well, while other tracks stay where they were. The writer returns no bytes for such an event:
# its waiting time goes with it. Expected: 0 and 2 s. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund midifile-ts@1.5.2 midi-file@1.2.4
cat > unknown.cjs <<'CODE'
const { parseMidi, writeMidi } = require("midi-file");
const { read, write } = require("midifile-ts");
const key = (deltaTime, type, noteNumber) => ({ deltaTime, type, channel: 0, noteNumber, velocity: 80 });

/** When the two notes begin, in seconds at 120 beats a minute. */
function onsets(bytes) {
  let now = 0;
  const found = [];
  for (const event of parseMidi(bytes).tracks[0]) {
    now += event.deltaTime / 960;
    if (event.type === "noteOn") found.push(now);
  }
  return `${found}`;
}

let same = true;
for (const [name, event, expected] of [
  ["a marker", { type: "marker", text: "B" }, "0,2"],
  ["a program name", { type: "unknownMeta", metatypeByte: 8, data: [...Buffer.from("Organ")] }, "0,0.5"],
]) {
  const track = [
    key(0, "noteOn", 60), key(480, "noteOff", 60), { deltaTime: 1440, ...event },
    key(0, "noteOn", 62), key(480, "noteOff", 62), { deltaTime: 0, type: "endOfTrack" },
  ];
  const bytes = Uint8Array.from(writeMidi({ header: { format: 1, ticksPerBeat: 480 }, tracks: [track] }));
  const again = onsets(write(read(bytes).tracks, 480));
  console.log(`with ${name}: notes at ${onsets(bytes)} s; read and written again, at ${again} s`);
  same &&= onsets(bytes) === "0,2" && again === expected;
}
process.exit(same ? 0 : 1);
CODE
node unknown.cjs
