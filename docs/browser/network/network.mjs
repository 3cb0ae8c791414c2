// A chain of layers with their weights in one vector, as skconv.Network.

import { count } from "../kernels/memory.mjs";
import { LAYERS } from "./layers.mjs";
import { initialize } from "./random.mjs";

export class Network {
  /**
   * @param {Ops} ops
   * @param {object[]} layers such as { type: "conv2d", filters: 8, kernelSize: 3 }; see layers.mjs
   * @param {number[]} inputShape of one sample
   */
  constructor(ops, layers, inputShape) {
    this.ops = ops;
    this.layers = layers;
    this.inputShape = inputShape;
    this.shapes = [];
    const names = []; // of each layer's weights, with their shapes
    const state = [];
    for (const layer of layers) {
      const shape = this.shapes.at(-1) ?? inputShape;
      const kind = LAYERS[layer.type];
      names.push(kind.weights(layer, shape));
      state.push(kind.state?.(layer, shape) ?? {});
      this.shapes.push(kind.output(layer, shape));
    }
    const size = names.flatMap(Object.values).reduce((sum, shape) => sum + count(shape), 0);
    this.parameters = ops.array([size]);
    this.gradient = ops.array([size]);
    this.weights = views(this.parameters, names);
    this.gradients = views(this.gradient, names);
    this.state = state.map((shapes) =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, ops.array(shape)])),
    );
  }

  /** Draw the weights that a new network starts from. */
  initialize(random) {
    this.layers.forEach((layer, i) => {
      const { kernel, bias, gamma, beta } = this.weights[i];
      if (kernel) initialize(kernel, layer.initializer ?? "glorot_uniform", random);
      bias?.data.fill(0);
      gamma?.data.fill(1);
      beta?.data.fill(0);
      const { mean, variance, samples } = this.state[i];
      mean?.data.fill(0);
      variance?.data.fill(1);
      samples?.data.fill(0);
    });
  }

  /** The outputs of x, and with `all` those of each layer. */
  predict(x, { all = false } = {}) {
    const outputs = [];
    this.layers.forEach((layer, i) => {
      const pass = LAYERS[layer.type].forward;
      x = pass(this.ops, layer, this.#weightsOf(i), x, null, false).y;
      outputs.push(x);
    });
    return all ? outputs : x;
  }

  /** The mean loss of a minibatch; `gradient` then holds its gradient. */
  lossAndGradient(x, codes) {
    return this.ops.tidy(() => {
      const steps = this.#forward(x);
      const { value, dlogits } = this.ops.softmaxCrossEntropy(steps.at(-1).y, codes);
      let dy = dlogits;
      for (const { i, cache } of steps.reverse()) {
        const layer = this.layers[i];
        const arguments_ = [layer, this.#weightsOf(i), cache, dy, i > 0];
        const { dx, gradients } = LAYERS[layer.type].backward(this.ops, ...arguments_);
        for (const [name, of] of Object.entries(this.gradients[i])) {
          of.data.set(gradients[name].data);
        }
        dy = dx;
      }
      return value;
    });
  }

  free() {
    const state = this.state.flatMap(Object.values);
    for (const array of [this.parameters, this.gradient, ...state]) this.ops.memory.free(array);
  }

  // In training a convolution is computed with the max pool after it, as in skconv: it is faster,
  // and adds gradients in another order.
  #forward(x) {
    const steps = [];
    for (let i = 0; i < this.layers.length; i++) {
      const layer = this.layers[i];
      const pool = layer.type === "conv2d" && this.layers[i + 1]?.type === "max_pool2d";
      const size = pool ? this.layers[i + 1].poolSize : null;
      const pass = LAYERS[layer.type].forward;
      const { y, cache } = pass(this.ops, layer, this.#weightsOf(i), x, size, true);
      steps.push({ i, y, cache });
      x = y;
      if (pool) i++;
    }
    return steps;
  }

  #weightsOf(i) {
    return { ...this.weights[i], ...this.state[i] };
  }
}

// Parts of one vector, by layer and name.
function views(vector, names) {
  let start = 0;
  return names.map((shapes) =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const part = vector.part(start, shape);
        start += count(shape);
        return [name, part];
      }),
    ),
  );
}
