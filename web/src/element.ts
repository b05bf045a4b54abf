// What every custom element of the book shares.

/** Defines a custom element unless an earlier evaluation of the bundle has done so. */
export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}

/** An element that starts once: when it stands in the page, its children are parsed and its data are there. */
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
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Makes an SVG element with attributes. */
export function makeSvg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** A part of a whole as CSS and SVG write it. */
export function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(3)}%`;
}
