/** A session's telemetry: one small plot for each thing that was measured, all over the same seconds. */

import { colour, duration, el, fitCanvas } from "./dom.js";

const FOOT = 16, TOP = 6, LABEL_PX = 60;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

export class SeriesPlots {
  constructor(series, seconds) {
    this.seconds = Math.max(seconds, 1, ...series.map(({ t_s: times }) => times.at(-1)));
    this.plots = series.map((one) => [one, el("canvas", { role: "img", "aria-label": `${one.name}: ${range(one)}` })]);
    this.element = el("div", { class: "series" }, ...this.plots.map(([one, canvas]) =>
      el("figure", {}, el("figcaption", { class: "row spread small" }, el("span", {}, one.name), el("span", { class: "muted" }, range(one))), canvas)));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  draw() {
    for (const [one, canvas] of this.plots) this.#plot(one, ...fitCanvas(canvas));
  }

  #plot({ t_s: times, values }, context, width, height) {
    const [low, high] = ends(values), span = high - low || 1, bottom = height - FOOT;
    const x = (seconds) => (seconds / this.seconds) * width, y = (value) => high === low ? (TOP + bottom) / 2 : bottom - ((value - low) / span) * (bottom - TOP);
    this.#axis(context, x, width, height);
    context.strokeStyle = context.fillStyle = colour("steering");
    context.lineWidth = 1.6;
    context.beginPath();
    values.forEach((value, i) => {
      if (value == null) return;
      const isFirst = i === 0 || values[i - 1] == null;
      context[isFirst ? "moveTo" : "lineTo"](x(times[i]), y(value));
      if (isFirst && values[i + 1] == null) context.fillRect(x(times[i]) - 1, y(value) - 1, 3, 3);
    });
    context.stroke();
  }

  /** A time wherever there is room for one, all of them round. */
  #axis(context, x, width, height) {
    const step = STEPS_S.find((seconds) => x(seconds) >= LABEL_PX) ?? this.seconds;
    context.strokeStyle = colour("line");
    context.fillStyle = colour("muted");
    context.lineWidth = 1;
    context.font = "11px system-ui, sans-serif";
    for (let seconds = 0; seconds <= this.seconds; seconds += step) {
      const at = Math.round(x(seconds)) + 0.5;
      context.beginPath();
      context.moveTo(at, TOP);
      context.lineTo(at, height - FOOT);
      context.stroke();
      context.textAlign = seconds === 0 ? "left" : width - at < 20 ? "right" : "center";
      context.fillText(duration(seconds), at, height - 4);
    }
  }
}

function ends(values) {
  const known = values.filter((value) => value != null);
  return [Math.min(...known), Math.max(...known)];
}

function range({ values, unit }) {
  const [low, high] = ends(values).map((value) => Number(value.toFixed(Math.abs(value) < 20 ? 2 : 1)));
  return `${low === high ? low : `${low} to ${high}`} ${unit}`.trim();
}
