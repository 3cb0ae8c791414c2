// Which convolutions and gradients Winograd's algorithm takes (winograd.h): a rule on the shape
// of a layer alone. Batch, threads and instruction set must not matter, or a sample's prediction
// would depend on them.
#pragma once

#include <algorithm>

#include "kernels.h"

namespace skconv {

// Whether the algorithm can compute it.
inline bool winograd_fits(const Slide& s) {
  return s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1 && s.groups == 1;
}

// How many taps of the `output` windows fall on an axis of `size` pixels, of three each.
inline double taps_on_image(int size, int output, int padding) {
  double taps = 0;
  for (int tap = 0; tap < 3; tap++)
    taps += std::max(0, std::min(output, size + padding - tap) - std::max(0, padding - tap));
  return taps;
}

// What it multiplies: 36 times for each tile of 4 x 4 pixels; the last tiles of a row and a column
// may be filled in part. The transforms of each channel and each filter of a tile take as long as
// 12 more multiplications at each place. `h` x `w` pixels are cut into tiles: those of y, or of dx
// for the gradient in the input.
inline double winograd_products(const Slide& s, int h, int w) {
  const double places = 36.0 * ((h + 3) / 4) * ((w + 3) / 4), c = s.c, f = s.f;
  return places * (c * f + 12 * (c + f));
}

// Whether it is faster, which it is if it multiplies less. The direct kernels multiply each tap
// that falls on the image. Fewer than 16 channels or filters leave vectors empty.
inline bool winograd_pays(const Slide& s, int h, int w) {
  const double taps = taps_on_image(s.h, s.oh, s.top) * taps_on_image(s.w, s.ow, s.left);
  return winograd_fits(s) && s.c >= 16 && s.f >= 16 &&
         taps * s.c * s.f >= winograd_products(s, h, w);
}

}  // namespace skconv
