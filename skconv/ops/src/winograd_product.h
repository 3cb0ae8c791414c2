// The product of each of Winograd's places, of matrices as the transforms write them.
//
//     out[r][f]  (+)=  sum over k of  a[r][k] * b[k][f]
//
// For the sums over channels a is [k / LANES][row][LANES]; for the sums over tiles it is
// transposed, [row / LANES][k][LANES], so that both read what one transform wrote. Loop order
// and registers are those of product.h: a tile of Rows x Vectors sums stays in registers for
// all k, with a broadcast number of a for each row. There are no slices, since a place has
// few k, and no lists of offsets: without them this is a sixth faster.
#pragma once

#include "simd.h"
#include "winograd_transforms.h"

namespace skconv::SKCONV_ISA::winograd {

// Rows of a tile of 2 vectors of sums: what the registers hold, 32 of AVX-512 and else 16.
constexpr int ROWS = LANES == 16 ? 12 : 6;
// The same where a is transposed: they divide the lanes of a vector. Eight sums keep both units
// busy.
constexpr int TRANSPOSED_ROWS = LANES == 16 ? 8 : 4;

struct Factors {
  const float* a;
  ptrdiff_t a_column;  // floats from a vector of a's columns to the next
  const float* b;
  ptrdiff_t b_column;
  float* out;
  ptrdiff_t out_column;
  int depth;  // how many k
  bool add;
  bool far = false;  // whether to ask for a and b before they are needed
};

// Rows of b to ask for ahead, flat from 8 to 24; and from how many floats on its places are far.
constexpr int ROWS_AHEAD = 8;
constexpr ptrdiff_t FAR_FLOATS = 1 << 18;

template <int Rows, int Vectors, bool Transposed>
void multiply_tile(const Factors& p) {
  Vec sum[Rows][Vectors];
  const auto each_sum = [&](const auto& body) SKCONV_INLINE_BODY {
    unrolled<Rows>([&](int r) SKCONV_INLINE_BODY {
      unrolled<Vectors>([&](int v) SKCONV_INLINE_BODY {
        body(sum[r][v], r, v, p.out + v * p.out_column + r * LANES);
      });
    });
  };
  if (p.add)
    each_sum([](Vec& s, int, int, float* at) SKCONV_INLINE_BODY { s = load<LANES>(at); });
  else
    each_sum([](Vec& s, int, int, float*) SKCONV_INLINE_BODY { s = Vec{}; });
  const float *a = p.a, *b = p.b;
  const int run = Transposed ? p.depth : LANES;  // of k that lie side by side, or in a column
  for (int k0 = 0; k0 < p.depth; k0 += run, a += p.a_column)
    for (int k = 0, stop = min(run, p.depth - k0); k < stop; k++, b += LANES) {
      if (!Transposed && p.far) {
        unrolled<Vectors>([&](int v) SKCONV_INLINE_BODY {
          fetch(b + v * p.b_column + ROWS_AHEAD * LANES);
        });
        fetch(a + p.a_column + k * LANES);
      }
      Vec row[Vectors];
      unrolled<Vectors>([&](int v) SKCONV_INLINE_BODY {
        row[v] = load<LANES>(b + v * p.b_column);
      });
      each_sum([&](Vec& s, int r, int v, float*) SKCONV_INLINE_BODY {
        s = fma(a[Transposed ? k * LANES + r : r * LANES + k], row[v], s);
      });
    }
  each_sum([](Vec& s, int, int, float* at) SKCONV_INLINE_BODY { store<LANES>(at, s); });
}

// multiply_tile for 1 to ROWS rows.
template <int Vectors>
struct TilesByRows {
  void (*by_rows[ROWS + 1])(const Factors&) = {};
  constexpr TilesByRows() { fill<ROWS>(); }
  template <int Rows>
  constexpr void fill() {
    by_rows[Rows] = multiply_tile<Rows, Vectors, false>;
    if constexpr (Rows > 1) fill<Rows - 1>();
  }
};

// Place i of a product over channels: `rows` tiles, as even as possible, times vectors of f. The
// channels of each of a kernel's pieces begin with a vector of a, and with a row of b.
inline void multiply_channels(int i, const Matrices& a, int rows, int pieces, int channels,
                              const Matrices& b, int first_vector, int vectors,
                              const Matrices& out) {
  static constexpr TilesByRows<1> one;
  static constexpr TilesByRows<2> two;
  const int parts = ceil_div(rows, ROWS), piece_vectors = ceil_div(channels, LANES);
  for (int v = 0; v < vectors; v += 2)
    for (int part = 0, r = 0, n; part < parts; part++, r += n) {
      n = (rows + parts - 1 - part) / parts;
      for (int piece = 0; piece < pieces; piece++)
        (vectors - v < 2 ? one.by_rows : two.by_rows)[n](
            {.a = a.at(i, piece * piece_vectors, r), .a_column = a.column,
             .b = b.at(i, first_vector + v, piece * channels), .b_column = b.column,
             .out = out.at(i, v, r), .out_column = out.column,
             .depth = channels, .add = piece > 0, .far = b.floats() > FAR_FLOATS});
    }
}

// Place i of a product over tiles: channels times vectors of f.
inline void multiply_tiles(int i, const Matrices& a, int channels, int tiles, const Matrices& b,
                           int vectors, bool add, const Matrices& out) {
  for (int v = 0; v < vectors; v += 2)
    for (int k = 0; k < channels; k += TRANSPOSED_ROWS)
      (vectors - v < 2 ? multiply_tile<TRANSPOSED_ROWS, 1, true>
                       : multiply_tile<TRANSPOSED_ROWS, 2, true>)(
          {.a = a.at(i, k / LANES, 0) + k % LANES, .a_column = 0, .b = b.at(i, v, 0),
           .b_column = b.column, .out = out.at(i, v, k), .out_column = out.column,
           .depth = tiles, .add = add});
}

}  // namespace skconv::SKCONV_ISA::winograd
