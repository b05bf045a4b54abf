// <nmp-explore>: moves between frames that were computed when the book was built.
//
// The markup (nmp_lessons/book/show/explorable.py) holds the first frame and the controls; every other piece of a
// frame waits in a <template>, where a browser neither decodes nor fetches it.

import { BookElement, define } from "./element";

interface Plan {
  labels: string[][]; // per choice, what the reader reads
  frames: number[][]; // per combination (last choice fastest), the piece in each slot
}

interface Control {
  title: string;
  index: () => number;
  show: (label: string) => void;
}

const SECOND = 1000; // milliseconds

class Explore extends BookElement {
  protected readonly source = "plan";
  private plan!: Plan;
  private controls: Control[] = [];
  private slots: HTMLElement[] = [];
  private shown: number[] = [];
  private readonly pieces = new Map<string, HTMLElement>();
  private latest = 0;
  private clock = 0;

  protected start(plan: string): void {
    this.plan = JSON.parse(plan) as Plan;
    this.slots = [...this.querySelectorAll<HTMLElement>(".nmp-explore-slot")];
    this.controls = [...this.querySelectorAll<HTMLElement>(".nmp-explore-control")].map(control);
    this.shown = this.frame().slice();
    this.slots.forEach((slot, i) => this.pieces.set(key(i, this.shown[i]!), slot.firstElementChild as HTMLElement));
    const form = this.querySelector("form")!;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      if (event.isTrusted) this.stop();
      void this.update();
    });
    for (const button of form.querySelectorAll("button")) button.addEventListener("click", () => this.step(button));
    form.querySelector("fieldset")!.disabled = false;
    this.addEventListener("pointerenter", () => this.prefetch(), { once: true });
    this.addEventListener("focusin", () => this.prefetch(), { once: true });
    this.dataset.ready = "";
    if (this.frame().some((piece, i) => piece !== this.shown[i])) void this.update(); // restored by the browser
  }

  /** Moves the slider beside the button by one place a second, from the beginning again if it stands at the end. */
  private step(button: HTMLButtonElement): void {
    const runs = button.ariaPressed === "true";
    this.stop();
    if (runs) return;
    const slider = button.parentElement!.querySelector<HTMLInputElement>("input[type=range]")!;
    const move = (): void => {
      slider.valueAsNumber = slider.value === slider.max ? 0 : slider.valueAsNumber + 1;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      if (slider.value === slider.max || !this.isConnected) this.stop();
    };
    press(button, true);
    this.clock = window.setInterval(move, SECOND);
    move();
  }

  private stop(): void {
    window.clearInterval(this.clock);
    this.querySelectorAll<HTMLButtonElement>(".nmp-explore-control button").forEach((button) => press(button, false));
  }

  private frame(): number[] {
    const place = this.controls.reduce((sum, each, i) => sum * this.plan.labels[i]!.length + each.index(), 0);
    return this.plan.frames[place]!;
  }

  private async update(): Promise<void> {
    const labels = this.controls.map((each, i) => this.plan.labels[i]![each.index()]!);
    this.controls.forEach((each, i) => each.show(labels[i]!));
    const frame = this.frame();
    const mine = ++this.latest;
    const next = frame.map((piece, slot) => this.piece(slot, piece));
    await Promise.all(next.map(decoded)); // the old picture stays until the new one can be painted
    if (mine !== this.latest) return;
    next.forEach((piece, slot) => this.swap(slot, piece));
    this.shown = frame.slice();
    const state = this.controls.map((each, i) => `${each.title}: ${labels[i]}`).join(", ");
    this.querySelector(".nmp-explore-state")!.textContent = state;
    this.prefetch();
  }

  /** The element of a piece, taken out of its template on first use. */
  private piece(slot: number, piece: number): HTMLElement {
    const name = key(slot, piece);
    const kept = this.pieces.get(name);
    if (kept) return kept;
    const template = this.querySelector<HTMLTemplateElement>(
      `:scope > template[data-slot="${slot}"][data-piece="${piece}"]`,
    )!;
    const made = document.importNode(template.content, true).firstElementChild as HTMLElement;
    const image = imageOf(made);
    if (image) image.loading = "eager"; // a lazy picture outside the page never decodes
    this.pieces.set(name, made);
    return made;
  }

  private swap(index: number, next: HTMLElement): void {
    const slot = this.slots[index]!;
    const old = slot.firstElementChild as HTMLElement;
    if (old === next) return;
    slot.style.minHeight = `${slot.offsetHeight}px`; // texts of different lengths must not move the page
    const playing = playback(old);
    slot.replaceChildren(next);
    if (playing) void resume(next, playing).catch(() => undefined); // a sound that will not start stays silent
  }

  /** Fetches the pictures one step away, so that the next move is instant. */
  private prefetch(): void {
    const sizes = this.plan.labels.map((labels) => labels.length);
    const state = this.controls.map((each) => each.index());
    for (const [i, size] of sizes.entries()) {
      for (const step of [-1, 1]) {
        const moved = state[i]! + step;
        if (moved < 0 || moved >= size) continue;
        const place = sizes.reduce((sum, each, j) => sum * each + (j === i ? moved : state[j]!), 0);
        this.plan.frames[place]!.forEach((piece, slot) => this.piece(slot, piece));
      }
    }
  }
}

