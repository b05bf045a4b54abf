#!/bin/sh
# audio-decode 3.12.0 (@audio/decode-wav 1.5.1): a WAV with a note of odd length before its samples has no sound.
#
# Recorders and editors put chunks of text, such as iXML, before the samples of a WAV. A chunk of odd length is followed
# by one byte of padding that its length doesn't count. A tone of 44,100 samples after an iXML chunk. Observed: with
# 100 bytes of text all samples are there; with 101 audio-decode returns no channels and a rate of 0, without an error.
# wavefile reads both. The decoder goes on by the length alone, meets the following chunk one byte too early, doesn't
# know its name, and at the end of the file takes the header for one that is still to come.
# Expected: 44,100 samples, or an error. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund audio-decode@3.12.0 @audio/decode@3.16.2 @audio/decode-wav@1.5.1 wavefile@11.0.0
cat > odd.mjs <<'CODE'
import decode from "audio-decode";
import wavefile from "wavefile";

function chunk(name, content) {
  const bytes = Buffer.alloc(8 + content.length + (content.length % 2));
  bytes.write(name);
  bytes.writeUInt32LE(content.length, 4);
  content.copy(bytes, 8);
  return bytes;
}

/** A tone at 44,100 Hz, 16 bits, after so many bytes of text. */
function wav(text) {
  const format = Buffer.from(Uint16Array.of(1, 1, 44100, 0, 88200 & 0xffff, 88200 >> 16, 2, 16).buffer);
  const tone = Buffer.from(Int16Array.from({ length: 44100 }, (_, i) => 16000 * Math.sin(0.0627 * i)).buffer);
  const content = [chunk("fmt ", format), chunk("iXML", Buffer.alloc(text, "x")), chunk("data", tone)];
  return Uint8Array.from(chunk("RIFF", Buffer.concat([Buffer.from("WAVE"), ...content])));
}

let same = true;
for (const [text, left] of [[100, "44100 samples, 44100 Hz"], [101, "0 samples, 0 Hz"]]) {
  const { channelData, sampleRate } = await decode(wav(text));
  const seen = `${channelData[0]?.length ?? 0} samples, ${sampleRate} Hz`;
  const other = new wavefile.WaveFile(wav(text)).getSamples().length;
  console.log(`text of ${text} bytes: audio-decode ${seen}; wavefile ${other} samples`);
  same &&= seen === left && other === 44100;
}
process.exit(same ? 0 : 1);
CODE
node odd.mjs
