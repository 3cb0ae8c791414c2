// The playground: a network that learns digits before the reader's eyes.

import { unpack } from "../bytes.mjs";
import { loadOps } from "../kernels/ops.mjs";
import { Chart } from "./chart.mjs";
import { makeControls } from "./controls.mjs";
import { PIXELS, SIDE, unpackDigits } from "./data.mjs";
import { FeatureMaps, KernelMaps } from "./maps.mjs";
import { Pad } from "./pad.mjs";
import { EPOCHS, initialSettings, pythonOf } from "./settings.mjs";
import { Trainer } from "./trainer.mjs";
import { element, paint } from "../view.mjs";

const SLICE = 10; // milliseconds of training before the page may do other things
const SLOW = 5; // draw maps in one of so many frames
const STILL = 60; // and everything in one of so many, for readers who ask for less motion
const SHOWN_MISTAKES = 24;
const DIGITS = { n: 1797, held: 360 };

class Playground {
  constructor(root, ops, data) {
    this.ops = ops;
    this.data = data;
    this.settings = initialSettings();
    this.seed = 1;
    this.isRunning = false;
    this.seconds = 0; // of training
    this.frame = 0;
    this.chart = new Chart();
    this.kernels = new KernelMaps();
    this.features = new FeatureMaps();
    this.pad = new Pad((image) => this.#look(image, "the digit that you drew"));
    this.#build(root);
    this.#showHeldOut(0);
    this.#restart();
    const redraw = () => (this.draw(), this.pad.draw());
    const watch = new MutationObserver(redraw); // light and dark
    watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  #build(root) {
    const button = (words, onclick, kind = "") =>
      element("button", { type: "button", class: `pg-button ${kind}`, onclick }, words);
    this.run = button("Train", () => this.#toggle(), "pg-primary");
    this.once = button("One step", () => this.#stepOnce());
    this.again = button("Start again", () => this.#restart(true));
    this.status = element("p", { class: "pg-status", id: "pg-status" });
    this.said = element("p", { class: "pg-sr", "aria-live": "polite" });
    this.problem = element("p", { class: "pg-problem", role: "alert" });
    this.looked = element("p", { class: "pg-name" });
    this.input = element("canvas", { class: "pg-input", role: "img" });
    this.answer = element("p", { class: "pg-answer", "aria-live": "polite" });
    this.bars = Array.from({ length: 10 }, () => element("span", { class: "pg-bar" }));
    this.mistakes = element("div", { class: "pg-mistakes" });
    this.count = element("p", { class: "pg-note" });
    this.code = element("code", {});
    this.copy = button("Copy", () => this.#copy());
    const digits = this.bars.map((bar, digit) => element("li", {}, bar, String(digit)));
    const another = button("Another held-out digit", () => {
      this.#showHeldOut(Math.floor(Math.random() * this.data.test.n));
    });
    const change = (name, value) => {
      this.settings = { ...this.settings, [name]: value };
      this.#restart();
    };
    root.replaceChildren(
      element("div", { class: "pg-toolbar" }, this.run, this.once, this.again, this.status),
      this.problem,
      this.said,
      element("div", { class: "pg-controls" }, makeControls(this.settings, change)),
      element(
        "div",
        { class: "pg-columns" },
        section(
          "Loss and accuracy",
          element(
            "p",
            { class: "pg-note" },
            element("span", { class: "pg-loss-text" }, "━ loss"),
            " of each step, and ",
            element("span", { class: "pg-accuracy-text" }, "━ accuracy"),
            ` on ${this.data.test.n} held-out digits, over epochs`,
          ),
          this.chart.svg,
        ),
        section(
          "Draw a digit",
          element(
            "div",
            { class: "pg-draw" },
            this.pad.canvas,
            element(
              "div",
              { class: "pg-says" },
              this.answer,
              element("ol", { class: "pg-bars", start: 0, "aria-hidden": "true" }, digits),
            ),
          ),
          element(
            "p",
            { class: "pg-row" },
            button("Clear", () => this.pad.clear()),
            another,
          ),
        ),
      ),
      section("Kernels", this.kernels.root),
      section(
        "Feature maps",
        element("div", { class: "pg-look" }, this.input, this.looked),
        this.features.root,
      ),
      section("Mistakes", this.count, this.mistakes),
      section(
        "The same in Python",
        element("div", { class: "pg-code" }, this.copy, element("pre", {}, this.code)),
      ),
    );
  }

  // Training ------------------------------------------------------------------------

  #restart(isNew = false) {
    this.#pause();
    if (isNew) this.seed += 1;
    this.trainer?.free();
    this.trainer = null;
    this.seconds = 0;
    this.code.textContent = pythonOf(this.settings);
    try {
      this.trainer = new Trainer(this.ops, this.data, this.settings, this.seed);
      this.problem.textContent = "";
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.problem.textContent = `These layers do not fit 8 × 8 pixels: ${error.message}.`;
    }
    for (const needs of [this.run, this.once]) needs.disabled = !this.trainer;
    this.draw();
  }

  #toggle() {
    if (this.isRunning) return this.#pause();
    this.isRunning = true;
    this.run.textContent = "Pause";
    this.#slice();
  }

  #pause() {
    if (this.isRunning) this.draw();
    this.isRunning = false;
    this.run.textContent = "Train";
  }

  #stepOnce() {
    this.#pause();
    this.#train(0);
    this.draw();
    this.said.textContent = this.status.textContent;
  }

  // Train for some milliseconds, draw, and let the page answer before the next slice.
  #slice() {
    if (!this.isRunning) return;
    this.#train(SLICE);
    this.frame += 1;
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!isStill || this.frame % STILL === 0) this.draw(isStill || this.frame % SLOW === 0);
    if (this.trainer.epoch >= EPOCHS) {
      this.#pause();
      this.draw();
      this.said.textContent = this.status.textContent;
    } else {
      requestAnimationFrame(() => this.#slice());
    }
  }

