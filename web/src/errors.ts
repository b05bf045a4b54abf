// <nmp-errors>: the wrong notes of a transcription, one by one.
//
// The markup (nmp_lessons/book/show/error_explorer.py) contains a player and a table of the errors; the place of each
// error is in a <template>. This element lets the reader choose one in the table or on the piano roll, and filters them.

import { BookElement, define, make, makeButton, makeSvg, obey } from "./element";
import { counted } from "./live/numbers";
import type { Player } from "./player";

interface Place {
  cause: string;
  pitch: number;
  onset: number;
  offset: number;
  start: number; // seconds, of what is seen and heard
  stop: number;
}

interface Plan {
  seconds: number;
  span: [number, number]; // pitches at the picture's lower and upper edge
  errors: Place[];
}

class Errors extends BookElement {
  protected readonly source = "plan";
  private plan!: Plan;
  private chosen = -1;
  private rows: HTMLTableRowElement[] = [];
  private buttons: HTMLButtonElement[] = [];
  private marks: SVGRectElement[] = [];
  private filter!: HTMLSelectElement;
  private count!: HTMLElement;
  private panel!: HTMLElement;

  protected start(plan: string): void {
    this.plan = JSON.parse(plan) as Plan;
    const table = this.querySelector<HTMLElement>(".nmp-errors-table")!;
    this.rows = [...table.querySelectorAll<HTMLTableRowElement>("tbody tr")];
    this.buttons = this.rows.map((row, i) => this.button(row, i));
    this.marks = this.plan.errors.map((place, i) => this.mark(place, i));
    this.querySelector(".nmp-area")?.append(...this.marks);
    this.panel = make("div", { class: "nmp-errors-panel", "aria-live": "polite" });
    this.panel.append(make("p", { class: "nmp-errors-words" }, "Choose an error here, in the table, or on the picture."));
    table.before(this.controls(), this.panel);
    table.removeAttribute("tabindex"); // its buttons scroll it
    table.addEventListener("keydown", this.onKey);
    this.dataset.ready = "";
    this.show();
  }

  private button(row: HTMLTableRowElement, i: number): HTMLButtonElement {
    const cell = row.cells[0]!;
    const button = makeButton(cell.textContent, () => this.choose(i, true));
    cell.replaceChildren(button);
    return button;
  }

  /** A rectangle over the note in the player's picture, to be clicked. */
  private mark(place: Place, i: number): SVGRectElement {
    const [low, high] = this.plan.span;
    const x = (seconds: number): number => (100 * seconds) / this.plan.seconds;
    const attributes = {
      class: "nmp-mark",
      x: `${x(place.onset).toFixed(2)}%`,
      width: `${Math.max(0.4, x(place.offset) - x(place.onset)).toFixed(2)}%`,
      y: `${((100 * (high - place.pitch - 0.5)) / (high - low)).toFixed(2)}%`,
      height: `${(100 / (high - low)).toFixed(2)}%`,
    };
    const mark = makeSvg("rect", attributes, makeSvg("title", {}, this.rows[i]!.cells[3]!.textContent));
    mark.addEventListener("click", () => this.choose(i, true));
    return mark;
  }

  private controls(): HTMLElement {
    this.filter = make("select", {});
    const counted = new Map<string, number>();
    for (const { cause } of this.plan.errors) counted.set(cause, (counted.get(cause) ?? 0) + 1);
    this.filter.append(make("option", { value: "" }, `all (${this.plan.errors.length})`));
    for (const [cause, n] of counted) this.filter.append(make("option", { value: cause }, `${cause} (${n})`));
    this.filter.addEventListener("change", () => this.show());
    this.count = make("span", { class: "nmp-errors-count" });
    return make(
      "div",
      { class: "nmp-errors-controls" },
      make("label", {}, make("span", {}, "Cause"), this.filter),
      makeButton("Previous", () => this.step(-1)),
      makeButton("Next", () => this.step(1)),
      makeButton("Play this place", () => this.play()),
      this.count,
    );
  }

  private get shown(): number[] {
    return this.plan.errors.flatMap((place, i) => (!this.filter.value || place.cause === this.filter.value ? [i] : []));
  }

  /** After a change of the filter. */
  private show(): void {
    const shown = new Set(this.shown);
    this.rows.forEach((row, i) => (row.hidden = !shown.has(i)));
    this.marks.forEach((mark, i) => mark.classList.toggle("nmp-off", !shown.has(i)));
    if (this.chosen >= 0 && !shown.has(this.chosen)) this.choose(this.shown[0] ?? -1);
    else this.say();
    this.reach();
  }

  private say(): void {
    const shown = this.shown;
    const place = shown.indexOf(this.chosen);
    this.count.textContent = place < 0 ? counted(shown.length, "error") : `${place + 1} of ${shown.length}`;
  }

  /** One button of the table is in the order of the Tab key: the chosen one, or the first. */
  private reach(): void {
    const shown = this.shown;
    const reached = shown.includes(this.chosen) ? this.chosen : shown[0];
    this.buttons.forEach((button, i) => (button.tabIndex = i === reached ? 0 : -1));
  }

  private choose(i: number, play = false): void {
    if (i < 0) return;
    this.chosen = i;
    this.rows.forEach((row, j) => {
      if (j === i) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
    this.marks.forEach((mark, j) => mark.classList.toggle("nmp-chosen", j === i));
    const template = this.querySelector<HTMLTemplateElement>(`:scope > template[data-error="${i}"]`)!;
    this.panel.replaceChildren(document.importNode(template.content, true));
    this.keepInView(this.rows[i]!);
    const { player, plan } = this;
    if (player) {
      player.loop = [plan.errors[i]!.start, plan.errors[i]!.stop];
      player.currentTime = plan.errors[i]!.start;
    }
    this.say();
    this.reach();
    if (play) this.play();
  }

  /** Scrolls the table and not the page. */
  private keepInView(row: HTMLTableRowElement): void {
    const box = row.closest<HTMLElement>(".nmp-errors-table")!;
    const [inner, outer] = [row.getBoundingClientRect(), box.getBoundingClientRect()];
    const head = box.querySelector("thead")!.getBoundingClientRect().height;
    if (inner.top < outer.top + head) box.scrollTop -= outer.top + head - inner.top;
    else if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom;
  }

  private step(by: number): void {
    const shown = this.shown;
    const place = shown.indexOf(this.chosen);
    const next = place < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(Math.max(0, place + by), shown.length - 1);
    this.choose(shown[next] ?? -1);
  }

  private play(): void {
    if (this.chosen < 0) this.step(1);
    void this.player?.play();
  }

  private get player(): Player | null {
    return this.querySelector<Player>("nmp-player.nmp-ready");
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    const shown = this.shown;
    const moved = obey(event, {
      ArrowDown: () => this.step(1),
      ArrowUp: () => this.step(-1),
      ArrowRight: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      Home: () => this.choose(shown[0] ?? -1),
      End: () => this.choose(shown.at(-1) ?? -1),
    });
    if (moved) this.buttons[this.chosen]?.focus({ preventScroll: true });
  };
}

define("nmp-errors", Errors);
