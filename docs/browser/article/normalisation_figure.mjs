// Batch normalisation with its numbers: a channel of eight, there and back.

import { element, short } from "../view.mjs";
import { factor, frame, wordsElement } from "./figure.mjs";
import { plain } from "./geometry.mjs";
import { Grid } from "./grid.mjs";

const EPSILON = 1e-5; // as the article
const FIRST = "Change a number of z: the mean and the deviation take every shift and stretch away.";

export class NormalisationFigure {
  constructor(ops) {
    this.ops = ops;
    this.numbers = {
      z: Float32Array.of(1, 4, 2, 7, 3, 5, 0, 2),
      coefficients: Float32Array.of(1.5, 0.5),
      dy: Float32Array.of(1, -1, 0, 2, 0, 1, -2, 1),
    };
    this.words = wordsElement(FIRST);
    this.facts = element("p", { class: "live-facts" });
    const edit = (name) => (place, value) => {
      this.numbers[name][place] = value;
      this.#compute();
    };
    const grid = (name, title, role, onEdit = null) =>
      new Grid({ title, role, onEdit, onPoint: (_, place) => this.#point(name, place) });
    this.grids = {
      z: grid("z", "z", "x", edit("z")),
      coefficients: grid("coefficients", "γ, β", "W", edit("coefficients")),
      normalised: grid("normalised", "ẑ", "z"),
      y: grid("y", "y = γ ẑ + β", "z"),
      dy: grid("dy", "dy", "z", edit("dy")),
      dz: grid("dz", "dz", "x"),
    };
    this.#compute();
    const roots = Object.values(this.grids).map(({ root }) => root);
    const buttons = [
      ["Shift z by 1", (z) => z + 1],
      ["Stretch z by 2", (z) => 2 * z],
    ].map(([words, change]) => {
      const onclick = () => {
        this.numbers.z = this.numbers.z.map(change);
        this.#compute();
      };
      return element("button", { type: "button", class: "live-button", onclick }, words);
    });
    this.root = frame("Batch normalisation, live", buttons, roots, this.words);
    this.root.append(this.facts);
  }

  #compute() {
    const { ops, numbers } = this;
    const [gamma, beta] = numbers.coefficients;
    const of = (...values) => ops.array([values.length], values);
    Object.assign(
      numbers,
      ops.tidy(() => {
        const [z, dy] = [ops.array([8, 1], numbers.z), ops.array([8, 1], numbers.dy)];
        const { mean, variance } = ops.channelMoments(z);
        const inverse = of(1 / Math.sqrt(variance.data[0] + EPSILON));
        const scale = of(gamma * inverse.data[0]);
        const y = ops.normalize(z, mean, scale, of(beta));
        const { dx, dgamma, dbeta } = ops.batchNormBackward(dy, y, z, mean, inverse, scale);
        return {
          moments: [mean.data[0], variance.data[0]],
          normalised: ops.normalize(z, mean, inverse, of(0)).data.slice(),
          y: y.data.slice(),
          dz: dx.data.slice(),
          gradients: [dgamma.data[0], dbeta.data[0]],
          sum: ops.gradBias(dx).data[0],
        };
      }),
    );
    for (const [name, grid] of Object.entries(this.grids)) {
      grid.draw(plain(name === "coefficients" ? [1, 2] : [2, 4]), numbers[name]);
    }
    const [[mean, variance], [dgamma, dbeta]] = [numbers.moments, numbers.gradients];
    const sum = Math.abs(numbers.sum) < 1e-5 ? "0" : short(numbers.sum);
    this.facts.textContent =
      `μ = ${short(mean)}, v = ${short(variance)}; dγ = ${short(dgamma)}, dβ = ${short(dbeta)}; ` +
      `the sum of dz is ${sum}.`;
    this.#point(this.pointed?.name, this.pointed?.place ?? null);
  }

  #point(name, place) {
    this.pointed = place === null || !name ? null : { name, place };
    const isNumber = this.pointed && name !== "coefficients";
    for (const [other, grid] of Object.entries(this.grids)) {
      const isSame = other === name || (isNumber && other !== "coefficients");
      grid.mark({ chosen: this.pointed && isSame ? place : null });
    }
    this.words.replaceChildren(...(isNumber ? this.#say(name, place) : [FIRST]));
  }

  #say(name, place) {
    const { numbers } = this;
    const [gamma, beta] = numbers.coefficients;
    const at = (key, role) => factor(short(numbers[key][place]), role);
    const [mean, variance] = numbers.moments;
    if (name === "dy" || name === "dz") {
      return [
        "dz = γ / √(v + ε) · (",
        at("dy", "z"),
        " − mean of dy − ",
        at("normalised", "z"),
        " · mean of dy ẑ) = ",
        at("dz", "x"),
      ];
    }
    return [
      "ẑ = (",
      at("z", "x"),
      ` − ${short(mean)}) / √(${short(variance)} + ε) = `,
      at("normalised", "z"),
      ", y = ",
      factor(short(gamma), "W"),
      " · ",
      at("normalised", "z"),
      " + ",
      factor(short(beta), "W"),
      " = ",
      at("y", "z"),
    ];
  }
}
