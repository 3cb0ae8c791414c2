// Small helpers of pages: elements, colours, tiles of numbers.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; `on...` attributes are listeners. */
export function element(tag, attributes = {}, ...children) {
  const isSvg = ["svg", "path", "line", "text", "g", "rect", "circle"].includes(tag);
  const made = isSvg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null));
  return made;
}

const isDark = () => document.documentElement.dataset.theme === "dark";

// [red, green, blue] of: nothing, all of a positive number, all of a negative one.
const LIGHT = { none: [246, 247, 249], more: [176, 82, 0], less: [29, 88, 144] };
const DARK = { none: [33, 38, 46], more: [255, 171, 87], less: [110, 180, 245] };

/** The colour of a number from -1 to 1: orange above 0, blue below. */
function hue(share) {
  const { none, more, less } = isDark() ? DARK : LIGHT;
  const full = share < 0 ? less : more;
  const part = Math.min(1, Math.abs(share));
  return none.map((channel, i) => channel + (full[i] - channel) * part);
}

/** The colour of a number from 0 to 1: ink on paper. */
function ink(share) {
  const { none } = isDark() ? DARK : LIGHT;
  const full = isDark() ? 240 : 22;
  return none.map((channel) => channel + (full - channel) * Math.min(1, Math.max(0, share)));
}

/**
 * Paint a plane of numbers on a canvas, a pixel a number.
 *
 * @param {(row: number, column: number) => number} at
 * @param {"weights"|"image"} kind
 */
export function paint(canvas, [rows, columns], at, largest, kind) {
  if (canvas.width !== columns || canvas.height !== rows) {
    [canvas.width, canvas.height] = [columns, rows];
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const colour = kind === "weights" ? hue : ink;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const share = largest > 0 ? at(i, j) / largest : 0;
      image.data.set([...colour(share), 255], 4 * (i * columns + j));
    }
  }
  context.putImageData(image, 0, 0);
}

export function largestOf(numbers) {
  let largest = 0;
  for (const number of numbers) largest = Math.max(largest, Math.abs(number));
  return largest;
}

/** Short words for a number. */
export function short(number) {
  if (number === 0) return "0";
  const size = Math.abs(number);
  const text = size >= 100 ? number.toFixed(0) : Number(number.toPrecision(size < 1 ? 2 : 3));
  return String(text).replace("-", "−");
}
