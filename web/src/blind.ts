// <nmp-blind>: two transcriptions without names; which is nearer to the recording?
//
// The markup (nmp_lessons/book/show/blind_comparison.py) contains a player and a folded answer for each trial. This
// element draws a new order, shows one trial at a time, and at the end the names, the scores and the choices. Nothing
// is stored.

import { BookElement, define, make, makeButton } from "./element";

interface Trial {
  order: [number, number]; // which transcription is first and which second
  scores: [number, number]; // of both transcriptions, in the order of their names
}

interface Plan {
  names: [string, string];
  trials: Trial[];
}

const TIE = 0.01; // scores that differ by no more than this count as equal

/** The probability that a fair coin is right in at least this many trials. */
function chance(right: number, trials: number): number {
  let ways = 0;
  for (let k = right, choose = binomial(trials, right); k <= trials; choose = (choose * (trials - k)) / (k + 1), k++) {
    ways += choose;
  }
  return ways / 2 ** trials;
}

function binomial(n: number, k: number): number {
  let value = 1;
  for (let i = 0; i < k; i++) value = (value * (n - i)) / (i + 1);
  return value;
}

class Blind extends BookElement {
  protected readonly source = "plan";
  private plan!: Plan;
  private trials: HTMLElement[] = [];
  private sequence: number[] = []; // trials in the order in which they are heard
  private choices = new Map<number, number>(); // trial to the transcription that was chosen
  private status!: HTMLElement;
  private ballot!: HTMLElement;
  private result!: HTMLElement;

  protected start(plan: string): void {
    this.plan = JSON.parse(plan) as Plan;
    this.trials = [...this.querySelectorAll<HTMLElement>(".nmp-blind-trial")];
    this.querySelectorAll<HTMLElement>(".nmp-blind-answer").forEach((answer) => (answer.hidden = true));
    this.trials.forEach((trial, i) => {
      if (Math.random() < 0.5) this.swap(trial, i); // before any sound is loaded
      trial.querySelector(".nmp-title")?.remove(); // the status line says which trial it is
    });
    this.status = make("p", { class: "nmp-blind-status", role: "status" });
    this.trials[0]!.before(this.status);
    const buttons = ["First", "Second"].map((place, k) => makeButton(`${place} is nearer`, () => this.choose(k)));
    this.ballot = make("div", { class: "nmp-blind-ballot" }, ...buttons);
    this.result = make("div", { class: "nmp-blind-result", tabindex: "-1" });
    this.append(this.ballot, this.result);
    this.dataset.ready = "";
    this.begin();
  }

  /** Exchanges the first and the second. */
  private swap(trial: HTMLElement, i: number): void {
    const [first, second] = ["First", "Second"].map(
      (name) => trial.querySelector<HTMLAudioElement>(`audio[aria-label="${name}"]`)!,
    );
    [first!.src, second!.src] = [second!.src, first!.src];
    this.plan.trials[i]!.order.reverse();
  }

  private begin(): void {
    this.choices.clear();
    this.sequence = this.trials.map((_, i) => i);
    for (let i = this.sequence.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [this.sequence[i], this.sequence[j]] = [this.sequence[j]!, this.sequence[i]!];
    }
    this.result.replaceChildren();
    this.show();
  }

  private show(): void {
    const now = this.sequence[this.choices.size];
    const n = this.trials.length;
    this.trials.forEach((trial, i) => {
      trial.hidden = i !== now;
      const player = trial.querySelector<HTMLElement & { pause?: () => void }>("nmp-player");
      if (i !== now) player?.pause?.();
      else player?.setAttribute("aria-label", `Trial ${this.choices.size + 1} of ${n}`);
    });
    this.ballot.hidden = now === undefined;
    this.status.textContent =
      now === undefined ? "That was the last one." : `Trial ${this.choices.size + 1} of ${n}: listen, then choose.`;
    if (now === undefined) this.tell();
  }

  private choose(place: number): void {
    const now = this.sequence[this.choices.size];
    if (now === undefined) return;
    this.choices.set(now, this.plan.trials[now]!.order[place]!);
    this.show();
  }

  private tell(): void {
    const { names, trials } = this.plan;
    const head = make("tr", {}, ...["trial", "first", "second", "your choice"].map((word) => column(word)));
    const body = this.sequence.map((i, row) => {
      const { order, scores } = trials[i]!;
      const cells = order.map((k) => make("td", {}, `${names[k]}, F ${scores[k]!.toFixed(2)}`));
      const chosen = this.choices.get(i) === order[0] ? "first" : "second";
      return make("tr", {}, make("td", {}, String(row + 1)), ...cells, make("td", {}, chosen));
    });
    const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
    this.result.replaceChildren(
      make("p", {}, this.favourite()),
      make("p", {}, this.agreement()),
      make("div", { class: "nmp-explore-table", tabindex: "0", role: "group", "aria-label": "Trials" }, table),
      makeButton("Try again", () => this.again()),
    );
    this.result.focus({ preventScroll: true });
  }

  private favourite(): string {
    const [one, other] = this.plan.names.map((_, k) => [...this.choices.values()].filter((c) => c === k).length);
    const p = Math.min(1, 2 * chance(Math.max(one!, other!), one! + other!));
    return (
      `You chose ${this.plan.names[0]} ${times(one!)} and ${this.plan.names[1]} ${times(other!)}. ` +
      `If you had no preference, a split at least this uneven would occur with probability ${p.toFixed(3)}.`
    );
  }

  /** How often the choice agreed with the score, where the scores differ. */
  private agreement(): string {
    const decided = [...this.choices].filter(([i]) => {
      const { scores } = this.plan.trials[i]!;
      return Math.abs(scores[0] - scores[1]) > TIE;
    });
    const right = decided.filter(([i, chosen]) => {
      const { scores } = this.plan.trials[i]!;
      return scores[chosen]! > scores[1 - chosen]!;
    }).length;
    const n = decided.length;
    if (!n) return "In every trial, both had nearly the same F.";
    return (
      `In ${right} of ${n} ${n === 1 ? "trial" : "trials"} you chose the one with the higher F. ` +
      `A fair coin would do so at least as often with probability ${chance(right, n).toFixed(3)}.`
    );
  }

  private again(): void {
    this.begin();
    this.ballot.querySelector("button")!.focus();
  }
}

function column(word: string): HTMLTableCellElement {
  return make("th", { scope: "col" }, word);
}

const times = (n: number): string => (n === 1 ? "once" : n === 2 ? "twice" : `${n} times`);

define("nmp-blind", Blind);
