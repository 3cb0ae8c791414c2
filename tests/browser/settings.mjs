// Print for some settings of the playground its Python program, and the network that it shows.
import { readFileSync } from "node:fs";

import { loadOps } from "../../docs/browser/kernels/ops.mjs";
import { Network } from "../../docs/browser/network/network.mjs";
import { initialSettings, layersOf, pythonOf } from "../../docs/browser/playground/settings.mjs";

const ops = await loadOps(readFileSync(process.argv[2]));
const changes = JSON.parse(process.argv[3]);
const results = changes.map((change) => {
  const settings = { ...initialSettings(), ...change };
  const layers = layersOf(settings);
  const network = new Network(ops, layers, [8, 8, 1]);
  const { shapes, parameters } = network;
  return { settings, layers, shapes, size: parameters.size, program: pythonOf(settings) };
});
process.stdout.write(JSON.stringify(results));
