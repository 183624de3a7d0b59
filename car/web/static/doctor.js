/** The doctor page: what is wrong first, with what fixes it; what is fine below. */

import { get } from "./api.js";
import { $, count, el, toast } from "./dom.js";
import "./shell.js";

const KINDS = { error: ["Error", "bad"], warning: ["Warning", "warn"], ok: ["Fine", "go"] };

async function examine() {
  $("again").disabled = true;
  $("report").replaceChildren(el("p", { class: "note" }, "Looking at the car. This takes a few seconds…"));
  try {
    show(await get("doctor"));
  } catch (error) {
    $("report").replaceChildren(el("p", { class: "note bad", role: "alert" }, error.message));
  }
  $("again").disabled = false;
}

function show(report) {
  $("machine").textContent = `${report.car} · ${report.machine}`;
  const of = (level) => report.findings.filter((finding) => finding.level === level);
  const [errors, warnings, fine] = [of("error"), of("warning"), of("ok")];
  $("report").replaceChildren(
    summary(errors.length, warnings.length),
    el("ul", { class: "findings" }, [...errors, ...warnings].map(problem)),
    fine.length ? el("h2", {}, `${count(fine.length, "thing")} in order`) : "",
    fine.length ? el("ul", { class: "card fine" }, fine.map((finding) =>
      el("li", {}, el("strong", {}, capital(finding.title)), el("span", { class: "muted" }, finding.text)))) : "");
}

const capital = (words) => `${words[0].toUpperCase()}${words.slice(1)}`;

function summary(errors, warnings) {
  if (errors) return el("p", { class: "note bad summary" }, `${count(errors, "error")} to fix${warnings ? `, and ${count(warnings, "warning")}` : ""}.`);
  if (warnings) return el("p", { class: "note warn summary" }, `It drives, with ${count(warnings, "warning")}.`);
  return el("p", { class: "note go summary" }, "All is well.");
}

function problem({ level, title, text, fix }) {
  const [word, kind] = KINDS[level];
  return el("li", { class: "card finding" },
    el("span", { class: `badge ${kind}` }, word), el("h3", {}, capital(title)), el("p", {}, text),
    fix ? el("div", { class: "fix" }, el("code", {}, fix), el("button", { class: "compact", onclick: () => copy(fix) }, "Copy")) : null);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("This browser does not allow it here. Select the line and copy it.", { bad: true });
  }
}

$("again").addEventListener("click", examine);
examine();
