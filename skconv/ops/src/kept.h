// The gradients of a convolution from the numbers of dz that are not zero. Behind a max pool of
// 2 x 2 these are a quarter of dz, and fewer behind ReLU: the products of product.h multiply with
// all of it.
//
// The window of a pixel p is kh runs of kw * c floats of x, since the channels of neighbouring
// pixels are neighbours. So a number dz[p, f] adds vectors along (tap, channel), which are full
// for any number of channels and of filters:
//
//     dkernel[f]         +=  dz[p, f] * window of x at p
//     window of dx at p  +=  dz[p, f] * kernel[f]
//
// Loop order: kernel's gradient, for each share of the batch, for each block of it that stays in
// cache, for each filter: all numbers, with the filter's sums in registers. Input's gradient, for
// each image, for each pixel: all filters, with the window's sums in registers, which are then
// added to dx.
//
// A sum runs through the numbers in the order of pixels and filters: its bits depend neither on
// blocks nor on lanes.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "geometry.h"
#include "input.h"
#include "kernels.h"
#include "pooling.h"
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
      sum[i][v] += value * load<L>(from + i * p.from_row + v * L);
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

// What the numbers' places in a pool's windows add to the offset of a window's first pixel.
inline void list_taps(Pool pool, int row, int column, int32_t* offsets) {
  for (int i = 0; i < pool.h; i++)
    for (int j = 0; j < pool.w; j++) *offsets++ = i * row + j * column;
}

// How the gradient in the kernel is cut up: blocks of what the pool kept, and shares of them that
// add to a kernel each.
struct KernelGradient {
  const Slide& s;
  Pool pool;
  WindowShape window;
  ptrdiff_t kernel_size;
  double flops;
  Blocks blocks, pixels;  // of what the pool kept, and of all
  int shares;
  Input input;

  KernelGradient(const Slide& s, Pool pool)
      : s(s), pool(pool), window(s, false, Scratch::packed), kernel_size(ptrdiff_t(s.kh) * s.kw * s.c * s.f),
        flops(2.0 * kernel_size * s.n * (s.oh / pool.h) * (s.ow / pool.w)),
        blocks(s.n, s.oh / pool.h, s.ow / pool.w, max(min(fitting_pixels(), share_pixels()), 1),
               copy_floats()),
        pixels(scaled(blocks, pool)), shares(min(copies(), blocks.count())),
        input(s, pixels, LANES) {}

  int first_block(int share) const { return int(ptrdiff_t(blocks.count()) * share / shares); }
  int most_pixels() const { return blocks.images * blocks.rows * blocks.columns; }

 private:
  static constexpr int MOST_COPIES = 16;
  static constexpr int COPIES_FLOATS = 1 << 20;
  static constexpr double COPY_FLOPS = 1e6;
  // Of x and dz of a block.
  static constexpr int BYTES = 32768;

