// A convolution with its numbers: forward, the gradient in the kernel, the gradient in the image.

import { element, short } from "../view.mjs";
import { choice, factor, frame, wordsElement } from "./figure.mjs";
import { convolution, padded, plain, spread, surrounded, turned } from "./geometry.mjs";
import { Grid, resize } from "./grid.mjs";

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const PADDINGS = ["valid", "same", 1, 2, 3, 4];
const LONG = 16; // products in a line of words

// The numbers of the article.
const START = {
  image: [5, 5],
  kernel: [3, 3],
  x: [0, 1, 2, 1, 0, 0, 2, 3, 0, 1, 1, 3, 1, 0, 2, 0, 2, 0, 1, 3, 1, 0, 1, 2, 2],
  W: [1, 0, -1, 2, 0, -2, 1, 0, -1],
  z: [1, -1, 0, 2, 0, 1, 0, 1, -2],
};
const makeUp = {
  x: (i, j) => (3 * i + 2 * j + i * j) % 4,
  W: (i, j) => ((i + 2 * j) % 3) - 1,
  z: (i, j) => ((2 * i + j) % 4) - 1,
};

const titleOfX = ({ win }) => (win.padding.flat().some(Boolean) ? "x, zeros around" : "x");

// Pass -> the result; both factors of its products, each with its title and how it is laid out; how
// it is computed; and what is said first.
const PASSES = {
  forward: {
    result: ["z", "z"],
    factors: [
      ["x", titleOfX, (s) => padded(s.image, s.win)],
      ["W", () => "W", (s) => plain(s.kernel)],
    ],
    compute: (ops, a, s) => ops.conv2d(a.x, a.W, null, s.slide),
    first: "Point at a number of z, or go there with the arrow keys: it is a sum of products.",
  },
  gradKernel: {
    result: ["W", "dW"],
    factors: [
      ["x", titleOfX, (s) => padded(s.image, s.win)],
      ["z", (s) => (s.slide.stride > 1 ? "dz, zeros between" : "dz"), (s) => spread(s.win)],
    ],
    compute: (ops, a, s) => ops.conv2dGradKernel(a.z, a.x, a.W.shape, s.slide),
    first:
      "Point at a number of dW: its weight met these pixels, and is handed each of them times " +
      "the dz of its place.",
  },
  gradInput: {
    result: ["x", "dx"],
    factors: [
      [
        "z",
        (s) => `dz, zeros around${s.slide.stride > 1 ? " and between" : ""}`,
        (s) => surrounded(s.image, s.win),
      ],
      ["W", () => "W, turned", (s) => turned(s.kernel)],
    ],
    compute: (ops, a, s) => ops.conv2dGradInput(a.z, a.W, a.x.shape, s.slide),
    first:
      "Point at a number of dx: first its pixel was under the last weight, later under those " +
      "before. So in the order of dz the weights come from the end: the kernel is turned.",
  },
};

export class ConvolutionFigure {
  constructor(ops, pass, { stride = 1 } = {}) {
    this.ops = ops;
    this.pass = PASSES[pass];
    const slide = { stride, padding: "valid", dilation: 1 };
    this.wanted = { image: START.image, kernel: START.kernel, slide };
    this.state = {
      shapes: { x: START.image, W: START.kernel, z: [3, 3] },
      numbers: Object.fromEntries(["x", "W", "z"].map((k) => [k, Float32Array.from(START[k])])),
    };
    this.words = wordsElement(this.pass.first);
    this.problem = element("p", { class: "live-problem", role: "alert" });
    const onPoint = (role, place) => this.#point(role, place);
    const onEdit = (role) => (place, value) => {
      this.state.numbers[role][place] = value;
      this.#compute();
    };
    this.grids = this.pass.factors.map(([role, titleOf, layout]) => {
      const grid = new Grid({ title: "", role, onPoint, onEdit: onEdit(role) });
      return Object.assign(grid, { titleOf, layout });
    });
    const [role, title] = this.pass.result;
    this.result = new Grid({ title, role, onPoint });
    this.role = role;
    this.#change();
    const roots = [...this.grids, this.result].map(({ root }) => root);
    const label = `${title}, live: numbers that can be changed`;
    this.root = frame(label, this.#controls(), roots, this.words);
    this.root.append(this.problem);
  }

  #controls() {
    const { wanted } = this;
    const size = (label, name, axis) =>
      choice(label, SIZES, wanted[name][axis], (value) => {
        this.#change({ [name]: wanted[name].map((old, i) => (i === axis ? value : old)) });
      });
    const slide = (label, name, choices) =>
      choice(label, choices, wanted.slide[name], (value) => {
        this.#change({ slide: { ...wanted.slide, [name]: value } });
      });
    return [
      size("Image rows", "image", 0),
      size("columns", "image", 1),
      size("Kernel rows", "kernel", 0),
      size("columns", "kernel", 1),
      slide("Stride", "stride", [1, 2, 3, 4]),
      slide("Padding", "padding", PADDINGS),
      slide("Dilation", "dilation", [1, 2, 3, 4]),
    ];
  }

