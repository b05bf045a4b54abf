// The live controls of the chapter "evaluation".

import { decode, KEYS, LOWEST_PITCH } from "../../decoder";
import { make } from "../../element";
import { byTolerance, commonShift, fno, listed, matched, percentile, resampled, scores, type Notes } from "../../twins/evaluation";
import { counted, type Packed, shown, unpackedHead } from "../numbers";
import { late, type OwnData, OwnSound } from "../own";
import { pictureUrl } from "../picture";
import { drawNotes, Editable, pitchAxis, type Fate } from "../roll";
import { begin, type Stage } from "../stage";

const KINDS = [
  ["area note hit", "hit"],
  ["area note hit short", "hit with a wrong offset"],
  ["area note miss", "miss"],
  ["area note extra", "extra note"],
] as [string, string][];

/** Four notes that were played, and a prediction that the reader edits. */
function edited(stage: Stage, data: { reference: Notes; estimate: Notes }): () => void {
  const { reference } = data;
  const seconds = Math.max(...reference.offset) + 0.5;
  const chart = stage.chart({ height: 330, x: { label: "time (s)", low: 0, high: seconds }, y: pitchAxis(59, 79) });
  chart.legend(["area note reference open", "played"], ...KINDS);
  const prediction = new Editable(chart, data.estimate, () => stage.change());
  stage.button("Delete note", () => prediction.delete());
  stage.button("Add a note", () => prediction.add(seconds - 0.9, seconds - 0.4, 69));
  stage.button("All notes, perfect", () => prediction.replace(reference));
  stage.button("Start again", () => prediction.replace(data.estimate));
  return () => {
    const tolerance = stage.number("tolerance") / 1000;
    const estimate = prediction.notes;
    const hits = matched(reference, estimate, tolerance);
    const well = matched(reference, estimate, tolerance, true);
    const fate = (e: number): Fate => {
      if (well.some(([, other]) => other === e)) return "hit";
      return hits.some(([, other]) => other === e) ? "wrong offset" : "extra";
    };
    const missed = (r: number): boolean => !hits.some(([other]) => other === r);
    chart.begin();
    drawNotes(chart, reference, (r) => (missed(r) ? "miss" : "reference open"));
    prediction.draw(fate);
    const { F, Fno, Pno, Rno, Acc } = scores(reference, estimate, tolerance);
    const counts = `${counted(hits.length, "hit")}, ${counted(reference.onset.length - hits.length, "miss", "misses")}, ${estimate.onset.length - hits.length} extra`;
    const of = [["Fno", Fno], ["F", F], ["Acc", Acc]].map(([name, value]) => `${name} ${(value as number).toFixed(2)}`).join(", ");
    stage.say(`${counts}: precision ${Pno.toFixed(2)}, recall ${Rno.toFixed(2)}; ${of}.`);
  };
}

const LARGEST = 150; // ms