  static Blocks scaled(Blocks b, Pool pool) {
    b.h *= pool.h, b.rows *= pool.h, b.w *= pool.w, b.columns *= pool.w;
    return b;
  }
  int copies() const {
    return max(min(min(MOST_COPIES, int(COPIES_FLOATS / kernel_size)), int(flops / COPY_FLOPS)), 1);
  }
  int share_pixels() const {
    const ptrdiff_t all = ptrdiff_t(s.n) * (s.oh / pool.h) * (s.ow / pool.w);
    return int(min64(1 << 30, (all + copies() - 1) / copies()));
  }
  int fitting_pixels() const {
    return BYTES / 4 / (s.c * s.stride_h * s.stride_w * pool.pixels() + s.f);
  }
  ptrdiff_t copy_floats() const {
    const ptrdiff_t rows = ptrdiff_t(s.oh - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1;
    const ptrdiff_t columns = ptrdiff_t(s.ow - 1) * s.stride_w + (s.kw - 1) * s.dilation_w + 1;
    const ptrdiff_t copy = rows * columns * s.c, image = image_floats(s);
    return copy > image ? copy : image;
  }
};

// dz of a block, [pixel][f], and the sum of its rows added to db.
inline void block_dz(const Slide& s, const Gradient& g, const Blocks& blocks, const Block& b,
                     float* dz, float* db) {
  float* at = dz;
  for (int i = 0; i < b.images; i++)
    for (int r = 0; r < b.rows; r++, at += ptrdiff_t(b.columns) * s.f)
      activation_grad_run(
          g, ((ptrdiff_t(b.image + i) * blocks.h + b.row + r) * blocks.w + b.column) * s.f,
          ptrdiff_t(b.columns) * s.f, at);
  for (int f = 0; f < s.f; f += LANES) {
    Floats<LANES> sum = load<LANES>(db + f, s.f - f);
    for (int p = 0; p < b.pixels(); p++) sum += load<LANES>(dz + ptrdiff_t(p) * s.f + f);
    store<LANES>(db + f, sum, s.f - f);
  }
}

// Where the windows of a block's numbers begin in x, [pixel][f]: at the first pixel that the pool
// saw, and `place` = i * pool.w + j pixels on. place / pool.w is exact as a product with `inverse`,
// in units of 1 / 65536, since places are less than 256.
inline void list_windows(const KernelGradient& k, const Gradient& g, const Block& b,
                         const int32_t* first_windows, int32_t* windows) {
  const int size = b.columns * k.s.f, inverse = ceil_div(65536, k.pool.w);
  const int column = k.input.offset(0, 0, 1);
  const int next_row = k.input.offset(0, 1, 0) - k.pool.w * column;
  for (int i = 0; i < b.images; i++)
    for (int r = 0; r < b.rows; r++, windows += size) {
      const int at = k.input.offset(i, r * k.pool.h, 0);
      const uint8_t* places =
          g.places + ((ptrdiff_t(b.image + i) * k.blocks.h + b.row + r) * k.blocks.w + b.column) * k.s.f;
      for (int e = 0; e < size; e += LANES) {
        Ints<LANES> window = *(const Ints<LANES>*)(first_windows + e) + at;
        const Ints<LANES> place = IndexLanes<uint8_t>::load(places + e, size - e);
        window += place * column + (place * inverse >> 16) * next_row;
        *(Ints<LANES>*)(windows + e) = window;
      }
    }
}

// Those of one filter whose number is not zero: how many, and which.
inline int list_numbers(int pixels, int f, const float* dz, const int32_t* windows,
                        float* __restrict values, int32_t* __restrict offsets) {
  int n = 0;
  for (int p = 0; p < pixels; p++, dz += f, windows += f) {
    const float value = *dz;
    values[n] = value;
    offsets[n] = *windows;
    n += value != 0;
  }
  return n;
}

// dkernel as [f][row][padded], of a share, and its db.
inline void sum_share(const KernelGradient& k, const Gradient& g, const float* x, int share,
                      const int32_t* first_windows, float* dkernel, float* db) {
  const Slide& s = k.s;
  const ptrdiff_t window = k.window.floats();
  std::memset(dkernel, 0, sizeof(float) * s.f * window);
  std::memset(db, 0, sizeof(float) * s.f);
  const ptrdiff_t most = k.most_pixels();
  float* dz = (float*)scratch(Scratch::gradient, sizeof(float) * (most * s.f + LANES));
  float* values = (float*)scratch(Scratch::pixels, sizeof(float) * (most * (2 + s.f) + LANES));
  int32_t *offsets = (int32_t*)(values + most), *windows = offsets + most;
  for (int i = k.first_block(share); i < k.first_block(share + 1); i++) {
    const Block b = k.blocks[i];
    const float* input = k.input.locate(k.pixels[i], x);
    block_dz(s, g, k.blocks, b, dz, db);
    list_windows(k, g, b, first_windows, windows);
    for (int f = 0; f < s.f; f++) {
      const int n = list_numbers(b.pixels(), s.f, dz + f, windows + f, values, offsets);
      k.window.sum({values, offsets, n, input, ptrdiff_t(s.dilation_h) * k.input.line,
                           dkernel + f * window, k.window.padded(), 0});
    }
  }
}

// As conv2d_grad_kernel of grad_kernel.h.
inline void conv2d_grad_kernel(const Slide& s, const Gradient& gradient, const float* x,
                               float* dkernel, float* db) {
  const KernelGradient k(s, gradient.pool);
  const ptrdiff_t size = s.f * k.window.floats();
  // Where the windows of a row's numbers begin, if all are the pool's first.
  int32_t* first_windows = (int32_t*)scratch(
      Scratch::lists, sizeof(int32_t) * (ptrdiff_t(k.blocks.columns) * s.f + LANES));
  for (int q = 0, e = 0; q < k.blocks.columns; q++)
    for (int f = 0; f < s.f; f++) first_windows[e++] = k.input.offset(0, 0, q * k.pool.w);
  float* sums = (float*)scratch(Scratch::partial, sizeof(float) * k.shares * (size + s.f));
  float* dbs = sums + k.shares * size;
  parallel(k.shares, k.flops, [&](int share) {
    sum_share(k, gradient, x, share, first_windows, sums + share * size, dbs + share * s.f);
  });
  add_shares(sums + size, k.shares - 1, size, sums);
  add_shares(dbs + s.f, k.shares - 1, s.f, dbs);
  std::memcpy(db, dbs, sizeof(float) * s.f);
  for (int i = 0; i < s.kh; i++)
    for (int j = 0; j < k.window.width; j++)
      for (int f = 0; f < s.f; f++)
        *dkernel++ = sums[f * k.window.floats() + i * k.window.padded() + j];
}

// dx of an image with room around it for all windows.
struct Surroundings {
  int h, w, line;
  explicit Surroundings(const Slide& s)
      : h((s.oh - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1),
        w((s.ow - 1) * s.stride_w + s.kw), line(w * s.c) {}
  ptrdiff_t floats() const { return ptrdiff_t(h) * line; }

  // The image from the middle; zeros where no window is.
  void copy_to(const Slide& s, const float* sums, float* dx) const {
    const int left = max(s.left, 0), from = left - s.left;  // first column of sums, of dx
    const int columns = max(min(s.w - from, w - left), 0);
    for (int r = 0; r < s.h; r++, dx += ptrdiff_t(s.w) * s.c) {
      const int row = r + s.top;
      if (row < 0 || row >= h || columns == 0) {
        std::memset(dx, 0, sizeof(float) * s.w * s.c);
        continue;
      }
      std::memcpy(dx, sums + ptrdiff_t(row) * line + left * s.c, sizeof(float) * columns * s.c);
      std::memset(dx + columns * s.c, 0, sizeof(float) * (s.w - columns) * s.c);
    }
  }
};

// The kernel as [f][row][padded].
inline const float* pack_windows(const Slide& s, const WindowShape& window, const float* kernel) {
  float* packed = (float*)scratch(Scratch::packed, sizeof(float) * s.f * window.floats());
  float* to = packed;
  for (int f = 0; f < s.f; f++)
    for (int i = 0; i < s.kh; i++)
      for (int j = 0; j < window.padded(); j++)
        *to++ = j < window.width ? kernel[(ptrdiff_t(i) * window.width + j) * s.f + f] : 0;
  return packed;
}

// Of the numbers at a pixel that a pool kept, one for each filter, those that are not zero: for
// each place in the pool's window how many, and lists of them and of where their kernels are.
struct Places {
  int places, filters;
  int32_t *count, *kernels;
  float* values;

