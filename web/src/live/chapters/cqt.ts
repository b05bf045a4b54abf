// The live controls of the chapter "cqt".

import { pitchName } from "../../roll";
import { frameAt, quality, toneResponse, windowLength } from "../../twins/cqt";
import { tone } from "../../twins/sound";
import { player } from "../loop";
import { shown } from "../numbers";
import { type OwnData, OwnSound } from "../own";
import { begin, type Stage } from "../stage";

const frequencyOf = (pitch: number): number => 440 * 2 ** ((pitch - 69) / 12);
const FLOOR = -60; // dB

/** One or two tones through bins of any width. */
function twoTones(stage: Stage, data: { rate: number; own: OwnData }): () => void {
  const mine = new OwnSound(stage, data.own, 2, { playing: true });
  const chart = stage.chart({
    height: 280,
    x: { label: "pitch", low: 52, high: 64, ticks: [53, 55, 57, 59, 60, 62, 64], names: [53, 55, 57, 59, 60, 62, 64].map(pitchName) },
    y: { label: "level (dB)", low: FLOOR, high: 3, ticks: [-60, -40, -20, 0] },
  });
  const coarse = Array.from({ length: 121 }, (_, i) => 52 + i / 10);
  let read = { key: "", levels: [] as number[] };
  /** Levels around the middle of the reader's passage, at most 0 dB. */
  const ofPassage = (passage: Float32Array, bins: number): number[] => {
    const key = `${mine.key} ${bins}`;
    if (read.key !== key) {
      const found = frameAt(passage, passage.length >> 1, coarse.map(frequencyOf), data.rate, bins);
      const top = Math.max(...found, 1e-4);
      read = { key, levels: found.map((x) => 20 * Math.log10(Math.max(x, 1e-9) / top)) };
    }
    return read.levels;
  };
  const tones = (): [number, number] => [57, 57 + stage.number("distance") / 100];
  const levels = (): [number, number] => [1, 10 ** (stage.number("level_of_the_second") / 20)];
  const again = player(stage, "Play the tones", () => tone(tones().map(frequencyOf), levels(), data.rate, data.rate), data.rate);
  const fine = Array.from({ length: 361 }, (_, i) => 52 + i / 30);
  let before = "";
  return () => {
    const bins = stage.number("bins_per_octave");
    const [pitches, amplitudes] = [tones(), levels()];
    const power = (pitch: number): number =>
      pitches.reduce((sum, one, i) => sum + (amplitudes[i]! * toneResponse(frequencyOf(one), frequencyOf(pitch), data.rate, bins)) ** 2, 0);
    const top = Math.max(...fine.map(power));
    const level = (pitch: number): number => 10 * Math.log10(power(pitch) / top + 1e-12);
    const curve = fine.map(level);
    const step = 12 / bins;
    const first = 21 + Math.ceil((52 - 21) / step) * step;
    const centres = Array.from({ length: Math.floor((64 - first) / step) + 1 }, (_, i) => first + i * step);
    const passage = mine.passage;
    chart.legend(
      ["reference", "level at any pitch"],
      ["dot reference", "at the bins"],
      ["prediction dashed", "tones"],
      ...(passage ? [["extra", "your recording"] as [string, string]] : []),
    );
    chart.begin();
    if (passage) chart.line(coarse, ofPassage(passage, bins), "extra");
    for (const pitch of pitches) chart.upright(pitch, "prediction dashed");
    chart.line(fine, curve, "reference");
    chart.dots(centres, centres.map((pitch) => Math.max(level(pitch), FLOOR)), "reference", 4);
    const [low, high] = [Math.min(...pitches), Math.max(...pitches)];
    const between = fine.filter((pitch) => pitch > low && pitch < high).map(level);
    const valley = between.length ? Math.max(0, Math.min(level(low), level(high)) - Math.min(...between)) : 0;
    const milliseconds = (1000 * windowLength(220, data.rate, bins)) / data.rate;
    const separated = valley > 0.5 ? `a valley of ${shown(valley, 2)} dB separates the tones` : "no valley separates the tones";
    stage.say(`Q = ${shown(quality(bins))}: ${separated}. The window at A3 lasts ${shown(milliseconds)} ms.`);
    const now = [...pitches, ...amplitudes].join();
    if (before !== now) again();
    before = now;
  };
}

/** What a spectrogram and a constant-Q transform resolve, key by key. */
function resolution(stage: Stage, data: { rate: number }): () => void {
  const keys = Array.from({ length: 88 }, (_, i) => 21 + i);
  const names = [21, 45, 69, 93];
  const x = { label: "key", low: 21, high: 108, ticks: names, names: names.map(pitchName) };
  const time = stage.chart({ height: 240, label: "Blur in time", x, y: { label: "window (ms)", low: 3, high: 6000, log: true } });
  const pitch = stage.chart({
    height: 240,
    label: "Blur in pitch",
    x: { ...x },
    y: { label: "semitones it separates", low: 0.05, high: 50, log: true },
  });
  time.legend(["reference", "constant-Q transform"], ["prediction dashed", "spectrogram"]);
  const semitones = (bandwidth: number, key: number): number => 12 * Math.log2(1 + (2 * bandwidth) / frequencyOf(key));
  return () => {
    const [bins, window] = [stage.number("bins_per_octave"), Math.round(stage.number("window"))];
    const lengths = keys.map((key) => windowLength(frequencyOf(key), data.rate, bins));
    time.begin();
    time.line(keys, lengths.map((length) => (1000 * length) / data.rate), "reference");
    time.line(keys, keys.map(() => (1000 * window) / data.rate), "prediction dashed");
    pitch.begin();
    pitch.line(keys, keys.map((key, i) => semitones(data.rate / lengths[i]!, key)), "reference");
    pitch.line(keys, keys.map((key) => semitones(data.rate / window, key)), "prediction dashed");
    const same = keys.reduce((best, key, i) => {
      const away = Math.abs(Math.log(lengths[i]! / window));
      return away < best.away ? { key, away } : best;
    }, { key: 21, away: Infinity }).key;
    for (const chart of [time, pitch]) chart.upright(same, "soft dotted");
    const lowest = semitones(data.rate / window, 21);
    stage.say(
      `Windows of ${shown(window)} samples last ${shown((1000 * window) / data.rate)} ms. The two transforms agree around ${pitchName(same)}; ` +
        `at A0 the spectrogram separates tones ${shown(lowest, 2)} semitones apart.`,
    );
  };
}

begin({ two_tones: twoTones, resolution });
