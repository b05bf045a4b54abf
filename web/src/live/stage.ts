// <nmp-live>: a control whose picture the page computes while the reader moves it.
//
// The markup (nmp_lessons/book/show/live_control.py) holds a first picture, drawn by Python, and the settings. When the control
// comes near the screen, what its chapter's script defines takes the picture's place. Off the screen nothing is drawn.

import { BookElement, define, make, makeButton } from "../element";
import { Chart, type ChartOptions } from "./chart";
import { Grid, type GridOptions } from "./grid";
import { shown } from "./numbers";

/** Prepares a control, and returns what draws it from the settings of the moment. */
export type Setup = (stage: Stage, data: never) => () => void;

const NEAR = "200px"; // from the screen, where a control is prepared

/** Defines the controls of a chapter by name; call it once, at the end of the chapter's script. */
export function begin(setups: Record<string, Setup>): void {
  const element = (customElements.get("nmp-live") ?? Live) as typeof Live;
  Object.assign(element.setups, setups);
  define("nmp-live", Live);
}

/** The data of another control of the page, which need not stand there twice. */
export function dataOf<Data>(name: string): Data {
  for (const { dataset } of document.querySelectorAll<HTMLElement>("nmp-live")) {
    const plan = JSON.parse(dataset.plan!) as { name: string; data: Data };
    if (plan.name === name) return plan.data;
  }
  throw new Error(`nmp-live: no control named "${name}" is on this page.`);
}

class Live extends BookElement {
  static readonly setups: Record<string, Setup> = {};
  protected readonly source = "plan";
  private stage: Stage | undefined;

  protected start(plan: string): void {
    const { name, data } = JSON.parse(plan) as { name: string; data: never };
    const setup = (this.constructor as typeof Live).setups[name];
    if (!setup) throw new Error(`nmp-live: this page's script has no control named "${name}"; run "make bundle".`);
    const watch = (entries: IntersectionObserverEntry[]): void => {
      const near = entries.some((entry) => entry.isIntersecting);
      if (near) this.stage ??= new Stage(this, setup, data);
      if (this.stage) this.stage.seen = near;
    };
    new IntersectionObserver(watch, { rootMargin: NEAR }).observe(this);
  }
}

/** What a control draws on, reads its settings from, and says its result with. */
export class Stage {
  /** The title, with which every picture is announced. */
  readonly title: string;
  readonly frame: HTMLElement;
  private readonly readout: HTMLElement;
  private readonly fieldset: HTMLFieldSetElement;
  private readonly settings = new Map<string, Setting>();
  private readonly charts: Chart[] = [];
  private readonly draw: () => void;
  private readonly stops: (() => void)[] = [];
  private visible = true;
  private waiting = false; // for the next frame of the screen
  private stale = false; // because something changed off the screen

  constructor(
    private readonly element: HTMLElement,
    setup: Setup,
    data: never,
  ) {
    const form = element.querySelector("form")!;
    this.fieldset = form.querySelector("fieldset")!;
    this.title = this.fieldset.querySelector("legend")!.textContent;
    this.frame = element.querySelector(".nmp-live-frame")!;
    this.readout = element.querySelector(".nmp-live-readout")!;
    for (const group of form.querySelectorAll<HTMLElement>("[data-setting]")) {
      this.settings.set(group.dataset.setting!, new Setting(group));
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => this.change());
    const height = this.frame.offsetHeight;
    this.frame.replaceChildren();
    this.frame.style.minHeight = `${Math.min(height, 240)}px`;
    this.draw = setup(this, data);
    this.fieldset.disabled = false;
    new ResizeObserver(() => this.change()).observe(this.frame);
    this.paint();
    element.dataset.ready = "";
  }

  set seen(near: boolean) {
    if (this.visible && !near) this.stops.forEach((stop) => stop());
    this.visible = near;
    if (near && this.stale) this.change();
  }

  /** Stops something whenever the control leaves the screen. */
  whenLeft(stop: () => void): void {
    this.stops.push(stop);
  }

