#!/bin/sh
# midi-writer-js 3.2.1: a tempo for a later tick takes effect at once.
#
# Its README has `track.setTempo(80, 512)` for "slow to 80 BPM at tick 512". Four quarter notes of 128 ticks at 120, with
# a tempo of 60 for tick 256. Observed: called before the notes, the event stands at tick 0 and all four notes last
# twice as long; called after them, it stands at tick 512. It is written where the call is made, because its waiting
# time is always 0: the tick moves a counter, and nothing sorts the event among the notes.
# Expected: tick 256 both times. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund midi-writer-js@3.2.1 midi-file@1.2.4
cat > tempo.cjs <<'CODE'
const { NoteEvent, Track, Writer } = require("midi-writer-js");
const { parseMidi } = require("midi-file");
const notes = () => [60, 61, 62, 63].map((pitch) => new NoteEvent({ pitch, duration: "4" }));

/** The ticks of the second tempo and of the strokes. */
function ticks(fill) {
  const track = new Track();
  track.setTempo(120);
  fill(track);
  let now = 0;
  const found = { setTempo: [], noteOn: [] };
  for (const event of parseMidi(new Writer(track).buildFile()).tracks[0]) {
    now += event.deltaTime;
    found[event.type]?.push(now);
  }
  return `tempo at ${found.setTempo[1]}, strokes at ${found.noteOn}`;
}

const before = ticks((track) => track.setTempo(60, 256).addEvent(notes()));
const after = ticks((track) => track.addEvent(notes()).setTempo(60, 256));
console.log(`tempo for tick 256, set before the notes: ${before}\nset after the notes: ${after}`);
process.exit(before === "tempo at 0, strokes at 0,128,256,384" && after === "tempo at 512, strokes at 0,128,256,384" ? 0 : 1);
CODE
node tempo.cjs
