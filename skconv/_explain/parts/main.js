// The page: samples, a card for each layer, and the choice of a value.

const MANY = 32; // maps, or kernels, that are drawn at once
const panel = document.getElementById("inspector");
const announcer = document.getElementById("announcer");
const state = { sample: 0, node: null, p: 0, q: 0, f: 0, channel: 0, pinned: false };
const views = new Map(); // layer -> its card's redraw, maps, and group

function sizeText(node) {
  const [h, w, c] = node.shape;
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  if (node.form === "flat") return count(c, "value");
  return `${node.form === "signal" ? `length ${w}` : `${h} × ${w}`}, ${count(c, "channel")}`;
}

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

function card(node) {
  const view = { node, cells: [1, 1], redraws: [] };
  const heading = element("h2", {}, element("span", { text: node.name }), node.type ? element("small", { text: node.type }) : null);
  const section = element("section", { class: "card", style: `--depth:${node.depth}` }, heading);
  section.append(element("p", { class: "note", text: [node.text === `${node.type}()` ? "" : node.text, sizeText(node)].filter(Boolean).join(" · ") }));
  const joined = node.kind === "sum" || node.kind === "branches";
  if (joined) section.append(element("p", { class: "note", text: `${node.kind === "sum" ? "The sum of" : "The channels of"} ${node.inputs.map((i) => layerOf(i).name).join(node.kind === "sum" ? " + " : ", ")}` }));
  if (node.values === undefined) section.append(element("p", { class: "note", text: "What it makes of the samples was left out." }));
  else {
    const values = mapsOf(node, "values", view);
    view.maps = values.maps;
    view.group = values.group;
    Object.entries({ tabindex: "0", role: "application", "aria-roledescription": "maps", "aria-label": `${node.name}: ${sizeText(node)}. Arrow keys choose a value, Page Up and Page Down a map.` })
      .forEach(([name, value]) => values.group.setAttribute(name, value));
    values.group.addEventListener("keydown", (event) => keys(event, node));
    values.group.addEventListener("focus", () => { if (values.group.matches(":focus-visible") && state.node !== node) update({ node, ...within(node, state), pinned: false }); });
    const kept = keptOf(node);
    section.append(values.group, values.scale, values.missing);
    if (values.more) section.append(values.more);
    if (kept < node.shape[2]) section.append(element("p", { class: "note", text: `${kept} of ${node.shape[2]} channels are in this file.` }));
    view.redraws.push(values.redraw);
    if (node.gradients !== undefined) section.append(gradientsOf(node, view));
  }
  if (node.weights && node.weights.kernel !== undefined) {
    const kernels = kernelsOf(node);
    if (kernels) { section.append(kernels.details); view.redraws.push(kernels.redraw); }
  }
  view.section = section;
  views.set(node, view);
  return section;
}

function gradientsOf(node, view) {
  const details = element("details", {});
  details.append(element("summary", { text: "The gradient of the loss in these values" }));
  let made = null;
  const draw = () => {
    if (!details.open) return;
    if (!made) {
      made = mapsOf(node, "gradients", view);
      details.append(made.group, made.scale, made.missing);
      if (made.more) details.append(made.more);
    }
    made.redraw();
  };
  details.addEventListener("toggle", draw);
  view.redraws.push(draw);
  return details;
}

function within(node, { p, q, f }) {
  const [h, w] = node.shape, c = keptOf(node);
  return { p: Math.min(p, h - 1), q: Math.min(q, w - 1), f: Math.min(f, c - 1) };
}

function keys(event, node) {
  const [h, w] = node.shape, c = keptOf(node), flat = node.form === "flat";
  const moves = {
    ArrowUp: flat ? { f: -COLUMNS } : { p: -1 }, ArrowDown: flat ? { f: COLUMNS } : { p: 1 },
    ArrowLeft: flat ? { f: -1 } : { q: -1 }, ArrowRight: flat ? { f: 1 } : { q: 1 },
    PageUp: { f: -1 }, PageDown: { f: 1 },
  };
  const move = moves[event.key];
  if (event.key === "Enter" || event.key === " ") update({ pinned: !state.pinned });
  else if (!move) return;
  else {
    const from = state.node === node ? state : { p: 0, q: 0, f: 0 };
    const limit = { p: h, q: w, f: c };
    const to = { node };
    for (const key of ["p", "q", "f"]) to[key] = Math.max(0, Math.min(limit[key] - 1, from[key] + (move[key] || 0)));
    update(to);
  }
  event.preventDefault();
}

