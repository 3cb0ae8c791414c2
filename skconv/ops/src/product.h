// The one product that convolution, its gradients and dense layers are: C (+)= A B, with
//
//     C[i][j]  (+)=  sum over k of  A[i][k] * B[k][j]        m rows i, n columns j
//
//     A[i][k] = a[a_rows[i] + steps[k]]        C[i][j] = c[c_rows[i] + j]
//
// A is never laid out as a matrix: two lists of offsets find its elements, `a_rows` the place
// of a window (or of a kernel's tap) and `steps` what it sees from there (or the pixels that
// the tap saw). The caller says which is which:
//
//                      a_rows                steps                  B
//     conv2d           windows               taps, channels         kernel
//     grad_kernel      taps, channels        pixels                 dz
//     grad_input       pixels of dx          taps, filters          kernel, transposed
//
// A depthwise convolution is the same with a[... + j] in place of a[...]: `elementwise`.
//
// An example: a kernel of 2 x 2 on an image of 3 x 4 pixels of one channel. Pixel (r, q) is
// a[4 r + q], and the 2 x 3 windows begin at the pixels marked with *:
//
//     *0  *1  *2   3         a_rows = 0 1 2 4 5 6     where a window begins
//     *4  *5  *6   7         steps  = 0 1 4 5         from there to its four taps
//      8   9  10  11         B      = the kernel, 4 x filters
//
//     A =  0  1  4  5        Row 3, say, is the window at pixel 4: a[4 + 0], a[4 + 1],
//          1  2  5  6        a[4 + 4], a[4 + 5]. With a stride of 2 the rows are 0 2 only,
//          2  3  6  7        with a dilation of 2 the steps 0 2 8 10. The gradient in the
//          4  5  8  9        kernel is A^T dz: the two lists change places.
//          5  6  9 10
//          6  7 10 11
//
// Loop order: for each panel of columns, for each slice of k, for each tile of rows. B lies
// packed in panels of one tile's width, [panel][k][width], so that a slice of it stays in the
// first-level cache while all tiles pass over it. A tile's sums stay in registers for the
// whole slice: `M` rows x `V` vectors of them, with the loads of B and one broadcast in what
// is left. Two fused multiply-adds can start in each cycle and take four: eight sums or more keep
// both units busy, and few loads for each of them keep the ports free.
//
// Each sum runs through k in order, in any tile: an output's bits do not depend on
// its neighbours, and so not on its batch.
#pragma once

#include "simd.h"

