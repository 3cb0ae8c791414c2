// Draw maps: images as pixels, signals as lines, flat outputs as cells in rows.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const COLUMNS = 24; // of the cells of a flat output

const PALETTES = {
  light: [[32, 94, 166], [246, 246, 243], [190, 82, 18]],
  dark: [[104, 172, 255], [34, 36, 41], [255, 158, 84]],
};

function colour(share) {
  const [low, middle, high] = PALETTES[dark.matches && !printing ? "dark" : "light"];
  const end = share < 0 ? low : high;
  const weight = Math.min(Math.abs(share), 1) ** 0.8;
  return middle.map((from, i) => Math.round(from + (end[i] - from) * weight));
}

let printing = false;

// The largest absolute value of an array for one sample, and its smallest value.
function rangeOf(array, sample) {
  const size = array.data.length / array.shape[0];
  let largest = 0, low = Infinity, high = -Infinity;
  for (let i = sample * size; i < (sample + 1) * size; i++) {
    const value = array.data[i];
    largest = Math.max(largest, Math.abs(value));
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { largest: largest || 1, low, high };
}

function paint(canvas, width, height, pixel) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const found = pixel(i % width, Math.floor(i / width));
    const [r, g, b] = found || [0, 0, 0];
    image.data.set([r, g, b, found ? 255 : 0], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

function paintImage(canvas, node, array, sample, f, range, grey) {
  const [, h, w, c] = array.shape;
  paint(canvas, w, h, (x, y) => {
    const value = array.data[((sample * h + y) * w + x) * c + f];
    if (!grey) return colour(value / range.largest);
    const shade = Math.round((255 * (value - range.low)) / (range.high - range.low || 1));
    return [shade, shade, shade];
  });
}

function paintFlat(canvas, node, array, sample, range) {
  const count = array.shape[3];
  const width = Math.min(count, COLUMNS);
  paint(canvas, width, Math.ceil(count / width), (x, y) => {
    const f = y * width + x;
    return f < count ? colour(array.data[sample * count + f] / range.largest) : null;
  });
}

function paintSignal(canvas, node, array, sample, f, range) {
  const [, , length, c] = array.shape;
  const width = 560, height = 96, margin = 6;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const low = Math.min(range.low, 0), high = Math.max(range.high, 0);
  const y = (value) => height - margin - ((value - low) / (high - low || 1)) * (height - 2 * margin);
  const x = (i) => ((i + 0.5) / length) * width;
  const style = getComputedStyle(document.documentElement);
  context.strokeStyle = style.getPropertyValue("--line");
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(0, y(0));
  context.lineTo(width, y(0));
  context.stroke();
  context.strokeStyle = style.getPropertyValue("--accent");
  context.lineWidth = 2.5;
  context.lineJoin = "round";
  context.beginPath();
  for (let i = 0; i < length; i++) {
    const value = array.data[(sample * length + i) * c + f];
    context[i ? "lineTo" : "moveTo"](x(i), y(value));
  }
  context.stroke();
}

// A picture of a sample: colours if it has three channels.
function paintPicture(canvas, number, sample) {
  const array = arrays[number];
  const range = rangeOf(array, sample);
  if (network.input.form === "signal") {
    paintSignal(canvas, network.input, array, sample, 0, range);
    return;
  }
  if (network.input.form === "flat") {
    paintFlat(canvas, network.input, array, sample, range);
    return;
  }
  const [, h, w, c] = array.shape;
  if (c !== 3) {
    paintImage(canvas, network.input, array, sample, 0, range, true);
    return;
  }
  paint(canvas, w, h, (x, y) => [0, 1, 2].map((f) => {
    const value = array.data[((sample * h + y) * w + x) * c + f];
    return Math.round((255 * (value - range.low)) / (range.high - range.low || 1));
  }));
}
