// The transforms of Winograd's convolution F(4 x 4, 3 x 3): winograd.h has the formulas.
//
// Every transform runs along one axis and then along the other; Axis has them for one. All
// work on vectors of channels, so that each channel's bits are the same in any vector.
#pragma once

#include "activations.h"
#include "kernels.h"
#include "pooling.h"
#include "simd.h"

namespace skconv::SKCONV_ISA::winograd {

constexpr int TILE = 4, WINDOW = 6, PLACES = WINDOW * WINDOW;
typedef Floats<LANES> Vec;

inline int vectors(int channels) { return ceil_div(channels, LANES); }

// Four outputs from six inputs, by six products instead of twelve. In the transposed problem
// that is a product of two polynomials, of their values at six points: 0, a, -a, b, -b and
// infinity. The points are exact in binary, and err half as much as the usual a = 1, b = 2.
// A sum holds one product alone where it can be so: two could be fused with it in two ways,
// which round differently.
struct Axis {
  static constexpr float a = .625f, b = 1.5f, a2 = a * a, b2 = b * b;
  static constexpr float of_zero = 1 / (a2 * b2), of_a = .5f / (a2 * (a2 - b2)),
                         of_b = .5f / (b2 * (b2 - a2));

  // B^T: six inputs to six places.
  static SKCONV_INLINE void input(const Vec* d, Vec* v) {
    const Vec even_a = d[4] - b2 * d[2], odd_a = d[3] - b2 * d[1];
    const Vec even_b = d[4] - a2 * d[2], odd_b = d[3] - a2 * d[1];
    v[0] = a2 * b2 * d[0] + (d[4] - (a2 + b2) * d[2]);
    v[1] = even_a + a * odd_a, v[2] = even_a - a * odd_a;
    v[3] = even_b + b * odd_b, v[4] = even_b - b * odd_b;
    v[5] = a2 * b2 * d[1] + (d[5] - (a2 + b2) * d[3]);
  }
  // A^T: six places to four outputs.
  static SKCONV_INLINE void output(const Vec* m, Vec* y) {
    const Vec sum_a = m[1] + m[2], diff_a = m[1] - m[2];
    const Vec sum_b = m[3] + m[4], diff_b = m[3] - m[4];
    y[0] = m[0] + (sum_a + sum_b);
    y[1] = a * diff_a + b * diff_b;
    y[2] = a2 * sum_a + b2 * sum_b;
    y[3] = a * a2 * diff_a + (b * b2 * diff_b + m[5]);
  }
  // A: four outputs' gradients to six places.
  static SKCONV_INLINE void output_grad(const Vec* y, Vec* m) {
    const Vec even_a = y[0] + a2 * y[2], odd_a = y[1] + a2 * y[3];
    const Vec even_b = y[0] + b2 * y[2], odd_b = y[1] + b2 * y[3];
    m[0] = y[0];
    m[1] = even_a + a * odd_a, m[2] = even_a - a * odd_a;
    m[3] = even_b + b * odd_b, m[4] = even_b - b * odd_b;
    m[5] = y[3];
  }
  // G: three taps to six places.
  static SKCONV_INLINE void kernel(const Vec* g, Vec* u) {
    const Vec even_a = g[0] + a2 * g[2], even_b = g[0] + b2 * g[2];
    u[0] = of_zero * g[0];
    u[1] = of_a * (even_a + a * g[1]), u[2] = of_a * (even_a - a * g[1]);
    u[3] = of_b * (even_b + b * g[1]), u[4] = of_b * (even_b - b * g[1]);
    u[5] = g[2];
  }
  // G^T: six places to three taps.
  static SKCONV_INLINE void kernel_grad(const Vec* u, Vec* g) {
    const Vec sum_a = of_a * (u[1] + u[2]), diff_a = of_a * (u[1] - u[2]);
    const Vec sum_b = of_b * (u[3] + u[4]), diff_b = of_b * (u[3] - u[4]);
    g[0] = of_zero * u[0] + (sum_a + sum_b);
    g[1] = a * diff_a + b * diff_b;
    g[2] = a2 * sum_a + (b2 * sum_b + u[5]);
  }
};

// Matrices, one for each place, whose columns are channels: [place][column / LANES][row][LANES].
// Transforms read and write whole vectors, and rows are a constant apart.
struct Matrices {
  float* start;
  ptrdiff_t place, column;  // floats from one to the next, and to the next vector of columns

