// The live controls of the chapter "targets". Times are in frames.

import { nearest, onsetTargets, readBack, sounding } from "../../twins/targets";
import type { Notes } from "../../twins/evaluation";
import { counted, shown } from "../numbers";
import { drawNotes, Editable, pitchAxis } from "../roll";
import { begin, type Stage } from "../stage";

const FRAMES = 20;

/** One key, struck twice, and its onset targets. */
function triangle(stage: Stage): () => void {
  let first = 5.3;
  const chart = stage.chart({
    height: 250,
    x: { label: "frame", low: -0.5, high: FRAMES - 0.5, ticks: [0, 5, 10, 15] },
    y: { label: "onset target Yo", low: 0, high: 1.25, ticks: [0, 0.5, 1] },
  });
  chart.legend(["dot ink", "target"], ["soft dotted", "triangle"], ["reference dashed", "struck"]);
  const move = (x: number): void => {
    first = Math.round(10 * Math.min(Math.max(x, 0), FRAMES - 12)) / 10;
    stage.change();
  };
  const handle = chart.handle({ label: "first stroke", look: "reference", axis: "x", step: 0.1, move });
  return () => {
    const [width, later] = [stage.number("width"), stage.number("second_stroke_after")];
    const onFrame = stage.choice("tip") === "on a frame";
    const strokes = [first, first + later];
    const values = onsetTargets(strokes, FRAMES, width, onFrame);
    const alone = onsetTargets([first], FRAMES, width, onFrame);
    const sum = alone.reduce((total, value) => total + value, 0);
    const centre = alone.reduce((total, value, t) => total + t * value, 0) / sum;
    const fine = Array.from({ length: 400 }, (_, i) => (i / 399) * FRAMES);
    const tips = onFrame ? strokes.map(nearest) : strokes;
    chart.begin();
    chart.line(fine, fine.map((t) => tips.reduce((most, tip) => Math.max(most, 1 - Math.abs(t - tip) / width), 0)), "soft dotted");
    values.forEach((value, t) => {
      if (value > 0) chart.line([t, t], [0, value], "ink");
    });
    chart.dots(values.map((_, t) => t), values, "ink", 3.5);
    for (const stroke of strokes) chart.upright(stroke, "reference dashed");
    handle.place(first, 1.12, `struck at frame ${shown(first)}`);
    const peaks = readBack(values.map((value) => Number(value > 0)), values).length;
    const read = peaks === 2 ? "both strokes can be read from the target" : "the two strokes have become one";
    stage.say(`Struck at ${first.toFixed(1)}: alone, its target has the centre ${centre.toFixed(2)} and the sum ${sum.toFixed(2)}; ${read}.`);
  };
}

/** Notes to move on the frame grid, their targets, and the notes that the targets contain. */
function byHand(stage: Stage, data: { notes: Notes }): () => void {
  const chart = stage.chart({
    height: 280,
    x: { label: "frame", low: -0.5, high: FRAMES - 0.5, ticks: [0, 5, 10, 15] },
    y: pitchAxis(59, 65),
  });
  chart.legend(["area note reference", "played"], ["area soft light", "Yn is 1"], ["area extra", "Yo is 1"], ["area note prediction open", "read back"]);
  const played = new Editable(chart, data.notes, () => stage.change(), { nudge: 0.1, shortest: 0.1, unit: "frames" });
  stage.button("Delete note", () => played.delete());
  stage.button("Add a note", () => played.add(14, 17, 64));
  stage.button("Start again", () => played.replace(data.notes));
  return () => {
    const { onset, offset, pitch } = played.notes;
    const alone = stage.choice("read_back_from") === "Yn alone";
    chart.begin();
    let count = 0;
    for (const key of new Set(pitch)) {
      const mine = pitch.map((_, i) => i).filter((i) => pitch[i] === key);
      const [onsets, offsets] = [mine.map((i) => onset[i]!), mine.map((i) => offset[i]!)];
      const yn = sounding(onsets, offsets, FRAMES);
      const yo = onsetTargets(onsets, FRAMES, 1, true);
      yn.forEach((value, t) => {
        if (value) chart.box(t - 0.5, key - 0.5, t + 0.5, key + 0.5, "soft light");
        if (yo[t]) chart.box(t - 0.45, key - 0.28, t + 0.45, key + 0.28, "extra");
      });
      const found = readBack(yn, alone ? undefined : yo);
      count += found.length;
      const notes = { onset: found.map(([a]) => a), offset: found.map(([, b]) => b), pitch: found.map(() => key) };
      drawNotes(chart, notes, () => "prediction open");
    }
    played.draw(() => "reference");
    stage.say(`${counted(pitch.length, "note")} played, ${count} read back from ${alone ? "Yn alone" : "Yn and Yo"}.`);
  };
}

begin({ triangle, by_hand: byHand });
