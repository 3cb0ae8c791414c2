// A field to draw a digit on, with a finger, a mouse or keys.
//
// The digits were scanned, fitted to 32 × 32 black and white dots, and counted in blocks of 4 × 4:
// https://archive.ics.uci.edu/dataset/80. The same happens to what is drawn.

import { PIXELS, SIDE } from "./data.mjs";
import { element } from "../view.mjs";

const DOTS = 32;
const BLOCK = DOTS / SIDE;
const BRUSH = 2.1; // dots
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Pad {
  /** @param {(image: Float32Array|null) => void} onChange gets 8 × 8 numbers from 0 to 1 */
  constructor(onChange) {
    this.onChange = onChange;
    this.dots = new Uint8Array(DOTS * DOTS);
    this.cursor = [DOTS / 2, DOTS / 4];
    this.last = null; // where a stroke was last
    this.canvas = element("canvas", {
      width: DOTS * 8,
      height: DOTS * 8,
      class: "pg-pad",
      tabindex: 0,
      role: "application",
      "aria-label":
        "Draw a digit. With a keyboard: arrows move, arrows with Shift draw, Delete clears.",
      onpointerdown: (event) => this.#begin(event),
      onpointermove: (event) => this.#move(event),
      onpointerup: () => (this.last = null),
      onpointercancel: () => (this.last = null),
      onkeydown: (event) => this.#press(event),
      onfocus: () => this.draw(),
      onblur: () => this.draw(),
    });
    this.draw();
  }

  clear() {
    this.dots.fill(0);
    this.draw();
    this.onChange(null);
  }

  draw() {
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.canvas);
    const side = this.canvas.width / DOTS;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.fillStyle = style.color;
    this.dots.forEach((dot, i) => {
      if (dot) context.fillRect((i % DOTS) * side, Math.floor(i / DOTS) * side, side, side);
    });
    if (this.canvas.matches(":focus-visible")) {
      const [x, y] = this.cursor;
      context.strokeStyle = style.getPropertyValue("--pg-accent");
      context.lineWidth = 3;
      context.strokeRect((x - 1.5) * side, (y - 1.5) * side, 3 * side, 3 * side);
    }
  }

  #begin(event) {
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true });
    this.last = this.#place(event);
    this.#stroke(this.last, this.last);
  }

  #move(event) {
    if (!this.last) return;
    const parts = event.getCoalescedEvents?.() ?? [];
    for (const part of parts.length ? parts : [event]) {
      const place = this.#place(part);
      this.#stroke(this.last, place);
      this.last = place;
    }
  }

  #place({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const scale = DOTS / box.width;
    return [(clientX - box.left) * scale, (clientY - box.top) * scale];
  }

  #press(event) {
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      return this.clear();
    }
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const inside = (n) => Math.min(DOTS - 2, Math.max(2, n));
    const before = this.cursor;
    this.cursor = before.map((n, axis) => inside(n + 2 * move[axis]));
    if (event.shiftKey) this.#stroke(before, this.cursor);
    else this.draw();
  }

  // Blacken the dots that are near to a line.
  #stroke([x0, y0], [x1, y1]) {
    const length = Math.hypot(x1 - x0, y1 - y0);
    for (let i = 0; i < this.dots.length; i++) {
      const [x, y] = [(i % DOTS) + 0.5, Math.floor(i / DOTS) + 0.5];
      const along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / (length * length || 1);
      const t = Math.min(1, Math.max(0, along));
      const far = Math.hypot(x - x0 - t * (x1 - x0), y - y0 - t * (y1 - y0));
      if (far <= BRUSH) this.dots[i] = 1;
    }
    this.draw();
    this.onChange(toDigit(this.dots));
  }
}

/** Dots as an image of the data set: as high as it, in its middle; null if there are none. */
export function toDigit(dots) {
  const [rows, columns] = [[], []];
  dots.forEach((dot, i) => {
    if (dot) rows.push(Math.floor(i / DOTS)), columns.push(i % DOTS);
  });
  if (!rows.length) return null;
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  const [height, width] = [Math.max(...rows) - top + 1, Math.max(...columns) - left + 1];
  const scale = Math.max(height, width) / DOTS; // old dots a new one
  const image = new Float32Array(PIXELS);
  const from = (n, start, extent) => Math.floor(start + extent / 2 + (n + 0.5 - DOTS / 2) * scale);
  for (let i = 0; i < DOTS; i++) {
    for (let j = 0; j < DOTS; j++) {
      const [row, column] = [from(i, top, height), from(j, left, width)];
      const isInside = row >= 0 && row < DOTS && column >= 0 && column < DOTS;
      if (isInside && dots[row * DOTS + column]) {
        image[Math.floor(i / BLOCK) * SIDE + Math.floor(j / BLOCK)] += 1 / BLOCK ** 2;
      }
    }
  }
  return image;
}
