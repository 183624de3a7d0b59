/** What the person's hands do: keys, a stick on the screen, a gamepad or a tilted phone, as one steering and throttle. */

export const REST = Object.freeze({ steering: 0, throttle: 0, held: true });
const LET_GO = Object.freeze({ steering: 0, throttle: 0, held: false });
const KEYS = {
  ArrowLeft: [-1, 0], KeyA: [-1, 0], ArrowRight: [1, 0], KeyD: [1, 0],
  ArrowUp: [0, 1], KeyW: [0, 1], ArrowDown: [0, -1], KeyS: [0, -1],
};
const FIRST_STEERING = 0.35; // a tap corrects a little, a held key turns in
const STEERING_PER_S = 3.5;
const DEAD_ZONE = 0.08;
const PAD_HOLD = [4, 5], PAD_STOP = 1, PAD_BACK = 6, PAD_FORWARD = 7; // of the standard mapping
const FULL_TILT_DEG = 35;

const clamped = (value) => Math.max(-1, Math.min(1, value));
const beyondDeadZone = (value) =>
  Math.abs(value) < DEAD_ZONE ? 0 : (Math.sign(value) * (Math.abs(value) - DEAD_ZONE)) / (1 - DEAD_ZONE);

/** Arrow keys and WASD; `onchange` is called with each key, so that none waits for the next sample. */
export class Keyboard {
  #down = new Set();
  #steering = 0;
  #readMs = 0;

  constructor(onchange) {
    window.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return this.release();
      if (!KEYS[event.code] || usesKeys(event.target)) return;
      event.preventDefault();
      if (event.repeat) return;
      this.#down.add(event.code);
      onchange();
    });
    window.addEventListener("keyup", (event) => { if (this.#down.delete(event.code)) onchange(); });
    // While a menu is open or something is dragged, the browser does not tell that a key was lifted.
    for (const kind of ["contextmenu", "dragstart"]) window.addEventListener(kind, () => { this.release(); onchange(); });
    window.addEventListener("focusin", (event) => { if (usesKeys(event.target)) this.release(); });
  }

  get isActive() { return this.#down.size > 0; }

  release() { this.#down.clear(); }

  read(nowMs) {
    const [side, ahead] = [0, 1].map((axis) => clamped([...this.#down].reduce((sum, code) => sum + KEYS[code][axis], 0)));
    const elapsedS = (nowMs - this.#readMs) / 1000;
    this.#readMs = nowMs;
    if (side * this.#steering <= 0) this.#steering = side * FIRST_STEERING;
    else this.#steering = clamped(this.#steering + side * STEERING_PER_S * elapsedS);
    return { steering: this.#steering, throttle: ahead, held: true };
  }
}

/** Controls that have their own use for letters and arrows. */
const usesKeys = (element) => element instanceof Element && element.matches("input, select, textarea");

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

/** Any gamepad: left stick steers, triggers drive, and a shoulder button must be held for either to count. */
export class Pad {
  #wasStopped = false;

  constructor(onstop, onconnect) {
    this.onstop = onstop;
    for (const kind of ["gamepadconnected", "gamepaddisconnected"]) window.addEventListener(kind, () => onconnect(this.name));
  }

  get #pad() { return [...(navigator.getGamepads?.() ?? [])].find((pad) => pad?.connected && pad.buttons.length > 7) ?? null; }

  get name() { return this.#pad?.id.replace(/\s*\(.*/, "") ?? ""; }

  /** The pad's wish, or null where there is no pad. */
  read() {
    const pad = this.#pad;
    if (!pad) return null;
    const isStopped = pad.buttons[PAD_STOP].pressed;
    if (isStopped && !this.#wasStopped) this.onstop();
    this.#wasStopped = isStopped;
    if (!PAD_HOLD.some((button) => pad.buttons[button].pressed)) return LET_GO;
    return {
      steering: beyondDeadZone(clamped(pad.axes[0] ?? 0)),
      throttle: clamped(pad.buttons[PAD_FORWARD].value - pad.buttons[PAD_BACK].value),
      held: true,
    };
  }
}

/** Steering by tilting the phone, for as long as a thumb is on the stick. */
export class Tilt {
  #steering = 0;
  #listener = (event) => this.#turn(event);
  isOn = false;

  static get isPossible() { return window.isSecureContext && "DeviceOrientationEvent" in window; }

  /** Switch it on; asks for permission where the phone wants that. Resolves to whether it is on. */
  async start() {
    const ask = DeviceOrientationEvent.requestPermission;
    if (ask && (await ask.call(DeviceOrientationEvent)) !== "granted") return false;
    window.addEventListener("deviceorientation", this.#listener);
    this.isOn = true;
    return true;
  }

  stop() {
    window.removeEventListener("deviceorientation", this.#listener);
    this.isOn = false;
    this.#steering = 0;
  }

  get steering() { return this.#steering; }

  #turn({ beta, gamma }) {
    const angle = screen.orientation?.angle ?? 0;
    const tiltDeg = angle === 90 ? beta : angle === 270 ? -beta : angle === 180 ? -gamma : gamma;
    this.#steering = clamped(beyondDeadZone((tiltDeg ?? 0) / FULL_TILT_DEG));
  }
}

/** All of them together. The stick comes before the keys, and the keys before the pad, which counts once it was held. */
export class Inputs {
  #padDrives = false;

  constructor({ pad, onchange, onmove, onstop, onconnect }) {
    this.keyboard = new Keyboard(onchange);
    this.stick = new TouchStick(pad, { onchange, onmove });
    this.tilt = new Tilt();
    this.gamepad = new Pad(onstop, (name) => { this.#padDrives = this.#padDrives && name !== ""; onchange(); onconnect(name); });
  }

  /** Let go of everything. */
  release() {
    this.keyboard.release();
    this.stick.release();
  }

  /** Somebody else drives: of all that is pressed, the pad's STOP alone counts. */
  watch() { this.gamepad.read(); }

  read(nowMs) {
    const pad = this.gamepad.read();
    if (pad?.held) this.#padDrives = true;
    const keys = this.keyboard.read(nowMs);
    if (this.stick.isActive) {
      this.#padDrives = false;
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
