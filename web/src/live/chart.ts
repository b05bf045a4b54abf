// A chart in SVG: axes, and on them whatever a control draws anew at every change. Colours are those of the style sheet,
// so that a dark page needs nothing here. Lengths are CSS pixels.

import { make, makeSvg, obey } from "../element";
import { shown } from "./numbers";

export interface Axis {
  label: string;
  low: number;
  high: number;
  log?: boolean;
  ticks?: number[]; // else round numbers
  names?: string[]; // of these ticks
}

export interface ChartOptions {
  height: number;
  x: Axis;
  y: Axis;
  label?: string; // by default the control's title
}

/** A point that is moved by pointer and by arrow keys. */
export interface Handle {
  /** Moves it, and says what it now means. */
  place(x: number, y: number, meaning: string): void;
}

export interface HandleOptions {
  label: string;
  look: string; // classes
  axis: "x" | "y"; // along which it moves
  step: number; // for an arrow key; a factor on a logarithmic axis
  move: (value: number) => void;
}

const MARGIN = { left: 46, right: 14, top: 26, bottom: 42 };
const FINGER = 22; // half the width of what a finger hits
let charts = 0; // on the page so far

export class Chart {
  readonly element: HTMLElement;
  readonly x: Axis;
  readonly y: Axis;
  private readonly svg: SVGSVGElement;
  private readonly name = `nmp-chart-${++charts}`;
  private readonly cut = makeSvg("rect");
  private readonly axes = makeSvg("g");
  private readonly drawn = makeSvg("g", { "clip-path": `url(#${this.name})` });
  private readonly marks = makeSvg("g"); // not cut at the edges: dots and words
  private readonly handles = makeSvg("g");
  private readonly legends = make("ul", { class: "nmp-live-legend" });
  private readonly height: number;
  private readonly label: string;
  private width = 0;
  private frame = ""; // what the axes were drawn for
  private pictured?: { key: string; image: SVGElement }; // the last picture: drawn again, it isn't decoded again

  constructor({ height, x, y }: ChartOptions, label: string) {
    this.height = height;
    this.x = x;
    this.y = y;
    this.svg = makeSvg("svg", { class: "nmp-chart", height: `${height}`, width: "100%", role: "img", "aria-label": label });
    this.svg.append(makeSvg("clipPath", { id: this.name }, this.cut), this.axes, this.drawn, this.marks, this.handles);
    this.element = make("div", { class: "nmp-live-chart" }, this.svg, this.legends);
    this.label = label;
    new ResizeObserver(([entry]) => (this.width = entry!.contentRect.width)).observe(this.svg);
  }

  describe(text: string): void {
    this.svg.setAttribute("aria-label", `${this.label}. ${text}`);
  }

  /** What the looks mean; each the classes of a line, a dot or an area, and its name. */
  legend(...entries: [look: string, name: string][]): void {
    const items = entries.map(([look, name]) => {
      const sample = makeSvg("svg", { class: "nmp-chart", width: "26", height: "12", "aria-hidden": "true" });
      if (look.includes("dot ")) sample.append(makeSvg("circle", { class: look, cx: "13", cy: "6", r: "5" }));
      else if (look.includes("area ")) sample.append(makeSvg("rect", { class: look, x: "1", y: "0", width: "24", height: "12" }));
      else sample.append(makeSvg("line", { class: look, x1: "1", x2: "25", y1: "6", y2: "6" }));
      return make("li", {}, sample, name);
    });
    this.legends.replaceChildren(...items);
  }

  // Places

  private get right(): number {
    return Math.max(this.width - MARGIN.right, MARGIN.left + 1);
  }

  px(x: number): number {
    return MARGIN.left + part(x, this.x) * (this.right - MARGIN.left);
  }

  py(y: number): number {
    return this.height - MARGIN.bottom - part(y, this.y) * (this.height - MARGIN.bottom - MARGIN.top);
  }

