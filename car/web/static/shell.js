/** What every page has: the header, the way around, and a STOP for as long as the car is armed. */

import { DriveChannel } from "./channel.js";
import { $, el, stateWords, toast } from "./dom.js";
import { onSpace } from "./keys.js";

const PAGES = [["/", "Drive"], ["/sessions", "Sessions"], ["/models", "Models"], ["/tracks", "Tracks"], ["/calibrate", "Calibrate"], ["/people", "People"], ["/doctor", "Doctor"]];
const LOST = "Connection lost: nothing that you press reaches the car. Without a driver it stops by itself, unless it was started headless.";
const ABOUT = document.title.split(" · ")[0];
let carName = "Pocketpilot";
let isArmed = false; // as far as is known: a car that is lost may still drive

/** One socket for the page. */
export const channel = new DriveChannel();

/** Words and colour for the gate's state. */
export function gateWords(state) {
  if (!state) return channel.isLost ? ["No connection", "bad"] : ["Connecting", ""];
  return stateWords(state);
}

/** STOP. */
export function stop() {
  if (!channel.stop()) toast("STOP has not reached the car: there is no connection. The page sends it again when there is one.", { bad: true });
}

/** Space stops the car; `after` runs when the stop is on its way. `isWanted` may leave the key to the page. */
export const stopBySpace = (after, isWanted) => onSpace(() => { stop(); after(); }, isWanted);

function header() {
  const links = PAGES.map(([path, name]) =>
    // A car with real wheels is on no track that could be drawn.
    el("a", { href: path, id: path === "/tracks" ? "tracks-link" : null, hidden: path === "/tracks" && location.pathname !== path, "aria-current": location.pathname === path ? "page" : null }, name));
  return el("header", { class: "top" },
    el("a", { class: "brand", href: "/" }, el("img", { src: "/static/icon.svg", alt: "" }), el("span", { id: "car-name" }, "Pocketpilot")),
    el("nav", { "aria-label": "Pages" }, links),
    el("div", { class: "car", id: "car" }),
    el("p", { class: "lost note bad", id: "lost", role: "alert", hidden: true }));
}

/** A page's title: what it is about, and the car's name. */
export const titled = (about) => `${about} · ${carName}`;

/** Name the car in the header and in the title, from when the car has told its name. */
function showName() {
  const { car: name, simulated, role } = channel.state;
  if (location.pathname !== "/tracks") $("tracks-link").hidden = !simulated;
  // The other pages are the owner's.
  document.querySelector("nav").hidden = role !== "own";
  if (!name || carName === name) return;
  carName = $("car-name").textContent = $("car-name").title = name;
  document.title = titled(ABOUT);
}

function showLost() {
  $("lost").hidden = !channel.isLost;
  $("lost").textContent = channel.isLost ? LOST : "";
}

function showCar() {
  const { state } = channel, [words, kind] = gateWords(state);
  if (state) isArmed = state.gate === "armed";
  const key = `${words}${isArmed}`;
  const place = $("car");
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(
    el("span", { class: `badge ${kind}` }, el("span", { class: "dot" }), words),
    isArmed ? el("button", { class: "stop compact", onclick: stop }, "STOP") : "");
}

document.body.prepend(header());
channel.addEventListener("state", showName);
channel.addEventListener("link", showLost);
if (location.pathname !== "/" && location.pathname !== "/calibrate") {
  for (const kind of ["state", "link"]) channel.addEventListener(kind, showCar);
  stopBySpace(() => {}, (element) => isArmed && !element.matches?.("[type=text], [type=number], textarea"));
}
