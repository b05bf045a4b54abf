// The keys of a player, and the list that tells a reader about them.

import { make, obey } from "./element";
import type { Transport } from "./transport";

/** Performs the action of a key; keys without an action here are left to the page. */
export function press(event: KeyboardEvent, transport: Transport): void {
  const target = event.target as HTMLElement;
  if (target instanceof HTMLAudioElement) return;
  const actions = actionsOf(transport, event.shiftKey ? 5 : 1);
  if (target.closest("button, summary")) delete actions[" "]; // space presses it
  obey(event, actions);
}

function actionsOf(transport: Transport, step: number): Record<string, () => void> {
  const { position, region, seconds } = transport;
  const choices = transport.mixes.slice(0, 9).map((_, i) => [String(i + 1), () => transport.choose(i)] as const);
  return {
    " ": () => void transport.toggle(),
    ArrowLeft: () => void transport.seek(position - step),
    ArrowRight: () => void transport.seek(position + step),
    "0": () => transport.restart(),
    "[": () => transport.setRegion(position, region && region.stop > position ? region.stop : seconds),
    "]": () => transport.setRegion(region && region.start < position ? region.start : 0, position),
    l: () => transport.setLooping(!transport.looping),
    Escape: () => transport.forgetRegion(),
    ...Object.fromEntries(choices),
  };
}

/** The list of keys, folded. */
export function keyList(versions: number): HTMLElement {
  const lines: [key: string, action: string][] = [
    ["space", "play or pause"],
    ["← →", "1 s back or on; with shift 5 s"],
    ["0", "back to the start"],
    ["1–9", "choose a version"],
    ["[ ]", "start and end of a region, or drag over the picture"],
    ["L", "loop it; Esc forgets it"],
  ];
  const list = make("dl");
  for (const [key, action] of lines) {
    if (key === "1–9" && versions < 2) continue;
    list.append(make("dt", {}, make("kbd", {}, key)), make("dd", {}, action));
  }
  const summary = make("summary", { "aria-label": "Keys", title: "Keys" }, "?");
  return make("details", { class: "nmp-keys" }, summary, list);
}