  /** The values at a pointer. */
  at(event: PointerEvent): { x: number; y: number } {
    const box = this.svg.getBoundingClientRect();
    const x = (event.clientX - box.left - MARGIN.left) / (this.right - MARGIN.left);
    const y = (box.top + this.height - MARGIN.bottom - event.clientY) / (this.height - MARGIN.bottom - MARGIN.top);
    return { x: whole(x, this.x), y: whole(y, this.y) };
  }

  // Drawing

  /** Clears the chart; its axes are drawn again only if they or the width are others than before. */
  begin(): void {
    this.drawn.replaceChildren();
    this.marks.replaceChildren();
    this.width ||= this.svg.getBoundingClientRect().width; // when it has just been put on the page
    const frame = JSON.stringify([this.width, this.x, this.y]);
    if (frame === this.frame) return;
    this.frame = frame;
    this.drawAxes();
  }

  private drawAxes(): void {
    const { left, top } = MARGIN;
    const bottom = this.height - MARGIN.bottom;
    this.axes.replaceChildren();
    const size = { x: `${left}`, y: `${top}`, width: `${this.right - left}`, height: `${bottom - top}` };
    for (const [key, value] of Object.entries(size)) this.cut.setAttribute(key, value);
    for (const [tick, name] of named(this.x, this.width / 64)) {
      const x = `${this.px(tick)}`;
      this.add("line", { class: "axis", x1: x, x2: x, y1: `${bottom}`, y2: `${bottom + 5}` });
      this.add("text", { x, y: `${bottom + 18}`, "text-anchor": "middle" }, name);
    }
    for (const [tick, name] of named(this.y, this.height / 44)) {
      const y = `${this.py(tick)}`;
      this.add("line", { class: "grid", x1: `${left}`, x2: `${this.right}`, y1: y, y2: y });
      this.add("text", { x: `${left - 6}`, y, dy: "4", "text-anchor": "end" }, name);
    }
    this.add("path", { class: "axis", d: `M${left},${top}V${bottom}H${this.right}` });
    this.add("text", { class: "name", x: "0", y: "13" }, this.y.label);
    this.add("text", { class: "name", x: `${this.right}`, y: `${this.height - 5}`, "text-anchor": "end" }, this.x.label);
  }

  private add(name: "path" | "line" | "text", attributes: Record<string, string>, text?: string): void {
    this.axes.append(makeSvg(name, attributes, ...(text === undefined ? [] : [text])));
  }

  /** A line through points, broken where y is not a number. */
  line(xs: ArrayLike<number>, ys: ArrayLike<number>, look: string): void {
    this.drawn.append(makeSvg("path", { class: look, d: this.path(xs, ys) }));
  }

  /** The area between a line and a height, by default that of the horizontal axis. */
  area(xs: ArrayLike<number>, ys: ArrayLike<number>, look: string, base = this.y.low): void {
    const d = `${this.path(xs, ys)}V${this.near(base).toFixed(1)}H${this.px(xs[0]!).toFixed(1)}Z`;
    this.drawn.append(makeSvg("path", { class: `area ${look}`, d }));
  }

  private path(xs: ArrayLike<number>, ys: ArrayLike<number>): string {
    let d = "";
    let pen = "M";
    for (let i = 0; i < xs.length; i++) {
      const y = ys[i]!;
      if (Number.isNaN(y)) {
        pen = "M";
        continue;
      }
      d += `${pen}${this.px(xs[i]!).toFixed(1)},${this.near(y).toFixed(1)}`;
      pen = "L";
    }
    return d;
  }

  /** The height of y, or one well off the chart: no file wants to hold infinity. */
  private near(y: number): number {
    return Math.min(Math.max(this.py(y), -this.height), 2 * this.height);
  }

