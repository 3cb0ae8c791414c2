// Normalisation of channels: their moments, the normalisation by them, and its gradients.
#pragma once

#include "activations.h"
#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

using Wide = Floats<LANES>;

// Rows of few channels, several at once: wide rows, which fill whole vectors. A channel's
// values are repeated along them. The last one may be shorter.
struct WideRows {
  int channels, width;
  ptrdiff_t size;  // of all rows

  WideRows(ptrdiff_t rows, int channels)
      : channels(channels), width(channels), size(rows * channels) {
    if (channels >= 1024) return;
    int common = 16;
    while (channels % common) common /= 2;
    const int whole = channels * (16 / common);  // fills vectors of 16 floats
    const int enough = whole * ceil_div(64, whole);
    if (enough <= 1024) width = enough;
  }
  ptrdiff_t count() const { return (size + width - 1) / width; }
  int filled(ptrdiff_t row) const { return int(min64(width, size - row * width)); }
  // The number of narrow rows before a wide one.
  ptrdiff_t before(ptrdiff_t row) const { return min64(size, row * width) / channels; }

  // wide[p] = narrow[the channel of p]
  void spread(const float* narrow, float* wide) const {
    for (int p = 0; p < width; p += channels) std::memcpy(wide + p, narrow, channels * sizeof(float));
  }
  // narrow[f] = sum of wide[p] over the p of channel f
  void fold(const float* wide, double* narrow) const {
    for (int f = 0; f < channels; f++) {
      double sum = 0;
      for (int p = f; p < width; p += channels) sum += wide[p];
      narrow[f] = sum;
    }
  }
};

// body(p, n) for each vector of a row, n lanes of which are filled.
template <class Body>
SKCONV_INLINE void along(int filled, const Body& body) {
  int p = 0;
  for (; p + LANES <= filled; p += LANES) body(p, LANES);
  if (p < filled) body(p, filled - p);
}

// sums[k * width + p] += the k-th of add(place in the array, p, n, totals), R rows from `row` on.
template <int N, int R, class Add>
SKCONV_INLINE void add_rows(const WideRows& wide, ptrdiff_t row, float* sums, const Add& add) {
  constexpr int L = LANES;
  const ptrdiff_t width = wide.width;
  along(wide.filled(row), [&](int p, int n) SKCONV_INLINE_BODY {
    Wide total[N];
    for (int k = 0; k < N; k++) total[k] = load<L>(sums + k * width + p, n);
    for (int r = 0; r < R; r++) add((row + r) * width + p, p, n, total);
    for (int k = 0; k < N; k++) store<L>(sums + k * width + p, total[k], n);
  });
}

// sums[k * width + p] = the k-th total of some rows.
template <int N, class Add>
SKCONV_INLINE void add_up(const WideRows& wide, ptrdiff_t from, ptrdiff_t to, float* sums,
                          const Add& add) {
  std::memset(sums, 0, N * sizeof(float) * wide.width);
  ptrdiff_t row = from;
  for (; row + 4 <= to && wide.filled(row + 3) == wide.width; row += 4)
    add_rows<N, 4>(wide, row, sums, add);
  for (; row < to; row++) add_rows<N, 1>(wide, row, sums, add);
}

// Wide rows are cut into blocks that stay in cache, and these into shares of the work.
constexpr ptrdiff_t SUM_BLOCK = 16384;

struct Shares {
  ptrdiff_t block, blocks;
  int count;

  explicit Shares(const WideRows& wide) {
    block = wide.width < SUM_BLOCK ? SUM_BLOCK / wide.width : 1;
    blocks = (wide.count() + block - 1) / block;
    // Each share has sums of its own: with very many channels they are few.
    const ptrdiff_t most = (1 << 18) / ptrdiff_t(wide.channels);
    count = int(min64(blocks, most > 16 ? 16 : most > 1 ? most : 1));
  }
  // The first block of a share.
  ptrdiff_t first(int share) const { return blocks * share / count; }
};

