// How a window slides over an image: skconv/ops/geometry.py in JavaScript.

/** A number, or a pair of them, as a pair of integers from `least` on. */
export function pair(value, name, least = 1) {
  const both = Array.isArray(value) ? value : [value, value];
  if (both.length !== 2 || both.some((n) => !Number.isInteger(n) || n < least)) {
    throw new RangeError(`${name} must be an integer >= ${least} or a pair, got ${value}`);
  }
  return both;
}

/**
 * A window's size, stride, dilation, padding and number of places, each by axis.
 *
 * @param {number[]} image height and width
 * @param {number|number[]} size taps of the window
 * @param {{stride?, padding?, dilation?}} slide padding is "valid", "same", a number, a pair or
 *   [[top, bottom], [left, right]]
 */
export function slidingWindow(image, size, { stride = 1, padding = "valid", dilation = 1 } = {}) {
  const taps = pair(size, "the window's size");
  const strides = pair(stride, "stride");
  const dilations = pair(dilation, "dilation");
  const extents = taps.map((k, axis) => (k - 1) * dilations[axis] + 1);
  const sides = image.map((n, axis) => {
    if (padding === "same") return samePadding(n, extents[axis], strides[axis]);
    const both = pair(padding === "valid" ? 0 : (padding[axis] ?? padding), "padding", 0);
    return both;
  });
  const output = image.map(
    (n, axis) =>
      Math.floor((n + sides[axis][0] + sides[axis][1] - extents[axis]) / strides[axis]) + 1,
  );
  if (Math.min(...output) < 1) {
    throw new RangeError(
      `a window of ${extents.join(" × ")} does not fit its input of ${image.join(" × ")}; ` +
        'use padding "same" or a smaller one',
    );
  }
  return { size: taps, stride: strides, dilation: dilations, padding: sides, output };
}

// So that ceil(n / stride) windows fit; the odd row or column is the last.
function samePadding(n, extent, stride) {
  const windows = Math.ceil(n / stride);
  const total = Math.max((windows - 1) * stride + extent - n, 0);
  return [Math.floor(total / 2), total - Math.floor(total / 2)];
}
