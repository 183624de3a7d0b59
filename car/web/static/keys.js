/** The keys: told by their names or by their places, and ramped, because a key knows no half way. */

const DIRECTIONS = {
  ArrowLeft: [-1, 0], KeyA: [-1, 0], ArrowRight: [1, 0], KeyD: [1, 0],
  ArrowUp: [0, 1], KeyW: [0, 1], ArrowDown: [0, -1], KeyS: [0, -1],
};
const CRUISE = "KeyC";
// A driver with 250 ms of reaction stays in the oval's lane by these (tests/system/chromium/test_reaction.py).
const FIRST_STEERING = 0.2; // a tap corrects a little
const STEERING_PER_S = 0.9; // a held key turns in, and lifted it is straight ahead at once: gate and servo have rates of their own
const THROTTLE_PER_S = 1.5; // and down at once
const LONGEST_MS = 100; // a page that did not run for a while does not make up for it

/** True for the space bar. Remote desktops and keyboards on a screen tell a key by `key` or by `keyCode` alone. */
export const isSpace = ({ code, key, keyCode }) => code === "Space" || key === " " || key === "Spacebar" || keyCode === 32;

/**
 * Space calls `act`, whatever has the focus, and presses nothing else. `isWanted` hears what has the focus, and may leave
 * the key to the page.
 */
export function onSpace(act, isWanted = () => true) {
  let isDown = false, acts = false;
  window.addEventListener("blur", () => { isDown = false; });
  for (const kind of ["keydown", "keyup"]) {
    window.addEventListener(kind, (event) => {
      if (!isSpace(event)) return;
      // Held on when the page gets the focus, it repeats without ever having gone down.
      const isPressed = kind === "keydown" && !(event.repeat && isDown);
      isDown = kind === "keydown";
      if (isPressed) acts = isWanted(event.target);
      if (!acts) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (isPressed) act();
    }, { capture: true });
  }
}

/** True for the letter's key, by where it is or by what is written on it; `name` is as in `event.code`. */
export const isLetter = ({ code, key = "" }, name) => code === name || `Key${key.toUpperCase()}` === name;

/** One name for a key that drives, by where it is or else by what is written on it; "" for another. */
function nameOf({ code, key = "" }) {
  const isKnown = (name) => name === CRUISE || name in DIRECTIONS;
  return [code, key, `Key${key.toUpperCase()}`].find(isKnown) ?? "";
}

/** Controls that have their own use for letters and arrows. */
const usesKeys = (element) => element instanceof Element && element.matches("input, select, textarea");

const clamped = (value) => Math.max(-1, Math.min(1, value));

/**
 * Arrow keys and WASD; `onchange` is called with each key, so that none waits for the next sample. C keeps the forward
 * throttle that is given at that moment, until C again, a key for reverse, or `release`: the page says when that is.
 */
export class Keyboard {
  #down = new Set();
  #steering = 0;
  #throttle = 0;
  #readMs = 0;

  constructor(onchange) {
    this.cruise = 0;
    this.onchange = onchange;
    window.addEventListener("keydown", (event) => this.#press(event));
    window.addEventListener("keyup", (event) => this.#lift(event));
    // While a menu is open or something is dragged, the browser does not tell that a key was lifted.
    for (const kind of ["contextmenu", "dragstart"]) window.addEventListener(kind, () => this.#letGo());
    window.addEventListener("focusin", (event) => { if (usesKeys(event.target)) this.#letGo(); });
  }

  /** True as long as the keys have something to say. */
  get isActive() { return this.#down.size > 0 || this.cruise > 0; }

  /** Let go of everything: at rest, and at once. */
  release() {
    this.#down.clear();
    this.cruise = this.#steering = this.#throttle = 0;
  }

  read(nowMs) {
    const elapsedS = Math.min(nowMs - this.#readMs, LONGEST_MS) / 1000, [side, ahead] = this.#direction();
    this.#readMs = nowMs;
    this.#steering = this.#steered(side, elapsedS);
    this.#throttle = ahead && clamped((ahead * this.#throttle > 0 ? this.#throttle : 0) + ahead * THROTTLE_PER_S * elapsedS);
    return { steering: this.#steering, throttle: ahead < 0 ? this.#throttle : Math.max(this.#throttle, this.cruise), held: true };
  }

  #direction() {
    return [0, 1].map((axis) => clamped([...this.#down].reduce((sum, name) => sum + DIRECTIONS[name][axis], 0)));
  }

  #steered(side, elapsedS) {
    const turned = side * this.#steering > 0 ? this.#steering + side * STEERING_PER_S * elapsedS : 0;
    return clamped(side * Math.max(FIRST_STEERING, Math.abs(turned)));
  }

  #press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return this.#letGo();
    const name = nameOf(event);
    if (!name || usesKeys(event.target)) return;
    event.preventDefault();
    if (event.repeat) return;
    if (name === CRUISE) this.cruise = this.cruise ? 0 : Math.max(0, this.#throttle);
    else this.#down.add(name);
    if (DIRECTIONS[name]?.[1] < 0) this.cruise = 0;
    this.onchange();
  }

  #lift(event) {
    // A key that was told by its place when it went down, and cannot be told now, must not be held for ever.
    if (!event.code && !nameOf(event)) return this.#letGo();
    if (this.#down.delete(nameOf(event))) this.onchange();
  }

  #letGo() {
    this.release();
    this.onchange();
  }
}
