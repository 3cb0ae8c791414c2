// The loss of each step and the accuracy of each epoch, as two lines over the steps.

import { element } from "../view.mjs";

const [WIDTH, HEIGHT] = [560, 190];
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 46, 12, 28];
const POINTS = 240; // of the loss: each is a mean of several steps

export class Chart {
  constructor() {
    this.loss = element("path", { class: "pg-loss" });
    this.accuracy = element("path", { class: "pg-accuracy" });
    this.marks = element("g", { class: "pg-ticks" });
    this.svg = element(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "pg-chart" },
      this.marks,
      this.loss,
      this.accuracy,
    );
  }

  /** @param {Trainer} trainer */
  draw({ losses, accuracies, stepsOfEpoch, steps }) {
    const end = Math.max(stepsOfEpoch * 5, steps);
    const x = (step) => LEFT + ((WIDTH - LEFT - RIGHT) * step) / end;
    const y = (share) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share;
    const means = groupMeans(losses, POINTS);
    const top = Math.max(...means.map(([, loss]) => loss).filter(Number.isFinite), 0.5);
    this.loss.setAttribute("d", line(means.map(([step, loss]) => [x(step), y(loss / top)])));
    const tops = accuracies.map(({ step, accuracy }) => [x(step), y(accuracy)]);
    this.accuracy.setAttribute("d", line(tops));
    this.#drawTicks(x, y, top, Math.round(end / stepsOfEpoch), stepsOfEpoch);
    const last = accuracies.at(-1).accuracy;
    const loss = means.at(-1)?.[1];
    const words = loss === undefined ? "" : `; the loss is ${loss.toFixed(3)}`;
    this.svg.setAttribute("aria-label", `Held-out accuracy ${last.toFixed(3)}${words}`);
  }

  #drawTicks(x, y, top, epochs, stepsOfEpoch) {
    const text = (at, words, kind) => element("text", { ...at, class: kind }, words);
    const every = Math.ceil(epochs / 10);
    const ticks = [];
    for (let epoch = 0; epoch <= epochs; epoch += every) {
      const at = { x: x(epoch * stepsOfEpoch), y: HEIGHT - 9, "text-anchor": "middle" };
      ticks.push(text(at, String(epoch), ""));
    }
    for (const share of [0, 0.5, 1]) {
      const [from, to] = [LEFT, WIDTH - RIGHT];
      const height = y(share);
      ticks.push(element("line", { x1: from, x2: to, y1: height, y2: height }));
      const left = { x: LEFT - 8, y: height + 4, "text-anchor": "end" };
      ticks.push(text(left, (top * share).toFixed(1), "pg-loss-text"));
      ticks.push(text({ x: to + 8, y: height + 4 }, share.toFixed(1), "pg-accuracy-text"));
    }
    this.marks.replaceChildren(...ticks);
  }
}

function line(points) {
  return points
    .filter((point) => point.every(Number.isFinite))
    .map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
}

function groupMeans(numbers, groups) {
  const each = Math.max(1, Math.ceil(numbers.length / groups));
  const means = [];
  for (let start = 0; start < numbers.length; start += each) {
    const part = numbers.slice(start, start + each);
    const mean = part.reduce((sum, number) => sum + number, 0) / part.length;
    means.push([start + part.length, mean]);
  }
  return means;
}
