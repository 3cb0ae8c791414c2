// The gradient in a kernel at stride 1, by the transposed algorithm of winograd.h:
//
//     dg = G^T [ sum over tiles of  (B^T d B) * (A dz A^T) ] G
//
// The windows d are transformed as in the forward pass, and dz = dy f'(y) tile by tile, where
// the gradient in the bias is summed up, too. Each of the places is a product [c x tiles]
// [tiles x f], whose sums are turned into taps once, at the end.
//
// Loop order: for each block of tiles, transform windows and dz to V and Z; for each place, the
// product adds to the place's sums. V, Z and the sums of a block stay in the second-level cache:
// a kernel of more channels, filters or taps is cut into pieces, each of which transforms its own.
//
// Tasks are pairs of a share of the tiles and a piece. A sum runs through the tiles of a share in
// order, and shares are added in order: they are cut by shapes alone, so that neither threads nor
// lanes change a bit.
#pragma once

#include "activations.h"
#include "kernels.h"
#include "simd.h"
#include "threads.h"
#include "winograd.h"
#include "winograd_product.h"
#include "winograd_transforms.h"

namespace skconv::SKCONV_ISA::winograd {

// Channels and filters of a piece of the kernel.
template <class T>
constexpr int PIECE = T::PLACES > 8 ? 64 : 128;
// Of the tiles: enough for 8 threads, and short sums err less. A share has at least LEAST_TILES
// tiles, since turning its sums into taps takes time, too.
constexpr int MOST_SHARES = 16, LEAST_TILES = 64;
// Numbers in the kernels of all shares together: 4 MB.
constexpr int SHARES_FLOATS = 1 << 20;

// The division of the work.
template <class T>
struct KernelShares {
  Tiles<T> tiles;
  int pieces_taps, pieces_c, pieces_f, shares;
  ptrdiff_t kernel_size;  // in floats