  /** Draws again, once before the next frame of the screen, or when the control is back on it. */
  change(): void {
    this.stale = !this.visible;
    if (this.stale || this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.waiting = false;
    for (const setting of this.settings.values()) setting.show();
    this.draw();
  }

  /** The value of a slider. */
  number(name: string): number {
    return this.settings.get(name)!.value;
  }

  /** The label of the chosen radio button or entry of a menu. */
  choice(name: string): string {
    return this.settings.get(name)!.choice;
  }

  /** Moves a slider to a value within its range. */
  set(name: string, value: number): void {
    this.settings.get(name)!.value = value;
    this.change();
  }

  /** A button below the settings. */
  button(label: string, act: () => void): HTMLButtonElement {
    const made = makeButton(label, act);
    let row = this.fieldset.querySelector<HTMLElement>(":scope > .nmp-live-buttons");
    if (!row) this.fieldset.append((row = make("div", { class: "nmp-live-buttons" })));
    row.append(made);
    return made;
  }

  /** Puts something between the title and the settings. */
  above(part: HTMLElement): void {
    this.fieldset.querySelector("legend")!.after(part);
  }

  /** Lets only some labels of a group of radio buttons be chosen, or all. */
  allow(name: string, labels?: string[]): void {
    this.settings.get(name)!.allow(labels);
  }

  chart(options: ChartOptions): Chart {
    const chart = new Chart(options, options.label ?? this.title);
    this.charts.push(chart);
    this.frame.append(chart.element);
    return chart;
  }

  grid(options: GridOptions): Grid {
    const grid = new Grid(options);
    this.frame.append(grid.element);
    return grid;
  }

  /** The result in words, for everyone; it also describes the pictures. */
  say(text: string): void {
    if (this.readout.textContent === text) return;
    this.readout.textContent = text;
    for (const chart of this.charts) chart.describe(text);
  }

  /** Calls `step` before every frame of the screen until it returns false or the control leaves the screen. */
  animate(step: () => boolean): void {
    const next = (): void => {
      if (this.visible && this.element.isConnected && step()) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }
}

/** A slider, a group of radio buttons or a menu. */
class Setting {
  private readonly slider: HTMLInputElement | null;
  private readonly low: number;
  private readonly high: number;
  private readonly step: number;
  private readonly log: boolean;
  private exact: { place: string; value: number } | undefined; // a value that lies between two places

  constructor(private readonly group: HTMLElement) {
    this.slider = group.querySelector("input[type=range]");
    if (this.slider) this.exact = { place: this.slider.defaultValue, value: Number(group.dataset.start) };
    this.low = Number(group.dataset.low);
    this.high = Number(group.dataset.high);
    this.step = Number(group.dataset.step ?? 0);
    this.log = group.dataset.log !== undefined;
  }

  get value(): number {
    if (this.slider!.value === this.exact?.place) return this.exact.value;
    if (this.step) return this.low + this.step * Number(this.slider!.value); // whole numbers stay whole
    const part = Number(this.slider!.value) / Number(this.slider!.max);
    return this.log ? this.low * (this.high / this.low) ** part : this.low + (this.high - this.low) * part;
  }

  set value(value: number) {
    const clipped = Math.min(Math.max(value, this.low), this.high);
    const part = this.log ? Math.log(clipped / this.low) / Math.log(this.high / this.low) : (clipped - this.low) / (this.high - this.low);
    this.slider!.value = `${Math.round(part * Number(this.slider!.max))}`;
    this.exact = { place: this.slider!.value, value: clipped };
  }

  get choice(): string {
    const menu = this.group.querySelector("select");
    const chosen = menu ? menu.selectedOptions[0]! : this.group.querySelector("input:checked")!.closest("label")!;
    return chosen.textContent.trim();
  }

  allow(labels?: string[]): void {
    const inputs = [...this.group.querySelectorAll("input")];
    for (const input of inputs) input.disabled = !(labels?.includes(input.closest("label")!.textContent.trim()) ?? true);
    if (inputs.some((input) => input.checked && input.disabled)) inputs.find((input) => !input.disabled)!.checked = true;
  }

  show(): void {
    if (!this.slider) return;
    const text = shown(this.value) + (this.group.dataset.unit ?? "");
    this.slider.setAttribute("aria-valuetext", text);
    this.group.querySelector(".nmp-explore-value")!.textContent = text;
  }
}
