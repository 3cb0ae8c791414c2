// Call ops of JavaScript: call.mjs CALLS.json WASM prints the bits of their results.
import { readFileSync } from "node:fs";

import { NdArray } from "../../docs/browser/kernels/memory.mjs";
import { loadOps } from "../../docs/browser/kernels/ops.mjs";

const ops = await loadOps(readFileSync(process.argv[3]));
const calls = JSON.parse(readFileSync(process.argv[2]));

// An array is written as [shape, numbers]; other arguments are themselves.
function read(argument) {
  if (!argument?.shape) return argument;
  const array = ops.array(argument.shape, argument.data);
  return array;
}

// Float32 as its bits, so that signs of zeros and NaN count.
function write(result) {
  if (result instanceof NdArray) {
    const data = result.data;
    const bits = data instanceof Float32Array ? new Uint32Array(data.slice().buffer) : data;
    return { shape: result.shape, bits: Array.from(bits) };
  }
  if (result === null || typeof result !== "object") return result;
  return Object.fromEntries(Object.entries(result).map(([key, value]) => [key, write(value)]));
}

const results = calls.map(([name, ...args]) => {
  try {
    const arrays = args.map(read);
    const result = ops[name](...arrays);
    // A step changes its arguments.
    return write(result === undefined ? { ...arrays.filter((a) => a instanceof NdArray) } : result);
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(results));
