// The gradient of a depthwise convolution in its kernel, of kernels three or five wide.
//
//     dkernel[i][j][c] = sum over n, p, q of  x[n, row(p, i), column(q, j), c] dz[n, p, q, c]
//
// Loop order: for each share of the rows of dz, for each row, for each vector of channels, along
// the row. The sums of up to ten taps stay in registers meanwhile, so that a number of dz serves
// all of them and the bias, and rows of x and dz stay in the first-level cache. Shares are cut by
// shapes.
#pragma once

#include "activations.h"
#include "depthwise.h"
#include "geometry.h"
#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

// Of pixels that lie far apart: four cache lines. The processor does not foresee the order in which
// these are read. What the next row reads is fetched ahead then, and dz is added to the bias's
// gradient along the way; for fewer channels both take longer.
constexpr int FAR_CHANNELS = 64;

// A row of dz, and the rows of x that its windows see.
struct TapRows {
  const float* x;   // the row that the first of the taps sees
  ptrdiff_t row;    // floats from tap to tap, vertically
  int rows;         // of taps
  const float* dz;
  float* dkernel;   // the first tap
  float* db;        // that dz is added to, or nullptr
  int w, ow, left, c;
};

// Add what a row gives to Rows x Width taps of L channels from f on.
template <int L, int Width, int Stride, int Rows, bool Far>
SKCONV_INLINE void add_taps(const TapRows& t, int f) {
  Floats<L> sum[Rows][Width];
  const auto each_tap = [&](const auto& body) SKCONV_INLINE_BODY {
    unrolled<Rows>([&](int i) SKCONV_INLINE_BODY {
      unrolled<Width>([&](int j) SKCONV_INLINE_BODY { body(i, j, sum[i][j]); });
    });
  };
  float* dkernel = t.dkernel + f;
  each_tap([&](int i, int j, Floats<L>& s) SKCONV_INLINE_BODY {
    s = load<L>(dkernel + (i * Width + j) * t.c);
  });
  Floats<L> sum_dz = {};
  if (t.db) sum_dz = load<L>(t.db + f);
  const float* x = t.x + f;
  const auto add_pixel = [&](int q, int from, int to) SKCONV_INLINE_BODY {
    const Floats<L> dz = load<L>(t.dz + ptrdiff_t(q) * t.c + f);
    const ptrdiff_t first = ptrdiff_t(q * Stride - t.left) * t.c;
    sum_dz += dz;
    if constexpr (Far) {
      fetch(t.dz + ptrdiff_t(q + t.ow) * t.c + f);
      unrolled<Stride * Stride>([&](int i) SKCONV_INLINE_BODY {
        const ptrdiff_t column = q * Stride + i / Stride;
        fetch(x + (Rows + i % Stride) * t.row + column * t.c);
      });
    }
    each_tap([&](int i, int j, Floats<L>& s) SKCONV_INLINE_BODY {
      if (j >= from && j < to)
        s = fma<L>(load<L>(x + first + i * t.row + ptrdiff_t(j) * t.c), dz, s);
    });
  };
  // Of a window over one edge, a constant number of taps: no branch for each.
  const auto add_edge = [&](int q) SKCONV_INLINE_BODY {
    const Span taps = taps_inside(q, t.w, Width, Stride, t.left);
    bool done = false;
    unrolled<Width>([&](int k) SKCONV_INLINE_BODY {
      if (!done && (done = taps.from == k && taps.to == Width)) add_pixel(q, k, Width);
      if (!done && (done = taps.from == 0 && taps.to == k)) add_pixel(q, 0, k);
    });
    if (!done) add_pixel(q, taps.from, taps.to);
  };
  // The windows that do not reach over an edge.
  const int room = t.w - Width + t.left;
  const int first = min(ceil_div(t.left, Stride), t.ow);
  const int last = max(min(room < 0 ? 0 : room / Stride + 1, t.ow), first);
  for (int q = 0; q < first; q++) add_edge(q);
  for (int q = first; q < last; q++) add_pixel(q, 0, Width);
  for (int q = last; q < t.ow; q++) add_edge(q);
  each_tap([&](int i, int j, Floats<L>& s) SKCONV_INLINE_BODY {
    store<L>(dkernel + (i * Width + j) * t.c, s);
  });
  if (t.db) store<L>(t.db + f, sum_dz);
}

// Rows of taps whose sums are in registers together.
constexpr int tap_rows_at_once(int width) { return width == 3 ? 3 : 2; }

