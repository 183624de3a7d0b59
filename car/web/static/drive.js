/** The drive page. */

import { get, post } from "./api.js";
import { $, bytes, count, el, fitCanvas, toast } from "./dom.js";
import { PilotPicture } from "./goes_by.js";
import { Inputs, Tilt } from "./inputs.js";
import { isLetter } from "./keys.js";
import { TrackMap } from "./map.js";
import { drawGauges, drawWay } from "./overlay.js";
import { LivePlot } from "./plot.js";
import { Sampler } from "./sampler.js";
import { channel, stop, stopBySpace, titled } from "./shell.js";
import { VideoFeed } from "./video.js";

const ERASE_S = 5;
const ASK_AGAIN_MS = 5000;
const ASK_PILOTS_MS = 3000; // the desk may just have been started again
const DARK_MS = 2000;
const LIMIT_KEY = "throttle-limit";
const USUAL_LIMIT = 40;
const IGNORED_MS = 500;
const MODES = {
  manual: ["You drive.", "You steer, and the throttle is yours."],
  assist: ["The pilot steers, you have the throttle.", "The pilot steers, and the throttle is yours."],
  auto: ["The pilot drives. STOP stops it at any time.", "The pilot steers and has the throttle, up to the throttle limit and its cap in car.toml."],
  calibration: ["Calibrating: only small movements, with the wheels up.", ""],
};

const inputs = new Inputs({
  pad: $("pad"),
  onchange: () => sampler.sample(),
  onmove: () => sampler.sampleUnlessJustDone(),
  onstop: stopNow,
  onconnect: showSources,
});
const sampler = new Sampler(channel, inputs);
const map = new TrackMap();
const plot = new LivePlot($("plot"));
const pilotPicture = new PilotPicture($("goes-by-picture"));
const feed = new VideoFeed($("video"), drawOverlay);
let askedMs = -ASK_AGAIN_MS;
let drawnMs = 0;

/** STOP goes out first; letting go of everything comes after. */
function stopNow() {
  stop();
  inputs.release();
}

function wireButtons() {
  // On the way down, not when the finger leaves again.
  $("stop").addEventListener("pointerdown", (event) => { if (event.button === 0) stopNow(); });
  $("stop").addEventListener("click", stopNow);
  $("arm").addEventListener("click", () => {
    const { state } = channel;
    if (!state) return;
    const mode = state.mode === "calibration" ? "manual" : state.mode;
    channel.send(state.gate === "armed" ? { type: "disarm" } : { type: "arm", mode, wheels_up: false });
  });
  for (const button of $("modes").children) {
    button.addEventListener("click", () => channel.send({ type: "mode", mode: button.dataset.mode }));
  }
  $("record").addEventListener("click", () => channel.send({ type: "record", on: !isSwitchedOn(channel.state?.recording) }));
  $("erase").addEventListener("click", () => {
    if (channel.send({ type: "erase", seconds: ERASE_S })) toast(`The last ${ERASE_S} s are left out of the recording.`);
  });
  $("lap").addEventListener("pointerdown", crossLine);
  // Enter and the like: these have no pointer.
  $("lap").addEventListener("click", (event) => event.detail === 0 && crossLine());
  $("take-over").addEventListener("click", () => {
    askedMs = performance.now();
    channel.send({ type: "take_over" });
  });
  $("limit").value = readLimit();
  $("limit").addEventListener("input", showLimit);
  // With the mouse or a finger it is set in one go, and the arrow keys are for driving again.
  $("limit").addEventListener("pointerup", () => $("limit").blur());
  $("pilot").addEventListener("change", choosePilot);
  $("goes-by").addEventListener("click", togglePilotPicture);
  $("tilt").addEventListener("click", toggleTilt);
  $("track").addEventListener("change", enterTrack);
  $("restart").addEventListener("click", enterTrack);
  window.addEventListener("keydown", (event) => {
    const isTyped = event.target instanceof Element && event.target.matches("input, select, textarea");
    if (isTyped || event.repeat || event.ctrlKey || event.metaKey) return;
    if (isLetter(event, "KeyR") && !$("world").hidden) enterTrack();
    if (isLetter(event, "KeyL") && !$("lap").hidden) crossLine();
  });
}

/** The car crosses the start line: the moment of the key or finger counts, not the one at which the car hears of it. */
function crossLine() {
  channel.send({ type: "lap", client_ms: performance.now() });
}

