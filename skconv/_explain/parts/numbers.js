// Read the document and its arrays: base64 of compressed bytes, sorted by significance.

const network = JSON.parse(document.getElementById("document").textContent);
const arrays = [];

async function readNumbers() {
  const text = document.getElementById("numbers").textContent.trim();
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  for (const { dtype, shape, start } of network.arrays) {
    const type = dtype === "float64" ? Float64Array : Float32Array;
    const count = shape.reduce((a, b) => a * b, 1);
    const data = new type(count);
    const bytes = new Uint8Array(data.buffer);
    const width = type.BYTES_PER_ELEMENT;
    for (let k = 0; k < width; k++) {
      for (let i = 0; i < count; i++) bytes[i * width + k] = raw[start + k * count + i];
    }
    arrays.push({ shape, data });
  }
}

// The layer of a number; -1 is the input.
const layerOf = (number) => (number < 0 ? network.input : network.layers[number]);

// One value of a layer's output, NaN where it is not in the file.
function valueOf(node, sample, p, q, f, name = "values") {
  const array = arrays[node[name]];
  if (!array) return NaN;
  const [n, h, w, c] = array.shape;
  return sample < n && f < c ? array.data[((sample * h + p) * w + q) * c + f] : NaN;
}

// One value of a weight with any number of axes, NaN where it is not in the file.
function weightOf(node, name, place, group = "weights", sample = null) {
  const array = arrays[node[group][name]];
  if (!array) return NaN;
  const indices = sample === null ? place : [sample, ...place];
  let at = 0;
  for (let axis = 0; axis < indices.length; axis++) {
    if (indices[axis] >= array.shape[axis]) return NaN;
    at = at * array.shape[axis] + indices[axis];
  }
  return array.data[at];
}

// How many channels of a layer's output are in the file.
const keptOf = (node) => (node.values === undefined ? 0 : arrays[node.values].shape[3]);
