/** The models page: cards of what there is, one click to drive with another, one to go back; names, and the trash. */

import { call, get, post, upload } from "./api.js";
import { $, bytes, confirmed, count, el, toast } from "./dom.js";
import "./shell.js";
import { Training } from "./training.js";

const MAX_MODEL_BYTES = 64 * 1024 * 1024;
let own = new Set();

async function show() {
  try {
    const models = await get("models");
    own = new Set(models.filter((model) => !model.shipped).map((model) => model.name));
    $("models").replaceChildren(...(models.length ? models.map(modelCard) : [nothing()]));
  } catch (error) {
    $("models").replaceChildren(el("li", { class: "note bad", role: "alert" }, error.message));
  }
}

const nothing = () => el("li", { class: "card empty" },
  el("h2", {}, "No models yet"),
  el("p", { class: "muted" }, "Record a few laps and train a pilot below, or upload a .tflite file."));

function modelCard(model) {
  const card = model.card ?? {};
  return el("li", { class: model.active ? "card model active" : "card model" },
    el("header", {}, el("h2", {}, model.name),
      model.active ? el("span", { class: "badge go" }, "Drives now") : model.shipped ? el("span", { class: "badge" }, "Ships with Pocketpilot") : null,
      model.fits ? null : el("span", { class: "badge warn" }, "Does not fit")),
    model.fits ? null : el("p", { class: "note warn" }, model.why),
    errorBars(card.metrics?.steering),
    definitions(facts(model, card)),
    closedLoop(Object.entries(card.closed_loop ?? {})),
    el("footer", {}, model.active
      ? el("span", { class: "muted" }, "The car drives with this one.")
      : el("button", { class: "primary", disabled: !model.fits, onclick: () => activate(model.name) }, "Drive with it"),
    model.active || model.shipped ? null : [
      el("button", { "aria-label": `Rename ${model.name}`, onclick: () => rename(model.name) }, "Rename"),
      el("button", { "aria-label": `Delete ${model.name}`, onclick: () => remove(model.name) }, "Delete")]));
}

const definitions = (rows) => el("dl", { class: "facts" }, rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

const closedLoop = (tracks) => tracks.length === 0 ? null : el("details", {},
  el("summary", {}, `Driven in the simulator: ${count(tracks.length, "track")}`), definitions(tracks.map(([track, result]) => [track, String(result)])));

function facts(model, card) {
  const rows = [["Size", bytes(model.bytes)]];
  if (card.width) rows.push(["Frames", `${card.width} × ${card.height}`]);
  if (card.sessions?.length) {
    const frames = card.sessions.reduce((sum, session) => sum + session.frames, 0);
    rows.push(["Learned from", `${count(frames, "frame")} of ${count(card.sessions.length, "session")}`]);
  }
  if (card.training?.made_by) rows.push(["Made by", String(card.training.made_by)]);
  if (typeof card.exam?.score === "number") rows.push(["Exam", `${card.exam.score.toFixed(1)} of 100`]);
  if (card.created) rows.push(["Made", new Date(card.created).toLocaleDateString("en", { dateStyle: "medium" })]);
  if (!card.width) rows.push(["Card", "None: it was trained elsewhere."]);
  return rows;
}

/** The steering error beside that of predicting the mean and of predicting zero. */
function errorBars(metrics) {
  if (!metrics?.mae) return null;
  const rows = [["this model", metrics.mae, "ours"], ["always the mean", metrics.predict_mean_mae, ""], ["always straight", metrics.predict_zero_mae, ""]]
    .filter(([, value]) => typeof value === "number");
  const longest = Math.max(...rows.map(([, value]) => value));
  return el("div", {}, el("h3", {}, "Steering error, less is better"),
    el("ul", { class: "bars" }, rows.map(([name, value, kind]) =>
      el("li", { class: kind }, el("span", { class: "muted" }, name), bar(value / longest), el("output", {}, value.toFixed(3))))));
}

function bar(share) {
  const filled = el("div");
  filled.style.width = `${Math.round(100 * share)}%`;
  return el("div", { class: "bar", "aria-hidden": "true" }, filled);
}

async function activate(name) {
  await act(() => post(`models/${encodeURIComponent(name)}/activate`), `The car drives with ${name} now.`);
}

async function rename(name) {
  const to = await newName(name);
  if (to && to !== name) await act(() => post(`models/${encodeURIComponent(name)}/rename?to=${encodeURIComponent(to)}`), `${name} is called ${to} now.`);
}

async function remove(name) {
  let trashed = name;
  const undo = ["Take back", () => act(() => post(`models/${encodeURIComponent(trashed)}/restore`), `${trashed} is back.`)];
  await act(async () => { ({ trashed } = await call("DELETE", `models/${encodeURIComponent(name)}`)); }, `${name} is in the trash.`, { action: undo, forMs: 10000 });
}

/** Ask for a name; resolves to an empty one when the person thinks better of it. */
function newName(name) {
  return new Promise((resolve) => {
    const input = el("input", { value: name, required: true, maxlength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*", title: "Letters, digits, dots, dashes and underscores, a letter or digit first", "aria-label": "New name" });
    const dialog = el("dialog", { "aria-label": `Rename ${name}` }, el("form", { method: "dialog" },
      el("h2", {}, `Rename ${name}`), input,
      el("div", { class: "row" },
        el("button", { type: "button", onclick: () => dialog.close("") }, "Cancel"),
        el("button", { value: "yes", class: "primary" }, "Rename"))));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes" ? input.value : ""); });
    document.body.append(dialog);
    dialog.showModal();
    input.select();
  });
}

async function act(request, done, options = {}) {
  try {
    await request();
    toast(done, options);
  } catch (error) {
    toast(error.message, { bad: true, forMs: 8000 });
  }
  await show();
}

async function uploadModel(file) {
  const panel = $("uploading");
  const say = (...children) => { panel.hidden = false; panel.replaceChildren(...children); };
  if (file.size > MAX_MODEL_BYTES) return say(el("p", { class: "note bad", role: "alert" }, `${file.name} has ${bytes(file.size)}; a model has at most ${bytes(MAX_MODEL_BYTES)}.`));
  const name = file.name.replace(/\.tflite$/i, ""), replaces = own.has(name);
  if (replaces && !(await confirmed(`Replace ${name}?`, "The car has a model of this name. The new one takes its place.", "Replace"))) return;
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Upload" });
  say(el("p", {}, `Sending ${file.name}…`), bar);
  try {
    await upload(`models?name=${encodeURIComponent(name)}&replace=${replaces}`, file, (share) => { bar.value = share; });
    panel.hidden = true;
    toast(`${file.name} was checked and fits.`);
  } catch (error) {
    say(el("p", { class: "note bad", role: "alert" }, error.message));
  }
  await show();
}

$("previous").addEventListener("click", () => act(() => post("models/previous"), "Back to the previous model."));
$("upload").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) await uploadModel(file);
  event.target.value = "";
});
show();
new Training($("training"), { learned: show, activate }).open();
