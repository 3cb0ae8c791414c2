// A grid of numbers on the page: to read, to point at, to edit, with mouse, finger or keys.

import { element, largestOf, short } from "../view.mjs";

const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export class Grid {
  /**
   * @param {object} of
   * @param {string} of.title
   * @param {string} of.role which quantity it shows: its colour, and what `onPoint` is told
   * @param {(role: string, place: number|null) => void} of.onPoint
   * @param {((place: number, value: number) => void)|null} of.onEdit null: numbers are results
   */
  constructor({ title, role, onPoint, onEdit = null }) {
    Object.assign(this, { title, role, onPoint, onEdit });
    this.heading = element("figcaption", {}, title);
    this.table = element("table", { role: "grid", "aria-label": title });
    this.root = element("figure", { class: `live-grid live-${role}` }, this.heading, this.table);
    this.root.addEventListener("pointerleave", () => this.onPoint(this.role, null));
    this.layout = [];
  }

  name(title) {
    if (title === this.title) return;
    this.title = title;
    this.heading.textContent = title;
    this.table.setAttribute("aria-label", title);
    this.shape = null; // labels of cells have it
  }

  /** Show numbers; a layout has for each cell a place among them, or null for a zero put in. */
  draw(layout, numbers) {
    this.numbers = numbers;
    const shape = JSON.stringify(layout);
    if (shape !== this.shape) this.#build(layout, shape);
    const largest = largestOf(numbers) || 1;
    const longest = Math.max(...Array.from(numbers, (number) => short(number).length));
    this.root.classList.toggle("live-wide", longest > 4);
    for (const { place, cell, face } of this.cells) {
      if (place === null) continue;
      const words = short(numbers[place]);
      cell.style.setProperty("--share", Math.abs(numbers[place]) / largest);
      if (face.tagName !== "INPUT") face.textContent = words;
      else if (face !== document.activeElement) face.value = words;
    }
  }

  /** Mark cells: the places that take part, those chosen, and one that is chosen itself. */
  mark({ taking = new Set(), chosen = null }) {
    for (const { place, cell } of this.cells) {
      cell.classList.toggle("live-takes-part", place !== null && taking.has(place));
      cell.classList.toggle("live-chosen", place !== null && place === chosen);
    }
  }

  #build(layout, shape) {
    this.shape = shape;
    this.cells = [];
    this.at = layout.map((row, i) => row.map((place, j) => this.#makeCell(place, i, j)));
    const columns = layout[0]?.length ?? 0;
    this.root.style.setProperty("--columns", columns);
    this.root.classList.toggle("live-small", columns > 7);
    const rows = this.at.map((row) => element("tr", {}, row.map(({ cell }) => cell)));
    this.table.replaceChildren(element("tbody", {}, rows));
    const first = this.cells.find(({ place }) => place !== null);
    if (first) first.face.tabIndex = 0;
  }

  #makeCell(place, i, j) {
    const label = `${this.title}, row ${i + 1}, column ${j + 1}`;
    const face = this.#makeFace(place, label);
    const cell = element("td", { class: place === null ? "live-hole" : null }, face);
    const made = { place, cell, face };
    this.cells.push(made);
    if (place === null) return made;
    const point = () => this.onPoint(this.role, place);
    cell.addEventListener("pointerenter", point);
    face.addEventListener("focus", () => {
      for (const other of this.cells) if (other.place !== null) other.face.tabIndex = -1;
      face.tabIndex = 0;
      face.select?.();
      point();
    });
    face.addEventListener("keydown", (event) => this.#move(event, i, j));
    return made;
  }

  #makeFace(place, label) {
    if (place === null) return element("span", { "aria-label": "a zero that is put in" }, "0");
    if (!this.onEdit) return element("span", { tabindex: -1, "aria-label": label });
    const edit = (event) => {
      const value = Number(event.target.value.replace("−", "-").replace(",", "."));
      if (Number.isFinite(value)) this.onEdit(place, value);
    };
    const restore = (event) => (event.target.value = short(this.numbers[place]));
    const listeners = { oninput: edit, onblur: restore };
    const keyboard = { inputmode: "text", autocomplete: "off", spellcheck: "false" };
    return element("input", { tabindex: -1, "aria-label": label, ...keyboard, ...listeners });
  }

  // To the next number in a direction: zeros that are put in are passed over.
  #move(event, i, j) {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    for (;;) {
      [i, j] = [i + step[0], j + step[1]];
      const next = this.at[i]?.[j];
      if (!next) return;
      if (next.place !== null) return next.face.focus();
    }
  }
}

/** Numbers in a new shape: what was there stays, the rest is made up. */
export function resize(numbers, [, before], [rows, columns], makeUp) {
  const result = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const old = j < before ? numbers[i * before + j] : undefined;
      result[i * columns + j] = old ?? makeUp(i, j);
    }
  }
  return result;
}
