// Max and average pooling with their gradients, any window, stride and padding.
//
// A window's rows are taken together first, over whole rows of the image, which are
// contiguous for any number of channels; then its columns, pixel by pixel. The gradient is
// made row by row of dx: windows add to the row in order. Rows are shared out among
// threads, and stay in the first-level cache while they are worked on.
//
// A pixel's last vector reaches into its neighbour where the channels do not fill it. In
// ascending order that is harmless: what is written too far is overwritten by the next
// pixel, or is an added zero. Only a row's last pixel takes care.
#pragma once

#include "activations.h"
#include "geometry.h"
#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

// The windows that cover pixel q.
SKCONV_INLINE Span windows_over(int q, int windows, int k, int stride, int padding) {
  const int reach = q + padding - k + 1;
  return {reach > 0 ? ceil_div(reach, stride) : 0, min((q + padding) / stride + 1, windows)};
}

// Call body(image, row) for each row of n images of h rows, several to a task.
template <class Body>
inline void parallel_rows(int n, int h, ptrdiff_t row_floats, int taps, Body body) {
  const int each = int(RUN / min64(row_floats, RUN));
  const int tasks = int((ptrdiff_t(n) * h + each - 1) / each);
  parallel(tasks, double(n) * h * row_floats * taps * 4, [&](int task) {
    const ptrdiff_t stop = ptrdiff_t(task + 1) * each;
    for (ptrdiff_t row = ptrdiff_t(task) * each; row < stop && row < ptrdiff_t(n) * h; row++)
      body(int(row / h), int(row % h));
  });
}

// Room for a row and a vector's overhang.
template <class T>
inline T* row_scratch(Scratch purpose, ptrdiff_t floats) {
  return (T*)scratch(purpose, (floats + LANES) * sizeof(T));
}

// A vector of indices as it is stored: in the type of argmax.
template <class Index>
struct IndexLanes {
  typedef Index Vector __attribute__((vector_size(LANES * sizeof(Index)), aligned(1), may_alias));

  static SKCONV_INLINE void store(Index* p, Ints<LANES> v, ptrdiff_t room) {
    const Vector narrow = __builtin_convertvector(v, Vector);
    if (room >= LANES)
      *(Vector*)p = narrow;
    else
      copy_part<LANES>(p, (const Index*)&narrow, int(room));
  }
  static SKCONV_INLINE Ints<LANES> load(const Index* p, ptrdiff_t room) {
    Vector narrow = {};
    if (room >= LANES)
      narrow = *(const Vector*)p;
    else
      copy_part<LANES>((Index*)&narrow, p, int(room));
    return __builtin_convertvector(narrow, Ints<LANES>);
  }
};

// y[n, p, c] = largest x[n, q(p, t), c], and t, the first where several are; NaN is largest.
//
// Where channels fill whole vectors: tap by tap. Two by two is most pools' size, and has its
// loops spelled out.
template <class Index, bool Keep, int Size>
SKCONV_INLINE void max_pool_window(const float* window, ptrdiff_t in_row, ptrdiff_t c, int kw,
                                   Span rows, Span columns, float* y, Index* argmax) {
  constexpr int L = LANES;
  if (Size) rows = columns = {0, Size};
  for (ptrdiff_t f = 0; f < c; f += L) {
    Floats<L> most = load<L>(window + rows.from * in_row + columns.from * c + f);
    Ints<L> from = Ints<L>{} + (rows.from * kw + columns.from);
    for (int i = rows.from; i < rows.to; i++)
      for (int j = columns.from; j < columns.to; j++) {
        const Floats<L> v = load<L>(window + i * in_row + j * c + f);
        const Ints<L> larger = ~(v <= most) & (most == most);
        most = larger ? v : most;
        if (Keep) from = larger ? Ints<L>{} + (i * kw + j) : from;
      }
    store<L>(y + f, most);
    if constexpr (Keep) IndexLanes<Index>::store(argmax + f, from, L);
  }
}

