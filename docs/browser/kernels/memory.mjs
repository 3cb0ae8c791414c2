// The module's memory, and arrays in it.

const TYPES = { Float32Array, Int32Array, Uint8Array };

/** An array in the memory of a module: a shape, and where its numbers are, in row order. */
export class NdArray {
  #exports;
  #type;
  #view = null;

  constructor(exports, shape, pointer, type = "Float32Array") {
    this.#exports = exports;
    this.#type = type;
    this.shape = shape;
    this.size = count(shape);
    this.pointer = pointer;
  }

  /**
   * The numbers, to read and to change. An op may make the memory grow, and then an earlier view
   * is empty: read `data` again after an op.
   */
  get data() {
    const { buffer } = this.#exports.memory;
    if (this.#view?.buffer !== buffer) {
      this.#view = new TYPES[this.#type](buffer, this.pointer, this.size);
    }
    return this.#view;
  }

  /** The same numbers in another shape. */
  reshape(...shape) {
    if (count(shape) !== this.size) {
      throw new RangeError(`shape [${shape}] does not hold the numbers of [${this.shape}]`);
    }
    return new NdArray(this.#exports, shape, this.pointer, this.#type);
  }

  /** A part of the numbers in a shape of its own, from a place on. */
  part(start, shape) {
    const pointer = this.pointer + start * TYPES[this.#type].BYTES_PER_ELEMENT;
    return new NdArray(this.#exports, shape, pointer, this.#type);
  }

  isIn(exports) {
    return this.#exports === exports;
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
    const bytes = Math.max(64, Math.ceil((size * TYPES[type].BYTES_PER_ELEMENT) / 64) * 64);
    const pointer = this.#exports.allocate(bytes);
    if (!pointer) {
      throw new RangeError(`no memory for an array of [${shape}]; free arrays, or use tidy`);
    }
    this.#temporary?.add(pointer);
    const array = new NdArray(this.#exports, shape, pointer, type);
    numbers ? array.data.set(numbers) : array.data.fill(0);
    return array;
  }

  /** An array in this memory: itself, or a copy of one that is elsewhere. */
  place(array) {
    const isHere = array instanceof NdArray && array.isIn(this.#exports);
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
