// Winograd's algorithm along one axis: some outputs of a few taps, from the values of polynomials
// at as many points as the outputs have inputs. winograd.h has the formulas.
//
// An axis has PLACES points, a tile of TILE outputs and a kernel of TAPS, PLACES = TILE + TAPS - 1.
// All of its functions work on vectors of channels, so that each channel's bits are the same in
// any vector. A sum holds one product, and others `rounded`: two could be fused with it in two
// ways, which round differently. Products with a power of two are exact, fused or not.
#pragma once

#include "simd.h"

namespace skconv::SKCONV_ISA::winograd {

typedef Floats<LANES> Vec;

// Keeps the compiler from fusing a product with a sum that follows: it would in some loops only, or
// with one of two products in some of them. It stays in a register if there is one so wide.
SKCONV_INLINE Vec rounded(Vec v) {
#if defined(__AVX512F__) || (defined(__AVX__) && SKCONV_LANES <= 8) || \
    (defined(__SSE2__) && SKCONV_LANES == 4)
  asm volatile("" : "+v"(v));
#elif defined(__aarch64__) && SKCONV_LANES == 4
  asm volatile("" : "+w"(v));
#else
  asm volatile("" : "+m"(v));
#endif
  return v;
}

// An axis that the kernel does not move along.
struct OnePoint {
  static constexpr int PLACES = 1, TILE = 1, TAPS = 1;
  static SKCONV_INLINE void input(const Vec* d, Vec* v) { v[0] = d[0]; }
  static SKCONV_INLINE void output(const Vec* m, Vec* y) { y[0] = m[0]; }
  static SKCONV_INLINE void output_grad(const Vec* y, Vec* m) { m[0] = y[0]; }
  static SKCONV_INLINE void kernel(const Vec* g, Vec* u) { u[0] = g[0]; }
  static SKCONV_INLINE void kernel_grad(const Vec* u, Vec* g) { g[0] = u[0]; }
};

// Four outputs of three taps, by six products instead of twelve. In the transposed problem
// that is a product of two polynomials, of their values at six points: 0, a, -a, b, -b and
// infinity. The points are exact in binary, and err half as much as the usual a = 1, b = 2.
struct SixPoints {
  static constexpr int PLACES = 6, TILE = 4, TAPS = 3;
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
    y[1] = a * diff_a + rounded(b * diff_b);
    y[2] = a2 * sum_a + rounded(b2 * sum_b);
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
    const Vec sum_a = rounded(of_a * (u[1] + u[2])), diff_a = rounded(of_a * (u[1] - u[2]));
    const Vec sum_b = rounded(of_b * (u[3] + u[4])), diff_b = rounded(of_b * (u[3] - u[4]));
    g[0] = of_zero * u[0] + (sum_a + sum_b);
    g[1] = a * diff_a + rounded(b * diff_b);
    g[2] = a2 * sum_a + (b2 * sum_b + u[5]);
  }
};

// Four outputs of five taps by eight products instead of twenty, or five outputs of four taps.
// The points are 0, 1/2, -1/2, 1, -1, 2, -2 and infinity.
template <int Taps>
struct EightPoints {
  static constexpr int PLACES = 8, TILE = 9 - Taps, TAPS = Taps;
  static_assert(Taps == 4 || Taps == 5);

