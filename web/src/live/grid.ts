// A matrix as a grid of numbers, shaded like the book's pictures; cells can be painted. NaN is no number at all.

import { make, makeSvg, obey } from "../element";
import { shown } from "./numbers";

export interface GridOptions {
  rows: number;
  columns: number;
  label: string;
  highest: number; // the darkest value; what is lower than minus this has the strongest second colour
  numbers?: boolean; // written into the cells, by default
}

export interface Painting {
  /** What happens to a cell that is pressed; `first` says whether the pointer has just come down. */
  paint: (row: number, column: number, first: boolean) => void;
  /** Where the cursor stands, at first and after every move. */
  moved: (row: number, column: number) => void;
  start: [row: number, column: number];
}

const CELL = 30; // units of the drawing

export class Grid {
  readonly element: HTMLElement;
  private readonly svg: SVGSVGElement;
  private readonly cells: { box: SVGRectElement; text: SVGTextElement; value: number; wrong: boolean }[][];
  private readonly frame = makeSvg("rect", { class: "window", width: "0", height: "0" });
  private readonly cursor = makeSvg("rect", { class: "cursor", width: `${CELL}`, height: `${CELL}`, visibility: "hidden" });
  /** Where the cursor stands. */
  place = { row: 0, column: 0 };

  constructor(private readonly options: GridOptions) {
    const { rows, columns, label } = options;
    const size = `-1 -1 ${columns * CELL + 2} ${rows * CELL + 2}`;
    this.svg = makeSvg("svg", { class: "nmp-grid", viewBox: size, role: "img", "aria-label": label });
    this.cells = Array.from({ length: rows }, (_, r) =>
      Array.from({ length: columns }, (_, c) => {
        const [x, y] = [c * CELL, r * CELL];
        const box = makeSvg("rect", { class: "cell", x: `${x}`, y: `${y}`, width: `${CELL}`, height: `${CELL}` });
        const text = makeSvg("text", { x: `${x + CELL / 2}`, y: `${y + CELL / 2 + 4}`, "text-anchor": "middle" });
        this.svg.append(box, text);
        return { box, text, value: NaN, wrong: false };
      }),
    );
    this.svg.append(this.frame, this.cursor);
    this.element = make("div", { class: "nmp-live-grid" }, make("p", {}, label), this.svg);
  }

  /** Shades the cells; where a wanted value is given and another stands, the cell gets a cross. */
  draw(values: number[][], wanted?: number[][]): void {
    values.forEach((row, r) => {
      row.forEach((value, c) => {
        const cell = this.cells[r]![c]!;
        const wrong = wanted !== undefined && wanted[r]![c]! !== value;
        if (Object.is(cell.value, value) && cell.wrong === wrong) return;
        cell.value = value;
        cell.wrong = wrong;
        const dark = Number.isNaN(value) ? 0 : Math.min(Math.max(value / this.options.highest, 0), 1);
        const less = Math.min(Math.max(-value / this.options.highest, 0), 1); // below 0, in another colour
        cell.box.setAttribute("class", `cell ${value < 0 ? "less" : Number.isNaN(value) ? "none" : ""}`);
        cell.box.setAttribute("fill-opacity", (value < 0 ? 0.45 * less : 0.75 * dark).toFixed(3));
        if (this.options.numbers === false && !wanted) return;
        const number = this.options.numbers === false || Number.isNaN(value) ? "" : shown(value, 2);
        cell.text.textContent = wrong ? "×" : number;
        cell.text.setAttribute("class", `${dark > 0.6 ? "on-dark" : ""} ${wrong ? "wrong" : ""}`);
      });
    });
  }

  /** Marks a window of cells. */
  window(row: number, column: number, rows: number, columns: number): void {
    const place = { x: (column - (columns >> 1)) * CELL, y: (row - (rows >> 1)) * CELL, width: columns * CELL, height: rows * CELL };
    for (const [key, value] of Object.entries(place)) this.frame.setAttribute(key, `${value}`);
  }

  /** Lets readers paint on a matrix: a stroke that begins on an empty cell fills cells, any other empties them. */
  paintOn(values: number[][], start: [row: number, column: number], changed: () => void): void {
    let brush = 0;
    this.paintable({
      paint: (row, column, first) => {
        if (first) brush = values[row]![column]! > 0 ? 0 : this.options.highest;
        values[row]![column] = brush;
        changed();
      },
      moved: changed,
      start,
    });
  }

  /** Lets pointers paint, and a cursor that the arrow keys move and the space bar paints with. */
  paintable({ paint, moved, start }: Painting): void {
    const { svg, cursor } = this;
    svg.classList.add("paintable");
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-roledescription", "grid to paint on with arrow keys and space");
    svg.setAttribute("tabindex", "0");
    cursor.setAttribute("visibility", "visible");
    const at = (event: PointerEvent): [number, number] => {
      const box = svg.getBoundingClientRect();
      const { rows, columns } = this.options;
      const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
      const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
      return [Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(column, 0), columns - 1)];
    };
    const go = (row: number, column: number): void => {
      const { rows, columns } = this.options;
      this.place = { row: Math.min(Math.max(row, 0), rows - 1), column: Math.min(Math.max(column, 0), columns - 1) };
      cursor.setAttribute("x", `${this.place.column * CELL}`);
      cursor.setAttribute("y", `${this.place.row * CELL}`);
      moved(this.place.row, this.place.column);
    };
    let last = "";
    const press = (event: PointerEvent, first: boolean): void => {
      const [row, column] = at(event);
      if (!first && last === `${row},${column}`) return;
      last = `${row},${column}`;
      go(row, column);
      paint(row, column, first);
    };
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      svg.setPointerCapture(event.pointerId);
      press(event, true);
    });
    svg.addEventListener("pointermove", (event) => {
      if (svg.hasPointerCapture(event.pointerId)) press(event, false);
    });
    svg.addEventListener("keydown", (event) => {
      const { row, column } = this.place;
      const flip = (): void => paint(row, column, true);
      obey(event, {
        ArrowLeft: () => go(row, column - 1),
        ArrowRight: () => go(row, column + 1),
        ArrowUp: () => go(row - 1, column),
        ArrowDown: () => go(row + 1, column),
        " ": flip,
        Enter: flip,
      });
    });
    go(...start);
  }
}
