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

// The constants of the kernels, here and elsewhere, were chosen by times of the layers of small
// nets: 8x8x1 to 32x32x64, kernels of 3 and 5, dense layers, forward and backward, single
// images and batches of 64 and 128. "Flat" is a range in which the mean time of them changes
// by less than 2 %, measured on one thread of an AMD Zen 4 (AVX-512; 32 KB and 1 MB of
// first- and second-level cache). Those that cut sums over pixels decide on the bits of a
// kernel's gradient: they must not depend on the machine.

// Of input and of output that a block may take: fits a second-level cache of 256 KB. Flat
// from 64 KB to 512 KB; 32 KB takes 3 % longer.
constexpr int BLOCK_BYTES = 131072;
// That a small batch is cut into, for threads to share.
constexpr int MOST_BLOCKS = 32;
// That a block of a small batch takes at least, so that a call of the product is worth it.
// Flat from 2e5 to 3.2e6; 1e5 takes 3 % longer, and layers of 4 x 4 pixels 20 %.
constexpr double WORTH_FLOPS = 8e5;
// Of a block: two of the widest tiles. Flat from 4 to 48.
constexpr int LEAST_PIXELS = 12;

// Pixels (n, h, w) in blocks of `images` whole images, or of `rows` rows of one, or of
// `columns` of one row. A short block's pixels are the first ones of a full block. All images
// of a block lie within INT_MAX floats, where one has `image_floats` at most.
struct Blocks {
  int n, h, w;
  int images, rows, columns;