/** The limit that was set last; a browser may keep nothing, and then the usual one holds. */
function readLimit() {
  try {
    const stored = Number(localStorage.getItem(LIMIT_KEY));
    return stored >= 10 && stored <= 100 ? stored : USUAL_LIMIT;
  } catch {
    return USUAL_LIMIT;
  }
}

function showLimit() {
  const percent = Number($("limit").value);
  sampler.throttleLimit = sampler.pilotLimit = percent / 100;
  $("limit-text").textContent = `${percent} %`;
  try {
    localStorage.setItem(LIMIT_KEY, percent);
  } catch {
    // Then it is not remembered, and that is all.
  }
}

async function choosePilot() {
  const name = $("pilot").value;
  $("pilot").blur();
  try {
    await post(`models/${encodeURIComponent(name)}/activate`);
    toast(`${name} is the pilot now.`);
  } catch (error) {
    toast(error.message, { bad: true });
  }
  await showPilots();
}

async function showPilots() {
  try {
    const models = await get("models");
    // A list with nothing selected would show its first entry, as if that drove.
    const none = models.some((model) => model.active) ? [] : [el("option", { value: "", selected: true, disabled: true }, channel.state?.pilot_name ?? "none")];
    $("pilot").replaceChildren(...none, ...models.map((model) =>
      el("option", { value: model.name, selected: model.active, disabled: !model.fits }, model.fits ? model.name : `${model.name} (does not fit)`)));
    $("pilot").disabled = models.length === 0;
    $("goes-by").hidden = !(await get("pilot")).has_picture;
    if ($("goes-by").hidden && pilotPicture.isOn) togglePilotPicture();
  } catch (error) {
    $("pilot").replaceChildren(el("option", {}, channel.state?.pilot_name ?? "unknown"));
    $("pilot").disabled = true;
    setTimeout(showPilots, ASK_PILOTS_MS);
  }
}

function togglePilotPicture() {
  pilotPicture.toggle();
  $("goes-by").setAttribute("aria-pressed", String(pilotPicture.isOn));
  $("goes-by").textContent = pilotPicture.isOn ? "Hide what it goes by" : "Show what it goes by";
  $("goes-by").blur();
}

/** A simulated car can be put back on its track, or on another one. */
function enterTrack() {
  if (isWatcher(channel.state)) return;
  inputs.release();
  channel.send({ type: "enter_track", track: $("track").value });
  $("track").blur();
}

async function showTracks() {
  const { tracks, track } = await get("status").catch(() => ({ tracks: [] }));
  $("world").hidden = tracks.length === 0;
  $("track").replaceChildren(...tracks.map((name) => el("option", { value: name, selected: name === track }, name)));
}

async function toggleTilt() {
  if (inputs.tilt.isOn) inputs.tilt.stop();
  else {
    const why = await inputs.tilt.start();
    if (why) toast(why, { bad: true });
  }
  $("tilt").setAttribute("aria-pressed", String(inputs.tilt.isOn));
  $("tilt").textContent = inputs.tilt.isOn ? "Stop steering by tilt" : "Steer by tilting the phone";
  $("pad-hint").textContent = inputs.tilt.isOn ? "Hold, tilt to steer, slide for throttle" : "Drag to drive";
}

function showSources() {
  const { known, unknown } = inputs.gamepads.names;
  const keys = matchMedia("(hover: hover)").matches ? "Keys: arrows or WASD; C keeps the throttle." : "";
  const pads = known.length ? `${known.join(", ")}: hold a shoulder button, steer left, triggers drive, B stops.` : "";
  const strange = unknown.length ? `${unknown.join(", ")} does nothing here, not even STOP: this browser does not know its buttons. Try another browser, or plug it into the car.` : "";
  const insecure = window.isSecureContext ? "" : "Gamepad and tilt need a secure page: start the car with car drive --tls.";
  $("sources").textContent = [keys, pads, strange, pads || strange ? "" : insecure].filter(Boolean).join(" ");
}

function drawOverlay({ steering, throttle }) {
  const [context, width, height] = fitCanvas($("overlay"));
  const { width: frameWidth, height: frameHeight } = $("video");
  const scale = Math.min(width / frameWidth, height / frameHeight);
  const box = { width: frameWidth * scale, height: frameHeight * scale };
  box.left = (width - box.width) / 2;
  box.top = (height - box.height) / 2;
  const { state } = channel, isArmed = state?.gate === "armed";
  if (isArmed) drawWay(context, box, { steering, throttle }, "#3ddcb5");
  if (state?.pilot && !(isArmed && state.mode === "auto")) drawWay(context, box, state.pilot, "#ffd166", { dashed: true });
  drawGauges(context, box, { steering, throttle }, "#82adff", "#f6a94a");
}

