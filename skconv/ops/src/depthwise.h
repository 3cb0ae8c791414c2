// Depthwise convolution of kernels three or five wide.
//
// A channel's taps share nothing but its pixels: as a product (product.h) each number of x
// would be loaded once for each tap that sees it. Here neighbouring outputs are summed up
// together, and a load serves all of them. For each run of pixels all channels pass, so that
// memory is read in order. The shape alone decides what is multiplied.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "geometry.h"
#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

constexpr int RUN_PIXELS = 8;  // sums that stay in registers, beside the taps of a row

// Neighbouring outputs, all of whose windows have these taps.
struct PixelRun {
  const float* x;              // what the first tap of the first window sees
  ptrdiff_t row;               // floats from tap to tap, vertically
  int rows;                    // of taps
  const float* kernel;         // the first tap
  const float* bias;           // where the sums begin
  const float *scale, *shift;  // at the end: sum * scale + shift; or nullptr
  float* y;
  int c;
};

// The sums of L channels from f on. Each runs through its taps in order.
template <int L, int Width, int Stride, int Pixels>
SKCONV_INLINE void sum_run(const PixelRun& run, int f) {
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
        if (q >= j && p * Stride == q - j && p < Pixels) sum[p] = fma<L>(seen, tap[j], sum[p]);
      });
    });
  }
  if (run.scale) {
    const Floats<L> scale = load<L>(run.scale + f), shift = load<L>(run.shift + f);
    unrolled<Pixels>([&](int p) SKCONV_INLINE_BODY { sum[p] = fma<L>(sum[p], scale, shift); });
  }
  unrolled<Pixels>([&](int p) SKCONV_INLINE_BODY { store<L>(run.y + p * run.c + f, sum[p]); });
}

// The same for one pixel, that only `columns` taps of a row of the kernel see.
template <int L>
SKCONV_INLINE void sum_edge(const PixelRun& run, int columns, int width, int f) {
  Floats<L> sum = load<L>(run.bias + f);
  for (int i = 0; i < run.rows; i++)
    for (int j = 0; j < columns; j++)
      sum = fma<L>(load<L>(run.x + i * run.row + j * run.c + f),
                   load<L>(run.kernel + (i * width + j) * run.c + f), sum);
  if (run.scale) sum = fma<L>(sum, load<L>(run.scale + f), load<L>(run.shift + f));
  store<L>(run.y + f, sum);
}

// Call body(lanes as a type's constant, first channel) for c channels, a multiple of four.
template <int L>
struct LanesTag {
  static constexpr int lanes = L;
};

template <class Body>
SKCONV_INLINE void for_each_vector(int c, Body body) {
  int f = 0;
  for (; f + LANES <= c; f += LANES) body(LanesTag<LANES>(), f);
  if constexpr (LANES > 8)
    for (; f + 8 <= c; f += 8) body(LanesTag<8>(), f);
  if constexpr (LANES > 4)
    for (; f + 4 <= c; f += 4) body(LanesTag<4>(), f);
}

template <int Width, int Stride, int Pixels>
void sum_channels(const PixelRun& run) {
  for_each_vector(run.c, [&](auto tag, int f) SKCONV_INLINE_BODY {
    sum_run<decltype(tag)::lanes, Width, Stride, Pixels>(run, f);
  });
}

