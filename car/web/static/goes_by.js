/** The newest frame with what the pilot goes by drawn into it; beside the video, which it never covers or delays. */

const PERIOD_MS = 200;
const SILENCE_MS = 1000;

export class PilotPicture {
  #number = 0;
  #askedMs = 0;
  #shownMs = 0;
  #isAsked = false;

  /** Shows the pictures in `image`, for as long as they come: one that stays would pass for what the pilot sees now. */
  constructor(image) {
    this.image = image;
    this.isOn = false;
    image.addEventListener("load", () => { this.#isAsked = false; this.#shownMs = performance.now(); image.hidden = !this.isOn; });
    image.addEventListener("error", () => { this.#isAsked = false; });
    setInterval(() => this.#look(performance.now()), PERIOD_MS);
  }

  /** Begin to show, or end. */
  toggle() {
    this.isOn = !this.isOn;
    this.image.hidden = true;
  }

  #look(nowMs) {
    if (nowMs - this.#shownMs > SILENCE_MS) this.image.hidden = true;
    if (!this.isOn || document.hidden || (this.#isAsked && nowMs - this.#askedMs < SILENCE_MS)) return;
    this.#isAsked = true;
    this.#askedMs = nowMs;
    this.#number += 1;
    this.image.src = `/api/pilot/picture?number=${this.#number}`;
  }
}
