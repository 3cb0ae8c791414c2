// How convolutions are cut up: blocks of output pixels, and the product of a block.
//
// A block is several small images, rows of one, or a part of a long row. What it reads and
// writes stays in the second-level cache.
#pragma once

#include "activations.h"
#include "geometry.h"
#include "kernels.h"
#include "product.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

constexpr int BLOCK_BYTES = 131072;  // of input and of output that a block may take

// Pixels (n, h, w) in blocks of `images` whole images, or of `rows` rows of one, or of
// `columns` of one row. A short block's pixels are the first ones of a full block.
struct Blocks {
  int n, h, w;
  int images, rows, columns;

  Blocks(int n, int h, int w, int most_pixels) : n(n), h(h), w(w), images(1), rows(1), columns(w) {
    most_pixels = max(most_pixels, 1);
    if (w > most_pixels) {
      columns = even(w, most_pixels);
    } else if (ptrdiff_t(h) * w > most_pixels) {
      rows = even(h, most_pixels / w);
    } else {
      rows = h;
      images = even(n, most_pixels / (h * w));
    }
  }

  static int even(int all, int most) { return ceil_div(all, ceil_div(all, max(most, 1))); }
  int column_blocks() const { return ceil_div(w, columns); }
  int row_blocks() const { return ceil_div(h, rows); }
  int count() const { return ceil_div(n, images) * row_blocks() * column_blocks(); }

  struct Block {
    int image, row, column;  // the first
    int images, rows, columns;
    int pixels() const { return images * rows * columns; }
  };

  Block operator[](int i) const {
    const int column = i % column_blocks() * columns;
    const int row = i / column_blocks() % row_blocks() * rows;
    const int image = i / (column_blocks() * row_blocks()) * images;
    return {image, row, column, min(images, n - image), min(rows, h - row),
            min(columns, w - column)};
  }
};

typedef Blocks::Block Block;

// Where neighbouring images, rows and columns of pixels lie, in floats.
struct Strides {
  ptrdiff_t image;
  int row, column;
};

// The product of a block, part by part: pixels that the same taps of the kernel see lie in
// a rectangle, and no tap is multiplied with the zeros outside of the image. `vertical[row]`
// and `horizontal[column]` say which taps see a row or column of all that there are, of
// which the kernel has `taps_w` in a row; `tap_depth` is what one tap adds to the depth.
template <bool Elementwise>
inline void multiply_block(Product p, const Block& b, Strides in, Strides out,
                           const Span* vertical, const Span* horizontal, int taps_w,
                           int tap_depth) {
  int32_t* list = (int32_t*)scratch(For::pixels, sizeof(int32_t) * 2 * b.pixels());
  p.rows = list;
  p.outs = list + b.pixels();
  for (int r0 = 0, r1; r0 < b.rows; r0 = r1) {
    const Span v = vertical[b.row + r0];
    for (r1 = r0 + 1; r1 < b.rows && vertical[b.row + r1] == v;) r1++;
    for (int q0 = 0, q1; q0 < b.columns; q0 = q1) {
      const Span h = horizontal[b.column + q0];
      for (q1 = q0 + 1; q1 < b.columns && horizontal[b.column + q1] == h;) q1++;
      p.n_rows = b.images * (r1 - r0) * (q1 - q0);
      int32_t *__restrict rows = list, *__restrict outs = list + b.pixels();
      for (int i = 0; i < b.images; i++)
        for (int r = r0; r < r1; r++) {
          const int32_t row = int32_t(i * in.image + ptrdiff_t(r) * in.row + q0 * in.column);
          const int32_t to = int32_t(i * out.image + ptrdiff_t(r) * out.row + q0 * out.column);
          for (int q = 0; q < q1 - q0; q++) {
            rows[q] = row + q * in.column;
            outs[q] = to + q * out.column;
          }
          rows += q1 - q0;
          outs += q1 - q0;
        }
      // Rows of whole taps are one run of the depth, others a run each.
      const bool empty = v.to <= v.from || h.to <= h.from;
      const bool whole = empty || h.to - h.from == taps_w;
      const int runs = whole ? 1 : v.to - v.from;
      p.add = false;
      for (int i = 0; i < runs; i++, p.add = true) {
        const int first = (v.from + i) * taps_w + h.from;
        const int last = (whole ? v.to - 1 : v.from + i) * taps_w + h.to;
        p.from = empty ? 0 : first * tap_depth;
        p.to = empty ? 0 : last * tap_depth;
        p.ends = i == runs - 1;
        multiply<Elementwise>(p);
      }
    }
  }
}

// Put rows of a matrix into panels, and add their sum to `total` unless that is nullptr. The
// matrix begins at `first` and is dz of a gradient; a plain one has the identity.
inline void pack(const Gradient& g, ptrdiff_t first, int rows, int row_stride, int columns,
                 float* panels, float* total) {
  with_activation(g.activation, [&](auto of) {
    constexpr Activation A = decltype(of)::activation;
    for_each_panel(columns, [&](int f, const Width& width) {
      with_shape(width, [&](auto shape) {
        constexpr int L = decltype(shape)::lanes, V = decltype(shape)::vectors;
        const int filled = min(L * V, columns - f);
        const float *dy = g.dy + first + f, *y = g.y + first + f;
        float* to = panels + ptrdiff_t(rows) * f;
        Floats<L> sum[V] = {};
        // Of a last panel that is not filled, whole vectors are read as long as the array
        // goes on, and what they hold too much is masked.
        Ints<L> mask[V];
        unrolled<V>([&](int v) SKCONV_INLINE_BODY {
          Ints<L> lane = {};
          for (int i = 0; i < L; i++) lane[i] = v * L + i;
          mask[v] = lane < filled;
        });
        const auto put = [&](int v, Floats<L> d, Floats<L> y_) SKCONV_INLINE_BODY {
          const Floats<L> dz = (Floats<L>)((Ints<L>)chain<L, A>(d, y_) & mask[v]);
          store<L>(to + v * L, dz);
          sum[v] += dz;
        };
        const ptrdiff_t room = g.size - first - f - L * V;
        const int safe = room < 0 ? 0 : int(min64(room / row_stride + 1, rows));
        for (int p = 0; p < safe; p++, dy += row_stride, y += row_stride, to += L * V)
          unrolled<V>([&](int v) SKCONV_INLINE_BODY {
            put(v, load<L>(dy + v * L), load<L>(y + v * L));
          });
        for (int p = safe; p < rows; p++, dy += row_stride, y += row_stride, to += L * V)
          unrolled<V>([&](int v) SKCONV_INLINE_BODY {
            put(v, load<L>(dy + v * L, filled - v * L), load<L>(y + v * L, filled - v * L));
          });
        if (total)
          unrolled<V>([&](int v) SKCONV_INLINE_BODY {
            const Floats<L> all_rows = load<L>(total + f + v * L, filled - v * L) + sum[v];
            store<L>(total + f + v * L, all_rows, filled - v * L);
          });
      });
    });
  });
}

// As many pixels as keep a block's input and output in cache, and as leave some blocks for
// each thread; at least what a call of the product is worth.
inline int block_pixels(ptrdiff_t pixels, int input_floats, int output_floats,
                        double flops_per_pixel) {
  const int fits = BLOCK_BYTES / 4 / max(input_floats, output_floats);
  const ptrdiff_t share = (pixels + 31) / 32;
  const int worth = int(min64(ptrdiff_t(8e5 / flops_per_pixel), 1 << 20)) + 1;
  return max(min(fits, max(int(share < fits ? share : fits), worth)), 12);
}

}  // namespace skconv::SKCONV_ISA