// sum_channels for 1 to RUN_PIXELS pixels.
template <int Width, int Stride>
struct RunFunctions {
  void (*by_pixels[RUN_PIXELS + 1])(const PixelRun&) = {};
  constexpr RunFunctions() { fill<RUN_PIXELS>(); }
  template <int Pixels>
  constexpr void fill() {
    by_pixels[Pixels] = sum_channels<Width, Stride, Pixels>;
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
  static constexpr RunFunctions<Width, Stride> runs;
  const Span v = taps_inside(p, d.h, d.kh, d.stride_h, d.top, d.dilation_h);
  PixelRun run = {.x = nullptr, .row = d.dilation_h * d.line, .rows = max(v.to - v.from, 0),
                  .kernel = nullptr, .bias = d.bias, .scale = d.scale, .shift = d.shift,
                  .y = nullptr, .c = d.c};
  const float* row =
      x + (ptrdiff_t(p) * d.stride_h - d.top + ptrdiff_t(v.from) * d.dilation_h) * d.line;
  const auto place = [&](int q, int tap) SKCONV_INLINE_BODY {
    run.x = row + ptrdiff_t(q * Stride - d.left + tap) * d.c;
    run.kernel = d.kernel + ptrdiff_t(v.from * Width + tap) * d.c;
    run.y = y + ptrdiff_t(q) * d.c;
  };
  // The windows that do not reach over an edge.
  const int room = d.w - Width + d.left;
  const int last = min(room < 0 ? 0 : room / Stride + 1, stop);
  const int first = min(max(ceil_div(max(d.left, 0), Stride), column), max(last, column));
  const auto edge = [&](int q) SKCONV_INLINE_BODY {
    const Span taps = taps_inside(q, d.w, Width, Stride, d.left);
    place(q, taps.from);
    for_each_vector(d.c, [&](auto tag, int f) SKCONV_INLINE_BODY {
      sum_edge<decltype(tag)::lanes>(run, max(taps.to - taps.from, 0), Width, f);
    });
  };
  for (int q = column; q < first; q++) edge(q);
  int q = first;
  const int n_runs = ceil_div(max(last - first, 0), RUN_PIXELS);
  for (int i = 0, n = last - first; i < n_runs; i++) {
    const int pixels = (n + n_runs - 1 - i) / n_runs;
    place(q, 0);
    runs.by_pixels[pixels](run);
    q += pixels;
  }
  for (; q < stop; q++) edge(q);
}

typedef void (*DepthwiseRow)(const Depthwise&, const float*, int, int, int, float*);

// The function for a convolution, or nullptr where the product has to do it.
inline DepthwiseRow depthwise_row_for(const Slide& s) {
  const bool plain = s.c % 4 == 0 && s.dilation_w == 1;
  if (!is_depthwise(s) || !plain || s.stride_w > 2 || (s.kw != 3 && s.kw != 5)) return nullptr;
  if (s.kw == 3) return s.stride_w == 1 ? depthwise_row<3, 1> : depthwise_row<3, 2>;
  return s.stride_w == 1 ? depthwise_row<5, 1> : depthwise_row<5, 2>;
}

// A zero for each channel.
inline const float* zeros_for(const Slide& s) {
  float* zeros = (float*)scratch(Scratch::lists, sizeof(float) * s.c);
  std::memset(zeros, 0, sizeof(float) * s.c);
  return zeros;
}

// As conv2d of convolution.h, by runs of pixels.
inline void depthwise_conv2d(const Slide& s, DepthwiseRow row, const float* x, const float* kernel,
                             const float* bias, const float* scale, Activation activation,
                             float* y) {
  const float* zeros = zeros_for(s);
  if (!bias) bias = zeros;
  // As in convolve_block: the sums start from the bias, or with a scale end with it.
  const Depthwise d = {.h = s.h, .w = s.w, .c = s.c, .line = ptrdiff_t(s.w) * s.c,
                       .kh = s.kh, .stride_h = s.stride_h, .dilation_h = s.dilation_h,
                       .top = s.top, .left = s.left, .kernel = kernel,
                       .bias = scale ? zeros : bias, .scale = scale, .shift = bias};
  const double flops = 2.0 * s.kh * s.kw * s.c;
  const Blocks blocks(s.n, s.oh, s.ow,
                      block_pixels(ptrdiff_t(s.n) * s.oh * s.ow,
                                   s.c * s.stride_h * s.stride_w, s.c, flops),
                      image_floats(s));
  parallel(blocks.count(), flops * s.n * s.oh * s.ow, [&](int task) {
    const Block b = blocks[task];
    for (int i = b.image; i < b.image + b.images; i++)
      for (int p = b.row; p < b.row + b.rows; p++) {
        float* dst = y + (ptrdiff_t(i) * s.oh + p) * s.ow * s.c;
        row(d, x + i * s.h * d.line, p, b.column, b.column + b.columns, dst);
        dst += ptrdiff_t(b.column) * s.c;
        if (activation != Activation::identity)
          activate_run(dst, ptrdiff_t(b.columns) * s.c, activation, dst);
      }
  });
}

}  // namespace skconv::SKCONV_ISA
