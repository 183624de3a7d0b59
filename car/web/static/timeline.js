/** A session's timeline: its commands as a plot, where its pilot was unsure, what is left out, what is selected, and where one looks. */

import { colour, fitCanvas } from "./dom.js";

const PAGE = 30;
const DRAG_PX = 5;

/**
 * A slider over the frames 0 … length − 1, by pointer and keys. A drag selects a range; `onseek(index)` and
 * `onselect([first, last] or null)` hear of it.
 */
export class Timeline {
  constructor(element, length, { onseek, onselect }) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.length = length;
    this.onseek = onseek;
    this.onselect = onselect;
    this.rows = { frame: [], steering: [], throttle: [], unsure: [] };
    this.ranges = [];
    this.selection = null;
    this.index = 0;
    this.pressed = null;
    element.setAttribute("aria-valuemax", length - 1);
    element.addEventListener("pointerdown", (event) => this.#press(event));
    element.addEventListener("pointermove", (event) => this.#drag(event));
    for (const kind of ["pointerup", "pointercancel"]) element.addEventListener(kind, () => { this.pressed = null; });
    element.addEventListener("keydown", (event) => this.#key(event));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(element);
  }

  /** Look at a frame. */
  show(index) {
    this.index = index;
    this.element.setAttribute("aria-valuenow", index);
    this.element.setAttribute("aria-valuetext", `frame ${index + 1} of ${this.length}`);
    this.draw();
  }

  select(selection) {
    this.selection = selection;
    this.onselect(selection);
    this.draw();
  }

  draw() {
    const [context, width, height] = fitCanvas(this.canvas);
    const x = (index) => (index / Math.max(1, this.length - 1)) * width;
    context.fillStyle = colour("sunk");
    context.fillRect(0, 0, width, height);
    context.fillStyle = colour("line");
    context.fillRect(0, height / 2, width, 1);
    for (const name of ["throttle", "steering"]) this.#plot(context, x, height, this.rows[name], colour(name));
    context.fillStyle = colour("warn");
    for (const [first, last] of this.rows.unsure) context.fillRect(x(first), 0, Math.max(2, x(last) - x(first)), 4);
    for (const [first, last] of this.ranges) this.#leaveOut(context, x(first), x(last), height);
    if (this.selection) this.#mark(context, x(this.selection[0]), x(this.selection[1]), height);
    context.fillStyle = colour("ink");
    context.fillRect(x(this.index) - 1, 0, 2, height);
    context.beginPath();
    context.arc(x(this.index), 5, 5, 0, 7);
    context.fill();
  }

  #plot(context, x, height, values, stroke) {
    context.strokeStyle = stroke;
    context.lineWidth = 1.4;
    context.beginPath();
    values.forEach((value, i) => context.lineTo(x(this.rows.frame[i]), 8 + ((1 - value) / 2) * (height - 16)));
    context.stroke();
  }

  #leaveOut(context, from, to, height) {
    context.save();
    context.globalAlpha = 0.82;
    context.fillStyle = colour("sunk");
    context.fillRect(from, 0, Math.max(2, to - from), height);
    context.globalAlpha = 1;
    context.fillStyle = colour("bad");
    context.fillRect(from, height - 5, Math.max(2, to - from), 5);
    context.restore();
  }

  #mark(context, from, to, height) {
    context.save();
    context.fillStyle = colour("go");
    context.globalAlpha = 0.22;
    context.fillRect(from, 0, Math.max(2, to - from), height);
    context.globalAlpha = 1;
    context.fillRect(from - 1, 0, 3, height);
    context.fillRect(to - 1, 0, 3, height);
    context.restore();
  }

  #indexAt(event) {
    const box = this.element.getBoundingClientRect(), share = (event.clientX - box.left) / box.width;
    return Math.round(Math.max(0, Math.min(1, share)) * (this.length - 1));
  }

  #press(event) {
    if (event.button > 0) return;
    this.element.setPointerCapture(event.pointerId);
    const index = this.#indexAt(event);
    this.pressed = { x: event.clientX, index };
    this.onseek(index);
  }

  #drag(event) {
    if (!this.pressed) return;
    const index = this.#indexAt(event), { index: start, x } = this.pressed;
    if (Math.abs(event.clientX - x) >= DRAG_PX) this.select([Math.min(start, index), Math.max(start, index)]);
    this.onseek(index);
  }

  #key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -PAGE, PageDown: PAGE, Home: -this.length, End: this.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.onseek(Math.max(0, Math.min(this.length - 1, this.index + steps[event.key])));
  }
}
