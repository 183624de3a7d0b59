/** The tracks page: a lane is drawn on a floor, the car says whether it can be driven, and keeps it under a name. */

import { get, post } from "./api.js";
import { $, confirmed, el, toast } from "./dom.js";
import { closedCurve, pointsOfStroke } from "./outline.js";
import "./shell.js";

const SVG = "http://www.w3.org/2000/svg";
const CHECK_AFTER_MS = 250, MOVE_M = 0.1, GRIP_PX = 22, MAX_UNDO = 100, MIN_STROKE_M = 2, MAX_HANDLES = 60;
const TURNS_ON_M = 0.45; // its least radius of 0.36 m, and some to correct
const LOOP = [[-0.28, -0.22], [0, -0.25], [0.28, -0.22], [0.35, 0], [0.28, 0.22], [0, 0.25], [-0.28, 0.22], [-0.35, 0]]; // shares of the floor's width

const floor = $("floor");
let points = []; // [x, y] in metres, y up, in the direction of travel
let curve = []; // what goes through them, as far as is known
let before = [];
let chosen = -1, stroke = null, dragged = false;
let isSimulated = true, asked = 0, checkTimer = 0;

const widthM = () => Number($("size").value);
const laneM = () => Number($("width").value);
const track = () => ({ style: $("style").value, half_width_m: laneM() / 2, centre_line_m: points });

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Of a pointer, where on the floor it is. */
function placeOf(event) {
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(floor.getScreenCTM().inverse());
  const [right, up] = [widthM() / 2, widthM() * 0.375];
  return [Math.min(Math.max(x, -right), right), Math.min(Math.max(-y, -up), up)].map((value) => Math.round(value * 1000) / 1000);
}

const path = (line, isClosed) => line.length ? `M${line.map(([x, y]) => `${x} ${-y}`).join("L")}${isClosed ? "Z" : ""}` : "";

function draw() {
  const wide = widthM(), high = wide * 0.75, pixel = wide / (floor.clientWidth || 600), lane = laneM();
  floor.setAttribute("viewBox", `${-wide / 2} ${-high / 2} ${wide} ${high}`);
  floor.dataset.style = $("style").value;
  let grid = "";
  for (let x = -Math.floor(wide / 2); x <= wide / 2; x++) grid += `M${x} ${-high / 2}V${high / 2}`;
  for (let y = -Math.floor(high / 2); y <= high / 2; y++) grid += `M${-wide / 2} ${y}H${wide / 2}`;
  const parts = [shape("path", { class: "grid", d: grid })], line = path(curve, true);
  if (line) {
    parts.push(shape("path", { class: "lane edges", d: line, "stroke-width": lane + 0.06 }),
      shape("path", { class: "lane inside", d: line, "stroke-width": lane - 0.06 }),
      shape("path", { class: "lane dashes", d: line, "stroke-width": 0.05 }));
  }
  if (stroke) parts.push(shape("path", { class: "hand", d: path(stroke, false) }));
  points.forEach(([x, y], index) => parts.push(shape("circle", { class: index === chosen ? "point chosen" : "point", cx: x, cy: -y, r: 7 * pixel })));
  if (points.length > 2 && curve.length > 2) parts.push(arrow(12 * pixel));
  floor.replaceChildren(...parts);
  for (const id of ["turn", "clear"]) $(id).disabled = points.length === 0;
  $("undo").disabled = before.length === 0;
  $("width-text").textContent = `${lane.toFixed(2)} m`;
}

/** At the start, in the direction of travel. */
function arrow(size) {
  const [x, y] = curve[0], [toX, toY] = curve[1], long = Math.hypot(toX - x, toY - y) || 1;
  const [ahead, left] = [[(toX - x) / long, (toY - y) / long], [(y - toY) / long, (toX - x) / long]];
  const corner = (forward, aside) => `${x + size * (forward * ahead[0] + aside * left[0])},${-(y + size * (forward * ahead[1] + aside * left[1]))}`;
  return shape("polygon", { class: "start", points: `${corner(2.6, 0)} ${corner(0.8, 0.9)} ${corner(0.8, -0.9)}` });
}

/** Take what is there aside for an undo, before it changes. */
function remember() {
  before = [...before, points.map((point) => [...point])].slice(-MAX_UNDO);
}

function change(to) {
  points = to;
  if (chosen >= points.length) chosen = -1;
  refresh();
}

function refresh() {
  curve = closedCurve(points);
  draw();
  clearTimeout(checkTimer);
  checkTimer = setTimeout(check, CHECK_AFTER_MS);
}

/** Ask the car what it makes of what is drawn; of several answers the last one counts. */
async function check() {
  const number = ++asked;
  if (points.length === 0) return verdict("Nothing is drawn yet.", "", false);
  let checked;
  try {
    checked = await post("tracks/check", track());
  } catch (error) {
    if (number === asked) verdict(error.message, "bad", false);
    return;
  }
  if (number !== asked || stroke) return;
  if (checked.refusal) return verdict(checked.refusal, "warn", false);
  curve = checked.centre_m;
  draw();
  const tight = checked.tightest_m < TURNS_ON_M ? ` A 1:16 car needs ${TURNS_ON_M} m.` : "";
  verdict(`${checked.length_m.toFixed(1)} m round, tightest bend ${checked.tightest_m.toFixed(2)} m.${tight}`, tight ? "warn" : "go", true);
}

function verdict(text, kind, isGood) {
  $("verdict").textContent = text;
  $("verdict").className = `note ${kind}`;
  floor.classList.toggle("refused", !isGood && points.length > 0);
  $("save").disabled = !isGood || !isSimulated;
}

