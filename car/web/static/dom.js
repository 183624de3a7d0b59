/** Small helpers with which every page builds what it shows. */

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/**
 * Make an element: el("button", { class: "plain", onclick: save }, "Save"). Functions become listeners, true and false
 * set or leave out an attribute, children may be nodes, texts, or null for nothing.
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** Show a sentence for a while; `action` may be [label, function]. */
export function toast(text, { bad = false, action = null, forMs = 5000 } = {}) {
  let list = document.querySelector(".toasts");
  if (!list) {
    list = el("div", { class: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(list);
  }
  const item = el("div", { class: bad ? "toast bad" : "toast" }, el("span", {}, text));
  if (action) {
    const [label, act] = action;
    item.append(el("button", { onclick: () => { item.remove(); act(); } }, label));
  }
  list.replaceChildren(...[...list.children].slice(-2), item);
  setTimeout(() => item.remove(), forMs);
}

/** Ask before something that matters; resolves to true when the person says yes. */
export function confirmed(title, text, yes, { danger = false } = {}) {
  return new Promise((resolve) => {
    const form = el("form", { method: "dialog" },
      el("h2", {}, title), el("p", { class: "muted" }, text),
      el("div", { class: "row" },
        el("button", { value: "no" }, "Cancel"),
        el("button", { value: "yes", class: danger ? "danger" : "primary" }, yes)));
    const dialog = el("dialog", { "aria-label": title }, form);
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A colour of the style sheet, by the name of its custom property. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Fit a canvas's pixels to its size on the screen; returns [context, width, height] in CSS pixels, cleared. */
export function fitCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

/** 4096 → "4.1 kB". */
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB"];
  let size = count, unit = 0;
  while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${unit && size < 100 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** Words and colour for the gate's state of a car that is heard. */
export function stateWords({ gate, mode }) {
  if (gate === "armed") return [`Armed · ${mode}`, "go"];
  return gate === "tripped" ? ["Tripped", "bad"] : ["Disarmed", ""];
}

/** 75 → "1:15"; 3675 → "1:01:15". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds)), two = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** 1234 → "1,234"; with a word, "1 lap" or "3 laps". */
export function count(value, word = "") {
  const text = value.toLocaleString("en");
  return word ? `${text} ${word}${value === 1 ? "" : "s"}` : text;
}

/** What a person calls a session: its name if somebody gave it one, else when it was started, in the reader's time. */
export function title({ name, started }) {
  const time = started ? new Date(started) : null, isDate = /^\d{4}-\d\d-\d\d/.test(name);
  return isDate && time && !Number.isNaN(time.valueOf()) ? time.toLocaleString("en", { dateStyle: "medium", timeStyle: "short" }) : name;
}
