// <nmp-transcriber>: runs a network on the reader's own sound, in the reader's browser.
//
// Its data (nmp_lessons/book/show/page_transcriber.py) name networks, a clip, and Python's result for the clip. A
// network is used only if it gives the same result here. Nothing is fetched before the reader asks, and nothing is sent.

import { agreement, type Note } from "./decoder";
import { BookElement, BUNDLE, define, make, makeButton } from "./element";
import { midiFile, wavFile } from "./midi";
import { frameCount, type Plan } from "./pieces";
import type { Player } from "./player";
import { player } from "./roll";
import { type Samples, samplesOf, Tape, tones } from "./sound";
import { type Found, Network, type Progress } from "./worker";

const LONGEST = 5400; // seconds
const TOLD = 0.5; // seconds that cancel before it is worth a line
const MEGABYTE = 1e6;
const VIEWS = { note: "Yn, sounding keys", onset: "Yo, onsets", contour: "Yp, pitches" } as const;
type View = keyof typeof VIEWS;

interface Choice {
  label: string;
  plan: Plan;
  graph: string; // URL
  expected: string; // URL of Python's posteriors of the clip, 16 bits each, head after head
  notes: [onset: number, offset: number, pitch: number, velocity: number][]; // Python's
}

interface Offer {
  clip: { title: string; url: string }; // samples of 16 bits
  networks: Choice[];
  tolerance: number; // of a posterior
  agreement: number; // least proportion of equal notes
  shortest: number; // seconds of the shortest note
}

interface Sound extends Samples {
  title: string;
}

/** An error whose message is shown to the reader unchanged. */
class Refusal extends Error {}

class Transcriber extends BookElement {
  protected readonly source = "offer";
  private offer!: Offer;
  private network: Network | undefined;
  private loaded: Choice | undefined; // the network in the worker, already checked
  private clip: Sound | undefined;
  private onClip: Found | undefined; // the check's result for the clip
  private sound: Sound | undefined;
  private found: Found | undefined;
  private drawn: Sound | undefined; // the sound in the player
  private urls: string[] = [];
  private tape: Tape | undefined;
  private busy = false;
  private next: (() => Promise<void>) | undefined; // the latest request made meanwhile

  private controls!: HTMLFieldSetElement;
  private networks!: HTMLSelectElement;
  private views!: HTMLSelectElement;
  private file!: HTMLInputElement;
  private microphone!: HTMLButtonElement;
  private bar!: HTMLProgressElement;
  private piece!: HTMLElement;
  private status!: HTMLElement;
  private result!: HTMLElement;

  /** The result for the last sound, for tests. */
  get answer(): Found | undefined {
    return this.found;
  }

  /** The samples of that sound, at the network's rate, for tests. */
  get heard(): Float32Array | undefined {
    return this.sound?.samples;
  }

  disconnectedCallback(): void {
    this.network?.stop();
    this.network = this.loaded = undefined;
  }

