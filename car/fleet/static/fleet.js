/** All cars on one page: asked for a few times a second, and stopped together. */

import { get, post } from "/static/api.js";
import { $, count, el, toast } from "/static/dom.js";
import { isSpace } from "/static/keys.js";

const PERIOD_MS = 400;
const PICTURE_MS = 600;
const KINDS = { armed: "go", tripped: "bad" };
const cards = new Map();

const words = (state) => state.gate === "armed" ? `Armed · ${state.mode}` : state.gate === "tripped" ? "Tripped" : "Disarmed";
const seconds = (value) => value == null ? "–" : `${value.toFixed(2)} s`;

function who(state) {
  if (state.driver_name) return state.driver_name;
  if (state.gate === "armed" && state.mode === "auto") return state.pilot_name || "its pilot";
  return state.driver_present ? "somebody" : "nobody";
}

function supply(state) {
  const volts = state.telemetry?.supply?.voltage_v;
  return volts == null ? null : `${volts.toFixed(1)} V`;
}

function makeCard(car) {
  const parts = {
    name: el("h2"), badge: el("span", { class: "badge" }), picture: el("img", { alt: "", hidden: true }), blank: el("p", { class: "blank" }),
    facts: el("dl"), link: el("a", { class: "small", target: "_blank", rel: "noreferrer", href: `https://${car.place}/` }, "Open its page"),
  };
  parts.card = el("li", { class: "card" }, el("div", { class: "row spread" }, parts.name, parts.badge), parts.picture, parts.blank, parts.facts, parts.link);
  parts.shownMs = 0;
  return parts;
}

function showCar(car) {
  const parts = cards.get(car.place) ?? makeCard(car);
  cards.set(car.place, parts);
  const { state } = car;
  parts.name.textContent = car.name;
  parts.badge.className = `badge ${state ? KINDS[state.gate] ?? "" : "bad"}`;
  parts.badge.replaceChildren(el("span", { class: "dot" }), state ? words(state) : `Gone for ${Math.round(car.gone_s)} s`);
  parts.picture.hidden = !car.has_picture;
  parts.blank.hidden = car.has_picture;
  parts.blank.textContent = state ? "No picture yet" : car.ask;
  if (car.has_picture && performance.now() - parts.shownMs > PICTURE_MS) {
    parts.shownMs = performance.now();
    parts.picture.alt = `What ${car.name} sees`;
    parts.picture.src = `/api/fleet/picture?place=${encodeURIComponent(car.place)}&at=${Math.round(parts.shownMs)}`;
  }
  const odometry = state?.odometry;
  const facts = state ? [
    ["Driver", who(state)], ["Lap", seconds(odometry?.last_lap_s)], ["Best lap", seconds(odometry?.best_lap_s)], ["Battery", supply(state)], ["Why", state.trip || null],
  ] : [];
  parts.facts.replaceChildren(...facts.filter(([, value]) => value != null).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  return parts.card;
}

function showCars(all) {
  for (const place of [...cards.keys()]) if (!all.some((car) => car.place === place)) cards.delete(place);
  const list = all.map(showCar), now = [...$("cars").children];
  if (list.length !== now.length || list.some((card, index) => card !== now[index])) $("cars").replaceChildren(...list);
  const armed = all.filter((car) => car.state?.gate === "armed").length, gone = all.filter((car) => !car.state).length;
  $("summary").textContent = `${count(all.length, "car")}, ${armed} armed${gone ? `, ${gone} gone` : ""}`;
  $("none").hidden = all.length > 0;
}

function showModels(models) {
  if (models.join("\n") === $("model").dataset.models) return;
  $("model").dataset.models = models.join("\n");
  const chosen = $("model").value;
  const options = models.map((name) => el("option", { value: name, selected: name === chosen }, name));
  $("model").replaceChildren(...(options.length ? options : [el("option", { value: "" }, "none here yet: car train")]));
  $("push").querySelector("button").disabled = models.length === 0;
}

function showErrand(errand) {
  $("pull").disabled = Boolean(errand && !errand.is_over);
  const rows = errand?.stops.map((stop) => el("li", {},
    `${stop.place} `, stop.is_over ? "" : el("progress", { value: stop.done, "aria-label": `${errand.what} at ${stop.place}` }), ` ${stop.notes.join(" ")} `,
    el("span", { class: "bad" }, stop.problems.join(" ")))) ?? [];
  $("errand").replaceChildren(...rows);
}

function showBoards({ laps, scores }) {
  const lapRows = laps.map((lap) => el("li", {}, `${lap.track}: ${seconds(lap.lap_s)} · ${lap.car}, ${lap.driven}`));
  $("laps").replaceChildren(...(lapRows.length ? lapRows : [el("li", { class: "muted" }, "No lap has been timed yet.")]));
  const rows = scores.map((score) => el("li", {}, `${score.score.toFixed(1)} · ${score.model} (exam ${score.version})`));
  $("scores").replaceChildren(...(rows.length ? rows : [el("li", { class: "muted" }, "No model of this laptop has sat the exam: car exam MODEL")]));
}

function fail(sentence) {
  $("trouble").hidden = !sentence;
  $("trouble").textContent = sentence;
}

async function look() {
  try {
    const view = await get("fleet");
    showCars(view.cars);
    showModels(view.models);
    showErrand(view.errand);
    showBoards(view);
    fail(view.trouble);
  } catch {
    fail("The fleet's program does not answer: nothing that you press reaches a car. Start `car fleet` again.");
    for (const parts of cards.values()) parts.badge.replaceChildren("Unknown");
  }
  setTimeout(look, PERIOD_MS);
}

async function stopAll() {
  let stops;
  try {
    stops = await post("fleet/stop");
  } catch (error) {
    toast(`STOP has not reached the cars: ${error.message}`, { bad: true });
    return;
  }
  const slowest = Math.max(0, ...stops.map((stop) => stop.after_ms ?? 0)), silent = stops.filter((stop) => stop.after_ms == null);
  $("stopped").hidden = false;
  $("stopped").className = silent.length ? "note bad" : "note";
  $("stopped").textContent = silent.length
    ? `${count(stops.length - silent.length, "car")} stopped. NOT confirmed: ${silent.map((stop) => `${stop.name} (${stop.why})`).join("; ")}`
    : `${count(stops.length, "car")} stopped, the last one after ${Math.round(slowest)} ms.`;
}

async function begin(path, body) {
  try { await post(`fleet/${path}`, body); } catch (error) { toast(error.message, { bad: true }); }
}

$("stop").addEventListener("click", stopAll);
$("pull").addEventListener("click", () => begin("pull", {}));
$("push").addEventListener("submit", (event) => {
  event.preventDefault();
  begin("push", { model: $("model").value, activate: $("activate").checked });
});
window.addEventListener("keydown", (event) => {
  if (!isSpace(event)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!event.repeat) stopAll();
}, { capture: true });
window.addEventListener("keyup", (event) => isSpace(event) && event.preventDefault(), { capture: true });
look();
