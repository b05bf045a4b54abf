// A piano roll that moves past: the newest moment at its right edge, and the notes found so far to the left of it.

import type { Note } from "../decoder";
import { make, makeSvg, percent } from "../element";
import { gutter, HEIGHT, lines, pitchName } from "../roll";

export const SPAN = 6; // seconds in view
const LATEST = 6; // notes that are named
const [LOWEST, HIGHEST] = [48, 83]; // three octaves, to begin with

export class Belt {
  readonly element: HTMLElement;
  private readonly notes = makeSvg("g", { class: "nmp-notes nmp-prediction", "fill-opacity": "0.6" });
  private readonly strip = makeSvg("svg", { width: "100%", height: `${HEIGHT}`, overflow: "visible" }, this.notes);
  private readonly area = makeSvg("svg", { class: "nmp-area", width: "100%", height: `${HEIGHT}` });
  private readonly score = make("div", { class: "nmp-score nmp-tall" });
  private readonly latest = make("p", { class: "nmp-transcriber-piece" });
  private readonly calm = matchMedia("(prefers-reduced-motion: reduce)");
  private low = LOWEST;
  private high = HIGHEST;
  private frame = 0;

  /** `clock` gives the seconds of the recording that have come in by now. */
  constructor(private readonly clock: () => number) {
    const label = `Piano roll of the last ${SPAN} seconds, pitch against time, the newest notes on the right`;
    const plot = makeSvg("svg", { class: "nmp-plot", width: "100%", height: `${HEIGHT + 22}`, role: "img", "aria-label": label });
    plot.append(this.area, ages());
    this.score.append("", make("div", { class: "nmp-scroll" }, plot));
    this.element = make("div", {}, this.score, this.latest);
    this.frameKeys();
    this.frame = requestAnimationFrame(this.move);
  }

  /** Draws the notes that are known now in place of the earlier ones. */
  show(notes: Note[]): void {
    const pitches = notes.map(({ pitch }) => pitch);
    const [low, high] = [Math.min(this.low, ...pitches), Math.max(this.high, ...pitches)];
    if (low < this.low || high > this.high) {
      this.low = 12 * Math.floor(low / 12);
      this.high = 12 * Math.floor(high / 12) + 11;
      this.frameKeys();
    }
    const [bottom, top] = this.edges();
    const past = this.clock() - SPAN - 1;
    const seen = notes.filter(({ offset }) => offset > past);
    this.notes.replaceChildren(
      ...seen.map(({ onset, offset, pitch }) =>
        makeSvg("rect", {
          x: percent(onset, SPAN),
          width: percent(offset - onset, SPAN),
          y: percent(top - pitch - 0.5, top - bottom),
          height: percent(1, top - bottom),
        }),
      ),
    );
    const names = notes.slice(-LATEST).map(({ pitch }) => pitchName(pitch));
    this.latest.textContent = names.length ? `Latest notes: ${names.join(", ")}` : "";
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
  }

  /** Of the picture, in semitones: room for a name at the bottom. */
  private edges(): [bottom: number, top: number] {
    return [this.low - 2, this.high + 0.5];
  }

  private frameKeys(): void {
    this.score.firstChild!.replaceWith(gutter(...this.edges()));
    this.area.replaceChildren(lines(...this.edges()), this.strip);
  }

  /** Once a frame, or once a second for readers who prefer that things don't move. */
  private readonly move = (): void => {
    const now = this.clock();
    this.strip.setAttribute("x", percent(SPAN - (this.calm.matches ? Math.ceil(now) : now), SPAN));
    this.frame = requestAnimationFrame(this.move);
  };
}

function ages(): SVGElement {
  const group = makeSvg("g", { class: "nmp-clock" });
  for (let age = 0; age <= SPAN; age += 2) {
    const anchor = age === 0 ? "end" : age === SPAN ? "start" : "middle";
    const place = { x: percent(SPAN - age, SPAN), y: `${HEIGHT + 17}`, "text-anchor": anchor };
    group.append(makeSvg("text", place, age === 0 ? "now" : `−${age} s`));
  }
  return group;
}
