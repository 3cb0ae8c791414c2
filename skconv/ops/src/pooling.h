// Max and average pooling with their gradients, any window, stride and padding.
//
// Forward: for each row of the output, each pixel, each vector of channels: the taps that
// fall on the image. Backward: for each pixel of dx, the windows that cover it, in order;
// no pixel is written twice, so rows can be shared out among threads, and nothing has to be
// zeroed first. All are bound by memory: one pass, each number read and written once.
#pragma once

#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

struct Span {
  int from, to;
};

// The taps of window `p` that fall on an axis of `size` pixels.
SKCONV_INLINE Span taps_inside(int p, int size, int k, int stride, int padding) {
  const int first = p * stride - padding;
  return {max(-first, 0), min(size - first, k)};
}

// The windows that cover pixel q.
SKCONV_INLINE Span windows_over(int q, int windows, int k, int stride, int padding) {
  const int last = (q + padding) / stride;
  const int reach = q + padding - k + 1;
  return {reach > 0 ? ceil_div(reach, stride) : 0, min(last + 1, windows)};
}

// Call body(c, n) for each vector of L of a pixel's channels, n of its lanes filled; full
// vectors have a constant n.
template <class Body>
SKCONV_INLINE void for_each_vector(int channels, Body body) {
  int c = 0;
  for (; c + LANES <= channels; c += LANES) body(c, Lanes<LANES>(), LANES);
  if constexpr (LANES > 4)
    for (; c + 4 <= channels; c += 4) body(c, Lanes<4>(), 4);
  if (c < channels) body(c, Lanes<4>(), channels - c);
}

template <int L, class Index>
struct IndexLanes {
  typedef Index Vector __attribute__((vector_size(L * sizeof(Index)), aligned(1), may_alias));
};

template <int L, class Index>
SKCONV_INLINE void store_indices(Index* p, Ints<L> v, int n) {
  typedef typename IndexLanes<L, Index>::Vector Vector;
  const Vector narrow = __builtin_convertvector(v, Vector);
  if (n == L) {
    *(Vector*)p = narrow;
  } else {
    Index lanes[L];
    *(Vector*)lanes = narrow;
    for (int i = 0; i < n; i++) p[i] = lanes[i];
  }
}

template <int L, class Index>
SKCONV_INLINE Ints<L> load_indices(const Index* p, int n) {
  typedef typename IndexLanes<L, Index>::Vector Vector;
  if (n == L) return __builtin_convertvector(*(const Vector*)p, Ints<L>);
  Index lanes[L] = {};
  for (int i = 0; i < n; i++) lanes[i] = p[i];
  return __builtin_convertvector(*(const Vector*)lanes, Ints<L>);
}

template <class>
struct LanesOf;
template <int L>
struct LanesOf<Lanes<L>> {
  static constexpr int value = L;
};

// Rows that a task takes: as many as are worth a task.
inline int rows_per_task(int row_floats) { return max(1, 8192 / max(row_floats, 1)); }

template <class Body>
inline void parallel_rows(int n, int h, int row_floats, int taps, Body body) {
  const int each = rows_per_task(row_floats);
  const int tasks = int((ptrdiff_t(n) * h + each - 1) / each);
  parallel(tasks, double(n) * h * row_floats * taps * 4, [&](int task) {
    const ptrdiff_t stop = min(n * h, (task + 1) * each);
    for (ptrdiff_t row = ptrdiff_t(task) * each; row < stop; row++)
      body(int(row / h), int(row % h));
  });
}

// y[n, p, c] = largest x[n, q(p, t), c], and t, the first where several are; a NaN is larger.
template <class Index, bool Keep>
inline void max_pool_rows(const Slide& s, const float* x, float* y, Index* argmax) {
  const int c = s.c;
  parallel_rows(s.n, s.oh, s.ow * c, s.kh * s.kw, [&](int n, int p) {
    const Span rows = taps_inside(p, s.h, s.kh, s.stride_h, s.top);
    const float* image = x + ptrdiff_t(n) * s.h * s.w * c;
    for (int q = 0; q < s.ow; q++) {
      const Span columns = taps_inside(q, s.w, s.kw, s.stride_w, s.left);
      const ptrdiff_t to = ((ptrdiff_t(n) * s.oh + p) * s.ow + q) * c;
      const float* window = image + (ptrdiff_t(p * s.stride_h - s.top) * s.w + q * s.stride_w - s.left) * c;
      for_each_vector(c, [&](int f, auto lanes, int filled) {
        constexpr int L = LanesOf<decltype(lanes)>::value;
        Floats<L> best = all<L>(-__builtin_inff());
        Ints<L> arg = Ints<L>{} + (rows.from * s.kw + columns.from);
        for (int i = rows.from; i < rows.to; i++)
          for (int j = columns.from; j < columns.to; j++) {
            const Floats<L> v = load<L>(window + (ptrdiff_t(i) * s.w + j) * c + f, filled);
            const Ints<L> larger = (v > best) | (v != v);
            best = larger ? v : best;
            if (Keep) arg = larger ? Ints<L>{} + (i * s.kw + j) : arg;
          }
        store<L>(y + to + f, best, filled);
        if constexpr (Keep) store_indices<L>(argmax + to + f, arg, filled);
      });
    }
  });
}

