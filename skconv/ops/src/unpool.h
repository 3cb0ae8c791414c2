// What the gradients of a convolution read: dz = dy f'(y) of a part of its output and, before a
// max pool, put back to the pixels that the pool kept. It is written to scratch that stays in
// cache: dz is never in memory as a whole.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "kernels.h"
#include "pooling.h"

namespace skconv::SKCONV_ISA {

// dz of some pixels of a row, whose windows are in one row of what the pool kept.
//
// Pixel by pixel, in vectors that reach into the next pixel where the channels do not fill
// them: that pixel is written after this one. So dz needs room for a vector after the last.
template <Activation A>
inline void unpool_run(const Slide& s, const Gradient& g, int image, int row, int column,
                       int columns, float* dz) {
  constexpr int L = LANES;
  const Pool pool = g.pool;
  const ptrdiff_t line =
      (ptrdiff_t(image) * (s.oh / pool.h) + row / pool.h) * (s.ow / pool.w) * s.f;
  const int first_tap = row % pool.h * pool.w;
  for (int q = column; q < column + columns; q++, dz += s.f) {
    const Ints<L> tap = Ints<L>{} + (first_tap + q % pool.w);
    for (int f = 0; f < s.f; f += L) {
      const ptrdiff_t from = line + ptrdiff_t(q / pool.w) * s.f + f;
      const int room = int(min64(g.size - from, L));
      const Floats<L> d =
          activation_grad<L, A>(load<L>(g.dy + from, room), load<L>(g.y + from, room));
      const Ints<L> won = IndexLanes<uint8_t>::load(g.places + from, room);
      store<L>(dz + f, (Floats<L>)((Ints<L>)d & (won == tap)));
    }
  }
}

// dz of some pixels of a row.
inline void dz_run(const Slide& s, const Gradient& g, int image, int row, int column,
                   int columns, float* dz) {
  if (!g.places) {
    const ptrdiff_t from = ((ptrdiff_t(image) * s.oh + row) * s.ow + column) * s.f;
    return activation_grad_run(g, from, ptrdiff_t(columns) * s.f, dz);
  }
  with_activation(g.activation, [&](auto tag) {
    unpool_run<decltype(tag)::activation>(s, g, image, row, column, columns, dz);
  });
}

// dz of a block, as an array of its own with one row for each pixel.
inline Gradient unpool_block(const Slide& s, const Gradient& g, const Block& b) {
  const ptrdiff_t size = ptrdiff_t(b.pixels()) * s.f;
  float* dz = (float*)scratch(Scratch::pixels, (size + LANES) * sizeof(float));
  float* at = dz;
  for (int i = 0; i < b.images; i++)
    for (int r = 0; r < b.rows; r++, at += ptrdiff_t(b.columns) * s.f)
      dz_run(s, g, b.image + i, b.row + r, b.column, b.columns, at);
  return {.dy = dz, .y = dz, .activation = Activation::identity, .size = size};
}

}  // namespace skconv::SKCONV_ISA
