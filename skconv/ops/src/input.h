// What windows see of the input: where they lie, in memory or in a copy with zeros around.
#pragma once

#include "blocks.h"
#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

// Where the windows of a block's pixels lie: in the array itself or, where one reaches over
// an edge, in a copy with zeros around. Sums over pixels, unlike sums over taps, are not
// worth cutting up at the edges.
struct Input {
  int h, w, c;
  int step_h, step_w, reach_h, reach_w, first_h, first_w;
  int room;
  bool in_place;
  int line;         // floats from row to row
  ptrdiff_t image;  // floats from image to image

  // With `room`, there is always a copy, and that many floats may be read after it.
  Input(const Slide& s, const Blocks& blocks, int room = 0)
      : h(s.h), w(s.w), c(s.c), step_h(s.stride_h), step_w(s.stride_w),
        reach_h((s.kh - 1) * s.dilation_h + 1), reach_w((s.kw - 1) * s.dilation_w + 1),
        first_h(-s.top), first_w(-s.left), room(room) {
    in_place = !room && first_h >= 0 && first_w >= 0 && first_h + extent_h(blocks.h) <= h &&
               first_w + extent_w(blocks.w) <= w;
    line = (in_place ? w : extent_w(blocks.columns)) * c;
    image = ptrdiff_t(in_place ? h : extent_h(blocks.rows)) * line;
  }

  int extent_h(int rows) const { return (rows - 1) * step_h + reach_h; }
  int extent_w(int columns) const { return (columns - 1) * step_w + reach_w; }

  // Offset of a block's pixel from its first, both as windows begin. It fits an int32, as the
  // images of a block do.
  int32_t offset(int image_, int row, int column) const {
    return int32_t(image_ * image + ptrdiff_t(row) * step_h * line + column * step_w * c);
  }

  // A pointer into the array, or the copy.
  const float* locate(const Block& b, const float* array) const {
    const int top = first_h + b.row * step_h, left = first_w + b.column * step_w;
    if (in_place) return array + ((ptrdiff_t(b.image) * h + top) * w + left) * c;
    float* copy = (float*)scratch(Scratch::input, (b.images * image + room) * sizeof(float));
    for (int i = 0; i < b.images; i++)
      for (int r = 0; r < extent_h(b.rows); r++)
        copy_row(array, b.image + i, top + r, left, extent_w(b.columns),
                 copy + i * image + ptrdiff_t(r) * line);
    return copy;
  }

  // `columns` pixels of a row, from `left` on: zeros where they are outside of the image.
  void copy_row(const float* array, int n, int row, int left, int columns, float* dst) const {
    const int before = min(max(-left, 0), columns);
    const int inside = max(min(left + columns, w) - max(left, 0), 0);
    const int after = columns - before - inside;
    if (row < 0 || row >= h || !inside) {
      std::memset(dst, 0, sizeof(float) * columns * c);
      return;
    }
    std::memset(dst, 0, sizeof(float) * before * c);
    const ptrdiff_t from = ((ptrdiff_t(n) * h + row) * w + max(left, 0)) * c;
    std::memcpy(dst + before * c, array + from, sizeof(float) * inside * c);
    std::memset(dst + (before + inside) * c, 0, sizeof(float) * after * c);
  }
};

}  // namespace skconv::SKCONV_ISA
