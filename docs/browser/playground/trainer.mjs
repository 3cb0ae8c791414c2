// A network that learns digits, step by step.

import { Network } from "../network/network.mjs";
import { OPTIMIZERS } from "../network/optimizers.mjs";
import { makeRandom, permutation } from "../network/random.mjs";
import { PIXELS, SIDE } from "./data.mjs";
import { layersOf } from "./settings.mjs";

export class Trainer {
  /** @throws {RangeError} if the layers do not fit the images */
  constructor(ops, data, settings, seed) {
    this.ops = ops;
    this.data = data;
    this.settings = settings;
    this.random = makeRandom(seed);
    this.network = new Network(ops, layersOf(settings), [SIDE, SIDE, 1]);
    this.network.initialize(this.random);
    this.optimizer = OPTIMIZERS[settings.solver](this.network);
    this.test = ops.array([data.test.n, SIDE, SIDE, 1], data.test.images);
    this.steps = 0;
    this.losses = []; // one a step
    this.accuracies = []; // { step, accuracy } of each epoch
    this.order = [];
    this.mistakes = [];
    this.evaluate();
  }

  get stepsOfEpoch() {
    return Math.ceil(this.data.train.n / this.settings.batchSize);
  }

  get epoch() {
    return Math.floor(this.steps / this.stepsOfEpoch);
  }

  get accuracy() {
    return this.accuracies.at(-1).accuracy;
  }

  /** Learn from the next minibatch; after the last one of an epoch, look at the held-out images. */
  step() {
    const { batchSize, learningRate } = this.settings;
    const { images, labels, n } = this.data.train;
    const at = this.steps % this.stepsOfEpoch;
    if (at === 0) this.order = permutation(n, this.random);
    const rows = this.order.subarray(at * batchSize, (at + 1) * batchSize);
    const loss = this.ops.tidy(() => {
      const x = this.ops.array([rows.length, SIDE, SIDE, 1]);
      rows.forEach((row, i) => {
        x.data.set(images.subarray(row * PIXELS, (row + 1) * PIXELS), i * PIXELS);
      });
      return this.network.lossAndGradient(x, Array.from(rows, (row) => labels[row]));
    });
    this.optimizer.step(learningRate);
    this.steps += 1;
    this.losses.push(loss);
    if (this.steps % this.stepsOfEpoch === 0) this.evaluate();
  }

  /** Count the held-out images that the network knows, and list the others. */
  evaluate() {
    const guesses = this.guess(this.test);
    const { labels } = this.data.test;
    this.mistakes = [];
    guesses.forEach(({ label, probability }, i) => {
      if (label !== labels[i]) this.mistakes.push({ i, truth: labels[i], label, probability });
    });
    const accuracy = 1 - this.mistakes.length / labels.length;
    this.accuracies.push({ step: this.steps, accuracy });
  }

  /** The likeliest label of each image, with its probability. */
  guess(x) {
    return this.ops.tidy(() => {
      const logits = this.network.predict(x);
      const [n, classes] = logits.shape;
      return Array.from({ length: n }, (_, i) => {
        const p = softmax(logits.data.subarray(i * classes, (i + 1) * classes));
        const label = p.indexOf(Math.max(...p));
        return { label, probability: p[label], probabilities: p };
      });
    });
  }

  /** What each layer makes of one image, as { shape, data } outside of the module's memory. */
  layersOfImage(image) {
    return this.ops.tidy(() => {
      const x = this.ops.array([1, SIDE, SIDE, 1], image);
      const outputs = this.network.predict(x, { all: true });
      return outputs.map(({ shape, data }) => ({ shape: shape.slice(1), data: data.slice() }));
    });
  }

  free() {
    this.optimizer.free();
    this.network.free();
    this.ops.memory.free(this.test);
  }
}

/** exp(z) / sum(exp(z)), of a few numbers. */
export function softmax(z) {
  const largest = Math.max(...z);
  const e = Array.from(z, (value) => Math.exp(value - largest));
  const total = e.reduce((sum, value) => sum + value, 0);
  return e.map((value) => value / total);
}
