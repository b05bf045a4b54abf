// A passage that is played once while a reader marks every onset, and what the marks are worth.

import { make } from "../element";
import { judgedMarks, pairedMarks } from "../twins/hearing";
import { Marks } from "./marks";
import { unpacked, type Packed } from "./numbers";
import { Once } from "./once";
import type { Stage } from "./stage";

const [FLOOR, TOP] = [-0.4, 1.5]; // the waveform lies between 0 and 1, marks above it and struck onsets below

export interface Passage {
  sound: string;
  seconds: number;
  envelope: Packed;
  struck: number[]; // seconds
  tolerance: number;
}

export function byEar(stage: Stage, { sound, seconds, envelope, struck, tolerance }: Passage): () => void {
  const chart = stage.chart({
    height: 260,
    x: { label: "time (s)", low: 0, high: seconds },
    y: { label: "", low: FLOOR, high: TOP, ticks: [FLOOR / 2, 0.5, 1.3], names: ["struck", "sound", "marks"] },
  });
  chart.element.classList.add("nmp-wide");
  const levels = unpacked(envelope);
  const times = Array.from(levels, (_, i) => (i / (levels.length - 1)) * seconds);
  const once = new Once(sound);
  let compared = false;
  let trouble = "";

  const marks = new Marks(chart, 1.3, 0, () => stage.change());
  const stop = (): void => {
    once.stop();
    listen.ariaPressed = "false";
    stage.change();
  };
  const follow = (): boolean => {
    if (once.playing && once.heard() >= seconds) stop();
    stage.change();
    return once.playing;
  };
  const listen = stage.button("Listen", () => {
    if (listen.ariaPressed === "true") return stop();
    listen.ariaPressed = "true";
    mark.focus({ preventScroll: true }); // so that the space bar marks
    void once.play().then(
      () => {
        trouble = "";
        stage.animate(follow);
      },
      () => {
        trouble = " The sound could not be loaded; you can still mark onsets on the picture.";
        stop();
      },
    );
  });
  listen.ariaPressed = "false";
  stage.whenLeft(stop);

  const press = (event: Event): void => {
    if (!once.playing) return marks.addBetween();
    const at = once.heard(event.timeStamp);
    if (at >= 0 && at <= seconds) marks.add(at);
  };
  const mark = stage.button("Mark an onset", () => undefined);
  mark.classList.add("nmp-live-beat");
  // A mark counts from when a finger or a key goes down; a click comes when it goes up.
  mark.addEventListener("pointerdown", (event) => {
    if (event.button === 0) press(event);
  });
  mark.addEventListener("click", (event) => {
    if (event.detail === 0) press(event); // of no pointer, but of a screen reader
  });
  for (const kind of ["keydown", "keyup"] as const) {
    mark.addEventListener(kind, (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (kind === "keydown" && !event.repeat) press(event);
    });
  }
  stage.button("Delete mark", () => marks.delete());
  stage.button("Compare", () => {
    compared = true;
    stage.change();
  });
  stage.button("Start again", () => {
    compared = false;
    stop();
    marks.clear();
  });
  const keys = make("p", { class: "nmp-live-hint" }, "On the picture, a click adds a mark, and a mark can be dragged. With a mark in focus, the arrow keys move it by 10 ms, and Delete removes it.");
  stage.frame.append(keys);

  return () => {
    chart.begin();
    chart.area(times, levels, "soft light", 0);
    const found = compared ? pairedMarks(struck, marks.times, tolerance) : [];
    const [hit, right] = [new Set(found.map(([i]) => i)), new Set(found.map(([, j]) => j))];
    if (compared) {
      struck.forEach((moment, i) => {
        chart.box(moment - tolerance, FLOOR, moment + tolerance, TOP, `light ${hit.has(i) ? "hit" : "miss"}`);
        chart.line([moment, moment], [FLOOR, 0], hit.has(i) ? "hit" : "miss dashed");
      });
      chart.legend(["hit", "hit"], ["miss dashed", "missed onset"], ["dot extra", "extra mark"], ["area light hit", `${1000 * tolerance} ms on each side`]);
    } else chart.legend(["dot prediction", "your marks"]);
    const place = once.playing ? once.heard() : -1;
    if (place >= 0) chart.upright(place, "ink thin");
    marks.draw((j) => (compared ? (right.has(j) ? ["hit", "hit"] : ["extra", "extra"]) : ["prediction", ""]));
    if (compared) stage.say(verdict());
    else if (once.playing) stage.say("Mark every onset that you hear.");
    else stage.say((marks.times.length ? `Your marks: ${marks.times.length}.` : "No marks yet.") + trouble);
  };

  function verdict(): string {
    const judged = judgedMarks(struck, marks.times, tolerance);
    const count = `${struck.length} onsets: ${judged.hits} hit, ${judged.misses} missed; ${judged.extra} extra ${judged.extra === 1 ? "mark" : "marks"}. F\u00a0=\u00a0${judged.f.toFixed(2)}.`;
    if (!judged.near) return `${count} No mark lies within 200 ms of an onset.`;
    const ms = Math.round(1000 * judged.deviation);
    const sign = ms < 0 ? "−" : ms > 0 ? "+" : "";
    const word = ms < 0 ? "early" : ms > 0 ? "late" : "neither early nor late";
    return `${count} Median deviation ${sign}${Math.abs(ms)} ms (${word}).\nWith that deviation removed from every mark, F\u00a0=\u00a0${judged.movedF.toFixed(2)}.`;
  }
}