// Draw the frames around the chosen value and the window that it comes from.
function mark() {
  for (const { maps = [] } of views.values()) {
    for (const map of maps) map.chosen.hidden = map.window.hidden = true;
  }
  const { node, p, q, f } = state;
  if (!node || !views.get(node).maps) return;
  const place = (view, target, name, row_, column, height, width) => {
    if (!view.maps) return;
    if (view.node.form === "flat") {
      const [w] = view.cells;
      frame(view.maps[0][name], target % w, Math.floor(target / w), 1, 1, view.cells);
      return;
    }
    const map = view.maps.find((each) => each.f === target);
    if (map) frame(map[name], column, row_, width, height, view.cells);
  };
  place(views.get(node), f, "chosen", p, q, 1, 1);
  const sources = (node.inputs || []).map(layerOf);
  if (node.size) {
    const [h, w] = sources[0].shape;
    const top = p * node.stride[0] - node.before[0], left = q * node.stride[1] - node.before[1];
    const bottom = top + (node.size[0] - 1) * node.dilation[0] + 1, right = left + (node.size[1] - 1) * node.dilation[1] + 1;
    const [y0, x0] = [Math.max(top, 0), Math.max(left, 0)];
    const perGroup = node.kind === "convolution" ? sources[0].shape[2] / node.groups : 1;
    const first = node.kind === "convolution" ? Math.floor(f / (node.shape[2] / node.groups)) * perGroup : f;
    for (let c = first; c < first + perGroup; c++) place(views.get(sources[0]), c, "window", y0, x0, Math.min(bottom, h) - y0, Math.min(right, w) - x0);
  } else if (["scale", "rescale", "sum", "prelu"].includes(node.kind)) {
    sources.forEach((source) => place(views.get(source), f, "window", p, q, 1, 1));
  } else if (node.kind === "same" || node.kind === "branches") {
    const found = OPEN[node.kind](node, state.sample, p, q, f);
    if (found && found.at) place(views.get(sources[0]), found.at[2], "window", found.at[0], found.at[1], 1, 1);
    else if (found) place(views.get(layerOf(found.number)), found.channel, "window", p, q, 1, 1);
  }
}

let announcing = 0;
function update(change) {
  const before = { ...state };
  Object.assign(state, change);
  if (change.node && (before.node !== state.node || before.f !== state.f) && change.channel === undefined) {
    if (before.node !== state.node) state.channel = 0;
  }
  if (before.sample !== state.sample) for (const view of views.values()) view.redraws.forEach((redraw) => redraw());
  if (before.sample !== state.sample) prediction();
  const array = state.node && arrays[state.node.values];
  if (array && state.sample >= array.shape[0]) Object.assign(state, { node: null, pinned: false });
  document.body.classList.toggle("open", Boolean(state.node));
  mark();
  if (!state.node) { welcome(); return; }
  const words = inspect(panel, state);
  clearTimeout(announcing);
  announcing = setTimeout(() => { announcer.textContent = words; }, 250);
}

function welcome() {
  panel.replaceChildren(element("h2", { text: "How a value is made" }),
    element("p", { class: "note", text: "Point at a value of a layer, or tap it: here appear its window, the kernel, their products and sum, the bias and the activation. A click holds it. With the keyboard: Tab to a layer, then arrow keys." }));
}

function samples() {
  const list = document.getElementById("samples");
  network.samples.forEach((sample, i) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    paintPicture(canvas, network.shown ?? network.input.values, i);
    const wrong = sample.target !== undefined && sample.target !== sample.predicted;
    const words = element("span", { class: wrong ? "wrong" : "" }, element("b", { text: sample.predicted }));
    if (sample.target !== undefined) words.append(element("br"), `target ${sample.target}`);
    const label = `sample ${i + 1}, predicted ${sample.predicted}${sample.target === undefined ? "" : `, target ${sample.target}`}`;
    const button = element("button", { type: "button", role: "radio", "aria-checked": String(i === 0), "aria-label": label, tabindex: i ? "-1" : "0" }, canvas, words);
    const choose = (to) => {
      [...list.children].forEach((each, j) => { each.setAttribute("aria-checked", String(j === to)); each.tabIndex = j === to ? 0 : -1; });
      update({ sample: to });
    };
    button.addEventListener("click", () => choose(i));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      const to = (i + step + network.samples.length) % network.samples.length;
      choose(to);
      list.children[to].focus();
      event.preventDefault();
    });
    list.append(button);
  });
}

