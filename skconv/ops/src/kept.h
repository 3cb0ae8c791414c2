// The gradients of a convolution from the numbers of dz that are not zero. Before a max pool of
// 2 x 2 these are a quarter of dz, and fewer with ReLU: the products of product.h multiply with all
// of it.
//
// The window of a pixel p is kh runs of kw * c floats of x, since the channels of neighbouring
// pixels are neighbours. So a number dz[p, f] adds vectors along (tap, channel), which are full
// for any number of channels and of filters:
//
//     dkernel[f]         +=  dz[p, f] * window of x at p
//     window of dx at p  +=  dz[p, f] * kernel[f]
//
// This file has what both sum up: a window's rows and vectors, over a list of numbers. The sums
// stay in registers; each runs through its numbers in order, so its bits do not depend on lanes.
#pragma once

#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA::kept {

// Rows and vectors of a window that are summed up at a time: what registers hold.
constexpr int MOST_ROWS = 5, MOST_VECTORS = LANES == 16 ? 6 : 4, MOST_SUMS = LANES == 16 ? 24 : 12;

// Sums of rows x vectors of a window over some numbers.
struct Part {
  const float* values;
  const int32_t* offsets;  // of what each is multiplied with
  int count;
  const float* from;
  ptrdiff_t from_row;  // floats from row to row
  float* sums;
  ptrdiff_t sums_row;
  int last;  // floats of the last vector that belong to the window
};

// Continue the sums or, to `Add`, start from zero and add the result: then what is added first
// need not wait for what was stored last.
template <int L, int R, int V, bool Add>
void sum_part(const Part& p) {
  Floats<L> sum[R][V];
  const auto each = [&](const auto& body) SKCONV_INLINE_BODY {
    unrolled<R>([&](int i) SKCONV_INLINE_BODY {
      unrolled<V>([&](int v) SKCONV_INLINE_BODY { body(i, v); });
    });
  };
  each([&](int i, int v) SKCONV_INLINE_BODY {
    sum[i][v] = Add ? Floats<L>{} : load<L>(p.sums + i * p.sums_row + v * L);
  });
  for (int e = 0; e < p.count; e++) {
    const float* from = p.from + p.offsets[e];
    const float value = p.values[e];
    each([&](int i, int v) SKCONV_INLINE_BODY {
      sum[i][v] = fma<L>(value, load<L>(from + i * p.from_row + v * L), sum[i][v]);
    });
  }
  if constexpr (Add) {
    Ints<L> lane = {};
    for (int i = 0; i < L; i++) lane[i] = i;
    const Ints<L> mask = lane < p.last;  // what reaches too far adds zeros
    each([&](int i, int v) SKCONV_INLINE_BODY {
      float* to = p.sums + i * p.sums_row + v * L;
      const Ints<L> bits = v == V - 1 ? (Ints<L>)sum[i][v] & mask : (Ints<L>)sum[i][v];
      store<L>(to, load<L>(to) + (Floats<L>)bits);
    });
  } else {
    each([&](int i, int v) SKCONV_INLINE_BODY {
      store<L>(p.sums + i * p.sums_row + v * L, sum[i][v]);
    });
  }
}

typedef void SumPart(const Part&);

// sum_part for each number of rows and vectors.
template <int L, bool Add>
struct PartFunctions {
  static constexpr int most = L == LANES ? MOST_VECTORS : 1;
  SumPart* by_shape[MOST_ROWS + 1][MOST_VECTORS + 1] = {};
  constexpr PartFunctions() { fill<MOST_ROWS, most>(); }
  template <int R, int V>
  constexpr void fill() {
    if constexpr (R * V <= MOST_SUMS) by_shape[R][V] = sum_part<L, R, V, Add>;
    if constexpr (R > 1) fill<R - 1, V>();
    else if constexpr (V > 1) fill<MOST_ROWS, V - 1>();
  }
};

// A window, cut up for vectors: rows of `width` floats, each padded to whole vectors, in pieces
// of what registers hold.
struct WindowShape {
  int rows, width, lanes, vectors;
  struct Piece {
    int row, column;  // its first row and float
    int last;
    SumPart* sum;
  };
  Piece* pieces;
  int count;

  // `add`: for sum_part's Add.
  WindowShape(const Slide& s, bool add, Scratch use)
      : rows(s.kh), width(s.kw * s.c), lanes(width <= 4 ? 4 : width <= 8 ? min(8, LANES) : LANES),
        vectors(ceil_div(width, lanes)), count(0) {
    const int across = ceil_div(vectors, MOST_VECTORS);
    pieces = (Piece*)scratch(use, sizeof(Piece) * across * rows);
    for (int a = 0; a < across; a++) {
      const int v = vectors * a / across, wide = vectors * (a + 1) / across - v;
      const int down = ceil_div(rows, min(MOST_ROWS, MOST_SUMS / wide));
      const int last = a == across - 1 ? width - (vectors - 1) * lanes : lanes;
      for (int d = 0; d < down; d++) {
        const int row = rows * d / down, high = rows * (d + 1) / down - row;
        pieces[count++] = {row, v * lanes, last, function(lanes, high, wide, add)};
      }
    }
  }
  int padded() const { return vectors * lanes; }
  ptrdiff_t floats() const { return ptrdiff_t(rows) * padded(); }

  // sum_part of all pieces.
  void sum(const Part& window) const {
    Part p = window;
    for (const Piece* piece = pieces; piece < pieces + count; piece++) {
      p.from = window.from + piece->row * p.from_row + piece->column;
      p.sums = window.sums + piece->row * p.sums_row + piece->column;
      p.last = piece->last;
      piece->sum(p);
    }
  }

 private:
  template <int L>
  static SumPart* function_of(int high, int wide, bool add) {
    static constexpr PartFunctions<L, true> adding;
    static constexpr PartFunctions<L, false> going_on;
    return add ? adding.by_shape[high][wide] : going_on.by_shape[high][wide];
  }
  static SumPart* function(int lanes, int high, int wide, bool add) {
    if (lanes == LANES) return function_of<LANES>(high, wide, add);
    if (lanes == 8) return function_of<min(8, LANES)>(high, wide, add);
    return function_of<4>(high, wide, add);
  }
};

}  // namespace skconv::SKCONV_ISA::kept
