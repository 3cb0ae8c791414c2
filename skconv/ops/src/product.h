// The one product behind convolution, its gradients and dense layers.
//
//     out[outs[r] + f]  (+)=  sum over k < depth of  a[rows[r] + steps[k]] * b[k][f]
//
// A row of the left matrix is found through two lists of offsets, so that nothing is ever
// laid out as columns: `rows` places a window (or a kernel's tap), `steps` walks through
// what it sees (or through the pixels that the tap saw). Who calls it says which is which:
//
//                      rows                  steps                  b
//     conv2d           windows               taps, channels         kernel
//     grad_kernel      taps, channels        pixels                 dz
//     grad_input       pixels of dx          taps, filters          kernel, transposed
//
// A depthwise convolution is the same with a[... + f] in place of a[...]: `Elementwise`.
//
// Loop order: for each panel of columns, for each slice of the depth, for each tile of rows.
// b lies packed in panels of one tile's width, [panel][k][width], so that a slice of it stays
// in the first-level cache while all tiles pass over it. A tile's sums stay in registers for
// the whole slice: `Rows` x `Vectors` of them, with the loads of b and one broadcast in what
// is left. Two multiply-adds can start in each cycle and take four: eight sums or more keep
// both units busy, and few loads for each multiply-add keep the ports free.
//
// Each sum runs through k in order, whatever the tile: an output's bits do not depend on
// its neighbours, and so not on its batch.
#pragma once

#include "simd.h"

