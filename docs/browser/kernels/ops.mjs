// The ops of skconv in JavaScript: arrays in, arrays out, computed by the package's own kernels.
//
// Names, arguments and results are those of skconv.ops, with numbers in float32. Images are
// (n, h, w, c), kernels (kh, kw, c / groups, filters). An array is an NdArray, or any
// { shape, data }, which is copied into the module's memory.

import { Memory, count } from "./memory.mjs";
import { slidingWindow } from "./window.mjs";

const ACTIVATIONS = ["identity", "relu", "leaky_relu", "elu", "tanh", "logistic"]; // as kernels.h
const NO_POOL = { size: [1, 1], output: null };

/** Compile the module from its bytes, and return its ops. */
export async function loadOps(bytes) {
  const module = await WebAssembly.compile(bytes);
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = () => 0; // the C library's; no kernel calls them
  }
  const instance = await WebAssembly.instantiate(module, imports);
  instance.exports._initialize?.();
  return new Ops(instance.exports);
}

export class Ops {
  #kernels;
  #geometry;

  constructor(exports) {
    this.#kernels = exports;
    this.memory = new Memory(exports);
    this.#geometry = this.memory.array([18], null, "Int32Array");
  }

  array(shape, numbers = null) {
    return this.memory.array(shape, numbers);
  }

  tidy(work) {
    return this.memory.tidy(work);
  }

  // Convolutions ---------------------------------------------------------------------

  /** activation(x * kernel + bias), pooled with `pool`; then `places` is what a gradient needs. */
  conv2d(x, kernel, bias = null, options = {}) {
    [x, kernel] = this.#placed(x, kernel);
    const { win, groups, pool, activation } = readOptions(x.shape, kernel.shape, options);
    const y = this.array([x.shape[0], ...pool.output, kernel.shape[3]]);
    const places = options.pool ? this.#bytes(y.shape) : null;
    const geometry = this.#slide(x.shape, kernel.shape[3], win, groups, pool.size);
    const b = bias && this.memory.place(bias);
    if (b && b.size !== kernel.shape[3]) {
      throw new RangeError(`bias must have a number for each of ${kernel.shape[3]} filters`);
    }
    const to = [activation, y.pointer, pointerOf(places)];
    this.#kernels.conv2d(geometry, x.pointer, kernel.pointer, pointerOf(b), ...to);
    return options.pool ? { y, places } : y;
  }

  /** The gradients in x (unless needDx is false), kernel and bias, from that in the output. */
  conv2dBackward(dy, y, x, kernel, { places = null, needDx = true, ...options } = {}) {
    [dy, x, kernel] = this.#placed(dy, x, kernel);
    const saved = y && this.memory.place(y);
    const { win, groups, pool, activation } = readOptions(x.shape, kernel.shape, options);
    requireShape("dy", dy, [x.shape[0], ...pool.output, kernel.shape[3]]);
    if (options.pool && !places) throw new TypeError("a pool's gradient needs places");
    const geometry = this.#slide(x.shape, kernel.shape[3], win, groups, pool.size);
    const from = [dy.pointer, pointerOf(saved), activation, pointerOf(places)];
    const dx = needDx ? this.array(x.shape) : null;
    const dkernel = this.array(kernel.shape);
    const dbias = this.array([kernel.shape[3]]);
    if (dx) this.#kernels.conv2d_grad_input(geometry, ...from, kernel.pointer, dx.pointer);
    const to = [x.pointer, dkernel.pointer, dbias.pointer];
    this.#kernels.conv2d_grad_kernel(geometry, ...from, ...to);
    return { dx, dkernel, dbias };
  }