// Where they do not: the rows first, then the columns, in vectors that reach too far.
template <class Index, bool Keep>
inline void max_pool_row(const Slide& s, Span rows, const float* row, ptrdiff_t dst, float* y,
                         Index* argmax) {
  constexpr int L = LANES;
  const ptrdiff_t c = s.c, in_row = s.w * c, out_row = s.ow * c;
  float* best = row_scratch<float>(Scratch::input, in_row);
  int32_t* tap = row_scratch<int32_t>(Scratch::gradient, in_row);
  for (ptrdiff_t i = 0; i < in_row; i += L) {
    Floats<L> most = load<L>(row + rows.from * in_row + i, int(in_row - i));
    Ints<L> from = Ints<L>{} + rows.from * s.kw;
    for (int r = rows.from + 1; r < rows.to; r++) {
      const Floats<L> v = load<L>(row + r * in_row + i, int(in_row - i));
      const Ints<L> larger = ~(v <= most) & (most == most);
      most = larger ? v : most;
      from = larger ? Ints<L>{} + r * s.kw : from;
    }
    store<L>(best + i, most);
    *(Ints<L>*)(tap + i) = from;
  }
  for (int q = 0; q < s.ow; q++) {
    const Span columns = taps_inside(q, s.w, s.kw, s.stride_w, s.left);
    const ptrdiff_t window = (ptrdiff_t(q) * s.stride_w - s.left) * c;
    for (ptrdiff_t f = 0; f < c; f += L) {
      ptrdiff_t at = window + columns.from * c + f;
      Floats<L> most = load<L>(best + at);
      Ints<L> from = *(Ints<L>*)(tap + at) + columns.from;
      for (int j = columns.from + 1; j < columns.to; j++) {
        at += c;
        const Floats<L> v = load<L>(best + at);
        const Ints<L> here = *(Ints<L>*)(tap + at) + j;
        const Ints<L> alike = (v == most) | ((v != v) & (most != most));
        const Ints<L> larger = (~(v <= most) & (most == most)) | (alike & (here < from));
        most = larger ? v : most;
        from = larger ? here : from;
      }
      const ptrdiff_t room = out_row - (q * c + f);
      store<L>(y + dst + q * c + f, most, int(room < L ? room : L));
      if constexpr (Keep) IndexLanes<Index>::store(argmax + dst + q * c + f, from, room);
    }
  }
}

// Row p of y from image n of x.
template <class Index, bool Keep>
inline void max_pool_line(const Slide& s, const float* x, int n, int p, float* y, Index* argmax) {
  const ptrdiff_t c = s.c, in_row = s.w * c, out_row = s.ow * c;
  const Span rows = taps_inside(p, s.h, s.kh, s.stride_h, s.top);
  const float* row = x + (ptrdiff_t(n) * s.h + p * s.stride_h - s.top) * in_row;
  const ptrdiff_t dst = (ptrdiff_t(n) * s.oh + p) * out_row;
  if (c % LANES) return max_pool_row<Index, Keep>(s, rows, row, dst, y, argmax);
  for (int q = 0; q < s.ow; q++) {
    const Span columns = taps_inside(q, s.w, s.kw, s.stride_w, s.left);
    const float* window = row + (ptrdiff_t(q) * s.stride_w - s.left) * c;
    const bool two_by_two = s.kh == 2 && s.kw == 2 && rows.from == 0 && rows.to == 2 &&
                            columns.from == 0 && columns.to == 2;
    if (two_by_two)
      max_pool_window<Index, Keep, 2>(window, in_row, c, s.kw, rows, columns, y + dst + q * c,
                                      argmax + dst + q * c);
    else
      max_pool_window<Index, Keep, 0>(window, in_row, c, s.kw, rows, columns, y + dst + q * c,
                                      argmax + dst + q * c);
  }
}

template <class Index, bool Keep>
inline void max_pool_rows(const Slide& s, const float* x, float* y, Index* argmax) {
  parallel_rows(s.n, s.oh, ptrdiff_t(s.w) * s.c, s.kh + s.kw, [&](int n, int p) {
    max_pool_line<Index, Keep>(s, x, n, p, y, argmax);
  });
}

inline void max_pool(const Slide& s, const float* x, float* y, void* argmax, int argmax_bytes) {
  switch (argmax_bytes) {
    case 0: return max_pool_rows<uint8_t, false>(s, x, y, nullptr);
    case 1: return max_pool_rows<uint8_t, true>(s, x, y, (uint8_t*)argmax);
    default: return max_pool_rows<uint16_t, true>(s, x, y, (uint16_t*)argmax);
  }
}