  // Take over new sizes, if a kernel of them fits its image.
  #change(sizes = {}) {
    const { wanted, state } = this;
    Object.assign(wanted, sizes);
    try {
      Object.assign(state, convolution(wanted.image, wanted.kernel, wanted.slide), wanted);
      this.problem.textContent = "";
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.problem.textContent = `The kernel is too large here: ${error.message}.`;
      return;
    }
    const shapes = { x: state.image, W: state.kernel, z: state.win.output };
    for (const role of ["x", "W", "z"]) {
      const numbers = state.numbers[role];
      state.numbers[role] = resize(numbers, state.shapes[role], shapes[role], makeUp[role]);
    }
    state.shapes = shapes;
    this.#compute();
  }

  // The numbers of the result, by the kernels.
  #compute() {
    const { state, ops } = this;
    const { shapes, numbers } = state;
    state.values = ops.tidy(() => {
      const image = (role) => ops.array([1, ...shapes[role], 1], numbers[role]);
      const arrays = {
        x: image("x"),
        z: image("z"),
        W: ops.array([...shapes.W, 1, 1], numbers.W),
      };
      return this.pass.compute(ops, arrays, state).data.slice();
    });
    for (const grid of this.grids) {
      grid.name(grid.titleOf(state));
      grid.draw(grid.layout(state), numbers[grid.role]);
    }
    this.result.draw(plain(shapes[this.role]), state.values);
    this.#point(this.pointed?.role, this.pointed?.place ?? null);
  }

  // Mark what a number is made of or goes into, and say it.
  #point(role, place) {
    const isThere = role && place !== null && place < this.state.numbers[role].length;
    this.pointed = isThere ? { role, place } : null;
    const meet = isThere ? this.state.products.filter((product) => product[role] === place) : [];
    for (const grid of [...this.grids, this.result]) {
      const taking = new Set(meet.map((product) => product[grid.role]));
      if (grid.role === role) grid.mark({ chosen: isThere ? place : null });
      else grid.mark({ taking });
    }
    if (!isThere) this.words.replaceChildren(this.pass.first);
    else if (role === this.role) this.#sayResult(place, meet);
    else this.#sayFactor(role, place, meet);
  }

  #sayResult(place, meet) {
    const roles = this.grids.map((grid) => grid.role);
    const { numbers, values } = this.state;
    const products = meet.slice(0, LONG).flatMap((product, i) => [
      i ? " + " : "",
      factor(short(numbers[roles[0]][product[roles[0]]]), roles[0]),
      " · ",
      factor(short(numbers[roles[1]][product[roles[1]]]), roles[1]),
    ]);
    const rest = meet.length > LONG ? ` + … (${meet.length} products)` : "";
    const sum = meet.length ? [...products, rest] : ["no product: 0"];
    const name = this.#name(this.pass.result, place);
    this.words.replaceChildren(...name, " = ", ...sum, " = ", element("b", {}, short(values[place])));
  }

  #sayFactor(role, place, meet) {
    const [result, title] = this.pass.result;
    const places = new Set(meet.map((product) => product[result]));
    const grid = this.grids.find((one) => one.role === role);
    const number = factor(short(this.state.numbers[role][place]), role);
    const words = ` is in ${places.size} ${places.size === 1 ? "number" : "numbers"} of ${title}.`;
    this.words.replaceChildren(...this.#name([role, grid.title.split(",")[0]], place), " = ", number, words);
  }

  #name([role, title], place) {
    const columns = this.state.shapes[role][1];
    const index = element("sub", {}, `${Math.floor(place / columns)}, ${place % columns}`);
    return [element("b", { class: `live-ink live-${role}` }, title, index)];
  }
}
