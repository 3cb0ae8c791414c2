// The panel that shows what a value is made of.

function element(tag, options = {}, ...children) {
  const { text, ...attributes } = options;
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children.filter(Boolean));
  return made;
}

// A number for reading; minus as a minus.
function number(value, digits = 4) {
  if (Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size < 1e-3 || size >= 1e5 ? value.toExponential(2) : value.toPrecision(digits);
  const plain = text.includes("e") || !text.includes(".") ? text : text.replace(/\.?0+$/, "");
  return plain.replace("-", "−").replace("e−", "e-").replace("-", "−");
}

const short = (value) => number(value, 3);

// A number for a small cell.
function tight(value) {
  const size = Math.abs(value);
  if (size >= 1000 || (size > 0 && size < 5e-4)) return value.toExponential(0).replaceAll("-", "−").replace("e+", "e");
  const text = size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(size >= 1 ? 2 : 3);
  return text.replace("-", "−").replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "").replace("0.", ".");
}

// A table of the numbers of a window, coloured by size.
function grid(title, cells, columns, pick, mark) {
  const values = cells.map(pick);
  const largest = Math.max(...values.filter((v) => !Number.isNaN(v)).map(Math.abs), 1e-30);
  const body = element("div", { class: "cells", style: `--columns:${columns}`, role: "img",
    "aria-label": `${title}: ${values.slice(0, 25).map(short).join(", ")}` });
  values.forEach((value, i) => {
    const [r, g, b] = Number.isNaN(value) ? [0, 0, 0] : colour(value / largest);
    const outside = Number.isNaN(value) || cells[i].inside === false;
    const text = Number.isNaN(value) || columns > 7 ? "" : tight(value);
    const cell = element("span", { text, title: number(value) });
    if (!outside) {
      const light = luminance(r, g, b) > 0.179; // where black and white contrast as much
      cell.style.background = `rgb(${r},${g},${b})`;
      cell.style.color = light ? "#000" : "#fff";
    }
    if (outside) cell.classList.add("outside");
    if (mark && mark(cells[i], i)) cell.classList.add("chosen");
    body.append(cell);
  });
  return element("figure", { class: "grid" }, element("figcaption", { text: title }), body);
}

