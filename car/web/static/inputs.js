/** What the person's hands do: keys, a stick on the screen, a gamepad or a tilted phone, as one steering and throttle. */

import { Keyboard } from "./keys.js";

export const REST = Object.freeze({ steering: 0, throttle: 0, held: true });
const LET_GO = Object.freeze({ steering: 0, throttle: 0, held: false });
const DEAD_ZONE = 0.08;
const PAD_HOLD = [4, 5], PAD_STOP = 1, PAD_BACK = 6, PAD_FORWARD = 7; // of the standard mapping
const FULL_TILT_DEG = 35;

const clamped = (value) => Math.max(-1, Math.min(1, value));
const beyondDeadZone = (value) =>
  Math.abs(value) < DEAD_ZONE ? 0 : (Math.sign(value) * (Math.abs(value) - DEAD_ZONE)) / (1 - DEAD_ZONE);

/** A stick under the thumb: it stands where the thumb lands, and at rest as soon as the thumb leaves. */
export class TouchStick {
  #pointer = null;
  #home = [0, 0];
  #offset = [0, 0];

  constructor(pad, { onchange, onmove }) {
    this.pad = pad;
    this.knob = pad.querySelector(".knob");
    this.base = pad.querySelector(".base");
    this.onchange = onchange;
    this.onmove = onmove;
    pad.addEventListener("pointerdown", (event) => this.#grab(event));
    pad.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.#pointer) return;
      this.#move(event);
      this.onmove();
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
      pad.addEventListener(kind, (event) => event.pointerId === this.#pointer && this.release());
    }
    pad.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  get isActive() { return this.#pointer !== null; }

  release() {
    if (this.#pointer === null) return;
    this.#pointer = null;
    this.#offset = [0, 0];
    this.#show();
    this.onchange();
  }

  read() {
    const [x, y] = this.#offset;
    return { steering: beyondDeadZone(x), throttle: beyondDeadZone(-y), held: true };
  }

  get #reach() { return this.base.clientWidth / 2; }

  #grab(event) {
    if (this.#pointer !== null || event.button > 0) return;
    event.preventDefault();
    this.#pointer = event.pointerId;
    this.pad.setPointerCapture(event.pointerId);
    const box = this.pad.getBoundingClientRect(), reach = Math.min(this.#reach, box.width / 2, box.height / 2);
    const within = (at, size) => Math.max(reach, Math.min(size - reach, at));
    this.#home = [within(event.clientX - box.left, box.width), within(event.clientY - box.top, box.height)];
    this.#move(event);
    this.onchange();
  }

  #move(event) {
    const box = this.pad.getBoundingClientRect(), reach = this.#reach;
    let x = (event.clientX - box.left - this.#home[0]) / reach, y = (event.clientY - box.top - this.#home[1]) / reach;
    const length = Math.hypot(x, y);
    if (length > 1) [x, y] = [x / length, y / length];
    this.#offset = [x, y];
    this.#show();
  }

  #show() {
    const [x, y] = this.#offset, isActive = this.isActive;
    this.pad.classList.toggle("active", isActive);
    this.base.style.left = isActive ? `${this.#home[0]}px` : "";
    this.base.style.top = isActive ? `${this.#home[1]}px` : "";
    this.knob.style.translate = isActive ? `${x * this.#reach}px ${y * this.#reach}px` : "";
  }
}

/**
 * Any gamepad whose layout the browser knows: left stick steers, triggers drive, and a shoulder button must be held for
 * either to count. Of several, the one that is held drives, and each stops.
 */
export class Pads {
  #stopping = [];

  constructor(onstop, onconnect) {
    this.onstop = onstop;
    for (const kind of ["gamepadconnected", "gamepaddisconnected"]) window.addEventListener(kind, onconnect);
  }

  /** The names of the pads that are read, and of those whose buttons could be anything. */
  get names() {
    const namesOf = (pads) => pads.map((pad) => pad.id.replace(/\s*\(.*/, "") || "A gamepad");
    return { known: namesOf(this.#known), unknown: namesOf(this.#connected.filter((pad) => !isKnown(pad))) };
  }

  get #connected() { return allPads().filter((pad) => pad?.connected); }

  get #known() { return this.#connected.filter(isKnown); }

  /** The pads' wish, or null where there is none to be read. */
  read() {
    const pads = this.#known;
    if (!pads.length) return null;
    this.#watchStop(pads.filter((pad) => pad.buttons[PAD_STOP].pressed).map((pad) => pad.index));
    const held = pads.find((pad) => PAD_HOLD.some((button) => pad.buttons[button].pressed));
    if (!held) return LET_GO;
    return {
      steering: beyondDeadZone(clamped(held.axes[0] ?? 0)),
      throttle: clamped(held.buttons[PAD_FORWARD].value - held.buttons[PAD_BACK].value),
      held: true,
    };
  }

  #watchStop(stopping) {
    if (stopping.some((index) => !this.#stopping.includes(index))) this.onstop();
    this.#stopping = stopping;
  }
}

function allPads() {
  try {
    return [...(navigator.getGamepads?.() ?? [])];
  } catch {
    return []; // some browsers refuse by an error
  }
}

/** Without the standard mapping, a number may be any button: on some pads the trigger's is Start. */
const isKnown = (pad) => pad.mapping === "standard" && pad.buttons.length > PAD_FORWARD;

/** How far the screen is turned from upright, in degrees; null where the browser does not tell. */
const screenAngle = () => screen.orientation?.angle ?? window.orientation ?? null;

/** Steering by tilting the phone, for as long as a thumb is on the stick. */
export class Tilt {
  #steering = 0;
  #listener = (event) => this.#turn(event);
  isOn = false;

  static get isPossible() { return window.isSecureContext && "DeviceOrientationEvent" in window; }

  /** Switch it on; asks for permission where the phone wants that. Resolves to why it is not on, "" if it is. */
  async start() {
    if (!(await isAllowed())) return "The phone did not allow it. Allow motion sensors for this page.";
    if (screenAngle() === null && matchMedia("(orientation: landscape)").matches) {
      return "This browser does not report the phone's tilt. Hold it upright, and try again.";
    }
    window.addEventListener("deviceorientation", this.#listener);
    this.isOn = true;
    return "";
  }

  stop() {
    window.removeEventListener("deviceorientation", this.#listener);
    this.isOn = false;
    this.#steering = 0;
  }

  get steering() { return this.#steering; }

  #turn({ beta, gamma }) {
    const angle = ((screenAngle() ?? 0) + 360) % 360;
    const tiltDeg = angle === 90 ? beta : angle === 270 ? -beta : angle === 180 ? -gamma : gamma;
    this.#steering = clamped(beyondDeadZone((tiltDeg ?? 0) / FULL_TILT_DEG));
  }
}

async function isAllowed() {
  const ask = DeviceOrientationEvent.requestPermission;
  if (!ask) return true;
  try {
    return (await ask.call(DeviceOrientationEvent)) === "granted";
  } catch {
    return false; // some phones refuse by an error
  }
}

/** All of them together. The stick comes before the keys, and the keys before the pad, which counts once it was held. */
export class Inputs {
  #padDrives = false;

  constructor({ pad, onchange, onmove, onstop, onconnect }) {
    this.keyboard = new Keyboard(onchange);
    this.stick = new TouchStick(pad, { onchange, onmove });
    this.tilt = new Tilt();
    this.gamepads = new Pads(onstop, () => {
      this.#padDrives = this.#padDrives && this.gamepads.names.known.length > 0;
      onchange();
      onconnect();
    });
  }

  /** Let go of everything. */
  release() {
    this.keyboard.release();
    this.stick.release();
  }

  /** Somebody else drives: of all that is pressed, the pad's STOP alone counts. */
  watch() { this.gamepads.read(); }

  read(nowMs) {
    const pad = this.gamepads.read();
    if (pad?.held) {
      this.#padDrives = true;
      this.keyboard.cruise = 0;
    }
    const keys = this.keyboard.read(nowMs);
    if (this.stick.isActive) {
      this.#padDrives = false;
      this.keyboard.cruise = 0;
      const wish = this.stick.read();
      return this.tilt.isOn ? { ...wish, steering: this.tilt.steering } : wish;
    }
    if (this.keyboard.isActive) {
      this.#padDrives = false;
      return keys;
    }
    return this.#padDrives ? (pad ?? LET_GO) : REST;
  }
}
