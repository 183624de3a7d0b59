/** Sends the car what the person's hands do, and at once that they have let go when this page is no longer looked at. */

const PERIOD_MS = 25;
const LEAST_MS = 10; // a finger moves more often than anybody needs to know
const NEUTRAL_STICK = 0.05; // the gate's own

/**
 * Samples `inputs` while this browser drives. Out of sight or out of focus it says "let go": the car is at neutral, and
 * an autonomous drive that was armed here is disarmed, for nobody could stop it from here. Out of sight it then falls
 * silent.
 */
export class Sampler extends EventTarget {
  #sequence = 0;
  #wasAway = false;
  #sampledMs = 0;

  constructor(channel, inputs) {
    super();
    this.channel = channel;
    this.inputs = inputs;
    this.throttleLimit = 1;
    this.pilotLimit = 1;
    this.wish = { steering: 0, throttle: 0, held: false, pressed: false };
    setInterval(() => this.sample(), PERIOD_MS);
    const look = () => this.#look();
    for (const kind of ["blur", "focus", "pagehide", "pageshow"]) window.addEventListener(kind, look);
    window.addEventListener("blur", () => { inputs.release(); this.sample(); });
    for (const kind of ["visibilitychange", "freeze", "resume"]) document.addEventListener(kind, look);
    channel.addEventListener("link", () => { if (!channel.isOpen) inputs.release(); });
    this.#look();
  }

  /** True while the page is hidden or something else has the keyboard. */
  get isAway() { return document.hidden || !document.hasFocus(); }

  /** Take a sample and send it, now. */
  sample() {
    const { state } = this.channel;
    if (this.isAway !== this.#wasAway) this.#look();
    if (!state || this.#wasAway && document.hidden) return;
    if (this.#mayDrive(state)) this.#send(this.#wasAway);
    else this.inputs.watch();
  }

  /** Take a sample, unless the last one is too recent to be worth another. */
  sampleUnlessJustDone() {
    if (performance.now() - this.#sampledMs >= LEAST_MS) this.sample();
  }

  #mayDrive(state) { return state.role !== "watch" && (state.driver || !state.driver_present); }

  #send(letGo) {
    const client_ms = performance.now();
    const { steering, throttle, held } = letGo ? { steering: 0, throttle: 0, held: false } : this.inputs.read(client_ms);
    // Of a small limit so little is left at the stick's end that it would pass for neutral.
    const pressed = Math.abs(throttle) > NEUTRAL_STICK;
    this.wish = { steering, throttle: throttle * this.throttleLimit, held, pressed };
    this.#sampledMs = client_ms;
    this.#sequence += 1;
    this.channel.sample({ type: "sample", seq: this.#sequence, client_ms, ...this.wish, limit: this.pilotLimit });
  }

  #look() {
    const { state } = this.channel, isAway = this.isAway;
    if (isAway && !this.#wasAway) {
      this.inputs.release();
      if (state && this.#mayDrive(state)) this.#send(true);
      if (this.channel.hasActed && state?.driver && state.gate === "armed" && state.mode === "auto") this.channel.send({ type: "disarm" });
    }
    if (isAway !== this.#wasAway) {
      this.#wasAway = isAway;
      this.dispatchEvent(new Event("away"));
    }
  }
}
