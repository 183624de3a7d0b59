/** A strip of the last seconds of steering and throttle. */

import { colour, fitCanvas } from "./dom.js";

const WINDOW_MS = 10_000;
const MARGIN = 6;

export class LivePlot {
  #rows = [];

  constructor(canvas) { this.canvas = canvas; }

  add(steering, throttle, nowMs) {
    this.#rows.push([nowMs, steering, throttle]);
    while (this.#rows[0][0] < nowMs - WINDOW_MS) this.#rows.shift();
  }

  draw(nowMs) {
    const [context, width, height] = fitCanvas(this.canvas);
    const y = (value) => MARGIN + ((1 - value) / 2) * (height - 2 * MARGIN);
    context.strokeStyle = colour("line");
    context.lineWidth = 1;
    for (const value of [-1, 0, 1]) {
      context.beginPath();
      context.moveTo(0, Math.round(y(value)) + 0.5);
      context.lineTo(width, Math.round(y(value)) + 0.5);
      context.stroke();
    }
    context.lineWidth = 2.25;
    context.lineJoin = "round";
    for (const [column, name] of [[2, "throttle"], [1, "steering"]]) {
      context.strokeStyle = colour(name);
      context.beginPath();
      for (const row of this.#rows) context.lineTo(width - ((nowMs - row[0]) / WINDOW_MS) * width, y(row[column]));
      context.stroke();
    }
  }
}
