// Small faults in C++, each of which a number turns on as the program runs: one build has them
// all. kernels.py writes them into a copy of the kernels, in front of each source.
//
// `a + b` becomes `a + Plus<7>{} + b`. The first + takes a, the second computes a - b where
// fault 7 is on: precedence and types stay those of +. Faults in constants are none.
#pragma once

#include <type_traits>

namespace skconv_mutants {

extern int active;               // the fault that is on, or -1
extern unsigned char reached[];  // those that the program came by
extern unsigned char known[];    // those that compile

// Each fault that an instantiation has is known before main.
template <int I>
struct Known {
  static inline const bool noted = known[I] = 1;
};

template <int I>
constexpr bool on() {
  if (std::is_constant_evaluated()) return false;
  (void)&Known<I>::noted;
  reached[I] = 1;
  return active == I;
}

template <class A, template <int> class Fault, int I>
struct Left {
  A value;
};

// A number beside a vector: as one of its elements. A constant would be one by itself.
template <class Other, class A>
constexpr auto beside(A a) {
  if constexpr (std::is_arithmetic_v<A> && !std::is_pointer_v<Other> &&
                requires(Other other) { other[0] + a; })
    return std::remove_cvref_t<decltype(Other{}[0])>(a);
  else
    return a;
}

// Name, operator, the one in its place.
#define SKCONV_OPERATOR_FAULT(Name, OP, OTHER)                             \
  template <int I>                                                         \
  struct Name {};                                                          \
  template <class A, int I>                                                \
  __attribute__((always_inline)) constexpr Left<A, Name, I> operator OP(   \
      A a, Name<I>) {                                                      \
    return {a};                                                            \
  }                                                                        \
  template <class A, int I, class B>                                       \
  __attribute__((always_inline)) constexpr auto operator OP(               \
      Left<A, Name, I> left, B b)                                          \
      ->decltype(beside<B>(left.value) OP beside<A>(b)) {                  \
    const auto a_ = beside<B>(left.value);                                 \
    const auto b_ = beside<A>(b);                                          \
    using Result = decltype(a_ OP b_);                                     \
    if constexpr (requires { Result(a_ OTHER b_); })                       \
      if (on<I>()) return Result(a_ OTHER b_);                             \
    return a_ OP b_;                                                       \
  }

SKCONV_OPERATOR_FAULT(Plus, +, -)
SKCONV_OPERATOR_FAULT(Minus, -, +)
SKCONV_OPERATOR_FAULT(Times, *, +)
SKCONV_OPERATOR_FAULT(Over, /, *)
SKCONV_OPERATOR_FAULT(Modulo, %, *)
SKCONV_OPERATOR_FAULT(Less, <, <=)
SKCONV_OPERATOR_FAULT(LessOrEqual, <=, <)
SKCONV_OPERATOR_FAULT(Greater, >, >=)
SKCONV_OPERATOR_FAULT(GreaterOrEqual, >=, >)
SKCONV_OPERATOR_FAULT(Equal, ==, !=)
SKCONV_OPERATOR_FAULT(NotEqual, !=, ==)

// `a += b` becomes `a += Negated<7>{} = b`.
template <int I>
struct Negated {
  template <class B>
  __attribute__((always_inline)) constexpr B operator=(B b) const {
    if (on<I>()) return B(-b);
    return b;
  }
};

// A number, or one more.
template <int I, class A>
constexpr A number(A a) {
  return on<I>() ? A(a + 1) : a;
}

// `if (a)` becomes `if (Opposite<7>{} = a)`.
template <int I>
struct Opposite {
  template <class B>
  __attribute__((always_inline)) constexpr bool operator=(const B& b) const {
    return on<I>() ? !bool(b) : bool(b);
  }
};

// Whether a statement runs.
template <int I>
constexpr bool runs() {
  return !on<I>();
}

}  // namespace skconv_mutants
