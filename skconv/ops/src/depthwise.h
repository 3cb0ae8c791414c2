// Depthwise convolution, and its gradient in the input, of kernels three or five wide.
//
// A channel's taps have nothing to share but its pixels: as a product (product.h) each number
// of x would be loaded once for each tap that sees it. Here neighbouring outputs are summed
// up together, and a load serves all of them. For each run of pixels all channels pass, so
// that memory is read in order; what decides what is multiplied is the shape alone.
#pragma once

#include "geometry.h"
#include "kernels.h"
#include "simd.h"

namespace skconv::SKCONV_ISA {

constexpr int RUN_PIXELS = 8;  // sums that stay in registers, beside the taps of a row

// Neighbouring outputs, all of whose windows have these taps.
struct Run {
  const float* x;       // what the first tap of the first window sees
  ptrdiff_t row;        // floats from tap to tap, vertically
  int rows;             // of taps
  const float* kernel;  // the first tap
  const float* bias;            // where the sums begin
  const float *scale, *shift;   // at the end: sum * scale + shift; or nullptr
  float* y;
  int c;
};

// The sums of L channels from f on. Each runs through its taps in order.
template <int L, int Width, int Stride, int Pixels>
SKCONV_INLINE void sum_run(const Run& run, int f) {
  Floats<L> sum[Pixels];
  const Floats<L> start = load<L>(run.bias + f);
  unrolled<Pixels>([&](int p) SKCONV_INLINE_BODY { sum[p] = start; });
  const float *row = run.x + f, *kernel = run.kernel + f;
  for (int i = 0; i < run.rows; i++, row += run.row, kernel += Width * run.c) {
    Floats<L> tap[Width];
    unrolled<Width>([&](int j) SKCONV_INLINE_BODY { tap[j] = load<L>(kernel + j * run.c); });
    const float* x = row;
    unrolled<(Pixels - 1) * Stride + Width>([&](int q) SKCONV_INLINE_BODY {
      const Floats<L> seen = load<L>(x);
      x += run.c;
      unrolled<Width>([&](int j) SKCONV_INLINE_BODY {
        const int p = (q - j) / Stride;
        if (q >= j && p * Stride == q - j && p < Pixels) sum[p] += seen * tap[j];
      });
    });
  }
  if (run.scale) {
    const Floats<L> scale = load<L>(run.scale + f), shift = load<L>(run.shift + f);
    unrolled<Pixels>([&](int p) SKCONV_INLINE_BODY { sum[p] = sum[p] * scale + shift; });
  }
  unrolled<Pixels>([&](int p) SKCONV_INLINE_BODY { store<L>(run.y + p * run.c + f, sum[p]); });
}

// The same for one pixel, that only `columns` taps of a row of the kernel see.
template <int L>
SKCONV_INLINE void sum_edge(const Run& run, int columns, int width, int f) {
  Floats<L> sum = load<L>(run.bias + f);
  for (int i = 0; i < run.rows; i++)
    for (int j = 0; j < columns; j++)
      sum += load<L>(run.x + i * run.row + j * run.c + f) *
             load<L>(run.kernel + (i * width + j) * run.c + f);
  if (run.scale) sum = sum * load<L>(run.scale + f) + load<L>(run.shift + f);
  store<L>(run.y + f, sum);
}

// Call body(lanes as a type's constant, first channel) for c channels, a multiple of four.
template <int L>
struct Of_lanes {
  static constexpr int lanes = L;
};

template <class Body>
SKCONV_INLINE void for_each_vector(int c, Body body) {
  int f = 0;
  for (; f + LANES <= c; f += LANES) body(Of_lanes<LANES>(), f);
  if constexpr (LANES > 8)
    for (; f + 8 <= c; f += 8) body(Of_lanes<8>(), f);
  if constexpr (LANES > 4)
    for (; f + 4 <= c; f += 4) body(Of_lanes<4>(), f);
}

template <int Width, int Stride, int Pixels>
void sum_channels(const Run& run) {
  for_each_vector(run.c, [&](auto of, int f) SKCONV_INLINE_BODY {
    sum_run<decltype(of)::lanes, Width, Stride, Pixels>(run, f);
  });
}

typedef void (*RunFunction)(const Run&);

template <int Width, int Stride>
struct Runs {
  RunFunction of_pixels[RUN_PIXELS + 1] = {};
  constexpr Runs() { fill<RUN_PIXELS>(); }
  template <int Pixels>
  constexpr void fill() {
    of_pixels[Pixels] = sum_channels<Width, Stride, Pixels>;
    if constexpr (Pixels > 1) fill<Pixels - 1>();
  }
};

// Images that a kernel slides over, channel by channel.
struct Depthwise {
  int h, w, c;
  ptrdiff_t line;  // floats from row to row
  int kh, stride_h, dilation_h;
  int top, left;
  const float* kernel;                // (kh, Width, c)
  const float *bias, *scale, *shift;  // as a run's
};

// Outputs `column` to `stop` of row `p`, from an image whose row 0 is at x.
template <int Width, int Stride>
void depthwise_row(const Depthwise& d, const float* x, int p, int column, int stop, float* y) {
  static constexpr Runs<Width, Stride> runs;
  const Span v = taps_inside(p, d.h, d.kh, d.stride_h, d.top, d.dilation_h);
  Run run = {nullptr, d.dilation_h * d.line, max(v.to - v.from, 0), nullptr,
             d.bias,  d.scale,               d.shift,               nullptr, d.c};
  const float* row =
      x + (ptrdiff_t(p) * d.stride_h - d.top + ptrdiff_t(v.from) * d.dilation_h) * d.line;
  const auto place = [&](int q, int from) SKCONV_INLINE_BODY {
    run.x = row + ptrdiff_t(q * Stride - d.left + from) * d.c;
    run.kernel = d.kernel + ptrdiff_t(v.from * Width + from) * d.c;
    run.y = y + ptrdiff_t(q) * d.c;
  };
  // The windows that do not reach over an edge.
  const int room = d.w - Width + d.left;
  const int last = min(room < 0 ? 0 : room / Stride + 1, stop);
  const int first = min(max(ceil_div(max(d.left, 0), Stride), column), max(last, column));
  const auto edge = [&](int q) SKCONV_INLINE_BODY {
    const Span taps = taps_inside(q, d.w, Width, Stride, d.left);
    place(q, taps.from);
    for_each_vector(d.c, [&](auto of, int f) SKCONV_INLINE_BODY {
      sum_edge<decltype(of)::lanes>(run, max(taps.to - taps.from, 0), Width, f);
    });
  };
  for (int q = column; q < first; q++) edge(q);
  int q = first;
  const int n_runs = ceil_div(max(last - first, 0), RUN_PIXELS);
  for (int i = 0, all = last - first; i < n_runs; i++) {
    const int pixels = (all + n_runs - 1 - i) / n_runs;
    place(q, 0);
    runs.of_pixels[pixels](run);
    q += pixels;
  }
  for (; q < stop; q++) edge(q);
}

typedef void (*DepthwiseRow)(const Depthwise&, const float*, int, int, int, float*);

// The function for a convolution, or nullptr where the product has to do it.
inline DepthwiseRow depthwise_row_for(const Slide& s) {
  const bool plain = s.groups == s.c && s.c == s.f && s.c % 4 == 0 && s.dilation_w == 1;
  if (!plain || s.stride_w > 2 || (s.kw != 3 && s.kw != 5)) return nullptr;
  if (s.kw == 3) return s.stride_w == 1 ? depthwise_row<3, 1> : depthwise_row<3, 2>;
  return s.stride_w == 1 ? depthwise_row<5, 1> : depthwise_row<5, 2>;
}

}  // namespace skconv::SKCONV_ISA
