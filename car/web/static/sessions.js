/** The sessions page: the list, the trash, the import; the session that is looked at is the viewer's. */

import { get, post, upload } from "./api.js";
import { $, bytes, count, duration, el, title, toast } from "./dom.js";
import "./shell.js";
import { Viewer } from "./viewer.js";

let viewer = null;
let inTrash = false;

const chosen = () => decodeURIComponent(location.hash.slice(1));

async function showList() {
  try {
    const items = await get(inTrash ? "trash" : "sessions");
    $("list").replaceChildren(...(items.length ? items.map(inTrash ? trashed : entry) : [nothing()]));
    if (!chosen() && !inTrash && items.length && matchMedia("(min-width: 901px)").matches) location.replace(`#${encodeURIComponent(items[0].name)}`);
  } catch (error) {
    $("list").replaceChildren(el("li", { class: "note bad", role: "alert" }, error.message));
  }
}

function entry(session) {
  const leftOut = session.left_out_frames ? `, ${count(session.left_out_frames)} left out` : "";
  const laps = session.laps == null ? "" : ` · ${count(session.laps, "lap")}`;
  return el("li", {}, el("a", { href: `#${encodeURIComponent(session.name)}`, "aria-current": session.name === chosen() ? "true" : null },
    session.frames ? el("img", { src: `/api/sessions/${encodeURIComponent(session.name)}/thumbnail.jpg`, alt: "", loading: "lazy" }) : el("img", { src: "/static/icon.svg", alt: "" }),
    el("strong", {}, title(session)),
    el("span", { class: "small muted" }, `${duration(session.seconds)}${laps} · ${bytes(session.bytes)}`),
    el("span", { class: "small muted" }, session.recording ? el("span", { class: "badge bad" }, el("span", { class: "dot" }), "Recording") : `${count(session.frames)} frames${leftOut}`)));
}

const trashed = (session) => el("li", { class: "trashed" },
  el("strong", {}, session.name), el("span", { class: "small muted" }, bytes(session.bytes)),
  el("button", { class: "compact", onclick: () => restore(session.name) }, "Take back"));

const nothing = () => el("li", { class: "card empty" }, inTrash
  ? el("p", { class: "muted" }, "The trash is empty.")
  : [el("h2", {}, "No sessions yet"), el("p", { class: "muted" }, "Drive a few laps with Record on, or import a Donkey Car tub."), el("a", { class: "button primary", href: "/" }, "Go and drive")]);

async function restore(name) {
  try {
    await post(`sessions/${encodeURIComponent(name)}/restore`);
    toast(`${name} is back.`);
  } catch (error) {
    toast(error.message, { bad: true });
  }
  await showList();
}

function showChosen() {
  viewer?.close();
  viewer = null;
  const name = chosen();
  document.body.toggleAttribute("data-open", Boolean(name));
  for (const link of $("list").querySelectorAll("a")) {
    if (link.hash === location.hash && name) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  if (!name) {
    $("viewer").replaceChildren();
    return;
  }
  viewer = new Viewer($("viewer"), name, showList);
  viewer.open();
}

async function importTub(file) {
  const panel = $("importing"), bar = el("progress", { max: 1, value: 0, "aria-label": "Upload" }), text = el("p", {}, `Sending ${file.name}, ${bytes(file.size)}…`);
  panel.hidden = false;
  panel.replaceChildren(text, bar);
  try {
    const done = await upload(`sessions/import?name=${encodeURIComponent(file.name)}`, file, (share) => {
      bar.value = share;
      if (share === 1) { text.textContent = `Reading ${file.name}…`; bar.removeAttribute("value"); }
    });
    panel.replaceChildren(el("p", { class: "note go report" }, done?.report ?? `${file.name} is imported.`));
    await showList();
    if (done?.names.length) location.hash = encodeURIComponent(done.names[0]);
  } catch (error) {
    panel.replaceChildren(el("p", { class: "note bad", role: "alert" }, error.message));
  }
}

$("import").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) await importTub(file);
  event.target.value = "";
});
$("show-trash").addEventListener("click", () => {
  inTrash = !inTrash;
  $("show-trash").setAttribute("aria-pressed", String(inTrash));
  $("show-trash").textContent = inTrash ? "Back to the sessions" : "Trash";
  showList();
});
window.addEventListener("hashchange", showChosen);
showList();
showChosen();