  conv2dGradKernel(dz, x, kernelShape, options = {}) {
    [dz, x] = this.#placed(dz, x);
    const { win, groups, pool } = readOptions(x.shape, kernelShape, options);
    requireShape("dz", dz, [x.shape[0], ...win.output, kernelShape[3]]);
    const geometry = this.#slide(x.shape, kernelShape[3], win, groups, pool.size);
    const dkernel = this.array(kernelShape);
    const dbias = this.array([kernelShape[3]]);
    const to = [x.pointer, dkernel.pointer, dbias.pointer];
    this.#kernels.conv2d_grad_kernel(geometry, dz.pointer, 0, 0, 0, ...to);
    return dkernel;
  }

  conv2dGradInput(dz, kernel, inputShape, options = {}) {
    [dz, kernel] = this.#placed(dz, kernel);
    const { win, groups, pool } = readOptions(inputShape, kernel.shape, options);
    requireShape("dz", dz, [inputShape[0], ...win.output, kernel.shape[3]]);
    const geometry = this.#slide(inputShape, kernel.shape[3], win, groups, pool.size);
    const dx = this.array(inputShape);
    this.#kernels.conv2d_grad_input(geometry, dz.pointer, 0, 0, 0, kernel.pointer, dx.pointer);
    return dx;
  }

  /** The sum of dz over all but its last axis. */
  gradBias(dz) {
    dz = this.memory.place(dz);
    const columns = dz.shape.at(-1);
    const dbias = this.array([columns]);
    this.#kernels.column_sums(dz.pointer, dz.size / columns, columns, dbias.pointer);
    return dbias;
  }

  // Dense layers, which are convolutions of images of one pixel ------------------------

  dense(x, kernel, bias = null, { activation } = {}) {
    const [pixels, taps] = [asPixels(x), asTaps(kernel)];
    return this.conv2d(pixels, taps, bias, { activation }).reshape(x.shape[0], kernel.shape[1]);
  }

  denseBackward(dy, y, x, kernel, { activation, needDx = true } = {}) {
    const arrays = [asPixels(dy), y && asPixels(y), asPixels(x), asTaps(kernel)];
    const { dx, dkernel, dbias } = this.conv2dBackward(...arrays, { activation, needDx });
    return { dx: dx?.reshape(...x.shape) ?? null, dkernel: dkernel.reshape(...kernel.shape), dbias };
  }

  denseGradKernel(dz, x) {
    const shape = [1, 1, x.shape[1], dz.shape[1]];
    return this.conv2dGradKernel(asPixels(dz), asPixels(x), shape).reshape(...shape.slice(2));
  }

  denseGradInput(dz, kernel) {
    const shape = [dz.shape[0], 1, 1, kernel.shape[0]];
    const dx = this.conv2dGradInput(asPixels(dz), asTaps(kernel), shape);
    return dx.reshape(dz.shape[0], kernel.shape[0]);
  }

  // Pooling ----------------------------------------------------------------------------

  /** The largest pixel of each window as `y`, and as `argmax` which tap it was. */
  maxPool2d(x, size, options = {}) {
    x = this.memory.place(x);
    const { win, geometry } = this.#pool(x.shape, size, options);
    if (win.size[0] * win.size[1] > 256) throw new RangeError("a window has 256 taps at most");
    const y = this.array([x.shape[0], ...win.output, x.shape[3]]);
    const argmax = this.#bytes(y.shape);
    this.#kernels.max_pool(geometry, x.pointer, y.pointer, argmax.pointer);
    return { y, argmax };
  }

  maxPool2dGrad(dy, argmax, inputShape, size, options = {}) {
    dy = this.memory.place(dy);
    const { geometry } = this.#pool(inputShape, size, options);
    const dx = this.array(inputShape);
    this.#kernels.max_pool_grad(geometry, dy.pointer, argmax.pointer, dx.pointer);
    return dx;
  }

  avgPool2d(x, size, options = {}) {
    x = this.memory.place(x);
    const { win, geometry } = this.#pool(x.shape, size, options);
    const y = this.array([x.shape[0], ...win.output, x.shape[3]]);
    this.#kernels.avg_pool(geometry, x.pointer, y.pointer);
    return y;
  }

