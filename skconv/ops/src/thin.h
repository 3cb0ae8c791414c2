// Convolution at stride 1 to a few filters, in vectors along pixels: six filters of 5 x 5 on one
// channel, say. The product of product.h has its vectors along filters, which would be half empty.
//
// A block of x is copied to planes, with zeros around: (c, row, q). In the copy, what tap (i, j)
// sees of the next pixel is the next float, and at the end of a row the next row follows. So all
// outputs of a block are one long run, with some between the rows that nobody asked for:
//
//     z[f][p]  =  sum over k of  w[k][f] * plane[p + steps[k]]      p = row * line + q
//
// Loop order: for each part of the run of V vectors, for each group of F filters, for each k: V
// loads of the plane, and one broadcast for each filter. F x V sums stay in registers. Bias, scale
// and activation follow; then the pool, from planes to planes; at last the planes are put
// together to pixels. All that stays in cache.
//
// A sum runs through k in the order of product.h, from the same bias: its bits are the same.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "kernels.h"
#include "planes.h"
#include "pooling.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA::thin {

typedef Floats<LANES> Vec;

constexpr int MOST_FILTERS = 6;  // whose sums are in registers
// Vectors of sums for each number of filters: with those of a plane and a broadcast weight they
// are what the registers hold, 32 of AVX-512, else 16.
constexpr int VECTORS[2][MOST_FILTERS + 1] = {{0, 4, 4, 3, 3, 2, 2}, {0, 6, 6, 6, 6, 4, 4}};
constexpr int vectors_for(int filters) { return VECTORS[LANES == 16][filters]; }
// Floats that whole vectors of sums are longer than a run, at most.
constexpr int ROOM = 6 * 16;

// The sums of a run for a group of filters.
struct Run {
  const float* planes;
  const int32_t* steps;
  int depth, length;
  const float* weights;  // [k][filter]
  // Of each filter: where its sum starts; at the end, unless nullptr, sum * scale + shift.
  const float *start, *scale, *shift;
  bool relu;
  float* z;
  ptrdiff_t plane;  // from a filter's z to the next
};

template <int F>
void sum_run(const Run& r) {
  constexpr int L = LANES, V = vectors_for(F);
  const Vec zero = {};
  for (int at = 0; at < r.length; at += V * L) {
    Vec sum[F][V];
    const auto each_sum = [&](const auto& body) SKCONV_INLINE_BODY {
      unrolled<F>([&](int f) SKCONV_INLINE_BODY {
        unrolled<V>([&](int v) SKCONV_INLINE_BODY { body(f, v); });
      });
    };
    each_sum([&](int f, int v) SKCONV_INLINE_BODY { sum[f][v] = broadcast<L>(r.start[f]); });
    const float *x = r.planes + at, *w = r.weights;
    for (int k = 0; k < r.depth; k++, w += F) {
      const float* seen = x + r.steps[k];
      Vec pixels[V];
      unrolled<V>([&](int v) SKCONV_INLINE_BODY { pixels[v] = load<L>(seen + v * L); });
      each_sum([&](int f, int v) SKCONV_INLINE_BODY {
        sum[f][v] = fma(w[f], pixels[v], sum[f][v]);
      });
    }
    if (r.scale)
      each_sum([&](int f, int v) SKCONV_INLINE_BODY {
        sum[f][v] = fma(r.scale[f], sum[f][v], broadcast<L>(r.shift[f]));
      });
    if (r.relu)
      each_sum([&](int f, int v) SKCONV_INLINE_BODY {
        sum[f][v] = sum[f][v] < zero ? zero : sum[f][v];  // a NaN stays one
      });
    each_sum([&](int f, int v) SKCONV_INLINE_BODY {
      store<L>(r.z + f * r.plane + at + v * L, sum[f][v]);
    });
  }
}

constexpr void (*SUM_RUN[])(const Run&) = {nullptr,    sum_run<1>, sum_run<2>, sum_run<3>,
                                           sum_run<4>, sum_run<5>, sum_run<6>};

// The kernel in groups of filters as even as possible, [group][k][filter], and of all filters
// where their sums start, their scale and shift.
struct Packed {
  int depth, groups;
  float *weights, *start, *scale, *shift;
  bool scaled;
  int32_t* steps;