function luminance(...channels) {
  const [r, g, b] = channels.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function row(name, value, note) {
  return element("tr", {}, element("th", { scope: "row", text: name }),
    element("td", { text: value }), element("td", { class: "note", text: note || "" }));
}

const steps = (...rows) => element("table", { class: "steps" }, element("tbody", {}, ...rows));

function nameOfValue(node, p, q, f) {
  if (node.form === "flat") return `${node.name}[${f}]`;
  return node.form === "signal" ? `${node.name}[${q}, ${f}]` : `${node.name}[${p}, ${q}, ${f}]`;
}

// What comes after the sum, and the check against the library's number.
function ending(node, found) {
  const rows = [];
  if (node.activation) rows.push(row(node.activation, number(found.y, 6), found.agrees === null ? "of all channels together" : ""));
  rows.push(row("skconv", number(found.stored, 6), "in prediction"));
  return rows;
}

function verdict(found) {
  if (!found.known) return element("p", { class: "note", text: "The page cannot compute this type of layer again; its values are skconv's." });
  if (!found.complete) return element("p", { class: "note", text: "Not all numbers that make this value are in the file; see below what was left out." });
  if (found.agrees === null) return null;
  return element("p", { class: found.agrees ? "good" : "bad",
    text: found.agrees ? "✓ The same as skconv's number, up to rounding." : "✗ Not the same as skconv's number." });
}

const SHOW = {
  convolution(node, found, state) {
    const { channels } = found;
    const at = Math.min(state.channel, channels.length - 1);
    const { cells, channel, sum } = channels[at];
    const columns = node.size[1];
    const several = channels.length > 1;
    const source = layerOf(node.inputs[0]);
    const parts = [];
    if (several) parts.push(chooser(`Channel ${channel} of ${source.name}`, at, channels.length, (to) => update({ channel: to })));
    parts.push(element("div", { class: "grids" },
      grid(node.transposed ? "pixels that add to it" : "window", cells, columns, (cell) => cell.x),
      grid("× kernel", cells, columns, (cell) => cell.k),
      grid("= products", cells, columns, (cell) => cell.product)));
    const rows = several
      ? [row("sum of these", number(sum, 6), `channel ${channel}`), row("sum of all", number(found.sum, 6), `${channels.length} channels`)]
      : [row("sum", number(found.sum, 6), `of ${cells.length} products`)];
    if ("bias" in node.weights) rows.push(row("+ bias", number(found.bias, 6)), row("=", number(found.z, 6)));
    parts.push(steps(...rows, ...ending(node, found)));
    if (several) parts.push(channelSums(channels, at));
    if ("kernel" in node.pulls) parts.push(pullOf(cells, columns, found));
    return parts;
  },
  dense(node, found) {
    if (!found.terms.length) return [];
    const sorted = [...found.terms].sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
    const largest = Math.abs(sorted[0].product) || 1;
    const most = sorted.slice(0, 8);
    const rest = sorted.slice(8).reduce((a, term) => a + term.product, 0);
    const rows = most.map((term) => element("tr", {},
      element("th", { scope: "row", text: placeText(found.source, term.k) }),
      element("td", { text: short(term.x) }), element("td", { text: `× ${short(term.weight)}` }),
      element("td", { text: `= ${short(term.product)}` }), bar(term.product / largest)));
    if (sorted.length > 8) rows.push(element("tr", {},
      element("th", { scope: "row", text: `${sorted.length - 8} others` }), element("td"), element("td"),
      element("td", { text: short(rest) }), element("td")));
    const sums = [row("sum", number(found.sum, 6), `of ${sorted.length} products`)];
    if ("bias" in node.weights) sums.push(row("+ bias", number(found.bias, 6)), row("=", number(found.z, 6)));
    const parts = [element("table", { class: "terms" },
      element("caption", { text: "Largest products: value × kernel" }), element("tbody", {}, ...rows)),
      steps(...sums, ...ending(node, found))];
    if (!Number.isNaN(found.biasPull)) {
      const pulled = [...found.terms].sort((a, b) => Math.abs(b.pull) - Math.abs(a.pull)).slice(0, 5);
      parts.push(element("table", { class: "terms" },
        element("caption", { text: "Largest gradients of the loss in this kernel" }),
        element("tbody", {}, ...pulled.map((term) => element("tr", {},
          element("th", { scope: "row", text: placeText(found.source, term.k) }),
          element("td", { text: short(term.pull) }), bar(-term.pull / (Math.abs(pulled[0].pull) || 1)))))),
      element("p", { class: "note", text: `Each is the value times the gradient in the sum, ${number(found.biasPull)}; a step of training goes the opposite way (bars).` }));
    }
    return parts;
  },
  scale: (node, found) => [steps(row("value", number(found.x, 6)), row("− mean", number(found.mean, 6)),
    row("× scale", number(found.scale, 6)), "shift" in node.weights && row("+ shift", number(found.shift, 6)), row("=", number(found.z, 6)), ...ending(node, found))],
  rescale: (node, found) => [steps(row("value", number(found.x, 6)), row("× scale", number(node.factor, 6)),
    row("+ offset", number(node.offset, 6)), row("=", number(found.z, 6)), ...ending(node, found))],
  max: (node, found) => [windowOnly(node, found, "largest of the window", (cell) => cell.x === found.z), steps(row("largest", number(found.z, 6)), ...ending(node, found))],
  mean: (node, found) => [windowOnly(node, found, "window"), steps(row("mean", number(found.z, 6), `of ${found.cells.filter((c) => c.inside).length}`), ...ending(node, found))],
  same: (node, found) => [steps(row("value", number(found.x, 6), `of ${layerOf(node.inputs[0]).name}`), ...ending(node, found))],
  upsampling: (node, found) => [steps(...found.parts.map(({ row: p, column, x, share }, i) => row(
    `${i ? "+ " : ""}${nameOfValue(layerOf(node.inputs[0]), p, column, found.f)}`, number(x, 6), share === 1 ? "" : `× ${number(share)}`)),
  found.parts.length > 1 && row("=", number(found.z, 6)), ...ending(node, found))],
  moved: (node, found) => [steps(found.at ? row("value", number(found.x, 6), `${nameOfValue(layerOf(node.inputs[0]), ...found.at)}`)
    : row("outside", "0", "of the image before"), ...ending(node, found))],
  sum: (node, found) => [steps(...found.parts.map((part, i) => row(`${i ? "+ " : ""}${part.name}`, number(part.x, 6))), row("=", number(found.z, 6)), ...ending(node, found))],
  branches: (node, found) => [steps(row(`channel ${found.channel}`, number(found.x, 6), `of ${found.from}`), ...ending(node, found))],
  prelu: (node, found) => [steps(row("value", number(found.x, 6)), row("slope below 0", number(found.alpha, 6)), row("=", number(found.z, 6)), ...ending(node, found))],
  layerNorm: (node, found) => [steps(row("value", number(found.x, 6)), row("− mean", number(found.mean, 6), `of ${found.count} values`),
    row("/ deviation", number(found.deviation, 6)), row("× gamma", number(found.gamma, 6)), row("+ beta", number(found.beta, 6)), row("=", number(found.z, 6)), ...ending(node, found))],
};

function windowOnly(node, found, title, mark) {
  if (found.cells.length > 400) return null;
  return element("div", { class: "grids" }, grid(title, found.cells, node.size[1], (cell) => cell.x, mark));
}

function pullOf(cells, columns, found) {
  return element("section", { class: "pull" },
    element("h4", { text: "Where the loss pulls this kernel" }),
    element("div", { class: "grids" }, grid("kernel", cells, columns, (cell) => cell.k),
      grid("− gradient", cells, columns, (cell) => -cell.pull)),
    element("p", { class: "note", text: "A step of training on this sample alone would move each number of the kernel this way." }));
}

function channelSums(channels, at) {
  const largest = Math.max(...channels.map((c) => Math.abs(c.sum)), 1e-30);
  const list = element("div", { class: "sums" });
  channels.forEach((each, i) => {
    const button = element("button", { type: "button", "aria-pressed": String(i === at), title: `channel ${each.channel}: ${number(each.sum)}`, "aria-label": `channel ${each.channel}, sum ${number(each.sum)}` });
    const [r, g, b] = colour(each.sum / largest);
    button.style.background = `rgb(${r},${g},${b})`;
    button.addEventListener("click", () => update({ channel: i }));
    list.append(button);
  });
  return element("figure", {}, element("figcaption", { text: "Sum of each channel" }), list);
}

function chooser(text, at, count, change) {
  const button = (label, sign, to) => {
    const made = element("button", { type: "button", "aria-label": label, text: sign });
    made.addEventListener("click", () => change((to + count) % count));
    return made;
  };
  return element("p", { class: "chooser" }, button("previous channel", "‹", at - 1),
    element("span", { text: `${text} (${at + 1} of ${count})` }), button("next channel", "›", at + 1));
}

function bar(share) {
  const cell = element("td", { class: "bar" });
  const inside = element("i");
  inside.style.width = `${Math.abs(share) * 50}%`;
  inside.style.left = share < 0 ? `${50 - Math.abs(share) * 50}%` : "50%";
  inside.className = share < 0 ? "below" : "above";
  cell.append(inside);
  return cell;
}

function placeText(source, k) {
  const [, w, c] = source.shape;
  if (source.form === "flat") return `[${k}]`;
  const column = Math.floor(k / c) % w, rowAt = Math.floor(k / c / w);
  return source.form === "signal" ? `[${column}, ${k % c}]` : `[${rowAt}, ${column}, ${k % c}]`;
}

// Fill the panel for the chosen value.
function inspect(panel, state) {
  const { node, p, q, f, sample } = state;
  const title = nameOfValue(node, p, q, f);
  const close = element("button", { type: "button", class: "close", "aria-label": "close", text: "×" });
  close.addEventListener("click", () => update({ node: null, pinned: false }));
  const head = element("div", { class: "head" }, element("h2", { text: title }), close);
  if (node.kind === "input") {
    const value = valueOf(node, sample, p, q, f);
    panel.replaceChildren(head, element("p", { class: "big", text: number(value, 6) }),
      element("p", { class: "note", text: "A value of the sample, as the network gets it." }));
    return `${title} is ${number(value)}`;
  }
  const found = open(node, sample, p, q, f);
  const gradient = valueOf(node, sample, p, q, f, "gradients");
  const pinned = element("p", { class: "note", text: state.pinned ? "Held. Escape, or a tap on it, releases." : "" });
  panel.replaceChildren(head, element("p", { class: "big", text: number(found.stored, 6) }),
    element("p", { class: "note", text: node.text }));
  if (found.known) panel.append(...SHOW[node.kind](node, found, state).filter(Boolean));
  const words = verdict(found);
  if (words) panel.append(words);
  if (!Number.isNaN(gradient)) panel.append(steps(row("gradient", number(gradient, 6), "of the loss in this value")));
  panel.append(pinned);
  return `${title} is ${number(found.stored)}${found.agrees ? ", the same as computed here" : ""}`;
}
