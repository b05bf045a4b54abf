// <nmp-transcriber>: runs a network on the reader's own sound, in the reader's browser.
//
// Its data (nmp_lessons/book/show/page_transcriber.py) name networks, a clip, and Python's result for the clip. A
// network is used only if it gives the same result here. Nothing is fetched before the reader asks, and nothing is sent.

import { checkedSound, readSound } from "./choosing";
import { BookElement, BUNDLE, define, make, makeButton } from "./element";
import { audioContext } from "./engine";
import type { Drawn, Listening } from "./listen/listen";
import { counted } from "./live/numbers";
import { midiFile, wavFile } from "./midi";
import { Checked, type Choice, obstacle, type Offer, Refusal } from "./networks";
import { canListen, canRecord, forgetOwn, keepOwn, keptOwn, type Sound, watchOwn } from "./own";
import { frameCount } from "./pieces";
import type { Player } from "./player";
import { player } from "./roll";
import { openMicrophone, Tape, tones } from "./sound";
import type { Found, Progress } from "./worker";

const [RECORD, LISTEN] = ["Record", "Listen live"];
const TOLD = 0.5; // seconds that cancel before it is worth a line
const VIEWS = { note: "Yn, sounding keys", onset: "Yo, onsets", contour: "Yp, pitches" } as const;
type View = keyof typeof VIEWS;

class Transcriber extends BookElement {
  protected readonly source = "offer";
  private offer!: Offer;
  private checked: Checked | undefined;
  private clip: Sound | undefined;
  private sound: Sound | undefined;
  private found: Found | undefined;
  private drawn: Sound | undefined; // the sound in the player
  private urls: string[] = [];
  private tape: Tape | undefined;
  private listening: Listening | undefined;
  private live: { sound?: Sound; drawn: Drawn[] } | undefined; // what was drawn while a sound was played
  private busy = false;
  private next: (() => Promise<void>) | undefined; // the latest request made meanwhile

  private controls!: HTMLFieldSetElement;
  private networks!: HTMLSelectElement;
  private views!: HTMLSelectElement;
  private file!: HTMLInputElement;
  private microphone!: HTMLButtonElement;
  private listener!: HTMLButtonElement;
  private bar!: HTMLProgressElement;
  private piece!: HTMLElement;
  private status!: HTMLElement;
  private result!: HTMLElement;
  private own = make("p", { class: "nmp-own-kept", hidden: "" });

  /** The result for the last sound, for tests. */
  get answer(): Found | undefined {
    return this.found;
  }

  /** The samples of that sound, at the network's rate, for tests. */
  get heard(): Float32Array | undefined {
    return this.sound?.samples;
  }

  /** When each note was first drawn while it was played, for tests. */
  get drawnLive(): Drawn[] {
    return this.live?.drawn ?? [];
  }

  disconnectedCallback(): void {
    this.listening?.stop();
    this.listening = undefined;
    this.checked?.stop();
  }

