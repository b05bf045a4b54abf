// <nmp-player>: several versions of the same music, in step with each other, over a picture.
//
// Its children are static HTML made by nmp_lessons/book/show/player.py: a figure (whose SVG score.py draws) and a list
// of plain <audio> elements. This element adds controls and a playhead, and hides the plain list.

import { Controls } from "./controls";
import { BookElement, define } from "./element";
import { press } from "./keys";
import { Plot } from "./plot";
import { Transport } from "./transport";

const STARTED = "nmp-started"; // an event for the other players on the page

export class Player extends BookElement {
  protected readonly source = "seconds";
  private transport: Transport | undefined; // once it has started
  private controls!: Controls;
  private plot!: Plot;
  private frame = 0;

  override connectedCallback(): void {
    document.addEventListener(STARTED, this.yieldToOthers);
    document.addEventListener("play", this.yieldToOthers, true);
    super.connectedCallback();
  }

  disconnectedCallback(): void {
    document.removeEventListener(STARTED, this.yieldToOthers);
    document.removeEventListener("play", this.yieldToOthers, true);
    this.pause();
  }

  // For pages and tests

  get currentTime(): number {
    return this.transport?.position ?? 0;
  }

  set currentTime(seconds: number) {
    void this.transport?.seek(seconds);
  }

  get playing(): boolean {
    return this.transport?.playing ?? false;
  }

  /** Name of the version that is heard. */
  get version(): string {
    return this.transport?.version ?? "";
  }

  set version(name: string) {
    this.transport?.choose(this.transport.mixes.findIndex((mix) => mix.name === name));
  }

  /** Start and stop of the loop in seconds, or null. */
  get loop(): [number, number] | null {
    const looped = this.transport?.looped;
    return looped ? [looped.start, looped.stop] : null;
  }

  set loop(region: [number, number] | null) {
    if (region) this.transport?.setRegion(...region);
    else this.transport?.forgetRegion();
  }

  level(): { rms: number; peak: number } {
    return this.transport?.level() ?? { rms: 0, peak: 0 };
  }

  async play(): Promise<void> {
    await this.transport?.play();
  }

  pause(): void {
    this.transport?.pause();
  }

  // Building

  protected start(seconds: string): void {
    const sounds = [...this.querySelectorAll("audio")];
    const svg = this.querySelector<SVGSVGElement>(".nmp-plot");
    if (!sounds.length || !svg) return;
    const plain = this.querySelector<HTMLElement>(".nmp-sounds")!;
    const transport = new Transport(sounds, Number(seconds), {
      starting: () => this.silenceOthers(),
      changed: () => this.draw(),
      say: (text, options) => this.controls.say(text, options),
      failed: () => {
        this.controls.say("The sound couldn't be loaded. Try the plain players below.", { shown: true });
        plain.hidden = false;
      },
    });
    this.transport = transport;
    this.controls = new Controls(transport);
    this.plot = new Plot(svg, transport, () => this.controls.focus());
    this.querySelector(".nmp-score")!.after(...this.controls.rows);
    plain.hidden = true;
    this.style.setProperty("--nmp-wide", `${svg.dataset.wide}px`);
    this.addEventListener("keydown", (event) => press(event, transport));
    this.classList.add("nmp-ready");
    this.draw();
  }

  // One sound at a time on a page

  private silenceOthers(): void {
    document.dispatchEvent(new CustomEvent(STARTED, { detail: this }));
    for (const sound of document.querySelectorAll("audio")) if (!sound.paused) sound.pause();
  }

  private readonly yieldToOthers = (event: Event): void => {
    const own = event instanceof CustomEvent ? event.detail === this : this.contains(event.target as Node);
    if (!own) this.pause();
  };

  // Drawing

  private draw(): void {
    this.controls.draw();
    this.plot.draw();
    cancelAnimationFrame(this.frame);
    if (this.playing) this.frame = requestAnimationFrame(this.tick);
  }

  private readonly tick = (): void => {
    this.controls.drawTime();
    this.plot.drawTime();
    this.plot.follow();
    if (this.playing) this.frame = requestAnimationFrame(this.tick);
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "nmp-player": Player;
  }
}

define("nmp-player", Player);
