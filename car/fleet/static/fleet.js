/** All cars on one page: asked for a few times a second, and stopped together. */

import { get, post } from "/static/api.js";
import { $, count, el, stateWords, toast } from "/static/dom.js";
import { onSpace } from "/static/keys.js";

const PERIOD_MS = 400;
const PICTURE_MS = 600;
const LATE_MS = 3000; // the fleet's program answers in a few ms, STOP in 2 s at the most
const cards = new Map(), chosen = new Set(), stops = new Map();
let shown = [], answeredMs = performance.now();

const seconds = (value) => value == null ? "–" : `${value.toFixed(2)} s`;

/** The answer, or an Error when there is none for a while: a frozen program holds its connections open. */
const soon = (answer) => Promise.race([answer, new Promise((_, fail) => setTimeout(() => fail(new Error("The fleet's program does not answer. Start `car fleet` again.")), LATE_MS))]);

/** What a person calls a car; many cars have the same name. */
function label({ name, place }) {
  return name === place || shown.filter((car) => car.name === name).length < 2 ? name : `${name} (${place})`;
}

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
    facts: el("dl"), choose: el("button", { class: "choose compact", "aria-pressed": "false", onclick: () => choose(car.place) }, "Choose"), link: el("a", { class: "small", target: "_blank", rel: "noreferrer", href: `https://${car.place}/` }, "Open its page"),
  };
  parts.card = el("li", { class: "card" }, el("div", { class: "row spread" }, parts.name, parts.badge), parts.picture, parts.blank, parts.facts, el("div", { class: "row spread" }, parts.link, parts.choose));
  parts.shownMs = 0;
  return parts;
}

function showCar(car) {
  const parts = cards.get(car.place) ?? makeCard(car);
  cards.set(car.place, parts);
  const { state } = car;
  parts.name.textContent = label(car);
  parts.choose.setAttribute("aria-pressed", String(chosen.has(car.place)));
  parts.choose.setAttribute("aria-label", `Choose ${label(car)}`);
  const [words, kind] = state ? stateWords(state) : [`Gone for ${Math.round(car.gone_s)} s`, "bad"];
  parts.badge.className = `badge ${kind}`;
  parts.badge.replaceChildren(el("span", { class: "dot" }), words);
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
  facts.push(["STOP ALL", stops.get(car.place)]);
  parts.facts.replaceChildren(...facts.filter(([, value]) => value != null).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  return parts.card;
}

function choose(place) {
  if (!chosen.delete(place)) chosen.add(place);
  showCars(shown);
}

function showCars(all) {
  shown = all;
  for (const place of [...cards.keys()]) if (!all.some((car) => car.place === place)) { cards.delete(place); chosen.delete(place); }
  const list = all.map(showCar), now = [...$("cars").children];
  if (list.length !== now.length || list.some((card, index) => card !== now[index])) $("cars").replaceChildren(...list);
  const armed = all.filter((car) => car.state?.gate === "armed").length, gone = all.filter((car) => !car.state).length;
  $("summary").textContent = `${count(all.length, "car")}, ${armed} armed${gone ? `, ${gone} gone` : ""}`;
  $("none").hidden = all.length > 0;
  $("for-whom").textContent = chosen.size ? `For ${chosen.size} of ${count(all.length, "car")}: those that you chose.` : "For all cars. Choose some for these alone.";
}

function showStrangers(strangers) {
  $("strangers").hidden = strangers.length === 0;
  const rows = strangers.map(({ name, url }) => el("li", {}, `${name}: run `, el("code", {}, "car pair"), " on it, and here ", el("code", {}, `car pair-with ${new URL(url).host}`)));
  $("strangers").querySelector("ul").replaceChildren(...rows);
}

function showModels(models) {
  if (models.join("\n") === $("model").dataset.models) return;
  $("model").dataset.models = models.join("\n");
  const chosen = $("model").value;
  const options = models.map((name) => el("option", { value: name, selected: name === chosen }, name));
  $("model").replaceChildren(...(options.length ? options : [el("option", { value: "" }, "none here yet: car train")]));
  for (const button of $("push").querySelectorAll("button")) button.disabled = models.length === 0;
}

const nameOf = (place) => label(shown.find((car) => car.place === place) ?? { name: place, place });

function showErrand(errand) {
  $("pull").disabled = Boolean(errand && !errand.is_over);
  const rows = errand?.visits.map((visit) => el("li", {},
    `${nameOf(visit.place)} `, visit.is_over ? "" : el("progress", { value: visit.done, "aria-label": `${errand.what} at ${nameOf(visit.place)}` }), ` ${visit.notes.join(" ")} `,
    el("span", { class: "bad" }, visit.problems.join(" ")))) ?? [];
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
    const view = await soon(get("fleet"));
    answeredMs = performance.now();
    showCars(view.cars);
    showStrangers(view.strangers);
    showModels(view.models);
    showErrand(view.errand);
    showBoards(view);
    fail(view.trouble);
  } catch {
    fail("The fleet's program does not answer: nothing that you press reaches a car. Start `car fleet` again.");
    // What was heard before is not how the cars stand now.
    showCars(shown.map((car) => ({ ...car, state: null, gone_s: (performance.now() - answeredMs) / 1000, has_picture: false, ask: "Nothing is known of this car." })));
  }
  setTimeout(look, PERIOD_MS);
}

async function stopAll() {
  tellStopped("Stopping…");
  let answers;
  try {
    answers = await soon(post("fleet/stop"));
  } catch (error) {
    tellStopped(`NOT confirmed by any car. ${error.message} Stop the cars by hand.`, { bad: true });
    return;
  }
  stops.clear();
  for (const stop of answers) stops.set(stop.place, stop.after_ms == null ? "NOT confirmed" : `after ${Math.round(stop.after_ms)} ms`);
  const slowest = Math.max(0, ...answers.map((stop) => stop.after_ms ?? 0)), silent = answers.filter((stop) => stop.after_ms == null);
  tellStopped(silent.length
    ? `${count(answers.length - silent.length, "car")} stopped. NOT confirmed: ${silent.map((stop) => `${label(stop)} (${stop.why})`).join("; ")}`
    : `${count(answers.length, "car")} stopped, the last one after ${Math.round(slowest)} ms.`, { bad: silent.length > 0 });
}

function tellStopped(text, { bad = false } = {}) {
  $("stopped").hidden = false;
  $("stopped").className = bad ? "note bad" : "note";
  $("stopped").textContent = text;
}

async function begin(path, body) {
  try { await post(`fleet/${path}`, { ...body, cars: [...chosen] }); } catch (error) { toast(error.message, { bad: true }); }
}

$("stop").addEventListener("click", stopAll);
$("pull").addEventListener("click", () => begin("pull", {}));
$("push").addEventListener("submit", (event) => {
  event.preventDefault();
  begin("push", { model: $("model").value, activate: event.submitter?.value !== "keep" });
});
onSpace(stopAll);
look();
