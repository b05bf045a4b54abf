// The control that trains: a worker takes the steps (../training/train.ts), and this draws what it tells.
//
// The data come from nmp_lessons/book/show/page_trainer.py. The worker's script and the music are fetched at the first
// press of a button. A run that the reader ends stays on the charts in grey, until the next one ends; the first such run
// is PyTorch's.

import { BUNDLE, make } from "../element";
import type { Augmentation } from "../training/batches";
import type { Answer, Plan, Request, Tested } from "../training/messages";
import type { Loss } from "../training/network";
import { listed, matched, type Notes } from "../twins/evaluation";
import { started } from "../worker";
import type { Chart } from "./chart";
import { shown } from "./numbers";
import { drawNotes, pitchAxis } from "./roll";
import type { Stage } from "./stage";

const TIMED = 5; // steps that the estimate of the time is taken from
const UNSTARTED = "this browser didn't start the worker that trains; another browser may";

export interface Data {
  file: string; // URL
  size: number; // bytes
  plan: Plan;
  run: Curves; // PyTorch's
  losses: Record<string, Loss>;
  augmentations: Record<string, Augmentation>;
}

/** What is drawn of a run. */
interface Curves {
  losses: number[]; // of each batch
  tests: [step: number, f: number][];
}

const none = (): Curves => ({ losses: [], tests: [] });

/** Draws the runs, and trains when the reader asks. */
export function trained(stage: Stage, data: Data): () => void {
  return new Trainer(stage, data).draw;
}

class Trainer {
  private readonly charts: { loss: Chart; f: Chart; roll: Chart };
  private readonly state = make("p", { class: "nmp-live-state nmp-wide" }); // not a status: it changes with every step
  private readonly go: HTMLButtonElement;
  private readonly one: HTMLButtonElement;
  private readonly reference: Notes;
  private worker: Worker | undefined;
  private ready = false; // loaded and checked
  private wanted = 0; // steps, once it is ready
  private busy = false;
  private run = 0;
  private now = none();
  private before: Curves & { name: string };
  private latest: Tested | undefined;
  private seconds: number[] = []; // of the latest steps
  private settings = ""; // of the run that has begun

  constructor(
    private readonly stage: Stage,
    private readonly data: Data,
  ) {
    const { plan } = data;
    this.before = { ...data.run, name: "PyTorch’s run" };
    this.reference = listed(plan.pieces[1]!.map(([onset, offset, pitch]) => ({ onset, offset, pitch })));
    const x = { label: "step", low: 0, high: plan.recipe.steps };
    const pitches = this.reference.pitch;
    this.charts = {
      loss: stage.chart({ height: 220, x, y: { label: "loss", low: 0.01, high: 3, log: true }, label: "Loss of each batch" }),
      f: stage.chart({ height: 220, x: { ...x }, y: { label: "F", low: 0, high: 1 }, label: "F of the test piece" }),
      roll: stage.chart({
        height: 260,
        x: { label: "time (s)", low: 0, high: plan.pieceFrames * plan.period },
        y: pitchAxis(Math.min(...pitches) - 3, Math.max(...pitches) + 3),
        label: "Notes of the test piece",
      }),
    };
    this.charts.roll.element.classList.add("nmp-wide");
    this.charts.roll.legend(["note hit area ", "hit"], ["note miss area ", "miss"], ["note extra area ", "extra note"]);
    stage.frame.prepend(this.state);
    this.go = stage.button("Train", () => (this.busy ? this.pause() : this.take(Infinity)));
    this.one = stage.button("One step", () => this.take(1));
    stage.button("Start over", () => this.startOver());
    this.say();
  }

  // What the reader can ask for

  private take(steps: number): void {
    if (!this.worker && !this.open()) return;
    this.busy = true;
    this.wanted = steps;
    if (this.ready) this.begin();
    this.say();
  }

  private pause(): void {
    this.wanted = 0;
    this.ask({ kind: "pause" });
    if (!this.ready) this.busy = false;
    this.say();
  }

  private startOver(): void {
    this.pause();
    this.run++;
    if (this.now.losses.length) this.before = { ...this.now, name: this.settings };
    this.now = none();
    this.latest = undefined;
    this.settings = "";
    this.say();
    this.stage.change();
  }

  // The worker

  /** Starts the worker and sends it the data, unless the page can't. */
  private open(): boolean {
    const obstacle = this.obstacle();
    if (obstacle) {
      this.stage.say(obstacle);
      return false;
    }
    const worker = started(new URL("nmp-train.js", BUNDLE).href);
    worker.addEventListener("message", (event: MessageEvent<Answer>) => this.hear(event.data));
    worker.addEventListener("error", (event) => this.fail(event.message || UNSTARTED));
    this.worker = worker;
    fetch(this.data.file)
      .then(async (response) => {
        if (!response.ok) throw new Error(`the music couldn't be loaded (${response.status})`);
        const bytes = await response.arrayBuffer();
        this.ask({ kind: "load", data: bytes, plan: this.data.plan }, bytes);
      })
      .catch((problem: unknown) => this.fail((problem as Error).message));
    return true;
  }

  private obstacle(): string {
    if (location.protocol === "file:" || !BUNDLE) {
      return "Training needs the book served by a web server: run “make serve”, and open http://localhost:8000.";
    }
    const missing = ["Worker", "WebAssembly", "DecompressionStream"].filter((name) => !(name in window));
    return missing.length ? `This browser has no ${missing.join(" and no ")}; use a current Firefox, Chrome, Edge or Safari.` : "";
  }

  private ask(request: Request, ...moved: Transferable[]): void {
    this.worker?.postMessage(request, moved);
  }