  Packed(const Slide& s, const float* kernel, const float* bias, const float* scales)
      : depth(s.kh * s.kw * s.c), groups(ceil_div(s.f, MOST_FILTERS)), scaled(scales) {
    weights = (float*)scratch(Scratch::packed, sizeof(float) * (ptrdiff_t(depth) + 3) * s.f);
    start = weights + ptrdiff_t(depth) * s.f;
    scale = start + s.f, shift = scale + s.f;
    steps = (int32_t*)scratch(Scratch::lists, sizeof(int32_t) * depth);
    for (int g = 0; g < groups; g++) {
      float* to = weights + ptrdiff_t(depth) * first(s, g);
      for (int k = 0; k < depth; k++)
        for (int f = first(s, g); f < first(s, g + 1); f++) *to++ = kernel[ptrdiff_t(k) * s.f + f];
    }
    for (int f = 0; f < s.f; f++) {
      start[f] = bias && !scales ? bias[f] : 0;
      scale[f] = scales ? scales[f] : 1;
      shift[f] = bias ? bias[f] : 0;
    }
  }
  int first(const Slide& s, int group) const { return s.f * group / groups; }
};

// A block's part of an image, as planes: x with zeros around, and all sums.
struct Planes {
  int line, rows;     // of x
  ptrdiff_t x, z;     // floats of a plane
  int length;         // of the run

  Planes(const Slide& s, Pool pool, int out_rows, int out_columns)
      : line(out_columns + (s.kw - 1) * s.dilation_w), rows(out_rows + (s.kh - 1) * s.dilation_h),
        x(ptrdiff_t(rows) * line), length((out_rows - 1) * line + out_columns) {
    z = ptrdiff_t(length) + ROOM + 2 * LANES * pool.w;  // a vector of windows may begin in the last
  }
  void list_steps(const Slide& s, int32_t* steps) const {
    for (int i = 0; i < s.kh; i++)
      for (int j = 0; j < s.kw; j++)
        for (int c = 0; c < s.c; c++)
          *steps++ = int32_t(c * x + i * s.dilation_h * line + j * s.dilation_w);
  }
};

// The part of an image that the windows from (top, left) on reach.
inline void copy_planes(const Slide& s, const Planes& p, const float* image, int top, int left,
                        float* planes) {
  const int before = min(max(-left, 0), p.line);
  const int inside = max(min(left + p.line, s.w) - max(left, 0), 0);
  for (int r = 0; r < p.rows; r++, planes += p.line) {
    const bool outside = top + r < 0 || top + r >= s.h || !inside;
    for (int c = 0; c < s.c; c++) {
      float* to = planes + c * p.x;
      std::memset(to, 0, sizeof(float) * (outside ? p.line : before));
      if (outside) continue;
      std::memset(to + before + inside, 0, sizeof(float) * (p.line - before - inside));
    }
    if (!outside)
      pixels_to_planes(image + (ptrdiff_t(top + r) * s.w + max(left, 0)) * s.c, s.c, inside, p.x,
                       planes + before);
  }
}

// A row of each filter's largest in its windows, and their places unless these are nullptr. As in
// pooling.h the first of several is taken, and NaN is largest. Windows of W columns, or of any
// width if W is 0; two by two has its loops spelled out.
template <int W>
inline void pool_planes(const Slide& s, const Planes& p, Pool pool, const float* z, int columns,
                        ptrdiff_t plane, float* y, int32_t* places) {
  const auto pool_filter = [&](int h, int w) SKCONV_INLINE_BODY {
    for (int q = 0; q < columns; q += LANES) {
      const float* window = z + q * w;
      Vec most = load_every<W>(window, w);
      Ints<LANES> from = {};
      for (int i = 0; i < h; i++)
        for (int j = 0; j < w; j++) {
          const Vec v = load_every<W>(window + i * p.line + j, w);
          const Ints<LANES> larger = (v > most) | (v != v);
          most = larger ? v : most;
          from = larger ? Ints<LANES>{} + (i * w + j) : from;
        }
      store<LANES>(y + q, most);
      if (places) *(Ints<LANES>*)(places + q) = from;
    }
  };
  for (int f = 0; f < s.f; f++, z += p.z, y += plane, places += places ? plane : 0)
    W == 2 && pool.h == 2 ? pool_filter(2, 2) : pool_filter(pool.h, W ? W : pool.w);
}

