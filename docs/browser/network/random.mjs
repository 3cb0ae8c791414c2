// Random numbers from a seed, so that a run can be repeated.

/** A generator of numbers in [0, 1): Mulberry32, of 32 bits. */
export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The numbers 0 to n - 1 in random order (Fisher & Yates). */
export function permutation(n, random) {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Initializers, as skconv.layers.initializers has them: variance / fan, drawn uniformly.
const SCALES = {
  he_uniform: (fanIn) => 2 / fanIn,
  glorot_uniform: (fanIn, fanOut) => 2 / (fanIn + fanOut),
};

/** Fill a kernel (..., inputs, outputs). */
export function initialize(kernel, initializer, random) {
  const [inputs, outputs] = kernel.shape.slice(-2);
  const taps = kernel.size / inputs / outputs;
  const limit = Math.sqrt(3 * SCALES[initializer](taps * inputs, taps * outputs));
  for (let i = 0; i < kernel.size; i++) kernel.data[i] = (2 * random() - 1) * limit;
}
