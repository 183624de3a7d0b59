/** The people page: who is let in and may do what, and a QR code for one more. */

import { call, get, post } from "./api.js";
import { $, confirmed, el, toast } from "./dom.js";
import "./shell.js";

const MAY = { watch: "may watch", drive: "may drive", own: "may do everything" };
const LOOK_MS = 3000;
let shown = "";

/** Show the list as it is now, unless nothing has changed. */
async function showPeople() {
  const people = await get("people");
  if (JSON.stringify(people) === shown) return;
  shown = JSON.stringify(people);
  const { paired, invited, you } = people;
  const rows = paired.map((one) => row(one, one.number === you ? "this browser" : one.number,
    el("button", { class: "compact", "aria-label": `Revoke ${called(one)}`, onclick: () => revoke(one, one.number === you) }, "Revoke")));
  const waiting = invited.map((one) => row(one, "code not used yet"));
  $("people").replaceChildren(...rows, ...waiting, ...(rows.length + waiting.length ? [] : [el("li", { class: "muted" }, "Nobody is let in yet.")]));
}

const called = (one) => one.name || "a browser without a name";

function row(one, about, ...more) {
  return el("li", { class: "row spread" }, el("span", { class: "grow" }, called(one), el("span", { class: "muted small" }, ` ${MAY[one.role]} · ${about}`)), ...more);
}

async function revoke(one, isMe) {
  const text = isMe ? "This browser is out at once, and needs a new code from `car pair`." : "Out at once, and back in by a new code only.";
  if (!(await confirmed(`Revoke ${called(one)}?`, text, "Revoke", { danger: true }))) return;
  await tried(() => call("DELETE", `people/${one.number}`));
}

async function invite(event) {
  event.preventDefault();
  await tried(async () => {
    const made = await post("people", { name: $("name").value, role: $("role").value });
    $("code").replaceChildren(
      el("img", { src: made.picture, alt: "QR code that lets one device in", width: 240 }),
      el("p", { class: "small" }, `Works once, within ${made.valid_s / 60} minutes. Or open ${made.address.split("#")[0]} and type ${made.code}`));
  });
}

/** Do it, say what went wrong, and show the list. */
async function tried(act) {
  try {
    await act();
    await showPeople();
  } catch (error) {
    toast(error.message, { bad: true });
  }
}

$("invite").addEventListener("submit", invite);
tried(() => {});
setInterval(() => document.hidden || showPeople().catch(() => {}), LOOK_MS);