inline void narrow_places(const int32_t* from, ptrdiff_t size, uint8_t* to) {
  for (ptrdiff_t i = 0; i < size; i += LANES)
    IndexLanes<uint8_t>::store(to + i, *(const Ints<LANES>*)(from + i), size - i);
}

// The rows of a block from its sums: pooled, put together in a copy that has room, and written.
inline void finish_rows(const Slide& s, const Planes& p, Pool pool, const float* z, int rows,
                        int columns, ptrdiff_t y_row, float* y, uint8_t* places) {
  const bool pooled = pool.pixels() > 1;
  const auto pool_row = pool.w == 1   ? pool_planes<1>
                        : pool.w == 2 ? pool_planes<2>
                                      : pool_planes<0>;
  const ptrdiff_t plane = columns + LANES, planes = ceil_div(s.f, 4) * 4 * plane;
  const ptrdiff_t room = room_for_pixels(s.f, columns) + LANES, size = ptrdiff_t(columns) * s.f;
  float* pixels = (float*)scratch(Scratch::gradient, sizeof(float) * (room + 2 * planes));
  float* best = pixels + room;
  int32_t* taps = places ? (int32_t*)(best + planes) : nullptr;
  for (int r = 0; r < rows; r++, z += pool.h * p.line, y += y_row) {
    if (pooled) pool_row(s, p, pool, z, columns, plane, best, taps);
    planes_to_pixels(pooled ? best : z, pooled ? plane : p.z, s.f, columns, pixels);
    std::memcpy(y, pixels, sizeof(float) * size);
    if (!places) continue;
    planes_to_pixels((const float*)taps, plane, s.f, columns, pixels);
    narrow_places((const int32_t*)pixels, size, places + r * y_row);
  }
}

// As conv2d of convolution.h.
inline void conv2d(const Slide& s, const float* x, const float* kernel, const float* bias,
                   const float* scale, Activation activation, Pool pool, float* y,
                   uint8_t* places) {
  const int yh = s.oh / pool.h, yw = s.ow / pool.w;
  const double flops = 2.0 * s.kh * s.kw * s.c * s.f;
  const Blocks blocks(s.n, yh, yw,
                      block_pixels(ptrdiff_t(s.n) * s.oh * s.ow, s.c, s.f, flops) / pool.pixels(),
                      image_floats(s));
  const Packed packed(s, kernel, bias, scale);
  const Planes p(s, pool, blocks.rows * pool.h, blocks.columns * pool.w);
  p.list_steps(s, packed.steps);
  parallel(blocks.count(), flops * s.n * s.oh * s.ow, [&](int task) {
    const Block b = blocks[task];
    float* planes = (float*)scratch(Scratch::input, sizeof(float) * (s.c * p.x + ROOM));
    float* z = (float*)scratch(Scratch::partial,
                               sizeof(float) * ceil_div(s.f, 4) * 4 * p.z);
    const int length = (b.rows * pool.h - 1) * p.line + b.columns * pool.w;
    for (int i = b.image; i < b.image + b.images; i++) {
      copy_planes(s, p, x + ptrdiff_t(i) * s.h * s.w * s.c, b.row * pool.h - s.top,
                  b.column * pool.w - s.left, planes);
      for (int g = 0; g < packed.groups; g++) {
        const int f = packed.first(s, g), filters = packed.first(s, g + 1) - f;
        SUM_RUN[filters]({planes, packed.steps, packed.depth, length,
                          packed.weights + ptrdiff_t(packed.depth) * f, packed.start + f,
                          packed.scaled ? packed.scale + f : nullptr, packed.shift + f,
                          activation == Activation::relu, z + f * p.z, p.z});
        if (activation != Activation::relu && activation != Activation::identity)
          for (int k = f; k < f + filters; k++)
            activate_run(z + k * p.z, length, activation, z + k * p.z);
      }
      const ptrdiff_t first = ((ptrdiff_t(i) * yh + b.row) * yw + b.column) * s.f;
      finish_rows(s, p, pool, z, b.rows, b.columns, ptrdiff_t(yw) * s.f, y + first,
                  places ? places + first : nullptr);
    }
  });
}

}  // namespace skconv::SKCONV_ISA::thin
