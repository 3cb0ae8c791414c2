// Kernels with their gradients, and what each layer makes of an image, as rows of tiles.

import { element, largestOf, paint, short } from "../view.mjs";

const LIMIT = 64; // tiles in a row

/** A row of canvases that are reused from one drawing to the next. */
class Tiles {
  constructor(kind, name) {
    this.kind = kind;
    this.name = name;
    this.row = element("div", { class: `pg-tiles pg-${kind}`, role: "img" });
  }

  /** Draw `n` planes; at(tile, row, column) is a number. */
  draw(n, size, at, largest, label) {
    while (this.row.children.length > n) this.row.lastChild.remove();
    while (this.row.children.length < n) this.row.append(element("canvas"));
    this.row.setAttribute("aria-label", label);
    Array.from(this.row.children).forEach((canvas, tile) => {
      paint(canvas, size, (i, j) => at(tile, i, j), largest, this.kind);
    });
  }
}

/** The kernels of the convolutions, each over its gradient in the last step. */
export class KernelMaps {
  constructor() {
    this.root = element("div", { class: "pg-kernels" });
    this.rows = [];
  }

  draw({ network, steps }) {
    const convolutions = network.layers.flatMap(({ type }, i) => (type === "conv2d" ? [i] : []));
    if (this.rows.length !== convolutions.length) this.#build(convolutions);
    convolutions.forEach((layer, at) => {
      const { kernels, gradients, largest } = this.rows[at];
      const kernel = network.weights[layer].kernel;
      const gradient = network.gradients[layer].kernel;
      const top = drawKernels(kernels, kernel, at);
      const steepest = drawKernels(gradients, gradient, at);
      largest.textContent =
        `Full colour: ±${short(top)} in kernels` +
        (steps ? `, ±${short(steepest)} in gradients` : "; no gradient before the first step");
    });
  }

  #build(convolutions) {
    this.rows = convolutions.map((_, at) => {
      const rows = {
        kernels: new Tiles("weights", "Kernels"),
        gradients: new Tiles("weights", "Gradients"),
        largest: element("p", { class: "pg-note" }),
      };
      rows.title = at ? "Second convolution" : "First convolution";
      return rows;
    });
    this.root.replaceChildren(
      ...this.rows.map(({ title, kernels, gradients, largest }, at) =>
        element(
          "div",
          { class: at ? "pg-second" : "pg-first" },
          element("h4", {}, title),
          element("p", { class: "pg-name" }, "kernels"),
          kernels.row,
          element("p", { class: "pg-name" }, "their gradients in the last step"),
          gradients.row,
          largest,
        ),
      ),
    );
  }
}

// One tile a filter. Kernels of several channels are side by side in it, four in a line.
function drawKernels(tiles, { shape, data }, at) {
  const [kh, kw, channels, filters] = shape;
  const largest = largestOf(data);
  const across = channels === 1 ? 1 : 4;
  const down = Math.ceil(channels / across);
  const [high, wide] = [down * (kh + 1) - 1, across * (kw + 1) - 1];
  const number = (filter, row, column) => {
    const [u, v] = [row % (kh + 1), column % (kw + 1)];
    const channel = Math.floor(row / (kh + 1)) * across + Math.floor(column / (kw + 1));
    if (u === kh || v === kw || channel >= channels) return 0;
    return data[((u * kw + v) * channels + channel) * filters + filter];
  };
  const where = at ? "second" : "first";
  const label = `${tiles.name} of the ${where} convolution: ${filters} of ${kh} × ${kw}`;
  tiles.draw(Math.min(filters, LIMIT), [high, wide], number, largest, label);
  return largest;
}

const NAMES = {
  conv2d: "convolution",
  max_pool2d: "largest of 2 × 2",
  avg_pool2d: "mean of 2 × 2",
};

/** What each layer but the last makes of an image. */
export class FeatureMaps {
  constructor() {
    this.root = element("div", { class: "pg-features" });
    this.rows = [];
  }

  draw(network, outputs) {
    const images = outputs.filter(({ shape }) => shape.length === 3);
    if (this.rows.length !== images.length) {
      this.rows = images.map(() => ({ name: element("p", { class: "pg-name" }), tiles: null }));
      for (const row of this.rows) row.tiles = new Tiles("weights", "Feature maps");
      this.root.replaceChildren(...this.rows.flatMap(({ name, tiles }) => [name, tiles.row]));
    }
    images.forEach(({ shape: [h, w, filters], data }, layer) => {
      const { name, tiles } = this.rows[layer];
      const words = `${NAMES[network.layers[layer].type]}: ${filters} maps of ${h} × ${w}`;
      name.textContent = words;
      const at = (filter, i, j) => data[(i * w + j) * filters + filter];
      tiles.draw(Math.min(filters, LIMIT), [h, w], at, largestOf(data), words);
    });
  }
}