/** Fno of three transcriptions under any tolerance. */
function tolerated(stage: Stage, data: { reference: Notes; transcriptions: Record<string, Notes> }): () => void {
  const { reference, transcriptions } = data;
  const curves = stage.chart({
    height: 220,
    label: "Fno by tolerance",
    x: { label: "tolerance (ms)", low: 0, high: LARGEST },
    y: { label: "Fno", low: 0, high: 1 },
  });
  curves.element.classList.add("nmp-wide");
  const looks = ["ink", "ink dashed", "ink dotted"];
  const names = Object.keys(transcriptions);
  curves.legend(...names.map((name, i): [string, string] => [looks[i]!, name]));
  curves.drag((x) => stage.set("tolerance", Math.round(x)));
  const all = [...reference.pitch, ...Object.values(transcriptions).flatMap(({ pitch }) => pitch)];
  const seconds = Math.ceil(Math.max(...reference.offset));
  const roll = stage.chart({
    height: 300,
    label: "Notes",
    x: { label: "time (s)", low: 0, high: seconds },
    y: pitchAxis(Math.min(...all), Math.max(...all)),
  });
  roll.element.classList.add("nmp-wide");
  roll.legend(KINDS[0]!, KINDS[2]!, KINDS[3]!);
  const tolerances = Array.from({ length: LARGEST + 1 }, (_, ms) => ms);
  const lines = Object.values(transcriptions).map((notes) => byTolerance(reference, notes, tolerances.map((ms) => ms / 1000)));
  return () => {
    const [ms, name] = [stage.number("tolerance"), stage.choice("transcription")];
    const estimate = transcriptions[name]!;
    const hits = matched(reference, estimate, ms / 1000);
    const found = new Set(hits.map(([, e]) => e));
    const heard = new Set(hits.map(([r]) => r));
    const value = lines[names.indexOf(name)]![ms]!;
    curves.begin();
    lines.forEach((line, i) => curves.line(tolerances, line, looks[i]!));
    curves.upright(ms, "soft thin");
    curves.dots([ms], [value], "hit", 6);
    roll.begin();
    drawNotes(roll, reference, (r) => (heard.has(r) ? undefined : "miss"));
    drawNotes(roll, estimate, (e) => (found.has(e) ? "hit" : "extra"));
    stage.say(`Fno = ${value.toFixed(2)} at ${ms} ms: ${counted(hits.length, "hit")}, ${counted(reference.onset.length - hits.length, "miss", "misses")}, ${estimate.onset.length - hits.length} extra.`);
  };
}

const DRAWS = 10_000;
const BARS = 60;

/** Means of pieces drawn again, and the interval in which most of them lie. */
function means(stage: Stage, data: { scores: Record<string, number[]> }): () => void {
  const chart = stage.chart({
    height: 240,
    x: { label: "mean of the drawn pieces", low: 0.3, high: 1 },
    y: { label: "draws", low: 0, high: 1 },
  });
  chart.legend(["area soft light", "draws"], ["ink", "mean of the pieces"], ["ink dotted", "95 % interval"], ["miss dashed", "no difference"]);
  let seed = 0;
  stage.button("Draw again", () => {
    seed++;
    stage.change();
  });
  return () => {
    const of = stage.choice("of");
    const values = data.scores[of]!.slice(0, stage.number("pieces"));
    const sorted = resampled(values, DRAWS, seed);
    const [low, high] = [percentile(sorted, 2.5), percentile(sorted, 97.5)];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const [left, right] = of.includes("minus") ? [-0.35, 0.35] : [0.3, 1];
    const counts = new Array<number>(BARS).fill(0);
    for (const value of sorted) {
      const bar = Math.floor((BARS * (value - left)) / (right - left));
      if (bar >= 0 && bar < BARS) counts[bar]!++;
    }
    [chart.x.low, chart.x.high, chart.y.high] = [left, right, 1.05 * Math.max(...counts)];
    chart.begin();
    const edge = (bar: number): number => left + (bar * (right - left)) / BARS;
    chart.area(counts.flatMap((_, bar) => [edge(bar), edge(bar + 1)]), counts.flatMap((count) => [count, count]), "soft light");
    chart.upright(mean, "ink");
    for (const end of [low, high]) chart.upright(end, "ink dotted");
    if (left < 0) chart.upright(0, "miss dashed");
    const verdict = left < 0 && low < 0 && high > 0 ? ": inconclusive" : "";
    stage.say(`Mean ${shown(mean)}, 95 % interval ${shown(low)} to ${shown(high)}${verdict}.`);
  };
}

const SHIFT = 0.05; // seconds within which onsets meet

interface Read {
  seconds: number;
  frameRate: number;
  reference: Notes; // of the clip
  note: Packed;
  onset: Packed;
  own: OwnData;
}