// dx[n, q, c] = sum over windows and taps that see q of value(where dy is, room, tap, p, r).
// `Whole`: channels fill whole vectors.
template <bool Whole, class Value>
inline void pool_grad_rows(const Slide& s, float* dx, Value value) {
  constexpr int L = LANES;
  const ptrdiff_t c = s.c, in_row = s.w * c, out_row = s.ow * c;
  const ptrdiff_t end = ptrdiff_t(s.n) * s.oh * out_row;
  Ints<L> lane;
  for (int i = 0; i < L; i++) lane[i] = i;
  parallel_rows(s.n, s.h, in_row, 2, [&](int n, int q) {
    float* row = dx + (ptrdiff_t(n) * s.h + q) * in_row;
    std::memset(row, 0, in_row * sizeof(float));
    const Span rows = windows_over(q, s.oh, s.kh, s.stride_h, s.top);
    for (int p = rows.from; p < rows.to; p++) {
      const int tap = (q + s.top - p * s.stride_h) * s.kw;
      for (int r = 0; r < s.ow; r++) {
        const Span columns = taps_inside(r, s.w, s.kw, s.stride_w, s.left);
        const ptrdiff_t window = (ptrdiff_t(r) * s.stride_w - s.left) * c;
        for (ptrdiff_t f = 0; f < c; f += L) {
          const ptrdiff_t from = (ptrdiff_t(n) * s.oh + p) * out_row + r * c + f;
          const Ints<L> filled = lane < int(c - f);
          const auto share = value(from, Whole ? L : end - from, p, r);
          float* dst = row + window + columns.from * c + f;
          for (int j = columns.from; j < columns.to; j++, dst += c) {
            if constexpr (Whole) {
              store<L>(dst, load<L>(dst) + share(tap + j));
            } else {
              const int room = int(row + in_row - dst < L ? row + in_row - dst : L);
              const Floats<L> add = (Floats<L>)((Ints<L>)share(tap + j) & filled);
              store<L>(dst, load<L>(dst, room) + add, room);
            }
          }
        }
      }
    }
  });
}

template <class Value>
inline void pool_grad(const Slide& s, float* dx, Value value) {
  s.c % LANES ? pool_grad_rows<false>(s, dx, value) : pool_grad_rows<true>(s, dx, value);
}

template <class Index>
inline void max_pool_grad_by(const Slide& s, const float* dy, const Index* argmax, float* dx) {
  constexpr int L = LANES;
  pool_grad(s, dx, [&](ptrdiff_t from, ptrdiff_t room, int, int) SKCONV_INLINE_BODY {
    const Floats<L> d = load<L>(dy + from, int(room < L ? room : L));
    const Ints<L> won = IndexLanes<Index>::load(argmax + from, room);
    return [=](int tap) SKCONV_INLINE_BODY { return (Floats<L>)((Ints<L>)d & (won == tap)); };
  });
}

inline void max_pool_grad(const Slide& s, const float* dy, const void* argmax, int argmax_bytes,
                          float* dx) {
  argmax_bytes == 1 ? max_pool_grad_by(s, dy, (const uint8_t*)argmax, dx)
                    : max_pool_grad_by(s, dy, (const uint16_t*)argmax, dx);
}

// Pixels of the image, padding aside, under window (p, q).
SKCONV_INLINE float pixels_under(const Slide& s, int p, int q) {
  const Span rows = taps_inside(p, s.h, s.kh, s.stride_h, s.top);
  const Span columns = taps_inside(q, s.w, s.kw, s.stride_w, s.left);
  return float((rows.to - rows.from) * (columns.to - columns.from));
}

// y[n, p, c] = mean of x[n, q(p, t), c] over the taps t on the image.
inline void avg_pool(const Slide& s, const float* x, float* y) {
  constexpr int L = LANES;
  const ptrdiff_t c = s.c, in_row = s.w * c, out_row = s.ow * c;
  parallel_rows(s.n, s.oh, in_row, s.kh + s.kw, [&](int n, int p) {
    float* sums = row_scratch<float>(Scratch::input, in_row);
    const Span rows = taps_inside(p, s.h, s.kh, s.stride_h, s.top);
    const float* row = x + (ptrdiff_t(n) * s.h + p * s.stride_h - s.top) * in_row;
    for (ptrdiff_t i = 0; i < in_row; i += L) {
      Floats<L> sum = {};
      for (int r = rows.from; r < rows.to; r++)
        sum += load<L>(row + r * in_row + i, int(in_row - i));
      store<L>(sums + i, sum);
    }
    float* dst = y + (ptrdiff_t(n) * s.oh + p) * out_row;
    for (int q = 0; q < s.ow; q++) {
      const Span columns = taps_inside(q, s.w, s.kw, s.stride_w, s.left);
      const float* window = sums + (ptrdiff_t(q) * s.stride_w - s.left) * c;
      const float count = pixels_under(s, p, q);
      for (ptrdiff_t f = 0; f < c; f += L) {
        Floats<L> sum = {};
        for (int j = columns.from; j < columns.to; j++) sum += load<L>(window + j * c + f);
        const ptrdiff_t room = out_row - (q * c + f);
        store<L>(dst + q * c + f, sum / count, int(room < L ? room : L));
      }
    }
  });
}

inline void avg_pool_grad(const Slide& s, const float* dy, float* dx) {
  constexpr int L = LANES;
  pool_grad(s, dx, [&](ptrdiff_t from, ptrdiff_t room, int p, int r) SKCONV_INLINE_BODY {
    const Floats<L> d = load<L>(dy + from, int(room < L ? room : L)) / pixels_under(s, p, r);
    return [=](int) SKCONV_INLINE_BODY { return d; };
  });
}

}  // namespace skconv::SKCONV_ISA
