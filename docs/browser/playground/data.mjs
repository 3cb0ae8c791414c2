// scikit-learn's digits, as docs/scripts/live.py packs them: the labels, then the pixels.

export const SIDE = 8;
export const PIXELS = SIDE * SIDE;
export const BRIGHTEST = 16;

/** Images as numbers from 0 to 1 with their labels, those to train on first. */
export function unpackDigits(bytes, { n, held }) {
  const labels = Int32Array.from(bytes.subarray(0, n));
  const images = Float32Array.from(bytes.subarray(n), (pixel) => pixel / BRIGHTEST);
  const part = (from, to) => ({
    n: to - from,
    images: images.subarray(from * PIXELS, to * PIXELS),
    labels: labels.subarray(from, to),
  });
  return { train: part(0, n - held), test: part(n - held, n) };
}
