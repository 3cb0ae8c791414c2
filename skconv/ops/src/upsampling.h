// Images enlarged by whole numbers, and the gradients; any number of channels.
//
// Rows are shared out among threads: of y, or of dx, which is summed up from all rows of dy that
// its row made. A pixel's last vector reaches into its neighbour where the channels do not fill
// it; in ascending order the neighbour is written later. Only a row's last pixel takes care.
#pragma once

#include "kernels.h"
#include "pooling.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

// Where pixel p of an enlarged axis lies: between two pixels of the axis, the same at its ends.
struct Between {
  int low, high;
  float fraction;
};

// Output p is at (p + 0.5) / factor - 0.5.
SKCONV_INLINE Between between_pixels(int p, int factor, int size) {
  const double position = (p % factor + 0.5) / factor - 0.5;
  const int left = p / factor - (position < 0);
  return {max(left, 0), min(left + 1, size - 1), float(position + (position < 0))};
}

// Equal values stay equal to the bit.
SKCONV_INLINE Floats<LANES> blend(Floats<LANES> a, Floats<LANES> b, float fraction) {
  return fma(fraction, b - a, a);
}

// Rows of x, each written to the rows of y that it makes.
inline void upsample_nearest(const Upsampling& u, const float* x, float* y) {
  constexpr int L = LANES;
  const ptrdiff_t c = u.c, in_row = u.w * c, out_row = in_row * u.by_w;
  parallel_rows(u.n, u.h, out_row * u.by_h, 1, [&](int n, int row) {
    const float* from = x + (ptrdiff_t(n) * u.h + row) * in_row;
    float* const first = y + (ptrdiff_t(n) * u.h + row) * u.by_h * out_row;
    float* to = first;
    if (c == 1) {
      for (int q = 0; q < u.w; q++)
        for (int j = 0; j < u.by_w; j++) *to++ = from[q];
    } else {
      for (int q = 0; q < u.w; q++, from += c)
        for (int j = 0; j < u.by_w; j++, to += c)
          for (ptrdiff_t f = 0; f < c; f += L) {
            const int room = int(min64(first + out_row - (to + f), L));
            store<L>(to + f, load<L>(from + f, int(min64(c - f, L))), room);
          }
    }
    for (int i = 1; i < u.by_h; i++)
      std::memcpy(first + i * out_row, first, out_row * sizeof(float));
  });
}

// dx = the sum of what each pixel was written to.
inline void upsample_nearest_grad(const Upsampling& u, const float* dy, float* dx) {
  constexpr int L = LANES;
  const ptrdiff_t c = u.c, in_row = u.w * c, out_row = in_row * u.by_w;
  const float* const end = dy + ptrdiff_t(u.n) * u.h * u.by_h * out_row;
  parallel_rows(u.n, u.h, out_row * u.by_h, 1, [&](int n, int row) {
    const ptrdiff_t line = ptrdiff_t(n) * u.h + row;
    const float* from = dy + line * u.by_h * out_row;
    float *to = dx + line * in_row, *const stop = to + in_row;
    for (int q = 0; q < u.w; q++, from += u.by_w * c, to += c)
      for (ptrdiff_t f = 0; f < c; f += L) {
        Floats<L> sum = {};
        for (int i = 0; i < u.by_h; i++)
          for (int j = 0; j < u.by_w; j++) {
            const float* at = from + i * out_row + j * c + f;
            sum += load<L>(at, int(min64(end - at, L)));
          }
        store<L>(to + f, sum, int(min64(stop - (to + f), L)));
      }
  });
}

// The places of all columns of y.
inline const Between* columns_between(const Upsampling& u) {
  Between* columns = (Between*)scratch(Scratch::lists, sizeof(Between) * u.w * u.by_w);
  for (int q = 0; q < u.w * u.by_w; q++) columns[q] = between_pixels(q, u.by_w, u.w);
  return columns;
}