function showState() {
  const { state } = channel, nowMs = performance.now();
  showGate(state);
  showDriver(state, nowMs);
  showRecording(state?.recording);
  if (!state) return;
  watchCruise(state, nowMs);
  plot.add(state.steering, state.throttle, nowMs);
  if (nowMs - drawnMs < 45) return;
  drawnMs = nowMs;
  plot.draw(nowMs);
  map.show(state);
  showFigures(state);
}

/** Cruise is over when somebody or something else has the throttle, or the car takes none. */
function watchCruise(state, nowMs) {
  const { keyboard } = inputs, mayCruise = state.gate === "armed" && state.driver && (state.mode === "manual" || state.mode === "assist");
  if (!keyboard.cruise || state.throttle > 0) watchCruise.sinceMs = nowMs;
  if (mayCruise && nowMs - watchCruise.sinceMs < IGNORED_MS) return;
  if (keyboard.cruise) keyboard.release();
}

function showGate(state) {
  const gate = state?.gate ?? "", isArmed = gate === "armed", mode = state?.mode ?? "";
  const [title, text] = gateText(state);
  $("gate").dataset.gate = gate;
  setText("gate-title", title);
  setText("gate-text", text);
  setText("arm", isArmed ? "Disarm" : "Arm");
  $("arm").className = isArmed ? "" : "primary";
  $("arm").disabled = !state || isWatcher(state) || !state.driver && state.driver_present;
  for (const button of $("modes").children) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  setText("mode-text", MODES[mode]?.[1] ?? "");
  document.title = titled(title);
}

function gateText(state) {
  if (!state) return channel.isLost ? ["No connection", "Trying again…"] : ["Connecting…", ""];
  if (state.gate === "armed" && inputs.keyboard.cruise) return ["Armed", `Cruise keeps ${percent(sampler.wish.throttle)} of the throttle until you press C or a reverse key.`];
  if (state.gate === "armed" && state.awaits_neutral) return ["Armed", "Let go of the throttle, then press it again."];
  if (state.gate === "armed" && state.mode === "auto" && state.uncertainty > UNSURE) return ["Armed", "The pilot has seen little that is like this, and drives slower. Be ready to take over."];
  if (state.gate === "armed") return ["Armed", [MODES[state.mode][0], sentence(state.refusal)].filter(Boolean).join(" ")];
  if (state.refusal) return ["Not armed", `${sentence(state.refusal)}`];
  if (state.gate === "tripped") return ["Stopped", `${sentence(state.trip)} Let go of the throttle, then arm again.`];
  return ["Disarmed", "The wheels stand still until you arm."];
}

/** From here on the gate caps the throttle of a pilot that says how little it knows of what it sees. */
const UNSURE = 1;

const percent = (share) => `${Math.round(100 * share)} %`;

const sentence = (words) => words && `${words[0].toUpperCase()}${words.slice(1)}.`;

/** Whether this browser may watch and stop, and nothing else. */
const isWatcher = (state) => state?.role === "watch";

/** Show whoever may only watch no more than that; it does not change for as long as a browser is let in. */
function showRole({ role }) {
  if (showRole.shown === role) return;
  showRole.shown = role;
  for (const part of document.querySelectorAll(".modes, .pad, .settings, #arm, #take-over")) part.hidden = role === "watch";
  if (role !== "watch") showPilots();
}

function showDriver(state, nowMs) {
  const isWatching = Boolean(state) && (isWatcher(state) || !state.driver && state.driver_present), hasAsked = nowMs - askedMs < ASK_AGAIN_MS;
  const who = state?.driver_name || (state?.driver_present ? "Another person" : "Nobody");
  if (state) showRole(state);
  $("watching").hidden = !isWatching;
  $("lap").hidden = isWatching || !state || state.simulated;
  setText("watching-text", hasAsked ? "Asked. Ask once more to take the wheel at once."
    : isWatcher(state) ? `${who} drives. You may watch, and your STOP works; to drive, ask the car's owner for a code.`
      : `${who} drives. You are watching; your STOP works.`);
  setText("take-over", hasAsked ? "Take it now" : "Take over");
  $("pad").classList.toggle("off", isWatching || !state);
  const veil = !state ? (channel.isLost ? "No connection" : "Connecting to the car…") : sampler.isAway && !isWatching ? "Click here to drive"
    : feed.silentMs > DARK_MS ? "No picture from the camera" : "";
  $("veil").hidden = !veil;
  setText("veil-text", veil);
}

