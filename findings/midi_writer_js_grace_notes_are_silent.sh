#!/bin/sh
# midi-writer-js 3.2.1: grace notes are not written.
#
# A NoteEvent has a field "grace", by its README "Grace note(s) applied before the main note". A quarter note C4 with the
# grace note B3. Observed: the file has C4 alone. An event is made for the grace note and its bytes are taken, but it
# has none before it is built, and nothing builds it. Expected: B3 and C4. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund midi-writer-js@3.2.1 midi-file@1.2.4
cat > grace.cjs <<'CODE'
const { NoteEvent, Track, Writer } = require("midi-writer-js");
const { parseMidi } = require("midi-file");
const track = new Track();
track.addEvent(new NoteEvent({ pitch: "C4", grace: "B3", duration: "4" }));
const strokes = parseMidi(new Writer(track).buildFile()).tracks[0].filter((event) => event.type === "noteOn");
const keys = strokes.map((event) => event.noteNumber);
console.log(`C4 (60) with the grace note B3 (59): strokes of ${keys}`);
process.exit(`${keys}` === "60" ? 0 : 1);
CODE
node grace.cjs
