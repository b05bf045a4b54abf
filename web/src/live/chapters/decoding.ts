// The live controls of the chapter "decoding".

import { KEYS, LOWEST_PITCH, type Decoder, type Note } from "../../decoder";
import { pitchName } from "../../roll";
import { tones } from "../../sound";
import { byThresholds, decode, hysteresis } from "../../twins/decoding";
import { matched, type Notes } from "../../twins/evaluation";
import type { Chart } from "../chart";
import { player } from "../loop";
import { shown, unpacked, type Packed } from "../numbers";
import { pictureUrl } from "../picture";
import { drawNotes, pitchAxis } from "../roll";
import { begin, dataOf, type Stage } from "../stage";

const [LOW, HIGH] = [33, 96]; // pitches that are drawn
const LOUDNESS = 0.08; // root mean square of what is played

interface Clip {
  seconds: number;
  frameRate: number;
  rate: number; // of sounds
  reference: Notes;
  note: Record<string, Packed>; // Yn of each network
  onset: Packed; // Yo of ours
  decoder: Decoder;
}

const OURS = "main-0";

/** A piano roll over a picture of posteriors. */
function rollOf(stage: Stage, data: Clip, label: string): Chart {
  const chart = stage.chart({ height: 330, label, x: { label: "time (s)", low: 0, high: data.seconds }, y: pitchAxis(LOW, HIGH) });
  chart.element.classList.add("nmp-wide");
  chart.legend(["area note hit", "hit"], ["area note miss", "miss"], ["area note extra", "extra note"]);
  return chart;
}

/** Draws a transcription as hits, misses and extra notes; returns the counts and Fno in words. */
function judge(chart: Chart, data: Clip, estimate: Notes, picture: string): string {
  const hits = matched(data.reference, estimate, 0.05, false);
  const [found, heard] = [new Set(hits.map(([, e]) => e)), new Set(hits.map(([r]) => r))];
  const misses = data.reference.onset.map((_, r) => r).filter((r) => !heard.has(r));
  const part = (list: number[]): number[] => misses.map((r) => list[r]!);
  const { onset, offset, pitch } = data.reference;
  chart.begin();
  const half = 0.5 / data.frameRate;
  chart.image(picture, -half, LOWEST_PITCH - 0.5, data.seconds + half, LOWEST_PITCH + KEYS - 0.5);
  drawNotes(chart, { onset: part(onset), offset: part(offset), pitch: part(pitch) }, () => "miss");
  drawNotes(chart, estimate, (e) => (found.has(e) ? "hit" : "extra"));
  const total = onset.length + estimate.onset.length;
  const counts = `${estimate.onset.length} notes found, ${onset.length} struck`;
  return `${counts}: ${hits.length} hits, ${misses.length} misses, ${estimate.onset.length - hits.length} extra; Fno = ${((2 * hits.length) / total).toFixed(2)}.`;
}

/** A button that plays notes as simple tones. */
function playerOf(stage: Stage, data: Clip, notes: () => Notes): () => void {
  const like = new Float32Array(Math.round(data.seconds * data.rate)).fill(LOUDNESS);
  const sound = (): Float32Array<ArrayBuffer> => {
    const { onset, offset, pitch } = notes();
    const list: Note[] = onset.map((start, i) => ({ onset: start, offset: offset[i]!, pitch: pitch[i]!, velocity: 64 }));
    return Float32Array.from(tones(list, like, data.rate));
  };
  return player(stage, "Play the notes that were found", sound, data.rate);
}

/** One threshold on Yn, for either network. */
function oneThreshold(stage: Stage, data: Clip): () => void {
  const heads = Object.fromEntries(Object.entries(data.note).map(([name, packed]) => [name, unpacked(packed)]));
  const pictures = Object.fromEntries(Object.entries(heads).map(([name, head]) => [name, pictureUrl(head, KEYS)]));
  const chart = rollOf(stage, data, "Yn, and the notes above one threshold");
  let notes: Notes = { onset: [], offset: [], pitch: [] };
  const again = playerOf(stage, data, () => notes);
  let before = "";
  return () => {
    const [threshold, network] = [stage.number("threshold"), stage.choice("network")];
    const now = `${threshold} ${network}`;
    if (before !== now) notes = byThresholds(heads[network]!, KEYS, LOWEST_PITCH, threshold, threshold, data.frameRate);
    stage.say(judge(chart, data, notes, pictures[network]!));
    if (before && before !== now) again();
    before = now;
  };
}