  private begin(): void {
    const { stage, data } = this;
    const { losses } = this.now;
    if (!losses.length) {
      this.settings = this.chosen();
      const learningRate = Number(stage.choice("learning_rate"));
      const [loss, augmentation] = [data.losses[stage.choice("loss")]!, data.augmentations[stage.choice("augmentation")]!];
      this.ask({ kind: "start", run: this.run, settings: { loss, learningRate, augmentation } });
    }
    this.ask({ kind: "go", steps: Math.min(this.wanted, data.plan.recipe.steps - losses.length) });
  }

  private hear(answer: Answer): void {
    if (answer.kind === "failed") {
      this.fail(answer.reason);
      return;
    }
    if (answer.kind === "loaded") {
      this.loaded(answer.device, answer.worst);
      return;
    }
    if (answer.kind === "paused") this.busy = false;
    else if (answer.run !== this.run) return; // it has been ended
    else if (answer.kind === "stepped") {
      this.now.losses.push(answer.loss);
      this.stage.frame.dispatchEvent(new CustomEvent("stepped", { detail: answer, bubbles: true })); // for tests
      this.seconds = [...this.seconds, answer.seconds].slice(-TIMED);
    } else {
      this.latest = answer;
      this.now.tests.push([answer.step, answer.f]);
    }
    this.say();
    this.stage.change();
  }

  private loaded(device: string, worst: number): void {
    this.stage.frame.dataset.device = device;
    this.stage.frame.dataset.worst = worst.toExponential(2);
    if (!(worst <= this.data.plan.tolerance)) {
      this.fail(`your browser's first gradient differs from PyTorch's by ${(100 * worst).toFixed(2)} % of its length; another browser may work`);
      return;
    }
    this.ready = true;
    if (this.wanted) this.begin();
    else this.busy = false;
    this.say();
  }

  private fail(reason: string): void {
    this.worker?.terminate();
    this.worker = undefined;
    this.ready = this.busy = false;
    this.now = none();
    this.say();
    this.stage.say(`That failed: ${reason}.`);
    this.stage.change();
  }

  // Showing

  private chosen(): string {
    const { stage } = this;
    const augmentation = stage.choice("augmentation");
    const { semitones, level, noise } = this.data.augmentations[augmentation]!;
    const changed = semitones || level || noise ? `, ${augmentation}` : "";
    return `${stage.choice("loss")}, rate ${stage.choice("learning_rate")}${changed}`;
  }

  /** The state in words; what changes with every step stands apart from what a screen reader reads out. */
  private say(): void {
    const { losses } = this.now;
    const { steps } = this.data.plan.recipe;
    const done = losses.length === steps;
    this.go.textContent = this.busy ? "Pause" : "Train";
    this.go.disabled = this.one.disabled = done;
    const pace = this.seconds.reduce((sum, one) => sum + one, 0) / this.seconds.length;
    const rest = done || !pace ? "" : ` ${shown(pace, 2)} s a step; ${shown(Math.ceil(pace * (steps - losses.length)))} s to go.`;
    this.state.textContent = losses.length ? `Step ${losses.length} of ${steps}, loss ${shown(losses.at(-1)!)}.${rest}` : "";
    this.stage.say(this.result());
  }

  private result(): string {
    const { stage, data, now, latest } = this;
    if (!this.worker) return `Training first loads some ${Math.ceil(data.size / 1e6)} MB: the music, and the library that computes gradients.`;
    const then = this.wanted === 1 ? " Then it takes one step." : this.wanted ? " Then it trains." : "";
    if (!this.ready) return `Loading the music and the library …${then}`;
    const where = stage.frame.dataset.device === "webgpu" ? "on your graphics card" : "in WebAssembly, on one core of your machine";
    if (!now.losses.length) return `Ready to train ${where}.`;
    const tested = latest ? `After ${latest.step} steps F is ${latest.f.toFixed(2)}, at a threshold of ${shown(latest.threshold)}.` : `Trains ${where}.`;
    return tested + (this.chosen() === this.settings ? "" : " The new settings take effect when you start over.");
  }

  readonly draw = (): void => {
    if (this.now.losses.length) this.say(); // the settings may have changed
    const { loss, f, roll } = this.charts;
    const { now, before } = this;
    const high = Math.max(...now.losses, ...before.losses);
    loss.y.high = 10 ** Math.ceil(Math.log10(Math.min(high, 99)));
    for (const chart of [loss, f]) {
      chart.legend(["soft dashed", before.name], ["prediction", this.settings || `your run: ${this.chosen()}`]);
      chart.begin();
    }
    const at = (losses: number[]): number[] => losses.map((_, i) => i + 1);
    loss.line(at(before.losses), before.losses, "soft dashed");
    loss.line(at(now.losses), now.losses, "prediction");
    for (const [curves, look] of [[before, "soft dashed"], [now, "prediction"]] as const) {
      const [steps, values] = [curves.tests.map(([step]) => step), curves.tests.map(([, value]) => value)];
      f.line(steps, values, look);
      f.dots(steps, values, look.replace(" dashed", ""), look === "prediction" ? 4 : 3);
    }
    const found = listed(this.latest?.notes ?? []);
    const pairs = matched(this.reference, found);
    const [heard, hits] = [new Set(pairs.map(([r]) => r)), new Set(pairs.map(([, e]) => e))];
    roll.begin();
    drawNotes(roll, this.reference, (r) => (heard.has(r) ? "hit" : "miss"));
    drawNotes(roll, found, (e) => (hits.has(e) ? undefined : "extra"));
  };
}