// Mean and sum of squared deviations of some rows, channel by channel; more rows are added as
// in Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm", 1979.
struct Moments {
  double* mean;
  double* squares;
  double rows = 0;

  void add(const Moments& other, int channels) {
    const double all = rows + other.rows;
    const double part = other.rows / all, cross = rows * part;
    for (int f = 0; f < channels; f++) {
      const double delta = other.mean[f] - mean[f];
      mean[f] = fma(delta, part, mean[f]);
      squares[f] += fma(delta * delta, cross, other.squares[f]);
    }
    rows = all;
  }
};

// The moments of the wide rows `from` to `to`: the mean first, then the squares around it.
// `sums` and `centre` are scratch as long as a wide row, `narrow` one for each channel.
inline void block_moments(const WideRows& wide, const float* x, ptrdiff_t from, ptrdiff_t to,
                          float* sums, float* centre, float* narrow, Moments& block) {
  constexpr int L = LANES;
  block.rows = double(wide.before(to) - wide.before(from));
  add_up<1>(wide, from, to, sums,
            [&](ptrdiff_t at, int, int n, Wide* total) SKCONV_INLINE_BODY {
              total[0] += load_next<L>(x + at, n);
            });
  wide.fold(sums, block.mean);
  for (int f = 0; f < wide.channels; f++) {
    narrow[f] = float(block.mean[f] / block.rows);
    block.mean[f] = narrow[f];
  }
  wide.spread(narrow, centre);
  add_up<1>(wide, from, to, sums,
            [&](ptrdiff_t at, int p, int n, Wide* total) SKCONV_INLINE_BODY {
              const Wide deviation = load<L>(x + at, n) - load<L>(centre + p, n);
              total[0] = fma(deviation, deviation, total[0]);
            });
  wide.fold(sums, block.squares);
}

// mean[f] and the biased variance[f] over the rows.
inline void channel_moments(const float* x, ptrdiff_t rows, int channels, float* mean,
                            float* variance) {
  const WideRows wide(rows, channels);
  const Shares shares(wide);
  const ptrdiff_t each = 2 * ptrdiff_t(channels);
  double* merged = (double*)scratch(Scratch::partial, sizeof(double) * each * shares.count);
  std::memset(merged, 0, sizeof(double) * each * shares.count);
  parallel(shares.count, 8.0 * wide.size, [&](int share) {
    double* here = (double*)scratch(Scratch::input, sizeof(double) * each +
                                                    sizeof(float) * (2 * wide.width + channels));
    float* sums = (float*)(here + each);
    float *centre = sums + wide.width, *narrow = centre + wide.width;
    Moments all{merged + share * each, merged + share * each + channels};
    for (ptrdiff_t b = shares.first(share); b < shares.first(share + 1); b++) {
      const ptrdiff_t from = b * shares.block, to = min64(from + shares.block, wide.count());
      Moments block{here, here + channels};
      block_moments(wide, x, from, to, sums, centre, narrow, block);
      all.add(block, channels);
    }
  });
  Moments total{merged, merged + channels};
  for (int share = 0; share < shares.count; share++) {
    double* part = merged + share * each;
    const ptrdiff_t stop = min64(shares.first(share + 1) * shares.block, wide.count());
    const double n = double(wide.before(stop) -
                            wide.before(shares.first(share) * shares.block));
    if (share) total.add({part, part + channels, n}, channels);
    else total.rows = n;
  }
  for (int f = 0; f < channels; f++) {
    mean[f] = float(total.mean[f]);
    variance[f] = float(total.squares[f] / total.rows);
  }
}

// Run body(place in the array, numbers) for each row.
template <class Body>
SKCONV_INLINE void for_each_row(const WideRows& wide, double flops_each, const Body& body) {
  const ptrdiff_t each = RUN / wide.width + 1;
  parallel(int((wide.count() + each - 1) / each), flops_each * wide.size, [&](int task) {
    const ptrdiff_t stop = min64((task + 1) * each, wide.count());
    for (ptrdiff_t row = task * each; row < stop; row++)
      body(row * wide.width, wide.filled(row));
  });
}

