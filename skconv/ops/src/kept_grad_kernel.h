// The gradient of a convolution in its kernel and its bias from the numbers that a pool kept:
// kept.h has the idea.
//
// Loop order: for each share of the batch, for each block of it that stays in cache, for each
// filter: its numbers are listed, and the windows that they saw are added up, times the numbers.
// The filter's sums stay in registers for a block.
//
// A sum runs through the numbers of a share in the order of pixels, and shares are added in order.
// They are cut by shapes alone.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "input.h"
#include "kept.h"
#include "kernels.h"
#include "planes.h"
#include "pooling.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA::kept {

// How the gradient in the kernel is cut up: blocks of what the pool kept, and shares of them that
// add to a kernel each.
struct KernelGradient {
  const Slide& s;
  Pool pool;
  WindowShape window;
  ptrdiff_t kernel_size;
  double flops;
  Blocks blocks, pixels;  // of what the pool kept, and of all
  int shares;
  Input input;

  KernelGradient(const Slide& s, Pool pool)
      : s(s), pool(pool), window(s, false, Scratch::packed),
        kernel_size(ptrdiff_t(s.kh) * s.kw * s.c * s.f),
        flops(2.0 * kernel_size * all_pixels()),
        blocks(s.n, s.oh / pool.h, s.ow / pool.w, max(min(fitting_pixels(), share_pixels()), 1),
               copy_floats()),
        pixels(scaled(blocks, pool)), shares(min(copies(), blocks.count())),
        input(s, pixels, LANES) {}

  int first_block(int share) const { return int(ptrdiff_t(blocks.count()) * share / shares); }
  int most_pixels() const { return blocks.images * blocks.rows * blocks.columns; }

 private:
  // As in grad_kernel.h, but an operation takes several times as long.
  static constexpr double COPY_FLOPS = 2e5;
  // Of x and dz of a block: a first-level cache.
  static constexpr int BYTES = 32768;

