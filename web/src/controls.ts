// The controls of a player: its buttons, its slider, and the status line.

import { make, makeSvg, percent } from "./element";
import { keyList } from "./keys";
import type { Transport } from "./transport";

const ICONS = {
  play: "M7 4.5v15l12.5-7.5z",
  pause: "M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z",
  restart: "M5 5h2.5v14H5zM19.5 5v14L9 12z",
  loop: "M7 7h10v3l4-4-4-4v3H5v6h2zM17 17H7v-3l-4 4 4 4v-3h12v-6h-2z",
};

function icon(path: string): SVGElement {
  const shape = makeSvg("path", { d: path, fill: "currentColor" });
  return makeSvg("svg", { viewBox: "0 0 24 24", width: "20", height: "20", "aria-hidden": "true" }, shape);
}

function iconButton(label: string, path: string, key: string): HTMLButtonElement {
  return make("button", { type: "button", "aria-label": label, title: `${label} (${key})` }, icon(path));
}

export class Controls {
  /** What to put on the page, one row below the other. */
  readonly rows: HTMLElement[];

  private readonly playButton = iconButton("Play", ICONS.play, "space");
  private readonly loopButton = iconButton("Loop", ICONS.loop, "L");
  private readonly versionButtons: HTMLButtonElement[];
  private readonly slider: HTMLInputElement;
  private readonly readout = make("span", { class: "nmp-time", "aria-hidden": "true" });
  private readonly status = make("p", { class: "nmp-status", role: "status" });

  constructor(private readonly transport: Transport) {
    this.slider = make("input", {
      type: "range",
      min: "0",
      max: transport.seconds.toFixed(2),
      step: "0.01",
      value: "0",
      "aria-label": "Position",
    });
    this.slider.addEventListener("input", () => void transport.seek(Number(this.slider.value)));
    this.versionButtons = transport.mixes.map(({ name }, index) => {
      const button = make("button", { type: "button", title: `${name} (${index + 1})` }, name);
      this.onClick(button, () => transport.choose(index));
      return button;
    });
    this.rows = [this.transportRow(), this.versionRow(), this.status];
  }

  private transportRow(): HTMLElement {
    const { transport } = this;
    this.playButton.classList.add("nmp-play");
    this.playButton.addEventListener("click", () => void transport.toggle());
    const restart = iconButton("Back to the start", ICONS.restart, "0");
    this.onClick(restart, () => transport.restart());
    this.onClick(this.loopButton, () => transport.setLooping(!transport.looping));
    return make(
      "div",
      { class: "nmp-transport" },
      this.playButton,
      restart,
      this.slider,
      this.readout,
      this.loopButton,
      keyList(transport.mixes.length),
    );
  }

  private versionRow(): HTMLElement {
    const row = make("div", { class: "nmp-versions", role: "group", "aria-label": "Version" });
    if (this.versionButtons.length > 1) row.append(...this.versionButtons);
    else row.hidden = true;
    return row;
  }

  /** A click by pointer hands the focus to the play button, so that space then plays and pauses. */
  private onClick(button: HTMLButtonElement, act: () => void): void {
    button.addEventListener("click", (event) => {
      act();
      if (event.detail > 0) this.focus();
    });
  }

  focus(): void {
    this.playButton.focus({ preventScroll: true });
  }

  /** Tells screen readers, and with `shown` everyone. */
  say(text: string, { shown = false } = {}): void {
    this.status.textContent = text;
    this.status.classList.toggle("nmp-shown", shown);
  }

  draw(): void {
    const { playing, looping, chosen, mixes } = this.transport;
    const label = playing ? "Pause" : "Play";
    this.playButton.setAttribute("aria-label", label);
    this.playButton.title = `${label} (space)`;
    this.playButton.replaceChildren(icon(playing ? ICONS.pause : ICONS.play));
    this.loopButton.setAttribute("aria-pressed", String(looping));
    this.versionButtons.splice(mixes.length).forEach((button) => button.remove());
    this.versionButtons.forEach((button, index) => button.setAttribute("aria-pressed", String(index === chosen)));
    this.drawTime();
  }

  drawTime(): void {
    const { position, seconds } = this.transport;
    this.slider.value = position.toFixed(2);
    this.slider.setAttribute("aria-valuetext", `${position.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
    this.slider.style.setProperty("--nmp-done", percent(position, seconds));
    this.readout.textContent = `${position.toFixed(1)} / ${seconds.toFixed(1)} s`;
  }
}
