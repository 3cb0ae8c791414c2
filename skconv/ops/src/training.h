// The parts of a training step besides layers: a minibatch, the loss, Adam, bias gradients.
#pragma once

#include "activations.h"
#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

template <class T>
inline void gather_rows(const T* x, const int64_t* rows, ptrdiff_t n, ptrdiff_t features,
                        float* out) {
  const int each = int(RUN / (features < RUN ? features : RUN)) + 1;
  parallel(int((n + each - 1) / each), 4.0 * n * features, [&](int task) {
    const ptrdiff_t start = ptrdiff_t(task) * each;
    for (ptrdiff_t i = start; i < n && i < start + each; i++) {
      const T* __restrict src = x + rows[i] * features;
      float* __restrict dst = out + i * features;
      for (ptrdiff_t j = 0; j < features; j++) dst[j] = float(src[j]);
    }
  });
}

// out[i] = x[rows[i]], as float32.
inline void gather(const void* x, Element element, const int64_t* rows, ptrdiff_t n,
                   ptrdiff_t features, float* out) {
  switch (element) {
    case Element::uint8: return gather_rows((const uint8_t*)x, rows, n, features, out);
    case Element::int32: return gather_rows((const int32_t*)x, rows, n, features, out);
    case Element::int64: return gather_rows((const int64_t*)x, rows, n, features, out);
    case Element::float32: return gather_rows((const float*)x, rows, n, features, out);
    default: return gather_rows((const double*)x, rows, n, features, out);
  }
}

// db[f] = sum over rows of dz[row, f], in 16 shares of rows at most that are added in order.
inline void column_sums(const float* dz, ptrdiff_t rows, int columns, float* db) {
  const int shares = int(rows < 1024 ? 1 : rows / 512 < 16 ? rows / 512 : 16);
  float* partial = (float*)scratch(Scratch::partial, sizeof(float) * shares * columns);
  parallel(shares, 4.0 * rows * columns, [&](int share) {
    float* __restrict sum = partial + ptrdiff_t(share) * columns;
    std::memset(sum, 0, sizeof(float) * columns);
    const ptrdiff_t stop = rows * (share + 1) / shares;
    for (ptrdiff_t r = rows * share / shares; r < stop; r++) {
      const float* __restrict row = dz + r * columns;
      for (int f = 0; f < columns; f++) sum[f] += row[f];
    }
  });
  std::memcpy(db, partial, sizeof(float) * columns);
  for (int share = 1; share < shares; share++)
    for (int f = 0; f < columns; f++) db[f] += partial[ptrdiff_t(share) * columns + f];
}

// d = exp(z - largest) for a row of logits; returns the largest, and the sum of d.
struct Exponentials {
  float largest, total;
};
SKCONV_INLINE Exponentials exponentials(const float* z, int k, float* d) {
  constexpr int L = LANES;
  float largest = z[0];
  for (int j = 1; j < k; j++) largest = z[j] > largest || z[j] != z[j] ? z[j] : largest;
  for (int j = 0; j < k; j += L) {
    const int filled = min(L, k - j);
    store<L>(d + j, exp<L>(load<L>(z + j, filled) - largest), filled);
  }
  float total = 0;
  for (int j = 0; j < k; j++) total += d[j];
  return {largest, total};
}

// The logarithm of a number that is at least 1, or NaN. A library's differs in the last bit from
// system to system, and its errors are as large: below one unit there. Sun's fdlibm, e_log.c.
inline double log(double x) {
  constexpr double LN2_HIGH = 6.93147180369123816490e-01, LN2_LOW = 1.90821492927058770002e-10;
  if (x != x) return x;
  int64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  // x = 2^k (1 + f), with 1 + f between sqrt(1/2) and sqrt(2)
  const int64_t shifted = bits + (int64_t(0x95f64) << 32);
  const int64_t k = (shifted >> 52) - 1023;
  bits -= k << 52;
  double f;
  std::memcpy(&f, &bits, sizeof f);
  f -= 1;
  const double s = f / (2 + f), z = s * s, w = z * z;
  const double even =
      w * fma(w, fma(w, 1.531383769920937332e-01, 2.222219843214978396e-01),
              3.999999999940941908e-01);
  const double odd =
      fma(w, fma(w, fma(w, 1.479819860511658591e-01, 1.818357216161805012e-01),
                 2.857142874366239149e-01), 6.666666666666735130e-01);
  const double sum = fma(z, odd, fma(0.5 * f, f, even));
  const double low = fma(s, sum, double(k) * LN2_LOW);
  return fma(double(k), LN2_HIGH, -(fma(0.5 * f, f, -low) - f));
}