// Vectors of numbers and of what belongs to their channels.
template <Activation A>
SKCONV_ONE_COPY void normalize_vectors(const float* x, const float* means, const float* scales,
                                       const float* shifts, int vectors, float* y) {
  constexpr int L = LANES;
  for (int p = 0; p < vectors * L; p += L) {
    const Wide centred = load_next<L>(x + p) - load<L>(means + p);
    store_next<L>(y + p, apply<L, A>(fma(centred, load<L>(scales + p), load<L>(shifts + p))));
  }
}

// y = activation((x - mean) * scale + shift)
inline void normalize(const float* x, ptrdiff_t rows, int channels, const float* mean,
                      const float* scale, const float* shift, Activation activation, float* y) {
  constexpr int L = LANES;
  const WideRows wide(rows, channels);
  const int padded = ceil_div(wide.width, L) * L;
  float* means = (float*)scratch(Scratch::partial, sizeof(float) * 3 * padded);
  float* scales = means + padded;
  float* shifts = scales + padded;
  wide.spread(mean, means), wide.spread(scale, scales), wide.spread(shift, shifts);
  with_activation(activation, [&](auto tag) {
    constexpr Activation A = decltype(tag)::activation;
    for_each_row(wide, 8, [&](ptrdiff_t at, int filled) SKCONV_INLINE_BODY {
      const int whole = filled / L * L;
      normalize_vectors<A>(x + at, means, scales, shifts, filled / L, y + at);
      if (whole < filled) {
        float numbers[2 * L] = {};
        copy_part<L>(numbers, x + at + whole, filled - whole);
        normalize_vectors<A>(numbers, means + whole, scales + whole, shifts + whole, 1,
                             numbers + L);
        copy_part<L>(y + at + whole, (const float*)numbers + L, filled - whole);
      }
    });
  });
}

// Call body(the activation, whether y has to be computed again) as types' constants. With `shift`
// it is computed again from x, which is read in any case: a third less is read.
template <class Body>
SKCONV_INLINE void with_output(const Gradient& g, const float* shift, Body body) {
  if (shift) return body(ActivationTag<Activation::relu>(), Flag<true>());
  with_activation(g.activation, [&](auto tag) { body(tag, Flag<false>()); });
}

// sums[f] = sum of dz, products[f] = sum of dz * (x - mean), over the rows. With `shift` the
// activation is ReLU, and y = relu((x - mean) * scale + shift) is not read.
inline void channel_products(const Gradient& g, const float* x, ptrdiff_t rows, int channels,
                             const float* mean, const float* scale, const float* shift,
                             float* sums, float* products) {
  constexpr int L = LANES;
  const WideRows wide(rows, channels);
  const Shares shares(wide);
  const ptrdiff_t each = 2 * ptrdiff_t(channels);
  double* added = (double*)scratch(Scratch::partial, sizeof(double) * each * shares.count +
                                                     sizeof(float) * 3 * wide.width);
  float* means = (float*)(added + each * shares.count);
  float *scales = means + wide.width, *shifts = scales + wide.width;
  wide.spread(mean, means);
  if (shift) wide.spread(scale, scales), wide.spread(shift, shifts);
  std::memset(added, 0, sizeof(double) * each * shares.count);
  with_output(g, shift, [&](auto tag, auto again) {
    constexpr Activation A = decltype(tag)::activation;
    constexpr bool Again = decltype(again)::value;
    parallel(shares.count, 8.0 * wide.size, [&](int share) {
      double* here = (double*)scratch(Scratch::input, sizeof(double) * each +
                                                      sizeof(float) * 2 * wide.width);
      float* wide_sums = (float*)(here + each);
      for (ptrdiff_t b = shares.first(share); b < shares.first(share + 1); b++) {
        const ptrdiff_t from = b * shares.block, to = min64(from + shares.block, wide.count());
        add_up<2>(wide, from, to, wide_sums,
                  [&](ptrdiff_t at, int p, int n, Wide* total) SKCONV_INLINE_BODY {
                    const Wide centred = load_next<L>(x + at, n) - load<L>(means + p, n);
                    Wide y = {};
                    if constexpr (Again)
                      y = fma(centred, load<L>(scales + p, n), load<L>(shifts + p, n));
                    else if constexpr (A != Activation::identity)
                      y = load_next<L>(g.y + at, n);
                    const Wide dz = activation_grad<L, A>(load_next<L>(g.dy + at, n), y);
                    total[0] += dz;
                    total[1] = fma(dz, centred, total[1]);
                  });
        wide.fold(wide_sums, here);
        wide.fold(wide_sums + wide.width, here + channels);
        for (ptrdiff_t f = 0; f < each; f++) added[share * each + f] += here[f];
      }
    });
  });
  for (int share = 1; share < shares.count; share++)
    for (ptrdiff_t f = 0; f < each; f++) added[f] += added[share * each + f];
  for (int f = 0; f < channels; f++) {
    sums[f] = float(added[f]);
    products[f] = float(added[channels + f]);
  }
}