  avgPool2dGrad(dy, inputShape, size, options = {}) {
    dy = this.memory.place(dy);
    const { geometry } = this.#pool(inputShape, size, options);
    const dx = this.array(inputShape);
    this.#kernels.avg_pool_grad(geometry, dy.pointer, dx.pointer);
    return dx;
  }

  // Activations and normalisation --------------------------------------------------------

  activate(z, activation) {
    z = this.memory.place(z);
    const y = this.array(z.shape);
    this.#kernels.activate(z.pointer, z.size, codeOf(activation), y.pointer);
    return y;
  }

  /** dz from dy and the activation's output. */
  activateGrad(dy, y, activation) {
    [dy, y] = this.#placed(dy, y);
    const dz = this.array(dy.shape);
    this.#kernels.activate_grad(dy.pointer, y.pointer, dy.size, codeOf(activation), dz.pointer);
    return dz;
  }

  channelMoments(x) {
    x = this.memory.place(x);
    const [rows, channels] = rowsOf(x);
    const [mean, variance] = [this.array([channels]), this.array([channels])];
    this.#kernels.channel_moments(x.pointer, rows, channels, mean.pointer, variance.pointer);
    return { mean, variance };
  }

  /** activation((x - mean) * scale + shift), channel by channel. */
  normalize(x, mean, scale, shift, { activation } = {}) {
    x = this.memory.place(x);
    const vectors = this.#placed(mean, scale, shift).map(pointerOf);
    const y = this.array(x.shape);
    const code = codeOf(activation);
    this.#kernels.normalize(x.pointer, ...rowsOf(x), ...vectors, code, y.pointer);
    return y;
  }

  /** As skconv.ops.batch_norm_backward; with `shift`, ReLU's output is computed again. */
  batchNormBackward(dy, saved, x, mean, inverse, scale, shift = null, { activation } = {}) {
    [dy, x, mean, inverse, scale] = this.#placed(dy, x, mean, inverse, scale);
    const again = !saved && shift && activation === "relu" ? this.memory.place(shift) : null;
    const [rows, channels] = rowsOf(x);
    const before = [dy.pointer, pointerOf(saved && this.memory.place(saved)), x.pointer];
    const vectors = [mean.pointer, scale.pointer, pointerOf(again)];
    const sizes = [rows, channels];
    const code = codeOf(activation);
    const [dbeta, products] = [this.array([channels]), this.array([channels])];
    const sums = [dbeta.pointer, products.pointer];
    this.#kernels.channel_products(...before, ...sizes, ...vectors, code, ...sums);
    const part = map(scale.data, (s) => -s / rows);
    const dgamma = this.array([channels], map(products.data, (p, c) => p * inverse.data[c]));
    const along = map(part, (p, c) => Math.fround(p * dgamma.data[c]) * inverse.data[c]);
    const slope = this.array([channels], along);
    const constant = this.array([channels], map(part, (p, c) => p * dbeta.data[c]));
    const dx = this.array(x.shape);
    const rest = [slope.pointer, constant.pointer, dx.pointer];
    this.#kernels.normalize_grad(...before, ...sizes, ...vectors, code, ...rest);
    return { dx, dgamma, dbeta };
  }

  // Loss and steps -----------------------------------------------------------------------

  /** The mean loss as `value`, and its gradient in the logits. */
  softmaxCrossEntropy(logits, codes) {
    logits = this.memory.place(logits);
    const [n, k] = logits.shape;
    if (codes.length !== n || codes.some((code) => code < 0 || code >= k)) {
      throw new RangeError(`codes must be ${n} integers from 0 to ${k - 1}`);
    }
    const own = this.memory.array([n], codes, "Int32Array");
    const dlogits = this.array([n, k]);
    const arrays = [logits.pointer, own.pointer, n, k, dlogits.pointer];
    const value = this.#kernels.softmax_cross_entropy(...arrays);
    this.memory.free(own);
    return { value, dlogits };
  }

