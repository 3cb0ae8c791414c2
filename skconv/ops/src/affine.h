// Images that are rotated, scaled, sheared and shifted: pixels between four others.
#pragma once

#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

// Interpolate; equal values stay equal to the bit.
SKCONV_INLINE float between(float a, float b, float fraction) {
  return fma(b - a, fraction, a);
}

// C channels, or `channels` where C is 0: the number of them is known for most images.
template <int C>
inline void affine_row(const float* corners, ptrdiff_t line, int w, int channels,
                       const int32_t* places, const float* down, const float* right,
                       float* __restrict y) {
  const int c = C ? C : channels;
  for (int j = 0; j < w; j++) {
    const float* above = corners + places[j];
    const float* below = above + line;
    for (int k = 0; k < c; k++)
      y[ptrdiff_t(j) * c + k] = between(between(above[k], above[k + c], right[j]),
                                        between(below[k], below[k + c], right[j]), down[j]);
  }
}

// The padded pixel before a position from the first to the last of a side, and the fraction.
SKCONV_INLINE int32_t locate(float position, float last, float* fraction) {
  // A NaN becomes 0, too.
  position = position > 0.0f ? position : 0.0f;
  position = position < last ? position : last;
  int32_t pixel = int32_t(position);
  pixel = pixel < int32_t(last) ? pixel : int32_t(last) - 1;
  *fraction = position - float(pixel);
  return pixel;
}

// y[p] = x at matrix (p - centre - shift) + centre, interpolated between four pixels; a border
// of `fill` is around each image. See affine_transform in reference/resampling.py.
inline void affine_transform(const float* x, const Images4& s, const float* matrix,
                             const float* shift, float fill, float* y) {
  const auto [n, h, w, c] = s;
  const ptrdiff_t line = ptrdiff_t(w + 2) * c, padded = (h + 2) * line;
  const ptrdiff_t row_bytes = sizeof(float) * ptrdiff_t(w) * c;
  parallel(n, 30.0 * n * h * w * c, [&](int i) {
    float* copy = (float*)scratch(Scratch::input, sizeof(float) * padded);
    for (ptrdiff_t j = 0; j < line; j++) copy[j] = copy[padded - line + j] = fill;
    for (int r = 0; r < h; r++) {
      float* to = copy + (r + 1) * line;
      for (int k = 0; k < c; k++) to[k] = to[line - c + k] = fill;
      std::memcpy(to + c, x + (ptrdiff_t(i) * h + r) * w * c, row_bytes);
    }
    int32_t* __restrict places = (int32_t*)scratch(Scratch::pixels, 3 * sizeof(float) * w);
    float* __restrict down = (float*)places + w;
    float* __restrict right = (float*)places + 2 * w;
    const float m[] = {matrix[i * 4], matrix[i * 4 + 1], matrix[i * 4 + 2], matrix[i * 4 + 3]};
    const float by[] = {shift[i * 2], shift[i * 2 + 1]};
    for (int r = 0; r < h; r++) {
      const float dy = float(r) - float(h - 1) / 2 - by[0];
      for (int j = 0; j < w; j++) {
        const float dx = float(j) - float(w - 1) / 2 - by[1];
        const float row = fma(m[1], dx, m[0] * dy + float(h + 1) / 2);
        const float column = fma(m[3], dx, m[2] * dy + float(w + 1) / 2);
        const int32_t above = locate(row, float(h + 1), down + j);
        const int32_t before = locate(column, float(w + 1), right + j);
        places[j] = above * int32_t(line) + before * c;
      }
      float* to = y + (ptrdiff_t(i) * h + r) * w * c;
      if (c == 1) affine_row<1>(copy, line, w, c, places, down, right, to);
      else if (c == 3) affine_row<3>(copy, line, w, c, places, down, right, to);
      else affine_row<0>(copy, line, w, c, places, down, right, to);
    }
  });
}

}  // namespace skconv::SKCONV_ISA
