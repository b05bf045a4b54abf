// The plot of a player: its playhead, the shade over its region, and the pointer that presses or drags there.

import type { Region } from "./engine";
import { make, makeSvg, percent } from "./element";
import type { Transport } from "./transport";

const DRAG = 6; // pixels before a press becomes a drag

export class Plot {
  private readonly scroller: HTMLElement;
  private readonly area: SVGSVGElement;
  private readonly playhead = make("div", { class: "nmp-playhead" });
  private readonly shade = makeSvg("rect", { class: "nmp-shade", y: "0", height: "100%", visibility: "hidden" });

  /** `pressed` is called after a press or a drag has had its effect. */
  constructor(
    svg: SVGSVGElement,
    private readonly transport: Transport,
    private readonly pressed: () => void,
  ) {
    this.scroller = svg.closest<HTMLElement>(".nmp-scroll")!;
    this.area = svg.querySelector<SVGSVGElement>(".nmp-area")!;
    this.area.append(this.shade);
    svg.after(this.playhead);
    this.scroller.addEventListener("pointerdown", this.onPress);
    new ResizeObserver(() => this.markScrollable()).observe(this.scroller);
  }

  draw(): void {
    this.drawShade(this.transport.region);
    this.drawTime();
  }

  drawTime(): void {
    this.playhead.style.transform = `translateX(${this.percent(this.transport.position)})`;
  }

  private drawShade(region: Region | null): void {
    this.shade.setAttribute("visibility", region ? "visible" : "hidden");
    this.shade.classList.toggle("nmp-off", !this.transport.looping);
    if (!region) return;
    this.shade.setAttribute("x", this.percent(region.start));
    this.shade.setAttribute("width", this.percent(region.stop - region.start));
  }

  private percent(seconds: number): string {
    return percent(seconds, this.transport.seconds);
  }

  // Pictures wider than the screen

  private markScrollable(): void {
    const scrolls = this.scroller.scrollWidth > this.scroller.clientWidth + 1;
    this.scroller.classList.toggle("nmp-scrolls", scrolls);
    if (scrolls) this.scroller.tabIndex = 0;
    else this.scroller.removeAttribute("tabindex");
  }

  /** Turns the page when the playhead leaves it. */
  follow(): void {
    const { scroller } = this;
    if (!scroller.classList.contains("nmp-scrolls")) return;
    const x = (this.transport.position / this.transport.seconds) * scroller.scrollWidth;
    const shown = x - scroller.scrollLeft;
    if (shown < 0 || shown > scroller.clientWidth) scroller.scrollLeft = x - 16;
  }

  // The pointer

  private timeAt(event: PointerEvent): number {
    const box = this.area.getBoundingClientRect();
    return (this.transport.seconds * Math.min(Math.max(0, event.clientX - box.left), box.width)) / box.width;
  }

  /** A press seeks; a drag chooses a region. Where the picture scrolls, a finger's drag scrolls it. */
  private readonly onPress = (down: PointerEvent): void => {
    if (down.button !== 0) return;
    const from = this.timeAt(down);
    let dragged = false;
    const move = (event: PointerEvent): void => {
      dragged ||= Math.abs(event.clientX - down.clientX) > DRAG;
      const to = this.timeAt(event);
      if (dragged) this.drawShade({ start: Math.min(from, to), stop: Math.max(from, to) });
    };
    const up = (event: PointerEvent): void => {
      done();
      if (dragged) this.transport.setRegion(from, this.timeAt(event));
      else void this.transport.seek(from);
      this.pressed();
    };
    const done = (): void => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", cancel);
    };
    const cancel = (): void => {
      done();
      this.draw();
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", cancel);
  };
}