  explicit KernelShares(const Slide& s)
      : tiles(s, min(padded_channels(s.c), PIECE<T>) + min(padded_channels(s.f), PIECE<T>)),
        pieces_taps(pieces_of<T>(s)), pieces_c(ceil_div(s.c, PIECE<T>)),
        pieces_f(ceil_div(s.f, PIECE<T>)), kernel_size(ptrdiff_t(s.kh) * s.kw * s.c * s.f) {
    const ptrdiff_t worth = tiles.count / LEAST_TILES;
    shares = max(int(min64(min64(MOST_SHARES, SHARES_FLOATS / kernel_size), worth)), 1);
  }
  int pieces() const { return pieces_taps * pieces_c * pieces_f; }
  int tasks() const { return shares * pieces(); }
  ptrdiff_t first_tile(int share) const { return tiles.count * share / shares; }
};

// A share of the tiles, a piece of the kernel, and where to add their gradients.
struct KernelTask {
  ptrdiff_t first, stop;  // tiles
  int tap;                // the first in a row of taps
  int c0, c, f0, f;
  float *dkernel, *db;    // db may be nullptr
};

// Transform the sums of a piece to its taps.
template <class T>
inline void store_kernel(const Slide& s, const Matrices& sums, const KernelTask& task) {
  const int columns = min(T::Columns::TAPS, s.kw - task.tap);
  for (int f = 0; f < task.f; f += LANES)
    for (int k = 0; k < task.c; k++) {
      Vec taps[T::TAPS];
      transform_kernel_grad<T>(sums.at(0, f / LANES, k), sums.place, taps);
      float* dst = task.dkernel + ptrdiff_t(task.c0 + k) * s.f + task.f0 + f;
      for (int i = 0; i < T::Rows::TAPS; i++)
        for (int j = 0; j < columns; j++)
          store<LANES>(dst + ptrdiff_t(i * s.kw + task.tap + j) * s.c * s.f,
                       taps[i * T::Columns::TAPS + j], task.f - f);
    }
}

template <class T>
inline void sum_tiles(const Slide& s, const Tiles<T>& tiles, const Gradient& gradient,
                      const float* x, const float* zeros, const KernelTask& task) {
  typedef typename T::Rows Vertical;
  typedef typename T::Columns Horizontal;
  Matrices v(T::PLACES, vectors(task.c), tiles.most), z(T::PLACES, vectors(task.f), tiles.most);
  Matrices sums(T::PLACES, vectors(task.f), vectors(task.c) * LANES);
  const ptrdiff_t floats = v.floats() + z.floats() + sums.floats() + vectors(task.f) * LANES;
  v.start = (float*)scratch(Scratch::input, sizeof(float) * floats);
  z.start = v.end();
  sums.start = z.end();
  float* total = task.db ? sums.end() : nullptr;
  if (total) std::memset(total, 0, sizeof(float) * vectors(task.f) * LANES);
  const Gradient input = {x, x, Activation::identity, 0};
  const Pixels windows = {input, s.h, s.w, s.c, task.c0, task.c, zeros};
  const Pixels outputs = {gradient, s.oh, s.ow, s.f, task.f0, task.f, zeros};
  for (ptrdiff_t first = task.first; first < task.stop; first += tiles.most) {
    const ptrdiff_t stop = min64(first + tiles.most, task.stop);
    tiles.each(first, stop, [&](int t, ptrdiff_t image, int row, int column) {
      transform<WindowOf<Vertical>, WindowOf<Horizontal>, Activation::identity, false>(
          windows, image, row - s.top, column - s.left + task.tap, v, 0, t, nullptr);
    });
    with_gradient(gradient, [&](auto tag, auto pooled) {
      tiles.each(first, stop, [&](int t, ptrdiff_t image, int row, int column) {
        transform<TileOf<Vertical>, TileOf<Horizontal>, decltype(tag)::activation,
                  decltype(pooled)::value>(outputs, image, row, column, z, 0, t, total);
      });
    });
    for (int i = 0; i < T::PLACES; i++)
      multiply_tiles(i, v, task.c, int(stop - first), z, vectors(task.f), first > task.first, sums);
  }
  store_kernel<T>(s, sums, task);
  if (total) std::memcpy(task.db, total, sizeof(float) * task.f);
}

template <class T>
inline void grad_kernel(const Slide& s, const Gradient& gradient, const float* x, float* dkernel,
                        float* db) {
  const KernelShares<T> k(s);
  // The first share adds to the result itself.
  float* partial = (float*)scratch(Scratch::partial,
                                   sizeof(float) * (k.shares - 1) * (k.kernel_size + s.f));
  float* partial_db = partial + (k.shares - 1) * k.kernel_size;
  const ptrdiff_t zeros_bytes = sizeof(float) * zeros_floats<T>(max(s.c, s.f));
  float* zeros = (float*)scratch(Scratch::packed, zeros_bytes);
  std::memset(zeros, 0, zeros_bytes);
  const double flops = 2.0 * T::PLACES * k.pieces_taps * s.c * s.f * k.tiles.count;
  parallel(k.tasks(), flops, [&](int task) {
    const int share = task / k.pieces(), piece = task % k.pieces();
    const int c0 = piece / k.pieces_f % k.pieces_c * PIECE<T>;
    const int f0 = piece % k.pieces_f * PIECE<T>;
    const int tap = piece / (k.pieces_f * k.pieces_c) * T::Columns::TAPS;
    float* dst = share ? partial + (share - 1) * k.kernel_size : dkernel;
    float* dst_db = share ? partial_db + ptrdiff_t(share - 1) * s.f : db;
    sum_tiles<T>(s, k.tiles, gradient, x, zeros,
                 {k.first_tile(share), k.first_tile(share + 1), tap, c0, min(PIECE<T>, s.c - c0),
                  f0, min(PIECE<T>, s.f - f0), dst, c0 || tap ? nullptr : dst_db + f0});
  });
  add_shares(partial, k.shares - 1, k.kernel_size, dkernel);
  add_shares(partial_db, k.shares - 1, s.f, db);
}

// As conv2d_grad_kernel of grad_kernel.h.
inline void conv2d_grad_kernel(const Slide& s, const Gradient& gradient, const float* x,
                               float* dkernel, float* db) {
  with_tiling(s, [&](auto tiling) {
    grad_kernel<decltype(tiling)>(s, gradient, x, dkernel, db);
  });
}

}  // namespace skconv::SKCONV_ISA::winograd