  /** A step of Adam, in place on the parameters and both moments. */
  adamStep(parameters, gradient, moment1, moment2, rates) {
    const { step, learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = rates;
    const arrays = [parameters, moment1, moment2, gradient].map(pointerOf);
    // The sums of both corrections, in float64 as in Python; the kernel takes float32.
    const rate = (learningRate * (1 - beta2 ** step) ** 0.5) / (1 - beta1 ** step);
    const numbers = [learningRate, rate, 1 - beta1, 1 - beta2, epsilon];
    this.#kernels.adam_step(...arrays, pointerOf(rates.decay), parameters.size, ...numbers);
  }

  /** A step of gradient descent, in place on the parameters and the velocity. */
  sgdStep(parameters, gradient, velocity, rates) {
    const { learningRate, momentum = 0.9, nesterov = true } = rates;
    const arrays = [parameters, velocity, gradient, rates.decay].map(pointerOf);
    this.#kernels.sgd_step(...arrays, parameters.size, learningRate, momentum, Number(nesterov));
  }

  // Arguments of the module's functions ----------------------------------------------------

  #placed(...arrays) {
    return arrays.map((array) => this.memory.place(array));
  }

  #bytes(shape) {
    return this.memory.array(shape, null, "Uint8Array");
  }

  // Write a geometry in the order of wasm.cpp; return where it is.
  #slide([n, h, w, c], filters, win, groups, pool) {
    const [[top], [left]] = win.padding;
    const sizes = [n, h, w, c, ...win.output, filters, ...win.size];
    const steps = [...win.stride, ...win.dilation, top, left, groups, ...pool];
    this.#geometry.data.set([...sizes, ...steps]);
    return this.#geometry.pointer;
  }

  #pool(shape, size, { stride = size, padding = "valid" }) {
    const win = slidingWindow(shape.slice(1, 3), size, { stride, padding });
    if (win.padding.some((sides, axis) => Math.max(...sides) >= win.size[axis])) {
      throw new RangeError("padding must be less than the pool's size");
    }
    return { win, geometry: this.#slide(shape, shape[3], win, 1, [1, 1]) };
  }
}

// A convolution's window, checked against both shapes, its pool and its activation's code.
function readOptions(imageShape, kernelShape, options) {
  const { groups = 1, pool = null, activation, ...slide } = options;
  const [kh, kw, inputs, filters] = kernelShape;
  if (imageShape.length !== 4 || imageShape[3] !== inputs * groups || filters % groups) {
    throw new RangeError(
      `images [${imageShape}] and groups = ${groups} do not match a kernel of [${kernelShape}]`,
    );
  }
  const win = slidingWindow(imageShape.slice(1, 3), [kh, kw], slide);
  const pooled = pool ? slidingWindow(win.output, pool, { stride: pool }) : NO_POOL;
  const output = pooled.output ?? win.output;
  return { win, groups, pool: { size: pooled.size, output }, activation: codeOf(activation) };
}

function codeOf(activation) {
  const code = ACTIVATIONS.indexOf(activation ?? "identity");
  if (code < 0) throw new RangeError(`activation must be one of ${ACTIVATIONS}, got ${activation}`);
  return code;
}

function requireShape(name, array, shape) {
  if (array.shape.join() !== shape.join()) {
    throw new RangeError(`${name} must have shape [${shape}], got [${array.shape}]`);
  }
}

function map(numbers, change) {
  return Float32Array.from(numbers, change);
}

function pointerOf(array) {
  return array?.pointer ?? 0;
}

function rowsOf(x) {
  const channels = x.shape.at(-1);
  return [count(x.shape) / channels, channels];
}

function asPixels(x) {
  const [n, features] = x.shape;
  return x.reshape ? x.reshape(n, 1, 1, features) : { shape: [n, 1, 1, features], data: x.data };
}

function asTaps(kernel) {
  const shape = [1, 1, ...kernel.shape];
  return kernel.reshape ? kernel.reshape(...shape) : { shape, data: kernel.data };
}
