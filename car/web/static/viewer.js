/** One session: its frames with the recorded commands on them, its timeline, and what is left out of it. */

import { call, get, post } from "./api.js";
import { bytes, colour, confirmed, count, duration, el, fitCanvas, title, toast } from "./dom.js";
import { FrameStore } from "./frames.js";
import { drawGauges, drawWay } from "./overlay.js";
import { SeriesPlots } from "./series.js";
import { Timeline } from "./timeline.js";

const MAX_EVENTS = 50;
const STEERING = "#82adff", THROTTLE = "#f6a94a", WAY = "#3ddcb5";

/** Shows a session in `place`; `onchange` hears when it was cut, thrown away or is left. */
export class Viewer {
  constructor(place, name, onchange) {
    this.place = place;
    this.name = name;
    this.path = `sessions/${encodeURIComponent(name)}`;
    this.onchange = onchange;
    this.index = 0;
    this.isPlaying = false;
    this.redraw = () => {
      this.#draw();
      this.telemetry?.draw();
    };
  }

  async open() {
    this.place.replaceChildren(el("p", { class: "note" }, "Opening the session…"));
    try {
      [this.session, this.rows, this.series] = await Promise.all([get(this.path), get(`${this.path}/timeline`), get(`${this.path}/telemetry`)]);
    } catch (error) {
      this.place.replaceChildren(this.#back(), el("p", { class: "note bad", role: "alert" }, error.message));
      return;
    }
    if (this.closed) return;
    this.frames = new FrameStore(this.name, this.session.frames, () => this.#draw());
    this.rateHz = this.session.seconds > 0 ? this.session.frames / this.session.seconds : 20;
    this.#build();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.redraw);
    this.seek(0);
  }

  close() {
    this.closed = true;
    this.isPlaying = false;
    this.frames?.close();
    this.timeline?.observer.disconnect();
    this.telemetry?.observer.disconnect();
    matchMedia("(prefers-color-scheme: dark)").removeEventListener("change", this.redraw);
  }

  seek(index) {
    this.index = Math.max(0, Math.min(this.session.frames - 1, index));
    this.timeline.show(this.index);
    this.#draw();
  }

  #build() {
    const button = (text, act, attributes = {}) => el("button", { class: "compact", onclick: act, ...attributes }, text);
    this.screen = el("canvas", { role: "img", "aria-label": "The recorded frame with its command" });
    this.leftOutBadge = el("span", { class: "badge bad left-out", hidden: true }, "Left out");
    this.waiting = el("p", { class: "waiting", hidden: true });
    this.playButton = button("Play", () => this.#togglePlay());
    this.clock = el("output", { "aria-live": "off" });
    this.says = el("p", { class: "says small muted" });
    this.cutButton = button("Leave it out", () => this.#cut(), { disabled: true });
    this.undoButton = button("Undo", () => this.#undo());
    const strip = el("div", { class: "timeline", tabindex: 0, role: "slider", "aria-label": "Frame", "aria-valuemin": 0 }, el("canvas", { "aria-hidden": "true" }));
    this.histogram = el("canvas", { class: "histogram", role: "img", "aria-label": "How often each steering was driven" });
    this.balance = el("div", { class: "balance" });
    this.facts = el("dl", { class: "figures" });
    this.telemetry = new SeriesPlots(this.series, this.session.seconds);
    this.place.replaceChildren(
      this.#back(),
      el("div", { class: "row spread" }, el("h2", {}, title(this.session)),
        el("div", { class: "row" },
          el("a", { class: "button compact", href: `/api/${this.path}/download`, download: true }, "Download"),
          button("Delete", () => this.#trash(), { class: "compact danger", disabled: this.session.recording }))),
      this.session.damage ? el("p", { class: "note warn" }, this.session.damage) : "",
      el("div", { class: "card player" },
        el("div", { class: "screen" }, this.screen, this.waiting, this.leftOutBadge),
        el("div", { class: "transport" }, this.playButton,
          button("−1", () => this.seek(this.index - 1), { "aria-label": "One frame back" }),
          button("+1", () => this.seek(this.index + 1), { "aria-label": "One frame on" }), this.clock),
        strip,
        el("div", { class: "cutting" }, this.says,
          button("Starts here", () => this.#selectFrom()), button("Ends here", () => this.#selectTo()), this.cutButton, this.undoButton)),
      el("div", { class: "two" },
        el("section", { class: "card" }, el("h3", {}, "Steering"), this.histogram, this.balance),
        el("section", { class: "card stack" }, el("h3", {}, "At a glance"), this.facts, this.#events())),
      this.series.length ? el("section", { class: "card stack" }, el("h3", {}, "The car itself"), this.telemetry.element) : "");
    this.timeline = new Timeline(strip, this.session.frames, { onseek: (index) => this.seek(index), onselect: () => this.#showSelection() });
    this.timeline.rows = this.rows;
    this.#showSession();
  }

  #events() {
    const seek = (seconds) => () => this.seek(Math.round(seconds * this.rateHz));
    return el("ul", { class: "events small" }, this.session.events.slice(0, MAX_EVENTS).map(({ t_s: seconds, text }) =>
      el("li", {}, el("button", { class: "plain compact", onclick: seek(seconds) }, duration(seconds)), text)));
  }

  #back() { return el("a", { class: "button compact back", href: "#" }, "All sessions"); }

  #showSession() {
    const { session } = this;
    this.timeline.ranges = session.ranges;
    this.timeline.draw();
    this.undoButton.disabled = session.cuts === 0;
    const rows = [["Length", duration(session.seconds)], ["Frames", count(session.frames)], ["Left out", count(session.left_out_frames)], ["Laps", session.laps == null ? "–" : count(session.laps)], ["Size", bytes(session.bytes)]];
    this.facts.replaceChildren(...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
    this.#drawHistogram();
    this.#showBalance();
    this.#showSelection();
  }

  #showSelection() {
    const { selection } = this.timeline;
    this.cutButton.disabled = !selection;
    const unsure = this.rows.unsure.length > 0 && " Where there is a bar along its top, the pilot had seen little like it.";
    this.says.textContent = selection
      ? `Selected: ${count(selection[1] - selection[0] + 1, "frame")}, ${((selection[1] - selection[0] + 1) / this.rateHz).toFixed(1)} s.`
      : `Drag over the timeline to select what to leave out.${unsure || ""}`;
  }

  #selectFrom() {
    const last = this.timeline.selection?.[1] ?? this.index;
    this.timeline.select([this.index, Math.max(this.index, last)]);
  }

  #selectTo() {
    const first = this.timeline.selection?.[0] ?? this.index;
    this.timeline.select([Math.min(first, this.index), this.index]);
  }

  async #cut() {
    const [first, last] = this.timeline.selection;
    await this.#change(() => post(`${this.path}/cuts`, { first, last }));
    this.timeline.select(null);
    toast(`${count(last - first + 1, "frame")} left out. The recording itself is untouched.`, { action: ["Undo", () => this.#undo()] });
  }

  async #undo() { await this.#change(() => call("DELETE", `${this.path}/cuts/last`)); }

  async #change(request) {
    try {
      await request();
      this.session = await get(this.path);
      this.#showSession();
      this.#draw();
      this.onchange();
    } catch (error) {
      toast(error.message, { bad: true });
    }
  }

  async #trash() {
    const isSure = await confirmed("Delete this session?", "It goes to the trash, from where you can take it back.", "Delete", { danger: true });
    if (!isSure) return;
    try {
      const { trashed } = await call("DELETE", this.path);
      toast(`${this.name} is in the trash.`, { action: ["Undo", async () => { await post(`sessions/${encodeURIComponent(trashed)}/restore`); this.onchange(); }] });
      location.hash = "";
      this.onchange();
    } catch (error) {
      toast(error.message, { bad: true });
    }
  }

  #togglePlay() {
    this.isPlaying = !this.isPlaying;
    this.playButton.textContent = this.isPlaying ? "Pause" : "Play";
    if (!this.isPlaying) return;
    if (this.index >= this.session.frames - 1) this.seek(0);
    const started = { ms: performance.now(), index: this.index };
    const step = (nowMs) => {
      if (!this.isPlaying) return;
      this.seek(started.index + Math.round(((nowMs - started.ms) / 1000) * this.rateHz));
      if (this.index >= this.session.frames - 1) this.#togglePlay();
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  #draw() {
    if (this.closed || !this.session) return;
    const image = this.frames.image(this.index), record = this.frames.record(this.index);
    this.clock.textContent = `${(this.index / this.rateHz).toFixed(2)} s · frame ${count(this.index + 1)} of ${count(this.session.frames)}`;
    this.leftOutBadge.hidden = !this.session.ranges.some(([first, last]) => this.index >= first && this.index <= last);
    this.#showWaiting(image);
    if (!image) return;
    const [context, width, height] = fitCanvas(this.screen), scale = Math.min(width / image.width, height / image.height);
    const box = { width: image.width * scale, height: image.height * scale };
    box.left = (width - box.width) / 2;
    box.top = (height - box.height) / 2;
    context.drawImage(image, box.left, box.top, box.width, box.height);
    if (!record) return;
    drawWay(context, box, record, WAY);
    drawGauges(context, box, record, STEERING, THROTTLE);
  }

  /** The number is the frame's at once; the picture that is still there must not be taken for it. */
  #showWaiting(image) {
    const isMissing = this.frames.isMissing(this.index);
    this.screen.classList.toggle("stale", !image);
    this.waiting.hidden = Boolean(image);
    this.waiting.textContent = isMissing ? "This frame cannot be read." : "Loading…";
    if (isMissing) fitCanvas(this.screen);
  }

  #drawHistogram() {
    const [context, width, height] = fitCanvas(this.histogram), bins = this.session.histogram, highest = Math.max(1, ...bins);
    const step = width / bins.length;
    context.fillStyle = colour("steering");
    bins.forEach((value, i) => {
      const tall = value ? Math.max(2, (value / highest) * (height - 24)) : 0;
      context.fillRect(i * step + 1, height - 20 - tall, Math.max(1, step - 2), tall);
    });
    context.fillStyle = colour("muted");
    context.font = "12px system-ui, sans-serif";
    for (const [text, at, align] of [["full left", 0, "left"], ["straight", width / 2, "center"], ["full right", width, "right"]]) {
      context.textAlign = align;
      context.fillText(text, at, height - 4);
    }
  }

  #showBalance() {
    const { left, straight, right } = this.session.balance, sides = left + right || 1;
    const share = (value) => `${Math.round((100 * value) / (left + right + straight || 1))} %`;
    const leftShare = left / sides;
    const words = left + right === 0 ? "It never steers." : leftShare > 0.65 ? "It learns left bends better than right ones: drive the other way round too."
      : leftShare < 0.35 ? "It learns right bends better than left ones: drive the other way round too." : "Left and right are in balance.";
    this.balance.replaceChildren(
      el("p", { class: "row spread small" }, el("span", {}, `left ${share(left)}`), el("span", {}, `straight ${share(straight)}`), el("span", {}, `right ${share(right)}`)),
      el("p", { class: "small muted" }, words));
  }
}
