// Marks on a time axis: a pointer sets and drags them, keys move and delete them.

import { makeSvg, obey } from "../element";
import { follow, type Chart } from "./chart";

const [STEP, LEAP] = [0.01, 0.1]; // seconds, for an arrow and for a page key
const FINGER = 22; // pixels from a mark within which a pointer takes hold of it

interface Mark {
  time: number; // seconds
  handle: SVGGElement;
}

export class Marks {
  private marks: Mark[] = []; // in ascending order
  private chosen: Mark | undefined;
  private readonly layer = makeSvg("g");
  private readonly surface = makeSvg("rect", { class: "surface" });

  /** @param middle height of the dots, from which a line goes down to `foot` */
  constructor(
    private readonly chart: Chart,
    private readonly middle: number,
    private readonly foot: number,
    private readonly changed: () => void,
  ) {
    chart.overlay(this.layer);
    chart.overlay(this.surface);
    let held: Mark | undefined;
    follow(this.surface, (event) => {
      const { x } = chart.at(event);
      if (event.type === "pointerdown") {
        held = this.nearest(x);
        if (held) this.choose(held);
      } else if (held) this.move(held, x);
    });
    const still = (event: Event): void => {
      if (held) event.preventDefault(); // a finger that holds a mark does not scroll the page; any other may
    };
    this.surface.addEventListener("touchstart", still, { passive: false });
    this.surface.addEventListener("click", (event) => {
      if (!held) this.add(chart.at(event).x); // not when a finger scrolls the page
    });
  }

  get times(): number[] {
    return this.marks.map((mark) => mark.time);
  }

  add(time: number): void {
    const handle = makeSvg(
      "g",
      { class: "handle", role: "slider", tabindex: "0", "aria-valuemin": `${this.chart.x.low}`, "aria-valuemax": `${this.chart.x.high}` },
      makeSvg("line", {}),
      makeSvg("circle", { class: "target", r: "11" }),
      makeSvg("circle", {}),
    );
    const mark = { time: Math.round(time * 1000) / 1000, handle };
    const by = (seconds: number) => () => this.move(mark, mark.time + seconds);
    const to = (seconds: number) => () => this.move(mark, seconds);
    const gone = (): void => {
      this.choose(mark);
      this.delete();
    };
    handle.addEventListener("focus", () => this.choose(mark));
    handle.addEventListener("keydown", (event) =>
      obey(event, {
        ...{ ArrowLeft: by(-STEP), ArrowDown: by(-STEP), ArrowRight: by(STEP), ArrowUp: by(STEP) },
        ...{ PageDown: by(-LEAP), PageUp: by(LEAP), Home: to(this.chart.x.low), End: to(this.chart.x.high) },
        ...{ Delete: gone, Backspace: gone },
      }),
    );
    this.marks.push(mark);
    this.chosen = mark;
    this.sort();
    this.changed();
  }

  /** Adds a mark where there is most room. */
  addBetween(): void {
    const edges = [this.chart.x.low, ...this.times, this.chart.x.high];
    const gaps = edges.slice(1).map((edge, i) => edge - edges[i]!);
    const widest = gaps.indexOf(Math.max(...gaps));
    this.add(edges[widest]! + gaps[widest]! / 2);
  }

  /** Deletes the mark that was last made or moved; focus goes to the one before it. */
  delete(): void {
    const place = this.marks.findIndex((mark) => mark === this.chosen);
    if (place < 0) return;
    const [gone] = this.marks.splice(place, 1);
    const focused = gone!.handle === document.activeElement;
    gone!.handle.remove();
    this.chosen = this.marks[Math.max(place - 1, 0)];
    this.number(); // before a screen reader says which mark has the focus
    if (focused) this.chosen?.handle.focus({ preventScroll: true });
    this.changed();
  }

  clear(): void {
    this.marks = [];
    this.chosen = undefined;
    this.layer.replaceChildren();
    this.changed();
  }

  /** Draws them; `look` gives the class of each and a word for it. */
  draw(look: (index: number) => [look: string, word: string]): void {
    const { chart } = this;
    const [left, right, top, bottom] = [chart.px(chart.x.low), chart.px(chart.x.high), chart.py(chart.y.high), chart.py(chart.y.low)];
    const size = { x: left, y: top, width: right - left, height: bottom - top };
    for (const [key, value] of Object.entries(size)) this.surface.setAttribute(key, value.toFixed(1));
    this.number();
    this.marks.forEach((mark, i) => {
      const [kind, word] = look(i);
      const [line, target, dot] = mark.handle.children as unknown as [SVGElement, SVGElement, SVGElement];
      const [x, y] = [chart.px(mark.time).toFixed(1), chart.py(this.middle).toFixed(1)];
      for (const [key, value] of Object.entries({ x1: x, x2: x, y1: y, y2: chart.py(this.foot).toFixed(1), class: kind })) line.setAttribute(key, value);
      for (const circle of [target, dot]) {
        circle.setAttribute("cx", x);
        circle.setAttribute("cy", y);
      }
      dot.setAttribute("class", kind);
      dot.setAttribute("r", mark === this.chosen ? "8" : "5.5");
      mark.handle.setAttribute("aria-valuenow", `${mark.time}`);
      mark.handle.setAttribute("aria-valuetext", `${mark.time.toFixed(2)} seconds${word && `, ${word}`}`);
    });
  }

  private number(): void {
    this.marks.forEach(({ handle }, i) => handle.setAttribute("aria-label", `Mark ${i + 1} of ${this.marks.length}`));
  }

  private nearest(time: number): Mark | undefined {
    const apart = ({ time: its }: Mark): number => Math.abs(this.chart.px(its) - this.chart.px(time));
    return this.marks.filter((mark) => apart(mark) <= FINGER).sort((a, b) => apart(a) - apart(b))[0];
  }

  private choose(mark: Mark): void {
    if (this.chosen === mark) return;
    this.chosen = mark;
    this.changed();
  }

  private move(mark: Mark, time: number): void {
    mark.time = Math.round(Math.min(Math.max(time, this.chart.x.low), this.chart.x.high) * 1000) / 1000;
    this.chosen = mark;
    this.sort();
    this.changed();
  }

  /** In ascending order, also for who goes from one to the next by key; a mark with focus stays where it is. */
  private sort(): void {
    this.marks.sort((a, b) => a.time - b.time);
    const handles = this.marks.map((mark) => mark.handle);
    const focused = handles.findIndex((handle) => handle === document.activeElement);
    if (focused < 0) this.layer.replaceChildren(...handles);
    else {
      handles.slice(0, focused).forEach((handle) => handles[focused]!.before(handle));
      this.layer.append(...handles.slice(focused + 1));
    }
  }
}
