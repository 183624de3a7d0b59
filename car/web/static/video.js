/** The car's picture: one frame at a time, the next one asked for when the last is painted. */

import { socketUrl } from "./channel.js";

const HEADER_BYTES = 24; // u32 version, u32 frame number, i64 captured ns, f32 steering, f32 throttle
const SILENCE_MS = 1000;
const RETRY_MS = 700;
const MAX_WIDTH = 960;
const MAX_RATE_HZ = 240;

/** Paints into `canvas` and calls `onframe({ number, capturedNs, steering, throttle })` after each frame. */
export class VideoFeed {
  #socket = null;
  #askedMs = 0;
  #times = [];
  #begunMs = performance.now();

  constructor(canvas, onframe) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.onframe = onframe;
    this.#connect();
    setInterval(() => this.#watch(), 250);
    document.addEventListener("visibilitychange", () => this.#ask());
  }

  /** How long ago the last frame was painted, or the feed begun. */
  get silentMs() { return performance.now() - (this.#times.at(-1) ?? this.#begunMs); }

  /** Frames painted in the last second. */
  get rateHz() {
    const since = performance.now() - 1000;
    return this.#times.filter((time) => time > since).length;
  }

  #connect() {
    const socket = new WebSocket(socketUrl("/api/video"));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#ask();
    socket.onmessage = (event) => this.#paint(event.data);
    socket.onclose = () => setTimeout(() => this.#connect(), RETRY_MS);
    this.#socket = socket;
  }

  #ask() {
    if (document.hidden || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#askedMs = performance.now();
    const width = Math.min(MAX_WIDTH, Math.round(this.canvas.clientWidth * (window.devicePixelRatio || 1)));
    this.#socket.send(JSON.stringify({ type: "next", width: Math.max(1, width) }));
  }

  async #paint(data) {
    const header = new DataView(data);
    try {
      const bitmap = await createImageBitmap(new Blob([new Uint8Array(data, HEADER_BYTES)], { type: "image/jpeg" }));
      if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
        this.canvas.width = bitmap.width;
        this.canvas.height = bitmap.height;
      }
      this.context.drawImage(bitmap, 0, 0);
      bitmap.close();
    } catch {
      return this.#ask(); // a frame that cannot be decoded is not worth the next one
    }
    this.#times = [...this.#times.slice(-MAX_RATE_HZ), performance.now()];
    this.onframe({
      number: header.getUint32(4, true),
      capturedNs: header.getBigInt64(8, true),
      steering: header.getFloat32(16, true),
      throttle: header.getFloat32(20, true),
    });
    this.#ask();
  }

  #watch() {
    if (!document.hidden && performance.now() - this.#askedMs > SILENCE_MS) this.#ask();
  }
}
