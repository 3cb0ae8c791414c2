// Compute a value again, from the numbers that it is made of.

function erf(x) {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = a, sum = a;
    for (let k = 1; Math.abs(term) > 1e-17 * sum && k < 200; k++) {
      term *= (-a * a) / k;
      sum += term / (2 * k + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (a + fraction);
  const rest = Math.exp(-a * a) / (a + fraction) / Math.sqrt(Math.PI);
  return Math.sign(x) * (1 - rest);
}

// Of one number; softmax, which needs all of them, is missing.
const ACTIVATIONS = {
  relu: (z) => Math.max(z, 0),
  leaky_relu: (z) => Math.max(z, 0.2 * z),
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  gelu: (z) => (z * (1 + erf(z / Math.SQRT2))) / 2,
  tanh: Math.tanh,
  logistic: (z) => 1 / (1 + Math.exp(-z)),
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
};

// The window of an output pixel: its taps, each with the pixel that it sees. The taps of
// a transposed convolution see the pixels that add to this one; between them is nothing.
function tapsOf(node, p, q) {
  const { size, stride, dilation, before, transposed } = node;
  const seen = (at, tap, axis) => (transposed
    ? (at + before[axis] - tap * dilation[axis]) / stride[axis]
    : at * stride[axis] + tap * dilation[axis] - before[axis]);
  const [h, w] = layerOf(node.inputs[0]).shape;
  const taps = [];
  for (let i = 0; i < size[0]; i++) {
    for (let j = 0; j < size[1]; j++) {
      const row = seen(p, i, 0), column = seen(q, j, 1);
      const whole = Number.isInteger(row) && Number.isInteger(column);
      const inside = whole && row >= 0 && row < h && column >= 0 && column < w;
      taps.push({ i, j, row, column, inside });
    }
  }
  return taps;
}

// What a value is made of: numbers, their sum, what follows it. `rounding` is the sum of
// the absolute values, which bounds the error of a sum.
const OPEN = {
  convolution(node, s, p, q, f) {
    const source = layerOf(node.inputs[0]);
    const kernel = arrays[node.weights.kernel];
    const perGroup = kernel.shape[2];
    const first = Math.floor(f / (node.shape[2] / node.groups)) * perGroup;
    const taps = tapsOf(node, p, q);
    const channels = [];
    let sum = 0, rounding = 0;
    for (let c = 0; c < perGroup; c++) {
      const cells = taps.map((tap) => {
        const x = tap.inside ? valueOf(source, s, tap.row, tap.column, first + c) : 0;
        const place = [tap.i, tap.j, c, f];
        const k = weightOf(node, "kernel", place);
        const pull = weightOf(node, "kernel", place, "pulls", s);
        return { ...tap, x, k, product: x * k, pull };
      });
      const part = cells.reduce((a, cell) => a + cell.product, 0);
      sum += part;
      rounding += cells.reduce((a, cell) => a + Math.abs(cell.product), 0);
      channels.push({ channel: first + c, cells, sum: part });
    }
    return { ...affine(node, sum, rounding, f, s), channels, taps, first, last: first + perGroup };
  },
  dense(node, s, p, q, u) {
    const source = layerOf(node.inputs[0]);
    const values = arrays[source.values];
    const whole = values && keptOf(source) === source.shape[2];
    const count = source.shape[0] * source.shape[1] * source.shape[2];
    const terms = [];
    let sum = whole ? 0 : NaN, rounding = 0;
    const pulled = weightOf(node, "bias", [u], "pulls", s);
    for (let k = 0; whole && k < count; k++) {
      const x = values.data[s * count + k];
      const weight = weightOf(node, "kernel", [k, u]);
      let pull = weightOf(node, "kernel", [k, u], "pulls", s);
      if (Number.isNaN(pull)) pull = x * pulled;
      terms.push({ k, x, weight, product: x * weight, pull });
      sum += x * weight;
      rounding += Math.abs(x * weight);
    }
    return { ...affine(node, sum, rounding, u, s), terms, source };
  },
  scale(node, s, p, q, f) {
    const x = valueOf(layerOf(node.inputs[0]), s, p, q, f);
    const mean = weightOf(node, "mean", [f]);
    const scale = weightOf(node, "scale", [f]);
    const shift = "shift" in node.weights ? weightOf(node, "shift", [f]) : 0;
    const z = (x - mean) * scale + shift;
    const rounding = (Math.abs(x) + Math.abs(mean)) * Math.abs(scale) + Math.abs(shift);
    return { x, mean, scale, shift, z, rounding };
  },
  rescale(node, s, p, q, f) {
    const x = valueOf(layerOf(node.inputs[0]), s, p, q, f);
    const z = x * node.factor + node.offset;
    return { x, z, rounding: Math.abs(x * node.factor) + Math.abs(node.offset) };
  },
  upsampling(node, s, p, q, f) {
    const source = layerOf(node.inputs[0]);
    const along = (at, axis) => sharesOf(at, node.factors[axis], source.shape[axis], node.interpolation);
    const parts = [];
    for (const [row, a] of along(p, 0)) {
      for (const [column, b] of along(q, 1)) parts.push({ row, column, share: a * b, x: valueOf(source, s, row, column, f) });
    }
    const rounding = parts.reduce((sum, part) => sum + Math.abs(part.x * part.share), 0);
    return { f, parts, z: parts.reduce((sum, part) => sum + part.x * part.share, 0), rounding };
  },
  moved(node, s, p, q, f) {
    const source = layerOf(node.inputs[0]);
    const row = p + node.offset[0], column = q + node.offset[1];
    const inside = row >= 0 && row < source.shape[0] && column >= 0 && column < source.shape[1];
    const x = inside ? valueOf(source, s, row, column, f) : 0;
    return { x, z: x, rounding: Math.abs(x), at: inside ? [row, column, f] : null };
  },
  max: (node, s, p, q, f) => pooled(node, s, p, q, f, (xs) => Math.max(...xs)),
  mean: (node, s, p, q, f) => pooled(node, s, p, q, f, (xs) => xs.reduce((a, b) => a + b, 0) / xs.length),
  same(node, s, p, q, f) {
    const source = layerOf(node.inputs[0]);
    const [h, w, c] = node.shape;
    const at = (p * w + q) * c + f;
    const depth = source.shape[2];
    const column = Math.floor(at / depth) % source.shape[1];
    const row = Math.floor(at / depth / source.shape[1]);
    const x = valueOf(source, s, row, column, at % depth);
    return { x, z: x, rounding: Math.abs(x), at: [row, column, at % depth] };
  },
  sum(node, s, p, q, f) {
    const parts = node.inputs.map((number) => {
      const source = layerOf(number);
      return { name: source.name, x: valueOf(source, s, p, q, f) };
    });
    const rounding = parts.reduce((a, part) => a + Math.abs(part.x), 0);
    return { parts, z: parts.reduce((a, part) => a + part.x, 0), rounding };
  },
  branches(node, s, p, q, f) {
    let channel = f;
    for (const number of node.inputs) {
      const source = layerOf(number);
      if (channel < source.shape[2]) {
        const x = valueOf(source, s, p, q, channel);
        return { x, z: x, rounding: Math.abs(x), from: source.name, channel, number };
      }
      channel -= source.shape[2];
    }
    return null;
  },
  prelu(node, s, p, q, f) {
    const x = valueOf(layerOf(node.inputs[0]), s, p, q, f);
    const shape = arrays[node.weights.alpha].shape;
    const place = [p, q, f].map((index, axis) => (shape[axis] === 1 ? 0 : index));
    const alpha = weightOf(node, "alpha", place);
    return { x, alpha, z: x > 0 ? x : alpha * x, rounding: Math.abs(x) };
  },
  layerNorm(node, s, p, q, f) {
    const source = layerOf(node.inputs[0]);
    const place = [p, q, f];
    const ranges = source.shape.map((size, axis) =>
      node.axes.includes(axis) ? [...Array(size).keys()] : [place[axis]]);
    const xs = [];
    for (const a of ranges[0]) for (const b of ranges[1]) for (const c of ranges[2]) xs.push(valueOf(source, s, a, b, c));
    const mean = xs.reduce((a, b) => a + b, 0) / xs.length;
    const variance = xs.reduce((a, b) => a + (b - mean) ** 2, 0) / xs.length;
    const deviation = Math.sqrt(variance + node.epsilon);
    let at = 0;
    for (const axis of node.axes) at = at * source.shape[axis] + place[axis];
    const gamma = "gamma" in node.weights ? weightOf(node, "gamma", [at]) : 1;
    const beta = "beta" in node.weights ? weightOf(node, "beta", [at]) : 0;
    const x = valueOf(source, s, p, q, f);
    const z = (gamma * (x - mean)) / deviation + beta;
    const rounding = 2 * Math.abs(beta) + (Math.abs(gamma) * (Math.abs(x) + Math.abs(mean))) / deviation;
    return { x, mean, deviation, gamma, beta, z, rounding, count: xs.length };
  },
};

// The pixels along an axis that an enlarged one is made of, each with its share.
function sharesOf(at, factor, size, interpolation) {
  if (interpolation === "nearest") return [[Math.floor(at / factor), 1]];
  const position = (at + 0.5) / factor - 0.5, first = Math.floor(position);
  const share = position - first, last = Math.min(first + 1, size - 1);
  return [[Math.max(first, 0), 1 - share], [last, share]].filter(([, each]) => each > 0);
}

function affine(node, sum, rounding, f, s) {
  const bias = "bias" in node.weights ? weightOf(node, "bias", [f]) : 0;
  const pull = weightOf(node, "bias", [f], "pulls", s);
  return { sum, bias, biasPull: pull, z: sum + bias, rounding: rounding + Math.abs(bias) };
}

function pooled(node, s, p, q, f, reduce) {
  const source = layerOf(node.inputs[0]);
  const taps = tapsOf(node, p, q);
  const cells = taps.map((tap) => ({
    ...tap,
    x: tap.inside ? valueOf(source, s, tap.row, tap.column, f) : NaN,
  }));
  const inside = cells.filter((cell) => cell.inside).map((cell) => cell.x);
  const z = reduce(inside);
  return { cells, taps, z, rounding: Math.max(...inside.map(Math.abs)), first: f, last: f + 1 };
}

// Open a value: what it is made of, and whether that is the library's number.
function open(node, s, p, q, f) {
  const stored = valueOf(node, s, p, q, f);
  const found = node.kind in OPEN ? OPEN[node.kind](node, s, p, q, f) : null;
  if (!found) return { stored, known: false };
  const activate = node.activation ? ACTIVATIONS[node.activation] : (z) => z;
  const y = activate ? activate(found.z) : NaN;
  const single = arrays[node.values] && arrays[node.values].data instanceof Float32Array;
  const near = (single ? 2e-5 : 1e-13) * (found.rounding + Math.abs(stored)) + 1e-30;
  const complete = !Number.isNaN(found.z);
  return { ...found, stored, known: true, complete, y, agrees: activate ? Math.abs(y - stored) <= near : null };
}