inline void max_pool(const Slide& s, const float* x, float* y, void* argmax, int argmax_bytes) {
  switch (argmax_bytes) {
    case 0: return max_pool_rows<uint8_t, false>(s, x, y, nullptr);
    case 1: return max_pool_rows<uint8_t, true>(s, x, y, (uint8_t*)argmax);
    default: return max_pool_rows<uint16_t, true>(s, x, y, (uint16_t*)argmax);
  }
}

// dx[n, q, c] = sum over the windows p over q of value(p, tap, ...): both gradients.
template <class Value>
inline void pool_grad_rows(const Slide& s, float* dx, Value value) {
  const int c = s.c;
  parallel_rows(s.n, s.h, s.w * c, 2, [&](int n, int q_row) {
    const Span rows = windows_over(q_row, s.oh, s.kh, s.stride_h, s.top);
    for (int q = 0; q < s.w; q++) {
      const Span columns = windows_over(q, s.ow, s.kw, s.stride_w, s.left);
      float* to = dx + ((ptrdiff_t(n) * s.h + q_row) * s.w + q) * c;
      for_each_vector(c, [&](int f, auto lanes, int filled) {
        constexpr int L = LanesOf<decltype(lanes)>::value;
        Floats<L> sum = {};
        for (int p = rows.from; p < rows.to; p++)
          for (int r = columns.from; r < columns.to; r++) {
            const int tap = (q_row + s.top - p * s.stride_h) * s.kw + q + s.left - r * s.stride_w;
            sum += value(lanes, ((ptrdiff_t(n) * s.oh + p) * s.ow + r) * c + f, p, r, tap, filled);
          }
        store<L>(to + f, sum, filled);
      });
    }
  });
}

template <class Index>
inline void max_pool_grad_of(const Slide& s, const float* dy, const Index* argmax, float* dx) {
  pool_grad_rows(s, dx, [&](auto lanes, ptrdiff_t from, int, int, int tap, int filled) {
    constexpr int L = LanesOf<decltype(lanes)>::value;
    const Ints<L> won = load_indices<L>(argmax + from, filled) == tap;
    return (Floats<L>)((Ints<L>)load<L>(dy + from, filled) & won);
  });
}

inline void max_pool_grad(const Slide& s, const float* dy, const void* argmax, int argmax_bytes,
                          float* dx) {
  argmax_bytes == 1 ? max_pool_grad_of(s, dy, (const uint8_t*)argmax, dx)
                    : max_pool_grad_of(s, dy, (const uint16_t*)argmax, dx);
}

// Pixels of the image, padding aside, under window (p, q).
SKCONV_INLINE float pixels_under(const Slide& s, int p, int q) {
  const Span rows = taps_inside(p, s.h, s.kh, s.stride_h, s.top);
  const Span columns = taps_inside(q, s.w, s.kw, s.stride_w, s.left);
  return float((rows.to - rows.from) * (columns.to - columns.from));
}

// y[n, p, c] = mean of x[n, q(p, t), c] over the taps t on the image.
inline void avg_pool(const Slide& s, const float* x, float* y) {
  const int c = s.c;
  parallel_rows(s.n, s.oh, s.ow * c, s.kh * s.kw, [&](int n, int p) {
    const Span rows = taps_inside(p, s.h, s.kh, s.stride_h, s.top);
    for (int q = 0; q < s.ow; q++) {
      const Span columns = taps_inside(q, s.w, s.kw, s.stride_w, s.left);
      const float* window = x + (((ptrdiff_t(n) * s.h + p * s.stride_h - s.top) * s.w) + q * s.stride_w - s.left) * c;
      float* to = y + ((ptrdiff_t(n) * s.oh + p) * s.ow + q) * c;
      const float count = pixels_under(s, p, q);
      for_each_vector(c, [&](int f, auto lanes, int filled) {
        constexpr int L = LanesOf<decltype(lanes)>::value;
        Floats<L> sum = {};
        for (int i = rows.from; i < rows.to; i++)
          for (int j = columns.from; j < columns.to; j++)
            sum += load<L>(window + (ptrdiff_t(i) * s.w + j) * c + f, filled);
        store<L>(to + f, sum / count, filled);
      });
    }
  });
}

inline void avg_pool_grad(const Slide& s, const float* dy, float* dx) {
  pool_grad_rows(s, dx, [&](auto lanes, ptrdiff_t from, int p, int q, int, int filled) {
    constexpr int L = LanesOf<decltype(lanes)>::value;
    return load<L>(dy + from, filled) / pixels_under(s, p, q);
  });
}

}  // namespace skconv::SKCONV_ISA