template <int Width, int Stride>
void add_row_taps(TapRows t) {
  constexpr int AT_ONCE = tap_rows_at_once(Width);
  for (int rows; t.rows > 0; t.rows -= rows) {
    rows = min(t.rows, AT_ONCE);
    const auto add = [&](auto is_far) SKCONV_INLINE_BODY {
      constexpr bool Far = decltype(is_far)::value;
      for_each_vector(t.c, [&](auto tag, int f) SKCONV_INLINE_BODY {
        constexpr int L = decltype(tag)::lanes;
        if (rows == AT_ONCE) add_taps<L, Width, Stride, AT_ONCE, Far>(t, f);
        else if (rows == 1) add_taps<L, Width, Stride, 1, Far>(t, f);
        else add_taps<L, Width, Stride, 2, Far>(t, f);
      });
    };
    t.c < FAR_CHANNELS ? add(Flag<false>()) : add(Flag<true>());
    t.db = nullptr;
    t.x += rows * t.row;
    t.dkernel += ptrdiff_t(rows) * Width * t.c;
  }
}

typedef void (*DepthwiseTaps)(TapRows);

// The function for a convolution, or nullptr where the product has to do it.
inline DepthwiseTaps depthwise_taps_for(const Slide& s) {
  if (!depthwise_row_for(s)) return nullptr;
  if (s.kw == 3) return s.stride_w == 1 ? add_row_taps<3, 1> : add_row_taps<3, 2>;
  return s.stride_w == 1 ? add_row_taps<5, 1> : add_row_taps<5, 2>;
}

// sums[c] += sum of dz over a row
inline void add_pixels(const float* dz, int pixels, int c, float* sums) {
  for_each_vector(c, [&](auto tag, int f) SKCONV_INLINE_BODY {
    constexpr int L = decltype(tag)::lanes;
    Floats<L> sum = load<L>(sums + f);
    for (int q = 0; q < pixels; q++) sum += load<L>(dz + ptrdiff_t(q) * c + f);
    store<L>(sums + f, sum);
  });
}

// As conv2d_grad_kernel of grad_kernel.h. Each share adds to a kernel and a bias of its own, and
// these are added in order.
inline void depthwise_grad_kernel(const Slide& s, DepthwiseTaps add, const Gradient& gradient,
                                  const float* x, float* dkernel, float* db) {
  const int kernel_size = s.kh * s.kw * s.c;
  const ptrdiff_t rows = ptrdiff_t(s.n) * s.oh, line = ptrdiff_t(s.ow) * s.c;
  const double flops = 2.0 * kernel_size * rows * s.ow;
  // As in KernelGradient: 16 shares at most, that are worth a copy, and 4 MB of copies.
  const int affordable = min(16, (1 << 20) / kernel_size);
  const int shares = max(int(min64(min(affordable, int(min64(flops / 1e6, 16))), rows)), 1);
  float* partial =
      (float*)scratch(Scratch::partial, sizeof(float) * (shares - 1) * (kernel_size + s.c));
  float* partial_db = partial + ptrdiff_t(shares - 1) * kernel_size;
  parallel(shares, flops, [&](int share) {
    float* sums = share ? partial + ptrdiff_t(share - 1) * kernel_size : dkernel;
    float* sums_db = share ? partial_db + ptrdiff_t(share - 1) * s.c : db;
    std::memset(sums, 0, sizeof(float) * kernel_size);
    std::memset(sums_db, 0, sizeof(float) * s.c);
    for (ptrdiff_t i = rows * share / shares; i < rows * (share + 1) / shares; i++) {
      const ptrdiff_t image = i / s.oh;
      const int p = int(i % s.oh);
      const float* dz = gradient.dy + i * line;
      if (gradient.activation != Activation::identity) {
        float* copy = (float*)scratch(Scratch::gradient, sizeof(float) * line);
        activation_grad_run(gradient, i * line, line, copy);
        dz = copy;
      }
      const Span taps = taps_inside(p, s.h, s.kh, s.stride_h, s.top, s.dilation_h);
      const bool apart = s.c < FAR_CHANNELS || taps.to <= taps.from;
      if (apart) add_pixels(dz, s.ow, s.c, sums_db);
      const ptrdiff_t x_line = ptrdiff_t(s.w) * s.c;
      const ptrdiff_t first =
          image * s.h + ptrdiff_t(p) * s.stride_h - s.top + ptrdiff_t(taps.from) * s.dilation_h;
      add({.x = x + first * x_line, .row = s.dilation_h * x_line, .rows = taps.to - taps.from,
           .dz = dz, .dkernel = sums + ptrdiff_t(taps.from) * s.kw * s.c,
           .db = apart ? nullptr : sums_db, .w = s.w, .ow = s.ow, .left = s.left, .c = s.c});
    }
  });
  add_shares(partial, shares - 1, kernel_size, dkernel);
  add_shares(partial_db, shares - 1, s.c, db);
}

}  // namespace skconv::SKCONV_ISA
