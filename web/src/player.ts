// <nmp-player>: several versions of the same music, heard at the same instant, over a picture.
//
// Its children are static HTML made by nmp_lessons/show/listen.py: a figure (with an SVG plot) and a list
// of plain <audio> elements. This element adds controls and a playhead, and hides the plain list.

import { BookElement, define, make, makeSvg } from "./element";
import { type Engine, ElementEngine, type Mix, type Region, WebAudioEngine } from "./engine";

const SMALLEST_REGION = 0.1; // seconds
const DRAG = 6; // pixels before a press becomes a drag
const STARTED = "nmp-started"; // told to the other players of the page

const ICONS = {
  play: "M7 4.5v15l12.5-7.5z",
  pause: "M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z",
  restart: "M5 5h2.5v14H5zM19.5 5v14L9 12z",
  loop: "M7 7h10v3l4-4-4-4v3H5v6h2zM17 17H7v-3l-4 4 4 4v-3h12v-6h-2z",
};

function icon(path: string): SVGElement {
  const svg = makeSvg("svg", { viewBox: "0 0 24 24", width: "20", height: "20", "aria-hidden": "true" });
  svg.append(makeSvg("path", { d: path, fill: "currentColor" }));
  return svg;
}

function iconButton(label: string, path: string, key: string): HTMLButtonElement {
  return make("button", { type: "button", "aria-label": label, title: `${label} (${key})` }, icon(path));
}

class Player extends BookElement {
  protected readonly source = "seconds";
  private seconds = 0;
  private sounds: HTMLAudioElement[] = [];
  private mixes: Mix[] = [];
  private chosen = 0;
  private region: Region | null = null;
  private looping = false;
  private resting = 0; // seconds, where the playhead stands before the engine is there
  private engine: Engine | undefined;
  private loading: Promise<Engine> | undefined;
  private wanted = false; // to be played as soon as it is loaded
  private frame = 0;

