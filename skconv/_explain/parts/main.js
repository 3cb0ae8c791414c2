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
    const taps = tapsOf(node, p, q).filter((tap) => tap.inside);
    if (!taps.length) return;
    const rows = taps.map((tap) => tap.row), columns = taps.map((tap) => tap.column);
    const [y0, x0] = [Math.min(...rows), Math.min(...columns)];
    const [height, width] = [Math.max(...rows) - y0 + 1, Math.max(...columns) - x0 + 1];
    const perGroup = node.kind === "convolution" ? sources[0].shape[2] / node.groups : 1;
    const first = node.kind === "convolution" ? Math.floor(f / (node.shape[2] / node.groups)) * perGroup : f;
    for (let c = first; c < first + perGroup; c++) place(views.get(sources[0]), c, "window", y0, x0, height, width);
  } else if (["scale", "rescale", "sum", "prelu"].includes(node.kind)) {
    sources.forEach((source) => place(views.get(source), f, "window", p, q, 1, 1));
  } else if (node.kind === "upsampling") {
    const { parts } = OPEN.upsampling(node, state.sample, p, q, f);
    const [from, to] = [parts[0], parts[parts.length - 1]];
    place(views.get(sources[0]), f, "window", from.row, from.column, to.row - from.row + 1, to.column - from.column + 1);
  } else if (["same", "moved", "branches"].includes(node.kind)) {
    const found = OPEN[node.kind](node, state.sample, p, q, f);
    if (found && found.at) place(views.get(sources[0]), found.at[2], "window", found.at[0], found.at[1], 1, 1);
    else if (found && node.kind === "branches") place(views.get(layerOf(found.number)), found.channel, "window", p, q, 1, 1);
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
    const wrong = network.classes.length && sample.target !== undefined && sample.target !== sample.predicted;
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
  const loss = network.losses && `Loss of this sample: ${network.losses[s] === null ? "infinite" : number(network.losses[s])}`;
  if (shown.shape.length > 2) {
    const words = ["See the last layer: there is an output for each pixel.", loss].filter(Boolean).join(" ");
    result.replaceChildren(element("h2", { text: "prediction" }), element("p", { class: "note", text: words }));
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
  if (loss) lines.push(`${loss}${sample.target === undefined ? ", of what it predicts" : ""}`);
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
