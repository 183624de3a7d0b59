/** The drive socket: the car's state comes as events, what the person does goes out as messages. */

import { get } from "./api.js";

// The state comes 20 times a second.
const LOST_MS = 700; // without a word for this long the car is lost, and the page says so before a second is over
const DEAD_MS = 1500; // and the socket is taken for dead
const LOOK_MS = 100;
const RETRY_MS = [200, 500, 1000, 2000];
const MAX_BUFFERED_BYTES = 2048; // behind this much a sample would be old when it arrives

export const socketUrl = (path) => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;

/**
 * Dispatches "state" (each state of the car; also in `.state`), "link" (connected or lost; see `.isOpen` and `.isLost`)
 * and "refused" (detail: a sentence). It reconnects by itself, and then sends a STOP that found no link. `.hasActed`
 * tells whether somebody has armed the car from here, or changed who drives.
 */
export class DriveChannel extends EventTarget {
  #socket = null;
  #heardMs = 0;
  #begunMs = 0;
  #owesStop = false;
  #failures = 0;
  #ended = false;
  #drove = false;

  constructor() {
    super();
    this.state = null;
    this.isLost = false;
    this.hasActed = false;
    this.#connect();
    setInterval(() => this.#watch(), LOOK_MS);
    window.addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
    window.addEventListener("pagehide", () => { this.#ended = true; this.#socket?.close(); });
    window.addEventListener("pageshow", () => { if (this.#ended) { this.#ended = false; this.#connect(); } });
  }

  get isOpen() { return this.#socket?.readyState === WebSocket.OPEN && this.state !== null; }

  /** Send a message; returns whether there was a link to send it on. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    this.hasActed ||= message.type === "arm" || message.type === "mode";
    return true;
  }

  /** Send STOP, and once more when the link is there again if it is lost; returns whether it was there. */
  stop() {
    const isSent = this.send({ type: "stop" }) && this.isOpen;
    this.#owesStop ||= !isSent;
    return isSent;
  }

  /** Send a sample, unless older ones still wait to leave: what comes late is of no use. */
  sample(message) {
    if (this.#socket?.readyState === WebSocket.OPEN && this.#socket.bufferedAmount <= MAX_BUFFERED_BYTES) this.send(message);
  }

  #connect() {
    const socket = new WebSocket(socketUrl("/api/drive"));
    this.#socket = socket;
    this.#begunMs = performance.now();
    socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
    socket.onclose = () => this.#lost(socket);
  }

  #hear(message) {
    this.#heardMs = performance.now();
    if (message.type === "ping") this.send({ type: "pong", id: message.id, client_ms: performance.now() });
    else if (message.type === "refused") this.dispatchEvent(new CustomEvent("refused", { detail: message.why }));
    else if (message.type === "state") {
      const isFirst = this.state === null;
      this.state = message;
      this.#failures = 0;
      this.isLost = false;
      if (isFirst) this.#resume();
      this.#drove = message.driver;
      this.dispatchEvent(new Event("state"));
    }
  }

  /** The link is there, perhaps again: whoever drove asks for the car, should the lost socket still seem to have it. */
  #resume() {
    if (this.#owesStop) this.#owesStop = !this.send({ type: "stop" });
    if (this.#drove && !this.state.driver && this.state.role !== "watch") this.send({ type: "take_over" });
    this.dispatchEvent(new Event("link"));
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#lose();
    if (this.#ended) return;
    if (this.#failures > 0) get("status").catch(() => {}); // a browser that is not paired any more is led to the pair page
    const waitMs = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
    setTimeout(() => this.#socket || this.#ended || this.#connect(), waitMs);
  }

  #lose() {
    this.isLost = !this.#ended;
    this.state = null;
    this.dispatchEvent(new Event("link"));
  }

  #watch() {
    if (document.hidden || this.#ended) return;
    const socket = this.#socket, silentMs = performance.now() - Math.max(this.#heardMs, this.#begunMs);
    if (!this.isLost && silentMs > LOST_MS) this.#lose();
    if (!socket || silentMs <= DEAD_MS) return;
    this.#lost(socket);
    socket.onclose = socket.onmessage = null;
    socket.close();
  }

  #hurry() {
    if (!this.#socket && !this.#ended) this.#connect();
  }
}