  private playButton!: HTMLButtonElement;
  private loopButton!: HTMLButtonElement;
  private versionButtons: HTMLButtonElement[] = [];
  private slider!: HTMLInputElement;
  private readout!: HTMLElement;
  private status!: HTMLElement;
  private scroller!: HTMLElement;
  private area!: SVGSVGElement;
  private playhead!: HTMLElement;
  private shade!: SVGRectElement;
  private resized: ResizeObserver | undefined;

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
    return this.engine?.position ?? this.resting;
  }

  set currentTime(seconds: number) {
    void this.seek(seconds);
  }

  get playing(): boolean {
    return this.engine?.playing ?? false;
  }

  /** Name of the version that is heard. */
  get version(): string {
    return this.mixes[this.chosen]!.name;
  }

  set version(name: string) {
    this.choose(this.mixes.findIndex((mix) => mix.name === name));
  }

  /** Start and stop in seconds of what is looped, or null. */
  get loop(): [number, number] | null {
    const looped = this.looped;
    return looped && [looped.start, looped.stop];
  }

  set loop(region: [number, number] | null) {
    if (region) this.setRegion(...region);
    else this.forgetRegion();
  }

  level(): { rms: number; peak: number } {
    return this.engine?.level() ?? { rms: 0, peak: 0 };
  }

  async play(): Promise<void> {
    this.wanted = true;
    document.dispatchEvent(new CustomEvent(STARTED, { detail: this }));
    for (const sound of document.querySelectorAll("audio")) if (!sound.paused) sound.pause();
    try {
      const engine = await this.ready();
      if (!this.wanted) return;
      const at = engine.position;
      const region = this.looped;
      const ended = at >= (region?.stop ?? this.seconds) - 0.01;
      await engine.play(ended || (region && at < region.start) ? (region?.start ?? 0) : at, region);
    } catch {
      this.fail();
      return;
    }
    this.draw();
  }

  pause(): void {
    this.wanted = false;
    if (this.playing) this.engine!.pause();
    if (this.playButton) this.draw();
  }

  // Building

  protected start(seconds: string): void {
    this.sounds = [...this.querySelectorAll("audio")];
    const plot = this.querySelector<SVGSVGElement>(".nmp-plot");
    const figure = this.querySelector<HTMLElement>("figure");
    if (!this.sounds.length || !plot || !figure) return;
    this.seconds = Number(seconds);
    this.mixes = this.mixesOf(this.sounds);
    this.scroller = this.querySelector<HTMLElement>(".nmp-scroll")!;
    this.area = this.querySelector<SVGSVGElement>(".nmp-area")!;
    this.style.setProperty("--nmp-wide", `${plot.dataset.wide}px`);

    this.shade = makeSvg("rect", { class: "nmp-shade", y: "0", height: "100%", visibility: "hidden" });
    this.area.append(this.shade);
    this.playhead = make("div", { class: "nmp-playhead" });
    plot.after(this.playhead);

    this.status = make("p", { class: "nmp-status", role: "status" });
    this.querySelector(".nmp-score")!.after(this.transport(), this.versionRow(), this.status);
    this.querySelector<HTMLElement>(".nmp-sounds")!.hidden = true;

    this.addEventListener("keydown", this.onKey);
    this.scroller.addEventListener("pointerdown", this.onPress);
    this.resized = new ResizeObserver(() => this.markScrollable());
    this.resized.observe(this.scroller);
    this.classList.add("nmp-ready");
    this.draw();
  }

  private mixesOf(sounds: HTMLAudioElement[]): Mix[] {
    const mixes: Mix[] = sounds.map((sound, version) => ({
      name: sound.getAttribute("aria-label") ?? `Version ${version + 1}`,
      parts: [{ version, pan: 0 }],
    }));
    const reference = sounds.findIndex((sound) => sound.dataset.role === "reference");
    const prediction = sounds.findIndex((sound) => sound.dataset.role === "prediction");
    if (reference >= 0 && prediction >= 0 && !this.asFiles) {
      mixes.push({
        name: "Reference left, prediction right",
        parts: [
          { version: reference, pan: -1 },
          { version: prediction, pan: 1 },
        ],
      });
    }
    return mixes;
  }

  /** Whether scripts may not read the sounds, since the page was opened as a file. */
  private get asFiles(): boolean {
    return this.sounds.some((sound) => sound.src.startsWith("file:"));
  }

  private transport(): HTMLElement {
    this.playButton = iconButton("Play", ICONS.play, "space");
    this.playButton.classList.add("nmp-play");
    this.playButton.addEventListener("click", () => void this.toggle());
    const restart = iconButton("Back to the start", ICONS.restart, "0");
    this.onClick(restart, () => this.restart());
    this.loopButton = iconButton("Loop", ICONS.loop, "L");
    this.onClick(this.loopButton, () => this.setLooping(!this.looping));
    this.slider = make("input", {
      type: "range",
      min: "0",
      max: this.seconds.toFixed(2),
      step: "0.01",
      value: "0",
      "aria-label": "Position",
    });
    this.slider.addEventListener("input", () => void this.seek(Number(this.slider.value)));
    this.readout = make("span", { class: "nmp-time", "aria-hidden": "true" });
    return make(
      "div",
      { class: "nmp-transport" },
      this.playButton,
      restart,
      this.slider,
      this.readout,
      this.loopButton,
      this.keys(),
    );
  }

  private versionRow(): HTMLElement {
    const row = make("div", { class: "nmp-versions", role: "group", "aria-label": "Version" });
    this.versionButtons = this.mixes.map((mix, index) => {
      const button = make("button", { type: "button", title: `${mix.name} (${index + 1})` }, mix.name);
      this.onClick(button, () => this.choose(index));
      return button;
    });
    if (this.mixes.length > 1) row.append(...this.versionButtons);
    else row.hidden = true;
    return row;
  }

  private keys(): HTMLElement {
    const summary = make("summary", { "aria-label": "Keys", title: "Keys" }, "?");
    const keys = make("details", { class: "nmp-keys" }, summary);
    const lines: [string, string][] = [
      ["space", "play or pause"],
      ["← →", "1 s back or on; with shift 5 s"],
      ["0", "back to the start"],
      ...(this.mixes.length > 1 ? [["1–9", "choose a version"] as [string, string]] : []),
      ["[ ]", "start and end of a region, or drag over the picture"],
      ["L", "loop it; Esc forgets it"],
    ];
    const list = make("dl");
    for (const [key, action] of lines) {
      list.append(make("dt", {}, make("kbd", {}, key)), make("dd", {}, action));
    }
    keys.append(list);
    return keys;
  }

  /** A click by pointer hands the focus to the play button, so that space then plays and pauses. */
  private onClick(button: HTMLButtonElement, act: () => void): void {
    button.addEventListener("click", (event) => {
      act();
      if (event.detail > 0) this.playButton.focus({ preventScroll: true });
    });
  }

  private markScrollable(): void {
    const scrolls = this.scroller.scrollWidth > this.scroller.clientWidth + 1;
    this.scroller.classList.toggle("nmp-scrolls", scrolls);
    if (scrolls) this.scroller.tabIndex = 0;
    else this.scroller.removeAttribute("tabindex");
  }

  // Sound

  /** The engine, once its sounds are there: decoded ones, or else the page's own elements. */
  private ready(): Promise<Engine> {
    this.loading ??= this.load().then((engine) => {
      engine.choose(this.chosen);
      engine.rest(this.resting);
      this.say("");
      return (this.engine = engine);
    });
    return this.loading;
  }

  private async load(): Promise<Engine> {
    const ended = () => this.draw();
    if (!this.asFiles) {
      this.say("Loading the sound …", true);
      const urls = this.sounds.map((sound) => sound.src);
      const engine = new WebAudioEngine(urls, this.mixes, this.seconds, ended);
      try {
        await engine.load();
        return engine;
      } catch (problem) {
        console.warn("nmp-player: playing the plain sounds instead.", problem);
        this.dropSplit();
      }
    }
    return new ElementEngine(this.sounds, ended);
  }

  private dropSplit(): void {
    this.mixes.splice(this.sounds.length);
    this.versionButtons.splice(this.sounds.length).forEach((button) => button.remove());
    this.chosen = Math.min(this.chosen, this.mixes.length - 1);
  }

  private fail(): void {
    this.loading = undefined;
    this.say("The sound could not be loaded. Try the plain players below.", true);
    this.querySelector<HTMLElement>(".nmp-sounds")!.hidden = false;
    this.draw();
  }

  private readonly yieldToOthers = (event: Event): void => {
    const own = event instanceof CustomEvent ? event.detail === this : this.contains(event.target as Node);
    if (!own) this.pause();
  };

  private async toggle(): Promise<void> {
    if (this.playing) this.pause();
    else await this.play();
  }

  private async seek(seconds: number): Promise<void> {
    const at = Math.min(Math.max(0, seconds), this.seconds);
    const looped = this.looped;
    if (looped && (at < looped.start || at >= looped.stop)) this.looping = false;
    this.resting = at;
    if (this.playing) {
      await this.engine!.play(Math.min(at, this.seconds - 0.02), this.looped);
    } else {
      this.engine?.rest(at);
    }
    this.draw();
  }

  private choose(mix: number): void {
    if (mix < 0 || mix >= this.mixes.length || mix === this.chosen) return;
    this.chosen = mix;
    this.engine?.choose(mix);
    this.say(this.version);
    this.draw();
  }

  private restart(): void {
    void this.seek(this.looped?.start ?? 0);
  }

  // Loops

  /** What is repeated: the region, or without one the whole. */
  private get looped(): Region | null {
    if (!this.looping) return null;
    return this.region ?? { start: 0, stop: this.seconds };
  }

  private setLooping(on: boolean): void {
    const at = this.currentTime;
    this.looping = on;
    const looped = this.looped;
    void this.seek(looped && (at < looped.start || at >= looped.stop) ? looped.start : at);
  }

  private setRegion(start: number, stop: number): void {
    const first = Math.max(0, Math.min(start, stop));
    const last = Math.min(this.seconds, Math.max(start, stop));
    if (last - first < SMALLEST_REGION) return;
    this.region = { start: first, stop: last };
    this.setLooping(true);
  }

  private forgetRegion(): void {
    this.region = null;
    this.setLooping(false);
  }

  // Keys and pointers

  private readonly onKey = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || target instanceof HTMLAudioElement) return;
    const pressable = target.closest("button, summary");
    const step = event.shiftKey ? 5 : 1;
    const now = this.currentTime;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => void this.seek(now - step),
      ArrowRight: () => void this.seek(now + step),
      "0": () => this.restart(),
      "[": () => this.setRegion(now, this.region && this.region.stop > now ? this.region.stop : this.seconds),
      "]": () => this.setRegion(this.region && this.region.start < now ? this.region.start : 0, now),
      l: () => this.setLooping(!this.looping),
      Escape: () => this.forgetRegion(),
    };
    if (!pressable) actions[" "] = () => void this.toggle();
    for (let index = 0; index < Math.min(9, this.mixes.length); index++) {
      actions[String(index + 1)] = () => this.choose(index);
    }
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    action();
    event.preventDefault();
    event.stopPropagation(); // JupyterLab and the book's theme have keys of their own
  };

  private timeAt(event: PointerEvent): number {
    const box = this.area.getBoundingClientRect();
    return (this.seconds * Math.min(Math.max(0, event.clientX - box.left), box.width)) / box.width;
  }

  /** A press seeks; a drag chooses a region. Where the picture scrolls, a finger's drag scrolls it. */
  private readonly onPress = (down: PointerEvent): void => {
    if (down.button !== 0) return;
    const from = this.timeAt(down);
    let dragged = false;
    const move = (event: PointerEvent): void => {
      dragged ||= Math.abs(event.clientX - down.clientX) > DRAG;
      const to = this.timeAt(event);
      if (dragged) this.drawShade({ start: Math.min(from, to), stop: Math.max(from, to) });
    };
    const up = (event: PointerEvent): void => {
      done();
      if (dragged) this.setRegion(from, this.timeAt(event));
      else void this.seek(from);
      this.playButton.focus({ preventScroll: true });
    };
    const done = (): void => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", cancel);
    };
    const cancel = (): void => {
      done();
      this.draw();
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", cancel);
  };

  // Drawing

  /** Tells screen readers, and with `shown` everyone. */
  private say(text: string, shown = false): void {
    this.status.textContent = text;
    this.status.classList.toggle("nmp-shown", shown);
  }

  private draw(): void {
    const { playing } = this;
    this.playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.playButton.title = `${playing ? "Pause" : "Play"} (space)`;
    this.playButton.replaceChildren(icon(playing ? ICONS.pause : ICONS.play));
    this.loopButton.setAttribute("aria-pressed", String(this.looping));
    this.versionButtons.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(index === this.chosen));
    });
    this.drawShade(this.region);
    this.drawTime();
    cancelAnimationFrame(this.frame);
    if (playing) this.frame = requestAnimationFrame(this.tick);
  }

  private drawShade(region: Region | null): void {
    this.shade.setAttribute("visibility", region ? "visible" : "hidden");
    this.shade.classList.toggle("nmp-off", !this.looping);
    if (!region) return;
    this.shade.setAttribute("x", this.percent(region.start));
    this.shade.setAttribute("width", this.percent(region.stop - region.start));
  }

  private readonly tick = (): void => {
    this.drawTime();
    this.follow();
    if (this.playing) this.frame = requestAnimationFrame(this.tick);
  };

  private drawTime(): void {
    const now = this.currentTime;
    this.playhead.style.transform = `translateX(${this.percent(now)})`;
    this.slider.value = now.toFixed(2);
    this.slider.setAttribute("aria-valuetext", `${now.toFixed(1)} of ${this.seconds.toFixed(1)} seconds`);
    this.slider.style.setProperty("--nmp-done", this.percent(now));
    this.readout.textContent = `${now.toFixed(1)} / ${this.seconds.toFixed(1)} s`;
  }

  /** Turns the page of a picture wider than the screen. */
  private follow(): void {
    const { scroller } = this;
    if (!scroller.classList.contains("nmp-scrolls")) return;
    const x = (this.currentTime / this.seconds) * scroller.scrollWidth;
    const shown = x - scroller.scrollLeft;
    if (shown < 0 || shown > scroller.clientWidth) scroller.scrollLeft = x - 16;
  }

  private percent(seconds: number): string {
    return `${((100 * seconds) / this.seconds).toFixed(3)}%`;
  }
}

define("nmp-player", Player);
