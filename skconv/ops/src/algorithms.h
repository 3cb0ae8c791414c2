// Which algorithm computes a convolution, or a gradient of one: rules on the shape of a layer
// alone, as in winograd_rule.h. All constants are measured times of layers of small nets.
#pragma once

#include <initializer_list>
#include <optional>
#include <utility>

#include "kernels.h"
#include "winograd_rule.h"

namespace skconv {

// Images and a kernel of one column are one row in memory, along which kernels are fast. `oh` and
// `ow` count all windows, s.oh and s.ow those that the pool takes.
inline void turn_column(Slide& s, Pool& pool, int& oh, int& ow) {
  if (s.w != 1 || s.ow != 1 || s.kw != 1 || s.left) return;
  std::swap(s.h, s.w);
  std::swap(s.oh, s.ow);
  std::swap(s.kh, s.kw);
  std::swap(s.top, s.left);
  s.stride_w = s.stride_h, s.dilation_w = s.dilation_h;
  s.stride_h = s.dilation_h = 1;
  std::swap(oh, ow);
  std::swap(pool.h, pool.w);
}

inline bool at_stride_1(const Slide& s) { return s.stride_h == 1 && s.stride_w == 1; }

inline bool thin_fits(const Slide& s) { return at_stride_1(s) && s.groups == 1; }

// thin.h: six filters leave half of a vector empty that eight or sixteen fill. It computes what
// lies between the rows of its run, and at least a tile of vectors, for nothing; and takes x apart
// to planes, which too few taps do not pay for. Its pools are faster than those of a few channels:
// after a small kernel that decides. With a pool and without one the bits are those of product.h.
inline bool thin_pays(const Slide& s, Pool pool) {
  const double line = s.ow + (s.kw - 1.0) * s.dilation_w;
  const double places = std::max((s.oh - 1) * line + s.ow + 32, 128.0);
  const bool pools = pool.pixels() > 1 && s.kh * s.kw * s.c <= 32;
  return thin_fits(s) && s.kh * s.kw >= 3 && s.f <= (pools ? 12 : 6) &&
         places < 1.4 * s.oh * s.ow;
}

// kept.h needs a row's taps side by side.
inline bool kept_fits(const Slide& s, Pool pool) {
  return s.dilation_w == 1 && s.groups == 1 && pool.pixels() > 1;
}

// Its products: of the numbers that the pool kept, with their windows.
inline double kept_products(const Slide& s, Pool pool) {
  return double(s.oh / pool.h) * (s.ow / pool.w) * s.kh * s.kw * s.c * s.f;
}

// Against product.h: a pool of four pixels or more saves enough. Against winograd.h: its products
// are cheaper, as they need fewer loads, and the transforms' part is counted already.
inline bool kept_pays(const Slide& s, Pool pool, int h, int w, double per_winograd) {
  return kept_fits(s, pool) && pool.pixels() >= 4 &&
         (!winograd_pays(s, h, w) ||
          winograd_products(s, h, w) >= per_winograd * kept_products(s, pool));
}

// A list of numbers is made for each filter, which small windows do not pay for.
inline bool kept_kernel_pays(const Slide& s, Pool pool) {
  return kept_pays(s, pool, s.oh, s.ow, 1.8) && s.kh * s.kw * s.c >= 24;
}

// dx of an image, with room around it, is summed up in memory of a thread: 1 MB at most.
inline bool kept_input_pays(const Slide& s, Pool pool) {
  const double rows = (s.oh - 1.0) * s.stride_h + (s.kh - 1.0) * s.dilation_h + 1;
  const double columns = (s.ow - 1.0) * s.stride_w + s.kw;
  return kept_pays(s, pool, s.h, s.w, 2.1) && rows * columns * s.c <= 1 << 18;
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

inline Algorithm forward_algorithm(const Slide& s, Pool pool) {
  return choose({{Algorithm::winograd, winograd_fits(s), winograd_pays(s, s.oh, s.ow)},
                 {Algorithm::thin, thin_fits(s), thin_pays(s, pool)}});
}

inline Algorithm grad_kernel_algorithm(const Slide& s, Pool pool) {
  return choose({{Algorithm::kept, kept_fits(s, pool), kept_kernel_pays(s, pool)},
                 {Algorithm::winograd, winograd_fits(s), winograd_pays(s, s.oh, s.ow)}});
}

inline Algorithm grad_input_algorithm(const Slide& s, Pool pool) {
  return choose({{Algorithm::kept, kept_fits(s, pool), kept_input_pays(s, pool)},
                 {Algorithm::winograd, winograd_fits(s), winograd_pays(s, s.h, s.w)}});
}

}  // namespace skconv
