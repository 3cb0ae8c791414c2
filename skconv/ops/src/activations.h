// Activations whose derivatives can be computed from their output, and these derivatives.
#pragma once

#include "kernels.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

constexpr float LEAKY_RELU_SLOPE = 0.2f;

template <int L, Activation A>
SKCONV_INLINE Floats<L> apply(Floats<L> z) {
  const Floats<L> zero = {};
  switch (A) {
    case Activation::relu: return z < 0.0f ? zero : z;  // a NaN stays one
    case Activation::leaky_relu: return z < 0.0f ? LEAKY_RELU_SLOPE * z : z;
    case Activation::elu: return z < 0.0f ? expm1<L>(z) : z;
    case Activation::tanh: {
      const Floats<L> e = expm1<L>(2.0f * z);
      return e / (e + 2.0f);
    }
    case Activation::logistic: return 1.0f / (1.0f + exp<L>(-z));
    default: return z;
  }
}

// 1 - y^2 and y (1 - y), which are small near y = 1: rounded once, or as products whose
// factors keep their digits there.
template <int L>
SKCONV_INLINE Floats<L> tanh_slope(Floats<L> y) {
#ifdef SKCONV_HAS_FMA
  return fma<L>(-y, y, broadcast<L>(1.0f));
#else
  return (1.0f - y) * (1.0f + y);
#endif
}

template <int L>
SKCONV_INLINE Floats<L> logistic_slope(Floats<L> y) {
#ifdef SKCONV_HAS_FMA
  return fma<L>(-y, y, y);
#else
  return y * (1.0f - y);
#endif
}

// dz from dy and y.
template <int L, Activation A>
SKCONV_INLINE Floats<L> activation_grad(Floats<L> dy, Floats<L> y) {
  const Floats<L> zero = {};
  switch (A) {
    case Activation::relu: return y > 0.0f ? dy : zero;
    case Activation::leaky_relu: return y > 0.0f ? dy : LEAKY_RELU_SLOPE * dy;
    case Activation::elu: return y > 0.0f ? dy : dy * (y + 1.0f);
    case Activation::tanh: return dy * tanh_slope<L>(y);
    case Activation::logistic: return dy * logistic_slope<L>(y);
    default: return dy;
  }
}

// Call body(the activation as a type's constant): it is looked up once, outside of the loops.
template <Activation A>
struct ActivationTag {
  static constexpr Activation activation = A;
};

template <class Body>
SKCONV_INLINE void with_activation(Activation activation, Body body) {
  switch (activation) {
    case Activation::identity: return body(ActivationTag<Activation::identity>());
    case Activation::relu: return body(ActivationTag<Activation::relu>());
    case Activation::leaky_relu: return body(ActivationTag<Activation::leaky_relu>());
    case Activation::elu: return body(ActivationTag<Activation::elu>());
    case Activation::tanh: return body(ActivationTag<Activation::tanh>());
    case Activation::logistic: return body(ActivationTag<Activation::logistic>());
  }
}

// The same of a gradient, and whether it comes back through a pool.
template <bool Value>
struct Flag {
  static constexpr bool value = Value;
};

template <class Body>
SKCONV_INLINE void with_gradient(const Gradient& g, Body body) {
  with_activation(g.activation, [&](auto tag) {
    g.places ? body(tag, Flag<true>()) : body(tag, Flag<false>());
  });
}

// What an activation is applied to. Those that only choose or copy would give a denormal number
// back, and ReLU one below 0, as it compares as 0: the sum makes it 0.
template <int L, Activation A>
SKCONV_INLINE Floats<L> flushed(Floats<L> z) {
  switch (A) {
    case Activation::relu:
    case Activation::leaky_relu:
    case Activation::elu: return z + 0.0f;
    default: return z;
  }
}

// y = activation(z) for a run of numbers; y may be z.
inline void activate_run(const float* z, ptrdiff_t size, Activation activation, float* y) {
  constexpr int L = LANES;
  with_activation(activation, [&](auto tag) {
    constexpr Activation A = decltype(tag)::activation;
    ptrdiff_t i = 0;
    for (; i + L <= size; i += L)
      store_next<L>(y + i, apply<L, A>(flushed<L, A>(load_next<L>(z + i))));
    if (i < size) {
      const int left = int(size - i);
      store<L>(y + i, apply<L, A>(flushed<L, A>(load<L>(z + i, left))), left);
    }
  });
}

// dz for a run of numbers.
template <Activation A>
inline void activation_grad_run(const float* dy, const float* y, ptrdiff_t size, float* dz) {
  constexpr int L = LANES;
  if constexpr (A == Activation::identity) {
    std::memcpy(dz, dy, size * sizeof(float));
  } else {
    ptrdiff_t i = 0;
    for (; i + L <= size; i += L)
      store_next<L>(dz + i,
                    activation_grad<L, A>(load_next<L>(dy + i), load_next<L>(y + i)));
    if (i < size) {
      const int left = int(size - i);
      store<L>(dz + i, activation_grad<L, A>(load<L>(dy + i, left), load<L>(y + i, left)), left);
    }
  }
}

// dz[0] ... dz[size - 1] of the part that begins at `from`.
inline void activation_grad_run(const Gradient& g, ptrdiff_t from, ptrdiff_t size, float* dz) {
  with_activation(g.activation, [&](auto tag) {
    activation_grad_run<decltype(tag)::activation>(g.dy + from, g.y + from, size, dz);
  });
}

// Numbers that a task of an elementwise op takes: 32 KB, a first-level cache.
constexpr ptrdiff_t RUN = 8192;

template <class Body>
inline void parallel_runs(ptrdiff_t size, double flops_each, Body body) {
  const int tasks = int((size + RUN - 1) / RUN);
  parallel(tasks, flops_each * size, [&](int task) {
    const ptrdiff_t start = task * RUN;
    body(start, size - start < RUN ? size - start : RUN);
  });
}

// Add `shares` runs of `size` numbers, one after the other, to the sum, in order.
inline void add_shares(const float* more, int shares, ptrdiff_t size, float* sum) {
  if (shares == 0) return;
  parallel_runs(size, shares, [&](ptrdiff_t start, ptrdiff_t length) {
    for (int share = 0; share < shares; share++)
      for (ptrdiff_t i = start; i < start + length; i++) sum[i] += more[share * size + i];
  });
}

inline void activate(const float* z, ptrdiff_t size, Activation activation, float* y) {
  parallel_runs(size, 8, [&](ptrdiff_t start, ptrdiff_t length) {
    activate_run(z + start, length, activation, y + start);
  });
}

// y = activation(a + b)
inline void add(const float* a, const float* b, ptrdiff_t size, Activation activation, float* y) {
  constexpr int L = LANES;
  with_activation(activation, [&](auto tag) {
    constexpr Activation A = decltype(tag)::activation;
    parallel_runs(size, 8, [&](ptrdiff_t start, ptrdiff_t length) {
      const ptrdiff_t stop = start + length;
      ptrdiff_t i = start;
      for (; i + L <= stop; i += L)
        store_next<L>(y + i, apply<L, A>(load_next<L>(a + i) + load_next<L>(b + i)));
      if (i == stop) return;
      const int left = int(stop - i);
      store<L>(y + i, apply<L, A>(load<L>(a + i, left) + load<L>(b + i, left)), left);
    });
  });
}

inline void activate_grad(const Gradient& g, float* dz) {
  parallel_runs(g.size, 8, [&](ptrdiff_t start, ptrdiff_t length) {
    activation_grad_run(g, start, length, dz + start);
  });
}

}  // namespace skconv::SKCONV_ISA