namespace skconv::SKCONV_ISA {

// Bytes of a panel's slice: half of a small first-level cache.
constexpr int SLICE_BYTES = 16384;

struct Product {
  const float* a;
  const int32_t* rows;
  const int32_t* outs;
  int n_rows;
  const int32_t* steps;
  int depth;            // of the panels
  int from, to;         // the part of it to sum over
  const float* panels;  // the columns from 0 on
  int columns;
  // Padded as the panels are; nullptr are zeros, but a scale that is nullptr is left out.
  const float* bias;           // where the sums begin
  const float *scale, *shift;  // at the end: sum * scale + shift
  bool add;                    // to what is there
  bool ends;                   // with `to` end the sums
  bool relu;                   // at the end
  float* out;
};

struct Tile {
  const float* a;
  const int32_t* rows;
  const int32_t* outs;
  const int32_t* steps;
  int depth;
  const float* b;
  const float* bias;
  const float *scale, *shift;  // or nullptr
  const float* zeros;
  bool add, relu;
  int columns;  // of the tile's width, those that there are
  float* out;
};

// Rows x Vectors vectors of sums, from k = 0 to depth.
template <int L, int Rows, int Vectors, bool Elementwise>
void multiply_tile(const Tile& t) {
  const float* a[Rows];
  float* out[Rows];
  Floats<L> sum[Rows][Vectors];
  const bool full = t.columns >= Vectors * L;
  const auto lanes = [&](int v) SKCONV_INLINE_BODY { return max(t.columns - v * L, 0); };
  const auto each = [&](const auto& body) SKCONV_INLINE_BODY {
    unrolled<Rows>([&](int r) SKCONV_INLINE_BODY {
      unrolled<Vectors>([&](int v) SKCONV_INLINE_BODY { body(r, v); });
    });
  };

  unrolled<Rows>([&](int r) SKCONV_INLINE_BODY {
    a[r] = t.a + t.rows[r];
    out[r] = t.out + t.outs[r];
  });
  if (t.add && full) {
    each([&](int r, int v) SKCONV_INLINE_BODY { sum[r][v] = load<L>(out[r] + v * L); });
  } else if (t.add) {
    each([&](int r, int v) SKCONV_INLINE_BODY {
      sum[r][v] = load<L>(out[r] + v * L, lanes(v));
    });
  } else {
    each([&](int r, int v) SKCONV_INLINE_BODY {
      sum[r][v] = r ? sum[0][v] : load<L>(t.bias + v * L);
    });
  }

  const auto sum_up = [&](const auto& value) SKCONV_INLINE_BODY {
    const float* b = t.b;
    for (int k = 0; k < t.depth; k++, b += Vectors * L) {
      const ptrdiff_t step = t.steps[k];
      Floats<L> column[Vectors];
      unrolled<Vectors>([&](int v) SKCONV_INLINE_BODY { column[v] = load<L>(b + v * L); });
      each([&](int r, int v) SKCONV_INLINE_BODY {
        sum[r][v] += value(a[r] + step, v) * column[v];
      });
    }
  };
  if constexpr (!Elementwise)
    sum_up([](const float* p, int) SKCONV_INLINE_BODY { return *p; });
  else if (full)
    sum_up([](const float* p, int v) SKCONV_INLINE_BODY { return load<L>(p + v * L); });
  else
    sum_up([&](const float* p, int v) SKCONV_INLINE_BODY {
      return load_part<L>(p + v * L, lanes(v));
    });

  if (t.scale)
    each([&](int r, int v) SKCONV_INLINE_BODY {
      sum[r][v] = sum[r][v] * load<L>(t.scale + v * L) + load<L>(t.shift + v * L);
    });
  if (t.relu) {
    // From memory: of a constant the compiler makes two instructions, not the maximum.
    const Floats<L> zero = load<L>(t.zeros);
    each([&](int r, int v) SKCONV_INLINE_BODY {
      sum[r][v] = sum[r][v] < zero ? zero : sum[r][v];  // a NaN stays one
    });
  }
  if (full)
    each([&](int r, int v) SKCONV_INLINE_BODY { store<L>(out[r] + v * L, sum[r][v]); });
  else
    each([&](int r, int v) SKCONV_INLINE_BODY {
      store<L>(out[r] + v * L, sum[r][v], lanes(v));
    });
}

typedef void (*TileFunction)(const Tile&);

template <int L, int Vectors, int MostRows, bool Elementwise>
struct Tiles {
  TileFunction of_rows[MostRows + 1] = {};
  constexpr Tiles() { fill<MostRows>(); }
  template <int Rows>
  constexpr void fill() {
    of_rows[Rows] = multiply_tile<L, Rows, Vectors, Elementwise>;
    if constexpr (Rows > 1) fill<Rows - 1>();
  }
};

// All rows on one panel, in tiles as even as possible: a last tile of one row would take
// as long as one of four.
template <int L, int Vectors, int MostRows, bool Elementwise>
void multiply_panel(Tile t, int n_rows) {
  static constexpr Tiles<L, Vectors, MostRows, Elementwise> tiles;
  const int n_tiles = ceil_div(n_rows, MostRows);
  for (int i = 0; i < n_tiles; i++) {
    const int rows = (n_rows + n_tiles - 1 - i) / n_tiles;
    tiles.of_rows[rows](t);
    t.rows += rows;
    t.outs += rows;
  }
}

// A width that panels come in, with the function for it: [Elementwise].
struct Width {
  int lanes, columns;
  void (*multiply[2])(Tile, int n_rows);
};

template <int L, int Vectors, int MostRows>
constexpr Width WIDTH = {L,
                         L* Vectors,
                         {multiply_panel<L, Vectors, MostRows, false>,
                          multiply_panel<L, Vectors, MostRows, true>}};

// From narrow to wide. Rows x Vectors is what the registers hold: 32 of AVX-512, else 16.
constexpr Width WIDTHS[] = {
    WIDTH<4, 1, 8>,
#if SKCONV_LANES == 16
    WIDTH<8, 1, 8>, WIDTH<16, 1, 8>, WIDTH<16, 2, 8>, WIDTH<16, 4, 6>,
#elif SKCONV_LANES == 8
    WIDTH<8, 1, 8>, WIDTH<8, 2, 6>,
#else
    WIDTH<4, 2, 6>,
#endif
};

// The width for the columns that are left: the narrowest that holds them, or the next
// narrower one where a whole vector of it would be empty; the widest if none does.
inline const Width& width_for(int left) {
  const Width* width = WIDTHS;
  const Width* widest = WIDTHS + sizeof WIDTHS / sizeof *WIDTHS - 1;
  while (width < widest && width->columns < left) width++;
  return left + width->lanes <= width->columns ? width[-1] : *width;
}

constexpr int MAX_COLUMNS = WIDTHS[sizeof WIDTHS / sizeof *WIDTHS - 1].columns;

// Call body(a width's lanes and vectors as a type's constants).
template <int L, int Vectors>
struct Shape {
  static constexpr int lanes = L, vectors = Vectors;
};

template <class Body>
SKCONV_INLINE void with_shape(const Width& width, Body body) {
  switch (width.columns) {
    case 4: return body(Shape<4, 1>());
    case 8: return body(Shape<min(LANES, 8), 8 / min(LANES, 8)>());
    case 16: return body(Shape<LANES, 16 / LANES>());
    case 32: return body(Shape<LANES, 32 / LANES>());
    default: return body(Shape<LANES, 64 / LANES>());
  }
}

// Call body(first column, width) for each panel.
template <class Body>
SKCONV_INLINE void for_each_panel(int columns, Body body) {
  for (int f = 0; f < columns;) {
    const Width& width = width_for(columns - f);
    body(f, width);
    f += width.columns;
  }
}

// Columns that the panels of `columns` columns have, with the padding of the last.
inline int padded_columns(int columns) {
  int padded = 0;
  for_each_panel(columns, [&](int f, const Width& width) { padded = f + width.columns; });
  return padded;
}

constexpr float ZEROS[MAX_COLUMNS] = {};

template <bool Elementwise>
void multiply(const Product& p) {
  for_each_panel(p.columns, [&](int f, const Width& width) {
    const float* panel = p.panels + ptrdiff_t(p.depth) * f;
    const int slice = SLICE_BYTES / (4 * width.columns);
    Tile t = {};
    t.a = p.a + (Elementwise ? f : 0);
    t.rows = p.rows;
    t.outs = p.outs;
    t.bias = p.bias ? p.bias + f : ZEROS;
    t.zeros = ZEROS;
    t.add = p.add;
    t.columns = p.columns - f;
    t.out = p.out + f;
    int k = p.from;
    do {
      t.steps = p.steps + k;
      t.depth = max(min(slice, p.to - k), 0);
      t.b = panel + ptrdiff_t(k) * width.columns;
      if (p.ends && k + slice >= p.to) {
        t.scale = p.scale ? p.scale + f : nullptr;
        t.shift = p.shift ? p.shift + f : ZEROS;
        t.relu = p.relu;
      }
      width.multiply[Elementwise](t, p.n_rows);
      t.add = true;
      k += slice;
    } while (k < p.to);
  });
}

}  // namespace skconv::SKCONV_ISA
