// The gradient of a depthwise convolution in its input, of kernels three or five wide.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "depthwise.h"
#include "geometry.h"
#include "kernels.h"
#include "phases.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

// The rows `first` to `stop` of an image's dz, as if row 0 were at the pointer: where they are
// or, where they go back through an activation first, in a copy.
inline const float* dz_rows(const Gradient& g, ptrdiff_t image, int first, int stop,
                            ptrdiff_t line) {
  if (g.activation == Activation::identity) return g.dy + image;
  const int rows = max(stop - first, 0);
  float* copy = (float*)scratch(Scratch::input, sizeof(float) * (rows * line + 16));
  activation_grad_run(g, image + first * line, rows * line, copy);
  return copy - first * line;
}

// As conv2d_grad_input of grad_input.h, at stride 1: a convolution of dz with the kernel
// turned around.
inline void depthwise_grad_input(const Slide& s, DepthwiseRow row, const Gradient& gradient,
                                 const float* kernel, float* dx) {
  const int taps = s.kh * s.kw, reach = (s.kh - 1) * s.dilation_h;
  float* turned = (float*)scratch(Scratch::packed, sizeof(float) * taps * s.c);
  for (int t = 0; t < taps; t++)
    std::memcpy(turned + ptrdiff_t(t) * s.c, kernel + ptrdiff_t(taps - 1 - t) * s.c,
                sizeof(float) * s.c);
  const Depthwise d = {.h = s.oh, .w = s.ow, .c = s.c, .line = ptrdiff_t(s.ow) * s.c,
                       .kh = s.kh, .stride_h = 1, .dilation_h = s.dilation_h,
                       .top = reach - s.top, .left = s.kw - 1 - s.left, .kernel = turned,
                       .bias = zeros_for(s), .scale = nullptr, .shift = nullptr};
  const double flops = 2.0 * taps * s.c;
  const Blocks blocks(s.n, s.h, s.w,
                      block_pixels(ptrdiff_t(s.n) * s.h * s.w, s.c, s.c, flops), image_floats(s));
  parallel(blocks.count(), flops * s.n * s.h * s.w, [&](int task) {
    const Block b = blocks[task];
    const int first = max(b.row - d.top, 0), stop = min(b.row + b.rows - d.top + reach, s.oh);
    for (int i = b.image; i < b.image + b.images; i++) {
      const float* dz = dz_rows(gradient, i * s.oh * d.line, first, stop, d.line);
      for (int q = b.row; q < b.row + b.rows; q++)
        row(d, dz, q, b.column, b.column + b.columns,
            dx + (ptrdiff_t(i) * s.h + q) * s.w * s.c);
    }
  });
}

// At a horizontal stride of 2 an even tap reaches every other pixel, and an odd tap those between:
// pixels are summed up in pairs, e = 2 m and 2 m + 1 from the left edge of the padding on.
//
//     dx[2 m] = sum over even j of dz[m - j / 2] kernel[j]      dx[2 m + 1] the same, of odd j
//
// The rows of taps that meet in a row of dx, and the row of dz that each of them saw.
struct PairRun {
  const float* dz;      // of the first row: what tap 0 saw from the first pair, m
  ptrdiff_t dz_row;     // floats from row to row
  const float* kernel;  // tap 0 of the first row
  ptrdiff_t kernel_row;
  int rows;
  float* dx;
  ptrdiff_t dx_row;     // floats to the row that is written next
  int c;
};

// The sums of some pairs that no edge of dz is near, L channels from f on.
template <int L, int Width, int Pairs>
SKCONV_INLINE void sum_pairs(const PairRun& run, int f) {
  constexpr int HALF = (Width - 1) / 2;
  Floats<L> sum[2 * Pairs];
  unrolled<2 * Pairs>([&](int q) SKCONV_INLINE_BODY { sum[q] = Floats<L>{}; });
  const float *row = run.dz + f - HALF * run.c, *kernel = run.kernel + f;
  for (int i = 0; i < run.rows; i++, row += run.dz_row, kernel += run.kernel_row) {
    Floats<L> tap[Width];
    unrolled<Width>([&](int j) SKCONV_INLINE_BODY { tap[j] = load<L>(kernel + j * run.c); });
    unrolled<Pairs + HALF>([&](int p) SKCONV_INLINE_BODY {
      const Floats<L> dz = load<L>(row + p * run.c);
      unrolled<Width>([&](int j) SKCONV_INLINE_BODY {
        const int q = 2 * (p - HALF) + j;
        if (q >= 0 && q < 2 * Pairs) sum[q] = fma<L>(dz, tap[j], sum[q]);
      });
    });
  }
  unrolled<2 * Pairs>([&](int q) SKCONV_INLINE_BODY {
    fetch(run.dx + run.dx_row + q * run.c + f);
    store<L>(run.dx + q * run.c + f, sum[q]);
  });
}

constexpr int MOST_PAIRS = 4;