  /** Dots of one look: one path, because a page draws a path of sixty circles sooner than sixty elements. */
  dots(xs: ArrayLike<number>, ys: ArrayLike<number>, look: string, radius = 4): void {
    const arc = (across: number): string => `a${radius},${radius} 0 1,0 ${across},0`;
    let d = "";
    for (let i = 0; i < xs.length; i++) {
      const [cx, cy] = [this.px(xs[i]!), this.near(ys[i]!)];
      d += `M${(cx - radius).toFixed(1)},${cy.toFixed(1)}${arc(2 * radius)}${arc(-2 * radius)}Z`;
    }
    this.marks.append(makeSvg("path", { class: `dots ${look}`, d }));
  }

  /** A rectangle between two corners. */
  box(x0: number, y0: number, x1: number, y1: number, look: string): void {
    const [a, b, c, d] = [this.px(x0), this.px(x1), this.near(y0), this.near(y1)];
    const size = { x: `${Math.min(a, b)}`, y: `${Math.min(c, d)}`, width: `${Math.abs(b - a)}`, height: `${Math.abs(d - c)}` };
    this.drawn.append(makeSvg("rect", { class: look, ...size }));
  }

  /** Rectangles of one look, each between two corners. */
  boxes(corners: [x0: number, y0: number, x1: number, y1: number][], look: string): void {
    const edges = corners.map(([x0, y0, x1, y1]) => {
      const [left, right, top, bottom] = [this.px(x0), this.px(x1), this.near(y1), this.near(y0)].map((at) => at.toFixed(1));
      return `M${left},${top}H${right}V${bottom}H${left}Z`;
    });
    this.drawn.append(makeSvg("path", { class: look, d: edges.join("") }));
  }

  /** A picture between two corners. */
  image(href: string, x0: number, y0: number, x1: number, y1: number): void {
    const [left, right, top, bottom] = [this.px(x0), this.px(x1), this.py(y1), this.py(y0)];
    const place = { x: `${left}`, y: `${top}`, width: `${right - left}`, height: `${bottom - top}` };
    const key = JSON.stringify([href, place]);
    if (key !== this.pictured?.key) {
      const image = makeSvg("image", { class: "nmp-picture", href, preserveAspectRatio: "none", ...place });
      this.pictured = { key, image };
    }
    this.drawn.append(this.pictured.image);
  }

  /** A straight line across the chart at x. */
  upright(x: number, look: string): void {
    this.line([x, x], [this.y.low, this.y.high], look);
  }

  text(x: number, y: number, words: string, { anchor = "middle", dx = 0, dy = 0 } = {}): void {
    const place = { x: `${this.px(x) + dx}`, y: `${this.near(y) + dy}`, "text-anchor": anchor };
    this.marks.append(makeSvg("text", { class: "mark", ...place }, words));
  }

  // Moving

  /** Puts something with parts that can be reached on top of the chart; it draws itself. */
  overlay(layer: SVGElement): void {
    this.svg.setAttribute("role", "group"); // a picture has no such parts
    this.handles.append(layer);
  }

  /**
   * Lets a pointer move something anywhere on the chart; with `paint`, a finger does not scroll the page there.
   * `first` says whether the pointer has just come down.
   */
  drag(move: (x: number, y: number, first: boolean) => void, { paint = false } = {}): void {
    this.svg.classList.add(paint ? "paintable" : "draggable");
    follow(this.svg, (event) => {
      const { x, y } = this.at(event);
      move(x, y, event.type === "pointerdown");
    });
  }

  /** A point that a pointer and the arrow keys move along an axis. */
  handle({ label, look, axis, step, move }: HandleOptions): Handle {
    const scale = this[axis];
    let value = scale.low;
    const go = (to: number): void => move(Math.min(Math.max(to, scale.low), scale.high));
    const by = (steps: number): number => (scale.log ? value * step ** steps : value + step * steps);
    const [less, more] = [() => go(by(-1)), () => go(by(1))];
    const ends = { Home: () => go(scale.low), End: () => go(scale.high) };
    const keys = { ArrowLeft: less, ArrowDown: less, ArrowRight: more, ArrowUp: more, ...ends };
    const { group, place } = this.point(label, look, scale, keys);
    group.classList.add(axis);
    follow(group, (event) => go(this.at(event)[axis]));
    return {
      place: (x, y, meaning) => {
        value = axis === "x" ? x : y;
        place(x, y, value, meaning);
      },
    };
  }

