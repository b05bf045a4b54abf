// The live controls of the chapter "decoding".

import { KEYS, LOWEST_PITCH, type Decoder, type Heads, type Note } from "../../decoder";
import { pitchName } from "../../roll";
import { tones } from "../../sound";
import { byThresholds, decode, hysteresis } from "../../twins/decoding";
import { fno, listed, matched, type Notes } from "../../twins/evaluation";
import type { Chart } from "../chart";
import { player } from "../loop";
import { counted, shown, unpackedHead, type Packed } from "../numbers";
import { type OwnData, OwnSound } from "../own";
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
  own: OwnData;
}

const OURS = "main-0";
const UNREAD = "Run the network on your recording to see its posteriors and notes.";
const NONE: Notes = { onset: [], offset: [], pitch: [] };
const READS = { reading: true, playing: true };

/** A piano roll over a picture of posteriors. */
function rollOf(stage: Stage, data: Clip, label: string): Chart {
  const chart = stage.chart({ height: 330, label, x: { label: "time (s)", low: 0, high: data.seconds }, y: pitchAxis(LOW, HIGH) });
  chart.element.classList.add("nmp-wide");
  return chart;
}

/** Draws notes over a head: of the clip as hits, misses and extra notes, with Fno in words; without a reference as they are. */
function judge(chart: Chart, data: Clip, reference: Notes | undefined, estimate: Notes, head: Float32Array): string {
  chart.begin();
  const half = 0.5 / data.frameRate;
  chart.image(pictureUrl(head, KEYS), -half, LOWEST_PITCH - 0.5, data.seconds + half, LOWEST_PITCH + KEYS - 0.5);
  if (!reference) {
    chart.legend(["area note prediction", "found"]);
    drawNotes(chart, estimate, () => "prediction");
    return `${counted(estimate.onset.length, "note")} found in your recording by ${OURS}.`;
  }
  chart.legend(["area note hit", "hit"], ["area note miss", "miss"], ["area note extra", "extra note"]);
  const hits = matched(reference, estimate);
  const [found, heard] = [new Set(hits.map(([, e]) => e)), new Set(hits.map(([r]) => r))];
  drawNotes(chart, reference, (r) => (heard.has(r) ? undefined : "miss"));
  drawNotes(chart, estimate, (e) => (found.has(e) ? "hit" : "extra"));
  const [struck, notes] = [reference.onset.length, estimate.onset.length];
  const counts = `${counted(hits.length, "hit")}, ${counted(struck - hits.length, "miss", "misses")}, ${notes - hits.length} extra`;
  return `${counted(notes, "note")} found, ${struck} struck: ${counts}; Fno = ${((2 * hits.length) / (struck + notes)).toFixed(2)}.`;
}

/** An empty chart, until the network has run on the recording. */
function wait(stage: Stage, ...charts: Chart[]): void {
  for (const chart of charts) chart.begin();
  stage.say(UNREAD);
}

/** The heads to decode: those of the reader's recording if it is chosen, else the clip's; none before the network has run. */
function headsOf(own: OwnSound, clip: Heads): { heads?: Heads; key: string } {
  return { heads: own.passage ? own.read?.heads : clip, key: `${own.key} ${own.read ? "read" : ""}` };
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
  const clip = Object.fromEntries(Object.entries(data.note).map(([name, packed]) => [name, unpackedHead(packed)]));
  const own = new OwnSound(stage, data.own, data.seconds, READS);
  const chart = rollOf(stage, data, "Yn, and the notes above one threshold");
  let notes = NONE;
  const again = playerOf(stage, data, () => notes);
  let before = "";
  return () => {
    stage.allow("network", own.passage && [OURS]);
    const [threshold, network] = [stage.number("threshold"), stage.choice("network")];
    const { heads, key } = headsOf(own, { note: clip[network]!, onset: clip[network]! });
    const now = `${threshold} ${network} ${key}`;
    if (before !== now) notes = heads ? byThresholds(heads.note, KEYS, LOWEST_PITCH, threshold, threshold, data.frameRate) : NONE;
    if (heads) stage.say(judge(chart, data, own.passage ? undefined : data.reference, notes, heads.note));
    else wait(stage, chart);
    if (before && before !== now) again();
    before = now;
  };
}

