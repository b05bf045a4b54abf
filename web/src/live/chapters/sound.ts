// The live controls of the chapter "sound".

import { frameAt } from "../../twins/cqt";
import { foldedFrequency, levelInDb, partials, tone } from "../../twins/sound";
import { pitchName } from "../../roll";
import { binFrequency, middleOf, SECONDS } from "../heard";
import { player } from "../loop";
import { shown } from "../numbers";
import { type OwnData, OwnSound } from "../own";
import { begin, type Stage } from "../stage";

interface Measured {
  levels: number[]; // dB, of the partials of a recorded note
  envelope: number[]; // of its loudness, evenly spaced
  seconds: number;
  rate: number;
  keys: [lowest: number, highest: number]; // MIDI numbers, of the slider
  lowest: number; // Hz, of the transform's bins
  bins: number;
  own: OwnData;
}

const FLOOR = -60; // dB below the strongest partial, as low as bars go

/** Sixteen partials to mix by hand, seen and heard. */
function mixer(stage: Stage, data: Measured): () => void {
  const mine = new OwnSound(stage, data.own, SECONDS, { playing: true });
  const strongest = Math.max(...data.levels);
  const measured = data.levels.map((level) => Math.max(Math.round(level - strongest), FLOOR));
  let levels = [...measured];
  let place = 0;
  const numbers = levels.map((_, i) => i + 1);
  const bars = stage.chart({
    height: 240,
    label: "Levels of the partials",
    x: { label: "partial", low: 0.4, high: levels.length + 0.6, ticks: [1, 4, 8, 12, 16] },
    y: { label: "level (dB)", low: FLOOR, high: 0 },
  });
  const wave = stage.chart({
    height: 240,
    label: "Three periods of the sound",
    x: { label: "time (ms)", low: 0, high: 10 },
    y: { label: "x(t)", low: -0.5, high: 0.5 },
  });
  const put = (x: number, y: number): void => {
    place = Math.min(Math.max(Math.round(x) - 1, 0), levels.length - 1);
    levels[place] = Math.min(Math.max(Math.round(y), FLOOR), 0);
    stage.change();
  };
  bars.drag(put, { paint: true });
  const at = (i: number): number => levels[Math.min(Math.max(i, 0), levels.length - 1)]!;
  const cursor = bars.cursor("partial", "prediction", {
    ArrowLeft: () => put(place, at(place - 1)),
    ArrowRight: () => put(place + 2, at(place + 1)),
    ArrowUp: () => put(place + 1, levels[place]! + 3),
    ArrowDown: () => put(place + 1, levels[place]! - 3),
  });
  const frequencies = (): number[] => partials(440 * 2 ** ((stage.number("key") - 69) / 12), levels.length, stage.number("stiffness") / 1000);
  const amplitudes = (): number[] => levels.map((level) => (level > FLOOR ? 10 ** (level / 20) : 0));
  const struck = (): Float32Array<ArrayBuffer> => {
    const samples = Math.round(data.seconds * data.rate);
    const audio = tone(frequencies(), amplitudes(), samples, data.rate);
    const last = data.envelope.length - 1;
    for (let i = 0; i < samples; i++) {
      const along = (i / samples) * last;
      const low = Math.floor(along);
      audio[i]! *= data.envelope[low]! + (along - low) * (data.envelope[low + 1]! - data.envelope[low]!);
    }
    return audio;
  };
  const again = player(stage, "Play", struck, data.rate);
  const recipe = (label: string, level: (partial: number) => number): void => {
    stage.button(label, () => {
      levels = numbers.map((n) => Math.max(Math.round(level(n)), FLOOR));
      stage.change();
    });
  };
  recipe("One sine", (n) => (n === 1 ? 0 : FLOOR));
  recipe("1/h", (n) => levelInDb(1 / n));
  recipe("Odd ones only", (n) => (n % 2 ? levelInDb(1 / n) : FLOOR));
  recipe("All but the first", (n) => (n === 1 ? FLOOR : levelInDb(1 / n)));
  recipe("As measured", (n) => measured[n - 1]!);
  mine.button("Partials of my recording", () => {
    const passage = mine.passage!;
    const { silent, bin, pitch, words } = middleOf(passage, data.rate, data.lowest, data.bins);
    const [lowest, highest] = data.keys;
    if (silent) return mine.say(words);
    if (pitch < lowest || pitch > highest) return mine.say(`${words} It lies outside the range of this mixer.`);
    const found = levelsOf(passage, numbers.map((n) => n * binFrequency(bin, data.lowest)), data.rate);
    levels = found.map((level) => Math.max(Math.round(level - Math.max(...found)), FLOOR));
    mine.say(`${words} The bars show its partials.`);
    stage.set("key", pitch);
  });
  let before = "";
  return () => {
    const [key, found] = [stage.number("key"), frequencies()];
    wave.x.high = 3000 / found[0]!;
    const points = 500;
    const shape = tone(found, amplitudes(), points, points / (wave.x.high / 1000));
    bars.begin();
    levels.forEach((level, i) => bars.box(i + 0.65, FLOOR, i + 1.35, level, i === place ? "prediction" : "reference"));
    wave.begin();
    wave.line(Array.from(shape, (_, i) => (wave.x.high * i) / points), shape, "reference");
    cursor.place(place + 1, levels[place]!, `partial ${place + 1}: ${levels[place]!} dB`);
    const cents = 1200 * Math.log2(found[place]! / ((place + 1) * found[0]!));
    const sharp = cents > 0.5 ? `, ${shown(cents, 2)} cents above ${place + 1} times the first` : "";
    stage.say(`${pitchName(key)}, partial ${place + 1}: ${shown(found[place]!, 4)} Hz${sharp}, ${levels[place]!} dB.`.replace(" -", " −"));
    const now = [key, stage.number("stiffness"), ...levels].join();
    if (before !== now) again();
    before = now;
  };
}

