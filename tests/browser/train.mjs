// Train a network on what test_training_in_javascript.py wrote: train.mjs FOLDER. It writes results there.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { loadOps } from "../../docs/browser/kernels/ops.mjs";
import { Network } from "../../docs/browser/network/network.mjs";
import { OPTIMIZERS } from "../../docs/browser/network/optimizers.mjs";

const folder = process.argv[2];
const path = (name) => join(folder, name);
const floats = (name) => new Float32Array(new Uint8Array(readFileSync(path(name))).buffer);
const run = JSON.parse(readFileSync(path("run.json")));

const ops = await loadOps(readFileSync(run.wasm));
const network = new Network(ops, run.layers, run.inputShape);
const X = floats("X.bin");
const features = X.length / run.labels.length;
network.initialize(() => 0.5);
network.parameters.data.set(floats("parameters.bin"));
const optimizer = OPTIMIZERS[run.solver](network);

const losses = [];
const parameters = [];
for (const rows of run.steps) {
  const x = new Float32Array(rows.length * features);
  rows.forEach((row, i) => x.set(X.subarray(row * features, (row + 1) * features), i * features));
  const placed = ops.array([rows.length, ...run.inputShape], x);
  losses.push(network.lossAndGradient(placed, rows.map((row) => run.labels[row])));
  ops.memory.free(placed);
  optimizer.step(run.learningRate);
  parameters.push(network.parameters.data.slice());
}
const all = ops.array([run.labels.length, ...run.inputShape], X);
const outputs = ops.tidy(() => network.predict(all).data.slice());

const write = (name, arrays) =>
  writeFileSync(path(name), Buffer.concat(arrays.map((a) => Buffer.from(a.buffer))));
write("losses.out", [Float64Array.from(losses)]);
write("parameters.out", parameters);
write("outputs.out", [outputs]);