/** Two thresholds of one network against each other, and against a reference if there is one. */
function agreement(stage: Stage, data: Read): () => void {
  const own = new OwnSound(stage, data.own, data.seconds, { reading: true, playing: true });
  const clip = { note: unpackedHead(data.note), onset: unpackedHead(data.onset) };
  const { decoder } = data.own.offer!.networks[0]!.plan;
  const roll = stage.chart({ height: 330, x: { label: "time (s)", low: 0, high: data.seconds }, y: pitchAxis(33, 99) });
  roll.element.classList.add("nmp-wide");
  roll.legend(["area note hit", "at both thresholds"], ["area note miss", "only at the first"], ["area note extra", "only at the second"]);
  const score = (one: Notes, other: Notes): string => {
    const any = one.onset.length + other.onset.length > 0;
    return any ? fno(one, other, stage.number("tolerance") / 1000).toFixed(2) : "undefined, without any notes";
  };
  const midi = new MidiFile(stage, own);
  return () => {
    const heads = own.passage ? own.read?.heads : clip;
    roll.begin();
    if (!heads) {
      stage.say("Run the network on your recording to see the notes at two thresholds.");
      return;
    }
    const half = 0.5 / data.frameRate;
    roll.image(pictureUrl(heads.onset, KEYS), -half, LOWEST_PITCH - 0.5, data.seconds + half, LOWEST_PITCH + KEYS - 0.5);
    const notes = (threshold: number): Notes => listed(decode(heads, { ...decoder, threshold }, 1 / data.frameRate));
    const [first, second] = [notes(stage.number("first_threshold")), notes(stage.number("second_threshold"))];
    const hits = matched(first, second, stage.number("tolerance") / 1000);
    const [old, now] = [new Set(hits.map(([r]) => r)), new Set(hits.map(([, e]) => e))];
    drawNotes(roll, first, (r) => (old.has(r) ? undefined : "miss"));
    drawNotes(roll, second, (e) => (now.has(e) ? "hit" : "extra"));
    const agree = `${first.onset.length} and ${second.onset.length} notes, of which ${hits.length} agree: F = ${score(first, second)} between the two.`;
    const [reference, how] = own.passage ? midi.along(first, data.seconds) : [data.reference, ""];
    const against = own.passage ? "your MIDI file" : "what was played";
    stage.say(agree + (reference ? ` Against ${against}${how}: F = ${score(reference, first)} and ${score(reference, second)}.` : " Nothing here says what was played."));
  };
}

/** A MIDI file of the reader's as the reference of their recording. */
class MidiFile {
  private notes: Notes | undefined;
  private name = "";

  constructor(
    stage: Stage,
    private readonly own: OwnSound,
  ) {
    const file = make("input", { type: "file", accept: ".mid,.midi,audio/midi", hidden: "", "aria-label": "Your own MIDI file" });
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      if (chosen) void this.take(chosen).then(() => stage.change());
    });
    own.button("Choose its MIDI file", () => {
      file.value = "";
      file.click();
    }).after(file);
  }

  private async take(file: File): Promise<void> {
    try {
      const { readMidi } = await late();
      this.notes = readMidi(new Uint8Array(await file.arrayBuffer()));
      this.name = file.name;
      this.own.say("");
    } catch (problem) {
      this.own.say(`${file.name}: ${(problem as Error).message}.`);
    }
  }

  /** Its notes in a passage, moved to where most onsets meet those that were found; and what was done, in words. */
  along(found: Notes, seconds: number): [Notes | undefined, string] {
    if (!this.notes) return [undefined, ""];
    const { onset, offset, pitch } = this.notes;
    const shift = commonShift(this.notes, found, SHIFT);
    const inside = onset.map((_, i) => i).filter((i) => onset[i]! + shift > -SHIFT && onset[i]! + shift < seconds);
    const moved = { onset: inside.map((i) => onset[i]! + shift), offset: inside.map((i) => offset[i]! + shift), pitch: inside.map((i) => pitch[i]!) };
    return [moved, `, ${this.name}, moved by ${shown(shift)} s to fit`];
  }
}

begin({ edited, tolerated, means, agreement });
