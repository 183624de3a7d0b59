/** The track of a simulated car from above, and the car on it. */

import { get } from "./api.js";
import { $ } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const ASK_AGAIN_MS = 3000;
const TRAIL_STEP_M = 0.04;
const TRAIL_POINTS = 150;
const JUMP_M = 0.6; // more than this between two messages is no driving: the car was carried
const EDGE_M = 0.08, WALL_M = 0.2, MARGIN_M = 0.25;
const CAR_SHARE = 0.06;

const draw = (tag, attributes) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

/** Keeps the map on the page as the car's messages say. */
export class TrackMap {
  #track = "";
  #pose = null;
  #turned = 0;
  #trail = [];
  #car = null;
  #line = null;

  /** Take note of a message: which track the car is on, and where. */
  show({ track, pose, odometry }) {
    if ((track ?? "") !== this.#track) this.#enter(track ?? "");
    if (!this.#car) return;
    this.#place(pose);
    this.#say(odometry);
  }

  #enter(track) {
    this.#track = track;
    this.#car = null;
    $("map").hidden = true;
    if (track) this.#ask(track);
  }

  async #ask(track) {
    try {
      const map = await get("track");
      if (track !== this.#track) return;
      if (map.name !== track) throw new Error("The car has gone on to another track.");
      this.#drawTrack(map);
    } catch {
      // Asked again with the first message after a while.
      setTimeout(() => { if (track === this.#track && !this.#car) this.#track = ""; }, ASK_AGAIN_MS);
    }
  }

  #drawTrack({ name, style, half_width_m: half, centre_line_m: line }) {
    const edge = style === "walls" ? WALL_M : EDGE_M, around = half + edge + MARGIN_M;
    const xs = line.map(([x]) => x), ys = line.map(([, y]) => -y), left = Math.min(...xs) - around, top = Math.min(...ys) - around;
    const width = Math.max(...xs) + around - left, height = Math.max(...ys) + around - top, size = Math.max(width, height) * CAR_SHARE;
    const way = `M${line.map(([x, y]) => `${x} ${-y}`).join("L")}Z`;
    const stroke = (kind, wide) => draw("path", { class: kind, d: way, "stroke-width": wide });
    this.#line = draw("polyline", { class: "trail", "stroke-width": size / 4 });
    this.#car = draw("g", { class: "arrow" });
    this.#car.append(draw("path", { d: "M1 0L-.8 .7L-.4 0L-.8 -.7Z", transform: `scale(${size})` }));
    this.#pose = null;
    this.#trail = [];
    const picture = $("map-picture");
    picture.setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
    picture.setAttribute("aria-label", `The track ${name} from above, with the car on it`);
    const lane = style === "line" ? [stroke("lane", 2 * half), stroke("edge", edge)] : [stroke("edge", 2 * half + edge), stroke("lane", 2 * half - edge)];
    picture.replaceChildren(...lane, this.#line, this.#car);
    $("map").hidden = false;
  }

  #place(pose) {
    this.#car.classList.toggle("nowhere", !pose);
    if (!pose) return;
    const { x_m: x, y_m: y, heading_rad: heading } = pose, before = this.#pose;
    const moved = before ? Math.hypot(x - before.x_m, y - before.y_m) : Infinity, isCarried = moved > JUMP_M;
    if (!isCarried && moved === 0 && heading === before.heading_rad) return;
    // Turned on from where it was: half a turn at the map's left would be a whole one otherwise.
    this.#turned = before ? this.#turned + Math.atan2(Math.sin(heading - before.heading_rad), Math.cos(heading - before.heading_rad)) : heading;
    this.#pose = pose;
    this.#car.classList.toggle("glides", !isCarried);
    this.#car.style.transform = `translate(${x}px, ${-y}px) rotate(${-this.#turned}rad)`;
    if (isCarried) this.#trail = [];
    // Back at the start, a track that was drawn anew meanwhile is another one of the same name.
    if (isCarried && before) this.#ask(this.#track);
    const [lastX, lastY] = this.#trail.at(-1) ?? [Infinity, Infinity];
    if (Math.hypot(x - lastX, -y - lastY) < TRAIL_STEP_M) return;
    this.#trail = [...this.#trail.slice(1 - TRAIL_POINTS), [x, -y]];
    this.#line.setAttribute("points", this.#trail.join(" "));
  }

  #say(odometry) {
    const seconds = (value) => (value == null ? "–" : `${value.toFixed(1)} s`);
    const texts = odometry ? [odometry.speed_m_s == null ? "" : `${odometry.speed_m_s.toFixed(1)} m/s`, `lap ${seconds(odometry.lap_s)}`, `best ${seconds(odometry.best_lap_s)}`] : ["", "", ""];
    texts.forEach((text, index) => {
      const span = $("map-text").children[index];
      if (span.textContent !== text) span.textContent = text;
    });
  }
}