function nearest(place) {
  const reach = GRIP_PX * widthM() / floor.clientWidth;
  const far = points.map(([x, y]) => Math.hypot(x - place[0], y - place[1]));
  const least = Math.min(...far);
  return least <= reach ? far.indexOf(least) : -1;
}

floor.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.isPrimary) return;
  floor.setPointerCapture(event.pointerId);
  const place = placeOf(event);
  chosen = nearest(place);
  dragged = false;
  stroke = chosen < 0 ? [place] : null;
  draw();
});

floor.addEventListener("pointermove", (event) => {
  if (!floor.hasPointerCapture(event.pointerId)) return;
  const place = placeOf(event);
  if (stroke) {
    stroke.push(place);
    draw();
  } else if (chosen >= 0) {
    if (!dragged) remember();
    dragged = true;
    change(points.map((point, index) => (index === chosen ? place : point)));
  }
});

floor.addEventListener("pointerup", () => {
  const drawn = stroke;
  stroke = null;
  if (!drawn) return;
  const made = pointsOfStroke(drawn, MIN_STROKE_M * widthM() / 8);
  if (made.length) {
    remember();
    change(made);
  } else {
    draw();
    if (drawn.length > 3) toast("Draw a whole loop in one go, back to where it began.");
  }
});

floor.addEventListener("pointercancel", () => { stroke = null; draw(); });

const ARROWS = { ArrowLeft: [-MOVE_M, 0], ArrowRight: [MOVE_M, 0], ArrowUp: [0, MOVE_M], ArrowDown: [0, -MOVE_M] };

floor.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !points.length) return;
  const key = event.key.toLowerCase(), step = ARROWS[event.key];
  if (key === "n" || key === "p") {
    chosen = chosen < 0 ? 0 : (chosen + (key === "n" ? 1 : points.length - 1)) % points.length;
    draw();
  } else if (chosen < 0) return;
  else if (step) {
    remember();
    change(points.map(([x, y], index) => (index === chosen ? [round(x + step[0]), round(y + step[1])] : [x, y])));
  } else if (key === "a") {
    remember();
    const [from, to] = [points[chosen], points[(chosen + 1) % points.length]];
    points.splice(chosen + 1, 0, [round((from[0] + to[0]) / 2), round((from[1] + to[1]) / 2)]);
    chosen += 1;
    change(points);
  } else if (key === "delete" || key === "backspace") {
    remember();
    change(points.filter((_, index) => index !== chosen));
  } else return;
  event.preventDefault();
});

const round = (value) => Math.round(value * 1000) / 1000;

$("undo").addEventListener("click", () => { chosen = -1; change(before.pop() ?? []); });
$("clear").addEventListener("click", () => { remember(); chosen = -1; change([]); });
$("turn").addEventListener("click", () => { remember(); chosen = -1; change([points[0], ...points.slice(1).reverse()]); });
$("loop").addEventListener("click", () => { remember(); chosen = -1; change(LOOP.map(([x, y]) => [round(x * widthM()), round(y * widthM())])); });
$("size").addEventListener("change", draw);
for (const id of ["style", "width"]) $(id).addEventListener("input", refresh);
window.addEventListener("resize", draw);

$("own").addEventListener("change", async () => {
  const name = $("own").value;
  if (points.length) remember();
  chosen = -1;
  $("name").value = name;
  if (!name) return change([]);
  try {
    const content = await get(`tracks/${encodeURIComponent(name)}`);
    if ($("own").value === name) show(content); // else another was chosen meanwhile, and its name is in the field
  } catch (error) {
    toast(error.message, { bad: true });
  }
});

/** Show a track of a file, in the middle of a floor that is large enough for it. */
function show({ style = "robocars", half_width_m: half = 0.4, centre_line_m: listed }) {
  const ends = [0, 1].map((axis) => [Math.min(...listed.map((point) => point[axis])), Math.max(...listed.map((point) => point[axis]))]);
  const middle = ends.map(([low, high]) => (low + high) / 2);
  const needed = Math.max(ends[0][1] - ends[0][0], (ends[1][1] - ends[1][0]) / 0.75) + 2 * half;
  $("size").value = [...$("size").options].map((option) => option.value).find((value) => Number(value) >= needed) ?? "24";
  $("style").value = style;
  $("width").value = 2 * half;
  const every = Math.ceil(listed.length / MAX_HANDLES);
  change(listed.filter((_, index) => index % every === 0).map(([x, y]) => [round(x - middle[0]), round(y - middle[1])]));
}

$("saving").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("name").value.trim(), isThere = [...$("own").options].some((option) => option.value === name);
  if (isThere && !await confirmed(`Replace ${name}?`, "The track of that name is gone then.", "Replace", { danger: true })) return;
  $("save").disabled = true;
  try {
    await post(`tracks?name=${encodeURIComponent(name)}&replace=${isThere}`, track());
    toast(`${name} is saved. The drive page has it in its menu of tracks.`, { action: ["Drive", () => location.assign("/")] });
  } catch (error) {
    toast(error.message, { bad: true });
  }
  await list(name);
  check();
});

/** List the tracks that there are; `name` is the one to show as chosen. */
async function list(name = "") {
  try {
    const { names, simulated } = await get("tracks");
    isSimulated = simulated;
    $("real").hidden = simulated;
    $("own").replaceChildren(el("option", { value: "" }, "A new one"), ...names.map((known) => el("option", { value: known }, known)));
    $("own").value = names.includes(name) ? name : "";
  } catch (error) {
    toast(error.message, { bad: true });
  }
}

list();
draw();
