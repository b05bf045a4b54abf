// What every custom element of the book shares.

/** Address of the bundle's script; empty if the bundle is inline. */
export const BUNDLE = (document.currentScript as HTMLScriptElement | null)?.src ?? "";

/** Defines a custom element unless an earlier evaluation of the bundle has done so. */
export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}

/** An element that starts once: when it is on the page, its children are parsed and its data are available. */
export abstract class BookElement extends HTMLElement {
  /** Name of the data attribute that it starts from. */
  protected abstract readonly source: string;
  private started = false;

  connectedCallback(): void {
    whenParsed(() => {
      const data = this.dataset[this.source];
      if (this.started || !this.isConnected || !data) return;
      this.started = true;
      this.start(data);
    });
  }

  protected abstract start(data: string): void;
}

/** Runs `ready` once the page's elements have their children: at once, or when the page has been read. */
function whenParsed(ready: () => void): void {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready, { once: true });
  else ready();
}

type Attributes = Record<string, string>;

/** Makes an HTML element with attributes and children. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  return filled(document.createElement(name), attributes, children);
}

/** Makes an SVG element with attributes and children. */
export function makeSvg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[Name] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled<Made extends Element>(element: Made, attributes: Attributes, children: (Node | string)[]): Made {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Makes a button that does something. */
export function makeButton(label: string, act: () => void): HTMLButtonElement {
  const button = make("button", { type: "button" }, label);
  button.addEventListener("click", act);
  return button;
}

/** Performs the action of a pressed key, if it has one, and returns whether it did. */
export function obey(event: KeyboardEvent, actions: Record<string, () => void>): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return false;
  action();
  event.preventDefault();
  event.stopPropagation(); // JupyterLab and the book's theme have keys of their own
  return true;
}

/** A part of a whole as CSS and SVG write it. */
export function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(3)}%`;
}