  // Places are an odd number of vectors apart: else what a tile stores falls on a few sets of
  // the cache.
  Matrices(float* start, int columns, int rows)
      : start(start), place((ptrdiff_t(columns) * rows | 1) * LANES),
        column(ptrdiff_t(rows) * LANES) {}
  ptrdiff_t floats() const { return PLACES * place; }
  float* end() const { return start + floats(); }
  float* at(int place_, int vector, int row) const {
    return start + place_ * place + vector * column + ptrdiff_t(row) * LANES;
  }
};

// The images that tiles or windows are cut from, and the channels to transform. They are the dz of
// a gradient; plain images are a gradient whose activation is the identity.
struct Pixels {
  const Gradient& gradient;
  int h, w, channels;
  int first, c;        // the channels to transform
  const float* zeros;  // WINDOW pixels of them, and a vector more
};

inline ptrdiff_t zeros_floats(int channels) { return ptrdiff_t(WINDOW) * channels + LANES; }

// Keeps the compiler from fusing a product with the sum that follows: it would in some loops only.
SKCONV_INLINE Vec rounded(Vec v) {
  asm volatile("" : "+m"(v));
  return v;
}

// The rows of Side x Side pixels from (row, column) of an image on. With a pool they are rows of
// what it kept, from its first column on, and `taps` is the place of their first pixel in a
// window. Rows outside of the image are zeros.
template <int Side, bool Pooled>
struct Rows {
  const float *dy[Side], *y[Side];
  const uint8_t* places[Side];
  int taps[Side];
  bool inside[Side];