// The vectors of a normalisation and its gradient, as wide rows.
struct GradientRows {
  const float *means, *scales, *shifts;    // y = activation((x - mean) * scale + shift)
  const float *slopes, *constants;         // dx = dz * scale + (x - mean) * slope + constant
};

// As normalize_vectors.
template <Activation A, bool Again>
SKCONV_ONE_COPY void normalize_grad_vectors(const float* dy, const float* y, const float* x,
                                            const GradientRows& r, int from, int vectors,
                                            float* dx) {
  constexpr int L = LANES;
  for (int p = 0, at = from; p < vectors * L; p += L, at += L) {
    const Wide centred = load_next<L>(x + p) - load<L>(r.means + at);
    const Wide scale = load<L>(r.scales + at);
    Wide output;
    if constexpr (Again) output = fma(centred, scale, load<L>(r.shifts + at));
    else output = load_next<L>(y + p);
    const Wide dz = activation_grad<L, A>(load_next<L>(dy + p), output);
    const Wide through = fma(centred, load<L>(r.slopes + at), load<L>(r.constants + at));
    store_next<L>(dx + p, fma(dz, scale, through));
  }
}

// dx = dz * scale + (x - mean) * slope + constant; for `shift` see channel_products.
inline void normalize_grad(const Gradient& g, const float* x, ptrdiff_t rows, int channels,
                           const float* mean, const float* scale, const float* shift,
                           const float* slope, const float* constant, float* dx) {
  constexpr int L = LANES;
  const WideRows wide(rows, channels);
  const int padded = ceil_div(wide.width, L) * L;
  float* wide_rows = (float*)scratch(Scratch::partial, sizeof(float) * 5 * padded);
  const auto spread = [&](const float* vector) {
    float* row = wide_rows;
    if (vector) wide.spread(vector, row);
    wide_rows += padded;
    return row;
  };
  const GradientRows r = {spread(mean), spread(scale), spread(shift), spread(slope),
                          spread(constant)};
  with_output(g, shift, [&](auto tag, auto again) {
    constexpr Activation A = decltype(tag)::activation;
    constexpr bool Again = decltype(again)::value;
    for_each_row(wide, 8, [&](ptrdiff_t at, int filled) SKCONV_INLINE_BODY {
      const int whole = filled / L * L, left = filled - whole;
      normalize_grad_vectors<A, Again>(g.dy + at, g.y + at, x + at, r, 0, filled / L, dx + at);
      if (!left) return;
      float dy_part[L] = {}, y_part[L] = {}, x_part[L] = {}, dx_part[L];
      copy_part<L>(dy_part, g.dy + at + whole, left);
      copy_part<L>(y_part, g.y + at + whole, left);
      copy_part<L>(x_part, x + at + whole, left);
      normalize_grad_vectors<A, Again>(dy_part, y_part, x_part, r, whole, 1, dx_part);
      copy_part<L>(dx + at + whole, (const float*)dx_part, left);
    });
  });
}

}  // namespace skconv::SKCONV_ISA
