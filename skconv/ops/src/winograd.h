// Winograd's convolution at stride 1, of kernels of 3 x 3, and of rows (1 x k) as signals have
// them: the forward pass and the gradient in the input. Where tiles are full it multiplies four
// times less than convolution.h, with rows 2 to 2.5 times. docs/developing/kernels.md has a
// picture.
//
// A tile y of 4 x 4 outputs sees a window d of 6 x 6 pixels. With the matrices B, G and A of an
// axis (winograd_axes.h), and * element by element, once for each of 36 places,
//
//     y = A^T [ sum over c of  (G g G^T) * (B^T d B) ] A
//
// So each place is a product of its own (winograd_product.h): [tiles x c] [c x f].
//
//       x                V: 36 places        U: kernel            M: 36 places       y
//     +-----------+      tiles x c           c x f                tiles x f        +-------+
//     | 6 x 6 x c |  ->  +-+-+- ... -+   *   +-+-+- ... -+   =    +-+-+- ... -+ -> | 4 x 4 |
//     +-----------+      +-+-+- ... -+       +-+-+- ... -+        +-+-+- ... -+    |  x f  |
//       overlap by 2                                                               +-------+
//
// A kernel of a row has tiles of a row, y = A^T [ sum over c of (G g) * (B^T d) ]: 4 outputs of 3
// or of 5 taps, or 5 outputs of 4 taps. A longer one is cut into pieces of these, and zeros
// fill up the last: a piece is more channels, from windows that lie further to the right.
//
// Loop order: for each block of tiles, transform their windows to V; for each chunk of filters,
// for each place, the product; then the chunk's tiles back to y, with scale, shift, activation
// and pool. V and M of a block stay in the second-level cache; the kernel is transformed before.
//
// Tiles lie side by side from the first pixel of their own image, and a sum runs through c
// in order: bits depend neither on the batch nor on threads, blocks or lanes.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "kernels.h"
#include "pooling.h"
#include "simd.h"
#include "threads.h"
#include "winograd_axes.h"
#include "winograd_product.h"
#include "winograd_rule.h"
#include "winograd_transforms.h"

namespace skconv::SKCONV_ISA::winograd {

// Bytes of V and M of a block.
constexpr int CACHE_BYTES = 524288;
// Filters whose sums a block has at a time: more filters leave room for fewer tiles.
constexpr int CHUNK = 64;
// A block has about a multiple of this: the rows of each instruction set's tiles of sums.
constexpr int TILES_STEP = 12;

// Call body(a value of the type of a kernel's tiling).
template <class Body>
inline void with_tiling(const Slide& s, Body body) {
  if (s.kh > 1) return body(Squares());
  switch (taps_of_piece(s.kw)) {
    case 3: return body(Runs<SixPoints>());
    case 4: return body(Runs<EightPoints<4>>());
    default: return body(Runs<EightPoints<5>>());
  }
}

// The pieces of a kernel.
template <class T>
inline int pieces_of(const Slide& s) {
  return ceil_div(s.kw, T::Columns::TAPS);
}

// The tiles of all images, in order, in blocks.
template <class T>
struct Tiles {
  int across, per_image;
  ptrdiff_t count;
  int most, blocks;  // tiles of a block, and how many blocks there are

  // `columns` of V and M, of which a block has no more than CACHE_BYTES.
  Tiles(const Slide& s, int columns)
      : across(ceil_div(s.ow, T::Columns::TILE)),
        per_image(ceil_div(s.oh, T::Rows::TILE) * across), count(ptrdiff_t(s.n) * per_image) {
    const int fits = CACHE_BYTES / 4 / T::PLACES / columns / TILES_STEP;
    const ptrdiff_t share = count / (MOST_BLOCKS * TILES_STEP) + 1;
    const int largest = max(int(min64(fits, share)), 1) * TILES_STEP;
    blocks = int((count + largest - 1) / largest);
    most = int((count + blocks - 1) / blocks);
  }

