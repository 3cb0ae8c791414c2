// Winograd's algorithm along one axis: some outputs of a few taps, from the values of polynomials
// at as many points as the outputs have inputs. winograd.h has the formulas.
//
// An axis has PLACES points, a tile of TILE outputs and a kernel of TAPS, PLACES = TILE + TAPS - 1.
// All of its functions work on vectors of channels, so that each channel's bits are the same in
// any vector. Products with a power of two are exact, fused or not.
#pragma once

#include "simd.h"

namespace skconv::SKCONV_ISA::winograd {

typedef Floats<LANES> Vec;

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
    const Vec even_a = fma(-b2, d[2], d[4]), odd_a = fma(-b2, d[1], d[3]);
    const Vec even_b = fma(-a2, d[2], d[4]), odd_b = fma(-a2, d[1], d[3]);
    v[0] = fma(a2 * b2, d[0], fma(-(a2 + b2), d[2], d[4]));
    v[1] = fma(a, odd_a, even_a), v[2] = fma(-a, odd_a, even_a);
    v[3] = fma(b, odd_b, even_b), v[4] = fma(-b, odd_b, even_b);
    v[5] = fma(a2 * b2, d[1], fma(-(a2 + b2), d[3], d[5]));
  }
  // A^T: six places to four outputs.
  static SKCONV_INLINE void output(const Vec* m, Vec* y) {
    const Vec sum_a = m[1] + m[2], diff_a = m[1] - m[2];
    const Vec sum_b = m[3] + m[4], diff_b = m[3] - m[4];
    y[0] = m[0] + (sum_a + sum_b);
    y[1] = fma(a, diff_a, b * diff_b);
    y[2] = fma(a2, sum_a, b2 * sum_b);
    y[3] = fma(a * a2, diff_a, fma(b * b2, diff_b, m[5]));
  }
  // A: four outputs' gradients to six places.
  static SKCONV_INLINE void output_grad(const Vec* y, Vec* m) {
    const Vec even_a = fma(a2, y[2], y[0]), odd_a = fma(a2, y[3], y[1]);
    const Vec even_b = fma(b2, y[2], y[0]), odd_b = fma(b2, y[3], y[1]);
    m[0] = y[0];
    m[1] = fma(a, odd_a, even_a), m[2] = fma(-a, odd_a, even_a);
    m[3] = fma(b, odd_b, even_b), m[4] = fma(-b, odd_b, even_b);
    m[5] = y[3];
  }
  // G: three taps to six places.
  static SKCONV_INLINE void kernel(const Vec* g, Vec* u) {
    const Vec even_a = fma(a2, g[2], g[0]), even_b = fma(b2, g[2], g[0]);
    u[0] = of_zero * g[0];
    u[1] = of_a * fma(a, g[1], even_a), u[2] = of_a * fma(-a, g[1], even_a);
    u[3] = of_b * fma(b, g[1], even_b), u[4] = of_b * fma(-b, g[1], even_b);
    u[5] = g[2];
  }
  // G^T: six places to three taps.
  static SKCONV_INLINE void kernel_grad(const Vec* u, Vec* g) {
    const Vec sum_a = of_a * (u[1] + u[2]), diff_a = of_a * (u[1] - u[2]);
    const Vec sum_b = of_b * (u[3] + u[4]), diff_b = of_b * (u[3] - u[4]);
    g[0] = fma(of_zero, u[0], sum_a + sum_b);
    g[1] = fma(a, diff_a, b * diff_b);
    g[2] = fma(a2, sum_a, fma(b2, sum_b, u[5]));
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
    const Vec even_half = fma(4, d[2], fma(-5, d[4], d[6]));
    const Vec odd_half = fma(4, d[1], fma(-5, d[3], d[5]));
    const Vec even_1 = fma(-4.25f, d[4], d[6]) + d[2], odd_1 = fma(-4.25f, d[3], d[5]) + d[1];
    const Vec even_2 = fma(.25f, d[2], fma(-1.25f, d[4], d[6]));
    const Vec odd_2 = fma(.25f, d[1], fma(-1.25f, d[3], d[5]));
    v[0] = fma(5.25f, d[2] - d[4], d[6] - d[0]);
    v[1] = fma(.5f, odd_half, even_half), v[2] = fma(-.5f, odd_half, even_half);
    v[3] = even_1 + odd_1, v[4] = even_1 - odd_1;
    v[5] = fma(2, odd_2, even_2), v[6] = fma(-2, odd_2, even_2);
    v[7] = fma(5.25f, d[3] - d[5], d[7] - d[1]);
  }
  // A^T: eight places to the outputs.
  static SKCONV_INLINE void output(const Vec* m, Vec* y) {
    const Vec sum_half = m[1] + m[2], diff_half = m[1] - m[2];
    const Vec sum_1 = m[3] + m[4], diff_1 = m[3] - m[4];
    const Vec sum_2 = m[5] + m[6], diff_2 = m[5] - m[6];
    y[0] = m[0] + (sum_1 + (sum_half + sum_2));
    y[1] = diff_1 + fma(.5f, diff_half, 2 * diff_2);
    y[2] = sum_1 + fma(.25f, sum_half, 4 * sum_2);
    y[3] = diff_1 + fma(.125f, diff_half, 8 * diff_2);
    if constexpr (TILE == 5) y[4] = sum_1 + fma(.0625f, sum_half, 16 * sum_2);
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
    const Vec sum_1 = 20 * (u[3] + u[4]), diff_1 = 20 * (u[3] - u[4]);
    const Vec sum_2 = u[5] + u[6], diff_2 = u[5] - u[6];
    const Vec taps[] = {sum_half + sum_2, fma(.5f, diff_half, 2 * diff_2),
                        fma(.25f, sum_half, 4 * sum_2), fma(.125f, diff_half, 8 * diff_2),
                        fma(.0625f, sum_half, 16 * sum_2)};
    g[0] = fma(1 / 90.f, taps[0] - sum_1, -u[0]);
    g[1] = 1 / 90.f * (taps[1] - diff_1);
    g[2] = 1 / 90.f * (taps[2] - sum_1);
    if constexpr (Taps == 5) g[3] = 1 / 90.f * (taps[3] - diff_1);
    g[Taps - 1] = fma(1 / 90.f, taps[Taps - 1] - (Taps == 5 ? sum_1 : diff_1), u[7]);
  }

 private:
  // Of the polynomial with N coefficients y, at each of the points.
  template <int N>
  static SKCONV_INLINE void values(const Vec* y, Vec* v) {
    const Vec odd_half = fma(.25f, y[3], y[1]), odd_1 = y[1] + y[3], odd_2 = fma(4, y[3], y[1]);
    Vec even_half = fma(.25f, y[2], y[0]), even_1 = y[0] + y[2], even_2 = fma(4, y[2], y[0]);
    if constexpr (N == 5) {
      even_half = fma(.0625f, y[4], even_half);
      even_1 += y[4];
      even_2 = fma(16, y[4], even_2);
    }
    v[0] = y[0];
    v[1] = fma(.5f, odd_half, even_half), v[2] = fma(-.5f, odd_half, even_half);
    v[3] = even_1 + odd_1, v[4] = even_1 - odd_1;
    v[5] = fma(2, odd_2, even_2), v[6] = fma(-2, odd_2, even_2);
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
