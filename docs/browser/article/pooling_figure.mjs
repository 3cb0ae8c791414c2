// Pooling with its numbers: the largest and the mean of each window, and both gradients.

import { element, short } from "../view.mjs";
import { choice, factor, frame, wordsElement } from "./figure.mjs";
import { convolution, plain } from "./geometry.mjs";
import { Grid, resize } from "./grid.mjs";

const FIRST = "Point at a number: y looks at a window of x, and a number of dx is handed its part of dy.";

export class PoolingFigure {
  constructor(ops) {
    this.ops = ops;
    this.wanted = { image: [4, 4], size: 2, stride: 2 };
    this.shapes = { x: [4, 4], y: [2, 2] };
    this.numbers = {
      x: Float32Array.of(1, 3, 0, 1, 2, 0, 5, 2, 4, 1, 1, 0, 0, 2, 3, 6),
      dy: Float32Array.of(4, -8, 0, 12),
    };
    this.words = wordsElement(FIRST);
    this.problem = element("p", { class: "live-problem", role: "alert" });
    const edit = (name) => (place, value) => {
      this.numbers[name][place] = value;
      this.#compute();
    };
    const grid = (name, title, role, onEdit = null) =>
      new Grid({ title, role, onEdit, onPoint: (_, place) => this.#point(name, place) });
    this.grids = {
      x: grid("x", "x", "x", edit("x")),
      largest: grid("largest", "y, the largest", "z"),
      mean: grid("mean", "y, the mean", "z"),
      dy: grid("dy", "dy", "z", edit("dy")),
      toLargest: grid("toLargest", "dx of the largest", "x"),
      toAll: grid("toAll", "dx of the mean", "x"),
    };
    this.#change({});
    const roots = Object.values(this.grids).map(({ root }) => root);
    this.root = frame("Pooling, live: numbers that can be changed", this.#controls(), roots, this.words);
    this.root.append(this.problem);
  }

  #controls() {
    const number = (label, choices, value, change) =>
      choice(label, choices, value, (chosen) => this.#change(change(chosen)));
    const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    const { image, size, stride } = this.wanted;
    return [
      number("Image rows", sizes, image[0], (n) => ({ image: [n, this.wanted.image[1]] })),
      number("columns", sizes, image[1], (n) => ({ image: [this.wanted.image[0], n] })),
      number("Pool size", sizes, size, (n) => ({ size: n })),
      number("Stride", [1, 2, 3, 4], stride, (n) => ({ stride: n })),
    ];
  }

  #change(sizes) {
    Object.assign(this.wanted, sizes);
    const { image, size, stride } = this.wanted;
    try {
      const { win, products } = convolution(image, [size, size], { stride, padding: "valid" });
      Object.assign(this, { size, stride, products });
      this.problem.textContent = "";
      const shapes = { x: image, y: win.output };
      const makeUp = (i, j) => (3 * i + 2 * j + i * j) % 5;
      this.numbers.x = resize(this.numbers.x, this.shapes.x, shapes.x, makeUp);
      this.numbers.dy = resize(this.numbers.dy, this.shapes.y, shapes.y, (i, j) => 4 * (i - j));
      this.shapes = shapes;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.problem.textContent = `The pool is too large here: ${error.message}.`;
      return;
    }
    this.#compute();
  }

  #compute() {
    const { ops, size, stride, shapes, numbers } = this;
    Object.assign(
      numbers,
      ops.tidy(() => {
        const x = ops.array([1, ...shapes.x, 1], numbers.x);
        const dy = ops.array([1, ...shapes.y, 1], numbers.dy);
        const { y, argmax } = ops.maxPool2d(x, size, { stride });
        return {
          largest: y.data.slice(),
          taps: argmax.data.slice(),
          mean: ops.avgPool2d(x, size, { stride }).data.slice(),
          toLargest: ops.maxPool2dGrad(dy, argmax, x.shape, size, { stride }).data.slice(),
          toAll: ops.avgPool2dGrad(dy, x.shape, size, { stride }).data.slice(),
        };
      }),
    );
    for (const [name, grid] of Object.entries(this.grids)) {
      grid.draw(plain(grid.role === "x" ? shapes.x : shapes.y), numbers[name]);
    }
    this.#point(this.pointed?.name, this.pointed?.place ?? null);
  }

  #point(name, place) {
    const isThere = name && place !== null && place < this.numbers[name].length;
    this.pointed = isThere ? { name, place } : null;
    const end = isThere && this.grids[name].role === "x" ? "x" : "z"; // of a window and a pixel
    const meet = isThere ? this.products.filter((product) => product[end] === place) : [];
    for (const [other, grid] of Object.entries(this.grids)) {
      const isSame = (grid.role === "x") === (end === "x");
      const taking = new Set(isSame ? [] : meet.map((product) => product[grid.role]));
      grid.mark({ chosen: isThere && (other === name || isSame) ? place : null, taking });
    }
    this.words.replaceChildren(...(isThere ? this.#say(name, place, end, meet) : [FIRST]));
  }

  #say(name, place, end, meet) {
    const { numbers } = this;
    const x = (product) => factor(short(numbers.x[product.x]), "x");
    const dy = (product) => factor(short(numbers.dy[product.z]), "z");
    if (end === "z") {
      const seen = joined(meet.map(x), ", ");
      const largest = short(numbers.largest[place]);
      return ["The window sees ", ...seen, `: its largest is ${largest}, its mean ${short(numbers.mean[place])}.`];
    }
    const won = meet.filter((product) => numbers.taps[product.z] === product.W);
    const handed = won.length ? joined(won.map(dy), " + ") : ["nothing: it was never the largest"];
    const share = ` · 1/${this.size ** 2}`;
    const shares = meet.length ? joined(meet.map((p) => element("span", {}, dy(p), share)), " + ") : ["0"];
    return [
      "This pixel is handed by the largest ",
      ...handed,
      ", by the mean ",
      ...shares,
      ` = ${short(numbers.toAll[place])}.`,
    ];
  }
}

function joined(parts, between) {
  return parts.flatMap((part, i) => (i ? [between, part] : [part]));
}
