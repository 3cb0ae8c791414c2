// Vectors of floats, by GCC's and Clang's vector extensions: no intrinsics but for fma, so that
// one source serves every instruction set. Part of kernels.cpp, which is compiled once for
// each of them, within a namespace of its own: a function that two builds shared could be
// linked in the build for the larger instruction set and crash on a smaller machine. For
// the same reason nothing here uses the standard library's templates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__FMA__) || defined(__aarch64__)
#define SKCONV_HAS_FMA
#endif
#if defined(__aarch64__) && !defined(__clang__)
#include <arm_neon.h>
#endif
#define SKCONV_INLINE inline __attribute__((always_inline))
#ifdef __clang__
#define SKCONV_ONE_COPY inline __attribute__((noinline))
#else
#define SKCONV_ONE_COPY inline __attribute__((noinline, noclone))
#endif

namespace skconv::SKCONV_ISA {

constexpr int LANES = SKCONV_LANES;  // of the widest vector: 16, 8 or 4

template <int L>
struct Lanes {
  typedef float Floats __attribute__((vector_size(4 * L), aligned(4), may_alias));
  typedef int32_t Ints __attribute__((vector_size(4 * L), aligned(4), may_alias));
};
template <int L>
using Floats = typename Lanes<L>::Floats;
template <int L>
using Ints = typename Lanes<L>::Ints;

constexpr int min(int a, int b) { return a < b ? a : b; }
constexpr ptrdiff_t min64(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
constexpr int max(int a, int b) { return a > b ? a : b; }
constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

// body(0) ... body(N - 1), spelled out: an array that is indexed by constants alone lives in
// registers. The body has to be SKCONV_INLINE_BODY.
#define SKCONV_INLINE_BODY __attribute__((always_inline))
template <int N, class Body>
SKCONV_INLINE void unrolled(const Body& body) {
  if constexpr (N > 0) {
    unrolled<N - 1>(body);
    body(N - 1);
  }
}

template <int L>
SKCONV_INLINE Floats<L> load(const float* p) {
  return *(const Floats<L>*)p;
}

template <int L>
SKCONV_INLINE void store(float* p, Floats<L> v) {
  *(Floats<L>*)p = v;
}

// Ask for the cache line at p, long before it is needed. The processor does so by itself where an
// array is read in order, but not beyond the end of its page (4 KB), and late. No address is wrong.
SKCONV_INLINE void fetch(const float* p) { __builtin_prefetch(p); }

// Floats that a pass over arrays asks for ahead. Flat from 256 to 1024.
constexpr int AHEAD = 512;

// load and store in a pass from an array's first number to its last.
template <int L>
SKCONV_INLINE Floats<L> load_next(const float* p) {
  fetch(p + AHEAD);
  return load<L>(p);
}

template <int L>
SKCONV_INLINE void store_next(float* p, Floats<L> v) {
  fetch(p + AHEAD);
  store<L>(p, v);
}

template <int L>
SKCONV_INLINE Floats<L> broadcast(float a) {
  return a - Floats<L>{};
}

// Copy the first n of L, 0 < n <= L. Halves and quarters rather than one by one: two or three
// well predicted branches.
template <int L, class T>
SKCONV_INLINE void copy_part(T* dst, const T* src, int n) {
  if constexpr (L == 1) {
    *dst = *src;  // GCOVR_EXCL_LINE - only where all L are copied, which no caller needs
  } else {
    constexpr int half = L / 2;
    if (n >= half) {
      std::memcpy(dst, src, half * sizeof(T));
      if (n > half) copy_part<half>(dst + half, src + half, n - half);
    } else {
      copy_part<half>(dst, src, n);
    }
  }
}

// The first n lanes, and zeros.
template <int L>
SKCONV_INLINE Floats<L> load_part(const float* p, int n) {
  float lanes[L] = {};
  if (n > 0) copy_part<L>(lanes, p, min(n, L));
  return load<L>(lanes);
}

template <int L>
SKCONV_INLINE Floats<L> load(const float* p, int n) {
  return n >= L ? load<L>(p) : load_part<L>(p, n);
}

template <int L>
SKCONV_INLINE Floats<L> load_next(const float* p, int n) {
  fetch(p + AHEAD);
  return load<L>(p, n);
}

template <int L>
SKCONV_INLINE void store(float* p, Floats<L> v, int n) {
  if (n >= L) return store<L>(p, v);
  if (n <= 0) return;
  float lanes[L];
  store<L>(lanes, v);
  copy_part<L>(p, (const float*)lanes, n);
}

// a * b + c, rounded once where the set has an instruction for it, and else twice. No other product
// is fused with a sum: the kernels are compiled with -ffp-contract=off, or each compiler would
// choose which ones, and fits would have the bits of a compiler.
template <int L = LANES>
SKCONV_INLINE Floats<L> fma(Floats<L> a, Floats<L> b, Floats<L> c) {
#ifndef SKCONV_HAS_FMA
  return a * b + c;
#elif __has_builtin(__builtin_elementwise_fma)
  return __builtin_elementwise_fma(a, b, c);
#elif defined(__clang__)  // before version 17
  Floats<L> sum;
  for (int i = 0; i < L; i++) sum[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return sum;
#elif defined(__aarch64__)
  return vfmaq_f32(c, a, b);
#else
#ifdef __AVX512F__
  if constexpr (L == 16) return __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4);
  else
#endif
  if constexpr (L == 8) return __builtin_ia32_vfmaddps256(a, b, c);
  else if constexpr (L == 4) return __builtin_ia32_vfmaddps(a, b, c);
  else {  // the emulated AVX-512
    Floats<L> sum;
    for (int i = 0; i < L; i += L / 2)
      store<L / 2>((float*)&sum + i, fma<L / 2>(load<L / 2>((float*)&a + i),
                                               load<L / 2>((float*)&b + i),
                                               load<L / 2>((float*)&c + i)));
    return sum;
  }
#endif
}

template <int L = LANES>
SKCONV_INLINE Floats<L> fma(float a, Floats<L> b, Floats<L> c) {
  return fma<L>(broadcast<L>(a), b, c);
}

SKCONV_INLINE float fma(float a, float b, float c) {
#ifdef SKCONV_HAS_FMA
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

SKCONV_INLINE double fma(double a, double b, double c) {
#ifdef SKCONV_HAS_FMA
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

// exp of numbers up to 88, and NaN: no op needs more, and those above have exp(88).
//
// Where x is below the logarithm of the smallest number that is not denormal, exp(x) is 0: 2^n
// is 0 from -87.7 on, and results of the range before that are flushed.
//
// exp(x) = 2^n (1 + p) and expm1(x) = 2^n p + (2^n - 1), with x = n ln(2) + r, exp(r) = 1 + p
// and |r| <= ln(2) / 2: the second keeps its digits where x is small. p = r + r^2 q(r) has Taylor's
// first terms, and three that make the largest error of all of them smallest: below 1e-9. With
// Taylor's, rounding would cost exp a little more than a unit in the last place.
template <int L>
struct Exponential {
  Floats<L> power, p;

  SKCONV_INLINE explicit Exponential(Floats<L> x) {
    x = x < 88.0f ? x : broadcast<L>(88.0f);  // a NaN becomes 88: see keep_nan
    x = x > -88.0f ? x : broadcast<L>(-88.0f);  // n = -127 makes 2^n 0
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    Floats<L> n = fma<L>(1.44269504f, x, broadcast<L>(magic)) - magic;
    Floats<L> r = fma<L>(-0.693359375f, n, x);
    r = fma<L>(2.12194440e-4f, n, r);
    Floats<L> q = fma<L>(1.967373e-4f, r, broadcast<L>(1.3916407e-3f));
    q = fma<L>(r, q, broadcast<L>(8.333548e-3f));
    q = fma<L>(r, q, broadcast<L>(1.0f / 24));
    q = fma<L>(r, q, broadcast<L>(1.0f / 6));
    q = fma<L>(r, q, broadcast<L>(0.5f));
    p = fma<L>(r * r, q, r);
    Ints<L> exponent = (__builtin_convertvector(n, Ints<L>) + 127) << 23;
    power = (Floats<L>)exponent;
  }
};

template <int L>
SKCONV_INLINE Floats<L> keep_nan(Floats<L> x, Floats<L> y) {
  return x == x ? y : x;
}

template <int L>
SKCONV_INLINE Floats<L> exp(Floats<L> x) {
  Exponential<L> e(x);
#ifdef SKCONV_HAS_FMA
  return keep_nan<L>(x, fma<L>(e.power, e.p, e.power));
#else
  return keep_nan<L>(x, e.power * (1.0f + e.p));  // power * p alone may be flushed
#endif
}

template <int L>
SKCONV_INLINE Floats<L> expm1(Floats<L> x) {
  Exponential<L> e(x);
  return keep_nan<L>(x, fma<L>(e.power, e.p, e.power - 1.0f));
}

}  // namespace skconv::SKCONV_ISA
