// Which numbers meet: every product x · W of a convolution, with the z that it is added to.
//
// Forward and backward are the same products. A product hands dz times one factor to the gradient
// of the other: so z, dW and dx are sums over the same list, each over another part of it.

import { slidingWindow } from "../kernels/window.mjs";

/**
 * @param {number[]} image height and width
 * @param {number[]} kernel height and width
 * @param {{stride, padding, dilation}} slide
 * @returns {{win, products: {x: number, W: number, z: number}[]}} places in row order
 */
export function convolution(image, kernel, slide) {
  const win = slidingWindow(image, kernel, slide);
  const [rows, columns] = [0, 1].map((axis) => meetings(image[axis], win, axis));
  const products = [];
  for (const row of rows) {
    for (const column of columns) {
      products.push({
        x: row.pixel * image[1] + column.pixel,
        W: row.tap * kernel[1] + column.tap,
        z: row.place * win.output[1] + column.place,
      });
    }
  }
  return { win, products };
}

// Along one axis: which tap of the window is over which pixel, at which place.
function meetings(size, win, axis) {
  const found = [];
  for (let place = 0; place < win.output[axis]; place++) {
    for (let tap = 0; tap < win.size[axis]; tap++) {
      const pixel = place * win.stride[axis] + tap * win.dilation[axis] - win.padding[axis][0];
      if (pixel >= 0 && pixel < size) found.push({ place, tap, pixel });
    }
  }
  return found;
}

// How numbers are laid out to look at: rows of places in an array, or null where a zero is put.

/** An array as it is. */
export function plain([rows, columns]) {
  return layOut(range(0, rows), range(0, columns), (i, j) => i * columns + j);
}

/** An image with zeros around, as padding has them. */
export function padded([rows, columns], { padding }) {
  const [vertical, horizontal] = padding.map(([before, after], axis) =>
    range(-before, [rows, columns][axis] + after),
  );
  const isInside = (n, size) => n >= 0 && n < size;
  return layOut(vertical, horizontal, (i, j) =>
    isInside(i, rows) && isInside(j, columns) ? i * columns + j : null,
  );
}

/** dz with the zeros between that a stride leaves, to slide it over x. */
export function spread({ output, stride }) {
  const axes = output.map((n, axis) => range(0, (n - 1) * stride[axis] + 1));
  return layOut(...axes, placeOfGradient(output, stride));
}

/** dz with zeros between and around, to slide the turned kernel over it. */
export function surrounded(image, win) {
  const axes = image.map((n, axis) => {
    const reach = (win.size[axis] - 1) * win.dilation[axis];
    const before = win.padding[axis][0];
    return range(before - reach, before + n);
  });
  return layOut(...axes, placeOfGradient(win.output, win.stride));
}

/** A kernel turned by 180°. */
export function turned([rows, columns]) {
  return layOut(range(0, rows), range(0, columns), (i, j) => {
    return (rows - 1 - i) * columns + (columns - 1 - j);
  });
}

function placeOfGradient(output, stride) {
  const along = (n, axis) => {
    const place = n / stride[axis];
    return Number.isInteger(place) && place >= 0 && place < output[axis] ? place : null;
  };
  return (i, j) => {
    const [row, column] = [along(i, 0), along(j, 1)];
    return row === null || column === null ? null : row * output[1] + column;
  };
}

function range(start, stop) {
  return Array.from({ length: Math.max(0, stop - start) }, (_, i) => start + i);
}

function layOut(rows, columns, place) {
  return rows.map((i) => columns.map((j) => place(i, j)));
}