namespace skconv::SKCONV_ISA {

// What a whole product and one of its tiles have in common.
//
// A sum may be made in several runs of k, one after the other: slices here, parts of the
// kernel in blocks.h. The first run starts from the bias (`add` is false); a later one starts
// from what the run before left in c (`add` is true); the run that `ends` the sum applies
// scale, shift and ReLU before it stores. A sum over no k at all is one run as well, which
// stores the bias.
struct Operands {
  const float* a;
  const int32_t* a_rows;
  const int32_t* steps;
  float* c;
  const int32_t* c_rows;
  int n;  // columns: of a tile, those from its first one on
  // Padded like the panels. nullptr are zeros, but a scale of nullptr is left out.
  const float* bias;           // where the sums start
  const float *scale, *shift;  // at the end: sum * scale + shift
  bool add;                    // start from c, not from the bias
  bool relu;                   // at the end
};

struct Product : Operands {
  int m;                // rows
  const float* panels;  // B
  int depth;            // rows of the panels: all k that there are
  int k_from, k_to;     // those to sum over in this run
  bool ends;            // this run is the sums' last
  bool elementwise;
  bool far;             // A and C are in memory, not in a cache: see is_far
};

struct Tile : Operands {
  const float* b;
  int depth;
  const float* zeros;
  bool far;
};

// M x V vectors of L sums, from k = 0 to depth.
template <int L, int M, int V, bool Elementwise>
void multiply_tile(const Tile& t) {
  const float* a[M];
  float* c[M];
  Floats<L> sum[M][V];
  const bool full = t.n >= V * L;
  const auto filled = [&](int v) SKCONV_INLINE_BODY { return max(t.n - v * L, 0); };
  const auto each_sum = [&](const auto& body) SKCONV_INLINE_BODY {
    unrolled<M>([&](int i) SKCONV_INLINE_BODY {
      unrolled<V>([&](int v) SKCONV_INLINE_BODY { body(i, v); });
    });
  };

  unrolled<M>([&](int i) SKCONV_INLINE_BODY {
    a[i] = t.a + t.a_rows[i];
    c[i] = t.c + t.c_rows[i];
  });
  if (t.add && full) {
    each_sum([&](int i, int v) SKCONV_INLINE_BODY { sum[i][v] = load<L>(c[i] + v * L); });
  } else if (t.add) {
    each_sum([&](int i, int v) SKCONV_INLINE_BODY {
      sum[i][v] = load<L>(c[i] + v * L, filled(v));
    });
  } else {
    each_sum([&](int i, int v) SKCONV_INLINE_BODY {
      sum[i][v] = i ? sum[0][v] : load<L>(t.bias + v * L);
    });
  }

  const auto sum_up = [&](const auto& a_value) SKCONV_INLINE_BODY {
    const float* b = t.b;
    for (int k = 0; k < t.depth; k++, b += V * L) {
      const ptrdiff_t step = t.steps[k];
      Floats<L> b_row[V];
      unrolled<V>([&](int v) SKCONV_INLINE_BODY { b_row[v] = load<L>(b + v * L); });
      each_sum([&](int i, int v) SKCONV_INLINE_BODY {
        sum[i][v] = fma<L>(a_value(a[i] + step, v), b_row[v], sum[i][v]);
      });
    }
  };
  if constexpr (!Elementwise)
    sum_up([](const float* p, int) SKCONV_INLINE_BODY { return *p; });
  else if (full)
    sum_up([](const float* p, int v) SKCONV_INLINE_BODY { return load<L>(p + v * L); });
  else
    sum_up([&](const float* p, int v) SKCONV_INLINE_BODY {
      return load<L>(p + v * L, filled(v));
    });

  if (t.scale)
    each_sum([&](int i, int v) SKCONV_INLINE_BODY {
      sum[i][v] = fma<L>(sum[i][v], load<L>(t.scale + v * L), load<L>(t.shift + v * L));
    });
  if (t.relu) {
    // From memory: of a constant the compiler makes two instructions, not the maximum.
    const Floats<L> zero = load<L>(t.zeros);
    each_sum([&](int i, int v) SKCONV_INLINE_BODY {
      sum[i][v] = sum[i][v] < zero ? zero : sum[i][v];  // a NaN stays one
    });
  }
  if (full)
    each_sum([&](int i, int v) SKCONV_INLINE_BODY { store<L>(c[i] + v * L, sum[i][v]); });
  else
    each_sum([&](int i, int v) SKCONV_INLINE_BODY {
      store<L>(c[i] + v * L, sum[i][v], filled(v));
    });
}

// multiply_tile for 1 to `MostRows` rows.
template <int L, int V, int MostRows, bool Elementwise>
struct TileFunctions {
  void (*by_rows[MostRows + 1])(const Tile&) = {};
  constexpr TileFunctions() { fill<MostRows>(); }
  template <int M>
  constexpr void fill() {
    by_rows[M] = multiply_tile<L, M, V, Elementwise>;
    if constexpr (M > 1) fill<M - 1>();
  }
};

// Ask for what a tile writes, and for what the one after it reads: their rows lie apart, in an
// order that the processor does not foresee.
template <int L, int V>
SKCONV_INLINE void fetch_rows(const Tile& t, int rows, int next_rows) {
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < V; v++) fetch(t.c + t.c_rows[i] + v * L);
  for (int i = rows; i < rows + next_rows; i++)
    for (int k = 0; k < t.depth; k += 16) fetch(t.a + t.a_rows[i] + t.steps[k]);
}

// All m rows on one panel, in tiles as even as possible: a last tile of one row would take
// as long as one of four.
template <int L, int V, int MostRows, bool Elementwise>
void multiply_panel(Tile t, int m) {
  static constexpr TileFunctions<L, V, MostRows, Elementwise> tiles;
  const int n_tiles = ceil_div(m, MostRows);
  const auto rows_of = [&](int i) { return i < n_tiles ? (m + n_tiles - 1 - i) / n_tiles : 0; };
  for (int i = 0; i < n_tiles; i++) {
    const int rows = rows_of(i);
    if (!Elementwise && t.far) fetch_rows<L, V>(t, rows, rows_of(i + 1));
    tiles.by_rows[rows](t);
    t.a_rows += rows;
    t.c_rows += rows;
  }
}

