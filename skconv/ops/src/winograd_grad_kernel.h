// The gradient in a kernel of 3 x 3 at stride 1, by the transposed algorithm of winograd.h:
//
//     dg = G^T [ sum over tiles of  (B^T d B) * (A dz A^T) ] G
//
// The windows d are transformed as in the forward pass, and dz = dy f'(y) tile by tile, where
// the gradient in the bias is summed up, too. Each of 36 places is a product [c x tiles]
// [tiles x f], whose sums are turned into 9 taps once, at the end.
//
// Loop order: for each block of tiles, transform windows and dz to V and Z; for each place, the
// product adds to the place's sums. V, Z and the sums of a block stay in the second-level cache:
// a kernel of more than PIECE channels or filters is cut into pieces, each of which transforms
// its own channels.
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
constexpr int PIECE = 64;
// The number of shares gives about MOST_TASKS tasks, enough for 8 threads. A share has at least
// LEAST_TILES tiles, since turning its sums into taps takes time, too.
constexpr int MOST_TASKS = 16, LEAST_TILES = 64;
// Numbers in the kernels of all shares together: 4 MB.
constexpr int SHARES_FLOATS = 1 << 20;

// The division of the work.
struct KernelShares {
  Tiles tiles;
  int pieces_c, pieces_f, shares;
  ptrdiff_t kernel_size;  // in floats

  explicit KernelShares(const Slide& s)
      : tiles(s, min(padded_channels(s.c), PIECE) + min(padded_channels(s.f), PIECE)),
        pieces_c(ceil_div(s.c, PIECE)), pieces_f(ceil_div(s.f, PIECE)),
        kernel_size(ptrdiff_t(9) * s.c * s.f) {
    const int wanted = ceil_div(MOST_TASKS, pieces_c * pieces_f);
    const ptrdiff_t worth = tiles.count / LEAST_TILES;
    shares = max(int(min64(min64(wanted, SHARES_FLOATS / kernel_size), worth)), 1);
  }
  int tasks() const { return shares * pieces_c * pieces_f; }
  ptrdiff_t first_tile(int share) const { return tiles.count * share / shares; }
};

// A share of the tiles, a piece of the kernel, and where to add their gradients.
struct KernelTask {
  ptrdiff_t first, stop;  // tiles
  int c0, c, f0, f;
  float *dkernel, *db;    // db may be nullptr
};

// Transform the sums of a piece to its taps.
inline void store_kernel(const Slide& s, const Matrices& sums, const KernelTask& task) {
  for (int f = 0; f < task.f; f += LANES)
    for (int k = 0; k < task.c; k++) {
      const float* place = sums.at(0, f / LANES, k);
      float* dst = task.dkernel + ptrdiff_t(task.c0 + k) * s.f + task.f0 + f;
      Vec half[3 * WINDOW];  // [column of places][tap]
      unrolled<WINDOW>([&](int j) SKCONV_INLINE_BODY {
        Vec u[WINDOW];
        unrolled<WINDOW>([&](int i) SKCONV_INLINE_BODY {
          u[i] = load<LANES>(place + (i * WINDOW + j) * sums.place);
        });
        Axis::kernel_grad(u, half + j * 3);
      });
      unrolled<3>([&](int i) SKCONV_INLINE_BODY {
        Vec u[WINDOW], taps[3];
        unrolled<WINDOW>([&](int j) SKCONV_INLINE_BODY { u[j] = half[j * 3 + i]; });
        Axis::kernel_grad(u, taps);
        for (int j = 0; j < 3; j++)
          store<LANES>(dst + ptrdiff_t(i * 3 + j) * s.c * s.f, taps[j], task.f - f);
      });
    }
}

inline void sum_tiles(const Slide& s, const Tiles& tiles, const Gradient& gradient, const float* x,
                      const float* zeros, const KernelTask& task) {
  Matrices v(nullptr, vectors(task.c), tiles.most), z(nullptr, vectors(task.f), tiles.most);
  Matrices sums(nullptr, vectors(task.f), vectors(task.c) * LANES);
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
      transform<WINDOW, Axis::input, Activation::identity, false>(
          windows, image, row - s.top, column - s.left, v, t, nullptr);
    });
    with_gradient(gradient, [&](auto tag, auto pooled) {
      tiles.each(first, stop, [&](int t, ptrdiff_t image, int row, int column) {
        transform<TILE, Axis::output_grad, decltype(tag)::activation, decltype(pooled)::value>(
            outputs, image, row, column, z, t, total);
      });
    });
    for (int i = 0; i < PLACES; i++)
      multiply_tiles(i, v, task.c, int(stop - first), z, vectors(task.f), first > task.first, sums);
  }
  store_kernel(s, sums, task);
  if (total) std::memcpy(task.db, total, sizeof(float) * task.f);
}

// As conv2d_grad_kernel of grad_kernel.h.
inline void conv2d_grad_kernel(const Slide& s, const Gradient& gradient, const float* x,
                               float* dkernel, float* db) {
  const KernelShares k(s);
  // The first share adds to the result itself.
  float* partial = (float*)scratch(Scratch::partial,
                                   sizeof(float) * (k.shares - 1) * (k.kernel_size + s.f));
  float* partial_db = partial + (k.shares - 1) * k.kernel_size;
  float* zeros = (float*)scratch(Scratch::packed, sizeof(float) * zeros_floats(max(s.c, s.f)));
  std::memset(zeros, 0, sizeof(float) * zeros_floats(max(s.c, s.f)));
  const double flops = 2.0 * PLACES * s.c * s.f * k.tiles.count;
  parallel(k.tasks(), flops, [&](int task) {
    const int piece_f = task % k.pieces_f, piece_c = task / k.pieces_f % k.pieces_c;
    const int share = task / (k.pieces_f * k.pieces_c);
    const int c0 = piece_c * PIECE, f0 = piece_f * PIECE;
    float* dst = share ? partial + (share - 1) * k.kernel_size : dkernel;
    float* dst_db = share ? partial_db + ptrdiff_t(share - 1) * s.f : db;
    sum_tiles(s, k.tiles, gradient, x, zeros,
              {k.first_tile(share), k.first_tile(share + 1), c0, min(PIECE, s.c - c0), f0,
               min(PIECE, s.f - f0), dst, piece_c ? nullptr : dst_db + f0});
  });
  add_shares(partial, k.shares - 1, k.kernel_size, dkernel);
  add_shares(partial_db, k.shares - 1, s.f, db);
}

}  // namespace skconv::SKCONV_ISA::winograd