const key = (slot: number, piece: number): string => `${slot}:${piece}`;

function control(group: HTMLElement): Control {
  const title = group.querySelector("legend, label > span")!.textContent;
  const slider = group.querySelector<HTMLInputElement>("input[type=range]");
  const value = group.querySelector(".nmp-explore-value");
  const menu = group.querySelector("select");
  return {
    title,
    index: () => Number((slider ?? menu ?? group.querySelector<HTMLInputElement>("input:checked"))!.value),
    show: (label) => {
      if (value) value.textContent = label;
      slider?.setAttribute("aria-valuetext", label);
    },
  };
}

function press(button: HTMLButtonElement, pressed: boolean): void {
  button.ariaPressed = String(pressed);
  button.textContent = pressed ? "❚❚" : "▶";
}

/** The image of a piece that is a picture: <picture> with a wide and a narrow figure, or a plain <img>. */
function imageOf(piece: HTMLElement): HTMLImageElement | null {
  return piece instanceof HTMLImageElement ? piece : piece.querySelector<HTMLImageElement>(":scope > img");
}

async function decoded(piece: HTMLElement): Promise<void> {
  await imageOf(piece)
    ?.decode()
    .catch(() => undefined);
}

/** What a plain sound or a player is doing: enough to resume at the same position in another version. */
interface Playback {
  time: number;
  seconds: number;
  playing: boolean;
  version: string | undefined; // of a player
}

/** An <audio>, which knows that it is paused, or an <nmp-player>, which knows that it plays. */
interface Playable extends HTMLElement {
  currentTime: number;
  readonly paused?: boolean;
  readonly playing?: boolean;
  version?: string;
  play(): Promise<void>;
}

function playable(piece: HTMLElement): Playable | null {
  return piece.matches("audio, nmp-player") && "currentTime" in piece ? (piece as Playable) : null;
}

function playback(piece: HTMLElement): Playback | null {
  const sound = playable(piece);
  if (!sound) return null;
  const playing = sound.playing ?? !sound.paused;
  return { time: sound.currentTime, seconds: Number(sound.dataset.seconds), playing, version: sound.version };
}

async function resume(piece: HTMLElement, before: Playback): Promise<void> {
  const sound = playable(piece);
  if (!sound) return;
  if (before.version !== undefined) sound.version = before.version;
  const same = Math.abs(Number(sound.dataset.seconds) - before.seconds) < 0.05;
  if (before.playing && sound instanceof HTMLAudioElement) await loaded(sound); // else it cannot be sought yet
  if (!sound.isConnected) return;
  sound.currentTime = same ? before.time : 0;
  if (before.playing) await sound.play();
}

/** Loads a sound whole, since not every server lets a browser begin in the middle. */
async function loaded(sound: HTMLAudioElement): Promise<void> {
  if (sound.src.startsWith("blob:")) return;
  const answer = await fetch(sound.src).catch(() => null); // a page opened as a file may not fetch, but may seek
  if (answer?.ok) sound.src = URL.createObjectURL(await answer.blob());
  sound.preload = "auto";
  if (sound.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) return; // it says so only once
  await new Promise((resolve) => sound.addEventListener("canplay", resolve, { once: true }));
}

define("nmp-explore", Explore);