const result = element("section", { class: "card", id: "prediction" });
function prediction() {
  const s = state.sample, sample = network.samples[s];
  const outputs = arrays[network.outputs], chances = arrays[network.probabilities];
  const shown = chances || outputs;
  if (shown.shape.length > 2) {
    result.replaceChildren(element("h2", { text: "prediction" }), element("p", { class: "note", text: "An image: see the last layer." }));
    return;
  }
  const size = shown.data.length / shown.shape[0];
  const rows = [...Array(size).keys()].map((k) => ({ k, value: shown.data[s * size + k] }));
  const names = (k) => (chances && k in network.classes ? network.classes[k] : size > 1 ? `output ${k}` : "output");
  if (chances && size > 12) rows.sort((a, b) => b.value - a.value);
  const table = element("table", { class: "terms" }, element("tbody", {}, ...rows.slice(0, 12).map(({ k, value }) => {
    const cell = element("td", { class: "bar share" });
    const inside = element("i", { class: "above" });
    inside.style.width = `${chances ? 100 * value : 0}%`;
    cell.append(inside);
    const name = names(k);
    return element("tr", { class: name === sample.predicted ? "predicted" : "" }, element("th", { scope: "row", text: name + (name === sample.target ? " (target)" : "") }),
      element("td", { text: chances ? (value < 0.001 ? value.toExponential(1) : value.toFixed(3)) : number(value, 6) }), chances && cell);
  })));
  const lines = [`Predicted: ${sample.predicted}`];
  if (sample.target !== undefined) lines.push(`Target: ${sample.target}`);
  if (network.losses) lines.push(`Loss of this sample: ${network.losses[s] === null ? "infinite" : number(network.losses[s])}${sample.target === undefined ? ", of what it predicts" : ""}`);
  result.replaceChildren(element("h2", {}, element("span", { text: "prediction" }), element("small", { text: chances ? "probabilities" : "outputs" })),
    element("p", { class: "note", text: lines.join(" · ") }), table);
  if (rows.length > 12) result.append(element("p", { class: "note", text: `The largest 12 of ${rows.length}.` }));
}

function about() {
  const foot = document.getElementById("about");
  const left = network.leftOut;
  if (left.length) {
    foot.append(element("h2", { text: "Left out, to keep the file small" }),
      element("ul", {}, ...left.map((text) => element("li", { text }))));
  }
  if (network.views) foot.append(element("p", { text: "The estimator averages its predictions over views of each sample (tta); this page shows the sample itself." }));
  foot.append(element("p", { text: `All numbers are those of skconv ${network.version}, in prediction, layer by layer. The page only adds and multiplies them again.` }));
}

async function start() {
  try {
    await readNumbers();
  } catch (error) {
    document.getElementById("network").append(element("p", { class: "note", text: `The numbers in this file cannot be read: ${error.message}. A current browser is needed, and the whole file.` }));
    return;
  }
  samples();
  const list = document.getElementById("network");
  [network.input, ...network.layers].forEach((node) => list.append(card(node)));
  list.append(result);
  const redraw = () => { for (const view of views.values()) view.redraws.forEach((each) => each()); };
  redraw();
  prediction();
  about();
  welcome();
  dark.addEventListener("change", redraw);
  window.addEventListener("beforeprint", () => { printing = true; redraw(); });
  window.addEventListener("afterprint", () => { printing = false; redraw(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") update(state.pinned ? { pinned: false } : { node: null });
  });
  document.documentElement.dataset.ready = "true";
}

// Open many values of each layer; return how many are skconv's, are not, cannot be told.
function check(most) {
  const counts = {};
  for (const node of network.layers) {
    const [h, w] = node.shape, c = keptOf(node), all = h * w * c * network.detailed;
    const found = (counts[node.name] = { same: 0, other: 0, incomplete: 0, unknown: 0 });
    const step = Math.max(1, Math.floor(all / most));
    for (let i = 0; i < all; i += step) {
      const value = open(node, Math.floor(i / (h * w * c)), Math.floor(i / (w * c)) % h, Math.floor(i / c) % w, i % c);
      const kind = !value.known || value.agrees === null ? "unknown" : !value.complete ? "incomplete" : value.agrees ? "same" : "other";
      found[kind]++;
    }
  }
  return counts;
}

// For the console of a browser, and for tests.
window.skconv = { network, arrays, open, check };

start();
