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
// Window by window, in vectors that reach into the next pixel where the channels do not fill them.
// That pixel is written later: in a window the last vectors of its pixels come first. So dz needs
// room for a vector after the last.
template <Activation A>
inline void unpool_run(const Slide& s, const Gradient& g, int image, int row, int column,
                       int columns, float* dz) {
  constexpr int L = LANES;
  const Pool pool = g.pool;
  const int row_kept = row / pool.h, row_tap = (row - row_kept * pool.h) * pool.w;
  const int end = column + columns, last_vector = (s.f - 1) / L * L;
  int window = column / pool.w;
  const ptrdiff_t line = (ptrdiff_t(image) * (s.oh / pool.h) + row_kept) * (s.ow / pool.w);
  ptrdiff_t from = (line + window) * s.f;
  for (int q = column; q < end; window++, from += s.f) {
    const int count = min((window + 1) * pool.w, end) - q, tap = row_tap + q - window * pool.w;
    for (int f = last_vector; f >= 0; f -= L) {
      const int room = int(min64(g.size - from - f, L));
      const Floats<L> d = activation_grad<L, A>(load<L>(g.dy + from + f, room),
                                                load<L>(g.y + from + f, room));
      const Ints<L> won = IndexLanes<uint8_t>::load(g.places + from + f, room) - tap;
      float* to = dz + f;
      for (int j = 0; j < count; j++, to += s.f)
        store<L>(to, (Floats<L>)((Ints<L>)d & (won == j)));
    }
    dz += ptrdiff_t(count) * s.f;
    q += count;
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
