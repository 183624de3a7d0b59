/** The drive socket: the car's state comes as events, what the person does goes out as messages. */

import { get } from "./api.js";

const SILENCE_MS = 1500; // the state comes 20 times a second; without it for this long the link is dead
const RETRY_MS = [200, 500, 1000, 2000];
const MAX_BUFFERED_BYTES = 2048; // behind this much a sample would be old when it arrives

export const socketUrl = (path) => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;

/**
 * Dispatches "state" (each state of the car; also in `.state`), "link" (connected or lost; see `.isOpen`) and "refused"
 * (detail: a sentence). It reconnects by itself. `.hasActed` tells whether somebody has armed the car from here, or
 * changed who drives.
 */
export class DriveChannel extends EventTarget {
  #socket = null;
  #heardMs = 0;
  #failures = 0;
  #ended = false;
  #drove = false;

  constructor() {
    super();
    this.state = null;
    this.hasActed = false;
    this.#connect();
    setInterval(() => this.#watch(), 250);
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

  /** Send a sample, unless older ones still wait to leave: what comes late is of no use. */
  sample(message) {
    if (this.#socket?.readyState === WebSocket.OPEN && this.#socket.bufferedAmount <= MAX_BUFFERED_BYTES) this.send(message);
  }

  #connect() {
    const socket = new WebSocket(socketUrl("/api/drive"));
    this.#socket = socket;
    this.#heardMs = performance.now();
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
      if (isFirst) this.#resume();
      this.#drove = message.driver;
      this.dispatchEvent(new Event("state"));
    }
  }

  /** The link is there, perhaps again: whoever drove asks for the car, should the lost socket still seem to have it. */
  #resume() {
    if (this.#drove && !this.state.driver) this.send({ type: "take_over" });
    this.dispatchEvent(new Event("link"));
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.state = null;
    this.dispatchEvent(new Event("link"));
    if (this.#ended) return;
    if (this.#failures > 0) get("status").catch(() => {}); // a browser that is not paired any more is led to the pair page
    const waitMs = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
    setTimeout(() => this.#socket || this.#ended || this.#connect(), waitMs);
  }

  #watch() {
    if (this.#socket && performance.now() - this.#heardMs > SILENCE_MS && !document.hidden) {
      const socket = this.#socket;
      this.#lost(socket);
      socket.onclose = null;
      socket.close();
    }
  }

  #hurry() {
    if (!this.#socket && !this.#ended) this.#connect();
  }
}
