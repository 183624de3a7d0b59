/** What every page has: the header, the way around, and a STOP for as long as the car is armed. */

import { DriveChannel } from "./channel.js";
import { $, el } from "./dom.js";

const PAGES = [["/", "Drive"], ["/sessions", "Sessions"], ["/models", "Models"], ["/calibrate", "Calibrate"], ["/doctor", "Doctor"]];

/** One socket for the page. */
export const channel = new DriveChannel();

/** Words and colour for the gate's state. */
export function gateWords(state) {
  if (!state) return ["Connecting", ""];
  if (state.gate === "armed") return [`Armed · ${state.mode}`, "go"];
  return state.gate === "tripped" ? ["Tripped", "bad"] : ["Disarmed", ""];
}

export const stop = () => channel.send({ type: "stop" });

/**
 * Space stops, whatever has the focus, and presses nothing else; `after` runs when the stop is on its way. `isWanted` may
 * leave the key to the page.
 */
export function stopBySpace(after, isWanted = () => true) {
  let stops = false;
  for (const kind of ["keydown", "keyup"]) {
    window.addEventListener(kind, (event) => {
      if (event.code !== "Space") return;
      if (kind === "keydown" && !event.repeat) stops = isWanted(event.target);
      if (!stops) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (kind === "keyup" || event.repeat) return;
      stop();
      after();
    }, { capture: true });
  }
}

function header() {
  const links = PAGES.map(([path, name]) =>
    el("a", { href: path, "aria-current": location.pathname === path ? "page" : null }, name));
  return el("header", { class: "top" },
    el("a", { class: "brand", href: "/", "aria-label": "Pocketpilot" }, el("img", { src: "/static/icon.svg", alt: "" }), el("span", {}, "Pocketpilot")),
    el("nav", { "aria-label": "Pages" }, links),
    el("div", { class: "car", id: "car" }));
}

function showCar() {
  const { state } = channel, [words, kind] = gateWords(state);
  const isArmed = state?.gate === "armed";
  const key = `${words}${isArmed}`;
  const place = $("car");
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(
    el("span", { class: `badge ${kind}` }, el("span", { class: "dot" }), words),
    isArmed ? el("button", { class: "stop compact", onclick: stop }, "STOP") : "");
}

document.body.prepend(header());
if (location.pathname !== "/" && location.pathname !== "/calibrate") {
  for (const kind of ["state", "link"]) channel.addEventListener(kind, showCar);
  stopBySpace(() => {}, (element) => channel.state?.gate === "armed" && !element.matches?.("[type=text], [type=number], textarea"));
}
