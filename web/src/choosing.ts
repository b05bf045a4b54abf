// Reads what the reader chooses or records.

import { Refusal } from "./networks";
import type { Sound } from "./own";
import { samplesOf } from "./sound";

const LONGEST = 5400; // seconds

/** Decodes a file, and refuses in the words of the command line what is no music. */
export async function readSound(file: ArrayBuffer, title: string, rate: number, shortest: number): Promise<Sound> {
  if (!file.byteLength) throw new Refusal(`${title}: the file is empty; record or export it again.`);
  const read = await samplesOf(file, rate).catch(() => {
    throw new Refusal(`${title}: this browser can't read it as audio. Try WAV, MP3 or FLAC.`);
  });
  return checkedSound({ title, ...read }, rate, shortest);
}

/** The sound itself, unless it is no music. */
export function checkedSound(sound: Sound, rate: number, shortest: number): Sound {
  const { title, samples } = sound;
  const seconds = samples.length / rate;
  if (seconds > LONGEST) {
    throw new Refusal(`${title}: longer than ${LONGEST / 60} minutes. Shorten it, or use nmp-lessons transcribe.`);
  }
  if (!samples.every(Number.isFinite)) {
    throw new Refusal(`${title}: some samples are NaN or infinite; export the audio again.`);
  }
  if (seconds < shortest) {
    throw new Refusal(
      `${title}: has only ${(1000 * seconds).toFixed(0)} ms of audio, but the shortest note that can be found ` +
        `lasts ${(1000 * shortest).toFixed(0)} ms; give a longer recording.`,
    );
  }
  if (samples.every((x) => x === samples[0])) {
    throw new Refusal(`${title}: is silent (every sample is the same); check how it was recorded or exported.`);
  }
  return sound;
}