  Rows(const Pixels& p, ptrdiff_t image, int row, int column) {
    const Gradient& g = p.gradient;
    for (int i = 0; i < Side; i++) {
      const int r = row + i;
      inside[i] = r >= 0 && r < p.h;
      const ptrdiff_t at =
          Pooled ? (image * (p.h / g.pool.h) + r / g.pool.h) * (p.w / g.pool.w) * p.channels
                 : ((image * p.h + r) * p.w + column) * p.channels;
      dy[i] = inside[i] ? g.dy + at + p.first : p.zeros;
      y[i] = inside[i] ? g.y + at + p.first : p.zeros;
      places[i] = Pooled && inside[i] ? g.places + at + p.first : (const uint8_t*)p.zeros;
      taps[i] = inside[i] ? r % g.pool.h * g.pool.w : 0;
    }
  }
};

// dz of LANES channels of a pixel, or of `left` of them.
template <Activation A, bool Pooled>
SKCONV_INLINE Vec gradient_at(const float* dy, const float* y, const uint8_t* places, int tap,
                              int left) {
  const bool full = left >= LANES;
  Vec dz = full ? load<LANES>(dy) : load_part<LANES>(dy, left);
  if constexpr (A != Activation::identity) {
    const Vec saved = full ? load<LANES>(y) : load_part<LANES>(y, left);
    dz = activation_grad<LANES, A>(dz, saved);
    if constexpr (A != Activation::relu) dz = rounded(dz);
  }
  if constexpr (Pooled) {
    const Ints<LANES> won = IndexLanes<uint8_t>::load(places, left);
    dz = (Vec)((Ints<LANES>)dz & (won == tap));
  }
  return dz;
}

// Transform the Side x Side pixels from (row, column) of an image on, zeros outside of it, to
// row t of `to`. Their sum is added to `total` unless that is nullptr.
//
// For each vector of channels: along the columns of pixels, then along the rows.
template <int Side, void (*along)(const Vec*, Vec*), Activation A, bool Pooled>
inline void transform(const Pixels& p, ptrdiff_t image, int row, int column, const Matrices& to,
                      int t, float* total) {
  const Rows<Side, Pooled> rows(p, image, row, column);
  const int pool_w = p.gradient.pool.w;
  const int j0 = max(-column, 0), j1 = min(p.w - column, Side);
  alignas(64) float half[WINDOW * Side * LANES];
  for (int j = 0; j < Side; j++)
    for (int i = 0; i < WINDOW && (j < j0 || j >= j1); i++)
      store<LANES>(half + (i * Side + j) * LANES, Vec{});
  for (int k = 0, vector = 0; k < p.c; k += LANES, vector++) {
    Vec sum = {};
    for (int j = j0; j < j1; j++) {
      const int q = column + j;
      const ptrdiff_t at = ptrdiff_t(Pooled ? q / pool_w : j) * p.channels + k;
      const int tap = Pooled ? q % pool_w : 0;
      Vec d[Side], v[WINDOW];
      const auto read = [&](int i, int left) SKCONV_INLINE_BODY {
        const ptrdiff_t from = Pooled && !rows.inside[i] ? k : at;
        d[i] = gradient_at<A, Pooled>(rows.dy[i] + from, rows.y[i] + from, rows.places[i] + from,
                                      rows.taps[i] + tap, left);
      };
      if (k + LANES <= p.c)
        unrolled<Side>([&](int i) SKCONV_INLINE_BODY { read(i, LANES); });
      else
        unrolled<Side>([&](int i) SKCONV_INLINE_BODY { read(i, p.c - k); });
      along(d, v);
      unrolled<WINDOW>([&](int i) SKCONV_INLINE_BODY {
        store<LANES>(half + (i * Side + j) * LANES, v[i]);
      });
      if (Side == TILE) unrolled<Side>([&](int i) SKCONV_INLINE_BODY { sum += d[i]; });
    }
    if (total) store<LANES>(total + k, load<LANES>(total + k) + sum);
    // Hides the zeros from the compiler, as in load_part: it would multiply in branches.
    asm volatile("" : : "r"(half) : "memory");
    float* place = to.at(0, vector, t);
    for (int i = 0; i < WINDOW; i++) {
      Vec d[Side], v[WINDOW];
      unrolled<Side>([&](int j) SKCONV_INLINE_BODY {
        d[j] = load<LANES>(half + (i * Side + j) * LANES);
      });
      along(d, v);
      unrolled<WINDOW>([&](int j) SKCONV_INLINE_BODY {
        store<LANES>(place, v[j]);
        place += to.place;
      });
    }
  }
}

// Where the outputs of a tile go: LANES filters of some rows and columns of pixels.
struct Outputs {
  float* to;
  ptrdiff_t row;
  int column;
  int rows, columns, filters;
  uint8_t* places = nullptr;  // of what a pool keeps, or nullptr
};

// z = max(scale * (the sums of a tile, transformed back) + shift, least).
inline void transform_back(const Matrices& sums, int vector, int t, Vec scale, Vec shift,
                           Vec least, const Outputs& z) {
  alignas(64) float half[TILE * WINDOW * LANES];
  const float* place = sums.at(0, vector, t);
  for (int j = 0; j < WINDOW; j++) {
    Vec m[WINDOW], o[TILE];
    unrolled<WINDOW>([&](int i) SKCONV_INLINE_BODY {
      m[i] = load<LANES>(place + (i * WINDOW + j) * sums.place);
    });
    Axis::output(m, o);
    unrolled<TILE>([&](int i) SKCONV_INLINE_BODY {
      store<LANES>(half + (i * WINDOW + j) * LANES, o[i]);
    });
  }
  for (int i = 0; i < z.rows; i++) {
    Vec m[WINDOW], o[TILE];
    unrolled<WINDOW>([&](int j) SKCONV_INLINE_BODY {
      m[j] = load<LANES>(half + (i * WINDOW + j) * LANES);
    });
    Axis::output(m, o);
    unrolled<TILE>([&](int j) SKCONV_INLINE_BODY {
      const Vec scaled = o[j] * scale + shift;
      if (j < z.columns)
        store<LANES>(z.to + i * z.row + j * z.column, scaled < least ? least : scaled,
                     z.filters);  // a NaN stays one
    });
  }
}

// A kernel of 3 x 3 taps to its places, tap by tap for a vector of filters.
SKCONV_INLINE void transform_kernel(const Vec* taps, Vec* places) {
  Vec half[3 * WINDOW];  // [column of taps][place]
  unrolled<3>([&](int j) SKCONV_INLINE_BODY {
    const Vec g[3] = {taps[j], taps[3 + j], taps[6 + j]};
    Axis::kernel(g, half + j * WINDOW);
  });
  unrolled<WINDOW>([&](int i) SKCONV_INLINE_BODY {
    const Vec g[3] = {half[i], half[WINDOW + i], half[2 * WINDOW + i]};
    Axis::kernel(g, places + i * WINDOW);
  });
}

}  // namespace skconv::SKCONV_ISA::winograd
