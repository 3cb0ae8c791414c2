// What live figures share: choices, a line of words, and the picture that they replace.

import { element } from "../view.mjs";

/** A labelled select. */
export function choice(label, choices, value, onChange) {
  const options = choices.map((one) =>
    element("option", { value: one, selected: String(one) === String(value) }, String(one)),
  );
  const select = element(
    "select",
    { onchange: () => onChange(choices[select.selectedIndex]) },
    options,
  );
  return element("label", { class: "live-choice" }, label, select);
}

/** A figure's frame around its controls, grids and words. */
export function frame(label, controls, grids, words) {
  return element(
    "div",
    { class: "live", role: "group", "aria-label": label },
    element("div", { class: "live-controls" }, controls),
    element("div", { class: "live-grids" }, grids),
    words,
  );
}

/** An element for words about the number that is pointed at. */
export function wordsElement(first) {
  return element("p", { class: "live-words", "aria-live": "polite" }, first);
}

/** A factor in the colour of its quantity; negative ones are in parentheses. */
export function factor(text, role) {
  const words = text.startsWith("−") ? `(${text})` : text;
  return element("span", { class: `live-ink live-${role}` }, words);
}

/**
 * Put a live figure in the place of a picture, or after one that shows something else, too. The
 * picture stays for print. Readers who want no motion keep it, until they ask for the figure.
 */
export function addFigure(name, make, { keep = false } = {}) {
  const picture = document.querySelector(`.bd-article img[src$="${name}.svg"]`);
  const paragraph = picture?.closest("p") ?? picture;
  if (!paragraph) return;
  const show = () => {
    const figure = make();
    if (!keep) paragraph.classList.add("live-replaced");
    paragraph.after(figure);
    return figure;
  };
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) return void show();
  const button = element(
    "button",
    {
      type: "button",
      class: "live-button",
      onclick: () => {
        button.remove();
        show().querySelector("input, select")?.focus();
      },
    },
    "Touch these numbers",
  );
  paragraph.after(button);
}
