// The transforms of Winograd's convolution of a tiling: winograd.h has the formulas.
//
// Every transform runs along one axis and then along the other; winograd_axes.h has them for one.
#pragma once

#include "activations.h"
#include "kernels.h"
#include "pooling.h"
#include "simd.h"
#include "winograd_axes.h"

namespace skconv::SKCONV_ISA::winograd {

inline int vectors(int channels) { return ceil_div(channels, LANES); }

// Matrices, one for each place, whose columns are channels: [place][column / LANES][row][LANES].
// Transforms read and write whole vectors, and rows are a constant apart.
struct Matrices {
  float* start;
  int places;
  ptrdiff_t place, column;  // floats from one to the next, and to the next vector of columns

  // Places are an odd number of vectors apart: else what a tile stores falls on a few sets of
  // the cache.
  Matrices(int places, int columns, int rows)
      : start(nullptr), places(places), place((ptrdiff_t(columns) * rows | 1) * LANES),
        column(ptrdiff_t(rows) * LANES) {}
  ptrdiff_t floats() const { return places * place; }
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
  const float* zeros;  // a window's pixels of them, and a vector more
};

template <class T>
inline ptrdiff_t zeros_floats(int channels) {
  return ptrdiff_t(T::Columns::PLACES) * channels + LANES;
}

// `Side` rows of pixels from (row, column) of an image on. With a pool they are rows of
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

// dz of LANES channels of a pixel, or of `left` of them. The pixel `next` floats on is asked for.
template <Activation A, bool Pooled>
SKCONV_INLINE Vec gradient_at(const float* dy, const float* y, const uint8_t* places, int tap,
                              int left, ptrdiff_t next) {
  const bool full = left >= LANES;
  fetch(dy + next);
  if constexpr (A != Activation::identity) fetch(y + next);
  Vec dz = full ? load<LANES>(dy) : load_part<LANES>(dy, left);
  if constexpr (A != Activation::identity) {
    const Vec saved = full ? load<LANES>(y) : load_part<LANES>(y, left);
    dz = activation_grad<LANES, A>(dz, saved);
  }
  if constexpr (Pooled) {
    const Ints<LANES> won = IndexLanes<uint8_t>::load(places, left);
    dz = (Vec)((Ints<LANES>)dz & (won == tap));
  }
  return dz;
}

// What is transformed along an axis: the windows of the input, or tiles of the outputs' gradients.
template <class Axis>
struct WindowOf {
  static constexpr int SIDE = Axis::PLACES, PLACES = Axis::PLACES, STEP = Axis::TILE;
  static SKCONV_INLINE void along(const Vec* d, Vec* v) { Axis::input(d, v); }
};
template <class Axis>
struct TileOf {
  static constexpr int SIDE = Axis::TILE, PLACES = Axis::PLACES, STEP = Axis::TILE;
  static SKCONV_INLINE void along(const Vec* y, Vec* m) { Axis::output_grad(y, m); }
};

// Transform the pixels from (row, column) of an image on, zeros outside of it, to row t of `to`,
// from its vector `to_vector` on. Their sum is added to `total` unless that is nullptr.
//
// For each vector of channels: along the columns of pixels, then along the rows.
template <class Rows_, class Columns, Activation A, bool Pooled>
inline void transform(const Pixels& p, ptrdiff_t image, int row, int column, const Matrices& to,
                      int to_vector, int t, float* total) {
  constexpr int HEIGHT = Rows_::SIDE, WIDTH = Columns::SIDE;
  const Rows<HEIGHT, Pooled> rows(p, image, row, column);
  const int pool_w = p.gradient.pool.w;
  const ptrdiff_t next = ptrdiff_t(Columns::STEP) / (Pooled ? pool_w : 1) * p.channels;
  const int j0 = max(-column, 0), j1 = min(p.w - column, WIDTH);
  alignas(64) float half[Rows_::PLACES * WIDTH * LANES];
  for (int j = 0; j < WIDTH; j++)
    for (int i = 0; i < Rows_::PLACES && (j < j0 || j >= j1); i++)
      store<LANES>(half + (i * WIDTH + j) * LANES, Vec{});
  for (int k = 0, vector = to_vector; k < p.c; k += LANES, vector++) {
    Vec sum = {};
    const auto read = [&](int i, int j, int left) SKCONV_INLINE_BODY {
      const int q = column + j;
      const ptrdiff_t at = Pooled && !rows.inside[i]
                               ? k
                               : ptrdiff_t(Pooled ? q / pool_w : j) * p.channels + k;
      return gradient_at<A, Pooled>(rows.dy[i] + at, rows.y[i] + at, rows.places[i] + at,
                                    rows.taps[i] + (Pooled ? q % pool_w : 0), left, next);
    };
    float* place = to.at(0, vector, t);
    const auto finish = [&](const Vec* d) SKCONV_INLINE_BODY {
      Vec v[Columns::PLACES];
      Columns::along(d, v);
      unrolled<Columns::PLACES>([&](int j) SKCONV_INLINE_BODY {
        store<LANES>(place, v[j]);
        place += to.place;
      });
    };
    if (HEIGHT == 1 && j0 == 0 && j1 == WIDTH && k + LANES <= p.c) {
      Vec d[WIDTH];
      unrolled<WIDTH>([&](int j) SKCONV_INLINE_BODY { d[j] = read(0, j, LANES); });
      if (total) {
        unrolled<WIDTH>([&](int j) SKCONV_INLINE_BODY { sum += d[j]; });
        store<LANES>(total + k, load<LANES>(total + k) + sum);
      }
      finish(d);
      continue;
    }
    for (int j = j0; j < j1; j++) {
      Vec d[HEIGHT], v[Rows_::PLACES];
      if (k + LANES <= p.c)
        unrolled<HEIGHT>([&](int i) SKCONV_INLINE_BODY { d[i] = read(i, j, LANES); });
      else
        unrolled<HEIGHT>([&](int i) SKCONV_INLINE_BODY { d[i] = read(i, j, p.c - k); });
      Rows_::along(d, v);
      unrolled<Rows_::PLACES>([&](int i) SKCONV_INLINE_BODY {
        store<LANES>(half + (i * WIDTH + j) * LANES, v[i]);
      });
      if (total) unrolled<HEIGHT>([&](int i) SKCONV_INLINE_BODY { sum += d[i]; });
    }
    if (total) store<LANES>(total + k, load<LANES>(total + k) + sum);
    for (int i = 0; i < Rows_::PLACES; i++) {
      Vec d[WIDTH];
      unrolled<WIDTH>([&](int j) SKCONV_INLINE_BODY {
        d[j] = load<LANES>(half + (i * WIDTH + j) * LANES);
      });
      finish(d);
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
template <class T>
SKCONV_ONE_COPY void transform_back(const Matrices& sums, int vector, int t, Vec scale, Vec shift,
                                    Vec least, const Outputs& z) {
  typedef typename T::Rows Vertical;
  typedef typename T::Columns Horizontal;
  constexpr int WIDTH = Horizontal::PLACES;
  const float* place = sums.at(0, vector, t);
  const auto finish = [&](const Vec* m, int i) SKCONV_INLINE_BODY {
    Vec o[Horizontal::TILE];
    Horizontal::output(m, o);
    unrolled<Horizontal::TILE>([&](int j) SKCONV_INLINE_BODY {
      const Vec all = fma(o[j], scale, shift);
      fetch(z.to + i * z.row + (j + Horizontal::TILE) * z.column);  // of the next tile
      if (j < z.columns)
        store<LANES>(z.to + i * z.row + j * z.column, all < least ? least : all,
                     z.filters);  // a NaN stays one
    });
  };
  if constexpr (Vertical::PLACES == 1) {
    Vec m[WIDTH];
    unrolled<WIDTH>([&](int j) SKCONV_INLINE_BODY { m[j] = load<LANES>(place + j * sums.place); });
    finish(m, 0);
    return;
  }
  alignas(64) float half[Vertical::TILE * WIDTH * LANES];
  for (int j = 0; j < WIDTH; j++) {
    Vec m[Vertical::PLACES], o[Vertical::TILE];
    unrolled<Vertical::PLACES>([&](int i) SKCONV_INLINE_BODY {
      m[i] = load<LANES>(place + (i * WIDTH + j) * sums.place);
    });
    Vertical::output(m, o);
    unrolled<Vertical::TILE>([&](int i) SKCONV_INLINE_BODY {
      store<LANES>(half + (i * WIDTH + j) * LANES, o[i]);
    });
  }
  for (int i = 0; i < z.rows; i++) {
    Vec m[WIDTH];
    unrolled<WIDTH>([&](int j) SKCONV_INLINE_BODY {
      m[j] = load<LANES>(half + (i * WIDTH + j) * LANES);
    });
    finish(m, i);
  }
}

// A kernel's taps to its places, for a vector of filters.
template <class T>
SKCONV_INLINE void transform_kernel(const Vec* taps, Vec* places) {
  typedef typename T::Rows Vertical;
  typedef typename T::Columns Horizontal;
  Vec half[Horizontal::TAPS * Vertical::PLACES];  // [column of taps][place]
  unrolled<Horizontal::TAPS>([&](int j) SKCONV_INLINE_BODY {
    Vec g[Vertical::TAPS];
    unrolled<Vertical::TAPS>([&](int i) SKCONV_INLINE_BODY {
      g[i] = taps[i * Horizontal::TAPS + j];
    });
    Vertical::kernel(g, half + j * Vertical::PLACES);
  });
  unrolled<Vertical::PLACES>([&](int i) SKCONV_INLINE_BODY {
    Vec g[Horizontal::TAPS];
    unrolled<Horizontal::TAPS>([&](int j) SKCONV_INLINE_BODY {
      g[j] = half[j * Vertical::PLACES + i];
    });
    Horizontal::kernel(g, places + i * Horizontal::PLACES);
  });
}

// The reverse: the sums of a piece of a kernel's gradient to its taps.
template <class T>
SKCONV_INLINE void transform_kernel_grad(const float* sums, ptrdiff_t place, Vec* taps) {
  typedef typename T::Rows Vertical;
  typedef typename T::Columns Horizontal;
  Vec half[Horizontal::PLACES * Vertical::TAPS];  // [column of places][tap]
  unrolled<Horizontal::PLACES>([&](int j) SKCONV_INLINE_BODY {
    Vec u[Vertical::PLACES];
    unrolled<Vertical::PLACES>([&](int i) SKCONV_INLINE_BODY {
      u[i] = load<LANES>(sums + (i * Horizontal::PLACES + j) * place);
    });
    Vertical::kernel_grad(u, half + j * Vertical::TAPS);
  });
  unrolled<Vertical::TAPS>([&](int i) SKCONV_INLINE_BODY {
    Vec u[Horizontal::PLACES];
    unrolled<Horizontal::PLACES>([&](int j) SKCONV_INLINE_BODY {
      u[j] = half[j * Vertical::TAPS + i];
    });
    Horizontal::kernel_grad(u, taps + i * Horizontal::TAPS);
  });
}

}  // namespace skconv::SKCONV_ISA::winograd
