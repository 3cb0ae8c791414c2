// The module's memory, and arrays in it.
//
// Memory has a fixed size: if it grew, every array's view of it would be lost.

const BYTES = { Float32Array, Int32Array, Uint8Array };

/** An array in the memory of a module: a shape, and the numbers in row order. */
export class NdArray {
  constructor(shape, data) {
    this.shape = shape;
    this.data = data;
  }

  /** Where it is, as the module's functions take it. */
  get pointer() {
    return this.data.byteOffset;
  }

  get size() {
    return this.data.length;
  }

  /** The same numbers in another shape. */
  reshape(...shape) {
    if (count(shape) !== this.size) {
      throw new RangeError(`shape [${shape}] does not hold the numbers of [${this.shape}]`);
    }
    return new NdArray(shape, this.data);
  }
}

/** How many numbers an array of a shape has. */
export function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

/** Arrays in the memory of one instance of the module. */
export class Memory {
  #exports;
  #temporary = null; // addresses that the innermost `tidy` frees

  constructor(exports) {
    this.#exports = exports;
  }

  /** A new array, of zeros or of given numbers. */
  array(shape, numbers = null, type = "Float32Array") {
    const size = count(shape);
    if (shape.some((n) => !Number.isInteger(n) || n < 0)) {
      throw new RangeError(`a shape has integers from 0 on, got [${shape}]`);
    }
    if (numbers && numbers.length !== size) {
      throw new RangeError(`shape [${shape}] takes ${size} numbers, got ${numbers.length}`);
    }
    const bytes = Math.max(64, Math.ceil((size * BYTES[type].BYTES_PER_ELEMENT) / 64) * 64);
    const pointer = this.#exports.allocate(bytes);
    if (!pointer) {
      throw new RangeError(`no memory for an array of [${shape}]; free arrays, or use tidy`);
    }
    this.#temporary?.add(pointer);
    const data = new BYTES[type](this.#exports.memory.buffer, pointer, size);
    numbers ? data.set(numbers) : data.fill(0);
    return new NdArray(shape, data);
  }

  /** An array in this memory: itself, or a copy of one that is elsewhere. */
  place(array) {
    const isHere = array instanceof NdArray && array.data.buffer === this.#exports.memory.buffer;
    return isHere ? array : this.array(array.shape, array.data);
  }

  free(array) {
    this.#temporary?.delete(array.pointer);
    this.#exports.release(array.pointer);
  }

  /** Call a function, and free the arrays that were made meanwhile, but for those it returns. */
  tidy(work) {
    const outer = this.#temporary;
    const made = (this.#temporary = new Set());
    let result;
    try {
      result = work();
    } finally {
      this.#temporary = outer;
      const kept = new Set(arraysIn(result).map((array) => array.pointer));
      for (const pointer of made) {
        if (kept.has(pointer)) outer?.add(pointer);
        else this.#exports.release(pointer);
      }
    }
    return result;
  }
}

function arraysIn(value) {
  if (value instanceof NdArray) return [value];
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return [];
  return Object.values(value).flatMap(arraysIn);
}