/** Two thresholds on Yn: one key in detail, all keys counted. */
function twoThresholds(stage: Stage, { key }: { key: number }): () => void {
  const data = dataOf<Clip>("one_threshold");
  const head = unpacked(data.note[OURS]!);
  const frames = head.length / KEYS;
  const yn = Array.from({ length: frames }, (_, t) => head[t * KEYS + key]!);
  const times = yn.map((_, t) => t / data.frameRate);
  const chart = stage.chart({
    height: 300,
    x: { label: "time (s)", low: 0, high: data.seconds },
    y: { label: `Yn of ${pitchName(key + LOWEST_PITCH)}`, low: -0.42, high: 1.02, ticks: [0, 0.5, 1] },
  });
  chart.element.classList.add("nmp-wide");
  chart.legend(["ink", "Yn"], ["miss", "above the high threshold"], ["hit", "both"], ["reference", "above the low threshold"]);
  const threshold = (name: "high" | "low", label: string) =>
    chart.handle({ label, look: name === "high" ? "miss" : "reference", axis: "y", step: 0.01, move: (y) => stage.set(name, y) });
  const [high, low] = [threshold("high", "high threshold"), threshold("low", "low threshold")];
  const count = (a: number, b: number): number => byThresholds(head, KEYS, LOWEST_PITCH, a, b, data.frameRate).onset.length;
  return () => {
    const upper = stage.number("high");
    const lower = Math.min(stage.number("low"), upper);
    chart.begin();
    const rows = [
      [hysteresis(yn, upper, upper), "miss", -0.1],
      [hysteresis(yn, upper, lower), "hit", -0.22],
      [hysteresis(yn, lower, lower), "reference", -0.34],
    ] as const;
    for (const [mask, look, y] of rows) {
      const runs: [number, number, number, number][] = [];
      mask.forEach((sounds, t) => {
        if (!sounds) return;
        const last = runs.at(-1);
        const [start, stop] = [(t - 0.5) / data.frameRate, (t + 0.5) / data.frameRate];
        if (last && Math.abs(last[2] - start) < 1e-9) last[2] = stop;
        else runs.push([start, y - 0.04, stop, y + 0.04]);
      });
      chart.boxes(runs, `area ${look}`);
    }
    chart.line(times, yn, "ink");
    chart.line([0, data.seconds], [upper, upper], "miss thin");
    chart.line([0, data.seconds], [lower, lower], "reference thin dashed");
    high.place(0.97 * data.seconds, upper, shown(upper));
    low.place(0.93 * data.seconds, lower, shown(lower));
    const notes = byThresholds(head, KEYS, LOWEST_PITCH, upper, lower, data.frameRate);
    const f = (2 * matched(data.reference, notes, 0.05, false).length) / (data.reference.onset.length + notes.onset.length);
    stage.say(
      `On all keys: ${count(upper, upper)} notes above ${shown(upper)}, ${count(lower, lower)} above ${shown(lower)}, ` +
        `${notes.onset.length} with both (Fno = ${f.toFixed(2)}); ${data.reference.onset.length} were struck.`,
    );
  };
}

/** Peaks of Yo, held by Yn. */
function peaks(stage: Stage): () => void {
  const data = dataOf<Clip>("one_threshold");
  const heads = { note: unpacked(data.note[OURS]!), onset: unpacked(data.onset) };
  const pictures = { Yn: pictureUrl(heads.note, KEYS), Yo: pictureUrl(heads.onset, KEYS) };
  const chart = rollOf(stage, data, "Posteriors, and the notes at peaks of Yo");
  let notes: Notes = { onset: [], offset: [], pitch: [] };
  const again = playerOf(stage, data, () => notes);
  let before = "";
  return () => {
    const decoder = {
      ...data.decoder,
      threshold: stage.number("threshold"),
      note_threshold: stage.number("note_threshold"),
      reach: stage.number("reach"),
    };
    const now = JSON.stringify(decoder);
    if (before !== now) {
      const found = decode(heads, decoder, 1 / data.frameRate);
      notes = { onset: found.map((one) => one.onset), offset: found.map((one) => one.offset), pitch: found.map((one) => one.pitch) };
    }
    stage.say(judge(chart, data, notes, stage.choice("picture") === "Yo" ? pictures.Yo : pictures.Yn));
    if (before && before !== now) again();
    before = now;
  };
}

begin({ one_threshold: oneThreshold, two_thresholds: twoThresholds, peaks });
