// The live controls of the chapter "hearing".

import { pitchName } from "../../roll";
import { fromCounts } from "../../twins/evaluation";
import { partials, sharedPartials, tone } from "../../twins/sound";
import { byEar } from "../ear";
import { player } from "../loop";
import { shown } from "../numbers";
import { begin, type Stage } from "../stage";

/** Precision, recall and F from three counts. */
function counts(stage: Stage): () => void {
  const chart = stage.chart({
    height: 300,
    x: { label: "recall", low: 0, high: 1 },
    y: { label: "precision", low: 0, high: 1 },
  });
  chart.legend(["dot prediction", "these counts"], ["soft dotted", "equal F: 0.2, 0.4, 0.6, 0.8"]);
  const recalls = Array.from({ length: 200 }, (_, i) => (i + 1) / 200);
  return () => {
    const [hits, misses, extra] = ["hits", "misses", "extra_notes"].map((name) => stage.number(name)) as [number, number, number];
    const [precision, recall, f] = fromCounts(hits, misses, extra);
    chart.begin();
    for (const level of [0.2, 0.4, 0.6, 0.8]) {
      // F = 2PR / (P + R), solved for P, where that is at most 1
      const along = recalls.filter((r) => r > level / (2 - level) - 1e-9);
      chart.line(along, along.map((r) => (level * r) / (2 * r - level)), "soft dotted");
      chart.text(level, level, shown(level), { dx: 12, dy: -4 });
    }
    chart.dots([recall], [precision], "prediction", 7);
    const mean = (precision + recall) / 2;
    stage.say(
      `${hits + misses} played, ${hits + extra} reported: P = ${precision.toFixed(2)}, R = ${recall.toFixed(2)}, F = ${f.toFixed(2)}. ` +
        `(The ordinary mean of P and R would be ${mean.toFixed(2)}.)`,
    );
  };
}

const COUNT = 8; // partials of each key
const LEVELS = Array.from({ length: COUNT }, (_, i) => 1 / (i + 1));

/** Two keys at any distance, and which of their partials coincide. */
function twoKeys(stage: Stage, data: { lower: number; tolerance: number; rate: number }): () => void {
  const { lower, tolerance, rate } = data;
  const octaves = [0, 12, 24, 36, 48, 60].map((up) => lower + up);
  const ladder = stage.chart({
    height: 190,
    label: "Partials of two keys",
    x: { label: "pitch of the partial", low: lower - 2, high: lower + 62, ticks: octaves, names: octaves.map(pitchName) },
    y: { label: "", low: 0, high: 2, ticks: [0.5, 1.5], names: ["lower", "upper"] },
  });
  ladder.element.classList.add("nmp-wide");
  ladder.legend(["reference", "partial"], ["dot open ink", "coincides with one of the lower key"]);
  const shares = stage.chart({
    height: 200,
    label: "How many coincide, by distance",
    x: { label: "distance (semitones)", low: 0, high: 24, ticks: [0, 5, 7, 12, 19, 24] },
    y: { label: "partials of the upper key that coincide", low: 0, high: COUNT },
  });
  shares.element.classList.add("nmp-wide");
  const distances = Array.from({ length: 481 }, (_, i) => i / 20);
  const found = distances.map((up) => sharedPartials(lower, lower + up, COUNT, tolerance).length);
  shares.drag((x) => stage.set("distance", Math.round(20 * x) / 20));
  const frequency = (pitch: number): number => 440 * 2 ** ((pitch - 69) / 12);
  const keys = (): [number, number] => [lower, lower + stage.number("distance")];
  const both = (): Float32Array<ArrayBuffer> => {
    const frequencies = keys().flatMap((pitch) => partials(frequency(pitch), COUNT, 0));
    const audio = tone(frequencies, [...LEVELS, ...LEVELS], 2 * rate, rate);
    return audio.map((x, i) => x * Math.min(i / (0.005 * rate), Math.exp((-1.5 * i) / rate)));
  };
  const again = player(stage, "Play both keys", both, rate);
  let before = NaN;
  return () => {
    const distance = stage.number("distance");
    const met = sharedPartials(...keys(), COUNT, tolerance);
    const place = (pitch: number, n: number): number => pitch + 12 * Math.log2(n);
    ladder.begin();
    keys().forEach((pitch, row) => {
      for (let n = 1; n <= COUNT; n++) ladder.line([place(pitch, n), place(pitch, n)], [row + 0.1, row + 0.9], "reference");
    });
    const rings = met.map(([, n]) => place(lower + distance, n));
    ladder.dots(rings, rings.map(() => 1.5), "open ink", 7);
    shares.begin();
    shares.line(distances, found, "ink thin");
    shares.dots([distance], [met.length], "prediction", 7);
    stage.say(`${shown(distance)} semitones: ${met.length} of the upper key's first ${COUNT} partials coincide with partials of the lower.`);
    if (!Number.isNaN(before) && before !== distance) again();
    before = distance;
  };
}

begin({ counts, two_keys: twoKeys, by_ear: byEar });