const isSwitchedOn = (recording) => Boolean(recording?.on || recording?.waits);

function showRecording(recording) {
  const isOn = Boolean(recording?.on), frames = count(recording?.frames ?? 0);
  $("record").setAttribute("aria-pressed", String(isSwitchedOn(recording)));
  setText("record-text", isOn ? `Recording · ${frames}` : recording?.waits ? "Records when you drive" : "Record");
  $("erase").disabled = !isOn;
  $("recording-badge").hidden = !isOn;
  setText("recording-count", `${frames} frames${recording?.missed ? `, ${recording.missed} missed` : ""}`);
  if (recording?.failure && recording.failure !== showRecording.told) toast(recording.failure, { bad: true, forMs: 10_000 });
  showRecording.told = recording?.failure;
}

/** Whether the car has ever said how far away the nearest thing is: then a dash says that its sensor does not tell. */
let looksAhead = false;
/** … and how fast its wheels turn. */
let knowsSpeed = false;

function showFigures(state) {
  const { latency_ms: latency, motion, odometry, telemetry } = state;
  const ms = (value) => (value == null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
  const rows = [
    ["Video", `${feed.rateHz} /s`],
    ["Camera", `${Math.round(state.frame_rate_hz ?? 0)} /s`],
    ["Frame → wheels", ms(latency?.p50)],
    ["99 % within", ms(latency?.p99)],
    ["Round trip", ms(state.round_trip_ms)],
  ];
  looksAhead ||= Boolean(state.ahead);
  if (looksAhead) rows.push(["Ahead", state.ahead ? `${state.ahead.distance_m.toFixed(2)} m` : "–"]);
  knowsSpeed ||= Boolean(motion);
  if (knowsSpeed) rows.push(["Speed", motion ? `${motion.speed_m_s.toFixed(1)} m/s` : "–"]);
  if (motion?.distance_m != null) rows.push(["Driven", `${motion.distance_m.toFixed(1)} m`]);
  if (odometry) rows.push(...lapRows(odometry));
  rows.push(...machineRows(telemetry));
  if (telemetry.trouble && telemetry.trouble !== showFigures.told) toast(telemetry.trouble, { bad: true, forMs: 10_000 });
  showFigures.told = telemetry.trouble;
  const list = $("figures");
  if (list.children.length !== rows.length) {
    list.replaceChildren(...rows.map(([name]) => el("div", {}, el("dt", {}, name), el("dd", {}))));
  }
  rows.forEach(([name, value, isBad = false], index) => {
    const [term, description] = list.children[index].children;
    if (term.textContent !== name) term.textContent = name;
    if (description.textContent !== value) description.textContent = value;
    description.classList.toggle("bad", isBad);
  });
}

/** How the car itself is, as far as it can tell. */
function machineRows({ processor, firmware, supply, wifi, disk }) {
  const amperes = supply?.current_a == null ? "" : ` · ${supply.current_a.toFixed(1)} A`;
  const slow = firmware?.under_voltage ? "too little voltage" : firmware?.throttled && "slowed down";
  return [
    supply && ["Supply", `${supply.voltage_v.toFixed(1)} V${amperes}`, supply.is_low],
    processor && ["Processor", `${Math.round(processor.temperature_c)} °C`],
    slow && ["Board", slow, true],
    wifi && ["Wifi", `${Math.round(wifi.signal_dbm)} dBm`],
    disk && ["Free disk", bytes(disk.free_bytes)],
  ].filter(Boolean);
}

/** Laps by a simulated car's track, which knows departures too, or by a marker or hand, which may miss the line. */
function lapRows({ laps, departures, lap_s: now, last_lap_s: last, best_lap_s: best, may_be_two: isDoubtful }) {
  const seconds = (value) => (value == null ? "–" : `${value.toFixed(1)} s`);
  return [["Laps", count(laps)], ["This lap", seconds(now)], ["Last lap", seconds(last) + (isDoubtful ? " (two?)" : ""), isDoubtful], ["Best lap", seconds(best)],
    ...(departures == null ? [] : [["Off the lane", count(departures)]])];
}

function setText(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

stopBySpace(() => inputs.release());
wireButtons();
showLimit();
showSources();
showTracks();
$("tilt").hidden = !(matchMedia("(pointer: coarse)").matches && Tilt.isPossible);
$("stop-hint").hidden = !matchMedia("(hover: hover)").matches;
for (const kind of ["state", "link"]) channel.addEventListener(kind, showState);
channel.addEventListener("refused", (event) => toast(event.detail, { bad: true }));
sampler.addEventListener("away", showState);
showState();