template <int Width, int Pairs>
void sum_pairs_of_channels(const PairRun& run) {
  for_each_vector(run.c, [&](auto tag, int f) SKCONV_INLINE_BODY {
    sum_pairs<decltype(tag)::lanes, Width, Pairs>(run, f);
  });
}

// A single pixel: the taps j0, j0 - 2 ... of each row, and what they saw from run.dz on. Its terms
// come in the order of sum_pairs.
inline void sum_single(const PairRun& run, int j0, int taps) {
  for_each_vector(run.c, [&](auto tag, int f) SKCONV_INLINE_BODY {
    constexpr int L = decltype(tag)::lanes;
    Floats<L> sum = {};
    for (int i = 0; i < run.rows; i++)
      for (int k = 0; k < taps; k++)
        sum = fma<L>(load<L>(run.dz + i * run.dz_row + k * run.c + f),
                     load<L>(run.kernel + i * run.kernel_row + (j0 - 2 * k) * run.c + f), sum);
    store<L>(run.dx + f, sum);
  });
}

// Pixels `column` to `stop` of a row of dx.
template <int Width>
void sum_pair_row(const Slide& s, PairRun run, int column, int stop) {
  constexpr int HALF = (Width - 1) / 2;
  static constexpr void (*BY_PAIRS[])(const PairRun&) = {
      nullptr, sum_pairs_of_channels<Width, 1>, sum_pairs_of_channels<Width, 2>,
      sum_pairs_of_channels<Width, 3>, sum_pairs_of_channels<Width, 4>};
  const float* dz = run.dz;
  float* dx = run.dx;
  for (int q = column; q < stop;) {
    const int e = q + s.left, m = e / 2;
    run.dx = dx + ptrdiff_t(q) * s.c;
    if (e % 2 == 0 && m >= HALF && m < s.ow && q + 1 < stop) {
      const int pairs = min((stop - q) / 2, s.ow - m);
      const int n = ceil_div(pairs, ceil_div(pairs, MOST_PAIRS));
      run.dz = dz + ptrdiff_t(m) * s.c;
      BY_PAIRS[n](run);
      q += 2 * n;
    } else {
      // The first pixel of dz is seen by the largest tap.
      const int most = (Width - 1 - e % 2) / 2 * 2 + e % 2;
      const int from = max(m - most / 2, 0), to = min(m, s.ow - 1);
      run.dz = dz + ptrdiff_t(from) * s.c;
      sum_single(run, e - 2 * from, max(to - from + 1, 0));
      q++;
    }
  }
}

typedef void (*DepthwisePairs)(const Slide&, PairRun, int column, int stop);

// The function for a convolution of horizontal stride 2, or nullptr.
inline DepthwisePairs depthwise_pairs_for(const Slide& s) {
  if (!depthwise_row_for(s) || s.stride_w != 2) return nullptr;
  return s.kw == 3 ? sum_pair_row<3> : sum_pair_row<5>;
}

inline void depthwise_grad_input_strided(const Slide& s, DepthwisePairs pairs,
                                         const Gradient& gradient, const float* kernel,
                                         float* dx) {
  const Axis vertical(s.h, s.kh, s.stride_h, s.dilation_h, s.top);
  const ptrdiff_t line = ptrdiff_t(s.ow) * s.c, dx_row = ptrdiff_t(s.w) * s.c;
  const ptrdiff_t kernel_row = ptrdiff_t(s.kw) * s.c;
  const double flops = 2.0 * s.kh * s.kw * s.c / (s.stride_h * s.stride_w);
  const Blocks blocks(s.n, s.h, s.w,
                      block_pixels(ptrdiff_t(s.n) * s.h * s.w, s.c, s.c, flops), image_floats(s));
  parallel(blocks.count(), flops * s.n * s.h * s.w, [&](int task) {
    const Block b = blocks[task];
    const int reach = (s.kh - 1) * s.dilation_h;
    const int first = max(b.row + s.top - reach, 0) / s.stride_h;
    const int stop = min((b.row + b.rows - 1 + s.top) / s.stride_h + 1, s.oh);
    for (int i = b.image; i < b.image + b.images; i++) {
      const float* dz = dz_rows(gradient, i * s.oh * line, min(first, stop), stop, line);
      for (int q = b.row; q < b.row + b.rows; q++) {
        const Phase phase = vertical[(q + s.top) % s.stride_h];
        const int m = (q - phase.first) / s.stride_h;
        const Span taps = phase.taps_over(m, s.oh);
        const int tap = phase.tap0 + taps.from * phase.tap_step;
        const int p = m + phase.delta0 + taps.from * phase.delta_step;
        pairs(s, {.dz = dz + p * line, .dz_row = phase.delta_step * line,
                  .kernel = kernel + tap * kernel_row, .kernel_row = phase.tap_step * kernel_row,
                  .rows = max(taps.to - taps.from, 0),
                  .dx = dx + (ptrdiff_t(i) * s.h + q) * dx_row, .dx_row = dx_row, .c = s.c},
              b.column, b.column + b.columns);
      }
    }
  });
}

}  // namespace skconv::SKCONV_ISA
