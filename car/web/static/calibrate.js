/** The calibrate page: the wheels are up, a slider moves the output it names, and what fits is saved. */

import { get, post } from "./api.js";
import { $, el, toast } from "./dom.js";
import { REST } from "./inputs.js";
import { Sampler } from "./sampler.js";
import { channel, gateWords, stop, stopBySpace } from "./shell.js";

const REPEAT_MS = 80; // a tried output is valid for 200 ms, and must be asked for again while it is held
const MOMENT_MS = 1000; // how long is shown on the wheels what nobody holds: a tick, a number that was typed

const values = new Map();
let saved = new Map();
let trying = null;
const hands = { read: () => REST, watch: () => {}, release: () => { trying = null; } };
const sampler = new Sampler(channel, hands);

async function show() {
  let calibration;
  try {
    calibration = await get("calibration");
  } catch (error) {
    $("calibrate").replaceChildren(el("p", { class: "note bad", role: "alert" }, error.message));
    return;
  }
  if (!calibration.fields.length) {
    $("calibrate").replaceChildren(el("div", { class: "card empty" }, el("h2", {}, "Nothing to calibrate"),
      el("p", { class: "muted" }, "This car's steering and motor have nothing to set. For a servo and an ESC, you set the ends and the middle here.")));
    return;
  }
  saved = new Map(calibration.fields.map((field) => [field.name, field.value]));
  for (const [name, value] of saved) values.set(name, value);
  $("calibrate").replaceChildren(
    el("div", { class: "stack" }, groups(calibration.fields)),
    el("aside", { class: "stack" }, liftCard(), el("button", { id: "stop", class: "stop", onclick: stop }, "STOP"), saveCard(calibration)));
  showState();
  showChanges();
}

function groups(fields) {
  const names = [...new Set(fields.map((field) => field.output))];
  return names.map((output) => el("section", { class: "card" }, el("h2", {}, `${output[0].toUpperCase()}${output.slice(1)}`),
    fields.filter((field) => field.output === output).map(fieldRow)));
}

function fieldRow(field) {
  if (typeof field.value === "boolean") return tickRow(field);
  const { name, label, min, max, step = 1, unit = "µs", help = "" } = field;
  const slider = el("input", { type: "range", id: name, min, max, step });
  const number = el("input", { type: "number", min, max, step, "aria-label": `${label}, ${unit}` });
  const set = (value, tryIt) => {
    if (!Number.isFinite(value) || value < min || value > max) return;
    values.set(name, value);
    slider.value = number.value = value;
    showChanges();
    tryIt(name, value);
  };
  slider.value = number.value = field.value;
  slider.addEventListener("input", () => set(Number(slider.value), tryOut));
  number.addEventListener("change", () => set(Number(number.value), tryForAMoment));
  for (const kind of ["blur", "keyup"]) slider.addEventListener(kind, hands.release);
  return el("div", { class: "field", "data-name": name }, el("label", { for: name }, label), el("div", { class: "number" }, number, el("span", { class: "small muted" }, unit)),
    el("div", { class: "help" }, slider), help ? el("p", { class: "help small muted" }, help) : null);
}

function tickRow({ name, label, value, help = "" }) {
  const box = el("input", { type: "checkbox", id: name, checked: value });
  box.addEventListener("change", () => {
    values.set(name, box.checked);
    showChanges();
    tryForAMoment(name, box.checked);
  });
  return el("div", { class: "field", "data-name": name }, el("label", { class: "tick", for: name }, box, label), help ? el("p", { class: "help small muted" }, help) : null);
}

function liftCard() {
  const tick = el("input", { type: "checkbox", id: "wheels-up" });
  tick.addEventListener("change", showState);
  return el("section", { class: "card stack lift" },
    el("div", { class: "row spread" }, el("h2", {}, "Wheels off the ground"), el("span", { class: "badge", id: "gate-badge" })),
    el("p", { class: "small muted" }, "The motor will turn. Put the car on a box so that no wheel touches anything."),
    el("label", { class: "tick", for: "wheels-up" }, tick, "The wheels are up"),
    el("button", { id: "begin", class: "primary", onclick: beginOrEnd }, "Begin"),
    el("p", { class: "small", id: "gate-text", role: "status" }));
}

function saveCard({ calibrated }) {
  return el("section", { class: "card stack" },
    el("button", { id: "save", class: "primary", onclick: save }, "Save"),
    el("p", { class: "small muted" }, calibrated ? `Last calibrated on ${calibrated}.` : "Not calibrated yet. The car arms for driving once this is saved."));
}

function beginOrEnd() {
  if (isCalibrating()) channel.send({ type: "disarm" });
  else channel.send({ type: "arm", mode: "calibration", wheels_up: $("wheels-up").checked });
}

const isCalibrating = () => channel.state?.gate === "armed" && channel.state.mode === "calibration";

function tryOut(name, value) {
  if (!isCalibrating()) return;
  trying = { type: "try_output", name, value };
  channel.send(trying);
}

function tryForAMoment(name, value) {
  tryOut(name, value);
  const tried = trying;
  setTimeout(() => { if (trying === tried) trying = null; }, MOMENT_MS);
}

async function save() {
  try {
    await post("calibration", Object.fromEntries(values));
    toast("Saved to car.toml.");
    await show();
  } catch (error) {
    toast(error.message, { bad: true, forMs: 9000 });
  }
}

function showChanges() {
  for (const row of document.querySelectorAll(".field")) {
    const { name } = row.dataset;
    row.classList.toggle("changed", saved.get(name) !== values.get(name));
  }
}

function showState() {
  if (!$("begin")) return;
  const { state } = channel, [words, kind] = gateWords(state);
  $("gate-badge").textContent = words;
  $("gate-badge").className = `badge ${kind}`;
  $("begin").textContent = isCalibrating() ? "End" : "Begin";
  $("begin").disabled = !state || !isCalibrating() && !$("wheels-up").checked;
  $("gate-text").textContent = state?.refusal ? `Not begun: ${state.refusal}.` : state?.trip ? `Stopped: ${state.trip}.` : "";
}

stopBySpace(hands.release);
// Wherever the finger is lifted, or taken for one that scrolls the page.
for (const kind of ["pointerup", "pointercancel"]) window.addEventListener(kind, hands.release);
// Space is STOP here, so that Enter ticks a box.
window.addEventListener("keydown", (event) => { if ((event.key === "Enter" || event.code === "Enter") && event.target.type === "checkbox") event.target.click(); });
setInterval(() => { if (trying && isCalibrating()) channel.send(trying); }, REPEAT_MS);
for (const kind of ["state", "link"]) channel.addEventListener(kind, showState);
channel.addEventListener("refused", (event) => toast(event.detail, { bad: true }));
window.addEventListener("pagehide", () => { if (isCalibrating()) channel.send({ type: "disarm" }); });
sampler.throttleLimit = 0;
show();
