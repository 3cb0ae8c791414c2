// The maps and kernels of a layer's card.

// One map: a canvas, with a frame over the chosen value and one over a window.
function mapOf(node, array, f, view) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const chosen = element("i", { class: "mark chosen", hidden: "" });
  const window_ = element("i", { class: "mark window", hidden: "" });
  const label = node.form === "flat" ? null : element("figcaption", { text: String(f) });
  const box = element("div", { class: "map" }, canvas, window_, chosen);
  const figure = element("figure", {}, box, label);
  const map = { f, canvas, chosen, window: window_, figure, box };
  const at = (event) => {
    const frame = canvas.getBoundingClientRect();
    const [w, h] = view.cells;
    const x = Math.min(w - 1, Math.max(0, Math.floor(((event.clientX - frame.left) / frame.width) * w)));
    const y = Math.min(h - 1, Math.max(0, Math.floor(((event.clientY - frame.top) / frame.height) * h)));
    if (node.form !== "flat") return { p: y, q: x, f };
    const unit = y * w + x;
    return unit < array.shape[3] ? { p: 0, q: 0, f: unit } : null;
  };
  box.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || state.pinned) return;
    const place = at(event);
    if (place) update({ node, ...place });
  });
  box.addEventListener("click", (event) => {
    const place = at(event);
    if (!place) return;
    const same = state.pinned && state.node === node && ["p", "q", "f"].every((k) => state[k] === place[k]);
    update({ node, ...place, pinned: !same });
    showAbovePanel(box);
  });
  return map;
}

// On a narrow screen the panel covers the lower half: move a map that is below it up.
function showAbovePanel(box) {
  if (!window.matchMedia("(max-width: 60rem)").matches) return;
  const { top, bottom } = box.getBoundingClientRect();
  const limit = 0.46 * window.innerHeight;
  if (bottom > limit) window.scrollBy(0, Math.min(bottom - limit, top - 8));
}

function frame(mark, left, top, width, height, cells) {
  mark.hidden = false;
  const [w, h] = cells;
  Object.assign(mark.style, { left: `${(100 * left) / w}%`, top: `${(100 * top) / h}%`, width: `${(100 * width) / w}%`, height: `${(100 * height) / h}%` });
}

function legend(range, grey) {
  if (grey) return element("p", { class: "legend" }, element("span", { text: number(range.low, 3) }), element("i", { class: "ramp grey" }), element("span", { text: number(range.high, 3) }));
  return element("p", { class: "legend" }, element("span", { text: `−${number(range.largest, 3)}` }), element("i", { class: "ramp" }), element("span", { text: number(range.largest, 3) }));
}

// The maps of a layer's values, or of the gradients in them.
function mapsOf(node, which, view) {
  const array = arrays[node[which]];
  const count = node.form === "flat" ? 1 : array.shape[3];
  const grey = node.kind === "input" && node.form === "image";
  const wide = node.form === "signal";
  const group = element("div", { class: `maps ${node.form}` });
  const size = node.form === "image" ? Math.max(72, Math.min(168, node.shape[1] * 5)) : 0;
  if (node.form === "image") group.style.setProperty("--map", `${count === 1 ? Math.max(size, 168) : size}px`);
  view.cells = node.form === "flat"
    ? [Math.min(array.shape[3], COLUMNS), Math.ceil(array.shape[3] / Math.min(array.shape[3], COLUMNS))]
    : [node.shape[1], node.shape[0]];
  const maps = [];
  const add = (from, to) => {
    for (let f = from; f < to; f++) {
      const map = mapOf(node, array, f, view);
      maps.push(map);
      group.append(map.figure);
    }
  };
  let more = null;
  add(0, Math.min(count, MANY));
  const scale = element("div");
  const missing = element("p", { class: "note", text: "What it makes of this sample was left out." });
  const redraw = () => {
    const here = state.sample < array.shape[0];
    group.hidden = scale.hidden = !here;
    missing.hidden = here;
    if (more) more.hidden = !here;
    if (!here) return;
    const range = rangeOf(array, state.sample);
    for (const { canvas, f } of maps) {
      if (node.form === "flat") paintFlat(canvas, node, array, state.sample, range);
      else if (wide) paintSignal(canvas, node, array, state.sample, f, range);
      else paintImage(canvas, node, array, state.sample, f, range, grey);
    }
    scale.replaceChildren(wide ? element("p", { class: "legend" }, element("span", { text: `${number(range.low, 3)} to ${number(range.high, 3)}` })) : legend(range, grey));
  };
  if (count > MANY) {
    more = element("button", { type: "button", class: "more", text: `Show all ${count} maps` });
    more.addEventListener("click", () => { add(MANY, count); more.remove(); redraw(); mark(); });
  }
  return { group, maps, scale, missing, redraw, more };
}

function kernelsOf(node) {
  const kernel = arrays[node.weights.kernel], pulled = arrays[node.pulls.kernel];
  const [kh, kw, perGroup, filters] = kernel.shape;
  if (kh * kw === 1 || node.kind !== "convolution") return null;
  const details = element("details", { class: "kernels" });
  details.append(element("summary", { text: pulled ? "Kernels, and where the loss of this sample pulls them" : "Kernels" }));
  let channel = 0;
  const list = element("div", { class: "pairs" });
  const draw = () => {
    const both = [kernel, pulled].map((array, i) => array && Math.max(1e-30, largestOf(array, i ? state.sample : null)));
    list.replaceChildren();
    for (let f = 0; f < Math.min(filters, MANY); f++) {
      const value = weightOf.bind(null, node, "kernel");
      const pair = element("figure", {});
      [kernel, pulled].forEach((array, i) => {
        if (!array || (i && state.sample >= array.shape[0])) return;
        const canvas = element("canvas", { role: "img", "aria-label": `${i ? "negative gradient in the kernel" : "kernel"} of filter ${f}`, style: `aspect-ratio:${kw}/${kh}` });
        paint(canvas, kw, kh, (x, y) => colour((i ? -value([y, x, channel, f], "pulls", state.sample) : value([y, x, channel, f])) / both[i]));
        pair.append(canvas);
      });
      pair.append(element("figcaption", { text: String(f) }));
      list.append(pair);
    }
  };
  const top = element("div");
  const head = () => top.replaceChildren(perGroup > 1 ? chooser(`Input channel ${channel}`, channel, perGroup, (to) => { channel = to; head(); draw(); }) : "");
  head();
  const words = pulled
    ? "Left the kernel; right its negative gradient: a step of training on this sample alone would move it this way. Each has a scale of its own."
    : "The kernels of the first filters.";
  details.append(element("p", { class: "note", text: words }), top, list);
  if (filters > MANY) details.append(element("p", { class: "note", text: `The first ${MANY} of ${filters} are drawn.` }));
  details.addEventListener("toggle", () => details.open && draw());
  return { details, redraw: () => details.open && draw() };
}

function largestOf(array, sample) {
  const size = sample === null ? array.data.length : array.data.length / array.shape[0];
  const start = sample === null ? 0 : sample * size;
  let largest = 0;
  for (let i = start; i < start + size; i++) largest = Math.max(largest, Math.abs(array.data[i]));
  return largest;
}