  static ptrdiff_t floats(Pool pool, int filters) {
    return ptrdiff_t(pool.pixels()) * (2 * filters + 1);
  }
  Places(Pool pool, int filters, float* memory)
      : places(pool.pixels()), filters(filters), count((int32_t*)memory), kernels(count + places),
        values((float*)(kernels + places * filters)) {}

  void sort(const float* dz, const uint8_t* place, int kernel_floats) {
    std::memset(count, 0, sizeof(int32_t) * places);
    for (int f = 0, kernel = 0; f < filters; f++, kernel += kernel_floats) {
      const int at = place[f] * filters + count[place[f]];
      values[at] = dz[f];
      kernels[at] = kernel;
      count[place[f]] += dz[f] != 0;
    }
  }
};

// What a row of numbers adds to dx, whose windows begin at `sums`.
inline void add_row(const Slide& s, const Gradient& g, ptrdiff_t first, const WindowShape& window,
                    const float* packed, const int32_t* taps, int line, float* dz, float* sums) {
  const int columns = s.ow / g.pool.w, step = g.pool.w * s.stride_w * s.c;
  activation_grad_run(g, first, ptrdiff_t(columns) * s.f, dz);
  Places sorted(g.pool, s.f, dz + ptrdiff_t(columns) * s.f);
  Part part = {};
  part.from = packed, part.from_row = window.padded();
  part.sums_row = ptrdiff_t(s.dilation_h) * line;
  for (int q = 0; q < columns; q++, dz += s.f, first += s.f, sums += step) {
    sorted.sort(dz, g.places + first, int(window.floats()));
    for (int tap = 0; tap < sorted.places; tap++) {
      part.count = sorted.count[tap];
      if (!part.count) continue;
      part.values = sorted.values + tap * s.f;
      part.offsets = sorted.kernels + tap * s.f;
      part.sums = sums + taps[tap];
      window.sum(part);
    }
  }
}

// As conv2d_grad_input of grad_input.h.
inline void conv2d_grad_input(const Slide& s, const Gradient& gradient, const float* kernel,
                              float* dx) {
  const WindowShape window(s, true, Scratch::partial);
  const Surroundings around(s);
  const Pool pool = gradient.pool;
  const float* packed = pack_windows(s, window, kernel);
  int32_t* taps = (int32_t*)scratch(Scratch::lists, sizeof(int32_t) * pool.pixels());
  list_taps(pool, s.stride_h * around.line, s.stride_w * s.c, taps);
  const int rows = s.oh / pool.h;
  const ptrdiff_t row = ptrdiff_t(s.ow / pool.w) * s.f;
  const double flops = 2.0 * s.kh * s.kw * s.c * s.n * rows * row;
  const int tasks = min(s.n, MOST_BLOCKS);
  parallel(tasks, flops, [&](int task) {
    float* sums = (float*)scratch(Scratch::input, sizeof(float) * (around.floats() + LANES));
    float* dz =
        (float*)scratch(Scratch::gradient, sizeof(float) * (row + Places::floats(pool, s.f)));
    const int stop = int(ptrdiff_t(s.n) * (task + 1) / tasks);
    for (int i = int(ptrdiff_t(s.n) * task / tasks); i < stop; i++) {
      std::memset(sums, 0, sizeof(float) * around.floats());
      for (int p = 0; p < rows; p++)
        add_row(s, gradient, (ptrdiff_t(i) * rows + p) * row, window, packed, taps, around.line, dz,
                sums + ptrdiff_t(p) * pool.h * s.stride_h * around.line);
      around.copy_to(s, sums, dx + ptrdiff_t(i) * s.h * s.w * s.c);
    }
  });
}

}  // namespace skconv::SKCONV_ISA::kept
