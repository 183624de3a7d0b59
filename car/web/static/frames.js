/** A session's frames and commands, fetched as they are looked at and never more than a few at a time. */

import { get } from "./api.js";

const KEPT_IMAGES = 240;
const AHEAD = 8;
const AT_ONCE = 4;
const CHUNK = 500;
const KEPT_CHUNKS = 12;
const AGAIN_MS = 2000; // until a frame that did not come is asked for again

/** The newest wish comes first: while someone scrubs, frames that were passed already are not fetched any more. */
export class FrameStore {
  #images = new Map();
  #chunks = new Map();
  #wanted = [];
  #loading = new Set();
  #failed = new Set();

  constructor(name, length, onload) {
    this.path = `sessions/${encodeURIComponent(name)}`;
    this.length = length;
    this.onload = onload;
  }

  /** The frame's picture if it is there, null otherwise; it and the following ones are fetched. */
  image(index) {
    const found = this.#images.get(index) ?? null;
    if (found) {
      this.#images.delete(index);
      this.#images.set(index, found);
    }
    this.#wanted = Array.from({ length: AHEAD }, (_, ahead) => index + ahead).filter((i) => i < this.length && !this.#images.has(i) && !this.#failed.has(i));
    this.#load();
    return found;
  }

  /** True while a frame is known not to come. */
  isMissing(index) { return this.#failed.has(index); }

  /** What was recorded with the frame, null while it is on its way. */
  record(index) {
    const chunk = Math.floor(index / CHUNK);
    if (!this.#chunks.has(chunk)) this.#loadRecords(chunk);
    const rows = this.#chunks.get(chunk);
    return rows?.[index - chunk * CHUNK] ?? null;
  }

  close() {
    this.#wanted = [];
    for (const bitmap of this.#images.values()) bitmap.close();
    this.#images.clear();
    this.closed = true;
  }

  #load() {
    while (this.#loading.size < AT_ONCE) {
      const index = this.#wanted.find((i) => !this.#loading.has(i));
      if (index === undefined) return;
      this.#loading.add(index);
      this.#loadImage(index);
    }
  }

  async #loadImage(index) {
    try {
      const response = await fetch(`/api/${this.path}/frames/${index}.jpg`);
      if (!response.ok) throw new Error(response.statusText);
      this.#keep(index, await createImageBitmap(await response.blob()));
    } catch {
      this.#failed.add(index); // the next ones may come
      setTimeout(() => { this.#failed.delete(index); this.closed || this.onload(index); }, AGAIN_MS);
    }
    this.#loading.delete(index);
    this.#wanted = this.#wanted.filter((i) => i !== index);
    if (!this.closed) {
      this.onload(index);
      this.#load();
    }
  }

  #keep(index, bitmap) {
    if (this.closed) return bitmap.close();
    this.#images.set(index, bitmap);
    if (this.#images.size > KEPT_IMAGES) {
      const [oldest, old] = this.#images.entries().next().value;
      this.#images.delete(oldest);
      old.close();
    }
  }

  async #loadRecords(chunk) {
    this.#chunks.set(chunk, null);
    try {
      this.#chunks.set(chunk, await get(`${this.path}/records?from=${chunk * CHUNK}&count=${CHUNK}`));
      if (this.#chunks.size > KEPT_CHUNKS) this.#chunks.delete(this.#chunks.keys().next().value);
      this.onload(-1);
    } catch {
      setTimeout(() => this.#chunks.delete(chunk), 2000);
    }
  }
}