  protected start(offer: string): void {
    this.offer = JSON.parse(offer) as Offer;
    const obstacle = this.obstacle();
    const plain = this.querySelector(".nmp-transcriber-plain");
    if (obstacle) {
      if (plain) plain.textContent = obstacle;
      return;
    }
    plain?.remove();
    this.bar = make("progress", { max: "1", value: "0", "aria-label": "Progress", hidden: "" });
    this.piece = make("p", { class: "nmp-transcriber-piece" }); // not a status: it changes with every second
    this.status = make("p", { class: "nmp-transcriber-status", role: "status" });
    this.result = make("div", { class: "nmp-transcriber-result" });
    const form = make("form", {}, this.choices());
    form.addEventListener("submit", (event) => event.preventDefault());
    this.querySelector("figure")!.prepend(form, this.status, this.bar, this.piece, this.result);
    this.addEventListener("dragover", (event) => event.preventDefault());
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.attempt(() => this.transcribeFile(file));
    });
    this.dataset.ready = "";
  }

  /** Why it can't work here, as a message for the reader. */
  private obstacle(): string {
    if (location.protocol === "file:") {
      return (
        "You opened this page as a file, and then a browser doesn't let scripts read the files beside it, which this " +
        "part must. Serve the folder instead: run “make serve”, or “python -m http.server” in the folder of the " +
        "page, and open http://localhost:8000."
      );
    }
    if (!BUNDLE) return "This part works in the built book: run “make serve” and open the page there.";
    const needed = { "Web Audio": "OfflineAudioContext", WebAssembly: "WebAssembly", workers: "Worker" };
    const missing = Object.entries(needed).flatMap(([name, object]) => (object in window ? [] : [name]));
    if (missing.length) {
      return (
        `This part can't work in this browser, which has no ${missing.join(" and no ")}. Use a current Firefox, Chrome, ` +
        "Edge or Safari, without a lockdown mode, or nmp-lessons transcribe on your machine."
      );
    }
    return "";
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
    this.microphone = makeButton("Record", () => void this.attempt(() => this.record()));
    if (!("mediaDevices" in navigator && "MediaRecorder" in window)) {
      this.microphone.disabled = true;
      this.microphone.title = "Browsers allow the microphone only on https and localhost, and some can't record.";
    }
    this.controls = make(
      "fieldset",
      { class: "nmp-transcriber-controls" },
      make("legend", {}, "Sound and network"),
      make("div", { class: "nmp-transcriber-row" }, clip, this.microphone),
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
      this.tape = await Tape.start().catch(() => {
        throw new Refusal("This page may not use the microphone. Allow it, or choose a file.");
      });
      this.microphone.textContent = "Stop and transcribe";
      this.say("Recording. Play or sing.");
      return;
    }
    const tape = this.tape;
    this.tape = undefined;
    this.microphone.textContent = "Record";
    this.forget();
    await this.transcribe(await this.decoded(await tape.stop(), "your recording"));
  }

  private async decoded(file: ArrayBuffer, title: string): Promise<Sound> {
    if (!file.byteLength) throw new Refusal(`${title}: the file is empty; record or export it again.`);
    const { rate } = this.choice.plan;
    const { samples, lost, channel } = await samplesOf(file, rate).catch(() => {
      throw new Refusal(`${title}: this browser can't read it as audio. Try WAV, MP3 or FLAC.`);
    });
    const seconds = samples.length / rate;
    const { shortest } = this.offer;
    if (seconds > LONGEST) {
      throw new Refusal(`${title}: longer than ${LONGEST / 60} minutes. Shorten it, or use nmp-lessons transcribe.`);
    }
    if (!samples.every(Number.isFinite)) {
      throw new Refusal(`${title}: some samples are NaN or infinite; export the audio again.`);
    }
    if (seconds < shortest) {
      throw new Refusal(
        `${title}: has only ${(1000 * seconds).toFixed(0)} ms of audio, but the shortest note that can be found ` +
          `lasts ${(1000 * shortest).toFixed(0)} ms; give a longer recording.`,
      );
    }
    if (samples.every((x) => x === samples[0])) {
      throw new Refusal(`${title}: is silent (every sample is the same); check how it was recorded or exported.`);
    }
    return { title, samples, lost, channel };
  }

  private get choice(): Choice {
    return this.offer.networks[Number(this.networks.value)]!;
  }

  /** Fetches the chosen network and checks it, unless it is loaded already. */
  private async prepare(): Promise<void> {
    const choice = this.choice;
    if (this.loaded === choice) return;
    this.loaded = undefined;
    this.say("Loading the network …");
    this.network ??= new Network(new URL("nmp-transcribe.js", BUNDLE).href);
    const [graph, expected] = await Promise.all([fetched(choice.graph), fetched(choice.expected)]);
    this.clip ??= {
      title: this.offer.clip.title,
      lost: 0,
      // not left to the browser's decoder, which may scale the two halves of a wave differently
      samples: Float32Array.from(new Int16Array(await fetched(this.offer.clip.url)), (x) => x / 32768),
    };
    await this.network.load(graph, choice.plan, (bytes) => {
      this.say(`Loading the runtime … ${(bytes / MEGABYTE).toFixed(0)} MB`);
    });
    this.say("Checking the network on the clip …");
    this.onClip = await this.network.run(this.clip.samples, (at) => this.progress(at));
    this.check(choice, this.onClip, new Uint16Array(expected));
    this.loaded = choice;
  }

  /** Refuses a network whose result for the clip differs from Python's. */
  private check(choice: Choice, found: Found, expected: Uint16Array): void {
    const answers = choice.plan.heads.map((name) => found.heads[name]!);
    const count = answers.reduce((sum, head) => sum + head.length, 0);
    let [worst, i] = [count === expected.length ? 0 : 1, 0];
    for (const head of answers) for (const p of head) worst = Math.max(worst, Math.abs(p - expected[i++]! / 65535));
    const theirs: Note[] = choice.notes.map(([onset, offset, pitch, velocity]) => ({ onset, offset, pitch, velocity }));
    const same = agreement(found.notes, theirs, choice.plan.hop / choice.plan.rate / 2);
    this.dataset.worst = worst.toExponential(2);
    this.dataset.same = same.toFixed(4);
    if (!(worst <= this.offer.tolerance && same >= this.offer.agreement)) {
      throw new Refusal(
        `On the book's clip, your browser's results differ from Python's: posteriors are off by up to ` +
          `${worst.toFixed(4)}, and only ${(100 * same).toFixed(0)} % of the notes agree. Its transcriptions would ` +
          `not be reliable, so they are not shown. Another browser may work.`,
      );
    }
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
      this.found = this.onClip!;
    } else {
      this.say(`Transcribing ${sound.title} …`);
      this.found = await this.network!.run(sound.samples, (at) => this.progress(at));
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
        this.network?.stop(); // a worker that has failed doesn't recover
        this.network = this.loaded = undefined;
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
    const { heads, notes, seconds } = this.found;
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
      `${notes.length} notes in ${length.toFixed(1)} s of sound, found in ${seconds.toFixed(2)} s by ${this.choice.label}: ` +
        `${speed.toFixed(0)} times as fast as the music, on one core of your machine.` +
        (channel !== undefined
          ? ` The channels cancel each other, so only channel ${channel + 1} was read.`
          : lost >= TOLD
            ? ` The channels cancel each other for ${lost.toFixed(1)} s, which are lost.`
            : ""),
    );
  }

  private progress({ piece, count }: Progress): void {
    this.bar.hidden = false;
    this.bar.value = piece / count;
    if (count > 1) this.piece.textContent = `Piece ${piece} of ${count} is done.`;
  }

  private say(text: string): void {
    this.status.textContent = text;
  }
}

/** Keeps the position and the version when the picture or the network changes. */
function carryOver(before: Player, after: Player): void {
  after.version = before.version;
  after.currentTime = before.currentTime;
}

async function fetched(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) {
    throw new Refusal(`The network's files couldn't be loaded (${response?.status ?? "no connection"}). Try again later.`);
  }
  return response.arrayBuffer();
}

function select(options: [value: string, label: string][]): HTMLSelectElement {
  return make("select", {}, ...options.map(([value, label]) => make("option", { value }, label)));
}

define("nmp-transcriber", Transcriber);
