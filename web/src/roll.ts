// The markup of a player, as nmp_lessons/book/show/player.py makes it, for sounds that are made in the browser.

import { KEYS, LOWEST_PITCH, type Note } from "./decoder";
import { make, makeSvg, percent } from "./element";
import type { Player } from "./player";

export const HEIGHT = 320; // pixels
const COLUMNS = 1600; // at most, in a picture
const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600]; // seconds

export interface Roll {
  seconds: number;
  period: number; // seconds from frame to frame
  head: Float32Array; // (frames, bins), probabilities
  bins: number; // 88, or 264
  name: string; // of the head: "note posteriors"
  notes: Note[];
  sounds: [name: string, url: string][];
  title: string;
}

/** An <nmp-player> and the URLs that it uses, to be revoked with it. */
export async function player(roll: Roll): Promise<{ element: Player; urls: string[] }> {
  const [low, high] = span(roll.notes);
  const picture = await pictureUrl(roll);
  const score = make("div", { class: "nmp-score nmp-tall" }, gutter(low, high), plot(roll, picture, low, high));
  const figure = make("figure", { class: "nmp-figure" }, score, legend(roll.notes.length));
  const sounds = roll.sounds.map(([name, url]) => {
    const audio = make("audio", { controls: "", preload: "none", "aria-label": name, src: url });
    return make("li", {}, make("span", {}, name), audio);
  });
  const element = make(
    "nmp-player",
    { "data-seconds": roll.seconds.toFixed(3), "aria-label": roll.title, role: "group", "data-lm-suppress-shortcuts": "" },
    figure,
    make("ul", { class: "nmp-sounds" }, ...sounds),
  );
  return { element, urls: [picture, ...roll.sounds.map(([, url]) => url)] };
}

/** Lower and upper edge: around the notes, or the whole piano. */
function span(notes: Note[]): [number, number] {
  const [bottom, top] = [LOWEST_PITCH - 0.5, LOWEST_PITCH + KEYS - 0.5];
  if (!notes.length) return [bottom, top];
  const low = notes.reduce((least, note) => Math.min(least, note.pitch), Infinity) - 3.5;
  const high = notes.reduce((most, note) => Math.max(most, note.pitch), -Infinity) + 6.5;
  return [Math.max(low, bottom), Math.min(high, top)];
}

export function pitchName(pitch: number): string {
  return `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
}

export function gutter(low: number, high: number): SVGElement {
  const svg = makeSvg("svg", { class: "nmp-names", width: "34", height: `${HEIGHT}`, "aria-hidden": "true" });
  for (const pitch of named(low, high)) {
    svg.append(makeSvg("text", { x: "28", y: percent(high - pitch, high - low), dy: "4" }, pitchName(pitch)));
  }
  return svg;
}

export function lines(low: number, high: number): SVGElement {
  const group = makeSvg("g", { class: "nmp-lines", stroke: "#808080" });
  for (const pitch of named(low, high)) {
    const y = percent(high - pitch, high - low);
    group.append(makeSvg("line", { x1: "0", x2: "100%", y1: y, y2: y }));
  }
  return group;
}

function named(low: number, high: number): number[] {
  const classes = high - low <= 20 ? [0, 4, 7] : high - low <= 32 ? [0, 7] : [0];
  const all = Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, i) => Math.ceil(low) + i);
  return all.filter((pitch) => classes.includes(pitch % 12));
}

function plot(roll: Roll, picture: string, low: number, high: number): HTMLElement {
  const range = high - low;
  const area = makeSvg("svg", { class: "nmp-area", width: "100%", height: `${HEIGHT}` });
  const half = (KEYS / roll.bins) / 2;
  const top = LOWEST_PITCH + (roll.bins - 1) * (KEYS / roll.bins) + half;
  area.append(
    makeSvg("image", {
      class: "nmp-picture",
      preserveAspectRatio: "none",
      x: percent(-roll.period / 2, roll.seconds),
      width: percent(roll.period * (roll.head.length / roll.bins), roll.seconds),
      y: percent(high - top, range),
      height: percent(KEYS, range),
      href: picture,
    }),
  );
  const group = makeSvg("g", { class: "nmp-notes nmp-prediction", "fill-opacity": "0.35" });
  for (const note of roll.notes) group.append(rectangle(note, roll.seconds, high, range));
  area.append(lines(low, high), group);

  const wide = Math.min(COLUMNS, Math.max(280, 20 * roll.seconds));
  const svg = makeSvg("svg", {
    class: "nmp-plot",
    width: "100%",
    height: `${HEIGHT + 22}`,
    "data-wide": wide.toFixed(0),
    role: "img",
    "aria-label": description(roll, low, high),
  });
  svg.append(area, clock(roll.seconds));
  return make("div", { class: "nmp-scroll" }, make("div", { class: "nmp-wide" }, svg));
}

function rectangle(note: Note, seconds: number, high: number, range: number): SVGElement {
  const attributes = {
    x: percent(note.onset, seconds),
    width: percent(note.offset - note.onset, seconds),
    y: percent(high - note.pitch - 0.5, range),
    height: percent(1, range),
  };
  const title = `${pitchName(note.pitch)}, ${note.onset.toFixed(2)} to ${note.offset.toFixed(2)} s`;
  return makeSvg("rect", attributes, makeSvg("title", {}, title));
}

function description({ name, seconds, notes }: Roll, low: number, high: number): string {
  const range = `from ${pitchName(Math.ceil(low))} to ${pitchName(Math.floor(high))}`;
  return `${name} ${range} over ${seconds.toFixed(1)} seconds; predicted notes: ${notes.length}.`;
}

function clock(seconds: number): SVGElement {
  const step = STEPS.find((step) => seconds / step <= 8) ?? seconds;
  const group = makeSvg("g", { class: "nmp-clock" });
  for (let i = 0; i * step <= seconds + 1e-9; i++) {
    const time = i * step;
    const anchor = i === 0 ? "start" : time > 0.96 * seconds ? "end" : "middle";
    const place = { x: percent(time, seconds), y: `${HEIGHT + 17}`, "text-anchor": anchor };
    group.append(makeSvg("text", place, `${Number(time.toFixed(1))} s`));
  }
  return group;
}

function legend(count: number): HTMLElement {
  const sample = makeSvg("rect", { x: "1.5", y: "1.5", width: "19", height: "9" });
  const group = makeSvg("g", { class: "nmp-notes nmp-prediction", "fill-opacity": "0.35" }, sample);
  const key = makeSvg("svg", { width: "22", height: "12", "aria-hidden": "true" }, group);
  return make("ul", { class: "nmp-legend" }, make("li", {}, key, ` predicted note (${count})`));
}

/** A head as a picture, dark where it is near 1, highest pitch on top. */
async function pictureUrl({ head, bins }: Roll): Promise<string> {
  const frames = head.length / bins;
  const per = Math.ceil(frames / COLUMNS); // frames that share a column: the loudest of them counts
  const columns = Math.ceil(frames / per);
  const pixels = new ImageData(columns, bins);
  for (let frame = 0; frame < frames; frame++) {
    for (let bin = 0; bin < bins; bin++) {
      const alpha = 4 * ((bins - 1 - bin) * columns + Math.floor(frame / per)) + 3;
      pixels.data[alpha] = Math.max(pixels.data[alpha]!, 255 * head[frame * bins + bin]!);
    }
  }
  const canvas = make("canvas", { width: `${columns}`, height: `${bins}` });
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
  const file = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve));
  return URL.createObjectURL(file!);
}