// exp and log of each number: for the tests, which try all of them.
inline void exp_values(const float* x, ptrdiff_t size, float* y) {
  constexpr int L = LANES;
  for (ptrdiff_t i = 0; i < size; i += L) {
    const int filled = int(min64(L, size - i));
    store<L>(y + i, exp<L>(load<L>(x + i, filled)), filled);
  }
}

inline void log_values(const float* x, ptrdiff_t size, double* y) {
  for (ptrdiff_t i = 0; i < size; i++) y[i] = log(double(x[i]));
}

// Sum of -log softmax(logits)[codes] weight, and dlogits = (softmax - onehot) weight / n;
// smoothing shares a part of the onehot evenly among all k. On one thread: logits are few.
inline double softmax_cross_entropy(const float* logits, const int64_t* codes,
                                    const float* weights, float smoothing, int n, int k,
                                    float* dlogits) {
  double loss = 0;
  for (ptrdiff_t i = 0; i < n; i++) {
    const float* z = logits + i * k;
    float* d = dlogits + i * k;
    const auto [largest, total] = exponentials(z, k, d);
    const float w = weights ? weights[i] : 1.0f;
    const float share = w / float(n);
    for (int j = 0; j < k; j++) d[j] = d[j] / total * share;
    d[codes[i]] -= share;
    loss = fma(double(w), log(double(total)) - double(z[codes[i]] - largest), loss);
    if (smoothing) {
      double sum = 0;
      for (int j = 0; j < k; j++) sum += z[j];
      const float even = share * (smoothing / float(k));
      for (int j = 0; j < k; j++) d[j] -= even;
      d[codes[i]] = fma(share, smoothing, d[codes[i]]);
      loss = fma(double(w) * smoothing, double(z[codes[i]]) - sum / k, loss);
    }
  }
  return loss;
}

// The same of targets that are probabilities (n, k): sum of -targets log softmax(logits) weight,
// and dlogits = (sum of targets * softmax - targets) weight / n.
inline double soft_cross_entropy(const float* logits, const float* targets, const float* weights,
                                 float smoothing, int n, int k, float* dlogits) {
  double loss = 0;
  for (ptrdiff_t i = 0; i < n; i++) {
    const float* z = logits + i * k;
    const float* t = targets + i * k;
    float* d = dlogits + i * k;
    const auto [largest, total] = exponentials(z, k, d);
    float sum = 0;
    for (int j = 0; j < k; j++) sum += t[j];
    const float w = weights ? weights[i] : 1.0f;
    const float share = w / float(n), even = sum / float(k), part = sum / total;
    const double log_total = log(double(total));
    double row = 0;
    for (int j = 0; j < k; j++) {
      const float target = fma(smoothing, even - t[j], t[j]);
      row = fma(double(target), log_total - double(z[j] - largest), row);
      d[j] = fma(d[j], part, -target) * share;
    }
    loss = fma(double(w), row, loss);
  }
  return loss;
}

// moment + share * (a * b - moment), by which a moment without a gradient ends at 0. Rounded in
// two steps, share * moment would be flushed before the moment is that small.
SKCONV_INLINE float decayed(float moment, float a, float b, float share) {
#ifdef SKCONV_HAS_FMA
  return fma(share, fma(a, b, -moment), moment);
#else
  return moment * (1.0f - share) + share * (a * b);
#endif
}

// Kingma & Ba's step with decoupled decay; see adam_step in reference/training.py.
inline void adam_step(float* parameters, float* moment_1, float* moment_2,
                      const float* gradient, const float* decay, ptrdiff_t size,
                      const AdamRates& rates) {
  const AdamRates r = rates;
  parallel_runs(size, 16, [&](ptrdiff_t start, ptrdiff_t length) {
    float* __restrict w = parameters + start;
    const float* __restrict g = gradient + start;
    float* __restrict m = moment_1 + start;
    float* __restrict v = moment_2 + start;
    if (decay) {
      const float* __restrict d = decay + start;
      for (ptrdiff_t i = 0; i < length; i++) w[i] = fma(-(r.learning_rate * d[i]), w[i], w[i]);
    }
    for (ptrdiff_t i = 0; i < length; i++) {
      m[i] = decayed(m[i], g[i], 1, r.new_1);
      v[i] = decayed(v[i], g[i], g[i], r.new_2);
      w[i] -= r.rate * m[i] / (__builtin_sqrtf(v[i]) + r.epsilon);
    }
  });
}

}  // namespace skconv::SKCONV_ISA