/** Two thresholds on Yn: one key in detail, all keys counted. */
function twoThresholds(stage: Stage, { key }: { key: number }): () => void {
  const data = dataOf<Clip>("one_threshold");
  const clip = unpackedHead(data.note[OURS]!);
  const own = new OwnSound(stage, data.own, data.seconds, READS);
  const chart = stage.chart({
    height: 300,
    x: { label: "time (s)", low: 0, high: data.seconds },
    y: { label: "", low: -0.42, high: 1.02, ticks: [0, 0.5, 1] },
  });
  chart.element.classList.add("nmp-wide");
  chart.legend(["ink", "Yn"], ["miss", "above the high threshold"], ["hit", "both"], ["reference", "above the low threshold"]);
  const threshold = (name: "high" | "low", label: string) =>
    chart.handle({ label, look: name === "high" ? "miss" : "reference", axis: "y", step: 0.01, move: (y) => stage.set(name, y) });
  const [high, low] = [threshold("high", "high threshold"), threshold("low", "low threshold")];
  const count = (head: Float32Array, a: number, b: number): number => byThresholds(head, KEYS, LOWEST_PITCH, a, b, data.frameRate).onset.length;
  return () => {
    const upper = stage.number("high");
    const lower = Math.min(stage.number("low"), upper);
    const head = headsOf(own, { note: clip, onset: clip }).heads?.note;
    high.place(0.97 * data.seconds, upper, shown(upper));
    low.place(0.93 * data.seconds, lower, shown(lower));
    if (!head) {
      wait(stage, chart);
      return;
    }
    const shownKey = own.passage ? busiest(head) : key;
    const yn = Array.from({ length: head.length / KEYS }, (_, t) => head[t * KEYS + shownKey]!);
    chart.y.label = `Yn of ${pitchName(shownKey + LOWEST_PITCH)}`;
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
    chart.line(yn.map((_, t) => t / data.frameRate), yn, "ink");
    chart.line([0, data.seconds], [upper, upper], "miss thin");
    chart.line([0, data.seconds], [lower, lower], "reference thin dashed");
    const notes = byThresholds(head, KEYS, LOWEST_PITCH, upper, lower, data.frameRate);
    const counts = `On all keys: ${counted(count(head, upper, upper), "note")} above ${shown(upper)}, ${count(head, lower, lower)} above ${shown(lower)}`;
    if (own.passage) {
      stage.say(`${counts}, ${notes.onset.length} with both.`);
      return;
    }
    const f = fno(data.reference, notes).toFixed(2);
    stage.say(`${counts}, ${notes.onset.length} with both (Fno = ${f}); ${data.reference.onset.length} were struck.`);
  };
}

/** The key whose Yn is highest in the mean. */
function busiest(head: Float32Array): number {
  const sums = new Array<number>(KEYS).fill(0);
  head.forEach((value, i) => (sums[i % KEYS]! += value));
  return sums.indexOf(Math.max(...sums));
}

/** Peaks of Yo, held by Yn. */
function peaks(stage: Stage): () => void {
  const data = dataOf<Clip>("one_threshold");
  const clip = { note: unpackedHead(data.note[OURS]!), onset: unpackedHead(data.onset) };
  const own = new OwnSound(stage, data.own, data.seconds, READS);
  const chart = rollOf(stage, data, "Posteriors, and the notes at peaks of Yo");
  let notes = NONE;
  const again = playerOf(stage, data, () => notes);
  let before = "";
  return () => {
    const decoder = {
      ...data.decoder,
      threshold: stage.number("threshold"),
      note_threshold: stage.number("note_threshold"),
      reach: stage.number("reach"),
    };
    const { heads, key } = headsOf(own, clip);
    const now = JSON.stringify(decoder) + key;
    if (before !== now) notes = heads ? listed(decode(heads, decoder, 1 / data.frameRate)) : NONE;
    if (heads) stage.say(judge(chart, data, own.passage ? undefined : data.reference, notes, stage.choice("picture") === "Yo" ? heads.onset : heads.note));
    else wait(stage, chart);
    if (before && before !== now) again();
    before = now;
  };
}

begin({ one_threshold: oneThreshold, two_thresholds: twoThresholds, peaks });
