// The choice between the book's clip and the reader's own recording, which is the same on all controls of a page.

import { BUNDLE, make, makeButton } from "../element";
import type { Checked, Offer } from "../networks";
import { canRecord, forgetOwn, type Kept, keepOwn, keptOwn, watchOwn } from "../own";
import type { Tape } from "../sound";
import type { Found } from "../worker";
import { Loop } from "./loop";
import type { Stage } from "./stage";

/** What Python says about recordings (`show.own_sound`). */
export interface OwnData {
  rate: number; // Hz
  shortest: number; // seconds
  megabytes: number; // of the runtime
  offer?: Offer;
}

/** What reads files and runs networks, fetched when it is needed. */
export const late = (): Promise<typeof import("../late")> => import(new URL("nmp-late.js", BUNDLE).href) as Promise<typeof import("../late")>;

/** What went wrong, for the reader: a refusal in its own words. */
function told(problem: unknown): string {
  const { name, message } = problem as Error;
  return name === "Refusal" ? message : `That failed: ${message}.`;
}

const [CLIP, MINE] = ["the book's clip", "my recording"];

/** What the page knows of the recording. */
const page: { kept: Kept | undefined; version: number; used: boolean; start: number; sources: Set<OwnSound> } = {
  kept: undefined,
  version: 0,
  used: false,
  start: 0,
  sources: new Set(),
};

async function refresh(): Promise<void> {
  page.kept = await keptOwn();
  page.version++;
  page.start = 0;
  if (!page.kept) page.used = false;
  changed();
}

function changed(): void {
  for (const source of page.sources) source.show();
}

/** The sound of a control: a passage of the reader's recording, or none if the book's clip is to be used. */
export class OwnSound {
  private readonly choices = make("fieldset", { class: "nmp-explore-control" });
  private readonly slider = make("input", { type: "range", min: "0", step: "0.5", value: "0" });
  private readonly place = make("span", { class: "nmp-explore-value", "aria-hidden": "true" });
  private readonly passageRow: HTMLElement;
  private readonly record: HTMLButtonElement;
  private readonly reader: HTMLButtonElement;
  private readonly forgetButton: HTMLButtonElement;
  private readonly more: HTMLButtonElement[] = [];
  private readonly status = make("p", { class: "nmp-own-status", role: "status" });
  private readonly name = `nmp-own-${page.sources.size}`;
  private readonly loop = new Loop();
  private readonly playButton: HTMLButtonElement;
  private tape: Tape | undefined;
  private cut: { key: string; samples: Float32Array<ArrayBuffer> } | undefined;
  private playing = ""; // the key of what plays