  /** A point that keys move as the control wants; the vertical axis says what it is worth. */
  cursor(label: string, look: string, keys: Record<string, () => void>): Handle {
    const { place } = this.point(label, look, this.y, keys);
    return { place: (x, y, meaning) => place(x, y, y, meaning) };
  }

  private point(label: string, look: string, { low, high }: Axis, keys: Record<string, () => void>) {
    const target = makeSvg("circle", { class: "target", r: `${FINGER}` });
    const point = makeSvg("circle", { class: look, r: "7" });
    const limits = { "aria-valuemin": `${low}`, "aria-valuemax": `${high}` };
    const group = makeSvg("g", { class: "handle", role: "slider", tabindex: "0", "aria-label": label, ...limits }, target, point);
    group.addEventListener("keydown", (event) => obey(event, keys));
    this.overlay(group);
    const place = (x: number, y: number, value: number, meaning: string): void => {
      const now = {
        transform: `translate(${this.px(x).toFixed(1)},${this.near(y).toFixed(1)})`,
        "aria-valuenow": String(Number(value.toPrecision(4))),
        "aria-valuetext": meaning,
      };
      for (const [key, said] of Object.entries(now)) if (group.getAttribute(key) !== said) group.setAttribute(key, said);
    };
    return { group, place };
  }
}

/** Calls `move` where a pointer is pressed, and wherever it goes until it is lifted. */
export function follow(target: SVGElement, move: (event: PointerEvent) => void): void {
  target.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.stopPropagation();
    target.setPointerCapture(event.pointerId);
    move(event);
    const done = new AbortController();
    const { signal } = done;
    target.addEventListener("pointermove", move, { signal });
    for (const end of ["pointerup", "pointercancel"]) target.addEventListener(end, () => done.abort(), { signal });
  });
}

// Scales

/** Where a value lies between the ends of an axis, from 0 to 1. */
function part(value: number, { low, high, log }: Axis): number {
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

function whole(place: number, { low, high, log }: Axis): number {
  const kept = Math.min(Math.max(place, 0), 1);
  return log ? low * (high / low) ** kept : low + (high - low) * kept;
}

/** Ticks of an axis with their names, as many as there is room for. */
function named(axis: Axis, room: number): [number, string][] {
  if (axis.ticks) return axis.ticks.map((tick, i) => [tick, axis.names?.[i] ?? shown(tick)]);
  return (axis.log ? decades(axis, room) : round(axis, room)).map((tick) => [tick, axis.log ? power(tick) : shown(tick)]);
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A number, or a power of ten where the number would be long. */
function power(tick: number): string {
  const exponent = Math.log10(tick);
  if (tick < 1e5 || Math.abs(exponent - Math.round(exponent)) > 1e-9) return shown(tick);
  return `10${[...String(Math.round(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("")}`;
}

function round({ low, high }: Axis, room: number): number[] {
  const rough = (high - low) / Math.max(room, 2);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((digit) => digit * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

function decades({ low, high }: Axis, room: number): number[] {
  const found: number[] = [];
  const several = Math.log10(high / low) < room / 3;
  const first = Math.floor(Math.log10(low));
  const every = several ? 1 : Math.ceil(Math.log10(high / low) / room);
  for (let power = first; 10 ** power <= high * 1.001; power += every) {
    for (const digit of several ? [1, 2, 5] : [1]) {
      const tick = digit * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) found.push(tick);
    }
  }
  return found;
}