/** Levels in dB around the middle of a passage, through windows as wide as a semitone. */
function levelsOf(passage: Float32Array, frequencies: number[], rate: number): number[] {
  const found = frameAt(passage, passage.length >> 1, frequencies, rate, 12);
  return found.map((x, i) => levelInDb(frequencies[i]! < rate / 2 ? x * Math.sqrt(frequencies[i]!) + 1e-9 : 1e-9));
}

/** A sine and its samples, and the lowest sine that has the same ones. */
function aliased(stage: Stage, data: { rate: number }): () => void {
  const highest = data.rate / 2;
  const wave = stage.chart({
    height: 230,
    label: "A sine and its samples",
    x: { label: "time (ms)", low: 0, high: 3 },
    y: { label: "x(t)", low: -1.1, high: 1.1, ticks: [-1, 0, 1] },
  });
  wave.legend(["soft thin", "played"], ["reference", "heard"], ["dot ink", "samples"]);
  const folds = stage.chart({
    height: 230,
    label: "The frequency that is heard",
    x: { label: "frequency played (Hz)", low: 0, high: highest, ticks: [0, 4000, 8000] },
    y: { label: "frequency heard (Hz)", low: 0, high: highest },
  });
  const handle = folds.handle({ label: "frequency played", look: "reference", axis: "x", step: 50, move: (x) => stage.set("frequency", x) });
  folds.drag((x) => stage.set("frequency", x));
  const rate = (): number => data.rate / stage.number("keep_every");
  const heard = (): number => foldedFrequency(stage.number("frequency"), rate());
  const sine = (frequency: () => number) => () => tone([frequency()], [0.5], data.rate, data.rate);
  const again = player(stage, "Play what is heard", sine(heard), data.rate);
  const times = Array.from({ length: 900 }, (_, i) => (3 * i) / 899);
  const xs = Array.from({ length: 400 }, (_, i) => (highest * i) / 399);
  let before = 0;
  return () => {
    const [frequency, found] = [stage.number("frequency"), heard()];
    const sign = frequency < rate() * Math.round(frequency / rate()) ? -1 : 1; // a negative frequency is a sine upside down
    const samples = Array.from({ length: Math.floor(0.003 * rate()) + 1 }, (_, n) => (1000 * n) / rate());
    const at = (t: number, f: number): number => Math.sin((2 * Math.PI * f * t) / 1000);
    wave.begin();
    wave.line(times, times.map((t) => at(t, frequency)), "soft thin");
    wave.line(times, times.map((t) => sign * at(t, found)), "reference");
    wave.dots(samples, samples.map((t) => at(t, frequency)), "ink", 3);
    folds.begin();
    folds.line(xs, xs.map((x) => foldedFrequency(x, rate())), "ink");
    folds.line([0, highest], [rate() / 2, rate() / 2], "soft dotted");
    handle.place(frequency, found, `${shown(frequency, 4)} Hz, heard at ${shown(found, 4)} Hz`);
    stage.say(`Played ${shown(frequency, 4)} Hz, sampled ${shown(rate(), 4)} times a second: heard at ${shown(found, 4)} Hz.`);
    if (before !== found) again();
    before = found;
  };
}

begin({ mixer, aliased });