  static Blocks scaled(Blocks b, Pool pool) {
    b.h *= pool.h, b.rows *= pool.h, b.w *= pool.w, b.columns *= pool.w;
    return b;
  }
  ptrdiff_t all_pixels() const { return ptrdiff_t(s.n) * (s.oh / pool.h) * (s.ow / pool.w); }
  int copies() const { return kernel_copies(kernel_size, all_pixels(), flops / COPY_FLOPS); }
  int share_pixels() const {
    return int(min64(1 << 30, (all_pixels() + copies() - 1) / copies()));
  }
  int fitting_pixels() const {
    return BYTES / 4 / (s.c * s.stride_h * s.stride_w * pool.pixels() + s.f);
  }
  ptrdiff_t copy_floats() const {
    const ptrdiff_t rows = ptrdiff_t(s.oh - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1;
    const ptrdiff_t columns = ptrdiff_t(s.ow - 1) * s.stride_w + (s.kw - 1) * s.dilation_w + 1;
    const ptrdiff_t copy = rows * columns * s.c, image = image_floats(s);
    return copy > image ? copy : image;
  }
};

// dz of a block, [pixel][f], and the sum of its rows added to db.
inline void block_dz(const Slide& s, const Gradient& g, const Blocks& blocks, const Block& b,
                     float* dz, float* db) {
  float* at = dz;
  for (int i = 0; i < b.images; i++)
    for (int r = 0; r < b.rows; r++, at += ptrdiff_t(b.columns) * s.f)
      activation_grad_run(
          g, ((ptrdiff_t(b.image + i) * blocks.h + b.row + r) * blocks.w + b.column) * s.f,
          ptrdiff_t(b.columns) * s.f, at);
  for (int f = 0; f < s.f; f += LANES) {
    Floats<LANES> sum = load<LANES>(db + f, s.f - f);
    for (int p = 0; p < b.pixels(); p++) sum += load<LANES>(dz + ptrdiff_t(p) * s.f + f);
    store<LANES>(db + f, sum, s.f - f);
  }
}

// Where the windows of a block's numbers begin in x, [pixel][f]: at the first pixel that the pool
// saw, and `place` = i * pool.w + j pixels on. place / pool.w is exact as a product with `inverse`,
// in units of 1 / 65536, since places are less than 256.
inline void list_windows(const KernelGradient& k, const Gradient& g, const Block& b,
                         const int32_t* first_windows, int32_t* windows) {
  const int size = b.columns * k.s.f, inverse = ceil_div(65536, k.pool.w);
  const int column = k.input.offset(0, 0, 1);
  const int next_row = k.input.offset(0, 1, 0) - k.pool.w * column;
  for (int i = 0; i < b.images; i++)
    for (int r = 0; r < b.rows; r++, windows += size) {
      const int at = k.input.offset(i, r * k.pool.h, 0);
      const uint8_t* places =
          g.places +
          ((ptrdiff_t(b.image + i) * k.blocks.h + b.row + r) * k.blocks.w + b.column) * k.s.f;
      for (int e = 0; e < size; e += LANES) {
        Ints<LANES> window = *(const Ints<LANES>*)(first_windows + e) + at;
        const Ints<LANES> place = IndexLanes<uint8_t>::load(places + e, size - e);
        window += place * column + (place * inverse >> 16) * next_row;
        *(Ints<LANES>*)(windows + e) = window;
      }
    }
}

// Those of one filter whose number is not zero: how many, and which.
inline int list_numbers(int pixels, int f, const float* dz, const int32_t* windows,
                        float* __restrict values, int32_t* __restrict offsets) {
  int n = 0;
  for (int p = 0; p < pixels; p++, dz += f, windows += f) {
    const float value = *dz;
    values[n] = value;
    offsets[n] = *windows;
    n += value != 0;
  }
  return n;
}

// dkernel as [f][row][padded], of a share, and its db.
inline void sum_share(const KernelGradient& k, const Gradient& g, const float* x, int share,
                      const int32_t* first_windows, float* dkernel, float* db) {
  const Slide& s = k.s;
  const ptrdiff_t window = k.window.floats();
  std::memset(dkernel, 0, sizeof(float) * s.f * window);
  std::memset(db, 0, sizeof(float) * s.f);
  const ptrdiff_t most = k.most_pixels();
  float* dz = (float*)scratch(Scratch::gradient, sizeof(float) * (most * s.f + LANES));
  float* values = (float*)scratch(Scratch::pixels, sizeof(float) * (most * (2 + s.f) + LANES));
  int32_t *offsets = (int32_t*)(values + most), *windows = offsets + most;
  for (int i = k.first_block(share); i < k.first_block(share + 1); i++) {
    const Block b = k.blocks[i];
    const float* input = k.input.locate(k.pixels[i], x);
    block_dz(s, g, k.blocks, b, dz, db);
    list_windows(k, g, b, first_windows, windows);
    for (int f = 0; f < s.f; f++) {
      const int n = list_numbers(b.pixels(), s.f, dz + f, windows + f, values, offsets);
      k.window.sum({values, offsets, n, input, ptrdiff_t(s.dilation_h) * k.input.line,
                           dkernel + f * window, k.window.padded(), 0});
    }
  }
}

// As conv2d_grad_kernel of grad_kernel.h.
inline void conv2d_grad_kernel(const Slide& s, const Gradient& gradient, const float* x,
                               float* dkernel, float* db) {
  const KernelGradient k(s, gradient.pool);
  const ptrdiff_t size = s.f * k.window.floats();
  // Where the windows of a row's numbers begin, if all are the pool's first.
  int32_t* first_windows = (int32_t*)scratch(
      Scratch::lists, sizeof(int32_t) * (ptrdiff_t(k.blocks.columns) * s.f + LANES));
  for (int q = 0, e = 0; q < k.blocks.columns; q++)
    for (int f = 0; f < s.f; f++) first_windows[e++] = k.input.offset(0, 0, q * k.pool.w);
  float* sums = (float*)scratch(Scratch::partial, sizeof(float) * k.shares * (size + s.f));
  float* dbs = sums + k.shares * size;
  parallel(k.shares, k.flops, [&](int share) {
    sum_share(k, gradient, x, share, first_windows, sums + share * size, dbs + share * s.f);
  });
  add_shares(sums + size, k.shares - 1, size, sums);
  add_shares(dbs + s.f, k.shares - 1, s.f, dbs);
  std::memcpy(db, dbs, sizeof(float) * s.f);
  for (int i = 0; i < s.kh; i++)
    transpose(sums + i * k.window.padded(), k.window.floats(), s.f, k.window.width,
              dkernel + ptrdiff_t(i) * k.window.width * s.f, s.f);
}

}  // namespace skconv::SKCONV_ISA::kept