  /**
   * @param seconds of the passage that the control uses.
   * @param offers what its buttons offer besides: the network's posteriors of the passage, its sound.
   */
  constructor(
    private readonly stage: Stage,
    readonly data: OwnData,
    private readonly seconds: number,
    private readonly offers: { reading?: boolean; playing?: boolean },
  ) {
    const file = make("input", { type: "file", accept: "audio/*,video/*", hidden: "", "aria-label": "Your own sound file" });
    const choose = makeButton("Choose a recording", () => {
      file.value = ""; // the same file may be chosen again
      file.click();
    });
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      if (chosen) void this.take(() => chosen.arrayBuffer(), chosen.name);
    });
    this.record = makeButton("Record", () => void this.tapeOrTake());
    this.record.disabled = !canRecord();
    this.playButton = makeButton("Play my recording", () => this.togglePlay());
    this.reader = makeButton(`Run the network on it (loads ${data.megabytes} MB)`, () => {
      reading.asked = true;
      changed();
    });
    this.forgetButton = makeButton("Forget my recording", () => void forgetOwn());
    const label = make("label", {}, make("span", {}, "passage from"), " ", this.slider);
    this.passageRow = make("div", { class: "nmp-explore-control" }, label, this.place);
    this.slider.addEventListener("input", () => {
      page.start = Number(this.slider.value);
      changed();
    });
    const buttons = make("div", { class: "nmp-live-buttons" }, choose, this.record, this.reader, this.playButton, this.forgetButton);
    if (location.protocol === "file:" || !BUNDLE) return; // a script may not read files here
    const group = { class: "nmp-own", role: "group", "aria-label": "Your own sound" };
    stage.above(make("div", group, this.choices, this.passageRow, buttons, file, this.status));
    stage.whenLeft(() => this.stopPlaying());
    page.sources.add(this);
    this.show();
    if (page.sources.size > 1) return;
    watchOwn(() => void refresh());
    void refresh();
  }

  /** The samples of the passage, silent beyond the recording's end; undefined where the book's clip is used. */
  get passage(): Float32Array<ArrayBuffer> | undefined {
    const { kept, used, start } = page;
    if (!kept || !used) return undefined;
    if (this.cut?.key !== this.key) {
      // controls of one length share the samples, so that the network reads them once
      const twin = [...page.sources].find(({ cut, seconds }) => cut?.key === this.key && seconds === this.seconds)?.cut;
      const samples = twin?.samples ?? new Float32Array(Math.round(this.seconds * kept.rate));
      const first = Math.round(start * kept.rate);
      if (!twin) samples.set(kept.samples.subarray(first, first + samples.length));
      this.cut = { key: this.key, samples };
    }
    return this.cut.samples;
  }

  /** A button that is there while the reader's recording is used. */
  button(label: string, act: () => void): HTMLButtonElement {
    const made = makeButton(label, act);
    this.more.push(made);
    this.forgetButton.before(made);
    this.show();
    return made;
  }

  /** Differs between all sounds that the control can use. */
  get key(): string {
    return page.kept && page.used ? `${page.version} ${page.start}` : "";
  }

  /** What the network makes of the passage, once the reader has asked and it is done. */
  get read(): Read | undefined {
    const samples = this.passage;
    if (samples && reading.found?.of !== samples && reading.asked) void reading.ask(samples, this);
    return samples && reading.found?.of === samples ? reading.found : undefined;
  }

  say(text: string): void {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  private togglePlay(): void {
    if (this.playing) this.stopPlaying();
    else this.play();
  }

  private play(): void {
    this.playing = this.key;
    this.playButton.ariaPressed = "true";
    void this.loop.play(this.passage!, this.data.rate);
  }

  private stopPlaying(): void {
    this.playing = "";
    this.playButton.ariaPressed = "false";
    this.loop.stop();
  }

  private async tapeOrTake(): Promise<void> {
    if (this.tape) {
      const { tape } = this;
      this.tape = undefined;
      this.record.textContent = "Record";
      await this.take(() => tape.stop(), "my recording");
      return;
    }
    try {
      const { Tape } = await late();
      this.tape = await Tape.start();
      this.record.textContent = "Stop recording";
      this.say("Recording. Play or sing.");
    } catch {
      this.say("This page may not use the microphone. Allow it, or choose a file.");
    }
  }

  private async take(file: () => Promise<ArrayBuffer>, title: string): Promise<void> {
    this.say(`Reading ${title} …`);
    try {
      const [{ rate, shortest }, { readSound }] = [this.data, await late()];
      const sound = await readSound(await file(), title, rate, shortest);
      page.used = true;
      await keepOwn(sound, rate);
      this.say("");
    } catch (problem) {
      this.say(told(problem));
    }
  }

  /** Shows the state of the page, and lets the control draw. */
  show(): void {
    const { kept, used, start } = page;
    const last = kept ? Math.max(0, kept.samples.length / kept.rate - this.seconds) : 0;
    this.choices.hidden = this.forgetButton.hidden = !kept;
    this.passageRow.hidden = !used || last < 0.5;
    this.playButton.hidden = !used || !this.offers.playing;
    for (const button of this.more) button.hidden = !used;
    this.reader.hidden = !used || !this.offers.reading || reading.asked;
    if (kept && this.choices.dataset.title !== kept.title) {
      this.choices.dataset.title = kept.title;
      this.choices.replaceChildren(make("legend", {}, "sound"), this.choice(CLIP, false), this.choice(`${MINE}, “${kept.title}”`, true));
    }
    for (const input of this.choices.querySelectorAll("input")) input.checked = (input.value === MINE) === used;
    this.slider.max = `${Math.floor(2 * last) / 2}`;
    this.slider.value = `${start}`;
    this.place.textContent = `${start.toFixed(1)} s`;
    this.slider.setAttribute("aria-valuetext", this.place.textContent);
    if (this.playing && !used) this.stopPlaying();
    else if (this.playing && this.playing !== this.key) this.play();
    this.stage.change();
  }

  private choice(label: string, mine: boolean): HTMLElement {
    const input = make("input", { type: "radio", name: this.name, value: mine ? MINE : CLIP });
    input.addEventListener("change", () => {
      page.used = mine;
      changed();
    });
    return make("label", {}, input, " ", label);
  }
}

/** What the network makes of a sound. */
export interface Read extends Found {
  of: Float32Array;
}

let network: Checked | undefined;
let running: Promise<void> = Promise.resolve();

/** The posteriors of sounds by the page's network, which is loaded when the reader asks. */
export class Posteriors {
  /** Of the last sound that was asked for, when it is done. */
  found: Read | undefined;
  /** Whether the reader wants every passage to be read. */
  asked = false;
  private wanted: Float32Array | undefined;

  /** Asks for a sound's posteriors; one that is still waiting when another is asked for is dropped. */
  async ask(samples: Float32Array, own: OwnSound): Promise<void> {
    if (this.wanted === samples) return;
    this.wanted = samples;
    running = running.then(() => this.run(samples, own));
    await running;
  }

  private async run(samples: Float32Array, own: OwnSound): Promise<void> {
    if (this.wanted !== samples) return;
    const offer = own.data.offer!;
    const listener = { say: (text: string) => own.say(text), progress: () => undefined };
    try {
      const { Checked, obstacle, Refusal } = await late();
      const hindrance = obstacle(BUNDLE);
      if (hindrance) throw new Refusal(hindrance);
      network ??= new Checked(offer, BUNDLE);
      await network.prepare(offer.networks[0]!, listener);
      own.say("Running the network …");
      this.found = { ...(await network.run(samples, listener)), of: samples };
      own.say("");
    } catch (problem) {
      network?.stop(); // a worker that has failed doesn't recover
      network = this.wanted = undefined;
      this.asked = false;
      own.say(told(problem));
    }
    changed();
  }
}

const reading = new Posteriors();
