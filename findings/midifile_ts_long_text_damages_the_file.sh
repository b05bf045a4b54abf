#!/bin/sh
# midifile-ts 1.5.2: one text of more than 127 characters, and the MIDI file that it writes is damaged.
#
# A MIDI file gives the length of a text or of a system exclusive message in as many bytes as it takes, seven bits in
# each. A track with a copyright notice and a note at tick 0. Observed: read and written again, the note is at 0 with
# a notice of 127 characters. With 128 the library's own reader finds it at 970; with 200 the file can't be read at all,
# nor with a system exclusive message of 130 bytes. The length is written as a single byte, and one of 128 or more says
# that another follows, so that the text's first letter is taken for a part of its length.
# Expected: the note at 0, whatever the length. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund midifile-ts@1.5.2 midi-file@1.2.4
cat > text.cjs <<'CODE'
const { writeMidi } = require("midi-file");
const { read, write } = require("midifile-ts");
const key = (deltaTime, type) => ({ deltaTime, type, channel: 0, noteNumber: 60, velocity: 80 });

/** The tick at which a file has its note. */
function tick(bytes) {
  let now = 0;
  for (const event of read(bytes).tracks[0]) {
    now += event.deltaTime;
    if (event.subtype === "noteOn") return `at ${now}`;
  }
}

/** Where the note is before and after midifile-ts has written the file. */
function places(event) {
  const track = [{ deltaTime: 0, ...event }, key(0, "noteOn"), key(480, "noteOff"), { deltaTime: 0, type: "endOfTrack" }];
  const bytes = Uint8Array.from(writeMidi({ header: { format: 1, ticksPerBeat: 480 }, tracks: [track] }));
  const again = write(read(bytes).tracks, 480);
  try {
    return `${tick(bytes)}, written again ${tick(again)}`;
  } catch (problem) {
    return `${tick(bytes)}, written again unreadable (${problem.message})`;
  }
}

const notice = (length) => ({ type: "copyrightNotice", text: "a".repeat(length) });
const message = (length) => ({ type: "sysEx", data: [...Array(length - 1).fill(1), 0xf7] });
let same = true;
for (const [name, event, left] of [
  ["notice of 127 characters", notice(127), "at 0"], ["notice of 128 characters", notice(128), "at 970"],
  ["notice of 200 characters", notice(200), "unreadable"], ["system exclusive message of 130 bytes", message(130), "unreadable"],
]) {
  const seen = places(event);
  console.log(`${name}: note ${seen}`);
  same &&= seen.startsWith(`at 0, written again ${left}`);
}
process.exit(same ? 0 : 1);
CODE
node text.cjs