  #train(milliseconds) {
    const start = performance.now();
    let now;
    do {
      this.trainer.step();
      now = performance.now();
    } while (now - start < milliseconds && this.trainer.epoch < EPOCHS);
    this.seconds += (now - start) / 1000;
  }

  // Drawing --------------------------------------------------------------------------

  draw(withMaps = true) {
    const { trainer } = this;
    if (!trainer) return;
    this.chart.draw(trainer);
    const loss = trainer.losses.at(-1);
    this.status.textContent = [
      `epoch ${trainer.epoch}, step ${trainer.steps}`,
      loss === undefined ? null : `loss ${loss.toFixed(3)}`,
      `held-out accuracy ${trainer.accuracy.toFixed(3)}`,
      `${this.seconds.toFixed(1)} s of training`,
    ]
      .filter(Boolean)
      .join(" · ");
    if (!withMaps) return;
    this.kernels.draw(trainer);
    this.#drawMistakes();
    this.#drawImage();
  }

  #drawImage() {
    paint(this.input, [SIDE, SIDE], (i, j) => this.image[i * SIDE + j], 1, "image");
    this.input.setAttribute("aria-label", this.name);
    this.looked.textContent = `What each layer makes of ${this.name}`;
    const outputs = this.trainer.layersOfImage(this.image);
    this.features.draw(this.trainer.network, outputs);
    const x = { shape: [1, SIDE, SIDE, 1], data: this.image };
    const [{ label, probability, probabilities }] = this.trainer.guess(x);
    const words = `The network says ${label}, with probability ${probability.toFixed(2)}`;
    if (this.answer.textContent !== words) this.answer.textContent = words;
    this.bars.forEach((bar, digit) => {
      bar.style.setProperty("--share", probabilities[digit]);
      bar.classList.toggle("pg-best", digit === label);
    });
  }

  #drawMistakes() {
    const { mistakes } = this.trainer;
    const { n, images } = this.data.test;
    const shown = mistakes.slice(0, SHOWN_MISTAKES);
    this.count.textContent =
      `${mistakes.length} of ${n} held-out digits` +
      (mistakes.length > shown.length ? `; the first ${shown.length}:` : ":");
    const theme = document.documentElement.dataset.theme; // its colours are painted
    const key = shown.map(({ i, label }) => `${i}:${label}`).join() + theme;
    if (key === this.shownMistakes) return;
    this.shownMistakes = key;
    const tiles = shown.map(({ i, truth, label }) => {
      const canvas = element("canvas");
      const image = images.subarray(i * PIXELS, (i + 1) * PIXELS);
      paint(canvas, [SIDE, SIDE], (row, column) => image[row * SIDE + column], 1, "image");
      const onclick = () => this.#showHeldOut(i);
      const words = `a ${truth}, taken for a ${label}: show its feature maps`;
      const attributes = { type: "button", class: "pg-mistake", "aria-label": words, onclick };
      return element("button", attributes, canvas, `${truth} → ${label}`);
    });
    this.mistakes.replaceChildren(...tiles);
  }

  // The image that is looked at ------------------------------------------------------

  #showHeldOut(i) {
    const { images, labels } = this.data.test;
    this.#look(images.slice(i * PIXELS, (i + 1) * PIXELS), `a held-out ${labels[i]}`);
  }

  #look(image, name) {
    if (!image) return this.#showHeldOut(0);
    this.image = image;
    this.name = name;
    if (this.trainer) this.#drawImage();
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.code.textContent);
      this.copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(this.code); // where scripts may not write to it
      this.copy.textContent = "Selected";
    }
    setTimeout(() => (this.copy.textContent = "Copy"), 2000);
  }
}

function section(title, ...children) {
  return element("section", { class: "pg-section" }, element("h3", {}, title), ...children);
}

async function start() {
  const root = document.getElementById("skconv-playground");
  const [kernels, digits] = [await unpack(SKCONV_KERNELS), await unpack(SKCONV_DIGITS)];
  const ops = await loadOps(kernels);
  globalThis.playground = new Playground(root, ops, unpackDigits(digits, DIGITS));
}

start();