  Blocks(int n, int h, int w, int most_pixels, ptrdiff_t image_floats)
      : n(n), h(h), w(w), images(1), rows(1), columns(w) {
    most_pixels = max(most_pixels, 1);
    if (w > most_pixels) {
      columns = even(w, most_pixels);
    } else if (ptrdiff_t(h) * w > most_pixels) {
      rows = even(h, most_pixels / w);
    } else {
      rows = h;
      images = even(n, int(min64(most_pixels / (h * w), INT32_MAX / image_floats)));
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

// The largest power of two up to n, and 1 if n < 1.
constexpr int power_of_two_in(int n) { return n < 2 ? 1 : 2 * power_of_two_in(n / 2); }

// Copies of a kernel's gradient, which a share of the pixels each adds to, and about as many tasks:
// enough for 8 threads. Flat from 4 to 32.
constexpr int MOST_COPIES = 16;
// Of all copies together, 4 MB. Flat from 1 << 16 to 1 << 20; with 1 << 22 the gradient of
// a dense layer of 1600 x 128 takes 22 % longer.
constexpr int COPIES_FLOATS = 1 << 20;
// Of a share: with fewer, adding up the copies would take long.
constexpr int SHARE_PIXELS = 64;

// How many copies there are, of those that are `worth` it. A power of two divides the work evenly
// between the threads of most machines.
inline int kernel_copies(ptrdiff_t kernel_size, ptrdiff_t pixels, double worth) {
  const int affordable = min(MOST_COPIES, int(COPIES_FLOATS / kernel_size));
  return power_of_two_in(min(affordable, int(min64(int64_t(worth), pixels / SHARE_PIXELS))));
}

// Floats from an image to the next, in x or in y.
inline ptrdiff_t image_floats(const Slide& s) {
  const ptrdiff_t x = ptrdiff_t(s.h) * s.w * s.c, y = ptrdiff_t(s.oh) * s.ow * s.f;
  return x > y ? x : y;
}

// Whether to ask for the memory of a product's tiles: x or y is larger than a second-level cache,
// and a tile's sums over `depth` take as long as memory does.
inline bool is_far(const Slide& s, int depth) {
  return depth >= 32 && s.n * image_floats(s) > (1 << 18);
}

// Where neighbouring images, rows and columns of pixels lie, in floats.
struct Strides {
  ptrdiff_t image;
  int row, column;
};

// Which taps see each row and column of the pixels, and the kernel that they are of.
struct TapsInside {
  const Span* vertical;    // [row]: of all rows that there are, not of a block's
  const Span* horizontal;  // [column]
  int kernel_columns;      // taps in a row of the kernel
  int depth;               // k for each tap: channels, or filters
};

// Places of pixels, as rows of A and of C: a rectangle of a block, in each of its images.
// Offsets fit an int32: they are within the images of one block.
inline void list_pixels(int images, int row0, int row1, int column0, int column1, Strides in,
                        Strides out, int32_t* __restrict a_rows, int32_t* __restrict c_rows) {
  const int columns = column1 - column0;
  for (int i = 0; i < images; i++)
    for (int r = row0; r < row1; r++) {
      const int32_t a0 = int32_t(i * in.image + ptrdiff_t(r) * in.row + column0 * in.column);
      const int32_t c0 = int32_t(i * out.image + ptrdiff_t(r) * out.row + column0 * out.column);
      for (int q = 0; q < columns; q++) {
        a_rows[q] = a0 + q * in.column;
        c_rows[q] = c0 + q * out.column;
      }
      a_rows += columns;
      c_rows += columns;
    }
}

// The product of pixels that are all seen by the taps `v` x `h`. Whole rows of the kernel are
// one run of k, others a run each. Where no tap sees the pixels there is one empty run.
inline void multiply_seen(Product& p, Span v, Span h, const TapsInside& taps) {
  const bool empty = v.to <= v.from || h.to <= h.from;
  const bool whole = empty || h.to - h.from == taps.kernel_columns;
  const int runs = whole ? 1 : v.to - v.from;
  for (int i = 0; i < runs; i++) {
    const int first = (v.from + i) * taps.kernel_columns + h.from;
    const int last = (whole ? v.to - 1 : v.from + i) * taps.kernel_columns + h.to;
    p.k_from = empty ? 0 : first * taps.depth;
    p.k_to = empty ? 0 : last * taps.depth;
    p.add = i > 0;
    p.ends = i == runs - 1;
    multiply(p);
  }
}

// The product of a block, part by part: pixels that the same taps of the kernel see lie in
// a rectangle, and no tap is multiplied with the zeros outside of the image.
inline void multiply_block(Product p, const Block& b, Strides in, Strides out,
                           const TapsInside& taps) {
  int32_t* list = (int32_t*)scratch(Scratch::pixels, sizeof(int32_t) * 2 * b.pixels());
  p.a_rows = list;
  p.c_rows = list + b.pixels();
  for (int r0 = 0, r1; r0 < b.rows; r0 = r1) {
    const Span v = taps.vertical[b.row + r0];
    for (r1 = r0 + 1; r1 < b.rows && taps.vertical[b.row + r1] == v;) r1++;
    for (int q0 = 0, q1; q0 < b.columns; q0 = q1) {
      const Span h = taps.horizontal[b.column + q0];
      for (q1 = q0 + 1; q1 < b.columns && taps.horizontal[b.column + q1] == h;) q1++;
      p.m = b.images * (r1 - r0) * (q1 - q0);
      list_pixels(b.images, r0, r1, q0, q1, in, out, list, list + b.pixels());
      multiply_seen(p, v, h, taps);
    }
  }
}

// Put rows of B into panels, and add their sum to `total` unless that is nullptr. B begins at
// `first` and is dz of a gradient; a plain matrix is one with the identity. Of a matrix of 3
// rows and 6 columns, a0 ... a5, b0 ... b5, c0 ... c5, panels of 4 columns hold
//
//     a0 a1 a2 a3  b0 b1 b2 b3  c0 c1 c2 c3     a4 a5 0 0  b4 b5 0 0  c4 c5 0 0
inline void pack(const Gradient& g, ptrdiff_t first, int rows, int row_stride, int columns,
                 float* panels, float* total) {
  with_activation(g.activation, [&](auto tag) {
    constexpr Activation A = decltype(tag)::activation;
    for_each_panel(columns, [&](int j, const Width& width) {
      with_shape(width, [&](auto shape) {
        constexpr int L = decltype(shape)::lanes, V = decltype(shape)::vectors;
        const int filled = min(L * V, columns - j);
        const float *dy = g.dy + first + j, *y = g.y + first + j;
        float* dst = panels + ptrdiff_t(rows) * j;
        Floats<L> sum[V] = {};
        // Of a last panel that is not filled, whole vectors are read up to the array's end,
        // and the columns that they hold too many are masked.
        Ints<L> mask[V];
        unrolled<V>([&](int v) SKCONV_INLINE_BODY {
          Ints<L> lane = {};
          for (int i = 0; i < L; i++) lane[i] = v * L + i;
          mask[v] = lane < filled;
        });
        const auto put = [&](int v, Floats<L> d, Floats<L> y_) SKCONV_INLINE_BODY {
          const Floats<L> dz = (Floats<L>)((Ints<L>)activation_grad<L, A>(d, y_) & mask[v]);
          store<L>(dst + v * L, dz);
          sum[v] += dz;
        };
        const ptrdiff_t room = g.size - first - j - L * V;
        const int safe = room < 0 ? 0 : int(min64(room / row_stride + 1, rows));
        for (int p = 0; p < safe; p++, dy += row_stride, y += row_stride, dst += L * V)
          unrolled<V>([&](int v) SKCONV_INLINE_BODY {
            put(v, load<L>(dy + v * L), load<L>(y + v * L));
          });
        for (int p = safe; p < rows; p++, dy += row_stride, y += row_stride, dst += L * V)
          unrolled<V>([&](int v) SKCONV_INLINE_BODY {
            put(v, load<L>(dy + v * L, filled - v * L), load<L>(y + v * L, filled - v * L));
          });
        if (total)
          unrolled<V>([&](int v) SKCONV_INLINE_BODY {
            const Floats<L> all_rows = load<L>(total + j + v * L, filled - v * L) + sum[v];
            store<L>(total + j + v * L, all_rows, filled - v * L);
          });
      });
    });
  });
}

// Pixels of a block: as many as keep its input and output in cache and as leave some blocks
// for each thread, but at least as many as a call of the product pays for.
inline int block_pixels(ptrdiff_t pixels, int input_floats, int output_floats,
                        double flops_per_pixel) {
  const int fits = BLOCK_BYTES / 4 / max(input_floats, output_floats);
  const ptrdiff_t share = (pixels + MOST_BLOCKS - 1) / MOST_BLOCKS;
  const int worth = int(min64(ptrdiff_t(WORTH_FLOPS / flops_per_pixel), 1 << 20)) + 1;
  return max(min(fits, max(int(share < fits ? share : fits), worth)), LEAST_PIXELS);
}

}  // namespace skconv::SKCONV_ISA