  protected start(offer: string): void {
    this.offer = JSON.parse(offer) as Offer;
    this.checked = new Checked(this.offer, BUNDLE);
    const hindrance = obstacle(BUNDLE);
    const plain = this.querySelector(".nmp-transcriber-plain");
    if (hindrance) {
      if (plain) plain.textContent = hindrance;
      return;
    }
    plain?.remove();
    this.bar = make("progress", { max: "1", value: "0", "aria-label": "Progress", hidden: "" });
    this.piece = make("p", { class: "nmp-transcriber-piece" }); // not a status: it changes with every second
    this.status = make("p", { class: "nmp-transcriber-status", role: "status" });
    this.result = make("div", { class: "nmp-transcriber-result" });
    const form = make("form", {}, this.choices());
    form.addEventListener("submit", (event) => event.preventDefault());
    this.querySelector("figure")!.prepend(form, this.own, this.status, this.bar, this.piece, this.result);
    this.addEventListener("dragover", (event) => event.preventDefault());
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file && !this.listening) void this.attempt(() => this.transcribeFile(file));
    });
    watchOwn(() => void this.showOwn());
    void this.showOwn();
    this.dataset.ready = "";
  }

  /** Says that the reader's recording stays for the other chapters. */
  private async showOwn(): Promise<void> {
    const found = await keptOwn();
    this.own.hidden = !found;
    if (!found) return;
    this.own.replaceChildren(
      `“${found.title}” stays in this browser while you read, and other chapters offer it. `,
      makeButton("Open it", () => void this.attempt(() => this.transcribeOwn())),
      " ",
      makeButton("Forget my recording", () => void forgetOwn()),
    );
  }

  private choices(): HTMLElement {
    this.networks = select(this.offer.networks.map(({ label }, i) => [`${i}`, label]));
    this.networks.addEventListener("change", () => {
      if (this.sound) void this.attempt(() => this.transcribe(this.sound!));
    });
    this.views = select(Object.entries(VIEWS));
    this.views.addEventListener("change", () => void this.attempt(() => this.show()));
    const { title } = this.offer.clip;
    const clip = makeButton(`Transcribe ${title}`, () => void this.attempt(() => this.transcribeClip()));
    this.file = make("input", { type: "file", accept: "audio/*,video/*", "aria-label": "Your own sound file" });
    this.file.addEventListener("click", () => (this.file.value = "")); // the same file may be chosen again
    this.file.addEventListener("change", () => {
      const file = this.file.files?.[0];
      if (file) void this.attempt(() => this.transcribeFile(file));
    });
    this.microphone = makeButton(RECORD, () => void this.attempt(() => this.record()));
    this.listener = makeButton(LISTEN, () => void this.attempt(() => this.listen()));
    for (const [button, able] of [[this.microphone, canRecord()], [this.listener, canListen()]] as const) {
      button.disabled = !able;
      if (!able) button.title = "Browsers allow the microphone only on https and localhost, and some can't record.";
    }
    this.controls = make(
      "fieldset",
      { class: "nmp-transcriber-controls" },
      make("legend", {}, "Sound and network"),
      make("div", { class: "nmp-transcriber-row" }, clip, this.microphone, this.listener),
      make("label", {}, make("span", {}, "Or choose a sound file, or drop one here"), this.file),
      make("label", {}, make("span", {}, "Network"), this.networks),
      make("label", {}, make("span", {}, "Picture"), this.views),
    );
    return this.controls;
  }

  // What the reader can ask for

  private async transcribeClip(): Promise<void> {
    await this.prepare();
    await this.transcribe(this.clip!);
  }

  private async transcribeFile(file: File): Promise<void> {
    this.forget();
    this.say(`Reading ${file.name} …`);
    const bytes = await file.arrayBuffer().catch(() => {
      throw new Refusal(`${file.name}: it can't be read any more; choose it again.`);
    });
    await this.transcribe(await this.decoded(bytes, file.name));
  }

  private async record(): Promise<void> {
    if (!this.tape) {
      this.tape = await Tape.start();
      this.microphone.textContent = "Stop and transcribe";
      this.say("Recording. Play or sing.");
      return;
    }
    const tape = this.tape;
    this.tape = undefined;
    this.microphone.textContent = RECORD;
    this.forget();
    await this.transcribe(await this.decoded(await tape.stop(), "your recording"));
  }

  private async listen(): Promise<void> {
    if (this.listening) {
      await this.stopListening();
      return;
    }
    const context = audioContext(); // here, where the reader has just pressed a button
    const stream = await openMicrophone();
    try {
      await this.prepare();
      const { Listening } = (await import(beside("nmp-listen.js"))) as typeof import("./listen/listen");
      this.say("Starting …");
      const host = { say: (text: string) => this.say(text), ended: () => void this.attempt(() => this.stopListening()) };
      const { plan } = this.choice;
      this.listening = await Listening.start(stream, context, beside("nmp-microphone.js"), this.checked!, plan, host);
    } catch (problem) {
      stream.getTracks().forEach((track) => track.stop());
      throw problem;
    }
    this.forget();
    this.live = { drawn: this.listening.drawn };
    this.result.replaceChildren(this.listening.element);
    this.listening.element.scrollIntoView({ block: "nearest" });
    this.allow(false);
    this.listener.textContent = "Stop listening";
  }

  private async stopListening(): Promise<void> {
    if (!this.listening) return; // a reader and the microphone may end it at once
    const samples = this.listening.stop();
    this.listening = undefined;
    this.listener.textContent = LISTEN;
    this.allow(true);
    this.forget();
    const { rate } = this.choice.plan;
    const sound = checkedSound({ title: "what you played", samples, lost: 0 }, rate, this.offer.shortest);
    this.live!.sound = sound;
    await keepOwn(sound, rate);
    await this.transcribe(sound);
  }

  /** While the page listens, nothing else can be asked for. */
  private allow(on: boolean): void {
    const controls = this.querySelectorAll<HTMLButtonElement>("form :is(button, input, select), .nmp-own-kept button");
    for (const control of controls) {
      if (control !== this.listener) control.disabled = !on;
    }
    if (on) this.microphone.disabled = !canRecord();
  }

  private async transcribeOwn(): Promise<void> {
    const found = await keptOwn();
    if (found) await this.transcribe({ title: found.title, samples: found.samples, lost: 0 });
  }

  private async decoded(file: ArrayBuffer, title: string): Promise<Sound> {
    const { rate } = this.choice.plan;
    const sound = await readSound(file, title, rate, this.offer.shortest);
    await keepOwn(sound, rate);
    return sound;
  }

  private get choice(): Choice {
    return this.offer.networks[Number(this.networks.value)]!;
  }

  /** Fetches the chosen network and checks it, unless it is loaded already. */
  private async prepare(): Promise<void> {
    try {
      await this.checked!.prepare(this.choice, this);
    } finally {
      const { worst, same } = this.checked!.differences ?? {};
      if (worst !== undefined) this.dataset.worst = worst.toExponential(2);
      if (same !== undefined) this.dataset.same = same.toFixed(4);
    }
    this.clip ??= { title: this.offer.clip.title, lost: 0, samples: this.checked!.clip! };
  }

  /** Drops the latest sound with its player and files, so that nothing of it stands beside another one's message. */
  private forget(): void {
    this.sound = this.found = this.drawn = undefined;
    this.result.replaceChildren();
    this.urls.forEach((url) => URL.revokeObjectURL(url));
    this.urls = [];
  }

  private async transcribe(sound: Sound): Promise<void> {
    this.sound = sound;
    this.found = undefined;
    await this.prepare();
    if (sound === this.clip) {
      this.found = this.checked!.onClip!;
    } else {
      this.say(`Transcribing ${sound.title} …`);
      this.found = await this.checked!.run(sound.samples, this);
    }
    await this.show();
  }

  // Showing

  /** Handles one request at a time, and reports what went wrong. */
  private async attempt(act: () => Promise<void>): Promise<void> {
    if (this.busy) {
      this.next = act;
      return;
    }
    this.busy = true;
    this.controls.setAttribute("aria-busy", "true");
    try {
      await act();
    } catch (problem) {
      if (this.sound && !this.found) this.forget();
      if (!(problem instanceof Refusal)) {
        console.warn("nmp-transcriber:", problem);
        this.checked!.stop(); // a worker that has failed doesn't recover
      }
      this.say(problem instanceof Refusal ? problem.message : `That failed: ${(problem as Error).message}.`);
    } finally {
      this.busy = false;
      this.controls.removeAttribute("aria-busy");
      this.bar.hidden = true;
      this.piece.textContent = "";
    }
    const { next } = this;
    this.next = undefined;
    if (next) await this.attempt(next);
  }

  private async show(): Promise<void> {
    if (!this.found || !this.sound) return;
    const { heads, notes, seconds, threads } = this.found;
    const { plan } = this.choice;
    const view = (this.views.value in heads ? this.views.value : "note") as View;
    const { samples, title, lost, channel } = this.sound;
    const length = samples.length / plan.rate;
    const made = await player({
      seconds: length,
      period: plan.hop / plan.rate,
      head: heads[view]!,
      bins: heads[view]!.length / frameCount(plan, samples.length),
      name: `Posteriors ${VIEWS[view]},`,
      notes,
      sounds: [
        ["The sound", URL.createObjectURL(wavFile(samples, plan.rate))],
        ["The transcription", URL.createObjectURL(wavFile(tones(notes, samples, plan.rate), plan.rate))],
      ],
      title: `Transcription of ${title}`,
    });
    this.urls.forEach((url) => URL.revokeObjectURL(url));
    const midi = URL.createObjectURL(midiFile(notes));
    this.urls = [...made.urls, midi];
    const save = make("a", { href: midi, download: `${title.replace(/\.\w+$/, "")}.mid` }, "Save the notes as MIDI");
    const before = this.result.querySelector("nmp-player");
    this.result.replaceChildren(made.element, make("p", {}, save));
    if (before && this.drawn === this.sound) carryOver(before, made.element);
    this.drawn = this.sound;
    const speed = length / seconds;
    this.say(
      `${counted(notes.length, "note")} in ${length.toFixed(1)} s of sound, found in ${seconds.toFixed(2)} s by ${this.choice.label}: ` +
        `${speed.toFixed(0)} times as fast as the music, on ${threads === 1 ? "one core" : `${threads} cores`} of your machine.` +
        (channel !== undefined
          ? ` The channels cancel each other, so only channel ${channel + 1} was read.`
          : lost >= TOLD
            ? ` The channels cancel each other for ${lost.toFixed(1)} s, which is lost.`
            : "") +
        (this.sound === this.live?.sound ? ` ${promptness(this.live.drawn)}` : ""),
    );
  }

  progress({ piece, count }: Progress): void {
    this.bar.hidden = false;
    this.bar.value = piece / count;
    if (count > 1) this.piece.textContent = `Piece ${piece} of ${count} is done.`;
  }

  say(text: string): void {
    this.status.textContent = text;
  }
}

/** Keeps the position and the version when the picture or the network changes. */
function carryOver(before: Player, after: Player): void {
  after.version = before.version;
  after.currentTime = before.currentTime;
}

/** How soon notes were drawn, as a sentence. */
function promptness(drawn: Drawn[]): string {
  const delays = drawn.map((note) => note.drawn - note.onset).filter(Number.isFinite).sort((a, b) => a - b);
  if (!delays.length) return "";
  return `While you played, half of the notes were drawn within ${delays[delays.length >> 1]!.toFixed(2)} s of reaching the page.`;
}

/** The address of a file that lies beside the bundle. */
const beside = (name: string): string => new URL(name, BUNDLE).href;

function select(options: [value: string, label: string][]): HTMLSelectElement {
  return make("select", {}, ...options.map(([value, label]) => make("option", { value }, label)));
}

define("nmp-transcriber", Transcriber);