  // B^T: eight inputs to eight places.
  static SKCONV_INLINE void input(const Vec* d, Vec* v) {
    const Vec even_half = (d[6] - 5 * d[4]) + 4 * d[2], odd_half = (d[5] - 5 * d[3]) + 4 * d[1];
    const Vec even_1 = (d[6] - 4.25f * d[4]) + d[2], odd_1 = (d[5] - 4.25f * d[3]) + d[1];
    const Vec even_2 = (d[6] - 1.25f * d[4]) + .25f * d[2];
    const Vec odd_2 = (d[5] - 1.25f * d[3]) + .25f * d[1];
    v[0] = (d[6] - d[0]) + 5.25f * (d[2] - d[4]);
    v[1] = even_half + .5f * odd_half, v[2] = even_half - .5f * odd_half;
    v[3] = even_1 + odd_1, v[4] = even_1 - odd_1;
    v[5] = even_2 + 2 * odd_2, v[6] = even_2 - 2 * odd_2;
    v[7] = (d[7] - d[1]) + 5.25f * (d[3] - d[5]);
  }
  // A^T: eight places to the outputs.
  static SKCONV_INLINE void output(const Vec* m, Vec* y) {
    const Vec sum_half = m[1] + m[2], diff_half = m[1] - m[2];
    const Vec sum_1 = m[3] + m[4], diff_1 = m[3] - m[4];
    const Vec sum_2 = m[5] + m[6], diff_2 = m[5] - m[6];
    y[0] = m[0] + (sum_1 + (sum_half + sum_2));
    y[1] = diff_1 + (.5f * diff_half + 2 * diff_2);
    y[2] = sum_1 + (.25f * sum_half + 4 * sum_2);
    y[3] = diff_1 + (.125f * diff_half + 8 * diff_2);
    if constexpr (TILE == 5) y[4] = sum_1 + (.0625f * sum_half + 16 * sum_2);
    y[TILE - 1] += m[7];
  }
  // A: the outputs' gradients to eight places.
  static SKCONV_INLINE void output_grad(const Vec* y, Vec* m) {
    values<TILE>(y, m);
  }
  // G: the taps to eight places.
  static SKCONV_INLINE void kernel(const Vec* g, Vec* u) {
    values<Taps>(g, u);
    u[0] = -u[0];
    u[1] *= 64 / 90.f, u[2] *= 64 / 90.f;
    u[3] *= -20 / 90.f, u[4] *= -20 / 90.f;
    u[5] *= 1 / 90.f, u[6] *= 1 / 90.f;
  }
  // G^T: eight places to the taps.
  static SKCONV_INLINE void kernel_grad(const Vec* u, Vec* g) {
    const Vec sum_half = 64 * (u[1] + u[2]), diff_half = 64 * (u[1] - u[2]);
    const Vec sum_1 = rounded(20 * (u[3] + u[4])), diff_1 = rounded(20 * (u[3] - u[4]));
    const Vec sum_2 = u[5] + u[6], diff_2 = u[5] - u[6];
    g[0] = 1 / 90.f * ((sum_half + sum_2) - sum_1) - u[0];
    g[1] = 1 / 90.f * ((.5f * diff_half + 2 * diff_2) - diff_1);
    g[2] = 1 / 90.f * ((.25f * sum_half + 4 * sum_2) - sum_1);
    g[3] = 1 / 90.f * ((.125f * diff_half + 8 * diff_2) - diff_1);
    if constexpr (Taps == 5) g[4] = 1 / 90.f * ((.0625f * sum_half + 16 * sum_2) - sum_1);
    g[Taps - 1] += u[7];
  }

 private:
  // Of the polynomial with N coefficients y, at each of the points.
  template <int N>
  static SKCONV_INLINE void values(const Vec* y, Vec* v) {
    const Vec odd_half = y[1] + .25f * y[3], odd_1 = y[1] + y[3], odd_2 = y[1] + 4 * y[3];
    Vec even_half = y[0] + .25f * y[2], even_1 = y[0] + y[2], even_2 = y[0] + 4 * y[2];
    if constexpr (N == 5) even_half += .0625f * y[4], even_1 += y[4], even_2 += 16 * y[4];
    v[0] = y[0];
    v[1] = even_half + .5f * odd_half, v[2] = even_half - .5f * odd_half;
    v[3] = even_1 + odd_1, v[4] = even_1 - odd_1;
    v[5] = even_2 + 2 * odd_2, v[6] = even_2 - 2 * odd_2;
    v[7] = y[N - 1];
  }
};

// How outputs are cut into tiles: in rows and columns.
template <class RowAxis, class ColumnAxis>
struct Tiling {
  typedef RowAxis Rows;
  typedef ColumnAxis Columns;
  static constexpr int PLACES = Rows::PLACES * Columns::PLACES;
  static constexpr int OUTPUTS = Rows::TILE * Columns::TILE, TAPS = Rows::TAPS * Columns::TAPS;
};

typedef Tiling<SixPoints, SixPoints> Squares;
// Of rows, or of signals.
template <class Axis>
using Runs = Tiling<OnePoint, Axis>;

}  // namespace skconv::SKCONV_ISA::winograd