// A row of y: between two rows of x first, then between the columns of that.
inline void upsample_bilinear(const Upsampling& u, const float* x, float* y) {
  constexpr int L = LANES;
  const ptrdiff_t c = u.c, in_row = u.w * c, out_row = in_row * u.by_w;
  const Between* columns = columns_between(u);
  parallel_rows(u.n, u.h * u.by_h, out_row, 2, [&](int n, int p) {
    const Between rows = between_pixels(p, u.by_h, u.h);
    const float* low = x + (ptrdiff_t(n) * u.h + rows.low) * in_row;
    const float* high = x + (ptrdiff_t(n) * u.h + rows.high) * in_row;
    float* row = row_scratch<float>(Scratch::input, in_row);
    for (ptrdiff_t i = 0; i < in_row; i += L) {
      const int room = int(min64(in_row - i, L));
      store<L>(row + i, blend(load<L>(low + i, room), load<L>(high + i, room), rows.fraction));
    }
    float *to = y + (ptrdiff_t(n) * u.h * u.by_h + p) * out_row, *const stop = to + out_row;
    for (int q = 0; q < u.w * u.by_w; q++, to += c) {
      const auto [left, right, fraction] = columns[q];
      for (ptrdiff_t f = 0; f < c; f += L)
        store<L>(to + f, blend(load<L>(row + left * c + f), load<L>(row + right * c + f), fraction),
                 int(min64(stop - (to + f), L)));
    }
  });
}

// A row of dx: the rows of dy that it made, each with its share, then their columns.
inline void upsample_bilinear_grad(const Upsampling& u, const float* dy, float* dx) {
  constexpr int L = LANES;
  const ptrdiff_t c = u.c, in_row = u.w * c, out_row = in_row * u.by_w;
  const int oh = u.h * u.by_h;
  const Between* columns = columns_between(u);
  parallel_rows(u.n, u.h, out_row * u.by_h, 4, [&](int n, int row) {
    float* sums = row_scratch<float>(Scratch::input, out_row);
    std::memset(sums, 0, out_row * sizeof(float));
    for (int p = max(row - 1, 0) * u.by_h; p < min((row + 2) * u.by_h, oh); p++) {
      const Between rows = between_pixels(p, u.by_h, u.h);
      float share = 0;
      if (rows.low == row) share += 1 - rows.fraction;
      if (rows.high == row) share += rows.fraction;
      if (share == 0) continue;
      const float* from = dy + (ptrdiff_t(n) * oh + p) * out_row;
      for (ptrdiff_t i = 0; i < out_row; i += L) {
        const Floats<L> d = load<L>(from + i, int(min64(out_row - i, L)));
        store<L>(sums + i, fma(share, d, load<L>(sums + i)));
      }
    }
    float* to = dx + (ptrdiff_t(n) * u.h + row) * in_row;
    std::memset(to, 0, in_row * sizeof(float));
    for (int q = 0; q < u.w * u.by_w; q++) {
      const auto [left, right, fraction] = columns[q];
      for (ptrdiff_t f = 0; f < c; f += L) {
        const int room = int(min64(c - f, L));
        const Floats<L> d = load<L>(sums + q * c + f);
        float *a = to + left * c + f, *b = to + right * c + f;
        store<L>(a, load<L>(a, room) + d * (1 - fraction), room);
        store<L>(b, load<L>(b, room) + d * fraction, room);
      }
    }
  });
}

inline void upsample(const Upsampling& u, const float* x, bool bilinear, float* y) {
  bilinear ? upsample_bilinear(u, x, y) : upsample_nearest(u, x, y);
}

inline void upsample_grad(const Upsampling& u, const float* dy, bool bilinear, float* dx) {
  bilinear ? upsample_bilinear_grad(u, dy, dx) : upsample_nearest_grad(u, dy, dx);
}

}  // namespace skconv::SKCONV_ISA
