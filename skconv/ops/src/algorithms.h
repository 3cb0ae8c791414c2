// Which algorithm computes a convolution, or a gradient of one: rules on the shape of a layer
// alone, as in winograd_rule.h. All constants are measured times of layers of small nets.
#pragma once

#include <initializer_list>
#include <optional>

#include "kernels.h"
#include "winograd_rule.h"

namespace skconv {

inline bool at_stride_1(const Slide& s) { return s.stride_h == 1 && s.stride_w == 1; }

// A run of thin.h has the kernel's columns less one between rows, and its last vectors are empty
// in part.
inline double thin_places(const Slide& s) {
  const int line = s.ow + (s.kw - 1) * s.dilation_w;
  return std::max((s.oh - 1.0) * line + s.ow + 32, 128.0);
}

inline bool thin_pays(const Slide& s) {
  return s.f <= 6 && thin_places(s) < 1.4 * s.oh * s.ow;
}

// kept.h needs a row's taps side by side, and an image of dx that stays in cache.
inline bool kept_fits(const Slide& s) { return s.dilation_w == 1 && s.groups == 1; }

// Products of numbers that a pool keeps with their windows.
inline double kept_products(const Slide& s, Pool pool) {
  return double(s.oh / pool.h) * (s.ow / pool.w) * s.kh * s.kw * s.c * s.f;
}

inline bool kept_pays(const Slide& s, Pool pool) {
  return kept_fits(s) && pool.pixels() >= 4;
}

inline bool kept_kernel_pays(const Slide& s, Pool pool) {
  if (winograd_pays(s, s.oh, s.ow))
    return kept_pays(s, pool) && winograd_products(s, s.oh, s.ow) >= 1.8 * kept_products(s, pool);
  return kept_pays(s, pool) && s.kh * s.kw * s.c >= 24;
}

inline bool kept_input_pays(const Slide& s, Pool pool) {
  if (winograd_pays(s, s.h, s.w) &&
      winograd_products(s, s.h, s.w) < 2.2 * kept_products(s, pool))
    return false;
  return kept_pays(s, pool) && double(s.h) * s.w * s.c <= 1 << 18;
}

// For tests: algorithms to use wherever they can be used, or nowhere, against the rules.
inline std::optional<bool> wanted[4];

struct Candidate {
  Algorithm algorithm;
  bool fits, pays;
};

// The first that is wanted, else the first that pays.
inline Algorithm choose(std::initializer_list<Candidate> candidates) {
  for (const Candidate& c : candidates)
    if (c.fits && wanted[int(c.algorithm)] == true) return c.algorithm;
  for (const Candidate& c : candidates)
    if (c.pays && !wanted[int(c.algorithm)]) return c.algorithm;
  return Algorithm::direct;
}

inline Algorithm forward_algorithm(const Slide& s) {
  const bool thin_fits = at_stride_1(s) && s.groups == 1;
  return choose({{Algorithm::winograd, winograd_fits(s), winograd_pays(s, s.oh, s.ow)},
                 {Algorithm::thin, thin_fits, thin_fits && thin_pays(s)}});
}

inline Algorithm grad_kernel_algorithm(const Slide& s, Pool pool) {
  return choose({{Algorithm::kept, kept_fits(s), kept_kernel_pays(s, pool)},
                 {Algorithm::winograd, winograd_fits(s), winograd_pays(s, s.oh, s.ow)}});
}

inline Algorithm grad_input_algorithm(const Slide& s, Pool pool) {
  return choose({{Algorithm::kept, kept_fits(s), kept_input_pays(s, pool)},
                 {Algorithm::winograd, winograd_fits(s), winograd_pays(s, s.h, s.w)}});
}

}  // namespace skconv