// A width that panels come in, with the functions for it: [elementwise].
struct Width {
  int lanes, columns;
  void (*multiply[2])(Tile, int m);
};

template <int L, int V, int MostRows>
constexpr Width WIDTH = {L, L* V,
                         {multiply_panel<L, V, MostRows, false>,
                          multiply_panel<L, V, MostRows, true>}};

// From narrow to wide. Rows x vectors is what the registers hold: 32 of AVX-512, else 16.
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
constexpr int N_WIDTHS = sizeof WIDTHS / sizeof *WIDTHS;
constexpr int MAX_COLUMNS = WIDTHS[N_WIDTHS - 1].columns;

// The width for the columns that are left: the narrowest that holds them, or the next
// narrower one where a whole vector of it would be empty; the widest if none does.
inline const Width& width_for(int left) {
  const Width* width = WIDTHS;
  while (width < WIDTHS + N_WIDTHS - 1 && width->columns < left) width++;
  return left + width->lanes <= width->columns ? width[-1] : *width;
}

// Call body(a width's lanes and vectors as a type's constants), found among WIDTHS.
template <int L, int V>
struct ShapeTag {
  static constexpr int lanes = L, vectors = V;
};

template <int I = 0, class Body>
SKCONV_INLINE void with_shape(const Width& width, Body body) {
  constexpr int lanes = WIDTHS[I].lanes, vectors = WIDTHS[I].columns / lanes;
  if constexpr (I == N_WIDTHS - 1)
    body(ShapeTag<lanes, vectors>());
  else if (width.columns == WIDTHS[I].columns)
    body(ShapeTag<lanes, vectors>());
  else
    with_shape<I + 1>(width, body);
}

// Call body(first column, width) for each panel.
template <class Body>
SKCONV_INLINE void for_each_panel(int columns, Body body) {
  for (int j = 0; j < columns;) {
    const Width& width = width_for(columns - j);
    body(j, width);
    j += width.columns;
  }
}

// Columns that the panels of `columns` columns have, with the padding of the last.
inline int padded_columns(int columns) {
  int padded = 0;
  for_each_panel(columns, [&](int j, const Width& width) { padded = j + width.columns; });
  return padded;
}

// Bytes of a panel's slice: half of a first-level cache of 32 KB, so that the rows of A that
// pass have the other half. Flat (see blocks.h) from 16 to 64 KB; 8 KB take 3 % longer, 4 KB 9 %.
constexpr int SLICE_BYTES = 16384;

constexpr float ZEROS[MAX_COLUMNS] = {};

inline void multiply(const Product& p) {
  for_each_panel(p.n, [&](int j, const Width& width) {
    const float* panel = p.panels + ptrdiff_t(p.depth) * j;
    const int slice = SLICE_BYTES / (4 * width.columns);
    Tile t = {};
    t.a = p.a + (p.elementwise ? j : 0);
    t.a_rows = p.a_rows;
    t.c = p.c + j;
    t.c_rows = p.c_rows;
    t.n = p.n - j;
    t.bias = p.bias ? p.bias + j : ZEROS;
    t.zeros = ZEROS;
    t.far = p.far;
    t.add = p.add;
    int k = p.k_from;
    do {  // once at least: a sum over no k is stored as well
      t.steps = p.steps + k;
      t.depth = max(min(slice, p.k_to - k), 0);
      t.b = panel + ptrdiff_t(k) * width.columns;
      if (p.ends && k + slice >= p.k_to) {
        t.scale = p.scale ? p.scale + j : nullptr;
        t.shift = p.shift ? p.shift + j : ZEROS;
        t.relu = p.relu;
      }
      width.multiply[p.elementwise](t, p.m);
      t.add = true;
      k += slice;
    } while (k < p.k_to);
  });
}

}  // namespace skconv::SKCONV_ISA
