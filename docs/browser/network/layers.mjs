// Layers, forward and backward. As in skconv, a layer is a configuration: it gets its weights,
// and returns what its backward pass needs as a cache.

import { count } from "../kernels/memory.mjs";
import { slidingWindow } from "../kernels/window.mjs";

const EPSILON = Math.fround(1e-3); // of batch normalisation, as are all numbers of float32
const MOMENTUM = 0.9;

/** Name of a layer's type -> its shapes and its passes. */
export const LAYERS = {
  conv2d: {
    weights: (layer, [, , channels]) => {
      const [kh, kw] = [layer.kernelSize, layer.kernelSize].flat();
      const kernel = [kh, kw, channels, layer.filters];
      return layer.useBias === false ? { kernel } : { kernel, bias: [layer.filters] };
    },
    output: (layer, [h, w]) => {
      const { output } = slidingWindow([h, w], layer.kernelSize, slide(layer));
      return [...output, layer.filters];
    },
    forward(ops, layer, { kernel, bias }, x, pool = null) {
      const options = { ...slide(layer), activation: layer.activation, pool };
      const made = ops.conv2d(x, kernel, bias, options);
      const { y, places } = pool ? made : { y: made, places: null };
      return { y, cache: { x, y, places, options } };
    },
    backward(ops, layer, { kernel }, { x, y, places, options }, dy, needDx) {
      const all = { ...options, places, needDx };
      const { dx, dkernel, dbias } = ops.conv2dBackward(dy, y, x, kernel, all);
      return { dx, gradients: { kernel: dkernel, bias: dbias } };
    },
  },

  max_pool2d: {
    weights: () => ({}),
    output: pooledShape,
    forward(ops, { poolSize }, _, x) {
      const { y, argmax } = ops.maxPool2d(x, poolSize);
      return { y, cache: { argmax, shape: x.shape } };
    },
    backward(ops, { poolSize }, _, { argmax, shape }, dy) {
      return { dx: ops.maxPool2dGrad(dy, argmax, shape, poolSize), gradients: {} };
    },
  },

  avg_pool2d: {
    weights: () => ({}),
    output: pooledShape,
    forward: (ops, { poolSize }, _, x) => ({ y: ops.avgPool2d(x, poolSize), cache: x.shape }),
    backward: (ops, { poolSize }, _, shape, dy) => ({
      dx: ops.avgPool2dGrad(dy, shape, poolSize),
      gradients: {},
    }),
  },

  batch_norm: {
    weights: (_, shape) => ({ gamma: shape.slice(-1), beta: shape.slice(-1) }),
    state: (_, shape) => ({ mean: shape.slice(-1), variance: shape.slice(-1), samples: [1] }),
    output: (_, shape) => shape,
    forward(ops, layer, weights, x, pool, isTraining) {
      const { mean, variance } = isTraining ? ops.channelMoments(x) : weights;
      if (isTraining) updateMoments(weights, x, mean, variance);
      const float = (numbers) => ops.array(mean.shape, Float32Array.from(numbers));
      const inverse = float(variance.data.map(inverseDeviation));
      const scale = float(inverse.data.map((s, c) => s * weights.gamma.data[c]));
      const { activation } = layer;
      const y = ops.normalize(x, mean, scale, weights.beta, { activation });
      return { y, cache: { x, y, mean, inverse, scale } };
    },
    backward(ops, { activation }, { beta }, { x, y, mean, inverse, scale }, dy) {
      const saved = activation === "relu" ? null : y; // as skconv: ReLU's is computed again
      const arrays = [dy, saved, x, mean, inverse, scale, beta];
      const { dx, dgamma, dbeta } = ops.batchNormBackward(...arrays, { activation });
      return { dx, gradients: { gamma: dgamma, beta: dbeta } };
    },
  },

  dense: {
    weights: ({ units }, shape) => ({ kernel: [count(shape), units], bias: [units] }),
    output: ({ units }) => [units],
    forward(ops, { activation }, { kernel, bias }, x) {
      const flat = x.reshape(x.shape[0], x.size / x.shape[0]);
      const y = ops.dense(flat, kernel, bias, { activation });
      return { y, cache: { flat, y, shape: x.shape } };
    },
    backward(ops, { activation }, { kernel }, { flat, y, shape }, dy, needDx) {
      const made = ops.denseBackward(dy, y, flat, kernel, { activation, needDx });
      const gradients = { kernel: made.dkernel, bias: made.dbias };
      return { dx: made.dx?.reshape(...shape) ?? null, gradients };
    },
  },
};

function slide({ stride = 1, padding = "same", dilation = 1 }) {
  return { stride, padding, dilation };
}

function pooledShape({ poolSize }, [h, w, c]) {
  return [...slidingWindow([h, w], poolSize, { stride: poolSize }).output, c];
}

// Rounded to float32 after each operation, as NumPy does.
function inverseDeviation(variance) {
  return 1 / Math.fround(Math.sqrt(Math.fround(variance + EPSILON)));
}

// A minibatch's share in the running moments, of which predictions are made; as skconv's BatchNorm.
function updateMoments({ mean, variance, samples }, x, batchMean, batchVariance) {
  const m = x.size / mean.size;
  const n = MOMENTUM * samples.data[0] + x.shape[0];
  const part = Math.fround(x.shape[0] / n);
  const unbiased = Math.fround(m / (m - 1));
  for (let c = 0; c < mean.size; c++) {
    const towards = (moment, value) => {
      const before = moment.data[c];
      moment.data[c] = before + Math.fround(part * Math.fround(value - before));
    };
    towards(mean, batchMean.data[c]);
    towards(variance, Math.fround(batchVariance.data[c] * unbiased));
  }
  samples.data[0] = n;
}
