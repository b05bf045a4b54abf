// Notes on a chart of time and pitch: those of a reference as outlines, and others that may be moved.

import { makeSvg } from "../element";
import { pitchName } from "../roll";
import type { Notes } from "../twins/evaluation";
import { follow, type Axis, type Chart } from "./chart";

/** What has become of a note: how it looks, and what a screen reader says. */
export type Fate = "hit" | "miss" | "extra" | "wrong offset" | "reference" | "prediction";

/** An axis of pitches with the names of its Cs, or of all its white keys if there are few. */
export function pitchAxis(low: number, high: number): Axis {
  const classes = high - low > 14 ? [0] : [0, 2, 4, 5, 7, 9, 11];
  const ticks = Array.from({ length: Math.floor(high - low) + 1 }, (_, i) => Math.ceil(low) + i).filter((pitch) => classes.includes(pitch % 12));
  return { label: "pitch", low: low - 0.8, high: high + 0.8, ticks, names: ticks.map(pitchName) };
}

/** Draws notes that stay where they are; those without a look are left out. */
export function drawNotes(chart: Chart, notes: Notes, look: (index: number) => string | undefined): void {
  const kinds = new Map<string, [number, number, number, number][]>();
  notes.onset.forEach((onset, i) => {
    const [kind, pitch] = [look(i), notes.pitch[i]!];
    if (!kind) return;
    const corners = kinds.get(kind) ?? [];
    corners.push([onset, pitch - 0.45, notes.offset[i]!, pitch + 0.45]);
    kinds.set(kind, corners);
  });
  for (const [kind, corners] of kinds) chart.boxes(corners, `note ${kind}`);
}

const EDGE = 10; // pixels at the end of a note that stretch it

export interface Editing {
  nudge: number; // for an arrow key
  shortest: number; // note
  unit: string;
}

const SECONDS: Editing = { nudge: 0.01, shortest: 0.05, unit: "s" };

/** Notes that a pointer or keys move, stretch and delete. */
export class Editable {
  notes: Notes;
  private chosen = 0;
  private shapes: SVGRectElement[] = [];
  private readonly layer = makeSvg("g", { class: "editable" });

  constructor(
    private readonly chart: Chart,
    notes: Notes,
    private readonly changed: () => void,
    private readonly editing = SECONDS,
  ) {
    this.notes = copied(notes);
    chart.overlay(this.layer);
  }

  /** Starts again with other notes. */
  replace(notes: Notes): void {
    this.notes = copied(notes);
    this.changed();
  }

  add(onset: number, offset: number, pitch: number): void {
    this.notes.onset.push(onset);
    this.notes.offset.push(offset);
    this.notes.pitch.push(pitch);
    this.chosen = this.notes.onset.length - 1;
    this.changed();
  }

  /** Deletes the note that was last chosen. */
  delete(): void {
    for (const list of [this.notes.onset, this.notes.offset, this.notes.pitch]) list.splice(this.chosen, 1);
    this.chosen = Math.max(0, Math.min(this.chosen, this.notes.onset.length - 1));
    this.changed();
    this.shapes[this.chosen]?.focus();
  }

  draw(fate: (index: number) => Fate): void {
    while (this.shapes.length > this.notes.onset.length) this.shapes.pop()!.remove();
    while (this.shapes.length < this.notes.onset.length) this.shapes.push(this.shape(this.shapes.length));
    this.shapes.forEach((shape, i) => {
      const [onset, offset, pitch] = [this.notes.onset[i]!, this.notes.offset[i]!, this.notes.pitch[i]!];
      const [left, right] = [this.chart.px(onset), this.chart.px(offset)];
      const [top, bottom] = [this.chart.py(pitch + 0.45), this.chart.py(pitch - 0.45)];
      const place = { x: left, y: top, width: right - left, height: bottom - top };
      for (const [key, value] of Object.entries(place)) shape.setAttribute(key, value.toFixed(1));
      const now = fate(i);
      shape.setAttribute("class", `note ${now.replace("wrong offset", "hit short")}${i === this.chosen ? " chosen" : ""}`);
      shape.setAttribute("aria-label", `${pitchName(pitch)}, ${onset.toFixed(2)} to ${offset.toFixed(2)} ${this.editing.unit}: ${now}`);
    });
  }

  private shape(index: number): SVGRectElement {
    const shape = makeSvg("rect", { role: "button", tabindex: "0", rx: "2" });
    let grip: { dx: number; dy: number; stretch: boolean } | undefined;
    shape.addEventListener("focus", () => this.choose(index));
    follow(shape, (event) => {
      const at = this.chart.at(event);
      if (event.type === "pointerdown") {
        const box = shape.getBoundingClientRect();
        const stretch = box.right - event.clientX < Math.min(EDGE, box.width / 3);
        grip = { dx: at.x - this.notes.onset[index]!, dy: at.y - this.notes.pitch[index]!, stretch };
        this.choose(index);
        shape.focus({ preventScroll: true });
      } else if (grip?.stretch) this.move(index, 0, at.x - this.notes.offset[index]!, 0);
      else if (grip) {
        const by = at.x - grip.dx - this.notes.onset[index]!;
        this.move(index, by, by, Math.round(at.y - grip.dy) - this.notes.pitch[index]!);
      }
    });
    shape.addEventListener("keydown", (event) => this.press(event, index));
    this.layer.append(shape);
    return shape;
  }

  private choose(index: number): void {
    if (this.chosen === index) return;
    this.chosen = index;
    this.changed();
  }

  private press(event: KeyboardEvent, index: number): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    const up = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    const gone = event.key === "Delete" || event.key === "Backspace";
    if (!by && !up && !gone) return;
    event.preventDefault();
    event.stopPropagation();
    if (gone) this.delete();
    else this.move(index, event.shiftKey ? 0 : by * this.editing.nudge, by * this.editing.nudge, up);
  }

  private move(index: number, start: number, end: number, up: number): void {
    const { onset, offset, pitch } = this.notes;
    const { shortest } = this.editing;
    const first = Math.min(Math.max(onset[index]! + start, this.chart.x.low), this.chart.x.high - shortest);
    const last = Math.min(Math.max(offset[index]! + end, first + shortest), this.chart.x.high);
    const [lowest, highest] = [Math.ceil(this.chart.y.low), Math.floor(this.chart.y.high)];
    onset[index] = Math.round(first * 1000) / 1000;
    offset[index] = Math.round(last * 1000) / 1000;
    pitch[index] = Math.min(Math.max(pitch[index]! + up, lowest), highest);
    this.changed();
  }
}

function copied({ onset, offset, pitch }: Notes): Notes {
  return { onset: [...onset], offset: [...offset], pitch: [...pitch] };
}