  // Call body(t, image, row and column of the first output) for tiles first ... stop - 1.
  template <class Body>
  SKCONV_INLINE void each(ptrdiff_t first, ptrdiff_t stop, const Body& body) const {
    for (ptrdiff_t tile = first; tile < stop; tile++) {
      const int at = int(tile % per_image);
      body(int(tile - first), tile / per_image, at / across * T::Rows::TILE,
           at % across * T::Columns::TILE);
    }
  }
};

// Channels as the widest vectors hold them: blocks must not depend on the instruction set.
inline int padded_channels(int channels) { return ceil_div(channels, 16) * 16; }

// The steps after the sums: scale and shift padded to whole vectors, activation, pool, and where
// to write the places of the values that the pool keeps, or nullptr.
struct Ending {
  const float *scale, *shift;
  Activation activation;
  Pool pool = {};
  uint8_t* places = nullptr;
};

// The rows of a place: the channels of each piece.
template <class T>
inline Matrices kernel_matrices(const Slide& s) {
  return {T::PLACES, vectors(s.f), pieces_of<T>(s) * s.c};
}

// What all tasks of a pass read: the transformed kernel, its ending, and zeros.
template <class T>
struct Packed {
  Matrices kernel;
  float *scale, *shift, *zeros;

  explicit Packed(const Slide& s) : kernel(kernel_matrices<T>(s)) {
    const int padded = vectors(s.f) * LANES;
    const ptrdiff_t n_zeros = zeros_floats<T>(s.c);
    const ptrdiff_t floats = kernel.floats() + 2 * padded + n_zeros;
    kernel.start = (float*)scratch(Scratch::packed, sizeof(float) * floats);
    scale = kernel.end();
    shift = scale + padded;
    zeros = shift + padded;
    std::memset(zeros, 0, sizeof(float) * n_zeros);
    for (int f = 0; f < padded; f++) scale[f] = 1, shift[f] = 0;
  }
};

// Transform the kernel to [place][f / LANES][piece][c][LANES]. `turned`: it is [kh][kw][f][c], and
// is turned around.
template <class T>
inline void pack_kernel(const Slide& s, const float* kernel, bool turned, const Matrices& to) {
  constexpr int ACROSS = T::Columns::TAPS;
  const ptrdiff_t tap_floats = ptrdiff_t(s.c) * s.f;
  parallel(vectors(s.f), 20.0 * s.kh * s.kw * s.c * s.f, [&](int vector) {
    const int f = vector * LANES, left = min(LANES, s.f - f);
    const auto load_tap = [&](int tap, int k) SKCONV_INLINE_BODY {
      if (!turned) return load<LANES>(kernel + tap * tap_floats + ptrdiff_t(k) * s.f + f, left);
      float lanes[LANES] = {};
      for (int l = 0; l < left; l++)
        lanes[l] =
            kernel[(s.kh * s.kw - 1 - tap) * tap_floats + ptrdiff_t(f + l) * s.c + k];
      return load<LANES>(lanes);
    };
    for (int row = 0; row < pieces_of<T>(s) * s.c; row++) {
      const int first = row / s.c * ACROSS, k = row % s.c;
      Vec taps[T::TAPS], places[T::PLACES];
      for (int i = 0; i < T::Rows::TAPS; i++)
        for (int j = 0; j < ACROSS; j++)
          taps[i * ACROSS + j] =
              first + j < s.kw ? load_tap(i * s.kw + first + j, k) : Vec{};
      transform_kernel<T>(taps, places);
      float* place = to.at(0, vector, row);
      unrolled<T::PLACES>([&](int i) SKCONV_INLINE_BODY {
        store<LANES>(place + i * to.place, places[i]);
      });
    }
  });
}

// Keep the largest of each window of a tile's outputs, [rows][columns][LANES], the first where
// several are; NaN is largest, as in pooling.h.
template <class T>
inline void pool_tile(const float* tile, Pool pool, const Outputs& y) {
  constexpr int ACROSS = T::Columns::TILE;
  for (int i = 0; i < y.rows; i++)
    for (int j = 0; j < y.columns; j++) {
      const float* window = tile + (i * pool.h * ACROSS + j * pool.w) * LANES;
      Vec most = load<LANES>(window);
      Ints<LANES> from = {};
      for (int r = 0; r < pool.h; r++)
        for (int q = 0; q < pool.w; q++) {
          const Vec z = load<LANES>(window + (r * ACROSS + q) * LANES);
          const Ints<LANES> larger = (z > most) | (z != z);
          most = larger ? z : most;
          from = larger ? Ints<LANES>{} + (r * pool.w + q) : from;
        }
      const ptrdiff_t at = i * y.row + j * y.column;
      store<LANES>(y.to + at, most, y.filters);
      if (y.places) IndexLanes<uint8_t>::store(y.places + at, from, y.filters);
    }
}

// Transform a tile's sums to outputs, for the vector of filters from f on. ReLU is part of the
// transform; other steps need the whole tile, in a copy that stays in the first-level cache.
template <class T>
inline void finish_tile(const Slide& s, const Ending& end, const Matrices& sums, int vector, int t,
                        ptrdiff_t image, int row, int column, int f, float* y) {
  const bool relu = end.activation == Activation::relu;
  const bool plain = (relu || end.activation == Activation::identity) && end.pool.pixels() == 1;
  const Vec scale = load<LANES>(end.scale + f), shift = load<LANES>(end.shift + f);
  const Vec least = broadcast<LANES>(relu ? 0 : -__builtin_inff());
  const int ph = end.pool.h, pw = end.pool.w, yh = s.oh / ph, yw = s.ow / pw;
  const ptrdiff_t first = ((image * yh + row / ph) * yw + column / pw) * s.f + f;
  const Outputs kept = {y + first, ptrdiff_t(yw) * s.f, s.f, min(T::Rows::TILE / ph, yh - row / ph),
                        min(T::Columns::TILE / pw, yw - column / pw), s.f - f,
                        end.places ? end.places + first : nullptr};
  if (plain) return transform_back<T>(sums, vector, t, scale, shift, least, kept);
  alignas(64) float tile[T::OUTPUTS * LANES];
  transform_back<T>(sums, vector, t, scale, shift, least,
                    {tile, T::Columns::TILE * LANES, LANES, T::Rows::TILE, T::Columns::TILE,
                     LANES});
  if (!relu) activate_run(tile, T::OUTPUTS * LANES, end.activation, tile);
  pool_tile<T>(tile, end.pool, kept);
}

// Compute y from `input`, whose channels are s.c; `pack` returns the transformed kernel.
template <class T, class Pack>
inline void convolve(const Slide& s, const Gradient& input, const Pack& pack, Activation activation,
                     Pool pool, float* y, uint8_t* places) {
  const int pieces = pieces_of<T>(s);
  const Tiles<T> tiles(s, pieces * padded_channels(s.c) + min(padded_channels(s.f), CHUNK));
  const double flops = 2.0 * T::PLACES * pieces * s.c * s.f * tiles.count;
  const ptrdiff_t bytes = sizeof(float) * kernel_matrices<T>(s).floats();
  parallel(tiles.blocks, flops, bytes, pack, [&](const Packed<T>& packed, int block) {
    const Pixels pixels = {input, s.h, s.w, s.c, 0, s.c, packed.zeros};
    const Ending end = {packed.scale, packed.shift, activation, pool, places};
    const ptrdiff_t first = ptrdiff_t(block) * tiles.most;
    const ptrdiff_t stop = min64(first + tiles.most, tiles.count);
    Matrices v(T::PLACES, pieces * vectors(s.c), tiles.most);
    Matrices m(T::PLACES, vectors(min(s.f, CHUNK)), tiles.most);
    v.start = (float*)scratch(Scratch::input, sizeof(float) * (v.floats() + m.floats()));
    m.start = v.end();
    with_gradient(input, [&](auto tag, auto pooled) {
      tiles.each(first, stop, [&](int t, ptrdiff_t image, int row, int column) {
        for (int piece = 0; piece < pieces; piece++)
          transform<WindowOf<typename T::Rows>, WindowOf<typename T::Columns>,
                    decltype(tag)::activation, decltype(pooled)::value>(
              pixels, image, row - s.top, column - s.left + piece * T::Columns::TAPS, v,
              piece * vectors(s.c), t, nullptr);
      });
    });
    for (int f0 = 0; f0 < s.f; f0 += CHUNK) {
      const int chunk = vectors(min(CHUNK, s.f - f0));
      for (int i = 0; i < T::PLACES; i++)
        multiply_channels(i, v, int(stop - first), pieces, s.c, packed.kernel, f0 / LANES, chunk,
                          m);
      tiles.each(first, stop, [&](int t, ptrdiff_t image, int row, int column) {
        for (int vector = 0; vector < chunk; vector++)
          finish_tile<T>(s, end, m, vector, t, image, row, column, f0 + vector * LANES, y);
      });
    }
  });
}

// A convolution, and then a pool whose windows lie in several tiles: a few images at a time.
template <class T, class Pack>
inline void convolve_and_pool(const Slide& s, const float* x, const Pack& pack,
                              Activation activation, Pool pool, float* y, uint8_t* places) {
  const Packed<T> packed = pack();
  const ptrdiff_t x_image = ptrdiff_t(s.h) * s.w * s.c, z_image = ptrdiff_t(s.oh) * s.ow * s.f;
  const ptrdiff_t y_image = z_image / pool.pixels();
  const int most = max(int(min64(s.n, CACHE_BYTES / 4 / z_image)), 1);
  float* z = (float*)scratch(Scratch::partial, sizeof(float) * most * z_image);
  for (int n = 0; n < s.n; n += most) {
    Slide part = s;
    part.n = min(most, s.n - n);
    const float* images = x + n * x_image;
    convolve<T>(part, {images, images, Activation::identity, 0}, [&] { return packed; },
                activation, {}, z, nullptr);
    const Slide windows = {.n = part.n, .h = s.oh, .w = s.ow, .c = s.f,
                           .oh = s.oh / pool.h, .ow = s.ow / pool.w, .f = s.f,
                           .kh = pool.h, .kw = pool.w, .stride_h = pool.h, .stride_w = pool.w};
    max_pool(windows, z, y + n * y_image, places ? places + n * y_image : nullptr, bool(places));
  }
}

// As conv2d of convolution.h.
inline void conv2d(const Slide& s, const float* x, const float* kernel, const float* bias,
                   const float* scale, Activation activation, Pool pool, float* y,
                   uint8_t* places) {
  with_tiling(s, [&](auto tiling) {
    typedef decltype(tiling) T;
    const auto pack = [&] {
      const Packed<T> packed(s);
      pack_kernel<T>(s, kernel, false, packed.kernel);
      if (scale) std::memcpy(packed.scale, scale, sizeof(float) * s.f);
      if (bias) std::memcpy(packed.shift, bias, sizeof(float) * s.f);
      return packed;
    };
    if (T::Rows::TILE % pool.h || T::Columns::TILE % pool.w)
      return convolve_and_pool<T>(s, x, pack, activation, pool, y, places);
    convolve<T>(s, {x, x, Activation::identity, 0}, pack, activation, pool, y, places);
  });
}

// As conv2d_grad_input of grad_input.h: a convolution of dz, with zeros around it, with the
// kernel turned around.
inline void conv2d_grad_input(const Slide& s, const Gradient& gradient, const float* kernel,
                              float* dx) {
  const Slide turned = {.n = s.n, .h = s.oh, .w = s.ow, .c = s.f, .oh = s.h, .ow = s.w, .f = s.c,
                        .kh = s.kh, .kw = s.kw,
                        .top = s.kh - 1 - s.top, .left = s.kw - 1 - s.left};
  with_tiling(s, [&](auto tiling) {
    typedef decltype(tiling) T;
    const auto pack = [&] {
      const Packed<T> packed(turned);
      pack_kernel<T>(turned, kernel, true, packed.kernel);
      return packed;
    };
    convolve<T>(turned, gradient, pack, Activation::identity, {}, dx, nullptr);
  });
}

}  // namespace skconv::SKCONV_ISA::winograd
